"""A clip: frames with every label channel, tracks, events and cameras."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float32, UInt8, UInt32


@final
@dataclass(frozen=True, kw_only=True)
class Frame:
    """All channels of one image, read at pixel centres (rgb alone is anti-aliased)."""

    rgb: UInt8[np.ndarray, "h w 3"]
    depth_m: Float32[np.ndarray, "h w"]
    """Distance along the optical axis; infinity where only sky is seen."""
    normal: Float32[np.ndarray, "h w 3"]
    """Geometric unit normal in the camera frame, turned to the camera; zero for sky."""
    class_id: UInt8[np.ndarray, "h w"]
    instance_id: UInt32[np.ndarray, "h w"]
    """Id of an actor, prop or signal head (heads are numbered after the others); 0 for none."""
    edges: Bool[np.ndarray, "h w"]
    """Borders of objects, materials and creases."""
    flow_px: Float32[np.ndarray, "h w 2"]
    """Motion (right, down) of the surface point to the next frame; NaN for sky, zero at the end."""


@final
@dataclass(frozen=True, kw_only=True)
class ObjectLabel:
    """One object in one frame. Boxes are [x_min, y_min, x_max, y_max) in pixels."""

    frame: int
    time_s: float
    object_id: int
    class_id: int
    blueprint: str
    tight_box: tuple[int, int, int, int]
    """Around visible pixels."""
    loose_box: tuple[float, float, float, float]
    """Around the whole object as if nothing hid it, not clipped to the image."""
    visible_px: int
    total_px: int
    """Pixels it would cover alone, in an image large enough to hold all of it."""
    inside_px: int
    """Of these, pixels inside the image."""
    centre_camera_m: tuple[float, float, float]
    """Centre of the 3D box in the camera frame."""
    quat_camera: tuple[float, float, float, float]
    """Turns body axes into camera axes."""
    position_m: tuple[float, float, float]
    """Middle of the bottom of the 3D box in the world."""
    quat: tuple[float, float, float, float]
    size_m: tuple[float, float, float]
    corners_px: tuple[tuple[float, float, float], ...]
    """Eight corners of the 3D box: u, v and depth; order of `geometry.box_corners`."""
    velocity_mps: tuple[float, float, float]
    lane: str | None
    """Lane under its centre."""
    lane_offset_m: float | None
    """Signed distance from the lane's centre line, positive to the left."""
    lamps: int
    """Bits of `trajectory.Lamp`."""
    driver: int
    mask_rle: str
    """COCO run-length encoding of the visible pixels."""

    @property
    def occlusion(self) -> float:
        """Share of its in-image pixels hidden by other things."""
        return 1 - self.visible_px / self.inside_px if self.inside_px else 1.0

    @property
    def truncation(self) -> float:
        """Share of its pixels outside the image."""
        return 1 - self.inside_px / self.total_px if self.total_px else 1.0
