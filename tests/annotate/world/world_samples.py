"""Plain, slow twins and measures shared by the tests of the world."""

import math
from functools import cache

import numpy as np

from rareworld.annotate.world.mesh import Soup, face_normals, merge, moved
from rareworld.annotate.world.parts import CYCLE_STEPS, Figure
from rareworld.annotate.world.vehicles import figure
from rareworld.annotate.world.wardrobe import Dress
from rareworld.core.trajectory import Tracks


@cache
def figure_of(name: str, style: int = 0, dress: Dress = Dress.FAIR) -> Figure:
    """Return a road user's parts, built once per test run."""
    return figure(name, style, dress)


def open_edges(part: Soup, grid_m: float = 1e-6) -> int:
    """Count directed edges without a partner the other way; 0 for closed surfaces."""
    edges: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
    for face in np.round(part.corners_m / grid_m).astype(int).tolist():
        for a, b in zip(face, face[1:] + face[:1], strict=True):
            edges[tuple(a), tuple(b)] = edges.get((tuple(a), tuple(b)), 0) + 1
    return sum(count != edges.get((b, a), 0) for (a, b), count in edges.items())


def only(part: Soup, keep: np.ndarray) -> Soup:
    """Return some of the triangles."""
    return Soup(
        corners_m=part.corners_m[keep], uv_m=part.uv_m[keep],
        material=part.material[keep], class_id=part.class_id[keep],
    )  # fmt: skip


def resting(made: Figure) -> Soup:
    """Return all parts hanging straight on their pivots, in the body frame."""
    places: list[np.ndarray] = []
    for part in made.parts:
        at = np.asarray(part.joint.pivot_m, float)
        places.append(at if part.joint.parent < 0 else at + places[part.joint.parent])
    return merge(
        [
            moved(part.shape, by_m=(float(at[0]), float(at[1]), float(at[2])))
            for part, at in zip(made.parts, places, strict=True)
        ]
    )


@cache
def hull_of(name: str, style: int = 0) -> Soup:
    """Return all of a vehicle that is no wheel and hangs on the body itself."""
    made = figure_of(name, style)
    rigid = [part for part in made.parts if not part.joint.spin and part.joint.parent < 0]
    return merge([moved(part.shape, by_m=part.joint.pivot_m) for part in rigid])


def upward(part: Soup, steepest: float = 0.5) -> np.ndarray:
    """Return which faces look up."""
    normal = face_normals(part.corners_m)
    return normal[:, 2] > steepest * np.linalg.norm(normal, axis=1)


def plan_area_m2(part: Soup) -> float:
    """Return the area of all faces seen from above."""
    return float(face_normals(part.corners_m)[:, 2].sum() / 2)


def about_y(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def about_x(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def about_z(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def of_quat(q: np.ndarray) -> np.ndarray:
    """Return the rotation of a quaternion (w, x, y, z) as v + 2 w (u x v) + 2 u x (u x v)."""
    w, u = q[0], q[1:]
    cross = np.array([[0, -u[2], u[1]], [u[2], 0, -u[0]], [-u[1], u[0], 0]])
    return np.eye(3) + 2 * w * cross + 2 * cross @ cross


def between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Return the quaternion a share of the way along the shorter arc."""
    cosine = float(a @ b)
    b, cosine = (-b, -cosine) if cosine < 0 else (b, cosine)
    angle = math.acos(min(cosine, 1.0))
    if angle < 1e-9:
        return a
    return (math.sin((1 - share) * angle) * a + math.sin(share * angle) * b) / math.sin(angle)


def cycled(table: np.ndarray, phase: float) -> float:
    """Return a periodic table of angles at a phase in periods."""
    at = phase % 1.0 * CYCLE_STEPS
    low = int(at) % CYCLE_STEPS
    step = table[(low + 1) % CYCLE_STEPS] - table[low]
    step = (step + math.pi) % (2 * math.pi) - math.pi
    return float(table[low] + (at - int(at)) * step)


def posed_parts(
    tracks: Tracks, row: int, made: Figure, low: int, share: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (rotation, origin) of every part of a moving vehicle; one joint after the other."""
    high = min(low + 1, tracks.num_frames - 1)

    def mix(values: np.ndarray) -> float:
        return float(values[row, low] + share * (values[row, high] - values[row, low]))

    rolled, steer = mix(tracks.wheel_turn_rad), mix(tracks.steer_rad)
    phase = rolled * made.phase_gain / (2 * math.pi)
    body = of_quat(between(tracks.quat[row, low], tracks.quat[row, high], share))
    foot = (1 - share) * tracks.position_m[row, low] + share * tracks.position_m[row, high]
    placed: list[tuple[np.ndarray, np.ndarray]] = []
    for part in made.parts:
        joint = part.joint
        angle = 0.0 if joint.cycle_rad is None else cycled(joint.cycle_rad, phase)
        turn = about_z(joint.steer * steer) @ about_y(angle + joint.spin * rolled)
        above, origin = (body, foot) if joint.parent < 0 else placed[joint.parent]
        placed.append((above @ turn, origin + above @ np.asarray(joint.pivot_m)))
    return placed
