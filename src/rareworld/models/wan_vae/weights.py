"""Find and read the tokenizer's weights in every layout they are published in.

    folder of diffusers     config.json, diffusion_pytorch_model.safetensors (alone or in vae/)
    file of Wan or Cosmos   Wan2.1_VAE.pth, tokenizer.pth, or either as .safetensors

Pickled files are read with `weights_only=True`. Every weight must be there, in its shape, and no
other. Proved in `tests/models/wan_vae/test_weights.py`.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from rareworld.data.config import read_mapping
from rareworld.errors import FormatError
from rareworld.models.find import Published, find_weights
from rareworld.models.wan_vae.config import WAN_2_1, WanVaeConfig, from_diffusers
from rareworld.models.wan_vae.names import MARK, from_upstream
from rareworld.models.wan_vae.net import WanVae
from rareworld.models.wan_vae.tokenizer import WINDOW, WanTokenizer

PUBLISHED = Published(
    what="Wan 2.1 tokenizer",
    repo_id="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
    files=("vae/config.json", "vae/diffusion_pytorch_model.safetensors"),
)
"""Ungated, 0.5 GB; the same weights as every Cosmos Predict2 and Predict2.5 repository holds."""
_IN_FOLDER = (
    "diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "Wan2.1_VAE.pth",
    "tokenizer.pth",
    "tokenizer/tokenizer.pth",
)
_SHOWN = 10


def tokenizer_folder(given: Path | None = None) -> Path:
    """Return what the user gave, or the tokenizer's folder in a cache (see `find_weights`).

    Raises:
        FormatError: If the path does not exist, or nothing was found and the download failed.
    """
    found = find_weights(PUBLISHED, given)
    return found if given is not None else found / "vae"


def load_tokenizer(
    path: Path | None = None,
    *,
    config: WanVaeConfig | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    window: int = WINDOW,
    compile: bool = False,  # noqa: A002 - torch's own word for it
) -> WanTokenizer:
    """Return the tokenizer from a file or folder, or from a cache or the hub if none is given.

    Args:
        path: File or folder in any published layout.
        config: Shape; left out, a `config.json` beside safetensors tells it, else it is Wan 2.1.
        device: Where to work.
        dtype: Floating type to work in.
        window: Latent frames worked off at a time.
        compile: Fuse the element-wise steps by torch.compile.

    Raises:
        FormatError: If the file is missing, truncated, of another model or of another shape.
        ConfigError: If `config.json` describes another model.
    """
    file = _weights_file(tokenizer_folder(path))
    shape = config or _shape_beside(file)
    net = WanVae(shape).to(dtype)
    load_weights(net, read_state(file), source=str(file))
    return WanTokenizer(net.to(device), window=window, compile=compile)


def read_state(file: Path) -> dict[str, Tensor]:
    """Return a file's tensors by name, on the CPU.

    Raises:
        FormatError: If the file is truncated, or is not a mapping of names to tensors.
    """
    try:
        loaded: Any = (
            load_file(file)
            if file.suffix == ".safetensors"
            else torch.load(file, map_location="cpu", weights_only=True)
        )
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FormatError(
            f"{file}: cannot be read as weights ({type(error).__name__}: {reason}); "
            "it is truncated or of another format: download it again"
        ) from None
    if not isinstance(loaded, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in loaded.items()
    ):
        raise FormatError(
            f"{file}: expected tensors by name, found {type(loaded).__name__}; "
            "give the Wan 2.1 VAE's own file"
        )
    return dict(loaded)


def load_weights(net: WanVae, state: Mapping[str, Tensor], *, source: str) -> None:
    """Fill a net from diffusers' or upstream's names.

    Raises:
        FormatError: Unless every weight is there, in its shape, and no other.
    """
    expected = net.state_dict()
    if MARK in state:
        ours = from_upstream(expected, net.config.num_res_blocks)
        state = {ours.get(name, name): value for name, value in state.items()}
    _check_names(set(expected), set(state), source)
    for name, weight in expected.items():
        found = state[name]
        if found.shape != weight.shape or not found.is_floating_point():
            raise FormatError(
                f"{source}: {name}: expected floats of shape {tuple(weight.shape)}, found "
                f"{found.dtype} of {tuple(found.shape)}; this is not the Wan 2.1 VAE"
            )
    net.load_state_dict(dict(state))


def _check_names(expected: set[str], found: set[str], source: str) -> None:
    missing, unexpected = sorted(expected - found), sorted(found - expected)
    if missing or unexpected:
        raise FormatError(
            f"{source}: not the weights of a Wan 2.1 VAE: {_told(missing)} missing, "
            f"{_told(unexpected)} unexpected; give Wan2.1_VAE.pth, tokenizer.pth or diffusers' vae/"
        )


def _told(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f"{len(names)} ({shown})" if names else "0"


def _weights_file(path: Path) -> Path:
    """Return the file of weights that a path means."""
    if path.is_file():
        return path
    for name in _IN_FOLDER:
        if (path / name).is_file():
            return path / name
    raise FormatError(
        f"{path}: no tokenizer in this folder; expected one of {', '.join(_IN_FOLDER)}"
    )


def _shape_beside(file: Path) -> WanVaeConfig:
    """Return the shape that diffusers wrote beside its weights; other layouts have one shape."""
    beside = file.with_name("config.json")
    if file.suffix == ".safetensors" and beside.is_file():
        return from_diffusers(read_mapping(beside), source=str(beside))
    return WAN_2_1
