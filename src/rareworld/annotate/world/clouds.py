"""Clouds drawn into the sky: heaps and streaks over a clear one, or a closed layer.

Heaps lie on a shell 1.4 km up, streaks of ice at 9 km, both as fractal noise (Perlin 1985, value
noise on a lattice); they are lit by the sun as it shines up there, so that they redden at sunset
and glow after it. A closed layer follows CIE's standard overcast sky (ISO 15469, type 1).
Proved in tests/annotate/world/test_clouds.py. Shapes: R x C cells of the dome.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.sky_dome import directions, on_level_card, solid_angles
from rareworld.annotate.world.sky_medium import EARTH_KM, Aerosol, direct_sun
from rareworld.annotate.world.sky_spectrum import srgb
from rareworld.annotate.world.sky_weather import Cover
from rareworld.core.seed import Seed

_LATTICE = 64
_HEAP_KM, _HEAP_SIZE_KM, _HEAP_DEPTH = 1.4, 2.6, 16.0
_STREAK_KM, _STREAK_SIZE_KM, _STREAK_DEPTH = 9.0, 6.0, 0.8
_CLEAR_ROUND_SUN = (0.985, 0.94)
"""Cosines between which heaps fade towards the sun: a clear sky has it in the open."""


@final
@dataclass(frozen=True)
class Lit:
    """Light in which clouds stand."""

    sun_direction: tuple[float, float, float]
    aerosol: Aerosol
    sky: Float[np.ndarray, "3"]
    """On a level card from the clear sky alone."""
    ground: Float[np.ndarray, "3"]
    """Radiance that comes up from the ground."""

    def sun_at(self, height_km: float) -> Float[np.ndarray, "3"]:
        """Return the sun's irradiance on a facing card up there."""
        elevation = float(np.arcsin(np.clip(self.sun_direction[2], -1, 1)))
        return srgb(direct_sun(elevation, self.aerosol, height_km))


def fractal(
    x: Float[np.ndarray, "*s"],
    y: Float[np.ndarray, "*s"],
    foot: Float[np.ndarray, "*s"],
    seed: Seed,
) -> Float[np.ndarray, "*s"]:
    """Return noise with mean near 0.5 whose largest waves are 1 long.

    Args:
        x: First coordinate.
        y: Second coordinate.
        foot: Size of what one cell sees; finer waves are left out.
        seed: Same seed, same noise.
    """
    total, weight = np.zeros_like(x), np.zeros_like(x)
    for octave in range(6):
        rng = seed.child(octave).generator()
        table = rng.random((_LATTICE, _LATTICE))
        shift = rng.uniform(0, _LATTICE, 2)
        scale, gain = 2.0**octave, 0.55**octave
        seen = gain * np.clip(1.5 - 2 * foot * scale, 0.0 if octave else 1.0, 1)
        total += seen * _lattice(table, x * scale + shift[0], y * scale + shift[1])
        weight += seen
    return total / weight


