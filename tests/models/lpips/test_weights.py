"""Both published layouts give one network; others are refused."""

from pathlib import Path

import pytest
import torch

from models.lpips.states import lpips_state, packaged_state
from rareworld.errors import FormatError
from rareworld.models.lpips.net import LpipsNet
from rareworld.models.lpips.weights import read_lpips


def read(path: Path, content: object) -> LpipsNet:
    torch.save(content, path)
    net = LpipsNet()
    read_lpips(net, path)
    return net


def test_both_layouts_give_one_network(tmp_path: Path) -> None:
    one = read(tmp_path / "one.pth", lpips_state()).state_dict()
    two = read(tmp_path / "two.pt", packaged_state()).state_dict()
    assert set(one) == set(two)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_vgg_is_refused(tmp_path: Path) -> None:
    state = {name.replace("slice5.10", "slice5.28"): x for name, x in lpips_state().items()}
    with pytest.raises(FormatError, match=r"is not LPIPS with AlexNet.*net\.slice5\.10"):
        read(tmp_path / "x.pth", state)


def test_another_shape_is_named(tmp_path: Path) -> None:
    state = {**lpips_state(), "lin0.model.1.weight": torch.ones(1, 63, 1, 1)}
    with pytest.raises(FormatError, match=r"heads\.0 is \(63,\), not \(64,\)"):
        read(tmp_path / "x.pth", state)


@pytest.mark.parametrize("content", [[1], {"trunk": 3, "lin": []}, {"trunk": []}])
def test_other_contents_are_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(FormatError, match="is not LPIPS with AlexNet"):
        read(tmp_path / "x.pth", content)


@pytest.mark.parametrize("content", [b"", b"not weights"])
def test_damaged_files_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(FormatError, match=r"expected a checkpoint of tensors.*download it again"):
        read_lpips(LpipsNet(), tmp_path / "x.pth")
