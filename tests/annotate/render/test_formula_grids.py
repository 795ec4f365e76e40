"""Every scalar formula over grids: an independent twin in numpy, then limits, order and borders."""

import math
from itertools import product

import numpy as np
import pytest

from rareworld.annotate.render import beams, formulas

UNIT = np.linspace(0.0, 1.0, 9)
FINE = np.linspace(0.0, 1.0, 401)
RANDOM = np.random.Generator(np.random.Philox(81))


def step(low, high, x):
    """Hermite's cubic, written as 3 t^2 - 2 t^3 of a clipped share."""
    t = np.clip((np.asarray(x, float) - low) / (high - low), 0, 1)
    return 3 * t**2 - 2 * t**3


def lerp(a, b, share):
    return (1 - share) * np.asarray(a, float) + share * np.asarray(b, float)


def over(function, *axes):
    """Values of a scalar formula on the product of some axes."""
    grid = product(*([float(v) for v in axis] for axis in axes))
    made = np.array([function(*point) for point in grid])
    return made.reshape(*(len(axis) for axis in axes), *made.shape[1:])


def mesh(*axes):
    return np.meshgrid(*axes, indexing="ij")


def shine(f0, cosine):
    return f0 + (1 - f0) * (1 - np.clip(cosine, 0, 1)) ** 5


def shade_of_water(albedo, rough, wetness):
    porous = np.clip((rough - 0.4) / 0.5, 0, 1)
    return albedo * (1 - wetness * porous * (0.62 - 0.5 * albedo))


def on_road_snow(amount, wear, noise):
    return step(0, 0.42, 1.5 * amount - 0.62 * wear - 0.38 * noise)


def lies(amount, up, noise):
    return step(0.25, 0.75, up + 0.3 * noise - 0.15) * step(0, 0.55, 1.35 * amount - 0.55 * noise)


def film_of_dirt(height_m, dirt, noise):
    low = 1 - step(0.25, 1.25, height_m + 0.35 * (noise - 0.5))
    return np.minimum(dirt * (0.08 + low * (0.324 + 0.396 * noise)), 0.92)


TWINS = {
    "mix": (lerp, [(-2, 0.5, 3), (0, 7), UNIT]),
    "schlick": (shine, [(0.0, 0.02, 0.04, 0.6, 1.0), np.linspace(-0.5, 1.5, 21)]),
    "mirror_share": (
        lambda f0, rough, cosine: shine(f0, cosine) * (1 - rough) ** 2,
        [(0.02, 0.05, 0.6), UNIT, UNIT],
    ),
    "wet_albedo": (shade_of_water, [UNIT, UNIT, UNIT]),
    "wet_roughness": (
        lambda rough, wetness: rough - wetness * np.maximum(rough - 0.3, 0),
        [UNIT, UNIT],
    ),
    "puddle_share": (
        lambda hollow, fill, noise: (
            step(-0.03, 0.05, hollow + fill + 0.3 * noise - 1.15) * np.clip(50 * fill, 0, 1)
        ),
        [UNIT, UNIT, UNIT],
    ),
    "lying_share": (lies, [UNIT, np.linspace(-1, 1, 9), UNIT]),
    "sand_on_road": (
        lambda amount, wear, noise: step(-0.1, 0.42, 1.1 * amount - 0.6 * wear - 0.85 * noise),
        [UNIT, UNIT, UNIT],
    ),
    "dirt_share": (film_of_dirt, [np.linspace(0, 3, 13), UNIT, UNIT]),
    "clear_air": (lambda k, d: np.e ** -(k * d), [(0.0, 0.001, 0.02), (0, 1, 50, 900)]),
    "ambient_share": (
        lambda up, seen: ((1 + up) * seen + (1 - up) * (0.35 + 0.65 * seen)) / 2,
        [np.linspace(-1, 1, 9), UNIT],
    ),
    "open_towards": (
        lambda z, seen: seen * np.clip(0.15 + 5 * np.maximum(z, 0), None, 1),
        [np.linspace(-1, 1, 21), UNIT],
    ),
    "sides_lit": (
        lambda c, thin: np.where(c > 0, c * (1 - thin), -c * thin),
        [np.linspace(-1, 1, 11), UNIT],
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_formula_agrees_with_an_independent_twin(name):
    twin, axes = TWINS[name]
    found = over(getattr(formulas, name), *axes)
    np.testing.assert_allclose(found, twin(*mesh(*axes)), atol=1e-12)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-0.3, 0.2), (5.0, 9.0)])
