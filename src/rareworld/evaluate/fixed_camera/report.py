"""Fixed-camera checks over a set of clips: a row per clip, and means with intervals.

A measure over a set is a ratio of sums over clips (faults over tracks, or a value over the clips
that have one); its interval is the percentile bootstrap over clips (Efron 1979), because tracks of
one clip are not independent. Proved in `tests/evaluate/fixed_camera/test_report.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Float, UInt8

from rareworld.core.camera import Camera
from rareworld.core.seed import Seed
from rareworld.errors import ConfigError
from rareworld.evaluate.fixed_camera.clip import FAULTS, ClipChecks, Judged, check_clip
from rareworld.evaluate.fixed_camera.config import FixedCameraConfig
from rareworld.evaluate.fixed_camera.contact import ContactScore, Truth, score_contacts
from rareworld.evaluate.fixed_camera.motion import Metres
from rareworld.evaluate.fixed_camera.reference import SizeMap

Clip = tuple[str, UInt8[np.ndarray, "_ _ _ 3"], float]
"""Name, frames (time, height, width, colour) and frames per second."""
Better = Literal["lower", "higher", "as real"]

_LABELS: dict[str, tuple[str, Better, str]] = {
    "fixed": ("share", "higher", "frames in which the camera stands still"),
    "shift": ("px", "lower", "95th percentile of the camera's shift against the first frame"),
    "jitter": ("px", "lower", "camera motion from frame to frame, root mean square"),
    "swim": ("px", "lower", "motion of parts of the ground on their own, 95th percentile"),
    "flicker": ("grey levels", "as real", "noise of a still pixel"),
    "tracks": ("per clip", "as real", "things that move and are clear enough to judge"),
    "sound": ("share", "higher", "tracks without any fault"),
    "appearing": ("per track", "lower", "things that come from nothing in open view"),
    "vanishing": ("per track", "lower", "things that end in nothing in open view"),
    "growing": ("per track", "lower", "things that change size beyond perspective"),
    "melting": ("per track", "lower", "things that do not look like themselves a frame earlier"),
    "oversized": ("per track", "lower", "things larger than real ones at that place"),
    "implausible": ("per track", "lower", "things faster or harder pushed than vehicles can be"),
    "similarity": ("correlation", "higher", "a thing's picture with itself a frame earlier"),
    "growth": ("factor", "lower", "largest change of size beyond perspective, mean over tracks"),
    "speed": ("own sizes/s", "as real", "highest speed of a track, mean"),
    "accel": ("own sizes/s2", "as real", "highest acceleration of a track, mean"),
    "speed_mps": ("m/s", "as real", "highest speed of a track, mean"),
    "brake_mps2": ("m/s2", "as real", "strongest braking of a track, mean"),
    "lateral_mps2": ("m/s2", "as real", "strongest turning of a track, mean"),
    "contact_precision": ("share", "higher", "found contacts that are true and in time"),
    "contact_recall": ("share", "higher", "true contacts found in time"),
}
"""Unit, which way is better and what it says, of every measure in the order of the table."""


@final
@dataclass(frozen=True)
class Measure:
    """A mean over a set with its 95 % interval; NaN where no clip has a value."""

    value: float
    low: float
    high: float
    clips: int
    """Clips that have a value."""


@final
@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the checks find in real clips: the baseline, and how large things are where."""

    sizes: SizeMap
    """Of all clips."""
    scenes: Mapping[str, SizeMap]
    """Of each clip by name: a generated clip of the same name shows the same view."""
    measures: Mapping[str, Measure]
    clips: int

    @classmethod
    def from_clips(
        cls, real: Iterable[Clip], config: FixedCameraConfig | None = None
    ) -> "Reference":
        """Check real clips, one at a time.

        Raises:
            ConfigError: If there are none, or one cannot be checked.
        """
        config = config or FixedCameraConfig()
        checks = [check_clip(name, clip, fps, config=config) for name, clip, fps in real]
        if not checks:
            raise ConfigError("a reference needs at least one real clip, found none; give clips")
        tracks = {
            check.name: ([item.track for item in check.judged if not item.faults], check.width)
            for check in checks
        }
        return cls(
            sizes=SizeMap.from_tracks(tuple(tracks.values())),
            scenes={name: SizeMap.from_tracks([own], evidence=1) for name, own in tracks.items()},
            measures=set_measures(checks, {}, config),
            clips=len(checks),
        )


