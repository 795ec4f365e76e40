"""The pictures and films of one clip for a report, made beside each other by workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, final

import numpy as np
from PIL import Image
from pydantic import Field

from rareworld.core.clip import Frame, ObjectLabel
from rareworld.core.event import Event, EventKind
from rareworld.data.clip import ClipReader, open_clip
from rareworld.data.clip_meta import CLIP_FILE
from rareworld.data.config import Config
from rareworld.data.jsontext import read_json
from rareworld.data.recording import read_recording
from rareworld.data.video import H264, RgbWriter, frame_rate
from rareworld.draw.overlay import draw_boxes
from rareworld.draw.plan import plan_svg
from rareworld.draw.sheet import grid, jpeg_bytes, panels
from rareworld.runtime.stage import Report

LABELS_FILE, MOMENT_FILE, STRIP_FILE, PLAN_FILE = (
    "labels.mp4",
    "moment.jpg",
    "strip.jpg",
    "plan.svg",
)
COLUMNS = 3
STRIP = ("rgb", "3D boxes", "depth", "normals", "instances", "optical flow")
"""Channels of the strip, in rows of three; the film has all."""


@final
class SectionConfig(Config):
    """Sizes of a report's pictures."""

    shrink: int = Field(default=3, ge=1)
    """Channels in the film are so many times smaller than the clip."""
    strip_width: int = 640
    """Of one channel in the strip."""
    every: int = Field(default=2, ge=1)
    """Of the clip's frames, each so-manieth is in the film."""


@final
@dataclass(frozen=True)
class Pair:
    """A recording and one clip of it."""

    recording: Path
    clip: Path


@final
@dataclass(frozen=True)
class SectionStage:
    """`runtime.Stage` over clips."""

    config: SectionConfig

    @property
    def name(self) -> str:
        """Word for the progress bar."""
        return "report"

    def item_name(self, item: Pair) -> str:
        """Return the recording's name and the camera's."""
        return f"{item.recording.name}-{item.clip.name}"

    def describe(self, item: Pair) -> Mapping[str, Any]:
        """Return what decides the pictures."""
        files = read_json(item.clip / CLIP_FILE)["files"]
        return {"clip": files, "config": self.config.model_dump()}

    def run(self, item: Pair, out: Path, report: Report) -> Mapping[str, Any]:
        """Write film, strip, moment and plan."""
        clip = open_clip(item.clip, deep=True)
        labels = clip.labels_by_frame()
        moment = moment_frame(clip.events, clip.meta.fps, len(labels))
        self._film(clip, labels, out / LABELS_FILE, report)
        frame = clip.frame(moment)
        found = panels(frame, labels[moment])
        strip = {name: found[name] for name in STRIP}
        sheet = grid(strip, columns=COLUMNS, width=self.config.strip_width)
        (out / STRIP_FILE).write_bytes(jpeg_bytes(sheet))
        (out / MOMENT_FILE).write_bytes(jpeg_bytes(_marked(frame, labels[moment], clip.events)))
        recording = read_recording(item.recording)
        (out / PLAN_FILE).write_text(plan_svg(recording, [clip.camera]), encoding="utf-8")
        return {"moment": moment}

    def _film(
        self,
        clip: ClipReader,
        labels: Sequence[Sequence[ObjectLabel]],
        path: Path,
        report: Report,
    ) -> None:
        """Write every channel side by side as one film."""
        rate = frame_rate(clip.meta.fps) / self.config.every
        with RgbWriter(path, Fraction(rate), H264(crf=24)) as film:
            for index, frame in enumerate(clip.frames()):
                if index % self.config.every == 0:
                    shown = panels(*reduced(frame, labels[index], self.config.shrink))
                    width = frame.rgb.shape[1] // self.config.shrink
                    film.write(_even(grid(shown, columns=COLUMNS, width=width)))
                    report(index / len(labels))


def reduced(
    frame: Frame, labels: Sequence[ObjectLabel], factor: int
) -> tuple[Frame, list[ObjectLabel]]:
    """Return a smaller frame, each label pixel the middle one of its block, with its boxes."""
    first = factor // 2
    arrays = {name: value[first::factor, first::factor] for name, value in vars(frame).items()}
    height, width = arrays["depth_m"].shape
    picture = Image.fromarray(frame.rgb).resize((width, height), Image.Resampling.BOX)
    small = Frame(**{**arrays, "rgb": np.asarray(picture)})
    return small, [_scaled(label, factor) for label in labels]


def _scaled(label: ObjectLabel, factor: int) -> ObjectLabel:
    """Return a label in the pixels of a smaller image."""
    x0, y0, x1, y1 = (side // factor for side in label.tight_box)
    corners = tuple((u / factor, v / factor, depth) for u, v, depth in label.corners_px)
    return replace(label, tight_box=(x0, y0, x1 + 1, y1 + 1), corners_px=corners)


def moment_frame(events: Sequence[Event], fps: float, num_frames: int) -> int:
    """Return the frame of the event that matters: the first collision, else the first event."""
    moment_s = moment_of(events)
    moment = num_frames // 2 if moment_s is None else round(moment_s * fps)
    return min(max(moment, 0), num_frames - 1)


def moment_of(events: Sequence[Event]) -> float | None:
    """Return the time of the first collision, else of the first event; None without events."""
    hits = [event for event in events if event.kind is EventKind.COLLISION]
    chosen = (hits or list(events))[:1]
    return chosen[0].key_s if chosen else None


def _marked(frame: Frame, labels: Sequence[ObjectLabel], events: Sequence[Event]) -> np.ndarray:
    """Return the picture with boxes around those who take part in events."""
    acting = {actor for event in events for actor in event.actors}
    own = [label for label in labels if label.object_id in acting]
    return draw_boxes(frame.rgb, own or labels)


def _even(image: np.ndarray) -> np.ndarray:
    """Return an image with even sides, as video codecs want."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    return np.ascontiguousarray(image[:height, :width])
