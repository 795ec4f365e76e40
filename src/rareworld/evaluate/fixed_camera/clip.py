"""All checks of one clip: how its camera holds still and how each thing in it behaves.

Proved in `tests/evaluate/fixed_camera` (lives, shape, motion, reference) on drawn clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, UInt8

from rareworld.core.camera import Camera
from rareworld.evaluate.fixed_camera.config import FixedCameraConfig
from rareworld.evaluate.fixed_camera.contact import Contact, find_contact
from rareworld.evaluate.fixed_camera.foreground import find_foreground
from rareworld.evaluate.fixed_camera.lives import Mask, appears, vanishes
from rareworld.evaluate.fixed_camera.motion import (
    Metres,
    OwnSizes,
    in_metres,
    in_own_sizes,
    resized,
)
from rareworld.evaluate.fixed_camera.reference import SizeMap
from rareworld.evaluate.fixed_camera.shape import Luma, Shape, measure_shape
from rareworld.evaluate.fixed_camera.stability import Stability, measure_stability, steadied
from rareworld.evaluate.fixed_camera.tracks import Track, follow, is_clear
from rareworld.evaluate.fixed_camera.working import Working, working_clip

FAULTS = ("appearing", "vanishing", "growing", "melting", "oversized", "implausible")
"""What can be wrong with a track."""


@final
@dataclass(frozen=True, kw_only=True)
class Judged:
    """A track with its measures and the names of its faults (of `FAULTS`)."""

    track: Track
    shape: Shape
    motion: OwnSizes
    metres: Metres | None
    oversize: float
    """Size over the largest usual one at its place; NaN if not known."""
    faults: frozenset[str]


@final
@dataclass(frozen=True, kw_only=True)
class ClipChecks:
    """What was found in one clip."""

    name: str
    frames: int
    fps: float
    width: int
    height: int
    stability: Stability
    judged: tuple[Judged, ...]
    unclear: tuple[Track, ...]
    """Tracks too small, too much hidden or too slow to judge."""
    contact: Contact | None


def check_clip(
    name: str,
    clip: UInt8[np.ndarray, "t h w 3"],
    fps: float,
    *,
    sizes: SizeMap | None = None,
    scene: SizeMap | None = None,
    camera: Camera | None = None,
    config: FixedCameraConfig | None = None,
) -> ClipChecks:
    """Check one clip.

    `sizes` (of a real set) and `scene` (of a real clip of the same view) make oversized things
    known, `camera` (of any resolution) speeds in metres.

    Raises:
        ConfigError: If the clip is too short or too small, or its frame rate is not positive.
    """
    config = config or FixedCameraConfig()
    shaken = working_clip(clip, fps, config.short_side)
    stability = measure_stability(shaken, config.still_share)
    small = steadied(shaken, stability)
    luma = small.luma
    seen = find_foreground(small, config)
    tracks = follow(small, seen, config)
    side = small.factor * float(np.sqrt(config.min_area_share * np.prod(small.size)))
    clear = [track for track in tracks if is_clear(track, side)]
    contact = find_contact(clear, small, config)
    view = resized(camera, clip.shape[2], clip.shape[1]) if camera else None
    size = (clip.shape[1], clip.shape[2])
    judge = _Judge(
        tracks=tracks,
        clip=small,
        luma=luma,
        mask=seen.mask,
        contact=contact,
        sizes=sizes,
        scene=scene,
        camera=view,
        config=config,
        size=size,
    )
    return ClipChecks(
        name=name,
        frames=len(clip),
        fps=fps,
        width=clip.shape[2],
        height=clip.shape[1],
        stability=stability,
        judged=tuple(judge.judged(track) for track in clear),
        unclear=tuple(track for track in tracks if track not in clear),
        contact=contact,
    )


@final
@dataclass(frozen=True, kw_only=True)
class _Judge:
    """Judges the tracks of one clip."""

    tracks: Sequence[Track]
    clip: Working
    luma: Luma
    mask: Mask
    contact: Contact | None
    sizes: SizeMap | None
    scene: SizeMap | None
    camera: Camera | None
    config: FixedCameraConfig
    size: tuple[int, int]

    def judged(self, track: Track) -> Judged:
        """Return a track with measures and faults."""
        calm = self._calm(track)
        fps = self.clip.fps
        shape = measure_shape(track, self.clip, self.luma, self.config)
        motion = in_own_sizes(track, self.size, fps, self.config, calm, self.clip.factor)
        metres = self._metres(track, calm)
        oversize = self._oversize(track)
        found = {
            "appearing": appears(track, self.tracks, self.clip, self.mask, self.config),
            "vanishing": vanishes(track, self.tracks, self.clip, self.mask, self.config),
            "growing": shape.growth > self.config.growth,
            "melting": shape.unlike >= self.config.melting_share,
            "oversized": oversize > self.config.oversize,
            "implausible": self._is_implausible(motion, metres),
        }
        return Judged(
            track=track,
            shape=shape,
            motion=motion,
            metres=metres,
            oversize=oversize,
            faults=frozenset(name for name, is_so in found.items() if is_so),
        )

    def _oversize(self, track: Track) -> float:
        """Return the excess over the same scene's sizes, or where it has none over the set's."""
        for known in (self.scene, self.sizes):
            excess = known.excess(track, self.size[1]) if known else np.nan
            if np.isfinite(excess):
                return excess
        return np.nan

    def _metres(self, track: Track, calm: Bool[np.ndarray, "n"]) -> Metres | None:
        if self.camera is None:
            return None
        return in_metres(track, self.camera, self.clip.fps, self.config, calm, self.clip.factor)

    def _calm(self, track: Track) -> Bool[np.ndarray, "n"]:
        """Return the moments at which a blow cannot excuse an acceleration."""
        contact = self.contact
        if contact is None or track.number not in (contact.first, contact.second):
            return np.ones(len(track.frames), bool)
        return track.frames / self.clip.fps < contact.time_s - self.config.window_s / 2

    def _is_implausible(self, motion: OwnSizes, metres: Metres | None) -> bool:
        limits = self.config
        if motion.jump > limits.max_jump:
            return True
        if metres is not None and np.isfinite(metres.speed_mps):
            return (
                metres.speed_mps > limits.max_speed_mps
                or metres.brake_mps2 > limits.max_brake_mps2
                or metres.throttle_mps2 > limits.max_throttle_mps2
                or metres.lateral_mps2 > limits.max_lateral_mps2
            )
        return motion.speed > limits.max_speed or motion.accel > limits.max_accel
