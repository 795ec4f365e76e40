"""Saving and going on: to the bit, on other ranks, after kills, damage and full disks."""

import multiprocessing
import os
import pickle
import resource
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Event

import pytest
import torch
from torch import Tensor, nn

from rareworld.data.atomic import is_temporary
from rareworld.errors import ConfigError, RareworldError, StoreError
from rareworld.models.cosmos_predict.adapt import (
    AdapterSpec,
    add_adapters,
    extract,
    train_whole,
    write_trained,
)
from rareworld.models.cosmos_predict.weights.adapter_io import read_adapter
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint
from rareworld.nn.ranks import Ranks
from rareworld.train.checkpoint import Checkpoints, Loaded, Remainder
from rareworld.train.config import CheckpointConfig, EmaConfig, ParallelConfig
from rareworld.train.ema import PowerEma
from rareworld.train.parallel import Mesh, whole
from rareworld.train.saved import (
    ADAPTER,
    POINTER,
    RECORD,
    read_pointer,
    read_record,
    record_files,
    step_folder,
    steps_in,
)
from rareworld.train.state import TrainState
from tests.models.cosmos_predict.tiny import random_inputs, random_net, tiny_config
from tests.nn.ranks import run_ranks

GRID = (4, 2, 4)
FOREVER = CheckpointConfig(keep_last=1000, asynchronous=False)


def alone() -> Mesh:
    return Mesh.plan(
        Ranks(rank=0, world=1, device=torch.device("cpu")), ParallelConfig(), 4, [GRID]
    )


def open_saves(folder: Path, **changes) -> Checkpoints:
    ready = {"config": FOREVER, "mesh": alone(), "tell": lambda _: None}
    return Checkpoints(folder, **(ready | changes))


class Run:
    """A small model with dropout, its optimizer and average."""

    def __init__(self, seed: int = 0, width: int = 8) -> None:
        torch.manual_seed(seed)
        self.net = nn.Sequential(nn.Linear(width, 16), nn.Dropout(0.5), nn.Linear(16, width))
        self.width = width
        parameters = dict(self.net.named_parameters())
        self.state = TrainState(
            parameters=parameters,
            optimizer=torch.optim.AdamW(self.net.parameters(), lr=0.1),
            ema=PowerEma(parameters, EmaConfig()),
        )

    def step(self) -> float:
        data = torch.randn(4, self.width, generator=torch.Generator().manual_seed(self.state.step))
        loss = (self.net(data) - data).square().mean()
        loss.backward()
        self.state.optimizer.step()
        self.state.optimizer.zero_grad()
        self.state.ema.update(self.state.step)
        self.state.step += 1
        return loss.item()

    def steps(self, count: int) -> list[float]:
        return [self.step() for _ in range(count)]


def tensors_of(state: TrainState) -> dict[str, Tensor]:
    """Return copies of all tensors but the random states, whole, by their path."""
    out: dict[str, Tensor] = {}

    def walk(name: str, value) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f"{name}/{key}", inner)
        else:
            out[name] = whole(value).clone()

    walk("", {key: value for key, value in state.state_dict().items() if key != "rng"})
    return out


