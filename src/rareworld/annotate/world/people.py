"""Adults and children: torso, head, hair and jointed limbs that walk.

Proportions are fractions of the stature (Drillis & Contini 1966). The gait is the textbook cycle of
hip, knee and foot angles in level walking (Winter, Biomechanics and Motor Control of Human
Movement, 1991, read off at a few percentages of the cycle). The body rises and falls so that the
lower foot always just touches the ground.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import (
    Soup,
    Vec3,
    box,
    circle,
    loft,
    merge,
    sphere,
    tube,
)
from rareworld.annotate.world.parts import CYCLE_STEPS, Figure, Joint, Part
from rareworld.core.blueprint import Blueprint
from rareworld.core.taxonomy import ClassId

HIP, THIGH, SHIN, ANKLE = 0.515, 0.240, 0.230, 0.045
SHOULDER, UPPER_ARM = 0.790, 0.160
HIP_WIDE, SHOULDER_WIDE = 0.050, 0.108
HEEL, TOE = -0.035, 0.100
"""Proportions as fractions of the stature."""

_SHOE = (
    (HEEL, 0.018, 0.030), (-0.02, 0.024, 0.060), (0.02, 0.025, 0.055), (0.06, 0.027, 0.032),
    (TOE, 0.018, 0.020),
)  # fmt: skip
"""Sections of a shoe: x, half width and height."""

Cycle = Float[np.ndarray, "c"]
_GAIT_PERCENT = (0, 12, 30, 50, 60, 73, 87, 100)
_HIP_DEG = (28, 24, 6, -11, -9, 16, 29, 28)
_KNEE_DEG = (6, 17, 8, 9, 34, 61, 26, 6)
_FOOT_DEG = (-16, 0, 0, 16, 48, 38, -8, -16)


@final
@dataclass(frozen=True, kw_only=True)
class Looks:
    """What one person looks like."""

    skin: str
    hair: str
    shoe: str
    stout: float
    """Factor on widths."""
    long_hair: bool
    bag: bool
    shorts: bool
    coat: bool


def looks_of(style: int) -> Looks:
    """Return the looks of a style number; the same number gives the same person."""
    return Looks(
        skin=("skin light", "skin mid", "skin dark", "skin light")[style % 4],
        hair=("hair brown", "hair black", "hair fair", "hair grey", "hair black")[style % 5],
        shoe=("shoe", "shoe pale")[style // 2 % 2],
        stout=(1.0, 0.93, 1.12)[style // 3 % 3],
        long_hair=style % 2 == 1,
        bag=style % 3 == 0,
        shorts=style % 7 == 3,
        coat=style % 4 == 2,
    )


NUM_LOOKS = 1260
"""Styles repeat after this many."""


def _cycle(degrees: Sequence[float], shift: float = 0.0) -> Cycle:
    """Return a smooth periodic table in radians through the gait's percentages."""
    spline = CubicSpline(np.array(_GAIT_PERCENT) / 100, np.radians(degrees), bc_type="periodic")
    return np.asarray(spline((np.arange(CYCLE_STEPS) / CYCLE_STEPS + shift) % 1))


def _rings(
    rows: Sequence[tuple[float, float, float, float]], height_m: float, stout: float
) -> np.ndarray:
    """Return elliptic rings from (z, half depth, half width, x shift) in fractions of stature."""
    ring = circle(12)
    made = [
        np.column_stack(
            [ring[:, 0] * deep * stout + shift, ring[:, 1] * wide * stout, 0 * ring[:, 0] + z]
        )
        for z, deep, wide, shift in rows
    ]
    return np.stack(made) * height_m


