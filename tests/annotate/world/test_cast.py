"""From actors to instances: shared meshes, dirt, snow, lights and who sits inside."""

import numpy as np
import pytest

from rareworld.annotate.world.cast import PARKED, Prototypes, dirt_of, make_cast
from rareworld.annotate.world.wardrobe import Dress
from rareworld.core.road import RoadMap
from rareworld.core.scene import Actor, Scene


def cast_of(*actors: tuple[str, str, int]):
    made = tuple(
        Actor(id=k + 1, blueprint=name, role=role, style=style)
        for k, (name, role, style) in enumerate(actors)
    )
    shapes = Prototypes(38.0, Dress.FAIR)
    return make_cast(Scene(name="s", road=RoadMap(name="r", lanes={}), actors=made), shapes), shapes


def test_the_four_wheels_of_a_car_are_two_meshes():
    cast, shapes = cast_of(("saloon", "traffic", 0))
    assert len(cast.instances) == 5
    assert len(shapes.meshes) == 3


def test_actors_alike_share_meshes_and_parked_ones_are_empty():
    cast, shapes = cast_of(
        ("saloon", "traffic", 0), ("saloon", "traffic", 6), ("saloon", PARKED, 0)
    )
    assert len(shapes.meshes) == 6
    full, same, empty = (shapes.meshes[cast.instances[5 * k].prototype] for k in range(3))
    assert full is same
    assert full.cabin is not None
    assert empty.cabin is not None
    assert len(full.cabin.boxes_m) > len(empty.cabin.boxes_m)


def test_lights_ride_on_the_part_that_carries_the_lamp():
    cast, _ = cast_of(("saloon", "traffic", 0), ("motorcycle", "traffic", 1))
    riders = {light.instance for light in cast.lights}
    assert riders == {0, 5, 6}
    assert all(0 <= light.instance < len(cast.instances) for light in cast.lights)


@pytest.mark.parametrize(("role", "snow"), [("traffic", 0.4), (PARKED, 1.0)])
def test_snow_stays_on_what_is_parked(role, snow):
    cast, _ = cast_of(("van", role, 3))
    assert {made.snow for made in cast.instances} == {snow}


def test_most_vehicles_are_a_little_dirty_and_some_filthy():
    dirt = np.array([dirt_of(style) for style in range(64)])
    assert ((dirt >= 0) & (dirt <= 1)).all()
    assert np.median(dirt) < 0.3
    assert 0.03 < (dirt > 0.6).mean() < 0.2
    cast, _ = cast_of(("adult", "traffic", 5))
    assert {made.dirt for made in cast.instances} == {0.0}
