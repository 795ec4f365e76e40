"""What a road user does while it is seen, in the words of somebody who watches the screen.

Proved in `tests/annotate/caption/test_motion.py`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from rareworld.annotate.stretch import stretch
from rareworld.core.camera import Camera
from rareworld.core.conditions import Conditions
from rareworld.core.geometry import matrix_from_quat, yaw_from_quat
from rareworld.core.scene import Actor
from rareworld.core.taxonomy import PEOPLE
from rareworld.core.trajectory import Recording

_VEHICLE_SHARE, _PERSON_SHARE = 0.0009, 0.0003
"""Of the image that somebody must cover, at their largest, to be spoken of."""
_SLOW_MPS, _MOVING_MPS = 0.6, 2.0
_TURN_RAD = np.radians(28)
_NEARER, _FARTHER = 0.8, 1.25
"""Ratios of the last distance to the first."""
_LEVEL = np.cos(np.radians(50))


class Deed(StrEnum):
    """How somebody moves through the picture."""

    PARKED = "parked"
    WAITS = "waits"
    STOPS = "stops"
    STARTS = "starts"
    LEFT = "turns left"
    RIGHT = "turns right"
    TOWARDS = "towards"
    AWAY = "away"
    RIGHTWARDS = "rightwards"
    LEFTWARDS = "leftwards"


@final
@dataclass(frozen=True, kw_only=True)
class Seen:
    """A recording, or a stretch of one, as a camera shows it."""

    recording: Recording
    camera: Camera
    pixels: Int[np.ndarray, "n t"]
    """Pixels that show each actor in each frame, in the order of `scene.actors`."""
    conditions: Conditions
    place: str
    """With its article: `a roundabout`."""

    def part(self, start: int, stop: int) -> "Seen":
        """Return frames [start, stop) alone.

        Raises:
            ConfigError: If there are no such frames.
        """
        cut = stretch(self.recording, start, stop)
        return replace(self, recording=cut, pixels=self.pixels[:, start:stop])

    def area(self, row: int) -> float:
        """Return the mean share of the image an actor covers."""
        return float(self.pixels[row].mean()) / (self.camera.width * self.camera.height)

    def noticed(self, row: int) -> bool:
        """Return whether somebody who watches would see this actor at all."""
        person = self.recording.scene.actors[row].class_id in PEOPLE
        least = (_PERSON_SHARE if person else _VEHICLE_SHARE) * self.camera.width
        return float(self.pixels[row].max()) >= least * self.camera.height

    def noticed_id(self, actor_id: int) -> bool:
        """Return whether this is an actor that is noticed."""
        return any(
            actor.id == actor_id and self.noticed(row)
            for row, actor in enumerate(self.recording.scene.actors)
        )

    def frames(self, row: int) -> Int[np.ndarray, " f"]:
        """Return the frames in which an actor shows."""
        return np.flatnonzero((self.pixels[row] > 0) & self.recording.tracks.present[row])


def deed(seen: Seen, row: int) -> Deed:
    """Return what an actor does over the frames in which it shows."""
    tracks, frames = seen.recording.tracks, seen.frames(row)
    if seen.recording.scene.actors[row].role == "parked" or not len(frames):
        return Deed.PARKED
    speed = np.linalg.norm(tracks.velocity_mps[row, frames, :2], axis=1)
    if speed.max() < _SLOW_MPS:
        return Deed.WAITS
    turned = turned_rad(seen.recording, row, frames)
    if abs(turned) > _TURN_RAD and speed.max() > _SLOW_MPS:
        return Deed.LEFT if turned > 0 else Deed.RIGHT
    if speed[0] > _MOVING_MPS and speed[-1] < _SLOW_MPS:
        return Deed.STOPS
    if speed[0] < _SLOW_MPS and speed[-1] > _MOVING_MPS:
        return Deed.STARTS
    return _across(seen, tracks.position_m[row, frames[[0, -1]]])


def _across(seen: Seen, ends_m: Float[np.ndarray, "2 3"]) -> Deed:
    """Return the way through the picture of somebody who goes straight on."""
    pixels, depth = seen.camera.project(ends_m)
    moved = float(pixels[1, 0] - pixels[0, 0])
    ratio = float(depth[1] / max(depth[0], 1e-6))
    sideways = abs(moved) > 0.15 * seen.camera.width
    if ratio < _NEARER and not (sideways and ratio > _NEARER**2):
        return Deed.TOWARDS
    if ratio > _FARTHER and not (sideways and ratio < _FARTHER**2):
        return Deed.AWAY
    return Deed.RIGHTWARDS if moved > 0 else Deed.LEFTWARDS


def turned_rad(recording: Recording, row: int, frames: Int[np.ndarray, " f"]) -> float:
    """Return by how much an actor's heading changes over frames, positive to the left."""
    yaw = np.unwrap(np.asarray(yaw_from_quat(recording.tracks.quat[row, frames])))
    return float(yaw[-1] - yaw[0])


def lies(recording: Recording, row: int, frame: int) -> bool:
    """Return whether an actor lies on its side or back."""
    up = matrix_from_quat(recording.tracks.quat[row, frame])[2, 2]
    return bool(up < _LEVEL)


def on_crosswalk(seen: Seen, row: int) -> bool:
    """Return whether somebody who walks shows on a marked crossing."""
    tracks, frames = seen.recording.tracks, seen.frames(row)
    if not len(frames):
        return False
    speed = np.linalg.norm(tracks.velocity_mps[row, frames, :2], axis=1)
    places = tracks.position_m[row, frames, :2]
    walks = seen.recording.scene.road.crosswalks
    inside = [within(walk.outline_m[:, :2], places) for walk in walks]
    return bool((np.any(inside, axis=0) & (speed > 0.3)).any()) if inside else False


def within(
    outline_m: Float[np.ndarray, "p 2"], points_m: Float[np.ndarray, "n 2"]
) -> Bool[np.ndarray, " n"]:
    """Return which points lie inside a convex outline, whichever way round it runs."""
    edge = np.roll(outline_m, -1, axis=0) - outline_m
    to = points_m[:, None] - outline_m[None]
    side = edge[:, 0] * to[..., 1] - edge[:, 1] * to[..., 0]
    return np.logical_or((side >= 0).all(axis=1), (side <= 0).all(axis=1))


def moving_vehicles(seen: Seen) -> list[int]:
    """Return the rows of vehicles in traffic that are noticed, the largest in the picture first."""
    actors = seen.recording.scene.actors
    rows = [row for row, actor in enumerate(actors) if _in_traffic(actor) and seen.noticed(row)]
    return sorted(rows, key=lambda row: (-seen.area(row), actors[row].id))


def _in_traffic(actor: Actor) -> bool:
    return actor.class_id not in PEOPLE and actor.role != "parked"
