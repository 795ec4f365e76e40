"""Where joints must be for a hand or a foot to reach its place: chains of two links, exactly.

The law of cosines, as in every text on inverse kinematics. Proved in
tests/annotate/world/test_reach.py.
"""

from typing import Final

import numpy as np

from rareworld.annotate.world.skeleton import ANKLE
from rareworld.core.geometry import FloatArray

BALL: Final = 0.062
"""Ball of the foot ahead of the ankle, fraction of stature."""


def elbow_of(
    start: FloatArray, end: FloatArray, first_m: float, second_m: float, pole: FloatArray
) -> tuple[FloatArray, bool]:
    """Return where two links bend between two points, towards `pole`, and whether they reach."""
    way = end - start
    far = float(np.linalg.norm(way))
    along = (far * far + first_m * first_m - second_m * second_m) / (2 * far)
    off = first_m * first_m - along * along
    unit = way / far
    side = pole - unit * float(unit @ pole)
    side = side / float(np.linalg.norm(side))
    return start + unit * along + side * float(np.sqrt(max(off, 0.0))), bool(off >= 0)


def two_link(
    dx: FloatArray, dz: FloatArray, upper_m: float, lower_m: float
) -> tuple[FloatArray, FloatArray]:
    """Return hip and knee angles about y that put the ankle at (dx, dz) from the hip.

    Raises:
        ValueError: If it is out of reach.
    """
    reach = np.hypot(dx, dz)
    if reach.max() > upper_m + lower_m:
        raise ValueError(
            f"a leg of {upper_m + lower_m:.3f} m cannot reach {float(reach.max()):.3f} m"
        )
    inner = (upper_m**2 + lower_m**2 - reach**2) / (2 * upper_m * lower_m)
    knee = np.pi - np.arccos(np.clip(inner, -1, 1))
    lift = np.arccos(np.clip((upper_m**2 + reach**2 - lower_m**2) / (2 * upper_m * reach), -1, 1))
    return -np.arctan2(dx, -dz) - lift, knee


def ankle_over(
    ball: tuple[FloatArray, FloatArray], pitch_rad: FloatArray, stature_m: float
) -> tuple[FloatArray, FloatArray]:
    """Return (x, z) of the ankle whose ball of the foot, toes down by `pitch_rad`, is at `ball`."""
    c, s = np.cos(pitch_rad), np.sin(pitch_rad)
    fore, low = BALL * stature_m, ANKLE * stature_m
    return ball[0] - c * fore + s * low, ball[1] + s * fore + c * low
