"""What lies beyond the map: roads that go on, more of the town, treelines, hills, landmarks afar.

So that the horizon is never an empty edge. Nothing here has an id or is near enough to be a label's
subject. Proved in tests/annotate/world/test_skyline.py.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import shapely
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from rareworld.annotate.world.buildings import building
from rareworld.annotate.world.ground import HeightField
from rareworld.annotate.world.kit import Kit, faceted, joined, placed
from rareworld.annotate.world.materials import material, skin
from rareworld.annotate.world.mesh import Soup, Vec3, circle, merge, soup, tube
from rareworld.annotate.world.model import Mesh
from rareworld.annotate.world.plan import lane_area
from rareworld.annotate.world.roads import GroundSize, Yard
from rareworld.annotate.world.trees import BIRCH, LIME, MAPLE, PINE, POPLAR, SPRUCE, make_tree
from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.scene import Family, Prop, PropKind
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId

_ROAD_ON_M = 320.0
_MEETS_M2 = 5.0
"""A strip that meets other lanes does not leave the map: their links are missing."""
_RINGS_M = (1.0, 1.35, 1.9, 2.9, 4.4, 6.7)
"""Hills: rings as multiples of the radius of the flat ground."""
_TOWN = frozenset(
    {Family.CITY_BLOCK, Family.OFFICE, Family.OLD_TOWN, Family.POST_WAR, Family.TERRACE}
)


@final
@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """What surrounds one kind of place."""

    families: tuple[Family, ...]
    houses: int
    size_m: Vec3
    """Usual front, depth and height."""
    trees: int
    treelines: int
    hill_m: float
    """Height of the farthest hills."""


CITY = Backdrop(
    families=(Family.CITY_BLOCK, Family.OFFICE, Family.POST_WAR), houses=50,
    size_m=(24.0, 14.0, 21.0), trees=60, treelines=5, hill_m=40.0,
)  # fmt: skip
SUBURB = Backdrop(
    families=(Family.SUBURBAN, Family.POST_WAR, Family.TERRACE), houses=46,
    size_m=(14.0, 10.0, 9.0), trees=110, treelines=9, hill_m=60.0,
)  # fmt: skip
COUNTRY = Backdrop(
    families=(Family.FARMHOUSE, Family.BARN, Family.SUBURBAN), houses=16,
    size_m=(15.0, 11.0, 8.5), trees=120, treelines=16, hill_m=95.0,
)  # fmt: skip


def backdrop_of(props: Sequence[Prop], road: RoadMap) -> Backdrop:
    """Return what surrounds a place, told from its houses."""
    if not any(lane.kind == LaneKind.SIDEWALK for lane in road.lanes.values()):
        return COUNTRY
    count = Counter(prop.family in _TOWN for prop in props if prop.kind == PropKind.BUILDING)
    return CITY if count[True] > count[False] else SUBURB


def roads_on(road: RoadMap) -> Yard:
    """Return the carriageways beyond the ends of the map, straight on."""
    strips: list[BaseGeometry] = []
    for name in sorted(road.lanes):
        lane = road.lanes[name]
        if lane.kind in (LaneKind.DRIVING, LaneKind.SHOULDER, LaneKind.PARKING, LaneKind.BIKE):
            strips += _ends(lane)
    known = shapely.union_all([lane_area(lane) for lane in road.lanes.values()])
    strips = [strip for strip in strips if shapely.intersection(strip, known).area < _MEETS_M2]
    area = shapely.union_all(strips).buffer(0.1).buffer(-0.1) if strips else shapely.Polygon()
    return Yard(area=area, material="asphalt", class_id=ClassId.ROAD)


def _ends(lane: Lane) -> list[BaseGeometry]:
    if lane.junction is not None or len(lane.centre_m) < 2:
        return []
    made: list[BaseGeometry] = []
    for end, inner, open_ in ((-1, -2, not lane.successors), (0, 1, not lane.predecessors)):
        way = lane.centre_m[end, :2] - lane.centre_m[inner, :2]
        way = _ROAD_ON_M * way / max(float(np.linalg.norm(way)), 1e-9)
        left, right = lane.left_m[end, :2], lane.right_m[end, :2]
        if open_:
            made.append(shapely.Polygon([left, right, right + way, left + way]))
    return made


def make_skyline(
    props: Sequence[Prop], road: RoadMap, field: HeightField, size: GroundSize, seed: Seed
) -> Mesh:
    """Return everything beyond the map.

    Args:
        props: What stands on the map; the skyline keeps clear of it.
        road: The map.
        field: Height of the land.
        size: The flat ground that hills begin at.
        seed: Its stream.
    """
    around = backdrop_of(props, road)
    taken = _taken(props, road)
    rng = seed.child("skyline").generator()
    houses = _town(around, taken, field, size, rng)
    trees = _trees(around, taken, field, size, rng)
    woods = _treelines(around, field, size, rng)
    afar = [_hills(field, size, around, rng), _landmarks(around, field, size, rng)]
    return joined([*houses, *trees, *woods, faceted(merge(afar))])


def _taken(props: Sequence[Prop], road: RoadMap) -> BaseGeometry:
    """Return the ground around roads and props."""
    lines = [
        shapely.LineString(lane.centre_m[:, :2]).buffer(9.0, quad_segs=2)
        for lane in road.lanes.values() if len(lane.centre_m) > 1
    ]  # fmt: skip
    spots = [
        shapely.Point(prop.position_m[:2]).buffer(max(prop.size_m[:2]) * 0.75 + 2, quad_segs=2)
        for prop in props if prop.kind in (PropKind.BUILDING, PropKind.TREE)
    ]  # fmt: skip
    on = shapely.buffer(roads_on(road).area, 6.0, quad_segs=2)
    area = shapely.union_all([*lines, *spots, on])
    shapely.prepare(area)
    return area


def _spots(
    count: int,
    span_m: tuple[float, float],
    clear_m: float,
    taken: BaseGeometry,
    size: GroundSize,
    rng: np.random.Generator,
) -> Float[np.ndarray, "n 2"]:
    """Return free places around the focus, more of them near."""
    away = span_m[0] * (span_m[1] / span_m[0]) ** rng.random(3 * count)
    angle = rng.uniform(0, 2 * np.pi, 3 * count)
    at = np.column_stack([away * np.cos(angle), away * np.sin(angle)]) + np.asarray(size.focus_m)
    free = shapely.distance(taken, shapely.points(at)) > clear_m
    return at[free][:count]


def _town(
    around: Backdrop,
    taken: BaseGeometry,
    field: HeightField,
    size: GroundSize,
    rng: np.random.Generator,
) -> list[Mesh]:
    """Return houses beyond the dressed streets: a few built once, set up many times."""
    at = _spots(around.houses, (120.0, 900.0), 0.75 * around.size_m[0], taken, size, rng)
    made = [
        faceted(building(around.size_m, int(family) + len(Family) * k, plain=True))
        for k in (2, 5)
        for family in around.families
    ]
    z = field.at(at)
    out: list[Mesh] = []
    for k, place in enumerate(at):
        scale = rng.uniform(0.8, 1.3, 3)
        yaw = float(rng.integers(8)) * np.pi / 4 + 0.1
        shift = float(place[0]), float(place[1]), float(z[k])
        house = placed(made[k % len(made)], yaw, shift, (scale[0], scale[1], scale[2]))
        out.append(house)
    return out


def _trees(
    around: Backdrop,
    taken: BaseGeometry,
    field: HeightField,
    size: GroundSize,
    rng: np.random.Generator,
) -> list[Mesh]:
    """Return single trees between and beyond the houses."""
    at = _spots(around.trees, (90.0, 520.0), 5.0, taken, size, rng)
    species = (LIME, MAPLE, BIRCH, POPLAR, SPRUCE, PINE)
    made = [make_tree(kind, 2) for kind in species]
    z = field.at(at)
    return [
        placed(
            made[k % len(made)], float(rng.uniform(0, 6.28)),
            (float(place[0]), float(place[1]), float(z[k])), (float(s), float(s), float(t)),
        )
        for k, (place, s, t) in enumerate(
            zip(at, rng.uniform(0.8, 1.4, len(at)), rng.uniform(0.8, 1.3, len(at)), strict=True)
        )
    ]  # fmt: skip


def _swell(angle: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return rolling heights in 0..1 around the horizon."""
    wave = sum(
        float(rng.uniform(0.4, 1.0)) / k**0.7 * np.cos(k * angle + float(rng.uniform(0, 6.28)))
        for k in (2, 3, 5, 8, 13)
    )
    return np.clip(0.5 + 0.28 * np.asarray(wave), 0.0, 1.2)


