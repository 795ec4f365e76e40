"""Closed loops of a driver and the crash physics, for tests."""

from itertools import pairwise

import numpy as np

from rareworld.core.scene import Actor
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.obstacles import Obstacles
from rareworld.simulate.crash.world import PhysicsWorld
from rareworld.simulate.drive.path import Path
from rareworld.simulate.state import BodyState


def corner(radius=8.0, side=1.0, lead=12.0, tail=12.0):
    """Straight on, a quarter turn, straight on; the curvature jumps."""
    angle = np.linspace(0, np.pi / 2, 40)
    arc = np.stack([lead + radius * np.sin(angle), side * radius * (1 - np.cos(angle))], axis=-1)
    end = arc[-1] + np.array([[0, side * 0.5], [0, side * tail]])
    return Path.through(np.array([[0, 0], [lead, 0.0]]), arc, end)


def straight(length=200.0):
    return Path.through(np.array([[0, 0], [length, 0.0]]))


ORIGIN = np.zeros(3)


def drive(blueprint, driver, speed, seconds, start_m=ORIGIN, yaw=0.0):
    """Yield the state at each of 30 commands a second, from a place and heading."""
    world = PhysicsWorld(Ground(), Obstacles(), PhysicsConfig(step_s=0.004))
    world.add(Actor(id=1, blueprint=blueprint), BodyState.upright(0.0, start_m, yaw, float(speed)))
    hertz = 30
    for k in range(round(seconds * hertz)):
        own = world.state(1)
        yield own
        world.command(1, driver.command(world.time_s, own, {}))
        world.step_to((k + 1) / hertz)


def arrival(states, path, station):
    """Time and speed at which a run passes a station, linear between frames."""
    passed = [(s.time_s, path.project(s.position_m)[0], s.speed_mps) for s in states]
    for (t0, s0, v0), (t1, s1, v1) in pairwise(passed):
        if s0 < station <= s1:
            share = (station - s0) / (s1 - s0)
            return t0 + share * (t1 - t0), v0 + share * (v1 - v0)
    raise AssertionError(f"never reached {station}, only {passed[-1]}")