def check_same(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_resumed_run_has_the_losses_of_the_unbroken_one_to_the_bit(asynchronous, tmp_path):
    run = Run()
    saves = open_saves(tmp_path, config=CheckpointConfig(asynchronous=asynchronous))
    run.steps(3)
    saves.save(3, run.state, 0.25)
    expected = run.steps(4)
    saves.wait()

    again = Run(seed=9)
    again.steps(1)
    there = open_saves(tmp_path)
    assert there.latest() == 3
    assert there.load(3, again.state) == Loaded(step=3, held_out_loss=0.25, notes=())
    assert again.state.step == 3
    assert again.steps(4) == expected
    check_same(tensors_of(again.state), tensors_of(run.state))


def test_a_state_that_never_took_a_step_can_be_filled(tmp_path):
    run = Run()
    run.steps(2)
    open_saves(tmp_path).save(2, run.state)
    fresh = Run(seed=3)
    open_saves(tmp_path).load(2, fresh.state)
    check_same(tensors_of(fresh.state), tensors_of(run.state))


def test_the_copy_is_taken_before_training_goes_on(tmp_path):
    run, gate = Run(), Event()
    run.steps(1)
    before = tensors_of(run.state)
    run.state.gather = lambda: lambda folder: (gate.wait(30), folder.mkdir())[1]
    saves = open_saves(tmp_path, config=CheckpointConfig())
    saves.save(1, run.state)
    run.steps(3)
    assert steps_in(tmp_path) == ()  # it is being written, under another name
    gate.set()
    saves.wait()
    fresh = Run(seed=5)
    open_saves(tmp_path).load(1, fresh.state)
    check_same(tensors_of(fresh.state), before)


def test_saves_have_the_layout_that_is_documented(tmp_path):
    run = Run()
    run.state.gather = lambda: lambda folder: (folder.mkdir(), (folder / "a").write_text("x"))[0]
    open_saves(tmp_path).save(7, run.state, float("nan"))
    names = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    inside = {"save.json", "adapter/a", "ranks/00000.safetensors"}
    inside |= {
        f"{part}/{file}" for part in ("model", "train") for file in (".metadata", "__0_0.distcp")
    }
    assert names == {POINTER} | {f"step_000000007/{name}" for name in inside}
    assert (tmp_path / POINTER).read_text() == "step_000000007\n"
    record = read_record(step_folder(tmp_path, 7))
    assert set(record.files) == inside - {"save.json"}
    assert (record.held_out_loss, record.world, record.facts["parallel.shard"]) == (None, 1, "1")


def test_the_last_and_the_best_stay_on_disk(tmp_path):
    run = Run()
    saves = open_saves(tmp_path, config=CheckpointConfig(keep_last=2, keep_best=1))
    for step, loss in enumerate([0.5, 0.1, None, 0.3, 0.4, None], start=1):
        saves.save(step, run.state, loss)
    saves.wait()
    assert steps_in(tmp_path) == (2, 5, 6)
    assert (saves.best(), saves.latest()) == (2, 6)


def test_a_run_that_went_back_counts_and_removes_only_its_own_past(tmp_path):
    run = Run()
    saves = open_saves(tmp_path, config=CheckpointConfig(keep_last=1, keep_best=0))
    for step in (10, 20):
        open_saves(tmp_path).save(step, run.state)
    saves.save(5, run.state)
    saves.wait()
    assert (read_pointer(tmp_path), steps_in(tmp_path)) == (5, (5, 10, 20))
    assert saves.latest() == 5
    run.steps(1)
    saves.save(10, run.state)  # replaces the save of the course that was left
    saves.wait()
    assert steps_in(tmp_path) == (10, 20)
    fresh = Run(seed=4)
    assert saves.load(10, fresh.state).step == 10
    check_same(tensors_of(fresh.state), tensors_of(run.state))


def cut(path: Path) -> None:
    file = path / "train" / "__0_0.distcp"
    file.write_bytes(file.read_bytes()[:-1])


def flip(path: Path) -> None:
    file = path / "model" / "__0_0.distcp"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def forget(path: Path) -> None:
    (path / RECORD).unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [(cut, "__0_0.distcp: expected"), (flip, "the content that was saved"), (forget, "the record")],
)
def test_a_damaged_save_is_named_and_passed_over(damage, said, tmp_path):
    run = Run()
    for step in (1, 2, 3):
        open_saves(tmp_path).save(step, run.state)
    damage(step_folder(tmp_path, 3))
    told: list[str] = []
    saves = open_saves(tmp_path, tell=told.append)
    assert saves.latest() == 2
    assert len(told) == 1
    assert told[0].startswith(f"{step_folder(tmp_path, 3)}: passed over: ")
    assert said in told[0]
    saves.save(3, run.state)  # and is replaced when its step comes again
    assert open_saves(tmp_path).latest() == 3


def test_without_any_save_there_is_none_to_go_on_from(tmp_path):
    saves = open_saves(tmp_path / "new")
    assert (saves.latest(), saves.best()) == (None, None)
    with pytest.raises(StoreError, match="expected the record"):
        saves.load(4, Run().state)


