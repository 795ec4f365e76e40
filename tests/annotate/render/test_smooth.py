"""Claims about light of lamps that is asked at few pixels; oracles: planes and bilinear light."""

import numpy as np
import pytest

from rareworld.annotate.render.raster import Still
from rareworld.annotate.render.smooth import Lit, Smooth, as_good, coplanar, lit_between

_DARK = Lit(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def _lit(value: float) -> Lit:
    return Lit(value, 2 * value, 3 * value, 4 * value, 5 * value, 6 * value)


@pytest.mark.parametrize("side", [8, 16])
def test_light_between_corners_is_exact_for_bilinear_light(side: int) -> None:
    last = side - 1

    def truth(x: int, y: int) -> float:
        return 0.3 + 0.02 * x - 0.01 * y + 0.001 * x * y

    corners = [_lit(truth(x, y)) for y in (0, last) for x in (0, last)]
    smooth = Smooth(True, 40, 24, side, *corners)
    for x in range(0, side, 3):
        for y in range(0, side, 3):
            found = lit_between(smooth, 40 + x, 24 + y)
            assert tuple(found) == pytest.approx(tuple(_lit(truth(x, y))), abs=1e-12)


@pytest.mark.parametrize(
    ("share", "good"), [(1.0, True), (1.015, True), (0.985, True), (1.04, False), (0.9, False)]
)
def test_a_guess_is_good_within_two_percent(share: float, good: bool) -> None:
    true = _lit(2.0)
    guess = Lit(*(value * share for value in true))
    assert bool(as_good(guess, true)) is good


def test_the_border_of_a_beam_is_no_good_guess() -> None:
    lit = _lit(0.5)
    assert not as_good(_DARK, lit)
    assert not as_good(lit, _DARK)


def _still(planes: list[tuple[float, float, float]]) -> Still:
    return Still(
        code=np.zeros((32, 32), np.int32),
        mixed=np.zeros((0, 5), np.int32),
        planes=np.array(planes),
    )


@pytest.mark.parametrize(
    ("turn_rad", "same"), [(0.0, True), (0.02, True), (0.12, False), (0.5, False)]
)
def test_faces_are_one_plane_up_to_a_small_angle(turn_rad: float, same: bool) -> None:
    # 1/z of a wall 10 m ahead whose normal is turned, through the pixel centre (0.5, 0.5)
    f, z = 1000.0, 10.0
    slope = np.tan(turn_rad) / z / f
    still = _still([(1 / z, 0.0, 0.0), (1 / z - 0.5 * slope, slope, 0.0)])
    assert bool(coplanar(still, 1, 0.0, 0.0, 1 / z, f, 0, 0)) is same


def test_parallel_walls_are_not_one_plane() -> None:
    still = _still([(0.1, 0.0, 0.0), (0.11, 0.0, 0.0)])
    assert not coplanar(still, 1, 0.0, 0.0, 0.1, 1000.0, 0, 0)
    assert not coplanar(still, -1, 0.0, 0.0, 0.1, 1000.0, 0, 0)
