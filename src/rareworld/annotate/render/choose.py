"""Which renderer draws: as asked for, or what the machine has where that is asked for.

Falling back happens only with `auto`, and the outcome is told in words.
Proved in tests/annotate/render/test_choose.py.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import final

from rareworld.annotate.render.backend import Renderer
from rareworld.annotate.render.config import RenderConfig, RendererKind
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.model import RenderScene
from rareworld.core.camera import Camera
from rareworld.errors import DeviceError, MissingExtraError


@final
@dataclass(frozen=True)
class Drawing:
    """Who draws one camera of one scene."""

    renderer: Renderer
    kind: RendererKind
    """Never `auto`."""
    said: str
    """The kind in words, and why where `auto` left it open."""


def settled(config: RenderConfig) -> RenderConfig:
    """Return the config with `auto` replaced by what this machine can do.

    Whether the device has room for a scene is known only once it is drawn; see `draw_with`.
    """
    if config.renderer is not RendererKind.AUTO:
        return config
    kind = RendererKind.CPU if why_no_gpu() else RendererKind.GPU
    return config.model_copy(update={"renderer": kind})


@cache
def why_no_gpu() -> str:
    """Return why `gpu` cannot be had here; empty if it can. Asked once per process.

    Of memory it knows nothing: that differs from scene to scene and from minute to minute.
    """
    try:
        require_packages(denoise=False)
        from rareworld.annotate.render.warp.device import gpu

        gpu()
    except (DeviceError, MissingExtraError) as error:
        return str(error)
    return ""


def require_packages(*, denoise: bool) -> None:
    """Refuse to go on without the packages of the ray caster.

    Raises:
        MissingExtraError: Naming the package and the extra that brings it.
    """
    if find_spec("warp") is None:
        raise MissingExtraError("warp-lang", extra="gpu")
    if denoise and find_spec("pyoidn") is None:
        raise MissingExtraError("pyoidn", extra="denoise")


def _said(asked: RenderConfig, kind: RendererKind, problem: str) -> str:
    """Return a kind in words; `problem` is why `auto` took no GPU."""
    if asked.renderer is not RendererKind.AUTO:
        return kind.value
    if kind is RendererKind.CPU and asked.denoise:
        problem += "; nothing is denoised, the rasteriser has no noise"
    return f"{kind.value} (auto: {problem or 'a CUDA device can be used'})"


def make_renderer(scene: RenderScene, camera: Camera, config: RenderConfig) -> Renderer:
    """Return the renderer of `draw_with`.

    Raises:
        CameraError: As `draw_with` does.
        DeviceError: As `draw_with` does.
        MissingExtraError: As `draw_with` does.
    """
    return draw_with(scene, camera, config).renderer


def draw_with(scene: RenderScene, camera: Camera, asked: RenderConfig) -> Drawing:
    """Return the renderer that the config asks for, and what was taken where it left that open.

    With `auto` the CPU also takes over where the device has no room for scene and image.

    Raises:
        CameraError: If the camera sees no surface of the scene at all.
        DeviceError: If a GPU is asked for and cannot be used, or has too little memory.
        MissingExtraError: If the ray caster's packages are not installed.
    """
    chosen = settled(asked)
    problem = why_no_gpu() if asked.renderer is RendererKind.AUTO else ""
    if chosen.renderer is not RendererKind.CPU:
        try:
            renderer = _ray_caster(scene, camera, chosen)
            return Drawing(renderer, chosen.renderer, _said(asked, chosen.renderer, ""))
        except DeviceError as error:
            if asked.renderer is not RendererKind.AUTO:
                raise
            problem = str(error)
    by_cpu = chosen.model_copy(update={"renderer": RendererKind.CPU})
    said = _said(asked, RendererKind.CPU, problem)
    return Drawing(RasterRenderer(scene, camera, by_cpu), RendererKind.CPU, said)


def _ray_caster(scene: RenderScene, camera: Camera, config: RenderConfig) -> Renderer:
    """Return the ray caster on the device that a config names."""
    require_packages(denoise=config.denoise)
    from rareworld.annotate.render.warp.device import cpu, gpu
    from rareworld.annotate.render.warp.renderer import WarpRenderer

    device = gpu() if config.renderer is RendererKind.GPU else cpu()
    return WarpRenderer(scene, camera, config, device)
