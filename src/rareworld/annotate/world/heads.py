"""Heads: skull and face, volumes of hair, hats, hoods.

Sections are told for a stature of 1 with the crown at height 1; heads have their joint, the base of
the neck, at the origin. Proved in tests/annotate/world/test_limbs.py.
"""

from dataclasses import replace

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import Soup, Vec3, box, merge, moved
from rareworld.annotate.world.sections import Row, rings, skinned
from rareworld.annotate.world.wardrobe import Age, Hair, Hat, Looks
from rareworld.core.taxonomy import ClassId

_HEAD: tuple[Row, ...] = (
    (0.866, 0.026, 0.012, 0.018, 0.018), (0.874, 0.036, 0.020, 0.027, 0.014),
    (0.890, 0.043, 0.034, 0.034, 0.011), (0.910, 0.045, 0.046, 0.039, 0.010),
    (0.930, 0.045, 0.053, 0.042, 0.010), (0.950, 0.046, 0.056, 0.043, 0.010),
    (0.970, 0.043, 0.052, 0.040, 0.008), (0.985, 0.034, 0.042, 0.032, 0.006),
    (0.995, 0.020, 0.024, 0.019, 0.005),
)  # fmt: skip
_SHORT: tuple[Row, ...] = (
    (0.902, 0.008, 0.026, 0.035, -0.028), (0.918, 0.012, 0.038, 0.042, -0.020),
    (0.938, 0.018, 0.050, 0.0455, -0.011), (0.957, 0.032, 0.058, 0.0465, -0.004),
    (0.973, 0.048, 0.058, 0.0455, 0.004), (0.989, 0.044, 0.050, 0.039, 0.004),
    (1.000, 0.031, 0.035, 0.027, 0.003),
)  # fmt: skip
_LONG: tuple[Row, ...] = (
    (0.795, 0.004, 0.016, 0.036, -0.048), (0.820, 0.008, 0.026, 0.047, -0.042),
    (0.870, 0.014, 0.032, 0.050, -0.030), (0.918, 0.018, 0.040, 0.0495, -0.020),
    (0.945, 0.022, 0.056, 0.0495, -0.008), (0.972, 0.047, 0.062, 0.048, 0.004),
    (0.990, 0.045, 0.053, 0.041, 0.004), (1.001, 0.031, 0.037, 0.028, 0.003),
)  # fmt: skip
_FRINGE: tuple[Row, ...] = (
    (0.898, 0.004, 0.026, 0.038, -0.028), (0.918, 0.008, 0.038, 0.0445, -0.022),
    (0.940, 0.010, 0.050, 0.0460, -0.013), (0.958, 0.010, 0.050, 0.0440, -0.012),
    (0.968, 0.006, 0.034, 0.0320, -0.012),
)  # fmt: skip
_HOOD: tuple[Row, ...] = (
    (0.838, 0.036, 0.060, 0.060, -0.006), (0.865, 0.026, 0.062, 0.058, -0.008),
    (0.900, 0.022, 0.062, 0.055, -0.008), (0.940, 0.028, 0.066, 0.055, -0.006),
    (0.970, 0.044, 0.064, 0.053, 0.000), (0.994, 0.048, 0.054, 0.045, 0.002),
    (1.008, 0.030, 0.034, 0.028, 0.000),
)  # fmt: skip
_BEANIE: tuple[Row, ...] = (
    (0.940, 0.030, 0.060, 0.0475, -0.002), (0.958, 0.052, 0.062, 0.0485, 0.006),
    (0.978, 0.050, 0.056, 0.0460, 0.006), (0.998, 0.038, 0.040, 0.0340, 0.003),
    (1.009, 0.018, 0.018, 0.0160, 0.001),
)  # fmt: skip


def head(stature_m: float, neck: float, looks: Looks, class_id: ClassId) -> Soup:
    """Return skull, face and hair or hat; `neck` is the joint's height, fraction of stature."""
    grow = 1.24 if looks.age is Age.CHILD else 1.0
    parts = [*_face(looks, class_id), *_hair(looks, class_id)]
    made = merge(parts)
    corners = made.corners_m.copy()
    # a child's larger head grows downward from the crown
    corners[..., 2] = (corners[..., 2] - 1.0) * grow + 1.0 - neck
    corners[..., :2] *= grow
    return replace(made, corners_m=corners * stature_m)


