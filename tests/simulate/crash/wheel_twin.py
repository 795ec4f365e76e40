"""One wheel at a time with plain floats: the slow twin of the tyre model."""

import math
from dataclasses import dataclass, field

import numpy as np

from tests.simulate.crash.crash_bench import G, rotation


def unit(v):
    return v / math.sqrt(float(v @ v))


def clamp(value, low, high):
    return max(low, min(value, high))


@dataclass
class SlowWheel:
    """A wheel of one vehicle; `x`, `y` are signs: +1 is front, left."""

    x: int
    y: int
    side_m: float = 0.0
    long_m: float = 0.0
    load_n: float = 0.0

    def carry(self, spec, config, patch, speed, up, ground):
        """Spring, damper and bump stop along the ground's normal."""
        height, normal = ground(patch[0], patch[1])
        rest = spec.mass_kg * G / 4
        spring = rest / config.static_deflection_m
        damper = 2 * config.damping_ratio * math.sqrt(spring * spec.mass_kg / 4)
        sunk = (height - patch[2]) * normal[2]
        load = spring * (config.static_deflection_m + sunk)
        if sunk > config.bump_travel_m:
            load += 8 * spring * (sunk - config.bump_travel_m)
        standing = load > 0 and float(up @ normal) > 0.35
        load -= damper * float(speed @ normal)
        self.load_n = clamp(load, 0.0, 5 * rest) if standing else 0.0
        return normal

    def angle(self, spec, steer):
        """Ackermann: the wheel's axle points at the common turning centre."""
        if self.x < 0 or steer == 0:
            return 0.0
        radius = spec.wheelbase_m / math.tan(steer)
        beside = radius - self.y * spec.track_m / 2
        return math.atan(spec.wheelbase_m / beside)

    def grip(self, spec, config, rolling, sliding, share, drive, brake, dt):
        """Forces along and across, in newtons."""
        most = config.friction * self.load_n
        per_rad = config.stiffness_front_prad if self.x > 0 else config.stiffness_rear_prad
        stiffness = per_rad * self.load_n / config.relaxation_m
        hold = clamp(1 - abs(rolling) / 2.0, 0.0, 1.0)
        damping = 0.3 * math.sqrt(stiffness * spec.mass_kg) * hold
        full = 3 * config.friction * config.relaxation_m / per_rad
        lagged = (self.side_m + dt * sliding) / (1 + dt * abs(rolling) / config.relaxation_m)
        self.side_m = clamp(lagged, -full, full) if most > 0 else 0.0
        bent = abs(self.side_m) / full
        across = -math.copysign(most * (1 - (1 - bent) ** 3), self.side_m) - damping * sliding
        drag = share * brake + config.rolling_resistance * self.load_n
        limit = drag / max(stiffness, 1.0)
        self.long_m = clamp(self.long_m + dt * rolling, -limit, limit)
        held = clamp(stiffness * self.long_m + damping * rolling, -drag, drag)
        along = share * drive - held
        if share * brake > most > 0 and not config.antilock:
            pace = max(math.hypot(rolling, sliding), 0.05)
            slide = config.slide_ratio * most / pace
            return -slide * rolling, -slide * sliding
        total = math.hypot(along, across)
        scale = min(1.0, most / total) if total > 0 else 1.0
        return along * scale, across * scale


@dataclass
class SlowCar:
    """Four slow wheels."""

    spec: object
    config: object
    wheels: list = field(
        default_factory=lambda: [SlowWheel(x, y) for x in (1, -1) for y in (1, -1)]
    )

    def step(self, qpos, qvel, steer, drive, brake, ground, dt):
        """Return force and torque about the centre of mass, world frame."""
        turn = rotation(qpos[3:])
        rate = turn @ qvel[3:]
        found = []
        for wheel in self.wheels:
            mount = np.array([
                wheel.x * self.spec.wheelbase_m / 2,
                wheel.y * self.spec.track_m / 2,
                -self.spec.com_height_m,
            ])  # fmt: skip
            arm = turn @ mount
            speed = qvel[:3] + np.cross(rate, arm)
            normal = wheel.carry(self.spec, self.config, qpos[:3] + arm, speed, turn[:, 2], ground)
            found.append((wheel, arm, speed, normal))
        carried = max(sum(wheel.load_n for wheel in self.wheels), 1.0)
        force, torque = np.zeros(3), np.zeros(3)
        for wheel, arm, speed, normal in found:
            angle = wheel.angle(self.spec, steer)
            ahead = math.cos(angle) * turn[:, 0] + math.sin(angle) * turn[:, 1]
            along = unit(ahead - normal * float(ahead @ normal))
            side = np.cross(normal, along)
            share = wheel.load_n / carried * self.spec.mass_kg
            f_along, f_side = wheel.grip(
                self.spec, self.config, float(speed @ along), float(speed @ side),
                share, drive, brake, dt,
            )  # fmt: skip
            push = f_along * along + f_side * side + wheel.load_n * normal
            force += push
            torque += np.cross(arm, push)
        return np.concatenate([force, torque])
