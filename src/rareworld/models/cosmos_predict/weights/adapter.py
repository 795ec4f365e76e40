"""Low-rank adapters: what they are, whether they are sound, and folding them into weights.

    W' = W + s B A                       LoRA, Hu et al. 2021, arXiv:2106.09685; s = alpha / r
    W' = m (W + s B A) / |W + s B A|     DoRA, Liu et al. 2024, arXiv:2402.09353; norm along rows

Rank-stabilised adapters (arXiv:2312.03732) take s = alpha / sqrt(r).
Proved against PEFT's own merge in `tests/models/cosmos_predict/weights/test_adapter.py`.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import torch
from torch import Tensor

from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.weights.names import to_diffusers

_SHOWN = 10


@final
class UnknownFamilyWarning(UserWarning):
    """An adapter does not say its family, and its shapes fit more than one."""


@final
@dataclass(frozen=True, kw_only=True)
class LowRank:
    """The update of one linear layer."""

    a: Tensor
    """Down-projection, (rank, inputs)."""
    b: Tensor
    """Up-projection, (outputs, rank)."""
    alpha: float | None
    """Numerator of the scale; None where the file does not say."""
    magnitude: Tensor | None = None
    """DoRA's length of each output row."""

    @property
    def rank(self) -> int:
        """Return the rank."""
        return self.a.shape[0]


@final
@dataclass(frozen=True, kw_only=True)
class Adapter:
    """Updates of some linear layers of one network, by our module names."""

    source: str
    """File or folder it came from, for messages."""
    layers: Mapping[str, LowRank]
    rank_stabilised: bool = False
    """Whether the scale is alpha / sqrt(rank)."""
    family: str | None = None
    """Family it was trained on, if the file says so; Predict2 and 2.5 have layers of one shape."""
    norms: Mapping[str, Tensor] = field(default_factory=dict)
    """Norms of queries and keys trained whole, by parameter name."""

    @property
    def ranks(self) -> tuple[int, ...]:
        """Return the ranks in use."""
        return tuple(sorted({layer.rank for layer in self.layers.values()}))

    @property
    def alphas(self) -> tuple[float, ...] | None:
        """Return the alphas in use; None if any is unknown."""
        known = {layer.alpha for layer in self.layers.values()}
        return None if None in known else tuple(sorted(a for a in known if a is not None))

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the kinds of layer that are updated, without block numbers."""
        return tuple(sorted({_kind(module) for module in self.layers}))

    @property
    def parameters(self) -> int:
        """Return the number of trained values."""
        factors = sum(
            layer.a.numel() + layer.b.numel() + _count(layer.magnitude)
            for layer in self.layers.values()
        )
        return factors + sum(norm.numel() for norm in self.norms.values())

    @property
    def is_dora(self) -> bool:
        """Return whether any layer has DoRA's magnitudes."""
        return any(layer.magnitude is not None for layer in self.layers.values())

    def with_alpha(self, alpha: float | None) -> "Adapter":
        """Return the adapter with the user's alpha where one is given."""
        if alpha is None:
            return self
        layers = {name: replace(layer, alpha=alpha) for name, layer in self.layers.items()}
        return replace(self, layers=layers)

    def cast(self, dtype: torch.dtype) -> "Adapter":
        """Return the adapter in another number type."""

        def convert(layer: LowRank) -> LowRank:
            length = None if layer.magnitude is None else layer.magnitude.to(dtype)
            return replace(layer, a=layer.a.to(dtype), b=layer.b.to(dtype), magnitude=length)

        norms = {name: norm.to(dtype) for name, norm in self.norms.items()}
        layers = {name: convert(x) for name, x in self.layers.items()}
        return replace(self, layers=layers, norms=norms)

    def scale(self, module: str) -> float:
        """Return the factor on B A of a layer.

        Raises:
            ConfigError: If the file does not say alpha.
        """
        layer = self.layers[module]
        if layer.alpha is None:
            raise ConfigError(
                f"{self.source}: holds an adapter of rank {layer.rank} and does not say its alpha; "
                f"give it (--alpha {layer.rank} in NVIDIA's recipes, where alpha equals rank)"
            )
        return layer.alpha / (math.sqrt(layer.rank) if self.rank_stabilised else layer.rank)


def check_sound(adapter: Adapter) -> None:
    """Check that an adapter was trained: factors of one rank, finite, A not zero.

    Raises:
        FormatError: Naming the layers that are not, and why that happens.
    """
    _refuse(
        adapter,
        lambda x: x.a.ndim != 2 or x.b.ndim != 2 or x.a.shape[0] != x.b.shape[1],
        "A and B have different ranks",
        "the file mixes two adapters: export it again",
    )
    _refuse(
        adapter,
        lambda x: not all(bool(t.isfinite().all()) for t in _tensors(x)),
        "values are not finite",
        "training diverged: take an earlier checkpoint",
    )
    _refuse(
        adapter,
        lambda x: not bool(x.a.any()),
        "A is all zero, so B never learns",
        "the adapter was created on the meta device and never initialised: train it again",
    )


def is_idle(adapter: Adapter) -> bool:
    """Return whether an adapter changes nothing: B is zero everywhere, no DoRA, no norms."""
    more = adapter.is_dora or bool(adapter.norms)
    return not more and not any(bool(x.b.any()) for x in adapter.layers.values())


