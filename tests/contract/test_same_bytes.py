"""Same config and seed, same bytes: for real recordings and clips, any workers, any resume."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RECIPE = """
scenarios:
  - {scenario: rear_end, places: [t_junction]}
  - {scenario: side_impact, places: [rural_crossroads]}
n: 2
seed: 5
duration_s: 2.5
fps: 10
cameras: {width: 160, height: 90}
"""


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def _rareworld(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rareworld", *arguments], check=True, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "recipe.yaml").write_text(RECIPE)
    _rareworld("simulate", str(folder / "recipe.yaml"), "--out", str(folder / "one"))
    return folder


def test_simulate_does_not_depend_on_workers(recordings: Path) -> None:
    recipe, again = str(recordings / "recipe.yaml"), recordings / "two"
    _rareworld("simulate", recipe, "--out", str(again), "--workers", "1")
    assert len(_digests(recordings / "one")) == 2 * 8
    assert _digests(again) == _digests(recordings / "one")


def test_annotate_does_not_depend_on_workers_or_threads(recordings: Path) -> None:
    one, two = recordings / "clips1", recordings / "clips2"
    _rareworld("annotate", str(recordings / "one"), "--out", str(one), "--workers", "1")
    _rareworld("annotate", str(recordings / "one"), "--out", str(two), "--workers", "2")
    assert _digests(one) == _digests(two)
    assert any(name.endswith("rgb.mp4") for name in _digests(one))


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [3.0, 5.0, 8.0])
def test_killed_simulate_resumes_to_the_same_bytes(recordings: Path, delay_s: float) -> None:
    out = recordings / "killed"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "rareworld", "simulate", str(recordings / "recipe.yaml")]
    process = subprocess.Popen([*command, "--out", str(out)], start_new_session=True)
    time.sleep(delay_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for entry in out.iterdir() if out.exists() else ():
        assert entry.name.startswith(".") or (entry / "stage.json").exists()
    _rareworld(*command[3:], "--out", str(out))
    assert _digests(out) == _digests(recordings / "one")
