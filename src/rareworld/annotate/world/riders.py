"""Riders of bicycles, motorcycles and scooters: seated, hands on the bar, feet on the pedals.

Trunk, head and arms are one rigid shape with the machine; legs of cyclists are jointed and follow
the pedals by the closed solution of a chain of two links, and the left foot comes down when the
machine stands. All limbs reach their ends exactly: hands by the same solution in three dimensions.
Proved in tests/annotate/world/test_riders.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world import carried, heads, limbs
from rareworld.annotate.world.mesh import Soup, Vec3, merge, moved
from rareworld.annotate.world.parts import CYCLE_STEPS, Joint, Part
from rareworld.annotate.world.reach import BALL, ankle_over, elbow_of, two_link
from rareworld.annotate.world.sections import Row, rings, skinned
from rareworld.annotate.world.skeleton import (
    HIP,
    HIP_WIDE,
    NECK,
    SHIN,
    SHOULDER,
    SHOULDER_WIDE,
    THIGH,
    UPPER_ARM,
    WAIST,
)
from rareworld.annotate.world.wardrobe import Bag, Dress, Hair, Hat, Looks, looks_of
from rareworld.core.geometry import FloatArray
from rareworld.core.taxonomy import ClassId

Cycle = Float[np.ndarray, "c"]
_PALM: Final = 0.168
"""Palm below the elbow."""
_TUCK: Final = (1.0, 0.75, 0.5, 0.25, 0.0, -0.5, -1.0)
"""Shares of a seat's `elbow_out`, tried in turn."""


@final
@dataclass(frozen=True, kw_only=True)
class Seat:
    """Where a rider touches the machine, body frame of the machine."""

    hip_m: tuple[float, float]
    """(x, z) of the hip joints."""
    grip_m: Vec3
    """Middle of the left grip."""
    lean_rad: float
    """Forward lean of the trunk."""
    stature_m: float = 1.74
    elbow_out: float = 0.5
    """0 lets elbows hang, 1 spreads them sideways."""
    half_width_m: float = 0.5
    """Stout riders hold their elbows in so that nothing of the arms is farther to the side."""
    feet_m: Vec3 = (0.0, 0.0, 0.0)
    """Where the ball of the left foot rests, where it does not pedal."""
    crank_m: tuple[float, float] = (0.0, 0.0)
    """(x, z) of the crank axle."""
    crank_arm_m: float = 0.17
    pedal_m: tuple[float, float] = (0.115, 0.011)
    """Middle of the pedal to the side, and half its thickness."""


def rider_looks(style: int, *, full_face: bool, dress: Dress = Dress.FAIR) -> Looks:
    """Return what somebody on two wheels wears: no skirts or open coats, nothing in the hands."""
    looks = looks_of(style, dress=dress)
    outfit = replace(looks.outfit, skirt=0.0, shirt="", hat=Hat.NONE)
    if outfit.legs < 0.2 or outfit.bottom == "skin":
        outfit = replace(outfit, legs=1.0, bottom="denim")
    if full_face:
        outfit = replace(outfit, sleeves=1.0, legs=1.0, thick=max(outfit.thick, 1.05))
    outfit = replace(outfit, bag=Bag.BACKPACK if style % 3 == 1 else Bag.NONE)
    hair = Hair.SHORT if looks.hair is Hair.CURLY else looks.hair
    return replace(
        looks, outfit=outfit, umbrella="", phone=False, belly=0.6 * looks.belly, stature=1.0,
        hair=Hair.SHORT if full_face else hair,
    )  # fmt: skip


_HALF_SHELL: tuple[Row, ...] = (
    (0.952, 0.056, 0.060, 0.047, 0.004), (0.962, 0.070, 0.070, 0.054, 0.004),
    (0.985, 0.064, 0.066, 0.051, 0.004), (1.006, 0.045, 0.048, 0.036, 0.003),
    (1.016, 0.020, 0.022, 0.016, 0.002),
)  # fmt: skip
_FULL_FACE: tuple[Row, ...] = (
    (0.862, 0.048, 0.042, 0.040, 0.010), (0.876, 0.069, 0.052, 0.050, 0.008),
    (0.902, 0.076, 0.064, 0.058, 0.004), (0.918, 0.070, 0.067, 0.060, 0.004),
    (0.950, 0.069, 0.069, 0.061, 0.004), (0.962, 0.071, 0.067, 0.060, 0.004),
    (0.988, 0.055, 0.055, 0.049, 0.002), (1.005, 0.034, 0.036, 0.032, 0.000),
    (1.012, 0.016, 0.018, 0.016, 0.000),
)  # fmt: skip


