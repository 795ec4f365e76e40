"""The reference line against closed forms, Fresnel integrals and fine numeric integration."""

import numpy as np
import pytest
from scipy.special import fresnel

from rareworld.data.formats.opendrive.geometry import Clothoid, Cubic, Line, ParametricCubic

S = np.linspace(0.0, 80.0, 41)


def test_line_runs_along_its_heading():
    assert np.array_equal(Line().local(S), np.stack([S, 0 * S, 0 * S], axis=1))


@pytest.mark.parametrize("curvature", [0.05, -0.2, 1e-6])
def test_arc_matches_the_circle_to_a_nanometre(curvature: float):
    u, v, heading = Clothoid(curvature, 0.0).local(S).T
    angle = curvature * S
    assert np.allclose(heading, angle, atol=1e-12)
    assert np.allclose(u, np.sin(angle) / curvature, atol=1e-9)
    # 1 - cos suffers cancellation at tiny curvature, so the half-angle form is the oracle
    assert np.allclose(v, 2 * np.sin(angle / 2) ** 2 / curvature, atol=1e-9)


@pytest.mark.parametrize("rate", [5e-4, -2e-3])
def test_spiral_matches_fresnel_integrals_to_a_nanometre(rate: float):
    u, v, heading = Clothoid(0.0, rate).local(S).T
    scale = np.sqrt(np.pi / abs(rate))
    sine, cosine = fresnel(S / scale)
    assert np.allclose(u, scale * cosine, atol=1e-9)
    assert np.allclose(v, np.sign(rate) * scale * sine, atol=1e-9)
    assert np.allclose(heading, rate * S**2 / 2, atol=1e-12)


def test_spiral_that_starts_bent_is_a_piece_of_a_longer_one():
    whole = Clothoid(0.0, 1e-3).local(S + 20.0)
    start = Clothoid(0.0, 1e-3).local(np.array([20.0]))[0]
    piece = Clothoid(0.02, 1e-3).local(S)
    cos, sin = np.cos(start[2]), np.sin(start[2])
    x = start[0] + cos * piece[:, 0] - sin * piece[:, 1]
    y = start[1] + sin * piece[:, 0] + cos * piece[:, 1]
    assert np.allclose(np.stack([x, y], axis=1), whole[:, :2], atol=1e-9)


def test_cubic_is_walked_by_arc_length():
    curve = Cubic((0.0, 0.0, 0.02, -0.0003))
    points = curve.local(np.linspace(0.0, 30.0, 30001))[:, :2]
    length = np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum()
    assert np.allclose(length, np.linspace(0.0, 30.0, 30001)[1:], atol=1e-5)
    assert np.allclose(points[:, 1], 0.02 * points[:, 0] ** 2 - 0.0003 * points[:, 0] ** 3)


@pytest.mark.parametrize(("per_m", "scale"), [(1.0, 1.0), (1 / 30, 30.0)])
def test_parameter_range_only_rescales_the_curve(per_m: float, scale: float):
    u = tuple(value * scale**k for k, value in enumerate((0.0, 1.0, 0.0, -2e-4)))
    v = tuple(value * scale**k for k, value in enumerate((0.0, 0.0, 0.01, 0.0)))
    s = np.linspace(0.0, 30.0, 16)
    x, y, heading = ParametricCubic(u, v, per_m).local(s).T
    assert np.allclose(x, s - 2e-4 * s**3, atol=1e-12)
    assert np.allclose(y, 0.01 * s**2, atol=1e-12)
    assert np.allclose(heading, np.arctan2(0.02 * s, 1 - 6e-4 * s**2), atol=1e-12)
