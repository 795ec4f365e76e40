"""A grown person who pushes a pram: one actor whose box holds both.

The pram's wheels turn with the way covered; arms reach the handle exactly.
Proved in tests/annotate/world/test_prams.py.
"""

from dataclasses import replace

import numpy as np

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import (
    Soup,
    Vec3,
    both_sides,
    box,
    lathe,
    merge,
    moved,
    sphere,
    tube,
)
from rareworld.annotate.world.parts import Figure, Joint, Part
from rareworld.annotate.world.people import person
from rareworld.annotate.world.reach import two_link
from rareworld.annotate.world.sections import Row, rings, skinned
from rareworld.annotate.world.skeleton import (
    ARMS,
    SHOULDER,
    UPPER_ARM,
    Bone,
    Walker,
    free_pose,
)
from rareworld.annotate.world.wardrobe import NUM_LOOKS, Bag, Dress, looks_of
from rareworld.core.blueprint import Blueprint

_BEHIND_M = -0.52
"""Where the person stands in the box."""
_HANDLE: Vec3 = (-0.11, 0.19, 1.00)
"""Left grip."""
_PALM = 0.168
_STRIDE = 0.8
"""Double step over stature, as recorders count `wheel_turn_rad`."""
_WHEELS = ((-0.02, 0.13, 0.235), (0.58, 0.10, 0.19))
"""Axle, radius and place to the side of the rear and the front wheels."""
_CLOTHS = ("cloth black", "cloth grey", "cloth navy", "cloth red", "cloth beige")


def person_with_pram(spec: Blueprint, style: int, dress: Dress = Dress.FAIR) -> Figure:
    """Return somebody pushing a pram; the origin is the middle of both."""
    # both hands are taken: whoever would carry shopping or an umbrella takes another number
    number = next(k for k in range(style, style + NUM_LOOKS) if _free_hands(k, dress))
    made = person(spec, number, dress)
    walker, parts = made.walker, list(made.parts)
    if walker is None:
        raise ValueError("people on foot have a walker")
    parts[Bone.PELVIS] = replace(
        parts[Bone.PELVIS],
        joint=Joint(pivot_m=(_BEHIND_M, 0.0, parts[Bone.PELVIS].joint.pivot_m[2])),
    )
    parts.append(Part(shape=_pram(spec, _CLOTHS[style % len(_CLOTHS)])))
    for x, radius, side in _WHEELS:
        spin = _STRIDE * spec.height_m / (2 * np.pi * radius)
        wheel = both_sides(moved(_wheel(spec, radius), by_m=(0.0, side, 0.0)))
        parts.append(Part(shape=wheel, joint=Joint(pivot_m=(x, 0.0, radius), spin=spin)))
    return Figure(parts=tuple(parts), walker=_pushing(walker))


def _free_hands(style: int, dress: Dress) -> bool:
    looks = looks_of(style, dress=dress)
    return not looks.umbrella and looks.outfit.bag is not Bag.SHOPPING


def _pushing(walker: Walker) -> Walker:
    """Return the walker with both hands on the handle and no phone."""
    h = walker.proportions.stature_m
    held = free_pose()
    shoulder = SHOULDER * h
    ahead = np.array([_HANDLE[0] - _BEHIND_M])
    upper, bend = two_link(-ahead, np.array([_HANDLE[2] - shoulder]), UPPER_ARM * h, _PALM * h)
    for arm in ARMS:
        held[arm[0]] = 0.0, -float(upper[0]), 0.0
        held[arm[1]] = 0.0, -float(bend[0]), 0.0
    return replace(walker, held_rad=held, phone=False)


def _wheel(spec: Blueprint, radius_m: float) -> Soup:
    """Return a small wheel about the y axis."""
    r, kind = radius_m, spec.class_id
    tyre = [(0.0, -0.016), (r, -0.012), (r, 0.012), (0.0, 0.016)]
    hub = [(0.0, 0.015), (0.55 * r, 0.017), (0.55 * r, 0.019), (0.0, 0.022)]
    return merge([lathe(tyre, skin("tyre", kind), 14), lathe(hub, skin("rim", kind), 10)])


def _pram(spec: Blueprint, cloth: str) -> Soup:
    """Return frame, cot with hood, basket and handle, body frame of the actor."""
    kind, pole = spec.class_id, skin("pole", spec.class_id)
    rear, front = _WHEELS
    x, _, z = _HANDLE
    frame = [
        both_sides(tube([(x, 0.21, z), (0.12, 0.21, 0.62), (front[0], front[2], front[1])],
                        [0.012, 0.012, 0.012], pole, 6)),
        both_sides(tube([(rear[0], rear[2], rear[1]), (0.22, 0.21, 0.55)], [0.012] * 2, pole, 6)),
        tube([(x, -0.215, z), (x, 0.215, z)], [0.017, 0.017], skin("cloth black", kind), 8),
        box((0.42, 0.32, 0.13), (0.26, 0.0, 0.27), skin("cloth black", kind)),
    ]  # fmt: skip
    cot: list[Row] = [
        (0.47, 0.30, 0.22, 0.12, 0.33), (0.50, 0.40, 0.29, 0.175, 0.33),
        (0.62, 0.43, 0.32, 0.195, 0.33), (0.70, 0.44, 0.33, 0.20, 0.33),
        (0.715, 0.42, 0.31, 0.185, 0.33),
    ]  # fmt: skip
    hood: list[Row] = [
        (0.64, 0.20, 0.20, 0.205, 0.16), (0.74, 0.215, 0.205, 0.21, 0.165),
        (0.86, 0.19, 0.19, 0.185, 0.17), (0.945, 0.12, 0.13, 0.12, 0.165),
        (0.97, 0.04, 0.05, 0.04, 0.16),
    ]  # fmt: skip
    return merge(
        [
            *frame,
            skinned(rings(cot, 1.0, 12, 2.6), [cloth] * 4, kind),
            skinned(rings(hood, 1.0, 12), [cloth] * 4, kind),
            sphere((0.395, 0.0, 0.73), (0.065, 0.06, 0.06), skin("skin light", kind), 12),
            sphere((0.58, 0.0, 0.695), (0.17, 0.15, 0.05), skin("cloth white", kind), 10),
        ]
    )
