"""One pass of optics, glass and sensor: noise against the transfer curve, optics against sums."""

import numpy as np
import pytest

from rareworld.annotate.lens.dice import fill_normal, key_of, normal_table
from rareworld.annotate.lens.glow import FIRST, scattered, small_light
from rareworld.annotate.lens.sensor import Dome, Raw, Scatter, expose, spread_of
from rareworld.annotate.render.bands import Bands
from rareworld.core.seed import Seed

HEIGHT, WIDTH = 120, 160
NONE = Scatter(0.0, 0.0, np.zeros((1, 1, 3), np.float32))
CLEAN = Raw(np.ones(3), 0.0, 0.0, np.zeros(WIDTH, np.float32), np.uint64(1), 0.0)
TABLE = normal_table()


def _dome(passes=1.0):
    return Dome(
        np.full((HEIGHT, WIDTH), passes, np.float32), np.zeros((0, 0), np.float32), np.zeros(3)
    )


def _expose(light, *, spread=None, scatter=NONE, dome=None, raw=CLEAN, last=None, threads=2):
    height, width = light.shape[:2]
    chosen = spread or spread_of(0.0, 0.0, width, height)
    out = np.zeros_like(light) if last is None else last.copy()
    bands = Bands(threads)

    def band(rows):
        ring = np.empty((7, 3, width), np.float32)
        work, weights = np.empty((5, width), np.float32), np.empty((3, 7), np.float32)
        expose(light, chosen, scatter, dome or _dome(), raw, TABLE, rows, ring, work, weights, out)

    bands.over_rows(height, band)
    bands.close()
    return out


def _flat(value):
    return np.full((HEIGHT, WIDTH, 3), value, np.float32)


def _random_light(seed=3):
    random = np.random.Generator(np.random.Philox(seed))
    return random.uniform(0, 1, (HEIGHT, WIDTH, 3)).astype(np.float32)


def test_without_effects_light_passes_unchanged():
    light = _random_light()
    np.testing.assert_array_equal(_expose(light), light)


@pytest.mark.parametrize("gain", [1.0, 4.0, 16.0, 48.0])
@pytest.mark.parametrize("signal", [0.05, 0.4])
def test_noise_variance_follows_gain_within_two_percent(gain, signal):
    well, read_e = 9000.0, 5.0
    raw = CLEAN._replace(shot=gain / well, read=gain * read_e / well)
    found = [
        _expose(_flat(signal + 1.0), raw=raw._replace(key=key_of(Seed(1).child("noise", k))))
        for k in range(8)
    ]
    expected = gain / well * (signal + 1.0) + (gain * read_e / well) ** 2
    assert np.var(found) == pytest.approx(expected, rel=0.02)
    assert np.mean(found) == pytest.approx(signal + 1.0, rel=2e-3)


def test_noise_is_white_over_pixels_colours_and_frames():
    raw = CLEAN._replace(read=0.01)
    one = _expose(_flat(1.0), raw=raw._replace(key=key_of(Seed(1).child("noise", 0)))) - 1
    two = _expose(_flat(1.0), raw=raw._replace(key=key_of(Seed(1).child("noise", 1)))) - 1
    variance = one.var()
    for other in (two, np.roll(one, 1, 0), np.roll(one, 1, 1), np.roll(one, 1, 2)):
        # 57 600 numbers: four standard deviations of their mean product
        assert abs((one * other).mean()) < 4 * variance / np.sqrt(one.size)


def test_table_is_normal():
    numbers = np.empty(400_000, np.float32)
    fill_normal(TABLE, np.uint64(99), numbers)
    assert numbers.mean(dtype=float) == pytest.approx(0, abs=0.006)
    assert numbers.var(dtype=float) == pytest.approx(1, rel=0.01)
    assert (np.abs(numbers) > 2).mean() == pytest.approx(0.0455, rel=0.04)
    assert (TABLE.astype(float) ** 2).mean() == pytest.approx(1, abs=1e-6)


