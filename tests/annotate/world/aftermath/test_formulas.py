"""Crush, flight and rubber against closed forms and conservation."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.aftermath.crush import (
    CAMPBELL_B0_MPS,
    CAMPBELL_B1_PER_S,
    MAX_CRUSH_M,
    TOUCH_M,
    TOUCH_NS,
    Dent,
    crush_m,
    dents,
)
from rareworld.annotate.world.aftermath.debris import (
    FLIGHT_S,
    FRICTION,
    GRAVITY_MPS2,
    LEAST_CRUSH_M,
    MOST_PIECES,
    RESTITUTION,
    STEP_S,
    Plane,
    flown,
    piece_meshes,
    shed,
)
from rareworld.annotate.world.aftermath.marks import (
    BRAKE_MPS2,
    PIECE_FRAMES,
    SLIP_MPS,
    WIDTH_M,
    _closed,
    _strip,
    braking,
    tyre_marks,
)
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Driver
from tests.annotate.world.aftermath.crashes import contact, crash

FLAT = Plane((0.0, 0.0, 0.0))


@pytest.mark.parametrize("mass_kg", [1100.0, 1500.0, 12000.0])
@pytest.mark.parametrize("delta_v", [2.3, 4.0, 7.5, 10.0])
def test_crush_is_campbells_line_in_the_speed_change(mass_kg, delta_v):
    found = crush_m(delta_v * mass_kg, mass_kg)
    expected = (delta_v - CAMPBELL_B0_MPS) / CAMPBELL_B1_PER_S
    assert found == pytest.approx(min(max(expected, TOUCH_M), MAX_CRUSH_M))


@pytest.mark.parametrize(
    ("impulse_ns", "depth_m"),
    [(0.0, 0.0), (TOUCH_NS - 0.1, 0.0), (TOUCH_NS, TOUCH_M), (1400 * 1.0, TOUCH_M),
     (1400 * 60.0, MAX_CRUSH_M)],
)  # fmt: skip
def test_crush_has_a_least_and_a_most(impulse_ns, depth_m):
    assert crush_m(impulse_ns, 1400.0) == depth_m


def test_deeper_dents_reach_farther():
    def dent(depth):
        return Dent(row=0, contact_s=0.0, time_s=0.0, point_m=np.zeros(3),
                    inward=np.array([1.0, 0, 0]), depth_m=depth)  # fmt: skip

    reach = [dent(depth).radius_m for depth in (0.02, 0.1, 0.3, 0.55)]
    assert reach == sorted(reach)
    assert 0.4 < reach[0] < reach[-1] < 1.5


def test_both_bodies_of_a_contact_are_dented_towards_each_other():
    one, other = dents(crash([contact()]))
    np.testing.assert_allclose(one.inward, [-1, 0, 0])
    np.testing.assert_allclose(other.inward, [1, 0, 0])
    assert one.time_s == other.time_s == pytest.approx(0.55)
    assert other.depth_m > one.depth_m, "the lighter one"


@pytest.mark.parametrize(
    ("more", "rows"),
    [
        ({"second": 0}, []),
        ({"second": 77}, [0]),
        ({"first": 2, "second": 77}, [1]),
        ({"impulse_ns": 20.0}, []),
        ({"impulse_ns": None, "relative_speed_mps": 14.0}, [0, 1]),
        ({"impulse_ns": None, "relative_speed_mps": 0.01}, []),
    ],
)
def test_the_ground_does_not_dent_and_props_do(more, rows):
    assert [dent.row for dent in dents(crash([contact(**more)]))] == rows


@pytest.mark.parametrize("blueprint", ["adult", "bicycle", "motorcycle"])
def test_people_and_two_wheelers_are_not_dented_but_dent(blueprint):
    found = dents(crash([contact()], blueprints=("saloon", blueprint)))
    assert [dent.row for dent in found] == [0]


def test_an_impulse_that_was_not_measured_is_that_of_a_plastic_impact():
    recording = crash([contact(impulse_ns=None, relative_speed_mps=12.0)])
    masses = [actor.spec.mass_kg for actor in recording.scene.actors]
    impulse = 12.0 * masses[0] * masses[1] / sum(masses)
    for dent, mass in zip(dents(recording), masses, strict=True):
        assert dent.depth_m == pytest.approx(crush_m(impulse, mass))


@pytest.mark.parametrize("up", [0.0, 2.0, 5.0])
def test_a_piece_flies_the_parabola_until_it_lands(up):
    start, speed = np.array([1.0, 2.0, 1.2]), np.array([6.0, -2.0, up])
    path, _ = flown(start, speed, FLAT)
    land_s = (up + np.sqrt(up**2 + 2 * GRAVITY_MPS2 * 1.2)) / GRAVITY_MPS2
    time = np.arange(len(path)) * STEP_S
    air = time < land_s - STEP_S
    expected = start + speed * time[:, None]
    expected[:, 2] -= GRAVITY_MPS2 * time**2 / 2
    np.testing.assert_allclose(path[air], expected[air], atol=1e-9)
    assert path[:, 2].min() >= 0.0


@pytest.mark.parametrize("pace", [1.0, 4.0, 8.0])
def test_a_piece_on_the_ground_slides_as_far_as_friction_lets_it(pace):
    """v^2 / (2 mu g), to the step's own distance."""
    path, rest = flown(np.zeros(3), np.array([pace, 0.0, 0.0]), FLAT)
    assert path[-1, 0] == pytest.approx(pace**2 / (2 * FRICTION * GRAVITY_MPS2), abs=pace * STEP_S)
    assert rest == pytest.approx(pace / (FRICTION * GRAVITY_MPS2), abs=3 * STEP_S)
    np.testing.assert_array_equal(path[:, 1:], 0.0)


