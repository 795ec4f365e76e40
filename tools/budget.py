"""Print the style row of the source tree and hold it against targets and the last record.

    python tools/budget.py            print the row
    python tools/budget.py --check    exit 1 if a figure is past its target AND worse than recorded
    python tools/budget.py --record   write the figures as the new record

Figures: function and file lengths (lines from `def` to the last line, docstring not counted),
McCabe complexity (decisions + 1), share of code lines inside an 8-line block that stands in another
place too, typed and documented public functions, broad excepts outside `cli`, test lines per
source line. Targets: docs/explain/style.md.
"""

import argparse
import ast
import io
import json
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "tools" / "budget.json"
BLOCK = 8

TARGETS: dict[str, tuple[str, float]] = {
    "function_median": ("<=", 10),
    "function_p90": ("<=", 35),
    "function_max": ("<=", 80),
    "file_max": ("<=", 600),
    "complexity_p95": ("<=", 7),
    "complexity_max": ("<=", 12),
    "repeated_percent": ("<=", 1.0),
    "typed_percent": (">=", 100.0),
    "documented_percent": (">=", 100.0),
    "broad_excepts": ("<=", 0),
    "test_per_source": (">=", 0.8),
}

DECISIONS = (
    ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.With,
    ast.comprehension, ast.Assert, ast.match_case,
)  # fmt: skip

type_of_function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Function:
    """One function's figures."""

    name: str
    where: str
    lines: int
    complexity: int
    public: bool
    typed: bool
    documented: bool


def has_docstring(node: ast.AST) -> bool:
    """Tell whether a module, class or function opens with a docstring."""
    body = getattr(node, "body", [])
    return bool(body) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)


def code_lines(node: type_of_function) -> int:
    """Return the lines from `def` to the end, less the docstring."""
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    if has_docstring(node):
        doc = node.body[0]
        total -= (doc.end_lineno or doc.lineno) - doc.lineno + 1
    return total


def complexity(node: type_of_function) -> int:
    """Return McCabe's number; nested functions count for themselves."""
    total, stack = 1, list(ast.iter_child_nodes(node))
    while stack:
        child = stack.pop()
        if isinstance(child, type_of_function):
            continue
        total += isinstance(child, DECISIONS) and not isinstance(child, ast.With)
        total += len(child.values) - 1 if isinstance(child, ast.BoolOp) else 0
        stack.extend(ast.iter_child_nodes(child))
    return total


def is_typed(node: type_of_function) -> bool:
    """Tell whether every argument but self/cls and the return value are annotated."""
    args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    named = [arg for arg in args if arg.arg not in {"self", "cls"}]
    return node.returns is not None and all(arg.annotation for arg in named)


