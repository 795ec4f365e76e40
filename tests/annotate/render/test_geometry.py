"""Posing, counting, light maps and film against plain numpy."""

from dataclasses import replace

import numpy as np
import pytest

from annotate.render import twins
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.census import take_census
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.geometry import Geometry
from rareworld.annotate.render.lights import LightCache
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.render.sky import film, film_table
from rareworld.annotate.render.texture import mip_levels
from rareworld.annotate.world.model import Air
from tests.annotate.render.shapes import SUN, box, camera, ground, scene, sphere, state


def _scene():
    return scene(ground(cells=3), [box(), sphere(0.5, rings=6)], [(4, 0), (4, 1), (9, 0)])


def test_triangles_are_numbered_static_first_then_part_by_part():
    made = _scene()
    geometry = Geometry(made)
    surface, static = geometry.surface, len(made.static.triangles)
    counts = [len(made.prototypes[i.prototype].triangles) for i in made.instances]
    assert geometry.triangle_start.tolist() == np.cumsum([static, *counts]).tolist()
    expected = np.concatenate([np.full(static, -1), np.repeat([0, 1, 2], counts)])
    np.testing.assert_array_equal(surface.part, expected)
    np.testing.assert_array_equal(surface.object_id[static:], np.repeat([4, 4, 9], counts))
    for part in range(3):
        begin, end = geometry.triangle_start[part : part + 2]
        vertices = surface.corners[begin:end]
        assert vertices.min() >= geometry.vertex_start[part]
        assert vertices.max() < geometry.vertex_start[part + 1]


def test_posed_vertices_are_rotated_and_shifted_and_others_stay():
    made = _scene()
    geometry = Geometry(made)
    before = geometry.surface.points.copy()
    now = state((1, 2, 0.5, 0.7, 0.1, -0.2), (5, 5, 5, 1), (-3, 0, 0, 2.0))
    geometry.pose(now, np.array([0, 2], np.int64))
    for part, instance in enumerate(made.instances):
        begin, end = geometry.vertex_start[part : part + 2]
        shape = made.prototypes[instance.prototype]
        turn, shift = now.transforms[part, :, :3].astype(float), now.transforms[part, :, 3]
        if part == 1:
            np.testing.assert_array_equal(geometry.surface.points[begin:end], before[begin:end])
            continue
        expected = shape.vertices_m @ turn.T + shift
        np.testing.assert_allclose(geometry.surface.points[begin:end], expected, atol=1e-6)
        normals = geometry.surface.normals[begin:end]
        np.testing.assert_allclose(normals, shape.normals @ turn.T, atol=1e-6)
    start = geometry.vertex_start[0]
    np.testing.assert_array_equal(geometry.surface.points[:start], before[:start])


def test_census_is_that_of_masks():
    random = np.random.Generator(np.random.Philox(4))
    triangle = random.integers(-1, 9, (40, 60)).astype(np.int32)
    triangle[triangle == 7] = -1
    object_of = np.array([-1, 0, 0, 1, 1, 2, 2, 3, -1], np.int32)
    table = np.tile(np.array([999, 999, -1, -1, 0], np.int64), (4, 1))
    for rows in ((0, 13), (13, 40)):
        take_census(triangle, object_of, rows, table)
    owner = np.where(triangle >= 0, object_of[triangle], -1)
    for k in range(3):
        rows, columns = np.nonzero(owner == k)
        box_ = [columns.min(), rows.min(), columns.max(), rows.max(), len(rows)]
        assert table[k].tolist() == box_
    assert table[3].tolist() == [999, 999, -1, -1, 0]


def test_light_map_kept_up_to_date_equals_a_fresh_one():
    """Parts move, hide and come back; a fresh cache that sees only the last state agrees."""
    made = _scene()
    seen = np.array([[-8.0, -8.0, 0.0], [8.0, 8.0, 0.0]])
    geometry, bands = Geometry(made), Bands(2)
    running = LightCache(geometry, np.array(SUN), seen, 256, bands)
    everything = np.ones(3, bool)
    for k in range(6):
        shown = np.array([True, k % 3 != 1, k > 2])
        now = state((0.8 * k - 3, 0, 0, 0.2 * k), (2, 1 - k, 1.5, 0), (-2, 2, 0, 0.1 * k))
        geometry.pose(now, np.arange(3))
        running.update(everything, shown)
        fresh = LightCache(geometry, np.array(SUN), seen, 256, bands)
        fresh.update(everything, shown)
        np.testing.assert_array_equal(running.map.moving, fresh.map.moving)
        np.testing.assert_array_equal(running.map.moving_max, fresh.map.moving_max)
        assert running.map.moving.any()
    running.update(everything, np.zeros(3, bool))
    assert not running.map.moving.any()
    bands.close()


@pytest.mark.parametrize("radiance", np.geomspace(1e-4, 16, 25))
def test_film_is_the_filmic_curve_then_srgb(radiance):
    assert abs(film(film_table(), radiance) - twins.display(np.array(radiance))) < 0.8


@pytest.mark.parametrize(("radiance", "value"), [(-1.0, 0), (0.0, 0), (16.0, 255), (1e9, 255)])
def test_film_is_cut_at_its_ends(radiance, value):
    assert film(film_table(), radiance) == value


def test_haze_fades_far_surfaces_into_the_horizon():
    """Without haze the colour of flat matt ground depends on direction only; with it, on depth."""
    look = camera(64, 48, position=(0.0, 0.0, 4.0), target=(30.0, 0.0, 0.0))
    clear, hazy = (
        RasterRenderer(
            replace(scene(ground(half_m=200.0, cells=8)), air=Air(extinction_per_m=haze)), look,
            RenderConfig(shadow_size=64, occlusion=False),
        ).render(state())
        for haze in (0.0, 0.02)
    )  # fmt: skip
    solid = np.isfinite(clear.depth_m)
    gap = np.abs(hazy.rgb.astype(int) - clear.rgb).max(axis=2)
    near, far = solid & (clear.depth_m < 12), solid & (clear.depth_m > 60)
    assert gap[near].mean() < 0.4 * gap[far].mean()
    np.testing.assert_array_equal(hazy.depth_m, clear.depth_m)


def test_mip_levels_end_in_one_texel():
    levels = mip_levels(np.ones((1, 8, 8, 3), np.float32))
    assert levels.side.tolist() == [8, 4, 2, 1]
    assert levels.texels.shape == (1, 64 + 16 + 4 + 1, 3)
