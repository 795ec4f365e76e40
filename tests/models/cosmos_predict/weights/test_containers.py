"""Files that are damaged, foreign or unsafe are named for what they are, and never run."""

import json
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.cosmos_predict.weights.tiny import mutations
from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.weights.containers import (
    read_json,
    read_pt,
    read_safetensors,
    read_shards,
)


class Evil:
    """Creates a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def good(path: Path) -> None:
    torch.save({"a": torch.arange(4000.0)}, path)


def cut(path: Path) -> None:
    good(path)
    path.write_bytes(path.read_bytes()[:-900])


def text(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\n")


def other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Evil(path.with_name("ran"))))


def unsafe(path: Path) -> None:
    torch.save({"a": torch.zeros(1), "b": Evil(path.with_name("ran"))}, path)


def old_format(path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, path, _use_new_zipfile_serialization=False)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_list(path: Path) -> None:
    torch.save([torch.zeros(1)], path)


def no_tensors(path: Path) -> None:
    torch.save({"epoch": 3, "lr": 0.1}, path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (cut, "cut short"),
        (text, r"found 43 bytes beginning b'version https://.*LFS"),
        (other_zip, "zip archive that is damaged or of another kind"),
        (plain_pickle, r"expected a PyTorch file \(a zip archive\)"),
        (old_format, r"expected a PyTorch file \(a zip archive\)"),
        (a_folder, "nothing readable"),
        (unsafe, "could run code, so it was not opened"),
        (a_list, "expected named tensors, found list"),
        (no_tensors, "found the keys epoch, lr"),
    ],
)
def test_files_that_are_no_checkpoint_are_named_and_not_run(tmp_path, make, message: str) -> None:
    path = tmp_path / "model.pt"
    make(path)
    with pytest.raises(FormatError, match=message) as error:
        read_pt(path)
    assert "model.pt" in str(error.value)
    assert not (tmp_path / "ran").exists()


def test_damage_anywhere_in_a_pt_is_refused_or_harmless(tmp_path) -> None:
    """Nothing but FormatError leaves the reader; damage of values alone cannot be seen."""
    torch.save({"a": torch.arange(40.0), "b": torch.ones(2, 3).bfloat16()}, tmp_path / "a.pt")
    refused = 0
    for content in mutations((tmp_path / "a.pt").read_bytes()):
        path = tmp_path / f"{refused}.pt"
        path.write_bytes(content)
        try:
            read_pt(path)
        except FormatError:
            refused += 1
    assert refused > 5


@pytest.mark.parametrize(
    "error", [MemoryError, OverflowError, RuntimeError, TypeError, IndexError, struct.error]
)
def test_what_the_parser_raises_on_damage_is_named(tmp_path, monkeypatch, error) -> None:
    def load(*args: object, **settings: object) -> None:
        raise error("no")

    good(tmp_path / "a.pt")
    monkeypatch.setattr(torch, "load", load)
    with pytest.raises(FormatError, match="damaged or of another kind"):
        read_pt(tmp_path / "a.pt")


def test_the_evil_file_would_have_run_without_protection(tmp_path) -> None:
    unsafe(tmp_path / "model.pt")
    torch.load(tmp_path / "model.pt", weights_only=False)["b"].close()
    assert (tmp_path / "ran").exists()


def test_a_pt_is_mapped_and_not_copied(tmp_path) -> None:
    good(tmp_path / "a.pt")
    tensor = read_pt(tmp_path / "a.pt")["a"]
    mapped = (line for line in Path("/proc/self/maps").read_text().splitlines() if "a.pt" in line)
    ranges = [[int(x, 16) for x in line.split()[0].split("-")] for line in mapped]
    assert any(start <= tensor.data_ptr() < end for start, end in ranges)


def test_safetensors_give_tensors_and_notes(tmp_path) -> None:
    save_file({"a": torch.arange(3)}, tmp_path / "a.safetensors", {"format": "pt", "x": "y"})
    tensors, header = read_safetensors(tmp_path / "a.safetensors")
    assert torch.equal(tensors["a"], torch.arange(3))
    assert header["x"] == "y"


@pytest.mark.parametrize("content", [None, b"", b"\x00" * 40, b"hello world, no tensors here"])
def test_broken_safetensors_are_refused(tmp_path, content: bytes | None) -> None:
    path = tmp_path / "a.safetensors"
    if content is None:
        save_file({"a": torch.zeros(1000)}, path)
        content = path.read_bytes()[:-10]
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"expected a complete safetensors file, found \d+ bytes"):
        read_safetensors(path)


def shard(folder: Path, weight_map: object) -> Path:
    save_file({"a": torch.zeros(1)}, folder / "s1.safetensors")
    save_file({"b": torch.ones(1)}, folder / "s2.safetensors")
    index = folder / "x.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    return index


def test_shards_are_put_together(tmp_path) -> None:
    index = shard(tmp_path, {"a": "s1.safetensors", "b": "s2.safetensors"})
    tensors, _ = read_shards(index)
    assert set(tensors) == {"a", "b"}


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        ({"a": "s1.safetensors", "b": "s3.safetensors"}, "found 1: s3.safetensors missing; fetch"),
        ({"a": "s1.safetensors", "c": "s2.safetensors"}, r"2 on one side only \(b, c\)"),
        ({"a": "../s1.safetensors"}, "expected file names beside it"),
        ({}, "expected a weight_map, found none"),
        (None, "expected a weight_map, found none"),
    ],
)
def test_broken_indices_are_refused(tmp_path, weight_map: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_shards(shard(tmp_path, weight_map))


@pytest.mark.parametrize("content", ["{", "[1]", None])
def test_json_that_is_no_mapping_is_refused(tmp_path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    with pytest.raises(FormatError, match=r"a\.json: expected"):
        read_json(tmp_path / "a.json")
