"""Light scattered by glass: a sum of Gaussians from a pyramid of box-filtered pictures.

Each level halves the one before by 2 x 2 means, is smoothed by the binomial (1 4 6 4 1) / 16 and
brought back between pixel centres; every step passes light on without gain or loss, so what leaves
a lamp arrives around it (`tests/annotate/lens/test_glow.py` holds the sum).
"""

import numpy as np
from jaxtyping import Float32

from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.jit import kernel

FIRST = 4
"""Side in pixels of the squares of the finest level."""
_LEVELS = 5
_WEIGHTS = (0.42, 0.25, 0.16, 0.10, 0.07)
"""Share of each level; glare falls off about with the square of the angle."""
_BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / np.float32(16)


@kernel
def shrink(
    light: Float32[np.ndarray, "h w 3"],
    threshold: float,
    rows: tuple[int, int],
    small: Float32[np.ndarray, "p q 3"],
) -> None:
    """Write the mean light above a threshold in squares of `FIRST` pixels, for rows of squares."""
    height, width = light.shape[0], light.shape[1]
    for row in range(rows[0], rows[1]):
        y1 = min(row * FIRST + FIRST, height)
        for column in range(small.shape[1]):
            x1 = min(column * FIRST + FIRST, width)
            red, green, blue = np.float32(0.0), np.float32(0.0), np.float32(0.0)
            level = np.float32(threshold)
            for y in range(row * FIRST, y1):
                for x in range(column * FIRST, x1):
                    red += max(light[y, x, 0] - level, np.float32(0.0))
                    green += max(light[y, x, 1] - level, np.float32(0.0))
                    blue += max(light[y, x, 2] - level, np.float32(0.0))
            share = np.float32(1.0 / (FIRST * FIRST))
            small[row, column, 0] = red * share
            small[row, column, 1] = green * share
            small[row, column, 2] = blue * share


def small_light(
    light: Float32[np.ndarray, "h w 3"], threshold: float, bands: Bands
) -> Float32[np.ndarray, "p q 3"]:
    """Return the mean light above a threshold in squares; a cut square counts as a whole one."""
    height, width = light.shape[:2]
    small = np.empty((-(-height // FIRST), -(-width // FIRST), 3), np.float32)
    bands.over_rows(len(small), lambda rows: shrink(light, threshold, rows, small))
    return small


def scattered(
    excess: Float32[np.ndarray, "p q 3"], streaks: int = 0
) -> Float32[np.ndarray, "p q 3"]:
    """Return the light of small squares after scattering; the sum is kept but for the borders.

    Args:
        excess: Light that scatters.
        streaks: Lines through each lamp that take half of the light, evenly turned.
    """
    levels = [excess]
    while len(levels) < _LEVELS and min(levels[-1].shape[:2]) > 1:
        levels.append(halved(levels[-1]))
    weights = np.array(_WEIGHTS[: len(levels)])
    weights /= weights.sum()
    out = _smooth(levels[-1]) * np.float32(weights[-1])
    for level, weight in zip(reversed(levels[:-1]), reversed(weights[:-1]), strict=True):
        out = _doubled(out, level.shape[:2]) + _smooth(level) * np.float32(weight)
    return out if not streaks else (out + _starburst(excess, streaks)) / np.float32(2)


def halved(level: Float32[np.ndarray, "p q 3"]) -> Float32[np.ndarray, "r s 3"]:
    """Return 2 x 2 means; beyond the border the last square goes on."""
    padded = np.pad(level, ((0, len(level) % 2), (0, level.shape[1] % 2), (0, 0)), mode="edge")
    columns = padded[:, 0::2] + padded[:, 1::2]
    return (columns[0::2] + columns[1::2]) * np.float32(0.25)


def _doubled(
    level: Float32[np.ndarray, "r s 3"], size: tuple[int, int]
) -> Float32[np.ndarray, "p q 3"]:
    """Return a level at twice the size, between centres: 3/4 of the own, 1/4 of the next square."""
    for axis in (0, 1):
        before = np.concatenate([np.take(level, [0], axis), np.delete(level, -1, axis)], axis)
        after = np.concatenate([np.delete(level, 0, axis), np.take(level, [-1], axis)], axis)
        pair = [level * 0.75 + before * 0.25, level * 0.75 + after * 0.25]
        shape = list(level.shape)
        shape[axis] *= 2
        level = np.stack(pair, axis=axis + 1).reshape(shape).astype(np.float32)
    return level[: size[0], : size[1]]


def _smooth(level: Float32[np.ndarray, "p q 3"]) -> Float32[np.ndarray, "p q 3"]:
    """Return a level after the binomial filter; at the borders the last square goes on."""
    for axis in (0, 1):
        pad = [(0, 0)] * 3
        pad[axis] = (2, 2)
        wide = np.pad(level, pad, mode="edge")
        count = level.shape[axis]
        parts = [
            np.take(wide, range(k, k + count), axis) * weight for k, weight in enumerate(_BINOMIAL)
        ]
        level = np.asarray(np.sum(parts, axis=0, dtype=np.float32))
    return level


_STREAK_STEPS = 24


def _starburst(excess: Float32[np.ndarray, "p q 3"], streaks: int) -> Float32[np.ndarray, "p q 3"]:
    """Return lines through every lamp, fainter with distance."""
    out = np.zeros_like(excess)
    fade = np.exp(-np.abs(np.arange(-_STREAK_STEPS, _STREAK_STEPS + 1)) / 7.0)
    fade /= fade.sum() * streaks
    for line in range(streaks):
        angle = np.pi * (line + 0.15) / streaks
        for step, share in zip(range(-_STREAK_STEPS, _STREAK_STEPS + 1), fade, strict=True):
            across, down = round(step * np.cos(angle)), round(step * np.sin(angle))
            _add_shifted(out, excess, down, across, float(share))
    return out


def _add_shifted(
    out: Float32[np.ndarray, "p q 3"],
    source: Float32[np.ndarray, "p q 3"],
    down: int,
    across: int,
    share: float,
) -> None:
    height, width = source.shape[:2]
    if abs(down) >= height or abs(across) >= width:
        return
    y0, y1 = max(down, 0), height + min(down, 0)
    x0, x1 = max(across, 0), width + min(across, 0)
    moved = source[y0 - down : y1 - down, x0 - across : x1 - across]
    out[y0:y1, x0:x1] += moved * np.float32(share)
