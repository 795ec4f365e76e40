"""Who people are: varied, repeatable, dressed for the weather."""

import pytest

from rareworld.annotate.world.materials import material
from rareworld.annotate.world.wardrobe import NUM_LOOKS, Age, Bag, Dress, Hat, dress_for, looks_of
from rareworld.core.conditions import Conditions, RoadCondition, Weather

ADULTS = [looks_of(style) for style in range(NUM_LOOKS)]
CHILDREN = [looks_of(style, child=True) for style in range(NUM_LOOKS)]


def test_at_least_sixteen_outfits_of_adults_and_six_of_children():
    assert len({looks.outfit for looks in ADULTS}) >= 16
    assert len({looks.outfit for looks in CHILDREN}) >= 6
    assert len(set(ADULTS)) == NUM_LOOKS


def test_a_number_is_always_the_same_person():
    for style in (0, 5, 63):
        assert looks_of(style) == looks_of(style + NUM_LOOKS)
        for dress in Dress:
            other = looks_of(style, dress=dress)
            mine = looks_of(style)
            assert (other.skin, other.hair_of, other.girth, other.woman) == (
                mine.skin, mine.hair_of, mine.girth, mine.woman,
            )  # fmt: skip


def test_builds_ages_and_sexes_are_mixed():
    assert 0.35 < sum(looks.woman for looks in ADULTS) / NUM_LOOKS < 0.7
    assert 3 <= sum(looks.age is Age.ELDERLY for looks in ADULTS) <= 16
    assert {0.92, 1.0, 1.17} <= {looks.girth for looks in ADULTS}
    assert len({looks.skin for looks in ADULTS}) >= 4
    assert sum(looks.phone for looks in ADULTS) >= 6
    assert all(looks.age is Age.CHILD for looks in CHILDREN)
    assert not any(looks.beard for looks in CHILDREN)


def test_statures_fill_the_box_within_five_percent():
    assert all(0.95 <= looks.stature <= 1.0 for looks in [*ADULTS, *CHILDREN])


@pytest.mark.parametrize("dress", [Dress.WET, Dress.COLD])
def test_nobody_has_bare_arms_or_legs_in_rain_or_snow(dress):
    for style in range(NUM_LOOKS):
        for child in (False, True):
            outfit = looks_of(style, child=child, dress=dress).outfit
            assert outfit.sleeves >= 1
            assert outfit.legs >= 1
            assert outfit.bottom != "skin"


def test_umbrellas_are_for_adults_in_the_rain_and_fill_the_hand():
    wet = [looks_of(style, dress=Dress.WET) for style in range(NUM_LOOKS)]
    up = [looks for looks in wet if looks.umbrella]
    assert 0.3 < len(up) / NUM_LOOKS < 0.75
    assert not any(looks.phone or looks.outfit.bag is Bag.SHOPPING for looks in up)
    assert not any(looks_of(k, child=True, dress=Dress.WET).umbrella for k in range(NUM_LOOKS))
    assert not any(looks.umbrella for looks in ADULTS)
    covered = {Hat.HOOD, Hat.SCARF, Hat.BEANIE}
    assert all(looks.umbrella or looks.outfit.hat in covered for looks in wet)


@pytest.mark.parametrize(
    ("weather", "road", "wanted"),
    [
        (Weather.CLEAR_SKY, RoadCondition.DRY, Dress.FAIR),
        (Weather.RAINING, RoadCondition.PUDDLES, Dress.WET),
        (Weather.SNOW_FALLING, RoadCondition.SNOW, Dress.COLD),
        (Weather.CLEAR_SKY, RoadCondition.SNOW, Dress.COLD),
        (Weather.FOG, RoadCondition.DRY, Dress.FAIR),
    ],
)
def test_weather_decides_what_people_wear(weather, road, wanted):
    assert dress_for(Conditions(weather=weather, road=road)) is wanted


@pytest.mark.parametrize("dress", list(Dress))
def test_every_cloth_is_a_material(dress):
    for child in (False, True):
        for style in range(NUM_LOOKS):
            looks = looks_of(style, child=child, dress=dress)
            outfit = looks.outfit
            names = {outfit.top, outfit.bottom, outfit.skirt_of, outfit.shirt, outfit.stripes,
                     outfit.shoe, looks.skin, looks.hair_of, looks.umbrella}  # fmt: skip
            for name in names - {"", "skin"}:
                assert material(name) >= 0
