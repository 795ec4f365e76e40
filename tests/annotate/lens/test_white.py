"""White balance: the locus against published coordinates, grey cards under known light, limits."""

import numpy as np
import pytest

from rareworld.annotate.lens.config import BalanceConfig
from rareworld.annotate.lens.white import (
    RENDERED_K,
    WhiteBalance,
    chroma_of_mired,
    daylight_xy,
    gains_for,
    light_of,
    planckian_xy,
)
from rareworld.annotate.world.materials import MATERIALS
from rareworld.annotate.world.sky_spectrum import LUMINANCE, SRGB_OF_XYZ, WHITE_BALANCE

FRAME_S = 1 / 25
BY_NAME = {one.name: one for one in MATERIALS}
FULL = BalanceConfig(cold_share=1.0, warm_share=1.0, drift=0.0)
HALF = BalanceConfig(cold_share=0.5, warm_share=0.5, drift=0.0)
OFF = BalanceConfig()
ROAD = np.array(BY_NAME["asphalt"].colour)


def card(kelvin: float) -> np.ndarray:
    """Return linear light of a white card of luminance 1 in light of a colour temperature."""
    red, blue = np.exp(chroma_of_mired(np.array([1e6 / kelvin]))[0])
    made = np.array([red, 1.0, blue])
    return made / (made @ LUMINANCE)


def even(colour: np.ndarray, rows: int = 40) -> np.ndarray:
    return np.tile(colour, (rows, 60, 1)).astype(np.float32)


def lit_road(kelvin: float) -> np.ndarray:
    return even(0.3 * card(kelvin) * ROAD / ROAD[1])


def parts(picture: np.ndarray) -> np.ndarray:
    return picture.reshape(-1, 3).astype(float)


# CIE 15:2018, daylight D50, D55, D65, D75; illuminant A and black bodies of Wyszecki & Stiles
DAYLIGHT = [
    (5003.0, 0.34567, 0.35850),
    (5503.0, 0.33242, 0.34743),
    (6504.0, 0.31272, 0.32903),
    (7504.0, 0.29902, 0.31485),
]
BODIES = [(2500.0, 0.4770, 0.4137), (2856.0, 0.4476, 0.4074), (4000.0, 0.3805, 0.3768)]


@pytest.mark.parametrize(("kelvin", "x", "y"), DAYLIGHT)
def test_daylight_has_the_published_chromaticity(kelvin, x, y):
    np.testing.assert_allclose(daylight_xy(np.array([kelvin]))[0], [x, y], atol=2e-4)


@pytest.mark.parametrize(("kelvin", "x", "y"), BODIES)
def test_black_bodies_have_the_published_chromaticity(kelvin, x, y):
    """The matching functions are a fit, good to about 0.002."""
    np.testing.assert_allclose(planckian_xy(np.array([kelvin]))[0], [x, y], atol=0.002)


def test_the_two_pieces_of_daylight_meet():
    np.testing.assert_allclose(*daylight_xy(np.array([6999.99, 7000.01])), atol=1e-3)


def test_the_locus_runs_on_without_jumps_from_red_to_blue():
    chroma = chroma_of_mired(np.arange(-60.0, 441.0, 1.0))
    step = np.diff(chroma, axis=0)
    assert (step[:, 0] > 0).all()
    assert (step[:, 1] < 0).all()
    assert np.abs(step).max() < 0.03


def test_the_renderers_white_is_the_daylight_nearest_to_it():
    """Without the shift that puts white onto the locus, the nearest is the one named."""
    xy = daylight_xy(1e6 / np.arange(100.0, 250.0))
    xyz = np.stack([*xy.T, 1 - xy.sum(axis=1)], axis=1)
    rgb = xyz @ SRGB_OF_XYZ.T * WHITE_BALANCE
    off = np.hypot(*np.log(rgb[:, ::2] / rgb[:, 1:2]).T)
    assert 1e4 / (1 + 0.01 * off.argmin()) == pytest.approx(RENDERED_K, rel=0.02)
    assert off.min() < 0.08
    np.testing.assert_array_equal(chroma_of_mired(np.array([1e6 / RENDERED_K])), 0.0)


@pytest.mark.parametrize("kelvin", [2800.0, 3500.0, 4500.0, 6500.0, 9000.0])
def test_the_light_on_a_road_is_told_from_its_colour(kelvin):
    expected = chroma_of_mired(np.array([1e6 / kelvin]))[0]
    np.testing.assert_allclose(light_of(parts(lit_road(kelvin)), FULL), expected, atol=1e-6)


