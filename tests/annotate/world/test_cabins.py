"""Interiors: inside their shells and bodies, with a driver only where one drives."""

import numpy as np
import pytest

from rareworld.annotate.world.materials import MATERIALS
from rareworld.annotate.world.model import Cabin, Inside
from rareworld.annotate.world.vehicles import figure
from rareworld.core.blueprint import BLUEPRINTS

CLOSED = [name for name, spec in BLUEPRINTS.items() if spec.track_m > 0]


def cabin_of(name: str, style: int = 0, *, driven: bool = True) -> tuple[Cabin, float]:
    """The only cabin of a vehicle and x of its frame in the body's."""
    made = figure(name, style, driven=driven)
    found = [(part.cabin, part.joint.pivot_m[0]) for part in made.parts if part.cabin]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("style", [0, 1, 4])
def test_cabins_lie_inside_the_vehicle_and_boxes_inside_the_cabin(name, style):
    spec, (cabin, x_m) = BLUEPRINTS[name], cabin_of(name, style)
    shift = np.array([x_m, 0.0, 0.0])
    low, high = np.array(cabin.low_m) + shift, np.array(cabin.high_m) + shift
    assert (low < high).all()
    assert low[0] >= -spec.length_m / 2
    assert high[0] <= spec.length_m / 2
    assert max(-low[1], high[1]) < spec.width_m / 2
    assert low[2] > 0.1
    assert high[2] < spec.height_m
    assert low[2] < cabin.belt_m < high[2]
    boxes = cabin.boxes_m
    assert (boxes[:, 0] <= boxes[:, 1]).all()
    assert (boxes >= np.array(cabin.low_m) - 1e-5).all()
    assert (boxes <= np.array(cabin.high_m) + 1e-5).all()
    assert len(cabin.colours) == len(boxes)
    assert ((cabin.colours >= 0) & (cabin.colours <= 1)).all()


@pytest.mark.parametrize("name", CLOSED)
def test_a_driven_vehicle_has_somebody_on_the_left_seat_and_a_parked_one_nobody(name):
    driven, _ = cabin_of(name)
    parked, _ = cabin_of(name, driven=False)
    assert len(driven.boxes_m) >= len(parked.boxes_m) + 5
    kept = {box.tobytes() for box in parked.boxes_m}
    people = np.array([box for box in driven.boxes_m if box.tobytes() not in kept])
    assert (people[:, :, 1].mean(axis=1) > 0).any()
    heads = people[people[:, 1, 2] > driven.belt_m + 0.05]
    assert len(heads), "heads are seen above the window sill"


@pytest.mark.parametrize("name", CLOSED)
def test_glass_shows_the_cabin(name):
    made = figure(name, 0)
    for part in made.parts:
        shows = any(MATERIALS[m].inside is Inside.CABIN for m in np.unique(part.shape.material))
        assert shows == (part.cabin is not None)


@pytest.mark.parametrize(("name", "rows"), [("minibus", 4), ("city_bus", 9), ("saloon", 1)])
def test_rows_of_seats(name, rows):
    """Backs of seats at different x, the driver's not counted."""
    cabin, _ = cabin_of(name, driven=False)
    size = cabin.boxes_m[:, 1] - cabin.boxes_m[:, 0]
    backs = cabin.boxes_m[(np.abs(size[:, 0] - 0.14) < 0.01) & (size[:, 2] > 0.3)]
    assert len(np.unique(np.round(backs[:, 0, 0], 2))) >= rows
