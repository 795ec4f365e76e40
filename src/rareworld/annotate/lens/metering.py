"""Automatic exposure and white balance: pure functions of the frames so far.

Exposure follows the mean of the picture with a time constant, as a camera's control loop does; the
first frame finds it settled. Proved in `tests/annotate/lens/test_metering.py`.
"""

from typing import final

import numpy as np
from jaxtyping import Float, Float32

from rareworld.annotate.lens.config import BalanceConfig, ExposureConfig, SensorConfig
from rareworld.annotate.lens.wander import wander
from rareworld.core.seed import Seed

_LUMA = np.array([0.2126, 0.7152, 0.0722])
_SLOWEST = 4.0
_BRIGHT = 4.0
"""Radiance above which a lamp counts no more, in keys: highlights are spot-limited."""


@final
class Metering:
    """Gain per frame in stops; call once per frame, in order."""

    def __init__(self, config: ExposureConfig | None, frame_s: float) -> None:
        self._config = config
        self._frame_s = frame_s
        self._stops: float | None = None

    def follow(self, small: Float32[np.ndarray, "p q 3"]) -> float:
        """Return the factor for the next frame.

        Args:
            small: Light of the frame, by squares.
        """
        config = self._config
        if config is None:
            return 1.0
        wanted = self._wanted(small, config)
        before = wanted if self._stops is None else self._stops
        slow = config.seconds_up if wanted > before else config.seconds_down
        self._stops = before - (wanted - before) * float(np.expm1(-self._frame_s / slow))
        return float(2.0**self._stops)

    def _wanted(self, small: Float32[np.ndarray, "p q 3"], config: ExposureConfig) -> float:
        light = np.minimum(small.astype(np.float64) @ _LUMA, _BRIGHT * config.key)
        mean = float((light * _centre_weights(*light.shape)).sum())
        off = np.log2(config.key / max(mean, 1e-6)) * config.strength
        return float(np.clip(off, -config.range_ev, config.range_ev))


def _centre_weights(height: int, width: int) -> Float[np.ndarray, "p q"]:
    """Return weights of sum 1, twice as heavy in the middle as at the sides."""
    y, x = (1 + np.sin(np.pi * (np.arange(n) + 0.5) / n) for n in (height, width))
    weights = y[:, None] * x
    return weights / weights.sum()


def balance_gains(
    config: BalanceConfig | None, seed: Seed, time_s: Float[np.ndarray, "t"]
) -> Float[np.ndarray, "t 3"]:
    """Return factors of red, green and blue at some times; their product is 1."""
    if config is None:
        return np.ones((len(time_s), 3))
    rate = 1 / config.period_s
    drift = wander(seed, 2, rate / _SLOWEST, rate).at(time_s) * config.drift
    warmth, tint = config.warmth + drift[:, 0], config.tint + drift[:, 1] / 2
    logs = np.stack([warmth / 2 - tint / 3, tint * 2 / 3, -warmth / 2 - tint / 3], axis=1)
    return np.exp(logs)


def sensor_gain(config: SensorConfig, exposure: float) -> tuple[float, float]:
    """Return the gain at an exposure, and the factor by which the picture stays darker.

    Args:
        config: The sensor.
        exposure: Of the picture, in units of a sunlit white card at 1.
    """
    if config.gain is not None:
        return config.gain, 1.0
    needed = max(exposure / config.base_exposure, 1.0)
    gain = min(needed, config.most_gain)
    return gain, gain / needed
