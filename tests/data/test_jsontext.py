"""Claims about our JSON."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from rareworld.data.jsontext import (
    check_files,
    check_schema,
    checksums,
    convert,
    dump_json,
    read_json,
    write_json,
)
from rareworld.errors import StoreError


@given(st.dictionaries(st.text(), st.floats(allow_nan=False)))
def test_floats_come_back_bit_for_bit(values: dict[str, float]) -> None:
    loaded = TypeAdapter(dict[str, float]).validate_python(json.loads(dump_json(values)))
    assert loaded == values
    assert all(math.copysign(1, loaded[key]) == math.copysign(1, values[key]) for key in values)


def test_keys_are_sorted_and_text_ends_with_a_newline() -> None:
    assert (
        dump_json({"b": (1, True), "a": None}) == '{\n "a": null,\n "b": [\n  1,\n  true\n ]\n}\n'
    )


def test_text_is_strict_json_even_with_infinities() -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = dump_json({"a": math.inf, "b": [-math.inf, math.nan]})
    loaded = json.loads(text, parse_constant=refuse)
    assert loaded == {"a": "Infinity", "b": ["-Infinity", "NaN"]}
    assert TypeAdapter(float).validate_python(loaded["a"]) == math.inf


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        dump_json({"a": {1, 2}})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is missing"),
        (b"{", "not valid JSON"),
        (b"[1]", "expected an object"),
        (b"\xff", "JSON"),
    ],
)
def test_bad_file_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "clip.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=f"clip.json.*{said}"):
        read_json(path)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "b", "schema_version": 1}, "kind must be 'a', found 'b'"),
        ({"kind": "a", "schema_version": 2}, "newer than this program knows.*upgrade"),
        ({"kind": "a", "schema_version": "1"}, "positive integer"),
        ({"kind": "a"}, "positive integer, found None"),
    ],
)
def test_wrong_schema_is_named(values: dict[str, object], said: str) -> None:
    with pytest.raises(StoreError, match=said):
        check_schema(Path("x.json"), values, kind="a", version=1)


def test_wrong_field_is_named() -> None:
    adapter = TypeAdapter(dict[str, int])
    assert convert(adapter.validate_python, {"f": {"a": 1}}, "f", Path("x.json")) == {"a": 1}
    with pytest.raises(StoreError, match=r"x.json: field f.a: .*found 'q'"):
        convert(adapter.validate_python, {"f": {"a": "q"}}, "f", Path("x.json"))
    with pytest.raises(StoreError, match="field 'g' is missing"):
        convert(adapter.validate_python, {}, "g", Path("x.json"))


def test_damage_is_found_by_size_and_by_content(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"v": 1})
    listed = checksums(tmp_path)
    check_files(tmp_path, listed, deep=True)
    (tmp_path / "a.json").write_bytes(dump_json({"v": 2}).encode())
    check_files(tmp_path, listed, deep=False)
    with pytest.raises(StoreError, match=r"a.json: content differs"):
        check_files(tmp_path, listed, deep=True)
    (tmp_path / "a.json").write_bytes(b"")
    with pytest.raises(StoreError, match=r"a.json: has 0 bytes"):
        check_files(tmp_path, listed, deep=False)
    (tmp_path / "a.json").unlink()
    with pytest.raises(StoreError, match=r"a.json: is missing"):
        check_files(tmp_path, listed, deep=False)
