"""Lamps that light the road: where they sit, where they point, when and how much."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.beams import PER_CANDELA, SHINES, lit, with_daytime
from rareworld.annotate.world.materials import MATERIALS, material, skin
from rareworld.annotate.world.mesh import box
from rareworld.annotate.world.model import Beam, StateBit
from rareworld.annotate.world.parts import Part
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import PEOPLE, ClassId
from rareworld.core.trajectory import Driver, Lamp
from tests.annotate.world.world_samples import figure_of
from tests.annotate.world.world_scenes import make_recording

MOTOR = [
    name
    for name, spec in BLUEPRINTS.items()
    if spec.class_id not in PEOPLE and spec.class_id is not ClassId.BICYCLE
]
CLOSED = [name for name in MOTOR if BLUEPRINTS[name].track_m > 0]


def lights_of(name: str):
    """All lights of a vehicle in its body frame, with positions as arrays."""
    made = figure_of(name)
    return [
        (light, np.asarray(light.position_m) + np.asarray(part.joint.pivot_m))
        for part in made.parts
        for light in part.lights
    ]


@pytest.mark.parametrize("name", MOTOR)
@pytest.mark.parametrize(("beam", "bit"), [(Beam.LOW_BEAM, Lamp.LOW_BEAM),
                                           (Beam.HIGH_BEAM, Lamp.HIGH_BEAM)])  # fmt: skip
def test_beams_point_ahead_from_the_nose_at_the_height_of_lamps(name, beam, bit):
    spec, found = BLUEPRINTS[name], [(x, at) for x, at in lights_of(name) if x.beam is beam]
    assert len(found) == (2 if name in CLOSED else 1)
    for light, at in found:
        assert light.lit_when == int(bit)
        assert light.direction[0] > 0.99
        assert -0.05 < light.direction[2] <= 0
        assert 0.2 * spec.length_m < at[0] < spec.length_m / 2 + 0.1
        assert 0.4 < at[2] < 1.25
        assert np.linalg.norm(light.direction) == pytest.approx(1)
    assert sum(at[1] for _, at in found) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("name", MOTOR)
def test_red_light_falls_behind_and_amber_on_its_own_side(name):
    spec, found = BLUEPRINTS[name], lights_of(name)
    for bit in (Lamp.BRAKE, Lamp.POSITION | Lamp.LOW_BEAM):
        (light, at), *_ = [pair for pair in found if pair[0].lit_when == int(bit)]
        assert light.direction[0] < -0.99
        assert at[0] < -0.35 * spec.length_m
        assert light.intensity[0] > 20 * light.intensity[1]
    for bit, side in ((Lamp.LEFT_BLINKER, 1), (Lamp.RIGHT_BLINKER, -1)):
        places = [at for light, at in found if light.lit_when == int(bit)]
        assert len(places) >= 2
        assert all(side * at[1] > 0 for at in places)
        assert max(at[0] for at in places) > 0 > min(at[0] for at in places)


def test_intensities_are_those_of_approved_lamps():
    """15 kcd on the axis are 0.15 of the unit, which is the light of 100 klx."""
    low = next(light for light, _ in lights_of("saloon") if light.beam is Beam.LOW_BEAM)
    assert max(low.intensity) == pytest.approx(15_000 / 100_000)
    candela = {shine.name: shine.candela for shine in SHINES}
    for name, least, most in (("tail lamp", 4, 17), ("brake lamp", 60, 260),
                              ("left blinker", 175, 700)):  # fmt: skip
        assert least <= candela[name] <= most
    bicycle = [light for light, _ in lights_of("bicycle") if light.beam is Beam.LOW_BEAM]
    assert max(bicycle[0].intensity) == pytest.approx(300 * PER_CANDELA)


@pytest.mark.parametrize("name", ["police", "ambulance"])
def test_beacons_shine_all_around_from_the_roof(name):
    for bit in (Lamp.SPECIAL_1, Lamp.SPECIAL_2):
        found = [(light, at) for light, at in lights_of(name) if light.lit_when == int(bit)]
        assert len(found) == 1
        light, at = found[0]
        assert light.outer_rad == pytest.approx(np.pi)
        assert at[2] > 0.9 * BLUEPRINTS[name].height_m
        assert light.intensity[2] > 3 * light.intensity[0]


def test_a_shape_without_lamps_has_no_lights():
    part = Part(shape=box((1, 1, 1), (0, 0, 0), skin("paint", ClassId.CAR)))
    assert lit(part, ClassId.CAR).lights == ()


def test_every_shine_is_lit_with_its_material():
    for shine in SHINES:
        assert MATERIALS[material(shine.name)].lit_when & shine.lit_when


def test_daytime_lamps_burn_on_motor_vehicles_that_are_driven():
    recording = make_recording(each_blueprint=2)
    tracks = recording.tracks
    driver = tracks.driver.copy()
    driver[::2] = int(Driver.PARKED)
    found = with_daytime(replace(recording, tracks=replace(tracks, driver=driver)))
    burning = (found & np.uint32(StateBit.DAYTIME)) > 0
    assert (found & np.uint32(0xFFFF) == tracks.lamps).all()
    assert not burning[::2].any()
    for actor, row in list(zip(recording.scene.actors, burning, strict=True))[1::2]:
        assert row.all() == (actor.blueprint in MOTOR and actor.style % 5 != 0)
    assert burning.any()
