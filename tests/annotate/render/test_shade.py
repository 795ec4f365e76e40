"""Every term of the shading against a float64 twin, pixel by pixel."""

from dataclasses import replace

import numpy as np
import pytest

from annotate.render import twins
from rareworld.annotate.render.baked import pack, unpack
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.model import Air, Material, Paint, RenderScene, Texture
from tests.annotate.render.shapes import (
    SUN,
    Rays,
    box,
    camera,
    daylight,
    ground,
    joined,
    scene,
    state,
)

LOOK = camera(160, 120)
HAZE = 0.004
LOW, HIGH = np.array([-2.0, -1.0, 0.0]), np.array([2.0, 1.0, 1.5])
ROOT_STEP = 1.5 * np.sqrt(1024.0) / 65535
"""Baked light is kept in steps of the root."""
SURFACES = {
    "chalk": Material(name="chalk", colour=(0.7, 0.5, 0.3), roughness=1.0, specular=0.0),
    "enamel": Material(name="enamel", colour=(0.4, 0.1, 0.1), roughness=0.35, specular=0.05),
    "chrome": Material(name="chrome", colour=(0.05, 0.05, 0.05), roughness=0.05, specular=0.9),
    "lamp": Material(name="lamp", colour=(0.1, 0.1, 0.1), emission=(2.0, 1.0, 0.25)),
}


def _with(made: RenderScene, *materials: Material, haze: float = HAZE) -> RenderScene:
    return replace(made, materials=materials, air=Air(extinction_per_m=haze))


def _config(**more):
    return RenderConfig(**{"shadow_size": 2048, "occlusion": False, **more})


def _baked(renderer, kind):
    """Sky and sun part of the pixels that show one still surface (1) or sky (2)."""
    baked = renderer._baked
    chosen = baked.kind == kind
    parts = (baked.sky_part[chosen], baked.sun_part[chosen])
    return chosen, *[(codes / 65535.0) ** 2 * 1024.0 for codes in parts]


def _points(pixels, chosen, look=LOOK):
    """What the (separately proved) depth and normals say about the chosen pixels."""
    rays = Rays.of(look)
    direction = rays.direction[chosen]
    depth = pixels.depth_m[chosen].astype(float)
    normal = pixels.normal[chosen].astype(float) @ look.world_from_camera[:3, :3].T
    at = twins.Points(
        view=twins.unit(direction),
        normal=normal,
        distance_m=depth * np.linalg.norm(direction, axis=1),
        open_sky=np.ones(len(depth)),
    )
    return at, rays.origin + depth[:, None] * direction


def _close(actual, expected):
    np.testing.assert_allclose(np.sqrt(actual), np.sqrt(expected), atol=ROOT_STEP + 2e-5)


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("sun", [SUN, (0.8, 0.36, 0.48), (-0.6, 0.0, -0.8)])
def test_light_of_still_surfaces_is_that_of_the_twin(name, sun):
    """Lambert, ambient, mirrored sky, highlight, lamps and haze together, on six directions."""
    material, light = SURFACES[name], daylight(sun)
    static = joined(ground(), box())
    made = _with(scene(static, light=light), material, replace(material, name="ground"))
    renderer = RasterRenderer(made, LOOK, _config())
    pixels = renderer.render(state())
    chosen, sky_part, sun_part = _baked(renderer, 1)
    at, points = _points(pixels, chosen)
    base, direct = twins.light_parts(light, material, np.array(material.colour), at, HAZE, 1.0)
    on_ground = points[:, 2] < 0.01
    # the map of light from overhead is soft at the foot of the box
    clear = ~on_ground | (np.abs(points) > HIGH + 0.5)[:, :2].any(axis=1)
    _close(sky_part[clear], base[clear])
    if sun[2] <= 0:
        assert not sun_part.any()
        return
    to_sun = np.array(sun)
    rim = 0.35
    surely = twins.shadowed(points, to_sun, LOW + np.array([rim, rim, -9]), HIGH - rim)
    maybe = twins.shadowed(points, to_sun, LOW - rim, HIGH + rim)
    # the filter follows the plane of a face and meets the ground at its foot
    face = ~on_ground & (points[:, 2] > 0.12)
    lit = (on_ground & ~maybe) | (face & (at.normal @ to_sun > 0.1))
    assert lit.sum() > 2000
    _close(sun_part[lit & on_ground], direct[lit & on_ground])
    # the shadow filter darkens faces in slanting light by up to 5 %, more along a few edges
    assert (sun_part[lit] <= direct[lit] * 1.01 + 1e-4).all()
    dim = (sun_part[lit] < direct[lit] * 0.95 - 1e-4).any(axis=1)
    assert dim.mean() < 0.01
    assert not sun_part[on_ground & surely].any()
    assert (on_ground & surely).sum() > 8


def test_sky_pixels_hold_the_panorama_and_the_disc_of_the_sun():
    look = camera(160, 120, position=(0, 0, 3), target=(9.0, -12.0, 8.0), hfov=1.4)
    renderer = RasterRenderer(scene(ground()), look, _config())
    chosen, sky_part, _ = _baked(renderer, 2)
    assert chosen.sum() > 3000
    directions = twins.unit(Rays.of(look).direction[chosen])
    _close(sky_part, twins.sky(daylight(), directions))


