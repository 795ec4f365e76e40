"""What can be chosen about the picture."""

from pydantic import Field

from rareworld.data.config import Config


class RenderConfig(Config):
    """Settings of the CPU renderer; only `near_m` can change a label."""

    exposure: float = Field(default=1.0, gt=0)
    """Multiplies the daylight's own exposure."""
    near_m: float = Field(default=0.1, gt=0)
    """Nothing nearer than this along the optical axis is drawn or labelled."""
    shadow_size: int = Field(default=4096, ge=64, le=16384)
    """Texels along a side of the sun's depth map."""
    shadow_reach_m: float = Field(default=150.0, gt=1)
    """Surfaces farther from the camera cast and receive no exact shadow."""
    haze_per_m: float = Field(default=0.0009, ge=0)
    """Share of light the air scatters away per metre."""
    occlusion: bool = True
    """Darken corners and the ground under vehicles where little sky is seen."""
    radiance: bool = False
    """Also keep linear radiance, for weather in the air and lens effects."""
    threads: int = Field(default=2, ge=1, le=256)
    """Worker threads; the bytes do not depend on it."""
