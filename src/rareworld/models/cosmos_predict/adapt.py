"""Low-rank adapters in the network, through PEFT: added, drawn, switched off, taken out, saved.

PEFT wraps the layers and names their parameters (`...q_proj.lora_A.default.weight`), so what it and
diffusers know about such networks stays true. Factors are drawn here, from a seed, not by PEFT.

Source: PEFT `tuners/lora` (facts read), Hu et al. 2021, Kalajdzievski 2023 (rsLoRA).
Proved in `tests/models/cosmos_predict/test_adapt.py` against PEFT's own forward pass and diffusers'
loader. Explained in `docs/explain/adapters.md`.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast, final

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import Linear as PeftLinear
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from rareworld.core.seed import Seed
from rareworld.data.atomic import atomic_folder
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.adapter_layer import NAME, LowRankLinear
from rareworld.models.cosmos_predict.adapter_targets import TARGETS, find_targets
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.models.cosmos_predict.quantize import Bits, quantize_layers
from rareworld.models.cosmos_predict.weights.adapter import Adapter
from rareworld.models.cosmos_predict.weights.adapter_io import write_diffusers_adapter
from rareworld.models.cosmos_predict.weights.norms import is_norm
from rareworld.models.cosmos_predict.weights.split import adapter_of, split
from rareworld.nn.norms import RMSNorm


@final
@dataclass(frozen=True, kw_only=True)
class AdapterSpec:
    """Which adapters; fields as `train.config.AdapterConfig` documents them."""

    rank: int = 16
    alpha: float | None = None
    targets: str | tuple[str, ...] = "attention_mlp"
    dora: bool = False
    rslora: bool = False
    dropout: float = 0.0
    dtype: Literal["float32", "bfloat16"] = "float32"
    quantize: Bits = "none"

    @property
    def endings(self) -> tuple[str, ...]:
        """Return the endings of module names that are wanted.

        Raises:
            ConfigError: If a set's name is unknown.
        """
        if not isinstance(self.targets, str):
            return self.targets
        if self.targets not in TARGETS:
            raise ConfigError(
                f"adapter.targets: expected one of {', '.join(TARGETS)} or a list of endings, got "
                f"{self.targets!r}"
            )
        return TARGETS[self.targets]


@final
@dataclass(frozen=True, kw_only=True)
class Adapted:
    """A network and what of it is trained."""

    net: CosmosDiT
    """The network it was given, still called as before."""
    names: tuple[str, ...]
    """Trained parameters, in the network's order."""
    frozen: int
    """Values that stay as they are, counted before they are packed into fewer bits."""
    base_norms: Mapping[str, Tensor] = field(default_factory=dict)
    """What trained norms were, by the names of their parameters."""

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """Return the trained parameters as they are now: sharding a network puts new ones in."""
        return {name: self.net.get_parameter(name) for name in self.names}

    @property
    def parameters(self) -> tuple[nn.Parameter, ...]:
        """Return the trained parameters in the order of their names."""
        return tuple(self.trained.values())

    @property
    def trainable(self) -> int:
        """Return how many values are trained."""
        return sum(parameter.numel() for parameter in self.parameters)


def add_adapters(net: CosmosDiT, spec: AdapterSpec, *, seed: int) -> Adapted:
    """Freeze a network and wrap its target layers with adapters that change nothing yet.

    A is uniform as Kaiming draws it (at most 1 / sqrt(inputs)) and B zero; each layer's A follows
    from the seed and its name alone, on any device and rank. On the meta device nothing is drawn:
    call `draw` once there is memory.

    Args:
        net: Network, its base loaded; on any device.
        spec: Which adapters.
        seed: Decides A.

    Raises:
        ConfigError: If targets match nothing or what cannot be adapted (named), the network has
            adapters already, or the settings contradict each other.
        MissingExtraError: If the base is to be quantised and bitsandbytes is not installed.
    """
    if any(isinstance(module, PeftLinear) for module in net.modules()):
        raise ConfigError("adapter: this network has adapters already; load the base once more")
    _check_settings(spec)
    layers, norms = find_targets(net, spec.endings)
    total = sum(parameter.numel() for parameter in net.parameters())
    whole = [f"{name}.weight" for name in norms]
    base_norms = {name: net.get_parameter(name).detach().clone() for name in whole}
    net.requires_grad_(requires_grad=False)
    quantize_layers(net, find_targets(net, TARGETS["attention_mlp"])[0], spec.quantize)
    _inject(net, spec, layers)
    _materialise(net, spec)
    for name in norms:
        norm = cast(RMSNorm, net.get_submodule(name))
        norm.weight = nn.Parameter(norm.weight.detach().to(_dtype(spec)))
    names = tuple(name for name, _ in net.named_parameters() if "lora_" in name or name in whole)
    frozen = total - sum(tensor.numel() for tensor in base_norms.values())
    adapted = Adapted(net=net, names=names, frozen=frozen, base_norms=base_norms)
    for parameter in adapted.parameters:
        parameter.requires_grad = True
    draw(net, seed)
    return adapted


def train_whole(net: CosmosDiT, *, raw_text: bool = False) -> Adapted:
    """Train every parameter that training from a cache reaches, in the type it has.

    The projection of raw text stays frozen where cached contexts have passed it already; with
    `raw_text` they are the encoder's own, and it is trained too.
    """
    names, frozen = [], 0
    for name, parameter in net.named_parameters():
        reached = raw_text or not name.startswith("crossattn_proj.")
        parameter.requires_grad = reached
        names += [name] if reached else []
        frozen += 0 if reached else parameter.numel()
    return Adapted(net=net, names=tuple(names), frozen=frozen)


