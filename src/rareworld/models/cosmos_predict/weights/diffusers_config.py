"""`config.json` of diffusers' CosmosTransformer3DModel, both ways.

Source: diffusers' `transformer_cosmos.py` and the values of its conversion script. Fields are
diffusers' own, in its order; `rope_scale` is (frames, rows, columns), ours (rows, columns, frames).
Proved in `tests/models/cosmos_predict/weights/test_diffusers_config.py` and, against the class
itself, `test_writer.py`.
"""

from collections.abc import Mapping
from typing import Any

from rareworld.data.config import Config
from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.config import FAMILIES, Family, NetConfig
from rareworld.models.cosmos_predict.weights.shapes import custom_family

CONFIG_FILE = "config.json"

_CLASS = "CosmosTransformer3DModel"
_VERSION = "0.42.1"  # whose fields these are
_CONDITION_MASK = 1


class TransformerConfig(Config):
    """Fields of diffusers' class; defaults are its own."""

    in_channels: int = 16
    """Latent channels and the condition mask."""
    out_channels: int = 16
    """Latent channels."""
    num_attention_heads: int = 32
    """Heads."""
    attention_head_dim: int = 128
    """Channels of a head."""
    num_layers: int = 28
    """Blocks."""
    mlp_ratio: float = 4.0
    """Hidden channels of the MLP by the width."""
    text_embed_dim: int = 1024
    """Channels of the context."""
    adaln_lora_dim: int = 256
    """Rank of the modulation."""
    max_size: tuple[int, int, int] = (128, 240, 240)
    """Largest latent."""
    patch_size: tuple[int, int, int] = (1, 2, 2)
    """Latent frames, rows and columns in a token."""
    rope_scale: tuple[float, float, float] = (2.0, 1.0, 1.0)
    """Rotary ratios of frames, rows and columns."""
    concat_padding_mask: bool = True
    """Whether the padding mask is a channel."""
    extra_pos_embed_type: str | None = "learnable"
    """Learned positions of Cosmos 1."""
    use_crossattn_projection: bool = False
    """Whether the net projects raw text states (2.5)."""
    crossattn_proj_in_channels: int = 1024
    """Channels of raw text states."""
    encoder_hidden_states_channels: int = 1024
    """Channels after the projection."""
    controlnet_block_every_n: int | None = None
    """Transfer networks only."""
    img_context_dim_in: int | None = None
    """Transfer networks only."""
    img_context_num_tokens: int = 256
    """Transfer networks only."""
    img_context_dim_out: int = 2048
    """Transfer networks only."""


def diffusers_config(net: NetConfig) -> dict[str, Any]:
    """Return the exact fields of `config.json` for a network."""
    rows, columns, frames = net.rope_ratios
    config = TransformerConfig(
        in_channels=net.latent_channels + _CONDITION_MASK,
        out_channels=net.latent_channels,
        num_attention_heads=net.num_heads,
        attention_head_dim=net.head_dim,
        num_layers=net.num_blocks,
        mlp_ratio=float(net.mlp_ratio),
        text_embed_dim=net.context_dim,
        adaln_lora_dim=net.adaln_dim,
        max_size=net.max_latent,
        patch_size=net.patch,
        rope_scale=(frames, rows, columns),
        extra_pos_embed_type=None,
        use_crossattn_projection=net.raw_context_dim is not None,
        crossattn_proj_in_channels=net.raw_context_dim or 1024,
        encoder_hidden_states_channels=net.context_dim,
    )
    return {"_class_name": _CLASS, "_diffusers_version": _VERSION, **config.model_dump(mode="json")}


def family_in_config(values: Mapping[str, Any], source: str) -> Family:
    """Return the family that a `config.json` describes.

    Raises:
        FormatError: If it is of another class or of a network that is not Predict Video2World.
    """
    if values.get("_class_name") != _CLASS:
        raise FormatError(
            f"{source}: expected _class_name {_CLASS}, found {values.get('_class_name')!r}; give "
            "the transformer folder of a Cosmos Predict pipeline"
        )
    plain = {key: value for key, value in values.items() if not key.startswith("_")}
    try:
        config = TransformerConfig.parse(plain, source=source)
    except ConfigError as error:
        raise FormatError(f"{error}; the folder is of a newer or another model") from None
    _refuse_other_networks(config, source)
    family = custom_family(_net(config))
    known = (one for one in FAMILIES.values() if one.net == family.net)
    return next(known, family)


def _net(config: TransformerConfig) -> NetConfig:
    frames, rows, columns = config.rope_scale
    newer = config.use_crossattn_projection
    return NetConfig(
        width=config.num_attention_heads * config.attention_head_dim,
        num_blocks=config.num_layers,
        num_heads=config.num_attention_heads,
        mlp_ratio=int(config.mlp_ratio),
        adaln_dim=config.adaln_lora_dim,
        patch=config.patch_size,
        max_latent=config.max_size,
        latent_channels=config.out_channels,
        context_dim=config.text_embed_dim,
        raw_context_dim=config.crossattn_proj_in_channels if newer else None,
        rope_ratios=(rows, columns, frames),
        timestep_scale=0.001 if newer else 1.0,
        fp32_modulation=newer,
    )


def _refuse_other_networks(config: TransformerConfig, source: str) -> None:
    """Refuse Cosmos 1, Text2Image and Transfer networks.

    Raises:
        FormatError: Naming the field that tells.
    """
    wanted: dict[str, Any] = {
        "in_channels": config.out_channels + _CONDITION_MASK,
        "concat_padding_mask": True,
        "extra_pos_embed_type": None,
        "controlnet_block_every_n": None,
        "img_context_dim_in": None,
    }
    found = config.model_dump()
    wrong = [f"{k} {found[k]!r} instead of {v!r}" for k, v in wanted.items() if found[k] != v]
    if wrong:
        raise FormatError(
            f"{source}: expected a Predict2 Video2World or Predict2.5 network, found "
            f"{', '.join(wrong)}; Cosmos 1, Text2Image and Transfer networks are not read"
        )
