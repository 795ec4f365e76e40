"""The job on tiny pipelines: files complete, bytes repeatable, one bad sample alone, resume."""

import json
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rareworld.data.atomic import sha256_file
from rareworld.data.jsontext import read_json
from rareworld.data.video import RgbWriter, probe, read_frames
from rareworld.errors import ConfigError, FormatError
from rareworld.generate.engine import Engine
from rareworld.generate.job import GenerateStage, copy_out, make_stage, run_on_ranks
from rareworld.generate.models import ModelConfig
from rareworld.generate.refine import RefineConfig, Refined
from rareworld.generate.sample import Request
from rareworld.models.cosmos_predict.tiny import Generation, write_tiny_pipeline
from rareworld.nn.ranks import Ranks
from rareworld.runtime.local import LocalRunner
from rareworld.runtime.stage import JobReport, content_key
from tests.generate.conftest import request_of, stage_of

Tiny = Callable[..., Path]
RATE = Fraction(25)


def _run(stage: GenerateStage, out: Path, **more: Any) -> JobReport:
    return LocalRunner(inline=True, **more).run(stage, list(stage.requests), out)


def _bytes(out: Path, name: str = "a") -> str:
    return sha256_file(out / name / f"{name}.mp4")


def _picture(path: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)).save(path)
    return path


def _video(path: Path, frames: int = 7) -> Path:
    rng = np.random.default_rng(1)
    with RgbWriter(path, RATE) as writer:
        for _ in range(frames):
            writer.write(rng.integers(0, 256, (40, 60, 3), np.uint8))
    return path


@pytest.mark.parametrize("generation", ["predict2", "predict2.5"])
def test_text_image_and_video_become_videos(
    generation: Generation, tiny: Tiny, tmp_path: Path
) -> None:
    image, video = _picture(tmp_path / "in.png"), _video(tmp_path / "in.mp4")
    requests = (
        request_of("text"),
        request_of("image", input_path=str(image)),
        request_of("video", input_path=str(video), num_output_frames=13),
        request_of("still", input_path=str(video), inference_type="image2world"),
    )
    report = _run(stage_of(tiny(generation), *requests), tmp_path / "out")
    assert report.count("done") == 4, report
    for name, frames, kind, clean in (
        ("text", 9, "text2world", 0), ("image", 9, "image2world", 1),
        ("video", 13, "video2world", 2), ("still", 9, "image2world", 1),
    ):  # fmt: skip
        info = probe(tmp_path / "out" / name / f"{name}.mp4")
        assert (info.num_frames, info.rate, info.height, info.width) == (frames, 16, 32, 48)
        made = read_json(tmp_path / "out" / name / f"{name}.json")["made"]
        assert made["inference_type"] == kind
        assert made["chunks"][0]["clean_latents"] == clean


def test_text2world_leaves_the_input_of_a_shared_list_unread_and_says_so(
    tiny: Tiny, tmp_path: Path
) -> None:
    asked = {"inference_type": "text2world", "input_path": str(tmp_path / "none.mp4")}
    report = _run(stage_of(tiny(), request_of(**asked), request_of("b")), tmp_path)
    assert report.count("done") == 2
    assert _bytes(tmp_path, "a") == _bytes(tmp_path, "b")
    (note,) = read_json(tmp_path / "a" / "a.json")["notes"]
    assert note == "text2world starts from no picture: none.mp4 was not read"


def test_a_sidecar_tells_everything(tiny: Tiny, tiny_adapter: Path, tmp_path: Path) -> None:
    image = _picture(tmp_path / "in.png")
    request = request_of(input_path=str(image), seed=3, guidance=2)
    stage = stage_of(tiny(), request, adapters=(f"{tiny_adapter}:0.5",))
    _run(stage, tmp_path / "out")
    record = read_json(tmp_path / "out" / "a" / "a.json")
    made_from = record["from"]
    assert record["video"]["sha256"] == _bytes(tmp_path / "out")
    assert (made_from["sample"]["seed"], made_from["sample"]["guidance"]) == (3, 2)
    assert made_from["prompt"] == "a car hits a bus"
    assert made_from["input_sha256"] == sha256_file(image)
    assert made_from["conditional_timestep"] == 0.1
    assert made_from["text"]["encoder"] == "mini"
    assert made_from["adapters"][0]["weight"] == 0.5
    assert len({made_from["model_sha256"], made_from["tokenizer_sha256"],
                made_from["adapters"][0]["sha256"]}) == 3  # fmt: skip
    assert record["names"]["adapters"] == [str(tiny_adapter)]
    assert record["runs"]["chunks"] == [{"guided_steps": 3, "unguided_steps": 0, "reused_steps": 0}]
    parts = ["decode", "encode", "guard", "read", "sample", "text", "write"]
    assert sorted(record["seconds"]) == parts
    assert record["peak_bytes"]["process"] > 0
    assert "torch" in record["versions"]


