"""Procedural tiling textures, linear and of mean one, the same bytes for the same seed.

Noise is white noise shaped in the Fourier domain (so it tiles); masonry comes from the fractional
part of texture coordinates. The mean is one per channel, so that the material decides the colour.
"""

import numpy as np
from jaxtyping import Float, Float32

from rareworld.annotate.world.model import Texture
from rareworld.core.seed import Seed

SIZE = 256
"""Texels per side."""

Plane = Float[np.ndarray, "s s"]


def noise(seed: Seed, wavelength: tuple[float, float], slope: float = 0.0) -> Plane:
    """Return tiling noise of mean 0 and deviation 1.

    Args:
        seed: Its stream.
        wavelength: Shortest and longest wavelength kept, in texels.
        slope: Power of the wavelength; larger gives softer clouds.
    """
    white = np.fft.rfft2(seed.generator().standard_normal((SIZE, SIZE)))
    fy, fx = np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None]
    frequency = np.maximum(np.hypot(fx, fy), 1 / SIZE)
    keep = (frequency <= 1 / wavelength[0]) & (frequency >= 1 / wavelength[1])
    field = np.fft.irfft2(white * keep * frequency**-slope, (SIZE, SIZE))
    field -= field.mean()
    return field / max(float(field.std()), 1e-12)


def _grid() -> tuple[Plane, Plane]:
    """Return u (across) and v (up) in 0..1."""
    axis = (np.arange(SIZE) + 0.5) / SIZE
    return np.meshgrid(axis, axis)


