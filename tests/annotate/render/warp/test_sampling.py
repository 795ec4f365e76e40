"""The sample points: each pair of dimensions is covered evenly, whatever their number."""

from typing import no_type_check

import numpy as np
import pytest
import warp as wp

from rareworld.annotate.render.warp.device import start
from rareworld.annotate.render.warp.sampling import pair, pixel_seed, shuffled
from rareworld.annotate.render.warp.shading import sky_weight


@no_type_check
@wp.kernel(enable_backward=False)
def _points(count: int, seed: int, dimension: int, out: wp.array2d[wp.vec2]):
    pixel, sample = wp.tid()
    out[pixel, sample] = pair(sample, count, pixel_seed(pixel, 3, seed), dimension)


@no_type_check
@wp.kernel(enable_backward=False)
def _permuted(count: int, seed: int, out: wp.array[wp.int32]):
    k = wp.tid()
    out[k] = shuffled(k, count, wp.uint32(seed))


@no_type_check
@wp.kernel(enable_backward=False)
def _weights(count: int, out: wp.array[wp.float32]):
    index = wp.tid()
    out[index] = sky_weight(index, count)


def _drawn(count, seed=0, dimension=1, pixels=50) -> np.ndarray:
    start()
    out = wp.zeros((pixels, count), dtype=wp.vec2, device="cpu")
    wp.launch(_points, dim=(pixels, count), inputs=[count, seed, dimension, out], device="cpu")
    return out.numpy()


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16, 37, 64, 256, 1000])
def test_shuffling_is_a_permutation(count) -> None:
    start()
    for seed in (0, 1, 77):
        out = wp.zeros(count, dtype=wp.int32, device="cpu")
        wp.launch(_permuted, dim=count, inputs=[count, seed, out], device="cpu")
        assert sorted(out.numpy()) == list(range(count))


@pytest.mark.parametrize("count", [4, 7, 16, 30, 64])
def test_samples_of_a_pixel_cover_the_square_evenly(count) -> None:
    points = _drawn(count)
    assert points.min() >= 0
    assert points.max() < 1
    # one sample in each of `count` rows, and one in each cell of a coarse grid of columns
    for one in points:
        assert sorted((one[:, 1] * count).astype(int)) == list(range(count))
        columns = np.bincount((one[:, 0] * int(count**0.5)).astype(int))
        assert columns.max() - columns.min() <= 2


def test_samples_are_even_over_pixels_and_of_no_pattern() -> None:
    points = _drawn(1, pixels=4000)[:, 0]
    # uniform: mean 1/2, variance 1/12; four standard errors
    assert np.abs(points.mean(axis=0) - 0.5).max() < 4 * np.sqrt(1 / 12 / 4000)
    assert np.abs(points.var(axis=0) - 1 / 12).max() < 0.006
    assert abs(np.corrcoef(points[:, 0], points[:, 1])[0, 1]) < 4 / np.sqrt(4000)
    assert abs(np.corrcoef(points[1:, 0], points[:-1, 0])[0, 1]) < 4 / np.sqrt(4000)


def test_dimensions_and_seeds_are_independent() -> None:
    base = _drawn(16, seed=1, dimension=1)
    for other in (_drawn(16, seed=2, dimension=1), _drawn(16, seed=1, dimension=2)):
        assert abs(np.corrcoef(base[..., 0].ravel(), other[..., 0].ravel())[0, 1]) < 0.15
    assert np.array_equal(base, _drawn(16, seed=1, dimension=1))


@pytest.mark.parametrize("count", [1, 4, 15, 16, 17, 33, 64])
def test_samples_that_ask_for_the_sky_count_for_those_that_do_not(count) -> None:
    start()
    out = wp.zeros(count, dtype=wp.float32, device="cpu")
    wp.launch(_weights, dim=count, inputs=[count, out], device="cpu")
    weights = out.numpy()
    np.testing.assert_allclose(weights.sum(), count, rtol=1e-6)
    assert np.count_nonzero(weights) == (count if count < 16 else (count + 1) // 2)