def test_smoothstep_is_hermites_cubic_and_both_spellings_agree(bounds):
    low, high = bounds
    x = np.linspace(low - 1, high + 1, 101)
    ours = over(lambda v: formulas.smoothstep(low, high, v), x)
    np.testing.assert_allclose(ours, step(low, high, x), atol=1e-12)
    np.testing.assert_allclose(over(lambda v: beams.soft_step(low, high, v), x), ours, atol=1e-15)
    # the other way round it falls
    falls = over(lambda v: beams.soft_step(high, low, v), x)
    np.testing.assert_allclose(falls, 1 - ours, atol=1e-12)


def test_smoothstep_has_no_corners():
    h = 1e-5
    for edge in (2.0, 5.0):
        slope = (formulas.smoothstep(2, 5, edge + h) - formulas.smoothstep(2, 5, edge - h)) / h
        assert abs(slope) < 1e-4
    # steepest in the middle: 3 / 2 over the width
    slope = (formulas.smoothstep(2, 5, 3.5 + h) - formulas.smoothstep(2, 5, 3.5 - h)) / (2 * h)
    assert slope == pytest.approx(1.5 / 3, rel=1e-6)


@pytest.mark.parametrize("f0", [0.0, 0.02, 0.055, 0.6, 1.0])
def test_mirrored_share_never_leaves_nought_to_one_and_grows_to_grazing(f0):
    for rough in UNIT:
        shares = [formulas.mirror_share(f0, float(rough), float(c)) for c in UNIT]
        assert shares == sorted(shares, reverse=True)
        assert 0 <= min(shares) <= max(shares) <= 1
    assert formulas.mirror_share(f0, 1.0, 0.3) == 0
    assert formulas.mirror_share(f0, 0.0, 0.3) == formulas.schlick(f0, 0.3)


@pytest.mark.parametrize("rough", [0.0, 0.1, 0.2, 0.5, 1.0])
def test_highlight_is_the_ggx_quotient(rough):
    alpha2 = max(rough**2, 0.02) ** 2
    for nh, lh in product(UNIT, UNIT):
        spread = (nh**2 * (alpha2 - 1) + 1) ** 2
        fitted = 4 * max(lh**2, 0.1) * (rough + 0.5)
        expected = 0.04 * alpha2 / (spread * fitted)
        assert formulas.sun_lobe(rough, 0.04, float(nh), float(lh)) == pytest.approx(expected)


@pytest.mark.parametrize("rough", [0.05, 0.2, 0.5, 1.0])
def test_highlight_peaks_on_the_mirrored_direction_and_is_linear_in_f0(rough):
    lobe = [formulas.sun_lobe(rough, 0.04, float(nh), 0.8) for nh in FINE]
    assert lobe == sorted(lobe)
    assert math.isfinite(lobe[-1])
    once, twice = (formulas.sun_lobe(rough, f0, 0.9, 0.8) for f0 in (0.03, 0.06))
    assert twice == pytest.approx(2 * once)


def test_smoother_surfaces_have_smaller_and_brighter_highlights():
    peaks = [formulas.sun_lobe(r, 0.04, 1.0, 1.0) for r in (0.2, 0.4, 0.6, 0.8)]
    assert peaks == sorted(peaks, reverse=True)
    skirts = [formulas.sun_lobe(r, 0.04, 0.5, 1.0) for r in (0.2, 0.4, 0.6, 0.8)]
    assert skirts == sorted(skirts)


