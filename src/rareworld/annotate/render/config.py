"""What can be chosen about the picture."""

from enum import StrEnum

from pydantic import Field, model_validator

from rareworld.data.config import Config
from rareworld.errors import ConfigError


class RendererKind(StrEnum):
    """Who draws."""

    CPU = "cpu"
    """The rasteriser: fast on any machine."""
    GPU = "gpu"
    """The ray caster on the first CUDA device."""
    WARP_CPU = "warp-cpu"
    """The ray caster on the CPU: as fine as on a GPU, and slow."""
    AUTO = "auto"
    """`GPU` where one can be used, else `CPU`; the clip says which."""


class RenderConfig(Config):
    """Settings of the renderers; only `near_m` can change a label."""

    renderer: RendererKind = RendererKind.CPU
    """Who draws: `cpu` rasterises, `gpu` and `warp-cpu` cast rays, `auto` takes what is there."""
    samples_per_pixel: int = Field(default=16, ge=1, le=4096)
    """Rays per pixel of the ray caster's colours; labels always take the pixel's centre."""
    denoise: bool = False
    """Take the noise of few samples away (Open Image Denoise); an error with `cpu`, which has none,
    and left out where `auto` takes `cpu`."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Choice of the ray caster's samples, the same in all frames, and of drops in the air."""
    exposure: float = Field(default=1.0, gt=0, le=1e4)
    """Multiplies the daylight's own exposure."""
    near_m: float = Field(default=0.1, gt=0, le=10)
    """Nothing nearer than this along the optical axis is drawn or labelled."""
    shadow_size: int = Field(default=4096, ge=64, le=16384)
    """Texels along a side of the sun's depth map."""
    shadow_reach_m: float = Field(default=150.0, gt=1)
    """Surfaces farther from the camera cast and receive no exact shadow."""
    occlusion: bool = True
    """Darken corners and the ground under vehicles where little sky is seen."""
    radiance: bool = False
    """Also keep linear radiance, for weather in the air and lens effects."""
    film: bool = True
    """Also make display values; a lens that makes its own from the radiance leaves them out."""
    threads: int = Field(default=2, ge=1, le=256)
    """Worker threads; the bytes do not depend on it."""

    def undecisive(self) -> frozenset[str]:
        """Return the fields that a clip's bytes do not depend on."""
        if self.renderer is RendererKind.CPU:
            return frozenset({"threads", "film", "samples_per_pixel", "denoise"})
        return frozenset({"threads", "film"})

    @model_validator(mode="after")
    def _noisy(self) -> "RenderConfig":
        if self.denoise and self.renderer is RendererKind.CPU:
            raise ConfigError(
                "render.denoise: true goes with a ray caster, found render.renderer 'cpu', whose "
                "pictures have no noise; leave denoise out or choose gpu, warp-cpu or auto"
            )
        return self
