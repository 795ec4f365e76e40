"""Actors as SUMO shows them, and how we follow each from step to step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import final

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS, Blueprint
from rareworld.core.geometry import FloatArray, quat_from_euler
from rareworld.core.taxonomy import PEOPLE
from rareworld.core.trajectory import Lamp
from rareworld.errors import ScenarioError
from rareworld.simulate.state import BodyState
from rareworld.simulate.sumo.ahead import Approach
from rareworld.simulate.sumo.pavement import Pavement
from rareworld.simulate.sumo.pose import TrailedBody, WalkingBody, yaw_from_sumo
from rareworld.simulate.sumo.vehicles import Traits

_BRAKE_ON_MPS2 = 0.8
_BRAKE_OFF_MPS2 = 0.3
_HELD_MPS = 0.1
"""Who stands in traffic keeps the foot on the brake."""
_PITCH_TIME_S = 0.3
"""Time constant of the body's pitch, about that of a car's springs."""
CHANGE_LANES, STAY_IN_LANE = 1621, 512
"""SUMO's lane change modes: its default, and none but keeping clear of others."""
_CHANGE_MPS = 3.0
"""Nobody starts to change lanes more slowly than this."""
_STEEPEST_RAD = 0.25
"""No road is steeper; SUMO reports such slopes only where lanes do not meet."""
_WALKING_AREA, _CROSSING = "_w", "_c"
"""Parts of the ids netconvert gives to walking areas and crossings."""
_ASK_M = 0.15
"""People look for the pavement anew after this way."""
_BESIDE_M = 9.0
"""People heed vehicles whose middle is this near."""
_STEP_UP_S = 0.15
"""Time constant of stepping up a kerb."""
_FLASHES_PER_S = 2.0
_SUMO_RIGHT, _SUMO_LEFT = 1, 2
"""Bits of SUMO's vehicle signals."""


@final
@dataclass(frozen=True, kw_only=True)
class LanePlace:
    """A place on a SUMO lane."""

    edge: str
    lane: int
    """0 is the outermost."""
    station_m: float
    """Of the front bumper."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """An actor under SUMO's control at the current step; units as in `BodyState`."""

    id: int
    """Stable while the traffic runs; from 1 in order of first appearance."""
    name: str
    """SUMO's."""
    blueprint: str
    time_s: float
    x_m: float
    y_m: float
    z_m: float
    yaw_rad: float
    pitch_rad: float
    vx_mps: float
    vy_mps: float
    vz_mps: float
    yaw_rate_radps: float
    lamps: int
    lane: str
    """SUMO's lane id."""

    def state(self) -> BodyState:
        """Return the actor as a body."""
        return BodyState(
            time_s=self.time_s,
            position_m=np.array([self.x_m, self.y_m, self.z_m]),
            quat=quat_from_euler(self.yaw_rad, self.pitch_rad, 0.0),
            velocity_mps=np.array([self.vx_mps, self.vy_mps, self.vz_mps]),
            angular_velocity_radps=np.array([0.0, 0.0, self.yaw_rate_radps]),
            lamps=self.lamps,
        )