@pytest.mark.parametrize("x", [-3.0, -2.5, -0.0001, 0.0, 0.9999, 7.0, 123456.7])
def test_whole_numbers_below_are_pythons_floor(x):
    assert formulas.whole_below(x) == int(np.floor(x))
    assert isinstance(formulas.whole_below(x), int)


@pytest.mark.parametrize("seed", [0, 5, 91])
def test_value_noise_is_the_tensor_of_smooth_steps(seed):
    for x, y in RANDOM.uniform(-30, 30, (60, 2)):
        i, j = math.floor(x), math.floor(y)
        corners = np.array(
            [[formulas.hash_cell(i + p, j + q, seed) for p in (0, 1)] for q in (0, 1)]
        )
        p, q = step(0, 1, x - i), step(0, 1, y - j)
        expected = np.array([1 - q, q]) @ corners @ np.array([1 - p, p])
        assert formulas.value_noise(float(x), float(y), seed) == pytest.approx(float(expected))


def test_noise_has_no_seams_at_whole_numbers():
    h = 1e-7
    for i, y in product(range(-4, 5), (0.2, 0.8, 3.4)):
        left, right = (formulas.value_noise(i + s * h, y, 3) for s in (-1, 1))
        assert left == pytest.approx(right, abs=1e-6)
        low, high = (formulas.value_noise(y, i + s * h, 3) for s in (-1, 1))
        assert low == pytest.approx(high, abs=1e-6)


def test_clouds_weigh_octaves_to_one_and_turn_each():
    weights = np.array([0.55, 0.30, 0.15])
    for x, y in RANDOM.uniform(-20, 20, (40, 2)):
        octaves = [
            formulas.value_noise(float(x), float(y), 4),
            formulas.value_noise(float(1.62 * x - 1.18 * y), float(1.18 * x + 1.62 * y), 5),
            formulas.value_noise(float(3.1 * x + 2.6 * y), float(3.1 * y - 2.6 * x), 6),
        ]
        assert formulas.cloud_noise(float(x), float(y), 4) == pytest.approx(weights @ octaves)
    # both turns are similarities: columns of equal length at right angles
    for turn in ([[1.62, -1.18], [1.18, 1.62]], [[3.1, 2.6], [-2.6, 3.1]]):
        gram = np.array(turn).T @ np.array(turn)
        np.testing.assert_allclose(gram, gram[0, 0] * np.eye(2), atol=1e-12)


@pytest.mark.parametrize("wetness", [0.1, 0.5, 1.0])
def test_wet_ground_keeps_the_order_of_brightness_and_saturates_colours(wetness):
    shades = [formulas.wet_albedo(float(a), 0.9, wetness) for a in UNIT]
    assert shades == sorted(shades)
    dry = (0.30, 0.12, 0.08)
    red, green, blue = (formulas.wet_albedo(part, 0.9, wetness) for part in dry)
    assert red / blue > dry[0] / dry[2]
    assert red / green > dry[0] / dry[1]


def test_a_film_of_water_never_roughens():
    for rough, wetness in product(UNIT, UNIT):
        found = formulas.wet_roughness(float(rough), float(wetness))
        assert min(rough, 0.3) - 1e-12 <= found <= rough + 1e-12


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0])
def test_snow_on_roads_grows_with_snow_and_shrinks_with_wheels(noise):
    cover = over(lambda a, w: formulas.snow_on_road(a, w, noise)[0], UNIT, UNIT)
    assert (np.diff(cover, axis=0) >= 0).all()
    assert (np.diff(cover, axis=1) <= 0).all()
    amount, wear = mesh(UNIT, UNIT)
    np.testing.assert_allclose(cover, on_road_snow(amount, wear, noise), atol=1e-12)
    slush = over(lambda a, w: formulas.snow_on_road(a, w, noise)[1], UNIT, UNIT)
    assert (np.diff(slush, axis=1) >= 0).all()
    # how grey a track is depends on wheels alone
    np.testing.assert_allclose(slush, np.broadcast_to(slush[:1], slush.shape), atol=0)


