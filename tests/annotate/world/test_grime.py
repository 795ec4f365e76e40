"""Dirt of the ground: where each layer gathers and how much there is of it."""

import numpy as np
import pytest

from rareworld.annotate.world.grime import (
    chipped,
    clouds,
    drips,
    gutter_dirt,
    kerb_distance_m,
    mottled,
    stains,
)

SIZE = 400


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize("cells", [11, 33, 34, 90])
def test_clouds_fill_the_square_smoothly(cells):
    """Mean 0.5; neighbours differ by less than a knot's slope, doubled where texels are."""
    made = clouds(rng(), SIZE, cells)
    assert made.shape == (SIZE, SIZE)
    assert made.dtype == np.float32
    assert 0 <= made.min() < made.max() <= 1
    assert made.mean() == pytest.approx(0.5, abs=0.1)
    doubled = 2 if 12 * cells < SIZE else 1
    assert np.abs(np.diff(made, axis=0)).max() < 2.5 * cells / SIZE * doubled


def test_clouds_are_the_b_spline_through_their_knots():
    """Against the recursion of de Boor at single texels."""
    cells, made = 50, clouds(np.random.default_rng(2), SIZE, 50)
    knots = np.random.default_rng(2).random((cells + 3, cells + 3))
    blend = np.array([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]]) / 6
    for row, column in ((0, 0), (17, 391), (200, 123)):
        at = np.array([row, column]) * cells / SIZE
        k = at.astype(int)
        w = [np.array([1, t, t**2, t**3]) @ blend for t in at - k]
        value = w[0] @ knots[k[0] : k[0] + 4, k[1] : k[1] + 4] @ w[1]
        assert made[row, column] == pytest.approx(
            np.clip(0.5 + 1.6 * (value - 0.5), 0, 1), abs=1e-4
        )


def test_distance_to_the_kerb_is_that_to_the_nearest_cell_off_the_road():
    driven = np.zeros((SIZE, SIZE), dtype=np.bool_)
    driven[100:301] = True
    away = kerb_distance_m(driven, 0.15)
    assert away[200, 50] == pytest.approx(101 * 0.15, abs=0.31)
    assert away[99, 50] == 0
    assert away[110, 7] == pytest.approx(10 * 0.15, abs=0.31)


def test_dirt_lies_in_the_gutter_and_not_in_the_lane():
    away = np.broadcast_to(np.linspace(0, 4, SIZE, dtype=np.float32)[:, None], (SIZE, SIZE))
    dirt = gutter_dirt(np.ascontiguousarray(away), rng()).mean(axis=1)
    assert dirt[:15].min() > 0.3
    assert dirt[away[:, 0] > 2.0].max() < 0.01


def test_drips_follow_the_oil():
    oil = np.zeros((SIZE, SIZE), dtype=np.float32)
    oil[:, 180:220] = 0.4
    made = drips(oil, rng(), 0.15)
    assert made[:, :180].max() == 0
    assert made[:, 180:220].mean() == pytest.approx(0.4, rel=0.25)
    assert made[:, 180:220].std() > 0.05


def test_only_paint_is_chipped_and_never_less_than_it_was():
    wear = rng().random((SIZE, SIZE), dtype=np.float32) * 0.8
    painted = np.zeros((SIZE, SIZE), dtype=np.bool_)
    painted[50:100] = True
    made = chipped(wear, painted, rng())
    assert (made[~painted] == wear[~painted]).all()
    assert (made >= wear).all()
    assert made[painted].mean() > wear[painted].mean() + 0.2
    assert made.max() <= 1


def test_mottling_and_stains_are_slight():
    for made in (mottled(rng(), SIZE), stains(rng(), SIZE)):
        assert made.min() >= 0
        assert 0.03 < made.mean() < 0.2
        assert made.max() < 0.6
