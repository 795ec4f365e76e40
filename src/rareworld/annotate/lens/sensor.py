"""From the light on the dome to raw values: optics, glass, exposure, noise, in one pass.

Optics: a separable point spread and colours drawn apart in proportion to the distance from the
centre (linear between pixels). Sensor: variance = gain / full well x signal + (gain x read noise /
full well)^2, the photon transfer curve (Janesick, Photon Transfer, 2007); pixels differ in
sensitivity, columns in offset. Noise reduction keeps a share of the last picture where the change
is within the noise. Proved in `tests/annotate/lens/test_sensor.py`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64

from rareworld.annotate.lens.dice import three_normals
from rareworld.annotate.lens.glow import FIRST
from rareworld.annotate.render.jit import helper, kernel

RADIUS = 3
"""Pixels on either side that the optics mix in."""
_SMEAR_SIGMAS = 3.0


class Spread(NamedTuple):
    """Point spread and lateral colour."""

    weights: Float32[np.ndarray, "7"]
    """Of the pixels from 3 before to 3 after."""
    columns: Float32[np.ndarray, "3 w"]
    """How far each colour is read to the right, in pixels, by column; at most 1."""
    lines: Float32[np.ndarray, "3 h"]
    """How far it is read downwards, by row."""


class Dome(NamedTuple):
    """What glass and pixels do to light: out = light * passes + haze * hazes."""

    passes: Float32[np.ndarray, "h w"]
    hazes: Float32[np.ndarray, "h w"]
    """Share of scattered light; of no size where the glass is clean."""
    haze: Float64[np.ndarray, "3"]
    """Scattered light of this frame."""


class Scatter(NamedTuple):
    """Light that glows around bright things."""

    share: float
    threshold: float
    small: Float32[np.ndarray, "p q 3"]
    """Where it arrives, in squares of `FIRST` pixels."""


class Raw(NamedTuple):
    """How light becomes numbers."""

    gains: Float64[np.ndarray, "3"]
    """Exposure and white balance."""
    shot: float
    """Variance per signal."""
    read: float
    """Standard deviation at no signal."""
    offsets: Float32[np.ndarray, "w"]
    """Of columns."""
    key: np.uint64
    smear: float
    """Share of the last picture to keep; 0 for the first."""


def spread_of(sigma_px: float, colour_px: float, width: int, height: int) -> Spread:
    """Return a Gaussian spread (0: none), and red and blue apart by some pixels at the corner."""
    place = np.arange(-RADIUS, RADIUS + 1)
    # integrals over pixels of the Gaussian would need erf; its samples differ by under 1 %
    weights = np.exp(-0.5 * (place / max(sigma_px, 1e-3)) ** 2)
    corner = np.hypot(width, height) / 2
    sides = np.array([[0.5], [0.0], [-0.5]]) * colour_px / corner
    return Spread(
        weights=(weights / weights.sum()).astype(np.float32),
        columns=(sides * (np.arange(width) + 0.5 - width / 2)).astype(np.float32),
        lines=(sides * (np.arange(height) + 0.5 - height / 2)).astype(np.float32),
    )


@helper
def mix_row(
    light: Float32[np.ndarray, "h w 3"], y: int, spread: Spread, scatter: Scatter,
    plane: Float32[np.ndarray, "2 w"], out: Float32[np.ndarray, "3 w"],
) -> None:  # fmt: skip
    """Write one row of each colour as the optics mix it sideways, less what scatters."""
    width = light.shape[1]
    row, mixed = plane[0], plane[1]
    w0, w1, w2, w3 = spread.weights[3], spread.weights[4], spread.weights[5], spread.weights[6]
    level, share = np.float32(scatter.threshold), np.float32(scatter.share)
    for c in range(3):
        for x in range(width):
            value = light[y, x, c]
            row[x] = value - share * max(value - level, np.float32(0.0))
        for x in range(3, width - 3):
            mixed[x] = (
                w0 * row[x] + w1 * (row[x - 1] + row[x + 1])
                + w2 * (row[x - 2] + row[x + 2]) + w3 * (row[x - 3] + row[x + 3])
            )  # fmt: skip
        for x in range(width):
            if x < 3 or x >= width - 3:
                total = np.float32(0.0)
                for k in range(-3, 4):
                    total += spread.weights[k + 3] * row[min(max(x + k, 0), width - 1)]
                mixed[x] = total
        out[c, 0] = mixed[0]
        out[c, width - 1] = mixed[width - 1]
        for x in range(1, width - 1):
            d = spread.columns[c, x]
            right, left = max(d, np.float32(0.0)), max(-d, np.float32(0.0))
            out[c, x] = (
                mixed[x] + right * (mixed[x + 1] - mixed[x]) + left * (mixed[x - 1] - mixed[x])
            )


@helper
def line_weights(spread: Spread, y: int, c: int, out: Float32[np.ndarray, "3 7"]) -> None:
    """Write the weights of rows y - 3 .. y + 3 for one colour."""
    d = spread.lines[c, y]
    down, up = max(d, np.float32(0.0)), max(-d, np.float32(0.0))
    total = np.float32(0.0)
    for k in range(7):
        after = spread.weights[k - 1] if k > 0 else np.float32(0.0)
        before = spread.weights[k + 1] if k < 6 else np.float32(0.0)
        out[c, k] = (
            spread.weights[k] * (np.float32(1.0) - down - up) + after * down + before * up
        )  # fmt: skip
        total += out[c, k]
    # what a shifted spread has beyond the seven rows is shared out
    for k in range(7):
        out[c, k] /= total


@helper
def add_lines(
    ring: Float32[np.ndarray, "7 3 w"], weights: Float32[np.ndarray, "3 7"], y: int, height: int,
    out: Float32[np.ndarray, "3 w"],
) -> None:  # fmt: skip
    """Write the weighted sum of the rows around one."""
    for c in range(3):
        a, b, d = ring[max(y - 3, 0) % 7, c], ring[max(y - 2, 0) % 7, c], ring[max(y - 1, 0) % 7, c]
        e = ring[y % 7, c]
        f, g, h = (
            ring[min(y + 1, height - 1) % 7, c],
            ring[min(y + 2, height - 1) % 7, c],
            ring[min(y + 3, height - 1) % 7, c],
        )
        for x in range(out.shape[1]):
            out[c, x] = (
                weights[c, 0] * a[x] + weights[c, 1] * b[x] + weights[c, 2] * d[x]
                + weights[c, 3] * e[x] + weights[c, 4] * f[x] + weights[c, 5] * g[x]
                + weights[c, 6] * h[x]
            )  # fmt: skip


@helper
def add_glow(scatter: Scatter, y: int, out: Float32[np.ndarray, "3 w"]) -> None:
    """Add the scattered light that arrives in a row, between the centres of its squares."""
    small, share = scatter.small, np.float32(scatter.share)
    high, wide = small.shape[0], small.shape[1]
    v = min(max((y + 0.5) / FIRST - 0.5, 0.0), high - 1.0)
    top = min(int(v), max(high - 2, 0))
    low = min(top + 1, high - 1)
    t = np.float32(v - top)
    for x in range(out.shape[1]):
        u = min(max((x + 0.5) / FIRST - 0.5, 0.0), wide - 1.0)
        left = min(int(u), max(wide - 2, 0))
        right = min(left + 1, wide - 1)
        s = np.float32(u - left)
        for c in range(3):
            above = small[top, left, c] + (small[top, right, c] - small[top, left, c]) * s
            below = small[low, left, c] + (small[low, right, c] - small[low, left, c]) * s
            out[c, x] += share * (above + (below - above) * t)


@helper
def read_out(
    lines: Float32[np.ndarray, "3 w"], dome: Dome, raw: Raw, table: Float32[np.ndarray, "n"],
    y: int, out: Float32[np.ndarray, "h w 3"],
) -> None:  # fmt: skip
    """Write the raw values of one row over those of the last frame."""
    width = out.shape[1]
    hazy = len(dome.hazes) > 0
    shot, read = np.float32(raw.shot), np.float32(raw.read)
    dark = read * read
    smear, slack = np.float32(raw.smear), np.float32(_SMEAR_SIGMAS * _SMEAR_SIGMAS)
    for x in range(width):
        noise = three_normals(table, raw.key, np.uint64(y * width + x))
        change = np.float32(0.0)
        level = np.float32(0.0)
        for c in range(3):
            value = lines[c, x] * dome.passes[y, x]
            if hazy:
                value += dome.hazes[y, x] * np.float32(dome.haze[c])
            value *= np.float32(raw.gains[c])
            variance = shot * max(value, np.float32(0.0)) + dark
            value += np.sqrt(variance) * np.float32(noise[c]) + raw.offsets[x]
            value = max(value, np.float32(0.0))
            lines[c, x] = value
            change += (value - out[y, x, c]) ** 2
            level += variance
        keep = np.float32(0.0)
        if smear > 0.0:
            change /= slack * level + np.float32(1e-9)
            keep = smear / (np.float32(1.0) + change * change)
        for c in range(3):
            out[y, x, c] = lines[c, x] + keep * (out[y, x, c] - lines[c, x])


@kernel
def expose(
    light: Float32[np.ndarray, "h w 3"],
    spread: Spread,
    scatter: Scatter,
    dome: Dome,
    raw: Raw,
    table: Float32[np.ndarray, "n"],
    rows: tuple[int, int],
    ring: Float32[np.ndarray, "7 3 w"],
    work: Float32[np.ndarray, "5 w"],
    weights: Float32[np.ndarray, "3 7"],
    out: Float32[np.ndarray, "h w 3"],
) -> None:
    """Write the raw values of a band of rows; `out` holds the last frame's, if any.

    `ring`, `work` and `weights` are memory of the band's own.
    """
    height = light.shape[0]
    lines, plane = work[:3], work[3:]
    done = max(rows[0] - RADIUS, 0)
    for y in range(rows[0], rows[1]):
        while done < min(y + RADIUS + 1, height):
            mix_row(light, done, spread, scatter, plane, ring[done % 7])
            done += 1
        for c in range(3):
            line_weights(spread, y, c, weights)
        add_lines(ring, weights, y, height, lines)
        if scatter.share > 0.0:
            add_glow(scatter, y, lines)
        read_out(lines, dome, raw, table, y, out)