@pytest.mark.parametrize(
    ("function", "axes"),
    [
        (lambda h, f, n: formulas.puddle_share(h, f, n), 3),
        (lambda a, u, n: formulas.lying_share(a, u, n), 3),
        (lambda a, w, n: formulas.snow_on_road(a, w, n)[0], 3),
        (lambda a, w, n: formulas.snow_on_road(a, w, n)[1], 3),
        (lambda a, w, n: formulas.sand_on_road(a, w, n), 3),
        (lambda h, d, n: formulas.dirt_share(3 * h, d, n), 3),
        (lambda u, o: formulas.ambient_share(2 * u - 1, o), 2),
        (lambda z, o: formulas.open_towards(2 * z - 1, o), 2),
    ],
)
def test_shares_are_shares(function, axes):
    found = over(function, *[UNIT] * axes)
    assert found.min() >= 0
    assert found.max() <= 1


def test_ambient_is_full_in_the_open_and_less_the_more_is_hidden():
    for up in np.linspace(-1, 1, 9):
        shares = [formulas.ambient_share(float(up), float(o)) for o in UNIT]
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1)
    assert formulas.ambient_share(1.0, 0.0) == 0
    assert formulas.ambient_share(-1.0, 0.0) == pytest.approx(0.35)


def test_the_panorama_is_half_zenith_and_half_horizon_by_the_square_law():
    """Row r's lower edge is at up = 90 (1 - r / rows)^2 degrees."""
    rows, columns = 64, 128
    for edge in (8, 32, 56):
        up = math.pi / 2 * (1 - edge / rows) ** 2
        row, _ = formulas.panorama_place(math.cos(up), 0.0, math.sin(up), rows, columns)
        assert row == pytest.approx(edge - 0.5, abs=1e-6)
    top = formulas.panorama_place(0.0, 0.0, 1.0, rows, columns)[0]
    low = formulas.panorama_place(1.0, 0.0, 0.0, rows, columns)[0]
    assert (top, low) == (0.0, rows - 1.0)
    # below the horizon the lowest row is held
    assert formulas.panorama_place(0.8, 0.0, -0.6, rows, columns)[0] == rows - 1


@pytest.mark.parametrize(
    ("way", "column"), [((1, 0), 0), ((0, 1), 0.25), ((-1, 0), 0.5), ((0, -1), 0.75)]
)
def test_columns_of_the_panorama_run_counter_clockwise_from_east(way, column):
    found = formulas.panorama_place(*(float(v) for v in way), 0.2, 16, 360)[1]
    assert found == pytest.approx(column * 360 - 0.5, abs=1e-6)


def test_ambient_light_is_never_negative():
    for sign in (-1.0, 1.0):
        assert formulas.ambient_value(0.0, 0.0, sign, 0.1, 0, 1.0, 0, 0, 0, 0, 0, 0) >= 0
    assert formulas.ambient_value(0.0, 0.0, -1.0, 0.1, 0, 1.0, 0, 0, 0, 0, 0, 0) == 0


def test_bands_of_the_ambient_polynomial_do_not_touch_its_mean():
    """The mean over all directions is c0 alone: the others are harmonics."""
    ways = RANDOM.normal(size=(4000, 3))
    ways = np.concatenate([ways, -ways, ways[:, [1, 2, 0]], -ways[:, [1, 2, 0]]])
    ways = np.concatenate([ways, ways[:, [1, 2, 0]] * [1, -1, 1]])
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    c = [2.0, 0.1, -0.2, 0.15, 0.1, -0.1, 0.05, 0.1, 0.1]
    values = [formulas.ambient_value(*(float(v) for v in way), *c) for way in ways[::7]]
    assert np.mean(values) == pytest.approx(2.0, abs=0.02)


