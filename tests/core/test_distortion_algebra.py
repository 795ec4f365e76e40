"""Distortion as a map of the plane: derivative, inverse, symmetry, borders, by closed forms."""

from itertools import product

import numpy as np
import pytest

from rareworld.core.distortion import LEAST_SLOPE, Distortion, distortion_of

RANDOM = np.random.Generator(np.random.Philox(40))
POINTS = RANDOM.uniform(-0.7, 0.7, (300, 2))
LENSES = {
    "none": (0.0, 0.0, 0.0, 0.0, 0.0),
    "barrel": (-0.25, 0.06, 0.0, 0.0, 0.0),
    "cushion": (0.15, -0.02, 0.0, 0.0, 0.001),
    "tilted": (0.0, 0.0, 0.003, -0.004, 0.0),
    "all": (-0.2, 0.05, 0.002, -0.001, -0.004),
}
every = pytest.mark.parametrize("name", LENSES)


def free(name):
    return Distortion(*LENSES[name], reach=np.inf)


def plain(coefficients, x, y):
    """Brown's formula, one point at a time."""
    k1, k2, p1, p2, k3 = coefficients
    r = np.hypot(x, y)
    radial = 1 + k1 * r**2 + k2 * r**4 + k3 * r**6
    return (
        x * radial + 2 * p1 * x * y + p2 * (r**2 + 2 * x**2),
        y * radial + p1 * (r**2 + 2 * y**2) + 2 * p2 * x * y,
    )


def square(half):
    run = np.linspace(-half, half, 41)
    edge = np.full_like(run, half)
    sides = [(run, edge), (run, -edge), (edge, run), (-edge, run)]
    return np.concatenate([np.stack(side, axis=1) for side in sides])


@every
def test_points_go_where_browns_formula_says(name):
    found = free(name).apply(POINTS)
    expected = [plain(LENSES[name], x, y) for x, y in POINTS]
    np.testing.assert_allclose(found, expected, atol=1e-14)


@every
def test_the_middle_stays_and_nearby_nothing_is_stretched(name):
    lens = free(name)
    assert not lens.apply(np.zeros(2)).any()
    np.testing.assert_allclose(lens.jacobian(np.zeros(2)), np.eye(2), atol=1e-15)


@every
def test_the_jacobian_is_the_derivative(name):
    lens, h = free(name), 1e-6
    found = lens.jacobian(POINTS)
    for axis in range(2):
        step = np.eye(2)[axis] * h
        slope = (lens.apply(POINTS + step) - lens.apply(POINTS - step)) / (2 * h)
        np.testing.assert_allclose(found[..., axis], slope, atol=1e-8)


@every
def test_the_jacobian_is_symmetric(name):
    """Brown's map is the gradient of a scalar: mixed derivatives agree."""
    found = free(name).jacobian(POINTS)
    np.testing.assert_allclose(found[:, 0, 1], found[:, 1, 0], atol=1e-15)


@every
def test_inverse_and_map_undo_each_other(name):
    lens = free(name)
    back = lens.invert(lens.apply(POINTS))
    np.testing.assert_allclose(back, POINTS, atol=1e-9)
    np.testing.assert_allclose(lens.apply(lens.invert(POINTS)), POINTS, atol=1e-9)


@every
def test_the_slope_is_that_of_the_radial_curve(name):
    lens = free(name)
    radii, h = np.linspace(0.01, 1.2, 40), 1e-6
    k1, k2, _, _, k3 = LENSES[name]

    def curve(r):
        return r * (1 + k1 * r**2 + k2 * r**4 + k3 * r**6)

    np.testing.assert_allclose(
        lens.slope(radii), (curve(radii + h) - curve(radii - h)) / (2 * h), atol=1e-8
    )


@pytest.mark.parametrize("name", ["barrel", "cushion"])
@pytest.mark.parametrize("angle", [0.3, 1.5, 3.0])
def test_radial_lenses_look_alike_from_all_sides(name, angle):
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    lens = free(name)
    np.testing.assert_allclose(lens.apply(POINTS @ turn.T), lens.apply(POINTS) @ turn.T, atol=1e-14)


def test_swapping_axes_swaps_the_tangential_coefficients():
    one = Distortion(-0.1, 0.02, 0.003, -0.005, 0.0, reach=np.inf)
    other = Distortion(-0.1, 0.02, -0.005, 0.003, 0.0, reach=np.inf)
    np.testing.assert_allclose(one.apply(POINTS)[:, ::-1], other.apply(POINTS[:, ::-1]), atol=1e-15)


