"""Signed separation of oriented boxes and the first time a gap closes.

Boxes: separating axis theorem with the 15 axes of Gottschalk, Lin & Manocha (1996, OBBTree). The
separation is positive where an axis parts the boxes and then never more than their distance; it is
minus the least push that parts them where they overlap. Roots: branch and bound with a Lipschitz
bound (Piyavskii 1972), which misses no touch longer than the resolution.
Proved in tests/events/test_boxes.py against polygon_gap and a fine-step run.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from rareworld.core.geometry import matrix_from_quat, rotate

_EPS = 1e-9


def box_centre(
    position_m: Float[np.ndarray, "n 3"],
    quat: Float[np.ndarray, "n 4"],
    size_m: Float[np.ndarray, "n 3"],
) -> Float[np.ndarray, "n 3"]:
    """Return the middle of boxes that stand on `position_m`."""
    up = np.zeros_like(size_m)
    up[:, 2] = size_m[:, 2] / 2
    return position_m + rotate(quat, up)


def box_separation(
    pose_a: tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 4"], Float[np.ndarray, "n 3"]],
    pose_b: tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 4"], Float[np.ndarray, "n 3"]],
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n 3"]]:
    """Return the separation of box pairs in metres and its unit axis, pointing from a to b.

    Each box is (position of its foot, quaternion, size). Where a face axis already parts the boxes
    the nine edge axes are not tried: the result is then a lower bound of the distance.
    """
    centre_a, turn_a = box_centre(*pose_a), matrix_from_quat(pose_a[1])
    centre_b, turn_b = box_centre(*pose_b), matrix_from_quat(pose_b[1])
    arms_a = turn_a * (pose_a[2] / 2)[:, None, :]
    arms_b = turn_b * (pose_b[2] / 2)[:, None, :]
    faces = np.concatenate([turn_a, turn_b], axis=2).swapaxes(1, 2)
    offset = centre_b - centre_a
    gap, axis = _best_axis(faces, offset, arms_a, arms_b)
    deep = np.flatnonzero(gap <= 0)
    if len(deep):
        edges = np.cross(
            turn_a[deep].swapaxes(1, 2)[:, :, None], turn_b[deep].swapaxes(1, 2)[:, None, :]
        ).reshape(-1, 9, 3)
        edge_gap, edge_axis = _best_axis(edges, offset[deep], arms_a[deep], arms_b[deep])
        better = edge_gap > gap[deep] + _EPS
        gap[deep[better]] = edge_gap[better]
        axis[deep[better]] = edge_axis[better]
    return gap, axis


def _best_axis(
    axes: Float[np.ndarray, "n k 3"],
    offset: Float[np.ndarray, "n 3"],
    arms_a: Float[np.ndarray, "n 3 3"],
    arms_b: Float[np.ndarray, "n 3 3"],
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n 3"]]:
    """Return the largest separation over the axes and that axis, turned along `offset`."""
    length = np.linalg.norm(axes, axis=2)
    valid = length > 1e-6
    unit = axes / np.where(valid, length, 1.0)[..., None]
    along = (unit @ offset[..., None])[..., 0]
    reach = np.abs(unit @ arms_a).sum(axis=2) + np.abs(unit @ arms_b).sum(axis=2)
    gap = np.where(valid, np.abs(along) - reach, -np.inf)
    best = gap.argmax(axis=1)
    pick = np.arange(len(best))
    sign = np.where(along[pick, best] < 0, -1.0, 1.0)
    return gap[pick, best], unit[pick, best] * sign[:, None]


def rectangle_separation(
    offset_m: Float[np.ndarray, "*s 2"],
    yaw_a: Float[np.ndarray, "*s"],
    yaw_b: Float[np.ndarray, "*s"],
    half_a: Float[np.ndarray, "*#s 2"],
    half_b: Float[np.ndarray, "*#s 2"],
) -> Float[np.ndarray, "*s"]:
    """Return the separating-axis gap of rectangles seen from above (b's middle minus a's)."""
    cos, sin = np.abs(np.cos(yaw_b - yaw_a)), np.abs(np.sin(yaw_b - yaw_a))

    def along(yaw: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
        c, s = np.cos(yaw), np.sin(yaw)
        x = np.abs(c * offset_m[..., 0] + s * offset_m[..., 1])
        y = np.abs(c * offset_m[..., 1] - s * offset_m[..., 0])
        gap_x = x - own[..., 0] - cos * other[..., 0] - sin * other[..., 1]
        gap_y = y - own[..., 1] - sin * other[..., 0] - cos * other[..., 1]
        return np.maximum(gap_x, gap_y)

    return np.maximum(along(yaw_a, half_a, half_b), along(yaw_b, half_b, half_a))


Gap = Callable[[Int[np.ndarray, "m"], Float[np.ndarray, "m"]], Float[np.ndarray, "m"]]
"""Separation in metres of the numbered problems at the given times."""


def first_touch(
    gap: Gap, rate_mps: Float[np.ndarray, "n"], end_s: Float[np.ndarray, "n"], resolution_s: float
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """Return when each gap first closes in [0, end_s], infinity if never, and both end gaps.

    `rate_mps` bounds how fast a gap may change. Touches shorter than `resolution_s` may be missed.
    """
    item = np.arange(len(end_s))
    low, high = np.zeros(len(end_s)), end_s.astype(np.float64)
    gap_start, gap_end = gap(item, low), gap(item, high)
    found = np.where(gap_start <= 0, 0.0, np.inf)
    gap_low, gap_high = gap_start, gap_end
    while len(item):
        reachable = (gap_high <= 0) | (gap_low + gap_high <= rate_mps[item] * (high - low))
        keep = (gap_low > 0) & reachable & (low < found[item])
        item, low, high = item[keep], low[keep], high[keep]
        gap_low, gap_high = gap_low[keep], gap_high[keep]
        done = high - low <= resolution_s
        hit = done & (gap_high <= 0)
        root = low[hit] + (high - low)[hit] * gap_low[hit] / (gap_low - gap_high)[hit]
        np.minimum.at(found, item[hit], root)
        item, low, high = item[~done], low[~done], high[~done]
        gap_low, gap_high = gap_low[~done], gap_high[~done]
        middle = (low + high) / 2
        gap_middle = gap(item, middle)
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        gap_low = np.concatenate([gap_low, gap_middle])
        gap_high = np.concatenate([gap_middle, gap_high])
        item = np.concatenate([item, item])
    return found, gap_start, gap_end
