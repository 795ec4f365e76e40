"""Tyre marks: where a wheel slides over dry road, rubber stays.

A wheel marks the road while it slips sideways, or while its vehicle brakes harder than tyres hold
without locking. Marks are strips a few millimetres above the road, laid in short pieces so that
they appear as the wheel passes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import finish, soup
from rareworld.annotate.world.model import Mesh
from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import FloatArray, matrix_from_quat
from rareworld.core.lanes import LaneIndex
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Driver, Recording

SLIP_MPS = 1.2
"""Sideways speed of a wheel from which it leaves rubber."""
BRAKE_MPS2 = 7.2
"""Deceleration from which braking wheels do."""
LEAST_SPEED_MPS = 1.5
WIDTH_M = 0.17
_ON_TYRES = (Driver.CONTROLLER, Driver.PHYSICS, Driver.REPLAY)
HEAVY_KG = 5000.0
"""Heavier vehicles have twin tyres."""
ABOVE_M = 0.004
LIFT_M = 0.06
"""A wheel higher than this above the road touches nothing."""
REACH_M = 3.0
"""The road's height is looked up this far beside it."""
GAP_FRAMES = 2
"""Shorter pauses do not interrupt a mark."""
PIECE_FRAMES = 3


@final
@dataclass(frozen=True, kw_only=True)
class Mark:
    """A strip in world coordinates and when it is there."""

    mesh: Mesh
    time_s: float


def tyre_marks(recording: Recording) -> tuple[Mark, ...]:
    """Return all marks of a recording in the order of actors, wheels and time."""
    index = LaneIndex(recording.scene.road)
    return tuple(
        mark
        for row, actor in enumerate(recording.scene.actors)
        if actor.spec.track_m > 0 and _may_slide(recording, row)
        for wheel in _wheels_m(actor.spec)
        for mark in _marks_of(recording, row, wheel, index)
    )


def _may_slide(recording: Recording, row: int) -> bool:
    """Return whether a vehicle is ever near sliding: most of the traffic never is."""
    tracks = recording.tracks
    if tracks.num_frames < 2:
        return False
    drifts = np.abs(_sideways(recording, row, np.zeros(3))) > SLIP_MPS / 3
    return bool((braking(recording, row) | (drifts & tracks.present[row])).any())


def _wheels_m(spec: Blueprint) -> FloatArray:
    """Return the wheels' ground points in the body frame, (4, 3)."""
    x, y = spec.wheelbase_m / 2, spec.track_m / 2
    return np.array([[a, b, 0.0] for a in (x, -x) for b in (y, -y)])


def braking(recording: Recording, row: int) -> Bool[np.ndarray, "t"]:
    """Return in which frames a vehicle brakes beyond what rolling tyres give."""
    tracks = recording.tracks
    speed = np.linalg.norm(tracks.velocity_mps[row, :, :2], axis=1)
    rate = np.gradient(speed, tracks.time_s)
    return (rate < -BRAKE_MPS2) & (speed > LEAST_SPEED_MPS) & tracks.present[row]


def _sideways(recording: Recording, row: int, wheel_m: FloatArray) -> Float[np.ndarray, "t"]:
    """Return how fast a wheel moves across its vehicle's heading, metres per second."""
    tracks, turn = recording.tracks, _turn(recording, row)
    arm = turn @ wheel_m
    speed = tracks.velocity_mps[row] + np.cross(tracks.angular_velocity_radps[row], arm)
    return np.einsum("td,td->t", speed, turn[:, :, 1])


def _turn(recording: Recording, row: int) -> Float[np.ndarray, "t 3 3"]:
    """Return world from body per frame; absent actors are not turned."""
    tracks = recording.tracks
    there = tracks.present[row][:, None]
    return matrix_from_quat(np.where(there, tracks.quat[row], [1.0, 0.0, 0.0, 0.0]))


def _marks_of(
    recording: Recording, row: int, wheel_m: FloatArray, index: LaneIndex
) -> Iterator[Mark]:
    """Yield the pieces one wheel leaves."""
    tracks, turn = recording.tracks, _turn(recording, row)
    points = tracks.position_m[row] + turn @ wheel_m
    on = _closed(_slides(recording, row, wheel_m), GAP_FRAMES)
    on &= tracks.present[row] & (turn[:, 2, 2] > 0.9)
    if not on.any():
        return
    road = np.asarray(index.nearest(points[:, :2], limit_m=REACH_M).height_m)
    on &= np.abs(points[:, 2] - road) < LIFT_M
    points[:, 2] = np.where(on, road, points[:, 2]) + ABOVE_M
    heavy = recording.scene.actors[row].spec.mass_kg > HEAVY_KG
    for first in range(0, len(on) - 1, PIECE_FRAMES):
        last = min(first + PIECE_FRAMES, len(on) - 1)
        piece = points[first : last + 1][on[first : last + 1]]
        if len(piece) > 1 and np.linalg.norm(piece[-1] - piece[0]) > 0.05:
            strip = _strip(piece, 2 * WIDTH_M if heavy else WIDTH_M)
            yield Mark(mesh=strip, time_s=float(tracks.time_s[last]))


def _slides(recording: Recording, row: int, wheel_m: FloatArray) -> Bool[np.ndarray, "t"]:
    """Return in which frames a wheel leaves rubber."""
    tracks = recording.tracks
    moving = np.linalg.norm(tracks.velocity_mps[row], axis=1) > LEAST_SPEED_MPS
    # traffic follows its lanes without tyres: what looks like a slip there is none
    moving &= np.isin(tracks.driver[row], _ON_TYRES)
    aside = np.abs(_sideways(recording, row, wheel_m)) > SLIP_MPS
    return moving & (aside | braking(recording, row))


def _closed(on: Bool[np.ndarray, "t"], gap: int) -> Bool[np.ndarray, "t"]:
    """Return the flags with pauses of up to `gap` frames filled."""
    out, set_at = on.copy(), np.flatnonzero(on)
    for before, after in pairwise(set_at.tolist()):
        if after - before <= gap + 1:
            out[before:after] = True
    return out


def _strip(points: Float[np.ndarray, "n 3"], width_m: float) -> Mesh:
    """Return a level ribbon along points."""
    along = np.gradient(points, axis=0)
    across = np.stack([-along[:, 1], along[:, 0], np.zeros(len(along))], axis=1)
    across *= width_m / 2 / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    left, right = points + across, points - across
    first = np.stack([right[:-1], right[1:], left[1:]], axis=1)
    second = np.stack([right[:-1], left[1:], left[:-1]], axis=1)
    return finish(soup(np.concatenate([first, second]), skin("tyre mark", ClassId.ROAD)))
