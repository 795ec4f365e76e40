"""Bodies after they were struck: limbs go limp, swing with the tumbling and come to lie.

Physics moves one rigid body; what is seen is that body with loose limbs: within a third of a
second the gait gives way to a loose pose of the actor's own, limbs spread while the body spins,
and near the ground they drop until they lie on it. Nothing reaches below the ground, and limbs
stay within 0.3 m of the actor's box.
Proved in tests/annotate/world/test_limp.py.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.skeleton import (
    ANKLE,
    ARMS,
    BONES,
    FOREARM,
    HEEL,
    LEGS,
    PITCH,
    ROLL,
    SHIN,
    THIGH,
    TOE,
    UPPER_ARM,
    YAW,
    Bone,
    Proportions,
)
from rareworld.core.geometry import FloatArray
from rareworld.core.seed import Seed

SLACK_S: Final = 0.30
"""Time from the blow until all tension is gone."""
_SPIN_RADPS: Final = 8.0
"""Rate of tumbling that spreads the limbs fully."""
_DROP_M: Final = (0.18, 0.40)
"""Limbs drop fully below the first height of the hips above the ground, not above the second."""
_HAND: Final = 0.065
_THICK: Final = {"thigh": 0.045, "shin": 0.030, "arm": 0.028, "hand": 0.016, "sole": 0.012}
"""Distance of a bone's end from the skin, fraction of stature."""
_TRUNK: Final = (
    (Bone.PELVIS, 0.0, 0.064, 0.098), (Bone.TRUNK, 0.15, 0.066, 0.128),
    (Bone.HEAD, 0.085, 0.056, 0.046),
)  # fmt: skip
"""Ovals that stand for hips, chest and head: bone, height above its joint, half depth and width."""


def slackness(since_s: float) -> float:
    """Return 0 at the blow to 1 when limp."""
    share = min(max(since_s / SLACK_S, 0.0), 1.0)
    return share * share * (3 - 2 * share)


@final
@dataclass(frozen=True)
class Limp:
    """The loose pose of one actor."""

    loose_rad: Float[np.ndarray, "13 3"]
    spread_rad: Float[np.ndarray, "13 3"]
    """Added while the body spins."""

    @classmethod
    def of(cls, actor_id: int) -> "Limp":
        """Return the pose drawn for an actor."""
        rng = Seed(actor_id).child("limp").generator()
        loose, spread = np.zeros((BONES, 3)), np.zeros((BONES, 3))
        loose[Bone.HEAD] = rng.uniform(-0.4, 0.4), rng.uniform(-0.1, 0.3), rng.uniform(-0.3, 0.3)
        loose[Bone.TRUNK] = rng.uniform(-0.15, 0.15), 0.0, rng.uniform(-0.06, 0.06)
        for side, leg, arm in ((1, LEGS[0], ARMS[0]), (-1, LEGS[1], ARMS[1])):
            out = side * rng.uniform(0.03, 0.18)
            loose[leg[0]] = side * rng.uniform(0.0, 0.5), rng.uniform(-0.40, -0.05), out
            loose[leg[1], PITCH] = rng.uniform(0.15, 0.50)
            loose[leg[2], PITCH] = rng.uniform(0.3, 0.5)
            loose[arm[0]] = 0.0, rng.uniform(-0.25, 0.15), side * rng.uniform(0.12, 0.32)
            loose[arm[1]] = side * rng.uniform(-0.4, 0.2), rng.uniform(-0.65, -0.25), 0.0
            spread[leg[0]] = 0.0, rng.uniform(-0.12, 0.12), side * 0.10
            spread[leg[1], PITCH] = rng.uniform(-0.1, 0.12)
            spread[arm[0]] = 0.0, rng.uniform(-0.08, 0.08), side * 0.14
            spread[arm[1], PITCH] = 0.15
        return cls(loose, spread)

    def angles(
        self, turn: Float[np.ndarray, "3 3"], spin_radps: float
    ) -> Float[np.ndarray, "13 3"]:
        """Return the pose of a body turned to the world by `turn` that spins at a rate."""
        out = self.loose_rad + min(spin_radps / _SPIN_RADPS, 1.0) * self.spread_rad
        # who lies on the side curls up
        curl = abs(float(turn[2, 1])) ** 2 * (1 - float(turn[2, 2]) ** 2)
        out[Bone.TRUNK, PITCH] += 0.20 * curl
        out[Bone.HEAD, PITCH] += 0.15 * curl
        for leg in LEGS:
            out[leg[0], PITCH] -= 0.15 * curl
            out[leg[1], PITCH] += 0.25 * curl
        # lying on the back or the front the head keeps to the line of the body
        out[Bone.HEAD, [YAW, ROLL]] *= 0.5 + 0.5 * curl
        return out


