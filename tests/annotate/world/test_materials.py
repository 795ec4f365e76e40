"""Rules of the table of materials: physics of colours, lamps, weather, and every name in use."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from rareworld.annotate.world import sections, wardrobe
from rareworld.annotate.world.materials import MATERIALS, material, skin
from rareworld.annotate.world.model import (
    Inside,
    Material,
    Paint,
    StateBit,
    Texture,
    Weathering,
)
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Lamp

BY_NAME = {one.name: one for one in MATERIALS}
LUMA = np.array([0.2126, 0.7152, 0.0722])
ids = [one.name for one in MATERIALS]


def every(check):
    """Make a claim about one material a test of all of them."""

    def claim():
        for one in MATERIALS:
            check(one)

    claim.__name__ = check.__name__
    return claim


def bright(one: Material) -> float:
    return float(np.dot(one.colour, LUMA))


def saturation(one: Material) -> float:
    return (max(one.colour) - min(one.colour)) / max(one.colour)


@every
def test_no_surface_reflects_more_than_nine_tenths_or_less_than_soot(one):
    assert 0.9 >= max(one.colour) >= 0.009
    assert min(one.colour) > 0


@every
def test_scattered_and_mirrored_light_together_are_no_more_than_came(one):
    mirrored = one.specular * (1 - one.roughness) ** 2
    assert 0 <= one.specular < 1
    assert mirrored + (1 - mirrored) * max(one.colour) <= 1


@every
def test_shares_are_shares_and_tiles_have_a_size(one):
    assert 0.02 <= one.roughness <= 1
    assert 0 <= one.translucency <= 0.5
    if one.texture is Texture.NONE:
        assert one.metres_per_repeat == 1.0
    else:
        assert 0.3 <= one.metres_per_repeat <= 40


@every
def test_only_lamps_shine_and_each_says_when(one):
    assert (max(one.emission) > 0) == (one.lit_when != 0)
    assert min(one.emission) >= 0
    if one.lit_when:
        assert one.weathering is Weathering.NONE, "a lit lens is not repainted by weather"
        assert one.texture is Texture.NONE
        assert one.paint is Paint.NONE


@every
def test_names_are_lower_case_words(one):
    assert re.fullmatch(r"[a-z]+([ -][a-z]+)*", one.name)
    assert material(one.name) == MATERIALS.index(one)


def test_names_are_unique():
    assert [name for name, count in Counter(ids).items() if count > 1] == []


def test_wrong_names_are_refused():
    with pytest.raises(KeyError, match="velvet"):
        material("velvet")
    with pytest.raises(KeyError):
        skin("", ClassId.CAR)


@pytest.mark.parametrize("kind", list(ClassId))
def test_a_skin_joins_a_surface_and_a_class(kind):
    made = skin("tyre", kind)
    assert (MATERIALS[made.material].name, made.class_id) == ("tyre", kind)


@every
def test_a_lit_lamp_has_the_hue_of_its_lens(one):
    """A red lens shines red: the strongest channel is the same lit and unlit."""
    if one.lit_when and saturation(one) > 0.3:
        assert int(np.argmax(one.emission)) == int(np.argmax(one.colour))


LAMPS = {
    "head lamp": Lamp.LOW_BEAM | Lamp.HIGH_BEAM,
    "tail lamp": Lamp.POSITION | Lamp.LOW_BEAM,
    "brake lamp": Lamp.BRAKE,
    "reverse lamp": Lamp.REVERSE,
    "left blinker": Lamp.LEFT_BLINKER,
    "right blinker": Lamp.RIGHT_BLINKER,
    "fog lamp": Lamp.FOG,
    "beacon a": Lamp.SPECIAL_1,
    "beacon b": Lamp.SPECIAL_2,
    "side marker": Lamp.POSITION | Lamp.LOW_BEAM,
}


@pytest.mark.parametrize("name", LAMPS)
def test_lamps_answer_to_their_own_switch(name):
    assert BY_NAME[name].lit_when == int(LAMPS[name])


@pytest.mark.parametrize(
    ("name", "bit"),
    [
        ("lens red", StateBit.RED),
        ("lens yellow", StateBit.YELLOW),
        ("lens green", StateBit.GREEN),
    ],
)
def test_lenses_of_signals_answer_to_their_own_bit_only(name, bit):
    assert BY_NAME[name].lit_when == int(bit)
    others = [one.name for one in MATERIALS if one.lit_when & int(bit)]
    assert others == [name]


def test_a_brake_lamp_is_far_brighter_than_a_tail_lamp_and_a_head_lamp_than_both():
    """ECE R7: tail lamps 4 to 17 cd, brake lamps 60 to 260 cd."""
    power = {name: float(np.dot(BY_NAME[name].emission, LUMA)) for name in LAMPS}
    assert 4 <= power["brake lamp"] / power["tail lamp"] <= 65
    assert power["head lamp"] > 5 * power["brake lamp"]
    assert power["side marker"] < power["left blinker"] == power["right blinker"]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("asphalt", 0.05, 0.15),
        ("yard asphalt", 0.05, 0.17),
        ("concrete", 0.2, 0.4),
        ("kerb", 0.2, 0.45),
        ("grass", 0.05, 0.25),
        ("meadow", 0.05, 0.25),
        ("white paint", 0.5, 0.85),
        ("brick red", 0.1, 0.4),
        ("plaster white", 0.5, 0.85),
        ("earth", 0.05, 0.25),
        ("gravel", 0.1, 0.35),
        ("tyre", 0.01, 0.05),
        ("skin light", 0.3, 0.5),
        ("skin dark", 0.04, 0.15),
        ("leaves", 0.05, 0.25),
        ("steel", 0.3, 0.6),
    ],
)
def test_common_surfaces_reflect_as_measured(name, low, high):
    """Ranges of Oke (Boundary Layer Climates) and of the CIE's and ASTER's tables."""
    assert low <= bright(BY_NAME[name]) <= high


@pytest.mark.parametrize(
    "pair",
    [
        ("asphalt", "white paint"),
        ("asphalt", "yellow paint"),
        ("asphalt", "old paint"),
        ("bike lane", "white paint"),
        ("bus lane", "white paint"),
    ],
)
def test_markings_stand_out_from_what_they_lie_on(pair):
    ground, paint = (BY_NAME[name] for name in pair)
    assert bright(paint) > 2.5 * bright(ground)


def test_worn_paint_is_darker_than_fresh():
    assert bright(BY_NAME["old paint"]) < bright(BY_NAME["white paint"])


GROUND_KINDS = {Weathering.ROAD, Weathering.PAVED, Weathering.SOIL}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Weathering.ROAD, ["asphalt", "white paint", "yellow paint", "gutter", "tyre mark"]),
        (Weathering.PAVED, ["paving", "kerb", "slabs", "setts", "gravel", "tactile"]),
        (Weathering.SOIL, ["grass", "meadow", "earth", "crop", "ploughed", "far ground"]),
        (Weathering.LEAF, ["leaves", "needles", "hedge", "straw", "blossom red"]),
        (Weathering.VEHICLE, ["paint", "car glass", "tyre", "chrome", "plate", "tarpaulin"]),
        (Weathering.PERSON, ["jacket", "trousers", "skin light", "hair grey", "shoe", "umbrella"]),
        (Weathering.WATER, ["flood water"]),
        (Weathering.OUTSIDE, ["concrete", "brick red", "roof tiles", "sign red", "window"]),
    ],
)
def test_weather_knows_what_each_surface_is(kind, names):
    assert {BY_NAME[name].weathering for name in names} == {kind}


@every
def test_ground_is_textured_and_rough(one):
    if one.weathering in GROUND_KINDS:
        assert one.texture is not Texture.NONE
        assert one.roughness >= 0.8


@every
def test_leaves_let_light_through_and_nothing_else_does(one):
    if one.texture is Texture.LEAVES and one.name != "far wood":
        assert one.translucency > 0
    else:
        assert one.translucency == 0


@every
def test_green_leaves_are_green_and_conifers_darker(one):
    if one.name.startswith(("leaves", "needles", "hedge")) and one.name != "leaves red":
        assert one.colour[1] == max(one.colour)
    if one.name.startswith("needles"):
        assert bright(one) < bright(BY_NAME["leaves"])
        assert one.translucency < BY_NAME["leaves"].translucency


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("window", Inside.ROOM),
        ("curtain glass", Inside.ROOM),
        ("shop window", Inside.SHOP),
        ("car glass", Inside.CABIN),
    ],
)
def test_glass_has_something_behind_it(name, inside):
    glass = BY_NAME[name]
    assert glass.inside is inside
    assert glass.roughness <= 0.1
    # water-clear glass mirrors 4 % per side, 8 % per pane
    assert glass.specular == pytest.approx(0.08)


def test_nothing_but_glass_has_an_inside():
    found = {one.name for one in MATERIALS if one.inside is not Inside.NONE}
    assert found == {"window", "curtain glass", "shop window", "car glass"}


@every
def test_panes_tint_towards_green_or_blue_never_red(one):
    if one.inside is not Inside.NONE:
        assert one.colour[0] <= min(one.colour[1:])


@pytest.mark.parametrize(
    ("paint", "names"),
    [
        (Paint.BODY, {"paint", "paint metallic", "jacket", "umbrella"}),
        (Paint.SECOND, {"cargo", "trousers", "tarpaulin"}),
    ],
)
def test_colours_of_actors_go_where_they_belong(paint, names):
    found = {one.name for one in MATERIALS if one.paint is paint}
    assert names <= found
    assert {BY_NAME[name].weathering for name in found} <= {Weathering.VEHICLE, Weathering.PERSON}


@every
def test_what_takes_an_actors_colour_is_grey_in_the_table(one):
    if one.paint is not Paint.NONE:
        assert saturation(one) == 0


@pytest.mark.parametrize("prefix", ["skin ", "hair "])
def test_people_come_in_several_shades_apart(prefix):
    shades = sorted(bright(one) for one in MATERIALS if one.name.startswith(prefix))
    assert len(shades) >= 5
    assert all(b > 1.15 * a for a, b in pairwise(shades))


@every
def test_skin_is_warm_at_any_shade(one):
    if one.name.startswith("skin "):
        red, green, blue = one.colour
        assert red > green > blue
        assert red / green < 2.1


def test_metals_mirror_in_their_own_colour_more_than_paint():
    for name in ("chrome", "mirror glass", "steel", "rim", "alloy"):
        assert BY_NAME[name].specular > 0.2
    for name in ("plastic grey", "trim", "tyre", "jacket", "asphalt"):
        assert BY_NAME[name].specular <= 0.05


def test_high_visibility_clothing_is_the_brightest_that_people_wear():
    """EN ISO 20471: luminance factors of at least 0.70 (yellow) and 0.40 (orange)."""
    yellow, orange = BY_NAME["hi-vis yellow"], BY_NAME["hi-vis orange"]
    assert 0.6 < bright(yellow) < 0.9
    assert bright(orange) > 0.3
    assert min(saturation(yellow), saturation(orange)) > 0.9


def test_every_cloth_hair_and_hat_of_the_wardrobe_is_worn_by_people():
    for style in range(wardrobe.NUM_LOOKS):
        for dress in wardrobe.Dress:
            looks = wardrobe.looks_of(style, dress=dress)
            for name in (looks.skin, looks.hair_of, looks.outfit.top, looks.outfit.shoe):
                assert BY_NAME[name].weathering is Weathering.PERSON


def test_materials_stay_within_a_byte():
    """Renderers and stores keep them as small integers."""
    assert len(MATERIALS) < 256


def test_broken_glass_no_longer_shows_a_cabin():
    assert BY_NAME["glass broken"].inside is Inside.NONE
    assert BY_NAME["glass broken"].roughness > 4 * BY_NAME["car glass"].roughness
    assert BY_NAME["lamp broken"].lit_when == 0


def test_a_band_of_an_unknown_cloth_is_refused():
    rows = [(0.0, 0.1, 0.1, 0.1, 0.0), (1.0, 0.1, 0.1, 0.1, 0.0)]
    with pytest.raises(KeyError, match="velvet"):
        sections.skinned(sections.rings(rows, 1.0), ["velvet"], ClassId.PEDESTRIAN)


@pytest.mark.parametrize("name", ["asphalt", "yard asphalt", "paving", "kerb", "gutter", "setts"])
def test_worn_mineral_ground_reflects_a_little_more_red_than_blue(name):
    red, green, blue = BY_NAME[name].colour
    assert red > green > blue
    assert 1.1 < red / blue < 1.25


@pytest.mark.parametrize("name", ["grass", "meadow", "leaves", "leaves dark", "hedge"])
def test_green_lies_between_dry_grass_and_the_foliage_patch_of_the_colour_checker(name):
    """The patch is (0.095, 0.150, 0.056) in linear light: ratios to green of 0.63 and 0.37."""
    red, green, blue = BY_NAME[name].colour
    assert 0.55 < red / green < 0.9
    assert 0.25 < blue / green < 0.45
