"""What road works left in the asphalt: trenches, patches, sealed cracks, open joints.

Shapes and spacing follow what one counts along German town streets: a trench every 60 m of lane, a
patch every 35 m, a sealed crack every 15 m. All are plan polygons, cut into the ground plan, with
edges as sharp as in reality. The same map has the same repairs.
Proved in tests/annotate/world/test_repairs.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
import shapely
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from rareworld.annotate.world.markings import Spot, spot
from rareworld.core.road import Lane, LaneKind
from rareworld.core.seed import Seed

_WORN = (LaneKind.DRIVING, LaneKind.PARKING, LaneKind.BIKE)
_TRENCH_EVERY_M, _PATCH_EVERY_M, _CRACK_EVERY_M, _JOINT_EVERY_M = 60.0, 35.0, 15.0, 30.0
_FAST_MPS, _FAST = 25.0, 0.35
"""Motorways are repaired by the lane, so they show fewer scars."""
_SHARED = 0.3
"""Lanes through junctions lie over each other; each shows this share."""
_RIM_M = 0.05
_JOINT_M = 0.035
_SHORT_M = 8.0


@final
@dataclass(frozen=True)
class Repairs:
    """Areas in the carriageway; they may overlap."""

    fresh: list[BaseGeometry] = field(default_factory=list[BaseGeometry])
    """Newer, darker asphalt."""
    pale: list[BaseGeometry] = field(default_factory=list[BaseGeometry])
    """Older, lighter asphalt."""
    bitumen: list[BaseGeometry] = field(default_factory=list[BaseGeometry])
    """Black bands over cracks, joints and rims."""


def repairs(lanes: Sequence[Lane]) -> Repairs:
    """Return the repairs of some lanes."""
    made = Repairs()
    for lane in lanes:
        if lane.kind in _WORN and lane.length_m > _SHORT_M:
            _mend(made, lane, Seed(0).child("repairs", lane.id).generator())
    return made


def _mend(made: Repairs, lane: Lane, rng: np.random.Generator) -> None:
    """Add the repairs of one lane."""
    much = lane.length_m * (_SHARED if lane.junction is not None else 1.0)
    much *= _FAST if (lane.speed_limit_mps or 0.0) > _FAST_MPS else 1.0
    half = float(np.linalg.norm((lane.left_m - lane.right_m)[:, :2], axis=1).min()) / 2
    if half < 0.5:
        return
    for _ in range(rng.poisson(much / _TRENCH_EVERY_M)):
        _cut(made, rng, lane, (rng.uniform(0.55, 1.0), 2 * half + 0.4), 0.0)
    for _ in range(rng.poisson(much / _PATCH_EVERY_M)):
        size = rng.uniform(0.9, 3.6), rng.uniform(0.6, min(1.7, half + 0.3))
        _cut(made, rng, lane, size, float(rng.uniform(-0.5, 0.5)) * half)
    for _ in range(rng.poisson(much / _CRACK_EVERY_M)):
        made.bitumen.append(_crack(rng, lane, half))
    if lane.junction is None:
        made.bitumen.extend(_joints(rng, lane, half))


def _cut(
    made: Repairs, rng: np.random.Generator, lane: Lane, size_m: tuple[float, float], aside_m: float
) -> None:
    """Add a rectangle of other asphalt, most of them with a sealed rim."""
    at = spot(lane, float(rng.uniform(1.0, lane.length_m - 1.0)))
    u, v = size_m[0] / 2, size_m[1] / 2
    skew = rng.uniform(-0.06, 0.06, (4, 2))
    area = at.put(shapely.Polygon(np.array([(-u, -v), (u, -v), (u, v), (-u, v)]) + skew), aside_m)
    fresh, sealed = rng.random(2) < (0.65, 0.5)
    if any(area.intersects(other) for other in (*made.fresh[-12:], *made.pale[-12:])):
        return
    (made.fresh if fresh else made.pale).append(area)
    if sealed:
        rim = shapely.boundary(area).buffer(_RIM_M / 2, join_style="mitre", quad_segs=1)
        made.bitumen.append(rim)


def _crack(rng: np.random.Generator, lane: Lane, half_m: float) -> BaseGeometry:
    """Return a sealed crack: a band that wanders across the lane, or along it."""
    at = spot(lane, float(rng.uniform(1.0, lane.length_m - 1.0)))
    along = rng.random() < 0.45
    length = float(rng.uniform(2.0, 6.5)) if along else float(rng.uniform(1.0, 2 * half_m))
    count = max(int(length / 0.35), 3)
    run = np.linspace(-length / 2, length / 2, count)
    sway = np.cumsum(rng.normal(0, 0.07, count))
    sway += float(rng.uniform(-0.6, 0.6)) * half_m * (1.0 if along else 0.0) - sway.mean()
    path = np.column_stack([run, sway] if along else [sway, run])
    return _line(at, path, float(rng.uniform(0.045, 0.085)))


def _line(at: Spot, path: Float[np.ndarray, "p 2"], width_m: float) -> BaseGeometry:
    band = shapely.LineString(path).buffer(width_m / 2, quad_segs=1, join_style="bevel")
    return at.put(band)


def _joints(rng: np.random.Generator, lane: Lane, half_m: float) -> list[BaseGeometry]:
    """Return pieces of the joint between two strips of asphalt, beside the left line."""
    if lane.left_neighbour is None:
        return []
    made: list[BaseGeometry] = []
    for _ in range(rng.poisson(lane.length_m / _JOINT_EVERY_M)):
        length = float(rng.uniform(3.0, 9.0))
        at = spot(lane, float(rng.uniform(length / 2, max(lane.length_m - length / 2, length))))
        run = np.linspace(-length / 2, length / 2, 6)
        aside = half_m - 0.24 + rng.normal(0, 0.012, 6)
        made.append(_line(at, np.column_stack([run, aside]), _JOINT_M))
    return made
