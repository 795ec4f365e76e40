"""Arithmetic of a training step, counted from the network's own layers.

A product of (rows, in) by (in, out) is 2 rows in out. Of a frozen layer the backward pass needs the
gradient of its input only, and not where nothing before it is trained; of a trained one that of its
weight too. Self-attention over n tokens of width d is 4 n^2 d forward and 10 n^2 d backward (two
products, and five: scores are made again). Recomputing policies run layers of blocks twice.
Proved in `tests/train/test_flops.py` against PyTorch's own counter.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import final

from torch import nn

from rareworld.models.cosmos_predict.adapt import Adapted, AdapterSpec, train_whole
from rareworld.models.cosmos_predict.adapter_layer import LowRankLinear
from rareworld.models.cosmos_predict.adapter_targets import find_targets
from rareworld.models.cosmos_predict.config import NetConfig
from rareworld.models.cosmos_predict.families import build_on_meta
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
    """Of linear layers and adapters."""
    text_forward: float = 0.0
    """Of attention to text."""
    text_backward: float = 0.0
    """Of its gradient."""
    attention_forward: float
    """Of self-attention."""
    attention_backward: float
    """Of its gradient."""

    @property
    def total(self) -> float:
        """Return all of them."""
        text = self.text_forward + self.text_backward
        return self.linear + text + self.attention_forward + self.attention_backward

    def shared(self, ranks: int) -> "Work":
        """Return what each of some ranks does that share a clip's tokens."""
        return Work(
            linear=self.linear / ranks,
            text_forward=self.text_forward / ranks,
            text_backward=self.text_backward / ranks,
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


@final
@dataclass(frozen=True, kw_only=True)
class Trainee:
    """A network's shapes and what of it is trained, without its tensors."""

    net: NetConfig
    layers: tuple[Layer, ...]
    """Linear layers that a step from cached text passes; their rows are those of one token."""
    trainable: int
    """Values that are trained."""
    frozen: int
    """Values that are not."""

    @classmethod
    def of(cls, adapted: Adapted) -> "Trainee":
        """Return a network that is there."""
        wrapped = {
            name: layer.factors[0].shape[0]
            for name, layer in adapted.net.named_modules()
            if isinstance(layer, LowRankLinear)
        }
        return cls(
            net=adapted.net.config,
            layers=_layers(adapted.net, wrapped, set(adapted.names)),
            trainable=adapted.trainable,
            frozen=adapted.frozen,
        )

    @classmethod
    def planned(cls, config: NetConfig, spec: AdapterSpec | None) -> "Trainee":
        """Return a network that is not: adapters' values are counted, not made.

        Args:
            config: Its shape.
            spec: Its adapters; None trains it whole.

        Raises:
            ConfigError: If targets match nothing, or what cannot be adapted.
        """
        net = build_on_meta(config)
        if spec is None:
            return cls.of(train_whole(net))
        adapted, norms = find_targets(net, spec.endings)
        layers = _layers(net, dict.fromkeys(adapted, spec.rank), set())
        whole = sum(net.get_parameter(f"{name}.weight").numel() for name in norms)
        per_layer = (
            spec.rank * (x.inputs + x.outputs) + spec.dora * x.outputs for x in layers if x.rank
        )
        return cls(
            net=config,
            layers=layers,
            trainable=whole + sum(per_layer),
            frozen=sum(parameter.numel() for parameter in net.parameters()) - whole,
        )

    def over(self, clips: Clips) -> list[Layer]:
        """Return the layers with the rows of some clips."""
        return [replace(x, rows=clips.count * _rows(x.name, clips)) for x in self.layers]


def step_work(trainee: Trainee | Adapted, clips: Clips, activations: Activations) -> Work:
    """Return the operations of a forward and a backward pass."""
    known = Trainee.of(trainee) if isinstance(trainee, Adapted) else trainee
    net, layers = known.net, known.over(clips)
    per_row = 4.0 * clips.count * clips.tokens * net.width * net.num_blocks
    recomputed = activations is not Activations.NONE
    again = sum(x.forward for x in layers if x.in_block) if recomputed else 0.0
    return Work(
        linear=sum(x.forward + x.backward for x in layers) + again,
        text_forward=per_row * clips.text * (2 if recomputed else 1),
        text_backward=2.5 * per_row * clips.text,
        attention_forward=per_row * clips.tokens * (2 if activations is Activations.FULL else 1),
        attention_backward=2.5 * per_row * clips.tokens,
    )


def forward_work(net: CosmosDiT, clips: Clips) -> Work:
    """Return the operations of a forward pass alone."""
    config = net.config
    layers = Trainee.of(Adapted(net=net, names=(), frozen=0)).over(clips)
    blocks = 4.0 * clips.count * clips.tokens * config.width * config.num_blocks
    return Work(
        linear=sum(layer.forward for layer in layers),
        text_forward=blocks * clips.text,
        attention_forward=blocks * clips.tokens,
        attention_backward=0,
    )


def _layers(net: CosmosDiT, ranks: Mapping[str, int], trained: Set[str]) -> tuple[Layer, ...]:
    """Return the linear layers of a network; `ranks` has those of its adapters by layer."""
    whole = "x_embedder.proj.1.weight" in trained
    found = []
    for name, module in net.named_modules():
        passed_by = "lora_" in name or name.startswith("crossattn_proj.")
        if passed_by or not isinstance(module, nn.Linear):
            continue
        stem = name.removesuffix(".base_layer")
        layer = Layer(
            name=stem,
            rows=1,
            inputs=module.in_features,
            outputs=module.out_features,
            rank=ranks.get(stem, 0),
            input_needs_gradient=_input_needs_gradient(stem, whole=whole),
            trained=f"{stem}.weight" in trained,
        )
        found.append(layer)
    return tuple(found)


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