def test_the_suns_glare_falls_away_from_the_disc():
    angles = np.radians(np.linspace(0, 5, 300))
    glare = [formulas.sun_disc(float(np.cos(a))) for a in angles]
    assert glare == sorted(glare, reverse=True)
    # the disc itself is about half a degree wide
    assert formulas.sun_disc(math.cos(math.radians(0.24))) > 55
    assert formulas.sun_disc(math.cos(math.radians(0.32))) < 1.0


@pytest.mark.parametrize("slopes", [(0.0, 0.0), (0.3, -0.1), (-2.0, 4.0)])
def test_tilted_normals_are_unit_and_stand_on_both_tangents(slopes):
    sx, sy = slopes
    normal = np.array(formulas.tilted(sx, sy))
    assert np.linalg.norm(normal) == pytest.approx(1)
    assert normal @ [1, 0, sx] == pytest.approx(0)
    assert normal @ [0, 1, sy] == pytest.approx(0)
    assert normal[2] > 0


@pytest.mark.parametrize("cell_m", [0.2, 0.4, 1.0])
def test_rings_of_rain_point_away_from_one_place_per_cell(cell_m):
    """Slopes at any two points of a cell meet at the drop: their lines cross there."""
    time_s = 0.37
    spots = (RANDOM.uniform(0.25, 0.75, (300, 2)) + np.array([3, -2])) * cell_m
    slopes = np.array(
        [formulas.rain_ring(*(float(v) for v in s), time_s, cell_m, 9) for s in spots]
    )
    strong = np.hypot(*slopes.T) > 0.05
    assert strong.sum() > 10
    across = np.stack([-slopes[strong, 1], slopes[strong, 0]], axis=1)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    centre, residual, *_ = np.linalg.lstsq(across, (across * spots[strong]).sum(axis=1), rcond=None)
    assert float(residual.sum()) < 1e-12
    inside = centre / cell_m - [3, -2]
    assert (inside > 0.34).all()
    assert (inside < 0.66).all()


@pytest.mark.parametrize("cell", [(0, 0), (4, -3), (11, 8)])
def test_each_cell_is_hit_about_once_a_second(cell):
    """A ring fades to nothing before the next drop falls: lulls are drops."""
    grid = [
        (0.4 * (cell[0] + u), 0.4 * (cell[1] + w)) for u, w in product((0.4, 0.5, 0.6), repeat=2)
    ]
    height = [
        max(np.hypot(*formulas.rain_ring(*spot, float(t), 0.4, 3)) for spot in grid)
        for t in np.arange(0, 20, 0.025)
    ]
    quiet = np.array(height) < 0.03
    lulls = int((quiet[1:] & ~quiet[:-1]).sum())
    assert 14 <= lulls <= 28


@pytest.mark.parametrize("direction", [1.0, -1.0, 0.37, -5.0])
def test_slabs_are_entered_before_they_are_left(direction):
    for origin in np.linspace(-3, 4, 15):
        near, far = formulas.slab(float(origin), direction, 0.0, 1.0)
        assert near <= far
        ends = sorted([origin + direction * near, origin + direction * far])
        np.testing.assert_allclose(ends, [0, 1], atol=1e-9)


def test_rays_along_a_slab_are_inside_for_ever_or_never():
    near, far = formulas.slab(0.5, 0.0, 0.0, 1.0)
    assert near < -1e6
    assert far > 1e6
    near, far = formulas.slab(2.0, 0.0, 0.0, 1.0)
    assert far < -1e6 or near > 1e6


def test_waves_on_water_move_but_stay_of_one_height():
    """Slopes are sums of three cosines with weights that bound them."""
    most = np.array([0.62 + 0.36 + 0.45, 0.40 + 0.90 + 0.38])
    found = np.array([
        formulas.ripple(*(float(v) for v in place), float(t), 4)
        for place in RANDOM.uniform(-30, 30, (80, 2)) for t in (0.0, 0.4, 9.0)
    ])  # fmt: skip
    assert (np.abs(found) <= most).all()
    still, later = (formulas.ripple(1.0, 2.0, t, 4) for t in (0.0, 0.4))
    assert still != later
