"""Registration of every frame to the first, on pixels of strong gradient that do not move.

Translation, rotation and zoom, with gain and offset of brightness, by Gauss-Newton (Lucas & Kanade
1981; the first frame's gradients serve all frames, as in Baker & Matthews 2004), started from no
motion and from phase correlation (Kuglin & Hines 1975). Tukey's biweight leaves moving things out.
All frames are fitted at once. Proved in `tests/evaluate/fixed_camera/test_stability.py`.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

GRID = (4, 6)
"""Cells down and across; each gives the same number of pixels."""
_POINTS = 2400
"""Pixels used: enough for 0.01 px, few enough for milliseconds."""
_BLOCKS = 4
_STEPS = 5
_COARSE = 4
_COARSE_POINTS = 480
_COARSE_BLOCKS = 2
_COARSE_STEPS = 8
_ROUNDING = 1 / 12
"""Variance of a grey level that is rounded."""
_ENLARGED = np.array([_COARSE] * 4 + [1, 1])
_NO_TURN = (1, 1, 0, 0, 1, 1)
"""Far from the answer, zoom and turn would follow large moving things."""
_DOUBTFUL = 1.5
"""A frame that fits so much worse than the median frame is tried again from no motion."""
_MISFIT = 6.0
"""Grey levels past which a pixel does not fit, however much."""
_TUKEY = 4.685
"""Tuning for 95 % efficiency under Gaussian noise (Holland & Welsch 1977)."""
_QUANTILE = 0.3853
"""Standard normal: 30 % lie nearer. Traffic may then hide half of the points and more."""
_MIN_SCALE = 1.0
"""Grey levels: below this, residuals are rounding."""

Array = Float[np.ndarray, "..."]


@final
@dataclass(frozen=True)
class Points:
    """Pixels of strong gradient in the first frame: place, value and slopes."""

    x: Float32[np.ndarray, "n"]
    y: Float32[np.ndarray, "n"]
    value: Float32[np.ndarray, "n"]
    dx: Float32[np.ndarray, "n"]
    dy: Float32[np.ndarray, "n"]
    cell: Int[np.ndarray, "n"]
    """Which cell of the grid it is in."""


@final
@dataclass(frozen=True)
class Fit:
    """Motion (right, down, zoom, turn) and brightness (offset, gain) of every frame."""

    parameters: Float[np.ndarray, "t 6"]
    error_px: Float[np.ndarray, "t"]
    """Standard error of the translation."""
    weights: Float[np.ndarray, "t n"]
    residual: Float[np.ndarray, "t n"]


def strong_points(
    first: Float32[np.ndarray, "h w"], number: int = _POINTS, blocks: int = _BLOCKS
) -> Points:
    """Return about `number` pixels of strong gradient, the same number in every block.

    Blocks (`blocks` x `blocks` in a cell of the grid) are small, so that a vehicle of strong
    contrast has no more points than its share of the picture.
    """
    h, w = first.shape
    down, right = np.gradient(first)
    strength = right**2 + down**2
    strength[:2], strength[-2:], strength[:, :2], strength[:, -2:] = 0, 0, 0, 0
    rows, columns = np.mgrid[:h, :w]
    down_blocks, across = GRID[0] * blocks, GRID[1] * blocks
    row, column = rows * down_blocks // h, columns * across // w
    cell = ((row // blocks) * GRID[1] + column // blocks).ravel()
    block = (row * across + column).ravel()
    order = np.lexsort((-strength.ravel(), block, cell))
    begins = np.flatnonzero(np.diff(block[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
    at = order[rank < max(1, round(number / (down_blocks * across)))]
    y, x = np.divmod(at, w)
    return Points(
        x.astype(np.float32),
        y.astype(np.float32),
        *(values.ravel()[at].astype(np.float32) for values in (first, right, down)),
        cell=cell[at],
    )


def register(luma: Float32[np.ndarray, "t h w"], points: Points) -> Fit:
    """Register every frame to the first, of which `points` are.

    A quarter of the size first, from phase correlation and from no motion, whichever fits better.
    """
    coarse = _quarter(luma)
    few = strong_points(coarse[0], _COARSE_POINTS, _COARSE_BLOCKS)
    still = np.zeros((len(luma), 6))
    shifted = still.copy()
    shifted[:, :2] = phase_shifts(coarse)
    rough = _better(
        *(_gauss_newton(coarse, few, start, _COARSE_STEPS, _NO_TURN) for start in (still, shifted))
    )
    fit = _gauss_newton(luma, points, rough.parameters * _ENLARGED, _STEPS)
    far = np.abs(fit.parameters[:, :4]).max(1) > 1
    again = np.flatnonzero(far | (_misfit(fit) > _DOUBTFUL * np.median(_misfit(fit))))
    if not len(again):
        return fit
    other = _gauss_newton(luma[again], points, still[again], _COARSE_STEPS)
    return _better(fit, _placed(fit, other, again))


def _misfit(fit: Fit) -> Float[np.ndarray, "t"]:
    return np.minimum(np.abs(fit.residual), _MISFIT).mean(1)


def _better(first: Fit, second: Fit) -> Fit:
    """Return, frame by frame, the one that fits better; the first if they are even."""
    wins = np.flatnonzero(_misfit(second) < _misfit(first) - 1e-9)
    taken = Fit(
        second.parameters[wins], second.error_px[wins], second.weights[wins], second.residual[wins]
    )
    return _placed(first, taken, wins)


def _placed(base: Fit, part: Fit, at: Int[np.ndarray, "k"]) -> Fit:
    """Return a fit in which some frames are of another."""
    pairs = (
        (base.parameters, part.parameters),
        (base.error_px, part.error_px),
        (base.weights, part.weights),
        (base.residual, part.residual),
    )
    merged = [whole.copy() for whole, _ in pairs]
    for whole, (_, some) in zip(merged, pairs, strict=True):
        whole[at] = some
    return Fit(*merged)


def _quarter(luma: Float32[np.ndarray, "t h w"]) -> Float32[np.ndarray, "t hq wq"]:
    t, h, w = luma.shape[0], luma.shape[1] // _COARSE, luma.shape[2] // _COARSE
    cut = luma[:, : h * _COARSE, : w * _COARSE]
    return cut.reshape(t, h, _COARSE, w, _COARSE).mean((2, 4))


def _gauss_newton(
    luma: Float32[np.ndarray, "t h w"],
    points: Points,
    parameters: Float[np.ndarray, "t 6"],
    steps: int,
    free: tuple[int, ...] = (1, 1, 1, 1, 1, 1),
) -> Fit:
    """Improve the parameters of all frames at once."""
    jacobian = _jacobian(points, luma.shape[1:]) * free
    squares = (jacobian[:, :, None] * jacobian[:, None, :]).reshape(len(jacobian), -1)
    for _ in range(steps):
        residual, inside = residuals(luma, points, parameters)
        weights = tukey(residual, inside)
        right = (weights * residual) @ jacobian
        parameters = parameters + _solved(_normal(weights, squares), right)
    residual, inside = residuals(luma, points, parameters)
    weights = tukey(residual, inside)
    variance = (weights * residual**2).sum(1) / np.maximum(weights.sum(1) - 6, 1) + _ROUNDING
    covariance = np.linalg.inv(_normal(weights, squares))
    error = np.sqrt(variance * (covariance[:, 0, 0] + covariance[:, 1, 1]))
    return Fit(parameters, error, weights, residual)


def _jacobian(points: Points, size: tuple[int, ...]) -> Float[np.ndarray, "n 6"]:
    """Return how the first frame's values change with each parameter."""
    u, v = _centred(points.x, points.y, size)
    zoom = points.dx * u + points.dy * v
    turn = points.dy * u - points.dx * v
    columns = [points.dx, points.dy, zoom, turn, -np.ones_like(u), -points.value / 128]
    return np.stack(columns, axis=1).astype(float)


