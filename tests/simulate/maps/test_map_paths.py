"""Reference lines: closed forms of circles and straights, and joins without kinks."""

import math

import numpy as np
import pytest

from rareworld.simulate.maps.paths import Piece, Pose, arcs, blend


def _same(a: Pose, b: Pose) -> None:
    assert (a.x_m, a.y_m) == pytest.approx((b.x_m, b.y_m), abs=1e-9)
    assert math.remainder(a.heading_rad - b.heading_rad, 2 * math.pi) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ((2.0, 0.0, 0.0), (1.0, 5.0, math.pi / 2)),
        ((0.0, 2.0, 0.0), (-1.0, 3.0, math.pi / 2)),
        ((1.0, -1.0, math.pi), (2.0, 4.0, 3 * math.pi / 2)),
    ],
)
def test_a_pose_moves_in_its_own_frame(step, expected):
    _same(Pose(1.0, 3.0, math.pi / 2).move(*step), Pose(*expected))


@pytest.mark.parametrize("radius", [-40.0, -8.0, 8.0, 40.0])
@pytest.mark.parametrize("turn", [0.1, 1.0, 3.0])
def test_an_arc_ends_where_the_circle_does(radius, turn):
    start = Pose(3.0, -2.0, 0.7)
    end = arcs(start, ((abs(radius) * turn, 1 / radius),)).end
    centre = start.move(0.0, radius)
    assert math.hypot(end.x_m - centre.x_m, end.y_m - centre.y_m) == pytest.approx(abs(radius))
    assert end.heading_rad == pytest.approx(0.7 + math.copysign(turn, radius))


def test_a_path_is_its_own_reverse_twice():
    path = arcs(Pose(1.0, 2.0, 0.3), ((20.0, 0.0), (30.0, 0.02), (10.0, -0.05)))
    back = path.reversed()
    assert back.length_m == pytest.approx(path.length_m)
    for s in np.linspace(0, path.length_m, 13):
        _same(back.at(path.length_m - s), path.at(s).turned())
    _same(back.reversed().start, path.start)


def test_pieces_of_no_length_are_left_out():
    assert len(arcs(Pose(0, 0, 0), ((0.0, 0.0), (5.0, 0.0), (0.0, 0.1))).pieces) == 1


@pytest.mark.parametrize("turn_deg", [-120, -90, -45, -5, 0, 5, 45, 90, 120])
def test_a_blend_joins_both_poses_without_a_kink(turn_deg):
    start, end = Pose(2.0, 1.0, 0.4), Pose(2.0, 1.0, 0.4).move(20.0, turn_deg / 8)
    end = Pose(end.x_m, end.y_m, 0.4 + math.radians(turn_deg))
    path = blend(start, end)
    _same(path.start, start)
    _same(path.end, end)


@pytest.mark.parametrize("turn_deg", [-90, -60, -20, 20, 60, 90])
def test_a_blend_between_points_of_a_circle_follows_the_circle(turn_deg):
    """A cubic's error against a circle of radius 10 m stays below 5 mm up to a right angle."""
    radius = math.copysign(10.0, turn_deg)
    circle = arcs(Pose(0, 0, 0), ((10 * abs(math.radians(turn_deg)), 1 / radius),))
    path = blend(circle.start, circle.end)
    for share in np.linspace(0, 1, 21):
        at = path.at(share * path.length_m)
        assert math.hypot(at.x_m, at.y_m - radius) == pytest.approx(10.0, abs=5e-3)
    assert path.length_m == pytest.approx(circle.length_m, abs=5e-3)


def test_a_cubic_measures_the_length_of_a_straight_exactly():
    path = blend(Pose(0, 0, 0), Pose(17.0, 0, 0))
    assert path.length_m == pytest.approx(17.0, abs=1e-9)


def test_a_straight_piece_goes_on_beyond_its_end():
    _same(Piece(Pose(0, 0, 0), 5.0).at(8.0), Pose(8.0, 0, 0))
