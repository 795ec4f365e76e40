"""Adults and children on foot: the figure of a style number, bone by bone, with what they carry.

Shapes are in `limbs`, clothes in `wardrobe`, motion in `walkers`.
Proved in tests/annotate/world/test_people.py.
"""

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world import carried, heads, limbs
from rareworld.annotate.world.mesh import Soup, merge
from rareworld.annotate.world.parts import Figure, Joint, Part
from rareworld.annotate.world.skeleton import (
    ARMS,
    BONES,
    HIP,
    NECK,
    PARENTS,
    WAIST,
    Bone,
    Proportions,
    Walker,
    free_pose,
)
from rareworld.annotate.world.wardrobe import Age, Bag, Dress, Looks, looks_of
from rareworld.core.blueprint import Blueprint
from rareworld.core.taxonomy import ClassId

_STOOP_RAD = 0.20
_CHILD_LEG = 0.955


def proportions_of(looks: Looks, height_m: float) -> Proportions:
    """Return the bone lengths of somebody whose crown may reach `height_m`."""
    return Proportions(
        stature_m=looks.stature * height_m,
        leg=_CHILD_LEG if looks.age is Age.CHILD else 1.0,
        shoulder=(0.35 + 0.65 * looks.girth)
        * looks.outfit.thick
        * (0.89 if looks.woman else 0.95 if looks.age is Age.CHILD else 1.0),
        hip=1.04 if looks.woman else 1.0,
    )


def bones(looks: Looks, person: Proportions, class_id: ClassId) -> list[Soup]:
    """Return the shape of each bone in the order of `Bone`."""
    h, low = person.stature_m, person.leg_m
    parts = [
        merge([limbs.pelvis(h, HIP, looks, class_id)]),
        merge([limbs.trunk(h, WAIST, looks, class_id), *carried.bag(h, WAIST, looks, class_id)]),
        heads.head(h, NECK, looks, class_id),
    ]
    leg = [shape(low, looks, class_id) for shape in (limbs.thigh, limbs.shin, limbs.foot)]
    parts += [*leg, *leg]
    for side in (1, -1):
        lower = [limbs.forearm(h, looks, class_id, side)]
        lower += carried.in_hand(looks, h, side, class_id)
        parts += [limbs.upper_arm(h, looks, class_id), merge(lower)]
    return parts


def _held(looks: Looks) -> Float[np.ndarray, "13 3"]:
    """Return the angles of arms that carry something."""
    held = free_pose()
    if looks.outfit.bag is Bag.SHOPPING:
        for side, arm in ((1, ARMS[0]), (-1, ARMS[1])):
            held[arm[0]] = 0.0, 0.04, side * 0.16
            held[arm[1]] = 0.0, -0.10, 0.0
    if looks.umbrella:
        held[Bone.RIGHT_ARM], held[Bone.RIGHT_FOREARM] = carried.UMBRELLA_ARM
    return held


def person(spec: Blueprint, style: int, dress: Dress = Dress.FAIR) -> Figure:
    """Return somebody on foot of at most the blueprint's stature."""
    looks = looks_of(style, child=spec.name == "child", dress=dress)
    body = proportions_of(looks, spec.height_m)
    shapes = bones(looks, body, ClassId.PEDESTRIAN)
    pivots = body.pivots()
    if looks.umbrella:
        shapes[Bone.TRUNK] = merge(
            [shapes[Bone.TRUNK], carried.umbrella(looks, body, ClassId.PEDESTRIAN)]
        )
    parts = tuple(
        Part(
            shape=shapes[bone],
            joint=Joint(pivot_m=tuple(pivots[bone].tolist()), parent=PARENTS[bone]),
        )
        for bone in range(BONES)
    )
    stoop = _STOOP_RAD if looks.age is Age.ELDERLY else 0.0
    walker = Walker(proportions=body, stoop_rad=stoop, held_rad=_held(looks), phone=looks.phone)
    return Figure(parts=parts, walker=walker)