def _hills(
    field: HeightField, size: GroundSize, around: Backdrop, rng: np.random.Generator
) -> Soup:
    """Return rolling country from the flat ground to the horizon, in patches of wood and field."""
    reach = size.radius_m + size.verge_m
    ring = circle(64)
    angle = np.arctan2(ring[:, 1], ring[:, 0])
    base = field.at(ring * reach + np.asarray(size.focus_m))
    rows: list[np.ndarray] = []
    for k, factor in enumerate(_RINGS_M):
        rise = 0.4 * (k > 0) + around.hill_m * (k / (len(_RINGS_M) - 1)) ** 1.3 * _swell(angle, rng)
        level = base if k == 0 else np.full(64, float(base.mean()))
        xy = ring * reach * factor + np.asarray(size.focus_m)
        rows.append(np.column_stack([xy, level + rise]))
    grid = np.stack(rows)
    grid = np.concatenate([grid, grid[:, :1]], axis=1)
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    quad = np.stack([a, b, c, d], axis=2).reshape(-1, 4, 3)
    names = np.array(["far ground", "meadow", "crop", "far wood", "far ground", "young crop"])
    kind = rng.integers(len(names), size=len(quad))
    return merge([
        soup(quad[kind == k][:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3, 3), skin(name, ClassId.TERRAIN))
        for k, name in enumerate(names.tolist()) if (kind == k).any()
    ])  # fmt: skip


