"""What of a picture stays the same for a fixed camera, and its codes.

Proved in `tests/annotate/render/test_shade.py`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, UInt8, UInt16

from rareworld.annotate.render.jit import helper
from rareworld.annotate.render.raster import Still, Window, still_at
from rareworld.annotate.render.shade import Stage

MIXED, ONE, SKY, BLEND = 0, 1, 2, 3
UNEVEN, EVEN = 1, 2
"""Codes of a plane whose roughness varies, and of one whose hardly does; 0 is no plane."""
PACK_MAX = 1024.0


class Baked(NamedTuple):
    """What stays the same for a fixed camera."""

    kind: UInt8[np.ndarray, "h w"]
    """0: shaded anew in every frame, 1: one surface, 2: only sky, 3: mean of several surfaces."""
    sky_part: UInt16[np.ndarray, "h w 3"]
    """Codes of exposed radiance (`pack`)."""
    sun_part: UInt16[np.ndarray, "h w 3"]
    open_sky: UInt8[np.ndarray, "h w"]
    """Share of the sky seen by still surfaces, in 255ths."""
    response: UInt8[np.ndarray, "p q 5"]
    """Albedo, roughness and f0 (`to_byte`), for lamps that move; empty where none does."""
    flat: UInt8[np.ndarray, "a b 5"]
    """Whether a tile and each of its four blocks show one still plane (`UNEVEN`, `EVEN`), for the
    same lamps; empty as well."""


@helper
def pack(radiance: float) -> np.uint16:
    """Return the 16-bit code of a radiance in 0..1024: its square root, as the film sees it."""
    return np.uint16(np.sqrt(min(max(radiance, 0.0), PACK_MAX) / PACK_MAX) * 65535.0 + 0.5)


@helper
def unpack(code: int) -> float:
    """Return the radiance of a code; its root is off by at most 0.00025."""
    root = code * (1.0 / 65535.0)
    return root * root * PACK_MAX


@helper
def to_byte(share: float) -> np.uint8:
    """Return the 8-bit code of a share: its square root, finer where it is dark."""
    return np.uint8(np.sqrt(min(max(share, 0.0), 1.0)) * 255.0 + 0.5)


@helper
def from_byte(code: int) -> float:
    """Return the share of a code."""
    root = code * (1.0 / 255.0)
    return root * root


@helper
def ray_of(stage: Stage, x: float, y: float) -> tuple[float, float]:
    """Return (u, v) of the ray (u, v, 1) through an image position."""
    return (x - stage.eye.cx) / stage.eye.fx, (y - stage.eye.cy) / stage.eye.fy


@helper
def unchanged_samples(
    still: Still,
    index: Int32[np.ndarray, "s b c"],
    at: Window,
    x: int,
    y: int,
) -> bool:
    """Return whether every sample shows what it shows without moving things."""
    for s in range(5):  # noqa: SIM110 - generators do not compile without allocation
        if still_at(still, s, x, y) != index[s, y - at.top, x - at.left]:
            return False
    return True
