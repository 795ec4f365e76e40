"""Wheels: tyre, rim and spokes about the y axis, outer side at +y, centre at the origin."""

import numpy as np

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import Soup, box, lathe, merge, mirrored, moved
from rareworld.core.taxonomy import ClassId


def car_wheel(radius_m: float, width_m: float, class_id: ClassId, *, spokes: int = 5) -> Soup:
    """Return a road wheel with a spoked rim on its +y side."""
    r, h = radius_m, width_m / 2
    tyre = [(0, -h), (0.9 * r, -h), (r, -0.7 * h), (r, 0.7 * h), (0.93 * r, h), (0.70 * r, h),
            (0.66 * r, 0.5 * h), (0, 0.5 * h)]  # fmt: skip
    lip = [(0.70 * r, h), (0.70 * r, 1.04 * h), (0.63 * r, 0.9 * h), (0.63 * r, 0.5 * h)]
    hub = [(0, 0.5 * h), (0.17 * r, 0.5 * h), (0.13 * r, 0.95 * h), (0, 0.98 * h)]
    rim = skin("rim", class_id)
    spoke = box((0.54 * r, 0.25 * h, 0.13 * r), (0.38 * r, 0.80 * h, 0.0), rim)
    turns = np.arange(spokes) * (2 * np.pi / spokes)
    return merge(
        [
            lathe(tyre, skin("tyre", class_id)),
            lathe([*lip, lip[0]], rim),
            lathe(hub, rim, 8),
            *(moved(spoke, pitch_rad=float(turn)) for turn in turns),
        ]
    )


def truck_wheel(radius_m: float, width_m: float, class_id: ClassId) -> Soup:
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
            lathe(tyre, skin("tyre", class_id)),
            lathe(disc, skin("rim", class_id), 16),
            *(moved(hole, pitch_rad=float(turn)) for turn in turns),
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
