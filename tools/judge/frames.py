"""The fixed set of 24 frames: places x conditions, each with its labels.

Recordings come from `docs/recipes/judged.yaml` through the public command; a frame is annotated as
users do, together with the frames just before it (exposure and glass effects need them).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np

from rareworld.annotate.pipeline import AnnotateConfig, labelled_frames, make_world
from rareworld.core.clip import Frame, ObjectLabel
from rareworld.core.trajectory import Recording, Tracks
from rareworld.data.config import override
from rareworld.data.recording import read_recording, read_suggested_rig

WARM_UP = 6
"""Frames drawn before the one that is kept."""


@final
@dataclass(frozen=True)
class View:
    """One of the judged frames."""

    recording: str
    """Start of the recording's folder name."""
    at: float
    """Share of its duration."""
    lighting: str
    weather: str = "clear_sky"
    road: str = "dry"

    @property
    def name(self) -> str:
        """For file names and tables."""
        return "-".join((self.recording, self.lighting, self.weather, self.road))

    @property
    def by_day(self) -> bool:
        """Whether the sun is up and well over the horizon."""
        return self.lighting in ("mid_morning", "zenith", "afternoon", "golden_hour")


VIEWS: tuple[View, ...] = (
    View("00000", 0.5, "afternoon"),
    View("00000", 0.7, "night", "raining", "puddles"),
    View("00000", 0.3, "twilight", "fog", "dry"),
    View("00001", 0.5, "mid_morning"),
    View("00001", 0.3, "night"),
    View("00002", 0.5, "zenith", "overcast"),
    View("00002", 0.7, "sunset"),
    View("00002", 0.4, "afternoon", "raining", "flooding"),
    View("00003", 0.5, "afternoon", "raining", "puddles"),
    View("00003", 0.6, "blue_hour"),
    View("00003", 0.8, "mid_morning"),
    View("00004", 0.5, "mid_morning", "snow_falling", "snow"),
    View("00004", 0.7, "sunrise", "clear_sky", "puddles"),
    View("00005", 0.5, "golden_hour"),
    View("00005", 0.7, "night", "raining", "puddles"),
    View("00005", 0.3, "zenith"),
    View("00006", 0.5, "afternoon", "overcast"),
    View("00006", 0.3, "mid_morning", "raining", "puddles"),
    View("00006", 0.7, "night", "snow_falling", "snow"),
    View("00007", 0.5, "mid_morning", "fog"),
    View("00007", 0.7, "afternoon", "dust", "sand"),
    View("00007", 0.4, "zenith"),
    View("00008", 0.5, "afternoon", "overcast", "snow"),
    View("00008", 0.7, "night"),
)


@final
@dataclass(frozen=True, kw_only=True)
class Shot:
    """A drawn view."""

    view: View
    frame: Frame
    labels: tuple[ObjectLabel, ...]


def cut(recording: Recording, first: int, stop: int) -> Recording:
    """Return frames [first, stop) as a recording of their own, without contacts."""
    tracks = recording.tracks
    arrays = {
        name: getattr(tracks, name)[..., first:stop]
        if name not in _BY_ACTOR_AND_TIME
        else getattr(tracks, name)[:, first:stop]
        for name in Tracks.__dataclass_fields__
    }
    return replace(
        recording,
        tracks=Tracks(**arrays),
        signal_states=recording.signal_states[:, first:stop],
        contacts=(),
        events=recording.events,
    )


_BY_ACTOR_AND_TIME = frozenset({"position_m", "quat", "velocity_mps", "angular_velocity_radps"})


def find_recording(folder: Path, start: str) -> Path:
    """Return the recording whose name begins so.

    Raises:
        SystemExit: If there is none.
    """
    found = sorted(folder.glob(f"{start}-*"))
    if not found:
        raise SystemExit(
            f"{folder}: no recording {start}-*; simulate docs/recipes/judged.yaml first"
        )
    return found[0]


def shoot(recordings: Path, view: View, settings: tuple[str, ...] = ()) -> Shot:
    """Draw and label one view."""
    folder = find_recording(recordings, view.recording)
    recording = read_recording(folder)
    last = int(view.at * (recording.tracks.num_frames - 1))
    part = cut(recording, max(last - WARM_UP, 0), last + 1)
    conditions = [
        f"conditions.{key}={getattr(view, key)}" for key in ("lighting", "weather", "road")
    ]
    config = AnnotateConfig.parse(override(_empty(), [*conditions, *settings]), source=view.name)
    rig = read_suggested_rig(folder)
    if rig is None:
        raise SystemExit(f"{folder}: holds no camera")
    world = replace(make_world(recording, config), recording=part)
    frames = labelled_frames(world, rig.cameras[0], config)
    frame, labels = list(frames)[-1]
    return Shot(view=view, frame=frame, labels=labels)


def _empty() -> dict[str, Any]:
    return {}


def luma(rgb: np.ndarray) -> np.ndarray:
    """Return BT.709 luma of display values, 0..1."""
    return rgb.astype(np.float64) @ np.array([0.2126, 0.7152, 0.0722]) / 255
