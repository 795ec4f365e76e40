"""What the scenario tests share: stagings by seed, and roles played without a world."""

import numpy as np

from rareworld.core.geometry import FloatArray, polygon_gap
from rareworld.core.seed import Seed
from rareworld.simulate.drive.manoeuvre import FollowPath, WalkPath
from rareworld.simulate.scenarios.acting import Careful, Paced
from rareworld.simulate.scenarios.catalogue import SCENARIOS
from rareworld.simulate.scenarios.site import Site
from rareworld.simulate.scenarios.staging import CLIP_START_S, Outcome, Role, Staging
from rareworld.simulate.scenarios.touching import Plan
from rareworld.simulate.state import BodyState

EVENT_S = CLIP_START_S + 2.4

FITTING = {
    "rear_end": "t_junction",
    "side_impact": "signalised_junction",
    "head_on": "rural_crossroads",
    "left_turn_across": "arterial",
    "sideswipe": "signalised_junction",
    "pedestrian_struck": "midblock_crossing",
    "cyclist_struck": "skewed_five_arm",
    "pile_up": "t_junction",
    "wrong_way": "roundabout",
    "red_light": "signalised_junction",
    "sudden_braking": "school_street",
    "illegal_turn": "arterial",
    "jaywalking": "t_junction",
    "swerving": "motorway_merge",
    "stalled_vehicle": "school_street",
    "blocked_junction": "school_street",
    "normal_traffic": "roundabout",
}
"""A place for each scenario."""

ALL = [(name, outcome) for name, kind in SCENARIOS.items() for outcome in kind.outcomes]
CONFLICTS = [name for name, kind in SCENARIOS.items() if len(kind.outcomes) > 1]


def staged(site: Site, name: str, outcome: Outcome, seed: int, event_s: float = EVENT_S) -> Staging:
    """Return the staging a seed gives."""
    return SCENARIOS[name]().stage(site, outcome, event_s, Seed(seed).generator())


def at_handover(role: Role, handover_s: float) -> BodyState:
    """Return where a role is due at the hand-over."""
    place, yaw = role.path.position(role.start_m), role.path.heading_rad(role.start_m)
    return BodyState.upright(handover_s, place, yaw, role.start_mps)


def plan_of(role: Role, handover_s: float) -> Plan:
    """Return the box a role is meant to be, until its part is over."""
    driver = role.acting.driver(at_handover(role, handover_s))
    inner = driver.inner if isinstance(driver, Careful) else driver
    assert isinstance(inner, FollowPath | WalkPath)
    return Plan(role.blueprint, inner.path, inner.profile)


def numbers(staging: Staging) -> tuple[object, ...]:
    """Return everything drawn, to compare two stagings."""
    roles = [
        (r.name, r.blueprint, r.start_m, r.start_mps, r.path.points_m.tobytes(), repr(r.acting))
        for r in staging.roles
    ]
    focus = np.round(staging.focus_m, 12).tobytes()
    return (staging.handover_s, focus, tuple(roles), tuple(sorted(staging.drawn.items())))


def walked_m(role: Role, span_s: float) -> FloatArray:
    """Return the stations of a paced role, integrated in steps of a millisecond."""
    assert isinstance(role.acting, Paced)
    times = np.arange(0.0, span_s + 5e-4, 1e-3)
    accel, begin = np.zeros(len(times)), 0.0
    for duration_s, phase_mps2 in role.acting.phases:
        accel[(times >= begin) & (times < begin + duration_s)] = phase_mps2
        begin += duration_s
    speed = np.maximum(role.start_mps + np.concatenate([[0.0], np.cumsum(accel[:-1]) * 1e-3]), 0.0)
    return role.start_m + np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2) * 1e-3])


def encroachment_s(first: Plan, second: Plan, event_s: float) -> float:
    """Return the post-encroachment time by brute force.

    The least time from when the first covers some ground to when the second covers part of it,
    over all pairs of moments in steps of 0.05 s.
    """
    before, after = (
        np.arange(event_s - 3.5, event_s + 0.25, 0.05),
        np.arange(event_s - 0.5, event_s + 0.25, 0.05),
    )
    a, b = first.outline_m(before), second.outline_m(after)
    rows, columns = (index.ravel() for index in np.indices((len(before), len(after))))
    meets = polygon_gap(a[rows], b[columns]) <= 0
    assert meets.any(), "the second never comes to where the first was"
    return float((after[columns] - before[rows])[meets].min())
