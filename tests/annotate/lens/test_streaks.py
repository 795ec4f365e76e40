"""Motion blur against box filters in closed form."""

import numpy as np
import pytest

from rareworld.annotate.lens.streaks import TILE, streaked
from rareworld.annotate.render.bands import Bands

HEIGHT, WIDTH = 96, 200


def _blur(light, flow, depth, shutter=1.0, longest=48, threads=1):
    bands = Bands(threads)
    out = streaked(light, flow, depth, shutter, longest, bands)
    bands.close()
    return out


def _scene(speed, left=80, right=120):
    """A bright near bar that moves over a dark far ground."""
    light = np.full((HEIGHT, WIDTH, 3), 0.1, np.float32)
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    depth = np.full((HEIGHT, WIDTH), 50.0, np.float32)
    light[:, left:right], depth[:, left:right] = 1.0, 20.0
    flow[:, left:right, 0] = speed
    return light, flow, depth


def _box_filtered(row, length):
    """The exact mean of a step picture over a window of some pixels around each centre."""
    fine = np.repeat(row, 100)
    total = np.concatenate([[0.0], np.cumsum(fine)])
    place = (np.arange(len(row)) + 0.5) * 100
    half = length * 100 / 2
    low, high = (np.clip(place + s * half, 0, len(fine)) for s in (-1, 1))
    span = np.interp(high, np.arange(len(total)), total) - np.interp(
        low, np.arange(len(total)), total
    )
    return span / (high - low)


@pytest.mark.parametrize(("speed", "shutter"), [(10, 1.0), (21, 0.5), (30, 0.8), (6.5, 1.0)])
def test_moving_edges_are_the_box_filter_of_the_path(speed, shutter):
    light, flow, depth = _scene(speed)
    found = _blur(light, flow, depth, shutter)[48, :, 0]
    expected = _box_filtered(light[48, :, 0].astype(float), speed * shutter)
    # slices of at most a pixel: half a slice of the step at each end
    assert np.abs(found - expected).max() < 0.9 / (speed * shutter) * 0.75
    assert np.abs(found - expected).mean() < 0.004


def test_whole_picture_in_motion_is_the_box_filter_too():
    random = np.random.Generator(np.random.Philox(4))
    smooth = np.convolve(random.uniform(0, 1, WIDTH + 30), np.ones(31) / 31, "valid")
    light = np.tile(smooth.astype(np.float32)[None, :, None], (HEIGHT, 1, 3))
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[:, :, 0] = 9
    found = _blur(light, flow, np.full((HEIGHT, WIDTH), 9, np.float32))[48, 20:-20, 0]
    window = np.convolve(smooth, np.ones(9) / 9, "same")[20:-20]
    np.testing.assert_allclose(found, window, atol=1e-5)


def test_still_things_beside_a_moving_one_stay_sharp():
    light, flow, depth = _scene(12)
    light[:, 150:] = 0.7
    found = _blur(light, flow, depth)
    np.testing.assert_array_equal(found[:, 132:], light[:, 132:])
    np.testing.assert_array_equal(found[:, :60], light[:, :60])


def test_a_still_thing_in_front_hides_the_streak():
    light, flow, depth = _scene(16)
    light[:, 120:124], depth[:, 120:124], flow[:, 120:124] = 0.4, 5.0, 0.0
    found = _blur(light, flow, depth)
    np.testing.assert_array_equal(found[:, 120:124], light[:, 120:124])
    # and behind it the streak goes on
    assert (found[48, 124:127, 0] > 0.15).all()


def test_slow_motion_sky_and_no_motion_change_nothing():
    light, flow, depth = _scene(0.9)
    flow[:10] = np.nan
    np.testing.assert_array_equal(_blur(light, flow, depth), light)
    np.testing.assert_array_equal(_blur(light, flow * 0, depth), light)


def test_light_is_kept_and_long_streaks_are_cut():
    light, flow, depth = _scene(300)
    found = _blur(light, flow, depth, longest=20)
    touched = np.flatnonzero(np.abs(found[48, :, 0] - light[48, :, 0]) > 1e-6)
    assert touched.min() >= 80 - 11
    assert touched.max() <= 120 + 10
    assert found[48].sum() == pytest.approx(light[48].sum(), rel=1e-3)
    assert TILE * 2 >= 48


def test_bytes_do_not_depend_on_threads():
    light, flow, depth = _scene(13)
    np.testing.assert_array_equal(
        _blur(light, flow, depth, threads=1), _blur(light, flow, depth, threads=3)
    )
