"""Events are told in order, with who, where and what came of it; what does not show is not."""

import pytest

from rareworld.annotate.caption.happening import happenings, shown_events
from rareworld.core.event import BodyPart, EventKind
from rareworld.core.scene import PropKind
from tests.annotate.caption.hand import BLUE, TREE, WHITE, Body, event_of, seen_of

CRASH, MISS = EventKind.COLLISION, EventKind.NEAR_MISS
CAR, VAN = Body(), Body("van", WHITE, at_m=(5, 0))
STILL = Body(speeds_mps=(4, 0)), Body("van", WHITE, speeds_mps=(4, 0))


def told(bodies, *events, **scene):
    return " ".join(happenings(seen_of(list(bodies), events, **scene))[0])


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({1: BodyPart.FRONT, 2: BodyPart.REAR}, "A red car crashes into the rear of a white van."),
        ({1: BodyPart.FRONT, 2: BodyPart.LEFT}, "A red car crashes into the side of a white van."),
        ({1: BodyPart.FRONT, 2: BodyPart.FRONT_LEFT}, "A red car and a white van crash head-on."),
        ({1: BodyPart.LEFT, 2: BodyPart.FRONT}, "A red car crashes into the front of a white van."),
        ({}, "A red car crashes into a white van."),
    ],
)
def test_a_crash_names_both_and_where(parts, said):
    assert told([CAR, VAN], event_of(CRASH, (1, 2), parts=parts)) == said


def test_the_struck_stands_second_whoever_is_listed_first():
    event = event_of(CRASH, (1, 2), struck=1, parts={1: BodyPart.REAR})
    assert told([CAR, VAN], event) == "A white van crashes into the rear of a red car."


def test_two_alike_are_told_together():
    event = event_of(CRASH, (1, 2), parts={1: BodyPart.FRONT, 2: BodyPart.FRONT})
    assert told([CAR, CAR], event) == "Two red cars crash head-on."


@pytest.mark.parametrize(
    ("blueprint", "roll", "said"),
    [
        ("adult", 1.5, "A red car hits a pedestrian, and the pedestrian falls to the ground."),
        ("bicycle", 1.5, "A red car hits a cyclist, and the cyclist falls to the ground."),
        ("adult", 0.0, "A red car hits a pedestrian."),
    ],
)
def test_people_are_hit_and_fall(blueprint, roll, said):
    victim = Body(blueprint, BLUE, roll_rad=roll, speeds_mps=(1, 1))
    assert told([CAR, victim], event_of(CRASH, (1, 2))) == said


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (Body("van", WHITE, turn_rad=3.0), ", and the white van spins around."),
        (Body("van", WHITE, roll_rad=1.5), ", and the white van overturns."),
    ],
)
def test_what_comes_of_it_is_told(second, said):
    assert told([CAR, second], event_of(CRASH, (1, 2))).endswith(said)


def test_who_walks_into_a_car_is_hit_by_it():
    walker = Body("adult", BLUE, speeds_mps=(1, 1))
    event = event_of(CRASH, (1, 2), parts={2: BodyPart.LEFT}, struck=2)
    assert told([walker, CAR], event).startswith("A red car hits a pedestrian")


def test_both_stop_where_they_do():
    assert told(STILL, event_of(CRASH, (1, 2))).endswith(", and both stop.")


def test_of_a_crash_at_the_very_end_nothing_more_is_told():
    assert told(STILL, event_of(CRASH, (1, 2), 1.9)) == "A red car crashes into a white van."


@pytest.mark.parametrize(
    ("thing", "said"),
    [(TREE.id, "A red car crashes into a tree"), (0, "A red car crashes into the kerb")],
)
def test_things_that_are_hit_have_names(thing, said):
    assert TREE.kind is PropKind.TREE
    assert told([CAR], event_of(CRASH, (1,), thing=thing), props=(TREE,)).startswith(said)


def test_events_follow_in_order_of_time_and_once_for_each_pair():
    third = Body("suv", BLUE)
    events = (event_of(CRASH, (2, 3), 1.2), event_of(CRASH, (1, 2), 0.5), event_of(CRASH, (2, 1)))
    text = told([CAR, VAN, third], *events)
    assert text == ("A red car crashes into a white van. Then a white van crashes into a blue SUV.")


def test_a_crash_outweighs_what_led_to_it():
    events = (event_of(EventKind.SUDDEN_BRAKING, (2,), 0.5), event_of(CRASH, (1, 2), 1.0))
    assert told([CAR, VAN], *events) == "A red car crashes into a white van."


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (EventKind.RED_LIGHT, "A red car runs a red light."),
        (EventKind.WRONG_WAY, "A red car drives the wrong way."),
        (EventKind.SUDDEN_BRAKING, "A red car brakes hard."),
        (EventKind.SWERVING, "A red car swerves."),
        (EventKind.STOPPED, "A red car stands still in the lane."),
        (EventKind.ILLEGAL_TURN, "A red car makes an illegal turn."),
        (EventKind.JAYWALKING, "A red car crosses the road away from the crossing."),
    ],
)
def test_every_kind_of_event_has_its_words(kind, said):
    assert told([CAR], event_of(kind, (1,))) == said


def test_a_near_miss_is_no_crash():
    assert told([CAR, VAN], event_of(MISS, (1, 2))) == "A red car narrowly misses a white van."


@pytest.mark.parametrize(
    ("bodies", "at_s"), [((CAR, Body("van", pixels=3)), 1.0), ((CAR, VAN), 4.0)]
)
def test_what_is_out_of_sight_or_time_is_not_told(bodies, at_s):
    seen = seen_of(list(bodies), (event_of(CRASH, (1, 2), at_s),))
    assert shown_events(seen) == []
    assert happenings(seen) == ([], frozenset())


def test_who_is_in_an_event_is_known():
    assert happenings(seen_of([CAR, VAN], (event_of(CRASH, (1, 2)),)))[1] == {1, 2}
