"""Maps of light: what they cover, what they shade, what they must not."""

import numpy as np
import pytest

from annotate.render import twins
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.project import texel_of
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.render.shadow import LightMap, fit_light, lit_share
from tests.annotate.render.shapes import (
    SUN,
    box,
    camera,
    daylight,
    ground,
    joined,
    mesh,
    scene,
    state,
)

LOOK = camera(160, 120)


def _renderer(static, light=None, **more):
    config = RenderConfig(**{"shadow_size": 1024, "occlusion": False, **more})
    return RasterRenderer(scene(static, light=light or daylight()), LOOK, config)


def _lit(lamp: LightMap, point, normal=(0.0, 0.0, 1.0)):
    return lit_share(lamp, lamp.still, lamp.still_max, *map(float, point), *normal)


@pytest.mark.parametrize("to_sun", [SUN, (0.9, 0.1, 0.02), (0.0, 0.0, 1.0), (-0.5, -0.5, 0.2)])
def test_map_covers_what_is_seen_with_a_margin(to_sun):
    random = np.random.Generator(np.random.Philox(1))
    seen = random.uniform([-50, -30, 0], [40, 60, 12], (500, 3))
    lamp = fit_light(np.array(to_sun, float), seen, 512, pad_m=3.0)
    texels = np.array([texel_of(lamp.frame, *point) for point in seen])
    assert texels[:, :2].min() >= 8
    assert texels[:, :2].max() <= 512 - 8
    assert texels[:, 2].min() >= 1
    # things up to 40 m above the highest point still have a depth of their own
    above = seen + 40 * np.array(to_sun) / np.linalg.norm(to_sun)
    assert max(texel_of(lamp.frame, *point)[2] for point in above) <= 65535


def test_depth_rises_towards_the_light_by_the_stated_levels():
    lamp = fit_light(np.array(SUN), np.zeros((1, 3)), 256, pad_m=10.0)
    near = texel_of(lamp.frame, *(2.0 * np.array(SUN)))
    origin = texel_of(lamp.frame, 0.0, 0.0, 0.0)
    np.testing.assert_allclose(near[:2], origin[:2], atol=1e-9)
    assert near[2] - origin[2] == pytest.approx(2.0 * lamp.levels_per_m)


@pytest.mark.parametrize("elevation_deg", [15, 35, 60, 85])
def test_flat_ground_never_shades_itself(elevation_deg):
    angle = np.radians(elevation_deg)
    sun = (np.cos(angle) * 0.6, -np.cos(angle) * 0.8, np.sin(angle))
    lamp = _renderer(ground(), daylight(sun))._sun.map
    random = np.random.Generator(np.random.Philox(2))
    shares = [_lit(lamp, (x, y, 0.0)) for x, y in random.uniform(-12, 12, (400, 2))]
    assert min(shares) == 1.0


@pytest.mark.parametrize("slope", [-1.5, -0.3, 0.7, 2.5])
@pytest.mark.parametrize("facing", [0.06, 0.2, 0.7])
def test_slanting_planes_do_not_shade_themselves(slope, facing):
    """A roof of any slope under light of any angle: the filter follows the plane."""
    roof = mesh([(-4, -5, -4 * slope), (4, -5, 4 * slope), (4, 5, 4 * slope), (-4, 5, -4 * slope)],
                [(0, 1, 2), (0, 2, 3)])  # fmt: skip
    normal = np.array([-slope, 0.0, 1.0]) / np.hypot(slope, 1.0)
    along = np.array([1.0, 0.0, slope]) / np.hypot(slope, 1.0) * 0.8 + np.array([0.0, 0.6, 0.0])
    sun = facing * normal + np.sqrt(1 - facing**2) * along
    sun = sun if sun[2] > 0.02 else facing * normal - np.sqrt(1 - facing**2) * along
    lamp = _renderer(roof, daylight(tuple(map(float, sun))))._sun.map
    random = np.random.Generator(np.random.Philox(6))
    x, y = random.uniform(-3, 3, 300), random.uniform(-4, 4, 300)
    points = np.stack([x, y, slope * x], axis=1)
    shares = [_lit(lamp, point, tuple(map(float, normal))) for point in points]
    assert min(shares) > 0.999


