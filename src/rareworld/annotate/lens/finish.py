"""What the camera's processor does last: film curve, colours, sharpening.

The curve is the renderer's (`sky.film_table`), so a lens without effects shows the same colours.
Brightness is BT.709's luma. A gain of saturation fades with the colour's own, as processors do by a
curve over chroma; that ours is a straight line is chosen by eye. Proved in
`tests/annotate/lens/test_finish.py`.
"""

import numpy as np
from jaxtyping import Float32, UInt8

from rareworld.annotate.render.film import dimmed
from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.sky import film

_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722


@helper
def clipped(value: float) -> np.uint8:
    """Return a display value as a byte."""
    return np.uint8(min(max(value + 0.5, 0.0), 255.0))


@helper
def chroma_gain(saturation: float, red: float, green: float, blue: float) -> float:
    """Return the factor of a display colour's distance to grey; never turns one past another."""
    if saturation <= 1.0:
        return saturation
    chroma = (max(red, green, blue) - min(red, green, blue)) / 255.0
    return 1.0 + (saturation - 1.0) * (1.0 - chroma)


@kernel
def tone(
    raw: Float32[np.ndarray, "h w 3"],
    film_table: UInt8[np.ndarray, "n"],
    saturation: float,
    contrast: float,
    rows: tuple[int, int],
    rgb: UInt8[np.ndarray, "h w 3"],
) -> None:
    """Write the display values of a band of rows."""
    plain = saturation == 1.0 and contrast == 0.0
    for y in range(rows[0], rows[1]):
        for x in range(raw.shape[1]):
            k = dimmed(raw[y, x, 0], raw[y, x, 1], raw[y, x, 2])
            r = film(film_table, raw[y, x, 0] * k)
            g = film(film_table, raw[y, x, 1] * k)
            b = film(film_table, raw[y, x, 2] * k)
            if plain:
                rgb[y, x, 0], rgb[y, x, 1], rgb[y, x, 2] = r, g, b
                continue
            luma = _RED * r + _GREEN * g + _BLUE * b
            lift = (luma - 128.0) * contrast + luma
            k = chroma_gain(saturation, float(r), float(g), float(b))
            rgb[y, x, 0] = clipped(lift + (r - luma) * k)
            rgb[y, x, 1] = clipped(lift + (g - luma) * k)
            rgb[y, x, 2] = clipped(lift + (b - luma) * k)


@helper
def luma_at(rgb: UInt8[np.ndarray, "h w 3"], x: int, y: int) -> int:
    """Return 256 times the brightness."""
    red, green, blue = int(rgb[y, x, 0]), int(rgb[y, x, 1]), int(rgb[y, x, 2])
    return 54 * red + 183 * green + 19 * blue


@kernel
def sharpen(
    rgb: UInt8[np.ndarray, "h w 3"],
    strength: float,
    coring: float,
    rows: tuple[int, int],
    out: UInt8[np.ndarray, "h w 3"],
) -> None:
    """Write a band of rows with brightness drawn away from the mean of the four neighbours.

    Differences of up to `coring` are left alone, larger ones count for the rest.
    """
    height, width = rgb.shape[0], rgb.shape[1]
    scale, core = np.float32(strength), np.float32(coring)
    for y in range(rows[0], rows[1]):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            around = (
                luma_at(rgb, x, above) + luma_at(rgb, x, below)
                + luma_at(rgb, left, y) + luma_at(rgb, right, y)
            )  # fmt: skip
            off = np.float32(luma_at(rgb, x, y) - around * 0.25) / np.float32(256.0)
            rest = max(abs(off) - core, np.float32(0.0))
            push = scale * (rest if off > 0.0 else -rest)
            for c in range(3):
                out[y, x, c] = clipped(np.float32(rgb[y, x, c]) + push)
