"""What stands still and can be hit: props, signal posts and kerbs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np

from rareworld.core.geometry import FloatArray
from rareworld.core.scene import Prop, PropKind

_TRUNK_SHARE = 0.06
"""Trunk diameter of a tree over the width of its crown."""

_ROUND = frozenset(
    {PropKind.STREET_LAMP, PropKind.POLE, PropKind.SIGN, PropKind.BOLLARD, PropKind.METER}
)
_POST_RADIUS_M = 0.08
_KERB_WIDTH_M = 0.3

KERB_KEY = 0
"""Id in contacts of ground, kerbs and signal posts, which have none of their own."""


@final
@dataclass(frozen=True, kw_only=True)
class Solid:
    """One fixed collision shape: a cylinder if `radius_m` is set, else a box."""

    key: int
    """Prop id, or 0."""
    centre_m: tuple[float, float, float]
    half_m: tuple[float, float, float]
    """Half extents; of cylinders only the last is read."""
    yaw_rad: float = 0.0
    pitch_rad: float = 0.0
    radius_m: float | None = None
    kerb: bool = False
    """Wheels climb it."""


@final
@dataclass(frozen=True, kw_only=True)
class Obstacles:
    """Everything fixed besides the ground."""

    props: tuple[Prop, ...] = ()
    posts_m: tuple[tuple[float, float, float], ...] = ()
    """Feet of signal posts."""
    kerbs_m: tuple[FloatArray, ...] = ()
    """Polylines (p, 3) at road level; the kerb stone lies astride the line."""
    kerb_height_m: float = 0.13
    post_height_m: float = 3.2

    def solids(self) -> Iterator[Solid]:
        """Yield collision shapes in a fixed order."""
        for prop in self.props:
            yield _solid(prop)
        for post in self.posts_m:
            yield _cylinder(0, post, self.post_height_m, _POST_RADIUS_M)
        for line in self.kerbs_m:
            yield from _kerb(line, self.kerb_height_m)


def _cylinder(key: int, foot: tuple[float, float, float], height: float, radius: float) -> Solid:
    half = height / 2
    centre = (foot[0], foot[1], foot[2] + half)
    return Solid(key=key, centre_m=centre, half_m=(radius, radius, half), radius_m=radius)


def _solid(prop: Prop) -> Solid:
    length, width, height = prop.size_m
    if prop.kind is PropKind.TREE:
        radius = max(0.1, _TRUNK_SHARE * max(length, width) / 2)
        return _cylinder(prop.id, prop.position_m, 0.6 * height, radius)
    if prop.kind in _ROUND:
        radius = min(max(min(length, width) / 2, 0.03), 0.2)
        return _cylinder(prop.id, prop.position_m, height, radius)
    x, y, z = prop.position_m
    return Solid(
        key=prop.id,
        centre_m=(x, y, z + height / 2),
        half_m=(length / 2, max(width, 0.04) / 2, height / 2),
        yaw_rad=prop.yaw_rad,
    )


def _kerb(line: FloatArray, height: float) -> Iterator[Solid]:
    """Yield one low box per segment, overlapping its neighbours a little."""
    for start, end in pairwise(line):
        run = end - start
        flat = float(np.hypot(run[0], run[1]))
        if flat < 0.01:
            continue
        middle = (start + end) / 2
        yield Solid(
            key=KERB_KEY,
            centre_m=(float(middle[0]), float(middle[1]), float(middle[2])),
            half_m=(flat / 2 + 0.05, _KERB_WIDTH_M / 2, height),
            yaw_rad=math.atan2(run[1], run[0]),
            pitch_rad=-math.atan2(run[2], flat),
            kerb=True,
        )
