"""Footprints through a lens against the mask of a picture that only the object is in."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.core.camera import Camera
from tests.annotate.labels.random_scenes import Body, recording_of
from tests.annotate.lens.views import BARREL, CUSHION, cast, make, resting

LOOK = Camera.looking_at("bent", (-9, -6, 5), (0, 0, 0.5), width=320, height=200, hfov_rad=1.2)


def _wide(camera, border):
    """The same camera with a larger image around it."""
    return replace(
        camera, width=camera.width + 2 * border, height=camera.height + 2 * border,
        cx=camera.cx + border, cy=camera.cy + border,
    )  # fmt: skip


@pytest.mark.parametrize("bend", [BARREL, CUSHION])
@pytest.mark.parametrize("place", [(-3.0, 0.0), (-5.0, 3.2), (-1.0, -6.0)])
def test_boxes_and_counts_are_those_of_the_object_alone(bend, place):
    camera = replace(LOOK, distortion=bend)
    drawn = make(recording_of([Body(5, *place, 0, 0.4, 0, 0, 0)], 1), resting(camera, 1))
    _, (label,), _, renderer = next(drawn)
    # rays through a finer and larger grid
    fine, border = 2, 20
    x0, y0, x1, y1 = (int(edge) for edge in label.loose_box)
    x = np.arange(x0 - border, x1 + border, 1 / fine) + 0.5 / fine
    y = np.arange(y0 - border, y1 + border, 1 / fine) + 0.5 / fine
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    plane = camera.ideal_plane(grid)
    triangle, _ = cast(renderer, camera, np.where(np.isnan(plane), 0.0, grid))
    mine = (triangle >= 0) & (renderer.geometry.surface.object_id[triangle] == label.object_id)
    mine &= ~np.isnan(plane[..., 0])
    rows, columns = np.nonzero(mine)
    found = [x[columns.min()], y[rows.min()], x[columns.max()], y[rows.max()]]
    inside = (grid > 0).all(axis=2) & (grid < [LOOK.width, LOOK.height]).all(axis=2)
    assert label.inside_px == pytest.approx((mine & inside).sum() / fine**2, rel=0.02)
    # the wall and the ground hide little of a bus: what is left out by them is known to be hidden
    assert label.total_px >= (mine.sum() / fine**2) * 0.98
    low, high = np.array(label.loose_box[:2]), np.array(label.loose_box[2:])
    assert (low <= np.add(found[:2], 0.3)).all()
    assert (high >= np.subtract(found[2:], 0.3)).all()
    if label.truncation == 0:
        # rays half a pixel apart may miss the last of a sharp corner
        np.testing.assert_allclose(label.loose_box, found, atol=0.9)


def test_total_beside_the_image_is_what_a_larger_image_counts_inside():
    camera = replace(LOOK, distortion=CUSHION)
    recording = recording_of([Body(5, -1.0, -6.0, 0, 0.4, 0, 0, 0)], 1)
    _, (label,), _, _ = next(make(recording, resting(camera, 1)))
    _, (whole,), _, _ = next(make(recording, resting(_wide(camera, 60), 1)))
    assert label.truncation > 0.1
    assert whole.truncation < label.truncation
    assert label.total_px == pytest.approx(whole.total_px, rel=0.01)
    np.testing.assert_allclose(np.add(label.loose_box, 60), whole.loose_box, atol=1e-3)
    assert _wide(camera, 60).lens is not None
