"""The table of optional packages, against what the source imports and what the package declares."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rareworld.cli.extras import EXTRAS, missing_extra

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {"pyyaml": "yaml"}
"""Core packages whose module has another name."""


def _package(requirement: str) -> str:
    return re.split(r"[^\w-]", requirement)[0]


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _third_party() -> set[str]:
    """Top-level modules imported anywhere in the source, inside functions too."""
    trees = (ast.parse(path.read_bytes()) for path in (ROOT / "src").rglob("*.py"))
    names = {name.partition(".")[0] for tree in trees for name in _imports(tree)}
    return names - sys.stdlib_module_names - {"rareworld"}


def test_every_optional_module_of_the_source_is_in_the_table_and_no_other() -> None:
    core = {_package(line) for line in PROJECT["dependencies"]}
    assert _third_party() - {MODULES.get(name, name) for name in core} == set(EXTRAS)


@pytest.mark.parametrize("module", sorted(EXTRAS))
def test_the_extra_declares_the_package(module: str) -> None:
    package, extra = EXTRAS[module]
    assert package in {_package(line) for line in PROJECT["optional-dependencies"][extra]}


@pytest.mark.parametrize("name", ["mujoco", "mujoco.viewer"])
def test_a_missing_optional_module_names_the_remedy(name: str) -> None:
    error = missing_extra(ModuleNotFoundError(f"No module named {name!r}", name=name))
    assert error is not None
    assert error.exit_code == 6
    assert str(error) == "mujoco is not installed; run: pip install 'rareworld[simulate]'"


def test_an_import_that_really_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "rareworld.annotate.render.jit", raising=False)
    with pytest.raises(ModuleNotFoundError) as caught:
        __import__("rareworld.annotate.render.jit")
    assert "rareworld[annotate]" in str(missing_extra(caught.value))


@pytest.mark.parametrize("name", [None, "", "rareworld.none", "numpy", "mujoco_other"])
def test_other_missing_modules_are_bugs_and_pass(name: str | None) -> None:
    assert missing_extra(ModuleNotFoundError("x", name=name)) is None
