"""What lies on the glass: corners darker by cos^4, dirt, drops of rain.

A dome is centimetres away and far out of focus, so everything on it has soft borders. A drop is a
strong lens: it shows a wide view of the scene, small and upside down. Where drops lie at any time
follows from seed and time alone. Proved in `tests/annotate/lens/test_dome.py`.
"""

from typing import final

import numpy as np
from jaxtyping import Float, Float32

from rareworld.annotate.lens.config import DirtConfig, DropsConfig, VignetteConfig
from rareworld.annotate.render.jit import kernel
from rareworld.core.seed import Seed

_REFERENCE_WIDTH = 1920
_SPOT_SHARE = (0.008, 0.05)
_RUN_S = 1.4
_FALL = 0.55
"""Image heights per second squared of a drop that runs."""
_VIEW = 5.0
"""A drop shows a piece of the picture this many times its size."""
_OPAQUE = 0.82


def vignette(
    config: VignetteConfig, rays: Float32[np.ndarray, "h w 2"]
) -> Float32[np.ndarray, "h w"]:
    """Return the share of light that reaches each pixel, by the angle of its ray (x / z, y / z)."""
    square = 1 + (rays.astype(np.float64) ** 2).sum(axis=2)
    return (1 - config.strength * (1 - square**-2)).astype(np.float32)


def dirt(config: DirtConfig, seed: Seed, height: int, width: int) -> Float32[np.ndarray, "h w"]:
    """Return the share of light that dirt takes from each pixel."""
    random = seed.child("dirt").generator()
    clear = np.ones((height, width), np.float32)
    for _ in range(config.count):
        low, high = _SPOT_SHARE
        size = float(low * (high / low) ** random.uniform()) * width
        across, down = random.uniform(0, width), random.uniform(0, height)
        stretch = random.uniform(0.6, 1.6)
        loss = config.strength * random.uniform() ** 2
        _wipe(clear, (across, down), (size * stretch, size / stretch), float(loss))
    return 1 - clear


def _wipe(
    clear: Float32[np.ndarray, "h w"],
    centre: tuple[float, float],
    radii: tuple[float, float],
    loss: float,
) -> None:
    """Darken an ellipse that fades outwards."""
    height, width = clear.shape
    x0, x1 = (int(np.clip(centre[0] + s * radii[0], 0, width)) for s in (-1, 1))
    y0, y1 = (int(np.clip(centre[1] + s * radii[1], 0, height)) for s in (-1, 1))
    x = (np.arange(x0, x1) + 0.5 - centre[0]) / radii[0]
    y = (np.arange(y0, y1) + 0.5 - centre[1]) / radii[1]
    inner = np.clip(1 - (x**2 + y[:, None] ** 2), 0, 1)
    clear[y0:y1, x0:x1] *= (1 - loss * inner * inner * (3 - 2 * inner)).astype(np.float32)


@final
class Rain:
    """Drops on the glass over time."""

    def __init__(self, config: DropsConfig, seed: Seed, height: int, width: int) -> None:
        self._config = config
        self._seed = seed
        self._size = (width, height)
        random = seed.child("drops").generator()
        self._stay_s = config.stay_s * random.uniform(0.5, 1.5, config.count)
        self._phase = random.uniform(0, 1, config.count)
        self._landed: dict[tuple[int, int], Float[np.ndarray, 4]] = {}

    def at(self, time_s: float) -> Float[np.ndarray, "n 4"]:
        """Return (x, y, radius across, radius down) in pixels of every drop at a time."""
        period = self._stay_s + _RUN_S
        turns = time_s / period + self._phase
        count = np.floor(turns).astype(np.int64)
        running_s = np.maximum((turns - count) * period - self._stay_s, 0.0)
        drops = np.array([self._drop(k, int(n)) for k, n in enumerate(count)])
        drops[:, 1] += 0.5 * _FALL * self._size[1] * running_s**2
        drops[:, 3] *= 1 + running_s
        return drops

    def _drop(self, number: int, turn: int) -> Float[np.ndarray, "4"]:
        """Return the drop that one place of the list holds in its n-th turn."""
        found = self._landed.get((number, turn))
        if found is None:
            random = self._seed.child("drop", number, turn).generator()
            place = random.uniform(0, self._size)
            median = self._config.radius_px * self._size[0] / _REFERENCE_WIDTH
            radius = median * np.exp(random.normal(0, 0.45))
            flat = random.uniform(0.8, 1.2)
            found = np.array([*place, radius * flat, radius / flat])
            self._landed[number, turn] = found
        return found


@kernel
def draw_drops(
    drops: Float[np.ndarray, "n 4"],
    small: Float32[np.ndarray, "p q 3"],
    side: int,
    light: Float32[np.ndarray, "h w 3"],
) -> None:
    """Draw drops over a picture; what they show is read from its means in squares of some side."""
    height, width = light.shape[0], light.shape[1]
    high, wide = small.shape[0], small.shape[1]
    for k in range(len(drops)):
        cx, cy, rx, ry = drops[k, 0], drops[k, 1], drops[k, 2], drops[k, 3]
        for y in range(max(int(cy - ry), 0), min(int(cy + ry) + 1, height)):
            for x in range(max(int(cx - rx), 0), min(int(cx + rx) + 1, width)):
                p, q = (x + 0.5 - cx) / rx, (y + 0.5 - cy) / ry
                square = p * p + q * q
                if square >= 1.0:
                    continue
                # towards its rim a drop bends more
                lens = _VIEW * (0.6 + 0.8 * square)
                u = min(max((cx - p * rx * lens) / side - 0.5, 0.0), wide - 1.001)
                v = min(max((cy - q * ry * lens) / side - 0.5, 0.0), high - 1.001)
                i, j = int(u), int(v)
                s, t = u - i, v - j
                fade = min((1.0 - square) * 1.5, 1.0)
                cover = _OPAQUE * fade * fade * (3.0 - 2.0 * fade)
                rim = 1.0 - 0.45 * square
                for c in range(3):
                    above = small[j, i, c] * (1.0 - s) + small[j, i + 1, c] * s
                    below = small[j + 1, i, c] * (1.0 - s) + small[j + 1, i + 1, c] * s
                    shown = (above * (1.0 - t) + below * t) * rim
                    light[y, x, c] += cover * (shown - light[y, x, c])
