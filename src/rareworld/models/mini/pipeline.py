"""Writing `mini` as a pipeline folder: untrained around a trained tokenizer, or a trained network.

    MINI/model_index.json   parts, as diffusers lists them
    MINI/defaults.json      size, rate and steps it is made for
    MINI/transformer/       the network, bfloat16
    MINI/vae/               the tokenizer, bfloat16
    MINI/provenance.json    how the weights were made, of trained ones

Proved in `tests/models/mini/test_pipeline.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rareworld.data.atomic import atomic_folder
from rareworld.data.jsontext import checksums, write_json
from rareworld.models.cosmos_predict.defaults import write_defaults
from rareworld.models.cosmos_predict.denoise import SAME_AS_REST
from rareworld.models.cosmos_predict.model import CosmosDiT, init_weights
from rareworld.models.cosmos_predict.pipeline import INDEX, MINI
from rareworld.models.cosmos_predict.weights.checkpoint import Checkpoint, Layout, State
from rareworld.models.cosmos_predict.weights.saving import save_safetensors
from rareworld.models.cosmos_predict.weights.writer import write_diffusers
from rareworld.models.mini.shape import MINI_DEFAULTS, MINI_FAMILY
from rareworld.models.wan_vae.config import to_diffusers
from rareworld.models.wan_vae.weights import load_tokenizer

PROVENANCE = "provenance.json"
_VAE_FILE = "diffusion_pytorch_model.safetensors"
_KEPT = torch.bfloat16


def write_mini_pipeline(
    folder: Path, vae_folder: Path, seed: int = 0, *, replace: bool = False
) -> Path:
    """Write a pipeline whose network is untrained, drawn for training from nothing.

    Args:
        folder: The pipeline to write.
        vae_folder: Trained tokenizer as diffusers writes it (`config.json` and safetensors).
        seed: Of the network's initial weights.
        replace: Write over a folder that is there.

    Raises:
        FormatError: If the tokenizer is missing or damaged.
        StoreError: If the folder exists and `replace` is off, or cannot be written.
    """
    return write_mini(folder, vae_folder, initial_state(seed), replace=replace)


def write_mini(
    folder: Path,
    vae_folder: Path,
    state: State,
    *,
    about: Mapping[str, Any] | None = None,
    replace: bool = False,
) -> Path:
    """Write a pipeline around the weights of a network, all of it in bfloat16.

    Args:
        folder: The pipeline to write.
        vae_folder: Trained tokenizer as diffusers writes it.
        state: The network's weights by their names.
        about: How they were made, kept as `provenance.json` with the checksum of every file.
        replace: Write over a folder that is there.

    Raises:
        FormatError: If the tokenizer is missing or damaged.
        StoreError: If the folder exists and `replace` is off, or cannot be written.
    """
    checkpoint = Checkpoint(
        path=Path("mini"),
        layout=Layout.DIFFUSERS,
        family=MINI_FAMILY,
        state={name: tensor.to(_KEPT) for name, tensor in state.items()},
        conditional_timestep=SAME_AS_REST,
    )
    with atomic_folder(folder, replace=replace) as temporary:
        write_diffusers(temporary / "transformer", checkpoint)
        _write_vae(temporary / "vae", vae_folder)
        write_defaults(temporary, MINI_DEFAULTS)
        write_json(
            temporary / INDEX,
            {
                "_class_name": "Cosmos2_5_PredictBasePipeline",
                "text_encoder": MINI,
                "transformer": ["diffusers", "CosmosTransformer3DModel"],
                "vae": ["diffusers", "AutoencoderKLWan"],
            },
        )
        if about is not None:
            _write_provenance(temporary, about)
    return folder


def initial_state(seed: int = 0) -> State:
    """Return the network's weights before training, in float32."""
    net = CosmosDiT(MINI_FAMILY.net)
    init_weights(net, torch.Generator().manual_seed(seed), identity=True)
    return net.state_dict()


def _write_provenance(folder: Path, about: Mapping[str, Any]) -> None:
    header = {"kind": "mini-provenance", "schema_version": 1}
    write_json(folder / PROVENANCE, {**header, **about, "files": checksums(folder)})


def _write_vae(folder: Path, source: Path) -> None:
    """Write a tokenizer's weights in bfloat16, with its shape and statistics."""
    tokenizer = load_tokenizer(source)
    folder.mkdir()
    config = {"_class_name": "AutoencoderKLWan", **to_diffusers(tokenizer.config)}
    write_json(folder / "config.json", config)
    state = {name: value.to(_KEPT) for name, value in tokenizer.net.state_dict().items()}
    save_safetensors(state, folder / _VAE_FILE)
