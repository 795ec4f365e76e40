"""Upstream's pickles: arrays go both ways, and nothing else a pickle asks for ever runs."""

import os
import pickle
import pickletools
import subprocess
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rareworld.errors import ConfigError, FormatError, StoreError
from rareworld.models.text.upstream import (
    ArrayUnpickler,
    PickleFolder,
    pickle_bytes,
    read_pickle,
    write_pickles,
)

ARRAY = np.linspace(-3, 3, 7 * 16).reshape(7, 16).astype(np.float16)


def _write(folder: Path, value: object, protocol: int = 4) -> Path:
    path = folder / "clip.pickle"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_what_upstream_writes_is_read(tmp_path: Path, protocol: int) -> None:
    assert np.array_equal(read_pickle(_write(tmp_path, [ARRAY], protocol)).numpy(), ARRAY)


@pytest.mark.parametrize(
    "array",
    [np.asfortranarray(ARRAY), ARRAY.astype(">f2"), ARRAY[::2], ARRAY.astype(np.float32)],
    ids=["fortran", "big-endian", "strided", "float32"],
)
@pytest.mark.parametrize("protocol", [4, 5])
def test_other_memory_orders_are_read(tmp_path: Path, array: np.ndarray, protocol: int) -> None:
    assert np.array_equal(read_pickle(_write(tmp_path, [array], protocol)).numpy(), array)


def _renamed(content: bytes, old: bytes, new: bytes) -> bytes:
    """Return an unframed pickle that names NumPy's modules as another version does."""
    return content.replace(
        pickle.SHORT_BINUNICODE + bytes([len(old)]) + old,
        pickle.SHORT_BINUNICODE + bytes([len(new)]) + new,
    )


def _unframed(value: object) -> bytes:
    """Pickle without frames, whose lengths would not fit after a change."""
    content = pickle.dumps(value, protocol=4)
    assert content[2:3] == pickle.FRAME
    return content[:2] + content[11:]


@pytest.mark.parametrize("core", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_files_of_both_numpy_generations_are_read(tmp_path: Path, core: bytes) -> None:
    content = _unframed([ARRAY])
    for old in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
        content = _renamed(content, old, core)
    names = [
        argument for _, argument, _ in pickletools.genops(content) if argument == core.decode()
    ]
    assert names
    path = tmp_path / "clip.pickle"
    path.write_bytes(content)
    assert np.array_equal(read_pickle(path).numpy(), ARRAY)


class Calls:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def _attacks(mark: Path) -> dict[str, tuple[object, str]]:
    touch = f"touch {mark}"
    code = f"open({str(mark)!r}, 'w').close()"
    return {
        "os.system": (Calls(os.system, touch), r"(posix|os)\.system"),
        "builtins.eval": (Calls(eval, code), r"builtins\.eval"),
        "builtins.exec": (Calls(exec, code), r"builtins\.exec"),
        "open": (Calls(open, str(mark), "w"), r"\w+\.open"),
        "subprocess": (Calls(subprocess.call, ["touch", str(mark)]), r"subprocess\.call"),
        "nested in the list": ([ARRAY, Calls(os.system, touch)], r"\w+\.system"),
        "inside a dict": ({"a": [{"b": (Calls(eval, code),)}]}, r"builtins\.eval"),
        "inside an array": ([np.array([Calls(os.system, touch)], dtype=object)], r"\w+\.system"),
        "numpy's own loader": (Calls(np.load, str(mark)), r"numpy\.load|numpy.*load"),
        "numpy.core.memmap": (Calls(np.memmap, str(mark), "f2", "w+", 0, (4,)), r"memmap"),
        "an ordered dict": ([OrderedDict(a=1)], r"collections\.OrderedDict"),
        "a torch tensor": ([torch.zeros(2)], r"torch\._utils"),
    }


@pytest.mark.parametrize("name", _attacks(Path("x")))
def test_a_pickle_that_wants_to_run_something_is_refused_unrun(name: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    attack, named = _attacks(mark)[name]
    with pytest.raises(FormatError, match=named):
        read_pickle(_write(tmp_path, attack))
    assert not mark.exists()


TEXT_PICKLES = {
    "global": b"cposix\nsystem\n(S'touch MARK'\ntR.",
    "instance": b"(S'touch MARK'\niposix\nsystem\n.",
    "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0edtype.__init__\x93.",
    "extension registry": b"\x80\x02\x82\x01.",
    "persistent id": b"Psomething\n.",
}


@pytest.mark.parametrize("name", TEXT_PICKLES)
def test_hand_written_pickles_are_refused_too(name: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "clip.pickle"
    path.write_bytes(TEXT_PICKLES[name].replace(b"MARK", str(mark).encode()))
    with pytest.raises(FormatError):
        read_pickle(path)
    assert not mark.exists()


def test_the_attacks_do_run_without_the_restriction(tmp_path: Path) -> None:
    """Proof that the tests above would notice."""
    for name in ("os.system", "builtins.eval", "nested in the list"):
        mark = tmp_path / name.replace(" ", "_")
        pickle.loads(pickle.dumps(_attacks(mark)[name][0]))
        assert mark.exists(), name


def test_a_pickle_cannot_reserve_memory(tmp_path: Path) -> None:
    reconstruct = np.zeros(1).__reduce__()[0]
    huge = Calls(reconstruct, np.ndarray, (10**13,), b"b")
    with pytest.raises(FormatError, match="empty array"):
        read_pickle(_write(tmp_path, huge))


def test_a_pickle_cannot_change_a_function_for_those_after_it(tmp_path: Path) -> None:
    change = b"\x80\x04cnumpy.core.multiarray\n_reconstruct\nN}\x8c\x0c__defaults__)s\x86b0]."
    path = tmp_path / "clip.pickle"
    path.write_bytes(change)
    before = ArrayUnpickler(b"").find_class("numpy.core.multiarray", "_reconstruct")
    with pytest.raises(FormatError, match="list of 0"):
        read_pickle(path)
    after = ArrayUnpickler(b"").find_class("numpy.core.multiarray", "_reconstruct")
    assert before is not after
    assert after.__defaults__ is None
    assert np.array_equal(read_pickle(_write(tmp_path, [ARRAY])).numpy(), ARRAY)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (ARRAY, "float16 array"),
        ([], "list of 0"),
        ([ARRAY, ARRAY], "list of 2"),
        ([ARRAY[None]], r"\(1, 7, 16\)"),
        ([ARRAY.astype(np.float64)], "float64"),
        ([ARRAY[:0]], r"\(0, 16\)"),
        ([np.zeros((513, 2), np.float16)], r"\(513, 2\)"),
        ({"a": 1}, "dict"),
        ("text", "str"),
        ([np.float32(1.0)], "list of 1"),
    ],
)
def test_other_arrays_are_refused(value: object, found: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=rf"clip.pickle: expected a list .* found .*{found}"):
        read_pickle(_write(tmp_path, value))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(bad: float, tmp_path: Path) -> None:
    array = ARRAY.copy()
    array[3, 3] = bad
    with pytest.raises(FormatError, match="NaN or infinity"):
        read_pickle(_write(tmp_path, [array]))


@pytest.mark.parametrize("keep", [0, 1, 5, 40, -1])
def test_a_cut_file_is_refused(keep: int, tmp_path: Path) -> None:
    path = _write(tmp_path, [ARRAY])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FormatError, match="damaged pickle"):
        read_pickle(path)


