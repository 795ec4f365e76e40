"""The table of road users against a second reading of each class, EU law and rollover figures."""

import math

import pytest

from rareworld.core.blueprint import (
    BLUEPRINTS,
    LONG_VEHICLE_LIMIT_MPS,
    LONG_VEHICLES,
    Blueprint,
)
from rareworld.core.taxonomy import PEOPLE, TWO_WHEELERS, ClassId

NAMES = sorted(BLUEPRINTS)
WHEELED = [name for name in NAMES if BLUEPRINTS[name].wheelbase_m > 0]
TRACKED = [name for name in NAMES if BLUEPRINTS[name].track_m > 0]
HEAVY = [name for name in TRACKED if BLUEPRINTS[name].class_id in (ClassId.TRUCK, ClassId.BUS)]
LIGHT = [name for name in TRACKED if name not in HEAVY]
TYPICAL: dict[str, tuple[float, float, float, float]] = {
    "city_car": (3.57, 1.65, 1.48, 2.42),
    "hatchback": (4.05, 1.75, 1.45, 2.55),
    "saloon": (4.69, 1.81, 1.44, 2.82),
    "estate": (4.69, 1.83, 1.48, 2.79),
    "suv": (4.51, 1.84, 1.68, 2.68),
    "mpv": (4.53, 1.83, 1.66, 2.79),
    "coupe": (4.54, 1.83, 1.40, 2.72),
    "pickup": (5.36, 1.86, 1.82, 3.22),
    "van": (5.41, 2.05, 2.49, 3.45),
    "small_van": (4.40, 1.85, 1.80, 2.78),
    "ambulance": (5.93, 2.02, 2.82, 3.66),
    "minibus": (5.93, 2.02, 2.74, 3.66),
    "city_bus": (12.0, 2.55, 3.06, 5.90),
    "articulated_truck": (16.5, 2.55, 4.0, 10.6),
}
"""Length, width without mirrors, height and wheelbase of each class, metres: typed from memory of
common European models, of no one data sheet; it guards against slips in the other table."""


