"""Who is in the way of a staging, on straight roads where the answer is plain."""

import math

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import EventKind
from rareworld.simulate.drive.path import Path
from rareworld.simulate.scenarios.acting import Paced
from rareworld.simulate.scenarios.clearing import BEHIND_M, BEYOND_M, CORRIDOR_M, Clearing
from rareworld.simulate.scenarios.staging import Outcome, Role, Staging, Wish
from rareworld.simulate.state import BodyState

HANDOVER_S, EVENT_S, SPEED_MPS, START_M = 5.0, 8.0, 10.0, 150.0


def _line(x0: float, y0: float, x1: float, y1: float) -> Path:
    return Path.through(np.array([[x0, y0], [x1, y1]]))


def _clearing(body: str = "saloon", clear: tuple[Path, ...] = ()) -> Clearing:
    """Return the clearing for one role that drives east along y = 0 from x = 0."""
    path = _line(0.0, 0.0, 400.0, 0.0)
    acting = Paced(spec=BLUEPRINTS[body], path=path)
    role = Role(
        name="one", blueprint=body, path=path, start_m=START_M, start_mps=SPEED_MPS, acting=acting
    )
    return Clearing(
        Staging(
            scenario="test", outcome=Outcome.SAFE, handover_s=HANDOVER_S, event_s=EVENT_S,
            focus_m=np.zeros(3), roles=(role,), clear=clear,
            wish=Wish(kind=EventKind.COLLISION),
        )
    )  # fmt: skip


def _state(x: float, y: float, yaw_rad: float, speed_mps: float, turn_radps: float = 0.0):
    upright = BodyState.upright(0.0, np.array([x, y, 0.0]), yaw_rad, speed_mps)
    return BodyState(
        time_s=0.0, position_m=upright.position_m, quat=upright.quat,
        velocity_mps=upright.velocity_mps,
        angular_velocity_radps=np.array([0.0, 0.0, turn_radps]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("x", "y", "gone"),
    [
        (START_M, 0.0, True),
        (START_M - BEHIND_M + 1, 0.0, True),
        (START_M - BEHIND_M - 1, 0.0, False),
        (START_M + 30.0 + BEYOND_M - 1, 1.0, True),
        (START_M + 30.0 + BEYOND_M + 1, 0.0, False),
        (START_M, CORRIDOR_M + 0.1, False),
        (START_M, -CORRIDOR_M + 0.1, True),
    ],
)
def test_standing_traffic_leaves_the_corridor_and_nothing_else(x: float, y: float, gone: bool):
    assert _clearing().wants_gone(_state(x, y, 0.0, 0.0), "saloon", 4.0) is gone


@pytest.mark.parametrize(
    ("late_s", "gone"),
    [(0.0, True), (0.25, True), (3.0, False)],
)
def test_who_would_cross_just_then_leaves(late_s: float, gone: bool):
    """A crossing vehicle reaches y = 0 when the role passes x = 170, or later."""
    meet_s = HANDOVER_S + (170.0 - START_M) / SPEED_MPS + late_s
    start_y = -12.0 * (meet_s - 4.0)
    state = _state(170.0, start_y, math.pi / 2, 12.0)
    assert _clearing().wants_gone(state, "saloon", 4.0) is gone


def test_traffic_beside_in_the_same_direction_stays():
    assert not _clearing().wants_gone(_state(140.0, 3.4, 0.0, 10.0), "saloon", 4.0)


def test_a_turning_vehicle_is_followed_along_its_arc():
    """Quarter circle of 20 m radius that ends on the role's course while it passes."""
    radius, speed = 20.0, 8.0
    meet_s = HANDOVER_S + (170.0 - START_M) / SPEED_MPS
    before = speed * (meet_s - 4.0) - radius * math.pi / 2
    turning = _state(170.0 + radius, radius, math.pi, speed, speed / radius)
    assert before < 0, "the arc alone must reach the place in time"
    quarter_s = radius * math.pi / 2 / speed
    now = meet_s - quarter_s
    assert _clearing().wants_gone(turning, "saloon", now)
    straight = _state(170.0 + radius, radius, math.pi, speed)
    assert not _clearing().wants_gone(straight, "saloon", now)


def test_after_the_event_nobody_is_in_the_way_any_more():
    state = _state(170.0, -5.0, math.pi / 2, 12.0)
    assert not _clearing().wants_gone(state, "saloon", EVENT_S + 2.0)


def test_ways_to_be_cleared_are_freed_as_well():
    way = _line(0.0, 50.0, 100.0, 50.0)
    there = _state(50.0, 50.5, 0.0, 0.0)
    assert not _clearing().wants_gone(there, "saloon", 4.0)
    assert _clearing(clear=(way,)).wants_gone(there, "saloon", 4.0)


def test_people_need_their_walk_only():
    clearing = _clearing("adult")
    assert clearing.occupied(np.array([5.0, 1.0, 0.0]))
    assert not clearing.occupied(np.array([-3.0, 0.0, 0.0]))
