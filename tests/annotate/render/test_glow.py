"""Halos of lamps against brute-force quadrature, and how nodes are spread over the picture."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.render import beams, glow
from rareworld.annotate.render.lamps import LampSet, overhead
from rareworld.annotate.world.model import Beam, LocalLight
from tests.annotate.render.shapes import daylight, ground, scene

LAMP = LocalLight(
    position_m=(1.0, 2.0, 6.0), direction=(0.0, 0.0, -1.0), intensity=(1.0, 1.0, 1.0),
    inner_rad=np.pi, outer_rad=np.pi,
)  # fmt: skip


def _lamps(light):
    made = replace(scene(ground(), light=daylight(night=1.0)), lights=(light,))
    return LampSet(made, 1.0, overhead(np.full(2, -50.0), np.full(2, 50.0)), 0.0).lamps


def _twin(light, origin, view, far, beta, steps=400_000):
    """Radiance scattered into a ray by a fine midpoint sum; 1/4 turns irradiance into radiance."""
    s = (np.arange(steps) + 0.5) / steps * far
    to_lamp = np.array(light.position_m) - origin - s[:, None] * view
    away = np.linalg.norm(to_lamp, axis=1)
    towards = -to_lamp / away[:, None]
    ahead = towards @ np.array(light.direction)
    if light.outer_rad >= np.pi:
        share = np.ones(steps)
    else:
        inner, outer = np.cos(light.inner_rad), np.cos(light.outer_rad)
        share = np.array([beams.soft_step(outer, inner, one) for one in ahead])
    turn = (to_lamp / away[:, None]) @ view
    g = 0.7
    phase = 0.35 + 0.65 * (1 - g * g) / (1 + g * g - 2 * g * turn) ** 1.5
    light_in = share / away**2 * np.exp(-beta * (s + away)) * phase
    return 0.25 * beta * light_in.sum() * far / steps


CASES = [
    ((-10.0, 0.0, 5.0), (10.0, 3.0, 0.0), 40.0, 0.03),
    ((-10.0, 0.0, 5.0), (10.0, 3.0, 0.0), 9.0, 0.03),
    ((-25.0, -8.0, 9.0), (25.0, 12.0, -8.0), 30.0, 0.06),
    ((1.0, -30.0, 3.0), (0.5, 30.0, 2.0), 200.0, 0.004),
    ((30.0, 4.0, 2.0), (1.0, 0.3, 0.1), 60.0, 0.02),
]


@pytest.mark.parametrize(("origin", "towards", "far", "beta"), CASES)
def test_halo_is_the_airlight_integral_within_two_percent(origin, towards, far, beta):
    view = np.array(towards) / np.linalg.norm(towards)
    found = glow.glow_along(_lamps(LAMP), 0, *origin, *view, far, beta, 1e-3)
    assert found == pytest.approx(_twin(LAMP, np.array(origin), view, far, beta), rel=0.02)


@pytest.mark.parametrize(("origin", "towards", "far", "beta"), CASES)
def test_halo_of_a_hanging_lamp_is_within_a_tenth(origin, towards, far, beta):
    """A cone has borders, which six nodes see less well."""
    lamp = replace(LAMP, inner_rad=0.9, outer_rad=1.4)
    view = np.array(towards) / np.linalg.norm(towards)
    found = glow.glow_along(_lamps(lamp), 0, *origin, *view, far, beta, 1e-3)
    expected = _twin(lamp, np.array(origin), view, far, beta)
    assert found == pytest.approx(expected, rel=0.1, abs=0.05 * beta)


def test_scattering_keeps_light():
    cosine = np.linspace(-1, 1, 20_001)
    shares = np.array([glow.phase(float(one)) for one in cosine])
    assert np.trapezoid(shares, cosine) / 2 == pytest.approx(1.0, abs=1e-4)


def test_headlight_seen_from_the_front_has_a_brighter_halo_than_from_behind():
    lamp = replace(LAMP, direction=(1.0, 0.0, 0.0), beam=Beam.HIGH_BEAM)
    view = np.array([-1.0, 0.02, 0.0]) / np.hypot(1.0, 0.02)
    front = glow.glow_along(_lamps(lamp), 0, 31.0, 1.5, 6.0, *view, 60.0, 0.02, 0.1)
    back = glow.glow_along(_lamps(lamp), 0, -29.0, 1.5, 6.0, *-view, 60.0, 0.02, 0.1)
    assert front > 3 * back


def test_nodes_of_even_light_give_even_light_whatever_the_depths():
    random = np.random.Generator(np.random.Philox(4))
    depth = random.choice([3.0, 30.0, np.inf], (45, 70)).astype(np.float32)
    nodes = np.full((7, 10, 3), 0.25, np.float32)
    out = np.zeros((45, 70, 3), np.float32)
    for rows in ((0, 20), (20, 45)):
        glow.add_glow(nodes, depth, rows, out)
    np.testing.assert_allclose(out, 0.25, rtol=1e-6)


def test_light_does_not_leak_across_a_step_in_depth():
    depth = np.full((16, 64), 5.0, np.float32)
    depth[:, 30:] = 50.0
    nodes = np.zeros((3, 9, 3), np.float32)
    nodes[:, 4:] = 1.0
    out = np.zeros((16, 64, 3), np.float32)
    glow.add_glow(nodes, depth, (0, 16), out)
    assert out[:, 26:30].max() < 0.02
    assert out[:, 30:32].min() > 0.98