def _helmet(style: int, class_id: ClassId, *, full_face: bool) -> Soup | None:
    """Return a helmet around the head, stature 1; one in three cyclists wears none."""
    if full_face:
        shell = ("helmet", "visor", "jacket", "cloth red")[style % 4]
        body = skinned(rings(_FULL_FACE, 1.0, 12), [shell] * 8, class_id)
        glass: list[Row] = [
            (0.917, 0.072, 0.0, 0.055, 0.005), (0.925, 0.074, 0.0, 0.057, 0.005),
            (0.948, 0.073, 0.0, 0.057, 0.005), (0.957, 0.072, 0.0, 0.055, 0.005),
        ]  # fmt: skip
        return merge([body, skinned(rings(glass, 1.0, 12), ["visor"] * 3, class_id)])
    if style % 3 == 0:
        return None
    shell = ("cloth white", "visor", "hi-vis yellow", "cloth red", "cloth black")[style % 5]
    return skinned(rings(_HALF_SHELL, 1.0, 12), [shell] * 4, class_id)


def upper_body(seat: Seat, looks: Looks, style: int, *, full_face: bool) -> Soup:
    """Return hips, trunk, head and arms of a seated rider, body frame of the machine."""
    h, kind = seat.stature_m, ClassId.RIDER
    hip = (seat.hip_m[0], 0.0, seat.hip_m[1])
    pelvis = moved(limbs.pelvis(h, HIP, looks, kind), pitch_rad=0.45 * seat.lean_rad, by_m=hip)
    waist = _up(hip, (WAIST - HIP) * h, 0.45 * seat.lean_rad)
    trunk = merge([limbs.trunk(h, WAIST, looks, kind), *carried.bag(h, WAIST, looks, kind)])
    neck = _up(waist, (NECK - WAIST) * h, seat.lean_rad)
    parts = [
        pelvis,
        moved(trunk, pitch_rad=seat.lean_rad, by_m=waist),
        moved(
            _head(h, looks, style, full_face=full_face), pitch_rad=0.18 * seat.lean_rad, by_m=neck
        ),
    ]
    parts += [_arm(seat, looks, waist, side) for side in (1, -1)]
    return merge(parts)


def _up(at: Vec3, far_m: float, lean_rad: float) -> Vec3:
    return (
        at[0] + far_m * float(np.sin(lean_rad)), at[1], at[2] + far_m * float(np.cos(lean_rad)),
    )  # fmt: skip


def _head(h: float, looks: Looks, style: int, *, full_face: bool) -> Soup:
    """Return the head, joint at the origin, with its helmet."""
    bare = heads.head(h, NECK, looks, ClassId.RIDER)
    helmet = _helmet(style, ClassId.RIDER, full_face=full_face)
    if helmet is None:
        return bare
    worn = replace(helmet, corners_m=(helmet.corners_m - np.array([0, 0, NECK])) * h)
    return merge([bare, worn])


def _arm(seat: Seat, looks: Looks, waist: Vec3, side: int) -> Soup:
    """Return an arm from the shoulder to its grip, held in as far as the machine is wide."""
    for share in _TUCK:
        arm = merge(_reaching(seat, looks, waist, side, share * seat.elbow_out))
        if float(np.abs(arm.corners_m[..., 1]).max()) <= seat.half_width_m:
            return arm
    raise ValueError(
        f"a rider's arms at the grip {seat.grip_m} are wider than {seat.half_width_m:.3f} m"
    )


def _reaching(
    seat: Seat, looks: Looks, waist: Vec3, side: int, elbow_out: float
) -> tuple[Soup, Soup]:
    """Return upper arm and forearm with its hand."""
    h, kind = seat.stature_m, ClassId.RIDER
    wide = SHOULDER_WIDE * h * (0.90 if looks.woman else 1.0)
    top = _up(waist, (SHOULDER - WAIST) * h, seat.lean_rad)
    shoulder = np.array([top[0], side * wide, top[2]])
    grip = np.array([seat.grip_m[0], side * seat.grip_m[1], seat.grip_m[2]])
    pole = np.array([-0.25, side * elbow_out, -1.0 + max(elbow_out, 0.0)])
    elbow, reach = elbow_of(shoulder, grip, UPPER_ARM * h, _PALM * h, pole)
    if not reach:
        raise ValueError(f"a rider's grip {seat.grip_m} is out of reach of the shoulder {top}")
    upper = _hung(limbs.upper_arm(h, looks, kind), shoulder, elbow)
    lower = _hung(limbs.forearm(h, looks, kind, side), elbow, grip)
    return upper, lower


def _hung(shape: Soup, start: FloatArray, end: FloatArray) -> Soup:
    """Return a limb that hangs from the origin, turned to point from start to end."""
    down = (end - start) / float(np.linalg.norm(end - start))
    forward = np.array([1.0, 0.0, 0.0]) - down * down[0]
    if np.linalg.norm(forward) < 0.2:
        forward = np.array([0.0, 0.0, 1.0]) - down * down[2]
    forward = forward / float(np.linalg.norm(forward))
    turn = np.stack([forward, np.cross(-down, forward), -down], axis=1)
    return replace(shape, corners_m=shape.corners_m @ turn.T + start)


