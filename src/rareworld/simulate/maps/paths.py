"""Reference lines of OpenDRIVE roads: straight, arc and cubic pieces, joined end to end.

Spec: ASAM OpenDRIVE 1.8, chapter 9 (geometry). Angles in radians, lengths in metres, world frame.
Proved in tests/simulate/maps/test_map_paths.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

_SAMPLES = 256
"""Chords that measure the length of a cubic; the error is below 0.1 mm over 60 m."""


@final
@dataclass(frozen=True)
class Pose:
    """A point with a heading."""

    x_m: float
    y_m: float
    heading_rad: float

    def move(self, forward_m: float, left_m: float = 0.0, turn_rad: float = 0.0) -> "Pose":
        """Return the pose reached by a step in this pose's own frame, then a turn."""
        c, s = math.cos(self.heading_rad), math.sin(self.heading_rad)
        return Pose(
            self.x_m + forward_m * c - left_m * s,
            self.y_m + forward_m * s + left_m * c,
            self.heading_rad + turn_rad,
        )

    def turned(self) -> "Pose":
        """Return the same point looking back."""
        return self.move(0.0, 0.0, math.pi)


@final
@dataclass(frozen=True)
class Piece:
    """One geometry: an arc (curvature may be 0), or a cubic in its own frame."""

    start: Pose
    length_m: float
    curvature: float = 0.0
    """1/m, positive to the left; ignored by cubics."""
    cubic: tuple[float, ...] = ()
    """(aU, bU, cU, dU, aV, bV, cV, dV) over a parameter in 0..1, or empty."""

    def at(self, s_m: float) -> Pose:
        """Return the pose at a distance from the start; cubics take it as the share of length."""
        if self.cubic:
            return self._cubic_at(s_m / self.length_m)
        turn = self.curvature * s_m
        if abs(turn) < 1e-12:
            return self.start.move(s_m)
        radius = 1.0 / self.curvature
        return self.start.move(radius * math.sin(turn), radius * (1 - math.cos(turn)), turn)

    def _cubic_at(self, p: float) -> Pose:
        _, bu, cu, du, _, bv, cv, dv = self.cubic
        turn = math.atan2(bv + 2 * cv * p + 3 * dv * p * p, bu + 2 * cu * p + 3 * du * p * p)
        return self.start.move(((du * p + cu) * p + bu) * p, ((dv * p + cv) * p + bv) * p, turn)


@final
@dataclass(frozen=True)
class Path:
    """Pieces joined end to end; s runs from 0 at the first."""

    pieces: tuple[Piece, ...]

    @property
    def length_m(self) -> float:
        """Sum of the pieces."""
        return sum(piece.length_m for piece in self.pieces)

    @property
    def start(self) -> Pose:
        """Pose at s = 0."""
        return self.pieces[0].start

    @property
    def end(self) -> Pose:
        """Pose at the last s."""
        last = self.pieces[-1]
        return last.at(last.length_m)

    def at(self, s_m: float) -> Pose:
        """Return the pose at a distance along the path; beyond the ends the piece goes on."""
        left = s_m
        for piece in self.pieces[:-1]:
            if left <= piece.length_m:
                return piece.at(left)
            left -= piece.length_m
        return self.pieces[-1].at(left)

    def reversed(self) -> "Path":
        """Return the same line travelled the other way (arcs and straights only)."""
        return Path(
            tuple(
                Piece(piece.at(piece.length_m).turned(), piece.length_m, -piece.curvature)
                for piece in reversed(self.pieces)
            )
        )


def arcs(start: Pose, steps: Sequence[tuple[float, float]]) -> Path:
    """Return a path of (length, curvature) steps; curvature 0 is straight."""
    pieces: list[Piece] = []
    for length_m, curvature in steps:
        if length_m > 1e-6:
            piece = Piece(start, length_m, curvature)
            pieces.append(piece)
            start = piece.at(length_m)
    return Path(tuple(pieces))


def blend(start: Pose, end: Pose) -> Path:
    """Return the cubic from pose to pose whose handles make turns near circular."""
    dx, dy = end.x_m - start.x_m, end.y_m - start.y_m
    c, s = math.cos(start.heading_rad), math.sin(start.heading_rad)
    u, v = dx * c + dy * s, dy * c - dx * s
    turn = math.remainder(end.heading_rad - start.heading_rad, 2 * math.pi)
    speed = math.hypot(u, v) * _handle(turn)
    tu, tv = speed * math.cos(turn), speed * math.sin(turn)
    cubic = (
        0.0,
        speed,
        3 * u - 2 * speed - tu,
        speed + tu - 2 * u,
        0.0,
        0.0,
        3 * v - tv,
        tv - 2 * v,
    )
    return Path((Piece(start, _cubic_length(cubic), cubic=cubic),))


def _handle(turn_rad: float) -> float:
    """Return the Hermite speed, per chord, of the cubic that follows a circle of this turn."""
    half = abs(turn_rad) / 2
    if half < 1e-6:
        return 1.0
    return 2 * math.tan(half / 2) / math.sin(half)


def _cubic_length(cubic: tuple[float, ...]) -> float:
    p = np.linspace(0.0, 1.0, _SAMPLES + 1)
    powers = np.stack([np.ones_like(p), p, p**2, p**3])
    points = np.array(cubic).reshape(2, 4) @ powers
    return float(np.linalg.norm(np.diff(points, axis=1), axis=0).sum())
