"""How people walk and run: joint angles over a double step, feet still where they tread.

The curves of hip and knee have the usual shape of level walking (hip flexed 20 to 30 degrees at
contact and extended by 10 at half the cycle, knee flexed 15 to 20 after contact, about 40 when the
toes leave and 60 to 70 in swing: podiapaedia.org, Angular kinematics of gait); their numbers, and
all of running, arms and pelvis, are chosen by eye. Whoever wants measured curves finds them in
Winter 1991 (The Biomechanics and Motor Control of Human Gait) and Novacheck 1998 (Gait & Posture
7). The curves are scaled so that one cycle covers the stride asked for. Hips are
then turned by up to five degrees so that soles stay where they tread; the little that is left is
taken up by the pelvis, which runs a centimetre ahead of or behind its mean place, as real ones do.
Proved in tests/annotate/world/test_gait.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from rareworld.annotate.world.parts import CYCLE_STEPS
from rareworld.annotate.world.skeleton import (
    ARMS,
    BONES,
    LEGS,
    PITCH,
    ROLL,
    YAW,
    Bone,
    Proportions,
    soles,
)

Cycle = Float[np.ndarray, "c"]
Curve = tuple[tuple[float, ...], tuple[float, ...]]
"""Percentages of the cycle from heel strike, and degrees."""

_EVEN = 0.6
"""Share of the pelvis' surge that the hips take over per pass."""
_LEVELS = np.linspace(0.3, 1.6, 14)
"""Factors on the amplitudes that are tabled."""


@final
@dataclass(frozen=True, kw_only=True)
class Style:
    """Curves of one way to go."""

    hip: Curve
    """Flexion."""
    knee: Curve
    foot: Curve
    """Pitch of the sole, toes down."""
    stance: float
    """Share of the cycle that a foot is on the ground and carries."""
    lean_deg: float
    arm_deg: tuple[float, float]
    """Mean and half range of the shoulder, positive backward."""
    elbow_deg: tuple[float, float]
    pelvis_deg: float
    """Half range of the pelvis' turn about the vertical."""
    sway: float
    """Half range of the pelvis' way to the standing leg, fraction of stature."""


WALK = Style(
    hip=((0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100),
         (23, 19, 12, 3.5, -5, -11, -7, 9, 20, 24, 23)),
    knee=((0, 8, 15, 30, 40, 50, 60, 71, 80, 90, 96, 100),
          (4, 15, 18, 10, 6.5, 12, 34, 63, 52, 17, 2, 4)),
    foot=((0, 9, 30, 42, 52, 62, 74, 87, 100), (-17, 0, 0, 4, 24, 55, 36, -8, -17)),
    stance=0.5, lean_deg=3.0, arm_deg=(2.0, 19.0), elbow_deg=(24.0, 9.0), pelvis_deg=4.0,
    sway=0.010,
)  # fmt: skip
RUN = Style(
    hip=((0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100),
         (33, 27, 13, -1, -7, 2, 20, 38, 47, 42, 33)),
    knee=((0, 8, 16, 25, 38, 46, 56, 66, 76, 88, 95, 100),
          (16, 32, 40, 33, 18, 34, 70, 92, 88, 42, 16, 16)),
    foot=((0, 7, 18, 28, 39, 52, 66, 80, 92, 100), (-6, 0, 0, 18, 52, 76, 74, 24, -8, -6)),
    stance=0.38, lean_deg=9.0, arm_deg=(8.0, 33.0), elbow_deg=(88.0, 12.0), pelvis_deg=6.0,
    sway=0.006,
)  # fmt: skip


def _cycle(curve: Curve, shift: float = 0.0) -> Cycle:
    """Return a smooth periodic table in radians through the points of a curve."""
    spline = CubicSpline(np.array(curve[0]) / 100, np.radians(curve[1]), bc_type="periodic")
    return np.asarray(spline((np.arange(CYCLE_STEPS) / CYCLE_STEPS + shift) % 1))


def _angles(style: Style, level: float) -> Float[np.ndarray, "c 13 3"]:
    """Return the angles of all bones over a cycle, legs scaled by `level`."""
    out = np.zeros((CYCLE_STEPS, BONES, 3))
    phase = 2 * np.pi * np.arange(CYCLE_STEPS) / CYCLE_STEPS
    turn = np.radians(style.pelvis_deg) * level
    out[:, Bone.PELVIS, YAW] = -turn * np.cos(phase)
    out[:, Bone.TRUNK, YAW] = 2.1 * turn * np.cos(phase)
    out[:, Bone.HEAD, YAW] = -1.1 * turn * np.cos(phase)
    out[:, Bone.TRUNK, PITCH] = np.radians(style.lean_deg)
    out[:, Bone.HEAD, PITCH] = -0.6 * np.radians(style.lean_deg)
    for side, leg, arm in ((1, LEGS[0], ARMS[0]), (-1, LEGS[1], ARMS[1])):
        shift = 0.0 if side > 0 else 0.5
        hip, knee = -level * _cycle(style.hip, shift), _knee(style, level, shift)
        out[:, leg[0], YAW] = -out[:, Bone.PELVIS, YAW]
        out[:, leg[0], PITCH], out[:, leg[1], PITCH] = hip, knee
        out[:, leg[2], PITCH] = level * _cycle(style.foot, shift) - hip - knee
        swing = side * np.cos(phase - 0.25)
        mean, half = np.radians(style.arm_deg)
        out[:, arm[0], PITCH] = mean + level * half * swing
        out[:, arm[0], ROLL] = side * 0.07
        mean, half = np.radians(style.elbow_deg)
        out[:, arm[1], PITCH] = -mean + level * half * swing
    return out


