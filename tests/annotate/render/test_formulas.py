"""Every scalar formula against its paper in numpy, and its limits."""

import math

import numpy as np
import pytest

from annotate.render import twins
from rareworld.annotate.render import compiled, formulas

RANDOM = np.random.Generator(np.random.Philox(12))


@pytest.mark.parametrize("f0", [0.02, 0.04, 0.5, 1.0])
def test_fresnel_is_f0_ahead_and_all_at_grazing(f0):
    assert formulas.schlick(f0, 1.0) == pytest.approx(f0)
    assert formulas.schlick(f0, 0.0) == pytest.approx(1.0)
    for cosine in np.linspace(0, 1, 7):
        expected = f0 + (1 - f0) * (1 - cosine) ** 5
        assert formulas.schlick(f0, float(cosine)) == pytest.approx(expected)


@pytest.mark.parametrize("rough", [0.2, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("tilt_deg", [0.0, 45.0, 75.0])
def test_highlight_sends_out_no_more_than_it_gets(rough, tilt_deg):
    """Radiance times cosine over the half sphere, for light of unit irradiance on a facing card."""
    tilt = np.radians(tilt_deg)
    light = np.array([np.sin(tilt), 0.0, np.cos(tilt)])
    up = (np.arange(60) + 0.5) / 60 * np.pi / 2
    turn = (np.arange(48) + 0.5) / 48 * 2 * np.pi
    u, t = np.meshgrid(up, turn, indexing="ij")
    way = np.stack([np.sin(u) * np.cos(t), np.sin(u) * np.sin(t), np.cos(u)], axis=-1)
    half = twins.unit(way + light)
    lobe = np.array([
        formulas.sun_lobe(rough, 0.04, float(h[2]), float(h @ light)) for h in half.reshape(-1, 3)
    ]).reshape(u.shape)  # fmt: skip
    solid = np.sin(u) * (np.pi / 120) * (np.pi / 24)
    sent = (lobe * light[2] / np.pi * np.cos(u) * solid).sum()
    assert sent <= light[2] * 0.30


def test_hash_is_even_and_does_not_repeat():
    values = [formulas.hash_cell(i, j, 3) for i in range(-20, 20) for j in range(-20, 20)]
    counts, _ = np.histogram(values, bins=16, range=(0, 1))
    assert counts.min() > 65
    assert counts.max() < 140
    assert len(set(values)) > 1595
    grid = np.array(values).reshape(40, 40)
    assert abs(np.corrcoef(grid[:-1].ravel(), grid[1:].ravel())[0, 1]) < 0.08


@pytest.mark.parametrize("cell", [(5, 9, 1), (-70000, 12345, 9), (2**20, -(2**20), 77)])
def test_hash_is_the_same_in_32_bits(cell):
    def wrap(value):
        return (value + 2**31) % 2**32 - 2**31

    x, y, z = cell
    h = wrap(x * 374761393 + y * 668265263 + z * 1274126177)
    h = wrap((h ^ ((h >> 13) & 524287)) * 1103515245)
    h = wrap((h ^ ((h >> 16) & 65535)) * 69069)
    h ^= (h >> 15) & 131071
    assert formulas.hash_cell(*cell) == (h & 16777215) / 16777216
    assert compiled.hash_cell(*cell) == (h & 16777215) / 16777216


def test_noise_is_smooth_within_zero_and_one_and_random_at_whole_numbers():
    line = [formulas.value_noise(0.01 * k - 7, 2.3, 5) for k in range(2000)]
    assert min(line) >= 0
    assert max(line) <= 1
    assert np.abs(np.diff(line)).max() < 0.02
    assert formulas.value_noise(4.0, -3.0, 5) == formulas.hash_cell(4, -3, 5)
    clouds = [formulas.cloud_noise(*place, 2) for place in RANDOM.uniform(-50, 50, (400, 2))]
    assert 0 <= min(clouds) < 0.3 < 0.7 < max(clouds) <= 1
    assert abs(np.mean(clouds) - 0.5) < 0.04


@pytest.mark.parametrize("size", [(64, 128), (96, 256)])
def test_places_in_the_panorama_are_those_documented(size):
    ways = twins.unit(RANDOM.normal(size=(200, 3)) * [1, 1, 0.5])
    ways[:, 2] = np.abs(ways[:, 2])
    rows, columns = twins.place(ways, *size)
    for way, row, column in zip(ways, rows, columns, strict=True):
        found = formulas.panorama_place(*(float(v) for v in way), *size)
        np.testing.assert_allclose(found, (row, column), atol=1e-6)


def test_ambient_polynomial_is_the_documented_sum():
    for normal in twins.unit(RANDOM.normal(size=(20, 3))):
        c = RANDOM.uniform(-0.1, 0.1, 9) + np.eye(9)[0]
        x, y, z = normal
        terms = [1, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
        found = formulas.ambient_value(*(float(v) for v in (*normal, *c)))
        assert found == pytest.approx(float(c @ terms))


@pytest.mark.parametrize("distance", [0.0, 10.0, 300.0])
def test_contrast_falls_to_two_percent_at_the_visual_range(distance):
    left = formulas.clear_air(3.912 / 300, distance)
    assert left == pytest.approx(math.exp(-3.912 * distance / 300))
    assert formulas.clear_air(3.912 / 300, 300.0) == pytest.approx(0.02, abs=1e-4)


def test_water_darkens_porous_ground_and_leaves_smooth_paint():
    assert formulas.wet_albedo(0.12, 0.9, 1.0) < 0.6 * 0.12
    assert formulas.wet_albedo(0.12, 0.9, 0.0) == 0.12
    assert formulas.wet_albedo(0.5, 0.2, 1.0) == 0.5
    shades = [formulas.wet_albedo(0.3, 0.9, k / 10) for k in range(11)]
    assert shades == sorted(shades, reverse=True)


@pytest.mark.parametrize("fill", [0.0, 0.3, 0.6, 1.0])
def test_puddles_fill_the_deepest_hollows_first(fill):
    shares = [formulas.puddle_share(k / 20, fill, 0.5) for k in range(21)]
    assert shares == sorted(shares)
    assert (max(shares) == 0) == (fill == 0)
    if fill == 1.0:
        assert min(shares) > 0.2


def test_snow_and_sand_lie_where_no_wheel_passes():
    for amount in (0.5, 0.8, 1.0):
        covers = [formulas.snow_on_road(amount, k / 10, 0.5)[0] for k in range(11)]
        assert covers == sorted(covers, reverse=True)
        sands = [formulas.sand_on_road(amount, k / 10, 0.5) for k in range(11)]
        assert sands == sorted(sands, reverse=True)
    assert formulas.snow_on_road(1.0, 0.0, 0.5)[0] == 1
    assert formulas.snow_on_road(0.0, 0.0, 0.5)[0] == 0


def test_snow_lies_on_roofs_and_not_on_walls():
    assert formulas.lying_share(1.0, 1.0, 0.5) > 0.9
    assert formulas.lying_share(1.0, 0.0, 0.5) == 0
    assert formulas.lying_share(0.0, 1.0, 0.5) == 0


def test_dirt_grows_towards_the_sills():
    shares = [formulas.dirt_share(0.1 * k, 0.8, 0.5) for k in range(20)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 3 * shares[-1] > 0
    assert formulas.dirt_share(0.2, 0.0, 0.5) == 0


def test_rain_rings_run_outwards_and_fade_within_their_cell():
    slopes = []
    for age in np.arange(0, 4, 0.25):
        grid = [formulas.rain_ring(0.02 * i, 0.02 * j, float(age), 0.4, 7)
                for i in range(0, 20, 2) for j in range(20)]  # fmt: skip
        slopes.append(np.abs(grid).max())
        rim = [formulas.rain_ring(0.0, 0.02 * j, float(age), 0.4, 7) for j in range(20)]
        assert np.abs(rim).max() < 0.02
    assert 0.5 < max(slopes) < 4
    assert min(slopes) < 0.2


def test_ripples_have_no_mean_slope_and_a_deviation_near_one():
    places = RANDOM.uniform(-40, 40, (1500, 2))
    found = np.array([formulas.ripple(x, y, 0.7, 3) for x, y in places])
    assert np.abs(found.mean(axis=0)).max() < 0.08
    assert (found.std(axis=0) > 0.5).all()
    assert (found.std(axis=0) < 1.2).all()


@pytest.mark.parametrize("translucency", [0.0, 0.4, 1.0])
def test_a_leaf_shares_light_between_its_sides(translucency):
    front, back = (formulas.sides_lit(cosine, translucency) for cosine in (0.6, -0.6))
    assert front + back == pytest.approx(0.6)
    assert back == pytest.approx(0.6 * translucency)


def test_rooms_are_met_where_the_slabs_say():
    for _ in range(100):
        u, w = (float(v) for v in RANDOM.uniform(0.1, 2.9, 2))
        du, dw, dn = (float(v) for v in twins.unit(RANDOM.normal(size=3)))
        far, side = formulas.room_wall(u, w, du, dw, abs(dn) + 0.01, 3.0, 3.0, 4.0)
        x, z, deep = u + du * far, w + dw * far, (abs(dn) + 0.01) * far
        walls = {0: deep - 4, 1: min(abs(x), abs(3 - x)), 2: z, 3: z - 3}
        assert walls[side] == pytest.approx(0, abs=1e-9)
        assert -1e-9 <= x <= 3 + 1e-9
        assert -1e-9 <= z <= 3 + 1e-9
        assert deep <= 4 + 1e-9


def test_the_sun_is_white_in_its_disc_and_gone_two_degrees_away():
    assert formulas.sun_disc(1.0) > 50
    assert formulas.sun_disc(math.cos(math.radians(0.5))) < 1
    assert formulas.sun_disc(math.cos(math.radians(3.2))) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(compiled.plain_formulas()))
def test_compiled_formulas_are_the_plain_ones(name):
    plain = compiled.plain_formulas()[name]
    kinds = [kind for key, kind in plain.__annotations__.items() if key != "return"]
    random = np.random.Generator(np.random.Philox(4))
    for _ in range(20):
        values = [
            int(random.integers(1, 9)) if kind is int else float(random.uniform(0.02, 0.98))
            for kind in kinds
        ]
        np.testing.assert_allclose(
            compiled.built(lambda made: made)[name](*values), getattr(compiled, name)(*values),
            rtol=1e-9, atol=1e-12,
        )  # fmt: skip