def _treelines(
    around: Backdrop, field: HeightField, size: GroundSize, rng: np.random.Generator
) -> list[Mesh]:
    """Return edges of woods: two rows of upright sheets, ragged at the top."""
    made: list[Mesh] = []
    reach = size.radius_m + size.verge_m
    for _ in range(around.treelines):
        away = reach * float(rng.uniform(0.62, 1.0))
        start, span = float(rng.uniform(0, 6.28)), float(rng.uniform(0.25, 0.9))
        angle = np.linspace(start, start + span, max(int(span * away / 2.2), 4))
        for depth, name in ((0.0, "leaves"), (7.0, "leaves dark")):
            far = away + depth + 8 * np.sin(5 * angle + start)
            xy = np.column_stack([far * np.cos(angle), far * np.sin(angle)])
            xy += np.asarray(size.focus_m)
            crown = np.abs(np.sin(0.21 * away * angle + depth)) + 0.5 * np.sin(3.7 * angle * away)
            tall = 6.5 + depth / 3 + 2.4 * crown + rng.normal(0, 0.7, len(angle))
            made.append(_sheet_of_leaves(xy, field.at(xy), tall, name, size, rng))
    return made


def _sheet_of_leaves(
    xy: Float[np.ndarray, "n 2"],
    z: Float[np.ndarray, "n"],
    tall: Float[np.ndarray, "n"],
    name: str,
    size: GroundSize,
    rng: np.random.Generator,
) -> Mesh:
    """Return an upright strip that is shaded as leaves that look up and to the middle."""
    low, high = np.column_stack([xy, z - 1]), np.column_stack([xy, z + tall])
    points = np.concatenate([low, high])
    count = len(xy)
    k = np.arange(count - 1)
    tris = np.concatenate([
        np.column_stack([k + 1, k, k + count]), np.column_stack([k + 1, k + count, k + count + 1])
    ])  # fmt: skip
    inward = np.column_stack([np.asarray(size.focus_m) - points[:, :2], np.zeros(2 * count)])
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    lean = np.repeat([0.25, 0.9], count)[:, None] * np.array([0.0, 0.0, 1.0])
    normal = 0.6 * inward + lean + rng.normal(0, 0.22, points.shape)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return Mesh(
        vertices_m=points.astype(np.float32),
        normals=normal.astype(np.float32),
        uv_m=np.column_stack([np.arange(2 * count) * 2.2, points[:, 2]]).astype(np.float32),
        triangles=tris.astype(np.int32),
        material=np.full(len(tris), material(name), dtype=np.int32),
        class_id=np.full(len(tris), int(ClassId.VEGETATION), dtype=np.uint8),
    )


