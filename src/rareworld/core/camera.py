"""Cameras (pinhole, with or without lens distortion) and rigs.

Camera frame: x right, y down, z forward, metres. The centre of the top-left pixel is (0.5, 0.5).
A camera looks from `position_m` with `quat` turning camera axes into the world.
"""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.distortion import Distortion, distortion_of
from rareworld.core.geometry import FloatArray, matrix_from_quat
from rareworld.errors import CameraError

_UNREAL_FROM_CAMERA = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""Camera (right, down, forward) to Unreal body axes (forward, right, up)."""

_MIRROR_Y = np.diag([1.0, -1.0, 1.0])
"""World (right-handed) to Unreal world (left-handed): y changes sign."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_BORDER_POINTS = 65
_RESERVED_NAMES = frozenset({"stage.json"})
"""Files that stand beside the folders named after cameras."""


@final
@dataclass(frozen=True, kw_only=True)
class Camera:
    """One view; all pixels square unless fx and fy differ.

    Raises:
        CameraError: If the name cannot be a folder's, the image is empty, a number is not finite,
            a focal length is not positive, the quaternion is not of unit length or the distortion
            is not one to one within the image.
    """

    name: str
    """Names the clip's folder: letters, digits, `_`, `.` and `-`, the first a letter or digit."""
    width: int
    height: int
    fx: float
    """Focal length in pixels."""
    fy: float
    cx: float
    """Principal point in pixels, measured from the left edge of the image."""
    cy: float
    position_m: tuple[float, float, float]
    quat: tuple[float, float, float, float]
    """(w, x, y, z) that turns camera axes into world axes."""
    distortion: tuple[float, ...] = ()
    """OpenCV's (k1, k2, p1, p2, k3), or none for a pinhole; see `core.distortion`."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        for field in ("fx", "fy", "cx", "cy", "position_m", "quat", "distortion"):
            _check_finite(self.name, field, getattr(self, field))
        if self.width < 1 or self.height < 1:
            raise CameraError(
                f"camera {self.name!r}: width and height must be positive, "
                f"got {self.width} x {self.height}"
            )
        if self.fx <= 0 or self.fy <= 0:
            raise CameraError(
                f"camera {self.name!r}: focal lengths must be positive, got {self.fx}, {self.fy}"
            )
        length = float(np.linalg.norm(self.quat))
        if abs(length - 1) > 1e-6:
            raise CameraError(f"camera {self.name!r}: quaternion must have length 1, got {length}")
        if len(self.distortion) not in (0, 5):
            raise CameraError(
                f"camera {self.name!r}: distortion must be (k1, k2, p1, p2, k3) or nothing, "
                f"got {len(self.distortion)} numbers"
            )
        if any(self.distortion) and self.lens is None:
            raise CameraError(self._fold_text())

    @cached_property
    def lens(self) -> Distortion | None:
        """The distortion ready for use; None for a pinhole."""
        if not any(self.distortion):
            return None
        return distortion_of(self.distortion, self._plane(self._border_px()))

    def _border_px(self) -> Float[np.ndarray, "n 2"]:
        """Return points all along the border of the image."""
        run = np.linspace(0, 1, _BORDER_POINTS)
        none, one = np.zeros_like(run), np.ones_like(run)
        sides = [(run, none), (one, run), (run, one), (none, run)]
        corners = np.concatenate([np.stack(side, axis=-1) for side in sides])
        return corners * [self.width, self.height]

    def _plane(self, pixels: Float[np.ndarray, "*s 2"]) -> Float[np.ndarray, "*s 2"]:
        """Return pixels on the plane at distance 1, as the lens shows it."""
        return (pixels - [self.cx, self.cy]) / [self.fx, self.fy]

    def _fold_text(self) -> str:
        border = self._border_px() - [self.cx, self.cy]
        far = float(np.linalg.norm(border, axis=1).max())
        radius = Distortion(*self.distortion, reach=np.inf).fold_radius() * self.fx
        return (
            f"camera {self.name!r}: distortion {self.distortion} folds the image about "
            f"{radius:.0f} px from its principal point, and its corner lies {far:.0f} px away; "
            "weaken the coefficients or narrow the field of view"
        )

    @property
    def pinhole(self) -> "Camera":
        """The same view without distortion."""
        return replace(self, distortion=())

    @classmethod
    def looking_at(
        cls,
        name: str,
        position_m: tuple[float, float, float],
        target_m: tuple[float, float, float],
        *,
        width: int,
        height: int,
        hfov_rad: float,
    ) -> "Camera":
        """Return an upright camera whose optical axis runs through `target_m`."""
        _check_finite(name, "position_m", position_m)
        _check_finite(name, "target", target_m)
        forward = np.subtract(target_m, position_m)
        distance = float(np.linalg.norm(forward))
        if distance < 1e-9:
            raise CameraError(f"camera {name!r}: position and target are the same point")
        forward = forward / distance
        right = np.cross(forward, [0.0, 0.0, 1.0])
        if float(np.linalg.norm(right)) < 1e-9:
            right = np.array([1.0, 0.0, 0.0])
        right = right / np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
        focal = width / 2 / float(np.tan(hfov_rad / 2))
        return cls(
            name=name,
            width=width,
            height=height,
            fx=focal,
            fy=focal,
            cx=width / 2,
            cy=height / 2,
            position_m=(float(position_m[0]), float(position_m[1]), float(position_m[2])),
            quat=quat_from_matrix(rotation),
        )

    @property
    def hfov_rad(self) -> float:
        """Horizontal field of view."""
        return 2 * float(np.arctan(self.width / 2 / self.fx))

    @property
    def intrinsics(self) -> Float[np.ndarray, "3 3"]:
        """K, in pixels."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    @property
    def world_from_camera(self) -> Float[np.ndarray, "4 4"]:
        """Rigid transform of camera points into the world."""
        out = np.eye(4)
        out[:3, :3] = matrix_from_quat(np.array(self.quat))
        out[:3, 3] = self.position_m
        return out

    @property
    def camera_from_world(self) -> Float[np.ndarray, "4 4"]:
        """Rigid transform of world points into the camera (the extrinsics of OpenCV)."""
        rotation = self.world_from_camera[:3, :3].T
        out = np.eye(4)
        out[:3, :3] = rotation
        out[:3, 3] = -rotation @ np.array(self.position_m)
        return out

    def to_camera(self, points_m: Float[np.ndarray, "*s 3"]) -> Float[np.ndarray, "*s 3"]:
        """Return world points in the camera frame."""
        transform = self.camera_from_world
        return np.asarray(points_m) @ transform[:3, :3].T + transform[:3, 3]

    def project(
        self, points_m: Float[np.ndarray, "*s 3"]
    ) -> tuple[Float[np.ndarray, "*s 2"], Float[np.ndarray, "*s"]]:
        """Return pixel coordinates and depth along the optical axis.

        Points with depth <= 0 lie behind the camera; their pixels are not meaningful.
        """
        local = self.to_camera(points_m)
        depth = local[..., 2]
        safe = np.where(np.abs(depth) < 1e-12, 1e-12, depth)
        plane = local[..., :2] / safe[..., None]
        shown = plane if self.lens is None else self.lens.apply(plane)
        return shown * [self.fx, self.fy] + [self.cx, self.cy], depth

    def unproject(
        self, pixels: Float[np.ndarray, "*s 2"], depth_m: Float[np.ndarray, "*s"]
    ) -> Float[np.ndarray, "*s 3"]:
        """Return the world points at `depth_m` along the optical axis behind the pixels.

        Through a distorting lens the result is NaN where the lens shows nothing.
        """
        plane = self.ideal_plane(pixels)
        local = np.concatenate([plane, np.ones_like(plane[..., :1])], axis=-1) * depth_m[..., None]
        transform = self.world_from_camera
        return local @ transform[:3, :3].T + transform[:3, 3]

    def turned(self, quat: tuple[float, float, float, float]) -> "Camera":
        """Return the same camera held another way."""
        return replace(self, quat=quat)

    def ideal_plane(self, pixels: Float[np.ndarray, "*s 2"]) -> Float[np.ndarray, "*s 2"]:
        """Return (x / z, y / z) in the camera frame of what the pixels show; to 1e-10 if distorted.

        NaN where the lens shows nothing (only outside the image).
        """
        plane = self._plane(pixels)
        return plane if self.lens is None else self.lens.invert(plane)

    def unreal_transform(self) -> tuple[FloatArray, FloatArray]:
        """Return the pose as CARLA writes it: location in metres, (pitch, yaw, roll) in degrees.

        CARLA's world is left-handed (y to the right) and its sensors look along their x axis.
        """
        location = _MIRROR_Y @ np.array(self.position_m)
        body = _MIRROR_Y @ self.world_from_camera[:3, :3] @ _UNREAL_FROM_CAMERA.T
        pitch = np.arcsin(np.clip(body[2, 0], -1.0, 1.0))
        yaw = np.arctan2(body[1, 0], body[0, 0])
        roll = np.arctan2(-body[2, 1], body[2, 2])
        return location, np.degrees(np.array([pitch, yaw, roll]))


