"""Distances against closed forms, scipy, and what the field's programs gave for the same arrays.

The pinned values were made by the programs' own functions on `_sets(1300, 1100, 48)`:
torch-fidelity 0.4.0 `fid_statistics_to_metric` and `kid_features_to_metric`, cd-fvd 0.1.1
`FeatureStats` and its sum with `scipy.linalg.sqrtm`, clean-fid 0.1.35 `frechet_distance`,
videojedi 1.1.0 `mmd_poly`.
"""

from typing import Literal

import numpy as np
import pytest
import scipy.linalg
import torch
from jaxtyping import Float

from rareworld.errors import ConfigError
from rareworld.evaluate.distances import Gaussian, fit, frechet, kernel, root, subset_mmd, within
from rareworld.evaluate.pairs import pair_of
from rareworld.evaluate.protocols import PROTOCOLS, Mmd
from rareworld.evaluate.tables import FeatureTable

KID = Mmd(degree=3, coef0=1.0, unbiased=True)
Array = Float[np.ndarray, "n d"]


def _sets(n: int, m: int, d: int, seed: int = 0) -> tuple[FeatureTable, FeatureTable]:
    draw = np.random.default_rng(seed)
    mix = draw.normal(size=(d, d)) / np.sqrt(d)
    x = draw.normal(size=(n, d)) @ mix
    y = 1.1 * draw.normal(size=(m, d)) @ mix + 0.1
    return FeatureTable.of(x.astype("f4")), FeatureTable.of(y.astype("f4"))


def _part(table: FeatureTable, count: int) -> FeatureTable:
    return FeatureTable.of(np.asarray(table.rows[:count]))


def _by_scipy(a: FeatureTable, b: FeatureTable, ddof: int) -> float:
    x, y = a.rows.astype("f8"), b.rows.astype("f8")
    s1, s2 = np.cov(x.T, ddof=ddof), np.cov(y.T, ddof=ddof)
    cross = np.trace(scipy.linalg.sqrtm(s1 @ s2)).real
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1 + s2) - 2 * cross)


@pytest.mark.parametrize(
    ("protocol", "value"),
    [
        ("fid_torch_fidelity", 1.5959984827550642),
        ("fid_clean", 1.5959984827548652),
        ("fvd_cdfvd", 1.5944058732983346),
    ],
)
def test_numbers_are_those_of_the_programs(protocol: str, value: float) -> None:
    x, y = _sets(1300, 1100, 48)
    found = pair_of(x, y, PROTOCOLS[protocol].distance).value()
    assert found == pytest.approx(value, rel=1e-9)


def test_kid_is_that_of_torch_fidelity_on_its_own_subsets() -> None:
    """Ten subsets, the same that the program draws; all hundred gave 0.033491731007098416."""
    x, y = _sets(1300, 1100, 48)
    ten = Mmd(degree=3, coef0=1.0, unbiased=True, subsets=10)
    assert pair_of(x, y, ten).value() == pytest.approx(0.03411537196368184, rel=1e-9)
    whole = PROTOCOLS["kid_torch_fidelity"].distance
    assert isinstance(whole, Mmd)
    assert (whole.subsets, whole.subset_rows) == (100, 1000)


def test_jedi_is_that_of_videojedi() -> None:
    x, y = _sets(1300, 1100, 48)
    found = pair_of(_part(x, 300), _part(y, 200), PROTOCOLS["jedi"].distance).value()
    assert found == pytest.approx(1.5108146174628814, rel=1e-9)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize(("n", "m", "d"), [(200, 150, 20), (41, 400, 40), (5000, 70, 30)])
def test_frechet_is_scipys(n: int, m: int, d: int, ddof: Literal[0, 1]) -> None:
    x, y = _sets(n, m, d)
    found = frechet(fit(x, ddof), fit(y, ddof))
    assert found == pytest.approx(_by_scipy(x, y, ddof), rel=1e-6)


def _gaussian(mean: Float[np.ndarray, " d"], covariance: Array) -> Gaussian:
    return Gaussian(mean=torch.from_numpy(mean), factor=root(torch.from_numpy(covariance)))