def warn_if_idle(adapter: Adapter) -> None:
    """Warn that an adapter does nothing."""
    if is_idle(adapter):
        warnings.warn(
            f"{adapter.source}: B is zero in all {len(adapter.layers)} layers, so this adapter "
            "does nothing: it was saved before the first training step",
            stacklevel=2,
        )


def check_fits(adapter: Adapter, state: Mapping[str, Tensor]) -> None:
    """Check that every layer of an adapter exists in a network and has its size.

    Raises:
        FormatError: Naming the first ten layers that do not fit.
    """
    wrong = [text for name, x in adapter.layers.items() if (text := _misfit(name, x, state))]
    wrong += [
        f"{name} is no norm of it"
        for name, norm in adapter.norms.items()
        if name not in state or state[name].shape != norm.shape
    ]
    if wrong:
        raise FormatError(
            f"{adapter.source}: expected an adapter of this network, found {len(wrong)} of "
            f"{len(adapter.layers) + len(adapter.norms)} layers of another: "
            f"{'; '.join(wrong[:_SHOWN])}; use it with the family it was trained on"
        )


def check_same_family(adapter: Adapter, family: str) -> None:
    """Check that an adapter was trained on a family, where its file says on which.

    Raises:
        FormatError: If it was trained on another.
    """
    if adapter.family not in {None, family}:
        raise FormatError(
            f"{adapter.source}: expected an adapter of {family}, found one trained on "
            f"{adapter.family}; choose that base, or an adapter of this one"
        )


def warn_if_family_unknown(adapter: Adapter, family: str) -> None:
    """Warn that nothing says whether an adapter that fits was trained on this family."""
    if adapter.family is None:
        warnings.warn(
            f"{adapter.source}: does not say which family it was trained on and is taken as one "
            f"of {family}; 2B adapters of Predict2 and Predict2.5 have the same shapes (14B too), "
            "and one of the other generation spoils the result without an error",
            UnknownFamilyWarning,
            stacklevel=2,
        )


def merge(
    state: Mapping[str, Tensor], adapters: Sequence[tuple[Adapter, float]]
) -> dict[str, Tensor]:
    """Return the base weights with weighted adapters folded in.

    Computed in float32, one layer at a time; each result has its base parameter's type.

    Raises:
        FormatError: If an adapter is unsound or of another network.
        ConfigError: If an alpha is unknown, or DoRA is mixed or weighted.
    """
    for adapter, weight in adapters:
        check_sound(adapter)
        check_fits(adapter, state)
        warn_if_idle(adapter)
        if adapter.is_dora and (weight != 1 or len(adapters) > 1):
            raise ConfigError(
                f"{adapter.source}: expected a DoRA adapter alone and at weight 1, found weight "
                f"{weight} among {len(adapters)}; DoRA rescales whole rows and cannot be mixed"
            )
    out = dict(state)
    for module in sorted({name for adapter, _ in adapters for name in adapter.layers}):
        key = f"{module}.weight"
        out[key] = _merged_layer(state[key], module, adapters)
    for key in sorted({name for adapter, _ in adapters for name in adapter.norms}):
        out[key] = _merged_norm(state[key], key, adapters)
    return out


def _merged_norm(base: Tensor, key: str, adapters: Sequence[tuple[Adapter, float]]) -> Tensor:
    """Return a norm moved by each adapter's weight of the way to its own."""
    total = base.float()
    for adapter, weight in adapters:
        if key in adapter.norms:
            total = total + weight * (adapter.norms[key].float() - base.float())
    return total.to(base.dtype)


def _merged_layer(base: Tensor, module: str, adapters: Sequence[tuple[Adapter, float]]) -> Tensor:
    total = base.float()
    for adapter, weight in adapters:
        if module in adapter.layers:
            layer = adapter.layers[module]
            update = layer.b.float() @ layer.a.float()
            total = total + weight * adapter.scale(module) * update
            if layer.magnitude is not None:
                length = torch.linalg.vector_norm(total, dim=1)
                total = total * (layer.magnitude.float() / length)[:, None]
    return total.to(base.dtype)


def _misfit(module: str, layer: LowRank, state: Mapping[str, Tensor]) -> str | None:
    base = state.get(f"{module}.weight")
    wanted = (layer.b.shape[0], layer.a.shape[1])
    if base is None or to_diffusers(module) is None:
        return f"{module} is not a layer of it"
    if tuple(base.shape) != wanted:
        return f"{module} updates {list(wanted)}, the layer is {list(base.shape)}"
    if layer.magnitude is not None and layer.magnitude.numel() != wanted[0]:
        return f"{module} has {layer.magnitude.numel()} magnitudes for {wanted[0]} rows"
    return None


def _refuse(adapter: Adapter, is_bad: Callable[[LowRank], bool], what: str, remedy: str) -> None:
    bad = [name for name, layer in adapter.layers.items() if is_bad(layer)]
    if bad:
        raise FormatError(
            f"{adapter.source}: expected a trained adapter, found that {what} in {len(bad)} of "
            f"{len(adapter.layers)} layers ({', '.join(bad[:_SHOWN])}); {remedy}"
        )


def _tensors(layer: LowRank) -> list[Tensor]:
    return [t for t in (layer.a, layer.b, layer.magnitude) if t is not None]


def _count(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.numel()


def _kind(module: str) -> str:
    """Return a module's name without `blocks.N.`."""
    parts = module.split(".")
    return ".".join(parts[2:] if parts[0] == "blocks" else parts)
