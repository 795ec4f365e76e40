"""Turns the path of a front bumper into the motion of a rigid vehicle.

SUMO tells where the middle of the front bumper is. The rear axle of a real vehicle cannot slip
sideways, so it trails the bumper on a tractrix: each step it moves straight towards it. That gives
headings that turn in smoothly at junctions and lane changes, off-tracking of long vehicles, and no
turning on the spot. Drivers steer wide by half of the off-tracking (arm^2 / 2R). Jumps of the
bumper (lanes that do not meet exactly, a vehicle handed back to SUMO) are shown as a short drift.
Proved against the closed form of the tractrix in tests/simulate/sumo/test_sumo_pose.py.
"""

import math
from dataclasses import dataclass
from typing import final

_DRIFT_TIME_S = 0.6
"""Time constant with which a jump of the bumper fades."""
_SIDEWAYS_SHARE = 0.35
"""Vehicles move sideways by at most this share of their speed, so none slides while it creeps."""
_JUMP_SHARE, _JUMP_M = 1.5, 0.03
"""A displacement beyond this share of speed times time, and this much, is a jump."""
_STRETCH_LENGTH_M = 2.0
"""SUMO gives all lanes of a curved edge one length; the true ratio is learned over this way."""
_SWING_LENGTH_M = 3.0
"""Way over which drivers of turning vehicles steer wide."""
_SHARPEST_1PM = 0.12
_STILL_MPS = 0.5
_TINY_M = 0.005
_TURN_RATE_RADPS = 5.0
"""People turn at most this fast."""
_ELBOW_M = 0.4
"""People keep the middle of their body this far from vehicles."""
_DODGE_MPS = 4.0
"""They step aside at most this fast."""
_SIDLE_MPS = 1.0
"""They walk along a vehicle in their way this fast."""
_HURRY_MPS = 0.8
"""People catch up with their led point at most this much faster than it walks."""
_SHIFT_MPS = 0.6
"""People drift away from their led point at most this fast."""
_SIDESTEP_S = 0.25
"""Time constant with which people follow their led point."""


