"""Blows are found in time; passing by is none; scores count as they say."""

import numpy as np
import pytest

from evaluate.fixed_camera.drawing import FPS, Vehicle, draw, straight
from rareworld.core.event import Event, EventKind
from rareworld.evaluate.fixed_camera import Contact, Truth, check_clip, truth_from_events
from rareworld.evaluate.fixed_camera.contact import score_contacts, truth_from_prompt

WHITE, BLUE = (225.0, 225, 225), (40.0, 70, 160)


def contact(vehicles, fps=FPS, frames=17):
    return check_clip("clip", draw(vehicles, noise=0.5, frames=frames, fps=fps), fps).contact


def meeting(at_s, after=0.1):
    """Return two cars that meet head-on at a time and go on slowly."""
    first = lambda t: (100 + 80 * (min(t, at_s) - at_s) + 80 * after * max(t - at_s, 0), 60)  # noqa: E731
    second = lambda t: (122 - 80 * (min(t, at_s) - at_s) + 10 * max(t - at_s, 0), 60)  # noqa: E731
    return [Vehicle(first, colour=WHITE), Vehicle(second, colour=BLUE)]


@pytest.mark.parametrize("at_s", [0.75, 1.25])
def test_a_head_on_collision_is_found_in_time(at_s):
    found = contact(meeting(at_s))
    assert found is not None
    assert found.time_s == pytest.approx(at_s, abs=0.2)


def test_a_finer_clock_gives_a_finer_time():
    found = contact(meeting(1.0), fps=30.0, frames=60)
    assert found.time_s == pytest.approx(1.0, abs=0.12)


def test_running_into_a_slower_car_is_found():
    at_s = 1.0
    rear = lambda t: (90 + 70 * (min(t, at_s) - at_s) + 30 * max(t - at_s, 0), 60)  # noqa: E731
    front = lambda t: (112 + 25 * (min(t, at_s) - at_s) + 45 * max(t - at_s, 0), 60)  # noqa: E731
    found = contact([Vehicle(rear, colour=WHITE), Vehicle(front, colour=BLUE)])
    assert found is not None
    assert found.time_s == pytest.approx(at_s, abs=0.25)


@pytest.mark.parametrize("gap", [0.0, 6.0])
def test_passing_by_is_no_blow(gap):
    pair = [
        Vehicle(straight((30, 56), (80, 0)), colour=WHITE),
        Vehicle(straight((195, 66 + gap), (-80, 0)), colour=BLUE),
    ]
    assert contact(pair) is None


def test_braking_alone_is_no_blow():
    stop = lambda t: (40 + 80 * min(t, 1.0), 60)  # noqa: E731
    assert contact([Vehicle(stop), Vehicle(straight((60, 100), (60, 0)))]) is None


def test_scores_count_right_missed_and_false():
    blow = lambda time: Contact(time, 0, 1, 3.0)  # noqa: E731
    found = {
        "in time": blow(1.1),
        "late": blow(2.0),
        "missed": None,
        "false": blow(0.5),
        "calm": None,
    }
    found |= {"prompted": blow(0.2), "unknown": blow(0.1)}
    truth = {
        "in time": Truth(True, 1.0),
        "late": Truth(True, 1.0),
        "missed": Truth(True, 1.0),
        "false": Truth(False),
        "calm": Truth(False),
        "prompted": Truth(True),
    }
    score = score_contacts(found, truth, 0.25)
    assert (score.clips, score.found, score.true, score.right) == (6, 4, 4, 2)
    assert (score.precision, score.recall) == (0.5, 0.5)
    assert score.error_s == pytest.approx((0.1 + 1.0) / 2)


def test_scores_over_nothing_are_not_numbers():
    score = score_contacts({"a": None}, {"a": Truth(False)}, 0.25)
    assert np.isnan([score.precision, score.recall, score.error_s]).all()


@pytest.mark.parametrize(
    ("prompt", "collides"),
    [
        ("A silver SUV strikes the motorcycle's front wheel.", True),
        ("A white van rear-ends a bus; both stop.", True),
        ("Two cars collide at the junction.", True),
        ("A truck rams a barrier", True),
        ("Cars drive along a wet road without any collision.", False),
        ("A cyclist narrowly avoids being struck.", False),
        ("Traffic flows in both directions under clear skies.", False),
        ("No crash happens. Then a car hits a pole.", True),
    ],
)
def test_prompts_tell_of_collisions(prompt, collides):
    assert truth_from_prompt(prompt) == Truth(collides)


def event(kind, key_s):
    return Event(
        kind=kind,
        actors=(1, 2),
        start_s=key_s,
        end_s=key_s,
        start_frame=0,
        end_frame=1,
        key_s=key_s,
        position_m=(0.0, 0.0, 0.0),
    )


def test_events_give_the_first_collision_on_the_clips_clock():
    events = [event(EventKind.NEAR_MISS, 0.5), event(EventKind.COLLISION, 3.0)]
    events.append(event(EventKind.COLLISION, 2.5))
    assert truth_from_events(events, 1.0) == Truth(True, 1.5)
    assert truth_from_events(events[:1]) == Truth(False)
