"""The sidecar: complete, readable, deterministic but for what was measured."""

import time
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from rareworld import __version__
from rareworld.data.atomic import sha256_file
from rareworld.data.jsontext import read_json
from rareworld.generate.media import Medium
from rareworld.generate.plan import Chunk, Plan
from rareworld.generate.sample import InferenceType
from rareworld.generate.sidecar import (
    Stopwatch,
    input_record,
    peak_memory,
    start_peak,
    versions,
    write_sidecar,
)
from rareworld.models.cosmos_predict.sizes import Size

CPU = torch.device("cpu")
PLAN = Plan(
    kind=InferenceType.TEXT2WORLD,
    size=Size(64, 96),
    fps=Fraction(16),
    chunks=(
        Chunk(seed=3, frames=9, clean_latents=0, first=0, last=9),
        Chunk(seed=4, frames=9, clean_latents=1, first=1, last=6),
    ),
)


def test_a_part_s_turns_add_up() -> None:
    watch = Stopwatch()
    for _ in range(2):
        with watch.part("sample", CPU):
            time.sleep(0.01)
    with watch.part("decode", CPU):
        pass
    assert watch.seconds["sample"] >= 0.02
    assert list(watch.seconds) == ["sample", "decode"]


def test_a_part_that_fails_is_counted_too() -> None:
    watch = Stopwatch()
    with pytest.raises(KeyError), watch.part("sample", CPU):
        raise KeyError
    assert "sample" in watch.seconds


def test_everything_a_video_came_from_is_in_its_sidecar(tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes(b"frames")
    watch = Stopwatch({"sample": 1.23456})
    write_sidecar(
        tmp_path / "a.json", video, depends={"prompt": "x"}, medium=None, plan=PLAN, took=watch,
        device=CPU, names={"model": "m"}, runs={"ranks": 1}, notes=["cut"],
    )  # fmt: skip
    record = read_json(tmp_path / "a.json")
    assert (record["kind"], record["schema_version"]) == ("generated_video", 1)
    assert record["video"] == {"file": "a.mp4", "sha256": sha256_file(video)}
    assert record["from"] == {"prompt": "x"}
    assert record["names"] == {"model": "m"}
    assert record["runs"] == {"ranks": 1}
    assert record["input"] is None
    assert record["notes"] == ["cut"]
    assert record["seconds"] == {"sample": 1.235}
    assert record["device"] == "cpu"
    assert record["made"] == {
        "inference_type": "text2world",
        "height": 64,
        "width": 96,
        "fps": "16",
        "frames": 14,
        "chunks": [
            {"seed": 3, "frames": 9, "clean_latents": 0, "kept": [0, 9]},
            {"seed": 4, "frames": 9, "clean_latents": 1, "kept": [1, 6]},
        ],
    }


def test_peak_memory_is_counted_in_bytes() -> None:
    start_peak(CPU)
    assert 10e6 < peak_memory(CPU)["process"] < 1e12


def test_versions_name_what_computed() -> None:
    found = versions()
    assert found["rareworld"] == __version__
    assert found["torch"] == torch.__version__.split("+")[0] or found["torch"] == torch.__version__


def test_an_input_is_told_by_its_hash(tmp_path: Path) -> None:
    medium = Medium(
        path=tmp_path / "in.png", is_image=True, num_frames=1, size=Size(4, 6), sha256="ab"
    )
    assert input_record(None) is None
    assert input_record(medium) == {
        "file": "in.png", "sha256": "ab", "frames": 1, "height": 4, "width": 6,
    }  # fmt: skip