def _landmarks(
    around: Backdrop, field: HeightField, size: GroundSize, rng: np.random.Generator
) -> Soup:
    """Return one or two tall things afar: a church, chimneys, turbines or pylons."""
    made: list[Soup] = []
    for k in range(4):
        angle, away = float(rng.uniform(0, 6.28)), float(rng.uniform(500, 1000))
        x = size.focus_m[0] + away * np.cos(angle)
        y = size.focus_m[1] + away * np.sin(angle)
        z = float(field.at(np.array([[x, y]]))[0]) - 3.0
        if around is COUNTRY and k < 3:
            made.append(_turbine((float(x), float(y), z), float(rng.uniform(0, 2))))
        elif around is CITY and k < 2:
            made.append(_chimney((float(x), float(y), z), float(rng.uniform(45, 75))))
        else:
            made.append(_spire((float(x), float(y), z), float(rng.uniform(34, 52))))
    return merge(made)


def _turbine(at: Vec3, turn: float) -> Soup:
    """Return a wind turbine that looks to -x."""
    look, (x, y, z) = skin("frame white", ClassId.STATIC), at
    hub = z + 88.0
    mast = tube([(x, y, z), (x, y, hub)], [2.2, 1.2], look, 8)
    made = [mast]
    for k in range(3):
        c, s = float(np.cos(turn + k * 2.094)), float(np.sin(turn + k * 2.094))
        made.append(tube([(x - 3, y, hub), (x - 3, y + 42 * c, hub + 42 * s)], [1.3, 0.2], look, 4))
    return merge(made)


def _chimney(at: Vec3, high_m: float) -> Soup:
    x, y, z = at
    look = skin("skyline pale", ClassId.BUILDING)
    body = tube([(x, y, z), (x, y, z + high_m)], [3.4, 2.2], look, 10)
    kit = Kit(ClassId.BUILDING)
    for k in (0.80, 0.9):
        low, high = z + k * high_m, z + (k + 0.04) * high_m
        kit.box("fascia red", (x - 2.7, y - 2.7, low), (x + 2.7, y + 2.7, high))
    kit.box("skyline", (x - 25, y - 12, z), (x + 18, y + 14, z + 13))
    return merge([body, kit.soup()])


def _spire(at: Vec3, high_m: float) -> Soup:
    x, y, z = at
    kit, h = Kit(ClassId.BUILDING), 4.0
    kit.box("stone", (x - h, y - h, z), (x + h, y + h, z + 0.6 * high_m))
    kit.box("roof tiles", (x + h, y - 6, z), (x + 30, y + 6, z + 0.3 * high_m))
    ring = np.array([(x - h, y - h), (x + h, y - h), (x + h, y + h), (x - h, y + h)])
    foot = np.column_stack([ring, np.full(4, z + 0.6 * high_m)])
    tip = np.array([x, y, z + high_m]) + 0 * foot
    kit.add("copper green", np.stack([foot, np.roll(foot, -1, axis=0), tip], axis=1))
    return kit.soup()
