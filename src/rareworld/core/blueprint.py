"""Road users by type: true sizes, masses and wheels. The only table of them.

Figures are round numbers typical of European vehicles of each class, chosen by us and of no one
model; centre of mass heights lie within what is measured on cars and light trucks (NHTSA's Light
Vehicle Inertial Parameter Database: Heydinger et al. 1999, SAE 1999-01-1336).
"""

from dataclasses import dataclass
from typing import final

from rareworld.core.taxonomy import ClassId


@final
@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """A kind of road user; every instance of it has this size."""

    name: str
    class_id: ClassId
    length_m: float
    width_m: float
    """Without mirrors."""
    height_m: float
    mass_kg: float
    wheelbase_m: float = 0.0
    """Zero for people on foot."""
    track_m: float = 0.0
    """Zero for two-wheelers and people."""
    wheel_radius_m: float = 0.0
    com_height_m: float = 0.55
    max_steer_rad: float = 0.6
    max_accel_mps2: float = 3.0
    max_brake_mps2: float = 8.0
    top_speed_mps: float = 45.0
    frequency: float = 1.0
    """Share within its traffic class."""

    @property
    def size_m(self) -> tuple[float, float, float]:
        """(length, width, height)."""
        return self.length_m, self.width_m, self.height_m


def _car(
    name: str, length: float, width: float, height: float, mass: float, **more: float
) -> Blueprint:
    return Blueprint(
        name=name,
        class_id=ClassId.CAR,
        length_m=length,
        width_m=width,
        height_m=height,
        mass_kg=mass,
        wheelbase_m=more.get("wheelbase", 0.59 * length),
        track_m=0.865 * width,
        wheel_radius_m=more.get("wheel", 0.32),
        com_height_m=more.get("com", 0.54),
        frequency=more.get("frequency", 1.0),
    )


