"""The run's folder: one run at a time, one configuration, one set of data."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rareworld.data.jsontext import read_json
from rareworld.errors import ConfigError, StoreError
from rareworld.train.config import TrainConfig
from rareworld.train.folder import MAY_CHANGE, MOVE_BITS, RunFolder, changes
from rareworld.train.saved import step_folder

BASE = TrainConfig.parse({"data": {"sources": [{"path": "a"}]}})


@pytest.mark.parametrize("name", [*MAY_CHANGE, *MOVE_BITS])
def test_settings_that_may_change_are_settings(name: str) -> None:
    node: object = BASE
    for part in name.split("."):
        node = getattr(node, part)


def test_changes_are_named_with_both_values() -> None:
    found = changes({"a": {"b": 1, "c": [1]}, "d": {}}, {"a": {"b": 2, "c": [1, 2]}, "d": {"e": 1}})
    assert found == {
        "a.b": "a.b was 1 and is 2",
        "a.c": "a.c was [1] and is [1, 2]",
        "d": "d was {} and is None",
        "d.e": "d.e was None and is 1",
    }


def test_a_refusal_names_all_changes_and_the_way_out(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.agree(BASE)
    step_folder(folder.checkpoints, 2).mkdir(parents=True)
    other = TrainConfig.parse({"data": {"sources": [{"path": "b"}]}, "seed": 3})
    with pytest.raises(ConfigError, match=r"data\.sources was .*; seed was 0 and is 3; set them"):
        folder.agree(other)
    assert TrainConfig.read(tmp_path / "config.json") == BASE


def test_a_run_that_was_never_saved_takes_other_settings(tmp_path: Path) -> None:
    RunFolder(tmp_path).agree(BASE)
    other = BASE.model_copy(update={"seed": 3})
    RunFolder(tmp_path).agree(other)
    assert TrainConfig.read(tmp_path / "config.json") == other


def test_the_folder_is_held_by_one_run_and_let_go(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "a" / "run")
    with folder.held(), pytest.raises(StoreError, match="another run"), folder.held():
        pass
    with folder.held():
        assert folder.path.is_dir()


def test_a_disk_without_locks_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(number: int) -> Callable[..., None]:
        def flock(*arguments: object) -> None:
            raise OSError(number, os.strerror(number))

        return flock

    monkeypatch.setattr("fcntl.flock", refuse(errno.ENOLCK))
    with RunFolder(tmp_path / "run").held():
        pass
    monkeypatch.setattr("fcntl.flock", refuse(errno.EIO))
    with pytest.raises(StoreError, match="cannot be written"), RunFolder(tmp_path / "run").held():
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match="cannot be written"),
        RunFolder(tmp_path / "file" / "run").held(),
    ):
        pass


def test_a_run_that_was_killed_before_it_wrote_anything_begins_anew(tmp_path: Path) -> None:
    (tmp_path / ".config.json.partial-0123456789ab").write_text("{")
    (tmp_path / ".lock").write_text("")
    RunFolder(tmp_path).agree(BASE)
    assert TrainConfig.read(tmp_path / "config.json") == BASE


def test_starts_are_kept_one_after_another(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.note_start({"step": 0})
    folder.note_start({"step": 5})
    assert read_json(tmp_path / "environment.json") == {"starts": [{"step": 0}, {"step": 5}]}