def _centred(x: Array, y: Array, size: tuple[int, ...]) -> tuple[Array, Array]:
    """Return coordinates from the middle in half widths: zoom and turn are pixels at the side."""
    h, w = size
    return (x - (w - 1) / 2) / (w / 2), (y - (h - 1) / 2) / (w / 2)


def _normal(weights: Float[np.ndarray, "t n"], squares: Float[np.ndarray, "n 36"]) -> Array:
    """Return J^T W J, made safe where a picture is empty."""
    normal = (weights @ squares).reshape(-1, 6, 6)
    size = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    return normal + np.eye(6) * (1e-9 * size + 1e-3)


def _solved(normal: Array, right: Float[np.ndarray, "t 6"]) -> Float[np.ndarray, "t 6"]:
    """Return a step, no longer than 4 pixels in each parameter of geometry."""
    step = np.linalg.solve(normal, right[..., None])[..., 0]
    longest = np.abs(step[:, :4]).max(1, keepdims=True)
    return step * np.minimum(1.0, 4.0 / np.maximum(longest, 1e-9))


def by_cell(points: Points, values: Float[np.ndarray, "t n"]) -> Float[np.ndarray, "t c"]:
    """Return sums over the points of each cell, which stand together."""
    starts = np.flatnonzero(np.diff(points.cell, prepend=-1))
    return np.add.reduceat(values, starts, axis=1)


