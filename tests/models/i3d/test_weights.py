"""Each published layout is read as data; other weights under FVD's name are refused."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from models.i3d.states import jax_file, pytorch_state, script_file
from models.scripts import save_script
from rareworld.errors import FormatError
from rareworld.models.i3d import weights
from rareworld.models.i3d.net import LOGITS
from rareworld.models.i3d.weights import read_tats, read_tf_hub

FIRST = "Conv3d_1a_7x7.weight"


@pytest.fixture(scope="module")
def jax(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return jax_file(tmp_path_factory.mktemp("i3d") / "i3d.ckpt", pytorch_state())


def test_torchscript_and_pickle_give_one_network(
    jax: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_NORMS", {})
    plain = read_tf_hub(jax).state_dict()
    script = read_tf_hub(script_file(tmp_path / "i3d_torchscript.pt", pytorch_state())).state_dict()
    assert set(plain) == set(script)
    for name, value in plain.items():
        torch.testing.assert_close(script[name], value, rtol=0, atol=0)


BRANCHES = {"b0": "branch_0", "b1a": "branch_1.0", "b1b": "branch_1.1", "b2a": "branch_2.0"}
BRANCHES |= {"b2b": "branch_2.1", "b3b": "branch_3.1"}


def test_names_of_stylegan_vs_file_are_understood(
    jax: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its class is made of kinetics_i3d_pytorch's: branch_1.0.conv3d, branch_1.0.batch3d, ..."""
    monkeypatch.setattr(weights, "_NORMS", {})
    state: dict[str, torch.Tensor] = {}
    for name, value in pytorch_state().items():
        words = [BRANCHES.get(word, word) for word in name.split(".")]
        words[-2] = words[-2].replace("bn", "batch3d")
        words[0] = words[0].replace("logits", "conv3d_0c_1x1").lower()
        state[".".join(words)] = value
    assert "mixed_4c.branch_2.1.batch3d.running_var" in state
    found = read_tf_hub(script_file(tmp_path / "x.pt", state)).state_dict()
    expected = read_tf_hub(jax).state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_other_spellings_of_the_same_units_are_understood(
    jax: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As NVIDIA's ports spell: kernel, mean, var and beta in one module, no gamma."""
    monkeypatch.setattr(weights, "_NORMS", {})
    spelled = {"conv3d.weight": "weight", "bn.running_mean": "mean", "bn.running_var": "var"}
    spelled |= {"bn.bias": "beta", "conv3d.bias": "bias"}
    state: dict[str, torch.Tensor] = {}
    for name, value in pytorch_state().items():
        unit = ".".join(name.split(".")[:-2])
        part = name.removeprefix(f"{unit}.")
        if part in spelled:
            state[f"{unit}.{spelled[part]}"] = value
    found = read_tf_hub(script_file(tmp_path / "x.pt", state)).state_dict()
    expected = read_tf_hub(jax).state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_unit_without_its_normalisation_is_named(tmp_path: Path) -> None:
    state = {n: x for n, x in pytorch_state().items() if n != "Mixed_3b.b0.bn.running_var"}
    with pytest.raises(FormatError, match=r"lacks mean, variance or beta of Mixed_3b\.b0\.conv3d"):
        read_tf_hub(script_file(tmp_path / "x.pt", state))


@pytest.mark.parametrize(("write", "name"), [(script_file, "x.pt"), (jax_file, "x.ckpt")])
def test_other_weights_are_not_fvds_in_any_layout(
    tmp_path: Path, write: Callable[..., Path], name: str
) -> None:
    with pytest.raises(FormatError, match=r"Conv3d_1a_7x7\.weight has norm .* other weights"):
        read_tf_hub(write(tmp_path / name, pytorch_state()))


def test_epsilon_tells_tats_from_tf_hub(
    jax: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one state: gamma / sqrt(var + eps), eps 1e-5 as cd-fvd and 1e-3 as TensorFlow."""
    monkeypatch.setattr(weights, "_NORMS", {})
    torch.save(pytorch_state(), tmp_path / "i3d_pretrained_400.pt")
    tats = read_tats(tmp_path / "i3d_pretrained_400.pt").state_dict()[FIRST]
    hub = read_tf_hub(jax).state_dict()[FIRST]
    var = pytorch_state()["Conv3d_1a_7x7.bn.running_var"].double()
    ratio = ((var + 1e-3) / (var + 1e-5)).sqrt().float()[:, None, None, None, None]
    torch.testing.assert_close(tats, hub * ratio, rtol=1e-5, atol=1e-7)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    state = dict(pytorch_state())
    del state["Mixed_4b.b1b.bn.running_var"]
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(FormatError, match=r"lacks a weight of Mixed_4b\.b1b\.bn\.running_var"):
        read_tats(tmp_path / "x.pt")


def test_a_pickle_of_another_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").write_bytes(pickle.dumps({"params": {}}))
    with pytest.raises(FormatError, match="lacks a weight of Conv3d_1a_7x7"):
        read_tf_hub(tmp_path / "x.ckpt")


def test_a_script_of_another_network_is_refused(tmp_path: Path) -> None:
    save_script(torch.nn.Linear(2, 2), tmp_path / "x.pt")
    with pytest.raises(FormatError, match="expected an I3D of 57 units and one of logits"):
        read_tf_hub(tmp_path / "x.pt")


@pytest.mark.parametrize("content", [b"", b"not weights"])
@pytest.mark.parametrize("name", ["x.pt", "x.ckpt"])
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=r"x\.\w+: expected .*download it again"):
        read_tf_hub(tmp_path / name)
    with pytest.raises(FormatError, match=r"x\.\w+: expected .*download it again"):
        read_tats(tmp_path / name)


def test_a_list_is_no_state_dict(tmp_path: Path) -> None:
    torch.save([1], tmp_path / "x.pt")
    with pytest.raises(FormatError, match="expected tensors by name"):
        read_tats(tmp_path / "x.pt")


def test_logits_keep_their_bias(jax: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_NORMS", {})
    state = read_tf_hub(jax).state_dict()
    assert torch.equal(state[f"{LOGITS}.bias"], pytorch_state()["logits.conv3d.bias"])