@final
@dataclass(frozen=True, kw_only=True)
class FixedCameraReport:
    """Checks of every clip and of the set."""

    clips: tuple[ClipChecks, ...]
    measures: Mapping[str, Measure]
    """By the names of `rows_for_table`."""
    contacts: ContactScore | None
    reference: Reference | None
    config: FixedCameraConfig


def fixed_camera_report(
    clips: Iterable[Clip],
    reference: Reference | None = None,
    *,
    cameras: Mapping[str, Camera] | None = None,
    truth: Mapping[str, Truth] | None = None,
    config: FixedCameraConfig | None = None,
) -> FixedCameraReport:
    """Check clips of a fixed camera, one at a time.

    Args:
        clips: Name, frames (uint8, time first) and frames per second of each; names are unique.
        reference: What real clips look like; without it nothing is called oversized. A clip is
            held against the real clip of its own name first, which is of the same view.
        cameras: By name, of clips whose camera is known: speeds in metres.
        truth: By name, whether and when there is a collision; see `truth_from_events` and
            `truth_from_prompt`.
        config: Limits.

    Show it with `rows_for_table(report)` (a row of plain values per measure), `rows_of_clips`
    (a row per clip) and `picture.draw_tracks(clip, report.clips[i], path)` (a PNG).

    Raises:
        ConfigError: If there is no clip, a name comes twice or a clip cannot be checked.
    """
    config = config or FixedCameraConfig()
    cameras, truth = cameras or {}, truth or {}
    sizes = reference.sizes if reference else None
    checks: dict[str, ClipChecks] = {}
    for name, clip, fps in clips:
        if name in checks:
            raise ConfigError(f"clip names must be unique, found {name!r} twice; rename one")
        scene = reference.scenes.get(name) if reference else None
        checks[name] = check_clip(
            name, clip, fps, sizes=sizes, scene=scene, camera=cameras.get(name), config=config
        )
    if not checks:
        raise ConfigError("fixed-camera checks need at least one clip, found none; give clips")
    found = {name: check.contact for name, check in checks.items()}
    return FixedCameraReport(
        clips=tuple(checks.values()),
        measures=set_measures(tuple(checks.values()), truth, config),
        contacts=score_contacts(found, truth, config.contact_tolerance_s) if truth else None,
        reference=reference,
        config=config,
    )


def rows_for_table(report: FixedCameraReport) -> list[dict[str, str | float | int]]:
    """Return a row per measure that has a value.

    Keys: measure, unit, better ("lower", "higher" or "as real"), value, low, high (95 % bootstrap
    over clips), clips (that have a value), real (the same measure of the reference, NaN without
    one) and says (the measure in words).
    """
    real = report.reference.measures if report.reference else {}
    rows: list[dict[str, str | float | int]] = []
    for name, measure in report.measures.items():
        unit, better, says = _LABELS[name]
        if np.isnan(measure.value):
            continue
        rows.append(
            {
                "measure": name,
                "unit": unit,
                "better": better,
                "value": measure.value,
                "low": measure.low,
                "high": measure.high,
                "clips": measure.clips,
                "real": real[name].value if name in real else np.nan,
                "says": says,
            }
        )
    return rows


def rows_of_clips(report: FixedCameraReport) -> list[dict[str, str | float | int]]:
    """Return a row per clip: name, frames, fps, every measure with a value in it, contact_s."""
    rows: list[dict[str, str | float | int]] = []
    for check in report.clips:
        parts = {name: part for name, part in _parts(check).items() if part[1]}
        row: dict[str, str | float | int] = {"clip": check.name}
        row |= {"frames": check.frames, "fps": check.fps}
        row |= {name: top / bottom for name, (top, bottom) in parts.items()}
        row["contact_s"] = check.contact.time_s if check.contact else np.nan
        rows.append(row)
    return rows


