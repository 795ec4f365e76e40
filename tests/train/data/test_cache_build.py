"""Making a cache: the same bytes whoever does it, whenever it is killed, whatever was damaged."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rareworld.errors import FormatError, JobError
from rareworld.nn.ranks import Ranks
from rareworld.train.config import TrainConfig
from rareworld.train.data import cache_job as job
from rareworld.train.data.cache import Cache
from rareworld.train.data.cache_build import build_cache
from rareworld.train.data.cache_plan import plan_cache
from train.data.cache_samples import ALONE, config_of, files, make, write_clip, write_dataset

ROOT = Path(__file__).resolve().parents[3]
CLIPS = 24
SHARDS = 2


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    """Return a folder with a model, a dataset and its cache."""
    root = tmp_path_factory.mktemp("build")
    write_dataset(root / "set", range(CLIPS))
    (root / "model").symlink_to(tiny())
    make(_config(root), root / "cache")
    return root


def _config(root: Path, data: Path | None = None) -> TrainConfig:
    return config_of(root / "model", data or root / "set", held_out=0.2)


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home / "cache", tmp_path / "cache"))


def test_a_second_run_finds_everything_done(home: Path, copy: Path) -> None:
    report = make(_config(home), copy)
    assert (report.clips, report.windows) == (CLIPS, CLIPS)
    assert report.latents.count("kept") == SHARDS
    assert report.rebuilt == ()
    assert files(copy) == files(home / "cache")


KILLED = """
import os, signal, sys
from pathlib import Path
from rareworld.train.data import cache_build as build, cache_job as job
from train.data.cache_samples import config_of, make

home, out, at, place = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
name = {"manifest": "write_manifest"}.get(place, "write_shard")
module = build if place == "manifest" else job
write, calls = getattr(module, name), 0

def kill(folder, *rest):
    global calls
    calls += 1
    if calls == at and place in ("before", "manifest"):
        os.kill(os.getpid(), signal.SIGKILL)
    write(folder, *rest)
    if calls == at:
        (folder / "latents.safetensors").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)

setattr(module, name, kill)
make(config_of(home / "model", home / "set", held_out=0.2), out)
"""


@pytest.mark.parametrize(
    ("at", "place"),
    [
        pytest.param(1, "before", marks=pytest.mark.slow),
        (2, "after"),
        pytest.param(1, "after", marks=pytest.mark.slow),
        pytest.param(2, "before", marks=pytest.mark.slow),
        pytest.param(1, "manifest", marks=pytest.mark.slow),
    ],
)
def test_a_job_killed_anywhere_goes_on_to_the_same_bytes(
    at: int, place: str, home: Path, tmp_path: Path
) -> None:
    out = tmp_path / "cache"
    command = [sys.executable, "-c", KILLED, str(home), str(out), str(at), place]
    paths = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=paths, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    finished = SHARDS if place == "manifest" else at - 1
    assert len(list((out / "latents").glob("shard-*"))) == finished
    report = make(_config(home), out)
    assert report.latents.count("kept") == finished
    assert files(out) == files(home / "cache")


@pytest.mark.slow
def test_worker_processes_write_the_same_bytes(home: Path, tmp_path: Path) -> None:
    plan = plan_cache(_config(home), tmp_path, ALONE, command="rareworld cache X")
    build_cache(plan, ALONE, workers=2)
    assert files(tmp_path) == files(home / "cache")


def test_ranks_one_after_another_write_the_same_bytes(home: Path, tmp_path: Path) -> None:
    """The last one leads; the others cannot end before it, so here they fail to find its shards."""
    for rank in (2, 1, 0):
        ranks = Ranks(rank=rank, world=3, device=torch.device("cpu"))
        plan = plan_cache(_config(home), tmp_path, ranks, command="rareworld cache X")
        if ranks.leads:
            build_cache(plan, ranks, inline=True)
        else:
            with pytest.raises(FormatError, match="is missing"):
                build_cache(plan, ranks, inline=True)
    assert files(tmp_path) == files(home / "cache")


SHARED = """
import sys
from pathlib import Path
from rareworld.nn.ranks import Ranks
from rareworld.train.data.cache_build import build_cache
from rareworld.train.data.cache_plan import plan_cache
from train.data.cache_samples import config_of

home, out = Path(sys.argv[1]), Path(sys.argv[2])
with Ranks.join("cpu") as ranks:
    config = config_of(home / "model", home / "set", held_out=0.2)
    plan = ranks.together(lambda: plan_cache(config, out, ranks, command="rareworld cache X"))
    report = build_cache(plan, ranks, inline=True)
    print("RANK", ranks.rank, len(report.latents.outcomes), report.windows)
