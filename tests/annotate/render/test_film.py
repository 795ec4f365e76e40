"""Display values of linear radiance."""

import numpy as np
import pytest

from annotate.render import twins
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.film import develop
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.render.sky import film_table
from tests.annotate.render.shapes import box, camera, ground, scene, state

LOOK = camera(160, 120)


def _developed(radiance):
    rgb = np.zeros(radiance.shape, np.uint8)
    for rows in ((0, 7), (7, len(radiance))):
        develop(radiance, rgb, film_table(), rows)
    return rgb


def test_grey_ramp_is_the_filmic_curve_within_half_a_step():
    ramp = np.repeat(np.geomspace(1e-4, 3.9, 400)[:, None, None], 3, axis=2).astype(np.float32)
    np.testing.assert_allclose(_developed(ramp), twins.display(ramp), atol=0.75)


@pytest.mark.parametrize("strength", [10.0, 300.0, 1000.0])
def test_bright_red_lamp_stays_red(strength):
    lamp = np.full((8, 1, 3), (strength, 0.04 * strength, 0.03 * strength), np.float32)
    red, green, blue = _developed(lamp)[0, 0].astype(int)
    assert red >= 250
    assert green < 150
    assert blue < green


def test_radiance_developed_is_the_picture_where_nothing_glares():
    made = scene(ground(), [box((4, 2, 1.5))], [(1, 0)])
    config = RenderConfig(radiance=True, shadow_size=512)
    pixels = RasterRenderer(made, LOOK, config).render(state((0, 0, 0, 0)))
    assert pixels.radiance is not None
    np.testing.assert_array_equal(_developed(pixels.radiance), pixels.rgb)
    plain = RasterRenderer(made, LOOK, RenderConfig(shadow_size=512)).render(state((0, 0, 0, 0)))
    assert plain.radiance is None
    np.testing.assert_array_equal(plain.rgb, pixels.rgb)