def test_frechet_of_commuting_gaussians_has_a_closed_form() -> None:
    draw = np.random.default_rng(1)
    axes = np.linalg.qr(draw.normal(size=(50, 50)))[0]
    a, b = draw.uniform(0.1, 9, 50), draw.uniform(0.1, 9, 50)
    mean = draw.normal(size=50)
    found = frechet(
        _gaussian(mean, axes @ np.diag(a) @ axes.T), _gaussian(0 * mean, axes @ np.diag(b) @ axes.T)
    )
    expected = (mean**2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert found == pytest.approx(expected, rel=1e-12)


def test_frechet_of_a_scaled_gaussian_is_the_trace_times_the_square_of_the_change() -> None:
    draw = np.random.default_rng(2)
    mix = draw.normal(size=(30, 60))
    covariance = mix.T @ mix  # rank 30 of 60
    zero = np.zeros(60)
    found = frechet(_gaussian(zero, covariance), _gaussian(zero, 4 * covariance))
    assert found == pytest.approx(np.trace(covariance), rel=1e-9)


def test_frechet_is_exact_with_fewer_rows_than_columns() -> None:
    """Rows in orthogonal planes: no overlap, so the traces add up; scipy is off by its roots."""
    draw = np.random.default_rng(3)
    x, y = np.zeros((9, 40)), np.zeros((7, 40))
    x[:, :10], y[:, 20:30] = draw.normal(size=(9, 10)), draw.normal(size=(7, 10))
    a, b = FeatureTable.of(x), FeatureTable.of(y)
    one, two = fit(a, 1), fit(b, 1)
    expected = float((one.mean - two.mean).square().sum()) + one.trace + two.trace
    assert frechet(one, two) == pytest.approx(expected, rel=1e-12)
    assert (one.rank, two.rank) == (8, 6)


@pytest.mark.parametrize(("n", "d"), [(400, 30), (20, 30)])
def test_a_set_has_no_distance_from_itself(n: int, d: int) -> None:
    x, _ = _sets(n, n, d)
    own = fit(x, 1)
    assert abs(frechet(own, own)) < 1e-10 * own.trace


@pytest.mark.parametrize(("n", "m", "d"), [(300, 250, 24), (20, 15, 24), (9000, 40, 8)])
def test_the_quick_way_agrees_with_the_exact_one(n: int, m: int, d: int) -> None:
    x, y = _sets(n, m, d)
    quick = frechet(fit(x, 1, exact=False), fit(y, 1, exact=False), exact=False)
    assert quick == pytest.approx(frechet(fit(x, 1), fit(y, 1)), rel=1e-5)


def test_clips_that_count_twice_are_clips_written_twice() -> None:
    draw = np.random.default_rng(4)
    x = draw.normal(size=(12, 5)).astype("f4")
    table = FeatureTable.of(x, counts=[3, 2, 4, 3])
    often = np.array([2.0, 0.0, 1.0, 3.0])
    written = np.concatenate([x[:3], x[:3], x[5:9], *[x[9:]] * 3])
    one, two = fit(table, 1, clips=often), fit(FeatureTable.of(written), 1)
    assert torch.allclose(one.mean, two.mean)
    assert torch.allclose(one.factor.T @ one.factor, two.factor.T @ two.factor)


def test_a_covariance_needs_two_rows() -> None:
    with pytest.raises(ConfigError, match="at least two rows"):
        fit(FeatureTable.of(np.ones((1, 4))), 1)


def _plain(x: Array, y: Array, coef0: float, degree: int) -> float:
    """KID by its definition, pair by pair."""
    n, m, d = len(x), len(y), x.shape[1]
    xx, yy, xy = ((a @ b.T / d + coef0) ** degree for a, b in ((x, x), (y, y), (x, y)))
    own = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(own - 2 * xy.mean())


def test_kid_of_all_pairs_is_the_definition_where_clips_have_one_picture() -> None:
    x, y = _sets(60, 45, 16)
    expected = _plain(x.rows.astype("f8"), y.rows.astype("f8"), 1.0, 3)
    for same_clip in (True, False):
        kid = Mmd(degree=3, coef0=1.0, unbiased=True, same_clip=same_clip)
        assert pair_of(x, y, kid).value() == pytest.approx(expected, rel=1e-10)


def test_kernel_sums_are_those_of_each_pair_of_clips() -> None:
    draw = np.random.default_rng(5)
    a, b = draw.normal(size=(9, 4)), draw.normal(size=(7, 4))
    tables = FeatureTable.of(a, counts=[4, 2, 3]), FeatureTable.of(b, counts=[5, 2])
    a, b = (table.rows.astype("f8") for table in tables)
    whole = (a @ b.T / 4 + 1) ** 3
    sums = kernel(*tables, KID).sums
    expected = [[whole[i, j].sum() for j in (slice(0, 5), slice(5, 7))]
                for i in (slice(0, 4), slice(4, 6), slice(6, 9))]  # fmt: skip
    assert sums == pytest.approx(np.array(expected), rel=1e-12)


def test_kid_is_unbiased() -> None:
    """Over many pairs of sets of one distribution its mean is zero within four of its errors."""
    draw = np.random.default_rng(6)

    def drawn(count: int) -> FeatureTable:
        return FeatureTable.of(draw.normal(size=(count, 6)) + 0.5)

    values = [pair_of(drawn(9), drawn(14), KID).value() for _ in range(400)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error
    biased = Mmd(degree=3, coef0=1.0, unbiased=False)
    assert pair_of(drawn(9), drawn(14), biased).value() > 20 * error


def test_kid_of_clips_is_unbiased_though_frames_of_a_clip_are_alike() -> None:
    """Counting pairs of frames of one clip makes sets look far apart that are not."""
    draw = np.random.default_rng(7)

    def clips(count: int) -> FeatureTable:
        rows = draw.normal(size=(count, 1, 6)) + 0.1 * draw.normal(size=(count, 5, 6))
        return FeatureTable.of(rows.reshape(-1, 6), counts=[5] * count)

    apart = Mmd(degree=3, coef0=1.0, unbiased=True, same_clip=False)
    sets = [(clips(10), clips(12)) for _ in range(300)]
    values, naive = ([pair_of(x, y, mmd).value() for x, y in sets] for mmd in (apart, KID))
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error
    assert np.mean(naive) > 10 * error


def test_subsets_larger_than_a_set_are_refused_with_the_way_out() -> None:
    x, y = _sets(50, 60, 4)
    with pytest.raises(ConfigError, match="kid_full"):
        subset_mmd(x, y, Mmd(degree=3, coef0=1.0, unbiased=True, subsets=2))


def test_an_unbiased_mmd_of_one_clip_is_refused() -> None:
    table = FeatureTable.of(np.ones((3, 2)), counts=[3])
    alone = Mmd(degree=3, coef0=1.0, unbiased=True, same_clip=False)
    with pytest.raises(ConfigError, match="at least two clips"):
        within(kernel(table, table, alone), table.counts, np.ones(1), alone)