def _lattice(table: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a smooth surface through random heights at whole numbers."""
    i, j = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    a, b = x - i, y - j
    a, b = a * a * (3 - 2 * a), b * b * (3 - 2 * b)
    i, j = i % _LATTICE, j % _LATTICE
    right, up = (i + 1) % _LATTICE, (j + 1) % _LATTICE
    low = table[i, j] * (1 - a) + table[right, j] * a
    return low * (1 - b) + (table[i, up] * (1 - a) + table[right, up] * a) * b


def on_shell(
    way: Float[np.ndarray, "r c 3"], height_km: float
) -> tuple[Float[np.ndarray, "r c 2"], Float[np.ndarray, "r c"]]:
    """Return where each direction meets a layer (east, north in km), and how far away."""
    along = EARTH_KM * way[..., 2]
    far = -along + np.sqrt(along**2 + 2 * EARTH_KM * height_km + height_km**2)
    return way[..., :2] * far[..., None], far


def _smooth(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _footprint(way: Float[np.ndarray, "r c 3"], far: Float[np.ndarray, "r c"]) -> np.ndarray:
    """Return kilometres of the layer that a cell covers, along the view where that is more."""
    return 0.012 * far / np.maximum(way[..., 2], 0.05)


def heap_depth(
    way: Float[np.ndarray, "r c 3"], share: float, seed: Seed, shift_km: np.ndarray | None = None
) -> Float[np.ndarray, "r c"]:
    """Return the optical depth of heaps that cover a share of the sky.

    Args:
        way: Directions.
        share: Of the sky's solid angle above 6 degrees that is under cloud.
        seed: Of the noise.
        shift_km: Looks at the field from this far aside.
    """
    place, far = on_shell(way, _HEAP_KM)
    foot = _footprint(way, far) / _HEAP_SIZE_KM
    base = _heaps(place, foot, seed)
    weight = np.repeat(solid_angles(*way.shape[:2])[:, None], way.shape[1], axis=1)
    high = way[..., 2] > 0.1
    order = np.argsort(base[high])
    passed = np.cumsum(weight[high][order]) / weight[high].sum()
    edge = base[high][order][min(int(np.searchsorted(passed, 1 - share)), len(order) - 1)]
    if shift_km is not None:
        base = _heaps(place + shift_km, foot, seed)
    return _HEAP_DEPTH * np.clip((base - edge) / 0.20, 0, 1.4) ** 1.4


def _heaps(place: np.ndarray, foot: np.ndarray, seed: Seed) -> np.ndarray:
    at = place / _HEAP_SIZE_KM
    return fractal(at[..., 0], at[..., 1], foot, seed.child("heaps"))


def _heap_light(
    way: Float[np.ndarray, "r c 3"], depth: np.ndarray, towards_sun: np.ndarray, lit: Lit
) -> Float[np.ndarray, "r c 3"]:
    """Return the radiance of heaps: light from above through them, on their sides and from below.

    Diffuse transmission of a layer by its depth as in two-stream theory with asymmetry 0.85.
    """
    sun, sun_up = lit.sun_at(_HEAP_KM + 0.4), max(lit.sun_direction[2], 0.0)
    through = 1 / (1 + 0.11 * depth)[..., None]
    back = 1 - through
    facing = _smooth(0.5 + (depth - towards_sun) / (0.9 * _HEAP_DEPTH))[..., None]
    cosine = way @ np.asarray(lit.sun_direction)
    rim = (np.exp(-depth) * np.clip(cosine, 0, 1) ** 12)[..., None]
    flat = float(np.sqrt(1 - min(lit.sun_direction[2] ** 2, 1.0)))
    sides = (0.30 + 0.55 * flat) * sun * facing * (0.35 + 0.65 * back)
    return through * (sun * sun_up + lit.sky) + back * lit.ground + sides + 0.8 * sun * rim


def with_heaps(
    panorama: Float[np.ndarray, "r c 3"], share: float, lit: Lit, seed: Seed
) -> Float[np.ndarray, "r c 3"]:
    """Return a sky with heaps of cloud, which fade into the haze with distance."""
    way = directions(*panorama.shape[:2])
    sun = np.asarray(lit.sun_direction)
    step = 0.45 * sun[:2] / max(float(np.hypot(sun[0], sun[1])), 1e-6)
    first, last = _CLEAR_ROUND_SUN
    open_sun = _smooth((first - way @ sun) / (first - last))
    depth = heap_depth(way, share, seed) * open_sun
    aside = heap_depth(way, share, seed, step) * open_sun
    colour = _heap_light(way, depth, aside, lit)
    far = on_shell(way, _HEAP_KM)[1]
    seen = ((1 - np.exp(-0.8 * depth)) * np.exp(-far / 28.0))[..., None]
    return panorama * (1 - seen) + colour * seen


def with_streaks(
    panorama: Float[np.ndarray, "r c 3"], strength: float, lit: Lit, seed: Seed
) -> Float[np.ndarray, "r c 3"]:
    """Return a sky with thin clouds of ice, combed by the wind up there."""
    way = directions(*panorama.shape[:2])
    place, far = on_shell(way, _STREAK_KM)
    turn = seed.child("wind aloft").generator().uniform(0, 2 * np.pi)
    along = place @ np.array([np.cos(turn), np.sin(turn)]) / (2.0 * _STREAK_SIZE_KM)
    across = place @ np.array([-np.sin(turn), np.cos(turn)]) / (0.75 * _STREAK_SIZE_KM)
    foot = _footprint(way, far) / _STREAK_SIZE_KM
    bent = across + 0.5 * fractal(along, across * 0.4, foot, seed.child("bend"))
    noise = fractal(along * 0.8, bent, foot, seed.child("streaks"))
    depth = _STREAK_DEPTH * strength * _smooth((noise - 0.46) / 0.36)
    sun = lit.sun_at(_STREAK_KM)
    near = np.clip(way @ np.asarray(lit.sun_direction), 0, 1)[..., None]
    colour = sun * (0.20 + 0.45 * near**6) + lit.sky * 0.5 + lit.ground * 0.5
    seen = ((1 - np.exp(-depth)) * np.exp(-far / 160.0))[..., None]
    return panorama * (1 - seen) + colour * seen


def closed_layer(
    light: Float[np.ndarray, "3"], cover: Cover, lit: Lit, seed: Seed, shape: tuple[int, int]
) -> Float[np.ndarray, "r c 3"]:
    """Return the sky of a closed layer that gives a level card this much light.

    Graded as (horizon + (1 - horizon) sin elevation) of the zenith, with patches and a brighter
    place where the sun stands behind it.
    """
    way = directions(*shape)
    low = cover.horizon_share
    even = low + (1 - low) * way[..., 2]
    even = even * _patches(way, cover.patchy, seed)
    cosine = np.clip(way @ np.asarray(lit.sun_direction), -1, 1)
    spot = np.exp(-(1 - cosine) / 0.055) + 0.25 * np.exp(-(1 - cosine) / 0.4)
    layers = [(even, 1 - cover.glow), (spot, cover.glow)]
    total = sum(share * part / on_level_card(part[..., None])[0] for part, share in layers)
    return np.asarray(total)[..., None] * light


def _patches(way: Float[np.ndarray, "r c 3"], strength: float, seed: Seed) -> np.ndarray:
    """Return factors near 1: thicker and thinner parts of a layer, even near the horizon."""
    place, far = on_shell(way, 1.0)
    at = place / 3.5
    foot = _footprint(way, far) / 3.5
    noise = fractal(at[..., 0], at[..., 1], foot, seed.child("layer"))
    return 1 + strength * 2.2 * (noise - 0.5) * np.exp(-far / 14.0)
