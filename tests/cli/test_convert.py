"""`rareworld convert` from the command line to the files."""

import json
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from models.cosmos_predict.tiny import random_net
from models.cosmos_predict.weights.tiny import (
    config,
    prefixed,
    same,
    save_upstream,
    state_of,
    tiny_state,
    with_peft,
)
from rareworld.cli.convert import convert
from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint

APP = typer.Typer()
APP.command()(convert)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(APP, [str(x) for x in arguments])


def test_people_are_told_what_was_written(tmp_path) -> None:
    source = save_upstream(tmp_path / "m.pt", prefixed(tiny_state()))
    result = run(source, tmp_path / "out", "--to", "diffusers")
    assert result.exception is None, result.output
    assert "predict2.5-custom, 49 tensors in config.json, diffusion_pytorch_model.safe" in (
        " ".join(result.stdout.split())
    )
    assert same(read_checkpoint(tmp_path / "out").state, tiny_state())


def idle_source(folder: Path) -> Path:
    state = state_of(with_peft(random_net(config())))
    for key, tensor in state.items():
        if "lora_B" in key:
            tensor.zero_()
    return save_upstream(folder / "m.pt", prefixed(state))


def test_machines_get_one_document_with_files_and_notes(tmp_path) -> None:
    source = idle_source(tmp_path)
    result = run(source, tmp_path / "out", "--to", "merged", "--alpha", "4", "--json")
    document = json.loads(result.stdout)
    assert set(document["files"]) == {"model.pt", "checkpoint.json"}
    assert "does nothing" in document["notes"][0]
    assert document["out"] == str(tmp_path / "out")


def test_people_read_notes_beside_the_result(tmp_path) -> None:
    result = run(idle_source(tmp_path), tmp_path / "out", "--to", "merged", "--alpha", "4")
    assert "note: " in result.output
    assert "does nothing" in " ".join(result.output.split())


def test_options_reach_the_conversion(tmp_path) -> None:
    average = prefixed(tiny_state(seed=1), "net_ema.")
    source = save_upstream(tmp_path / "m.pt", prefixed(tiny_state()) | average)
    for _ in range(2):
        result = run(
            source, tmp_path / "o", "--to", "pt", "--ema", "--dtype", "bf16", "--overwrite"
        )
        assert result.exception is None, result.output
    found = read_checkpoint(tmp_path / "o")
    assert same(found.state, {k: t.bfloat16() for k, t in tiny_state(seed=1).items()})


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (["--to", "onnx"], ConfigError, "to: .*'pt', 'diffusers', 'merged', 'adapter' or 'peft'"),
        (["--to", "pt", "--dtype", "int4"], ConfigError, "dtype: .*'bf16' or 'fp32'"),
        (["--to", "merged"], ConfigError, "expected an adapter to merge"),
    ],
)
def test_wrong_options_are_refused(tmp_path, arguments: list, kind, message: str) -> None:
    source = save_upstream(tmp_path / "m.pt", prefixed(tiny_state()))
    result = run(source, tmp_path / "out", *arguments)
    assert isinstance(result.exception, kind)
    with pytest.raises(kind, match=message):
        raise result.exception


def test_a_foreign_file_ends_with_its_error(tmp_path) -> None:
    torch.save({"conv.weight": torch.zeros(2)}, tmp_path / "x.pt")
    result = run(tmp_path / "x.pt", tmp_path / "out", "--to", "pt")
    assert isinstance(result.exception, FormatError)
    assert "found conv.weight" in str(result.exception)
