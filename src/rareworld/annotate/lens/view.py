"""One camera's lens over one clip: settings, geometry and seed, decided before the first frame."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.lens.config import LensConfig, StreamConfig, SwayConfig
from rareworld.annotate.lens.develop import Shot
from rareworld.annotate.lens.optics import Optics
from rareworld.annotate.lens.preset import Setting, resolved
from rareworld.annotate.lens.shutter import RollingPoser, check_readout, middles_of
from rareworld.annotate.lens.wander import small_turns, wander
from rareworld.annotate.world.model import Poser, RenderScene
from rareworld.core.camera import Camera
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Recording
from rareworld.errors import ConfigError

_LEAST_BITS = 0.004
"""Bits per pixel and frame below which H.264 cannot go at its coarsest."""


@final
@dataclass(frozen=True)
class View:
    """What a clip's camera shows and how."""

    config: LensConfig
    """Every gap of a preset filled."""
    optics: Optics
    shot: Shot

    @property
    def works_on_light(self) -> bool:
        """Whether the renderer must keep its radiance."""
        return self.optics.warps or self.config.colours

    def by_rows(self, poser: Poser, scene: RenderScene, time_s: Float[np.ndarray, "t"]) -> Poser:
        """Return where all parts are as the rows of the sensor see them; the same without."""
        shutter = self.config.shutter
        if shutter is None:
            return poser
        return RollingPoser(
            poser, self.optics.camera, shutter.readout_s, middles_of(scene), time_s.tolist()
        )


def view_of(
    config: LensConfig,
    recording: Recording,
    scene: RenderScene,
    camera: Camera,
    start: datetime,
    exposure: float,
) -> View:
    """Return a camera's lens.

    Args:
        config: Settings, with gaps where a preset is named.
        recording: What is filmed; its provenance holds the seed.
        scene: Light and air.
        camera: As placed; a distortion of its own stays.
        start: Local time of the first frame.
        exposure: By which the renderer multiplies the light.

    Raises:
        CameraError: If the distortion folds the image.
        ConfigError: If the bit rate is too low for the image, or the shutter too slow for the
            frame rate.
    """
    seed = seed_of(recording, camera)
    setting = Setting(camera=camera, fps=recording.fps, daylight=scene.daylight, air=scene.air)
    final = resolved(config, setting, seed)
    if final.stream is not None:
        check_stream(final.stream, camera, recording.fps)
    if final.shutter is not None:
        check_readout(final.shutter.readout_s, recording.fps)
    times = (recording.tracks.time_s - recording.tracks.time_s[0]).astype(np.float64)
    bent = camera
    if final.distortion is not None and not camera.distortion:
        bent = replace(camera, distortion=final.distortion.coefficients)
    shot = Shot(camera=bent, seed=seed, time_s=times, start=start, exposure=exposure)
    return View(final, Optics(bent, _turns(final.sway, seed, times)), shot)


def seed_of(recording: Recording, camera: Camera) -> Seed:
    """Return the seed of a camera in a recording."""
    made = recording.provenance
    numbers = [made.get(name, 0) for name in ("seed", "index")]
    root, index = (number if isinstance(number, int) else 0 for number in numbers)
    return Seed(root).child("lens", recording.scene.name, index, camera.name)


def _turns(sway: SwayConfig | None, seed: Seed, time_s: np.ndarray) -> np.ndarray:
    """Return the camera's turn from rest at each time."""
    if sway is None:
        return np.tile(np.eye(3), (len(time_s), 1, 1))
    motion = wander(seed.child("sway"), 3, sway.low_hz, sway.high_hz).at(time_s)
    strength = sway.amplitude_mrad / 1000 * np.array([1.0, 1.0, sway.roll_share])
    return small_turns(motion * strength)


def check_stream(stream: StreamConfig, camera: Camera, fps: float) -> None:
    """Refuse bit rates that no encoder can keep.

    Raises:
        ConfigError: Naming the least bit rate of the image.
    """
    least = _LEAST_BITS * camera.width * camera.height * fps / 1000
    if stream.bitrate_kbps < least:
        raise ConfigError(
            f"lens.stream.bitrate_kbps: {stream.bitrate_kbps} kbit/s is too low for "
            f"{camera.width} x {camera.height} at {fps:g} frames per second; "
            f"give at least {int(np.ceil(least))} or a smaller image"
        )
