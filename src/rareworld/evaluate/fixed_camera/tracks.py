"""Blobs joined over time: one track per moving thing, through gaps, fragments and overlaps.

Places are predicted with constant velocity and assigned to blobs by the Hungarian method (Kuhn
1955; scipy). Blobs that lie inside one track's predicted box are its fragments. Where two tracks
meet in one blob, each is followed by correlation with its own last picture until they part; that
is also where collisions are looked for. Proved in `tests/evaluate/fixed_camera/test_tracks.py`
on drawn vehicles with known paths and, in figures, on rendered clips with labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from scipy.optimize import linear_sum_assignment

from rareworld.evaluate.fixed_camera.config import FixedCameraConfig
from rareworld.evaluate.fixed_camera.foreground import Blob, Foreground
from rareworld.evaluate.fixed_camera.matching import find_patch
from rareworld.evaluate.fixed_camera.working import Working

_SIZE_WEIGHT = 0.7
_FAR = 1e6
_INSIDE = 0.6
"""Share of a box inside another that makes it part of it."""
_SEEN = 0.5
"""Correlation from which a thing is taken to be seen inside a shared blob."""
_OFTEN = 0.3
_LEAST_PLACES = 4
_LARGE_ENOUGH = 1.5
_UNDER_WAY = 0.5
"""Sizes a thing must have moved by: slower ones show only in part against the background."""
_SMOOTHING = 0.6
"""Weight of the newest step in a track's velocity."""


@final
@dataclass(frozen=True, kw_only=True)
class Track:
    """One moving thing; boxes and centres in pixels of the clip, at `frames`."""

    number: int
    frames: Int[np.ndarray, "n"]
    boxes: Float[np.ndarray, "n 4"]
    """x_min, y_min, x_max, y_max; the last two just outside."""
    centres: Float[np.ndarray, "n 2"]
    areas: Float[np.ndarray, "n"]
    apart: Bool[np.ndarray, "n"]
    """Seen on its own; else followed inside a blob it shares."""
    clipped: Bool[np.ndarray, "n"]
    """Touching the border of the picture."""

    @property
    def sizes(self) -> Float[np.ndarray, "n"]:
        """Geometric mean of width and height, in pixels."""
        return np.sqrt(
            (self.boxes[:, 2] - self.boxes[:, 0]) * (self.boxes[:, 3] - self.boxes[:, 1])
        )

    @property
    def feet(self) -> Float[np.ndarray, "n 2"]:
        """Middle of the lower edge: about where it stands on the ground."""
        return np.stack([self.boxes[:, [0, 2]].mean(1), self.boxes[:, 3]], axis=1)

    @property
    def whole(self) -> Bool[np.ndarray, "n"]:
        """Seen alone and entire: only such boxes say how large it is."""
        return self.apart & ~self.clipped


def is_clear(track: Track, least_side: float) -> bool:
    """Return whether a track is fit to be judged: large enough, often alone, and under way.

    `least_side` is the side of the smallest region followed, in pixels of the clip.
    """
    sizes = track.sizes[track.apart]
    if track.apart.mean() < _OFTEN or len(sizes) < _LEAST_PLACES:
        return False
    size = float(np.median(sizes))
    travel = np.hypot(*(track.centres - track.centres[0]).T).max()
    return bool(size >= _LARGE_ENOUGH * least_side and travel >= _UNDER_WAY * size)


@final
@dataclass
class _Live:
    """A track being built."""

    number: int
    blobs: list[Blob]
    apart: list[bool]
    velocity: Float[np.ndarray, "2"] = field(default_factory=lambda: np.zeros(2))

    @property
    def last(self) -> Blob:
        return self.blobs[-1]

    def predicted(self, frame: int) -> Float[np.ndarray, "4"]:
        """Return the box expected at a frame."""
        step = self.velocity * (frame - self.last.frame)
        return self.last.box + np.tile(step, 2)

    def add(self, blob: Blob, *, apart: bool) -> None:
        """Append an observation."""
        moved = (blob.centre - self.last.centre) / (blob.frame - self.last.frame)
        weight = _SMOOTHING if len(self.blobs) > 1 else 1.0
        self.velocity = (1 - weight) * self.velocity + weight * moved
        self.blobs.append(blob)
        self.apart.append(apart)


def follow(clip: Working, seen: Foreground, config: FixedCameraConfig) -> tuple[Track, ...]:
    """Join the blobs of a clip into tracks that last at least `config.min_track_s`."""
    luma = clip.luma
    coast = max(1, round(config.coast_s * clip.fps))
    done: list[_Live] = []
    live: list[_Live] = []
    for frame, blobs in enumerate(seen.blobs):
        done += [track for track in live if frame - track.last.frame > coast]
        live = [track for track in live if frame - track.last.frame <= coast]
        free = _continue(live, blobs, frame, luma, config)
        first = len(done) + len(live)
        live += [_Live(first + at, [blob], [True]) for at, blob in enumerate(free)]
    least = max(2, round(config.min_track_s * clip.fps))
    kept = [track for track in done + live if len(track.blobs) >= least]
    return tuple(_finished(track, clip.factor) for track in sorted(kept, key=lambda t: t.number))


