"""Redrawing only what changed gives the bytes of drawing everything, with any number of threads."""

import numpy as np
import pytest

from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.errors import CameraError
from tests.annotate.render.shapes import box, camera, ground, joined, mesh, scene, sphere, state

CHANNELS = ("rgb", "depth_m", "normal", "class_id", "instance_id", "triangle")
LOOK = camera(320, 200)


def _scene():
    # a wall to cast a still shadow, a small sphere to have several surfaces in one pixel
    wall = box((0.4, 6, 4))
    static = joined(ground(), wall, sphere(0.4, rings=12))
    lamp = box((1, 1, 1), material=2)
    return scene(static, [box((4, 2, 1.5)), sphere(0.6, rings=10), lamp], [(1, 0), (2, 1), (3, 2)])


def _states(count=7):
    """A box drives by, a ball passes overhead, a lamp switches; sometimes one is away or stands."""
    return [
        state(
            (-4 + 1.1 * min(k, 4), -2, 0, 0.1 * k),
            (3 - 0.9 * k, 1, 3 + 0.2 * k, 0),
            (2, -4, 0, 0),
            visible=[1, k != 3, 1],
            lamps=[0, 0, 8 * (k % 2)],
        )
        for k in range(count)
    ]


def _config(threads=2):
    return RenderConfig(threads=threads, shadow_size=512)


def _copy(pixels):
    return {name: getattr(pixels, name).copy() for name in CHANNELS}


def test_each_frame_equals_that_of_a_fresh_renderer():
    running = RasterRenderer(_scene(), LOOK, _config())
    redrawn = []
    for now in _states():
        pixels = running.render(now)
        fresh = RasterRenderer(_scene(), LOOK, _config()).render(now)
        for name in CHANNELS:
            np.testing.assert_array_equal(getattr(pixels, name), getattr(fresh, name), err_msg=name)
        redrawn.append(float(pixels.changed.mean()))
    assert redrawn[0] == 1.0
    assert max(redrawn[1:]) < 0.95


def test_unmarked_tiles_do_not_change():
    running = RasterRenderer(_scene(), LOOK, _config())
    before = None
    for now in _states():
        pixels = running.render(now)
        mark = np.kron(pixels.changed, np.ones((16, 16), bool))[: LOOK.height, : LOOK.width]
        after = _copy(pixels)
        if before is not None:
            for name in CHANNELS:
                np.testing.assert_array_equal(after[name][~mark], before[name][~mark])
        before = after


@pytest.mark.parametrize("threads", [1, 3])
def test_bytes_do_not_depend_on_threads(threads):
    few = RasterRenderer(_scene(), LOOK, _config(2))
    many = RasterRenderer(_scene(), LOOK, _config(threads))
    for now in _states(4):
        a, b = few.render(now), many.render(now)
        for name in CHANNELS:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_footprints_are_recounted_for_what_moved():
    running = RasterRenderer(_scene(), LOOK, _config())
    for now in _states(5):
        running.render(now)
        fresh = RasterRenderer(_scene(), LOOK, _config())
        fresh.render(now)
        a, b = running.footprints(), fresh.footprints()
        np.testing.assert_array_equal(a.total_px, b.total_px)
        np.testing.assert_array_equal(a.inside_px, b.inside_px)
        np.testing.assert_array_equal(a.loose_box, b.loose_box)


def test_camera_that_looks_into_the_sky_is_refused():
    up = camera(position=(0, 0, 5), target=(1, 0, 50))
    with pytest.raises(CameraError, match="only sky"):
        RasterRenderer(scene(ground()), up)


def test_moving_box_throws_its_shadow_where_the_sun_says():
    """A plate 4 m up shades the ground at its own place minus 4 m of sun direction."""
    plate = mesh([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], [(0, 1, 2), (0, 2, 3)])
    look = camera(320, 240, position=(0.01, 0.0, 20.0), target=(0, 0, 0), hfov=0.8)
    renderer = RasterRenderer(
        scene(ground(), [plate], [(1, 0)]), look, RenderConfig(shadow_size=1024, occlusion=False)
    )
    lit = renderer.render(state((30, 30, 4, 0))).rgb.astype(float).sum(axis=2)
    shaded = renderer.render(state((2.0, 1.0, 4, 0))).rgb.astype(float).sum(axis=2)
    sun = np.array([0.36, -0.48, 0.8])
    place = np.array([2.0, 1.0, 4.0]) - sun * 4 / sun[2]
    (u, v), _ = look.project(place)
    (far_u, far_v), _ = look.project(np.add(place, (-2.5, 0, 0)))
    assert shaded[int(v), int(u)] < 0.7 * lit[int(v), int(u)]
    assert shaded[int(far_v), int(far_u)] == lit[int(far_v), int(far_u)]


def test_lamp_glows_only_when_its_bit_is_set():
    renderer = RasterRenderer(_scene(), LOOK, _config())
    dark = renderer.render(state((9, 9, 0, 0), (9, 9, 0, 0), (0, -3, 0, 0))).rgb.copy()
    bright = renderer.render(state((9, 9, 0, 0), (9, 9, 0, 0), (0, -3, 0, 0), lamps=[0, 0, 8]))
    inside = bright.instance_id == 3
    assert bright.rgb[inside][:, 0].mean() > dark[inside][:, 0].mean() + 80
    assert np.array_equal(bright.rgb[bright.instance_id == 0], dark[bright.instance_id == 0]) or (
        np.abs(
            bright.rgb[bright.instance_id == 0].astype(int) - dark[bright.instance_id == 0]
        ).mean()
        < 1.0
    )


def test_edges_between_still_surfaces_are_the_mean_of_their_samples():
    """Kept once against shaded anew: within the steps in which light is kept."""
    wall = joined(ground(), box((0.4, 6, 4)), sphere(0.4, rings=12))
    kept = RasterRenderer(scene(wall), LOOK, _config())
    edges = kept._baked.kind == 3
    assert edges.sum() > 200
    anew = RasterRenderer(scene(wall), LOOK, _config())
    anew._baked.kind[:] = 0
    a, b = kept.render(state()).rgb.astype(int), anew.render(state()).rgb.astype(int)
    assert np.abs(a - b)[edges].max() <= 1