def settle(
    turn: Float[np.ndarray, "13 3 3"],
    at: Float[np.ndarray, "13 3"],
    person: Proportions,
    ground_m: float,
    slack: float,
) -> tuple[Float[np.ndarray, "13 3 3"], Float[np.ndarray, "13 3"]]:
    """Return world rotations and joints with the body on the ground and no limb below it.

    Args:
        turn: World rotation of every bone.
        at: World position of every joint.
        person: Lengths of the bones.
        ground_m: Height of the ground.
        slack: 0 leaves limbs where they are above the ground, 1 lets them drop.
    """
    turn, at = turn.copy(), at.copy()
    h, low = person.stature_m, person.leg_m
    lies = 1.0 - min(abs(float(turn[Bone.PELVIS, 2, 2])) / 0.7, 1.0)
    gap = min(
        float(at[bone, 2] + turn[bone, 2, 2] * up * h)
        - float(np.hypot(turn[bone, 2, 0] * deep, turn[bone, 2, 1] * wide)) * h
        for bone, up, deep, wide in _TRUNK
    )
    gap -= ground_m
    at[:, 2] -= slack * (min(gap, 0.0) + lies * min(max(gap, 0.0), 0.10) * (gap < 0.25))
    near = (_DROP_M[1] - float(at[Bone.PELVIS, 2]) + ground_m) / (_DROP_M[1] - _DROP_M[0])
    drop = slack * min(max(near, 0.0), 1.0) * min(2 * lies, 1.0)
    floor = _Floor(ground_m, drop, slack)
    for leg in LEGS:
        floor.lay(turn, at, leg[0], -THIGH * low, _THICK["thigh"] * h, leg[1:])
        floor.lay(turn, at, leg[1], -SHIN * low, _THICK["shin"] * h, leg[2:])
        for end in (HEEL, TOE):
            tip = np.array([end * low, 0.0, -ANKLE * low])
            floor.hold(turn, at, leg[2], tip, _THICK["sole"] * h)
    for arm in ARMS:
        floor.lay(turn, at, arm[0], -UPPER_ARM * h, _THICK["arm"] * h, arm[1:])
        floor.lay(turn, at, arm[1], -(FOREARM + _HAND) * h, _THICK["hand"] * h, ())
    return turn, at


@final
@dataclass(frozen=True)
class _Floor:
    """Bends limbs where they meet the ground."""

    ground_m: float
    drop: float
    slack: float

    def lay(
        self,
        turn: FloatArray,
        at: FloatArray,
        bone: int,
        end_m: float,
        thick_m: float,
        below: tuple[int, ...],
    ) -> None:
        """Turn a bone, and those that hang on it, so that its end lies on or over the ground."""
        tip = np.array([0.0, 0.0, end_m])
        before = turn[bone].copy()
        self._bend(turn, at, bone, tip, thick_m, self.drop)
        change = turn[bone] @ before.T
        start = at[bone] + turn[bone] @ tip
        for index, child in enumerate(below):
            if index:
                start = start + change @ (at[child] - at[below[index - 1]])
            at[child], turn[child] = start, change @ turn[child]

    def hold(
        self, turn: FloatArray, at: FloatArray, bone: int, tip_m: FloatArray, thick_m: float
    ) -> None:
        """Turn a bone so that a point of it is not below the ground."""
        self._bend(turn, at, bone, tip_m, thick_m, 0.0)

    def _bend(
        self, turn: FloatArray, at: FloatArray, bone: int, tip_m: FloatArray, thick_m: float,
        drop: float,
    ) -> None:  # fmt: skip
        way = turn[bone] @ tip_m
        length = float(np.linalg.norm(way))
        floor = self.ground_m + thick_m
        wanted = float(at[bone, 2] + way[2])
        wanted += drop * (floor - wanted)
        if wanted < floor:
            wanted += self.slack * (floor - wanted)
        if abs(wanted - float(at[bone, 2] + way[2])) < 1e-9:
            return
        rise = min(max((wanted - float(at[bone, 2])) / length, -1.0), 1.0)
        turn[bone] = _between(way / length, _with_rise(way / length, turn[bone], rise)) @ turn[bone]


def _with_rise(way: FloatArray, turn: FloatArray, rise: float) -> FloatArray:
    """Return the unit vector of a given height that points as much as possible along `way`."""
    flat = way[:2] + 1e-4 * turn[:2, 0] + 1e-6
    flat = flat / float(np.hypot(flat[0], flat[1]))
    return np.array([*(flat * float(np.sqrt(max(1 - rise * rise, 0.0)))), rise])


def _between(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the smallest rotation that takes one unit vector to another (Rodrigues)."""
    axis, cosine = np.cross(a, b), float(a @ b)
    if cosine < -0.9999:
        side = np.asarray(np.cross(a, np.eye(3)[int(np.argmin(np.abs(a)))]), dtype=np.float64)
        side /= np.linalg.norm(side)
        return 2 * side[:, None] * side - np.eye(3)
    k: FloatArray = np.array(
        [[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]]
    )
    return np.eye(3) + k + k @ k / (1 + cosine)
