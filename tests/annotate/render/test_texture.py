"""Texture filtering against a plain twin that averages and interpolates by hand."""

import numpy as np
import pytest

from annotate.render import twins
from rareworld.annotate.render.texture import bilinear, filtered, mip_levels, trilinear

SIDE = 32


@pytest.fixture(scope="module")
def made():
    random = np.random.Generator(np.random.Philox(8))
    textures = random.uniform(0, 2, (3, SIDE, SIDE, 3)).astype(np.float32)
    return textures, mip_levels(textures)


def _places(count=40):
    return np.random.Generator(np.random.Philox(2)).uniform(-3, 3, (count, 2))


@pytest.mark.parametrize("level", [0, 1, 3, 5])
def test_bilinear_is_the_twins_on_every_level(made, level):
    textures, levels = made
    for u, v in _places():
        expected = twins.texel(textures[1].astype(float), level, u, v)
        np.testing.assert_allclose(bilinear(levels, 1, level, u, v), expected, rtol=1e-4)


@pytest.mark.parametrize("lod", [-3.0, 0.0, 0.4, 1.0, 2.75, 4.99, 9.0])
def test_trilinear_mixes_two_levels_and_stays_within_the_pyramid(made, lod):
    textures, levels = made
    for u, v in _places(20):
        expected = twins.trilinear(textures[2].astype(float), lod, u, v)
        np.testing.assert_allclose(trilinear(levels, 2, lod, u, v), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("right", "down"),
    [
        ((0.01, 0.0), (0.0, 0.02)),
        ((0.2, 0.1), (-0.01, 0.03)),
        ((0.004, 0.001), (0.3, -0.6)),
        ((0.9, 0.0), (0.0, 0.00001)),
        ((2.0, 1.0), (1.0, 3.0)),
    ],
)
def test_footprints_are_probed_along_their_longer_side(made, right, down):
    textures, levels = made
    for u, v in _places(20):
        expected = twins.filtered(textures[0].astype(float), u, v, right, down)
        np.testing.assert_allclose(filtered(levels, 0, u, v, *right, *down), expected, rtol=1e-4)


def test_stretched_footprint_stays_sharp_across_its_short_side(made):
    """Stripes along u: a footprint long in u must keep them, one long in v must blur them."""
    stripes = np.zeros((1, SIDE, SIDE, 3), np.float32)
    stripes[:, ::8] = stripes[:, 1::8] = stripes[:, 2::8] = stripes[:, 3::8] = 2.0
    levels = mip_levels(stripes)
    v = np.arange(SIDE) / SIDE + 0.5 / SIDE
    along = [filtered(levels, 0, 0.3, at, 0.2, 0.0, 0.0, 0.02)[0] for at in v]
    across = [filtered(levels, 0, 0.3, at, 0.02, 0.0, 0.0, 0.5)[0] for at in v]
    assert np.ptp(along) > 1.8
    assert np.ptp(across) < 0.3
