"""A world model ready to learn: base weights, adapters, activation policy, ranks, objective.

Proved in `tests/train/test_assemble.py`.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import cast, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributed.fsdp import FSDPModule

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.activations import set_activations
from rareworld.models.cosmos_predict.adapt import (
    Adapted,
    AdapterSpec,
    add_adapters,
    extract,
    extract_norms,
    train_whole,
    without_adapters,
    write_trained,
)
from rareworld.models.cosmos_predict.config import FAMILIES, Family
from rareworld.models.cosmos_predict.denoise import SAME_AS_REST, Net
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.model import CosmosDiT, init_weights
from rareworld.models.cosmos_predict.pipeline import (
    RELEASES,
    encoder_of,
    mini_width,
    net_path,
    pipeline_of,
)
from rareworld.models.cosmos_predict.weights.checkpoint import Checkpoint
from rareworld.models.cosmos_predict.weights.loading import build_net
from rareworld.models.cosmos_predict.weights.reader import open_checkpoint, read_checkpoint
from rareworld.models.mini.find import MINI_NAME
from rareworld.models.mini.shape import MINI_FAMILY
from rareworld.models.text.encoder import MAX_TOKENS, EncoderName
from rareworld.models.text.load import torch_dtype
from rareworld.models.wan_vae.tokenizer import latent_frames
from rareworld.nn.attention import AttentionBackend, Choice, LocalAttend, choose
from rareworld.nn.fusing import can_fuse
from rareworld.nn.ranks import Ranks
from rareworld.train.config import AdapterConfig, BaseConfig, ComputeConfig, TrainConfig
from rareworld.train.data.clips import Bucket
from rareworld.train.environment import exact_kernels
from rareworld.train.guards import check_base, enforce
from rareworld.train.objective.world import WorldObjective
from rareworld.train.parallel import Mesh
from rareworld.train.state import Average
from rareworld.train.state_parts import Remainder

CELLS = 8
"""Pixels along a side of a latent cell."""
ORDERED = (AttentionBackend.FLASH, AttentionBackend.PLAIN)
"""Back ends whose backward pass can sum in a fixed order (`benchmarks`, training on an H200)."""


@final
@dataclass(frozen=True, kw_only=True)
class Base:
    """A pre-trained network, or one to be trained from nothing."""

    net: CosmosDiT
    family: Family
    conditional_timestep: float | None
    """What clean frames are told; None for Predict2."""


@final
@dataclass(frozen=True, kw_only=True)
class Learner:
    """A network that is being trained, and how it is computed."""

    adapted: Adapted
    net: Net
    """As the objective calls it: its tokens and weights shared among ranks."""
    family: Family
    conditional_timestep: float | None
    objective: WorldObjective
    mesh: Mesh
    attention: Choice
    dtype: torch.dtype
    device: torch.device
    empty: Float[Tensor, "1 n e"]
    """Context of no text, as training drops it."""
    has_adapter: bool

    @property
    def module(self) -> CosmosDiT:
        """Return the network itself."""
        return self.adapted.net

    @contextmanager
    def still(self, ema: Average | None) -> Generator[None]:
        """Have the averaged weights in place and nothing drawn while a block runs."""
        devices = [self.device] if self.device.type == "cuda" else []
        average = nullcontext() if ema is None else ema.applied()
        self.module.eval()
        _reshard(self.module)
        try:
            # forward passes repeat to the bit either way, and are faster so
            quick = exact_kernels(enabled=False)
            with torch.random.fork_rng(devices=devices), average, quick:
                yield
                _reshard(self.module)
        finally:
            self.module.train()

    @contextmanager
    def without(self) -> Generator[None]:
        """Have the base model in place while a block runs."""
        with without_adapters(self.adapted):
            yield

    def remainder(self) -> Remainder:
        """Return what makes the trained weights a whole model, where all of it is trained."""
        frozen = {n: p for n, p in self.module.named_parameters() if not p.requires_grad}
        return Remainder(frozen=frozen, conditional_timestep=self.conditional_timestep)

    def gather(self, ema: Average | None) -> Callable[[Path], None]:
        """Copy the adapter to the host, averaged where there is an average; return its writer."""
        average = None if ema is None else ema.state_dict()
        name = f"trained {self.family.name}"
        adapter = extract(self.module, source=name, family=self.family.name, tensors=average)
        norms = extract_norms(self.module, average)
        return lambda folder: write_trained(folder, adapter, norms)


def compute_dtype(config: TrainConfig, device: torch.device) -> torch.dtype:
    """Return the type that the net computes in."""
    if config.compute.dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return torch_dtype(config.compute.dtype)


def family_of(config: BaseConfig) -> Family:
    """Return a base model's family without reading its weights.

    Raises:
        ConfigError: If there is no such model.
        FormatError: If the checkpoint cannot be read.
    """
    if config.model == MINI_NAME:
        return MINI_FAMILY  # known where a package lacks the weights
    named = FAMILIES.get(_released_family(config.model))
    return named or open_checkpoint(net_path(config.model), values=False).family


def _released_family(model: str) -> str:
    """Return the family of a released name, so that nothing is downloaded to know it."""
    if model not in RELEASES:
        return model
    generation = "predict2" if model.startswith("predict2/") else "predict2.5"
    return f"{generation}-{'14b' if '14B' in model else '2b'}"


def load_base(config: BaseConfig, *, dtype: torch.dtype, device: torch.device, seed: int) -> Base:
    """Load a base model's weights, or draw them.

    Raises:
        ConfigError: If there is no such model, nothing says what clean frames are told, or the
            network does not hold what the file does.
        FormatError: If a key is missing, damaged or of another model: nothing is loaded in part.
    """
    if config.init == "random":
        return _random_base(config, dtype=dtype, device=device, seed=seed)
    checkpoint = read_checkpoint(net_path(config.model), ema=config.ema)
    told = checkpoint.conditioning(config.conditional_timestep)
    chosen: Checkpoint = checkpoint.averaged() if config.ema else checkpoint
    net = build_net(chosen, dtype=dtype, device=device)
    if chosen.lora is None:  # an adapter in the file is folded in, and changes what it names
        enforce(check_base(net, chosen.state, str(checkpoint.path)))
    return Base(net=net, family=checkpoint.family, conditional_timestep=told)


def _random_base(
    config: BaseConfig, *, dtype: torch.dtype, device: torch.device, seed: int
) -> Base:
    family = family_of(config)
    net = build_on_meta(family.net).to_empty(device="cpu")
    init_weights(net, torch.Generator().manual_seed(seed), identity=True)
    newer = family.net.raw_context_dim is not None
    told = config.conditional_timestep
    return Base(
        net=net.to(device, dtype).eval(),
        family=family,
        conditional_timestep=(SAME_AS_REST if told is None else told) if newer else None,
    )


def assemble(config: TrainConfig, ranks: Ranks, buckets: Sequence[Bucket]) -> Learner:
    """Load the base and prepare it for training; every rank calls it alike.

    Raises:
        ConfigError: If settings do not go together; names them.
        FormatError: If weights are incomplete or damaged.
        DeviceError: If the attention back end does not run here.
    """
    device = ranks.device
    dtype = compute_dtype(config, device)
    kept = dtype if config.adapter else torch.float32  # what is trained is kept in float32
    home = device if config.parallel.shard == 1 else torch.device("cpu")
    base = ranks.together(lambda: load_base(config.base, dtype=kept, device=home, seed=config.seed))
    shape = base.family.net
    grids = sorted({_grid(bucket, shape.patch) for bucket in buckets})
    mesh = Mesh.plan(ranks, config.on(ranks.world).parallel, shape.num_heads, grids)
    attention = choose(attention_of(config.compute, device), device, dtype, shape.head_dim)
    raw_text = reads_raw(config.base, base.family)
    empty = empty_context(base.net, raw_text=raw_text)
    adapted = add(base.net, config.adapter, seed=config.seed, raw_text=raw_text)
    base.net.set_attention(LocalAttend(attention.backend))
    policy = config.compute.activations.value
    set_activations(base.net, policy, compile=compiles(config.compute, device))
    net = mesh.share(base.net, dtype)
    base.net.train()
    return Learner(
        adapted=adapted,
        net=net,
        family=base.family,
        conditional_timestep=base.conditional_timestep,
        objective=WorldObjective(
            net,
            base.family,
            config.objective,
            conditional_timestep=base.conditional_timestep,
            seed=config.seed,
            dtype=dtype,
        ),
        mesh=mesh,
        attention=attention,
        dtype=dtype,
        device=device,
        empty=empty,
        has_adapter=config.adapter is not None,
    )


def compiles(config: ComputeConfig, device: torch.device) -> bool:
    """Return whether blocks are compiled: as asked for, else where the device can."""
    return can_fuse(device) if config.compile is None else config.compile


def attention_of(config: ComputeConfig, device: torch.device) -> AttentionBackend:
    """Return the back end to ask for: of those whose sums have a fixed order, where that is wanted.

    Raises:
        ConfigError: If the one that was chosen has none.
    """
    wanted = config.attention
    if not config.deterministic or device.type != "cuda":
        return wanted
    if wanted not in {AttentionBackend.AUTO, *ORDERED}:
        raise ConfigError(
            f"compute.attention: expected {' or '.join(ORDERED)} with compute.deterministic, found "
            f"{wanted}, whose sums have no fixed order; leave one of the two out"
        )
    return AttentionBackend.FLASH if wanted is AttentionBackend.AUTO else wanted


def add(
    net: CosmosDiT, config: AdapterConfig | None, *, seed: int, raw_text: bool = False
) -> Adapted:
    """Return the network with what is trained chosen: adapters, or all of it.

    Args:
        net: The network.
        config: Adapters; None trains all of it.
        seed: Of the adapters' initial weights.
        raw_text: Contexts are the encoder's own: the network's projection of them learns too.

    Raises:
        ConfigError: If targets match nothing, or settings contradict each other.
    """
    if config is None:
        return train_whole(net, raw_text=raw_text)
    return add_adapters(net, spec_of(config), seed=seed)


def spec_of(config: AdapterConfig) -> AdapterSpec:
    """Return a configuration as the network's own module takes it."""
    return AdapterSpec(
        rank=config.rank,
        alpha=config.alpha,
        targets=config.targets if isinstance(config.targets, tuple) else config.targets.value,
        dora=config.dora,
        rslora=config.rslora,
        dropout=config.dropout,
        dtype=config.dtype,
        quantize=config.quantize,
    )


