"""Which pinhole the renderer draws for a camera with a lens on a swaying pole.

The drawn camera stands at the same place, looks the same way and has the same focal length, so the
centre keeps its sharpness; its image is grown until it holds every ray of every frame, by whole
pixels, so that an undistorted centre coincides with it. Proved in
`tests/annotate/lens/test_glass.py`.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Float32

from rareworld.annotate.lens.glass import Glass, brown_of, find_rays
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.project import Eye
from rareworld.core.camera import Camera, quat_from_matrix
from rareworld.core.geometry import matrix_from_quat
from rareworld.errors import CameraError

_SPARE_PX = 3
_MOST_GROWTH = 3.0
"""Times the shown pixels; a stronger lens would be drawn mostly to be thrown away."""
_BORDER_POINTS = 129

Turns = Float[np.ndarray, "t 3 3"]


@final
@dataclass(frozen=True)
class Optics:
    """Geometry of a view over a clip."""

    camera: Camera
    """As shown, at rest."""
    turns: Turns
    """Per frame: axes at rest from axes now; the identity for a camera that stands still."""

    @property
    def sways(self) -> bool:
        """Whether any frame is turned."""
        return bool((self.turns != np.eye(3)).any())

    @property
    def warps(self) -> bool:
        """Whether the shown picture differs from a pinhole's."""
        return self.camera.lens is not None or self.sways

    @property
    def quats(self) -> tuple[tuple[float, float, float, float], ...]:
        """World from camera at each frame; empty if it stands still."""
        if not self.sways:
            return ()
        rest = matrix_from_quat(np.array(self.camera.quat))
        return tuple(quat_from_matrix(rest @ turn) for turn in self.turns)

    def camera_at(self, frame: int) -> Camera:
        """Return the shown camera at a frame."""
        return self.camera.turned(self.quats[frame]) if self.sways else self.camera

    def drawn(self) -> Camera:
        """Return the pinhole to draw.

        Raises:
            CameraError: If it would have to be far larger than the image.
        """
        if not self.warps:
            return self.camera.pinhole
        low, high = self._extent_px()
        width, height = (int(side + side % 2) for side in high - low)
        camera = self.camera
        if width * height > _MOST_GROWTH * camera.width * camera.height:
            raise CameraError(
                f"camera {camera.name!r}: distortion {camera.distortion} needs a picture of "
                f"{width} x {height} px to fill {camera.width} x {camera.height}; "
                "weaken the coefficients or narrow the field of view"
            )
        return Camera(
            name=camera.name, width=width, height=height, fx=camera.fx, fy=camera.fy,
            cx=camera.cx - float(low[0]), cy=camera.cy - float(low[1]),
            position_m=camera.position_m, quat=camera.quat,
        )  # fmt: skip

    def _extent_px(self) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
        """Return the whole pixels around all rays, measured in the shown image's grid."""
        camera = self.camera
        border = camera.ideal_plane(_border(camera.width, camera.height))
        rays = np.concatenate([border, np.ones_like(border[:, :1])], axis=1)
        turned = np.einsum("tij,nj->tni", self.turns, rays).reshape(-1, 3)
        pixels = turned[:, :2] / turned[:, 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
        low = np.floor(pixels.min(axis=0)) - _SPARE_PX
        return low, np.ceil(pixels.max(axis=0)) + _SPARE_PX

    def glass(self, eye: Eye, frame: int) -> Glass:
        """Return the lens at a frame, for a picture drawn through `eye`."""
        camera = self.camera
        return Glass(
            eye=eye,
            fx=float(camera.fx),
            fy=float(camera.fy),
            cx=float(camera.cx),
            cy=float(camera.cy),
            brown=brown_of(camera),
            turn=np.ascontiguousarray(self.turns[frame], dtype=np.float64),
        )

    def rays(self, bands: Bands) -> Float32[np.ndarray, "h w 2"]:
        """Return (x / z, y / z) behind every shown pixel centre, in the camera's own frame."""
        camera = self.camera
        rays = np.empty((camera.height, camera.width, 2), np.float32)
        focal = (float(camera.fx), float(camera.fy))
        centre = (float(camera.cx), float(camera.cy))
        brown = brown_of(camera)
        bands.over_rows(camera.height, lambda rows: find_rays(focal, centre, brown, rows, rays))
        return rays


def still(camera: Camera, num_frames: int) -> Optics:
    """Return the optics of a camera that does not move."""
    return Optics(camera, np.tile(np.eye(3), (num_frames, 1, 1)))


def _border(width: int, height: int) -> Float[np.ndarray, "n 2"]:
    run = np.linspace(0, 1, _BORDER_POINTS)
    none, one = np.zeros_like(run), np.ones_like(run)
    sides = [(run, none), (one, run), (run, one), (none, run)]
    return np.concatenate([np.stack(side, axis=-1) for side in sides]) * [width, height]
