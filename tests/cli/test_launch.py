"""Processes started together: an error is told once by who had it, and its code is ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rareworld.cli.launch import code_of

PROGRAM = """
import os, signal, sys
if os.environ["RANK"] == "1":
    {what}
"""


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("sys.stderr.write('error: told\\n'); sys.exit(8)", 8, "error: told"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "process 1 was ended by SIGKILL"),
        ("pass", 0, ""),
    ],
)
def test_a_failure_is_a_line_and_a_code(what: str, code: int, words: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(what=what))
    command = [
        sys.executable, "-m", "rareworld.cli.launch", "--standalone", "--nproc-per-node=2",
        str(program),
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_codes_are_a_shells(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(3, 2) == 2
    assert capsys.readouterr().err == ""
    assert code_of(3, -15) == 143
    assert "process 3 was ended by SIGTERM" in capsys.readouterr().err
