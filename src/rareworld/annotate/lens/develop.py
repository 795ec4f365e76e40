"""All colour effects of a lens in the order light meets them; labels are only read.

Streaks of what moves, drops on the dome, scatter and spread of the optics, dirt and vignette,
exposure, noise, film, sharpening, text. Same frames, same bytes, whatever the threads.
Proved in `tests/annotate/lens/test_develop.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import final

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from rareworld.annotate.lens.config import FinishConfig, LensConfig
from rareworld.annotate.lens.dice import fill_normal, key_of, normal_table
from rareworld.annotate.lens.dome import Rain, dirt, draw_drops, vignette
from rareworld.annotate.lens.finish import sharpen, tone
from rareworld.annotate.lens.glow import FIRST, halved, scattered, small_light
from rareworld.annotate.lens.metering import Metering, balance_gains, sensor_gain
from rareworld.annotate.lens.sensor import Dome, Raw, Scatter, expose, spread_of
from rareworld.annotate.lens.stamp import Stamp
from rareworld.annotate.lens.streaks import streaked
from rareworld.annotate.lens.white import WhiteBalance
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.sky import film_table
from rareworld.core.camera import Camera
from rareworld.core.seed import Seed

_HAZE = 0.7
"""Share of the light that dirt takes away that comes back as haze."""
_COLUMN_SHARE = 0.08


@final
@dataclass(frozen=True, kw_only=True)
class Shot:
    """What the lens needs to know of a clip."""

    camera: Camera
    seed: Seed
    """Of this camera in this recording."""
    time_s: Float64[np.ndarray, "t"]
    """Of every frame, from the first."""
    start: datetime
    """Local time of the first frame."""
    exposure: float
    """By which the renderer has multiplied the light."""


@final
class Developer:
    """Turns linear light into the picture; call once per frame, in order."""

    def __init__(
        self, config: LensConfig, shot: Shot, rays: Float32[np.ndarray, "h w 2"], bands: Bands
    ) -> None:
        camera = shot.camera
        height, width = camera.height, camera.width
        frame_s = float(np.diff(shot.time_s[:2]).sum()) if len(shot.time_s) > 1 else 0.0
        self._config = config
        self._shot = shot
        self._bands = bands
        self._frame = 0
        self._film = film_table()
        self._normal = normal_table()
        self._metering = Metering(config.exposure, frame_s)
        self._white = WhiteBalance(config.balance, frame_s)
        self._balance = balance_gains(config.balance, shot.seed.child("balance"), shot.time_s)
        soft = config.softness
        spread = (soft.sigma_px, soft.colour_px) if soft else (0.0, 0.0)
        self._spread = spread_of(*spread, width, height)
        self._dome = self._make_dome(rays)
        self._offsets = self._normals("columns", width)
        self._rain = Rain(config.drops, shot.seed, height, width) if config.drops else None
        self._stamp = Stamp(config.stamp, camera.name, shot.start, height) if config.stamp else None
        self._raw = np.zeros((height, width, 3), np.float32)

    def _normals(self, name: str, count: int) -> Float32[np.ndarray, "n"]:
        out = np.empty(count, np.float32)
        fill_normal(self._normal, key_of(self._shot.seed.child(name)), out)
        return out

    def _make_dome(self, rays: Float32[np.ndarray, "h w 2"]) -> Dome:
        """Return what does not change from frame to frame."""
        config, (height, width) = self._config, rays.shape[:2]
        passes = np.ones((height, width), np.float32)
        hazes = np.zeros((0, 0), np.float32)
        if config.vignette:
            passes *= vignette(config.vignette, rays)
        if config.dirt:
            lost = dirt(config.dirt, self._shot.seed, height, width)
            hazes = passes * lost * np.float32(_HAZE)
            passes *= 1 - lost
        if config.sensor and config.sensor.fixed_share:
            pattern = self._normals("pixels", height * width).reshape(height, width)
            passes *= np.maximum(1 + pattern * np.float32(config.sensor.fixed_share), 0)
        return Dome(passes, hazes, np.zeros(3))

    def develop(
        self,
        light: Float32[np.ndarray, "h w 3"],
        flow_px: Float32[np.ndarray, "h w 2"],
        depth_m: Float32[np.ndarray, "h w"],
    ) -> UInt8[np.ndarray, "h w 3"]:
        """Return the picture of the next frame; `light` is not changed."""
        config = self._config
        if config.motion_blur:
            blur = config.motion_blur
            light = streaked(light, flow_px, depth_m, blur.shutter, blur.longest_px, self._bands)
        small = small_light(light, 0.0, self._bands)
        if self._rain is not None:
            light = light if config.motion_blur else light.copy()
            drops = self._rain.at(float(self._shot.time_s[self._frame]))
            # out of focus: what a drop shows is blurred by more than the small picture is
            draw_drops(drops, halved(small), 2 * FIRST, light)
        self._expose(light, small)
        rgb = self._finish()
        if self._stamp is not None:
            self._stamp.draw(rgb, float(self._shot.time_s[self._frame]))
        self._frame += 1
        return rgb

    def _expose(
        self, light: Float32[np.ndarray, "h w 3"], small: Float32[np.ndarray, "p q 3"]
    ) -> None:
        """Bring the raw values up to date."""
        scatter, dome = self._scatter(light), self._dome._replace(haze=_mean(small))
        raw = self._exposure(small)
        height, width = light.shape[:2]

        def band(rows: tuple[int, int]) -> None:
            """Expose some rows with memory of their own."""
            ring = np.empty((7, 3, width), np.float32)
            work, weights = np.empty((5, width), np.float32), np.empty((3, 7), np.float32)
            expose(
                light, self._spread, scatter, dome, raw, self._normal, rows, ring, work, weights,
                self._raw,
            )  # fmt: skip

        self._bands.over_rows(height, band)

    def _scatter(self, light: Float32[np.ndarray, "h w 3"]) -> Scatter:
        bloom = self._config.bloom
        if bloom is None:
            return Scatter(0.0, 0.0, np.zeros((1, 1, 3), np.float32))
        excess = small_light(light, bloom.threshold, self._bands)
        return Scatter(bloom.share, bloom.threshold, scattered(excess, bloom.streaks))

    def _exposure(self, small: Float32[np.ndarray, "p q 3"]) -> Raw:
        """Return gains and noise of this frame."""
        sensor, frame = self._config.sensor, self._frame
        automatic = self._metering.follow(small)
        gains = self._balance[frame] * self._white.follow(small) * automatic
        key = key_of(self._shot.seed.child("noise", frame))
        if sensor is None:
            return Raw(gains, 0.0, 0.0, np.zeros_like(self._offsets), key, 0.0)
        gain, darker = sensor_gain(sensor, self._shot.exposure * automatic)
        read = gain * sensor.read_e / sensor.full_well_e
        return Raw(
            gains=gains * darker,
            shot=gain / sensor.full_well_e,
            read=read,
            offsets=self._offsets * np.float32(read * _COLUMN_SHARE),
            key=key,
            smear=sensor.smear if frame else 0.0,
        )

    def _finish(self) -> UInt8[np.ndarray, "h w 3"]:
        """Return the raw values as display values."""
        finish = self._config.finish or FinishConfig(sharpening=0, saturation=1, contrast=0)
        raw, rgb = self._raw, np.empty(self._raw.shape, np.uint8)
        self._bands.over_rows(
            len(raw),
            lambda rows: tone(raw, self._film, finish.saturation, finish.contrast, rows, rgb),
        )
        if not finish.sharpening:
            return rgb
        out, settings = np.empty_like(rgb), (finish.sharpening, finish.coring)
        self._bands.over_rows(len(rgb), lambda rows: sharpen(rgb, *settings, rows, out))
        return out


def _mean(small: Float32[np.ndarray, "p q 3"]) -> Float64[np.ndarray, "3"]:
    return small.reshape(-1, 3).astype(np.float64).mean(axis=0)
