"""Pieces of lamps, trim and glass that fly off at an impact, bounce, slide and stay.

Each piece is a point under gravity with restitution at the ground and Coulomb friction while it
slides; the path is computed once and looked up afterwards. Speeds of pieces follow the vehicles'
at contact with a spread (Searle 1983 gives throw distances of 2 to 25 m for 30 to 60 km/h).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.aftermath.crush import Dent
from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import Soup, finish, soup
from rareworld.annotate.world.model import Mesh
from rareworld.core.geometry import FloatArray, matrix_from_quat
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId

GRAVITY_MPS2 = 9.81
FRICTION = 0.55
RESTITUTION = 0.25
LEAST_CRUSH_M = 0.04
"""Shallower dents shed nothing."""
PIECES_PER_M = 110.0
MOST_PIECES = 36
STEP_S = 1 / 120
FLIGHT_S = 3.0
"""Every piece lies still after this."""
SHAPES = 6


@final
@dataclass(frozen=True, kw_only=True)
class Piece:
    """One fragment and its way. Shapes: K steps of `STEP_S` from `time_s` on."""

    shape: int
    """Index into `piece_meshes`."""
    time_s: float
    path_m: Float[np.ndarray, "k 3"]
    turn_radps: float
    yaw_rad: float
    rest_s: float
    """Seconds after which it no longer moves."""

    def pose(self, time_s: float) -> Float[np.ndarray, "3 4"]:
        """Return world from piece at a time of the recording."""
        since = min(max(time_s - self.time_s, 0.0), FLIGHT_S)
        at = since / STEP_S
        low = min(int(at), len(self.path_m) - 2)
        point = self.path_m[low] + (at - low) * (self.path_m[low + 1] - self.path_m[low])
        spin = self.turn_radps * min(since, self.rest_s)
        half = (self.yaw_rad + spin) / 2
        tilt = np.sin(spin) * (since < self.rest_s)
        quat = np.array([np.cos(half), 0.3 * tilt, 0.2 * tilt, np.sin(half)])
        turn = matrix_from_quat(quat / np.linalg.norm(quat))
        return np.concatenate([turn, point[:, None]], axis=1)


@final
@dataclass(frozen=True)
class Plane:
    """The ground around a contact."""

    at_m: tuple[float, float, float]
    slope: tuple[float, float] = (0.0, 0.0)
    """Rise per metre along x and y."""

    def height_m(self, point_m: FloatArray) -> float:
        """Return the ground's height under a point."""
        x, y, z = self.at_m
        return z + self.slope[0] * (point_m[0] - x) + self.slope[1] * (point_m[1] - y)


def shed(dent: Dent, velocity_mps: FloatArray, ground: Plane, seed: Seed) -> tuple[Piece, ...]:
    """Return the pieces a dent sheds.

    Args:
        dent: Where and how hard.
        velocity_mps: Of the vehicle at the moment of contact, shape (3,).
        ground: Under it.
        seed: Of this dent.
    """
    if dent.depth_m < LEAST_CRUSH_M:
        return ()
    rng = seed.generator()
    count = min(int(PIECES_PER_M * dent.depth_m) + 4, MOST_PIECES)
    return tuple(_piece(dent, velocity_mps, ground, rng) for _ in range(count))


def _piece(dent: Dent, velocity_mps: FloatArray, ground: Plane, rng: np.random.Generator) -> Piece:
    """Draw one fragment's start and follow it to rest."""
    start = dent.point_m + rng.normal(0, 0.25, 3)
    start[2] = max(start[2], ground.height_m(start) + 0.1)
    out = -dent.inward * rng.uniform(0.0, 2.5) + rng.normal(0, 1.3, 3)
    speed = velocity_mps * rng.uniform(0.3, 1.0) + out
    speed[2] = abs(speed[2]) + rng.uniform(0.0, 2.0)
    path, rest = flown(start, speed, ground)
    return Piece(
        shape=int(rng.integers(SHAPES)),
        time_s=dent.time_s,
        path_m=path,
        turn_radps=float(rng.normal(0, 9)),
        yaw_rad=float(rng.uniform(0, 2 * np.pi)),
        rest_s=rest,
    )


def flown(
    start_m: FloatArray, velocity_mps: FloatArray, ground: Plane
) -> tuple[Float[np.ndarray, "k 3"], float]:
    """Return the way of a point over a plane and the second from which it lies still."""
    path = [np.array(start_m, dtype=np.float64)]
    point, speed = path[0].copy(), np.array(velocity_mps, dtype=np.float64)
    steps, rest = round(FLIGHT_S / STEP_S), FLIGHT_S
    for step in range(steps):
        point, speed = _advanced(point, speed, ground)
        path.append(point)
        if point[2] <= ground.height_m(point) and not speed.any():
            rest = (step + 1) * STEP_S
            path += [point] * (steps - step - 1)
            break
    return np.stack(path), rest


def _advanced(point: FloatArray, speed: FloatArray, ground: Plane) -> tuple[FloatArray, FloatArray]:
    """Return position and velocity one step later."""
    point = point + speed * STEP_S - np.array([0, 0, GRAVITY_MPS2 * STEP_S**2 / 2])
    speed = speed - np.array([0, 0, GRAVITY_MPS2 * STEP_S])
    level = ground.height_m(point)
    if point[2] > level:
        return point, speed
    point[2] = level
    bounce = -RESTITUTION * speed[2]
    flat = speed[:2]
    pace = float(np.linalg.norm(flat))
    lost = FRICTION * (GRAVITY_MPS2 * STEP_S if bounce < 0.3 else (1 + RESTITUTION) * -speed[2])
    flat = flat * max(pace - lost, 0.0) / pace if pace > 0 else flat
    return point, np.array([flat[0], flat[1], bounce if bounce >= 0.3 else 0.0])


def piece_meshes() -> tuple[Mesh, ...]:
    """Return the shapes of fragments: flat shards of glass and dark plastic."""
    rng = Seed(0).child("debris").generator()
    names = ("debris glass", "debris plastic", "debris plastic")
    return tuple(
        finish(_shard(0.03 + 0.05 * (k % 3), names[k % 3], rng), 20.0) for k in range(SHAPES)
    )


def _shard(size_m: float, name: str, rng: np.random.Generator) -> Soup:
    """Return an irregular flat body of some size that lies on z = 0."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, 5))
    ring = size_m * rng.uniform(0.5, 1.0, 5)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    top = np.append(rng.normal(0, 0.1 * size_m, 2), size_m * 0.45)
    base = np.column_stack([ring, np.zeros(5)])
    around = np.roll(base, -1, axis=0)
    faces: Sequence[np.ndarray] = [np.stack([base, around, np.broadcast_to(top, base.shape)], 1)]
    return soup(np.concatenate(faces), skin(name, ClassId.DYNAMIC))