@pytest.mark.parametrize("name", TYPICAL)
def test_sizes_are_those_typical_of_each_class_within_three_percent(name):
    spec, sheet = BLUEPRINTS[name], TYPICAL[name]
    found = (spec.length_m, spec.width_m, spec.height_m, spec.wheelbase_m)
    assert found == pytest.approx(sheet, rel=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_keys_and_size_is_length_width_height(name):
    spec = BLUEPRINTS[name]
    assert spec.name == name
    assert spec.size_m == (spec.length_m, spec.width_m, spec.height_m)
    assert all(value > 0 for value in (*spec.size_m, spec.mass_kg, spec.frequency))


@pytest.mark.parametrize("name", NAMES)
def test_classes_have_the_wheels_they_should(name):
    spec = BLUEPRINTS[name]
    assert (spec.wheelbase_m == 0) == (spec.class_id in PEOPLE)
    assert (spec.track_m == 0) == (spec.class_id in PEOPLE | TWO_WHEELERS)
    assert (spec.wheel_radius_m == 0) == (spec.wheelbase_m == 0)


@pytest.mark.parametrize("name", WHEELED)
def test_wheels_lie_within_the_vehicle(name):
    """Axles and tyres between the bumpers; track within the width by a tyre's width."""
    spec = BLUEPRINTS[name]
    assert spec.wheelbase_m / 2 + spec.wheel_radius_m <= spec.length_m / 2 + 0.01
    assert 2 * spec.wheel_radius_m < spec.height_m / 1.5
    if spec.track_m:
        assert 0.15 < spec.width_m - spec.track_m < 0.55


@pytest.mark.parametrize("name", LIGHT)
def test_wheelbase_of_cars_is_a_usual_share_of_the_length(name):
    assert 0.56 < BLUEPRINTS[name].wheelbase_m / BLUEPRINTS[name].length_m < 0.68


@pytest.mark.parametrize("name", LIGHT)
def test_static_stability_is_that_of_the_class(name):
    """NHTSA's track / 2h: 1.25 to 1.6 for low cars, 1.0 to 1.4 for tall ones."""
    spec = BLUEPRINTS[name]
    factor = spec.track_m / (2 * spec.com_height_m)
    low, high = (1.25, 1.62) if spec.height_m < 1.66 else (0.85, 1.40)
    assert low < factor < high


@pytest.mark.parametrize("name", HEAVY)
def test_lorries_and_buses_tip_over_before_cars_do(name):
    """Rollover thresholds of loaded lorries are 0.4 to 0.95 g (half track over height)."""
    spec = BLUEPRINTS[name]
    assert 0.4 < spec.track_m / (2 * spec.com_height_m) < 1.0


@pytest.mark.parametrize("name", NAMES)
def test_the_centre_of_mass_is_inside(name):
    spec = BLUEPRINTS[name]
    assert 0.3 * spec.height_m < spec.com_height_m < 0.62 * spec.height_m


@pytest.mark.parametrize("name", LIGHT)
def test_density_of_cars_is_usual(name):
    """Kerb mass over the volume of the box: 80 to 150 kg per cubic metre."""
    spec = BLUEPRINTS[name]
    assert 80 < spec.mass_kg / math.prod(spec.size_m) < 150


@pytest.mark.parametrize("name", HEAVY)
def test_heavy_vehicles_keep_to_directive_96_53(name):
    spec = BLUEPRINTS[name]
    assert spec.width_m <= 2.55
    assert spec.height_m <= 4.0
    assert spec.length_m <= 16.5
    assert spec.mass_kg <= 40_000


@pytest.mark.parametrize("name", LIGHT)
def test_turning_circles_are_those_of_roads(name):
    """Between kerbs: twice wheelbase over sine of the steering angle, 8 to 14 m."""
    spec = BLUEPRINTS[name]
    circle = 2 * spec.wheelbase_m / math.sin(spec.max_steer_rad)
    assert 8.0 < circle < 14.0


@pytest.mark.parametrize("name", NAMES)
def test_everybody_brakes_harder_than_they_accelerate(name):
    spec = BLUEPRINTS[name]
    assert spec.max_accel_mps2 < spec.max_brake_mps2 <= 9.81


@pytest.mark.parametrize("name", HEAVY)
def test_speed_of_lorries_and_buses_is_limited(name):
    """Limiters (92/6/EEC) cut in at 90 km/h for lorries, 100 for buses, but minibuses are light."""
    limit = 100 / 3.6 + 0.01 if BLUEPRINTS[name].mass_kg > 3500 else 45.0
    assert BLUEPRINTS[name].top_speed_mps <= limit


def test_heavier_classes_brake_more_gently():
    brake = {name: BLUEPRINTS[name].max_brake_mps2 for name in NAMES}
    assert brake["articulated_truck"] <= brake["box_truck"] < brake["van"] <= brake["saloon"]
    accel = {name: BLUEPRINTS[name].max_accel_mps2 for name in NAMES}
    assert accel["articulated_truck"] < accel["box_truck"] < accel["saloon"]


def test_shares_of_private_cars_add_up_to_about_one():
    cars = ("city_car", "hatchback", "saloon", "estate", "estate_roof_box", "suv", "mpv", "coupe",
            "pickup", "taxi", "police")  # fmt: skip
    assert sum(BLUEPRINTS[name].frequency for name in cars) == pytest.approx(1.0, abs=0.05)
    assert BLUEPRINTS["suv"].frequency > BLUEPRINTS["hatchback"].frequency
    rare = min(cars, key=lambda name: BLUEPRINTS[name].frequency)
    assert rare in ("estate_roof_box", "police")


def test_shares_of_vans_and_of_people_add_up_to_one():
    assert sum(BLUEPRINTS[n].frequency for n in ("van", "small_van", "ambulance")) == (
        pytest.approx(1.0)
    )
    assert BLUEPRINTS["adult"].frequency + BLUEPRINTS["child"].frequency == pytest.approx(1.0)


def test_derived_types_share_what_they_are_built_on():
    """A taxi is a saloon with a sign, a police car an estate with a light bar."""
    for name, base in (("taxi", "saloon"), ("police", "estate"), ("estate_roof_box", "estate")):
        spec, other = BLUEPRINTS[name], BLUEPRINTS[base]
        assert (spec.length_m, spec.width_m, spec.wheelbase_m) == (
            other.length_m, other.width_m, other.wheelbase_m
        )  # fmt: skip
        assert spec.height_m > other.height_m
        assert spec.mass_kg > other.mass_kg
        assert spec.com_height_m >= other.com_height_m


def test_long_vehicles_are_those_that_cannot_turn_in_a_town():
    """Swept width on the tightest bend of a town (R = 12.5 m) exceeds a lane and a half."""
    for name in HEAVY:
        base = BLUEPRINTS[name].wheelbase_m
        off_tracking = 12.5 - math.sqrt(12.5**2 - base**2)
        assert (off_tracking + BLUEPRINTS[name].width_m > 1.5 * 3.5) == (name in LONG_VEHICLES)
    assert set(BLUEPRINTS) >= LONG_VEHICLES
    assert 80 / 3.6 < LONG_VEHICLE_LIMIT_MPS < 100 / 3.6


def test_a_blueprint_needs_its_sizes():
    with pytest.raises(TypeError, match="mass_kg"):
        Blueprint(name="x", class_id=ClassId.CAR, length_m=4.0, width_m=1.8, height_m=1.5)


def test_blueprints_are_frozen():
    with pytest.raises(AttributeError):
        BLUEPRINTS["saloon"].length_m = 5.0