def _continue(
    live: Sequence[_Live],
    blobs: Sequence[Blob],
    frame: int,
    luma: Float32[np.ndarray, "t h w"],
    config: FixedCameraConfig,
) -> list[Blob]:
    """Give every track its next observation; return blobs that no track explains."""
    if not live or not blobs:
        return list(blobs)
    predicted = np.stack([track.predicted(frame) for track in live])
    groups = _shared(live, predicted, blobs, _assigned(live, predicted, blobs, config))
    used: set[int] = set()
    for place, owners in groups.items():
        used.add(place)
        if len(owners) > 1:
            for owner in owners:
                _follow_inside(live[owner], predicted[owner], luma, frame)
            continue
        track = live[owners[0]]
        parts = _fragments(predicted[owners[0]], blobs, place, set(groups))
        used.update(parts)
        whole = _joined([blobs[at] for at in (place, *parts)])
        track.add(whole, apart=True)
    return [
        blob
        for at, blob in enumerate(blobs)
        if at not in used and not _explained(blob, live, frame)
    ]


def _assigned(
    live: Sequence[_Live],
    predicted: Float[np.ndarray, "n 4"],
    blobs: Sequence[Blob],
    config: FixedCameraConfig,
) -> dict[int, int]:
    """Return track to blob, the cheapest way over all within the gate."""
    cost = np.full((len(live), len(blobs)), _FAR)
    for i, track in enumerate(live):
        middle = (predicted[i, :2] + predicted[i, 2:]) / 2
        for j, blob in enumerate(blobs):
            away = np.hypot(*((blob.box[:2] + blob.box[2:]) / 2 - middle))
            reach = away / max(track.last.diagonal, blob.diagonal)
            if reach < config.gate:
                cost[i, j] = reach + _SIZE_WEIGHT * abs(np.log(blob.size / track.last.size))
    rows, columns = linear_sum_assignment(cost)
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if cost[i, j] < _FAR}


def _shared(
    live: Sequence[_Live],
    predicted: Float[np.ndarray, "n 4"],
    blobs: Sequence[Blob],
    assigned: dict[int, int],
) -> dict[int, list[int]]:
    """Return blob to its tracks: the assigned one and those expected inside it."""
    groups: dict[int, list[int]] = {place: [owner] for owner, place in assigned.items()}
    for owner in set(range(len(live))) - set(assigned):
        box = predicted[owner]
        inside = [overlap(box, blob.box) / _box_area(box) for blob in blobs]
        place = int(np.argmax(inside))
        if inside[place] > _INSIDE:
            groups.setdefault(place, []).append(owner)
    return groups


def _fragments(
    predicted: Float[np.ndarray, "4"], blobs: Sequence[Blob], own: int, taken: set[int]
) -> list[int]:
    """Return other blobs inside the box where a track is expected."""
    return [
        at
        for at, blob in enumerate(blobs)
        if at != own
        and at not in taken
        and overlap(predicted, blob.box) > _INSIDE * _box_area(blob.box)
    ]


def _joined(parts: Sequence[Blob]) -> Blob:
    """Return one blob of several."""
    if len(parts) == 1:
        return parts[0]
    boxes = np.stack([part.box for part in parts])
    areas = np.array([part.area for part in parts])
    box = np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])
    return Blob(
        frame=parts[0].frame,
        box=box,
        centre=(np.stack([part.centre for part in parts]) * areas[:, None]).sum(0) / areas.sum(),
        area=float(areas.sum()),
        clipped=any(part.clipped for part in parts),
    )


def _follow_inside(
    track: _Live,
    predicted: Float[np.ndarray, "4"],
    luma: Float32[np.ndarray, "t h w"],
    frame: int,
) -> None:
    """Add the place where a track's last picture is found now, if it is to be seen at all."""
    last = track.last
    guess = predicted[:2] - last.box[:2]
    radius = int(np.clip(np.ceil(0.5 * np.abs(guess).max() + 2), 2, 8))
    match = find_patch(luma[last.frame], luma[frame], last.box, guess, radius)
    if match.similarity < _SEEN:
        return
    box = last.box + np.tile(match.shift, 2)
    moved = replace(last, frame=frame, box=box, centre=last.centre + match.shift)
    track.add(moved, apart=False)


def _explained(blob: Blob, live: Sequence[_Live], frame: int) -> bool:
    """Return whether a blob lies under a track that was just followed."""
    now = [track.last.box for track in live if track.last.frame == frame]
    return any(overlap(blob.box, box) > _INSIDE * _box_area(blob.box) for box in now)


def overlap(first: Float[np.ndarray, "4"], second: Float[np.ndarray, "4"]) -> float:
    """Return the area two boxes share."""
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    return float(np.prod(np.maximum(high - low, 0)))


def _box_area(box: Float[np.ndarray, "4"]) -> float:
    return float(np.prod(box[2:] - box[:2]))


def _finished(track: _Live, factor: int) -> Track:
    return Track(
        number=track.number,
        frames=np.array([blob.frame for blob in track.blobs]),
        boxes=np.stack([blob.box for blob in track.blobs]) * factor,
        centres=np.stack([blob.centre for blob in track.blobs]) * factor,
        areas=np.array([blob.area for blob in track.blobs]) * factor**2,
        apart=np.array(track.apart),
        clipped=np.array([blob.clipped for blob in track.blobs]),
    )
