"""The cookbook's error would be caught: its networks saw noise, ours see the picture.

Its FID script hands frames of 0 to 255 to a metric that takes 0 to 1 and multiplies by 255 before
it makes bytes of them: values wrap at 256. Nothing failed there, for nobody looked at what
the network was given.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np
import pytest
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from rareworld.data.video import read_frames
from rareworld.evaluate.config import EvaluateConfig
from rareworld.evaluate.frames import Part
from rareworld.evaluate.job import evaluate_sets
from rareworld.models.packaged import WeightsRecord
from tests.evaluate.standin import StandIn, pictures, write_set, write_video


@final
@dataclass
class _Watched:
    """A network that keeps what it was given."""

    name: str = "inception"
    preprocessing: str = "torch-fidelity"
    width: int = 12
    frames: int | None = 1
    seen: list[UInt8[np.ndarray, "h w 3"]] = field(default_factory=list)
    inner: StandIn = field(default_factory=lambda: StandIn(name="inception", frames=1))

    @property
    def weights(self) -> WeightsRecord:
        return self.inner.weights

    def features(self, clips: UInt8[Tensor, "n t h w 3"]) -> Float32[Tensor, "m d"]:
        self.seen += list(clips.flatten(0, 1).numpy())
        return self.inner.features(clips)


def _wrapped(frames: UInt8[np.ndarray, "t h w 3"]) -> UInt8[np.ndarray, "t h w 3"]:
    """Scale a little, as the script does, then to bytes twice over."""
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    scaled = torch.nn.functional.interpolate(pixels, scale_factor=1.25, mode="bilinear")
    wrapped = (scaled * 255).to(torch.int64).remainder(256).to(torch.uint8)
    return wrapped.permute(0, 2, 3, 1).contiguous().numpy()


def _alike(a: UInt8[np.ndarray, "h w 3"], b: UInt8[np.ndarray, "h w 3"]) -> float:
    """Return the correlation of two pictures, the second brought to the size of the first."""
    pixels = torch.from_numpy(b.copy()).permute(2, 0, 1)[None].float()
    same = torch.nn.functional.interpolate(pixels, a.shape[:2], mode="area")[0].permute(1, 2, 0)
    return float(np.corrcoef(a.ravel().astype(float), same.numpy().ravel())[0, 1])


def _seen(folder: Path) -> list[UInt8[np.ndarray, "h w 3"]]:
    net = _Watched()
    config = EvaluateConfig(
        metrics=("kid",), device="cpu", decoders=1, floor_splits=0,
        intervals={"resamples": 0},  # pyright: ignore[reportArgumentType] - pydantic reads it
    )  # fmt: skip
    evaluate_sets(folder, folder, config, load=lambda *of, **more: net)
    return net.seen


def test_the_network_is_given_the_picture(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "a", 2, frames=3)
    first = next(iter(read_frames(folder / "000.mp4", "rgb24")))
    seen = _seen(folder)
    assert np.array_equal(seen[0], first)
    assert _alike(first, seen[0]) > 0.999


def test_the_error_makes_noise_and_that_comparison_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_set(tmp_path / "a", 2, frames=3)
    first = next(iter(read_frames(folder / "000.mp4", "rgb24")))
    original = Part.read
    monkeypatch.setattr(Part, "read", lambda part: _wrapped(original(part)))
    assert abs(_alike(first, _seen(folder)[0])) < 0.3


def test_a_set_that_was_written_so_is_warned_of(tmp_path: Path) -> None:
    real = write_set(tmp_path / "real", 3, size=(80, 96))
    for index in range(3):
        wrapped = _wrapped(pictures(9 + index, 16, (64, 80)))
        write_video(tmp_path / "made" / f"{index}.mp4", wrapped[:, :80, :96])
    config = EvaluateConfig(
        metrics=("kid",), device="cpu", decoders=1, floor_splits=0,
        intervals={"resamples": 0},  # pyright: ignore[reportArgumentType] - pydantic reads it
    )  # fmt: skip
    found = evaluate_sets(real, tmp_path / "made", config, load=lambda *of, **more: _Watched())
    (told,) = [text for text in found.warnings if text.startswith("detail: ")]
    assert "real clips have" in told
    assert "less fine detail than generated" in told
