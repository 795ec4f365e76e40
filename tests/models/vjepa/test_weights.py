"""V-JEPA's two checkpoints are read together, or what is missing is named."""

from pathlib import Path

import pytest
import torch

from models.vjepa.tiny import TINY, checkpoints, tiny_state
from rareworld.errors import FormatError
from rareworld.models.vjepa.weights import CACHE, ENCODER, PROBE, VIT_H, read_vjepa, vjepa_folder


def test_both_files_make_one_network(tmp_path: Path) -> None:
    found = read_vjepa(checkpoints(tmp_path), TINY).state_dict()
    state = tiny_state()
    assert set(state) - set(found) == {
        "linear.bias",
        "linear.weight",
        "pooler.cross_attention_block.xattn.proj.bias",
        "pooler.cross_attention_block.xattn.proj.weight",
    }
    assert all(torch.equal(found[name], state[name]) for name in found)


def test_the_published_network_is_vit_h() -> None:
    assert (VIT_H.width, VIT_H.depth, VIT_H.heads, VIT_H.tokens) == (1280, 32, 16, 1568)


@pytest.mark.parametrize("lacking", [ENCODER, PROBE])
def test_a_missing_file_is_named_with_its_address(tmp_path: Path, lacking: str) -> None:
    (checkpoints(tmp_path) / lacking).unlink()
    told = rf"lacks {lacking} of V-JEPA.*dl\.fbaipublicfiles\.com/jepa/vith16/{lacking}"
    with pytest.raises(FormatError, match=told):
        vjepa_folder(tmp_path)


def test_the_cache_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path))
    with pytest.raises(FormatError, match="lacks vith16"):
        vjepa_folder(None)
    folder = checkpoints(tmp_path / CACHE)
    found, record = vjepa_folder(None)
    assert found == folder
    assert record.origin == f"cache, {CACHE}"
    assert vjepa_folder(folder)[1].sha256 == record.sha256


def test_a_probe_of_another_width_is_refused(tmp_path: Path) -> None:
    checkpoints(tmp_path)
    saved = torch.load(tmp_path / PROBE, weights_only=True)
    saved["classifier"]["module.pooler.query_tokens"] = torch.ones(1, 1, 16)
    torch.save(saved, tmp_path / PROBE)
    with pytest.raises(FormatError, match=r"pooler\.query_tokens is \(1, 1, 16\)"):
        read_vjepa(tmp_path, TINY)
