"""Settings become the encoder they name, with an identity that tells all that matters."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.text import tiny
from models.text.nets import write_checkpoint
from rareworld.errors import ConfigError, DeviceError, FormatError, MissingExtraError
from rareworld.models.text.encoder import EncoderName
from rareworld.models.text.load import (
    EncoderConfig,
    find_encoder,
    identify,
    load_encoder,
    torch_device,
)
from rareworld.models.text.mini import MiniEncoder
from rareworld.models.text.projection import ProjectedEncoder, Projection
from rareworld.models.text.t5 import T5Encoder


def _config(**values: Any) -> EncoderConfig:
    return find_encoder(EncoderConfig.parse(values))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("nets") / "net.pt")


def test_mini_needs_nothing() -> None:
    config = _config(encoder="mini", width=64)
    encoder = load_encoder(config)
    assert isinstance(encoder, MiniEncoder)
    assert encoder.encode(["bus"]).shape == (1, 512, 64)
    assert identify(config).model_dump(mode="json") == {
        "encoder": "mini", "weights": "mini-1-64", "dtype": "float32", "projection": None,
    }  # fmt: skip


def test_t5_is_loaded_from_the_folder_given(t5_folder: Path, t5: T5Encoder) -> None:
    config = _config(encoder="t5", weights=t5_folder, dtype="float32")
    encoder = load_encoder(config)
    assert encoder.name is EncoderName.T5
    assert torch.equal(encoder.encode(["a bus"]), t5.encode(["a bus"]))
    assert load_encoder(config) is encoder  # a worker loads once


def test_reason1_is_projected_by_the_checkpoint(reason1_folder, checkpoint: Path, reason1) -> None:
    config = _config(
        encoder="reason1", weights=reason1_folder, projection=checkpoint, dtype="float32"
    )
    encoder = load_encoder(config)
    assert isinstance(encoder, ProjectedEncoder)
    state = {
        k.removeprefix("net."): v for k, v in torch.load(checkpoint, weights_only=True).items()
    }
    layer = Projection.from_state(state, "net", dtype=torch.float32)
    assert torch.equal(encoder.encode(["a bus"]), layer(reason1.encode(["a bus"])))
    assert identify(config).projection == layer.sha256


def test_identities_differ_where_contexts_do(
    t5_folder, reason1_folder, checkpoint, tmp_path
) -> None:
    other = write_checkpoint(tmp_path / "other.pt", seed=1)
    reason1 = {"encoder": "reason1", "weights": reason1_folder}
    configs = [
        _config(encoder="mini"), _config(encoder="mini", width=64),
        _config(encoder="t5", weights=t5_folder),
        _config(encoder="t5", weights=t5_folder, dtype="float32"),
        _config(**reason1, projection=checkpoint), _config(**reason1, projection=other),
    ]  # fmt: skip
    identities = {identify(config).model_dump_json() for config in configs}
    assert len(identities) == len(configs)
    moved = _config(encoder="t5", weights=t5_folder, offload=True)
    assert identify(moved) == identify(configs[2])


def test_a_predict2_checkpoint_has_no_projection(reason1_folder: Path, tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "net.pt", projected=False)
    config = _config(encoder="reason1", weights=reason1_folder, projection=path)
    with pytest.raises(FormatError, match=r"comes with a Predict2\.5 checkpoint"):
        identify(config)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder": "mini", "weights": "w"}, "mini encoder has no weights, found w"),
        ({"encoder": "mini", "projection": "p"}, "mini encoder has no weights, found p"),
        ({"encoder": "t5", "projection": "p"}, "T5's states are not projected"),
        ({"encoder": "t6"}, "encoder: Input should be"),
        ({}, "encoder is required"),
        ({"encoder": "t5", "wieghts": "w"}, "did you mean 'weights'"),
        ({"encoder": "t5", "dtype": "float16"}, "dtype: Input should be"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _config(**values)


def test_weights_must_be_a_folder(t5_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file or folder"):
        _config(encoder="t5", weights=tmp_path / "none")
    file = _config(encoder="t5", weights=t5_folder / "pytorch_model.bin")
    with pytest.raises(ConfigError, match=r"expected a folder with config.json"):
        identify(file)
    with pytest.raises(ConfigError, match="expected a folder for t5"):
        load_encoder(EncoderConfig(encoder=EncoderName.T5))


def test_weights_that_are_nowhere_are_told_how_to_get(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.snapshot_download", _no_network)
    with pytest.raises(FormatError, match=r"hf download google-t5/t5-11b --revision 90f377"):
        _config(encoder="t5")


def _no_network(*_: object, **__: object) -> str:
    raise FileNotFoundError("no network")


def test_weights_in_our_cache_are_found(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path))
    folder = tiny.write_t5(tmp_path / "google-t5" / "t5-11b")
    (folder / "spiece.model").touch()
    assert _config(encoder="t5").weights == folder


def test_a_missing_library_is_told_before_anything_is_done(monkeypatch, t5_folder: Path) -> None:
    monkeypatch.setattr("rareworld.models.text.load.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'rareworld\[models\]'"):
        _config(encoder="t5", weights=t5_folder)
    assert _config(encoder="mini").dtype == "float32"


def test_a_missing_device_is_told_before_anything_is_done() -> None:
    with pytest.raises(DeviceError, match="cuda:77"):
        _config(encoder="mini", device="cuda:77")


def test_devices() -> None:
    assert torch_device("cpu").type == "cpu"
    with pytest.raises(ConfigError, match="expected auto, cpu, cuda or cuda:N, found 'gpu'"):
        torch_device("gpu")
    with pytest.raises(DeviceError, match=r"cuda:99: PyTorch .* sees \d+ CUDA devices"):
        torch_device("cuda:99")


@pytest.mark.parametrize(("found", "device"), [(4, "cuda:2"), (0, "cpu")])
def test_auto_takes_the_rank_s_gpu(found: int, device: str, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: found)
    assert str(torch_device("auto", 2)) == device
    config = find_encoder(EncoderConfig(encoder=EncoderName.MINI), local_rank=2)
    assert config.device == device
