"""Rolling shutter: each row of the image is read at its own time, so what moves is sheared.

The shear is in the scene, not in the picture: every moving part stands where the row that shows its
middle finds it, and is sheared by the rows around (first order in rows, exact for a plane that
moves across the view). The renderer then draws one picture of it, so that every label, shadow and
footprint has the shear as the picture has it and nothing is resampled. Readout follows Liang, Chang
& Chen, "Analysis and compensation of rolling shutter effect", IEEE Trans. Image Processing 17
(2008): row y of H is read (y / H - 1/2) of the readout after the middle one, whose time is the
frame's. The pole's sway during the readout is left out. Proved in
`tests/annotate/lens/test_shutter.py` against a picture whose rows are drawn one by one.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Bool, Float

from rareworld.annotate.lens.wander import small_turns
from rareworld.annotate.world.model import FrameState, Poser, RenderScene
from rareworld.core.camera import Camera
from rareworld.errors import ConfigError

_NEAR_M = 0.5
"""Parts nearer to the camera's plane than this keep their shape: their rows are not even nearly
linear in space."""
_BESIDE = 1.5
"""Parts whose middle is farther than this from the image's, in image sizes, do so too: beside the
camera rows change without bound, and a small shear would throw a part across the picture."""
_PROBE = 1e-4
"""Step of the slope of rows in space, as a share of the depth."""
_MOST = 0.5
"""What crosses more than this share of the image during the readout along it counts as so much."""
_KEPT = 3

Points = Float[np.ndarray, "n 3"]
Shares = Float[np.ndarray, "n"]


class _Way(NamedTuple):
    """What parts do until the frame before or after, per second of scene time."""

    velocity_mps: Points
    spin_radps: Points
    known: Bool[np.ndarray, "n"]


def check_readout(readout_s: float, fps: float) -> None:
    """Refuse a readout that has not ended when the next frame begins.

    Raises:
        ConfigError: Naming the longest readout at that frame rate.
    """
    if readout_s * fps > 1 + 1e-9:
        raise ConfigError(
            f"lens.shutter.readout_s: rows cannot be read in {readout_s:g} s at {fps:g} frames per "
            f"second; give at most {1 / fps:.4g}"
        )


def middles_of(scene: RenderScene) -> Points:
    """Return the middle of each instance's box, in the frame of its prototype."""
    boxes = [(mesh.vertices_m.min(axis=0) + mesh.vertices_m.max(axis=0)) / 2
             for mesh in scene.prototypes]  # fmt: skip
    which = [instance.prototype for instance in scene.instances]
    return np.array([boxes[k] for k in which], dtype=np.float64).reshape(-1, 3)


