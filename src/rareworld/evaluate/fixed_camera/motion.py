"""Are speeds and accelerations ones that vehicles can have?

A quadratic is fitted to the path over a short window around every moment (Savitzky & Golay 1964,
for uneven steps too); its coefficients are velocity and acceleration, its residual their standard
error, and two standard errors are given away before anything is called too much.

Without a camera the unit is the thing's own size. On flat ground the size in pixels is
s = k (y - y_h), so (x / s, W / s) is its place on the ground in its own sizes for a field of view
of 53 degrees (focal length = width). The horizon y_h is not known: the one that asks for the least
acceleration is taken, so that what is reported is what no horizon explains. With a camera of ours
the foot of the box is put on the plane z = 0 and the unit is the metre.
Proved in `tests/evaluate/fixed_camera/test_motion.py` on drawn paths.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from rareworld.core.camera import Camera
from rareworld.evaluate.fixed_camera.config import FixedCameraConfig
from rareworld.evaluate.fixed_camera.shape import horizons
from rareworld.evaluate.fixed_camera.tracks import Track

_LEAST = 5
"""Places a quadratic is fitted to at least."""
_CANDIDATES = 9
_CERTAIN = 2.0
"""Standard errors given away."""
_SAME_SIZE = 0.2
"""Largest change of log size between two boxes of one thing."""
_AROUND = 5
_FOOT_PX = 0.7
"""Error of a box's lower edge, in working pixels."""
_SLOW_MPS = 1.0
"""Below this a direction of travel means nothing."""
_FARTHEST_M = 200.0

Path = Float[np.ndarray, "n 2"]


@final
@dataclass(frozen=True)
class Motion:
    """Velocity and acceleration along a path, with the standard error of the latter."""

    velocity: Path
    accel: Path
    error: Float[np.ndarray, "n"]
    known: Bool[np.ndarray, "n"]
    """Where enough of the path is seen."""


@final
@dataclass(frozen=True)
class OwnSizes:
    """The most of a track, in its own sizes per second; NaN where too little is seen."""

    speed: float
    accel: float
    jump: float
    """Longest departure of a step from its neighbours, in own sizes."""


@final
@dataclass(frozen=True)
class Metres:
    """The most of a track on the ground, in metres and seconds; NaN where too little is seen."""

    speed_mps: float
    brake_mps2: float
    throttle_mps2: float
    lateral_mps2: float


@final
@dataclass(frozen=True)
class _Window:
    """The least-squares operator of one moment: places to quadratic coefficients."""

    at: int
    near: Bool[np.ndarray, "n"]
    powers: Float[np.ndarray, "m 3"]
    inverse: Float[np.ndarray, "3 m"]


def fit_motion(
    times: Float[np.ndarray, "n"],
    path: Path,
    used: Bool[np.ndarray, "n"],
    window_s: float,
    place_error: Float[np.ndarray, "n"] | None = None,
) -> Motion:
    """Fit quadratics to a path at its own times, over the places that are `used`.

    The standard error is what the residuals say, and no less than what errors of the places
    (`place_error`, in units of the path) make of it.
    """
    noise = np.zeros(len(times)) if place_error is None else place_error
    return _fitted(_windows(times, used, window_s), path, noise)


def _windows(
    times: Float[np.ndarray, "n"], used: Bool[np.ndarray, "n"], window_s: float
) -> list[_Window]:
    """Return the operators of all moments with enough places near by."""
    out: list[_Window] = []
    for at in range(len(times)):
        since = times - times[at]
        near = used & (np.abs(since) <= window_s / 2 + 1e-9)
        if near.sum() >= _LEAST:
            powers = np.stack([np.ones(near.sum()), since[near], since[near] ** 2], axis=1)
            out.append(_Window(at, near, powers, np.linalg.pinv(powers)))
    return out


def _fitted(windows: Sequence[_Window], path: Path, noise: Float[np.ndarray, "n"]) -> Motion:
    n = len(path)
    velocity, accel, error = np.zeros((n, 2)), np.zeros((n, 2)), np.full(n, np.inf)
    known = np.zeros(n, bool)
    for window in windows:
        places = path[window.near]
        found = window.inverse @ places
        left = places - window.powers @ found
        variance = (left**2).sum() / (2 * max(len(places) - 3, 1))
        variances = np.maximum(variance, noise[window.near] ** 2)
        velocity[window.at], accel[window.at] = found[1], 2 * found[2]
        error[window.at] = 2 * np.sqrt(2 * (variances * window.inverse[2] ** 2).sum())
        known[window.at] = True
    return Motion(velocity, accel, error, known)


