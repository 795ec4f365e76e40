"""Checkpoints are read as tensors; a network takes all of its weights and no other."""

from pathlib import Path

import pytest
import torch
from torch import nn

from rareworld.errors import FormatError
from rareworld.models.states import differences, fill, frozen, load_checkpoint, load_state


def saved(folder: Path, content: object) -> Path:
    torch.save(content, folder / "x.pth")
    return folder / "x.pth"


@pytest.mark.parametrize(
    "content",
    [
        {"a": torch.ones(2)},
        {"model": {"a": torch.ones(2)}, "epoch": 3},
        {"module": {"a": torch.ones(2)}, "epoch": 3},
    ],
    ids=["bare", "model", "module"],
)
def test_tensors_are_found_in_their_shell(tmp_path: Path, content: object) -> None:
    state = load_state(saved(tmp_path, content), ("model", "module"))
    assert {name: value.tolist() for name, value in state.items()} == {"a": [1, 1]}


@pytest.mark.parametrize("content", [[torch.ones(1)], {"a": 3}, {"model": {"a": "x"}}, 5])
def test_anything_but_tensors_by_name_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(FormatError, match=r"x\.pth: expected tensors by name or under model"):
        load_state(saved(tmp_path, content), ("model",))


def test_files_from_before_archives_are_read(tmp_path: Path) -> None:
    """As pytorch-fid's of 2019: torch's old format, which cannot be mapped."""
    file = tmp_path / "old.pth"
    torch.save({"a": torch.ones(2)}, file, _use_new_zipfile_serialization=False)
    assert load_state(file)["a"].tolist() == [1, 1]


class Evil:
    """Not a tensor."""


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="expected a checkpoint of tensors, cannot be read"):
        load_checkpoint(saved(tmp_path, {"a": Evil()}))


def test_differences_are_told_in_words() -> None:
    assert differences({"b": 1, "a": 1}, {"b": 1, "z": 1}) == ["lacks a", "has z"]
    assert differences({"a": 1}, {"a": 2}) == []


def test_fill_takes_every_weight_and_no_other() -> None:
    with torch.device("meta"):
        net = nn.Linear(3, 2)
    fill(net, {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}, source="here")
    assert net(torch.ones(1, 3)).tolist() == [[3, 3]]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"weight": torch.ones(2, 3)}, "lacks bias"),
        ({"weight": torch.ones(2, 3), "bias": torch.ones(3)}, r"bias is \(3,\), not \(2,\)"),
        ({"weight": torch.ones(2, 3), "bias": torch.ones(2), "z": torch.ones(1)}, "has z"),
    ],
)
def test_fill_names_what_is_wrong(state: dict[str, torch.Tensor], told: str) -> None:
    with pytest.raises(FormatError, match=rf"here: is not this network.*{told}"):
        fill(nn.Linear(3, 2), state, source="here")


def test_frozen_nets_learn_nothing_and_have_channels_last() -> None:
    net = frozen(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv3d(3, 4, 3)), torch.device("cpu"))
    assert not net.training
    assert not any(parameter.requires_grad for parameter in net.parameters())
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert net[1].weight.is_contiguous(memory_format=torch.channels_last_3d)