@pytest.mark.parametrize("sign", [-1, 1])
def test_barrels_draw_inwards_and_cushions_outwards(sign):
    lens = Distortion(sign * 0.2, 0.0, 0.0, 0.0, 0.0, reach=np.inf)
    before, after = (np.linalg.norm(p, axis=1) for p in (POINTS, lens.apply(POINTS)))
    assert (np.sign(after - before) == sign).all()


@pytest.mark.parametrize("k1", [-0.6, -0.2, -0.05])
def test_a_barrel_folds_where_calculus_says(k1):
    """r + k1 r^3 turns back at r = 1 / sqrt(-3 k1), where it is 2/3 r."""
    lens = Distortion(k1, 0.0, 0.0, 0.0, 0.0, reach=np.inf)
    turn = 1 / np.sqrt(-3 * k1)
    assert lens.fold_radius() == pytest.approx(2 / 3 * turn, abs=1e-3)
    ring = np.array([[1.0, 0.0], [0.0, -1.0], [0.6, 0.8]])
    assert not lens.folds_before(0.98 * turn * ring)
    assert lens.folds_before(1.05 * turn * ring)
    assert np.isnan(lens.invert(np.array([[0.9 * turn, 0.0]]))).all()


def test_what_lies_behind_a_fold_is_not_a_number_and_the_rest_is_unharmed():
    lens = Distortion(-0.6, 0.0, 0.0, 0.0, 0.0, reach=np.inf)
    shown = np.array([[0.1, 0.1], [0.9, 0.0], [0.0, 0.0], [-0.2, 0.3]])
    found = lens.invert(shown)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(lens.apply(found[[0, 2, 3]]), shown[[0, 2, 3]], atol=1e-10)


@pytest.mark.parametrize("half", [0.3, 0.8])
def test_a_lens_is_made_only_for_images_it_does_not_fold(half):
    assert distortion_of((-0.1, 0.0, 0.0, 0.0, 0.0), square(half)) is not None
    assert distortion_of((-2.5, 0.0, 0.0, 0.0, 0.0), square(half)) is None
    assert distortion_of((0.0, 0.0, 0.9, 0.0, 0.0), square(half)) is None


@pytest.mark.parametrize("k1", [-0.1, -0.2])
def test_beyond_its_reach_a_lens_goes_straight_on_without_a_step_or_a_kink(k1):
    """r + k1 r^3 has slope 0.1 at r = sqrt(0.9 / (-3 k1))."""
    lens = distortion_of((k1, 0.0, 0.0, 0.0, 0.0), square(0.4))
    assert lens is not None
    reach = np.sqrt((1 - LEAST_SLOPE) / (-3 * k1))
    assert lens.reach == pytest.approx(reach, abs=1e-3)
    ways = np.array([[1.0, 0.0], [0.6, -0.8]])
    h = 1e-4
    for way in ways:
        inside, at, beyond = (lens.apply((lens.reach + d) * way) for d in (-h, 0.0, h))
        np.testing.assert_allclose(inside, at, atol=2e-5)
        np.testing.assert_allclose(beyond - at, lens.reach_slope * h * way, atol=1e-9)
        radii = [float(np.linalg.norm(lens.apply(r * way))) for r in np.linspace(0, 30, 300)]
        assert (np.diff(radii) > 0).all()


@pytest.mark.parametrize("name", ["none", "cushion"])
def test_a_lens_that_never_flattens_reaches_everywhere(name):
    coefficients = (0.1, 0.0, 0.0, 0.0, 0.0) if name == "cushion" else LENSES[name]
    lens = distortion_of(coefficients, square(0.5))
    assert lens is not None
    assert lens.reach == np.inf
    assert lens.reach_slope == 1.0


def test_shapes_of_points_are_kept():
    lens = free("all")
    for shape in ((2,), (5, 2), (3, 4, 2), (0, 2)):
        points = np.full(shape, 0.2)
        assert lens.apply(points).shape == shape
        assert lens.jacobian(points).shape == (*shape, 2)
        assert lens.invert(points).shape == shape


@every
def test_points_are_moved_one_by_one(name):
    lens = free(name)
    together = lens.apply(POINTS[:20])
    for point, expected in zip(POINTS[:20], together, strict=True):
        np.testing.assert_array_equal(lens.apply(point), expected)
    for i, j in product(range(2), repeat=2):
        alone = [float(lens.jacobian(p)[i, j]) for p in POINTS[:5]]
        np.testing.assert_array_equal(lens.jacobian(POINTS[:5])[:, i, j], alone)