class Planted:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable, tuple]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("part", ["model", "train"])
def test_a_planted_pickle_is_not_opened(part, tmp_path):
    run = Run()
    open_saves(tmp_path).save(1, run.state)
    path = step_folder(tmp_path, 1)
    (path / part / ".metadata").write_bytes(pickle.dumps(Planted(tmp_path / "ran")))
    record = read_record(path)
    files = record.files | record_files(path, [path / part / ".metadata"])
    (path / RECORD).write_text(record.model_copy(update={"files": files}).model_dump_json())
    saves = open_saves(tmp_path)
    assert saves.latest() == 1  # whoever changes a file can change its hash
    with pytest.raises(StoreError, match=r"mkdir in its pickle; it could run code"):
        saves.load(1, run.state)
    assert not (tmp_path / "ran").exists()


def test_a_save_of_another_selection_is_refused_with_its_tensors_named(tmp_path):
    open_saves(tmp_path).save(1, Run().state)
    with pytest.raises(
        ConfigError, match=r"net.0.weight is float32 \[16, 8\] there and float32 \["
    ):
        open_saves(tmp_path).load(1, Run(width=4).state)
    without = Run()
    without.state.ema = None
    with pytest.raises(ConfigError, match=r"net_ema.0.bias is float32 \[16\] there and nothing"):
        open_saves(tmp_path).load(1, without.state)


def test_what_differs_from_the_run_that_saved_is_said(tmp_path):
    run = Run()
    open_saves(tmp_path, facts={"data.micro_batch": "2"}).save(1, run.state)
    notes = open_saves(tmp_path, facts={"data.micro_batch": "4"}).load(1, run.state).notes
    assert len(notes) == 1
    assert notes[0].startswith("data.micro_batch 2 -> 4: sums may have another order")
    assert "no longer to the bit" in notes[0]


# what other programs load


def test_the_adapter_of_every_save_can_be_loaded_alone(tmp_path):
    net = random_net(tiny_config("predict2.5-2b"))
    adapted = add_adapters(net, AdapterSpec(rank=2), seed=1)
    state = TrainState(
        parameters=adapted.trained, optimizer=torch.optim.AdamW(adapted.parameters, lr=0.1)
    )

    def gather() -> Callable[[Path], None]:
        adapter = extract(net, source="run", family="predict2.5-2b")
        return lambda folder: write_trained(folder, adapter, {})

    state.gather = gather
    saves = open_saves(tmp_path, config=CheckpointConfig())
    for step in (1, 2):
        with torch.no_grad():
            for parameter in adapted.parameters:
                parameter.add_(1.0)
        saves.save(step, state)
    expected = extract(net, source="run", family="predict2.5-2b")
    with torch.no_grad():
        adapted.parameters[0].zero_()
    saves.wait()
    found = read_adapter(step_folder(tmp_path, 2) / ADAPTER)
    assert found.layers.keys() == expected.layers.keys()
    for name, layer in expected.layers.items():
        assert torch.equal(found.layers[name].a, layer.a)
        assert torch.equal(found.layers[name].b, layer.b)


def test_a_whole_network_that_was_trained_is_a_model_that_convert_and_generate_read(tmp_path):
    net = random_net(tiny_config("predict2.5-2b"))
    adapted = train_whole(net)
    ema = PowerEma(adapted.trained, EmaConfig())
    state = TrainState(
        parameters=adapted.trained, optimizer=torch.optim.AdamW(adapted.parameters, lr=0.1), ema=ema
    )
    frozen = {name: p for name, p in net.named_parameters() if not p.requires_grad}
    assert frozen
    remainder = Remainder(frozen=frozen, conditional_timestep=0.1)
    with torch.no_grad():
        adapted.parameters[3].add_(1.0)
    open_saves(tmp_path, remainder=remainder).save(5, state)
    read = read_checkpoint(tmp_path)  # follows the pointer, as `--model FOLDER` does
    assert (read.conditional_timestep, read.family.net.width) == (0.1, 96)
    check_same(read.state, dict(net.named_parameters()))
    check_same(read.averaged().state, ema.state_dict() | frozen)
    loaded = open_saves(tmp_path, remainder=remainder).load(5, state)
    assert loaded.notes == ()


# full disks


class Disk:
    """What `shutil.disk_usage` says."""

    free = 1000