def functions(path: Path, tree: ast.AST, *, public: bool = True) -> Iterator[Function]:
    """Yield every function of a file; what stands inside private things is private."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, type_of_function | ast.ClassDef)
        own = public and not (named and node.name.startswith("_"))
        if isinstance(node, type_of_function):
            yield Function(
                node.name,
                f"{path.relative_to(ROOT)}:{node.lineno}",
                code_lines(node),
                complexity(node),
                own,
                is_typed(node),
                has_docstring(node),
            )
        inside = own and not isinstance(node, type_of_function)
        yield from functions(path, node, public=inside)


def undocumented(path: Path, tree: ast.Module) -> list[str]:
    """Return modules and public classes without a docstring."""
    nodes: list[ast.AST] = [tree]
    nodes += [n for n in tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_")]
    return [
        f"{path.relative_to(ROOT)}:{getattr(n, 'lineno', 1)}" for n in nodes if not has_docstring(n)
    ]


def broad_excepts(path: Path, tree: ast.AST) -> list[str]:
    """Return handlers that catch everything, outside the one boundary in `cli`."""
    if "cli" in path.parts:
        return []
    wide = {"Exception", "BaseException"}
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in wide))
    ]


def significant_lines(text: str) -> list[tuple[int, str]]:
    """Return (line number, text) without comments, docstrings, imports and blank lines."""
    tree = ast.parse(text)
    skip: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            skip.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    comments = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and token.line.lstrip().startswith("#")
    }
    return [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and number not in skip and number not in comments
    ]


def repeated(files: dict[Path, str]) -> tuple[float, list[str]]:
    """Return the percentage of lines in repeated 8-line blocks, and where they stand."""
    places: dict[tuple[str, ...], list[tuple[Path, int]]] = defaultdict(list)
    lines = {path: significant_lines(text) for path, text in files.items()}
    for path, rows in lines.items():
        for start in range(len(rows) - BLOCK + 1):
            block = tuple(line for _, line in rows[start : start + BLOCK])
            places[block].append((path, start))
    marked: dict[Path, set[int]] = defaultdict(set)
    for spots in places.values():
        if len(spots) > 1:
            for path, start in spots:
                marked[path].update(range(start, start + BLOCK))
    total = sum(len(rows) for rows in lines.values())
    where = [
        f"{path.relative_to(ROOT)}:{lines[path][min(rows)][0]}" for path, rows in marked.items()
    ]
    return 100 * sum(len(rows) for rows in marked.values()) / max(total, 1), where


def percentile(values: list[int], share: float) -> float:
    """Return the nearest-rank percentile."""
    ranked = sorted(values)
    return float(ranked[min(int(share * len(ranked)), len(ranked) - 1)])


def line_count(folder: Path) -> int:
    """Return non-blank lines of all Python files below a folder."""
    return sum(
        1
        for path in folder.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    )


def percent(flags: list[bool]) -> float:
    """Return the share of true flags, floored to a tenth so that 100 means all."""
    return int(1000 * sum(flags) / max(len(flags), 1)) / 10


def measure() -> tuple[dict[str, float], dict[str, list[str]]]:
    """Return the figures and, per figure, the worst offenders."""
    files = {p: p.read_text(encoding="utf-8") for p in sorted((ROOT / "src").rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in files.items()}
    found = [f for path, tree in trees.items() for f in functions(path, tree)]
    public = [f for f in found if f.public]
    bare = [spot for path, tree in trees.items() for spot in undocumented(path, tree)]
    wide = [spot for path, tree in trees.items() for spot in broad_excepts(path, tree)]
    share, spots = repeated(files)
    sizes = {path: len(text.splitlines()) for path, text in files.items()}
    undone = [f.where for f in public if not f.documented] + bare
    figures = {
        "function_median": percentile([f.lines for f in found], 0.5),
        "function_p90": percentile([f.lines for f in found], 0.9),
        "function_max": float(max(f.lines for f in found)),
        "file_max": float(max(sizes.values())),
        "complexity_p95": percentile([f.complexity for f in found], 0.95),
        "complexity_max": float(max(f.complexity for f in found)),
        "repeated_percent": round(share, 2),
        "typed_percent": percent([f.typed for f in found]),
        "documented_percent": percent([f.documented for f in public] + [False] * len(bare)),
        "broad_excepts": float(len(wide)),
        "test_per_source": round(line_count(ROOT / "tests") / line_count(ROOT / "src"), 2),
    }
    longest = sorted(found, key=lambda f: -f.lines)[:5]
    knotty = sorted(found, key=lambda f: -f.complexity)[:5]
    offenders = {
        "function_max": [f"{f.where} {f.name} {f.lines}" for f in longest],
        "file_max": [
            f"{p.relative_to(ROOT)} {n}" for p, n in sorted(sizes.items(), key=lambda x: -x[1])[:5]
        ],
        "complexity_max": [f"{f.where} {f.name} {f.complexity}" for f in knotty],
        "repeated_percent": spots,
        "typed_percent": [f.where for f in found if not f.typed],
        "documented_percent": undone,
        "broad_excepts": wide,
    }
    return figures, offenders


def past(value: float, sign: str, limit: float) -> bool:
    """Tell whether a value is on the wrong side of its limit."""
    return value > limit if sign == "<=" else value < limit


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="style row and ratchet")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    figures, offenders = measure()
    recorded: dict[str, float] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    failed = False
    for name, (sign, limit) in TARGETS.items():
        value = figures[name]
        missed = past(value, sign, limit)
        worse = past(value, sign, recorded.get(name, limit))
        failed |= missed and worse
        note = "FAIL" if missed and worse else "past target" if missed else "ok"
        print(f"{name:20s} {value:8.2f}  target {sign} {limit:g}  {note}")
        for line in offenders.get(name, [])[:10] if missed else []:
            print(f"    {line}")
    if options.record:
        RECORD.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    return 1 if options.check and failed else 0


if __name__ == "__main__":
    sys.exit(main())
