"""Whole captions of scenes made by hand; the seed changes the phrasing and nothing else."""

import numpy as np
import pytest

from rareworld.annotate.caption.compose import describe, describe_conditions
from rareworld.core.conditions import RoadCondition, Weather
from rareworld.core.event import BodyPart, EventKind
from rareworld.core.seed import Seed
from tests.annotate.caption.hand import BLUE, WHITE, Body, event_of, seen_of, under

SEED = Seed(3)
NORTH = np.pi / 2
WALKER = Body("adult", at_m=(9, -3), yaw_rad=NORTH, speeds_mps=(1.3, 1.3))
STROLLER = Body("adult", at_m=(30, 9), speeds_mps=(1.3, 1.3))


def after_air(seen):
    """Return the caption without its two sentences on place, hour, weather and road."""
    return describe(seen, SEED).split(". ", 2)[2]


def test_a_caption_begins_with_camera_place_and_hour():
    said = {describe(seen_of([]), Seed(k)).split(". ")[0] for k in range(20)}
    assert said == {
        f"A traffic CCTV camera {verb} a T-junction in the afternoon"
        for verb in ("watches", "looks down on", "overlooks")
    }


def test_weather_and_road_are_told_in_either_order():
    rain = under(seen_of([]), Weather.RAINING, RoadCondition.PUDDLES)
    said = {describe(rain, Seed(k)).split(". ")[1] for k in range(20)}
    assert said == {
        "It is raining and the road is wet with puddles",
        "The road is wet with puddles and it is raining",
    }


def test_the_same_seed_says_the_same():
    seen = seen_of([Body(), WALKER])
    assert describe(seen, SEED) == describe(seen, SEED)


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "The road is empty."), (2, "Traffic is light."), (6, "Traffic is moderate."),
     (7, "Traffic is heavy.")],
)  # fmt: skip
def test_traffic_is_counted(count, said):
    assert after_air(seen_of([Body(at_m=(-8, 3 * k)) for k in range(count)])).startswith(said)


def test_vehicles_are_told_one_by_one_the_largest_first():
    bodies = [
        Body(at_m=(-8, 0), pixels=100),
        Body("city_bus", BLUE, turn_rad=1.2, pixels=900),
        Body("bicycle", at_m=(8, 0), yaw_rad=np.pi, pixels=60),
        Body("van", WHITE, speeds_mps=(0, 0), pixels=50),
    ]
    assert after_air(seen_of(bodies)) == (
        "Traffic is moderate. A blue bus turns left. A red car drives from left to right. "
        "A cyclist rides from right to left."
    )


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ([WALKER], "A pedestrian crosses the road at the crossing."),
        ([WALKER, WALKER], "Two pedestrians cross the road at the crossing."),
        ([WALKER] * 6, "Many pedestrians cross the road at the crossing."),
        ([STROLLER], "A pedestrian is on the pavement."),
        ([STROLLER] * 3, "Three pedestrians are on the pavement."),
        ([WALKER, STROLLER], "A pedestrian crosses the road at the crossing."),
    ],
)
def test_people_cross_or_stay_aside(people, said):
    assert after_air(seen_of(people)) == f"The road is empty. {said}"


def test_a_row_of_parked_cars_is_mentioned_and_is_no_traffic():
    parked = Body(role="parked", speeds_mps=(0, 0))
    assert after_air(seen_of([parked] * 2)) == "The road is empty. Cars are parked along the road."
    assert after_air(seen_of([parked])) == "The road is empty."


def test_a_crash_comes_before_the_traffic_and_its_actors_are_told_once():
    bodies = [Body(), Body("van", WHITE), Body("suv", BLUE, at_m=(-8, 4))]
    event = event_of(EventKind.COLLISION, (1, 2), parts={1: BodyPart.FRONT, 2: BodyPart.REAR})
    assert after_air(seen_of(bodies, (event,))) == (
        "A red car crashes into the rear of a white van. Traffic is moderate. "
        "A blue SUV drives from left to right."
    )


def test_nobody_out_of_sight_is_named():
    hidden = [Body("city_bus", BLUE, pixels=0), Body("adult", pixels=2)]
    assert after_air(seen_of(hidden)) == "The road is empty."


def test_a_long_clip_is_told_by_what_lasts():
    seen = seen_of([Body(), Body(speeds_mps=(0, 0), pixels=900), WALKER])
    seen.pixels[0, 1:] = 0
    assert describe_conditions(seen, SEED).split(". ", 2)[2] == "Traffic is light."
