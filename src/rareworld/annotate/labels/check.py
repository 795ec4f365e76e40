"""What must hold for the labels of any frame; the rules of the random-scene tests."""

from collections.abc import Iterable, Sequence

import numpy as np

from rareworld.core.camera import Camera
from rareworld.core.clip import Frame, ObjectLabel
from rareworld.core.taxonomy import ClassId
from rareworld.data.rle import decode_mask

_BOX_SLACK_PX = 1.0
_DEPTH_SLACK_M = 0.36
"""Mirrors, lamps and limbs stand out of the nominal 3D box by up to this: feet of walkers most."""


def check_frame(
    frame: Frame, labels: Sequence[ObjectLabel], camera: Camera, known_ids: Iterable[int] = ()
) -> list[str]:
    """Return one sentence per broken rule; empty if the labels are consistent.

    Args:
        frame: All channels of the image.
        labels: Records of its objects.
        camera: The camera it was taken with.
        known_ids: Ids that may be seen without a record (props).
    """
    found = _check_ids(frame, labels, known_ids)
    found += _check_sky(frame)
    found += _check_normals(frame, camera)
    for label in labels:
        found += [f"object {label.object_id}: {text}" for text in _check_counts(frame, label)]
        found += [f"object {label.object_id}: {text}" for text in _check_boxes(label)]
        found += [f"object {label.object_id}: {text}" for text in _check_corners(label, camera)]
        found += [f"object {label.object_id}: {text}" for text in _check_depth(frame, label)]
    return found


def _check_ids(frame: Frame, labels: Sequence[ObjectLabel], known_ids: Iterable[int]) -> list[str]:
    ids = [label.object_id for label in labels]
    allowed = {0, *ids, *known_ids}
    strangers = sorted(set(np.unique(frame.instance_id).tolist()) - allowed)
    out = [f"pixels show unknown ids {strangers[:5]}"] if strangers else []
    if len(set(ids)) != len(ids):
        out.append("an object has two records")
    return out


def _check_sky(frame: Frame) -> list[str]:
    """Sky is where nothing is hit; every channel must agree on it."""
    sky = np.isinf(frame.depth_m)
    rules = {
        "class": (frame.class_id == int(ClassId.SKY)) == sky,
        "normal": (np.abs(frame.normal).sum(axis=2) == 0) == sky,
        "instance": ~(sky & (frame.instance_id > 0)),
        "flow": ~sky | np.isnan(frame.flow_px).all(axis=2),
        "depth": sky | (frame.depth_m > 0),
    }
    return [f"{name} disagrees with depth about sky" for name, ok in rules.items() if not ok.all()]


def _check_normals(frame: Frame, camera: Camera) -> list[str]:
    solid = np.isfinite(frame.depth_m)
    normal = frame.normal[solid].astype(np.float64)
    rows, columns = np.nonzero(solid)
    u, v = camera.ideal_plane(np.stack([columns, rows], axis=1) + 0.5).T
    out: list[str] = []
    if (np.abs(np.linalg.norm(normal, axis=1) - 1) > 1e-4).any():
        out.append("a normal is not of unit length")
    if (normal[:, 0] * u + normal[:, 1] * v + normal[:, 2] > 1e-4).any():
        out.append("a normal points away from the camera")
    return out


def _check_counts(frame: Frame, label: ObjectLabel) -> list[str]:
    height, width = frame.class_id.shape
    mask = decode_mask(label.mask_rle, height, width)
    seen = frame.instance_id == label.object_id
    rules = {
        f"visible {label.visible_px} <= inside {label.inside_px} <= total {label.total_px}": (
            0 <= label.visible_px <= label.inside_px <= label.total_px
        ),
        f"{int(mask.sum())} mask pixels, {label.visible_px} visible": int(mask.sum())
        == label.visible_px,
        "mask and instance ids differ": bool((mask == seen).all()),
        "tight box does not hold its pixels": label.tight_box == _bounds(seen),
        "occlusion or truncation outside 0..1": 0 <= label.occlusion <= 1
        and 0 <= label.truncation <= 1,
    }
    return [text for text, ok in rules.items() if not ok]


def _bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _check_boxes(label: ObjectLabel) -> list[str]:
    if not label.visible_px:
        return []
    tight, loose = label.tight_box, label.loose_box
    inside = (
        tight[0] >= loose[0] - _BOX_SLACK_PX
        and tight[1] >= loose[1] - _BOX_SLACK_PX
        and tight[2] <= loose[2] + _BOX_SLACK_PX
        and tight[3] <= loose[3] + _BOX_SLACK_PX
    )
    return [] if inside else [f"tight box {tight} is not inside loose box {loose}"]


def _far_outside(corners: np.ndarray, camera: Camera) -> bool:
    """Return whether any corner lies more than the image's size away from it."""
    size = np.array([camera.width, camera.height])
    away = np.abs(corners[:, :2] / size - 0.5)
    return bool((away > 1.5).any())


def _check_corners(label: ObjectLabel, camera: Camera) -> list[str]:
    """The eight corners must be the projection of the 3D box given in the camera frame."""
    corners = np.array(label.corners_px)
    depth = corners[:, 2]
    plane = camera.ideal_plane(corners[:, :2])
    if np.isnan(plane).any() or (camera.distortion and _far_outside(corners, camera)):
        # far outside the image several points of a lens lead to one place, or none does
        return []
    local = np.column_stack([plane * depth[:, None], depth])
    centre = np.array(label.centre_camera_m)
    span = float(np.linalg.norm(label.size_m))
    out: list[str] = []
    if not np.allclose(local.mean(axis=0), centre, atol=1e-4 + 1e-6 * span):
        out.append("corners are not centred on the 3D box")
    if not np.allclose(np.linalg.norm(local - centre, axis=1), span / 2, atol=1e-3):
        out.append("corners are not half a diagonal from the centre")
    front = local[0] - local[3]
    if not np.isclose(np.linalg.norm(front), label.size_m[0], atol=1e-3):
        out.append("corners do not span the length")
    return out


def _check_depth(frame: Frame, label: ObjectLabel) -> list[str]:
    """Every visible pixel lies within the range of depths of the 3D box."""
    seen = frame.instance_id == label.object_id
    if not seen.any():
        return []
    depth = frame.depth_m[seen]
    corners = np.array(label.corners_px)[:, 2]
    low, high = float(corners.min()) - _DEPTH_SLACK_M, float(corners.max()) + _DEPTH_SLACK_M
    if depth.min() < low or depth.max() > high:
        return [
            f"depth {depth.min():.2f}..{depth.max():.2f} m outside its box {low:.2f}..{high:.2f}"
        ]
    return []
