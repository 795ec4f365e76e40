"""Collision shape, mass and inertia of every road user, in its own frame.

The frame is that of the blueprint's box: origin in the middle of its bottom, x forward, y left,
z up. Boxes are told as shares of the blueprint's size, so every length follows the one table.
Inertia: a homogeneous box times 0.85 comes within 10 % of NHTSA's measured cars (Heydinger et al.
1999); people's radii of gyration follow the adult's 12.5 kg m^2 upright (Santschi et al. 1963).
"""

from dataclasses import dataclass
from typing import final

from rareworld.core.blueprint import Blueprint
from rareworld.core.taxonomy import PEOPLE, TWO_WHEELERS, ClassId


@final
@dataclass(frozen=True)
class Part:
    """A box within the unit box: x from -0.5 to 0.5 forward, width share, z from 0 to 1."""

    rear: float
    front: float
    width: float
    bottom: float
    top: float
    pitch_rad: float = 0.0
    """Turn about y, positive leans the top forward."""


@final
@dataclass(frozen=True)
class Capsule:
    """An upright or lying rounded rod between two points given in shares of the size."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius: float
    """Share of the width."""


_CAR = (
    Part(-0.5, 0.5, 1.0, 0.13, 0.57),
    Part(-0.42, 0.12, 0.84, 0.57, 0.99),
    Part(0.03, 0.24, 0.80, 0.52, 0.74, -0.55),
)
_VAN = (Part(-0.5, 0.5, 1.0, 0.10, 0.50), Part(-0.5, 0.30, 0.97, 0.50, 1.0))
_PICKUP = (Part(-0.5, 0.5, 1.0, 0.15, 0.60), Part(-0.12, 0.18, 0.86, 0.60, 1.0))
_TRUCK = (
    Part(0.24, 0.5, 0.98, 0.12, 0.82),
    Part(-0.5, 0.22, 1.0, 0.28, 1.0),
    Part(-0.5, 0.24, 0.8, 0.14, 0.28),
)
_BUS = (Part(-0.5, 0.5, 1.0, 0.10, 1.0),)
_TWO_WHEELER = (Part(-0.5, 0.5, 0.30, 0.09, 0.42), Part(-0.12, 0.22, 0.70, 0.42, 0.62))

_LORRY = (
    Part(0.355, 0.5, 0.98, 0.10, 0.93),
    Part(-0.5, 0.33, 1.0, 0.29, 1.0),
    Part(-0.5, 0.36, 0.8, 0.14, 0.29),
)
_BY_NAME: dict[str, tuple[Part, ...]] = {
    "van": _VAN, "small_van": _VAN, "ambulance": _VAN, "minibus": _VAN, "pickup": _PICKUP,
    "articulated_truck": _LORRY,
}  # fmt: skip
_BY_CLASS: dict[ClassId, tuple[Part, ...]] = {
    ClassId.CAR: _CAR,
    ClassId.TRUCK: _TRUCK,
    ClassId.BUS: _BUS,
    ClassId.MOTORCYCLE: _TWO_WHEELER,
    ClassId.BICYCLE: _TWO_WHEELER,
}

_PERSON = (
    Capsule((0.0, 0.20, 0.12), (0.0, 0.16, 0.48), 0.15),
    Capsule((0.0, -0.20, 0.12), (0.0, -0.16, 0.48), 0.15),
    Capsule((0.0, 0.18, 0.62), (0.0, 0.18, 0.74), 0.24),
    Capsule((0.0, -0.18, 0.62), (0.0, -0.18, 0.74), 0.24),
    Capsule((0.0, 0.0, 0.90), (0.0, 0.0, 0.94), 0.18),
)
"""Legs, trunk, head; legs end above the ground, which rigid feet would be rammed into."""

_RIDER = (
    Capsule((-0.42, 0.02, 0.035), (0.42, 0.02, 0.035), 0.08),
    Capsule((-0.06, 0.0, 0.55), (0.02, 0.0, 0.88), 0.26),
)
"""The line of the tyres and the rider's trunk. The line lies a little off the middle, so that
nothing balances on it, not even what is struck exactly from behind."""


def parts_of(blueprint: Blueprint) -> tuple[Part, ...]:
    """Return the boxes of a vehicle; people have none."""
    if blueprint.class_id in PEOPLE:
        return ()
    return _BY_NAME.get(blueprint.name) or _BY_CLASS[blueprint.class_id]


def capsules_of(blueprint: Blueprint) -> tuple[Capsule, ...]:
    """Return the rods of a person, or of a two-wheeler's rider."""
    if blueprint.class_id in PEOPLE:
        return _PERSON
    return _RIDER if blueprint.class_id in TWO_WHEELERS else ()


def is_car_like(blueprint: Blueprint) -> bool:
    """Return whether it stands on four wheels."""
    return blueprint.track_m > 0


def inertia_kgm2(blueprint: Blueprint) -> tuple[float, float, float]:
    """Return the principal moments about body x, y, z through the centre of mass."""
    mass, (length, width, height) = blueprint.mass_kg, blueprint.size_m
    if blueprint.class_id in PEOPLE:
        across, along = mass * (0.23 * height) ** 2, mass * (0.22 * width) ** 2
        return across, across, along
    share = 0.85 if is_car_like(blueprint) else 0.6
    return (
        share * mass * (width**2 + height**2) / 12,
        share * mass * (length**2 + height**2) / 12,
        share * mass * (length**2 + width**2) / 12,
    )
