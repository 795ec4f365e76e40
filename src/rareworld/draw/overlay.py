"""Boxes, wireframes and marks over an image."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from rareworld.core.clip import ObjectLabel
from rareworld.draw.channels import instance_colour

BOX_EDGES = (
    (0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7),
)  # fmt: skip
"""Pairs of corners in the order of `core.geometry.box_corners`."""

NEAR_M = 0.2
REACH = 4.0
"""Corners so many image widths outside the picture are not joined to: a lens's polynomial says
nothing of them, and a line to 1e20 pixels takes a pen a second."""


def draw_boxes(
    rgb: UInt8[np.ndarray, "h w 3"],
    labels: Sequence[ObjectLabel],
    *,
    wireframes: bool = False,
    names: bool = True,
) -> UInt8[np.ndarray, "h w 3"]:
    """Return the image with tight 2D boxes, or 3D wireframes, in each object's colour."""
    image = Image.fromarray(rgb)
    pen = ImageDraw.Draw(image)
    width = max(rgb.shape[1] // 640, 1)
    font = ImageFont.load_default(size=max(rgb.shape[0] // 50, 9))
    for label in labels:
        if not label.visible_px:
            continue
        colour = _colour(label.object_id)
        x0, y0, x1, y1 = label.tight_box
        if wireframes:
            _wireframe(pen, label, colour, width)
        else:
            pen.rectangle((x0, y0, x1 - 1, y1 - 1), outline=colour, width=width)
        if names:
            _tag(pen, (x0, y0), str(label.object_id), colour, font)
    return np.asarray(image)


def _colour(object_id: int) -> tuple[int, int, int]:
    red, green, blue = instance_colour(np.array(object_id, dtype=np.uint32)).tolist()
    return red, green, blue


def _wireframe(
    pen: ImageDraw.ImageDraw, label: ObjectLabel, colour: tuple[int, int, int], width: int
) -> None:
    """Draw the box's edges whose ends the camera has in view or near it."""
    known = [_in_reach(corner, pen.im.size) for corner in label.corners_px]
    for a, b in BOX_EDGES:
        if known[a] and known[b]:
            pen.line((*label.corners_px[a][:2], *label.corners_px[b][:2]), fill=colour, width=width)


def _in_reach(corner: tuple[float, float, float], size: tuple[int, int]) -> bool:
    """Return whether a corner lies in front of the camera and not far outside its picture."""
    u, v, depth = corner
    reach = REACH * size[0]
    return depth > NEAR_M and -reach < u < size[0] + reach and -reach < v < size[1] + reach


def _tag(
    pen: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    text: str,
    colour: tuple[int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Write a name on a block of colour above the box."""
    x, y = corner
    left, top, right, bottom = pen.textbbox((x, y), text, font=font)
    shift = bottom - y + 2
    pen.rectangle((left - 1, top - shift, right + 1, bottom - shift), fill=colour)
    light = sum(colour) > 380
    pen.text((x, y - shift), text, fill=(0, 0, 0) if light else (255, 255, 255), font=font)
