"""Shapes of the human body: smooth closed lofts through elliptic sections, bone by bone.

Sections are told in fractions of the stature, as measured on adults (Tilley 1993, The Measure of
Man and Woman) and thickened by clothes. Every shape has its bone's joint at the origin. Sections
have ten sides or more, so that neighbouring faces meet at less than the crease angle and normals
are smooth. Proved in tests/annotate/world/test_limbs.py.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import Soup, merge, sheet, tube
from rareworld.annotate.world.sections import Row, fat, lowered, rings, skinned
from rareworld.annotate.world.skeleton import ANKLE, SHIN, THIGH, UPPER_ARM
from rareworld.annotate.world.wardrobe import Age, Looks
from rareworld.core.taxonomy import ClassId

_TRUNK_SIDES: Final = 12

_MAN: tuple[Row, ...] = (
    (0.516, 0.073, 0.077, 0.105, 0), (0.560, 0.070, 0.070, 0.100, 0),
    (0.610, 0.065, 0.056, 0.088, 0), (0.670, 0.069, 0.059, 0.093, 0),
    (0.730, 0.072, 0.064, 0.101, 0), (0.772, 0.063, 0.064, 0.109, 0),
    (0.797, 0.051, 0.058, 0.116, 0), (0.814, 0.043, 0.050, 0.104, 0),
    (0.830, 0.036, 0.042, 0.070, 0.001), (0.842, 0.033, 0.036, 0.045, 0.003),
    (0.854, 0.031, 0.033, 0.035, 0.004),
)  # fmt: skip
_WOMAN: tuple[Row, ...] = (
    (0.516, 0.071, 0.080, 0.105, 0), (0.560, 0.067, 0.070, 0.099, 0),
    (0.615, 0.061, 0.053, 0.083, 0), (0.670, 0.066, 0.054, 0.086, 0),
    (0.722, 0.080, 0.057, 0.090, 0), (0.768, 0.062, 0.058, 0.097, 0),
    (0.797, 0.046, 0.052, 0.103, 0), (0.814, 0.039, 0.046, 0.091, 0),
    (0.830, 0.033, 0.039, 0.060, 0.001), (0.842, 0.030, 0.033, 0.039, 0.003),
    (0.854, 0.028, 0.029, 0.031, 0.004),
)  # fmt: skip
_NECK: tuple[Row, ...] = (
    (0.838, 0.026, 0.028, 0.030, 0.003), (0.862, 0.026, 0.029, 0.029, 0.005),
    (0.888, 0.027, 0.032, 0.030, 0.008),
)  # fmt: skip
_PELVIS: tuple[Row, ...] = (
    (0.462, 0.034, 0.040, 0.040, 0), (0.474, 0.050, 0.056, 0.070, 0),
    (0.495, 0.058, 0.068, 0.092, 0), (0.530, 0.060, 0.067, 0.095, 0),
    (0.575, 0.058, 0.057, 0.086, 0), (0.600, 0.054, 0.050, 0.080, 0),
)  # fmt: skip
_THIGH: tuple[Row, ...] = (
    (0.036, 0.030, 0.036, 0.026, 0), (0.020, 0.047, 0.055, 0.041, 0),
    (-0.010, 0.054, 0.060, 0.048, 0), (-0.080, 0.050, 0.052, 0.045, 0.002),
    (-0.160, 0.042, 0.042, 0.038, 0.003), (-0.225, 0.034, 0.034, 0.032, 0.002),
    (-0.258, 0.024, 0.026, 0.024, 0.001),
)  # fmt: skip
_SHIN: tuple[Row, ...] = (
    (0.026, 0.024, 0.024, 0.023, 0.002), (0.006, 0.033, 0.033, 0.0315, 0.002),
    (-0.060, 0.029, 0.038, 0.031, -0.001), (-0.140, 0.025, 0.031, 0.026, 0),
    (-0.215, 0.024, 0.025, 0.022, 0), (-0.242, 0.022, 0.024, 0.021, 0),
)  # fmt: skip
_UPPER_ARM: tuple[Row, ...] = (
    (0.015, 0.012, 0.012, 0.010, -0.001), (0.008, 0.024, 0.026, 0.020, 0),
    (-0.010, 0.033, 0.036, 0.029, 0), (-0.045, 0.034, 0.036, 0.031, 0),
    (-0.100, 0.029, 0.030, 0.027, 0), (-0.152, 0.026, 0.027, 0.025, 0),
    (-0.174, 0.018, 0.018, 0.018, 0),
)  # fmt: skip
_FOREARM: tuple[Row, ...] = (
    (0.014, 0.017, 0.018, 0.017, 0), (0.000, 0.026, 0.026, 0.024, 0),
    (-0.118, 0.021, 0.020, 0.018, 0.001),
    (-0.132, 0.019, 0.018, 0.016, 0.002),
)  # fmt: skip
_HAND: tuple[Row, ...] = (
    (-0.128, 0.014, 0.013, 0.012, 0.002), (-0.145, 0.019, 0.017, 0.011, 0.003),
    (-0.172, 0.021, 0.017, 0.010, 0.004), (-0.192, 0.016, 0.014, 0.008, 0.004),
    (-0.208, 0.007, 0.006, 0.004, 0.004),
)  # fmt: skip
_SHOE: tuple[tuple[float, float, float], ...] = (
    (-0.036, 0.014, 0.034), (-0.028, 0.021, 0.052), (0.004, 0.024, 0.066),
    (0.034, 0.025, 0.052), (0.066, 0.029, 0.035), (0.092, 0.024, 0.026), (0.104, 0.009, 0.014),
)  # fmt: skip
"""Sections of a shoe: x, half width and height."""


def _torso_rows(looks: Looks) -> list[Row]:
    """Return the trunk's sections with build, bulk of clothes and belly."""
    outfit = looks.outfit
    shoulder = 0.35 + 0.65 * looks.girth
    rows: list[Row] = []
    child = looks.age is Age.CHILD
    for z, front, back, wide, x in _WOMAN if looks.woman and not child else _MAN:
        bulge = looks.belly * float(np.exp(-(((z - 0.60) / 0.075) ** 2)))
        grow = (looks.girth if z < 0.76 else shoulder) * outfit.thick
        neck = 1.0 if z < 0.825 else 1 / grow
        rows.append((z, front * grow * neck + bulge, back * grow * neck, wide * grow * neck, x))
    if child:
        rows = [(z, f * 1.02, b * 1.02, w * 0.95, x) for z, f, b, w, x in rows]
    return rows