@final
class RollingPoser:
    """Implements `model.Poser`: states as the rows of one camera's sensor see them."""

    def __init__(
        self,
        inner: Poser,
        camera: Camera,
        readout_s: float,
        middles_m: Points,
        times_s: Sequence[float],
    ) -> None:
        self._inner, self._camera, self._readout_s = inner, camera, readout_s
        self._middle = middles_m
        self._times = np.asarray(times_s, dtype=np.float64)
        self._seen: dict[float, FrameState] = {}

    def at(self, time_s: float) -> FrameState:
        """Return the state whose middle row is read at a time."""
        now = self._raw(time_s)
        ways = [self._way(now, other) for other in self._around(time_s)]
        turned = [way for way in ways if way is not None]
        if not turned:
            return now
        return self._rolled(now, turned[0], turned[-1])

    def _raw(self, time_s: float) -> FrameState:
        """Return what the scene looks like at one instant; the last few are remembered."""
        if time_s not in self._seen:
            for old in list(self._seen)[: 1 - _KEPT]:
                del self._seen[old]
            self._seen[time_s] = self._inner.at(time_s)
        return self._seen[time_s]

    def _around(self, time_s: float) -> list[FrameState | None]:
        """Return the states of the frames before and after a time, None beyond the ends."""
        before = self._times[self._times < time_s - 1e-6]
        after = self._times[self._times > time_s + 1e-6]
        return [
            self._raw(float(before[-1])) if len(before) else None,
            self._raw(float(after[0])) if len(after) else None,
        ]

    def _way(self, now: FrameState, other: FrameState | None) -> _Way | None:
        """Return the motion between two states."""
        if other is None:
            return None
        a, b = now.transforms.astype(np.float64), other.transforms.astype(np.float64)
        seconds = other.time_s - now.time_s
        moved = np.einsum("nij,nj->ni", b[:, :, :3] - a[:, :, :3], self._middle)
        moved += b[:, :, 3] - a[:, :, 3]
        spin = _rotation_vectors(b[:, :, :3] @ np.swapaxes(a[:, :, :3], 1, 2))
        known = (now.visible > 0) & (other.visible > 0)
        return _Way(moved / seconds, spin / seconds, known)

    def _rolled(self, now: FrameState, before: _Way, after: _Way) -> FrameState:
        """Return the state with every moving part where its rows find it."""
        matrix = now.transforms.astype(np.float64)
        turn = matrix[:, :, :3]
        centre = np.einsum("nij,nj->ni", turn, self._middle) + matrix[:, :, 3]
        share, slope, depth = _rows(self._camera, centre)
        early = np.where(before.known & after.known, share < 0, before.known)[:, None]
        way = np.where(early, before.velocity_mps, after.velocity_mps) * self._readout_s
        spin = np.where(early, before.spin_radps, after.spin_radps) * self._readout_s
        moving = (before.known | after.known) & (depth > _NEAR_M)
        moving &= (way != 0).any(axis=1) | (spin != 0).any(axis=1)
        # what moves along the rows' order is met later or sooner than where it stands now
        met = 1 / (1 - np.clip((slope * way).sum(axis=1), -_MOST, _MOST))
        shear = np.eye(3) + way[:, :, None] * (slope * met[:, None])[:, None, :]
        late = np.clip(share * met, -1, 1)[:, None]
        rolled = shear @ small_turns(spin * late) @ turn
        place = centre + way * late - np.einsum("nij,nj->ni", rolled, self._middle)
        out = now.transforms.copy()
        found = np.concatenate([rolled, place[:, :, None]], axis=2)
        out[moving] = found[moving].astype(np.float32)
        return replace(now, transforms=out)


def _rows(camera: Camera, points_m: Points) -> tuple[Shares, Points, Shares]:
    """Return the rows that show some points, their slopes in space, and depths.

    Rows count as shares of the image from its middle, slopes per metre; zero behind and far beside
    the camera's view.
    """
    pixels, depth = camera.project(points_m)
    beside = np.abs(pixels / [camera.width, camera.height] - 0.5).max(axis=1)
    ahead = (depth > _NEAR_M) & (beside < _BESIDE)
    step = _PROBE * np.where(ahead, depth, 1.0)
    probes = step[:, None, None] * np.stack([np.eye(3), -np.eye(3)]).reshape(1, 6, 3)
    near = camera.project(points_m[:, None] + probes)[0][..., 1]
    slope = (near[:, :3] - near[:, 3:]) / (2 * step[:, None] * camera.height)
    share = pixels[:, 1] / camera.height - 0.5
    return np.where(ahead, share, 0.0), np.where(ahead[:, None], slope, 0.0), depth


def _rotation_vectors(turn: Float[np.ndarray, "n 3 3"]) -> Points:
    """Return axis times angle of rotation matrices; zero for half turns, whose axis is open."""
    odd = np.stack(
        [turn[:, 2, 1] - turn[:, 1, 2], turn[:, 0, 2] - turn[:, 2, 0],
         turn[:, 1, 0] - turn[:, 0, 1]], axis=1,
    )  # fmt: skip
    sine = np.linalg.norm(odd, axis=1) / 2
    cosine = (np.trace(turn, axis1=1, axis2=2) - 1) / 2
    angle = np.arctan2(sine, cosine)
    return odd / 2 * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 1.0)[:, None]