def _check_name(name: str) -> None:
    """Refuse names that are no plain folder name: clips are written under them."""
    if not _NAME.fullmatch(name) or name in _RESERVED_NAMES:
        raise CameraError(
            f"camera names must be letters, digits, '_', '.' and '-', begin with a letter or digit "
            f"and not be {', '.join(sorted(_RESERVED_NAMES))}, found {name!r}; rename the camera"
        )


def _check_finite(name: str, field: str, value: float | tuple[float, ...]) -> None:
    """Refuse infinities and what is not a number."""
    if not np.isfinite(value).all():
        raise CameraError(
            f"camera {name!r}: {field} must be finite numbers, found {value}; correct the rig"
        )


def camera_quat_from_unreal(
    pitch_deg: float, yaw_deg: float, roll_deg: float
) -> tuple[float, float, float, float]:
    """Return our camera quaternion of a CARLA sensor rotation; inverse of `unreal_transform`."""
    p, y, r = np.radians([pitch_deg, yaw_deg, roll_deg])
    cp, sp, cy, sy, cr, sr = np.cos(p), np.sin(p), np.cos(y), np.sin(y), np.cos(r), np.sin(r)
    body = np.array(
        [
            [cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr],
            [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr],
            [sp, -cp * sr, cp * cr],
        ]
    )
    return quat_from_matrix(_MIRROR_Y @ body @ _UNREAL_FROM_CAMERA)


def quat_from_matrix(rotation: Float[np.ndarray, "3 3"]) -> tuple[float, float, float, float]:
    """Return the unit quaternion (w >= 0) of a proper rotation matrix (Shepperd 1978)."""
    m = np.asarray(rotation, dtype=np.float64)
    squares = np.array(
        [
            1 + m[0, 0] + m[1, 1] + m[2, 2],
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
        ]
    )
    lead = int(np.argmax(squares))
    table = np.array(
        [
            [squares[0], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], squares[1], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], squares[2], m[1, 2] + m[2, 1]],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], squares[3]],
        ]
    )
    quat = table[lead] / (2 * np.sqrt(squares[lead]))
    quat = quat if quat[0] >= 0 else -quat
    quat = quat / np.linalg.norm(quat)
    return float(quat[0]), float(quat[1]), float(quat[2]), float(quat[3])


@final
@dataclass(frozen=True)
class Rig:
    """Cameras rendered from one replay; names are unique."""

    cameras: tuple[Camera, ...]

    def __post_init__(self) -> None:
        names = [camera.name for camera in self.cameras]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise CameraError(f"camera names must be unique in a rig; used twice: {twice}")
        if not names:
            raise CameraError("a rig needs at least one camera")