def trunk(stature_m: float, waist: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return chest, shoulders and neck; `waist` is the joint's height, fraction of stature."""
    h, outfit = stature_m, looks.outfit
    rows = lowered(_torso_rows(looks), waist)
    top = [outfit.top] * (len(rows) - 1)
    if outfit.stripes:
        top[1] = top[3] = outfit.stripes
    parts = [skinned(rings(rows, h, _TRUNK_SIDES, 2.1), top, class_id)]
    neck = rings(lowered(_NECK, waist), h)
    parts.append(skinned(neck, [looks.skin] * 2, class_id))
    if outfit.shirt:
        parts.append(_front(rows, h, outfit.shirt, class_id))
    return merge(parts)


def _front(rows: Sequence[Row], h: float, name: str, class_id: ClassId) -> Soup:
    """Return the wedge of shirt seen in an open jacket, a finger's width proud of the chest."""
    chest = [row for row in rows if row[0] > rows[1][0]][:-2]
    share = np.linspace(0.22, 0.62, len(chest))
    made: list[Row] = [
        (z, f + 0.003, -f + 0.012, w * float(s), x)
        for (z, f, _, w, x), s in zip(chest, share, strict=True)
    ]
    return skinned(rings(made, h, 8), [name] * (len(made) - 1), class_id)


def pelvis(stature_m: float, hip: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return the hips, with the upper part of a skirt or coat; joint at hip height `hip`."""
    h, outfit = stature_m, looks.outfit
    wide = looks.girth * (1.04 if looks.woman else 1.0)
    name = outfit.bottom if outfit.bottom != "skin" else outfit.skirt_of
    parts = [
        skinned(rings(fat(lowered(_PELVIS, hip), wide), h, _TRUNK_SIDES), [name] * 5, class_id)
    ]
    if outfit.skirt:
        parts.append(_skirt_top(h, hip, looks, class_id))
    return merge(parts)


def _skirt_top(h: float, hip: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return the rigid upper part of a skirt, ending where the thighs part."""
    grow = looks.girth * looks.outfit.thick
    rows: list[Row] = [
        (0.440, 0.079, 0.087, 0.115, 0), (0.480, 0.077, 0.086, 0.112, 0),
        (0.520, 0.072, 0.079, 0.104, 0), (0.570, 0.067, 0.064, 0.094, 0),
        (0.605, 0.060, 0.055, 0.084, 0),
    ]  # fmt: skip
    made = rings(fat(lowered(rows, hip), grow), h, _TRUNK_SIDES)
    return skinned(made, [looks.outfit.skirt_of] * 4, class_id)


def thigh(leg_m: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return an upper leg with its share of a skirt; `leg_m` is the stature its leg suits."""
    outfit = looks.outfit
    cloth = outfit.bottom if outfit.bottom != "skin" else looks.skin
    fit = 1.0 if outfit.legs > 0.2 else 0.88
    rows = fat(_THIGH, fit * (0.3 + 0.7 * looks.girth))
    names = [cloth if outfit.legs > 0.2 else looks.skin] * 6
    if 0.2 < outfit.legs < 0.7:
        names[4:] = [looks.skin] * 2
        rows[4] = (rows[4][0], 0.050, 0.050, 0.047, 0.003)
        rows.insert(5, (rows[4][0] - 0.002, 0.037, 0.037, 0.034, 0.003))
        names = [*names[:4], cloth, *names[4:]]
    parts = [skinned(rings(rows, leg_m), names, class_id)]
    if outfit.skirt:
        parts.append(_flap(leg_m, looks, class_id))
    return merge(parts)


def _flap(leg_m: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return the part of a skirt or coat that swings with the thigh."""
    outfit = looks.outfit
    end = -outfit.skirt * (THIGH + SHIN)
    grow = looks.girth * outfit.thick
    flare = 0.006 + 0.05 * outfit.skirt
    rows: list[Row] = [
        (0.02, 0.050, 0.058, 0.044, 0), (-0.03, 0.068, 0.076, 0.056, 0),
        (0.5 * end - 0.02, 0.068 + 0.5 * flare, 0.074 + 0.5 * flare, 0.058 + 0.3 * flare, 0),
        (end, 0.066 + flare, 0.070 + flare, 0.058 + 0.5 * flare, 0),
        (end + 0.012, 0.052 + flare, 0.056 + flare, 0.046 + 0.5 * flare, 0),
    ]  # fmt: skip
    return skinned(rings(fat(rows, grow), leg_m, 12), [outfit.skirt_of] * 4, class_id)


def shin(leg_m: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return a lower leg that hangs from the knee."""
    outfit = looks.outfit
    if outfit.legs >= 0.7 and outfit.bottom != "skin":
        loose = [(z, max(f, 0.030), max(b, 0.031), max(w, 0.029), x) for z, f, b, w, x in _SHIN]
        loose[0] = _SHIN[0]
        return skinned(rings(loose, leg_m), [outfit.bottom] * 5, class_id)
    return skinned(rings(fat(_SHIN, 0.90), leg_m), [looks.skin] * 5, class_id)


def foot(leg_m: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return a shoe below the ankle, sole flat on z = -ankle height."""
    made: list[np.ndarray] = []
    angle = np.linspace(0.0, 2 * np.pi, 8, endpoint=False) + np.pi / 8
    for x, wide, high in _SHOE:
        y, up = np.cos(angle), np.clip(np.sin(angle) / 0.92, -1, 1)
        y = np.sign(y) * np.abs(y) ** 0.7 * np.where(up > 0.5, 0.72, 1.0)
        z = (
            -ANKLE
            + np.where(up < -0.9, 0.0, np.where(up < 0, 0.3, np.where(up > 0.9, 1.0, 0.68))) * high
        )
        made.append(np.column_stack([0 * y + x, wide * y, z]))
    p = np.stack(made) * leg_m
    ends = [np.broadcast_to(ring.mean(axis=0), ring.shape)[None] for ring in (p[0], p[-1])]
    p = np.concatenate([ends[0], p, ends[1]])
    around = np.concatenate([p, p[:, :1]], axis=1)[:, ::-1]
    return sheet(around, skin(looks.outfit.shoe, class_id))


def _slim(looks: Looks) -> float:
    """Return how much thinner than a man's the arms are."""
    return 0.88 if looks.age is Age.CHILD else 0.92 if looks.woman else 1.0


def upper_arm(stature_m: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return an upper arm that hangs from the shoulder."""
    outfit = looks.outfit
    grow = (0.4 + 0.6 * looks.girth) * _slim(looks)
    if outfit.sleeves > 0.5:
        rows = fat(_UPPER_ARM, grow * outfit.thick)
        return skinned(rings(rows, stature_m), [outfit.top] * 6, class_id)
    rows, end = fat(_UPPER_ARM, 0.86 * grow), -0.25 * UPPER_ARM - outfit.sleeves * 0.12
    sleeve = [*fat(_UPPER_ARM[:4], grow), (end, 0.035 * grow, 0.036 * grow, 0.031 * grow, 0.0),
              (end + 0.008, 0.028 * grow, 0.028 * grow, 0.025 * grow, 0.0)]  # fmt: skip
    return merge(
        [
            skinned(rings(rows[1:], stature_m), [looks.skin] * 5, class_id),
            skinned(rings(sleeve, stature_m), [outfit.top] * 5, class_id),
        ]
    )


def forearm(stature_m: float, looks: Looks, class_id: ClassId, side: int = 1) -> Soup:
    """Return a lower arm with its hand, hanging from the elbow; side is 1 for the left."""
    outfit, h = looks.outfit, stature_m
    covered = outfit.sleeves > 0.9
    grow = (0.4 + 0.6 * looks.girth) * (outfit.thick if covered else 0.84) * _slim(looks)
    name = outfit.top if covered else looks.skin
    thumb = tube(
        [(0.012 * h, 0, -0.142 * h), (0.026 * h, -side * 0.010 * h, -0.178 * h)],
        [0.007 * h, 0.004 * h], skin(looks.skin, class_id), 5,
    )  # fmt: skip
    return merge(
        [
            skinned(rings(fat(_FOREARM, grow), h), [name] * 3, class_id),
            skinned(rings(_HAND, h, 8), [looks.skin] * 4, class_id),
            thumb,
        ]
    )
