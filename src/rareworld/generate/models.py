"""Which weights `generate` uses, where they are, what they are, and putting them together.

A model is a released name (`2B/post-trained`, `predict2/2B/720p-16fps`), a checkpoint of any
layout, or a pipeline folder of diffusers with `transformer/`, `vae/` and `text_encoder/`. What the
checkpoint knows (family, timestep of clean frames) is read from it, never asked for.
Proved in `tests/generate/test_models.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, final

import torch

from rareworld.data.config import Config
from rareworld.diffusion.fast import FastMode
from rareworld.diffusion.schedule import SHIFT
from rareworld.generate.contexts import CachedContexts
from rareworld.generate.engine import Encoder, Ends, Engine, Tokenizer
from rareworld.generate.noise import EXACT, LatentSampler
from rareworld.generate.offload import Part, Residency
from rareworld.models.cosmos_predict.config import FAMILIES, Objective
from rareworld.models.cosmos_predict.defaults import Defaults, read_defaults
from rareworld.models.cosmos_predict.hashes import sha256_of
from rareworld.models.cosmos_predict.model import CosmosDiT, compile_blocks
from rareworld.models.cosmos_predict.pipeline import (
    RELEASES,
    TRAINED,
    Release,
    encoder_of,
    inside,
    mini_width,
    net_path,
    pipeline_of,
    text_folder,
)
from rareworld.models.cosmos_predict.sizes import Limits, Size, latents_of, limits_at
from rareworld.models.cosmos_predict.weights.adapter_io import read_adapter, split_weight
from rareworld.models.cosmos_predict.weights.checkpoint import Checkpoint
from rareworld.models.cosmos_predict.weights.loading import build_net
from rareworld.models.cosmos_predict.weights.reader import open_checkpoint, read_checkpoint
from rareworld.models.text.encoder import EncoderName
from rareworld.models.text.load import (
    EncoderConfig,
    find_encoder,
    identify,
    load_encoder,
    torch_dtype,
)
from rareworld.models.text.projection import Projection
from rareworld.models.wan_vae.weights import load_tokenizer, tokenizer_folder
from rareworld.nn.attention import AttentionBackend, Choice, LocalAttend, choose
from rareworld.nn.ranks import Ranks

WINDOWS = {4: 20.5e9, 2: 13.5e9}
"""Bytes the tokenizer takes at most to decode 93 frames of 704,1280 by its window in latent frames:
bfloat16 and fused, measured; with less, the window is 1."""
SMALL_PICTURE = 300_000
"""Pixels up to which windows of 4 latent frames are decoded in main memory: at most 5 GB with the
published tokenizer, a sixth of it with one of base_dim 16."""
PLAIN_FACTOR = 28.4 / 20.5
"""Bytes without fusing, as a multiple of those with it; measured at window 4."""
HEADROOM = 1.1
"""Free bytes wanted for each one measured: memory is in pieces, and 960,960 is a little larger."""


@final
class ModelConfig(Config):
    """Which parts make the videos, and how they run."""

    model: str = "2B/post-trained"
    """A released name, a checkpoint of any layout, or a pipeline folder."""
    adapters: tuple[str, ...] = ()
    """Low-rank adapters to fold in, `PATH` or `PATH=WEIGHT`."""
    ema: bool = False
    """Take the checkpoint's averaged weights."""
    alpha: float | None = None
    """Alpha of an adapter inside the checkpoint, where it does not say it."""
    conditional_timestep: float | None = None
    """What clean frames are told, where a Predict2.5 checkpoint does not say it."""
    tokenizer: Path | None = None
    """Wan 2.1 tokenizer; left out, the pipeline's own, the caches, the hub."""
    encoder: EncoderName | None = None
    """Text encoder; left out, the one the family was trained with."""
    encoder_weights: Path | None = None
    """Its folder in the hub's layout; left out, the pipeline's own, the caches, the hub."""
    contexts: Path | None = None
    """Cache made by `rareworld embed`: prompts are looked up in it and no encoder is loaded."""
    dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    """Type of the computation; auto is bfloat16 on a GPU and float32 without."""
    attention: AttentionBackend = AttentionBackend.AUTO
    """Attention back end."""
    compile: bool | Literal["tuned"] = False
    """Fuse element-wise work (slow at first, a tenth faster after); "tuned" tries more kernels."""
    offload: frozenset[Part] = frozenset()
    """Parts that are on the GPU only for their turn."""
    fast: FastMode = EXACT
    """Work that may be left out; nothing by default."""
    fps: int | None = None
    """Frame rate the model was trained at, 16 or 10; left out, the model's own, else 16."""
    any_size: bool = False
    """Take sizes off the tables, with sides divisible by 16."""


