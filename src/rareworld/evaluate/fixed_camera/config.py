"""Limits of the fixed-camera checks: every one stated, with its reason or source.

Lengths that depend on the picture are given as shares of its width or of the object's own size,
so that the same limits hold for 128 x 224 and 704 x 1280.
"""

from typing import final

from pydantic import Field

from rareworld.data.config import Config


@final
class FixedCameraConfig(Config):
    """How clips are checked."""

    short_side: int = Field(default=160, ge=32)
    """Pixels of the short side at which the clip is looked at."""
    still_share: float = Field(default=0.0025, gt=0)
    """Largest shift of a camera that counts as fixed, as a share of the picture's width: 0.56
    pixels at 224, 3.2 at 1280."""
    contrast: float = Field(default=10.0, gt=0)
    """Grey levels by which a moving thing must differ from the background at least."""
    noise_factor: float = Field(default=4.0, gt=0)
    """The same in standard deviations of a pixel's own noise."""
    min_area_share: float = Field(default=0.0006, gt=0)
    """Smallest thing followed, as a share of the picture's pixels: 17 pixels at 128 x 224."""
    gate: float = Field(default=0.75, gt=0)
    """Farthest step from the predicted place, in diagonals of the object."""
    coast_s: float = Field(default=0.3, ge=0)
    """Longest time an object may go unseen and keep its identity."""
    min_track_s: float = Field(default=0.3, gt=0)
    """Shorter tracks are clutter (spray, leaves) and are not judged."""
    window_s: float = Field(default=0.75, gt=0)
    """Time over which velocity and acceleration are fitted (a quadratic, Savitzky-Golay 1964)."""
    growth: float = Field(default=1.5, gt=1)
    """Largest change of size within `growth_s` that perspective does not explain: a box may change
    by about 1.45 when a vehicle seen from the front turns by 30 degrees."""
    growth_s: float = Field(default=0.5, gt=0)
    """Time over which sizes are compared."""
    similarity: float = Field(default=0.5, gt=-1, lt=1)
    """Least correlation of a thing's picture with itself one frame earlier."""
    melting_share: float = Field(default=0.25, gt=0, le=1)
    """Share of a track's steps below `similarity` from which it counts as melting."""
    oversize: float = Field(default=1.25, gt=1)
    """How far past the 99th percentile of real sizes at its place a thing is oversized."""
    max_speed: float = Field(default=25.0, gt=0)
    """Highest speed in own sizes per second: 40 m/s of a car seen from the front (1.6 m)."""
    max_accel: float = Field(default=8.0, gt=0)
    """Highest acceleration in own sizes per second squared without a contact: 12 m/s2 of a car
    1.5 m in size as seen from the front."""
    max_jump: float = Field(default=0.6, gt=0)
    """Longest step out of line from one frame to the next, in own sizes: centres of good masks are
    within 0.3, and 12 m/s2 adds 0.1 at 8 frames per second."""
    max_speed_mps: float = Field(default=60.0, gt=0)
    """Highest speed where the camera is known: 216 km/h."""
    max_brake_mps2: float = Field(default=10.0, gt=0)
    """Strongest braking: tyres on dry asphalt hold 0.8 to 1.0 g (Wong, Theory of Ground Vehicles);
    UN Regulation 13-H asks at least 6.43 m/s2 of a car's service brakes."""
    max_throttle_mps2: float = Field(default=6.0, gt=0)
    """Strongest speeding up: 0 to 100 km/h in 4.6 s."""
    max_lateral_mps2: float = Field(default=10.0, gt=0)
    """Strongest turning: the same friction as braking."""
    impact: float = Field(default=1.2, gt=0)
    """Change of velocity, in own sizes per second, that tells a blow from driving: 2.6 m/s within
    `impact_s` for a size of 2.2 m."""
    impact_s: float = Field(default=0.375, gt=0)
    """Time before and after a contact over which velocities are compared."""
    contact_tolerance_s: float = Field(default=0.25, gt=0)
    """How far a found contact may lie from the true one."""
    resamples: int = Field(default=2000, ge=100)
    """Resamples of the bootstrap over clips (Efron 1979, percentile interval, 95 %)."""
    seed: int = 0
    """Seed of the resamples."""