def agreement(points: Points, fit: Fit) -> Float[np.ndarray, "t c"]:
    """Return the correlation of every cell of a registered frame with the first frame's."""
    offset, gain = fit.parameters[:, 4:5], fit.parameters[:, 5:6]
    seen = (1 + gain / 128) * points.value + offset - fit.residual
    first = np.broadcast_to(points.value, seen.shape).astype(float)
    counts = by_cell(points, np.ones_like(seen))

    def shared(a: Array, b: Array) -> Array:
        means = by_cell(points, a) / counts, by_cell(points, b) / counts
        return by_cell(points, a * b) / counts - means[0] * means[1]

    spread = np.sqrt(np.maximum(shared(seen, seen) * shared(first, first), 1e-6))
    return shared(seen, first) / spread


def carried(
    x: Array, y: Array, motion: Float[np.ndarray, "6 *s"], size: tuple[int, ...]
) -> tuple[Array, Array]:
    """Return where places of the first frame lie in another, by its motion."""
    u, v = _centred(x, y, size)
    right, down, zoom, turn = motion[:4]
    return x + right + zoom * u - turn * v, y + down + zoom * v + turn * u


def residuals(
    luma: Float32[np.ndarray, "t h w"],
    points: Points,
    parameters: Float[np.ndarray, "t 6"],
    local: Float[np.ndarray, "t n 2"] | None = None,
) -> tuple[Float[np.ndarray, "t n"], Bool[np.ndarray, "t n"]]:
    """Return first frame (brightened as fitted) less the frame at the moved places.

    `local` moves every point further, right and down.
    """
    columns = parameters.T[..., None]
    x, y = carried(points.x, points.y, columns, luma.shape[1:])
    offset, gain = columns[4], columns[5]
    if local is not None:
        x, y = x + local[..., 0], y + local[..., 1]
    seen, inside = _sample(luma, x, y)
    return (1 + gain / 128) * points.value + offset - seen, inside


def _sample(
    luma: Float32[np.ndarray, "t h w"], x: Float[np.ndarray, "t n"], y: Float[np.ndarray, "t n"]
) -> tuple[Float[np.ndarray, "t n"], Bool[np.ndarray, "t n"]]:
    """Return every frame between its pixels (bilinear) and which places lie inside."""
    t, h, w = luma.shape
    inside = (x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1)
    x, y = np.clip(x, 0, w - 1.001), np.clip(y, 0, h - 1.001)
    left, top = x.astype(np.int64), y.astype(np.int64)
    fx, fy = x - left, y - top
    at = left + w * top + (h * w * np.arange(t))[:, None]
    flat = luma.ravel()
    upper = flat[at] * (1 - fx) + flat[at + 1] * fx
    lower = flat[at + w] * (1 - fx) + flat[at + w + 1] * fx
    return upper * (1 - fy) + lower * fy, inside


def tukey(
    residual: Float[np.ndarray, "t n"], inside: Bool[np.ndarray, "t n"]
) -> Float[np.ndarray, "t n"]:
    """Return biweight weights, 0 for what does not belong."""
    small = np.partition(np.abs(residual), residual.shape[1] * 3 // 10, axis=1)
    scale = np.maximum(small[:, residual.shape[1] * 3 // 10] / _QUANTILE, _MIN_SCALE)[:, None]
    ratio = residual / (_TUKEY * scale)
    return np.where(inside & (np.abs(ratio) < 1), (1 - ratio**2) ** 2, 0.0)


def phase_shifts(luma: Float32[np.ndarray, "t h w"]) -> Float[np.ndarray, "t 2"]:
    """Return the (right, down) shift of every frame against the first, in whole pixels.

    The peak of the normalised cross-power spectrum under a Hann window.
    """
    t, h, w = luma.shape
    window = np.hanning(h)[:, None] * np.hanning(w)
    spectra = np.fft.rfft2((luma - luma.mean((1, 2), keepdims=True)) * window)
    cross = spectra * spectra[0].conj()
    peaks = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-6), s=(h, w)).reshape(t, -1)
    down, right = np.divmod(peaks.argmax(1), w)
    wrapped = np.stack([(right + w // 2) % w - w // 2, (down + h // 2) % h - h // 2], axis=1)
    return wrapped.astype(float)


def displacement(
    parameters: Float[np.ndarray, "t 6"], size: tuple[int, int]
) -> Float[np.ndarray, "t 9 2"]:
    """Return the displacement of nine places spread over the picture, in working pixels."""
    h, w = size
    u, v = (axis.ravel() for axis in np.meshgrid([-1, 0, 1], [-h / w, 0, h / w]))
    x, y = (u + 1) * w / 2 - 0.5, v * w / 2 + (h - 1) / 2
    there = carried(x, y, parameters.T[..., None], size)
    return np.stack([there[0] - x, there[1] - y], axis=-1)
