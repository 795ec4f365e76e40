"""Seen through glass: boxes of a cabin against slabs, rooms behind windows, lights at night."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from annotate.render import twins
from rareworld.annotate.render import rooms
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.inside import cabin_colour, cabins_of
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.model import Cabin, Inside, Material, Weathering
from tests.annotate.render.shapes import box, camera, daylight, ground, scene, state

CABIN = Cabin(
    low_m=(-1.5, -0.8, 0.3), high_m=(1.5, 0.8, 1.45), belt_m=0.9,
    boxes_m=np.array([[[-0.2, -0.6, 0.3], [0.3, 0.0, 1.2]], [[0.9, -0.8, 0.3], [1.4, 0.8, 0.95]]],
                     np.float32),
    colours=np.array([[0.5, 0.1, 0.1], [0.1, 0.1, 0.4]], np.float32),
    shell_colour=(0.04, 0.05, 0.06),
)  # fmt: skip


def _glazed():
    made = scene(ground(), [replace(box((3.2, 1.8, 1.6)), cabin=CABIN)], [(1, 0)])
    glass = Material(
        name="glass", colour=(0.6, 0.6, 0.6), roughness=0.05, specular=0.05,
        inside=Inside.CABIN, weathering=Weathering.NONE,
    )  # fmt: skip
    return replace(made, materials=(glass, *made.materials[1:]))


def _boxes_met(origin, way):
    """Nearest box by slabs, and whether it comes before the shell."""
    with np.errstate(divide="ignore"):
        low, high = (np.array(CABIN.boxes_m[:, k]) - origin for k in (0, 1))
        near = np.minimum(low / way, high / way).max(axis=1)
        far = np.maximum(low / way, high / way).min(axis=1)
        shell = np.maximum((CABIN.low_m - origin) / way, (CABIN.high_m - origin) / way).min()
    near = np.where((near <= far) & (far > 0) & (near < shell), np.maximum(near, 0), np.inf)
    return int(near.argmin()) if np.isfinite(near.min()) else -1, float(shell)


def test_a_ray_through_glass_meets_what_the_slabs_say():
    cabins = cabins_of(_glazed())
    random = np.random.Generator(np.random.Philox(6))
    seen = set()
    for _ in range(300):
        origin = np.array([random.uniform(-1.4, 1.4), -0.8, random.uniform(0.9, 1.44)])
        way = twins.unit(random.normal(size=3) * [1, 0.3, 0.6] + [0, 1.0, -0.2])
        if way[1] < 0.05:
            continue
        red, green, blue, solid = cabin_colour(cabins, 0, *origin, *way)
        which, shell = _boxes_met(origin, way)
        seen.add(which)
        if which >= 0:
            tone = np.array([red, green, blue]) / CABIN.colours[which]
            assert solid == 1
            np.testing.assert_allclose(tone, tone[0], rtol=1e-5)
            assert 0.2 < tone[0] <= 1
        else:
            height = origin[2] + way[2] * shell
            through = CABIN.belt_m <= height < CABIN.high_m[2] - 0.01
            assert (solid == 0) == through
    assert seen == {-1, 0, 1}


def test_seats_are_seen_through_glass_from_any_side_the_car_turns():
    """The red seat shows where it is, in the picture of a turned car."""
    look = camera(160, 120, position=(0.0, -8.0, 2.2), target=(0.0, 0.0, 0.9), hfov=0.5)
    renderer = RasterRenderer(_glazed(), look, RenderConfig(shadow_size=256, radiance=True))
    for yaw, middle in ((0.0, (0.05, -0.3)), (np.pi, (-0.05, 0.3))):
        pixels = renderer.render(state((0, 0, 0, yaw)))
        (u, v), _ = look.project(np.array([*middle, 1.05]))
        seat = pixels.radiance[int(v), int(u)]
        assert pixels.instance_id[int(v), int(u)] == 1
        assert seat[0] > 1.15 * seat[1]


def test_a_vehicle_without_cabin_has_dark_glass():
    made = _glazed()
    made = replace(made, prototypes=tuple(replace(mesh, cabin=None) for mesh in made.prototypes))
    look = camera(96, 64, position=(0.0, -8.0, 2.2), target=(0.0, 0.0, 0.9), hfov=0.4)
    pixels = RasterRenderer(made, look, RenderConfig(shadow_size=256, radiance=True)).render(
        state((0, 0, 0, 0))
    )
    side = (pixels.instance_id == 1) & (np.abs(pixels.normal[..., 1]) < 0.5)
    assert side.sum() > 200
    assert pixels.radiance[side].mean() < 0.12


@pytest.mark.parametrize("view", [rooms.room, rooms.shop])
def test_rooms_reflect_less_than_they_get_and_differ(view):
    random = np.random.Generator(np.random.Philox(9))
    found = []
    for _ in range(300):
        du, dw, dn = twins.unit(random.normal(size=3))
        values = view(
            float(random.uniform(-50, 50)), float(random.uniform(0, 20)),
            float(du), float(dw), abs(float(dn)) + 0.05, int(random.integers(0, 99)),
        )  # fmt: skip
        found.append(values)
    found = np.array(found)
    assert found.min() >= 0
    assert found[:, 3].max() <= 1
    assert np.median(found[:, :3]) < 0.7
    assert len(np.unique(found[:, 0].round(3))) > 10


def test_two_in_five_rooms_are_lit_at_night_and_none_by_day():
    lit = [rooms.room_lamp(3.0 * i + 1, 3.0 * j + 1, 5, 1.0)[0] > 0
           for i in range(30) for j in range(10)]  # fmt: skip
    assert 0.3 < np.mean(lit) < 0.5
    assert rooms.room_lamp(1.0, 1.0, 5, 0.0) == (0, 0, 0)


def test_some_windows_have_blinds_and_curtains():
    cells = itertools.product(range(12), range(12), (0.2, 1.5), (0.5, 2.5))
    hidden = [rooms.blind(3.0 * i + x, 3.0 * j + z, 5)[0] for i, j, x, z in cells]
    assert 0.1 < np.mean(hidden) < 0.5
    assert {0.0, 0.92, 0.85} == set(hidden)


def test_lit_windows_glow_at_night_and_are_dark_by_day():
    pane = Material(
        name="window", colour=(0.7, 0.7, 0.7), roughness=0.05, specular=0.08, inside=Inside.ROOM
    )
    road = Material(name="road", colour=(0.2, 0.2, 0.2))
    look = camera(128, 96, position=(0.0, -40.0, 10.0), target=(0.0, 0.0, 8.0), hfov=0.6)
    night = daylight(
        (0.5, 0.2, -0.84), sun_radiance=(0.0, 0.0, 0.0), night=1.0, exposure=5000.0,
        ground=(2e-6, 2e-6, 2e-6), ambient=np.full((9, 3), 1e-7, np.float32),
        panorama=np.full((16, 32, 3), 2e-6, np.float32),
    )  # fmt: skip
    spread = {}
    for name, light in (("day", daylight()), ("night", night)):
        static = box((24, 4, 16))
        made = scene(ground(z_m=-0.01), [static], [(1, 0)], light=light)
        made = replace(made, materials=(pane, road))
        pixels = RasterRenderer(made, look, RenderConfig(shadow_size=256, radiance=True)).render(
            state((0, 0, 0, 0))
        )
        front = (pixels.instance_id == 1) & (np.abs(pixels.normal[..., 1]) < 0.5)
        values = pixels.radiance[front].mean(axis=1)
        spread[name] = np.percentile(values, [5, 50, 95])
    assert spread["day"][2] < 0.6
    assert spread["night"][2] > 10 * max(spread["night"][0], 1e-3)
    assert spread["night"][2] > 0.2
