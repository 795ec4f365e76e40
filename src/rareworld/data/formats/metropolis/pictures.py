"""The pictures of the metropolis layout, from the channels of one frame.

Everything here is RGB or single-channel; OpenCV's BGR order stays inside `write_picture`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

import cv2
import numpy as np
from jaxtyping import Bool, UInt8, UInt32
from numpy.typing import NDArray

from rareworld.core.clip import Frame, ObjectLabel
from rareworld.core.event import Event, EventKind
from rareworld.core.taxonomy import PALETTE
from rareworld.data.codes import encode_depth
from rareworld.data.formats.metropolis.options import MetropolisOptions
from rareworld.data.rle import decode_mask
from rareworld.errors import StoreError

Picture = NDArray[Any]

FARTHEST_MM = 65535
"""Depth of everything at or beyond 65.535 m in `depth/`."""

_BOX_EDGES = (
    (0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7),
)  # fmt: skip
_RED = (255, 0, 0)
_GREEN = (0, 220, 0)


@final
@dataclass(frozen=True, kw_only=True)
class View:
    """One frame with what is drawn on it."""

    frame: Frame
    labels: Sequence[ObjectLabel]
    events: Sequence[Event]
    """Going on in this frame."""
    options: MetropolisOptions


@final
@dataclass(frozen=True, kw_only=True)
class Layer:
    """A folder of pictures."""

    folder: str
    prefix: Literal["frame", "depth", "seg", "edge"]
    suffix: Literal["jpg", "png"]
    draw: Callable[[View], Picture]
    film: Callable[[Picture], Picture] | None
    """Turns the picture into 8-bit for `videos/`; None where there is no video."""


def write_picture(path: Path, picture: Picture, quality: int) -> None:
    """Write a JPEG or PNG.

    Raises:
        OSError: If the file cannot be written.
    """
    stored = picture[..., ::-1] if picture.ndim == 3 else picture
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, quality]
    options = jpeg if path.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 1]
    done, content = cv2.imencode(path.suffix, np.ascontiguousarray(stored), options)
    if not done:
        raise StoreError(f"{path}: OpenCV could not encode the picture; check the image size")
    path.write_bytes(content.tobytes())


def mask_polygons(label: ObjectLabel, height: int, width: int) -> list[list[float]]:
    """Return the outer contours of a mask as flat [x, y, ...] lists, to within 2 px."""
    mask = decode_mask(label.mask_rle, height, width)
    x_min, y_min, x_max, y_max = label.tight_box
    cut = np.ascontiguousarray(mask[y_min:y_max, x_min:x_max]).view(np.uint8)
    if not cut.any():
        return []
    found, _ = cv2.findContours(
        cut, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x_min, y_min)
    )
    polygons = [np.asarray(cv2.approxPolyDP(contour, 2.0, closed=True)) for contour in found]
    return [
        [float(value) for value in polygon.reshape(-1)] for polygon in polygons if len(polygon) > 2
    ]


def _rgb(view: View) -> Picture:
    return view.frame.rgb


def _depth_mm(view: View) -> Picture:
    """Return millimetres; everything that does not fit is at the end of the scale."""
    scaled = np.minimum(view.frame.depth_m * np.float32(1000), FARTHEST_MM)
    return np.rint(scaled).astype(np.uint16)


def _depth_full(view: View) -> Picture:
    return encode_depth(view.frame.depth_m)


def _film_depth(depth_mm: Picture) -> Picture:
    """Return grey that falls with the logarithm of depth: white at 1 m, black at 65 m and sky."""
    metres = np.maximum(depth_mm.astype(np.float32) / 1000, 1)
    return (255 * (1 - np.log(metres) / np.log(FARTHEST_MM / 1000))).clip(0, 255).astype(np.uint8)


def _semantic(view: View) -> Picture:
    return PALETTE[view.frame.class_id]


def _semantic_raw(view: View) -> Picture:
    return view.frame.class_id


def _instance_raw(view: View) -> Picture:
    ids = view.frame.instance_id
    most = int(ids.max(initial=0))
    if most > 65535:
        raise StoreError(
            f"object id {most} does not fit the 16-bit pictures of the metropolis layout; "
            "number the objects of the scene below 65536"
        )
    return ids.astype(np.uint16)


def _instance(view: View) -> Picture:
    return instance_colours(view.frame.instance_id)


def instance_colours(ids: UInt32[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Return a fixed bright colour for every id; black for 0 (Knuth's multiplicative hash)."""
    mixed = ids * np.uint32(2654435761)
    parts = [(mixed >> np.uint32(shift)) & np.uint32(127) for shift in (25, 18, 11)]
    out = np.stack(parts, axis=-1).astype(np.uint8) + np.uint8(128)
    out[ids == 0] = 0
    return out


