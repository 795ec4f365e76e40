"""The last steps against numpy."""

import numpy as np
import pytest

from rareworld.annotate.lens.finish import chroma_gain, sharpen, tone
from rareworld.annotate.render.film import develop
from rareworld.annotate.render.sky import film_table

TABLE = film_table()


def _tone(raw, saturation=1.0, contrast=0.0):
    out = np.zeros(raw.shape, np.uint8)
    tone(raw, TABLE, saturation, contrast, (0, len(raw)), out)
    return out


def _raw():
    random = np.random.Generator(np.random.Philox(2))
    return (random.uniform(0, 1.5, (20, 30, 3)) ** 2).astype(np.float32)


def test_film_is_the_renderers():
    raw = _raw()
    place = (np.sqrt(raw.astype(float) / 16) * (len(TABLE) - 1) + 0.5).astype(int)
    found = _tone(raw)
    # the square root is taken in float32 here: one step of the table at most
    assert np.abs(found.astype(int) - TABLE[place].astype(int)).max() <= 1


def test_lamps_far_brighter_than_white_keep_the_renderers_colours():
    raw = np.array([[[14.0, 1.8, 0.5], [0.1, 9.0, 4.0], [900.0, 500.0, 20.0]]], np.float32)
    shown = np.zeros(raw.shape, np.uint8)
    develop(raw, shown, TABLE, (0, 1))
    assert np.array_equal(_tone(raw), shown)
    red = shown[0, 0].astype(int)
    assert red[0] > red[1] + 30 > red[2] + 60


def test_no_saturation_is_grey_and_contrast_turns_around_the_middle():
    grey = _tone(_raw(), saturation=0.0)
    assert (np.ptp(grey, axis=2) == 0).all()
    plain = _tone(_raw()).astype(float)
    luma = plain @ [0.2126, 0.7152, 0.0722]
    assert np.abs(grey[..., 0] - luma).max() <= 0.5 + 1e-6
    strong = _tone(_raw(), saturation=0.0, contrast=0.3).astype(float)[..., 0]
    expected = np.clip(luma + (luma - 128) * 0.3, 0, 255)
    assert np.abs(strong - expected).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("saturation", [0.0, 0.4, 0.9])
def test_less_saturation_draws_every_colour_alike_towards_its_grey(saturation):
    plain = _tone(_raw()).astype(float)
    luma = (plain @ [0.2126, 0.7152, 0.0722])[..., None]
    expected = np.clip(luma + (plain - luma) * saturation, 0, 255)
    assert np.abs(_tone(_raw(), saturation) - expected).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("saturation", [1.1, 1.4, 2.0])
def test_more_saturation_fades_with_the_colours_own(saturation):
    plain = _tone(_raw()).astype(float)
    luma = (plain @ [0.2126, 0.7152, 0.0722])[..., None]
    gain = 1 + (saturation - 1) * (1 - np.ptp(plain, axis=2, keepdims=True) / 255)
    expected = np.clip(luma + (plain - luma) * gain, 0, 255)
    assert np.abs(_tone(_raw(), saturation) - expected).max() <= 0.5 + 1e-6


def test_more_saturation_keeps_the_order_of_colours_and_leaves_grey_and_pure_ones():
    strength = np.arange(256.0)
    stronger = [one * chroma_gain(2.0, 255.0, 255.0 - one, 255.0 - one) for one in strength]
    assert (np.diff(stronger) >= 0).all()
    assert stronger[0] == 0
    assert stronger[-1] == 255
    grey = np.full((4, 5, 3), 0.3, np.float32)
    np.testing.assert_array_equal(_tone(grey, 1.4), _tone(grey))


def test_signals_keep_their_colours_and_white_paint_stays_white():
    """Red, amber and green lenses as rendered, and lane paint in daylight."""
    raw = np.array(
        [[[3.0, 0.12, 0.08], [2.8, 1.55, 0.10], [0.10, 2.3, 1.05], [0.60, 0.60, 0.575]]], np.float32
    )
    plain, vivid = _tone(raw)[0].astype(int), _tone(raw, 1.4)[0].astype(int)
    assert np.abs(vivid[:3] - plain[:3]).max() <= 24
    np.testing.assert_array_equal(vivid[:3].argsort(axis=1), plain[:3].argsort(axis=1))
    assert np.ptp(vivid[3]) <= 6


@pytest.mark.parametrize("coring", [0.0, 6.0])
def test_sharpening_is_the_unsharp_mask_on_luma(coring):
    random = np.random.Generator(np.random.Philox(3))
    rgb = random.integers(90, 160, (12, 17, 3)).astype(np.uint8)
    out = np.zeros_like(rgb)
    sharpen(rgb, 0.5, coring, (0, 12), out)
    luma = (rgb.astype(float) @ [54, 183, 19]) / 256
    wide = np.pad(luma, 1, mode="edge")
    around = (wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]) / 4
    off = luma - around
    rest = np.sign(off) * np.maximum(np.abs(off) - coring, 0)
    expected = np.clip(rgb + 0.5 * rest[..., None], 0, 255)
    assert np.abs(out - expected).max() <= 0.5 + 1e-3


def test_sharpening_of_an_even_picture_changes_nothing():
    rgb = np.full((8, 9, 3), 77, np.uint8)
    out = np.zeros_like(rgb)
    sharpen(rgb, 2.0, 0.0, (0, 8), out)
    np.testing.assert_array_equal(out, rgb)
