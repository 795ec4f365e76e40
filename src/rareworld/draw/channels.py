"""Label channels as colours a person can read.

Every function takes one channel of `core.clip.Frame` and returns an RGB image (H, W, 3) uint8.
"""

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8, UInt32

from rareworld.core.taxonomy import PALETTE

SKY_GREY = 235
GOLDEN = 0.6180339887498949

_TURBO = np.array(
    [
        (48, 18, 59), (65, 69, 171), (70, 117, 237), (57, 162, 252), (27, 207, 212), (36, 236, 166),
        (97, 252, 108), (164, 252, 59), (209, 232, 52), (243, 198, 58), (254, 155, 45),
        (243, 99, 21), (217, 56, 6), (177, 25, 1), (122, 4, 2),
    ],
    dtype=np.float64,
)  # fmt: skip
"""Fifteen knots of Google's Turbo colour map (Mikhailov 2019), near = warm."""


def depth_image(
    depth_m: Float32[np.ndarray, "h w"], near_m: float = 5.0, far_m: float = 150.0
) -> UInt8[np.ndarray, "h w 3"]:
    """Colour depth by its inverse: near is red, far is blue, sky is light grey."""
    finite = np.isfinite(depth_m)
    inverse = 1 / np.clip(np.where(finite, depth_m, far_m), near_m, far_m)
    share = (inverse - 1 / far_m) / (1 / near_m - 1 / far_m)
    place = np.sqrt(share) * (len(_TURBO) - 1)
    low = np.minimum(place.astype(np.int64), len(_TURBO) - 2)
    part = (place - low)[..., None]
    image = (_TURBO[low] * (1 - part) + _TURBO[low + 1] * part).astype(np.uint8)
    image[~finite] = SKY_GREY
    return image


def normal_image(normal: Float32[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Map camera-frame normals to the usual colours: x to red, y up to green, z to blue."""
    shown = normal * np.array([1.0, -1.0, -1.0], dtype=np.float32)
    image = ((shown + 1) * 127.5).astype(np.uint8)
    image[~normal.any(axis=-1)] = SKY_GREY
    return image


def class_image(class_id: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Paint classes with CARLA's palette."""
    return PALETTE[class_id]


def instance_colour(ids: UInt32[np.ndarray, "*s"]) -> UInt8[np.ndarray, "*s 3"]:
    """Return a colour per id: hues a golden step apart, so that near ids differ; 0 is black."""
    hue = np.asarray((ids.astype(np.float64) * GOLDEN) % 1.0)
    value = np.asarray(0.65 + 0.35 * ((ids * 7) % 5) / 4)
    colour = hue_colour(hue) * value[..., None]
    colour = np.where(np.asarray(ids == 0)[..., None], 0.0, colour)
    return (colour * 255).astype(np.uint8)


def instance_image(instance_id: UInt32[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Paint each object in its own colour."""
    ids, where = np.unique(instance_id, return_inverse=True)
    return instance_colour(ids)[where.reshape(instance_id.shape)]


def edge_image(edges: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Draw edges white on black."""
    return np.repeat(np.where(edges, 255, 0).astype(np.uint8)[..., None], 3, axis=-1)


def flow_image(
    flow_px: Float32[np.ndarray, "h w 2"], full_px: float = 12.0
) -> UInt8[np.ndarray, "h w 3"]:
    """Colour motion: direction as hue, length as saturation; white stands still, grey is sky."""
    known = np.isfinite(flow_px[..., 0]) & np.isfinite(flow_px[..., 1])
    flow = np.where(known[..., None], flow_px, 0)
    hue = (np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi)) % 1.0
    strength = np.minimum(np.hypot(flow[..., 0], flow[..., 1]) / full_px, 1.0)[..., None]
    colour = 1 - strength * (1 - hue_colour(hue.astype(np.float64)))
    image = (colour * 255).astype(np.uint8)
    image[~known] = SKY_GREY
    return image


def hue_colour(hue: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s 3"]:
    """Return fully saturated RGB in 0..1 of hues in 0..1."""
    offset = np.array([0.0, 4.0, 2.0])
    return np.clip(np.abs((hue[..., None] * 6 + offset) % 6 - 3) - 1, 0, 1)
