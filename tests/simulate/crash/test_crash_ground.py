"""The ground under tyres and bodies: heights, gaps, slopes, kerbs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import quat_from_euler
from rareworld.core.scene import Prop, PropKind
from rareworld.errors import ConfigError
from rareworld.simulate.crash.config import PhysicsConfig, TyreConfig
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.model import Mode
from rareworld.simulate.crash.obstacles import Obstacles
from rareworld.simulate.state import Command
from tests.simulate.crash.crash_bench import COARSE, G, pose, put, rotation, run, world


def rough(step=2.0):
    """A grid of heights without any pattern, 20 m by 12 m."""
    rng = np.random.default_rng(4)
    return Ground.sampled(lambda p: rng.uniform(-1, 1, len(p)), (-10, -4, 10, 8), step)


def slow_height(ground, x, y):
    """Bilinear interpolation, one corner at a time."""
    rows, columns = ground.grid_m.shape
    u = min(max((x - ground.origin_m[0]) / ground.step_m, 0), columns - 1)
    v = min(max((y - ground.origin_m[1]) / ground.step_m, 0), rows - 1)
    total = 0.0
    for row in (math.floor(v), math.ceil(v)):
        for column in (math.floor(u), math.ceil(u)):
            weight = (1 - abs(u - column)) * (1 - abs(v - row))
            if u == math.floor(u):
                weight /= 2
            if v == math.floor(v):
                weight /= 2
            total += weight * ground.grid_m[row, column]
    return total


@settings(max_examples=60, deadline=None)
@given(st.floats(-14, 14), st.floats(-8, 12))
def test_heights_are_bilinear_and_go_on_beyond_the_edge(x, y):
    ground = rough()
    wanted = slow_height(ground, x, y)
    assert ground.height(x, y) == pytest.approx(wanted, abs=1e-9)
    assert ground.heights(np.array([[x, y]]))[0][0] == pytest.approx(wanted, abs=1e-9)


def test_normals_stand_upright_on_the_surface():
    ground = rough()
    points = np.random.default_rng(8).uniform((-9.5, -3.5), (9.5, 7.5), (50, 2))
    _, normal = ground.heights(points)
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-12)
    for axis in (0, 1):
        step = np.zeros(2)
        step[axis] = 1e-6
        rise = (ground.heights(points + step)[0] - ground.heights(points - step)[0]) / 2e-6
        np.testing.assert_allclose(-normal[:, axis] / normal[:, 2], rise, atol=1e-5)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_gaps_take_the_height_of_the_nearest_known_point(share):
    rng = np.random.default_rng(6)

    def patchy(points):
        known = rng.uniform(size=len(points)) < share
        known[5] = True
        return np.where(known, rng.uniform(-3, 3, len(points)), np.nan)

    rng = np.random.default_rng(6)
    told = patchy(np.zeros((21 * 16, 2))).reshape(16, 21)
    rng = np.random.default_rng(6)
    grid = Ground.sampled(patchy, (0, 0, 20, 15)).grid_m
    known = np.argwhere(~np.isnan(told))
    for row, column in np.ndindex(told.shape):
        apart = np.hypot(*(known - (row, column)).T)
        near = [told[tuple(at)] for at in known[apart <= apart.min() + 1e-9]]
        assert grid[row, column] in near


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_ground_without_heights_is_refused(bad):
    with pytest.raises(ConfigError, match="finite somewhere within"):
        Ground.sampled(lambda p: np.full(len(p), bad), (0, 0, 9, 9))


def hill(slope=0.1):
    return Ground.sampled(lambda p: slope * p[:, 0], (-60, -30, 60, 30), 4.0)


def test_cars_lie_along_the_slope_they_drive_up():
    place = world(ground=hill())
    start = pose(-20, speed=8.0)
    start.position_m[2] = -2.0
    put(place, 1, "saloon", start)
    place.command(1, Command(accel_mps2=0.1 * G + 0.12))
    place.step_to(2.0)
    state = place.state(1)
    nose = rotation(state.quat)[:, 0]
    assert nose[2] / nose[0] == pytest.approx(0.1, abs=0.01)
    assert state.position_m[2] == pytest.approx(0.1 * state.position_m[0], abs=0.02)
    assert state.speed_mps == pytest.approx(8.0, abs=0.3)


def test_a_car_left_alone_rolls_back_by_slope_and_drag():
    place = world(PhysicsConfig(tyre=TyreConfig(rolling_resistance=0.02)), ground=hill())
    start = pose(20, yaw=0.0)
    start.position_m[2] = 2.0
    put(place, 1, "saloon", start)
    place.step_to(2.0)
    slope = math.atan(0.1)
    wanted = -(G * math.sin(slope) - 0.02 * G * math.cos(slope)) * 2.0
    assert place.state(1).velocity_mps[0] == pytest.approx(wanted * math.cos(slope), rel=0.05)


def lowest_m(place, actor_id):
    """Height of the lowest point of a body's shapes."""
    model, data = place._compiled.model, place._compiled.data
    return min(
        data.geom_xpos[geom][2]
        - (np.abs(data.geom_xmat[geom].reshape(3, 3)) @ model.geom_aabb[geom][3:])[2]
        for geom in place._compiled.geoms[actor_id]
    )


