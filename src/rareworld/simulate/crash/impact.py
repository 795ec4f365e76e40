"""Closed form of a damped-spring impact, and its inverse in MuJoCo's terms.

Two bodies in contact obey x'' + 2 z w x' + w^2 x = 0 until the force falls to zero. Writing
c = acos(z) / sqrt(1 - z^2) (acosh where z > 1), that gives restitution e = exp(-2 z c), contact
time 2 c / w and deepest crush (v / w) exp(-z c). MuJoCo's `solref` (timeconst, dampratio) means
w = 1 / (timeconst dampratio) (MuJoCo documentation, "Solver parameters").
Proved in tests/simulate/crash/test_crash_impact.py.
"""

import math
from functools import cache


def _angle(damping_ratio: float) -> float:
    """Return acos(z) / sqrt(1 - z^2), continued to z >= 1."""
    if abs(damping_ratio - 1) < 1e-6:
        return 1.0
    if damping_ratio < 1:
        return math.acos(damping_ratio) / math.sqrt(1 - damping_ratio**2)
    return math.acosh(damping_ratio) / math.sqrt(damping_ratio**2 - 1)


def restitution(damping_ratio: float) -> float:
    """Return rebound over approach speed of a damped spring that cannot pull."""
    return math.exp(-2 * damping_ratio * _angle(damping_ratio))


def contact_time_s(damping_ratio: float, stiffness_radps: float) -> float:
    """Return how long the force lasts."""
    return 2 * _angle(damping_ratio) / stiffness_radps


def crush_m(damping_ratio: float, stiffness_radps: float, speed_mps: float) -> float:
    """Return the deepest penetration of a hit at an approach speed."""
    return speed_mps / stiffness_radps * math.exp(-damping_ratio * _angle(damping_ratio))


@cache
def _damping_key(thousandths: int) -> float:
    return damping_for(thousandths / 1000)


def damping_for(wanted: float) -> float:
    """Return the damping ratio whose restitution is `wanted`, by bisection; `wanted` in (0, 1)."""
    low, high = 0.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if restitution(middle) > wanted else (low, middle)
    return (low + high) / 2


def solref(wanted: float, stiffness_radps: float) -> tuple[float, float]:
    """Return MuJoCo's (timeconst, dampratio) for a restitution (to 0.001) and a frequency."""
    damping = _damping_key(round(1000 * wanted))
    return 1 / (stiffness_radps * damping), damping


def restitution_at(speed_mps: float, slow: float, fast: float, scale_mps: float) -> float:
    """Return restitution between its slow and fast limits, falling exponentially with speed."""
    return fast + (slow - fast) * math.exp(-max(speed_mps, 0.0) / scale_mps)