def test_a_bounce_keeps_the_share_of_speed_it_should():
    path, _ = flown(np.array([0, 0, 2.0]), np.zeros(3), FLAT)
    height = path[:, 2]
    first = int(np.argmin(height))
    second = height[first : first + round(0.6 / STEP_S)].max()
    assert second == pytest.approx(2.0 * RESTITUTION**2, rel=0.15)


@pytest.mark.parametrize("slope", [(0.0, 0.0), (0.05, 0.0), (-0.04, 0.08)])
def test_pieces_come_to_rest_on_the_slope_and_stay_there(slope):
    plane = Plane((3.0, -1.0, 0.5), slope)
    path, rest = flown(np.array([3.0, -1.0, 1.6]), np.array([5.0, 2.0, 1.0]), plane)
    assert rest < FLIGHT_S
    lying = path[round(rest / STEP_S) + 1 :]
    np.testing.assert_allclose(lying[:, 2], plane.height_m(lying[0]), atol=2e-3)
    assert np.ptp(lying, axis=0).max() < 2e-3
    expected = 0.5 + slope[0] * (lying[0, 0] - 3) + slope[1] * (lying[0, 1] + 1)
    assert plane.height_m(lying[0]) == pytest.approx(expected)


def _dent(depth_m):
    return Dent(row=0, contact_s=0.4, time_s=0.45, point_m=np.array([2.0, 0.0, 0.6]),
                inward=np.array([-1.0, 0, 0]), depth_m=depth_m)  # fmt: skip


@pytest.mark.parametrize(
    ("depth_m", "count"), [(LEAST_CRUSH_M - 0.001, 0), (LEAST_CRUSH_M, 8), (0.2, 26), (0.5, 36)]
)
def test_pieces_are_as_many_as_the_dent_is_deep(depth_m, count):
    found = shed(_dent(depth_m), np.array([9.0, 0, 0]), FLAT, Seed(3))
    assert len(found) == count <= MOST_PIECES
    assert {piece.time_s for piece in found} <= {0.45}
    assert all(0 <= piece.shape < len(piece_meshes()) for piece in found)


def test_pieces_leave_the_body_and_follow_its_way():
    found = shed(_dent(0.5), np.array([12.0, 0, 0]), FLAT, Seed(5))
    ends = np.array([piece.path_m[-1] for piece in found])
    starts = np.array([piece.path_m[0] for piece in found])
    assert np.median(ends[:, 0] - starts[:, 0]) > 3.0
    assert np.linalg.norm(ends - starts, axis=1).max() < 30.0
    assert abs(np.median(ends[:, 1])) < 1.0


