"""Only colours are drawn anew where only light changed; oracles: drawing everything, one by one."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.render import drops, glow
from rareworld.annotate.render.lamps import LampSet, overhead
from rareworld.annotate.render.project import eye_of
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.model import Air
from tests.annotate.render.shapes import camera, ground, state
from tests.annotate.render.test_lamps import _crowd, _states, config, made_scene, pendant

LABELS = ("depth_m", "normal", "class_id", "instance_id", "triangle")
LOOK = camera(320, 200)


def _by_pixel(tiles):
    return np.kron(tiles, np.ones((16, 16), bool))[: LOOK.height, : LOOK.width]


def test_labels_change_only_where_tiles_are_relabelled():
    running = RasterRenderer(_crowd(), LOOK, config())
    before, lit, relabelled = None, [], []
    for now in _states():
        pixels = running.render(now)
        assert not (pixels.relabelled & ~pixels.changed).any()
        kept = ~_by_pixel(pixels.relabelled)
        if before is not None:
            for name in LABELS:
                np.testing.assert_array_equal(getattr(pixels, name)[kept], before[name][kept])
            lit.append(pixels.changed.mean())
            relabelled.append(pixels.relabelled.mean())
        before = {name: getattr(pixels, name).copy() for name in LABELS}
    assert max(relabelled) < 0.9
    assert np.mean(relabelled) < 0.8 * np.mean(lit)


def test_tiles_that_stand_in_the_light_of_a_car_are_relit_to_the_bytes_of_a_whole_redraw():
    """A car far off turns on the spot: nothing of it is seen, its beam sweeps the wall."""
    made = _crowd()
    running = RasterRenderer(made, LOOK, config())
    others = ((30.0, 1.0, 3.0, 0.0), (30.0, -4.0, 0.0, 0.0))
    changed = []
    for yaw in (0.0, 0.1, 0.2):
        now = state((-14.0, 0.0, 0.0, yaw), *others)
        pixels = running.render(now)
        fresh = RasterRenderer(made, LOOK, config(threads=1)).render(now)
        np.testing.assert_array_equal(pixels.radiance, fresh.radiance)
        np.testing.assert_array_equal(pixels.rgb, fresh.rgb)
        changed.append((pixels.changed & ~pixels.relabelled).mean())
    assert min(changed[1:]) > 0.1


def test_without_film_the_radiance_is_the_same_and_no_display_values_are_made():
    rainy = replace(_crowd(), air=Air(rain_mmph=8.0))
    for scene in (_crowd(), rainy):
        plain = RasterRenderer(scene, LOOK, config()).render(_states()[0])
        bare = RasterRenderer(scene, LOOK, config(film=False)).render(_states()[0])
        np.testing.assert_array_equal(plain.radiance, bare.radiance)
        assert plain.rgb.any()
        assert not bare.rgb.any()


def _nodes(lamps, fixed, which, depth):
    eye, near = eye_of(LOOK, 0.1), np.empty(max(len(which), 1), np.int64)
    out = np.zeros((26, 41, 3), np.float32)
    for rows in ((0, 11), (11, 26)):
        glow.glow_nodes(eye, lamps, fixed, which, depth, 0.02, 1.0, rows, near, out)
    return out


def _lamp_set(count=40):
    random = np.random.Generator(np.random.Philox(7))
    places = random.uniform((-30, -30, 1), (30, 30, 8), (count, 3))
    lights = [pendant(position=tuple(place), power=20.0) for place in places]
    return LampSet(made_scene(ground(), lights=lights), 1.0, overhead(
        np.full(2, -40.0), np.full(2, 40.0)), 0.0).lamps  # fmt: skip


def test_halos_of_lamps_looked_up_by_the_run_are_those_of_every_lamp():
    lamps, depth = _lamp_set(), np.full((200, 320), 25.0, np.float32)
    every = np.arange(40)
    none = glow.no_fixed(every[:0], (26, 41))
    together = _nodes(lamps, none, every, depth)
    single = sum(_nodes(lamps, none, every[k : k + 1], depth).astype(float) for k in every)
    assert together.max() > 0.01
    np.testing.assert_allclose(together, single, rtol=1e-5, atol=1e-7)


def test_halos_of_fixed_lamps_follow_the_depth():
    lamps, every = _lamp_set(), np.arange(40)
    fixed = glow.no_fixed(every, (26, 41))
    depth = np.full((200, 320), 25.0, np.float32)
    first = _nodes(lamps, fixed, every[:0], depth)
    depth[80:120, 100:200] = 6.0
    again = _nodes(lamps, fixed, every[:0], depth)
    fresh = _nodes(lamps, glow.no_fixed(every, (26, 41)), every[:0], depth)
    np.testing.assert_array_equal(again, fresh)
    assert (first != again).any(axis=2).sum() in range(1, 100)


@pytest.mark.parametrize("count", [0, 1, 500])
def test_drawn_streaks_are_those_that_show_from_left_to_right(count):
    random = np.random.Generator(np.random.Philox(3))
    streaks = drops.empty_streaks(count)
    streaks.ends[:] = random.uniform(0, 640, (count, 4))
    streaks.opacity[:] = random.uniform(-0.5, 0.5, count).clip(0)
    order = drops.drawn_order(streaks)
    assert set(order) == set(np.flatnonzero(streaks.opacity > 0))
    assert (np.diff(streaks.ends[order, 0] // 32) >= 0).all()
