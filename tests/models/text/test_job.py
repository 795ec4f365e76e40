"""The embed stage: same bytes whoever does it and whenever it is killed, nothing lost silently."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rareworld.errors import ConfigError
from rareworld.models.text.cache import ContextCache
from rareworld.models.text.captions import Caption, Found, Unreadable
from rareworld.models.text.encoder import EncoderName, TextCutWarning
from rareworld.models.text.job import EmbedStage, Part, Shard, share, split, stale_shards
from rareworld.models.text.load import EncoderConfig, find_encoder, identify
from rareworld.models.text.mini import MiniEncoder
from rareworld.runtime.local import QUARANTINE, LocalRunner

ROOT = Path(__file__).resolve().parents[3]
ADJECTIVES = ("red", "fast", "parked", "late", "small", "broken", "silent")


def _captions(number: int) -> list[Found]:
    return [
        Caption(clip=f"clip-{i:04d}", text=f"a {ADJECTIVES[i % 7]} car hits bus {i}")
        for i in range(number)
    ]


def _stage(batch: int = 8, width: int = 16) -> EmbedStage:
    config = find_encoder(EncoderConfig(encoder=EncoderName.MINI, width=width))
    return EmbedStage(config=config, identity=identify(config), batch=batch)


def _files(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(files)}


def _shards(parts: tuple[Part, ...]) -> list[Shard]:
    return [part for part in parts if isinstance(part, Shard)]


@pytest.mark.parametrize(("number", "shards"), [(1, 1), (64, 1), (65, 2), (300, 8), (1000, 16)])
def test_every_caption_is_in_one_shard(number: int, shards: int) -> None:
    parts = _shards(split(_captions(number)))
    clips = [caption.clip for part in parts for caption in part.captions]
    assert sorted(clips) == [item.clip for item in _captions(number)]
    assert 1 <= len(parts) <= shards
    assert all(part.name.endswith(f"-of-{shards:05d}") for part in parts)
    assert max(len(part.captions) for part in parts) <= 2 * 64


def test_a_new_caption_changes_one_shard_only() -> None:
    before = _shards(split(_captions(500)))
    after = _shards(split([*_captions(500), Caption(clip="aaa", text="new")]))
    changed = set(after) - set(before)
    assert len(changed) == 1


def test_shared_parts_are_all_parts_once_and_bad_ones_go_to_all() -> None:
    parts = split([*_captions(500), Unreadable(clip="bad", error="why")])
    shared = [share(parts, rank, 3) for rank in range(3)]
    names = sorted(part.name for each in shared for part in _shards(each))
    assert names == sorted(part.name for part in _shards(parts))
    assert all(each[-1] == Unreadable(clip="bad", error="why") for each in shared)
    with pytest.raises(ConfigError, match=r"rank must be within 0..2, found 3"):
        share(parts, 3, 3)


def test_contexts_are_those_of_the_encoder(tmp_path: Path) -> None:
    report = LocalRunner(inline=True).run(_stage(), split(_captions(150)), tmp_path)
    assert not report.quarantined
    cache = ContextCache.open(tmp_path)
    assert len(cache.names) == 150
    for item in _captions(150)[::20]:
        assert isinstance(item, Caption)
        assert torch.equal(cache.context(item.clip), MiniEncoder(16).encode([item.text])[0])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed")
    LocalRunner(inline=True).run(_stage(), split(_captions(300)), out)
    return _files(out)


def test_ranks_together_write_the_same_bytes_as_one_process(undisturbed, tmp_path: Path) -> None:
    for rank in (2, 0, 1):
        LocalRunner(inline=True).run(_stage(), share(split(_captions(300)), rank, 3), tmp_path)
    assert _files(tmp_path) == undisturbed


@pytest.mark.slow
def test_worker_processes_write_the_same_bytes(undisturbed, tmp_path: Path) -> None:
    LocalRunner(workers=2).run(_stage(), split(_captions(300)), tmp_path)
    assert _files(tmp_path) == undisturbed


KILLED = """
import os, signal, sys
from pathlib import Path
import rareworld.models.text.job as job
from models.text.test_job import _captions, _stage
from rareworld.runtime.local import LocalRunner

at, place, write = int(sys.argv[2]), sys.argv[3], job.write_shard
calls = 0

