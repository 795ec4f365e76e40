"""Scenes: ids, props and their classes, lights and their limits, what is refused and why."""

from datetime import datetime, timedelta, timezone

import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.road import RoadMap
from rareworld.core.scene import (
    FIRST_PROP_ID,
    Actor,
    Family,
    Light,
    Prop,
    PropKind,
    Scene,
)
from rareworld.core.taxonomy import ClassId
from rareworld.errors import ConfigError

ROAD = RoadMap(name="r", lanes={})
CLASSES = {
    ClassId.BUILDING: {PropKind.BUILDING},
    ClassId.VEGETATION: {PropKind.TREE, PropKind.HEDGE, PropKind.BUSH, PropKind.FLOWER_BED},
    ClassId.POLE: {PropKind.STREET_LAMP, PropKind.POLE, PropKind.WIRE, PropKind.GANTRY},
    ClassId.TRAFFIC_SIGN: {PropKind.SIGN},
    ClassId.FENCE: {PropKind.FENCE, PropKind.HOARDING},
    ClassId.WALL: {PropKind.WALL, PropKind.NOISE_WALL},
    ClassId.GUARD_RAIL: {PropKind.GUARD_RAIL},
    ClassId.SIDEWALK: {PropKind.ISLAND},
    ClassId.BRIDGE: {PropKind.BRIDGE},
    ClassId.STATIC: {
        PropKind.BENCH, PropKind.BIN, PropKind.BUS_SHELTER, PropKind.BOLLARD, PropKind.CABINET,
        PropKind.AD_COLUMN, PropKind.METER, PropKind.BIKE_RACK, PropKind.CONE,
    },
}  # fmt: skip
"""Kinds by class, as Cityscapes has them."""


def prop(number: int = FIRST_PROP_ID, kind: PropKind = PropKind.BIN, style: int = 0) -> Prop:
    return Prop(id=number, kind=kind, position_m=(1.0, 2.0, 0.0), yaw_rad=0.0,
                size_m=(0.5, 0.5, 1.0), style=style)  # fmt: skip


def test_every_kind_of_prop_has_the_class_of_its_group():
    assert set().union(*CLASSES.values()) == set(PropKind)
    for class_id, kinds in CLASSES.items():
        assert {prop(kind=kind).class_id for kind in kinds} == {class_id}


@pytest.mark.parametrize("kind", list(PropKind))
def test_only_bushes_and_what_hangs_over_the_road_let_vehicles_pass(kind):
    passed = {PropKind.BUSH, PropKind.WIRE, PropKind.GANTRY, PropKind.ISLAND, PropKind.BRIDGE}
    assert prop(kind=kind).solid == (kind not in passed)


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("variant", [0, 1, 17])
def test_a_style_is_a_family_and_a_variant(family, variant):
    style = int(family) + variant * len(Family)
    assert prop(kind=PropKind.BUILDING, style=style).family is family


def test_families_count_up_without_gaps():
    assert sorted(int(family) for family in Family) == list(range(len(Family)))


@pytest.mark.parametrize("name", sorted(BLUEPRINTS))
def test_actors_have_size_and_class_of_their_blueprint(name):
    actor = Actor(id=1, blueprint=name)
    assert actor.spec is BLUEPRINTS[name]
    assert actor.class_id is BLUEPRINTS[name].class_id


def test_an_unknown_blueprint_is_refused_with_those_that_are_known():
    with pytest.raises(ConfigError, match=r"actor 7: unknown blueprint 'tank'.*city_car.*van"):
        Actor(id=7, blueprint="tank")


@pytest.mark.parametrize("number", [0, -1, -100])
def test_ids_of_actors_start_at_one(number):
    with pytest.raises(ConfigError, match=f"start at 1, got {number}"):
        Actor(id=number, blueprint="saloon")


def test_a_time_without_its_zone_is_refused_with_an_example():
    with pytest.raises(ConfigError, match=r"UTC offset, e.g. 2026-06-21T12:30:00\+02:00"):
        Light(when=datetime(2026, 6, 21, 12, 30))


@pytest.mark.parametrize("latitude", [-90.1, 91.0, 200.0])
def test_latitudes_beyond_the_poles_are_refused(latitude):
    with pytest.raises(ConfigError, match=r"-90\.\.90"):
        Light(latitude_deg=latitude)


@pytest.mark.parametrize("latitude", [-90.0, 0.0, 90.0])
@pytest.mark.parametrize("hours", [-8, 0, 9])
def test_any_place_and_zone_on_earth_is_a_light(latitude, hours):
    when = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=hours)))
    made = Light(latitude_deg=latitude, when=when)
    assert made.when.utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("actors", "props"),
    [((1, 1), ()), ((1,), (1,)), ((), (FIRST_PROP_ID, FIRST_PROP_ID))],
)
def test_ids_are_unique_over_actors_and_props(actors, props):
    twice = actors[0] if actors else FIRST_PROP_ID
    with pytest.raises(ConfigError, match=rf"scene 's': ids must be unique.*\[{twice}\]"):
        Scene(
            name="s", road=ROAD, props=tuple(prop(k) for k in props),
            actors=tuple(Actor(id=k, blueprint="van") for k in actors),
        )  # fmt: skip


def test_only_the_first_ten_clashes_are_listed():
    props = tuple(prop(FIRST_PROP_ID + k) for k in range(30)) * 2
    with pytest.raises(ConfigError) as caught:
        Scene(name="s", road=ROAD, props=props)
    assert str(caught.value).count("100") == 10


def test_actors_are_found_by_their_id_and_others_are_not():
    made = Scene(name="s", road=ROAD, actors=tuple(
        Actor(id=k, blueprint="van", style=k) for k in (3, 1, 2)))  # fmt: skip
    assert [made.actor(k).style for k in (1, 2, 3)] == [1, 2, 3]
    with pytest.raises(KeyError):
        made.actor(4)


def test_props_start_beyond_any_number_of_actors():
    assert FIRST_PROP_ID >= 10_000
