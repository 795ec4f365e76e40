"""Wheels: tyre, rim and spokes about the y axis, outer side at +y, centre at the origin."""

from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import Soup, box, lathe, loft, merge, mirrored, moved
from rareworld.core.taxonomy import ClassId


@final
@dataclass(frozen=True, kw_only=True)
class Rim:
    """How a car's wheel looks from outside."""

    spokes: int
    width: float
    """Of a spoke at the hub, in wheel radii."""
    metal: str = "rim"
    share: float = 0.66
    """Radius of the rim in wheel radii."""
    split: float = 0.0
    """Angle between the two halves of a spoke, radians; 0 is one piece."""


RIMS: tuple[Rim, ...] = (
    Rim(spokes=5, width=0.15, split=0.17),
    Rim(spokes=10, width=0.075),
    Rim(spokes=5, width=0.22, metal="rim dark", share=0.69),
    Rim(spokes=7, width=0.13, share=0.64),
    Rim(spokes=9, width=0.15, metal="hub cap", share=0.62),
    Rim(spokes=6, width=0.17, metal="rim dark"),
)
"""Styles of car wheels; the last but one is a hub cap on a steel wheel."""
STEEL_RIM = Rim(spokes=8, width=0.22, metal="rim steel", share=0.60)
"""Vans and trailers."""


def _spoke(r: float, h: float, rim: Rim, class_id: ClassId) -> Soup:
    """Return a tapered bar from hub to rim that stands out at the hub."""
    wide, end = rim.width * r / 2, 0.62 * rim.width * r / 2
    rings = [
        [(x, y, -w), (x, y, w), (x, y - 0.22 * h, w), (x, y - 0.22 * h, -w)]
        for x, y, w in ((0.08 * r, 0.97 * h, wide), (rim.share * 0.95 * r, 0.80 * h, end))
    ]
    return loft(np.array(rings), skin(rim.metal, class_id))


def car_wheel(
    radius_m: float, width_m: float, class_id: ClassId, rim: Rim = RIMS[0], segments: int = 20
) -> Soup:
    """Return a road wheel with a spoked rim on its +y side."""
    r, h, s = radius_m, width_m / 2, rim.share
    tyre = [(0, -h), (0.93 * r, -h), (r, -0.72 * h), (r, 0.72 * h), (0.95 * r, h),
            (s * r, 0.97 * h), (s * r, 0.30 * h), (0, 0.30 * h)]  # fmt: skip
    lip = [((s + 0.025) * r, 0.98 * h), ((s + 0.015) * r, 1.03 * h), ((s - 0.05) * r, 0.80 * h)]
    metal = skin(rim.metal, class_id)
    disc = lathe(
        [(0, 0.28 * h), (0.42 * r, 0.28 * h), (0.42 * r, 0.38 * h), (0, 0.38 * h)],
        skin("brake disc", class_id), 12,
    )  # fmt: skip
    hub = lathe([(0, 0.4 * h), (0.15 * r, 0.4 * h), (0.12 * r, 0.98 * h), (0, h)], metal, 10)
    turns = np.arange(rim.spokes) * (2 * np.pi / rim.spokes)
    if rim.split:
        turns = np.concatenate([turns - rim.split, turns + rim.split])
    bar = _spoke(r, h, rim, class_id)
    return merge(
        [
            lathe(tyre, skin("tyre", class_id), segments),
            lathe([*lip, lip[0]], metal, segments),
            disc,
            hub,
            *(moved(bar, pitch_rad=float(turn)) for turn in turns),
        ]
    )


def truck_wheel(radius_m: float, width_m: float, class_id: ClassId, metal: str = "rim") -> Soup:
    """Return a heavy wheel with a dished steel disc and hand holes."""
    r, h = radius_m, width_m / 2
    tyre = [(0, -h), (0.9 * r, -h), (r, -0.75 * h), (r, 0.75 * h), (0.92 * r, h), (0.62 * r, h),
            (0.58 * r, 0.3 * h), (0, 0.3 * h)]  # fmt: skip
    disc = [(0, 0.3 * h), (0.55 * r, 0.3 * h), (0.34 * r, 0.55 * h), (0.2 * r, 0.6 * h),
            (0.18 * r, h), (0, h)]  # fmt: skip
    hole = box((0.09 * r, 0.1 * h, 0.12 * r), (0.46 * r, 0.45 * h, 0.0), skin("trim", class_id))
    turns = np.arange(8) * (np.pi / 4)
    return merge(
        [
            lathe(tyre, skin("tyre", class_id), 20),
            lathe(disc, skin(metal, class_id), 14),
            *(moved(hole, pitch_rad=float(turn)) for turn in turns),
        ]
    )


def truck_duals(radius_m: float, class_id: ClassId) -> Soup:
    """Return a driven wheel: twin tyres with a disc dished inwards."""
    r, dark = radius_m, skin("tyre", class_id)
    outer = [(0, -0.12), (0.9 * r, -0.12), (r, -0.09), (r, 0.09), (0.92 * r, 0.12),
             (0.60 * r, 0.12), (0.57 * r, -0.05), (0, -0.05)]  # fmt: skip
    inner = [(0, -0.42), (r, -0.40), (r, -0.18), (0, -0.16)]
    disc = [(0, -0.05), (0.57 * r, -0.05), (0.40 * r, -0.04), (0.36 * r, 0.05), (0.20 * r, 0.06),
            (0.17 * r, 0.11), (0, 0.11)]  # fmt: skip
    return merge(
        [
            lathe(outer, dark, 20),
            lathe(inner, dark, 16),
            lathe(disc, skin("rim", class_id), 14),
        ]
    )


def cycle_wheel(
    radius_m: float, tyre_m: float, class_id: ClassId, *, spokes: int, spoke_m: float
) -> Soup:
    """Return an open wheel of a two-wheeler: tyre ring, rim ring, spokes and hub."""
    r, h = radius_m, tyre_m / 2
    inner = r - 2 * h
    tyre = [(r, 0), (r - 0.3 * h, 0.8 * h), (inner, h), (inner, -h), (r - 0.3 * h, -0.8 * h)]
    rim = [(inner, 0.7 * h), (inner - h, 0.5 * h), (inner - h, -0.5 * h), (inner, -0.7 * h)]
    metal = skin("rim", class_id)
    spoke = box((inner, spoke_m, spoke_m), (inner / 2, 0, 0), metal)
    turns = np.arange(spokes) * (2 * np.pi / spokes)
    return merge(
        [
            lathe([*tyre, tyre[0]], skin("tyre", class_id), 24),
            lathe([*rim, rim[0]], metal, 24),
            lathe([(0, -0.06), (0.03, -0.05), (0.03, 0.05), (0, 0.06)], metal, 8),
            *(moved(spoke, pitch_rad=float(turn)) for turn in turns),
        ]
    )


def pair(left: Soup) -> tuple[Soup, Soup]:
    """Return the left wheel and its mirror image for the right side."""
    return left, mirrored(left)
