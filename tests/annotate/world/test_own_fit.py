"""Turning and scaling a model into a box, against corners worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from rareworld.annotate.world.own_fit import Frame, fitted, turned
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.errors import ConfigError

HERE = Path("cars/x.yaml")


def box_of(low, high):
    """Two triangles whose corners span a box."""
    low, high = np.array(low, float), np.array(high, float)
    return np.stack([[low, high, low], [high, low, (low + high) / 2]])


def span(corners):
    points = corners.reshape(-1, 3)
    return points.min(axis=0), points.max(axis=0)


@pytest.mark.parametrize(("forward", "up", "point", "expected"), [
    ("+x", "+z", (1, 2, 3), (1, 2, 3)),
    ("+z", "+y", (1, 2, 3), (3, 1, 2)),    # glTF: x points to the left
    ("-z", "+y", (1, 2, 3), (-3, -1, 2)),  # Blender's front view
    ("-y", "+z", (1, 2, 3), (-2, 1, 3)),
    ("+x", "+y", (1, 2, 3), (1, -3, 2)),
])  # fmt: skip
def test_ahead_is_x_and_up_is_z(forward, up, point, expected):
    corners = np.tile(np.array(point, float), (1, 3, 1))
    found = turned(Frame(HERE, forward, up), corners)
    assert found[0, 0] == pytest.approx(np.array(expected, float))


@pytest.mark.parametrize(("forward", "up"), [("+x", "+x"), ("-y", "+y")])
def test_one_axis_cannot_be_both(forward, up):
    with pytest.raises(ConfigError, match=r"x\.yaml: forward .* are one axis"):
        Frame(HERE, forward, up).rotation()


@pytest.mark.parametrize("name", ["city_car", "van", "articulated_truck", "city_bus"])
def test_any_unit_of_length_fills_the_box(name):
    """The same model in centimetres, somewhere else."""
    spec = BLUEPRINTS[name]
    size = 100 * np.array(spec.size_m) * (1.1, 1.0, 0.9)
    corners = box_of((500, -70, 12), np.array((500, -70, 12)) + size)
    placed = fitted(HERE, spec, "scale", [corners])
    low, high = span(placed.apply(corners))
    length, width, height = spec.size_m
    assert low == pytest.approx([-length / 2, -width / 2, 0], abs=1e-6)
    assert high == pytest.approx([length / 2, width / 2, height], abs=1e-6)
    assert placed.round_x == pytest.approx(1.1 / 0.9)


def test_an_exact_model_is_only_moved():
    spec = BLUEPRINTS["suv"]
    corners = box_of((10, 10, 10), np.array((10, 10, 10)) + np.array(spec.size_m) * 1.025)
    placed = fitted(HERE, spec, "exact", [corners])
    low, high = span(placed.apply(corners))
    assert high - low == pytest.approx(np.array(spec.size_m) * 1.025)
    assert (low + high)[:2] == pytest.approx([0, 0], abs=1e-9)
    assert low[2] == pytest.approx(0)
    assert placed.round_x == 1.0


@pytest.mark.parametrize("side", [0, 1, 2])
@pytest.mark.parametrize(("more", "fine"), [(1.029, True), (0.971, True), (1.031, False),
                                            (0.969, False)])  # fmt: skip
def test_exact_is_within_three_percent_on_every_side(side, more, fine):
    spec = BLUEPRINTS["minibus"]
    size = np.array(spec.size_m)
    size[side] *= more
    corners = box_of((0, 0, 0), size)
    if fine:
        fitted(HERE, spec, "exact", [corners])
        return
    with pytest.raises(ConfigError, match=r"measures .* m, minibus 5\.95 x 2\.02 x 2\.70 m"):
        fitted(HERE, spec, "exact", [corners])


@pytest.mark.parametrize("name", ["hatchback", "tipper", "city_bus", "ambulance"])
def test_the_nearest_by_size_comes_first_and_three_are_named(name):
    corners = box_of((0, 0, 0), BLUEPRINTS[name].size_m)
    with pytest.raises(ConfigError, match=rf"nearest are {name} \(") as caught:
        fitted(HERE, BLUEPRINTS["articulated_truck"], "exact", [corners])
    assert str(caught.value).count(" m)") == 3


def test_proportions_are_compared_whatever_the_unit():
    """A bus in millimetres offered as a car."""
    corners = box_of((0, 0, 0), 1000 * np.array(BLUEPRINTS["city_bus"].size_m))
    with pytest.raises(ConfigError, match=r"proportions than saloon.*nearest are city_bus"):
        fitted(HERE, BLUEPRINTS["saloon"], "scale", [corners])


def test_what_is_flat_is_no_vehicle():
    with pytest.raises(ConfigError, match="the model is flat"):
        fitted(HERE, BLUEPRINTS["saloon"], "scale", [box_of((0, 0, 0), (4, 2, 0))])
