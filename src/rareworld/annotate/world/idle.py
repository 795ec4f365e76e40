"""How people stand and wait: weight from one leg to the other, breath, a look around, a phone.

Smooth functions of time with a rhythm of each actor's own, so that nobody is frozen and no two
move in step. Feet stay where they are. Proved in tests/annotate/world/test_idle.py.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int

from rareworld.annotate.world.skeleton import ARMS, BONES, LEGS, PITCH, ROLL, YAW, Bone

_SWAY = 0.022
"""Way of the hips to the standing leg, share of hip height."""
_LIST_RAD, _BEND_RAD = 0.045, 0.20
_ARMS: tuple[Float[np.ndarray, "2 3"], ...] = (
    np.array([[0, 0.03, 0.09], [0, -0.22, 0]]),
    np.array([[0, 0.42, 0.22], [-0.2, -0.95, 0]]),
    np.array([[-0.1, -0.38, 0.06], [-1.15, -1.45, 0]]),
    np.array([[0, 0.02, 0.07], [-0.1, -0.30, 0]]),
)
"""Left arm: hanging, in the pockets, folded, hanging; upper arm and forearm."""
_PHONE = np.array([[0.25, -0.55, 0.04], [-0.45, -1.75, 0]])


@final
@dataclass(frozen=True)
class Idle:
    """Rhythms of waiting walkers."""

    number: Int[np.ndarray, "w"]
    """Any number that differs between neighbours, such as the actor's id."""
    phone: Float[np.ndarray, "w"]
    """1 for those who look at a phone."""

    def _wave(self, period_s: float, salt: float, time_s: float) -> Float[np.ndarray, "w"]:
        own = (self.number * 0.618034 + salt) % 1.0
        return np.sin(2 * np.pi * (time_s / (period_s * (0.8 + 0.4 * own)) + 7.3 * own))

    def at(self, time_s: float) -> tuple[Float[np.ndarray, "w 13 3"], Float[np.ndarray, "w 3"]]:
        """Return angles and the shift of the pelvis in hip heights."""
        count = len(self.number)
        out, shift = np.zeros((count, BONES, 3)), np.zeros((count, 3))
        weight = np.tanh(2.2 * self._wave(9.0, 0.1, time_s))
        breath = self._wave(3.6, 0.3, time_s)
        shift[:, 1] = _SWAY * weight
        self._legs(out, weight)
        out[:, Bone.PELVIS, ROLL] = -_LIST_RAD * weight
        out[:, Bone.TRUNK, ROLL] = 0.9 * _LIST_RAD * weight
        out[:, Bone.TRUNK, PITCH] = 0.03 + 0.008 * breath
        look = 0.45 * self._wave(6.1, 0.5, time_s) + 0.25 * self._wave(2.7, 0.7, time_s)
        out[:, Bone.HEAD, YAW] = look * (1 - 0.85 * self.phone)
        out[:, Bone.HEAD, PITCH] = 0.04 * breath + 0.52 * self.phone
        self._arms(out, breath)
        return out, shift

    def _legs(self, out: Float[np.ndarray, "w 13 3"], weight: Float[np.ndarray, "w"]) -> None:
        """Bend the free knee; both ankles stay under the hips."""
        for side, leg in ((1, LEGS[0]), (-1, LEGS[1])):
            bend = _BEND_RAD * np.clip(-side * weight, 0, 1)
            out[:, leg[0], PITCH], out[:, leg[1], PITCH] = -bend / 2, bend
            out[:, leg[2], PITCH] = -bend / 2
            out[:, leg[0], ROLL] = _LIST_RAD * weight
            out[:, leg[0], YAW] = side * 0.10

    def _arms(self, out: Float[np.ndarray, "w 13 3"], breath: Float[np.ndarray, "w"]) -> None:
        kind = self.number * 5 // 3 % len(_ARMS)
        pose = np.stack(_ARMS)[kind]
        mirror = np.array([-1.0, 1.0, -1.0])
        out[:, list(ARMS[0])] = pose
        right = np.where(self.phone[:, None, None] > 0, _PHONE, pose)
        out[:, list(ARMS[1])] = right * mirror
        phoning = self.phone[:, None, None] > 0
        out[:, list(ARMS[0])] = np.where(phoning, _ARMS[0], out[:, list(ARMS[0])])
        out[:, ARMS[0][0], PITCH] += 0.01 * breath
        out[:, ARMS[1][0], PITCH] += 0.01 * breath