def test_a_disk_without_room_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    run = Run()
    saves = open_saves(tmp_path, config=CheckpointConfig())
    saves.save(1, run.state)
    saves.wait()
    monkeypatch.setattr("shutil.disk_usage", lambda path: Disk)
    saves.save(2, run.state)
    with pytest.raises(
        StoreError, match=r"step_000000002: .* \d+ bytes are needed .* 1000 bytes a"
    ):
        saves.wait()
    saves.wait()  # told once
    monkeypatch.undo()
    assert saves.latest() == 1
    assert not [item for item in tmp_path.iterdir() if is_temporary(item)]


def save_on_small_disk(folder: Path, limit: int) -> tuple[str, int | None, list[str]]:
    """Save once, then with files limited to a size; return the error and what is left."""
    run = Run(width=4000)
    saves = open_saves(folder)
    saves.save(1, run.state)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        saves.save(2, run.state)
        said = ""
    except StoreError as error:
        said = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    left = [item.name for item in folder.iterdir() if is_temporary(item)]
    return said, open_saves(folder).latest(), left


@pytest.mark.parametrize("limit", [0, pytest.param(300_000, marks=pytest.mark.slow)])
def test_a_disk_that_fills_up_leaves_the_save_before_and_says_what_is_needed(limit, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    ((said, latest, left),) = run_ranks(
        1, partial(save_on_small_disk, tmp_path / "s", limit), scratch
    )
    whole_model = 4 * (4000 * 16 * 2 + 16 + 4000)
    needed = int(said.split(" bytes are needed")[0].split()[-1])
    assert 4 * whole_model <= needed <= 4 * whole_model + 100_000  # weights, average, two moments
    assert "step_000000002: cannot be saved (File too large)" in said
    assert said.endswith("older saves are whole")
    assert (latest, left) == (1, [])


def test_an_export_that_fails_is_told_and_leaves_the_save_before(tmp_path):
    run = Run()
    saves = open_saves(tmp_path)
    saves.save(1, run.state)

    def fail(folder: Path) -> None:
        raise ConfigError("its alpha is unknown")

    run.state.gather = lambda: fail
    with pytest.raises(ConfigError, match="alpha is unknown"):
        saves.save(2, run.state)
    assert saves.latest() == 1
    assert [item.name for item in tmp_path.iterdir() if is_temporary(item)] == []


def test_a_folder_that_cannot_be_made_is_refused_at_the_start(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"file/checkpoints: .* choose another with --out"):
        open_saves(tmp_path / "file" / "checkpoints")


def test_a_rank_that_does_not_see_the_folder_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("rareworld.train.checkpoint.SEEN_WITHIN_S", 0.0)
    mesh = alone()
    mesh.ranks.rank = 1  # does not lead, so it makes no folder; rank 0 is on another disk
    with pytest.raises(ConfigError, match=r"made by rank 0 and not seen here; .* all hosts share"):
        open_saves(tmp_path / "saves", mesh=mesh)


# kills


def save_forever(folder: Path, first: int) -> None:
    """Save as fast as it goes; each save holds its step in every weight."""
    run = Run(width=500)
    saves = open_saves(folder, config=CheckpointConfig(keep_last=2, keep_best=0))
    for step in range(first, first + 100_000):
        with torch.no_grad():
            for parameter in run.net.parameters():
                parameter.fill_(step)
        run.state.step = step
        saves.save(step, run.state)


def kill_while_saving(folder: Path, first: int, seconds: float) -> None:
    """Kill a process that saves, some time after it has begun."""
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=save_forever, args=(folder, first))
    process.start()
    begun = read_pointer(folder)
    while read_pointer(folder) == begun and process.is_alive():
        time.sleep(0.002)
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)


@pytest.mark.slow
def test_after_a_kill_at_any_moment_the_newest_save_is_whole(tmp_path):
    torch.manual_seed(0)
    first = 1
    for seconds in torch.rand(25).mul(0.12).tolist():
        kill_while_saving(tmp_path, first, seconds)
        told: list[str] = []
        saves = open_saves(tmp_path, tell=told.append)
        step = saves.latest()
        assert not told, "a kill must leave no damaged save"
        assert step is not None
        assert step >= first
        run = Run(seed=1, width=500)
        saves.load(step, run.state)
        assert run.state.step == step
        assert all(bool((p == step).all()) for p in run.net.parameters())
        assert not [item for item in tmp_path.iterdir() if is_temporary(item)]
        first = step + 1