def _face(looks: Looks, class_id: ClassId) -> list[Soup]:
    """Return the skull with nose, eyes, ears, lips and beard, stature 1."""
    skull = skinned(rings(_HEAD, 1.0, 10), [looks.skin] * 8, class_id)
    nose: list[Row] = [
        (0.908, 0.014, 0.01, 0.007, 0.054), (0.914, 0.017, 0.01, 0.008, 0.055),
        (0.938, 0.007, 0.01, 0.004, 0.052),
    ]  # fmt: skip
    parts = [skull, skinned(rings(nose, 1.0, 6), [looks.skin] * 2, class_id)]
    for side in (1, -1):
        for middle, size, name in (
            ((0.048, 0.0175, 0.934), (0.010, 0.013, 0.006), "eye"),
            ((0.049, 0.0180, 0.944), (0.010, 0.017, 0.004), looks.hair_of),
            ((0.002, 0.0430, 0.925), (0.018, 0.010, 0.026), looks.skin),
        ):
            at = (middle[0], side * middle[1], middle[2])
            parts.append(box(size, at, skin(name, class_id)))
    parts.append(box((0.008, 0.025, 0.005), (0.0495, 0.0, 0.8965), skin("lips", class_id)))
    if looks.beard:
        parts.append(skinned(rings([(z, f + 0.003, b * 0.2, w + 0.002, x) for z, f, b, w, x in
                                    ((0.863, 0.028, 0.01, 0.018, 0.018), *_HEAD[1:3],
                                     (0.903, 0.038, 0.04, 0.036, 0.010))], 1.0, 10),
                             [looks.hair_of] * 3, class_id))  # fmt: skip
    return parts


def _blob(at: Vec3, radii: Vec3, name: str, class_id: ClassId) -> Soup:
    """Return a small rounded lump."""
    rows: list[Row] = [
        (s * radii[2], c * radii[0], c * radii[0], c * radii[1], 0.0)
        for s, c in ((-0.9, 0.45), (0.0, 1.0), (0.9, 0.45))
    ]
    return moved(skinned(rings(rows, 1.0, 6), [name] * 2, class_id), by_m=at)


def _hair(looks: Looks, class_id: ClassId) -> list[Soup]:
    """Return hair, hat or hood, stature 1."""
    hat, name = looks.outfit.hat, looks.hair_of
    parts: list[Soup] = []
    if hat in (Hat.HOOD, Hat.SCARF):
        return [skinned(rings(_HOOD, 1.0, 10), [looks.outfit.top] * 6, class_id)]
    if hat is Hat.NONE or looks.hair is Hair.LONG:
        parts.append(_mop(looks, class_id))
    else:
        low = skinned(rings(_FRINGE, 1.0, 10), [name] * 4, class_id)
        parts.append(low)
    if hat is not Hat.NONE:
        parts += _hat(hat, class_id)
    return parts


def _mop(looks: Looks, class_id: ClassId) -> Soup:
    """Return the hair itself."""
    name = looks.hair_of
    if looks.hair is Hair.BALD:
        return skinned(rings(_FRINGE, 1.0, 10), [name] * 4, class_id)
    if looks.hair is Hair.LONG:
        return skinned(rings(_LONG, 1.0, 10), [name] * 7, class_id)
    rows = list(_SHORT)
    if looks.hair is Hair.CURLY:
        rows = [
            (0.95 + (z - 0.95) * 1.16, f * 1.12, b * 1.18, w * 1.18, x) for z, f, b, w, x in rows
        ]
    parts = [skinned(rings(rows, 1.0, 10), [name] * 6, class_id)]
    if looks.hair is Hair.BUN:
        parts.append(_blob((-0.062, 0, 0.968), (0.024, 0.024, 0.024), name, class_id))
    if looks.hair is Hair.TAIL:
        tail: list[Row] = [
            (0.815, 0.004, 0.006, 0.007, -0.070), (0.85, 0.010, 0.012, 0.014, -0.070),
            (0.91, 0.014, 0.013, 0.016, -0.068), (0.952, 0.010, 0.010, 0.010, -0.060),
        ]  # fmt: skip
        parts.append(skinned(rings(tail, 1.0, 8), [name] * 3, class_id))
    return merge(parts)


def _hat(hat: Hat, class_id: ClassId) -> list[Soup]:
    """Return a cap, beanie or straw hat."""
    name = {Hat.CAP: "cloth navy", Hat.BEANIE: "cloth grey", Hat.STRAW: "cloth beige"}[hat]
    parts = [skinned(rings(_BEANIE, 1.0, 10), [name] * 4, class_id)]
    if hat is Hat.CAP:
        brim: list[Row] = [(0.960, 0.050, 0.04, 0.034, 0.048), (0.965, 0.047, 0.04, 0.031, 0.046)]
        parts.append(skinned(rings(brim, 1.0, 12), [name], class_id))
    if hat is Hat.STRAW:
        rim: list[Row] = [(0.953, 0.098, 0.098, 0.092, 0), (0.959, 0.092, 0.092, 0.086, 0)]
        parts.append(skinned(rings(rim, 1.0, 14), [name], class_id))
    return parts
