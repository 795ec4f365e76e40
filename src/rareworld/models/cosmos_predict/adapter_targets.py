"""Which layers of the network get an adapter, and which norms are trained whole.

Only layers that are called can be adapted: modulation and the timestep's layers are read for their
weights (`layers.linear_in`), so an adapter there would do nothing, and cached contexts have passed
the projection of raw text already.
Proved in `tests/models/cosmos_predict/test_adapter_targets.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from torch import nn

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.weights.norms import NORMS
from rareworld.nn.norms import RMSNorm

_ATTENTION = ("q_proj", "k_proj", "v_proj", "output_proj")
_MLP = ("mlp.layer1", "mlp.layer2")
TARGETS: Mapping[str, tuple[str, ...]] = {
    "attention": _ATTENTION,
    "attention_mlp": (*_ATTENTION, *_MLP),
    "with_norms": (*_ATTENTION, *_MLP, *NORMS),
}
"""Sets by name; self- and cross-attention both have these projections and norms."""


def find_targets(net: nn.Module, endings: Collection[str]) -> tuple[list[str], list[str]]:
    """Return names of layers to adapt and of norms to train whole.

    Raises:
        ConfigError: If an ending matches nothing or what cannot be adapted; all are named.
    """
    modules = dict(net.named_modules())
    found = {ending: [name for name in modules if _ends(name, ending)] for ending in endings}
    _refuse_missing([ending for ending, names in found.items() if not names], modules)
    names = sorted({name for names in found.values() for name in names})
    _refuse_unfit([name for name in names if not _is_target(name, modules)])
    layers = [name for name in names if isinstance(modules[name], nn.Linear)]
    if not layers:
        raise ConfigError(
            f"adapter.targets: {', '.join(endings)} name norms alone; add a projection such as "
            "q_proj, or train the whole network (adapter: null)"
        )
    return layers, [name for name in names if isinstance(modules[name], RMSNorm)]


def _refuse_missing(missing: Sequence[str], modules: Mapping[str, nn.Module]) -> None:
    if not missing:
        return
    kinds = sorted({name.rpartition(".")[2] for name in modules if _is_target(name, modules)})
    known = [*kinds, *TARGETS]
    near = [match for ending in missing for match in get_close_matches(ending, known, 1)]
    hint = f"did you mean {', '.join(near)}? " if near else ""
    raise ConfigError(
        f"adapter.targets: {', '.join(missing)} match no layer of this network; {hint}"
        f"endings it has: {', '.join(kinds)}; sets: {', '.join(TARGETS)}"
    )


def _refuse_unfit(unfit: Sequence[str]) -> None:
    if unfit:
        raise ConfigError(
            f"adapter.targets: {len(unfit)} matches cannot be adapted ({', '.join(unfit[:10])}); "
            "an adapter there would not be used: choose projections of attention, layers of the "
            "MLP, or norms of queries and keys"
        )


def _ends(name: str, ending: str) -> bool:
    return name == ending or name.endswith(f".{ending}")


def _is_target(name: str, modules: Mapping[str, nn.Module]) -> bool:
    """Return whether a module can be trained: other linear layers are not called, only read."""
    kinds = {"self_attn": (*_ATTENTION, *NORMS), "cross_attn": (*_ATTENTION, *NORMS)}
    parent, _, kind = name.rpartition(".")
    part = parent.rpartition(".")[2]
    in_block = parent.startswith("blocks.")
    fits = f"{part}.{kind}" in _MLP or kind in kinds.get(part, ())
    return in_block and fits and isinstance(modules[name], nn.Linear | RMSNorm)
