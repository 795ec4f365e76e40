"""Rows of things by setting: sound ranges, guidelines for streets, every kind somewhere."""

from itertools import pairwise

import pytest

from rareworld.core.scene import Family, PropKind
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.maps.settings import (
    ROWS,
    SETTING_OF_PLACE,
    TRUNK_M,
    Facing,
    Row,
    Setting,
)

EACH = [(setting, row) for setting in Setting for row in ROWS[setting]]
each = pytest.mark.parametrize(("setting", "row"), EACH)
TOWNS = [s for s in Setting if s not in (Setting.RURAL, Setting.MOTORWAY)]
PLACED_BY_HAND = {
    PropKind.WIRE, PropKind.GANTRY, PropKind.CONE, PropKind.BRIDGE, PropKind.ISLAND,
}  # fmt: skip
"""Hung between masts, set over the motorway, set up by road works of scenarios."""


def of_kind(setting: Setting, kind: PropKind) -> list[Row]:
    return [row for row in ROWS[setting] if row.kind is kind]


def test_every_setting_has_rows_and_every_place_a_setting():
    assert set(ROWS) == set(Setting)
    assert set(SETTING_OF_PLACE) == set(PLACES)
    assert len(set(SETTING_OF_PLACE.values())) == len(SETTING_OF_PLACE)


def test_every_kind_of_prop_stands_somewhere():
    placed = {row.kind for _, row in EACH}
    assert placed | PLACED_BY_HAND == set(PropKind)
    assert not placed & PLACED_BY_HAND


@each
def test_ranges_run_upwards_and_are_positive(setting, row):
    for low, high in (row.offset_m, row.every_m):
        assert 0 <= low <= high
    for low, high in (row.length_m, row.depth_m, row.height_m):
        assert 0 < low <= high
    assert 0 < row.share <= 1
    assert row.styles[0] < row.styles[1]
    assert row.limit is None or row.limit > 0


@each
def test_things_that_touch_are_bays_or_houses(setting, row):
    """A row without gaps or with negative room is made of bays that join."""
    if row.room_m < 0:
        assert row.kind in (PropKind.GUARD_RAIL, PropKind.NOISE_WALL)
        assert row.every_m == (0.0, 0.0)
        assert row.length_m[0] == row.length_m[1]


@each
def test_houses_name_their_families_and_trees_their_species(setting, row):
    if row.kind is PropKind.BUILDING:
        assert row.of == len(Family)
        assert set(row.looks) <= {int(family) for family in Family}
        assert row.looks
    elif row.kind is PropKind.TREE:
        assert row.of == 8
        assert set(row.looks) <= set(range(8))
        assert row.base_m == TRUNK_M
    else:
        assert not row.looks


@each
def test_what_hangs_over_stands_on_a_post(setting, row):
    if row.facing is not Facing.ALONG:
        assert row.kind in (PropKind.STREET_LAMP, PropKind.SIGN)


@pytest.mark.parametrize("setting", TOWNS)
def test_towns_have_lamps_every_24_to_32_metres_at_seven_metres(setting):
    """EN 13201 streets: height 6 to 8 m, spacing 3 to 5 heights."""
    (row,) = of_kind(setting, PropKind.STREET_LAMP)
    assert 6.0 <= row.height_m[0] <= row.height_m[1] <= 8.0
    assert row.every_m[0] / row.height_m[1] >= 3.0
    assert row.every_m[1] / row.height_m[0] <= 5.0
    assert row.share == 1.0


def test_the_country_and_the_motorway_are_not_lit():
    for setting in (Setting.RURAL, Setting.MOTORWAY):
        assert not of_kind(setting, PropKind.STREET_LAMP)


@pytest.mark.parametrize("setting", TOWNS)
def test_trees_of_streets_are_at_least_six_metres_apart(setting):
    for row in of_kind(setting, PropKind.TREE):
        assert row.every_m[0] >= 6.0
        assert row.height_m[0] > row.length_m[0] * 0.9
        assert row.height_m[1] <= 12.0


@pytest.mark.parametrize("setting", TOWNS)
def test_the_first_row_of_houses_is_nearest(setting):
    houses = of_kind(setting, PropKind.BUILDING)
    assert houses
    landmarks = {int(f) for f in (Family.CHURCH, Family.SCHOOL, Family.FUEL)}
    rows = [row for row in houses if not set(row.looks) & landmarks]
    near = [row.offset_m[0] for row in rows]
    assert near == sorted(near)
    for one, two in pairwise(rows):
        assert one.offset_m[1] + one.depth_m[1] < two.offset_m[0] + one.depth_m[0]


@each
def test_only_single_buildings_and_long_runs_are_limited(setting, row):
    if row.limit == 1:
        assert row.kind is PropKind.BUILDING
        assert len(row.looks) == 1


@pytest.mark.parametrize(
    ("setting", "family"),
    [(Setting.OLD_TOWN, Family.CHURCH), (Setting.SCHOOL, Family.SCHOOL),
     (Setting.RETAIL_PARK, Family.FUEL)],
)  # fmt: skip
def test_landmarks_take_their_place_first_and_once(setting, family):
    first = ROWS[setting][0]
    assert first.looks == (int(family),)
    assert first.limit == 1
    others = [row for other in Setting if other is not setting for row in ROWS[other]]
    assert not any(int(family) in row.looks for row in others if row.kind is PropKind.BUILDING)


@pytest.mark.parametrize("setting", [Setting.RURAL, Setting.MOTORWAY])
def test_no_town_furniture_stands_in_the_country(setting):
    town = {PropKind.BENCH, PropKind.BIN, PropKind.METER, PropKind.AD_COLUMN, PropKind.BIKE_RACK,
            PropKind.BUS_SHELTER, PropKind.BOLLARD}  # fmt: skip
    assert not {row.kind for row in ROWS[setting]} & town


def test_only_the_motorway_has_rails_and_noise_walls():
    """RPS: rails 0.75 m high; noise walls of 3.6 m stand clear of junctions."""
    for setting in Setting:
        rails = of_kind(setting, PropKind.GUARD_RAIL) + of_kind(setting, PropKind.NOISE_WALL)
        assert bool(rails) == (setting is Setting.MOTORWAY)
    (rail,) = of_kind(Setting.MOTORWAY, PropKind.GUARD_RAIL)
    assert rail.height_m == (0.75, 0.75)


@each
def test_tall_things_keep_sight_at_junctions(setting, row):
    """Whatever could hide a child (over 0.7 m and wider than a post) keeps off the mouth."""
    slim = max(row.length_m[1], row.depth_m[1]) < 0.6
    posts = row.facing is not Facing.ALONG
    if not (slim or posts or row.kind is PropKind.GUARD_RAIL or row.height_m[1] <= 0.7):
        assert row.clear_m >= 1.5


def test_houses_grow_from_the_suburb_to_the_boulevard():
    def tallest(setting: Setting) -> float:
        rows = of_kind(setting, PropKind.BUILDING)
        return max(row.height_m[1] for row in rows)

    assert tallest(Setting.SUBURB) < tallest(Setting.TOWN) < tallest(Setting.CITY)
    assert tallest(Setting.CITY) < tallest(Setting.BOULEVARD)
