"""The same job on a GPU: bfloat16 there agrees with float32 here, offloading changes no bit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rareworld.data.jsontext import read_json
from rareworld.data.video import read_frames
from rareworld.generate.job import make_stage
from rareworld.generate.models import ModelConfig
from rareworld.generate.offload import Part
from rareworld.nn.ranks import Ranks
from rareworld.runtime.local import LocalRunner
from tests.generate.conftest import request_of

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def _frames(pipeline: Path, out: Path, device: str, **config: Any) -> np.ndarray:
    request = request_of(num_output_frames=13)
    with Ranks.join(device) as ranks:
        stage = make_stage((request,), ModelConfig(model=str(pipeline), **config), ranks)
        report = LocalRunner(inline=True).run(stage, [request], out)
    assert report.count("done") == 1, report
    return np.stack(list(read_frames(out / "a" / "a.mp4", "rgb24"))).astype(float)


@pytest.mark.parametrize("generation", ["predict2", "predict2.5"])
def test_a_gpu_makes_the_video_that_a_cpu_makes(
    generation: str, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    """Of 255 levels; random nets and guidance enlarge roundings, so bfloat16 is held to itself."""
    pipeline = tiny(generation)
    here = _frames(pipeline, tmp_path / "cpu", "cpu")
    rough = _frames(pipeline, tmp_path / "cpu, bf16", "cpu", dtype="bfloat16")
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        there = _frames(pipeline, tmp_path / "gpu", "cuda", dtype="float32")
    short = _frames(pipeline, tmp_path / "gpu, bf16", "cuda")
    assert np.abs(here - there).mean() < 0.5
    assert np.abs(here - short).mean() < 1.3 * np.abs(here - rough).mean()


def test_offloaded_parts_make_the_same_video_in_less_memory(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    whole = _frames(tiny(), tmp_path / "whole", "cuda")
    turns = _frames(tiny(), tmp_path / "turns", "cuda", offload=frozenset(Part))
    np.testing.assert_array_equal(whole, turns)
    record = read_json(tmp_path / "turns" / "a" / "a.json")
    assert set(record["runs"]["places"].values()) == {"host"}
    assert record["peak_bytes"]["device"] > 0
