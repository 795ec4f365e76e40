"""Arithmetic of a training step, counted from the network's own layers.

A product of (rows, in) by (in, out) is 2 rows in out. Of a frozen layer the backward pass needs the
gradient of its input only, and not where nothing before it is trained; of a trained one that of its
weight too. Self-attention over n tokens of width d is 4 n^2 d forward and 10 n^2 d backward (two
products, and five: scores are made again). Recomputing policies run layers of blocks twice.
Proved in `tests/train/test_flops.py` against PyTorch's own counter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from torch import nn

from rareworld.models.cosmos_predict.adapt import Adapted
from rareworld.models.cosmos_predict.adapter_layer import LowRankLinear
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.train.config import Activations

TEXT_ROWS = 512
"""Rows of text that blocks attend to, padding included."""


@final
@dataclass(frozen=True, kw_only=True)
class Clips:
    """What passes the network at once on one GPU."""

    tokens: int
    """Tokens of a clip."""
    count: int = 1
    """Clips."""
    timesteps: int = 1
    """Timesteps of a clip: 1, or its latent frames."""
    text: int = TEXT_ROWS
    """Rows of text of a clip."""


@final
@dataclass(frozen=True, kw_only=True)
class Work:
    """Floating-point operations."""

    linear: float
    """Of linear layers and adapters, and attention to text."""
    attention_forward: float
    """Of self-attention."""
    attention_backward: float
    """Of its gradient."""

    @property
    def total(self) -> float:
        """Return all of them."""
        return self.linear + self.attention_forward + self.attention_backward

    def shared(self, ranks: int) -> "Work":
        """Return what each of some ranks does that share a clip's tokens."""
        return Work(
            linear=self.linear / ranks,
            attention_forward=self.attention_forward / ranks,
            attention_backward=self.attention_backward / ranks,
        )


@final
@dataclass(frozen=True)
class Layer:
    """One linear layer and what the backward pass wants of it."""

    name: str
    rows: int
    inputs: int
    outputs: int
    rank: int
    """Of its adapter; 0 without one."""
    input_needs_gradient: bool
    trained: bool

    @property
    def forward(self) -> float:
        """Return the operations of its forward pass, its adapter's too."""
        adapter = self.rank * (self.inputs + self.outputs)
        return 2.0 * self.rows * (self.inputs * self.outputs + adapter)

    @property
    def backward(self) -> float:
        """Return the operations of its backward pass."""
        whole = self.inputs * self.outputs
        through = whole + self.rank * self.inputs if self.input_needs_gradient else 0
        weights = whole if self.trained else self.rank * (self.inputs + self.outputs)
        return 2.0 * self.rows * (through + weights + self.rank * self.outputs)

    @property
    def in_block(self) -> bool:
        """Return whether it is computed again where blocks are."""
        return self.name.startswith("blocks.")


def step_work(adapted: Adapted, clips: Clips, activations: Activations) -> Work:
    """Return the operations of a forward and a backward pass."""
    net = adapted.net.config
    layers = list(layers_of(adapted, clips))
    again = sum(x.forward for x in layers if x.in_block)
    linear = sum(x.forward + x.backward for x in layers)
    text = 4.0 * clips.count * clips.tokens * clips.text * net.width * net.num_blocks
    self_attention = 4.0 * clips.count * clips.tokens**2 * net.width * net.num_blocks
    recomputed = activations is not Activations.NONE
    twice = activations is Activations.FULL
    return Work(
        linear=linear + (again + text if recomputed else 0) + 3.5 * text,
        attention_forward=self_attention * (2 if twice else 1),
        attention_backward=2.5 * self_attention,
    )


def forward_work(net: CosmosDiT, clips: Clips) -> Work:
    """Return the operations of a forward pass alone."""
    config = net.config
    layers = layers_of(Adapted(net=net, names=(), frozen=0), clips)
    blocks = 4.0 * clips.count * clips.tokens * config.width * config.num_blocks
    return Work(
        linear=sum(layer.forward for layer in layers) + blocks * clips.text,
        attention_forward=blocks * clips.tokens,
        attention_backward=0,
    )


def layers_of(adapted: Adapted, clips: Clips) -> Iterator[Layer]:
    """Yield the linear layers that a step from cached text passes."""
    trained = set(adapted.names)
    whole = "x_embedder.proj.1.weight" in trained
    for name, module in adapted.net.named_modules():
        passed_by = "lora_" in name or name.startswith("crossattn_proj.")
        if passed_by or not isinstance(module, nn.Linear):
            continue
        stem = name.removesuffix(".base_layer")
        parent = adapted.net.get_submodule(stem)
        yield Layer(
            name=stem,
            rows=clips.count * _rows(stem, clips),
            inputs=module.in_features,
            outputs=module.out_features,
            rank=parent.factors[0].shape[0] if isinstance(parent, LowRankLinear) else 0,
            input_needs_gradient=_input_needs_gradient(stem, whole=whole),
            trained=f"{stem}.weight" in trained,
        )


def _rows(name: str, clips: Clips) -> int:
    if name.endswith(("cross_attn.k_proj", "cross_attn.v_proj")):
        return clips.text
    if "adaln_modulation" in name or name.startswith("t_embedder."):
        return clips.timesteps
    return clips.tokens


def _input_needs_gradient(name: str, *, whole: bool) -> bool:
    """Return whether anything trained comes before a layer."""
    if name.endswith(("cross_attn.k_proj", "cross_attn.v_proj")) or name.startswith("x_embedder."):
        return False
    if "adaln_modulation" in name or name.startswith("t_embedder."):
        # the first of each pair reads the sinusoid, which only a trained norm stands before
        return whole and not name.endswith("t_embedder.1.linear_1")
    first = name in {f"blocks.0.self_attn.{kind}_proj" for kind in "qkv"}
    return whole or not first