def test_a_job_done_twice_gives_the_same_bytes(tiny: Tiny, tmp_path: Path) -> None:
    for out in ("one", "two"):
        _run(stage_of(tiny(), request_of()), tmp_path / out)
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")


@pytest.mark.parametrize(
    "changed",
    [{"seed": 1}, {"prompt": "a bus"}, {"guidance": 1}, {"negative_prompt": ""}, {"num_steps": 3}],
    ids=lambda changed: next(iter(changed)),
)
def test_every_setting_reaches_the_picture(
    changed: dict[str, Any], tiny: Tiny, tmp_path: Path
) -> None:
    stage = stage_of(tiny(), request_of("a"), request_of("b", **changed))
    _run(stage, tmp_path)
    assert _bytes(tmp_path, "a") != _bytes(tmp_path, "b")


def test_a_long_video_has_the_frames_asked_for(tiny: Tiny, tmp_path: Path) -> None:
    request = request_of(
        enable_autoregressive=True, num_output_frames=20, chunk_size=13, chunk_overlap=5
    )
    _run(stage_of(tiny(), request), tmp_path)
    assert probe(tmp_path / "a" / "a.mp4").num_frames == 20
    chunks = read_json(tmp_path / "a" / "a.json")["made"]["chunks"]
    assert [chunk["kept"] for chunk in chunks] == [[0, 13], [5, 12]]


def test_a_video_goes_on_from_its_input(tiny: Tiny, tmp_path: Path) -> None:
    """The tokenizer is random, so the first frame is its own idea of the input: not noise's."""
    image = _picture(tmp_path / "in.png")
    requests = (
        request_of("a", input_path=str(image)), request_of("b", input_path=str(image), seed=1),
        request_of("c"),
    )  # fmt: skip
    _run(stage_of(tiny(), *requests), tmp_path)
    first = {r.name: _frame(tmp_path / r.name / f"{r.name}.mp4", 0) for r in requests}
    last = {r.name: _frame(tmp_path / r.name / f"{r.name}.mp4", 8) for r in requests}
    same = np.abs(first["a"] - first["b"]).mean()
    assert same < 1.5
    assert np.abs(first["a"] - first["c"]).mean() > 5 * same + 3
    assert np.abs(last["a"] - last["b"]).mean() > 3


def _frames(path: Path) -> np.ndarray:
    return np.stack(list(read_frames(path, "rgb24"))).astype(float)


def _frame(path: Path, index: int) -> np.ndarray:
    return _frames(path)[index]


def test_adapters_change_the_picture_by_their_weight(
    tiny: Tiny, tiny_adapter: Path, tmp_path: Path
) -> None:
    def made(out: str, *adapters: str) -> np.ndarray:
        _run(stage_of(tiny(), request_of(), adapters=adapters), tmp_path / out)
        return _frame(tmp_path / out / "a" / "a.mp4", 4)

    base = made("base")
    none, half, whole = (made(f"w{w}", f"{tiny_adapter}:{w}") for w in (0, 0.5, 1))
    twice = made("twice", f"{tiny_adapter}:0.25", f"{tiny_adapter}:0.25")
    np.testing.assert_array_equal(base, none)
    assert np.abs(twice - half).max() <= 2
    assert np.abs(half - base).mean() > 1
    assert np.abs(whole - half).mean() > 1


