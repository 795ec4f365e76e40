"""Who draws: as asked for, or named errors; `auto` falls back and says so."""

import subprocess
import sys

import pytest

from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.annotate.render import choose
from rareworld.annotate.render.choose import draw_with, make_renderer, settled, why_no_gpu
from rareworld.annotate.render.config import RenderConfig, RendererKind
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.errors import ConfigError, DeviceError, MissingExtraError
from tests.annotate.render.shapes import camera, ground, scene

HAS_WARP = not isinstance(pytest.importorskip("warp"), str)


@pytest.fixture(autouse=True)
def _ask_anew():
    why_no_gpu.cache_clear()
    yield
    why_no_gpu.cache_clear()


def _no_driver(monkeypatch) -> None:
    from rareworld.annotate.render.warp import device

    monkeypatch.setattr(device, "driver_version", lambda: None)


def _config(kind, **more) -> RenderConfig:
    return RenderConfig(renderer=kind, shadow_size=64, **more)


def test_the_rasteriser_draws_by_default() -> None:
    one = make_renderer(scene(ground()), camera(16, 12), RenderConfig(shadow_size=64))
    assert isinstance(one, RasterRenderer)
    assert draw_with(scene(ground()), camera(16, 12), RenderConfig()).said == "cpu"


def test_a_gpu_that_is_not_there_is_an_error_with_a_remedy(monkeypatch) -> None:
    _no_driver(monkeypatch)
    with pytest.raises(DeviceError, match=r"NVIDIA driver, found none.*render.renderer=auto"):
        make_renderer(scene(ground()), camera(16, 12), _config(RendererKind.GPU))


def test_auto_falls_back_and_says_so(monkeypatch) -> None:
    _no_driver(monkeypatch)
    auto = _config(RendererKind.AUTO)
    assert settled(auto).renderer is RendererKind.CPU
    drawing = draw_with(scene(ground()), camera(16, 12), auto)
    assert drawing.said.startswith("cpu (auto: renderer gpu needs an NVIDIA driver, found none")
    assert drawing.kind is RendererKind.CPU
    assert isinstance(drawing.renderer, RasterRenderer)


def test_auto_takes_the_cpu_where_memory_is_short_and_gpu_does_not(monkeypatch) -> None:
    def full(*_):
        raise DeviceError("renderer gpu: scene and image need about 900 MiB, 3 MiB are free")

    monkeypatch.setattr(choose, "why_no_gpu", lambda: "")
    monkeypatch.setattr(choose, "_ray_caster", full)
    auto = _config(RendererKind.AUTO, denoise=True)
    assert settled(auto).renderer is RendererKind.GPU
    drawing = draw_with(scene(ground()), camera(16, 12), auto)
    assert isinstance(drawing.renderer, RasterRenderer)
    assert drawing.said == (
        "cpu (auto: renderer gpu: scene and image need about 900 MiB, 3 MiB are free; "
        "nothing is denoised, the rasteriser has no noise)"
    )
    with pytest.raises(DeviceError, match="3 MiB are free"):
        draw_with(scene(ground()), camera(16, 12), _config(RendererKind.GPU))


def test_noise_can_only_be_taken_from_what_has_some() -> None:
    with pytest.raises(ConfigError, match=r"render\.denoise: true.*found render.renderer 'cpu'"):
        RenderConfig(denoise=True)
    with pytest.raises(ConfigError, match="choose gpu, warp-cpu or auto"):
        AnnotateConfig.parse({"render": {"denoise": True}})


def test_auto_takes_a_gpu_that_can_be_used(monkeypatch) -> None:
    monkeypatch.setattr(choose, "why_no_gpu", lambda: "")
    monkeypatch.setattr(choose, "_ray_caster", RasterRenderer)
    drawing = draw_with(scene(ground()), camera(16, 12), _config(RendererKind.AUTO))
    assert drawing.kind is RendererKind.GPU
    assert drawing.said == "gpu (auto: a CUDA device can be used)"


def test_a_clip_names_the_renderer_that_auto_took(monkeypatch) -> None:
    _no_driver(monkeypatch)
    config = AnnotateConfig(render=_config(RendererKind.AUTO, samples_per_pixel=7))
    told = config.decisive()["render"]
    assert told["renderer"] == "cpu"
    assert not {"threads", "samples_per_pixel", "denoise"} & set(told)