@final
@dataclass(slots=True)
class TrailedBody:
    """A vehicle whose front is led; angles counter-clockwise from x, metres, seconds."""

    length_m: float
    wheelbase_m: float
    front_x_m: float
    front_y_m: float
    yaw_rad: float
    speed_mps: float = 0.0
    yaw_rate_radps: float = 0.0
    offset_m: float = 0.0
    """Place to the left of the led path."""
    drift_x_m: float = 0.0
    drift_y_m: float = 0.0
    stretch: float = 1.0
    """Distance moved over the distance SUMO counts."""
    bend_1pm: float = 0.0
    """Smoothed curvature of the way driven, one over metres."""
    along_mps: float = 0.0
    """Speed of the rear axle along the heading."""
    led_x_m: float = 0.0
    led_y_m: float = 0.0

    @property
    def arm_m(self) -> float:
        """From the front bumper back to the rear axle."""
        return (self.length_m + self.wheelbase_m) / 2

    @property
    def centre_m(self) -> tuple[float, float]:
        """Middle of the box seen from above."""
        half = self.length_m / 2
        return (
            self.front_x_m - half * math.cos(self.yaw_rad),
            self.front_y_m - half * math.sin(self.yaw_rad),
        )

    @property
    def velocity_mps(self) -> tuple[float, float]:
        """Velocity of the centre; the rear axle moves along the heading only."""
        across = self.yaw_rate_radps * self.wheelbase_m / 2
        cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return self.along_mps * cos - across * sin, self.along_mps * sin + across * cos

    def start(self, led_x_m: float, led_y_m: float) -> None:
        """Take over at a led point without any jump: what differs becomes drift."""
        side_x, side_y = -math.sin(self.yaw_rad), math.cos(self.yaw_rad)
        self.led_x_m, self.led_y_m = led_x_m, led_y_m
        self.drift_x_m = self.front_x_m - led_x_m - self.offset_m * side_x
        self.drift_y_m = self.front_y_m - led_y_m - self.offset_m * side_y
        self.along_mps = self.speed_mps

    def lead(
        self,
        led_x_m: float,
        led_y_m: float,
        speed_mps: float,
        step_s: float,
        sideways_mps: float = 0.0,
    ) -> None:
        """Move the led point; speeds are those at the end of the step, sideways to the left."""
        travel = (self.speed_mps + speed_mps) / 2 * step_s
        dx, dy = led_x_m - self.led_x_m, led_y_m - self.led_y_m
        gain = speed_mps - self.speed_mps
        self.led_x_m, self.led_y_m, self.speed_mps = led_x_m, led_y_m, speed_mps
        limit = _SIDEWAYS_SHARE * speed_mps
        shown = min(max(sideways_mps, -limit), limit)
        slide = sideways_mps - shown
        slide_x = -slide * step_s * math.sin(self.yaw_rad)
        slide_y = slide * step_s * math.cos(self.yaw_rad)
        self.drift_x_m -= slide_x
        self.drift_y_m -= slide_y
        self._absorb(dx - slide_x, dy - slide_y, travel)
        self._fade(limit - abs(shown), step_s)
        offset = self.offset_m + self._swing_out(travel)
        front_x = led_x_m + self.drift_x_m - offset * math.sin(self.yaw_rad)
        front_y = led_y_m + self.drift_y_m + offset * math.cos(self.yaw_rad)
        self._trail(front_x, front_y, step_s)
        self.along_mps += self.stretch * gain / 2

    def _swing_out(self, travel_m: float) -> float:
        """Return how far the front keeps to the outside of a bend so that the rear clears it."""
        bend = self.yaw_rate_radps / max(self.along_mps, _STILL_MPS)
        blend = 1.0 - math.exp(-travel_m / _SWING_LENGTH_M)
        self.bend_1pm += (min(max(bend, -_SHARPEST_1PM), _SHARPEST_1PM) - self.bend_1pm) * blend
        return -self.arm_m * self.arm_m * self.bend_1pm / 4

    def _absorb(self, dx_m: float, dy_m: float, travel_m: float) -> None:
        """Add to the drift what no motion explains; else learn how lanes stretch distance."""
        distance = math.hypot(dx_m, dy_m)
        if distance > _JUMP_SHARE * travel_m + _JUMP_M:
            self.drift_x_m += self.stretch * travel_m * math.cos(self.yaw_rad) - dx_m
            self.drift_y_m += self.stretch * travel_m * math.sin(self.yaw_rad) - dy_m
        elif travel_m > _TINY_M:
            blend = 1.0 - math.exp(-travel_m / _STRETCH_LENGTH_M)
            self.stretch += (distance / travel_m - self.stretch) * blend

    def _fade(self, fastest_mps: float, step_s: float) -> None:
        """Let the drift fade, more slowly than a vehicle could steer."""
        drift = max(math.hypot(self.drift_x_m, self.drift_y_m), 1e-9)
        rate = min(1.0 / _DRIFT_TIME_S, fastest_mps / drift)
        self.drift_x_m *= math.exp(-step_s * rate)
        self.drift_y_m *= math.exp(-step_s * rate)

    def _trail(self, front_x: float, front_y: float, step_s: float) -> None:
        """Pull the rear axle towards the new front; it keeps its distance and never slips."""
        axle_x = self.front_x_m - self.arm_m * math.cos(self.yaw_rad)
        axle_y = self.front_y_m - self.arm_m * math.sin(self.yaw_rad)
        yaw = math.atan2(front_y - axle_y, front_x - axle_x)
        self.along_mps = (math.hypot(front_x - axle_x, front_y - axle_y) - self.arm_m) / step_s
        self.yaw_rate_radps = turn_between(self.yaw_rad, yaw) / step_s
        self.front_x_m, self.front_y_m, self.yaw_rad = front_x, front_y, yaw