@pytest.mark.parametrize("sun", [SUN, (-0.6, 0.6, 0.53)])
def test_shadow_of_a_box_is_where_rays_to_the_sun_meet_it(sun):
    size = np.array([3.0, 2.0, 2.5])
    renderer = _renderer(joined(ground(), box(tuple(size))), daylight(sun))
    lamp = renderer._sun.map
    random = np.random.Generator(np.random.Philox(3))
    points = np.concatenate([random.uniform(-7, 7, (1500, 2)), np.zeros((1500, 1))], axis=1)
    outside = (np.abs(points) > size / 2 + 0.3)[:, :2].any(axis=1)
    low, high = -size / 2 * [1, 1, 0], size / 2 * [1, 1, 2]
    rim = 0.05 + 3 * max(lamp.texel_m)
    shares = np.array([_lit(lamp, point) for point in points])
    inside = low + np.array([rim, rim, -9])
    inner = twins.shadowed(points, np.array(sun), inside, high - rim) & outside
    outer = twins.shadowed(points, np.array(sun), low - rim, high + rim)
    assert inner.sum() > 10
    assert (shares[inner] == 0).all()
    assert (shares[~outer] == 1).all()
    soft = shares[outer & ~inner & outside]
    assert ((soft > 0) & (soft < 1)).any()


def test_points_beyond_the_map_are_lit():
    lamp = _renderer(ground())._sun.map
    assert _lit(lamp, (5000.0, 0.0, 0.0)) == 1.0
    assert _lit(lamp, (0.0, -5000.0, 0.0)) == 1.0


def test_finer_maps_have_sharper_borders():
    """The soft border is a few texels wide whatever their size."""
    widths = []
    for size in (256, 1024):
        lamp = _renderer(joined(ground(), box((6, 6, 2))), shadow_size=size)._sun.map
        # across the border of the shadow on the far side from the sun
        line = [(0.0, y, 0.0) for y in np.linspace(3.2, 8.0, 960)]
        shares = np.array([_lit(lamp, point) for point in line])
        widths.append(((shares > 0) & (shares < 1)).sum() * 4.8 / 960)
    assert 2.0 < widths[0] / widths[1] < 8.0
    assert widths[1] < 0.5


def test_moving_shadow_and_still_shadow_of_one_shape_agree():
    """A box drawn as part of the street and as a vehicle shades the same ground the same way."""
    place = (1.0, 0.5, 0.0)
    shifted = box((2, 2, 2))
    shifted.vertices_m[:] += np.array(place, np.float32)
    config = RenderConfig(shadow_size=1024, occlusion=False)
    # only the sun: what moves also dims the sky beside it
    light = daylight(zenith=(0.0, 0.0, 0.0), horizon=(0.0, 0.0, 0.0), ground=(0.0, 0.0, 0.0))
    still = scene(joined(ground(), shifted), light=light)
    fixed = RasterRenderer(still, LOOK, config).render(state())
    made = scene(ground(), [box((2, 2, 2))], [(1, 0)], light=light)
    moving = RasterRenderer(made, LOOK, config).render(state((*place, 0)))
    same = (fixed.class_id == moving.class_id) & (moving.instance_id == 0)
    gap = np.abs(fixed.rgb[same].astype(int) - moving.rgb[same].astype(int)).max(axis=1)
    assert (gap <= 3).mean() > 0.98


def test_vehicles_darken_the_ground_beside_them_under_clouds_and_less_farther_away():
    light = daylight(sun_radiance=(0.0, 0.0, 0.0))
    made = scene(ground(), [box((4, 2, 1.5))], [(1, 0)], light=light)
    above = camera(320, 240, position=(0.01, 0.0, 14.0), target=(0.0, 0.0, 0.0), hfov=1.0)
    config = RenderConfig(shadow_size=1024, occlusion=False, radiance=True)
    renderer = RasterRenderer(made, above, config)
    alone = renderer.render(state((30, 30, 0, 0))).radiance.copy()
    beside = renderer.render(state((0, 0, 0, 0))).radiance
    left = []
    for away in (0.35, 0.7, 1.1, 2.6):
        (u, v), _ = above.project(np.array([0.3, 1.0 + away, 0.0]))
        left.append(float(beside[int(v), int(u), 1] / alone[int(v), int(u), 1]))
    assert left[0] < 0.85
    assert left[0] < left[1] < left[2] <= left[3]
    assert left[3] == pytest.approx(1.0, abs=1e-3)