"""


@pytest.mark.slow
def test_torchrun_shares_the_work_and_the_bytes_are_the_same(home: Path, tmp_path: Path) -> None:
    script = tmp_path / "shared.py"
    script.write_text(SHARED)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        str(script), str(home), str(tmp_path / "cache"),
    ]  # fmt: skip
    paths = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    env = os.environ | paths
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert sorted(line for line in done.stdout.splitlines() if "RANK" in line) == [
        f"RANK {rank} 1 {CLIPS}" for rank in range(2)
    ]
    assert files(tmp_path / "cache") == files(home / "cache")


def _spoil(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("latents/*1-of-*/latents.safetensors", _spoil),
        ("latents/*1-of-*/latents.safetensors", Path.unlink),
        ("latents/*1-of-*/index.json", lambda p: p.write_text(p.read_text().replace("a", "b"))),
        ("latents/*1-of-*/index.json", lambda p: p.write_text("{")),
        ("latents/*1-of-*/stage.json", Path.unlink),
        ("latents/*1-of-*/stage.json", lambda p: p.write_text("[]")),
        ("contexts/*/*/context.safetensors", _spoil),
        ("contexts/*/*/index.json", lambda p: p.write_text("{")),
        ("contexts/*/*/stage.json", Path.unlink),
    ],
)
def test_a_damaged_shard_is_found_rebuilt_and_told(
    name: str, spoil: Callable[[Path], object], home: Path, copy: Path
) -> None:
    path = next(copy.glob(name))
    spoil(path)
    report = make(_config(home), copy)
    assert report.rebuilt == (path.parent.relative_to(copy).as_posix(),)
    assert files(copy) == files(home / "cache")


def test_a_missing_shard_and_a_damaged_manifest_are_made_again(home: Path, copy: Path) -> None:
    shutil.rmtree(next(copy.glob("latents/shard-*")))
    (copy / "cache.json").write_text("{")
    report = make(_config(home), copy)
    assert (report.latents.count("kept"), report.latents.count("done")) == (SHARDS - 1, 1)
    assert files(copy) == files(home / "cache")


def test_only_the_damaged_window_is_encoded_again(
    home: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _spoil(next(copy.glob("latents/*1-of-*/latents.safetensors")))
    read, seen = job.read_window, list[str]()

    def counted(window: job.Window, fps: float) -> object:
        seen.append(window.name)
        return read(window, fps)

    monkeypatch.setattr(job, "read_window", counted)
    make(_config(home), copy)
    assert len(seen) == 1


def test_a_damaged_shard_is_mended_even_if_that_was_interrupted(home: Path, copy: Path) -> None:
    shard = next(copy.glob("latents/*1-of-*"))
    shard.rename(shard.with_name(f"damaged-{shard.name}"))
    make(_config(home), copy)
    assert files(copy) == files(home / "cache")


def test_a_grown_dataset_keeps_every_latent(
    home: Path, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 2 shards to 4: names change, latents are taken over, new clips are encoded."""
    grown = Path(shutil.copytree(home / "set", tmp_path / "set"))
    write_dataset(grown, range(CLIPS, CLIPS + 12))
    make(_config(home, grown), tmp_path / "fresh")
    seen: list[str] = []
    read = job.read_window

    def counted(window: job.Window, fps: float) -> object:
        seen.append(window.item.name)
        return read(window, fps)

    monkeypatch.setattr(job, "read_window", counted)
    report = make(_config(home, grown), copy)
    assert report.windows == CLIPS + 12
    assert sorted(seen) == [f"0/{number:03d}" for number in range(CLIPS, CLIPS + 12)]
    assert files(copy) == files(tmp_path / "fresh")


def test_a_changed_video_or_caption_changes_its_shard_only(
    home: Path, copy: Path, tmp_path: Path
) -> None:
    changed = Path(shutil.copytree(home / "set", tmp_path / "set"))
    write_clip(changed / "videos" / "003.mp4", seed=500)
    (changed / "metas" / "003.txt").write_text("two cars meet")
    before = Cache.open(copy).latent("0/003#0")
    report = make(_config(home, changed), copy)
    assert report.latents.count("kept") == SHARDS - 1
    cache = Cache.open(copy)
    assert not torch.equal(cache.latent("0/003#0"), before)
    assert cache.windows["0/003#0"].caption == "two cars meet"
    fresh = make(_config(home, changed), tmp_path / "fresh")
    assert files(copy) == files(fresh.folder)


def test_bad_clips_are_listed_and_the_rest_is_cached(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found before (no caption) or while decoding; once mended, they are cached."""
    data = Path(shutil.copytree(home / "set", tmp_path / "set"))
    (data / "metas" / "007.txt").unlink()
    video = data / "videos" / "009.mp4"
    whole = video.read_bytes()
    at = whole.index(b"mdat")
    video.write_bytes(whole[: at + 8] + bytes(len(whole) - at - 8))
    out = tmp_path / "cache"
    report = make(_config(home, data), out)
    assert sorted(report.quarantined) == ["0/007", "0/009"]
    listed = json.loads((out / "quarantine.json").read_text())
    assert [item["item"] for item in listed] == ["0/007", "0/009"]
    assert "007.txt" in listed[0]["error"]
    assert "009.mp4" in listed[1]["error"]
    assert len(Cache.open(out).windows) == CLIPS - 2
    video.write_bytes(whole)
    (data / "metas" / "007.txt").write_text("a car meets bus 7")
    assert make(_config(home, data), out).quarantined == {}
    assert not (out / "quarantine.json").exists()
    assert len(Cache.open(out).windows) == CLIPS


def test_a_shard_that_cannot_be_made_leaves_the_cache_unfinished(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise FormatError("vae: truncated")

    monkeypatch.setattr(job, "load_tokenizer", fail)
    job._tokenizer.cache_clear()  # kept from earlier tests
    with pytest.raises(JobError, match=r"2 of 2 shards could not be made.*vae: truncated"):
        make(_config(home), tmp_path)
    assert not (tmp_path / "cache.json").exists()


def test_a_cache_made_without_a_command_keeps_the_settings_that_make_it_again(
    home: Path, copy: Path
) -> None:
    build_cache(plan_cache(_config(home), copy, ALONE), ALONE, inline=True)
    assert Cache.open(copy).manifest.command == f"rareworld cache {copy}/run.json --out {copy}"
    assert TrainConfig.read(copy / "run.json") == _config(home)


def test_no_trace_of_the_job_is_left(home: Path) -> None:
    assert {path.name for path in (home / "cache").iterdir()} == {
        "cache.json", "contexts", "latents", "probes.json",
    }  # fmt: skip
    assert len(list((home / "cache" / "latents").iterdir())) == SHARDS
