"""Ready places: the shipped library, and any OpenDRIVE map of the user's own."""

import gzip
import math
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from rareworld.core.road import Lane, LaneKind, RoadMap, SignalKind, Turn
from rareworld.data.config import nearest
from rareworld.data.formats.opendrive import read_opendrive
from rareworld.errors import ConfigError
from rareworld.simulate.maps.places import PLACES, PlaceInfo
from rareworld.simulate.sumo.convert import network_for

SHIPPED = Path(__file__).parent / "library"
"""Folder of the shipped maps: `<place>/<variant>.{xodr,net.xml}.gz`."""
LIBRARY_SEED = 2026
VARIANTS = 3


@final
@dataclass(frozen=True)
class Place:
    """A map that is ready to drive on."""

    name: str
    variant: int
    road: RoadMap
    net_path: Path
    """SUMO network in the map's coordinates; SUMO reads the `.gz` as it is."""
    info: PlaceInfo


def load_place(name: str, variant: int = 0) -> Place:
    """Return a place of the library.

    Raises:
        ConfigError: If there is no such place or variant.
    """
    if name not in PLACES:
        raise ConfigError(f"unknown place {name!r}{nearest(name, list(PLACES))}")
    path = SHIPPED / name / f"{variant}.xodr.gz"
    if not path.exists():
        raise ConfigError(f"place {name!r} has variants 0 to {VARIANTS - 1}, got {variant}")
    road = read_opendrive(gzip.decompress(path.read_bytes()).decode("utf-8"), name=name)
    return Place(name, variant, road, SHIPPED / name / f"{variant}.net.xml.gz", PLACES[name])


def open_map(path: Path, cache_dir: Path) -> Place:
    """Return a place of any OpenDRIVE file; its network is converted once and kept in the cache.

    Raises:
        MapError: If the map cannot be read or converted.
    """
    road = read_opendrive(path)
    info = PlaceInfo(path.name, f"The map {path.name}.", _tags(road))
    return Place(path.name.split(".")[0], 0, road, network_for(path, cache_dir), info)


_LINE_M = 0.6
"""Wider strips keep two directions apart."""


def _tags(road: RoadMap) -> frozenset[str]:
    """Return what can be told of any map."""
    kinds = {signal.kind for signal in road.signals}
    opposite = _opposite(road)
    facts = {
        "junction": bool(road.junctions),
        "signalised": SignalKind.TRAFFIC_LIGHT in kinds,
        "crosswalk": bool(road.crosswalks),
        "multi-lane": any(_beside(road, lane) for lane in road.lanes.values()),
        "parking": any(lane.kind == LaneKind.PARKING for lane in road.lanes.values()),
        "two-way": bool(opposite),
        "undivided": any(_share_a_line(road.lanes[a], road.lanes[b]) for a, b in opposite),
        "crossroads": _crossroads(road),
        "left-turn": any(lane.turn == Turn.LEFT for lane in road.lanes.values()),
    }
    return frozenset(tag for tag, holds in facts.items() if holds)


def _beside(road: RoadMap, lane: Lane) -> bool:
    """Tell whether a driving lane has another one of its direction on its left."""
    left = road.lanes.get(lane.left_neighbour or "")
    return left is not None and {lane.kind, left.kind} == {LaneKind.DRIVING}


def _opposite(road: RoadMap) -> list[tuple[str, str]]:
    """Return the pairs of driving lanes of both directions of a road."""
    sides: dict[tuple[str, str, bool], list[str]] = {}
    for lane in road.lanes.values():
        name = lane.id.split(":")
        if lane.kind is LaneKind.DRIVING and lane.junction is None and len(name) == 3:
            sides.setdefault((name[0], name[1], name[2].startswith("-")), []).append(lane.id)
    return [
        (one, other)
        for (number, section, minus), lanes in sides.items()
        if not minus
        for one in lanes
        for other in sides.get((number, section, True), [])
    ]


def _share_a_line(one: Lane, other: Lane) -> bool:
    """Tell whether nothing wider than a painted line lies between two opposite lanes."""
    apart = np.linalg.norm(one.left_m[:, None, :2] - other.left_m[None, :, :2], axis=2)
    return float(np.median(apart.min(axis=1))) < _LINE_M


def _crossroads(road: RoadMap) -> bool:
    """Tell whether straight ways through one junction cross at about a right angle."""
    angles: dict[str, list[float]] = {}
    for lane in road.lanes.values():
        if lane.junction is not None and lane.turn is Turn.STRAIGHT:
            step = lane.centre_m[-1] - lane.centre_m[0]
            angles.setdefault(lane.junction, []).append(math.atan2(step[1], step[0]))
    return any(
        abs(math.sin(a - b)) > 0.75 for inside in angles.values() for a in inside for b in inside
    )