@pytest.mark.parametrize("kelvin", [2800.0, 4000.0, 7500.0, 9500.0, 20000.0])
def test_a_grey_card_becomes_grey_and_stays_as_bright(kelvin):
    found = card(kelvin) * gains_for(chroma_of_mired(np.array([1e6 / kelvin]))[0], FULL)
    np.testing.assert_allclose(found, 1.0, rtol=1e-9)


@pytest.mark.parametrize("kelvin", [3000.0, 9000.0])
def test_a_share_of_the_cast_is_left(kelvin):
    cast = chroma_of_mired(np.array([1e6 / kelvin]))[0]
    left = card(kelvin) * gains_for(cast, HALF)
    np.testing.assert_allclose(np.log(left[::2] / left[1]), cast / 2, atol=1e-9)


def test_cold_and_warm_light_have_shares_of_their_own():
    warm, cold = chroma_of_mired(np.array([1e6 / 3000, 1e6 / 9000]))
    only_cold = BalanceConfig(cold_share=1.0)
    np.testing.assert_array_equal(gains_for(warm, only_cold), 1.0)
    assert gains_for(cold, only_cold)[0] > 1.05
    only_warm = BalanceConfig(warm_share=1.0)
    np.testing.assert_array_equal(gains_for(cold, only_warm), 1.0)
    assert gains_for(warm, only_warm)[2] > 1.5


@pytest.mark.parametrize(("kelvin", "limit"), [(20000.0, 10000.0), (2350.0, 2500.0)])
def test_beyond_its_range_it_goes_as_far_as_its_end(kelvin, limit):
    expected = gains_for(chroma_of_mired(np.array([1e6 / limit]))[0], FULL)
    # beside the locus: what the steps of its table leave
    found = WhiteBalance(FULL, FRAME_S).follow(lit_road(kelvin))
    np.testing.assert_allclose(found, expected, rtol=0.03)


def test_a_little_green_and_purple_beside_the_locus_goes_too_and_much_stays():
    tint = np.array([0.7, -1.0, 0.7]) / 10
    little, much = (even(0.3 * ROAD / ROAD[1] * np.exp(k * tint)) for k in (0.4, 2.0))
    for picture, left in ((little, 0.0), (much, np.hypot(0.34, 0.34) - 0.12)):
        cast = np.log((picture[0, 0] / ROAD)[::2] / (picture[0, 0] / ROAD)[1])
        gains = np.log(WhiteBalance(FULL, FRAME_S).follow(picture))
        rest = np.hypot(*(cast + gains[::2] - gains[1]))
        assert rest == pytest.approx(left, abs=0.02)


def test_lawns_brick_sky_and_lamps_do_not_mislead_it():
    """Half of the picture is grass or brick, the top is sky, and a lamp shines."""
    scene = even(0.3 * ROAD / ROAD[1], 80)
    grass, brick = scene.copy(), scene.copy()
    grass[20:, :30] = BY_NAME["grass"].colour
    brick[20:, :30] = BY_NAME["brick red"].colour
    for picture in (grass, brick):
        picture[:20] = [0.25, 0.45, 0.9]
        picture[50:54, 40:44] = [9.0, 5.0, 1.0]
        gains = WhiteBalance(FULL, FRAME_S).follow(picture)
        assert np.abs(np.log(gains / WhiteBalance(FULL, FRAME_S).follow(scene))).max() < 0.08


@pytest.mark.parametrize("colour", [[0.0, 0.0, 0.0], [5.0, 5.0, 5.0], [0.01, 0.9, 0.02]])
def test_where_nothing_looks_grey_daylight_is_kept(colour):
    np.testing.assert_allclose(WhiteBalance(FULL, FRAME_S).follow(even(np.array(colour))), 1.0)


def test_a_change_of_light_is_followed_exponentially():
    camera = WhiteBalance(BalanceConfig(cold_share=1.0, warm_share=1.0, seconds=2.0), FRAME_S)
    start, end = chroma_of_mired(np.array([160.0, 250.0]))
    np.testing.assert_allclose(camera.follow(lit_road(6250.0)), gains_for(start, FULL), rtol=1e-6)
    for frame in range(1, 60):
        chroma = end + (start - end) * np.exp(-frame * FRAME_S / 2.0)
        found = camera.follow(lit_road(4000.0))
        np.testing.assert_allclose(found, gains_for(chroma, FULL), rtol=1e-6)


@pytest.mark.parametrize("config", [None, OFF])
def test_off_it_multiplies_by_one_exactly(config):
    blue = even(0.3 * card(15000.0))
    np.testing.assert_array_equal(WhiteBalance(config, FRAME_S).follow(blue), 1.0)
