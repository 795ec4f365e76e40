"""What street lamps give at night: one light per lamp, all of a town's kind.

Illuminance below a lamp follows EN 13201 (mean 10 to 15 lux on a street, two to three times that
under the lamp). Colours: white and warm light-emitting diodes (4000 K, 2700 K) and high-pressure
sodium (2000 K), as a camera balanced half-way between daylight and lamps shows them.
Proved in tests/annotate/world/test_street_light.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from rareworld.annotate.world.model import Daylight, LocalLight, Material
from rareworld.annotate.world.sky_spectrum import UNIT_LUX
from rareworld.core.scene import Prop, PropKind
from rareworld.core.seed import Seed

UNDER_LUX = 26.0
"""Under a lamp, whatever its height: higher ones are stronger."""
LAMP_GLASS = "street lamp glass"
"""Material that shines where lamps are lit."""
_INNER_RAD, _OUTER_RAD = 1.12, 1.42
_GLASS_RADIANCE = 0.8
"""Of the lit glass: 25 000 cd/m2."""


@final
@dataclass(frozen=True, kw_only=True)
class LampKind:
    """A technology of street lighting."""

    name: str
    colour: tuple[float, float, float]
    """Linear sRGB of luminance 1."""
    share: float
    """Of all towns."""


LAMP_KINDS = (
    LampKind(name="white diodes", colour=(1.06, 1.00, 0.84), share=0.55),
    LampKind(name="warm diodes", colour=(1.30, 0.95, 0.62), share=0.20),
    LampKind(name="sodium", colour=(1.72, 0.86, 0.26), share=0.25),
)


def lamp_kind(seed: Seed) -> LampKind:
    """Return which lamps the place has."""
    shares = np.cumsum([kind.share for kind in LAMP_KINDS])
    drawn = seed.child("street lamps").generator().uniform(0, shares[-1])
    return LAMP_KINDS[int(np.searchsorted(shares, drawn))]


def lamp_head_m(prop: Prop) -> tuple[float, float, float]:
    """Return where the glass of a street lamp is, in the world (see `props.street_lamp`)."""
    reach, (x, y, z) = max(prop.size_m[0] - 0.3, 1.0) + 0.03, prop.position_m
    return (
        float(x + reach * np.cos(prop.yaw_rad)),
        float(y + reach * np.sin(prop.yaw_rad)),
        z + prop.size_m[2] - 0.15,
    )


def street_lights(props: Sequence[Prop], light: Daylight, seed: Seed) -> tuple[LocalLight, ...]:
    """Return a light per street lamp where it is dark, dimmer while dusk falls.

    Args:
        props: Of the scene; only street lamps count.
        light: Decides whether lamps are on.
        seed: Of the place.
    """
    if light.night <= 0:
        return ()
    kind = lamp_kind(seed)
    return tuple(
        _light(prop, kind, light.night) for prop in props if prop.kind is PropKind.STREET_LAMP
    )


def _light(prop: Prop, kind: LampKind, night: float) -> LocalLight:
    height = prop.size_m[2] - 0.15
    red, green, blue = (
        night * UNDER_LUX / UNIT_LUX * height * height * part for part in kind.colour
    )
    return LocalLight(
        position_m=lamp_head_m(prop),
        direction=(0.0, 0.0, -1.0),
        intensity=(red, green, blue),
        inner_rad=_INNER_RAD,
        outer_rad=_OUTER_RAD,
        radius_m=0.15,
    )


def lit_materials(
    materials: tuple[Material, ...], light: Daylight, seed: Seed
) -> tuple[Material, ...]:
    """Return the materials with the glass of street lamps shining where it is dark."""
    red, green, blue = (light.night * _GLASS_RADIANCE * part for part in lamp_kind(seed).colour)
    return tuple(
        replace(one, emission=(red, green, blue)) if one.name == LAMP_GLASS else one
        for one in materials
    )
