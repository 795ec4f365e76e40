"""Which traffic is in the way of a staged scenario and leaves the map before the clip begins.

In the way is: whoever is on the corridor of a role or of a way to be cleared, and whoever would
meet a role on its course (speed and rate of turn kept) until the event.
"""

from typing import final

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import FloatArray, wrap_angle
from rareworld.core.taxonomy import PEOPLE
from rareworld.simulate.drive.path import Path
from rareworld.simulate.scenarios.staging import Role, Staging
from rareworld.simulate.state import BodyState

CORRIDOR_M = 2.5
"""Traffic whose middle is this near to a role's path is in its way."""
BEHIND_M = 75.0
"""Room kept free behind a vehicle when it enters."""
BEYOND_M = 30.0
"""And ahead of where it will be at the event."""
MEET_M = 4.0
"""Middles that come this near to each other on different courses are about to collide."""
ALONG_COS = 0.94
"""Bodies that head the same way within 20 degrees drive beside each other."""
AFTER_S = 0.8
"""Courses are looked at until this long after the event."""
STEP_S = 0.2


@final
class Clearing:
    """The space a staging needs."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._corridors = [_corridor(role, staging) for role in staging.roles]
        self._corridors += [(path, 0.0, path.length_m) for path in staging.clear]
        end = staging.event_s + AFTER_S
        self._times = np.arange(staging.handover_s, end, STEP_S)
        self._courses = [_course(role, staging, self._times) for role in staging.roles]

    def wants_gone(self, state: BodyState, blueprint: str, now_s: float) -> bool:
        """Tell whether a body is in the way."""
        return self.occupied(state.position_m) or self._meets(state, blueprint, now_s)

    def occupied(self, point_m: FloatArray, reach_m: float = CORRIDOR_M) -> bool:
        """Tell whether a point lies on a corridor."""
        for path, first_m, last_m in self._corridors:
            station, offset = path.project(point_m)
            if abs(offset) < reach_m and first_m < station < last_m:
                return True
        return False

    def _meets(self, state: BodyState, blueprint: str, now_s: float) -> bool:
        """Tell whether a body that keeps speed and turn comes too near to a role."""
        if state.speed_mps < 0.5:
            return False
        times = self._times[self._times > now_s]
        if not len(times):
            return False
        place, yaw = _ahead(state, times - now_s)
        reach = MEET_M + max(BLUEPRINTS[blueprint].length_m - 4.5, 0.0) / 2
        for middles, headings in self._courses:
            gap = np.linalg.norm(place - middles[-len(times) :], axis=1)
            beside = np.cos(yaw - headings[-len(times) :]) > ALONG_COS
            if bool(((gap < reach) & ~beside).any()):
                return True
        return False


def _corridor(role: Role, staging: Staging) -> tuple[Path, float, float]:
    """Return a role's path and the stations between which it must be free."""
    if role.spec.class_id in PEOPLE:
        return role.path, -0.5, role.path.length_m + 0.5
    travel = role.start_mps * (staging.event_s - staging.handover_s)
    return role.path, role.start_m - BEHIND_M, role.start_m + travel + BEYOND_M


def _course(role: Role, staging: Staging, times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where a role will be (n, 2) and its headings (n,) if it keeps its speed."""
    stations = role.start_m + role.start_mps * (times_s - staging.handover_s)
    middles = np.array([role.path.position(float(s))[:2] for s in stations]).reshape(-1, 2)
    return middles, np.array([role.path.heading_rad(float(s)) for s in stations])


def _ahead(state: BodyState, after_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return places (n, 2) and headings (n,) of a body that keeps speed and turn."""
    course = np.arctan2(state.velocity_mps[1], state.velocity_mps[0])
    turn = float(np.clip(state.angular_velocity_radps[2], -1.0, 1.0))
    halfway = course + turn * after_s / 2
    chord = state.speed_mps * after_s * np.sinc(turn * after_s / 2 / np.pi)
    steps = np.stack([np.cos(halfway), np.sin(halfway)], axis=1) * chord[:, None]
    heading = np.asarray(wrap_angle(course + turn * after_s), dtype=np.float64)
    return state.position_m[:2] + steps, heading