@final
@dataclass(frozen=True, kw_only=True)
class Parts:
    """Where everything is, and what it is."""

    config: ModelConfig
    net: Path
    checkpoint: Checkpoint
    """Opened without its values."""
    adapters: tuple[tuple[Path, float], ...]
    tokenizer: Path
    pipeline: Path | None
    """The folder that holds all parts, if there is one."""
    dtype: torch.dtype
    limits: Limits
    defaults: Defaults | None
    """What the pipeline says of its size, rate and sampler."""
    attention: Choice
    notes: tuple[str, ...] = ()
    """What was assumed, because nothing says it."""

    @property
    def conditional_timestep(self) -> float | None:
        """Timestep that clean frames are told; None for Predict2."""
        return self.checkpoint.conditioning(self.config.conditional_timestep)


def find_parts(config: ModelConfig, device: torch.device) -> Parts:
    """Find every part and look at the checkpoint, without loading anything.

    Raises:
        ConfigError: If there is no such model, or settings do not go together.
        FormatError: If a part is missing, damaged, or of another kind.
        DeviceError: If the attention back end does not run here.
    """
    release = RELEASES.get(config.model)
    net = net_path(config.model)
    pipeline = pipeline_of(net)
    checkpoint = open_checkpoint(net, values=False)
    dtype = _dtype(config.dtype, device)
    defaults = read_defaults(pipeline)
    limits, notes = _limits(config, release, checkpoint, defaults)
    head_dim = checkpoint.family.net.head_dim
    parts = Parts(
        config=config,
        net=net,
        checkpoint=checkpoint,
        adapters=tuple(split_weight(text) for text in config.adapters),
        tokenizer=tokenizer_folder(config.tokenizer or inside(pipeline, "vae")),
        pipeline=pipeline,
        dtype=dtype,
        limits=limits,
        defaults=defaults,
        attention=choose(config.attention, device, dtype, head_dim),
        notes=notes,
    )
    checkpoint.conditioning(config.conditional_timestep)
    return parts


def depends(parts: Parts) -> dict[str, Any]:
    """Return what decides a video's bytes besides its sample: hashes, types, settings.

    Raises:
        FormatError: If a part cannot be read.
    """
    config = parts.config
    return {
        "model_sha256": sha256_of(parts.checkpoint.path),
        "family": parts.checkpoint.family.name,
        "conditional_timestep": parts.conditional_timestep,
        "adapters": [
            {"weight": weight, "sha256": sha256_of(path)} for path, weight in parts.adapters
        ],
        "tokenizer_sha256": sha256_of(parts.tokenizer),
        "text": _text_record(parts),
        "dtype": str(parts.dtype).removeprefix("torch."),
        "settings": config.model_dump(mode="json", include={"ema", "alpha", "compile", "fast"})
        | {"attention": parts.attention.backend.value}
        | ({} if parts.defaults is None else {"shift": parts.defaults.shift}),
    }


def names(parts: Parts) -> dict[str, Any]:
    """Return what parts are called, which decides nothing, as JSON types."""
    return {
        "model": parts.config.model,
        "checkpoint": str(parts.checkpoint.path),
        "adapters": [str(path) for path, _ in parts.adapters],
        "tokenizer": str(parts.tokenizer),
    }


def load_engine(parts: Parts, ranks: Ranks) -> Engine:
    """Load every part and put it where it belongs.

    Raises:
        FormatError: If a part is damaged or does not fit the others.
        DeviceError: If the device is not there.
    """
    config, device = parts.config, ranks.device
    residency = Residency(device, config.offload)
    sampler = LatentSampler(
        net=_load_net(parts, device),
        family=parts.checkpoint.family,
        ranks=ranks,
        attend=LocalAttend(parts.attention.backend),
        conditional_timestep=parts.conditional_timestep,
        fast=config.fast,
        shift=SHIFT if parts.defaults is None else parts.defaults.shift,
    )
    residency.place(Part.MODEL, sampler.net)
    ends = _load_ends(parts, residency) if ranks.leads else None
    return Engine(
        sampler=sampler,
        ends=ends,
        residency=residency,
        about=(
            f"{config.model}: {parts.checkpoint.family.name}, {parts.dtype} on {device}",
            str(parts.attention),
            ", ".join(f"{part} on {place}" for part, place in residency.told().items()),
            *([] if ends is None else [_set_window(ends.tokenizer, parts, device)]),
        ),
    )


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return torch_dtype(name)


def _limits(
    config: ModelConfig, release: Release | None, checkpoint: Checkpoint, told: Defaults | None
) -> tuple[Limits, tuple[str, ...]]:
    """Return what a net can make in one go, and what of it was assumed."""
    if told is not None:
        limits = Limits(
            tabled=False,
            latent_frames=latents_of(told.num_frames),
            fps=Fraction(config.fps or told.fps),
            size=Size(told.height, told.width),
        )
        return limits, ()
    table, fps, notes = _trained(config, release, checkpoint)
    tabled = checkpoint.family.name in FAMILIES and not config.any_size
    return limits_at(fps, tabled=tabled, table=table), notes


