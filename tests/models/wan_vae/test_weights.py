"""Every published layout loads bit for bit, and anything else is a named error."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.wan_vae.tiny import diffusers_twin, random_clip, tiny_tokenizer
from rareworld.errors import ConfigError, FormatError
from rareworld.models.wan_vae.config import MINI_VAE
from rareworld.models.wan_vae.names import upstream_name
from rareworld.models.wan_vae.tokenizer import WanTokenizer
from rareworld.models.wan_vae.weights import load_tokenizer, read_state, tokenizer_folder

State = dict[str, torch.Tensor]


def weights(seed: int = 7) -> State:
    return {name: w.contiguous() for name, w in tiny_tokenizer(seed).net.state_dict().items()}


def upstream(state: State) -> State:
    return {upstream_name(name, MINI_VAE.num_res_blocks): w for name, w in state.items()}


def same(found: WanTokenizer, expected: State) -> bool:
    state = found.net.state_dict()
    return all(torch.equal(state[name], expected[name]) for name in expected)


def write_diffusers(folder: Path) -> Path:
    diffusers_twin(tiny_tokenizer(7)).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("inside", ["", "vae"])
def test_a_folder_that_diffusers_wrote_loads_with_its_shape(tmp_path: Path, inside: str) -> None:
    write_diffusers(tmp_path / inside)
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.config == MINI_VAE
    assert same(tokenizer, weights())


@pytest.mark.parametrize("name", ["Wan2.1_VAE.pth", "tokenizer.pth", "tokenizer/tokenizer.pth"])
@pytest.mark.parametrize("as_file", [True, False], ids=["file", "folder"])
def test_upstreams_file_loads_by_itself_and_in_its_folder(
    tmp_path: Path, name: str, as_file: bool
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    torch.save(upstream(weights()), tmp_path / name)
    path = tmp_path / name if as_file else tmp_path
    assert same(load_tokenizer(path, config=MINI_VAE), weights())


@pytest.mark.parametrize("renamed", [True, False], ids=["upstream names", "diffusers names"])
def test_a_single_safetensors_file_loads_under_either_names(tmp_path: Path, renamed: bool) -> None:
    state = upstream(weights()) if renamed else weights()
    save_file(state, tmp_path / "wan_2.1_vae.safetensors")
    tokenizer = load_tokenizer(tmp_path / "wan_2.1_vae.safetensors", config=MINI_VAE)
    assert same(tokenizer, weights())


def test_type_window_and_answers_are_as_asked(tmp_path: Path) -> None:
    torch.save(upstream(weights()), tmp_path / "tokenizer.pth")
    tokenizer = load_tokenizer(tmp_path, config=MINI_VAE, dtype=torch.bfloat16, window=2)
    assert (tokenizer.dtype, tokenizer.window) == (torch.bfloat16, 2)
    rgb = random_clip(1, 5, 16, 16)
    exact = load_tokenizer(tmp_path, config=MINI_VAE).encode(rgb)
    assert torch.equal(exact, tiny_tokenizer(7).encode(rgb))


def test_without_a_path_the_cache_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path))
    folder = write_diffusers(tmp_path / "Wan-AI" / "Wan2.1-T2V-1.3B-Diffusers" / "vae")
    assert tokenizer_folder() == folder
    assert same(load_tokenizer(), weights())


@pytest.mark.parametrize("kept", [0, 40, 5000], ids=["empty", "head", "middle"])
@pytest.mark.parametrize("name", ["tokenizer.pth", "vae.safetensors"])
def test_a_truncated_file_is_named(tmp_path: Path, name: str, kept: int) -> None:
    whole = tmp_path / "whole"
    if name.endswith("safetensors"):
        save_file(weights(), whole)
    else:
        torch.save(upstream(weights()), whole)
    (tmp_path / name).write_bytes(whole.read_bytes()[:kept])
    with pytest.raises(FormatError, match=f"{name}: cannot be read as weights.*download it again"):
        load_tokenizer(tmp_path / name, config=MINI_VAE)


class Foreign:
    """Something that no file of weights holds."""


def test_a_pickle_of_other_things_is_not_run(tmp_path: Path) -> None:
    torch.save(Foreign(), tmp_path / "tokenizer.pth")
    (tmp_path / "old.pth").write_bytes(pickle.dumps(Foreign(), protocol=2))
    for name in ("tokenizer.pth", "old.pth"):
        with pytest.raises(FormatError, match="cannot be read as weights"):
            read_state(tmp_path / name)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {"state_dict": {"a": torch.ones(1)}}])
def test_a_file_without_tensors_by_name_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "tokenizer.pth")
    with pytest.raises(FormatError, match="expected tensors by name"):
        read_state(tmp_path / "tokenizer.pth")


def test_missing_and_unexpected_weights_are_named(tmp_path: Path) -> None:
    state = upstream(weights())
    state["net.blocks.0"] = state.pop("decoder.head.0.gamma")
    torch.save(state, tmp_path / "tokenizer.pth")
    with pytest.raises(FormatError) as error:
        load_tokenizer(tmp_path, config=MINI_VAE)
    assert "1 (decoder.norm_out.gamma) missing, 1 (net.blocks.0) unexpected" in str(error.value)


def test_only_the_first_ten_names_are_shown(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(1)}, tmp_path / "tokenizer.pth")
    with pytest.raises(FormatError, match=r"decoder\.conv_in\.bias.*\.\.\.\) missing") as error:
        load_tokenizer(tmp_path, config=MINI_VAE)
    assert str(error.value).count("decoder.") == 10


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (torch.ones(3), r"expected floats of shape \(16, 1, 1, 1\), found torch.float32 of \(3,\)"),
        (
            torch.ones(16, 1, 1, 1, dtype=torch.int8),
            r"expected floats of shape .*, found torch.int8 of \(16, 1, 1, 1\)",
        ),
    ],
)
def test_a_weight_of_another_shape_is_named(
    tmp_path: Path, changed: torch.Tensor, named: str
) -> None:
    state = upstream(weights()) | {"encoder.head.0.gamma": changed}
    torch.save(state, tmp_path / "tokenizer.pth")
    with pytest.raises(FormatError, match=r"encoder\.norm_out\.gamma: " + named):
        load_tokenizer(tmp_path, config=MINI_VAE)


def test_a_folder_without_a_tokenizer_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"expected one of .*Wan2\.1_VAE\.pth"):
        load_tokenizer(tmp_path)


def test_the_folder_of_another_model_is_refused_by_its_config(tmp_path: Path) -> None:
    write_diffusers(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"is_residual": True}))
    with pytest.raises(ConfigError, match=r"config\.json: is_residual: expected False"):
        load_tokenizer(tmp_path)