def test_optics_spread_a_point_as_the_gaussian_says_and_keep_its_light():
    light = _flat(0.0)
    light[60, 80] = 1.0
    found = _expose(light, spread=spread_of(0.8, 0.0, WIDTH, HEIGHT))
    place = np.arange(-3, 4)
    line = np.exp(-0.5 * (place / 0.8) ** 2)
    expected = np.outer(line, line) / line.sum() ** 2
    np.testing.assert_allclose(found[57:64, 77:84, 1], expected, atol=1e-7)
    assert found.sum() == pytest.approx(3.0, rel=1e-6)


def test_borders_repeat_and_even_light_stays_even():
    found = _expose(_flat(0.3), spread=spread_of(1.2, 0.8, WIDTH, HEIGHT))
    np.testing.assert_allclose(found, 0.3, rtol=1e-6)


def test_colours_are_apart_in_proportion_to_the_distance_from_the_centre():
    columns = np.arange(WIDTH, dtype=np.float32)
    light = np.repeat(np.tile(columns, (HEIGHT, 1))[..., None], 3, axis=2)
    found = _expose(light, spread=spread_of(0.0, 1.0, WIDTH, HEIGHT))
    shift = (columns + 0.5 - WIDTH / 2) / np.hypot(WIDTH, HEIGHT) * 2
    inner = slice(5, -5)
    np.testing.assert_allclose(found[60, inner, 0], (columns + shift / 2)[inner], atol=1e-4)
    np.testing.assert_allclose(found[60, inner, 1], columns[inner], atol=1e-4)
    np.testing.assert_allclose(found[60, inner, 2], (columns - shift / 2)[inner], atol=1e-4)
    turned = _expose(np.ascontiguousarray(_wide(light)), spread=spread_of(0.0, 1.0, WIDTH, HEIGHT))
    rows = np.arange(HEIGHT)
    down = (rows + 0.5 - HEIGHT / 2) / np.hypot(WIDTH, HEIGHT) * 2
    np.testing.assert_allclose(turned[5:-5, 80, 0], (rows + down / 2)[5:-5], atol=1e-4)


def _wide(light):
    rows = np.arange(light.shape[0], dtype=np.float32)
    return np.repeat(np.tile(rows[:, None], (1, light.shape[1]))[..., None], 3, axis=2)


def test_bloom_moves_light_and_loses_none():
    light = _flat(0.2)
    light[58:62, 78:82] = (40.0, 30.0, 10.0)
    bands = Bands(1)
    excess = small_light(light, 1.0, bands)
    bands.close()
    found = _expose(light, scatter=Scatter(0.3, 1.0, scattered(excess)))
    # what the pyramid carries past the border of this small picture is the whole difference
    np.testing.assert_allclose(
        found.sum((0, 1), dtype=float), light.sum((0, 1), dtype=float), rtol=0.01
    )
    assert found[60, 80, 0] < light[60, 80, 0]
    assert found[60, 100, 0] > light[60, 100, 0]
    assert HEIGHT % FIRST == WIDTH % FIRST == 0


def test_haze_and_vignette_follow_the_maps():
    hazes = np.full((HEIGHT, WIDTH), 0.25, np.float32)
    dome = Dome(np.full((HEIGHT, WIDTH), 0.5, np.float32), hazes, np.array([0.4, 0.8, 1.2]))
    found = _expose(_flat(1.0), dome=dome)
    np.testing.assert_allclose(found[7, 9], [0.6, 0.7, 0.8], rtol=1e-6)


def test_noise_reduction_keeps_what_is_still_and_drops_what_changed():
    raw = CLEAN._replace(read=0.02, smear=0.6)
    last = _expose(_flat(0.5), raw=CLEAN)
    calm = _expose(_flat(0.5), raw=raw, last=last)
    plain = _expose(_flat(0.5), raw=raw._replace(smear=0.0))
    # a new picture counts 0.4 where it agrees: 0.16 of the variance, a little more for outliers
    assert 0.15 < calm.var() / plain.var() < 0.35
    moved = _expose(_flat(0.9), raw=raw, last=last)
    assert abs(moved.mean() - 0.9) < 0.002


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_bytes_do_not_depend_on_threads(threads):
    light = _random_light()
    raw = CLEAN._replace(shot=0.001, read=0.01)
    every = {"spread": spread_of(0.7, 0.6, WIDTH, HEIGHT), "raw": raw}
    np.testing.assert_array_equal(
        _expose(light, threads=threads, **every), _expose(light, threads=3, **every)
    )
