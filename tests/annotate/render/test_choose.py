"""Who draws: as asked for, or named errors; `auto` falls back and says so."""

import subprocess
import sys

import pytest

from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.annotate.render import choose
from rareworld.annotate.render.choose import chosen_by, make_renderer, settled, why_no_gpu
from rareworld.annotate.render.config import RenderConfig, RendererKind
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.errors import DeviceError, MissingExtraError
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
    assert chosen_by(RenderConfig()) == "cpu"


def test_a_gpu_that_is_not_there_is_an_error_with_a_remedy(monkeypatch) -> None:
    _no_driver(monkeypatch)
    with pytest.raises(DeviceError, match=r"NVIDIA driver, found none.*render.renderer=auto"):
        make_renderer(scene(ground()), camera(16, 12), _config(RendererKind.GPU))


def test_auto_falls_back_and_says_so(monkeypatch) -> None:
    _no_driver(monkeypatch)
    auto = _config(RendererKind.AUTO)
    assert settled(auto).renderer is RendererKind.CPU
    assert chosen_by(auto).startswith("cpu (auto: renderer gpu needs an NVIDIA driver, found none")
    assert isinstance(make_renderer(scene(ground()), camera(16, 12), auto), RasterRenderer)


def test_auto_takes_a_gpu_that_can_be_used(monkeypatch) -> None:
    monkeypatch.setattr(choose, "why_no_gpu", lambda: "")
    auto = _config(RendererKind.AUTO)
    assert settled(auto).renderer is RendererKind.GPU
    assert chosen_by(auto) == "gpu (auto: a CUDA device can be used)"


def test_a_clip_names_the_renderer_that_auto_took(monkeypatch) -> None:
    _no_driver(monkeypatch)
    config = AnnotateConfig(render=_config(RendererKind.AUTO, samples_per_pixel=7))
    told = config.decisive()["render"]
    assert told["renderer"] == "cpu"
    assert told["samples_per_pixel"] == 7
    assert "threads" not in told


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