@final
@dataclass(slots=True)
class WalkingBody:
    """A person: the body turns to where it walks."""

    x_m: float
    y_m: float
    yaw_rad: float
    vx_mps: float = 0.0
    vy_mps: float = 0.0
    yaw_rate_radps: float = 0.0
    shift_x_m: float = 0.0
    """Away from the led point."""
    shift_y_m: float = 0.0

    @property
    def centre_m(self) -> tuple[float, float]:
        """Where the feet are."""
        return self.x_m, self.y_m

    @property
    def velocity_mps(self) -> tuple[float, float]:
        """Over the last step."""
        return self.vx_mps, self.vy_mps

    @property
    def speed_mps(self) -> float:
        """Over the last step."""
        return math.hypot(self.vx_mps, self.vy_mps)

    def lead(
        self,
        led_x_m: float,
        led_y_m: float,
        speed_mps: float,
        step_s: float,
        shift_m: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Follow a led point, shifted; steps aside are smoothed and the shift comes at a walk."""
        self._shift_towards(shift_m, step_s)
        blend = 1.0 - math.exp(-step_s / _SIDESTEP_S)
        dx, dy = led_x_m + self.shift_x_m - self.x_m, led_y_m + self.shift_y_m - self.y_m
        wanted = max(math.hypot(dx, dy) * blend / step_s, 1e-9)
        share = min(1.0, (speed_mps + _HURRY_MPS) / wanted) * blend / step_s
        self.vx_mps, self.vy_mps = dx * share, dy * share
        self.x_m += self.vx_mps * step_s
        self.y_m += self.vy_mps * step_s
        turn = 0.0
        if speed_mps > 0.2 and self.speed_mps > 0.2:
            turn = turn_between(self.yaw_rad, math.atan2(self.vy_mps, self.vx_mps)) * blend * 1.5
        limit = _TURN_RATE_RADPS * step_s
        turn = min(max(turn, -limit), limit)
        self.yaw_rad += turn
        self.yaw_rate_radps = turn / step_s

    def keep_clear(
        self, box: tuple[float, float, float], size_m: tuple[float, float], step_s: float
    ) -> None:
        """Step aside where a box (x, y, yaw) of a length and width would be too near.

        Who wants to go through it walks along it, to its nearer end.
        """
        cos, sin = math.cos(box[2]), math.sin(box[2])
        dx, dy = self.x_m - box[0], self.y_m - box[1]
        along, across = dx * cos + dy * sin, dy * cos - dx * sin
        deep_along = size_m[0] / 2 + _ELBOW_M - abs(along)
        deep_across = size_m[1] / 2 + _ELBOW_M - abs(across)
        if deep_along <= 0 or deep_across <= 0:
            return
        limit = _DODGE_MPS * step_s
        into = self.vx_mps * cos + self.vy_mps * sin, self.vy_mps * cos - self.vx_mps * sin
        if deep_along < deep_across:
            u = math.copysign(min(deep_along, limit), along)
            v = math.copysign(_SIDLE_MPS * step_s, across) if u * into[0] < 0 else 0.0
        else:
            v = math.copysign(min(deep_across, limit), across)
            u = math.copysign(_SIDLE_MPS * step_s, along) if v * into[1] < 0 else 0.0
        push_x, push_y = u * cos - v * sin, u * sin + v * cos
        self.x_m, self.y_m = self.x_m + push_x, self.y_m + push_y
        self.vx_mps, self.vy_mps = self.vx_mps + push_x / step_s, self.vy_mps + push_y / step_s

    def _shift_towards(self, shift_m: tuple[float, float], step_s: float) -> None:
        dx, dy = shift_m[0] - self.shift_x_m, shift_m[1] - self.shift_y_m
        share = min(1.0, _SHIFT_MPS * step_s / max(math.hypot(dx, dy), 1e-9))
        self.shift_x_m += share * dx
        self.shift_y_m += share * dy


def yaw_from_sumo(angle_deg: float) -> float:
    """Return our yaw (counter-clockwise from east) of SUMO's angle (clockwise from north)."""
    return math.remainder(math.radians(90.0 - angle_deg), 2 * math.pi)


def sumo_from_yaw(yaw_rad: float) -> float:
    """Return SUMO's angle in degrees of our yaw; inverse of `yaw_from_sumo`."""
    return (90.0 - math.degrees(yaw_rad)) % 360.0


def turn_between(start_rad: float, end_rad: float) -> float:
    """Return the shorter turn from one heading to another, in [-pi, pi]."""
    return math.remainder(end_rad - start_rad, 2 * math.pi)
