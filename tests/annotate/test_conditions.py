"""Conditions as a section of a recipe and as words of a command."""

import math

import pytest
from pydantic import ValidationError

from rareworld.annotate.conditions import ConditionsConfig
from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.core.conditions import (
    IMPOSSIBLE,
    USUAL_ROAD,
    Conditions,
    Lighting,
    RoadCondition,
    Weather,
    legal_conditions,
    roads_for,
)
from rareworld.data.config import override
from rareworld.errors import ConfigError

PAIRS = [(weather, road) for weather in Weather for road in RoadCondition]
LEGAL = [pair for pair in PAIRS if pair not in IMPOSSIBLE]


def test_an_empty_section_is_a_clear_dry_day_of_the_scenes_own_hour():
    assert ConditionsConfig().record() == Conditions()
    assert ConditionsConfig().record().lighting is None


@pytest.mark.parametrize("weather", Weather)
def test_a_weather_alone_brings_its_usual_road(weather):
    assert ConditionsConfig(weather=weather).record().road is USUAL_ROAD[weather]


@pytest.mark.parametrize(("weather", "road"), LEGAL)
def test_a_road_that_is_said_is_taken(weather, road):
    made = ConditionsConfig(weather=weather, road=road).record()
    assert (made.weather, made.road) == (weather, road)


@pytest.mark.parametrize(("weather", "road"), list(IMPOSSIBLE))
def test_contradictions_are_refused_when_the_recipe_is_read(weather, road):
    with pytest.raises(ConfigError) as caught:
        ConditionsConfig.parse({"weather": weather.value, "road": road.value}, source="my.yaml")
    text = str(caught.value)
    assert IMPOSSIBLE[weather, road] in text
    for usable in roads_for(weather):
        assert usable in text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("intensity", 1.01),
        ("intensity", -0.01),
        ("intensity", "much"),
        ("wind_mps", -1),
        ("wind_mps", 41),
        ("weather", "hail"),
        ("lighting", "noon"),
        ("road", "ice"),
        ("cloud", 3),
    ],
)
def test_wrong_entries_are_named_with_file_and_field(field, value):
    with pytest.raises(ConfigError, match=rf"my\.yaml.*{field}"):
        ConditionsConfig.parse({field: value}, source="my.yaml")


@pytest.mark.parametrize("lighting", Lighting)
def test_words_of_the_command_reach_the_record(lighting):
    settings = [f"conditions.lighting={lighting.value}", "conditions.weather=fog",
                "conditions.intensity=0.25", "conditions.wind_mps=7"]  # fmt: skip
    config = AnnotateConfig.parse(override({}, settings), source="command line")
    made = config.conditions.record()
    assert made == Conditions(
        weather=Weather.FOG, lighting=lighting, road=RoadCondition.DRY, intensity=0.25, wind_mps=7.0
    )


def test_a_section_survives_writing_and_reading():
    for weather, road in LEGAL:
        one = ConditionsConfig(weather=weather, road=road, lighting=Lighting.NIGHT)
        again = ConditionsConfig.parse(one.model_dump(mode="json"), source="again")
        assert again == one


def test_sections_cannot_be_changed_afterwards():
    config = ConditionsConfig()
    with pytest.raises(ValidationError):
        config.intensity = 0.9
    with pytest.raises(AttributeError):
        config.record().intensity = 0.9


# the record itself


def test_every_road_occurs_in_some_weather_and_every_weather_on_some_road():
    assert {road for _, road in LEGAL} == set(RoadCondition)
    assert {weather for weather, _ in LEGAL} == set(Weather)
    assert len(PAIRS) == len(LEGAL) + len(IMPOSSIBLE)
    assert set(IMPOSSIBLE) <= set(PAIRS)


@pytest.mark.parametrize("weather", Weather)
def test_roads_for_a_weather_are_the_legal_ones_in_order(weather):
    roads = roads_for(weather)
    assert roads == tuple(road.value for w, road in LEGAL if w is weather)
    assert USUAL_ROAD[weather].value in roads


@pytest.mark.parametrize("intensity", [0.0, 1.0])
@pytest.mark.parametrize("wind", [0.0, 40.0])
def test_the_ends_of_the_ranges_are_allowed(intensity, wind):
    made = Conditions(intensity=intensity, wind_mps=wind)
    assert (made.intensity, made.wind_mps) == (intensity, wind)


@pytest.mark.parametrize("field", ["intensity", "wind_mps"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_refused(field, value):
    with pytest.raises(ConfigError, match=rf"conditions\.{field} must be in"):
        Conditions(**{field: value})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_wind_without_direction_is_refused(value):
    with pytest.raises(
        ConfigError, match=r"conditions\.wind_yaw_rad must be finite, got (nan|inf)"
    ):
        Conditions(wind_yaw_rad=value)
    with pytest.raises(ConfigError, match="wind_yaw_rad"):
        ConditionsConfig.parse({"wind_yaw_rad": value})


def test_combinations_come_in_the_order_of_the_lists():
    legal = legal_conditions()
    orders = [list(kind) for kind in (Weather, Lighting, RoadCondition)]
    keys = [
        tuple(
            order.index(value)
            for order, value in zip(orders, (c.weather, c.lighting, c.road), strict=True)
        )
        for c in legal
    ]
    assert keys == sorted(keys)
    assert len(legal) == len(LEGAL) * len(Lighting)


@pytest.mark.parametrize("why", sorted(set(IMPOSSIBLE.values())))
def test_reasons_are_short_sentences_without_a_stop(why):
    assert 10 < len(why) < 80
    assert why[0].islower()
    assert not why.endswith(".")


def test_words_are_those_of_the_field():
    """The augmentation lists of NVIDIA's Smart City SDG workflow, and dust."""
    assert [w.value for w in Weather] == [
        "clear_sky", "overcast", "snow_falling", "raining", "fog", "dust"
    ]  # fmt: skip
    assert {r.value for r in RoadCondition} == {"dry", "snow", "sand", "puddles", "flooding"}
    assert len(Lighting) == 9