@pytest.mark.parametrize(
    ("change", "on_cpu", "by_rays"),
    [
        ({"threads": 9}, False, False),
        ({"samples_per_pixel": 7}, False, True),
        ({"seed": 7}, True, True),
        ({"near_m": 0.2}, True, True),
    ],
)
def test_what_a_renderer_does_not_look_at_decides_nothing(change, on_cpu, by_rays) -> None:
    """So nothing is drawn again for it; the seed also scatters the drops of the rasteriser."""
    for kind, decides in ((RendererKind.CPU, on_cpu), (RendererKind.WARP_CPU, by_rays)):
        plain, other = (
            AnnotateConfig(render=RenderConfig(renderer=kind, **more)).decisive()
            for more in ({}, change)
        )
        assert (plain != other) == decides


def test_an_old_driver_is_named_with_what_is_needed() -> None:
    from rareworld.annotate.render.warp.device import check_driver
    from rareworld.annotate.render.warp.driver import Version

    check_driver(Version(13, 0), Version(13, 4))
    with pytest.raises(DeviceError, match=r"CUDA 13.0 or newer, found one for CUDA 12.2"):
        check_driver(Version(12, 2), Version(13, 4))


def test_too_little_memory_is_told_before_any_work() -> None:
    from rareworld.annotate.render.warp.device import Device, check_memory
    from rareworld.annotate.render.warp.images import needed_bytes

    small = Device(alias="cuda:0", label="Toy GPU", free_bytes=700 * 2**20)
    made = scene(ground())
    check_memory(small, needed_bytes(made, (640, 480), denoise=False))
    with pytest.raises(DeviceError, match=r"need about \d+ MiB, 700 MiB are free on Toy GPU"):
        check_memory(small, needed_bytes(made, (3840, 2160), denoise=True))


@pytest.mark.parametrize(
    "text",
    [
        "Failed to allocate 123 bytes on device 'cuda:0'",
        "Warp CUDA error 2: out of memory (in function alloc_device, warp.cu:1)",
    ],
)
def test_memory_that_others_took_meanwhile_is_told_with_a_remedy(text) -> None:
    from rareworld.annotate.render.warp.device import Device, memory_told

    one = Device(alias="cuda:0", label="Toy GPU", free_bytes=700 * 2**20)
    with (
        pytest.raises(DeviceError, match=r"about 600 MiB, 700 MiB were free on Toy GPU.*workers"),
        memory_told(one, 600 * 2**20),
    ):
        raise RuntimeError(text)
    with pytest.raises(RuntimeError, match="kernel"), memory_told(one, 1):
        raise RuntimeError("no such kernel")
    with (
        pytest.raises(RuntimeError, match="alloc"),
        memory_told(Device(alias="cpu", label="CPU"), 1),
    ):
        raise RuntimeError("Failed to allocate 1 byte")


@pytest.mark.parametrize(
    ("package", "denoise", "extra"), [("warp", False, "gpu"), ("pyoidn", True, "denoise")]
)
def test_a_missing_package_is_named(monkeypatch, package, denoise, extra) -> None:
    monkeypatch.setattr(choose, "find_spec", lambda name: None if name == package else object())
    config = _config(RendererKind.WARP_CPU, denoise=denoise)
    with pytest.raises(MissingExtraError, match=rf"rareworld\[{extra}\]"):
        make_renderer(scene(ground()), camera(16, 12), config)


def test_the_pipeline_does_not_import_warp() -> None:
    code = (
        "import sys, rareworld.annotate.pipeline, rareworld.annotate.render.choose\n"
        "print('warp' in sys.modules, 'pyoidn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_driver_is_read_without_starting_cuda(monkeypatch) -> None:
    from rareworld.annotate.render.warp import driver

    class _Library:
        def cuDriverGetVersion(self, out) -> int:  # noqa: N802 - CUDA's own name
            out._obj.value = 12040
            return 0

    monkeypatch.setattr(driver.ctypes, "CDLL", lambda name: _Library())
    assert driver.driver_version() == driver.Version(12, 4)
    assert str(driver.driver_version()) == "12.4"
