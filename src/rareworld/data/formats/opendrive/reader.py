"""OpenDRIVE to `RoadMap`.

Source: ASAM OpenDRIVE 1.4 to 1.8. Proved against closed forms on hand-written maps, and against
CARLA's own reader on its towns, in `tests/data/formats/opendrive/`. What is read and what is not:
`docs/reference/opendrive.md`.
"""

import re
from pathlib import Path

import numpy as np

from rareworld.core.road import Junction, Lane, LaneKind, RoadMap
from rareworld.data.formats.opendrive.build import SampledRoad, build_lanes
from rareworld.data.formats.opendrive.hull import convex_hull
from rareworld.data.formats.opendrive.links import link_lanes
from rareworld.data.formats.opendrive.markings import read_markings
from rareworld.data.formats.opendrive.node import Node, parse_root
from rareworld.data.formats.opendrive.notes import Notes
from rareworld.data.formats.opendrive.objects import read_objects
from rareworld.data.formats.opendrive.records import (
    KERB_M,
    LANE_KINDS,
    VEHICLE_KINDS,
    RoadRecord,
    read_road,
)
from rareworld.data.formats.opendrive.signals import read_signals
from rareworld.data.formats.opendrive.surface import sample_section
from rareworld.errors import MapError

_ORIGIN = re.compile(r"\+(lat|lon)_0=([-+0-9.eE]+)")


def read_opendrive(source: Path | str, *, name: str | None = None, step_m: float = 2.0) -> RoadMap:
    """Read a map: a path to `.xodr` or `.xodr.gz`, or the XML text itself.

    `step_m` is the longest step between cross sections; bends are sampled finer.

    Raises:
        MapError: The map is broken; names file, road, lane section, lane and line.
    """
    if step_m <= 0:
        raise MapError(f"step_m must be positive, found {step_m:g}")
    root, text = parse_root(source)
    notes = Notes()
    records = _read_roads(root)
    _note_unused(root, records, notes)
    junction_nodes = root.all("junction")
    topology = link_lanes(records, junction_nodes, notes)
    roads = [_sample(record, step_m) for record in records.values()]
    lanes = build_lanes(roads, topology)
    objects = read_objects(list(records.values()), notes)
    markings = (*read_markings(roads, notes), *objects.markings)
    signals = read_signals(root, records, lanes, markings, notes)
    latitude, longitude = _origin(root)
    return RoadMap(
        name=name or _default_name(root, source),
        lanes=lanes,
        markings=(*markings, *signals.markings),
        crosswalks=tuple(objects.crosswalks),
        signals=tuple(signals.signals),
        junctions=_junctions(junction_nodes, lanes, notes),
        left_hand_traffic=any(record.left_hand for record in records.values()),
        source=text,
        latitude_deg=latitude,
        longitude_deg=longitude,
        warnings=notes.sentences(),
    )


def _read_roads(root: Node) -> dict[str, RoadRecord]:
    """Read all roads by id."""
    roads: dict[str, RoadRecord] = {}
    for node in root.all("road"):
        record = read_road(node)
        if record.id in roads:
            raise node.fail(f"id {record.id} is used by two roads")
        roads[record.id] = record
    if not roads:
        raise root.fail("needs at least one <road>, found none")
    return roads


def _sample(record: RoadRecord, step_m: float) -> SampledRoad:
    """Sample all lane sections of a road."""
    surfaces = tuple(sample_section(record, section, step_m) for section in record.sections)
    return SampledRoad(record, surfaces)


def _note_unused(root: Node, roads: dict[str, RoadRecord], notes: Notes) -> None:
    """Note what changes the road's surface or use and is not read."""
    for node in root.all("railroad") + root.all("road/railroad") + root.all("road/CRG"):
        notes.add(f"<{node.tag}> is not used", node)
    if len({road.left_hand for road in roads.values()}) > 1:
        notes.add("right-hand and left-hand roads are mixed; the map counts as left-hand", root)
    for road in roads.values():
        for section in road.sections:
            for lane in section.lanes.values():
                if lane.type not in LANE_KINDS:
                    notes.add(f"lane type {lane.type!r} is read as other", lane.node)
                if lane.node.text("level", "false") in {"true", "1"}:
                    notes.add("a lane kept level is tilted with its road", lane.node)
                if lane.kind is LaneKind.SIDEWALK and not lane.node.all("height"):
                    notes.add(f"a pavement without <height> stands {KERB_M:g} m high", lane.node)


def _junctions(nodes: list[Node], lanes: dict[str, Lane], notes: Notes) -> tuple[Junction, ...]:
    """Return the junctions with the hull of their vehicle lanes, or of all lanes if none."""
    by_junction: dict[str, list[Lane]] = {}
    for lane in lanes.values():
        if lane.junction is not None:
            by_junction.setdefault(lane.junction, []).append(lane)
    out: list[Junction] = []
    for node in nodes:
        own = by_junction.get(node.text("id"), [])
        if not own:
            notes.add("a junction without lanes of its own is not used", node)
            continue
        wheels = [lane for lane in own if lane.kind in VEHICLE_KINDS] or own
        edges = np.concatenate([side for lane in wheels for side in (lane.left_m, lane.right_m)])
        outline = convex_hull(edges)
        out.append(Junction(id=node.text("id"), name=node.text("name", ""), outline_m=outline))
    return tuple(out)


def _origin(root: Node) -> tuple[float, float]:
    """Return latitude and longitude of the map's origin, degrees; 0, 0 where none is stated."""
    reference = root.first("header/geoReference")
    found = dict(_ORIGIN.findall(reference.body)) if reference else {}
    return float(found.get("lat", 0.0)), float(found.get("lon", 0.0))


def _default_name(root: Node, source: Path | str) -> str:
    """Return the file's name without suffixes, or the header's name."""
    if isinstance(source, Path):
        return source.name.removesuffix(".gz").removesuffix(".xodr")
    header = root.first("header")
    return (header.text("name", "") if header else "") or "map"