def kill(folder, *rest):
    global calls
    calls += 1
    if calls == at and place == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    write(folder, *rest)
    if calls == at:
        (folder / "context.safetensors").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)

job.write_shard = kill
LocalRunner(inline=True).run(_stage(), job.split(_captions(300)), Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("at", "place"), [pytest.param(1, "before", marks=pytest.mark.slow), (3, "after")]
)
def test_a_job_killed_anywhere_goes_on_to_the_same_bytes(
    at: int, place: str, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(at), place]
    paths = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=paths, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(list(tmp_path.glob("shard-*"))) == at - 1
    report = LocalRunner(inline=True).run(_stage(), split(_captions(300)), tmp_path)
    assert report.count("kept") == at - 1
    assert _files(tmp_path) == undisturbed


def test_an_unreadable_caption_ends_in_quarantine_and_nothing_else_does(tmp_path: Path) -> None:
    bad = Unreadable(clip="../odd name", error="metas/odd.txt: is missing")
    report = LocalRunner(inline=True).run(_stage(), split([*_captions(9), bad]), tmp_path)
    (outcome,) = report.quarantined
    assert outcome.kind == "FormatError"
    assert outcome.error == "FormatError: metas/odd.txt: is missing"
    assert outcome.item.startswith("caption-.._odd_name-")
    assert json.loads((tmp_path / QUARANTINE).read_text())[0]["item"] == outcome.item
    assert len(ContextCache.open(tmp_path).names) == 9
    assert not list(tmp_path.glob("caption-*"))


def test_work_with_other_settings_is_not_taken_for_finished(tmp_path: Path) -> None:
    parts = split(_captions(9))
    LocalRunner(inline=True).run(_stage(), parts, tmp_path)
    assert LocalRunner(inline=True).run(_stage(), parts, tmp_path).count("kept") == 1
    corrected = split([*_captions(8), Caption(clip="clip-0008", text="corrected")])
    for stage, again in (
        (_stage(width=32), parts),
        (_stage(batch=4), parts),
        (_stage(), corrected),
    ):
        with pytest.raises(ConfigError, match="another configuration"):
            LocalRunner(inline=True).run(stage, again, tmp_path)


def test_shards_of_a_smaller_dataset_are_stale(tmp_path: Path) -> None:
    LocalRunner(inline=True).run(_stage(), split(_captions(9)), tmp_path)
    assert stale_shards(split(_captions(9)), tmp_path) == ()
    (stale,) = stale_shards(split(_captions(300)), tmp_path)
    assert stale.name == "shard-00000-of-00001"


def test_text_that_was_cut_is_kept_in_the_index(tmp_path: Path) -> None:
    parts = split([Caption(clip="long", text="bus " * 515)])
    with pytest.warns(TextCutWarning, match="'bus bus bus'"):
        report = LocalRunner(inline=True).run(_stage(), parts, tmp_path)
    assert report.outcomes[0].summary == {"clips": 1, "rows": 512, "cut": ["long"]}
    assert ContextCache.open(tmp_path).entry("long").cut == "bus bus bus"


def test_t5_contexts_are_kept_in_the_type_they_were_computed_in(t5_folder, tmp_path: Path) -> None:
    config = find_encoder(EncoderConfig(encoder=EncoderName.T5, weights=t5_folder))
    stage = EmbedStage(config=config, identity=identify(config), batch=2)
    texts = ["a car hits the bus", "red light", "rain"]
    found = [Caption(clip=str(i), text=text) for i, text in enumerate(texts)]
    report = LocalRunner(inline=True).run(stage, split(found), tmp_path)
    assert report.outcomes[0].summary["rows"] == 6 + 3 + 2  # with the ends of sequence
    cache = ContextCache.open(tmp_path)
    from rareworld.models.text.t5 import T5Encoder  # heavy: killed processes import this file

    encoder = T5Encoder.load(t5_folder, dtype=torch.bfloat16, device=torch.device("cpu"))
    expected = [*encoder.encode(texts[:2]), *encoder.encode(texts[2:])]
    for name, context in zip(cache.names, expected, strict=True):
        assert torch.equal(cache.context(name), context)
        assert cache.context(name).dtype is torch.bfloat16