def test_a_piece_is_held_before_its_time_and_after_its_flight():
    piece = shed(_dent(0.3), np.array([9.0, 0, 0]), FLAT, Seed(3))[0]
    np.testing.assert_array_equal(piece.pose(0.0), piece.pose(piece.time_s))
    late = piece.time_s + FLIGHT_S
    np.testing.assert_allclose(piece.pose(late), piece.pose(late + 60.0))
    for time_s in np.linspace(0.3, 4.0, 20):
        turn = piece.pose(float(time_s))[:, :3]
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    lying = piece.pose(piece.time_s + piece.rest_s + 0.01)
    np.testing.assert_allclose(lying[:, 2], [0, 0, 1], atol=1e-12)


def test_shards_are_small_flat_and_lie_on_the_ground():
    for mesh in piece_meshes():
        low, high = mesh.vertices_m.min(axis=0), mesh.vertices_m.max(axis=0)
        assert low[2] == pytest.approx(0.0, abs=1e-6)
        assert 0.01 < (high - low)[:2].max() < 0.35
        assert high[2] < 0.5 * (high - low)[:2].max()


@pytest.mark.parametrize(
    ("rate", "marks"), [(BRAKE_MPS2 - 0.4, False), (BRAKE_MPS2 + 0.4, True), (0.0, False)]
)
def test_rubber_begins_where_rolling_tyres_end(rate, marks):
    recording = crash(speed_mps=lambda t: 14.0 - rate * t)
    assert bool(braking(recording, 0).any()) == marks
    assert bool(tyre_marks(recording)) == marks


@pytest.mark.parametrize(
    ("drift", "driver", "marks"),
    [(SLIP_MPS + 0.3, Driver.CONTROLLER, True), (SLIP_MPS - 0.3, Driver.CONTROLLER, False),
     (SLIP_MPS + 0.3, Driver.TRAFFIC, False), (SLIP_MPS + 0.3, Driver.PHYSICS, True)],
)  # fmt: skip
def test_who_slips_sideways_on_tyres_leaves_rubber(drift, driver, marks):
    found = tyre_marks(crash(drift_mps=drift, driver=driver))
    assert bool(found) == marks
    if marks:
        times = [mark.time_s for mark in found]
        assert min(times) > 0
        assert len(found) % 4 == 0, "four wheels, each in pieces"


def test_a_ribbon_is_as_wide_and_long_as_its_wheel_rolled():
    points = np.column_stack([np.linspace(0, 3, 4), np.zeros(4), np.full(4, 0.2)])
    mesh = _strip(points, WIDTH_M)
    corners = mesh.vertices_m.astype(float)[mesh.triangles]
    sides = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert np.linalg.norm(sides, axis=1).sum() / 2 == pytest.approx(3 * WIDTH_M, rel=1e-5)
    assert (sides[:, 2] > 0).all()
    np.testing.assert_allclose(mesh.vertices_m[:, 2], 0.2, atol=1e-6)


@pytest.mark.parametrize(
    ("flags", "gap", "closed"),
    [
        ("1001", 2, "1111"),
        ("10001", 2, "10001"),
        ("0110110", 1, "0111110"),
        ("0000", 3, "0000"),
        ("1", 0, "1"),
    ],
)
def test_short_pauses_are_closed(flags, gap, closed):
    on = np.array([flag == "1" for flag in flags])
    assert "".join(str(int(one)) for one in _closed(on, gap)) == closed


def test_marks_appear_while_the_wheel_passes():
    recording = crash(speed_mps=lambda t: 14.0 - 9.0 * t)
    times = recording.tracks.time_s
    for mark in tyre_marks(recording):
        frame = int(np.argmin(np.abs(times - mark.time_s)))
        ahead = recording.tracks.position_m[0, frame, 0]
        reach = mark.mesh.vertices_m[:, 0].max() - ahead
        half_base = recording.scene.actors[0].spec.wheelbase_m / 2
        assert min(abs(reach - half_base), abs(reach + half_base)) < 0.2
    absent = replace(recording.tracks, present=np.zeros_like(recording.tracks.present))
    assert tyre_marks(replace(recording, tracks=absent)) == ()
    assert PIECE_FRAMES >= 1
