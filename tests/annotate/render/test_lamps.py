"""Lamps against the inverse square law, beams against ECE R112, and the incremental rule."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.render import beams
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.model import Air, Beam, LocalLight, Material, StateBit
from tests.annotate.render.shapes import (
    box,
    camera,
    daylight,
    ground,
    joined,
    mesh,
    scene,
    sphere,
    state,
)

CHALK = Material(name="chalk", colour=(0.5, 0.4, 0.25), roughness=1.0, specular=0.0)
ABOVE = camera(160, 120, position=(0.01, 0.0, 16.0), target=(0.0, 0.0, 0.0), hfov=1.0)
NIGHT = {
    "sun_radiance": (0.0, 0.0, 0.0),
    "zenith": (0.0, 0.0, 0.0),
    "horizon": (0.0, 0.0, 0.0),
    "ground": (0.0, 0.0, 0.0),
    "night": 1.0,
}
PEAK_CD = 20_000.0


def night(**more):
    return daylight((0.3, 0.2, -0.93), **{**NIGHT, **more})


def made_scene(static, prototypes=(), instances=(), lights=(), light=None):
    made = scene(static, prototypes, instances, light=light or night())
    return replace(
        made, materials=(CHALK, CHALK, made.materials[2]), lights=tuple(lights),
        air=Air(extinction_per_m=0.0),
    )  # fmt: skip


def config(**more):
    return RenderConfig(**{"shadow_size": 256, "occlusion": False, "radiance": True, **more})


def pendant(position=(0.0, 0.0, 6.0), power=40.0, **more):
    values = {"direction": (0.0, 0.0, -1.0), "intensity": (power, 0.8 * power, 0.5 * power)}
    return LocalLight(position_m=position, **{**values, **more})


def points_of(view, pixels):
    rows, columns = np.mgrid[0 : view.height, 0 : view.width] + 0.5
    return view.unproject(np.stack([columns, rows], -1), pixels.depth_m.astype(float))


def test_ground_under_a_lamp_follows_cosine_over_square_within_a_thousandth():
    lamp = pendant(power=4000.0, inner_rad=np.pi, outer_rad=np.pi)
    pixels = RasterRenderer(made_scene(ground(), lights=[lamp]), ABOVE, config()).render(state())
    points = points_of(ABOVE, pixels)
    towards = np.array(lamp.position_m) - points
    square = (towards**2).sum(axis=-1)
    expected = towards[..., 2] / square**1.5
    radiance = pixels.radiance / np.array(lamp.intensity) / np.array(CHALK.colour)
    expected = np.repeat(expected[..., None], 3, axis=2)
    np.testing.assert_allclose(radiance[30:90, 40:120], expected[30:90, 40:120], rtol=1e-3)


def test_lamp_that_rides_lights_the_ground_as_one_that_stands():
    """Baked once, or evaluated per frame from the kept response: within its eight bits.

    The other pixels of two by two share the light of the first.
    """
    still = pendant(position=(1.0, 2.0, 5.0))
    riding = replace(still, position_m=(0.0, 0.0, 0.0), instance=0)
    speck = mesh([(0, 0, 0), (0.001, 0, 0), (0, 0.001, 0)], [(0, 1, 2)])
    fixed = RasterRenderer(made_scene(ground(), lights=[still]), ABOVE, config()).render(state())
    moved = made_scene(ground(), [speck], [(1, 0)], lights=[riding])
    moving = RasterRenderer(moved, ABOVE, config()).render(state((1.0, 2.0, 5.0, 0.0)))
    assert fixed.radiance.max() > 0.3
    a, b = moving.radiance[::2, ::2], fixed.radiance[::2, ::2]
    np.testing.assert_allclose(a, b, rtol=0.02, atol=2e-3)


def test_cone_is_dark_outside_and_full_inside():
    lamp = pendant(inner_rad=0.4, outer_rad=0.6)
    pixels = RasterRenderer(made_scene(ground(), lights=[lamp]), ABOVE, config()).render(state())
    points = points_of(ABOVE, pixels)
    angle = np.arctan2(np.hypot(points[..., 0], points[..., 1]), 6.0)
    assert not pixels.radiance[angle > 0.605].any()
    inside = pixels.radiance[angle < 0.39]
    expected = 40.0 * 0.5 * np.cos(angle[angle < 0.39]) ** 3 / 36.0
    np.testing.assert_allclose(inside[:, 0], expected, rtol=4e-3)


def test_by_day_no_lamp_is_lit():
    lit = made_scene(ground(), lights=[pendant()], light=daylight())
    dark = made_scene(ground(), light=daylight())
    a, b = (RasterRenderer(one, ABOVE, config()).render(state()) for one in (lit, dark))
    np.testing.assert_array_equal(a.rgb, b.rgb)


def _share(right_deg, up_deg):
    x, y = np.tan(np.radians([right_deg, up_deg]))
    return beams.dipped_share(float(x), float(y)) * PEAK_CD


@pytest.mark.parametrize(
    ("name", "right_deg", "up_deg", "least", "most"),
    [
        ("B50L", -3.43, 0.57, 0, 350),
        ("75R", 1.15, -0.57, 10_100, np.inf),
        ("75L", -3.43, -0.57, 0, 10_600),
        ("50R", 1.72, -0.86, 10_100, np.inf),
        ("50V", 0.0, -0.86, 5_100, np.inf),
        ("25L", -9.0, -1.72, 1_700, np.inf),
        ("25R", 9.0, -1.72, 1_700, np.inf),
        ("zone III", -5.0, 2.0, 0, 625),
        ("zone III right", 8.0, 5.0, 0, 625),
    ],
)
def test_dipped_beam_keeps_to_the_points_of_ece_r112_class_b(name, right_deg, up_deg, least, most):
    assert least <= _share(right_deg, up_deg) <= most, name


def test_beams_never_exceed_their_peak_nor_the_bound_that_culls_them():
    x, y = np.meshgrid(np.tan(np.linspace(-1.4, 1.4, 181)), np.tan(np.linspace(-0.6, 0.4, 141)))
    for beam, share in ((1, beams.dipped_share), (2, beams.driving_share)):
        values = np.vectorize(share)(x, y)
        assert 0.9 < values.max() <= 1.02
        bound = np.array([beams.side_share(beam, float(one)) for one in x[0]])
        assert (values.max(axis=0) <= bound + 1e-9).all()


def test_own_headlight_leaves_the_ground_under_and_behind_the_car_dark():
    lamp = LocalLight(
        position_m=(2.1, 0.0, 0.65), direction=(1.0, 0.0, 0.0), intensity=(9.0, 9.0, 9.0),
        beam=Beam.LOW_BEAM, instance=0,
    )  # fmt: skip
    bonnet = mesh([(1, -1, 0.9), (2, -1, 0.9), (2, 1, 0.9)], [(0, 1, 2)])
    made = made_scene(ground(), [bonnet], [(1, 0)], lights=[lamp], light=night(exposure=80.0))
    pixels = RasterRenderer(made, ABOVE, config()).render(state((-3.0, 0.0, 0.0, 0.0)))
    points = points_of(ABOVE, pixels)
    on_ground = pixels.instance_id == 0
    behind = on_ground & (points[..., 0] < -0.95)
    ahead = on_ground & (np.abs(points[..., 1]) < 1.5) & (np.abs(points[..., 0] - 4.0) < 2.0)
    assert not pixels.radiance[behind].any()
    assert pixels.radiance[ahead].min() > 0.01


def _crowd():
    static = joined(ground(), box((0.4, 6, 4)), sphere(0.4, rings=12))
    lamps = [
        pendant(position=(-3.0, 3.0, 7.0), power=30.0),
        pendant(position=(9.0, -6.0, 7.0), power=30.0, outer_rad=1.45),
        LocalLight(
            position_m=(2.1, 0.6, 0.6), direction=(1.0, 0.0, 0.0), intensity=(90.0, 80.0, 70.0),
            beam=Beam.LOW_BEAM, instance=0,
        ),
        LocalLight(
            position_m=(0.0, 0.0, 0.6), direction=(-1.0, 0.0, 0.0), intensity=(0.8, 0.1, 0.1),
            inner_rad=0.2, outer_rad=1.2, instance=2, lit_when=8,
        ),
        LocalLight(
            position_m=(0.0, 0.0, 0.0), direction=(1.0, 0.0, 0.0), intensity=(2.0, 2.0, 2.0),
            beam=Beam.HIGH_BEAM, instance=1, lit_when=int(StateBit.RED),
        ),
    ]  # fmt: skip
    prototypes = [box((4, 2, 1.5)), sphere(0.6, rings=10), box((1, 1, 1), material=2)]
    return made_scene(static, prototypes, [(1, 0), (2, 1), (3, 2)], lamps)


def _states(count=7):
    """A car drives by and stops, a ball passes, a lamp switches; sometimes one is away."""
    return [
        state(
            (-4 + 1.1 * min(k, 3), -2, 0, 0.1 * min(k, 3)),
            (3 - 0.9 * k, 1, 3 + 0.2 * k, 0),
            (2, -4, 0, 0),
            visible=[k != 5, k != 3, 1],
            lamps=[0, int(StateBit.RED) * (k > 2), 8 * (k % 2)],
        )
        for k in range(count)
    ]


def test_each_lit_frame_equals_that_of_a_fresh_renderer():
    look = camera(320, 200)
    running = RasterRenderer(_crowd(), look, config())
    dirty = []
    for now in _states():
        pixels = running.render(now)
        fresh = RasterRenderer(_crowd(), look, config(threads=1)).render(now)
        np.testing.assert_array_equal(pixels.radiance, fresh.radiance)
        np.testing.assert_array_equal(pixels.rgb, fresh.rgb)
        np.testing.assert_array_equal(pixels.depth_m, fresh.depth_m)
        dirty.append(float(pixels.changed.mean()))
    assert dirty[0] == 1.0
    assert min(dirty[1:]) < 0.95


def test_moving_lamp_marks_the_tiles_it_lights_and_leaves():
    look = camera(320, 200)
    running = RasterRenderer(_crowd(), look, config())
    before = None
    for now in _states():
        pixels = running.render(now)
        mark = np.kron(pixels.changed, np.ones((16, 16), bool))[: look.height, : look.width]
        if before is not None:
            np.testing.assert_array_equal(pixels.rgb[~mark], before[~mark])
        before = pixels.rgb.copy()