def _tint(plane: Plane, tint: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    """Return a colour texture of mean one; `tint` shifts channels with the brightness."""
    level = np.maximum(plane, 0.05)[..., None]
    colour = level ** (1 + np.asarray(tint))
    return colour / colour.mean(axis=(0, 1))


def _asphalt(seed: Seed) -> np.ndarray:
    """Return stones of a centimetre or two in binder: mostly grain, some pale, some dark."""
    grain = noise(seed.child("grain"), (2, 3))
    stone = noise(seed.child("stone"), (2, 5), 0.3)
    wear = noise(seed.child("wear"), (16, 64), 0.6)
    pale, dark = np.clip(stone - 1.5, 0, 1.5), np.clip(-stone - 1.3, 0, 1.5)
    return _tint(1 + 0.11 * grain + 0.30 * pale - 0.22 * dark + 0.018 * wear)


def _paint(seed: Seed) -> np.ndarray:
    """Return road paint: chips down to the asphalt, hair cracks, grime in the grain."""
    grain = noise(seed.child("grain"), (2, 5))
    flake = noise(seed.child("flake"), (3, 44), 0.45)
    crack = np.abs(noise(seed.child("crack"), (10, 60), 0.5))
    grime = noise(seed.child("grime"), (12, 128), 0.8)
    chip = np.clip((flake + 0.35 * grain - 1.25) * 2.2, 0, 1)
    hair = np.clip(1 - crack / 0.035, 0, 1) * np.clip(grime + 0.6, 0, 1)
    whole = 1 + 0.035 * grain - 0.05 * np.clip(grime, -1, 2)
    return _tint(whole * (1 - 0.72 * chip) * (1 - 0.4 * hair))


def _grass(seed: Seed) -> np.ndarray:
    blade = noise(seed.child("blade"), (2, 3))
    tuft = noise(seed.child("tuft"), (4, 30), 0.5)
    dry = np.clip(noise(seed.child("dry"), (8, 48), 0.6), -1.5, 2)[..., None]
    level = _tint(1 + 0.15 * blade + 0.085 * tuft, (0.10, 0.0, 0.10))
    level *= 1 + dry * np.array([0.065, 0.02, -0.03])
    return level / level.mean(axis=(0, 1))


def _bond(rows: int, columns: int, joint: float, shift: float) -> tuple[Plane, np.ndarray]:
    """Return a mask of stones (0 in joints) and the number of each texel's stone."""
    u, v = _grid()
    row = np.floor(v * rows)
    across = u * columns + shift * (row % 2)
    column = np.floor(across) % columns
    edge_u = np.minimum(across % 1, 1 - across % 1) / columns
    edge_v = np.minimum(v * rows % 1, 1 - v * rows % 1) / rows
    stone = np.clip(np.minimum(edge_u, edge_v) / joint - 0.5, 0, 1)
    return stone, (row * columns + column).astype(np.int64)


def _masonry(
    seed: Seed, rows: int, columns: int, joint: float, spread: float, mortar: float
) -> np.ndarray:
    stone, number = _bond(rows, columns, joint, 0.5)
    level = 1 + spread * seed.child("stones").generator().standard_normal(rows * columns)
    grain = noise(seed.child("grain"), (2, 12), 0.5)
    return _tint(mortar + (level[number] - mortar) * stone + 0.05 * grain)


def _concrete(seed: Seed) -> np.ndarray:
    stain = noise(seed.child("stain"), (20, 256), 1.3)
    return _tint(1 + 0.06 * noise(seed.child("grain"), (2, 10)) + 0.08 * stain)


def _leaves(seed: Seed) -> np.ndarray:
    leaf = noise(seed.child("leaf"), (7, 28), 0.5)
    fine = noise(seed.child("fine"), (3, 8))
    return _tint(1 + 0.42 * np.tanh(1.4 * leaf) + 0.14 * fine, (0.2, 0.0, 0.15))


def _roof(seed: Seed) -> np.ndarray:
    u, v = _grid()
    lap = 0.72 + 0.42 * (v * 8 % 1)
    wave = 1 + 0.14 * np.cos(2 * np.pi * 10 * u)
    return _tint(lap * wave + 0.06 * noise(seed.child("grain"), (3, 40), 0.6))


def _plaster(seed: Seed) -> np.ndarray:
    stain = noise(seed.child("stain"), (24, 256), 1.2)
    return _tint(1 + 0.035 * noise(seed.child("grain"), (2, 8)) + 0.035 * stain)


def _setts(seed: Seed) -> np.ndarray:
    stone, number = _bond(16, 12, 0.011, 0.5)
    level = 1 + 0.16 * seed.child("stones").generator().standard_normal(16 * 12)
    return _tint(0.55 + (level[number] - 0.55) * stone + 0.07 * noise(seed.child("grain"), (2, 9)))


def _gravel(seed: Seed) -> np.ndarray:
    stones = noise(seed.child("stones"), (3, 9), 0.3)
    patch = noise(seed.child("patch"), (30, 256), 1.0)
    return _tint(1 + 0.24 * stones + 0.09 * patch, (0.0, 0.04, 0.12))


def _rows(seed: Seed) -> np.ndarray:
    _, v = _grid()
    row = np.cos(2 * np.pi * 24 * v) + 0.6 * noise(seed.child("sway"), (4, 60), 0.4)
    patch = noise(seed.child("patch"), (40, 256), 1.2)
    return _tint(1 + 0.13 * row + 0.10 * patch, (0.06, 0.0, 0.08))


def _sheet(seed: Seed) -> np.ndarray:
    u, _ = _grid()
    fold = np.clip(2.2 * np.cos(2 * np.pi * 12 * u), -1, 1)
    stain = noise(seed.child("stain"), (20, 256), 1.2)
    return _tint(1 + 0.13 * fold + 0.05 * stain)


def make_textures(seed: Seed) -> Float32[np.ndarray, "k s s 3"]:
    """Return all textures in the order of `Texture`."""
    made = {
        Texture.ASPHALT: _asphalt(seed.child("asphalt")),
        Texture.GRASS: _grass(seed.child("grass")),
        Texture.BRICK: _masonry(seed.child("brick"), 20, 6, 0.006, 0.13, 1.25),
        Texture.PAVING: _masonry(seed.child("paving"), 6, 6, 0.006, 0.05, 0.62),
        Texture.CONCRETE: _concrete(seed.child("concrete")),
        Texture.LEAVES: _leaves(seed.child("leaves")),
        Texture.ROOF: _roof(seed.child("roof")),
        Texture.PLASTER: _plaster(seed.child("plaster")),
        Texture.SLABS: _masonry(seed.child("slabs"), 5, 4, 0.005, 0.045, 0.66),
        Texture.SETTS: _setts(seed.child("setts")),
        Texture.GRAVEL: _gravel(seed.child("gravel")),
        Texture.ROWS: _rows(seed.child("rows")),
        Texture.SHEET: _sheet(seed.child("sheet")),
        Texture.PAINT: _paint(seed.child("paint")),
    }
    return np.stack([made[kind] for kind in Texture if kind != Texture.NONE]).astype(np.float32)
