"""Rigid transforms and oriented boxes.

World frame: right-handed, z up, metres, radians. A pose is a position and a unit quaternion
(w, x, y, z) that turns the body frame (x forward, y left, z up) into the world.
Angles follow the right-hand rule: yaw is counter-clockwise seen from above, positive pitch is
nose down, positive roll leans to the right; matrices are R = Rz(yaw) Ry(pitch) Rx(roll).
Functions broadcast over leading axes, hold no state and do no I/O.
"""

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""A float64 array whose shape is told by the signature's docstring."""

_EPS = 1e-12


def quat_from_yaw(yaw_rad: Float[np.ndarray, "*s"] | float) -> Float[np.ndarray, "*s 4"]:
    """Return the quaternion of a turn about the world's z axis."""
    half = np.asarray(yaw_rad, dtype=np.float64) / 2
    zero = np.zeros_like(half)
    return np.stack([np.cos(half), zero, zero, np.sin(half)], axis=-1)


def quat_from_euler(
    yaw_rad: Float[np.ndarray, "*s"] | float,
    pitch_rad: Float[np.ndarray, "*s"] | float,
    roll_rad: Float[np.ndarray, "*s"] | float,
) -> Float[np.ndarray, "*s 4"]:
    """Return the quaternion of Rz(yaw) Ry(pitch) Rx(roll)."""
    y, p, r = np.broadcast_arrays(
        *(np.asarray(angle, dtype=np.float64) / 2 for angle in (yaw_rad, pitch_rad, roll_rad))
    )
    cy, sy, cp, sp, cr, sr = np.cos(y), np.sin(y), np.cos(p), np.sin(p), np.cos(r), np.sin(r)
    return np.stack(
        [
            cr * cp * cy + sr * sp * sy,
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
        ],
        axis=-1,
    )


def euler_from_quat(
    quat: Float[np.ndarray, "*s 4"],
) -> tuple[Float[np.ndarray, "*s"], Float[np.ndarray, "*s"], Float[np.ndarray, "*s"]]:
    """Return (yaw, pitch, roll) in radians; inverts `quat_from_euler` for |pitch| < pi/2."""
    w, x, y, z = np.moveaxis(np.asarray(quat, dtype=np.float64), -1, 0)
    yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    pitch = np.arcsin(np.clip(2 * (w * y - z * x), -1.0, 1.0))
    roll = np.arctan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    return np.asarray(yaw), np.asarray(pitch), np.asarray(roll)


def yaw_from_quat(quat: Float[np.ndarray, "*s 4"]) -> Float[np.ndarray, "*s"]:
    """Return the heading of the body's x axis seen from above, radians in (-pi, pi]."""
    return euler_from_quat(quat)[0]


def matrix_from_quat(quat: Float[np.ndarray, "*s 4"]) -> Float[np.ndarray, "*s 3 3"]:
    """Return the rotation matrix whose columns are the body axes in the world."""
    w, x, y, z = np.moveaxis(np.asarray(quat, dtype=np.float64), -1, 0)
    rows = [
        np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], axis=-1),
        np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=-1),
        np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=-1),
    ]
    return np.stack(rows, axis=-2)


def rotate(
    quat: Float[np.ndarray, "*s 4"], vector: Float[np.ndarray, "*t 3"]
) -> Float[np.ndarray, "*u 3"]:
    """Turn body vectors into the world; the leading axes broadcast."""
    return (matrix_from_quat(quat) @ np.asarray(vector, dtype=np.float64)[..., None])[..., 0]


def slerp(
    a: Float[np.ndarray, "*s 4"],
    b: Float[np.ndarray, "*s 4"],
    fraction: Float[np.ndarray, "*s"] | float,
) -> Float[np.ndarray, "*s 4"]:
    """Interpolate rotations along the shorter arc (Shoemake 1985)."""
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(dot), -1.0, 1.0))
    t = np.asarray(fraction, dtype=np.float64)[..., None]
    near = angle < 1e-6
    safe = np.where(near, 1.0, np.sin(angle))
    wa = np.where(near, 1 - t, np.sin((1 - t) * angle) / safe)
    wb = np.where(near, t, np.sin(t * angle) / safe)
    out = wa * a + wb * b
    return out / np.linalg.norm(out, axis=-1, keepdims=True)


