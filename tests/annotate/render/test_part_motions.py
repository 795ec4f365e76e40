"""Motions of parts between two states, rigid or sheared by a rolling shutter."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rareworld.annotate.render.flow import part_motions
from rareworld.annotate.render.project import eye_of
from rareworld.annotate.world.model import FrameState
from rareworld.core.camera import Camera
from rareworld.core.geometry import matrix_from_quat, quat_from_euler

LOOK = Camera.looking_at("c", (3, -9, 6), (0, 2, 0.5), width=320, height=200, hfov_rad=1.1)
EYE = eye_of(LOOK, 0.1)
RANDOM = np.random.default_rng(4)


def _state(transforms: np.ndarray, visible: tuple[int, ...] | None = None) -> FrameState:
    count = len(transforms)
    shown = np.ones(count) if visible is None else np.array(visible)
    return FrameState(
        transforms=transforms.astype(np.float32), visible=shown.astype(np.uint8),
        state=np.zeros(count, np.uint32),
    )  # fmt: skip


def _transforms(count: int, shear: float) -> np.ndarray:
    angles = RANDOM.uniform(-3, 3, (3, count))
    turn = matrix_from_quat(quat_from_euler(angles[0], angles[1] / 3, angles[2]))
    turn = (np.eye(3) + shear * RANDOM.normal(size=(count, 3, 3))) @ turn
    return np.concatenate([turn, RANDOM.uniform(-20, 20, (count, 3, 1))], axis=2)


def _moved(motion: np.ndarray, world: np.ndarray) -> np.ndarray:
    """World points after a motion told in the camera's frame."""
    r, p = EYE.rotation, EYE.position
    local = (world - p) @ r.T
    return (local @ motion[:, :3].T + motion[:, 3]) @ r + p


@pytest.mark.parametrize("shear", [0.0, 0.01, 0.08])
def test_a_point_of_a_part_is_led_to_where_the_next_state_has_it(shear):
    now, following = (_transforms(30, shear) for _ in range(2))
    kind, motion = part_motions(EYE, _state(now), _state(following))
    assert (kind == 1).all()
    body = RANDOM.uniform(-4, 4, (50, 3))
    for a, b, m in zip(now, following, motion, strict=True):
        start, end = (body @ t[:, :3].T + t[:, 3] for t in (a, b))
        np.testing.assert_allclose(_moved(m, start), end, atol=2e-4)


def test_what_keeps_its_place_stands_and_what_vanishes_is_gone():
    now = _transforms(3, 0.0)
    following = now.copy()
    following[1, :, 3] += 0.5
    kind, motion = part_motions(EYE, _state(now), _state(following, (1, 1, 0)))
    assert kind.tolist() == [0, 1, 2]
    world = RANDOM.uniform(-5, 5, (20, 3))
    np.testing.assert_allclose(_moved(motion[0], world), world, atol=1e-5)


@pytest.mark.parametrize("steps", [2, 3])
def test_motions_in_a_row_are_the_motion_over_all(steps):
    states = [_state(_transforms(1, 0.02)) for _ in range(steps + 1)]
    point = RANDOM.uniform(-5, 5, (8, 3))
    walked = point
    for a, b in pairwise(states):
        walked = _moved(part_motions(EYE, a, b)[1][0], walked)
    direct = _moved(part_motions(EYE, states[0], states[-1])[1][0], point)
    np.testing.assert_allclose(walked, direct, atol=1e-3)


def test_lamps_alone_are_no_motion():
    state = _state(_transforms(2, 0.0))
    lit = replace(state, state=np.array([8, 0], np.uint32))
    kind, _ = part_motions(EYE, state, lit)
    assert kind.tolist() == [0, 0]
