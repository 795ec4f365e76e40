"""A patch is found where it was put."""

import numpy as np
import pytest

from evaluate.fixed_camera.drawing import ground, shifted
from rareworld.evaluate.fixed_camera.matching import find_patch

BOX = np.array([60.0, 40.0, 90.0, 58.0])


def pair(right, down):
    before = ground(contrast=30)
    after = shifted(before, right, down)
    return before[..., 0].astype(np.float32), after[..., 0].astype(np.float32)


@pytest.mark.parametrize("step", [(0, 0), (3, -2), (-5, 4)])
def test_whole_shifts_are_exact(step):
    found = find_patch(*pair(*step), BOX, np.zeros(2), 6)
    np.testing.assert_allclose(found.shift, step, atol=0.06)
    assert found.similarity > 0.99


@pytest.mark.parametrize("step", [(0.4, 0.0), (-1.3, 2.6)])
def test_part_shifts_are_found_to_a_fifth(step):
    found = find_patch(*pair(*step), BOX, np.zeros(2), 6)
    np.testing.assert_allclose(found.shift, step, atol=0.2)


def test_the_search_begins_at_the_guess():
    near = find_patch(*pair(20, 0), BOX, np.array([19.0, 0.0]), 2)
    np.testing.assert_allclose(near.shift, (20, 0), atol=0.06)
    assert find_patch(*pair(20, 0), BOX, np.zeros(2), 2).similarity < 0.8


def test_a_flat_patch_resembles_nothing():
    flat = np.full((64, 64), 9, np.float32)
    assert find_patch(flat, flat, np.array([5.0, 5, 20, 20]), np.zeros(2), 2).similarity == 0


def test_boxes_over_the_border_are_cut():
    before, after = pair(2, 0)
    found = find_patch(before, after, np.array([-10.0, -5, 25, 30]), np.zeros(2), 4)
    np.testing.assert_allclose(found.shift, (2, 0), atol=0.2)
