"""How much of what a frame shows the detector finds, and what it finds that is not there."""

from dataclasses import dataclass, field
from typing import final

import numpy as np
from tools.judge.detector import Detections, overlap

from rareworld.core.clip import ObjectLabel
from rareworld.core.taxonomy import TWO_WHEELERS, VEHICLES, ClassId

SCORE = 0.3
MATCH = 0.5
LEAST_PX = 40
"""A vehicle is judged when the longer side of its visible box is larger than this."""
MOST_HIDDEN = 0.1
NEAR = 0.1
"""A detection that overlaps no road user's box this much, visible or whole, is false."""
LARGEST = 4.0
"""A detection larger than this many times the box it overlaps best is false all the same."""
PEOPLE = (ClassId.PEDESTRIAN, ClassId.RIDER)


@final
@dataclass
class Tally:
    """Counts of one frame or of many."""

    shown: dict[str, int] = field(default_factory=dict[str, int])
    found: dict[str, int] = field(default_factory=dict[str, int])
    named: dict[str, int] = field(default_factory=dict[str, int])
    """Found, and called by the right COCO class."""
    false: int = 0
    frames: int = 0

    def add(self, other: "Tally") -> None:
        """Add another tally's counts."""
        for mine, theirs in (
            (self.shown, other.shown),
            (self.found, other.found),
            (self.named, other.named),
        ):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count
        self.false += other.false
        self.frames += other.frames

    def recall(self, names: tuple[str, ...] | None = None) -> float:
        """Return the share found, of all or of some blueprints."""
        chosen = [name for name in self.shown if names is None or name in names]
        total = sum(self.shown[name] for name in chosen)
        return sum(self.found.get(name, 0) for name in chosen) / total if total else float("nan")


def judged(label: ObjectLabel) -> bool:
    """Return whether a label is a vehicle that a viewer can be asked to see."""
    box = label.tight_box
    side = max(box[2] - box[0], box[3] - box[1])
    return (
        ClassId(label.class_id) in VEHICLES
        and side > LEAST_PX
        and label.occlusion <= MOST_HIDDEN
        and label.truncation <= MOST_HIDDEN
    )


_NAMES = {
    ClassId.CAR: ("car", "truck", "bus"),
    ClassId.TRUCK: ("truck", "bus"),
    ClassId.BUS: ("bus", "truck"),
    ClassId.MOTORCYCLE: ("motorcycle",),
    ClassId.BICYCLE: ("bicycle", "motorcycle"),
}
"""COCO names that fit: vans and pick-ups are annotated as cars, trucks or buses there."""


def tally(labels: tuple[ObjectLabel, ...], found: Detections) -> Tally:
    """Return what was found of a frame's vehicles."""
    out = Tally(frames=1)
    sure = found.above(SCORE)
    vehicles = np.isin(sure.names, ["car", "truck", "bus", "motorcycle", "bicycle"])
    ridden = vehicles | (sure.names == "person")
    users = [label for label in labels if _is_user(label) and label.visible_px]
    wanted = [label for label in users if judged(label)]
    # riders and their two-wheelers are one object here and two in COCO
    pairs = overlap(_boxes(wanted), sure.boxes)
    for label, row in zip(wanted, pairs, strict=True):
        hit = (row >= MATCH) & (ridden if label.class_id in TWO_WHEELERS else vehicles)
        _count(out.shown, label.blueprint)
        if hit.any():
            _count(out.found, label.blueprint)
            best = sure.names[int(np.argmax(row * hit))]
            if best in _NAMES[ClassId(label.class_id)]:
                _count(out.named, label.blueprint)
    out.false = int((vehicles & _false(users, sure.boxes)).sum())
    return out


def _false(users: list[ObjectLabel], boxes: np.ndarray) -> np.ndarray:
    """Return which boxes show no road user: too far from each, or much larger than the nearest."""
    whole = np.array([label.loose_box for label in users], dtype=float).reshape(-1, 4)
    known = np.concatenate([_boxes(users), whole])
    if not len(known):
        return np.ones(len(boxes), dtype=bool)
    near = overlap(known, boxes)
    best = near.argmax(axis=0)
    return (near.max(axis=0) < NEAR) | (_areas(boxes) > LARGEST * _areas(known)[best])


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _is_user(label: ObjectLabel) -> bool:
    return ClassId(label.class_id) in VEHICLES or ClassId(label.class_id) in PEOPLE


def _boxes(labels: list[ObjectLabel]) -> np.ndarray:
    return np.array([label.tight_box for label in labels], dtype=float).reshape(-1, 4)


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
