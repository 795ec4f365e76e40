"""Base-colour textures: decoding, and the mean colour under a triangle.

PNG and JPEG, as glTF 2.0 allows; colours are sRGB (IEC 61966-2-1). Proved in
tests/annotate/world/test_gltf.py.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from rareworld.annotate.world.gltf import broken
from rareworld.errors import MissingExtraError

MAX_PIXELS = 8192 * 8192
"""Larger pictures are refused."""
_CLAMP, _MIRROR = 33071, 33648
_BROKEN = (OSError, SyntaxError, ValueError)
"""What pillow raises on damaged pictures."""
_CELLS = 6
"""A triangle's colour is the mean of this number squared of samples."""
_STEPS = np.arange(256) / 255
_LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4)


@final
@dataclass(frozen=True)
class Picture:
    """A texture and how it goes on beyond its borders."""

    pixels: UInt8[np.ndarray, "h w 4"]
    """sRGB and alpha, first row on top."""
    wrap: tuple[int, int]
    """glTF's codes along u and v."""


def decoded(path: Path, data: bytes, wrap: tuple[int, int]) -> Picture:
    """Return a decoded texture.

    Raises:
        FormatError: If it is no PNG or JPEG, is damaged or too large.
        MissingExtraError: If pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("pillow", extra="gltf") from None
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                found = f"has a texture of {width} x {height} pixels"
                raise broken(path, found, "scale it to 4096 x 4096 or less")
            pixels = np.asarray(image.convert("RGBA"), dtype=np.uint8)
    except (*_BROKEN, Image.DecompressionBombError) as error:
        found = f"has a texture that cannot be decoded ({error})"
        raise broken(path, found, "export textures as PNG or JPEG") from None
    return Picture(pixels, wrap)


def _barycentric() -> Float64[np.ndarray, "s 3"]:
    """Return the centroids of a triangle's cells, when its sides are cut in `_CELLS`."""
    n = _CELLS
    up = [(i + 1 / 3, j + 1 / 3) for i in range(n) for j in range(n - i)]
    down = [(i + 2 / 3, j + 2 / 3) for i in range(n - 1) for j in range(n - 1 - i)]
    first, second = np.array(up + down).T / n
    return np.stack([first, second, 1 - first - second], axis=1)


_SAMPLES = _barycentric()


def means(picture: Picture, uv: Float64[np.ndarray, "f 3 2"]) -> Float64[np.ndarray, "f 4"]:
    """Return the mean linear colour and alpha of a texture over each triangle.

    Cells of equal area are sampled at their centroids; details finer than a cell are missed.
    """
    height, width = picture.pixels.shape[:2]
    total = np.zeros((len(uv), 4))
    for weights in _SAMPLES:
        at = np.einsum("k,fkd->fd", weights, uv)
        column = _wrapped(at[:, 0], width, picture.wrap[0])
        row = _wrapped(at[:, 1], height, picture.wrap[1])
        texel = picture.pixels[row, column]
        total[:, :3] += _LINEAR[texel[:, :3]]
        total[:, 3] += texel[:, 3] / 255
    return total / len(_SAMPLES)


def _wrapped(at: Float64[np.ndarray, "f"], size: int, wrap: int) -> Int64[np.ndarray, "f"]:
    """Return the pixel of a coordinate whose 0..1 is the picture."""
    if wrap == _CLAMP:
        inside = at
    elif wrap == _MIRROR:
        inside = 1 - np.abs(at % 2 - 1)
    else:
        inside = at % 1
    return np.clip(np.floor(inside * size), 0, size - 1).astype(np.int64)