def test_a_missing_or_giant_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        read_pickle(tmp_path / "none.pickle")
    giant = tmp_path / "giant.pickle"
    with giant.open("wb") as stream:
        stream.truncate(1 << 30)
    with pytest.raises(FormatError, match="at most"):
        read_pickle(giant)


def test_ours_is_read_by_plain_pickle_as_upstream_does() -> None:
    context = torch.zeros(512, 16)
    context[:7] = torch.from_numpy(ARRAY.astype(np.float32))
    loaded = pickle.loads(pickle_bytes(context))
    assert isinstance(loaded, list)
    assert len(loaded) == 1
    assert loaded[0].dtype == np.float16
    assert np.array_equal(loaded[0], ARRAY)


def test_bfloat16_survives_float16_within_the_stated_bounds(tmp_path: Path) -> None:
    every = torch.arange(1 << 16, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
    values = every[every.isfinite() & (every.float().abs() <= 65_504)]
    values = values[: len(values) // 16 * 16].reshape(-1, 16)
    for block in values.split(500):
        block[-1, 0] = 1  # keeps the last row
        write_pickles(tmp_path, [("clip", block)])
        error = (read_pickle(tmp_path / "clip.pickle").double() - block.double()).abs()
        small = block.double().abs() < 6.2e-5
        assert error[~small].sum() == 0
        assert error.max() <= 3.0e-8


def test_values_beyond_float16_are_refused() -> None:
    with pytest.raises(FormatError, match="beyond float16"):
        pickle_bytes(torch.full((1, 8), 70_000.0))


def test_a_file_is_written_only_where_it_changes(tmp_path: Path) -> None:
    folder, context = tmp_path / "set" / "t5_xxl", torch.ones(3, 8)
    assert write_pickles(folder, [("a", context), ("b", context)]) == 2
    before = (folder / "a.pickle").stat().st_mtime_ns
    assert write_pickles(folder, [("a", context), ("b", 2 * context)]) == 1
    assert (folder / "a.pickle").stat().st_mtime_ns == before
    assert read_pickle(folder / "b.pickle").max() == 2
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["t5_xxl"]


def test_a_half_written_file_is_mended_by_the_next_run(tmp_path: Path) -> None:
    contexts = [("a", torch.ones(3, 8))]
    write_pickles(tmp_path / "t5_xxl", contexts)
    path = tmp_path / "t5_xxl" / "a.pickle"
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    assert write_pickles(tmp_path / "t5_xxl", contexts) == 1
    assert path.read_bytes() == whole


def test_a_writer_that_fails_leaves_whole_files_only(tmp_path: Path) -> None:
    contexts = [("a", torch.ones(3, 8)), ("b", torch.full((3, 8), 1e6)), ("c", torch.ones(3, 8))]
    with pytest.raises(FormatError, match="beyond float16"):
        write_pickles(tmp_path / "t5_xxl", contexts)
    assert [path.name for path in tmp_path.rglob("*")] == ["t5_xxl", "a.pickle"]


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "set").touch()
    with pytest.raises(StoreError, match="one part of the path is a file"):
        write_pickles(tmp_path / "set" / "t5_xxl", [("a", torch.ones(3, 8))])


def test_a_folder_of_pickles_reads_like_a_cache(tmp_path: Path) -> None:
    write_pickles(tmp_path, [(name, torch.ones(3, 8)) for name in ("b", "a")])
    folder = PickleFolder(tmp_path)
    assert folder.names == ("a", "b")
    context = folder.context("a")
    assert context.shape == (512, 8)
    assert context.dtype is torch.float16
    assert torch.equal(context[3:], torch.zeros(509, 8).half())
    with pytest.raises(ConfigError, match=r"c.pickle: is missing"):
        folder.context("c")
