"""Contact sheets: images side by side under their names."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from rareworld.core.clip import Frame, ObjectLabel
from rareworld.draw import channels
from rareworld.draw.overlay import draw_boxes

Panel = UInt8[np.ndarray, "h w 3"]


def panels(frame: Frame, labels: Sequence[ObjectLabel]) -> dict[str, np.ndarray]:
    """Return every channel of a frame as an image, by name."""
    return {
        "rgb": frame.rgb,
        "2D boxes": draw_boxes(frame.rgb, labels),
        "3D boxes": draw_boxes(frame.rgb, labels, wireframes=True, names=False),
        "depth": channels.depth_image(frame.depth_m),
        "normals": channels.normal_image(frame.normal),
        "classes": channels.class_image(frame.class_id),
        "instances": channels.instance_image(frame.instance_id),
        "edges": channels.edge_image(frame.edges),
        "optical flow": channels.flow_image(frame.flow_px),
    }


def grid(
    images: Mapping[str, np.ndarray], *, columns: int, width: int, gap: int = 4, names: bool = True
) -> UInt8[np.ndarray, "h w 3"]:
    """Return images in rows of `columns`, each `width` pixels wide, on white."""
    cells = [_cell(name if names else "", image, width) for name, image in images.items()]
    height = max(cell.height for cell in cells)
    rows = -(-len(cells) // columns)
    size = (columns * (width + gap) - gap, rows * (height + gap) - gap)
    sheet = Image.new("RGB", size, (255, 255, 255))
    for index, cell in enumerate(cells):
        row, column = divmod(index, columns)
        sheet.paste(cell, (column * (width + gap), row * (height + gap)))
    return np.asarray(sheet)


def _cell(name: str, image: np.ndarray, width: int) -> Image.Image:
    """Return an image scaled to a width, with its name in the corner."""
    height = round(image.shape[0] * width / image.shape[1])
    cell = Image.fromarray(image).resize((width, height), Image.Resampling.BOX)
    if name:
        pen = ImageDraw.Draw(cell)
        font = ImageFont.load_default(size=max(width // 26, 9))
        box = pen.textbbox((5, 3), name, font=font)
        pen.rectangle((0, 0, box[2] + 5, box[3] + 4), fill=(20, 24, 28))
        pen.text((5, 3), name, fill=(255, 255, 255), font=font)
    return cell


def png_bytes(image: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """Return an image as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", optimize=False)
    return buffer.getvalue()


def jpeg_bytes(image: UInt8[np.ndarray, "h w 3"], quality: int = 88) -> bytes:
    """Return an image as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()
