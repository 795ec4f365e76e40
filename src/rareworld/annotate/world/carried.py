"""What people carry: shopping bags, phones, umbrellas, sticks, prams."""

from typing import Final

import numpy as np

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import Soup, Vec3, box, merge, moved, tube
from rareworld.annotate.world.sections import Row, lowered, rings, skinned
from rareworld.annotate.world.skeleton import (
    UPPER_ARM,
    WAIST,
    Proportions,
    turns,
)
from rareworld.annotate.world.wardrobe import Bag, Looks
from rareworld.core.taxonomy import ClassId

_GRIP = 0.170
"""Middle of the palm below the elbow, fraction of stature."""
UMBRELLA_ARM: Final = np.array([[0.35, -0.25, 0.10], [0.35, -1.95, 0.0]])
"""Angles of right upper arm and forearm under an umbrella."""
_CANOPY_M = 0.49


def in_hand(looks: Looks, stature_m: float, side: int, class_id: ClassId) -> list[Soup]:
    """Return what one hand holds, in the frame of the forearm."""
    h, made = stature_m, list[Soup]()
    if looks.outfit.bag is Bag.SHOPPING and (side > 0 or looks.woman):
        made.append(_carrier(h, class_id))
    if looks.phone and side < 0:
        dark = skin("cloth black", class_id)
        made.append(box((0.012, 0.072, 0.145), (0.022 * h, 0.0, -_GRIP * h - 0.02), dark))
    return made


def _carrier(h: float, class_id: ClassId) -> Soup:
    """Return a bag that hangs from the hand."""
    rows: list[Row] = [
        (-0.355, 0.050, 0.050, 0.030, 0), (-0.345, 0.074, 0.074, 0.042, 0),
        (-0.27, 0.070, 0.070, 0.036, 0), (-0.225, 0.064, 0.064, 0.014, 0),
    ]  # fmt: skip
    bag = skinned(rings(rows, h, 10, 3.0), ["carrier bag"] * 3, class_id)
    loop = [
        (-0.03 * h, 0, -0.226 * h),
        (-0.012 * h, 0, -0.192 * h),
        (0.015 * h, 0, -0.190 * h),
        (0.03 * h, 0, -0.226 * h),
    ]
    return merge([bag, tube(loop, [0.004 * h] * 4, skin("carrier bag", class_id), 5)])


def _palm(person: Proportions) -> Vec3:
    """Return the right palm under an umbrella, frame of the trunk."""
    turn = turns(UMBRELLA_ARM)
    h = person.stature_m
    shoulder = person.pivots()[11]
    elbow = shoulder + turn[0] @ np.array([0, 0, -UPPER_ARM * h])
    palm = elbow + turn[0] @ turn[1] @ np.array([0, 0, -_GRIP * h])
    return float(palm[0]), float(palm[1]), float(palm[2])


def umbrella(looks: Looks, person: Proportions, class_id: ClassId) -> Soup:
    """Return an open umbrella held over the head, in the frame of the trunk."""
    x, y, z = _palm(person)
    h = person.stature_m
    crown = (1.0 - WAIST) * h
    top: Vec3 = (0.25 * x, 0.35 * y, crown + 0.21)
    pole = skin("pole", class_id)
    stick = tube([(x, y, z - 0.10), top], [0.008, 0.008], pole, 6)
    handle = tube(
        [(x, y, z - 0.10), (x, y, z + 0.04)], [0.014, 0.014], skin("cloth black", class_id), 6
    )
    canopy: list[Row] = [
        (-0.025, 0.03, 0.03, 0.03, 0), (-0.085, 0.56, 0.56, 0.56, 0), (-0.215, 0.98, 0.98, 0.98, 0),
        (-0.21, 1.0, 1.0, 1.0, 0), (-0.13, 0.83, 0.83, 0.83, 0),
        (-0.065, 0.58, 0.58, 0.58, 0), (-0.02, 0.27, 0.27, 0.27, 0), (0.0, 0.03, 0.03, 0.03, 0),
    ]  # fmt: skip
    wide = [(z, f * _CANOPY_M, b * _CANOPY_M, w * _CANOPY_M, x) for z, f, b, w, x in canopy]
    # inside first, over the hem, then the outside
    outer = skinned(rings(wide, 1.0, 12), ["cloth black"] * 2 + [looks.umbrella] * 5, class_id)
    return merge([stick, handle, moved(outer, by_m=top)])


def bag(stature_m: float, waist: float, looks: Looks, class_id: ClassId) -> list[Soup]:
    """Return what hangs on the trunk: backpack or shoulder bag, in the trunk's frame."""
    kind, h, deep = looks.outfit.bag, stature_m, 0.055 * looks.girth * looks.outfit.thick
    if kind is Bag.BACKPACK:
        rows: list[Row] = [
            (0.615, 0.030, 0.038, 0.060, 0), (0.635, 0.040, 0.052, 0.076, 0),
            (0.72, 0.040, 0.050, 0.078, 0), (0.79, 0.036, 0.036, 0.068, 0),
            (0.812, 0.026, 0.014, 0.046, 0),
        ]  # fmt: skip
        pack = moved(
            skinned(rings(lowered(rows, waist), h, 12, 3.4), ["bag"] * 4, class_id),
            by_m=(-(deep + 0.036) * h, 0, 0),
        )
        return [pack, *(_strap(h, waist, looks, side, class_id) for side in (1, -1))]
    if kind is Bag.SHOULDER:
        rows = [(0.50, 0.045, 0.045, 0.018, 0), (0.515, 0.062, 0.062, 0.026, 0),
                (0.57, 0.058, 0.058, 0.024, 0), (0.60, 0.045, 0.045, 0.012, 0)]  # fmt: skip
        side = 0.118 * looks.girth * looks.outfit.thick
        made = skinned(rings(lowered(rows, waist), h, 12, 3.0), ["leather"] * 3, class_id)
        return [moved(made, by_m=(-0.012 * h, -side * h, 0))]
    return []


def _strap(h: float, waist: float, looks: Looks, side: int, class_id: ClassId) -> Soup:
    """Return a strap over one shoulder."""
    front = 0.074 * looks.girth * looks.outfit.thick
    path = [(-0.05, 0.055, 0.80), (-0.01, 0.058, 0.832), (0.035, 0.060, 0.815),
            (front, 0.062, 0.75), (front - 0.004, 0.072, 0.68)]  # fmt: skip
    points = [(x * h, side * y * h, (z - waist) * h) for x, y, z in path]
    return tube(points, [0.010 * h] * 5, skin("cloth black", class_id), 8)
