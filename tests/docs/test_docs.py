"""The docs run: every fenced `bash` and `python` block of every page, in order, page by page.

A comment line before a block changes that: `<!-- docs-test: skip REASON -->` leaves it out,
`<!-- docs-test: slow -->` anywhere in a page moves the whole page to `-m slow`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^(?:<!-- docs-test: (?P<order>[^\n]*?) -->\n+)?^```(?P<language>bash|python)[^\n]*\n"
    r"(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def _blocks(page: Path) -> list[re.Match[str]]:
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    return [m for m in BLOCK.finditer(text) if not (m["order"] or "").startswith("skip ")]


def _parameters() -> list[object]:
    out = []
    for page in PAGES:
        if _blocks(page):
            slow = "<!-- docs-test: slow -->" in page.read_text(encoding="utf-8")
            marks = [pytest.mark.slow] if slow else []
            out.append(pytest.param(page, id=page.relative_to(ROOT).as_posix(), marks=marks))
    return out


def _commands(page: Path) -> list[list[str]]:
    """Return a command per block; Python blocks see the names of those before them."""
    out: list[list[str]] = []
    python = ""
    for block in _blocks(page):
        if block["language"] == "bash":
            out.append(["bash", "-euo", "pipefail", "-c", block["code"]])
        else:
            python += block["code"]
            out.append([sys.executable, "-W", "error", "-c", python])
    return out


@pytest.mark.parametrize("page", _parameters())
def test_code_blocks_run(page: Path, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in _commands(page):
        done = subprocess.run(
            command, cwd=tmp_path, env=os.environ | {"PATH": path}, text=True,
            capture_output=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, f"{page.name}:\n{command[-1]}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert not missing


def test_a_skipped_block_tells_why() -> None:
    for page in PAGES:
        for order in re.findall(r"docs-test: skip([^\n]*?)-->", page.read_text(encoding="utf-8")):
            assert len(order.strip()) > 10, f"{page}: say why a block is not run"
