"""The thirteen bones of everybody on foot: their order, lengths and where they end up.

Lengths are fractions of the stature (Drillis & Contini 1966, in Winter 2009, fig. 4.1). Angles are
turns about z, y and x of the bone's own frame, applied x first: a bone hangs down from its joint
(trunk and head stand up), so positive turns about y swing a limb backward and lean a trunk
forward. Shapes: B = 13 bones, W walkers.
Proved in tests/annotate/world/test_skeleton.py.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import final

import numpy as np
from jaxtyping import Float

BONES = 13
HIP, WAIST, NECK, SHOULDER = 0.515, 0.600, 0.855, 0.797
THIGH, SHIN, ANKLE = 0.240, 0.230, 0.045
UPPER_ARM, FOREARM = 0.165, 0.140
HEEL, TOE = -0.036, 0.103
HIP_WIDE, SHOULDER_WIDE = 0.050, 0.106


class Bone(IntEnum):
    """Row of a bone in every table of poses, and of its part in a figure."""

    PELVIS = 0
    TRUNK = 1
    HEAD = 2
    LEFT_THIGH = 3
    LEFT_SHIN = 4
    LEFT_FOOT = 5
    RIGHT_THIGH = 6
    RIGHT_SHIN = 7
    RIGHT_FOOT = 8
    LEFT_ARM = 9
    LEFT_FOREARM = 10
    RIGHT_ARM = 11
    RIGHT_FOREARM = 12


PARENTS = (-1, 0, 1, 0, 3, 4, 0, 6, 7, 1, 9, 1, 11)
LEGS = ((3, 4, 5), (6, 7, 8))
"""Thigh, shin and foot of the left and the right leg."""
ARMS = ((9, 10), (11, 12))
YAW, PITCH, ROLL = 0, 1, 2
"""Columns of a table of angles."""


@final
@dataclass(frozen=True, kw_only=True)
class Proportions:
    """Bone lengths of one person in metres."""

    stature_m: float
    leg: float = 1.0
    """Factor on everything below the hips; children's legs are shorter."""
    shoulder: float = 1.0
    hip: float = 1.0
    """Factors on widths."""

    @property
    def leg_m(self) -> float:
        """Factor from fractions of stature to metres below the hips."""
        return self.stature_m * self.leg

    @property
    def hip_m(self) -> float:
        """Height of the hip joints when standing."""
        return HIP * self.leg_m

    def pivots(self) -> Float[np.ndarray, "13 3"]:
        """Return where each bone's joint sits in its parent's frame; the pelvis in the body's."""
        h, low = self.stature_m, self.leg_m
        # what the legs lack in length the trunk has more of, so that the crown keeps its height
        spare = self.hip_m - HIP * h
        rows = np.zeros((BONES, 3))
        rows[Bone.PELVIS] = 0, 0, self.hip_m
        rows[Bone.TRUNK] = 0, 0, (WAIST - HIP) * h - 0.3 * spare
        rows[Bone.HEAD] = 0, 0, (NECK - WAIST) * h - 0.7 * spare
        for side, leg, arm in ((1, LEGS[0], ARMS[0]), (-1, LEGS[1], ARMS[1])):
            rows[leg[0]] = 0, side * HIP_WIDE * h * self.hip, 0
            rows[leg[1]] = 0, 0, -THIGH * low
            rows[leg[2]] = 0, 0, -SHIN * low
            rows[arm[0]] = (
                0,
                side * SHOULDER_WIDE * h * self.shoulder,
                (SHOULDER - WAIST) * h - 0.7 * spare,
            )
            rows[arm[1]] = 0, 0, -UPPER_ARM * h
        return rows


def turns(angles_rad: Float[np.ndarray, "*s 3"]) -> Float[np.ndarray, "*s 3 3"]:
    """Return Rz(yaw) Ry(pitch) Rx(roll)."""
    (cz, cy, cx), (sz, sy, sx) = (
        np.moveaxis(function(angles_rad), -1, 0) for function in (np.cos, np.sin)
    )
    rows = [
        cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx,
        sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx,
        -sy, cy * sx, cy * cx,
    ]  # fmt: skip
    return np.stack(rows, axis=-1).reshape(*angles_rad.shape[:-1], 3, 3)


def place(
    angles_rad: Float[np.ndarray, "w 13 3"], pivots_m: Float[np.ndarray, "w 13 3"]
) -> tuple[Float[np.ndarray, "w 13 3 3"], Float[np.ndarray, "w 13 3"]]:
    """Return rotation and joint of every bone in the body's frame."""
    turn, at = turns(angles_rad), pivots_m.copy()
    for bone in range(1, BONES):
        up = PARENTS[bone]
        at[:, bone] = at[:, up] + np.einsum("wab,wb->wa", turn[:, up], pivots_m[:, bone])
        turn[:, bone] = turn[:, up] @ turn[:, bone]
    return turn, at


def soles(
    angles_rad: Float[np.ndarray, "w 13 3"], pivots_m: Float[np.ndarray, "w 13 3"]
) -> Float[np.ndarray, "w 2 2 3"]:
    """Return heel and toe (last but one axis) of the left and the right sole, body frame."""
    turn, at = place(angles_rad, pivots_m)
    leg_m = pivots_m[:, Bone.PELVIS, 2] / HIP
    out = np.empty((len(angles_rad), 2, 2, 3))
    for side, leg in enumerate(LEGS):
        for end, along in enumerate((HEEL, TOE)):
            local = np.array([along, 0.0, -ANKLE]) * leg_m[:, None]
            out[:, side, end] = at[:, leg[2]] + np.einsum("wab,wb->wa", turn[:, leg[2]], local)
    return out


def free_pose() -> Float[np.ndarray, "13 3"]:
    """Return a table in which no bone is held."""
    return np.full((BONES, 3), np.nan)


@final
@dataclass(frozen=True, kw_only=True)
class Walker:
    """How one figure on foot is built and carries itself; its parts begin with the bones."""

    proportions: Proportions
    stoop_rad: float = 0.0
    """Forward bend of the trunk."""
    held_rad: Float[np.ndarray, "13 3"] = field(default_factory=free_pose, repr=False)
    """Angles of bones that carry something, whatever the gait; NaN where free."""
    phone: bool = False
    """Looks at a phone while standing."""
