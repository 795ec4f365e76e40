"""What a camera may do to the picture; nothing by default, so that labels and colours are exact.

Effects that move pixels (distortion, sway, shutter) move every label with them; all others change
colours only, so labels stay exact for what they show. `docs/learn/lens.md` shows each.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field, FiniteFloat, model_validator

from rareworld.data.config import Config
from rareworld.errors import ConfigError


class Preset(StrEnum):
    """A plausible whole."""

    EXACT = "exact"
    """Nothing but what is asked for."""
    CCTV = "cctv"
    """A traffic camera on a pole: what is not given is drawn per camera, by light and weather."""


class DistortionConfig(Config):
    """Lens distortion of cameras that state none themselves; moves labels too."""

    k1: FiniteFloat = -0.12
    """Radial, second power of the radius; negative bends like a barrel."""
    k2: FiniteFloat = 0.02
    """Fourth power."""
    p1: FiniteFloat = 0.0
    """Tangential."""
    p2: FiniteFloat = 0.0
    """Tangential."""
    k3: FiniteFloat = 0.0
    """Sixth power."""

    @property
    def coefficients(self) -> tuple[float, ...]:
        """In OpenCV's order."""
        return self.k1, self.k2, self.p1, self.p2, self.k3


class SwayConfig(Config):
    """The pole in the wind; moves labels too."""

    amplitude_mrad: float = Field(default=0.6, gt=0, le=30)
    """Root mean square of pan and tilt; 1 mrad is about 1.4 px at 1920 px and 70 degrees."""
    low_hz: float = Field(default=0.25, gt=0)
    """Slowest motion."""
    high_hz: float = Field(default=2.2, gt=0)
    """Fastest motion."""
    roll_share: float = Field(default=0.3, ge=0)
    """Roll as a share of pan and tilt."""

    @model_validator(mode="after")
    def _ordered(self) -> "SwayConfig":
        """Refuse an empty band."""
        if self.low_hz > self.high_hz:
            raise ConfigError(
                f"lens.sway: low_hz must not lie above high_hz, found {self.low_hz} and "
                f"{self.high_hz}; exchange them"
            )
        return self


class ShutterConfig(Config):
    """Rows are read one after another: what moves is sheared; moves labels too."""

    readout_s: float = Field(default=1 / 50, gt=0, le=0.2)
    """From the first row to the last; at most the time of a frame. 3D boxes stay those of the
    middle row's time, which is the frame's."""


class ExposureConfig(Config):
    """Automatic exposure with a lag."""

    key: float = Field(default=0.3, gt=0)
    """Mean radiance aimed at; 1 is a white card in full sun as rendered."""
    strength: float = Field(default=0.5, ge=0, le=1)
    """Share of the difference (in stops) that is made up for."""
    range_ev: float = Field(default=1.2, ge=0)
    """Most stops of change in either direction."""
    seconds_up: float = Field(default=1.6, gt=0)
    """Time constant towards brighter."""
    seconds_down: float = Field(default=0.5, gt=0)
    """Time constant towards darker."""


class BalanceConfig(Config):
    """White balance: follows the light if asked to, is slightly off and wanders."""

    cold_share: float = Field(default=0.0, ge=0, le=1)
    """Automatic: share of a cold cast (shade, dusk) that is taken away; 0 keeps full daylight's."""
    warm_share: float = Field(default=0.0, ge=0, le=1)
    """The same for a warm cast (low sun, lamps)."""
    coldest_k: float = Field(default=10000.0, ge=6000, le=20000)
    """Colour temperature that it can make up for at most."""
    warmest_k: float = Field(default=2500.0, ge=2300, le=5800)
    """The same for warm light."""
    seconds: float = Field(default=3.0, gt=0)
    """Time constant with which it follows; the first frame finds it settled."""
    warmth: float = Field(default=0.0, ge=-0.5, le=0.5)
    """Red over blue, in natural units; positive is warmer."""
    tint: float = Field(default=0.0, ge=-0.5, le=0.5)
    """Green over the others."""
    drift: float = Field(default=0.01, ge=0, le=0.5)
    """Root mean square of the slow change of both."""
    period_s: float = Field(default=8.0, gt=0)
    """Time in which it changes."""


class VignetteConfig(Config):
    """Darker corners."""

    strength: float = Field(default=0.6, gt=0, le=1)
    """1: cos^4 of the angle to the axis; less: a share of that loss."""


class BloomConfig(Config):
    """Light scattered in glass and sensor; it is moved, none is made or lost."""

    share: float = Field(default=0.12, gt=0, le=1)
    """Of the light above the threshold that is scattered."""
    threshold: float = Field(default=0.8, ge=0)
    """Radiance below which nothing scatters; 0 adds a veil."""
    streaks: int = Field(default=0, ge=0, le=4)
    """Lines through bright lamps, as greasy domes draw them; half of the scattered light."""


class MotionBlurConfig(Config):
    """What moves while the shutter is open; centred on the instant that the labels describe."""

    shutter: float = Field(default=0.35, gt=0, le=1)
    """Open for this share of a frame."""
    longest_px: int = Field(default=48, ge=2, le=128)
    """Longer streaks are cut."""


