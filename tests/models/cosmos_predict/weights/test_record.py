"""The record beside a checkpoint says what the layout cannot, and only for its own files."""

import pytest

from models.cosmos_predict.weights.test_adapter import tiny_adapter
from models.cosmos_predict.weights.tiny import config
from rareworld.errors import StoreError
from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.weights.record import (
    RECORD_FILE,
    family_in,
    parse_record,
    read_record,
    record_of,
)
from rareworld.models.cosmos_predict.weights.shapes import custom_family


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_released_family_comes_back_as_itself(family: str) -> None:
    record = record_of(FAMILIES[family], 0.1, None)
    again = parse_record(record.model_dump_json(), "x")
    assert again == record
    assert family_in(again) is FAMILIES[family]


def test_a_family_of_another_size_keeps_its_ratios() -> None:
    family = custom_family(config(rope_ratios=(2.0, 2.0, 0.5)))
    assert family_in(record_of(family, None, None)) == family


def test_a_changed_net_under_a_released_name_is_not_the_released_one() -> None:
    record = record_of(FAMILIES["predict2-2b"], None, None)
    changed = record.model_copy(update={"net": config("predict2-2b")})
    assert family_in(changed) != FAMILIES["predict2-2b"]
    assert family_in(changed).net == config("predict2-2b")


def test_alphas_of_every_layer_are_kept() -> None:
    _, adapter, _ = tiny_adapter(use_rslora=True, alpha_pattern={"q_proj": 3})
    record = record_of(custom_family(config()), None, adapter)
    assert record.rank_stabilised
    assert record.alphas == {name: layer.alpha for name, layer in adapter.layers.items()}
    assert set(record.alphas.values()) == {3.0, 8.0}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"family": "x", "new_field": 1}'])
def test_damaged_and_newer_records_are_refused(text: str) -> None:
    with pytest.raises(StoreError, match=r"out/checkpoint.json: .*write the checkpoint again, or"):
        parse_record(text, "out/checkpoint.json")


def test_a_record_is_read_for_our_files_only(tmp_path) -> None:
    record = record_of(FAMILIES["predict2.5-2b"], 0.1, None)
    (tmp_path / RECORD_FILE).write_text(record.model_dump_json())
    for name in ("model.pt", "model_ema_fp32.pt", "model_ema_bf16.pt"):
        assert read_record(tmp_path / name) == record
    assert read_record(tmp_path / "other.pt") is None
    (tmp_path / RECORD_FILE).unlink()
    assert read_record(tmp_path / "model.pt") is None