def reads_raw(config: BaseConfig, family: Family) -> bool:
    """Return whether contexts are the mini encoder's own, which the network projects itself.

    Reason1's are cached behind the projection; other families have none.
    """
    if config.model in FAMILIES:
        return False
    pipeline = pipeline_of(net_path(config.model))
    encoder = config.encoder or encoder_of(pipeline, family.objective)
    wide = mini_width(pipeline, family.net)
    return encoder is EncoderName.MINI and wide == family.net.raw_context_dim


@torch.no_grad()
def empty_context(net: CosmosDiT, *, raw_text: bool = False) -> Float[Tensor, "1 n e"]:
    """Return the context of a zero embedding, on the host; call it before weights are shared.

    With `raw_text` it is before the projection, which changes while it is trained.
    """
    width = net.config.raw_context_dim or net.config.context_dim
    zeros = torch.zeros(1, 1, width, device=net.final_layer.linear.weight.device)
    projects = width != net.config.context_dim and not raw_text
    row = net.project_context(zeros) if projects else zeros
    return row.float().cpu().expand(1, MAX_TOKENS, -1)


def _grid(bucket: Bucket, patch: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the tokens of a bucket along frames, rows and columns."""
    cells = (latent_frames(bucket.frames), bucket.height // CELLS, bucket.width // CELLS)
    frames, rows, columns = (n // p for n, p in zip(cells, patch, strict=True))
    return frames, rows, columns


def _reshard(net: CosmosDiT) -> None:
    """Give up gathered copies of weights that ranks share, so that the next pass gathers anew."""
    for module in net.modules():
        if isinstance(module, FSDPModule):
            cast(FSDPModule, module).reshard()