class SoftnessConfig(Config):
    """Optics that do not resolve a pixel."""

    sigma_px: float = Field(default=0.55, gt=0, le=1.6)
    """Standard deviation of the point spread."""
    colour_px: float = Field(default=0.0, ge=0, le=2)
    """Lateral colour: red and blue are apart by this at the corners."""


class SensorConfig(Config):
    """Noise of a small sensor, in linear raw values."""

    full_well_e: float = Field(default=9000.0, gt=0)
    """Electrons of a white card at gain 1."""
    read_e: float = Field(default=5.0, ge=0)
    """Read noise in electrons."""
    fixed_share: float = Field(default=0.003, ge=0)
    """Pixels differ in sensitivity by this; columns in offset by 8 % of the read noise."""
    gain: float | None = Field(default=None, ge=1)
    """Sensor gain; null takes it from how much light there is."""
    base_exposure: float = Field(default=250.0, gt=0)
    """Exposure that shutter and iris reach without gain; a clear day needs about 2."""
    most_gain: float = Field(default=64.0, ge=1)
    """Beyond this the picture gets darker instead."""
    smear: float = Field(default=0.0, ge=0, le=0.95)
    """Noise reduction over time: share of the last picture kept where little changed."""


class DropsConfig(Config):
    """Rain on the dome."""

    count: int = Field(default=40, ge=1, le=2000)
    """Drops in view."""
    radius_px: float = Field(default=20.0, gt=0)
    """Median radius in an image 1920 px wide."""
    stay_s: float = Field(default=9.0, gt=0)
    """Mean time before a drop runs down."""


class DirtConfig(Config):
    """Dust, droppings and dried drops on the dome, out of focus."""

    strength: float = Field(default=0.35, gt=0, le=1)
    """Most light a spot takes away."""
    count: int = Field(default=30, ge=1, le=2000)
    """Spots in view."""


class FinishConfig(Config):
    """What the camera's processor does at the end."""

    sharpening: float = Field(default=0.5, ge=0, le=3)
    """Unsharp mask on brightness; too much is what cheap cameras do."""
    coring: float = Field(default=3.0, ge=0, le=50)
    """Differences of brightness up to this (of 255) are taken for noise and not sharpened."""
    saturation: float = Field(default=1.25, ge=0, le=2)
    """Of colours; above 1 pale ones gain in full, pure ones nothing, so that none is clipped."""
    contrast: float = Field(default=0.0, ge=-0.5, le=0.5)
    """Around middle grey."""


class StampConfig(Config):
    """Date, time and camera name burnt into the picture."""

    text: str | None = None
    """Name; null takes the camera's."""
    height_share: float = Field(default=0.026, gt=0.005, lt=0.2)
    """Of a line in the image."""


class StreamConfig(Config):
    """How the camera compresses; `rgb.mp4` is encoded just once, like this."""

    bitrate_kbps: int = Field(default=2500, ge=1)
    """H.264 bit rate."""
    keyframe_every: int = Field(default=50, ge=1)
    """Frames between key frames: the picture freshens up at each."""


class LensConfig(Config):
    """Effects between scene and file; null leaves one out."""

    preset: Preset = Preset.EXACT
    """`cctv` fills in what is not given, by light and weather, drawn per camera."""
    distortion: DistortionConfig | None = None
    """Moves pixels and labels."""
    sway: SwayConfig | None = None
    """Moves pixels and labels, frame by frame."""
    shutter: ShutterConfig | None = None
    """Moves pixels and labels of what moves."""
    exposure: ExposureConfig | None = None
    """Automatic exposure."""
    balance: BalanceConfig | None = None
    """White balance."""
    vignette: VignetteConfig | None = None
    """Darker corners."""
    bloom: BloomConfig | None = None
    """Glow around bright things."""
    motion_blur: MotionBlurConfig | None = None
    """Streaks of what moves."""
    softness: SoftnessConfig | None = None
    """Blur and colour fringes of the optics."""
    sensor: SensorConfig | None = None
    """Noise."""
    drops: DropsConfig | None = None
    """Rain on the dome."""
    dirt: DirtConfig | None = None
    """Dirt on the dome."""
    finish: FinishConfig | None = None
    """Sharpening and colours."""
    stamp: StampConfig | None = None
    """Burnt-in text."""
    stream: StreamConfig | None = None
    """Compression of `rgb.mp4`."""

    def told(self) -> dict[str, Any]:
        """Return the settings as JSON types, from which they can be read again.

        What a preset fills in is left out; a null that was given, which it leaves alone, stays.
        """
        given = set[str]() if self.preset is Preset.EXACT else self.model_fields_set
        every = self.model_dump(mode="json")
        return {name: one for name, one in every.items() if one is not None or name in given}

    @property
    def colours(self) -> bool:
        """Whether any effect changes colours."""
        geometry = {"preset", "distortion", "sway", "shutter", "stream"}
        return any(
            getattr(self, name) is not None
            for name in type(self).model_fields
            if name not in geometry
        )