@torch.no_grad()
def draw(net: CosmosDiT, seed: int) -> None:
    """Draw every A afresh, zero every B and set DoRA's lengths to the base's; skips meta tensors.

    Call it before the network is sharded.
    """
    for name, layer in adapted_layers(net).items():
        a, b = layer.factors
        if a.is_meta:
            continue
        generator = torch.Generator().manual_seed(Seed(seed).child("adapter", name).int32())
        uniform = torch.rand(a.shape, generator=generator)
        a.copy_((2 * uniform - 1) / math.sqrt(a.shape[1]))
        b.zero_()
        if layer.magnitude is not None:
            layer.magnitude.copy_(torch.linalg.vector_norm(layer.inner.weight.float(), dim=1))


def adapted_layers(net: CosmosDiT) -> dict[str, LowRankLinear]:
    """Return the layers that have an adapter, by their names."""
    return {name: m for name, m in net.named_modules() if isinstance(m, LowRankLinear)}


@contextmanager
def without_adapters(adapted: Adapted) -> Iterator[CosmosDiT]:
    """Give the network as it was before training; adapters and trained norms come back after."""
    layers = adapted_layers(adapted.net).values()
    norms = {name: adapted.net.get_parameter(name) for name in adapted.base_norms}
    present = {name: norm.detach().clone() for name, norm in norms.items()}
    try:
        for layer in layers:
            layer.idle = True
        _set(norms, adapted.base_norms)
        yield adapted.net
    finally:
        for layer in layers:
            layer.idle = False
        _set(norms, present)


def extract(
    net: CosmosDiT, *, source: str, family: str, tensors: Mapping[str, Tensor] | None = None
) -> Adapter:
    """Return a network's adapter as a copy in host memory; sharded factors are gathered.

    Args:
        net: Network with adapters.
        source: Where it comes from, for messages.
        family: Family it was trained on.
        tensors: Other values of the trained parameters, such as their average.

    Raises:
        ConfigError: If the network has no adapters.
    """
    layers = adapted_layers(net)
    values = {name: tensor for name, tensor in _values(net, tensors).items() if "lora_" in name}
    _, factors = split({name: whole_tensor(tensor) for name, tensor in values.items()}, source)
    adapter = adapter_of(
        factors,
        source,
        lambda module, _: float(layers[module].lora_alpha[NAME]),
        rank_stabilised=any(layer.rank_stabilised for layer in layers.values()),
    )
    if adapter is None:
        raise ConfigError(f"{source}: expected a network with adapters, found none; add them first")
    return replace(adapter, family=family)


def extract_norms(net: CosmosDiT, tensors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """Return the norms that are trained whole, by our names, as `extract` returns factors."""
    names = [name for name, p in net.named_parameters() if p.requires_grad and is_norm(name)]
    values = _values(net, tensors)
    return {name: whole_tensor(values[name]) for name in names}


def write_trained(
    folder: Path, adapter: Adapter, norms: Mapping[str, Tensor], *, overwrite: bool = False
) -> None:
    """Write an adapter as diffusers loads it, and norms trained whole in a file beside it.

    Raises:
        StoreError: If the folder exists and `overwrite` is off, or cannot be written.
    """
    with atomic_folder(folder, replace=overwrite) as temporary:
        write_diffusers_adapter(temporary, replace(adapter, norms=norms))


def whole_tensor(tensor: Tensor) -> Tensor:
    """Return a copy in host memory; every rank must ask for a sharded tensor."""
    gathered = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return gathered.detach().to("cpu", copy=True)


def _check_settings(spec: AdapterSpec) -> None:
    if spec.dora and spec.quantize != "none":
        raise ConfigError(
            f"adapter.dora: expected weights in full, found adapter.quantize {spec.quantize}; "
            "DoRA measures rows of the base's weights at every step: switch one of them off"
        )


def _inject(net: CosmosDiT, spec: AdapterSpec, layers: list[str]) -> None:
    settings = LoraConfig(
        r=spec.rank,
        lora_alpha=cast(int, spec.rank if spec.alpha is None else spec.alpha),
        target_modules=layers,
        lora_dropout=spec.dropout,
        use_dora=spec.dora,
        use_rslora=spec.rslora,
        bias="none",
    )
    settings._register_custom_module({nn.Linear: LowRankLinear})  # noqa: SLF001 - PEFT's documented way in
    # on the meta device: PEFT would draw from the global generator and in the base's type
    inject_adapter_in_model(settings, net, NAME, low_cpu_mem_usage=True)


def _materialise(net: CosmosDiT, spec: AdapterSpec) -> None:
    """Give adapters memory where the base has it."""
    for layer in adapted_layers(net).values():
        device = layer.inner.weight.device
        for part in (layer.lora_A, layer.lora_B, layer.lora_magnitude_vector):
            part.to(_dtype(spec)).to_empty(device=device)


def _dtype(spec: AdapterSpec) -> torch.dtype:
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[spec.dtype]


def _values(net: CosmosDiT, tensors: Mapping[str, Tensor] | None) -> Mapping[str, Tensor]:
    return dict(net.named_parameters()) if tensors is None else tensors


@torch.no_grad()
def _set(parameters: Mapping[str, nn.Parameter], values: Mapping[str, Tensor]) -> None:
    """Copy values into parameters, sharded as these are."""
    for name, value in values.items():
        target = parameters[name]
        here = value.to(target.device)
        if isinstance(target, DTensor) and not isinstance(here, DTensor):
            here = distribute_tensor(here, target.device_mesh, target.placements)
        target.copy_(here)