BLUEPRINTS: dict[str, Blueprint] = {
    blueprint.name: blueprint
    for blueprint in (
        _car("city_car", 3.60, 1.65, 1.49, 960, wheelbase=2.41, wheel=0.29, com=0.53,
             frequency=0.07),
        _car("hatchback", 4.05, 1.76, 1.47, 1180, wheelbase=2.55, frequency=0.26),
        _car("saloon", 4.65, 1.82, 1.44, 1480, wheelbase=2.80, frequency=0.13),
        _car("estate", 4.70, 1.83, 1.49, 1560, wheelbase=2.78, frequency=0.11),
        _car("estate_roof_box", 4.70, 1.83, 1.86, 1640, wheelbase=2.78, com=0.60, frequency=0.012),
        _car("suv", 4.55, 1.87, 1.68, 1720, wheelbase=2.68, wheel=0.36, com=0.64, frequency=0.27),
        _car("mpv", 4.52, 1.83, 1.65, 1580, wheelbase=2.79, com=0.62, frequency=0.06),
        _car("coupe", 4.50, 1.83, 1.38, 1510, wheelbase=2.72, wheel=0.33, com=0.50,
             frequency=0.02),
        _car("pickup", 5.30, 1.90, 1.82, 2050, wheelbase=3.15, wheel=0.39, com=0.68,
             frequency=0.03),
        _car("taxi", 4.65, 1.82, 1.56, 1560, wheelbase=2.80, frequency=0.04),
        _car("police", 4.70, 1.83, 1.62, 1720, wheelbase=2.78, com=0.56, frequency=0.012),
        _car("van", 5.40, 2.02, 2.45, 2300, wheelbase=3.45, wheel=0.35, com=0.85, frequency=0.66),
        _car("small_van", 4.46, 1.83, 1.82, 1480, wheelbase=2.72, com=0.66, frequency=0.30),
        _car("ambulance", 5.95, 2.02, 2.85, 3400, wheelbase=3.66, wheel=0.35, com=0.98,
             frequency=0.04),
        Blueprint(
            name="box_truck", class_id=ClassId.TRUCK, length_m=7.6, width_m=2.4, height_m=3.3,
            mass_kg=7200, wheelbase_m=4.6, track_m=1.95, wheel_radius_m=0.46, com_height_m=1.15,
            max_accel_mps2=1.3, max_brake_mps2=6.0, top_speed_mps=25.0, frequency=0.6,
        ),
        Blueprint(
            name="tipper", class_id=ClassId.TRUCK, length_m=6.6, width_m=2.5, height_m=2.95,
            mass_kg=11500, wheelbase_m=4.0, track_m=2.0, wheel_radius_m=0.50, com_height_m=1.2,
            max_accel_mps2=1.1, max_brake_mps2=6.0, top_speed_mps=25.0, frequency=0.15,
        ),
        Blueprint(
            name="articulated_truck", class_id=ClassId.TRUCK, length_m=16.5, width_m=2.55,
            height_m=3.98, mass_kg=26000, wheelbase_m=10.6, track_m=2.05, wheel_radius_m=0.51,
            com_height_m=1.5, max_accel_mps2=0.8, max_brake_mps2=5.5, top_speed_mps=25.0,
            frequency=1.4,
        ),
        Blueprint(
            name="city_bus", class_id=ClassId.BUS, length_m=12.0, width_m=2.55, height_m=3.05,
            mass_kg=13500, wheelbase_m=5.9, track_m=2.1, wheel_radius_m=0.48, com_height_m=1.1,
            max_accel_mps2=1.2, max_brake_mps2=6.0, top_speed_mps=22.0, frequency=0.8,
        ),
        Blueprint(
            name="minibus", class_id=ClassId.BUS, length_m=5.95, width_m=2.02, height_m=2.70,
            mass_kg=3100, wheelbase_m=3.66, track_m=1.70, wheel_radius_m=0.35, com_height_m=0.95,
            max_accel_mps2=2.0, max_brake_mps2=7.0, top_speed_mps=36.0, frequency=0.2,
        ),
        Blueprint(
            name="motorcycle", class_id=ClassId.MOTORCYCLE, length_m=2.15, width_m=0.80,
            height_m=1.75, mass_kg=285, wheelbase_m=1.42, wheel_radius_m=0.31, com_height_m=0.75,
            max_accel_mps2=4.0, max_brake_mps2=7.5, frequency=0.6,
        ),
        Blueprint(
            name="scooter", class_id=ClassId.MOTORCYCLE, length_m=1.86, width_m=0.72,
            height_m=1.70, mass_kg=205, wheelbase_m=1.30, wheel_radius_m=0.24, com_height_m=0.75,
            max_accel_mps2=2.5, max_brake_mps2=7.0, top_speed_mps=26.0, frequency=0.4,
        ),
        Blueprint(
            name="bicycle", class_id=ClassId.BICYCLE, length_m=1.80, width_m=0.60, height_m=1.75,
            mass_kg=90, wheelbase_m=1.05, wheel_radius_m=0.34, com_height_m=0.95,
            max_accel_mps2=1.0, max_brake_mps2=4.0, top_speed_mps=9.0, frequency=1.0,
        ),
        Blueprint(
            name="adult", class_id=ClassId.PEDESTRIAN, length_m=0.45, width_m=0.55, height_m=1.75,
            mass_kg=78, com_height_m=0.98, max_accel_mps2=1.5, max_brake_mps2=3.0,
            top_speed_mps=6.0, frequency=0.85,
        ),
        Blueprint(
            name="child", class_id=ClassId.PEDESTRIAN, length_m=0.35, width_m=0.40, height_m=1.25,
            mass_kg=28, com_height_m=0.70, max_accel_mps2=1.5, max_brake_mps2=3.0,
            top_speed_mps=5.0, frequency=0.15,
        ),
        Blueprint(
            name="adult_with_pram", class_id=ClassId.PEDESTRIAN, length_m=1.60, width_m=0.60,
            height_m=1.75, mass_kg=98, com_height_m=0.90, max_accel_mps2=1.0, max_brake_mps2=2.5,
            top_speed_mps=3.0, frequency=0.03,
        ),
    )
}  # fmt: skip
"""Every road user by name. Size of two-wheelers includes the rider; frequencies are read within
the classes of `simulate.sumo.demand.ClassMix` (new registrations in Europe by segment, ACEA 2023,
rounded).

`articulated_truck` is one rigid body whose wheels stand under tractor and trailer; it is for roads
without tight corners, see `LONG_VEHICLES`."""

LONG_VEHICLES: frozenset[str] = frozenset({"articulated_truck"})
"""Driven only where the limit is at least `LONG_VEHICLE_LIMIT_MPS`: as rigid bodies they would cut
the corners of a town."""
LONG_VEHICLE_LIMIT_MPS = 24.0
"""About 86 km/h: motorways."""
