"""Does the camera move? Global and local motion of what stands still.

The whole view is registered to the first frame (`registration`): that is the camera. After that,
each cell of a grid is registered on its own: what moves there is ground that swims, which no
camera does. Proved in `tests/evaluate/fixed_camera/test_stability.py` against known motion.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float, Float32
from scipy import ndimage

from rareworld.evaluate.fixed_camera.registration import (
    Fit,
    Points,
    agreement,
    by_cell,
    carried,
    displacement,
    register,
    residuals,
    strong_points,
    tukey,
)
from rareworld.evaluate.fixed_camera.working import SMOOTHED_NOISE, Working

_CELL_STEPS = 4
_STEADY_PX = 0.25
_MAX_ERROR_PX = 0.5
"""Standard error (working pixels) past which a registration says nothing: fog, black night."""
_MAX_CELL_ERROR_PX = 0.1
_ALIKE = 0.5
"""Correlation from which a cell shows what it showed at first."""
_MIN_AGREEING = 0.2
"""Share of such cells below which this is another view: traffic hides some, never most."""
_MIN_CELL_AGREEING = 0.6


@final
@dataclass(frozen=True, kw_only=True)
class Stability:
    """Motion of the background against the first frame, in pixels of the clip."""

    shift_px: Float[np.ndarray, "t"]
    """Root mean square displacement over the picture; infinite where the view is another one, NaN
    where nothing can be told."""
    motion: Float[np.ndarray, "t 6"]
    """Right, down, zoom, turn (working pixels, the latter two at the side), offset and gain."""
    jitter_px: float
    """Root mean square of its change from frame to frame; NaN if nothing can be told."""
    swim_px: float
    """95th percentile of local motion of static cells, left after global motion; NaN if none."""
    flicker: float
    """Standard deviation of the noise of a still pixel's luma, in grey levels, if it is
    independent from pixel to pixel; compressed video shows less."""
    fixed: float
    """Share of frames within the tolerance of a fixed camera: the score, 1 is best; NaN if
    nothing can be told."""


def measure_stability(clip: Working, still_share: float) -> Stability:
    """Measure how far the background moves; `still_share` of the width counts as fixed."""
    luma = clip.luma
    points = strong_points(luma[0])
    fit = register(luma, points)
    moved = displacement(fit.parameters, clip.size)
    shift = np.sqrt((moved**2).sum(-1).mean(1)) * clip.factor
    shift[fit.error_px > _MAX_ERROR_PX] = np.nan
    alike = (agreement(points, fit) > _ALIKE).mean(1)
    shift[~np.isnan(shift) & (alike < _MIN_AGREEING)] = np.inf
    later = shift[1:]
    told = later[~np.isnan(later)]
    known = np.isfinite(shift)
    steps = np.diff(moved[known], axis=0) * clip.factor
    return Stability(
        shift_px=shift,
        motion=fit.parameters,
        jitter_px=float(np.sqrt((steps**2).sum(-1).mean())) if len(steps) else np.nan,
        swim_px=_swim(luma, points, fit) * clip.factor,
        flicker=_flicker(luma) * clip.factor / SMOOTHED_NOISE,
        fixed=float((told <= still_share * clip.size[1] * clip.factor).mean())
        if len(told)
        else np.nan,
    )


def steadied(clip: Working, found: Stability) -> Working:
    """Return the clip with the camera's motion taken out, so that only things move in it.

    Frames within a quarter of a working pixel are left as they are, and those of another view.
    """
    moved = np.abs(displacement(found.motion, clip.size)).max((1, 2)) > _STEADY_PX
    frames = np.flatnonzero(moved & np.isfinite(found.shift_px))
    if not len(frames):
        return clip
    h, w = clip.size
    y, x = np.mgrid[:h, :w].astype(float)
    pixels = clip.pixels.copy()
    for frame in frames:
        at_x, at_y = carried(x, y, found.motion[frame], clip.size)
        for channel in range(3):
            pixels[frame, ..., channel] = ndimage.map_coordinates(
                clip.pixels[frame, ..., channel], (at_y, at_x), order=1, mode="nearest"
            )
    return replace(clip, pixels=pixels)


def _swim(luma: Float32[np.ndarray, "t h w"], points: Points, fit: Fit) -> float:
    """Return the 95th percentile of what cells move by on their own, in working pixels."""
    local = np.zeros((len(luma), int(points.cell[-1]) + 1, 2))
    for _ in range(_CELL_STEPS):
        residual, inside = residuals(luma, points, fit.parameters, local[:, points.cell])
        weights = tukey(residual, inside)
        local = local + _cell_steps(points, weights, residual)
    residual, inside = residuals(luma, points, fit.parameters, local[:, points.cell])
    weights = tukey(residual, inside)
    counts = by_cell(points, np.ones_like(weights))
    variance = by_cell(points, weights * residual**2) / np.maximum(by_cell(points, weights), 1)
    covariance = np.linalg.inv(_cell_normal(points, weights))
    error = np.sqrt(variance * np.trace(covariance, axis1=2, axis2=3))
    agreeing = by_cell(points, (weights > 0).astype(float)) / counts
    still = (error < _MAX_CELL_ERROR_PX) & (agreeing > _MIN_CELL_AGREEING)
    lengths = np.hypot(local[..., 0], local[..., 1])[1:][still[1:]]
    return float(np.percentile(lengths, 95)) if len(lengths) else np.nan


def _cell_normal(points: Points, weights: Float[np.ndarray, "t n"]) -> Float[np.ndarray, "t c 2 2"]:
    across = by_cell(points, weights * points.dx**2)
    along = by_cell(points, weights * points.dy**2)
    mixed = by_cell(points, weights * (points.dx * points.dy))
    rows = np.stack([across, mixed, mixed, along], axis=-1)
    return rows.reshape(*across.shape, 2, 2) + 1e-3 * np.eye(2)


def _cell_steps(
    points: Points, weights: Float[np.ndarray, "t n"], residual: Float[np.ndarray, "t n"]
) -> Float[np.ndarray, "t c 2"]:
    """Return one Gauss-Newton step of every cell."""
    pull = weights * residual
    right = np.stack([by_cell(points, pull * points.dx), by_cell(points, pull * points.dy)], -1)
    return np.linalg.solve(_cell_normal(points, weights), right[..., None])[..., 0]


def _flicker(luma: Float32[np.ndarray, "t h w"]) -> float:
    """Return the noise of the median pixel of the smoother half of the picture.

    Change from frame to frame, the picture's mean change left aside.
    """
    down, right = np.gradient(luma[0])
    strength = np.abs(down) + np.abs(right)
    change = np.diff(luma[:, strength <= np.median(strength)], axis=0)
    change = change - np.median(change, axis=1, keepdims=True)
    return float(1.4826 / np.sqrt(2) * np.median(np.abs(change)))
