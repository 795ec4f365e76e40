"""The style ratchet counts what it says it counts."""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "tools" / "budget.py"
SPEC = importlib.util.spec_from_file_location("budget", PATH)
assert SPEC
assert SPEC.loader
budget = importlib.util.module_from_spec(SPEC)
sys.modules["budget"] = budget
SPEC.loader.exec_module(budget)

SOURCE = '''
def f(a: int, b) -> int:
    """Doc.

    More.
    """
    if a and b or a > 2:
        return [x for x in range(a) if x][0]
    try:
        return 1
    except Exception:
        return 2
'''


def _function() -> ast.FunctionDef:
    node = ast.parse(SOURCE).body[0]
    assert isinstance(node, ast.FunctionDef)
    return node


def test_length_leaves_the_docstring_out() -> None:
    assert budget.code_lines(_function()) == 7


def test_complexity_counts_decisions() -> None:
    # 1 + if + (and, or) + comprehension + except
    assert budget.complexity(_function()) == 6


def test_missing_annotations_and_broad_excepts_are_seen() -> None:
    assert not budget.is_typed(_function())
    tree = ast.parse(SOURCE)
    assert len(budget.broad_excepts(budget.ROOT / "src/x.py", tree)) == 1
    assert budget.broad_excepts(budget.ROOT / "src/cli/x.py", tree) == []


def test_repeated_blocks_are_found_once_comments_are_gone() -> None:
    block = "\n".join(f"a{i} = {i}" for i in range(8))
    files = {
        budget.ROOT / "a.py": block + "\nb = 1\n",
        budget.ROOT / "c.py": "import x\n# note\n"
        + block.replace("a3 = 3", "a3 = 3\n# aside")
        + "\n",
    }
    share, where = budget.repeated(files)
    assert share == pytest.approx(100 * 16 / 17)
    assert where == ["a.py:1", "c.py:3"]


@pytest.mark.parametrize(
    ("value", "sign", "limit", "expected"),
    [(11, "<=", 10, True), (10, "<=", 10, False), (0.7, ">=", 0.8, True), (0.8, ">=", 0.8, False)],
)
def test_past_its_limit(value: float, sign: str, limit: float, *, expected: bool) -> None:
    assert budget.past(value, sign, limit) is expected
