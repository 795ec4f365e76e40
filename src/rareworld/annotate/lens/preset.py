"""The settings behind a preset: a traffic camera, drawn per camera, for its light and weather."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from rareworld.annotate.lens.config import (
    BalanceConfig,
    BloomConfig,
    DirtConfig,
    DistortionConfig,
    DropsConfig,
    ExposureConfig,
    FinishConfig,
    LensConfig,
    MotionBlurConfig,
    Preset,
    SensorConfig,
    ShutterConfig,
    SoftnessConfig,
    StampConfig,
    StreamConfig,
    SwayConfig,
    VignetteConfig,
)
from rareworld.annotate.world.model import Air, Daylight
from rareworld.core.camera import Camera
from rareworld.core.seed import Seed

_BITS_PER_PIXEL = (0.03, 0.07)


@final
@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a preset looks at."""

    camera: Camera
    fps: float
    daylight: Daylight
    air: Air


def resolved(config: LensConfig, setting: Setting, seed: Seed) -> LensConfig:
    """Return the settings with every gap filled as the preset says, and `preset` exact."""
    if config.preset is Preset.EXACT:
        return config
    filled: dict[str, Any] = {**_cctv(setting, seed), "preset": Preset.EXACT}
    given = {name: getattr(config, name) for name in config.model_fields_set - {"preset"}}
    return LensConfig.model_construct(**{**dict(LensConfig()), **filled, **given})


def _cctv(setting: Setting, seed: Seed) -> dict[str, Any]:
    """Return the sections of a traffic camera."""
    random = seed.child("preset").generator()
    return {
        **_geometry(setting, random),
        **_light(setting, random, seed.child("white").generator()),
        **_sensor(setting, random),
        **_dome(setting, random),
        **_output(setting, random),
        **_shutter(setting, random),
    }


def _geometry(setting: Setting, random: np.random.Generator) -> dict[str, Any]:
    """Bend and sway; the bend is set at the image's edge, whatever the field of view."""
    camera = setting.camera
    edge = camera.width / 2 / camera.fx
    inward = float(random.uniform(0.02, 0.07))
    wind = float(np.hypot(*setting.air.wind_mps))
    return {
        "distortion": DistortionConfig(
            k1=-inward / edge**2,
            k2=0.2 * inward / edge**4,
            p1=float(random.normal(0, 2e-4)),
            p2=float(random.normal(0, 2e-4)),
        ),
        "sway": SwayConfig(amplitude_mrad=float(random.uniform(0.05, 0.12)) * (1 + wind / 4)),
    }


def _light(
    setting: Setting, random: np.random.Generator, white: np.random.Generator
) -> dict[str, Any]:
    """Exposure, colour and scattering."""
    night = setting.daylight.night
    return {
        "exposure": ExposureConfig(strength=float(random.uniform(0.35, 0.6))),
        "balance": BalanceConfig(
            cold_share=float(white.uniform(0.65, 0.9)),
            warm_share=float(white.uniform(0.3, 0.5)),
            warmth=float(random.normal(0.0, 0.035)),
            tint=float(random.normal(0.0, 0.015)),
        ),
        "vignette": VignetteConfig(strength=float(random.uniform(0.3, 0.7))),
        "bloom": BloomConfig(share=float(random.uniform(0.06, 0.12)) * (1 + 0.5 * night)),
        "motion_blur": MotionBlurConfig(shutter=float(random.uniform(0.12, 0.3) + 0.5 * night)),
        "softness": SoftnessConfig(
            sigma_px=float(random.uniform(0.45, 0.7)) * max(setting.camera.width / 1920, 0.6),
            colour_px=float(random.uniform(0.2, 0.7)) * setting.camera.width / 1920,
        ),
    }


def _sensor(setting: Setting, random: np.random.Generator) -> dict[str, Any]:
    """Noise and what is done against it."""
    return {
        "sensor": SensorConfig(
            full_well_e=float(random.uniform(6000, 12000)),
            smear=float(random.uniform(0.3, 0.45) + 0.3 * setting.daylight.night),
        )
    }


def _dome(setting: Setting, random: np.random.Generator) -> dict[str, Any]:
    """Rain and dirt on the glass."""
    rain, dust = setting.air.rain_mmph, setting.air.dust
    dirt = DirtConfig(
        strength=float(random.uniform(0.08, 0.22) + 0.25 * dust),
        count=int(random.integers(10, 40) + 40 * dust),
    )
    drops = DropsConfig(count=int(random.integers(12, 26) * (1 + rain / 8))) if rain > 0 else None
    return {"dirt": dirt, "drops": drops}


def _output(setting: Setting, random: np.random.Generator) -> dict[str, Any]:
    """Processing, text and compression."""
    camera = setting.camera
    bits = float(random.uniform(*_BITS_PER_PIXEL))
    kbps = bits * camera.width * camera.height * setting.fps / 1000
    sharpening, vivid = float(random.uniform(0.5, 1.1)), float(random.uniform(1.2, 1.4))
    # processors take colour back at high gain, as it is mostly noise
    saturation = vivid - 0.3 * setting.daylight.night
    return {
        "finish": FinishConfig(sharpening=sharpening, saturation=saturation),
        "stamp": StampConfig(),
        "stream": StreamConfig(bitrate_kbps=max(round(kbps), 100)),
    }


def _shutter(setting: Setting, random: np.random.Generator) -> dict[str, Any]:
    """Readout of a small CMOS sensor: most of a frame, at most 1/30 s (by our own choice)."""
    readout = float(random.uniform(1 / 60, 1 / 30))
    return {"shutter": ShutterConfig(readout_s=min(readout, 0.9 / setting.fps))}
