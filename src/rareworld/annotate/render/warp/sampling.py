"""Well spread random numbers per pixel, the same in every frame.

Correlated multi-jittered points (Kensler 2013, Pixar TM 13-01) with a permutation of our own: any
number of samples of a pixel covers each pair of dimensions evenly, and pairs are shuffled against
each other. Hash: lowbias32 (Wellons 2018). Nothing depends on the frame, so what stands still does
not shimmer. Proved in tests/annotate/render/warp/test_sampling.py.
"""

from typing import no_type_check

import warp as wp

_MIX_A = wp.constant(wp.uint32(0x7FEB352D))
_MIX_B = wp.constant(wp.uint32(0x846CA68B))
_STEP = wp.constant(wp.uint32(0x9E3779B9))
_SPIN = wp.constant(wp.uint32(0x2C1B3C6D))
_DIMENSION = wp.constant(wp.uint32(0x51633E2D))
_COLUMN = wp.constant(wp.uint32(0xA511E9B3))
_ROW = wp.constant(wp.uint32(0x63D83595))
_JITTER = wp.constant(wp.uint32(0xA399D265))


@no_type_check
@wp.func
def mixed(x: wp.uint32) -> wp.uint32:
    """Return a hash of 32 bits."""
    h = x
    h = (h ^ (h >> wp.uint32(16))) * _MIX_A
    h = (h ^ (h >> wp.uint32(15))) * _MIX_B
    return h ^ (h >> wp.uint32(16))


@no_type_check
@wp.func
def unit(x: wp.uint32) -> float:
    """Return a number in [0, 1) from a hash."""
    return float(x >> wp.uint32(8)) * 5.9604645e-8


@no_type_check
@wp.func
def pixel_seed(x: int, y: int, seed: int) -> wp.uint32:
    """Return the seed of a pixel."""
    a = mixed(wp.uint32(x) + _STEP)
    return mixed(a + mixed(wp.uint32(y) + mixed(wp.uint32(seed))))


@no_type_check
@wp.func
def shuffled(index: int, count: int, seed: wp.uint32) -> int:
    """Return where a random permutation of 0..count-1 puts an index; count is below 65537.

    Each step permutes the numbers below the next power of two; it is repeated until the outcome
    lies below `count` (cycle walking, Black & Rogaway 2002).
    """
    mask = wp.uint32(count - 1)
    mask = mask | (mask >> wp.uint32(1))
    mask = mask | (mask >> wp.uint32(2))
    mask = mask | (mask >> wp.uint32(4))
    mask = mask | (mask >> wp.uint32(8))
    i = wp.uint32(index)
    inside = wp.int32(0)
    while inside == 0:
        for turn in range(3):
            key = mixed(seed + wp.uint32(turn))
            i = ((i ^ key) * (key | wp.uint32(1))) & mask
            i = i ^ (i >> wp.uint32(3))
            i = (i * _SPIN + (key >> wp.uint32(16))) & mask
            i = i ^ (i >> wp.uint32(1))
        if i < wp.uint32(count):
            inside = 1
    return int(i)


@no_type_check
@wp.func
def pair(sample: int, count: int, pixel: wp.uint32, dimension: int) -> wp.vec2:
    """Return the place of a sample in the unit square of one pair of dimensions."""
    seed = mixed(pixel + wp.uint32(dimension) * _DIMENSION)
    columns = int(wp.sqrt(float(count)))
    rows = (count + columns - 1) // columns
    s = shuffled(sample, count, seed)
    column = s % columns
    row = s // columns
    sx = shuffled(column, columns, seed * _COLUMN)
    sy = shuffled(row, rows, seed * _ROW)
    jitter = mixed(seed + wp.uint32(s) * _JITTER)
    jx = unit(jitter)
    jy = unit(mixed(jitter + wp.uint32(1)))
    x = (float(sx) + (float(sy) + jx) / float(rows)) / float(columns)
    y = (float(s) + jy) / float(count)
    return wp.vec2(x, y)