def _knee(style: Style, level: float, shift: float) -> Cycle:
    """Return knee flexion: swing keeps some clearance in short steps."""
    table = _cycle(style.knee, shift)
    return table * (level if level > 1 else level**0.7)


@final
@dataclass(frozen=True)
class Gait:
    """Tables of one style: level, step of the cycle, bone, angle.

    Lengths are in units of hip height: stride per level, and the way of the pelvis ahead, to the
    left and above the height at which the lower sole touches the ground.
    """

    angles_rad: Float[np.ndarray, "k c 13 3"]
    stride: Float[np.ndarray, "k"]
    shift: Float[np.ndarray, "k c 3"]


def _tread(
    feet: Float[np.ndarray, "c 2 2 3"], stance: float
) -> tuple[float, Float[np.ndarray, "c 3"]]:
    """Return the stride that soles cover and how the pelvis must move against its mean."""
    phase = (np.arange(CYCLE_STEPS) + 0.5) / CYCLE_STEPS
    after = np.roll(feet, -1, axis=0)
    middle = (feet[..., 2] + after[..., 2]).reshape(CYCLE_STEPS, 4)
    lowest = middle.argmin(axis=1)
    back = (feet - after)[..., 0].reshape(CYCLE_STEPS, 4)[np.arange(CYCLE_STEPS), lowest]
    carried = (phase % 0.5) < stance
    mean = float(back[carried].mean())
    ahead = np.where(carried, back, mean) - mean
    way = np.concatenate([[0.0], np.cumsum(ahead)[:-1]])
    shift = np.zeros((CYCLE_STEPS, 3))
    shift[:, 0] = way - way.mean()
    shift[:, 2] = _flight(stance)
    return mean * CYCLE_STEPS, shift


def _flight(stance: float) -> Cycle:
    """Return how far the lower sole is off the ground: zero while a foot carries."""
    out = np.zeros(CYCLE_STEPS)
    if stance >= 0.5:
        return out
    phase = np.arange(CYCLE_STEPS) / CYCLE_STEPS % 0.5
    flying = phase > stance
    share = np.clip((phase - stance) / (0.5 - stance), 0, 1)
    out[flying] = 0.035 * np.sin(np.pi * share[flying])
    return out


def _even_out(
    angles_rad: Float[np.ndarray, "c 13 3"], pivots_m: Float[np.ndarray, "c 13 3"], stance: float
) -> None:
    """Turn the hips by a few degrees so that the pelvis needs to surge less."""
    hip = float(pivots_m[0, Bone.PELVIS, 2])
    for _ in range(3):
        _, shift = _tread(soles(angles_rad, pivots_m), stance)
        for leg in LEGS:
            turn = _EVEN * shift[:, 0] / hip
            angles_rad[:, leg[0], PITCH] -= turn
            angles_rad[:, leg[2], PITCH] += turn


def make_gait(style: Style) -> Gait:
    """Return the tables of a style."""
    person = Proportions(stature_m=1.0)
    pivots = np.broadcast_to(person.pivots(), (CYCLE_STEPS, BONES, 3))
    angles = np.stack([_angles(style, float(level)) for level in _LEVELS])
    for one in angles:
        _even_out(one, pivots, style.stance)
    treads = [_tread(soles(one, pivots), style.stance) for one in angles]
    shift = np.stack([made for _, made in treads]) / person.hip_m
    phase = 2 * np.pi * np.arange(CYCLE_STEPS) / CYCLE_STEPS
    # the left foot carries in the first half of the cycle
    shift[..., 1] = style.sway / person.hip_m * np.sin(phase - 0.3)
    return Gait(angles, np.array([stride for stride, _ in treads]) / person.hip_m, shift)


def look_up(
    gait: Gait, stride: Float[np.ndarray, "w"], phase: Float[np.ndarray, "w"]
) -> tuple[Float[np.ndarray, "w 13 3"], Float[np.ndarray, "w 3"]]:
    """Return angles and shift of the pelvis.

    Args:
        gait: The tables.
        stride: Length of a double step in hip heights; held at the ends of the tables.
        phase: Cycles since the left heel struck.
    """
    place = np.interp(stride, gait.stride, np.arange(len(gait.stride)))
    k = np.minimum(place.astype(np.int64), len(gait.stride) - 2)
    at = (phase % 1.0) * CYCLE_STEPS
    c = at.astype(np.int64) % CYCLE_STEPS
    u, v = place - k, at - np.floor(at)
    angles = np.zeros((len(phase), BONES, 3))
    shift = np.zeros((len(phase), 3))
    for dk, dc in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = (u if dk else 1 - u) * (v if dc else 1 - v)
        cell = k + dk, (c + dc) % CYCLE_STEPS
        angles += weight[:, None, None] * gait.angles_rad[cell]
        shift += weight[:, None] * gait.shift[cell]
    return angles, shift


def mixed(
    first: np.ndarray, second: np.ndarray, share: Sequence[float] | Float[np.ndarray, "w"]
) -> np.ndarray:
    """Return (1 - share) first + share second, row by row."""
    weight = np.asarray(share, dtype=np.float64).reshape(-1, *([1] * (first.ndim - 1)))
    return first + weight * (second - first)