def _trained(
    config: ModelConfig, release: Release | None, checkpoint: Checkpoint
) -> tuple[str, int, tuple[str, ...]]:
    """Return the table and rate a net was trained at, and what of it was assumed."""
    if release is not None:
        return release.table, config.fps or release.fps, ()
    said = TRAINED.search(Path(config.model).name) or TRAINED.search(checkpoint.path.name)
    if said is not None:
        return said["table"], config.fps or int(said["fps"]), ()
    if checkpoint.family.objective is not Objective.EDM_FLOW:
        return "720", config.fps or 16, ()
    rate = f"{config.fps} fps as asked for" if config.fps else "16 fps assumed"
    note = (
        f"{checkpoint.path.name}: its name does not say what it was trained at (as in "
        f"model-480p-10fps.pt): 720p assumed, {rate}; --resolution and --fps say otherwise"
    )
    return "720", config.fps or 16, (note,)


def _encoder_config(parts: Parts, folder: Path | None) -> EncoderConfig:
    """Return the settings of the text encoder."""
    net = parts.checkpoint.family.net
    name = parts.config.encoder or encoder_of(parts.pipeline, parts.checkpoint.family.objective)
    mini = name is EncoderName.MINI
    given = parts.config.encoder_weights or folder
    return find_encoder(
        EncoderConfig(
            encoder=name,
            weights=None if mini else given,
            width=mini_width(parts.pipeline, net),
            dtype="float32" if parts.dtype == torch.float32 else "bfloat16",
            offload=Part.TEXT in parts.config.offload,
        )
    )


def _text_record(parts: Parts) -> Mapping[str, Any]:
    if parts.config.contexts is not None:
        return CachedContexts.open(parts.config.contexts).record()
    with text_folder(parts.pipeline) as folder:
        return identify(_encoder_config(parts, folder)).model_dump(mode="json")


def _load_net(parts: Parts, device: torch.device) -> CosmosDiT:
    config = parts.config
    checkpoint = read_checkpoint(parts.net, alpha=config.alpha, ema=config.ema)
    chosen = checkpoint.averaged() if config.ema else checkpoint
    adapters = [(read_adapter(path), weight) for path, weight in parts.adapters]
    home = torch.device("cpu") if Part.MODEL in config.offload else device
    net = build_net(chosen, adapters=adapters, dtype=parts.dtype, device=home)
    net.requires_grad_(requires_grad=False)
    return compile_blocks(net, tuned=config.compile == "tuned") if config.compile else net


def _load_ends(parts: Parts, residency: Residency) -> Ends:
    tokenizer = load_tokenizer(
        parts.tokenizer, dtype=parts.dtype, compile=bool(parts.config.compile)
    )
    residency.place(Part.TOKENIZER, tokenizer.net)
    return Ends(tokenizer, _load_encoder(parts, residency.device))


def _set_window(tokenizer: Tokenizer, parts: Parts, device: torch.device) -> str:
    """Give the tokenizer the widest window that memory allows; return the choice in words."""
    if device.type != "cuda":
        tokenizer.window = max(WINDOWS) if _is_small(parts) else 1
        return f"tokenizer: window {tokenizer.window} (on {device.type})"
    idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    free = torch.cuda.mem_get_info(device)[0] + idle
    tokenizer.window = widest_window(free, dtype=parts.dtype, fused=bool(parts.config.compile))
    return f"tokenizer: window {tokenizer.window} ({free / 1e9:.1f} GB of the GPU are free)"


def _is_small(parts: Parts) -> bool:
    """Return whether a pipeline's size takes little memory to decode, whatever the window.

    On a CPU a wide window is 2.5 times as fast: PyTorch's quick convolutions begin at a size that
    a single latent frame of 128 x 224 does not have.
    """
    told = parts.defaults
    return told is not None and told.height * told.width <= SMALL_PICTURE


def widest_window(free: int, *, dtype: torch.dtype, fused: bool) -> int:
    """Return how many latent frames (4, 2 or 1) are decoded at a time in `free` bytes."""
    factor = HEADROOM * dtype.itemsize / 2 * (1.0 if fused else PLAIN_FACTOR)
    return next((window for window, need in WINDOWS.items() if need * factor <= free), 1)


def _load_encoder(parts: Parts, device: torch.device) -> Encoder:
    if parts.config.contexts is not None:
        return _cached(parts, parts.config.contexts)
    with text_folder(parts.pipeline) as folder:
        config = _encoder_config(parts, folder)
        return load_encoder(config.model_copy(update={"device": str(device)}))


def _cached(parts: Parts, folder: Path) -> CachedContexts:
    """Open a cache that was made for this net."""
    cached = CachedContexts.open(folder)
    name = parts.config.encoder or encoder_of(parts.pipeline, parts.checkpoint.family.objective)
    projection: str | None = None
    if name is EncoderName.REASON1:
        dtype = torch_dtype(cached.cache.identity.dtype)
        state = read_checkpoint(parts.net, ema=False).state
        projection = Projection.from_state(state, str(parts.net), dtype=dtype).sha256
    cached.cache.require(projection=projection, encoder=name)
    return cached
