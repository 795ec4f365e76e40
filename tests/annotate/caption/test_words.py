"""Colours and kinds are called what people call them; every word of the lists has its own."""

from dataclasses import replace

import pytest

from rareworld.annotate.caption.words import (
    LIGHT,
    PLACES,
    ROAD,
    WEATHER,
    a,
    colour_word,
    kind_word,
    light_words,
    noun,
    side_words,
    weather_words,
)
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.conditions import Conditions, Lighting, RoadCondition, Weather
from rareworld.core.event import BodyPart
from rareworld.core.scene import Actor
from rareworld.simulate.maps.places import PLACES as LIBRARY


@pytest.mark.parametrize(
    ("srgb", "word"),
    [
        ((0.90, 0.90, 0.89), "white"),
        ((0.86, 0.85, 0.80), "white"),
        ((0.055, 0.055, 0.06), "black"),
        ((0.23, 0.24, 0.26), "black"),
        ((0.34, 0.35, 0.36), "grey"),
        ((0.64, 0.65, 0.66), "silver"),
        ((0.55, 0.06, 0.07), "red"),
        ((0.34, 0.05, 0.07), "red"),
        ((0.13, 0.30, 0.53), "blue"),
        ((0.09, 0.16, 0.34), "blue"),
        ((0.17, 0.25, 0.19), "green"),
        ((0.12, 0.36, 0.22), "green"),
        ((0.80, 0.38, 0.08), "orange"),
        ((0.86, 0.72, 0.12), "yellow"),
        ((0.88, 0.83, 0.67), "beige"),
        ((0.25, 0.17, 0.12), "brown"),
    ],
)
def test_paints_have_everyday_names(srgb, word):
    assert colour_word(srgb) == word


@pytest.mark.parametrize(
    ("blueprint", "named"),
    [
        ("hatchback", "red car"),
        ("saloon", "red car"),
        ("suv", "red SUV"),
        ("van", "red van"),
        ("city_bus", "red bus"),
        ("police", "police car"),
        ("bicycle", "cyclist"),
        ("motorcycle", "motorcycle"),
        ("adult", "pedestrian"),
        ("child", "child"),
    ],
)
def test_road_users_are_named_with_the_colour_that_tells(blueprint, named):
    assert noun(Actor(id=1, blueprint=blueprint, colour=(0.55, 0.06, 0.07))) == named


def test_every_blueprint_has_a_kind_of_its_own():
    assert "vehicle" not in {kind_word(Actor(id=1, blueprint=name)) for name in BLUEPRINTS}


@pytest.mark.parametrize(
    ("name", "said"),
    [("red car", "a red car"), ("orange van", "an orange van"), ("SUV", "an SUV"),
     ("articulated truck", "an articulated truck"), ("black SUV", "a black SUV")],
)  # fmt: skip
def test_the_article_is_as_spoken(name, said):
    assert a(name) == said


def test_every_condition_and_place_has_words_of_its_own():
    for words, members in ((LIGHT, Lighting), (WEATHER, Weather), (ROAD, RoadCondition)):
        assert set(words) == set(members)
        assert len(set(words.values())) == len(members)
    assert set(PLACES) == set(LIBRARY)
    assert len(set(PLACES.values())) == len(PLACES)


@pytest.mark.parametrize(
    ("weather", "intensity", "said"),
    [
        (Weather.RAINING, 0.2, "it is raining lightly"),
        (Weather.RAINING, 0.5, "it is raining"),
        (Weather.RAINING, 0.9, "it is raining heavily"),
        (Weather.FOG, 1.0, "there is thick fog"),
        (Weather.CLEAR_SKY, 1.0, "the sky is clear"),
    ],
)
def test_strength_is_told_where_it_shows(weather, intensity, said):
    road = RoadCondition.PUDDLES if weather is Weather.RAINING else RoadCondition.DRY
    assert weather_words(Conditions(weather=weather, road=road, intensity=intensity)) == said


def test_without_a_word_for_the_hour_it_is_day():
    night = Conditions(lighting=Lighting.NIGHT)
    assert light_words(night) == "at night"
    assert light_words(replace(night, lighting=None)) == "by day"


@pytest.mark.parametrize(
    ("part", "said"),
    [(BodyPart.FRONT_LEFT, "the front"), (BodyPart.REAR_RIGHT, "the rear"),
     (BodyPart.LEFT, "the side"), (BodyPart.BODY, ""), (None, "")],
)  # fmt: skip
def test_parts_are_told_as_front_rear_and_side(part, said):
    assert side_words(part) == said