def set_measures(
    checks: Iterable[ClipChecks], truth: Mapping[str, Truth], config: FixedCameraConfig
) -> dict[str, Measure]:
    """Return every measure over clips, in the order of the table."""
    checks = tuple(checks)
    parts = [_parts(check) | _contact_parts(check, truth, config) for check in checks]
    draws = Seed(config.seed).child("fixed_camera").generator()
    picks = draws.integers(len(checks), size=(config.resamples, len(checks)))
    return {name: _ratio(np.array([part[name] for part in parts]), picks) for name in _LABELS}


def _ratio(parts: Float[np.ndarray, "n 2"], picks: np.ndarray) -> Measure:
    """Return the ratio of sums with its interval; resamples without a value are left out."""
    clips = int((parts[:, 1] > 0).sum())
    if not clips:
        return Measure(np.nan, np.nan, np.nan, 0)
    top, bottom = (parts[:, column][picks].sum(1) for column in (0, 1))
    ratios = top[bottom > 0] / bottom[bottom > 0]
    low, high = np.percentile(ratios, [2.5, 97.5])
    value = parts[:, 0].sum() / parts[:, 1].sum()
    return Measure(float(value), float(low), float(high), clips)


Part = tuple[float, float]
"""What a clip adds above and below the line."""


def _parts(check: ClipChecks) -> dict[str, Part]:
    """Return what one clip adds to every measure but those of contacts."""
    judged = check.judged
    count = float(len(judged))
    faults: dict[str, Part] = {fault: (float(_faulty(judged, fault)), count) for fault in FAULTS}
    known = float(np.isfinite([item.oversize for item in judged]).sum())
    return {
        **_camera_parts(check),
        "tracks": (count, 1.0),
        "sound": (float(sum(not item.faults for item in judged)), count),
        **faults,
        "oversized": (faults["oversized"][0], known),
        "similarity": _several([item.shape.similarity for item in judged]),
        "growth": _several([item.shape.growth for item in judged]),
        "speed": _several([item.motion.speed for item in judged]),
        "accel": _several([item.motion.accel for item in judged]),
        **_metre_parts([item.metres for item in judged if item.metres is not None]),
    }


def _faulty(judged: Sequence[Judged], fault: str) -> int:
    return sum(fault in item.faults for item in judged)


def _metre_parts(metres: Sequence[Metres]) -> dict[str, Part]:
    return {
        "speed_mps": _several([item.speed_mps for item in metres]),
        "brake_mps2": _several([item.brake_mps2 for item in metres]),
        "lateral_mps2": _several([item.lateral_mps2 for item in metres]),
    }


def _camera_parts(check: ClipChecks) -> dict[str, Part]:
    stability = check.stability
    shifts = stability.shift_px[1:]
    seen = shifts[~np.isnan(shifts)]
    # a view that is another one has moved by as much as there is
    farthest = float(np.hypot(check.width, check.height))
    shift = np.percentile(np.minimum(seen, farthest), 95) if len(seen) else np.nan
    return {
        "fixed": _one(stability.fixed),
        "shift": _one(float(shift)),
        "jitter": _one(stability.jitter_px),
        "swim": _one(stability.swim_px),
        "flicker": _one(stability.flicker),
    }


def _one(value: float) -> Part:
    return (value, 1.0) if np.isfinite(value) else (0.0, 0.0)


def _several(values: list[float]) -> Part:
    """Return the sum and number of the values that are known."""
    known = [value for value in values if np.isfinite(value)]
    return float(sum(known)), float(len(known))


def _contact_parts(
    check: ClipChecks, truth: Mapping[str, Truth], config: FixedCameraConfig
) -> dict[str, Part]:
    if check.name not in truth:
        return {"contact_precision": (0.0, 0.0), "contact_recall": (0.0, 0.0)}
    score = score_contacts(
        {check.name: check.contact}, {check.name: truth[check.name]}, config.contact_tolerance_s
    )
    right = float(score.right)
    return {
        "contact_precision": (right, float(score.found)),
        "contact_recall": (right, float(score.true)),
    }
