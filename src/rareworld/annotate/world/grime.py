"""Dirt of the ground as layers of its plan: mottled asphalt, dirty gutters, drips, chipped paint.

Everything is noise shaped by where it gathers: dirt at kerbs (street sweepers leave a strip of
about 0.4 m), drips of oil where vehicles wait, chips where paint lies. Shares are of `GroundMap`.
Proved in tests/annotate/world/test_grime.py.
"""

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage

Layer = Float32[np.ndarray, "s s"]

_FINE = 12
"""Texels per knot beyond which doubling is not seen."""
_GUTTER_M = 0.55
_DRIP_EVERY_M2 = 2.2


def clouds(rng: np.random.Generator, size: int, cells: int) -> Layer:
    """Return smooth noise of mean 0.5 within 0..1: a cubic B-spline through random knots.

    Soft noise is made on a grid half as fine and doubled, which costs a third.
    """
    if size > _FINE * cells:
        half = _spline(rng, (size + 1) // 2, cells)
        return half.repeat(2, axis=0).repeat(2, axis=1)[:size, :size]
    return _spline(rng, size, cells)


def _spline(rng: np.random.Generator, size: int, cells: int) -> Layer:
    coarse = (rng.random((cells + 3, cells + 3)).T - 0.5).astype(np.float32)
    at = np.arange(size) * (cells / size)
    knot = at.astype(np.int64)
    t = (at - knot).astype(np.float32)
    weight = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4,
                       -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6  # fmt: skip
    rows = np.zeros((size, cells + 3), dtype=np.float32)
    for k in range(4):
        rows += weight[k][:, None] * coarse[knot + k]
    columns = np.ascontiguousarray(np.float32(1.6) * rows.T)
    smooth = np.full((size, size), 0.5, dtype=np.float32)
    for k in range(4):
        smooth += weight[k][:, None] * columns[knot + k]
    return np.clip(smooth, 0, 1, out=smooth)


def kerb_distance_m(driven: Bool[np.ndarray, "s s"], step_m: float) -> Layer:
    """Return how far each cell of the carriageway is from its edge (on a grid half as fine)."""
    half = np.asarray(ndimage.distance_transform_edt(driven[::2, ::2]), dtype=np.float32)
    whole = (half * 2 * step_m).repeat(2, axis=0).repeat(2, axis=1)
    return whole[: len(driven), : len(driven)]


def mottled(rng: np.random.Generator, size: int) -> Layer:
    """Return how unevenly a surface has darkened: broad patches, blotches of a metre, specks."""
    broad, blotch = clouds(rng, size, 11), clouds(rng, size, 61)
    speck = rng.random((size, size), dtype=np.float32)
    return 0.15 * broad * broad + 0.20 * np.maximum(blotch - 0.35, 0) + 0.05 * speck


def gutter_dirt(kerb_m: Layer, rng: np.random.Generator) -> Layer:
    """Return what lies along kerbs, thicker in places."""
    size = len(kerb_m)
    thick = 0.15 + 0.6 * clouds(rng, size, 23) + 0.25 * clouds(rng, size, 90)
    return 0.95 * thick * np.exp(-((np.maximum(kerb_m - 0.15, 0) / _GUTTER_M) ** 2))


def drips(oil: Layer, rng: np.random.Generator, step_m: float) -> Layer:
    """Return the oil in lane middles broken up along the way, with single drops."""
    size = len(oil)
    count = int(size * size * step_m**2 / _DRIP_EVERY_M2)
    drop = np.zeros(size * size, dtype=np.float32)
    drop[rng.integers(size * size, size=count)] = rng.uniform(0.4, 1.0, count)
    drop = ndimage.uniform_filter(drop.reshape(size, size), 2) * 3.2
    flow = 0.55 + 0.55 * clouds(rng, size, 34) + 0.35 * clouds(rng, size, 110)
    return oil * (flow + drop)


def chipped(wear: Layer, painted: Bool[np.ndarray, "s s"], rng: np.random.Generator) -> Layer:
    """Return the wear with paint worn further: frost and ploughs chip it everywhere."""
    size = len(wear)
    chips = 0.42 + 0.6 * clouds(rng, size, 160) + 0.5 * (clouds(rng, size, 17) - 0.5)
    return np.where(painted, np.maximum(wear, np.clip(chips, 0, 1)), wear)


def stains(rng: np.random.Generator, size: int) -> Layer:
    """Return the dirt of pavements and lawns: broad shades, blotches, spots."""
    broad, blotch = clouds(rng, size, 16), clouds(rng, size, 75)
    spot = np.maximum(rng.random((size, size), dtype=np.float32) - 0.985, 0) * 14
    return 0.22 * np.maximum(broad - 0.3, 0) + 0.26 * np.maximum(blotch - 0.42, 0) + spot
