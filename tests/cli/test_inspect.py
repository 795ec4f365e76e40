"""`rareworld inspect` for people and for machines."""

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from models.cosmos_predict.tiny import random_net
from models.cosmos_predict.weights.test_adapter import tiny_adapter
from models.cosmos_predict.weights.tiny import (
    config,
    prefixed,
    save_upstream,
    state_of,
    tiny_state,
    with_peft,
)
from rareworld.cli.inspect import inspect
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.weights.adapter_io import write_peft_adapter

APP = typer.Typer()
APP.command()(inspect)


def run(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(APP, [str(x) for x in arguments])


def words(*arguments: object) -> str:
    """Return what people read, table lines and line breaks taken out."""
    return " ".join(run(*arguments).stdout.replace("│", " ").split())


def test_families_are_listed_with_exact_counts() -> None:
    shown = run("--families").stdout
    for family in FAMILIES.values():
        assert family.name in shown
        assert f"{family.parameters:,}" in shown
    rows = json.loads(run("--families", "--json").stdout)["families"]
    assert {row["family"]: row["parameters"] for row in rows} == {
        family.name: family.parameters for family in FAMILIES.values()
    }


def test_a_checkpoint_is_told_to_people(tmp_path) -> None:
    tensors = prefixed(state_of(with_peft(random_net(config())))) | prefixed(
        tiny_state(seed=1), "net_ema."
    )
    run_folder = tmp_path / "run"
    path = save_upstream(run_folder / "m.pt", tensors)
    (run_folder / "config.yaml").write_text("conditional_frame_timestep: 0.1\n")
    shown = words(path)
    for text in (
        "layout pt",
        "family predict2.5-custom",
        "in 49 tensors",
        "averaged weights yes: take them with --ema",
        "clean frames' timestep 0.1, says",
        "type float32",
        "adapter LoRA, trained",
        "rank 4",
        "alpha nothing says it",
        "adapted layers 20: cross_attn.k_proj",
    ):
        assert text in shown


@pytest.mark.parametrize(
    ("family", "text"),
    [("predict2-2b", "Predict2 fixes it"), ("predict2.5-2b", "nothing says it: set conditional")],
)
def test_the_timestep_of_clean_frames_is_told_or_said_to_be_unknown(
    tmp_path, family: str, text: str
) -> None:
    assert text in words(save_upstream(tmp_path / "m.pt", prefixed(tiny_state(family))))


def test_an_adapter_alone_is_told(tmp_path) -> None:
    write_peft_adapter(tmp_path, tiny_adapter(use_dora=True)[1])
    shown = words(tmp_path)
    assert "layout adapter" in shown
    assert "adapter DoRA, trained" in shown
    assert "alpha 8" in shown
    assert "family" not in shown


def test_machines_get_one_document(tmp_path) -> None:
    path = save_upstream(tmp_path / "m.pt", prefixed(tiny_state()))
    document = json.loads(run(path, "--json").stdout)
    assert document["family"] == "predict2.5-custom"
    assert document["keys"] == 49
    assert document["lora"] is None


@pytest.mark.parametrize("arguments", [[], ["x.pt", "--families"]])
def test_one_of_checkpoint_and_families_is_wanted(arguments: list[str]) -> None:
    assert isinstance(run(*arguments).exception, ConfigError)
