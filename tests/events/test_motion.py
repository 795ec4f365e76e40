"""Bodies between frames."""

import numpy as np

from rareworld.core.geometry import yaw_from_quat
from rareworld.core.scene import Prop, PropKind
from rareworld.events.motion import bodies_of
from tests.events.build import Path, arc, record, straight


def test_smooth_paths_are_followed_between_frames():
    paths = [arc((0, 0), 0.3, 14, 0.8), straight((5, 5), 1.0, 12, accel_mps2=-4)]
    bodies = bodies_of(record(paths, 2.0))
    times = np.linspace(0, 1.9, 500)
    for row, path in enumerate(paths):
        position, quat = bodies.pose_at(np.full(500, row), times)
        np.testing.assert_allclose(position, path.position(times), atol=1e-4)
        np.testing.assert_allclose(yaw_from_quat(quat), path.yaw(times), atol=1e-5)


def test_an_impact_between_frames_keeps_its_corner():
    corner, before, after = 1.015, 12.0, -5.0

    def position(t):
        x = np.where(t < corner, before * t, before * corner + after * (t - corner))
        return np.stack([x, 0 * t, 0 * t], axis=1)

    bodies = bodies_of(record([Path(position, lambda t: 0 * t)], 2.0))
    assert bodies.struck.sum() == 1
    times = np.linspace(0.9, 1.1, 300)
    found, _ = bodies.pose_at(np.zeros(300, int), times)
    np.testing.assert_allclose(found, position(times), atol=1e-6)
    velocity, _ = bodies.velocity_before(0, 1.014)
    np.testing.assert_allclose(velocity, [before, 0, 0], atol=1e-9)


def test_velocity_hull_bounds_every_velocity():
    bodies = bodies_of(record([arc((0, 0), 0, 10, 1.5)], 1.0))
    rows, steps = np.zeros(20, int), np.arange(20)
    hull = np.linalg.norm(bodies.velocity_hull(rows, steps), axis=2).max(axis=1)
    for after in np.linspace(0, 1 / 30 - 1e-5, 7):
        a, _ = bodies.pose(rows, steps, np.full(20, after))
        b, _ = bodies.pose(rows, steps, np.full(20, after + 1e-5))
        assert np.all(np.linalg.norm(b - a, axis=1) / 1e-5 <= hull + 1e-6)


def test_absent_frames_and_teleports_sweep_nothing():
    def jumps(t):
        return np.stack([np.where(t < 0.5, 0.0, 900.0), 0 * t, 0 * t], axis=1)

    late = straight((0, 9), 0, 5, present=lambda t: t > 0.4)
    bodies = bodies_of(record([Path(jumps, lambda t: 0 * t), late], 1.0))
    assert (~bodies.usable[0]).sum() == 1
    assert np.array_equal(bodies.usable[1], bodies.present[1, 1:] & bodies.present[1, :-1])


def test_of_a_tree_only_the_trunk_is_solid():
    from events.build import Setting

    tree = Prop(id=9, kind=PropKind.TREE, position_m=(3, 0, 0), yaw_rad=0, size_m=(5, 5, 8))
    bodies = bodies_of(record([straight((0, 0), 0, 5)], 1.0, setting=Setting(props=(tree,))))
    assert bodies.names[1] == "tree 9"
    np.testing.assert_allclose(bodies.size_m[1], [0.3, 0.3, 4.8])
