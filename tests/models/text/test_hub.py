"""Fingerprints tell weights apart; readers of foreign folders end in our errors."""

from pathlib import Path

import pytest
import torch
from transformers import T5EncoderModel

from models.text import tiny
from rareworld.errors import FormatError
from rareworld.models.text.hub import REASON1, T5, fingerprint, reading
from rareworld.models.text.pretrained import read_net

MEGABYTE = 1 << 20


def _weights(folder: Path, size: int) -> Path:
    folder.mkdir()
    random = torch.Generator().manual_seed(0)
    content = torch.randint(256, (size,), generator=random, dtype=torch.uint8)
    (folder / "model.safetensors").write_bytes(content.numpy().tobytes())
    (folder / "config.json").write_text("{}")
    return folder


def _change(path: Path, at: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(at)
        byte = stream.read(1)[0]
        stream.seek(at)
        stream.write(bytes([byte ^ 1]))


@pytest.mark.parametrize("at", [0, 1, MEGABYTE, 2 * MEGABYTE - 1])
def test_every_byte_of_a_small_file_counts(at: int, tmp_path: Path) -> None:
    folder = _weights(tmp_path / "net", 2 * MEGABYTE)
    before = fingerprint(folder)
    assert fingerprint(folder) == before
    _change(folder / "model.safetensors", at)
    assert fingerprint(folder) != before


def test_the_ends_and_parts_all_over_a_large_file_count(tmp_path: Path) -> None:
    size = 5 * MEGABYTE
    folder = _weights(tmp_path / "net", size)
    before = fingerprint(folder)
    seen = 0
    for at in range(0, size, 65_537):
        _change(folder / "model.safetensors", at)
        seen += fingerprint(folder) != before
        _change(folder / "model.safetensors", at)
    assert 0.3 < seen / (size / 65_537) < 0.5  # 2 of 5 MB are read
    assert fingerprint(folder) == before
    _change(folder / "model.safetensors", size - 1)
    assert fingerprint(folder) != before


def test_names_and_sizes_count_and_other_files_do_not(tmp_path: Path) -> None:
    folder = _weights(tmp_path / "net", 1000)
    before = fingerprint(folder)
    (folder / "README.md").write_text("words")
    assert fingerprint(folder) == before
    (folder / "config.json").rename(folder / "setup.json")
    assert fingerprint(folder) != before


def test_a_folder_moved_elsewhere_keeps_its_fingerprint(tmp_path: Path) -> None:
    one = _weights(tmp_path / "one", 1000)
    before = fingerprint(one)
    assert fingerprint(one.rename(tmp_path / "two")) == before


def test_a_folder_without_weights_has_none(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="expected a folder with a network's files"):
        fingerprint(tmp_path)


def test_a_net_of_another_kind_is_refused(reason1_folder: Path) -> None:
    with pytest.raises(FormatError, match="T5-11B"):
        read_net(T5EncoderModel, reason1_folder, torch.float32, T5)


@pytest.mark.parametrize("error", [OSError("a\nb"), ValueError("a b"), RuntimeError("a   b")])
def test_errors_of_a_reader_name_folder_reason_and_what_belongs_there(error: Exception) -> None:
    told = r"net: not a whole Cosmos-Reason1 .*\(a b\); it takes"
    with pytest.raises(FormatError, match=told), reading(Path("net"), REASON1):
        raise error


def test_revisions_are_pinned() -> None:
    for published in (T5, REASON1):
        assert len(published.revision) == 40
        assert set(published.revision) <= set("0123456789abcdef")


def test_tiny_weights_lie_as_published(t5_folder: Path) -> None:
    names = {path.name for path in t5_folder.iterdir()}
    assert {"config.json", "pytorch_model.bin", "tokenizer.json"} <= names
    assert tiny.t5_net().config.model_type == "t5"