def pedalling(seat: Seat, looks: Looks, first: int) -> list[Part]:
    """Return thigh, shin and foot of both legs, in step with the cranks.

    The left crank points forward at phase 0. While the machine stands the left foot is on the
    ground; `first` is the index that the first of the parts will have.
    """
    h, phase = seat.stature_m, 2 * np.pi * np.arange(CYCLE_STEPS) / CYCLE_STEPS
    rest = _foot_down(seat)
    parts: list[Part] = []
    for side, shift in ((1, 0.0), (-1, np.pi)):
        ball = (
            seat.crank_m[0] + seat.crank_arm_m * np.cos(phase + shift),
            seat.crank_m[1] - seat.crank_arm_m * np.sin(phase + shift) + seat.pedal_m[1],
        )
        pitch = 0.22 + 0.12 * np.sin(phase + shift - 0.2)
        x, z = ankle_over(ball, pitch, h)
        thigh, knee = two_link(x - seat.hip_m[0], z - seat.hip_m[1], THIGH * h, SHIN * h)
        turns = (thigh, knee, pitch - thigh - knee)
        parts += _leg(seat, looks, side, first + len(parts), turns, rest if side > 0 else None)
    return parts


def _leg(
    seat: Seat,
    looks: Looks,
    side: int,
    first: int,
    turns: Sequence[Cycle],
    rest: Sequence[tuple[float, float]] | None,
) -> list[Part]:
    """Return the three parts of a leg."""
    h, kind = seat.stature_m, ClassId.RIDER
    pivots: tuple[Vec3, ...] = (
        (seat.hip_m[0], side * seat.pedal_m[0], seat.hip_m[1]),
        (0, 0, -THIGH * h), (0, 0, -SHIN * h),
    )  # fmt: skip
    shapes = (limbs.thigh(h, looks, kind), limbs.shin(h, looks, kind), limbs.foot(h, looks, kind))
    return [
        Part(
            shape=shape,
            joint=Joint(
                pivot_m=pivots[k],
                parent=-1 if k == 0 else first + k - 1,
                cycle_rad=turns[k],
                rest_rad=None if rest is None else rest[k],
            ),
        )
        for k, shape in enumerate(shapes)
    ]


def _foot_down(seat: Seat) -> list[tuple[float, float]]:
    """Return pitch and roll of left thigh, shin and foot with the toes on the ground.

    The machine leans to that side by `lean.STAND_LEAN_RAD`; the leg is nearly straight.
    """
    h = seat.stature_m
    spread = 0.16
    down = (seat.hip_m[1] - 0.075) / float(np.cos(spread))
    pitch = 0.5
    far = np.array([0.06]), np.array([-down])
    x, z = ankle_over((far[0] + BALL * h * 0.8, far[1]), np.array([pitch]), h)
    reach = float(np.hypot(x[0], z[0]))
    most = 0.998 * (THIGH + SHIN) * h
    scale = min(1.0, most / reach)
    thigh, knee = two_link(x * scale, z * scale, THIGH * h, SHIN * h)
    first, second = float(thigh[0]), float(knee[0])
    return [(first, spread), (second, 0.0), (pitch - first - second, 0.0)]


def resting_legs(seat: Seat, looks: Looks) -> Soup:
    """Return both legs of a rider whose feet rest on pegs or a board, body frame of the machine."""
    h, kind, lean = seat.stature_m, ClassId.RIDER, 0.10
    x, y, z = seat.feet_m
    ankle = ankle_over((np.array([x]), np.array([z])), np.array([lean]), h)
    parts: list[Soup] = []
    for side in (1, -1):
        hip = np.array([seat.hip_m[0], side * HIP_WIDE * h * 1.3, seat.hip_m[1]])
        foot = np.array([ankle[0][0], side * y, ankle[1][0]])
        knee, reach = elbow_of(hip, foot, THIGH * h, SHIN * h, np.array([1.0, side * 0.35, 0.6]))
        if not reach:
            raise ValueError(
                f"a rider's feet {seat.feet_m} are out of reach of the hips {seat.hip_m}"
            )
        parts += [
            _hung(limbs.thigh(h, looks, kind), hip, knee),
            _hung(limbs.shin(h, looks, kind), knee, foot),
            moved(
                limbs.foot(h, looks, kind), pitch_rad=lean,
                by_m=(float(foot[0]), float(foot[1]), float(foot[2])),
            ),
        ]  # fmt: skip
    return merge(parts)


def fitted(seat: Seat, shape: Soup, height_m: float) -> Soup:
    """Return a rider with the trunk stretched a little so that the crown is at a height."""
    top = float(shape.bounds_m[1][2])
    corners = shape.corners_m.copy()
    above = np.maximum(corners[..., 2] - seat.grip_m[2] - 0.05, 0)
    room = top - seat.grip_m[2] - 0.05
    corners[..., 2] += above * ((height_m - top) / room)
    return replace(shape, corners_m=corners)
