"""The places of the library: what each is, and how a variant is drawn from a seed.

Dimensions follow German and British street design guides (lanes 2.75 to 3.75 m, pavements 1.8 to
4 m, kerb radii 5 to 12 m), rounded. Proved in tests/simulate/maps/test_map_places.py.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.core.seed import Seed
from rareworld.simulate.maps.arms import ArmPlan, Control
from rareworld.simulate.maps.junctions import JunctionConfig, build_junction
from rareworld.simulate.maps.motorway import MotorwayConfig, build_motorway
from rareworld.simulate.maps.roundabout import RoundaboutConfig, build_roundabout
from rareworld.simulate.maps.xodr import MapRecord

_SPLITTER_M = 3.0
"""Width of the islands between entry and exit of a roundabout."""
TOWN_MPS, SLOW_MPS, RURAL_MPS = 50 / 3.6, 30 / 3.6, 80 / 3.6


@final
@dataclass(frozen=True)
class PlaceInfo:
    """What a user reads when choosing a place."""

    title: str
    description: str
    tags: frozenset[str]


_SIGNALISED = frozenset(
    {
        "crossroads", "junction", "signalised", "crosswalk", "multi-lane", "two-way", "undivided",
        "left-turn",
    }
)  # fmt: skip
PLACES: dict[str, PlaceInfo] = {
    "signalised_junction": PlaceInfo(
        "Signalised junction",
        "Two streets cross at traffic lights, with crosswalks on all four arms.",
        _SIGNALISED,
    ),
    "t_junction": PlaceInfo(
        "T-junction",
        "A side street meets a through road and gives way to it.",
        frozenset(
            {"junction", "priority", "crosswalk", "two-way", "undivided", "left-turn", "hill"}
        ),
    ),
    "roundabout": PlaceInfo(
        "Roundabout",
        "A single-lane roundabout; traffic yields on entry and to people on the crosswalks.",
        frozenset({"junction", "roundabout", "priority", "crosswalk", "two-way"}),
    ),
    "motorway_merge": PlaceInfo(
        "Motorway merge",
        "An on-ramp joins a motorway by an acceleration lane; the other carriageway runs beside.",
        frozenset({"motorway", "merge", "multi-lane", "one-way"}),
    ),
    "midblock_crossing": PlaceInfo(
        "Mid-block crossing",
        "A crosswalk between two junctions on a street with parked cars.",
        frozenset({"crosswalk", "two-way", "undivided", "parking"}),
    ),
    "arterial": PlaceInfo(
        "Arterial",
        "A divided road of several lanes, one of them for buses, meets a side street at lights.",
        _SIGNALISED,
    ),
    "skewed_five_arm": PlaceInfo(
        "Skewed five-arm junction",
        "Five streets meet at uneven angles at traffic lights.",
        _SIGNALISED,
    ),
    "school_street": PlaceInfo(
        "School street",
        "A narrow 30 km/h street with cars parked on both sides, crosswalks and a side street.",
        frozenset(
            {
                "junction",
                "crosswalk",
                "two-way",
                "undivided",
                "parking",
                "slow",
                "left-turn",
                "hill",
            }
        ),
    ),
    "rural_crossroads": PlaceInfo(
        "Rural crossroads",
        "A country road crossed by a minor road with stop signs; no pavements.",
        frozenset(
            {
                "crossroads",
                "junction",
                "priority",
                "two-way",
                "undivided",
                "left-turn",
                "rural",
                "hill",
            }
        ),
    ),
}
"""Every place of the library by name."""


def make_place(name: str, seed: Seed) -> MapRecord:
    """Return the map of a place, varied by the seed.

    Raises:
        KeyError: If there is no such place.
    """
    return _MAKERS[name](name, seed.generator())


def _draw(rng: np.random.Generator, low: float, high: float, step: float = 0.05) -> float:
    """Return a uniform draw, rounded to a step."""
    return round(round(float(rng.uniform(low, high)) / step) * step, 6)


def _bearing(rng: np.random.Generator, degrees: float, jitter_deg: float) -> float:
    return math.radians(degrees + _draw(rng, -jitter_deg, jitter_deg, 0.5))


def _bend(rng: np.random.Generator) -> float:
    """Return a gentle curvature, or none for half of the arms."""
    if rng.random() < 0.5:
        return 0.0
    return float(rng.choice([-1.0, 1.0])) / _draw(rng, 180.0, 400.0, 10.0)


def _signalised(name: str, rng: np.random.Generator) -> MapRecord:
    lane, pavement = _draw(rng, 3.1, 3.5), _draw(rng, 2.2, 3.5)
    bike = _draw(rng, 1.5, 1.9) if rng.random() < 0.5 else 0.0
    major, minor = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    arms = tuple(
        ArmPlan(
            bearing_rad=_bearing(rng, 90 * k, 8),
            length_m=_draw(rng, 130, 180, 5),
            inbound=minor if k % 2 else major,
            outbound=1 if k % 2 else 2,
            lane_m=lane,
            pavement_m=pavement,
            bike_m=0.0 if k % 2 else bike,
            control=Control.SIGNALS,
            bend=_bend(rng),
            speed_mps=TOWN_MPS,
        )
        for k in range(4)
    )
    radius = _draw(rng, 6.0, 9.0, 0.5)
    return build_junction(JunctionConfig(name=name, arms=arms, kerb_radius_m=radius))


def _t_junction(name: str, rng: np.random.Generator) -> MapRecord:
    lane, pavement = _draw(rng, 3.0, 3.5), _draw(rng, 1.8, 3.0)
    control = Control.STOP if rng.random() < 0.5 else Control.YIELD
    arms = tuple(
        ArmPlan(
            bearing_rad=_bearing(rng, angle, jitter),
            length_m=_draw(rng, 130, 180, 5),
            lane_m=lane,
            pavement_m=pavement,
            crosswalk=not through,
            control=Control.PRIORITY if through else control,
            bend=_bend(rng),
            rise_m=0.0 if through else _draw(rng, -5, 5, 0.5),
            speed_mps=TOWN_MPS,
        )
        for angle, jitter, through in ((0, 0, True), (180, 4, True), (270, 15, False))
    )
    radius = _draw(rng, 5.0, 8.0, 0.5)
    return build_junction(JunctionConfig(name=name, arms=arms, kerb_radius_m=radius))


def _midblock(name: str, rng: np.random.Generator) -> MapRecord:
    signals = rng.random() < 0.5
    lane, pavement = _draw(rng, 3.0, 3.4), _draw(rng, 2.2, 3.5)
    parking = _draw(rng, 2.0, 2.4)
    arms = tuple(
        ArmPlan(
            bearing_rad=math.radians(180.0 * k),
            length_m=_draw(rng, 130, 180, 5),
            lane_m=lane,
            pavement_m=pavement,
            parking_m=parking,
            crosswalk=k == 0,
            control=Control.SIGNALS if signals else Control.PRIORITY,
            bend=_bend(rng),
            speed_mps=TOWN_MPS,
        )
        for k in range(2)
    )
    return build_junction(JunctionConfig(name=name, arms=arms, flat_reach_m=0.25))


def _arterial(name: str, rng: np.random.Generator) -> MapRecord:
    lane, pavement = _draw(rng, 3.2, 3.6), _draw(rng, 2.5, 4.0)
    lanes, median = int(rng.integers(2, 4)), _draw(rng, 1.5, 3.0, 0.25)
    sides = (90, 270) if rng.random() < 0.5 else (270,)
    main = tuple(
        ArmPlan(
            bearing_rad=math.radians(angle),
            length_m=_draw(rng, 160, 200, 5),
            inbound=lanes + 1,
            outbound=lanes,
            lane_m=lane,
            pavement_m=pavement,
            bus=True,
            median_m=median,
            control=Control.SIGNALS,
            bend=_bend(rng),
            speed_mps=60 / 3.6,
        )
        for angle in (0, 180)
    )
    side = tuple(
        ArmPlan(
            bearing_rad=_bearing(rng, angle, 8),
            length_m=_draw(rng, 120, 150, 5),
            inbound=2,
            lane_m=_draw(rng, 3.0, 3.3),
            pavement_m=pavement,
            control=Control.SIGNALS,
            speed_mps=TOWN_MPS,
        )
        for angle in sides
    )
    radius = _draw(rng, 8.0, 12.0, 0.5)
    return build_junction(JunctionConfig(name=name, arms=main + side, kerb_radius_m=radius))


def _skewed(name: str, rng: np.random.Generator) -> MapRecord:
    lane, pavement = _draw(rng, 3.1, 3.5), _draw(rng, 2.0, 3.0)
    arms = tuple(
        ArmPlan(
            bearing_rad=_bearing(rng, angle, 3),
            length_m=_draw(rng, 120, 160, 5),
            inbound=lanes,
            outbound=lanes,
            lane_m=lane,
            pavement_m=pavement,
            control=Control.SIGNALS,
            bend=_bend(rng),
            speed_mps=TOWN_MPS,
        )
        for angle, lanes in ((0, 2), (62, 1), (128, 1), (186, 2), (272, 1))
    )
    radius = _draw(rng, 6.0, 8.0, 0.5)
    return build_junction(JunctionConfig(name=name, arms=arms, kerb_radius_m=radius))


def _school(name: str, rng: np.random.Generator) -> MapRecord:
    lane, pavement = _draw(rng, 2.75, 3.0), _draw(rng, 1.8, 2.6)
    parking = _draw(rng, 2.0, 2.3)
    arms = tuple(
        ArmPlan(
            bearing_rad=_bearing(rng, angle, 4 if through else 10),
            length_m=_draw(rng, 140, 170, 5),
            lane_m=lane,
            pavement_m=pavement,
            parking_m=parking if through else 0.0,
            bend=_bend(rng),
            rise_m=_draw(rng, -3, 3, 0.5),
            speed_mps=SLOW_MPS,
        )
        for angle, through in ((0, True), (180, True), (90, False))
    )
    radius = _draw(rng, 4.5, 6.0, 0.5)
    return build_junction(JunctionConfig(name=name, arms=arms, kerb_radius_m=radius))


def _rural(name: str, rng: np.random.Generator) -> MapRecord:
    lane = _draw(rng, 3.25, 3.75)
    arms = tuple(
        ArmPlan(
            bearing_rad=_bearing(rng, 90 * k, 12 if k % 2 else 0),
            length_m=_draw(rng, 160, 200, 5),
            lane_m=lane,
            pavement_m=0.0,
            shoulder_m=_draw(rng, 0.5, 1.5),
            crosswalk=False,
            control=Control.STOP if k % 2 else Control.PRIORITY,
            bend=_bend(rng),
            rise_m=_draw(rng, -6, 6, 0.5),
            speed_mps=RURAL_MPS,
        )
        for k in range(4)
    )
    radius = _draw(rng, 8.0, 12.0, 0.5)
    return build_junction(JunctionConfig(name=name, arms=arms, kerb_radius_m=radius))


def _roundabout(name: str, rng: np.random.Generator) -> MapRecord:
    lane, pavement = _draw(rng, 3.2, 3.6), _draw(rng, 2.0, 3.0)
    angles = (0, 90, 180, 270) if rng.random() < 0.6 else (0, 120, 235)
    arms = tuple(
        ArmPlan(
            bearing_rad=_bearing(rng, angle, 6),
            length_m=_draw(rng, 120, 160, 5),
            lane_m=lane,
            pavement_m=pavement,
            median_m=_SPLITTER_M,
            control=Control.YIELD,
            bend=_bend(rng),
            speed_mps=TOWN_MPS,
        )
        for angle in angles
    )
    return build_roundabout(
        RoundaboutConfig(
            name=name,
            arms=arms,
            island_radius_m=_draw(rng, 12.0, 17.0, 0.5),
            ring_m=_draw(rng, 5.0, 6.0),
            kerb_radius_m=_draw(rng, 9.0, 12.0, 0.5),
        )
    )


def _motorway(name: str, rng: np.random.Generator) -> MapRecord:
    return build_motorway(
        MotorwayConfig(
            name=name,
            lanes=int(rng.integers(2, 4)),
            lane_m=_draw(rng, 3.5, 3.75),
            median_m=_draw(rng, 3.0, 6.0, 0.25),
            approach_m=_draw(rng, 160, 220, 5),
            acceleration_m=_draw(rng, 150, 200, 5),
            ramp_bend_radius_m=_draw(rng, 75, 150, 5),
            ramp_drop_m=_draw(rng, -4, 4, 0.5),
            speed_mps=float(rng.choice([100.0, 120.0])) / 3.6,
        )
    )


_MAKERS: dict[str, Callable[[str, np.random.Generator], MapRecord]] = {
    "signalised_junction": _signalised,
    "t_junction": _t_junction,
    "roundabout": _roundabout,
    "motorway_merge": _motorway,
    "midblock_crossing": _midblock,
    "arterial": _arterial,
    "skewed_five_arm": _skewed,
    "school_street": _school,
    "rural_crossroads": _rural,
}
