"""How well tracks from video agree with labels, where a clip of ours has them.

Boxes are matched frame by frame (Hungarian method, intersection over union at least 0.3). What the
tracker can see is what moves: labels of objects below 1 m/s or too small are not asked for, and
tracks on them are not held against it. Recall, precision and switches of identity follow CLEAR MOT
(Bernardin & Stiefelhagen 2008). Proved in `tests/evaluate/fixed_camera/test_agreement.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from rareworld.core.clip import ObjectLabel
from rareworld.evaluate.fixed_camera.tracks import Track, overlap

_MATCH = 0.3
_MOVING_MPS = 1.0

Boxes = Float[np.ndarray, "n 4"]


@final
@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Tracks against labels; shares are NaN where there is nothing to share."""

    recall: float
    """Share of labelled boxes in motion that a track has."""
    precision: float
    """Share of track boxes that are on something labelled."""
    iou: float
    """Mean overlap of matched boxes."""
    switches: int
    """Times an object's track changes."""
    objects: int
    """Objects in motion."""
    tracks: int


@final
@dataclass(frozen=True)
class _Frame:
    """Matches of one frame: object, track and overlap; and boxes asked for and offered."""

    pairs: tuple[tuple[int, int, float], ...]
    asked: int
    offered: int
    wanted: int
    """Offered boxes that lie on something labelled."""


def agreement(
    tracks: Sequence[Track],
    labels: Sequence[ObjectLabel],
    *,
    scale: tuple[float, float] = (1.0, 1.0),
    least_px: float = 0.0,
) -> Agreement:
    """Compare tracks with the labels of the same frames.

    Args:
        tracks: Found in the clip.
        labels: Of every object and frame, numbered as the tracks' frames.
        scale: Width and height of the clip over those of the labels.
        least_px: Smallest visible area asked for, in pixels of the clip.
    """
    frames = _frames(tracks, labels)
    found = [
        _matched(
            [label for label in labels if label.frame == frame], tracks, frame, scale, least_px
        )
        for frame in frames
    ]
    pairs = [pair for item in found for pair in item.pairs]
    asked, offered = sum(item.asked for item in found), sum(item.offered for item in found)
    wanted = sum(item.wanted for item in found)
    moving = {label.object_id for label in labels if _is_asked(label, scale, least_px)}
    return Agreement(
        recall=_share(len(pairs), asked),
        precision=_share(wanted, offered),
        iou=_share(sum(share for _, _, share in pairs), len(pairs)),
        switches=_switches(pairs),
        objects=len(moving),
        tracks=len(tracks),
    )


def _frames(tracks: Sequence[Track], labels: Sequence[ObjectLabel]) -> list[int]:
    """Return the frames in which there is anything."""
    seen = {int(frame) for track in tracks for frame in track.frames}
    return sorted(seen | {label.frame for label in labels})


def _share(part: float, whole: int) -> float:
    return part / whole if whole else np.nan


def _switches(pairs: Sequence[tuple[int, int, float]]) -> int:
    """Return how often objects change tracks, in the order of frames."""
    owners: dict[int, list[int]] = {}
    for owner, track, _ in pairs:
        owners.setdefault(owner, []).append(track)
    return sum(int((np.diff(names) != 0).sum()) for names in owners.values())


def _matched(
    labels: Sequence[ObjectLabel],
    tracks: Sequence[Track],
    frame: int,
    scale: tuple[float, float],
    least_px: float,
) -> _Frame:
    numbers = [track.number for track in tracks if frame in track.frames]
    boxes = [track.boxes[track.frames == frame][0] for track in tracks if frame in track.frames]
    real = [np.array(label.tight_box) * np.array([*scale, *scale]) for label in labels]
    shares = np.array([[_iou(a, b) for b in boxes] for a in real]).reshape(len(real), len(boxes))
    asked = [at for at, label in enumerate(labels) if _is_asked(label, scale, least_px)]
    rows, columns = linear_sum_assignment(-shares[asked])
    pairs = [
        (labels[asked[i]].object_id, numbers[j], float(shares[asked[i], j]))
        for i, j in zip(rows, columns, strict=True)
        if shares[asked[i], j] >= _MATCH
    ]
    wanted = int((shares.max(0, initial=0) >= _MATCH).sum())
    return _Frame(tuple(pairs), len(asked), len(boxes), wanted)


def _is_asked(label: ObjectLabel, scale: tuple[float, float], least_px: float) -> bool:
    """Return whether an object moves and can be seen."""
    speed = float(np.hypot(*label.velocity_mps[:2]))
    return speed >= _MOVING_MPS and label.visible_px * scale[0] * scale[1] > least_px


def _iou(first: Float[np.ndarray, "4"], second: Float[np.ndarray, "4"]) -> float:
    shared = overlap(first, second)
    areas = [float(np.prod(box[2:] - box[:2])) for box in (first, second)]
    return shared / max(sum(areas) - shared, 1e-9)
