"""A whole run on a tiny pipeline: what it writes, whom it tells, what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rareworld.data.atomic import sha256_file
from rareworld.data.jsontext import read_json
from rareworld.data.video import probe
from rareworld.errors import ConfigError, JobError, StoreError
from rareworld.models.cosmos_predict.tiny import tiny_family
from rareworld.models.cosmos_predict.weights.adapter_io import read_adapter
from rareworld.train.assemble import load_base
from rareworld.train.config import BaseConfig, TrainConfig
from rareworld.train.data.cache import Cache
from rareworld.train.saved import steps_in
from rareworld.train.watch.journal import read_rows
from train.runs import make_config, run_alone, write_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("run") / "clips")


@pytest.fixture(scope="module")
def done(
    clips: Path, tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """Return the folder of a finished run with everything on, and what was told."""
    out = tmp_path_factory.mktemp("done") / "run"
    told: list[str] = []
    config = make_config(
        tiny(), clips, steps=5, watch__samples_every=3, watch__trackers=["tensorboard"]
    )
    run_alone(config, out, told)
    return out, told


def test_the_folder_has_what_its_documentation_says(done: tuple[Path, list[str]]) -> None:
    out, told = done
    assert {path.name for path in out.iterdir() if not path.name.startswith(".")} == {
        "cache", "checkpoints", "config.json", "curves.png", "data.json", "environment.json",
        "metrics.jsonl", "samples", "tensorboard",
    }  # fmt: skip
    assert "cache: 6 windows of 6 clips" in told
    assert steps_in(out / "checkpoints") == (2, 4, 5)
    assert TrainConfig.read(out / "config.json").steps == 5
    [start] = read_json(out / "environment.json")["starts"]
    assert start["step"] == 0
    assert start["packages"]["torch"] == torch.__version__


def test_metrics_hold_every_step_and_the_held_out_loss_by_level(
    done: tuple[Path, list[str]],
) -> None:
    rows = read_rows(done[0] / "metrics.jsonl")
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4, 5]
    held_out = [row for row in rows if "held_out/loss" in row]
    assert [row["step"] for row in held_out] == [0, 3, 5]
    for row in held_out:
        levels = [row[f"held_out/loss/level_{n}"] for n in (1, 2, 3, 4)]
        assert row["held_out/loss"] == pytest.approx(sum(levels) / 4)
    assert held_out[-1]["held_out/loss"] < held_out[0]["held_out/loss"]


def test_samples_stand_side_by_side(done: tuple[Path, list[str]]) -> None:
    folders = sorted(path.name for path in (done[0] / "samples").glob("step-*"))
    assert folders == ["step-000003", "step-000005"]
    [video] = (done[0] / "samples" / "step-000005").glob("*.mp4")
    assert (probe(video).width, probe(video).height) == (96, 32)
    prompts = read_json(done[0] / "samples" / "prompts.json")
    assert prompts[video.stem] == f"square {video.stem[-1]} drives to the right"


def test_the_adapter_of_the_last_save_is_the_average(done: tuple[Path, list[str]]) -> None:
    adapter = read_adapter(done[0] / "checkpoints" / "step_000000005" / "adapter")
    assert adapter.ranks == (4,)
    assert adapter.family == "predict2.5-tiny"
    assert all(bool(layer.b.any()) for layer in adapter.layers.values())


def test_the_base_on_disk_stays_as_it_was(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    """Weights are mapped, not copied: training in place would write through."""
    weights = next((tiny() / "transformer").glob("*.safetensors"))
    before = sha256_file(weights)
    run_alone(make_config(tiny(), clips, steps=2, adapter=None), tmp_path / "run")
    assert sha256_file(weights) == before


@pytest.mark.parametrize("generation", ["predict2", "predict2.5"])
def test_both_generations_train_whole_and_with_adapters(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path, generation: str
) -> None:
    for name, adapter in (("whole", None), ("adapter", {"rank": 2, "dora": True})):
        config = make_config(
            tiny(generation), clips, steps=2, adapter=adapter, watch__samples_every=2,
            data__cache=str(tmp_path / "cache"), optimizer__lr=1e-2,
        )  # fmt: skip
        out = tmp_path / name
        run_alone(config, out)
        assert ((out / "checkpoints" / "step_000000002" / "adapter").exists()) is bool(adapter)
        starts = {path.name for path in (out / "samples").glob("step-*")}
        assert starts == {"step-000002"} | (set() if adapter else {"step-000000"})


def test_a_network_that_was_trained_whole_is_a_model_of_its_own(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_config(tiny(), clips, steps=2, adapter=None, ema__enabled=False)
    run_alone(config, tmp_path / "run")
    model = load_base(
        BaseConfig(model=str(tmp_path / "run" / "checkpoints" / "step_000000002" / "model")),
        dtype=torch.float32, device=torch.device("cpu"), seed=0,
    )  # fmt: skip
    assert model.family.net == tiny_family("predict2.5").net
    assert model.conditional_timestep == 0.1
    base = load_base(
        BaseConfig(model=str(tiny())), dtype=torch.float32, device=torch.device("cpu"), seed=0
    )
    same = {name for name, value in model.net.named_parameters()
            if torch.equal(value, base.net.get_parameter(name))}  # fmt: skip
    assert same == {"crossattn_proj.0.weight", "crossattn_proj.0.bias"}


def test_training_from_nothing_needs_a_shape_alone(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_config(
        tiny(), clips, steps=3, base__init="random", adapter=None, ema__enabled=False
    )
    run_alone(config, tmp_path / "run")
    first = read_rows(tmp_path / "run" / "metrics.jsonl")[0]
    assert 0.5 < first["held_out/loss"] < 3.0  # a network without modulation predicts little


def test_micro_batches_give_the_same_losses(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    found = []
    for micro in (1, 2):
        config = make_config(
            tiny(), clips, steps=3, data__micro_batch=micro, data__cache=str(tmp_path / "cache")
        )
        run_alone(config, tmp_path / f"run{micro}")
        rows = read_rows(tmp_path / f"run{micro}" / "metrics.jsonl")
        found.append([row["loss"] for row in rows if "loss" in row])
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_a_damaged_cache_is_rebuilt_and_told(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_config(tiny(), clips, steps=1, data__cache=str(tmp_path / "cache"))
    run_alone(config, tmp_path / "a")
    [index] = (tmp_path / "cache" / "latents").glob("*/index.json")
    index.write_text(index.read_text().replace("clip0", "clip9", 1))
    told: list[str] = []
    run_alone(config, tmp_path / "b", told)
    assert any("rebuilding" in line for line in told)
    assert any("1 damaged shards rebuilt" in line for line in told)
    assert len(Cache.open(tmp_path / "cache").windows) == 6


def test_a_run_without_held_out_clips_says_so(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    told: list[str] = []
    config = make_config(tiny(), clips, steps=1, data__held_out=0.0, watch__samples_every=1)
    run_alone(config, tmp_path / "run", told)
    assert any("there is no held-out loss; raise data.held_out" in line for line in told)
    assert any("samples are of clips that are trained on" in line for line in told)
    assert len(list((tmp_path / "run" / "samples").rglob("*.mp4"))) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"adapter__targets": ["q_prog"]}, "did you mean q_proj"),
        ({"data__batch_size": 3, "data__micro_batch": 2}, "expected a multiple|take a multiple"),
        ({"parallel__context": 3}, "parallel.context"),
        ({"compute__attention": "cudnn"}, "cudnn"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path, change: dict, words: str
) -> None:
    from rareworld.errors import RareworldError

    config = make_config(tiny(), clips, data__cache=str(clips.parent / "shared"), **change)
    with pytest.raises(RareworldError, match=words):
        run_alone(config, tmp_path / "run")


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("optimizer__learning_rate", "unknown key"),
        ("data__frames", "num_frames"),
        ("adaptor", "adapter"),
    ],
)
def test_unknown_keys_name_the_nearest(key: str, near: str) -> None:
    with pytest.raises(ConfigError, match=near):
        make_config(Path("x"), Path("y"), **{key: 1})


def test_a_run_that_ends_without_a_loss_is_an_error_however_often_it_is_called(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_config(tiny(), clips, steps=4, optimizer__lr=1e30, watch__held_out_every=0)
    for _ in range(2):
        with pytest.raises(JobError, match=r"step 4: .* no number in the last \d steps") as raised:
            run_alone(config, tmp_path / "run")
        assert raised.value.exit_code == 7
    assert steps_in(tmp_path / "run" / "checkpoints")[-1] == 4


def test_a_finished_run_whose_saves_are_cut_short_is_trained_again(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    """First the last save, then all: what is left is gone on from, and the losses are the same."""
    config, out = make_config(tiny(), clips, steps=4), tmp_path / "run"
    run_alone(config, out)
    before = [row["loss"] for row in read_rows(out / "metrics.jsonl") if "loss" in row]
    for steps, words in (((4,), "going on after step 2 of 4"), ((2, 4), "no save is whole")):
        for step in steps:
            file = out / f"checkpoints/step_{step:09d}/train/__0_0.distcp"
            file.write_bytes(file.read_bytes()[:100])
        told: list[str] = []
        assert run_alone(config, out, told).step == 4
        assert sum("__0_0.distcp: expected" in line for line in told) == len(steps)
        assert any(words in line for line in told)
        assert [row["loss"] for row in read_rows(out / "metrics.jsonl") if "loss" in row] == before


def test_a_base_that_was_not_loaded_ends_the_run(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rareworld.train import assemble

    build = assemble.build_net

    def forgetful(*arguments: object, **named: object) -> object:
        net = build(*arguments, **named)
        layer = net.blocks[0].mlp.layer1
        layer.weight = torch.nn.Parameter(torch.randn_like(layer.weight))
        return net

    monkeypatch.setattr(assemble, "build_net", forgetful)
    with pytest.raises(ConfigError, match=r"1 of other values: blocks\.0\.mlp\.layer1\.weight"):
        run_alone(make_config(tiny(), clips, steps=1), tmp_path / "run")


def test_a_step_that_moves_nothing_ends_the_run(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_config(tiny(), clips, steps=3, schedule__f_start=0.0)
    with pytest.raises(ConfigError, match="learning rate was 0"):
        run_alone(config, tmp_path / "run")


def test_settings_on_disk_run_again(done: tuple[Path, list[str]]) -> None:
    values = json.loads((done[0] / "config.json").read_text())
    assert run_alone(TrainConfig.parse(values), done[0]).report is None


def test_latents_damaged_under_a_run_are_rebuilt_by_the_same_command(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_config(tiny(), clips, steps=2)
    run_alone(config.model_copy(update={"steps": 1}), tmp_path / "run")
    [shard] = (tmp_path / "run" / "cache" / "latents").glob("*/latents.safetensors")
    header = 8 + int.from_bytes(shard.read_bytes()[:8], "little")
    shard.write_bytes(shard.read_bytes()[:header] + bytes(shard.stat().st_size - header))
    with pytest.raises(StoreError, match=r"differs from its checksum.*with: the same command"):
        run_alone(config, tmp_path / "run")
    told: list[str] = []
    assert run_alone(config, tmp_path / "run", told).step == 2
    assert any("1 damaged shards rebuilt" in line for line in told)
