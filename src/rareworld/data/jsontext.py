"""Deterministic JSON: sorted keys, shortest exact floats, one trailing newline, strict syntax.

Numbers JSON cannot hold are written as the strings "Infinity", "-Infinity" and "NaN", which
pydantic reads back as floats. Also the reader that names file and remedy, and the frame of every
`*.json` of ours: kind, schema version and checksums. Proved in `tests/data/test_jsontext.py`.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar, cast

from pydantic import ValidationError

from rareworld.data.atomic import sha256_file, write_bytes
from rareworld.errors import StoreError

T = TypeVar("T")


def dump_json(value: object) -> str:
    """Return the canonical text of JSON types (dict, list, tuple, str, int, float, bool, None).

    Raises:
        TypeError: If a value has no JSON type.
    """
    plain = _plain(value)
    return json.dumps(plain, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: object) -> None:
    """Write canonical JSON atomically.

    Raises:
        StoreError: If the file cannot be written.
    """
    write_bytes(path, dump_json(value).encode())


def read_json(path: Path) -> dict[str, object]:
    """Read one of our JSON files, whose top level is an object.

    Raises:
        StoreError: If the file is missing, unreadable or not a JSON object.
    """
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{path}: is missing; the folder is incomplete, make it again") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}); check the disk") from None
    except ValueError as error:
        raise StoreError(f"{path}: damaged, not valid JSON ({error}); make it again") from None
    if not isinstance(loaded, dict):
        raise StoreError(f"{path}: damaged, expected an object; make it again")
    return cast(dict[str, object], loaded)


def check_schema(path: Path, values: Mapping[str, object], *, kind: str, version: int) -> None:
    """Check the `kind` and `schema_version` of a read file.

    Raises:
        StoreError: If the file is of another kind or newer than this program.
    """
    if values.get("kind") != kind:
        raise StoreError(f"{path}: kind must be {kind!r}, found {values.get('kind')!r}")
    found = values.get("schema_version")
    if not isinstance(found, int) or found < 1:
        raise StoreError(f"{path}: schema_version must be a positive integer, found {found!r}")
    if found > version:
        raise StoreError(
            f"{path}: schema_version {found} is newer than this program knows ({version}); "
            "upgrade rareworld: pip install --upgrade rareworld"
        )


def convert(read: Callable[[object], T], values: Mapping[str, object], field: str, path: Path) -> T:
    """Turn one field of a read file into a typed value; `read` is a pydantic validator.

    Raises:
        StoreError: Naming file, field and what was wrong in it.
    """
    if field not in values:
        raise StoreError(f"{path}: field {field!r} is missing; make the folder again")
    try:
        return read(values[field])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([field, *(str(part) for part in first["loc"])])
        raise StoreError(
            f"{path}: field {place}: {first['msg']}, found {first['input']!r}; "
            "the file is damaged, make the folder again"
        ) from None


def checksums(folder: Path) -> dict[str, dict[str, object]]:
    """Return size and SHA-256 of every file under a folder, keyed by relative name."""
    files = sorted(item for item in folder.rglob("*") if item.is_file())
    return {
        item.relative_to(folder).as_posix(): {
            "bytes": item.stat().st_size,
            "sha256": sha256_file(item),
        }
        for item in files
    }


def check_files(folder: Path, listed: Mapping[str, Mapping[str, object]], *, deep: bool) -> None:
    """Compare the files of a folder with its list: presence and size, and content if `deep`.

    Raises:
        StoreError: Naming the file that is missing or changed.
    """
    for name, facts in listed.items():
        path = folder / name
        if not path.is_file():
            raise StoreError(f"{path}: is missing; the folder is incomplete, make it again")
        size = path.stat().st_size
        if size != facts.get("bytes"):
            raise StoreError(
                f"{path}: has {size} bytes, {facts.get('bytes')} were written; "
                "it is damaged, make the folder again"
            )
        if deep and sha256_file(path) != facts.get("sha256"):
            raise StoreError(f"{path}: content differs from its checksum; make the folder again")


def _plain(value: object) -> object:
    """Replace floats that JSON cannot hold and tuples; refuse what is not a JSON type."""
    if isinstance(value, float):
        return _finite_or_text(value)
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        items = cast(Mapping[object, object], value).items()
        return {str(key): _plain(item) for key, item in items}
    if isinstance(value, Sequence):
        return [_plain(item) for item in cast(Sequence[object], value)]
    raise TypeError(f"cannot be written as JSON: {type(value).__name__} {value!r}")


def _finite_or_text(value: float) -> float | str:
    if math.isfinite(value):
        return float(value)
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
