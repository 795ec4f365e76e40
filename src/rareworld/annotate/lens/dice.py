"""Random numbers for pixels: a hash of key and position, so that any thread may ask for any pixel.

The hash is the finaliser of SplitMix64 (Steele, Lea & Flood, 2014); its 16-bit parts index a table
of the normal distribution's quantiles, scaled to variance 1.
"""

from statistics import NormalDist

import numpy as np
from jaxtyping import Float32

from rareworld.annotate.render.jit import helper, kernel
from rareworld.core.seed import Seed

_SIZE = 65536
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S16, _S32 = (np.uint64(n) for n in (30, 27, 31, 16, 32))
_LOW = np.uint64(0xFFFF)


def normal_table() -> Float32[np.ndarray, "n"]:
    """Return 65536 values whose histogram is the normal distribution, variance 1."""
    normal = NormalDist()
    half = np.array([normal.inv_cdf((k + 0.5) / _SIZE) for k in range(_SIZE // 2, _SIZE)])
    half /= np.sqrt((half**2).mean())
    return np.concatenate([-half[::-1], half]).astype(np.float32)


def key_of(seed: Seed) -> np.uint64:
    """Return the 64-bit key of a seed."""
    return np.uint64(seed.key & 0xFFFFFFFFFFFFFFFF)


@helper
def scramble(key: np.uint64, place: np.uint64) -> np.uint64:
    """Return 64 random bits of a place."""
    z = key + (place + np.uint64(1)) * _STEP
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _SECOND
    return z ^ (z >> _S31)


@helper
def three_normals(
    table: Float32[np.ndarray, "n"], key: np.uint64, place: np.uint64
) -> tuple[np.float32, np.float32, np.float32]:
    """Return three independent normal numbers of a place."""
    bits = scramble(key, place)
    first, second, third = bits & _LOW, (bits >> _S16) & _LOW, (bits >> _S32) & _LOW
    return np.float32(table[first]), np.float32(table[second]), np.float32(table[third])


@kernel
def fill_normal(
    table: Float32[np.ndarray, "n"], key: np.uint64, out: Float32[np.ndarray, "k"]
) -> None:
    """Write a normal number per place."""
    for k in range(len(out)):
        a, _, _ = three_normals(table, key, np.uint64(k))
        out[k] = a
