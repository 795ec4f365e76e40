"""Shapes, ground, obstacles, guidance and small vectors on their own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import matrix_from_quat
from rareworld.core.scene import Prop, PropKind
from rareworld.errors import ConfigError
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.crash.follow import Guide, guided
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.model import Entry, Mode, build
from rareworld.simulate.crash.obstacles import Obstacles
from rareworld.simulate.crash.shapes import inertia_kgm2, parts_of
from rareworld.simulate.crash.vectors import cross, matrices
from tests.simulate.crash.crash_bench import pose, rotation


def test_small_vectors_match_numpy():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(5, 4, 3)), rng.normal(size=(5, 1, 3))
    np.testing.assert_allclose(cross(a, b), np.cross(a, b), atol=1e-14)
    quat = rng.normal(size=(6, 4))
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    np.testing.assert_allclose(matrices(quat), matrix_from_quat(quat), atol=1e-14)


@pytest.mark.parametrize("name", sorted(BLUEPRINTS))
def test_every_blueprint_has_a_body_inside_its_box_and_a_possible_inertia(name):
    spec = BLUEPRINTS[name]
    entry = Entry(actor_id=1, blueprint=spec, mode=Mode.FREE)
    compiled = build([entry], Ground(level_m=-5), Obstacles(), PhysicsConfig())
    model = compiled.model
    assert model.body_mass[1] == pytest.approx(spec.mass_kg)
    ix, iy, iz = inertia_kgm2(spec)
    assert ix + iy > iz
    assert ix + iz > iy
    assert iy + iz > ix
    assert len(compiled.geoms[1]) >= 1
    assert len(compiled.wheels[1]) == (4 if spec.track_m else 0)
    for geom in compiled.geoms[1]:
        turn = rotation(model.geom_quat[geom])
        half = np.abs(turn) @ model.geom_aabb[geom][3:]
        outer = np.abs(model.geom_pos[geom][:2]) + half[:2]
        assert np.all(outer <= np.array(spec.size_m[:2]) / 2 + 0.02)
        low = model.geom_pos[geom][2] - half[2] + spec.com_height_m
        assert -0.02 <= low <= spec.height_m


def test_car_front_reaches_exactly_its_length():
    lower = parts_of(BLUEPRINTS["saloon"])[0]
    assert (lower.rear, lower.front, lower.width) == (-0.5, 0.5, 1.0)


def test_saloon_yaw_inertia_is_that_of_measured_cars():
    assert inertia_kgm2(BLUEPRINTS["saloon"])[2] == pytest.approx(2600, rel=0.1)


def test_adult_inertia_is_that_of_measured_people():
    assert inertia_kgm2(BLUEPRINTS["adult"])[0] == pytest.approx(12.5, rel=0.1)


@given(st.floats(-40, 40), st.floats(-40, 40))
def test_sampled_plane_gives_its_height_and_normal(x, y):
    ground = Ground.sampled(lambda p: 0.1 * p[:, 0] - 0.05 * p[:, 1], (-50, -50, 50, 50), 4.0)
    assert ground.height(x, y) == pytest.approx(0.1 * x - 0.05 * y, abs=1e-9)
    normal = ground.heights(np.array([[x, y]]))[1][0]
    wanted = np.array([-0.1, 0.05, 1.0]) / np.linalg.norm([0.1, 0.05, 1.0])
    np.testing.assert_allclose(normal, wanted, atol=1e-9)


def test_level_ground_is_a_plane_and_bad_ground_is_named():
    assert Ground.sampled(lambda p: np.full(len(p), 2.5), (0, 0, 9, 9)).grid_m is None
    with pytest.raises(ConfigError, match="bounds"):
        Ground.sampled(lambda p: p[:, 0], (0, 0, 0, 9))
    with pytest.raises(ConfigError, match="finite"):
        Ground.sampled(lambda p: p[:, 0] * np.nan, (0, 0, 9, 9))


def test_obstacles_become_solids_of_their_size():
    props = (
        Prop(id=1, kind=PropKind.BUILDING, position_m=(0, 0, 1), yaw_rad=0.5, size_m=(10, 8, 6)),
        Prop(id=2, kind=PropKind.STREET_LAMP, position_m=(5, 0, 0), yaw_rad=0, size_m=(2, 0.2, 8)),
        Prop(id=3, kind=PropKind.TREE, position_m=(9, 0, 0), yaw_rad=0, size_m=(5, 5, 9)),
    )
    kerb = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [3.0, 4.0, 0.0]])
    stones = Obstacles(props=props, posts_m=((1.0, 2.0, 0.0),), kerbs_m=(kerb,))
    house, lamp, tree, post, first, second = stones.solids()
    assert house.half_m == (5, 4, 3)
    assert house.centre_m == (0, 0, 4)
    assert lamp.radius_m == pytest.approx(0.1)
    assert tree.radius_m == pytest.approx(0.15)
    assert (post.key, first.key, second.key) == (0, 0, 0)
    assert first.kerb
    assert second.yaw_rad == pytest.approx(np.pi / 2)
    assert second.half_m[0] == pytest.approx(2.05)


def test_guide_passes_through_both_states_with_their_velocities():
    a, b = pose(0, 0, 0, 5.0), pose(1.0, 0.2, 0.4, 7.0, time_s=0.2)
    times = np.array([0.0, 1e-6, 0.2 - 1e-6, 0.2, 0.5])
    qpos, qvel = guided([Guide(a, b)], np.array([0.5]), times)
    np.testing.assert_allclose(qpos[0, 0, :3], (0, 0, 0.5))
    np.testing.assert_allclose(qpos[3, 0, :3], (1, 0.2, 0.5))
    np.testing.assert_allclose((qpos[1] - qpos[0])[0, :3] / 1e-6, qvel[0, 0, :3], atol=1e-3)
    np.testing.assert_allclose((qpos[3] - qpos[2])[0, :3] / 1e-6, qvel[3, 0, :3], atol=1e-3)
    np.testing.assert_allclose(rotation(qpos[4, 0, 3:])[:, 0], rotation(b.quat)[:, 0], atol=1e-9)
    np.testing.assert_allclose(
        qpos[4, 0, :3], b.position_m + 0.3 * b.velocity_mps + (0, 0, 0.5), atol=1e-9
    )
