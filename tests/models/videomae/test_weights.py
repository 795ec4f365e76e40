"""VideoMAE's official layout is read, and only that."""

import math
from pathlib import Path

import pytest
import torch

from models.videomae.tiny import TINY, official_file, official_state
from rareworld.errors import FormatError
from rareworld.models.videomae import weights
from rareworld.models.videomae.weights import FILE, VIT_G, read_videomae, sines, videomae_file


def test_positions_are_sines_of_the_paper() -> None:
    table = sines(5, 6).double()
    for place in range(5):
        for pair in range(3):
            angle = place / 10000 ** (2 * pair / 6)
            assert table[place, 2 * pair].item() == pytest.approx(math.sin(angle), abs=1e-7)
            assert table[place, 2 * pair + 1].item() == pytest.approx(math.cos(angle), abs=1e-7)


def test_keys_have_no_bias(tmp_path: Path) -> None:
    net = read_videomae(official_file(tmp_path / FILE), TINY).state_dict()
    bias = net["blocks.1.attn.qkv.bias"].chunk(3)
    state = official_state()
    assert torch.equal(bias[0], state["blocks.1.attn.q_bias"])
    assert bias[1].abs().max() == 0
    assert torch.equal(bias[2], state["blocks.1.attn.v_bias"])


def test_half_precision_is_widened(tmp_path: Path) -> None:
    state = {name: value.half() for name, value in official_state().items()}
    net = read_videomae(official_file(tmp_path / FILE, state), TINY)
    assert {value.dtype for value in net.state_dict().values()} == {torch.float32}


def test_the_published_network_is_vit_g() -> None:
    assert (VIT_G.width, VIT_G.depth, VIT_G.hidden, VIT_G.tokens) == (1408, 40, 6144, 2048)


def test_missing_biases_are_named(tmp_path: Path) -> None:
    state = official_state()
    del state["blocks.0.attn.v_bias"]
    with pytest.raises(FormatError, match=r"lacks blocks\.0\.attn\.qkv\.bias"):
        read_videomae(official_file(tmp_path / FILE, state), TINY)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"module": {"epoch": 3}}, "expected tensors by name or under model or module"),
        ([1], "expected tensors by name"),
        ({"model": {}}, "28 differences: lacks blocks"),
    ],
)
def test_other_checkpoints_are_refused(tmp_path: Path, content: object, told: str) -> None:
    torch.save(content, tmp_path / FILE)
    with pytest.raises(FormatError, match=told):
        read_videomae(tmp_path / FILE, TINY)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not weights")
    with pytest.raises(FormatError, match="expected a checkpoint of tensors"):
        read_videomae(tmp_path / FILE, TINY)


def test_our_cache_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path))
    folder = tmp_path / weights.PUBLISHED.repo_id / "auxiliary"
    folder.mkdir(parents=True)
    path, record = videomae_file(official_file(folder / FILE))
    assert record.origin == "given by path"
    assert videomae_file(None)[0] == path
    assert videomae_file(None)[1].origin == "hub ByteDance/LatentSync-1.6"
