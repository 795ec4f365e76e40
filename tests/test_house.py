"""Rules of the house that no linter holds."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "warp", "ray", "carla", "numba", "libsumo", "mujoco", "av", "pyarrow")


def test_import_is_light() -> None:
    code = f"import sys, rareworld; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


_MINI = "src/rareworld/models/mini/weights/"


def test_no_large_file_is_committed() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    sizes = {name: (ROOT / name).stat().st_size for name in listed if (ROOT / name).exists()}
    large = [n for n, size in sizes.items() if size > 5_000_000 and not n.startswith(_MINI)]
    assert not large
    assert sum(size for name, size in sizes.items() if name.startswith(_MINI)) <= 40_000_000


def test_no_path_of_a_machine_in_the_sources() -> None:
    texts = [p for folder in ("src", "docs", "tests") for p in (ROOT / folder).rglob("*.*")]
    needles = ("/" + "work/", "/" + "root/")
    found = [
        p.relative_to(ROOT).as_posix()
        for p in texts
        if p.suffix in {".py", ".md", ".yaml", ".toml", ".json"}
        and any(needle in p.read_text(encoding="utf-8") for needle in needles)
    ]
    assert not found