# ranks


def make_state(mesh: Mesh) -> tuple[TrainState, Callable[[], None]]:
    """Return a whole network that is trained on a mesh, and what takes a step."""
    torch.manual_seed(mesh.ranks.rank)
    net = random_net(tiny_config("predict2-2b", num_heads=4, num_blocks=1))
    train_whole(net)
    called = mesh.share(net)
    parameters = dict(net.named_parameters())
    state = TrainState(
        parameters=parameters,
        optimizer=torch.optim.AdamW(parameters.values(), lr=0.01),
        ema=PowerEma(parameters, EmaConfig()),
        rank=mesh.ranks.rank,
    )
    inputs = list(random_inputs(net.config, size=(4, 4, 8), clips=4, padded=False))[:4]
    ours = slice(mesh.data_rank * 4 // mesh.data_ranks, (mesh.data_rank + 1) * 4 // mesh.data_ranks)

    def step() -> None:
        called(*(x[ours] for x in inputs)).square().mean().backward()
        mesh.reduce_gradients(parameters.values())
        state.optimizer.step()
        state.optimizer.zero_grad()
        state.ema.update(state.step)
        state.step += 1

    return state, step


def save_on_ranks(folder: Path, context: int, shard: int) -> dict:
    """Train a step, save behind two more; return what was saved and this rank's next random."""
    with Ranks.join("cpu", timeout_s=60) as ranks:
        mesh = Mesh.plan(ranks, ParallelConfig(context=context, shard=shard), 4, [GRID])
        state, step = make_state(mesh)
        step()
        torch.rand(ranks.rank + 1)
        saves = open_saves(folder, mesh=mesh, config=CheckpointConfig())
        saves.save(1, state)
        kept, drawn = tensors_of(state), torch.rand(3)
        step()
        saves.save(2, state)
        step()
        saves.wait()
        return {"kept": kept, "drawn": drawn, "latest": saves.latest()}


def load_on_ranks(folder: Path, context: int, shard: int) -> dict:
    with Ranks.join("cpu", timeout_s=60) as ranks:
        mesh = Mesh.plan(ranks, ParallelConfig(context=context, shard=shard), 4, [GRID])
        return loaded_on(mesh, folder)


def loaded_on(mesh: Mesh, folder: Path) -> dict:
    state, step = make_state(mesh)
    loaded = open_saves(folder, mesh=mesh).load(1, state)
    found = {"kept": tensors_of(state), "drawn": torch.rand(3), "notes": loaded.notes}
    step()
    return found | {"next": tensors_of(state)}


def check_moved(
    folder: Path, saved_on: tuple[int, int, int], loaded_by: list[tuple[int, int, int]]
) -> dict[tuple[int, int, int], list[dict]]:
    """Save on (world, context, shard), load on others; every tensor must come back."""
    scratch = folder / "scratch"
    scratch.mkdir()
    world, *plan = saved_on
    written = run_ranks(world, partial(save_on_ranks, folder / "saves", *plan), scratch)
    assert [rank["latest"] for rank in written] == [2] * world
    out = {}
    for other in loaded_by:
        read = run_ranks(other[0], partial(load_on_ranks, folder / "saves", *other[1:]), scratch)
        for rank in read:
            check_same(rank["kept"], written[0]["kept"])
        out[other] = read
    out["alone"] = [loaded_on(alone(), folder / "saves")]
    check_same(out["alone"][0]["kept"], written[0]["kept"])
    if saved_on in out:
        for before, after in zip(written, out[saved_on], strict=True):
            assert torch.equal(before["drawn"], after["drawn"])
            assert after["notes"] == ()
    return out


def test_shards_of_two_ranks_are_read_by_one_and_by_two(tmp_path):
    found = check_moved(tmp_path, (2, 1, 2), [(2, 1, 2)])
    names = [note.partition(":")[0] for note in found["alone"][0]["notes"]]
    assert names == ["parallel.shard 2 -> 1, ranks 2 -> 1", "random states of ranks"]
    expected = found["alone"][0]["next"]
    for name, tensor in found[2, 1, 2][0]["next"].items():
        largest = expected[name].abs().max()
        assert (tensor - expected[name]).abs().max() <= 1e-4 * largest + 1e-9, name


@pytest.mark.slow
def test_ranks_and_shards_may_change_between_save_and_load(tmp_path):
    found = check_moved(tmp_path, (4, 1, 2), [(4, 1, 2), (2, 2, 1), (2, 1, 2), (4, 2, 4)])
    notes = found[4, 2, 4][0]["notes"]
    assert [note.partition(":")[0] for note in notes] == [
        "parallel.context 1 -> 2, parallel.shard 2 -> 4"
    ]


def fail(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


PLACES = {
    "its own file": ("rareworld.train.checkpoint.save_safetensors", 1),
    "the folder": ("rareworld.train.checkpoint.atomic_folder", 0),
    "inside DCP": ("torch.save", 1),
    "the pointer": ("rareworld.train.checkpoint.write_bytes", 0),
}
"""What fails, and on which of two ranks."""


def fail_on_one(folder: Path) -> dict[str, tuple[str, int | None]]:
    """Have saves fail on one rank; return what each rank is told and what is left."""
    found = {}
    with Ranks.join("cpu", timeout_s=60) as ranks:
        mesh = Mesh.plan(ranks, ParallelConfig(), 4, [GRID])
        run = Run()
        run.state.rank = ranks.rank
        saves = open_saves(folder, mesh=mesh)
        saves.save(1, run.state)
        for name, (place, rank) in PLACES.items():
            with pytest.MonkeyPatch.context() as patch:
                if ranks.rank == rank:
                    patch.setattr(place, fail)
                words = told(lambda: saves.save(2, run.state))
            found[name] = (words, saves.latest())
    return found


def told(act: Callable[[], None]) -> str:
    try:
        act()
    except RareworldError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_a_failure_on_one_rank_is_told_on_all_and_leaves_the_save_before(tmp_path):
    (tmp_path / "scratch").mkdir()
    found = run_ranks(2, partial(fail_on_one, tmp_path / "s"), tmp_path / "scratch")
    for rank in found:
        for name, (words, latest) in rank.items():
            assert words.startswith("StoreError: "), name
            assert "No space left on device" in words, name
            assert "bytes are needed" in words, name
            assert latest == 1, name
    names = {item.name for item in (tmp_path / "s").iterdir()}
    # the last one failed between the rename and the pointer: a whole save that is not pointed to
    assert names == {POINTER, "step_000000001", "step_000000002"}


def save_with_copies(folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor], tuple[str, ...]]:
    """Train float32 weights in bfloat16 on one process, save, and load into another net."""
    kept = []
    for seed in (0, 1):
        net = random_net(tiny_config("predict2-2b", num_heads=4, num_blocks=1), seed)
        train_whole(net)
        mesh = alone()
        called = mesh.share(net, torch.bfloat16)
        parameters = dict(net.named_parameters())
        optimizer = torch.optim.AdamW(parameters.values(), lr=0.01)
        state = TrainState(parameters=parameters, optimizer=optimizer)
        saves = open_saves(folder, mesh=mesh)
        if seed == 0:
            inputs = list(random_inputs(net.config, size=(4, 4, 8), clips=1, padded=False))[:4]
            called(*inputs).float().square().mean().backward()
            optimizer.step()
            saves.save(1, state)
            loaded = None
        else:
            loaded = saves.load(saves.latest(), state)
        kept.append(tensors_of(state))
    return kept[0], kept[1], loaded.notes


def test_one_process_with_bfloat16_copies_saves_its_float32_weights(tmp_path):
    (tmp_path / "scratch").mkdir()
    work = partial(save_with_copies, tmp_path / "s")
    ((saved, loaded, notes),) = run_ranks(1, work, tmp_path / "scratch")
    check_same(loaded, saved)
    assert notes == ()
    weights = [tensor for name, tensor in saved.items() if name.startswith("/parameters/")]
    assert weights
    assert all(tensor.dtype == torch.float32 for tensor in weights)
