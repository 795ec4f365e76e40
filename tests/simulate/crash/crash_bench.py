"""Short ways to set up crash worlds in tests."""

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.scene import Actor
from rareworld.simulate.crash.config import PhysicsConfig, TyreConfig
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.obstacles import Obstacles
from rareworld.simulate.crash.shapes import inertia_kgm2
from rareworld.simulate.crash.world import PhysicsWorld
from rareworld.simulate.state import BodyState

G = 9.81
ICE = PhysicsConfig(tyre=TyreConfig(friction=0, rolling_resistance=0), crash_brake_mps2=0)
"""No horizontal force from the road."""


def pose(x, y=0.0, yaw=0.0, speed=0.0, time_s=0.0):
    return BodyState.upright(time_s, np.array([x, y, 0.0]), yaw, speed)


PLAIN, NOTHING, PLANE = PhysicsConfig(), Obstacles(), Ground()
COARSE = PhysicsConfig(step_s=0.004)
"""For long runs: run-time type checks make steps slow."""


def world(config=PLAIN, obstacles=NOTHING, ground=PLANE, start_s=0.0):
    return PhysicsWorld(ground, obstacles, config, start_s=start_s)


def put(place, actor_id, blueprint, state, **more):
    role = more.pop("role", "traffic")
    place.add(Actor(id=actor_id, blueprint=blueprint, role=role), state, **more)


def speeds(place, actor_id, blueprint):
    """Momentum, angular momentum about the origin and kinetic energy of a body."""
    spec, state = BLUEPRINTS[blueprint], place.state(actor_id)
    turn = rotation(state.quat)
    arm = turn[:, 2] * spec.com_height_m
    velocity = state.velocity_mps + np.cross(state.angular_velocity_radps, arm)
    inertia = turn @ np.diag(inertia_kgm2(spec)) @ turn.T
    spin = inertia @ state.angular_velocity_radps
    momentum = spec.mass_kg * velocity
    angular = np.cross(state.position_m + arm, momentum) + spin
    energy = momentum @ velocity / 2 + spin @ state.angular_velocity_radps / 2
    return momentum, angular, energy


def rotation(quat):
    """Columns are body axes, by quaternion products (independent of the library)."""
    w, v = quat[0], quat[1:]
    eye = np.eye(3)
    return np.stack([e + 2 * np.cross(v, np.cross(v, e) + w * e) for e in eye], axis=1)


def run(place, seconds, every=0.1):
    """Step in equal pieces; yield after each."""
    start = place.time_s
    for k in range(1, round(seconds / every) + 1):
        place.step_to(start + k * every)
        yield place
