"""Things in wet ground: a reflection lies where plane geometry has it, and frames stay frames."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.mirror import mirrors
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.model import Air, GroundMap, GroundState, Material, Weathering
from tests.annotate.render.shapes import box, camera, daylight, ground, scene, state

LOOK = camera(320, 200, position=(0.0, -14.0, 3.0), target=(0.0, 0.0, 0.6), hfov=0.8)
MATERIALS = (
    Material(name="lamp", colour=(0.0, 0.0, 0.0), emission=(3.0, 0.1, 0.1), roughness=1.0,
             specular=0.0, weathering=Weathering.NONE),
    Material(name="road", colour=(0.1, 0.1, 0.1), weathering=Weathering.ROAD),
)  # fmt: skip
FLOODED = GroundState(wetness=1.0, puddles=1.0)


def _made(rain=0.0, lying=FLOODED):
    hollows = np.zeros((64, 64, 4), np.uint8)
    hollows[..., GroundMap.PUDDLE] = 255
    dim = daylight(sun=(0.3, 0.2, 0.93), sun_radiance=(0.01, 0.01, 0.01))
    return replace(
        scene(ground(), [box((1.2, 1.2, 1.2))], [(1, 0)], light=dim),
        materials=MATERIALS, ground=lying, air=Air(rain_mmph=rain, extinction_per_m=0.0),
        ground_map=GroundMap(origin_m=(-32.0, -32.0), step_m=1.0, layers=hollows),
    )  # fmt: skip


def _config(**more):
    return RenderConfig(**{"shadow_size": 256, "radiance": True, **more})


def _redness(pixels):
    return pixels.radiance[..., 0] - pixels.radiance[..., 1]


def test_a_lamp_is_mirrored_where_its_image_below_the_ground_would_be():
    renderer = RasterRenderer(_made(), LOOK, _config())
    red = _redness(renderer.render(state((0, 0, 0, 0)))).copy()
    (u, v), _ = LOOK.project(np.array([0.0, -0.6, -0.6]))
    (aside, _), _ = LOOK.project(np.array([2.2, -0.6, -0.6]))
    assert red[int(v), int(u)] > 0.08
    assert red[int(v), int(aside)] < 0.01
    # its upper rim, mirrored: red above, none 0.3 m beyond
    (_, inside), _ = LOOK.project(np.array([0.0, -0.6, -1.0]))
    (_, outside), _ = LOOK.project(np.array([0.0, -0.6, -1.6]))
    assert red[int(inside), int(u)] > 0.05
    assert red[int(outside), int(u)] < 0.02


def test_what_is_mirrored_is_the_fresnel_share_of_the_lamp():
    renderer = RasterRenderer(_made(), LOOK, _config())
    red = _redness(renderer.render(state((0, 0, 0, 0))))
    (u, v), _ = LOOK.project(np.array([0.0, -0.6, -0.6]))
    ray = LOOK.unproject(np.array([u, v]), np.array(1.0)) - np.array(LOOK.position_m)
    cosine = -ray[2] / np.linalg.norm(ray)
    share = (0.02 + 0.98 * (1 - cosine) ** 5) * 0.97**2
    sky = daylight()
    expected = share * (2.9 - (sky.horizon[0] - sky.horizon[1]))
    assert red[int(v), int(u)] == pytest.approx(expected, rel=0.25)


def test_dry_ground_mirrors_nothing():
    dry = _made(lying=GroundState())
    assert not mirrors(dry)
    assert mirrors(_made())
    red = _redness(RasterRenderer(dry, LOOK, _config()).render(state((0, 0, 0, 0))))
    (u, v), _ = LOOK.project(np.array([0.0, -0.6, -0.6]))
    assert abs(red[int(v), int(u)]) < 0.02


def _states():
    return [
        replace(state((-2 + 0.8 * k, 0.3 * k, 0, 0.2 * k), visible=[k != 3]), time_s=0.1 * k)
        for k in range(5)
    ]


@pytest.mark.parametrize("rain", [0.0, 10.0])
def test_frames_with_mirrors_equal_those_of_a_fresh_renderer(rain):
    running = RasterRenderer(_made(rain), LOOK, _config())
    for now in _states():
        pixels = running.render(now)
        fresh = RasterRenderer(_made(rain), LOOK, _config(threads=1)).render(now)
        for name in ("rgb", "radiance", "depth_m", "instance_id"):
            np.testing.assert_array_equal(getattr(pixels, name), getattr(fresh, name), err_msg=name)


def test_rain_moves_the_water():
    renderer = RasterRenderer(_made(10.0), LOOK, _config())
    still = state((0, 0, 0, 0))
    first = renderer.render(still).radiance.copy()
    same = renderer.render(still).radiance.copy()
    later = renderer.render(replace(still, time_s=0.35)).radiance
    np.testing.assert_array_equal(first, same)
    assert (np.abs(later - first).max(axis=2) > 0.004).mean() > 0.02