def test_one_bad_sample_does_not_end_the_batch(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    requests = (
        request_of("schema", guidance=9),
        request_of("file", input_path=str(tmp_path / "bad.mp4")),
        request_of("frames", num_output_frames=10),
        request_of("size", resolution="30,48"),
        request_of("good"),
    )
    report = _run(stage_of(tiny(), *requests), tmp_path / "out")
    kinds = {outcome.item: outcome.kind for outcome in report.quarantined}
    assert kinds == {
        "schema": "ConfigError", "file": "FormatError", "frames": "ConfigError",
        "size": "ConfigError",
    }  # fmt: skip
    assert report.count("done") == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good", "quarantine.json"]


def test_finished_work_is_kept_and_the_net_is_not_loaded_for_it(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(stage_of(tiny(), request_of()), tmp_path)
    before = (tmp_path / "a" / "a.mp4").stat().st_mtime_ns
    stage = stage_of(tiny(), request_of())
    monkeypatch.setattr(stage, "load", lambda: pytest.fail("loaded"))
    assert _run(stage, tmp_path).count("kept") == 1
    assert (tmp_path / "a" / "a.mp4").stat().st_mtime_ns == before


def test_a_sample_that_went_wrong_is_quarantined_and_its_work_is_kept(
    tiny: Tiny, tmp_path: Path
) -> None:
    image, out = _picture(tmp_path / "in.png"), tmp_path / "out"
    requests = (request_of("a"), request_of("b", input_path=str(image)), request_of("c"))
    _run(stage_of(tiny(), *requests), out)
    before = _bytes(out, "a"), _bytes(out, "b")
    image.write_bytes(b"no picture")
    wrong = (request_of("a", guidance=9), requests[1], requests[2], request_of("d"))
    report = _run(stage_of(tiny(), *wrong), out)
    assert [outcome.status for outcome in report.outcomes] == [
        "quarantined", "quarantined", "kept", "done",
    ]  # fmt: skip
    assert [outcome.kind for outcome in report.quarantined] == ["ConfigError", "FormatError"]
    assert (_bytes(out, "a"), _bytes(out, "b")) == before


def test_tables_never_share_a_key(tiny: Tiny) -> None:
    """The size a sample gets is in it, for `none` is another size at another table."""
    keys = set[str]()
    for table in ("720", "480"):
        stage = stage_of(tiny())
        stage.limits = replace(stage.limits, tabled=True, table=table)
        request = request_of(resolution="none")
        keys.add(content_key(stage, request))
        size = stage.describe(request)["size"]
        assert size == ([704, 1280] if table == "720" else [432, 768])
        assert stage.describe(request)["frames"] == 9
    assert len(keys) == 2


def test_what_was_assumed_of_a_model_is_in_the_sidecar(tiny: Tiny, tmp_path: Path) -> None:
    report = _run(stage_of(tiny("predict2"), request_of()), tmp_path)
    (note,) = read_json(tmp_path / "a" / "a.json")["notes"]
    assert "720p assumed, 16 fps assumed" in note
    assert report.outcomes[0].summary["notes"] == [note]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nmore"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 GiB"),
        MemoryError("9 GiB"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_model_that_does_not_fit_is_an_error_with_ways_out(
    error: Exception, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load() -> Engine:
        raise error

    stage = stage_of(tiny(), request_of())
    monkeypatch.setattr(stage, "load", load)
    (outcome,) = _run(stage, tmp_path).quarantined
    assert outcome.kind == "DeviceError"
    assert "9 GiB" in outcome.error
    assert "use --offload all" in outcome.error


def test_a_bug_while_loading_stays_a_bug(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load() -> Engine:
        raise RuntimeError("an illegal memory access was encountered")

    stage = stage_of(tiny(), request_of())
    monkeypatch.setattr(stage, "load", load)
    with pytest.raises(RuntimeError, match="illegal"):
        _run(stage, tmp_path)


def test_a_model_that_cannot_be_loaded_is_tried_once(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def load() -> Engine:
        tries.append(1)
        raise FormatError("truncated")

    stage = stage_of(tiny(), request_of("a"), request_of("b"))
    monkeypatch.setattr(stage, "load", load)
    report = _run(stage, tmp_path)
    assert [outcome.error for outcome in report.quarantined] == ["FormatError: truncated"] * 2
    assert len(tries) == 1


def test_a_moved_model_keeps_its_work(tiny: Tiny, tmp_path: Path) -> None:
    first = write_tiny_pipeline(tmp_path / "one")
    _run(stage_of(first, request_of()), tmp_path / "out")
    moved = first.rename(tmp_path / "two")
    assert _run(stage_of(moved, request_of()), tmp_path / "out").count("kept") == 1


@pytest.mark.parametrize(
    ("sample", "config"),
    [
        ({"seed": 1}, {}),
        ({"prompt": "other"}, {}),
        ({"negative_prompt": ""}, {}),
        ({}, {"dtype": "bfloat16"}),
        ({}, {"fast": {"guide_from": 0.5}}),
        ({}, {"fps": 10}),
    ],
)
def test_changed_settings_are_never_mistaken_for_finished_work(
    sample: dict[str, Any], config: dict[str, Any], tiny: Tiny, tmp_path: Path
) -> None:
    _run(stage_of(tiny(), request_of()), tmp_path)
    changed = stage_of(tiny(), request_of(**sample), **config)
    with pytest.raises(ConfigError, match="holds work of another configuration"):
        _run(changed, tmp_path)


def test_another_model_or_input_is_never_mistaken(tiny: Tiny, tmp_path: Path) -> None:
    image = _picture(tmp_path / "in.png")
    request = request_of(input_path=str(image))
    _run(stage_of(tiny(), request), tmp_path / "out")
    with pytest.raises(ConfigError, match="another configuration"):
        _run(stage_of(tiny("predict2"), request), tmp_path / "out")
    image.write_bytes(image.read_bytes() + b"\0")
    with pytest.raises(ConfigError, match="another configuration"):
        _run(stage_of(tiny(), request), tmp_path / "out")


def test_overwrite_replaces(tiny: Tiny, tmp_path: Path) -> None:
    _run(stage_of(tiny(), request_of()), tmp_path)
    before = _bytes(tmp_path)
    assert _run(stage_of(tiny(), request_of(seed=1)), tmp_path, overwrite=True).count("done") == 1
    assert _bytes(tmp_path) != before


class Killer:
    """A guard that kills its own process at one prompt."""

    name = "off"

    def check_prompt(self, prompt: str) -> None:
        if prompt == "die":
            os.kill(os.getpid(), signal.SIGKILL)

    def check_video(self, frames: np.ndarray) -> np.ndarray:
        return frames


def _job(pipeline: Path, out: Path, second: str, guard: Any) -> None:
    stage = stage_of(pipeline, request_of("a"), request_of("b", prompt=second))
    stage.guard = guard
    _run(stage, out)


@pytest.mark.slow
def test_a_killed_job_goes_on_where_it_was(tiny: Tiny, tmp_path: Path) -> None:
    pipeline, out = tiny(), tmp_path / "out"
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_job, args=(pipeline, out, "die", Killer()))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    finished = (out / "a" / "a.mp4").stat().st_mtime_ns
    assert not (out / "b").exists()
    stage = stage_of(pipeline, request_of("a"), request_of("b", prompt="die"))
    report = _run(stage, out)
    assert (report.count("kept"), report.count("done")) == (1, 1)
    assert (out / "a" / "a.mp4").stat().st_mtime_ns == finished
    assert not [path for path in out.iterdir() if "partial" in path.name]


class Recorder:
    """A guard that says what it saw and marks what it passed."""

    name = "recorder"

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def check_prompt(self, prompt: str) -> None:
        self.prompts.append(prompt)
        if "gore" in prompt:
            raise ConfigError("guardrail refused the prompt")

    def check_video(self, frames: np.ndarray) -> np.ndarray:
        return np.zeros_like(frames)


def test_a_guard_judges_prompts_and_frames(tiny: Tiny, tmp_path: Path) -> None:
    stage = stage_of(tiny(), request_of("a"), request_of("b", prompt="gore"))
    stage.guard = Recorder()
    report = _run(stage, tmp_path)
    assert stage.guard.prompts == ["a car hits a bus", "gore"]
    assert [outcome.item for outcome in report.quarantined] == ["b"]
    assert _frame(tmp_path / "a" / "a.mp4", 0).max() <= 1


def test_a_refined_prompt_is_judged_again_and_told(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def better(prompt: str, config: RefineConfig, *, seed: int) -> Refined:
        return Refined(
            prompt=f"{prompt}, seen from a pole", original=prompt, parts={}, model=config.model,
            url=config.url, attempts=1, seconds=float(seed),
        )  # fmt: skip

    monkeypatch.setattr("rareworld.generate.job.refine", better)
    stage = stage_of(tiny(), request_of())
    stage.guard, stage.refiner = Recorder(), RefineConfig(url="http://127.0.0.1/v1", model="m")
    _run(stage, tmp_path)
    assert stage.guard.prompts[1] == "a car hits a bus, seen from a pole"
    record = read_json(tmp_path / "a" / "a.json")
    assert "seen from a pole" in record["notes"][0]
    assert record["from"]["refiner"]["model"] == "m"


def test_videos_are_copied_where_samples_want_them(tiny: Tiny, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "crash.mp4"
    requests = (request_of("a", save_path=str(target)), request_of("bad", guidance=9))
    stage = stage_of(tiny(), *requests)
    report = _run(stage, tmp_path / "out")
    copy_out(requests, report, tmp_path / "out")
    assert sha256_file(target) == _bytes(tmp_path / "out")


class _Followed:
    """Ranks whose leading rank announces what a list says."""

    world, leads, rank = 2, False, 1

    def __init__(self, indices: list[int]) -> None:
        self.indices = indices

    def from_lead(self, make: Callable[[], Any]) -> Any:
        return torch.tensor([self.indices.pop(0)])

    def together(self, work: Callable[[], Any]) -> Any:
        return work()


def test_ranks_that_do_not_lead_compute_along_and_write_nothing(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of(tiny(), request_of("a"), request_of("b", seed=4))
    made: list[int] = []

    def make(engine: Engine, order: Any, took: Any, report: Any) -> np.ndarray:
        made.append(order.plan.chunks[0].seed)
        raise ConfigError("the leading rank tells it")

    monkeypatch.setattr(Engine, "make", make)
    stage.engine()
    stage.ranks = _Followed([1, 0, -1])
    assert run_on_ranks(stage, lambda: pytest.fail("ran the job")) is None
    assert made == [4, 0]


def _rank(rank: int, port: int, pipeline: Path, out: Path) -> None:
    """Run the job as torchrun would start it."""
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    requests = _shared_requests()
    with Ranks.join("cpu", timeout_s=60) as ranks:
        stage = make_stage(requests, ModelConfig(model=str(pipeline)), ranks)
        run_on_ranks(stage, lambda: _run(stage, out))


def _shared_requests() -> tuple[Request, ...]:
    long = {"enable_autoregressive": True, "chunk_size": 9, "num_output_frames": 15}
    return (
        request_of("guided"), request_of("plain", guidance=0), request_of("bad", guidance=9),
        request_of("late", num_output_frames=10), request_of("long", **long),
    )  # fmt: skip


@pytest.mark.slow
def test_two_ranks_make_the_videos_that_one_makes(tiny: Tiny, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    ranks = [
        context.Process(target=_rank, args=(rank, port, tiny(), tmp_path / "two"))
        for rank in range(2)
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(180)
    assert [process.exitcode for process in ranks] == [0, 0]
    _run(stage_of(tiny(), *_shared_requests()), tmp_path / "one")
    for name in ("guided", "plain", "long"):
        one, two = (_frames(tmp_path / out / name / f"{name}.mp4") for out in ("one", "two"))
        assert np.abs(one - two).mean() < 0.05
        assert read_json(tmp_path / "two" / name / f"{name}.json")["runs"]["ranks"] == 2
    quarantined = json.loads((tmp_path / "two" / "quarantine.json").read_text())
    assert {item["item"] for item in quarantined} == {"bad", "late"}


def test_progress_moves_within_a_sample(tiny: Tiny, tmp_path: Path) -> None:
    told: list[float] = []

    class Watcher:
        def advance(self, item: str, fraction: float) -> None:
            told.append(fraction)

        def finish(self, item: str, status: str) -> None:
            told.append(1.0)

    stage = stage_of(tiny(), request_of())
    LocalRunner(inline=True).run(stage, list(stage.requests), tmp_path, Watcher())
    assert len(told) >= 5
    assert told == sorted(told)
