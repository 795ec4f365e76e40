"""Raw names of any tool sorted into base parameters and adapter factors, under our names.

    net.blocks.0.self_attn.q_proj.base_layer.weight         base, wrapped by PEFT in place
    net.base_model.model.blocks.0...lora_A.default.weight   factor, wrapped by get_peft_model
    base_model.model.transformer_blocks.0.attn1.to_q.lora_A.weight        a saved PEFT adapter
    transformer.transformer_blocks.0.attn1.to_q.lora_A.weight             diffusers' adapter

Proved in `tests/models/cosmos_predict/weights/test_split.py`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import final

from torch import Tensor

from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.weights.adapter import Adapter, LowRank
from rareworld.models.cosmos_predict.weights.names import (
    any_module,
    is_dropped,
    key_to_net,
    to_diffusers,
)

_FACTOR = re.compile(
    r"^(?P<module>.+?)\.(?P<part>lora_A|lora_B|lora_magnitude_vector)(?:\.(?P<rest>.+))?$"
)
_PEFT = "base_model.model."
_BASE = ".base_layer."

Alpha = Callable[[str, int], float | None]
"""Alpha of a layer by the file's own module name and its rank."""


@final
@dataclass
class Factors:
    """Factors of one layer while they are being collected."""

    theirs: str
    parts: dict[str, Tensor] = field(default_factory=dict)


def split(
    tensors: Mapping[str, Tensor], source: str
) -> tuple[dict[str, Tensor], dict[str, Factors]]:
    """Return base parameters by our names, and factors by our module names.

    Raises:
        FormatError: If there are several adapters, or a factor is not of LoRA or DoRA.
    """
    base: dict[str, Tensor] = {}
    factors: dict[str, Factors] = {}
    adapters: set[str] = set()
    for key, tensor in tensors.items():
        plain = key.removeprefix(_PEFT)
        match = _FACTOR.match(plain)
        if match is not None:
            adapters.add(_add(factors, match, tensor))
        elif not is_dropped(plain):
            name = plain.replace(_BASE, ".")
            base[key_to_net(name) or name] = tensor
    if len(adapters) > 1:
        raise FormatError(
            f"{source}: expected one adapter, found {len(adapters)} ({', '.join(sorted(adapters))})"
            "; save them one by one"
        )
    return base, factors


def adapter_of(
    factors: Mapping[str, Factors], source: str, alpha: Alpha, *, rank_stabilised: bool = False
) -> Adapter | None:
    """Return the adapter that the factors make up; None if there are none.

    Raises:
        FormatError: If a layer has only one of its two factors, or is none of ours.
    """
    foreign = [name for name in factors if to_diffusers(name) is None]
    if foreign:
        raise FormatError(
            f"{source}: expected layers of a Cosmos Predict network, found {len(foreign)} of "
            f"another ({', '.join(foreign[:10])}); use an adapter of Predict2 or Predict2.5"
        )
    halves = [name for name, x in factors.items() if not {"lora_A", "lora_B"} <= x.parts.keys()]
    if halves:
        raise FormatError(
            f"{source}: expected lora_A and lora_B of every layer, found one only of "
            f"{', '.join(halves[:10])}; export the adapter again"
        )
    if not factors:
        return None
    layers = {name: _layer(x, alpha) for name, x in sorted(factors.items())}
    return Adapter(source=source, layers=layers, rank_stabilised=rank_stabilised)


def _layer(found: Factors, alpha: Alpha) -> LowRank:
    a = found.parts["lora_A"]
    return LowRank(
        a=a,
        b=found.parts["lora_B"],
        alpha=alpha(found.theirs, a.shape[0]),
        magnitude=found.parts.get("lora_magnitude_vector"),
    )


def _add(factors: dict[str, Factors], match: re.Match[str], tensor: Tensor) -> str:
    """Store one factor; return the adapter's name, empty if it has none."""
    rest = (match["rest"] or "").split(".")
    names = [word for word in rest if word not in {"", "weight"}]
    if "bias" in names or len(names) > 1:
        raise FormatError(
            f"expected low-rank factors without bias, found {match[0]}; train without lora_bias"
        )
    ours = any_module(match["module"]) or match["module"]
    factors.setdefault(ours, Factors(match["module"])).parts[match["part"]] = tensor
    return names[0] if names else ""
