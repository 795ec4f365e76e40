"""Rigid parts of a moving figure and the joints they hang on.

A joint turns first about the body's z axis (steering), then about y (spin or swing); positive
angles about y roll a wheel forward and swing a limb backward. Swinging joints follow a table over
one period of the actor's phase (`Tracks.wheel_turn_rad`). People on foot have a `Walker` instead:
their bones are moved by `walkers`.
"""

from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.mesh import Soup, Vec3
from rareworld.annotate.world.model import Cabin, LocalLight
from rareworld.annotate.world.skeleton import Walker

CYCLE_STEPS = 64
"""Samples of a joint's cycle."""


@final
@dataclass(frozen=True, kw_only=True)
class Joint:
    """How a part moves against its parent (or the body)."""

    pivot_m: Vec3 = (0.0, 0.0, 0.0)
    """Where the part's origin sits in its parent's frame."""
    parent: int = -1
    """Index of an earlier part of the same figure; -1 for the body itself."""
    spin: float = 0.0
    """Turns about y per radian of `wheel_turn_rad`."""
    steer: float = 0.0
    """Turns about z per radian of `steer_rad`."""
    cycle_rad: Float[np.ndarray, "c"] | None = field(default=None, repr=False)
    """Angle about y over one period."""
    rest_rad: tuple[float, float] | None = None
    """Angles about y and x while the actor stands still; None stays at its place in the cycle."""


@final
@dataclass(frozen=True, kw_only=True)
class Part:
    """A shape and its joint."""

    shape: Soup
    joint: Joint = Joint()
    cabin: Cabin | None = field(default=None, repr=False)
    """What is seen through the glass of this part."""
    lights: tuple[LocalLight, ...] = ()
    """Lamps that light the surroundings, in this part's frame; `instance` is not yet known."""


@final
@dataclass(frozen=True, kw_only=True)
class Figure:
    """All parts of one kind of actor, body frame: x forward, standing on z = 0."""

    parts: tuple[Part, ...]
    phase_gain: float = 1.0
    """Periods of the cycle tables per 2 pi of `wheel_turn_rad`."""
    walker: Walker | None = None
    """Somebody on foot: the first parts are the bones of `skeleton`, moved by `walkers`."""
