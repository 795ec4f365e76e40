"""Exposure and colour of real traffic footage, and how near rendered frames come.

Statistics of display values: what an engineer sees in a histogram. Real clips are those named in
`docs/explain/judged.md`; they are read, never kept.
"""

from pathlib import Path
from typing import Any

import av
import numpy as np
from tools.judge.frames import luma

NAMES = ("mean", "contrast", "dark", "bright", "saturation", "warmth")
SAMPLED = 12
"""Frames taken evenly from a clip."""


def statistics(rgb: np.ndarray) -> dict[str, float]:
    """Return the figures of one image.

    mean and contrast: average and standard deviation of luma; dark and bright: its 1st and 99th
    percentile; saturation: mean of (max - min) / max over pixels that are not black; warmth: mean
    red over mean blue.
    """
    values, light = rgb.reshape(-1, 3).astype(np.float64) / 255, luma(rgb)
    high, low = values.max(axis=1), values.min(axis=1)
    seen = high > 0.05
    mean = values.mean(axis=0)
    return {
        "mean": float(light.mean()),
        "contrast": float(light.std()),
        "dark": float(np.percentile(light, 1)),
        "bright": float(np.percentile(light, 99)),
        "saturation": float(((high - low)[seen] / high[seen]).mean()) if seen.any() else 0.0,
        "warmth": float(mean[0] / max(mean[2], 1e-6)),
    }


def clip_statistics(path: Path) -> dict[str, float]:
    """Return the mean figures of a clip's sampled frames."""
    with av.open(str(path)) as container:
        frames = [
            frame.to_ndarray(format="rgb24")
            for frame in container.decode(container.streams.video[0])
        ]
    picked = [frames[int(k)] for k in np.linspace(0, len(frames) - 1, SAMPLED)]
    rows = [statistics(frame) for frame in picked]
    return {name: float(np.mean([row[name] for row in rows])) for name in NAMES}


def span(rows: list[dict[str, float]]) -> dict[str, tuple[float, float]]:
    """Return the range of each figure over clips."""
    return {
        name: (min(row[name] for row in rows), max(row[name] for row in rows)) for name in NAMES
    }


def outside(row: dict[str, float], limits: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Return the figures of an image outside a range that is widened by a quarter."""
    return {
        name: round(row[name], 3)
        for name, (low, high) in limits.items()
        if not 0.75 * low <= row[name] <= 1.25 * high
    }
