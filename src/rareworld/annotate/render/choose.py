"""Which renderer draws: as asked for, or what the machine has where that is asked for.

Falling back happens only with `auto`, and the outcome is a plain fact of the returned config.
Proved in tests/annotate/render/test_choose.py.
"""

from functools import cache
from importlib.util import find_spec

from rareworld.annotate.render.backend import Renderer
from rareworld.annotate.render.config import RenderConfig, RendererKind
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.model import RenderScene
from rareworld.core.camera import Camera
from rareworld.errors import DeviceError, MissingExtraError


def settled(config: RenderConfig) -> RenderConfig:
    """Return the config with `auto` replaced by what this machine can do."""
    if config.renderer is not RendererKind.AUTO:
        return config
    kind = RendererKind.CPU if why_no_gpu() else RendererKind.GPU
    return config.model_copy(update={"renderer": kind})


@cache
def why_no_gpu() -> str:
    """Return why `gpu` cannot be had here; empty if it can. Asked once per process."""
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


def chosen_by(asked: RenderConfig) -> str:
    """Return in words who draws, and why where `auto` left it open."""
    kind = settled(asked).renderer
    if asked.renderer is not RendererKind.AUTO:
        return kind.value
    reason = why_no_gpu() if kind is RendererKind.CPU else "a CUDA device can be used"
    return f"{kind.value} (auto: {reason})"


def make_renderer(scene: RenderScene, camera: Camera, config: RenderConfig) -> Renderer:
    """Return the renderer that the config asks for.

    Raises:
        CameraError: If the camera sees no surface of the scene at all.
        DeviceError: If a GPU is asked for and cannot be used, or has too little memory.
        MissingExtraError: If the ray caster's packages are not installed.
    """
    final = settled(config)
    if final.renderer is RendererKind.CPU:
        return RasterRenderer(scene, camera, final)
    require_packages(denoise=final.denoise)
    from rareworld.annotate.render.warp.device import cpu, gpu
    from rareworld.annotate.render.warp.renderer import WarpRenderer

    device = gpu() if final.renderer is RendererKind.GPU else cpu()
    return WarpRenderer(scene, camera, final, device)