def torso(height_m: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return trunk, neck, head and hair, standing upright with the hips at their height."""
    hem = 0.40 if looks.coat else 0.535
    upper = [(hem, 0.062, 0.092, 0), (0.60, 0.058, 0.084, 0), (0.70, 0.066, 0.098, 0.003),
             (0.775, 0.064, 0.108, 0.002), (0.815, 0.050, 0.098, 0),
             (0.835, 0.036, 0.055, 0.002)]  # fmt: skip
    lower = [(0.475, 0.045, 0.070, 0), (0.51, 0.060, 0.088, 0), (0.56, 0.057, 0.083, 0)]
    face, h = skin(looks.skin, class_id), height_m
    parts = [
        loft(_rings(upper, h, looks.stout), skin("jacket", class_id)),
        loft(_rings(lower, h, looks.stout), skin("trousers", class_id)),
        tube([(0, 0, 0.82 * h), (0.01 * h, 0, 0.885 * h)], [0.032 * h, 0.030 * h], face, 8),
        sphere((0.012 * h, 0, 0.925 * h), (0.052 * h, 0.043 * h, 0.064 * h), face, 12),
        sphere((0.064 * h, 0, 0.920 * h), (0.010 * h, 0.008 * h, 0.013 * h), face, 6),
        sphere(
            (-0.004 * h, 0, 0.943 * h),
            (0.056 * h, 0.049 * h, 0.057 * h),
            skin(looks.hair, class_id),
            12,
        ),
    ]
    if looks.long_hair:
        parts.append(
            sphere(
                (-0.030 * h, 0, 0.893 * h),
                (0.030 * h, 0.046 * h, 0.065 * h),
                skin(looks.hair, class_id),
                10,
            )
        )
    if looks.bag:
        parts.append(
            box(
                (0.07 * h, 0.13 * h, 0.19 * h),
                (-0.095 * h * looks.stout, 0, 0.71 * h),
                skin("bag", class_id),
            )
        )
    return merge(parts)


def thigh(height_m: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return an upper leg that hangs from the origin."""
    h, s = height_m, looks.stout
    path = [(0, 0, 0.02 * h), (0, 0, -0.10 * h), (0.004 * h, 0, -THIGH * h)]
    return tube(path, [0.050 * h * s, 0.046 * h * s, 0.034 * h], skin("trousers", class_id), 9)


def shin(height_m: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return a lower leg that hangs from the knee at the origin."""
    h = height_m
    cloth = skin(looks.skin if looks.shorts else "trousers", class_id)
    path = [(0, 0, 0.015 * h), (-0.006 * h, 0, -0.07 * h), (0, 0, -SHIN * h)]
    wide = 0.8 if looks.shorts else 1.0
    return tube(path, [0.035 * h, 0.034 * h * wide, 0.025 * h * wide], cloth, 9)


def foot(height_m: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return a shoe below the ankle at the origin, sole flat."""
    h, sole = height_m, -ANKLE * height_m
    rows = _SHOE
    rings = [
        [
            (x * h, -y * h, sole),
            (x * h, y * h, sole),
            (x * h, 0.8 * y * h, sole + z * h),
            (x * h, -0.8 * y * h, sole + z * h),
        ]
        for x, y, z in rows
    ]
    return loft(np.array(rings), skin(looks.shoe, class_id))


def upper_arm(height_m: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return an upper arm that hangs from the shoulder at the origin."""
    h, s = height_m, looks.stout
    path = [(0, 0, 0.004 * h), (0, 0, -0.05 * h), (0, 0, -UPPER_ARM * h)]
    look = skin("jacket", class_id)
    cap = sphere((0, 0, 0), (0.030 * h * s, 0.029 * h * s, 0.030 * h), look, 8)
    return merge([tube(path, [0.026 * h * s, 0.029 * h * s, 0.023 * h], look, 8), cap])


def forearm(height_m: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return a lower arm with its hand, hanging from the elbow at the origin."""
    h = height_m
    sleeve = tube(
        [(0, 0, 0.012 * h), (0, 0, -0.135 * h)], [0.023 * h, 0.018 * h], skin("jacket", class_id), 8
    )
    hand = sphere(
        (0.004 * h, 0, -0.165 * h), (0.018 * h, 0.011 * h, 0.036 * h), skin(looks.skin, class_id), 8
    )
    return merge([sleeve, hand])


def _leg(height_m: float, looks: Looks, side: int, first: int) -> list[Part]:
    """Return thigh, shin and foot; `first` is the index the thigh will have."""
    shift = 0.0 if side > 0 else 0.5
    hip, knee = -_cycle(_HIP_DEG, shift), _cycle(_KNEE_DEG, shift)
    ankle = _cycle(_FOOT_DEG, shift) - hip - knee
    kind = ClassId.PEDESTRIAN
    pivots: tuple[Vec3, ...] = (
        (0, side * HIP_WIDE * height_m, HIP * height_m),
        (0, 0, -THIGH * height_m),
        (0, 0, -SHIN * height_m),
    )
    shapes = (
        thigh(height_m, looks, kind),
        shin(height_m, looks, kind),
        foot(height_m, looks, kind),
    )
    return [
        Part(shape=shape, joint=Joint(pivot_m=pivot, parent=parent, cycle_rad=cycle))
        for shape, pivot, parent, cycle in zip(
            shapes, pivots, (-1, first, first + 1), (hip, knee, ankle), strict=True
        )
    ]


def _arm(height_m: float, looks: Looks, side: int, first: int) -> list[Part]:
    """Return upper arm and forearm, swinging against the leg of their side."""
    phase = 2 * np.pi * np.arange(CYCLE_STEPS) / CYCLE_STEPS
    swing = side * 0.36 * np.cos(phase) + 0.04
    bend = -0.30 + side * 0.16 * np.cos(phase)
    h, kind = height_m, ClassId.PEDESTRIAN
    shoulder = (0.0, side * SHOULDER_WIDE * h * (0.35 + 0.65 * looks.stout), SHOULDER * h)
    return [
        Part(
            shape=upper_arm(h, looks, kind),
            joint=Joint(pivot_m=shoulder, cycle_rad=swing, rest_rad=0.03),
        ),
        Part(
            shape=forearm(h, looks, kind),
            joint=Joint(
                pivot_m=(0, 0, -UPPER_ARM * h), parent=first, cycle_rad=bend, rest_rad=-0.18
            ),
        ),
    ]


def _turned(points: np.ndarray, angle: Cycle) -> np.ndarray:
    """Return points (c, p, 2) in (x, z) turned about y by an angle per row."""
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return np.stack(
        [c * points[..., 0] + s * points[..., 1], c * points[..., 1] - s * points[..., 0]], axis=-1
    )


def _sole_z(hip: Cycle, knee: Cycle, ankle: Cycle) -> Float[np.ndarray, "c"]:
    """Return the lower of heel and toe over the cycle, fraction of stature."""
    sole = np.broadcast_to([[HEEL, -ANKLE], [TOE, -ANKLE]], (len(hip), 2, 2))
    at_knee = _turned(sole, ankle) + np.array([0.0, -SHIN])
    at_hip = _turned(at_knee, knee) + np.array([0.0, -THIGH])
    return (_turned(at_hip, hip)[..., 1] + HIP).min(axis=1)


def walking_bob(parts: Sequence[Part], height_m: float) -> Cycle:
    """Return how far the body must rise over the cycle so that the lower sole is at z = 0."""
    tables = [np.zeros(1) if p.joint.cycle_rad is None else p.joint.cycle_rad for p in parts]
    low = [_sole_z(*tables[first : first + 3]) for first in (1, 4)]
    return -np.min(low, axis=0) * height_m


def person(spec: Blueprint, style: int) -> Figure:
    """Return a walking person of the blueprint's stature."""
    looks, h = looks_of(style), spec.height_m
    parts = [Part(shape=torso(h, looks, ClassId.PEDESTRIAN))]
    for side in (1, -1):
        parts += _leg(h, looks, side, len(parts))
    for side in (1, -1):
        parts += _arm(h, looks, side, len(parts))
    return Figure(parts=tuple(parts), rests=True, bob_m=walking_bob(parts, h))
