"""Settings of a text encoder, and building the one they name.

Proved in `tests/models/text/test_load.py`.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

import torch

from rareworld.data.config import Config
from rareworld.errors import ConfigError, DeviceError, MissingExtraError
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint
from rareworld.models.find import find_weights
from rareworld.models.text.cache import Identity
from rareworld.models.text.encoder import EncoderName, TextEncoder
from rareworld.models.text.hub import REASON1, T5, fingerprint
from rareworld.models.text.mini import MINI_VERSION, MiniEncoder
from rareworld.models.text.projection import ProjectedEncoder, Projection

if TYPE_CHECKING:
    from rareworld.models.text.reason1 import Reason1Encoder
    from rareworld.models.text.t5 import T5Encoder

_PUBLISHED = {EncoderName.T5: T5, EncoderName.REASON1: REASON1}


@final
class EncoderConfig(Config):
    """Which text encoder, in which type and where it runs."""

    encoder: EncoderName
    """Encoder the net was trained with."""
    weights: Path | None = None
    """Folder in the hub's layout; null looks in the caches and on the hub."""
    projection: Path | None = None
    """Predict2.5 checkpoint whose projection Reason1's states go through."""
    width: int = 1024
    """Channels of the mini encoder, a multiple of 8; others have their own."""
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    """Type of weights and contexts; the mini encoder knows float32 only."""
    device: str = "auto"
    """Where it runs: `cpu`, `cuda`, `cuda:1`, or `auto`: a GPU where there is one."""
    offload: bool = False
    """Leave the device after every batch, for others to use its memory."""


def find_encoder(config: EncoderConfig, *, local_rank: int = 0) -> EncoderConfig:
    """Return the settings with device and weights found, on this machine or by a download.

    Args:
        config: Settings.
        local_rank: Which of this machine's GPUs `auto` takes.

    Raises:
        ConfigError: If settings do not go together.
        DeviceError: If the device is not there.
        FormatError: If weights cannot be found.
        MissingExtraError: If the encoder's library is not installed.
    """
    device = torch_device(config.device, local_rank)
    config = config.model_copy(update={"device": str(device)})
    if config.encoder is EncoderName.MINI:
        _refuse_files(config)
        return config.model_copy(update={"dtype": "float32"})
    if config.projection is not None and config.encoder is EncoderName.T5:
        raise ConfigError(
            f"projection: T5's states are not projected, found {config.projection}; leave it out, "
            "or choose the encoder reason1"
        )
    if find_spec("transformers") is None:
        raise MissingExtraError("transformers", extra="models")
    found = find_weights(_PUBLISHED[config.encoder], config.weights)
    return config.model_copy(update={"weights": found})


def identify(config: EncoderConfig) -> Identity:
    """Return the identity of the contexts that settings with weights give.

    Raises:
        FormatError: If weights or checkpoint cannot be read.
    """
    if config.encoder is EncoderName.MINI:
        version = f"{MINI_VERSION}-{config.width}"
        return Identity(encoder=config.encoder, weights=version, dtype="float32")
    projection = read_projection(config) if config.projection else None
    return Identity(
        encoder=config.encoder,
        weights=fingerprint(_folder(config)),
        dtype=config.dtype,
        projection=projection.sha256 if projection else None,
    )


def load_encoder(config: EncoderConfig) -> TextEncoder:
    """Build the encoder that settings with weights name; the last one built is kept.

    Raises:
        DeviceError: If the device is not there.
        FormatError: If weights or checkpoint cannot be read.
    """
    return _build(config.model_dump_json())


@lru_cache(maxsize=1)
def _build(settings: str) -> TextEncoder:
    """Build an encoder from settings as JSON: one stays in memory for the shards to come."""
    config = EncoderConfig.model_validate_json(settings)
    device, dtype = torch_device(config.device), torch_dtype(config.dtype)
    if config.encoder is EncoderName.MINI:
        return MiniEncoder(config.width, device=device)
    encoder = _kind(config.encoder).load(
        _folder(config), dtype=dtype, device=device, offload=config.offload
    )
    if config.projection is None:
        return encoder
    return ProjectedEncoder(encoder, read_projection(config).to(device))


def _kind(name: EncoderName) -> "type[T5Encoder] | type[Reason1Encoder]":
    """Import an encoder when it is needed: its library takes seconds."""
    if name is EncoderName.T5:
        from rareworld.models.text.t5 import T5Encoder

        return T5Encoder
    from rareworld.models.text.reason1 import Reason1Encoder

    return Reason1Encoder


def read_projection(config: EncoderConfig) -> Projection:
    """Read the projection of the settings' checkpoint, in main memory.

    Raises:
        FormatError: If the checkpoint cannot be read or has none.
    """
    if config.projection is None:
        raise ConfigError("projection: expected a Predict2.5 checkpoint, found none; name one")
    state = read_checkpoint(config.projection, ema=False).state
    return Projection.from_state(state, str(config.projection), dtype=torch_dtype(config.dtype))


def torch_dtype(name: str) -> torch.dtype:
    """Return a type by its name."""
    return {"bfloat16": torch.bfloat16, "float32": torch.float32}[name]


def torch_device(name: str, local_rank: int = 0) -> torch.device:
    """Return a device that is really there; `auto` is this rank's GPU where there is one.

    Raises:
        ConfigError: If there is no such kind of device.
        DeviceError: If it is not in this machine.
    """
    found = torch.cuda.device_count()
    if name == "auto":
        return torch.device(f"cuda:{local_rank}" if found else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device: expected auto, cpu, cuda or cuda:N, found {name!r}") from None
    if device.type == "cuda" and (device.index or 0) >= found:
        raise DeviceError(
            f"device {name}: PyTorch {torch.__version__} sees {found} CUDA devices; choose one of "
            "them or: --device cpu"
        )
    return device


def _folder(config: EncoderConfig) -> Path:
    if config.weights is None:
        raise ConfigError(f"weights: expected a folder for {config.encoder}; find_encoder finds it")
    if not config.weights.is_dir():
        raise ConfigError(
            f"weights: expected a folder with config.json and a tokenizer, found {config.weights}"
        )
    return config.weights


def _refuse_files(config: EncoderConfig) -> None:
    given = config.weights or config.projection
    if given is not None:
        raise ConfigError(f"the mini encoder has no weights, found {given}; leave the path out")
