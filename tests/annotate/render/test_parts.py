"""The small pieces: textures, film, sky, shadow filter, bands, compilation."""

import numba
import numpy as np
import pytest

from rareworld.annotate.render import jit
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.geometry import moved_parts, switched_parts
from rareworld.annotate.render.shadow import fit_light, light_axes, share_lit, tiles_hit
from rareworld.annotate.render.sky import film, film_table
from rareworld.annotate.render.texture import bilinear, filtered, mip_levels
from rareworld.annotate.world.model import FrameState

SIDE = 16


@pytest.fixture
def textures():
    random = np.random.Generator(np.random.Philox(1))
    return random.uniform(0, 2, (2, SIDE, SIDE, 3)).astype(np.float32)


def test_every_mip_level_keeps_the_mean(textures):
    made = mip_levels(textures)
    assert made.side.tolist() == [16, 8, 4, 2, 1]
    for start, side in zip(made.start, made.side, strict=True):
        level = made.texels[:, start : start + side**2]
        np.testing.assert_allclose(level.mean(axis=1), textures.mean(axis=(1, 2)), rtol=1e-5)


def test_bilinear_is_exact_at_texel_centres_and_tiles(textures):
    made = mip_levels(textures)
    for x, y, turn in ((0, 0, 0), (5, 11, 3), (15, 15, -2)):
        u, v = (x + 0.5) / SIDE + turn, (y + 0.5) / SIDE - turn
        np.testing.assert_allclose(bilinear(made, 1, 0, u, v), textures[1, y, x], rtol=1e-5)
    middle = bilinear(made, 0, 0, 0.0, 0.5 / SIDE)
    np.testing.assert_allclose(middle, (textures[0, 0, 0] + textures[0, 0, -1]) / 2, rtol=1e-5)


def test_wide_footprint_gives_the_mean_and_a_small_one_the_texel(textures):
    made = mip_levels(textures)
    wide = filtered(made, 0, 0.3, 0.7, 4.0, 0.0, 0.0, 4.0)
    np.testing.assert_allclose(wide, textures[0].mean(axis=(0, 1)), rtol=1e-5)
    small = filtered(made, 0, 3.5 / SIDE, 2.5 / SIDE, 1e-4, 0.0, 0.0, 1e-4)
    np.testing.assert_allclose(small, textures[0, 2, 3], rtol=1e-3)


def test_film_rises_from_black_to_white():
    table = film_table()
    values = [film(table, r) for r in (0.0, 0.01, 0.05, 0.18, 0.5, 1.0, 4.0, 16.0)]
    assert values[0] == 0
    assert values[-1] == 255
    assert values == sorted(values)
    assert 60 < values[3] < 150


def test_light_axes_are_orthonormal_and_point_to_the_light():
    for direction in ((0.3, -0.4, 0.8), (0, 0, 1), (0.9, 0.1, 0.02)):
        axes = light_axes(np.array(direction, float))
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
        np.testing.assert_allclose(axes[2], direction / np.linalg.norm(direction))


def test_shadow_filter_is_the_weighted_mean_of_nine_texels():
    heights = np.zeros((64, 64), np.uint16)
    heights[20:40, 20:40] = 100
    top = np.full((2, 2), 100, np.uint16)
    assert share_lit(heights, top, 30.0, 30.0, 50.0, 0.0, 0.0) == 0
    assert share_lit(heights, top, 30.0, 30.0, 100.0, 0.0, 0.0) == 1
    assert share_lit(heights, top, 10.0, 30.0, 50.0, 0.0, 0.0) == 1
    # a texel centre just outside: one of three columns is covered
    assert share_lit(heights, top, 19.5, 30.5, 50.0, 0.0, 0.0) == pytest.approx(2 / 3)
    assert share_lit(heights, top, 20.0, 30.5, 50.0, 0.0, 0.0) == pytest.approx(0.5)
    assert share_lit(heights, top, -4.0, 30.0, 50.0, 0.0, 0.0) == 1


def test_light_map_covers_what_is_seen():
    random = np.random.Generator(np.random.Philox(2))
    seen = random.uniform([-20, -50, 0], [60, 10, 3], (500, 3))
    made = fit_light(np.array([0.3, -0.4, 0.8]), seen, 256, pad_m=2.0)
    texels = seen @ made.frame.axes.T + made.frame.offset
    assert texels[:, :2].min() >= 8
    assert texels[:, :2].max() <= 248
    assert texels[:, 2].min() >= 1
    assert texels[:, 2].max() <= 65535


def test_tiles_hit_agrees_with_a_slow_twin():
    random = np.random.Generator(np.random.Philox(5))
    dirty = random.uniform(size=(6, 9)) < 0.15
    low = random.uniform(-30, 300, (200, 2))
    boxes = np.concatenate([low, low + random.uniform(-5, 60, (200, 2))], axis=1)
    found = tiles_hit(boxes, dirty, 32)
    pixels = np.kron(dirty, np.ones((32, 32), bool))
    for box, hit in zip(boxes, found, strict=True):
        x0, y0, x1, y1 = (round(float(f)) for f in (*np.floor(box[:2]), *np.ceil(box[2:])))
        if x1 <= x0 or y1 <= y0 or (box[2:] <= box[:2]).any():
            continue
        x0, y0, x1, y1 = x0 // 32 * 32, y0 // 32 * 32, -(-x1 // 32) * 32, -(-y1 // 32) * 32
        twin = pixels[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)].any()
        assert hit == twin


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_bands_cover_every_row_once(threads):
    bands, rows = Bands(threads), []
    bands.over_rows(77, lambda part: rows.extend(range(*part)))
    assert sorted(rows) == list(range(77))
    bands.close()


def test_an_error_in_a_band_reaches_the_caller():
    def fail(rows):
        raise KeyError(rows)

    with pytest.raises(KeyError):
        Bands(2).over_rows(10, fail)


def test_moved_and_switched_parts_are_told_apart():
    eye = np.tile(np.eye(3, 4, dtype=np.float32), (4, 1, 1))
    shifted = eye.copy()
    shifted[[1, 3], 0, 3] = 1
    zero = np.zeros(4, np.uint32)
    before = FrameState(transforms=eye, visible=np.array([1, 1, 1, 0], np.uint8), state=zero)
    lamps = np.array([8, 0, 0, 0], np.uint32)
    now = FrameState(transforms=shifted, visible=np.array([1, 1, 0, 0], np.uint8), state=lamps)
    assert moved_parts(before, now).tolist() == [False, True, True, False]
    assert switched_parts(before, now).tolist() == [True, False, False, False]
    assert moved_parts(None, now).all()


def test_kernels_compile_without_any_cache_folder(monkeypatch):
    def refuse(function):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(jit, "_Cache", refuse)
    twice = jit.kernel(lambda x: x * 2)
    assert twice(21) == 42


def test_cached_code_is_found_again_but_not_after_a_source_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def compiled():
        return jit.kernel(_thrice)

    def hits(function):
        assert function(3) == 9
        return sum(function.stats.cache_hits.values())

    assert hits(compiled()) == 0
    assert hits(compiled()) == 1
    monkeypatch.setattr(jit, "_sources_digest", lambda folder: "another")
    assert hits(compiled()) == 0


def _thrice(x):
    return x * 3