def wrap_angle(angle_rad: Float[np.ndarray, "*s"] | float) -> Float[np.ndarray, "*s"]:
    """Return the same angle in (-pi, pi]."""
    return np.asarray(-((np.pi - np.asarray(angle_rad, dtype=np.float64)) % (2 * np.pi) - np.pi))


_UNIT_CORNERS: FloatArray = np.array(
    [[x, y, z] for z in (0.0, 1.0) for x, y in ((0.5, 0.5), (0.5, -0.5), (-0.5, -0.5), (-0.5, 0.5))]
)


def box_corners(
    position_m: Float[np.ndarray, "*s 3"],
    quat: Float[np.ndarray, "*s 4"],
    size_m: Float[np.ndarray, "*t 3"],
) -> Float[np.ndarray, "*s 8 3"]:
    """Return the eight corners of boxes that stand on `position_m`.

    `size_m` is (length, width, height). Order: bottom front-left, front-right, rear-right,
    rear-left, then the same four at the top.
    """
    local = _UNIT_CORNERS * np.asarray(size_m, dtype=np.float64)[..., None, :]
    turned = local @ np.swapaxes(matrix_from_quat(quat), -1, -2)
    return turned + np.asarray(position_m, dtype=np.float64)[..., None, :]


def footprint(
    position_m: Float[np.ndarray, "*s 3"],
    yaw_rad: Float[np.ndarray, "*s"],
    size_m: Float[np.ndarray, "*t 3"],
) -> Float[np.ndarray, "*s 4 2"]:
    """Return the ground rectangle of upright boxes, in the order of `box_corners`."""
    return box_corners(position_m, quat_from_yaw(yaw_rad), size_m)[..., :4, :2]


def _edge_distance(
    points: Float[np.ndarray, "n p 2"], polygon: Float[np.ndarray, "n q 2"]
) -> Float[np.ndarray, "n p q"]:
    """Return the distance of each point to each edge of its convex polygon."""
    a = polygon[:, None]
    edge = np.roll(polygon, -1, axis=1)[:, None] - a
    rel = points[:, :, None] - a
    t = np.sum(rel * edge, axis=-1) / np.maximum(np.sum(edge * edge, axis=-1), _EPS)
    return np.linalg.norm(rel - np.clip(t, 0, 1)[..., None] * edge, axis=-1)


def _separation(
    a: Float[np.ndarray, "n p 2"], b: Float[np.ndarray, "n q 2"]
) -> Float[np.ndarray, "n"]:
    """Return the largest gap over the edge normals of `a`; negative where none separates."""
    edge = np.roll(a, -1, axis=1) - a
    normal = np.stack([edge[..., 1], -edge[..., 0]], axis=-1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), _EPS)
    centre = a.mean(axis=1, keepdims=True)
    outside = np.sum(normal * (a - centre), axis=-1, keepdims=True)
    outward = normal * np.where(outside < 0, -1.0, 1.0)
    own = np.sum(outward * a, axis=-1)
    other = np.einsum("nek,nqk->neq", outward, b).min(axis=-1)
    return (other - own).max(axis=-1)


def polygon_gap(
    a: Float[np.ndarray, "n p 2"], b: Float[np.ndarray, "n q 2"]
) -> Float[np.ndarray, "n"]:
    """Return the signed distance of convex polygon pairs: gap if apart, minus depth if overlapping.

    The depth is the smallest push along an edge normal that parts them (separating axis theorem).
    """
    overlap = np.maximum(_separation(a, b), _separation(b, a))
    near = np.minimum(_edge_distance(a, b).min(axis=(1, 2)), _edge_distance(b, a).min(axis=(1, 2)))
    return np.where(overlap > 0, near, overlap)


def inside_convex(
    points: Float[np.ndarray, "p 2"], polygon: Float[np.ndarray, "q 2"]
) -> Bool[np.ndarray, "p"]:
    """Return which points lie inside a convex polygon of either winding."""
    edge = np.roll(polygon, -1, axis=0) - polygon
    rel = points[:, None] - polygon[None]
    cross = edge[None, :, 0] * rel[..., 1] - edge[None, :, 1] * rel[..., 0]
    return np.all(cross >= -_EPS, axis=1) | np.all(cross <= _EPS, axis=1)