@pytest.mark.parametrize("radiance", [0.0, 1e-5, 0.004, 0.18, 1.0, 17.3, 64.0])
def test_baked_light_is_off_by_less_than_half_a_display_step(radiance):
    back = unpack(pack(radiance))
    assert abs(np.sqrt(back) - np.sqrt(radiance)) <= ROOT_STEP
    assert abs(twins.display(np.array(back)) - twins.display(np.array(radiance))) < 0.5


def _face_colour(material, now, *, light=None, instance=None, exposure=1.0):
    """Colour of the middle of a flat plate that faces up, and its twin's parts."""
    light = light or daylight()
    look = camera(96, 64, position=(0.01, 0.0, 6.0), target=(0.0, 0.0, 0.0), hfov=0.6)
    made = _with(
        scene(ground(z_m=-3.0), [box((4, 4, 0.2))], [(1, 0)], light=light),
        material, Material(name="ground", colour=(0.2, 0.2, 0.2)),
    )  # fmt: skip
    if instance:
        made = replace(made, instances=(replace(made.instances[0], **instance),))
    renderer = RasterRenderer(made, look, _config(exposure=exposure))
    pixels = renderer.render(now)
    middle = np.zeros((64, 96), bool)
    middle[32, 48] = True
    at, _ = _points(pixels, middle, look)
    return pixels.rgb[32, 48], at, light


def _expected(material, at, light, *, colour=None, lamp=0.0, exposure=1.0):
    colour = np.array(colour or material.colour)
    base, direct = twins.light_parts(light, material, colour, at, HAZE, lamp)
    radiance = (base + direct * (light.sun_direction[2] > 0))[0]
    return twins.display(np.minimum(radiance * light.exposure * exposure, 6.0))


@pytest.mark.parametrize(
    ("paint", "colour"),
    [(Paint.NONE, None), (Paint.BODY, (0.1, 0.5, 0.7)), (Paint.SECOND, (0.02, 0.3, 0.04))],
)
def test_paint_takes_the_colour_of_the_instance(paint, colour):
    material = Material(name="m", colour=(0.4, 0.3, 0.2), roughness=0.6, paint=paint)
    own = {"body_colour": (0.1, 0.5, 0.7), "second_colour": (0.02, 0.3, 0.04)}
    rgb, at, light = _face_colour(material, state((0, 0, 0, 0)), instance=own)
    np.testing.assert_allclose(rgb, _expected(material, at, light, colour=colour), atol=1.01)


@pytest.mark.parametrize(
    ("lit_when", "lamps", "lit"),
    [
        (0, 0, 1),
        (8, 0, 0),
        (8, 8, 1),
        (8, 4, 0),
        (12, 4, 1),
        (1 << 18, 1 << 18, 1),
        (1 << 18, 8, 0),
    ],
)
def test_lamps_shine_when_any_of_their_bits_is_set(lit_when, lamps, lit):
    material = Material(
        name="lamp", colour=(0.1, 0.1, 0.1), emission=(0.9, 0.4, 0.1), lit_when=lit_when
    )
    rgb, at, light = _face_colour(material, state((0, 0, 0, 0), lamps=[lamps]))
    np.testing.assert_allclose(rgb, _expected(material, at, light, lamp=lit), atol=1.01)


@pytest.mark.parametrize("exposure", [0.5, 1.0, 2.0])
def test_night_has_no_sun_and_its_exposure_lifts_what_is_left(exposure):
    night = daylight(
        (0.5, 0.2, -0.84), sun_radiance=(0.0, 0.0, 0.0), zenith=(0.002, 0.003, 0.005),
        horizon=(0.004, 0.004, 0.006), ground=(0.002, 0.002, 0.002), exposure=20.0,
    )  # fmt: skip
    material = Material(name="m", colour=(0.5, 0.5, 0.5))
    rgb, at, light = _face_colour(material, state((0, 0, 0, 0)), light=night, exposure=exposure)
    expected = _expected(material, at, light, exposure=exposure)
    np.testing.assert_allclose(rgb, expected, atol=1.01)
    assert expected.max() > 10


def test_texture_multiplies_the_colour_where_its_coordinates_say():
    """A plate of one-metre repeats: the twin filters the texture over each pixel's footprint."""
    material = Material(
        name="m", colour=(0.5, 0.4, 0.3), texture=Texture.GRASS, metres_per_repeat=1.5,
        roughness=1.0, specular=0.0,
    )  # fmt: skip
    light = daylight()
    made = _with(scene(ground(cells=2, material=0), light=light), material, haze=0.0)
    renderer = RasterRenderer(made, LOOK, _config())
    pixels = renderer.render(state())
    chosen, _, sun_part = _baked(renderer, 1)
    rays = Rays.of(LOOK)
    at, points = _points(pixels, chosen)
    _, direct = twins.light_parts(light, material, np.ones(3), at, 0.0)
    texture = made.textures[int(Texture.GRASS)].astype(float)
    # one pixel right and down, on the plane z = 0
    step = [
        LOOK.world_from_camera[:3, 0] / LOOK.fx, LOOK.world_from_camera[:3, 1] / LOOK.fy
    ]  # fmt: skip
    for k in np.linspace(0, len(points) - 1, 60).astype(int):
        ray = rays.direction[chosen][k]
        here = points[k, :2]
        moves = []
        for shift in step:
            aside = ray + shift
            moves.append((rays.origin[:2] - rays.origin[2] / aside[2] * aside[:2] - here) / 1.5)
        seen = twins.filtered(texture, *(here / 1.5), *moves)
        expected = direct[k] * np.array(material.colour) * seen
        np.testing.assert_allclose(np.sqrt(sun_part[k]), np.sqrt(expected), atol=2e-3)
