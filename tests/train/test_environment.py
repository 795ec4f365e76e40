"""Where a run runs: facts that are true, and kernels that are put back."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from rareworld import __version__
from rareworld.nn.ranks import Ranks
from rareworld.train.environment import commit_of, environment, exact_kernels, prepare_exact

ALONE = Ranks(rank=0, world=1, device=torch.device("cpu"))


def test_facts_are_plain_and_true() -> None:
    facts = environment(ALONE, 7)
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["rareworld"], facts["step"], facts["device"]) == (__version__, 7, "cpu")
    assert facts["packages"]["torch"] == torch.__version__
    assert facts["time"].endswith("+00:00")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert commit_of(tmp_path) is None
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-q", "-m", "one")
    assert commit_of(tmp_path) == git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "a.py").write_text("2")
    assert commit_of(tmp_path) == git(tmp_path, "rev-parse", "HEAD") + "+"


def test_an_installed_package_inside_a_foreign_repository_has_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-q", "-m", "one")
    (tmp_path / "site-packages").mkdir()
    assert commit_of(tmp_path / "site-packages") is None


@pytest.mark.parametrize("enabled", [True, False])
def test_kernels_are_chosen_and_put_back(enabled: bool) -> None:
    before = torch.are_deterministic_algorithms_enabled()
    with exact_kernels(enabled=enabled):
        assert torch.are_deterministic_algorithms_enabled() is enabled
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert torch.are_deterministic_algorithms_enabled() is before


def test_cublas_is_told_once_and_the_users_word_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    prepare_exact()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    prepare_exact()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