def _normals(view: View) -> Picture:
    """Return (x right, y down, z forward) mapped from -1..1 to 0..255; sky is mid grey."""
    return np.rint(view.frame.normal * 127.5 + 127.5).astype(np.uint8)


def _edges(view: View) -> Picture:
    return np.repeat(view.frame.edges.astype(np.uint8)[..., None] * np.uint8(255), 3, axis=-1)


def _masks(view: View) -> Picture:
    """Return the blurred image where a wanted class is, black elsewhere."""
    wanted = np.zeros(256, np.bool_)
    wanted[[int(item) for item in view.options.canny_classes]] = True
    blurred = np.asarray(cv2.GaussianBlur(view.frame.rgb, (5, 5), 1.0))
    return blurred * wanted[view.frame.class_id][..., None]


def _with_boxes(view: View) -> Picture:
    canvas = view.frame.rgb.copy()
    for label in view.labels:
        _box(canvas, label, _GREEN)
    return canvas


def _with_collisions(view: View) -> Picture:
    canvas = view.frame.rgb.copy()
    involved = {
        actor
        for event in view.events
        if event.kind is EventKind.COLLISION
        for actor in event.actors
    }
    for label in view.labels:
        if label.object_id in involved:
            _box(canvas, label, _RED)
    return canvas


def _with_masks(view: View) -> Picture:
    canvas = view.frame.rgb.copy()
    listed: Bool[np.ndarray, "h w"] = np.isin(
        view.frame.instance_id, [label.object_id for label in view.labels]
    )
    colours = instance_colours(view.frame.instance_id)[listed]
    canvas[listed] = (0.6 * canvas[listed] + 0.4 * colours).astype(np.uint8)
    return canvas


def _with_3d_boxes(view: View) -> Picture:
    canvas = view.frame.rgb.copy()
    for label in view.labels:
        corners = label.corners_px
        for one, two in _BOX_EDGES:
            if min(corners[one][2], corners[two][2]) > 0.1:
                _line(canvas, corners[one], corners[two])
    return canvas


def _line(canvas: Picture, one: Sequence[float], two: Sequence[float]) -> None:
    """Draw an edge, unless its ends are too far off for OpenCV's integers."""
    ends = np.array([one[:2], two[:2]])
    if np.abs(ends).max() < 30_000:
        (x0, y0), (x1, y1) = np.rint(ends).astype(int).tolist()
        cv2.line(canvas, (x0, y0), (x1, y1), _GREEN, 1, cv2.LINE_AA)


def _box(canvas: Picture, label: ObjectLabel, colour: tuple[int, int, int]) -> None:
    x_min, y_min, x_max, y_max = label.tight_box
    cv2.rectangle(canvas, (x_min, y_min), (x_max - 1, y_max - 1), colour, 2)
    place = (x_min, max(y_min - 4, 10))
    cv2.putText(canvas, str(label.object_id), place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1)


def _as_is(picture: Picture) -> Picture:
    return picture


def _low_byte(picture: Picture) -> Picture:
    return (picture & 255).astype(np.uint8)


LAYERS = (
    Layer(folder="rgb", prefix="frame", suffix="jpg", draw=_rgb, film=_as_is),
    Layer(folder="depth", prefix="depth", suffix="png", draw=_depth_mm, film=_film_depth),
    Layer(folder="semantic_segmentation", prefix="seg", suffix="png", draw=_semantic, film=_as_is),
    Layer(
        folder="semantic_segmentation_raw", prefix="seg", suffix="png", draw=_semantic_raw,
        film=_as_is,
    ),
    Layer(folder="instance_segmentation", prefix="seg", suffix="png", draw=_instance, film=_as_is),
    Layer(
        folder="instance_segmentation_raw", prefix="seg", suffix="png", draw=_instance_raw,
        film=_low_byte,
    ),
    Layer(folder="normals", prefix="frame", suffix="png", draw=_normals, film=_as_is),
    Layer(folder="edges", prefix="edge", suffix="png", draw=_edges, film=_as_is),
    Layer(folder="masks", prefix="frame", suffix="png", draw=_masks, film=_as_is),
)  # fmt: skip
"""Folders every export has."""

OVERLAYS = (
    Layer(folder="rgb_with_bboxes", prefix="frame", suffix="jpg", draw=_with_boxes, film=_as_is),
    Layer(folder="rgb_with_masks", prefix="frame", suffix="jpg", draw=_with_masks, film=_as_is),
    Layer(
        folder="rgb_with_3d_bboxes", prefix="frame", suffix="jpg", draw=_with_3d_boxes, film=_as_is
    ),
    Layer(
        folder="rgb_with_collisions", prefix="frame", suffix="png", draw=_with_collisions,
        film=_as_is,
    ),
)  # fmt: skip
"""Folders for people, on by default as upstream's."""

FULL_DEPTH = Layer(folder="depth_full", prefix="depth", suffix="png", draw=_depth_full, film=None)
"""Our addition: depth without a limit."""
