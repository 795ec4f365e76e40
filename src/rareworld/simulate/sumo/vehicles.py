"""Road users as SUMO vehicle types, and what kind of person drives each.

Time headways and speed spread follow the ranges of SUMO's own defaults and of field studies of
urban car following (Treiber and Kesting 2013, table 11.2): 0.8 to 2 s, minimum gap 1.5 to 3 m.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import final

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS, Blueprint
from rareworld.core.taxonomy import PEOPLE, ClassId

VCLASS: dict[str, str] = {
    "city_car": "passenger", "mpv": "passenger", "coupe": "passenger", "police": "passenger",
    "small_van": "delivery", "ambulance": "delivery", "minibus": "bus", "tipper": "truck",
    "estate_roof_box": "passenger", "articulated_truck": "truck", "scooter": "motorcycle",
    "hatchback": "passenger", "saloon": "passenger", "estate": "passenger", "suv": "passenger",
    "pickup": "passenger", "taxi": "passenger", "van": "delivery", "box_truck": "truck",
    "city_bus": "bus", "motorcycle": "motorcycle", "bicycle": "bicycle",
    "adult": "pedestrian", "child": "pedestrian", "adult_with_pram": "pedestrian",
}  # fmt: skip
"""SUMO vehicle class of each blueprint."""

_COMFORT_BRAKE_MPS2 = {ClassId.TRUCK: 2.2, ClassId.BUS: 2.0, ClassId.BICYCLE: 2.0}
_LANE_CENTRE_SPREAD_M = {ClassId.MOTORCYCLE: 0.3, ClassId.TRUCK: 0.07, ClassId.BUS: 0.06}
_GIVE_WAY_GAP_S = 2.5
"""Time left between the one who gives way and the one who has it; SUMO's default is 1 s."""
_EMERGENCY = ("police", "ambulance")
_ALARM_SHARE = 0.4
_KERB_SIDE_M = 0.9
"""Cyclists ride this far to the outside of the lane's middle."""

_CAUTIOUS = {"tau": 1.8, "min_gap": 3.0, "speed": 0.90, "accel": 0.75, "assertive": 0.8}
_PUSHING = {"tau": 0.9, "min_gap": 1.6, "speed": 1.12, "accel": 1.15, "assertive": 1.8}


@final
@dataclass(frozen=True, kw_only=True)
class Traits:
    """How one person drives, rides or walks."""

    speed_factor: float = 1.0
    """Of the limit; for people of their usual walking speed."""
    headway_s: float = 1.3
    min_gap_m: float = 2.2
    accel_factor: float = 0.9
    assertive: float = 1.0
    """Readiness to change into small gaps (SUMO's lcAssertive)."""
    impatience: float = 0.0
    lane_offset_m: float = 0.0
    """Place across the lane, positive to the left of its middle."""
    alarm: bool = False
    """Drives with flashing beacons (but by everybody's rules)."""


def draw_traits(
    blueprint: str, aggressiveness: float, speed_factor: float, rng: np.random.Generator
) -> Traits:
    """Draw a driver; `aggressiveness` 0 is cautious, 1 is pushing."""
    level = float(np.clip(aggressiveness + rng.normal(0.0, 0.18), 0.0, 1.0))
    mixed = {key: _CAUTIOUS[key] * (1 - level) + _PUSHING[key] * level for key in _CAUTIOUS}
    own_pace = float(np.clip(rng.normal(1.0, 0.05), 0.85, 1.15))
    spec = BLUEPRINTS[blueprint]
    spread = _LANE_CENTRE_SPREAD_M.get(spec.class_id, 0.11)
    offset = float(np.clip(rng.normal(0.0, spread), -2 * spread, 2 * spread))
    if spec.class_id is ClassId.BICYCLE:
        offset -= _KERB_SIDE_M
    return Traits(
        speed_factor=mixed["speed"] * own_pace * speed_factor,
        headway_s=mixed["tau"],
        min_gap_m=mixed["min_gap"],
        accel_factor=mixed["accel"],
        assertive=mixed["assertive"],
        impatience=0.3 * level,
        lane_offset_m=offset,
        alarm=blueprint in _EMERGENCY and bool(rng.random() < _ALARM_SHARE),
    )


def types_xml() -> str:
    """Return SUMO's definition of one vehicle type per blueprint.

    A file, because junction model attributes cannot be set through the API: drivers who give way
    keep a larger gap than SUMO's default, as our vehicles do not vanish when they are too close.
    """
    rows = [_type_row(BLUEPRINTS[name]) for name in sorted(BLUEPRINTS)]
    return "<additional>\n" + "\n".join(rows) + "\n</additional>\n"


def _type_row(spec: Blueprint) -> str:
    size = {"length": spec.length_m, "width": spec.width_m, "height": spec.height_m}
    motion = {} if spec.class_id in PEOPLE else _motion(spec)
    values = {"id": spec.name, "vClass": VCLASS[spec.name], **size, **motion}
    return "  <vType " + " ".join(f'{key}="{value}"' for key, value in values.items()) + "/>"


def _motion(spec: Blueprint) -> dict[str, float | str]:
    brake = _COMFORT_BRAKE_MPS2.get(spec.class_id, 2.8)
    return {
        "carFollowModel": "IDM", "speedDev": 0, "maxSpeed": 0.75 * spec.top_speed_mps,
        "accel": 0.75 * spec.max_accel_mps2, "decel": brake, "apparentDecel": brake,
        "emergencyDecel": spec.max_brake_mps2, "jmTimegapMinor": _GIVE_WAY_GAP_S,
    }  # fmt: skip


def apply_traits(sumo: ModuleType, name: str, blueprint: str, traits: Traits) -> None:
    """Give a vehicle that was just added its driver."""
    spec = BLUEPRINTS[blueprint]
    sumo.vehicle.setSpeedFactor(name, traits.speed_factor)
    sumo.vehicle.setTau(name, traits.headway_s)
    sumo.vehicle.setMinGap(name, traits.min_gap_m)
    sumo.vehicle.setAccel(name, 0.75 * spec.max_accel_mps2 * traits.accel_factor)
    sumo.vehicle.setImpatience(name, traits.impatience)
    sumo.vehicle.setParameter(name, "laneChangeModel.lcAssertive", str(traits.assertive))
