"""Sun, sky and clouds of one instant as the record that renderers read, and how a camera meters it.

The clear sky is `sky`, clouds are `clouds`, what weather does to both is `sky_weather`; the sun's
place is `sun`. Proved in tests/annotate/world/test_light.py and test_world_sun.py.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.clouds import Lit, closed_layer, with_heaps, with_streaks
from rareworld.annotate.world.model import Daylight
from rareworld.annotate.world.sky import clear_sky, town_glow
from rareworld.annotate.world.sky_dome import (
    ambient,
    elevations,
    on_level_card,
    on_upright_cards,
    solid_angles,
)
from rareworld.annotate.world.sky_medium import direct_sun
from rareworld.annotate.world.sky_spectrum import LUMINANCE, UNIT_LUX, srgb
from rareworld.annotate.world.sky_weather import Cover, aerosol, cover, ground_albedo
from rareworld.annotate.world.street_light import lamp_kind
from rareworld.annotate.world.sun import sun_direction
from rareworld.core.conditions import Conditions
from rareworld.core.scene import Light
from rareworld.core.seed import Seed

STREET_LUX = 10.0
"""Mean illuminance of a lit street (EN 13201, classes P1 and M4: about 10 to 15)."""
_DARK_LUX, _BRIGHT_LUX = 20.0, 300.0
"""Lamps are all lit below, none above; photocells of street lamps switch around 70 lux."""
_GREY_LUX, _GREY = (10.0, 3000.0), (0.15, 0.27)
"""Exposed mean radiance that a camera's meter aims at in the dark and by day."""
_GAIN_LIMIT = 30000.0
"""Longest exposure and highest gain, over full sun: 1/25 s for 1/4000 s, wide iris, 30 dB."""
_STRAY = 0.06
"""Share of street light that walls send back down."""
_HORIZON_RAD = np.radians(6.0)


def daylight(light: Light, conditions: Conditions | None = None, seed: int = 0) -> Daylight:
    """Return the light of a place and time in a weather.

    Args:
        light: Place and time.
        conditions: Weather and what lies on the ground; a clear day if None.
        seed: Of the clouds.
    """
    chosen = conditions or Conditions()
    direction, over = sun_direction(light), cover(chosen)
    albedo = np.array(ground_albedo(chosen))
    full_sun = srgb(direct_sun(float(np.arcsin(direction[2])), aerosol(chosen)))
    sun = full_sun * over.sun
    sky = _sky(direction, full_sun, chosen, over, seed)
    level = on_level_card(sky) + sun * max(direction[2], 0.0)
    night = _night(float(level @ LUMINANCE) * UNIT_LUX)
    lamps = night * STREET_LUX / UNIT_LUX * np.array(lamp_kind(Seed(seed)).colour)
    ground = (level + lamps) * albedo
    made = Daylight(
        sun_direction=direction,
        sun_radiance=_triple(sun),
        zenith=_triple(sky[:4].mean(axis=(0, 1))),
        horizon=_triple(_low(sky)),
        ground=_triple(ground),
        panorama=sky.astype(np.float32),
        ambient=ambient(sky + _STRAY * lamps, ground).astype(np.float32),
        night=night,
    )
    return replace(made, exposure=exposure(made, over.veil))


def _sky(
    direction: tuple[float, float, float],
    full_sun: Float[np.ndarray, "3"],
    conditions: Conditions,
    over: Cover,
    seed: int,
) -> Float[np.ndarray, "r c 3"]:
    """Return the panorama: clear sky, then heaps, streaks and layer, then the glow of the town."""
    haze, albedo = aerosol(conditions), np.array(ground_albedo(conditions))
    sky = clear_sky(direction, haze, float(albedo.mean()))
    level = on_level_card(sky)
    both = level + full_sun * max(direction[2], 0.0)
    lit = Lit(direction, haze, level, both * albedo)
    clouds = Seed(seed).child("clouds")
    if over.streaks > 0:
        sky = with_streaks(sky, over.streaks, lit, clouds)
    if over.lumps > 0:
        sky = with_heaps(sky, over.lumps, lit, clouds)
    if over.deck > 0:
        returned = 1 / (1 - 0.6 * albedo)  # light that goes to and fro between layer and ground
        light = both * over.through * returned * np.array(over.tint)
        layer = closed_layer(light, over, lit, clouds, sky.shape[:2])
        sky = sky * (1 - over.deck) + layer * over.deck
    return sky + town_glow(*sky.shape[:2]) * over.town


def _low(sky: Float[np.ndarray, "r c 3"]) -> Float[np.ndarray, "3"]:
    """Return the mean radiance just above the horizon."""
    rows, columns = sky.shape[:2]
    weight = solid_angles(rows, columns) * (elevations(rows) < _HORIZON_RAD)
    return np.einsum("rcx,r->x", sky, weight) / (weight.sum() * columns)


def _night(lux: float) -> float:
    """Return 0 by day to 1 when it is dark enough for all lamps."""
    share = np.log(_BRIGHT_LUX / max(lux, 1e-9)) / np.log(_BRIGHT_LUX / _DARK_LUX)
    return float(np.clip(share, 0, 1))


def exposure(light: Daylight, veil: float = 0.0) -> float:
    """Return what a traffic camera's meter would choose for a street in this light.

    The mean of a picture is kept constant by day and lower in the dark; at night gain and shutter
    reach their ends, so that night stays dark and only what lamps light is readable.

    Args:
        light: All but its exposure counts.
        veil: Share of the picture that shows air in the colour of the horizon.
    """
    sky = light.panorama.astype(np.float64)
    sun, up = np.array(light.sun_radiance), light.sun_direction[2]
    level = on_level_card(sky) + sun * max(up, 0.0)
    upright = on_upright_cards(sky) + np.array(light.ground) / 2
    upright += sun * float(np.sqrt(max(1 - up * up, 0.0))) / np.pi
    ground = np.array(light.ground) + 0.06 * level
    mean = 0.55 * ground + 0.30 * 0.25 * upright + 0.15 * np.array(light.horizon)
    mean = (1 - veil) * mean + veil * np.array(light.horizon)
    lamps = light.night * STREET_LUX
    grey = np.interp(np.log(float(level @ LUMINANCE) * UNIT_LUX + lamps), np.log(_GREY_LUX), _GREY)
    wanted = grey / (float(mean @ LUMINANCE) + 0.15 * lamps / UNIT_LUX)
    return float(1 / (1 / wanted + 1 / _GAIN_LIMIT))


def _triple(values: Float[np.ndarray, "3"]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
