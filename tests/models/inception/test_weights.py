"""Every published layout gives the same network; files of anything else are refused."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.inception.states import fidelity_state, script_file
from models.scripts import save_script
from rareworld.errors import FormatError
from rareworld.models.inception.net import unit_names
from rareworld.models.inception.weights import read_inception, script_names


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return fidelity_state()


@pytest.mark.parametrize("prefix", ["layers", "net.layers"], ids=["NVIDIA", "fid-helper"])
def test_torchscript_and_state_dict_give_one_network(
    state: dict[str, Tensor], tmp_path: Path, prefix: str
) -> None:
    torch.save(state, tmp_path / "state.pth")
    plain = read_inception(tmp_path / "state.pth").state_dict()
    script = read_inception(script_file(tmp_path / "net.pt", state, prefix=prefix)).state_dict()
    assert set(plain) == set(script)
    for name, value in plain.items():
        torch.testing.assert_close(script[name], value, rtol=0, atol=0)


def test_the_classifier_of_nvidias_file_is_left_out(state: dict[str, Tensor]) -> None:
    assert {"fc.weight", "fc.bias"} <= set(state)
    assert not any(name.startswith("fc") for name in unit_names())


def test_names_of_the_graph_stand_beside_ours() -> None:
    pairs = dict(zip(unit_names(), script_names(), strict=True))
    assert pairs["Conv2d_4a_3x3"] == "conv_4"
    assert pairs["Mixed_5b.branch1x1"] == "mixed.conv"
    assert pairs["Mixed_5b.branch3x3dbl_3"] == "mixed.tower_1.conv_2"
    assert pairs["Mixed_5c.branch_pool"] == "mixed_1.tower_2.conv"
    assert pairs["Mixed_6a.branch3x3dbl_1"] == "mixed_3.tower.conv"
    assert pairs["Mixed_7a.branch7x7x3_4"] == "mixed_8.tower_1.conv_3"
    assert pairs["Mixed_7c.branch3x3_2b"] == "mixed_10.tower_mixed_conv_1"
    assert pairs["Mixed_7c.branch3x3dbl_2"] == "mixed_10.tower_1_conv_1"
    assert pairs["Mixed_7c.branch_pool"] == "mixed_10.tower_2_conv"


def write(tmp_path: Path, content: object) -> Path:
    torch.save(content, tmp_path / "x.pth")
    return tmp_path / "x.pth"


def test_missing_and_foreign_weights_are_named(state: dict[str, Tensor], tmp_path: Path) -> None:
    less = {name: value for name, value in state.items() if name != "Conv2d_1a_3x3.bn.bias"}
    with pytest.raises(FormatError, match=r"1 differences: lacks Conv2d_1a_3x3\.bn\.bias"):
        read_inception(write(tmp_path, less))
    with pytest.raises(FormatError, match=r"1 differences: has stranger"):
        read_inception(write(tmp_path, {**state, "stranger": torch.ones(1)}))


def test_torchvisions_inception_is_refused(state: dict[str, Tensor], tmp_path: Path) -> None:
    other = {**state, "Conv2d_1a_3x3.conv.weight": torch.zeros(64, 3, 3, 3)}
    for part in ("weight", "bias", "running_mean", "running_var"):
        other[f"Conv2d_1a_3x3.bn.{part}"] = torch.ones(64)
    with pytest.raises(FormatError, match=r"Conv2d_1a_3x3\.conv\.weight is \(64, 3, 3, 3\)"):
        read_inception(write(tmp_path, other))


def test_a_script_of_another_network_is_refused(tmp_path: Path) -> None:
    save_script(torch.nn.Sequential(torch.nn.Linear(2, 2)), tmp_path / "x.pt")
    with pytest.raises(FormatError, match="expected NVIDIA's Inception"):
        read_inception(tmp_path / "x.pt")


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04half an archive"])
def test_damaged_files_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(
        FormatError, match=r"x\.pth: expected a checkpoint of tensors.*download it again"
    ):
        read_inception(tmp_path / "x.pth")


def test_a_list_is_no_state_dict(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="expected tensors by name"):
        read_inception(write(tmp_path, [torch.ones(1)]))
