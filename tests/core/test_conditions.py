"""Which conditions go together."""

import pytest

from rareworld.core.conditions import (
    IMPOSSIBLE,
    USUAL_ROAD,
    Conditions,
    Lighting,
    RoadCondition,
    Weather,
    legal_conditions,
)
from rareworld.errors import ConfigError


def test_legal_and_impossible_combinations_are_all_there_are() -> None:
    legal = legal_conditions()
    pairs = {(one.weather, one.road) for one in legal}
    assert len(legal) == len(set(legal)) == 198
    assert not pairs & IMPOSSIBLE.keys()
    assert len(pairs) + len(IMPOSSIBLE) == len(Weather) * len(RoadCondition)
    assert {one.lighting for one in legal} == set(Lighting)


def test_every_weather_goes_with_its_usual_road() -> None:
    for weather in Weather:
        assert Conditions(weather=weather, road=USUAL_ROAD[weather]).road is USUAL_ROAD[weather]


@pytest.mark.parametrize("pair", IMPOSSIBLE)
def test_contradictions_are_refused_with_reason_and_choices(pair) -> None:
    weather, road = pair
    with pytest.raises(ConfigError) as caught:
        Conditions(weather=weather, road=road)
    assert IMPOSSIBLE[pair] in str(caught.value)
    assert USUAL_ROAD[weather].value in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"), [("intensity", -0.1), ("intensity", 1.1), ("wind_mps", 50.0)]
)
def test_numbers_out_of_range_are_named(field, value) -> None:
    with pytest.raises(ConfigError, match=field):
        Conditions(**{field: value})
