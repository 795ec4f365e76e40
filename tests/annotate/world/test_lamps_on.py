"""Who drives with lamps on, by light and weather."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.lamps_on import share_lit, with_lamps
from rareworld.core.conditions import Conditions, Lighting, RoadCondition, Weather
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Driver, Lamp, Recording
from tests.annotate.world.world_scenes import make_recording

DRIVING = int(Lamp.POSITION | Lamp.LOW_BEAM)


@pytest.fixture(scope="module")
def rec() -> Recording:
    return make_recording(num_frames=4, each_blueprint=3)


def lit(recording: Recording, conditions: Conditions) -> Recording:
    return with_lamps(recording, conditions)


def rows_of(recording: Recording, *kinds: ClassId) -> list[int]:
    return [
        row for row, actor in enumerate(recording.scene.actors)
        if actor.class_id in kinds and actor.role != "parked"
    ]  # fmt: skip


CARS = (ClassId.CAR, ClassId.TRUCK, ClassId.BUS)


def test_at_night_every_driver_has_dipped_beams(rec):
    made = lit(rec, Conditions(lighting=Lighting.NIGHT))
    for row in rows_of(rec, *CARS):
        here = rec.tracks.present[row] & (rec.tracks.driver[row] != Driver.PARKED)
        assert ((made.tracks.lamps[row] & DRIVING) == DRIVING)[here].all()


def test_on_a_clear_noon_only_motorcycles_do(rec):
    made = lit(rec, Conditions(lighting=Lighting.ZENITH))
    cars, bikes = rows_of(rec, *CARS), rows_of(rec, ClassId.MOTORCYCLE)
    assert (made.tracks.lamps[cars] == rec.tracks.lamps[cars]).all()
    assert (made.tracks.lamps[bikes] & DRIVING)[rec.tracks.present[bikes]].all()


def test_lamps_are_added_and_never_switched_off(rec):
    for lighting in Lighting:
        made = lit(rec, Conditions(lighting=lighting))
        assert (made.tracks.lamps & rec.tracks.lamps == rec.tracks.lamps).all()


@pytest.mark.parametrize(
    ("weather", "road", "least"),
    [
        (Weather.RAINING, RoadCondition.PUDDLES, 0.9),
        (Weather.SNOW_FALLING, RoadCondition.SNOW, 1.0),
        (Weather.FOG, RoadCondition.DRY, 1.0),
        (Weather.DUST, RoadCondition.SAND, 0.7),
    ],
)
def test_where_little_is_seen_drivers_have_lamps_on_at_noon(rec, weather, road, least):
    conditions = Conditions(weather=weather, road=road, lighting=Lighting.ZENITH)
    assert share_lit(rec.scene, conditions) >= least
    made = lit(rec, conditions)
    cars = rows_of(rec, *CARS)
    on = (made.tracks.lamps[cars] & int(Lamp.LOW_BEAM)) > 0
    assert on[rec.tracks.present[cars]].mean() > least - 0.25


def test_more_drivers_switch_on_as_the_sun_sinks(rec):
    order = [Lighting.AFTERNOON, Lighting.GOLDEN_HOUR, Lighting.SUNSET, Lighting.BLUE_HOUR]
    shares = [share_lit(rec.scene, Conditions(lighting=lighting)) for lighting in order]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0 < shares[1] < 1
    assert shares[-1] == 1


def test_rear_fog_lamps_burn_in_dense_fog_only(rec):
    for intensity, wanted in ((0.2, False), (1.0, True)):
        made = lit(rec, Conditions(weather=Weather.FOG, intensity=intensity))
        cars = rows_of(rec, *CARS)
        assert bool((made.tracks.lamps[cars] & int(Lamp.FOG)).any()) == wanted


def test_people_parked_cars_and_absent_actors_stay_dark(rec):
    driver, present = rec.tracks.driver.copy(), rec.tracks.present.copy()
    cars = rows_of(rec, *CARS)
    driver[cars[0]], present[cars[1], :2] = Driver.PARKED, False
    actors = list(rec.scene.actors)
    actors[cars[2]] = replace(actors[cars[2]], role="parked")
    quiet = replace(
        rec,
        scene=replace(rec.scene, actors=tuple(actors)),
        tracks=replace(rec.tracks, driver=driver, present=present, lamps=0 * rec.tracks.lamps),
    )
    made = lit(quiet, Conditions(lighting=Lighting.NIGHT)).tracks.lamps
    assert not made[cars[0]].any()
    assert not made[cars[1], :2].any()
    assert made[cars[1], 2:].all()
    assert not made[cars[2]].any()
    assert not made[rows_of(rec, ClassId.PEDESTRIAN)].any()


def test_bicycles_have_weak_lamps_at_night(rec):
    dark = replace(rec, tracks=replace(rec.tracks, lamps=0 * rec.tracks.lamps))
    made = lit(dark, Conditions(lighting=Lighting.NIGHT)).tracks.lamps
    bicycles = rows_of(rec, ClassId.BICYCLE)
    assert np.isin(made[bicycles], [0, int(Lamp.POSITION)]).all()
    assert made[bicycles].any()


def test_the_same_drivers_have_lamps_on_every_time(rec):
    conditions = Conditions(lighting=Lighting.GOLDEN_HOUR)
    one, two = lit(rec, conditions), lit(rec, conditions)
    assert (one.tracks.lamps == two.tracks.lamps).all()