def in_own_sizes(
    track: Track,
    size: tuple[int, int],
    fps: float,
    config: FixedCameraConfig,
    calm: Bool[np.ndarray, "n"],
    factor: int = 1,
) -> OwnSizes:
    """Return the most that no horizon explains, at the moments that are `calm` (no contact).

    `factor` is the size of a working pixel in pixels of the clip.
    """
    jump = _jump(track, calm)
    whole = track.whole
    if whole.sum() < _LEAST:
        return OwnSizes(np.nan, np.nan, jump)
    windows = _windows(track.frames / fps, ~track.clipped, config.window_s)
    best = OwnSizes(np.nan, np.nan, jump)
    highest, lowest = horizons(track, size[0])
    feet = track.feet[:, 1].min()
    above = np.geomspace(feet - lowest, feet - highest, _CANDIDATES)
    for horizon in feet - above:
        path, noise = _ground_path(track, horizon, size[1], factor)
        motion = _fitted(windows, path, noise)
        told = motion.known & calm
        if not told.any():
            return best
        speed = float(np.hypot(*motion.velocity[told].T).max())
        accel = float(_surely(np.hypot(*motion.accel.T), motion)[told].max())
        if not accel >= best.accel:
            best = OwnSizes(speed, accel, jump)
    return best


def _jump(track: Track, calm: Bool[np.ndarray, "n"]) -> float:
    """Return the longest departure of a step from the median of five around it; NaN if unknown.

    Only steps from one frame to the next at one size count: a mask that breaks is no jump.
    """
    sizes = track.sizes
    even = np.abs(np.log(sizes[1:] / sizes[:-1])) < _SAME_SIZE
    seen = track.whole & calm
    steps = np.diff(track.centres, axis=0) / np.sqrt(sizes[1:] * sizes[:-1])[:, None]
    steps = steps[even & seen[1:] & seen[:-1] & (np.diff(track.frames) == 1)]
    if len(steps) < _AROUND:
        return np.nan
    padded = np.pad(steps, ((_AROUND // 2, _AROUND // 2), (0, 0)), mode="edge")
    around = np.stack([padded[k : k + len(steps)] for k in range(_AROUND)])
    return float(np.hypot(*(steps - np.median(around, axis=0)).T).max())


def _ground_path(
    track: Track, horizon: float, width: int, factor: int
) -> tuple[Path, Float[np.ndarray, "n"]]:
    """Return the path on the ground in own sizes, for one horizon, and the error of its places."""
    below = track.feet[:, 1] - horizon
    scale = np.median((track.sizes / below)[track.whole])
    shown = scale * below
    path = np.stack([(track.centres[:, 0] - width / 2) / shown, width / shown], axis=1)
    return path, _FOOT_PX * factor * np.maximum(1 / shown, width * scale / shown**2)


def _surely(values: Float[np.ndarray, "n"], motion: Motion) -> Float[np.ndarray, "n"]:
    return np.maximum(values - _CERTAIN * motion.error, 0)


def in_metres(
    track: Track,
    camera: Camera,
    fps: float,
    config: FixedCameraConfig,
    calm: Bool[np.ndarray, "n"],
    factor: int = 1,
) -> Metres:
    """Return the most of a track on the plane z = 0; the camera's pixels are the clip's."""
    path = on_ground(camera, track.feet)
    beside = on_ground(camera, track.feet + np.array([0.0, 1.0]))
    near = np.isfinite(path[:, 0])
    noise = np.nan_to_num(np.hypot(*(beside - path).T)) * _FOOT_PX * factor
    path = np.nan_to_num(path)
    used = track.whole & near
    motion = fit_motion(track.frames / fps, path, used, config.window_s, noise)
    told = np.logical_and(motion.known, calm)
    if not told.any():
        return Metres(np.nan, np.nan, np.nan, np.nan)
    speed = np.hypot(*motion.velocity.T)
    heading = motion.velocity / np.maximum(speed, 1e-9)[:, None]
    along = (motion.accel * heading).sum(1)
    across = np.abs(heading[:, 0] * motion.accel[:, 1] - heading[:, 1] * motion.accel[:, 0])
    moving = told & (speed > _SLOW_MPS)
    return Metres(
        speed_mps=float(speed[told].max()),
        brake_mps2=_most(_surely(-along, motion), moving),
        throttle_mps2=_most(_surely(along, motion), moving),
        lateral_mps2=_most(_surely(across, motion), moving),
    )


def _most(values: Float[np.ndarray, "n"], told: Bool[np.ndarray, "n"]) -> float:
    return float(values[told].max()) if told.any() else 0.0


def on_ground(camera: Camera, pixels: Float[np.ndarray, "n 2"]) -> Path:
    """Return where the pixels' rays meet the plane z = 0; NaN above the horizon and past 200 m."""
    origin = np.array(camera.position_m)
    rays = camera.unproject(pixels, np.ones(len(pixels))) - origin
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = -origin[2] / rays[:, 2]
    places = origin + reach[:, None] * rays
    seen = (reach > 0) & (np.linalg.norm(places - origin, axis=1) < _FARTHEST_M)
    return np.where(seen[:, None], places[:, :2], np.nan)


def resized(camera: Camera, width: int, height: int) -> Camera:
    """Return the camera of a picture scaled to another size."""
    across, down = width / camera.width, height / camera.height
    return replace(
        camera,
        width=width,
        height=height,
        fx=camera.fx * across,
        cx=camera.cx * across,
        fy=camera.fy * down,
        cy=camera.cy * down,
    )