@final
@dataclass(slots=True)
class Member:
    """What is known of one actor between steps."""

    id: int
    name: str
    spec: Blueprint
    traits: Traits
    body: TrailedBody | WalkingBody | None = None
    pitch_rad: float = 0.0
    accel_mps2: float = 0.0
    z_m: float = 0.0
    braking: bool = False
    may_change: bool = True
    lane: str = ""
    asked_m: tuple[float, float] = (math.inf, math.inf)
    """Where the pavement was last looked up."""
    spot_m: FloatArray | None = None
    """Where on the pavement to stand, from there."""
    taken: BodyState | None = None
    """State given by the owner while the actor is out of SUMO's hands."""

    @property
    def on_foot(self) -> bool:
        """Tell whether SUMO knows it as a person."""
        return self.spec.class_id in PEOPLE

    def watch(
        self,
        sumo: ModuleType,
        pavement: Pavement,
        step_s: float,
        inside: Sequence[Sighting] = (),
    ) -> None:
        """Read the actor's place after a step of SUMO and move its body there.

        Args:
            sumo: The running simulation.
            pavement: Where people walk.
            step_s: Length of the step.
            inside: Vehicles inside junctions; people step round them.
        """
        door = sumo.person if self.on_foot else sumo.vehicle
        x, y, z = door.getPosition3D(self.name)
        speed = float(door.getSpeed(self.name))
        if self.body is None:
            self.body = self.new_body(x, y, yaw_from_sumo(door.getAngle(self.name)), speed)
        elif isinstance(self.body, TrailedBody):
            self.accel_mps2 = (speed - self.body.speed_mps) / step_s
            self.body.lead(x, y, speed, step_s, float(sumo.vehicle.getLateralSpeed(self.name)))
        if isinstance(self.body, WalkingBody):
            self._walk(self.body, sumo, pavement, (x, y, z, speed), step_s)
            if self.lane.startswith(":"):
                self._step_round(self.body, inside, step_s)
            return
        self._settle(float(z), -math.radians(door.getSlope(self.name)), step_s)
        self._permit_lane_changes(sumo, speed)
        self.braking = _brakes(speed, self.accel_mps2, held=self.braking)

    def _walk(
        self,
        body: WalkingBody,
        sumo: ModuleType,
        pavement: Pavement,
        led: tuple[float, float, float, float],
        step_s: float,
    ) -> None:
        """Move a person, at corners on the map's pavement rather than where SUMO cuts across."""
        x, y, z, speed = led
        new = not self.lane
        lane = sumo.person.getLaneID(self.name)
        if lane != self.lane or math.hypot(x - self.asked_m[0], y - self.asked_m[1]) > _ASK_M:
            self.lane, self.asked_m = lane, (x, y)
            self.spot_m = None if _CROSSING in lane else pavement.nearest(x, y)
        shift, ground = (0.0, 0.0), z
        if self.spot_m is not None:
            ground = float(self.spot_m[2])
        if self.spot_m is not None and _WALKING_AREA in lane:
            shift = (float(self.spot_m[0]) - x, float(self.spot_m[1]) - y)
        body.lead(x, y, speed, step_s, shift)
        self.z_m += (ground - self.z_m) * (1 if new else 1 - math.exp(-step_s / _STEP_UP_S))

    def _step_round(self, body: WalkingBody, vehicles: Sequence[Sighting], step_s: float) -> None:
        for seen in vehicles:
            if math.hypot(seen.x_m - body.x_m, seen.y_m - body.y_m) < _BESIDE_M:
                size = BLUEPRINTS[seen.blueprint].size_m
                body.keep_clear((seen.x_m, seen.y_m, seen.yaw_rad), size[:2], step_s)

    def _permit_lane_changes(self, sumo: ModuleType, speed_mps: float) -> None:
        """Forbid lane changes while creeping: SUMO would slide the vehicle sideways."""
        wanted = speed_mps >= _CHANGE_MPS
        if wanted != self.may_change:
            sumo.vehicle.setLaneChangeMode(self.name, CHANGE_LANES if wanted else STAY_IN_LANE)
            self.may_change = wanted

    def _settle(self, z_m: float, slope_rad: float, step_s: float) -> None:
        if abs(slope_rad) > _STEEPEST_RAD:
            slope_rad = 0.0
        self.pitch_rad += (slope_rad - self.pitch_rad) * (1 - math.exp(-step_s / _PITCH_TIME_S))
        self.z_m = z_m + self.spec.length_m / 2 * math.sin(self.pitch_rad)

    def new_body(
        self, x_m: float, y_m: float, yaw_rad: float, speed_mps: float
    ) -> TrailedBody | WalkingBody:
        """Return a body led by a point that stands where it is by habit: beside the point."""
        if self.on_foot:
            return WalkingBody(x_m, y_m, yaw_rad)
        side = self.traits.lane_offset_m
        return self.body_at(
            (x_m - side * math.sin(yaw_rad), y_m + side * math.cos(yaw_rad)),
            (x_m, y_m), yaw_rad, speed_mps,
        )  # fmt: skip

    def body_at(
        self,
        front_m: tuple[float, float],
        led_m: tuple[float, float],
        yaw_rad: float,
        speed_mps: float,
    ) -> TrailedBody:
        """Return a vehicle's body whose front bumper is at one point and led by another."""
        body = TrailedBody(
            length_m=self.spec.length_m, wheelbase_m=self.spec.wheelbase_m, yaw_rad=yaw_rad,
            front_x_m=front_m[0], front_y_m=front_m[1], speed_mps=speed_mps,
            offset_m=self.traits.lane_offset_m,
        )  # fmt: skip
        body.start(*led_m)
        return body

    def sighting(self, sumo: ModuleType, time_s: float, lamps: Lamp) -> Sighting:
        """Return the actor as others see it now."""
        if self.body is None:
            raise ScenarioError(f"actor {self.id} has not been seen on the road yet")
        x, y = self.body.centre_m
        vx, vy = self.body.velocity_mps
        door = sumo.person if self.on_foot else sumo.vehicle
        return Sighting(
            id=self.id, name=self.name, blueprint=self.spec.name, time_s=time_s,
            x_m=x, y_m=y, z_m=self.z_m, yaw_rad=self.body.yaw_rad, pitch_rad=self.pitch_rad,
            vx_mps=vx, vy_mps=vy, vz_mps=-math.hypot(vx, vy) * math.sin(self.pitch_rad),
            yaw_rate_radps=self.body.yaw_rate_radps, lane=door.getLaneID(self.name),
            lamps=0 if self.on_foot else int(lamps | self._lamps(sumo) | self._beacons(time_s)),
        )  # fmt: skip

    def _lamps(self, sumo: ModuleType) -> Lamp:
        if self.spec.name == "bicycle":
            return Lamp.NONE
        bits = int(sumo.vehicle.getSignals(self.name))
        lamps = Lamp.BRAKE if self.braking else Lamp.NONE
        if bits & _SUMO_RIGHT:
            lamps |= Lamp.RIGHT_BLINKER
        if bits & _SUMO_LEFT:
            lamps |= Lamp.LEFT_BLINKER
        return lamps

    def _beacons(self, time_s: float) -> Lamp:
        """Return which half of the light bar flashes: two flashes a second (UNECE R65)."""
        if not self.traits.alarm:
            return Lamp.NONE
        return Lamp.SPECIAL_1 if (time_s * _FLASHES_PER_S) % 1 < 0.5 else Lamp.SPECIAL_2

    def approach(self) -> Approach | None:
        """Return the vehicle for yielding; None for people and bodies not yet seen."""
        if not isinstance(self.body, TrailedBody):
            return None
        body = self.body
        return Approach(
            self.name, body.led_x_m, body.led_y_m, body.yaw_rad, self.spec.length_m,
            self.spec.width_m, body.arm_m, body.speed_mps, self.accel_mps2,
        )  # fmt: skip


def _brakes(speed_mps: float, accel_mps2: float, *, held: bool) -> bool:
    """Tell whether brake lamps are on; with a dead band so that they do not flicker."""
    threshold = _BRAKE_OFF_MPS2 if held else _BRAKE_ON_MPS2
    return speed_mps < _HELD_MPS or accel_mps2 < -threshold
