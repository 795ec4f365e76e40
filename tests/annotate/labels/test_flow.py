"""Optical flow against moved points and a still camera."""

import numpy as np
import pytest

from rareworld.annotate.labels.channels import ChannelMaker, EdgeConfig
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.raster_renderer import RasterRenderer
from tests.annotate.render.shapes import box, camera, ground, scene, sphere, state

LOOK = camera(160, 120)


def _maker(renderer):
    return ChannelMaker(renderer, LOOK.height, LOOK.width, EdgeConfig(), Bands(2))


def _frames(states):
    made = scene(ground(), [box(), sphere(0.7, rings=12)], [(1, 0), (2, 1)])
    renderer = RasterRenderer(made, LOOK)
    maker = _maker(renderer)
    following = [*states[1:], None]
    return [maker.make(maker.render(a), a, b) for a, b in zip(states, following, strict=True)]


def _moved(points, now, after, part):
    a, b = now.transforms[part].astype(float), after.transforms[part].astype(float)
    rest = (points - a[:, 3]) @ a[:, :3]
    return rest @ b[:, :3].T + b[:, 3]


def test_flow_is_the_motion_of_the_surface_point_of_each_pixel():
    """The twin unprojects each pixel, moves the point with its body and projects it again."""
    now = state((0, 0, 0, 0.2), (3, -2, 0.8, 0))
    after = state((0.4, 0.1, 0.05, 0.3, 0.02, -0.01), (2.7, -1.8, 0.9, 0.5))
    frame = _frames([now, after])[0]
    rows, columns = np.mgrid[0 : LOOK.height, 0 : LOOK.width] + 0.5
    solid = np.isfinite(frame.depth_m)
    pixels = np.stack([columns, rows], -1)
    points = LOOK.unproject(pixels[solid], frame.depth_m[solid].astype(float))
    for part in (0, 1):
        chosen = frame.instance_id[solid] == part + 1
        assert chosen.sum() > 50
        there, _ = LOOK.project(_moved(points[chosen], now, after, part))
        expected = there - pixels[solid][chosen]
        np.testing.assert_allclose(frame.flow_px[solid][chosen], expected, atol=2e-3)
    assert np.isnan(frame.flow_px[~solid]).all()
    assert (
        frame.flow_px[frame.instance_id == 0][np.isfinite(frame.depth_m)[frame.instance_id == 0]]
        == 0
    ).all()


@pytest.mark.parametrize("stops", [1, 2])
def test_flow_is_zero_once_a_body_stands_and_at_the_end(stops):
    states = [state((0.5 * min(k, stops), 0, 0, 0), (3, -2, 0.8, 0)) for k in range(5)]
    for k, frame in enumerate(_frames(states)):
        body = frame.flow_px[frame.instance_id == 1]
        assert np.any(np.abs(body) > 0.5) == (k < stops)
        assert np.isfinite(body).all()


def test_flow_of_what_vanishes_is_unknown():
    now = state((0, 0, 0, 0), (3, -2, 0.8, 0))
    gone = state((0, 0, 0, 0), (3, -2, 0.8, 0), visible=[0, 1])
    frame = _frames([now, gone])[0]
    assert np.isnan(frame.flow_px[frame.instance_id == 1]).all()
    assert (frame.flow_px[frame.instance_id == 2] == 0).all()


def test_running_channels_equal_those_of_a_fresh_maker():
    states = [state((0.3 * k, 0, 0, 0.05 * k), (3 - 0.5 * (k > 2), -2, 0.8, 0)) for k in range(5)]
    running = _frames(states)
    for k in range(4):
        fresh = _frames(states[k : k + 2])[0]
        np.testing.assert_array_equal(running[k].flow_px, fresh.flow_px)
        np.testing.assert_array_equal(running[k].edges, fresh.edges)
