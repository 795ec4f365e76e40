"""Street lamps: where they shine from, how bright the street below is, when they are on."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.light import daylight
from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.prop_shop import PropShop
from rareworld.annotate.world.sky_spectrum import LUMINANCE, UNIT_LUX
from rareworld.annotate.world.street_light import (
    LAMP_GLASS,
    LAMP_KINDS,
    UNDER_LUX,
    lamp_head_m,
    lamp_kind,
    lit_materials,
    street_lights,
)
from rareworld.annotate.world.sun import at_lighting
from rareworld.core.conditions import Lighting
from rareworld.core.scene import Light, Prop, PropKind
from rareworld.core.seed import Seed


def lamp(number: int = 0, height: float = 7.0, yaw: float = 0.4) -> Prop:
    return Prop(
        id=10_000 + number,
        kind=PropKind.STREET_LAMP,
        position_m=(30.0 * number, -4.0, 0.12),
        yaw_rad=yaw,
        size_m=(2.0, 0.3, height),
        style=number,
    )


NIGHT = daylight(at_lighting(Light(), Lighting.NIGHT))
NOON = daylight(at_lighting(Light(), Lighting.ZENITH))
SEED = Seed(5)


@pytest.mark.parametrize("yaw", [0.0, 1.2, -2.5])
@pytest.mark.parametrize("height", [5.0, 8.0])
def test_the_light_sits_just_below_the_glass_of_the_drawn_lamp(yaw, height):
    prop = lamp(3, height, yaw)
    mesh = PropShop((0.0, 0.0)).make(prop)
    glass = mesh.vertices_m[mesh.triangles[mesh.material == material(LAMP_GLASS)].ravel()]
    middle = (glass.min(axis=0) + glass.max(axis=0)) / 2
    assert lamp_head_m(prop) == pytest.approx(middle, abs=0.06)
    assert lamp_head_m(prop)[2] < glass[:, 2].min()


@pytest.mark.parametrize("height", [5.0, 6.5, 8.0])
def test_the_street_below_a_lamp_gets_its_lux_whatever_the_height(height):
    (light,) = street_lights([lamp(0, height)], NIGHT, SEED)
    drop = height - 0.15
    lux = np.array(light.intensity) @ LUMINANCE / drop**2 * UNIT_LUX
    assert lux == pytest.approx(UNDER_LUX, rel=0.03)
    assert 20 <= UNDER_LUX <= 30


def test_a_row_of_lamps_gives_the_mean_of_a_lit_street():
    """EN 13201: 7.5 to 15 lux on average between lamps 28 m apart, on a road 10 m wide."""
    lights = street_lights([lamp(k, 7.0, np.pi / 2) for k in range(9)], NIGHT, SEED)
    x, y = np.meshgrid(np.linspace(90, 120, 61), np.linspace(-4, 6, 21))
    total = np.zeros_like(x)
    for light in lights:
        dx, dy, dz = (a - b for a, b in zip((x, y, 0.0), light.position_m, strict=True))
        far = np.sqrt(dx**2 + dy**2 + dz**2)
        angle = np.arccos(-dz / far)
        edge = (light.outer_rad - angle) / (light.outer_rad - light.inner_rad)
        share = np.clip(edge, 0, 1) ** 2 * (3 - 2 * np.clip(edge, 0, 1))
        total += np.array(light.intensity) @ LUMINANCE * share * (-dz / far) / far**2
    assert 7.5 < total.mean() * UNIT_LUX < 15
    assert total.min() > 0.08 * total.max()


def test_lamps_are_off_by_day_and_other_props_never_shine():
    pole = replace(lamp(7), kind=PropKind.POLE)
    assert street_lights([lamp(1), lamp(2)], NOON, SEED) == ()
    assert len(street_lights([lamp(1), pole, lamp(2)], NIGHT, SEED)) == 2


def test_lamps_fade_in_with_the_dusk():
    dusk = daylight(at_lighting(Light(), Lighting.TWILIGHT))
    (dim,), (full,) = (street_lights([lamp()], light, SEED) for light in (dusk, NIGHT))
    assert 0 < dim.intensity[1] < full.intensity[1]


def test_a_town_has_lamps_of_one_kind_and_towns_differ():
    kinds = [lamp_kind(Seed(seed)).name for seed in range(60)]
    assert set(kinds) == {kind.name for kind in LAMP_KINDS}
    assert kinds.count("white diodes") > kinds.count("sodium")
    assert lamp_kind(Seed(4)) == lamp_kind(Seed(4))


@pytest.mark.parametrize("kind", LAMP_KINDS, ids=lambda kind: kind.name)
def test_lamp_colours_differ_in_hue_only(kind):
    assert np.array(kind.colour) @ LUMINANCE == pytest.approx(1, rel=0.03)
    assert kind.colour[0] > kind.colour[2]


def test_the_glass_shines_at_night_only():
    index = material(LAMP_GLASS)
    assert lit_materials(MATERIALS, NOON, SEED)[index].emission == (0, 0, 0)
    assert min(lit_materials(MATERIALS, NIGHT, SEED)[index].emission) > 0.1
    others = [
        (a, b)
        for k, (a, b) in enumerate(
            zip(MATERIALS, lit_materials(MATERIALS, NIGHT, SEED), strict=True)
        )
        if k != index
    ]
    assert all(a is b for a, b in others)