@pytest.mark.parametrize(
    "name", ["saloon", "adult", pytest.param("bicycle", marks=pytest.mark.slow)]
)
def test_bodies_rest_on_the_height_field_where_it_is(name):
    """Overturned or thrown bodies touch MuJoCo's field, which must lie where the grid says."""
    ground = Ground.sampled(lambda p: 0.02 * p[:, 0] + 1.0, (-15, -15, 45, 15), 1.5)
    place = world(COARSE, ground=ground)
    state = pose(20, 2)
    state.quat[:] = quat_from_euler(0.3, 0.0, math.pi if name == "saloon" else 1.5)
    state.position_m[2] = 1.4 + (BLUEPRINTS[name].height_m if name == "saloon" else 0.5)
    put(place, 1, name, state, kinematic=True)
    put(place, 2, "saloon", pose(-10), role="parked")
    place._set_mode(1, Mode.FREE)
    place.step_to(2.5)
    end = place.state(1)
    assert end.speed_mps < 0.1
    assert rotation(end.quat)[2, 2] < 0.7
    assert lowest_m(place, 1) == pytest.approx(1.0 + 0.02 * end.position_m[0], abs=0.06)


def kerb(height=0.12, at=6.0):
    line = np.array([[at, -10.0, 0.0], [at, 10.0, 0.0]])
    return Obstacles(kerbs_m=(line,), kerb_height_m=height)


@pytest.mark.parametrize(("speed", "passes"), [(0.5, False), (4.0, True), (9.0, True)])
def test_kerbs_stop_who_creeps_and_let_climb_who_drives(speed, passes):
    config = PhysicsConfig(step_s=0.004, tyre=TyreConfig(rolling_resistance=0.0))
    place = world(config, kerb())
    front = BLUEPRINTS["suv"].wheelbase_m / 2 + BLUEPRINTS["suv"].wheel_radius_m
    put(place, 1, "suv", pose(6.0 - front - 0.5, speed=speed))
    place.step_to(1.5 if speed > 1 else 3.0)
    axle = float(place.state(1).position_m[0]) + BLUEPRINTS["suv"].wheelbase_m / 2
    assert (axle > 6.2) is passes
    assert not place.is_free(1)


def test_kerbs_and_ground_are_contact_zero_and_only_told_when_hit_hard():
    """A car on its side slides against a kerb: bodywork, not wheels."""
    found = []
    for speed in (0.6, 8.0):
        place = world(obstacles=kerb(0.3))
        state = pose(2.0, yaw=math.pi / 2)
        state.quat[:] = quat_from_euler(math.pi / 2, 0.0, math.pi / 2)
        state.position_m[:] = (3.0, 0.0, 0.95)
        state.velocity_mps[:] = (speed, 0.0, 0.0)
        put(place, 1, "saloon", state)
        place.step_to(1.2)
        found.append(place.contacts())
    assert found[0] == ()
    assert {(c.first, c.second) for c in found[1]} == {(1, 0)}
    assert all(c.relative_speed_mps > 1.5 for c in found[1])


def test_signal_posts_are_hit_and_have_no_id_of_their_own():
    place = world(obstacles=Obstacles(posts_m=((5.0, 0.3, 0.0),)))
    put(place, 1, "hatchback", pose(0, speed=10.0))
    place.step_to(1.0)
    (contact,) = place.contacts()
    assert (contact.first, contact.second) == (1, 0)
    assert contact.point_m[0] == pytest.approx(5.0 - 0.08, abs=0.05)
    assert contact.relative_speed_mps == pytest.approx(10.0, abs=0.1)
    assert place.is_free(1)
    assert place.state(1).velocity_mps[0] < 3.0


def test_a_wreck_that_crosses_a_kerb_still_meets_the_pole_behind_it():
    pole = Prop(id=31, kind=PropKind.POLE, position_m=(9, 0, 0), yaw_rad=0, size_m=(0.2, 0.2, 8))
    stones = Obstacles(props=(pole,), kerbs_m=kerb().kerbs_m)
    place = world(obstacles=stones)
    put(place, 1, "saloon", pose(-4, speed=16.0))
    put(place, 2, "child", pose(0.5, -0.3, math.pi / 2, 0.5))
    for _ in run(place, 1.6, 0.4):
        pass
    pairs = [(c.first, c.second) for c in place.contacts() if c.second]
    assert pairs[0] == (1, 2)
    assert (1, 31) in pairs
