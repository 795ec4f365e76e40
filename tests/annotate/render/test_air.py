"""Puffs against sums along rays; the whole pass: threads, layers of depth, clean labels."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.render import puffs
from rareworld.annotate.render.air import AirPass
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.project import eye_of
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.model import Air, LocalLight
from rareworld.core.seed import Seed
from tests.annotate.render.shapes import Rays, box, camera, daylight, ground, scene, state

LOOK = camera(160, 120)
EYE = eye_of(LOOK, 0.1)
SIZE = (160, 120)
WEATHERS = {
    "rain": Air(rain_mmph=12.0, wind_mps=(3.0, 1.0)),
    "snow": Air(snow_mmph=3.0),
    "fog": Air(extinction_per_m=0.05),
}
PUFFS = np.array(
    [[2.0, 0.5, 0.6, 0.8, 0.7, 0.9], [-1.0, -1.0, 0.4, 0.5, 0.4, 0.3], [-40, -30, 5, 1, 0.9, 1]],
    np.float32,
)
LAMP = LocalLight(position_m=(1.0, 1.0, 4.0), direction=(0.0, 0.0, -1.0), intensity=(9.0, 8.0, 6.0))


def _scene(name, night=0.0):
    made = scene(ground(), [box((4, 2, 1.5))], [(1, 0)], light=daylight(night=night))
    return replace(made, air=WEATHERS[name], lights=(LAMP,) if night else ())


def _pass(made, threads=2, seed=3):
    return AirPass(made, EYE, SIZE, 1.0, Seed(seed), Bands(threads))


def _state(time_s=0.3, with_puffs=True):
    return replace(state((0, 0, 0, 0.2)), time_s=time_s, puffs=PUFFS if with_puffs else PUFFS[:0])


@pytest.mark.parametrize(
    ("radius", "aside", "low", "high"),
    [
        (1.0, 0.0, -9, 9),
        (1.0, 0.6, -9, 9),
        (2.0, 0.5, -9, 0.3),
        (2.0, 0.5, 0.2, 9),
        (1, 1.5, -9, 9),
    ],
)
def test_mist_along_a_ray_is_its_integral(radius, aside, low, high):
    s = np.linspace(low, high, 200_001)
    density = np.maximum(1 - (s**2 + aside**2) / radius**2, 0)
    expected = np.trapezoid(density, s)
    assert puffs.mist_along(radius, aside, low, high) == pytest.approx(expected, abs=1e-4)


def test_a_lone_puff_hides_in_its_middle_what_it_says_and_nothing_outside():
    one = np.array([[0.0, 0.0, 1.0, 0.9, 0.6, 0.5]], np.float32)
    made = _scene("fog")
    lamps = _pass(made)._lamps.lamps
    glow = np.array([2.0, 1.5, 1.0])
    mist = puffs.mist_of(EYE, one, lamps, glow, 1.0)
    out = np.zeros((120, 160, 3), np.float32)
    puffs.draw_puffs(EYE, mist, np.full((120, 160), np.inf, np.float32), (0, 120), out)
    (u, v), _ = LOOK.project(np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(out[int(v), int(u)], 0.6 * 0.5 * glow, rtol=0.03)
    rays = Rays.of(LOOK)
    unit = rays.direction / np.linalg.norm(rays.direction, axis=-1, keepdims=True)
    to = np.array([0.0, 0.0, 1.0]) - rays.origin
    aside = np.linalg.norm(to - (unit @ to)[..., None] * unit, axis=-1)
    np.testing.assert_array_equal(out[..., 0] > 0, aside < 0.9 - 1e-7)


def test_a_wall_cuts_a_puff_in_half():
    one = np.array([[0.0, 0.0, 1.0, 0.9, 0.6, 1.0]], np.float32)
    mist = puffs.mist_of(EYE, one, _pass(_scene("fog"))._lamps.lamps, np.ones(3), 1.0)
    depth = np.full((120, 160), float(mist.middle[0, 2]), np.float32)
    out = np.zeros((120, 160, 3), np.float32)
    puffs.draw_puffs(EYE, mist, depth, (0, 120), out)
    (u, v), _ = LOOK.project(np.array([0.0, 0.0, 1.0]))
    assert out[int(v), int(u), 0] == pytest.approx(1 - np.sqrt(0.4), abs=0.02)


@pytest.mark.parametrize("name", WEATHERS)
@pytest.mark.parametrize("night", [0.0, 1.0])
def test_bytes_do_not_depend_on_threads_nor_on_what_came_before(name, night):
    made = _scene(name, night)
    depth = np.full((120, 160), 20.0, np.float32)
    depth[:, 80:] = np.inf
    few, many = _pass(made, 1), _pass(made, 3)
    few.apply(np.zeros((120, 160, 3), np.float32), depth, _state(0.0))
    a, b = (np.full((120, 160, 3), 0.1, np.float32) for _ in range(2))
    few.apply(a, depth, _state(0.5))
    many.apply(b, depth, _state(0.5))
    np.testing.assert_array_equal(a, b)
    assert (a != np.float32(0.1)).any()


def test_other_seeds_have_other_drops_and_time_moves_them():
    depth = np.full((120, 160), 50.0, np.float32)

    def picture(seed, time_s):
        out = np.zeros((120, 160, 3), np.float32)
        _pass(_scene("rain"), seed=seed).apply(out, depth, _state(time_s, with_puffs=False))
        return out

    first = picture(1, 0.0)
    assert (first != picture(2, 0.0)).any()
    assert (first != picture(1, 0.04)).any()


def test_air_leaves_labels_alone_and_the_next_frame_clean():
    """Frames with rain equal those of a fresh renderer; labels equal those without rain."""
    made = replace(_scene("rain"), daylight=daylight())
    config = RenderConfig(shadow_size=256)
    running = RasterRenderer(made, LOOK, config)
    dry = RasterRenderer(replace(made, air=Air()), LOOK, config)
    for k in range(3):
        now = replace(_state(0.1 * k), transforms=state((0.3 * k, 0, 0, 0.2)).transforms)
        wet = running.render(now)
        fresh = RasterRenderer(made, LOOK, config).render(now)
        plain = dry.render(replace(now, puffs=PUFFS[:0]))
        np.testing.assert_array_equal(wet.rgb, fresh.rgb)
        for name in ("depth_m", "normal", "class_id", "instance_id", "triangle"):
            np.testing.assert_array_equal(getattr(wet, name), getattr(plain, name))
        np.testing.assert_array_equal(wet.changed, fresh.changed if k == 0 else plain.changed)
        assert (wet.rgb != plain.rgb).any()


def test_puffs_that_come_and_go_leave_no_trace():
    made = replace(_scene("fog"), air=Air(), daylight=daylight())
    config = RenderConfig(shadow_size=256)
    running = RasterRenderer(made, LOOK, config)
    clear = running.render(_state(0.0, with_puffs=False)).rgb.copy()
    misty = running.render(_state(0.1)).rgb.copy()
    again = running.render(_state(0.2, with_puffs=False)).rgb
    assert (misty != clear).any()
    np.testing.assert_array_equal(again, clear)
