"""One table of names, both ways: upstream's (`net.` stripped; ours too) and diffusers'.

Source: the module trees of cosmos-predict2 (661da47) and of diffusers' CosmosTransformer3DModel.
Proved total and injective in `tests/models/cosmos_predict/weights/test_names.py`: every key of the
four families maps to exactly the keys of diffusers' module, and back.
"""

_ATTENTION = {
    "q_proj": "to_q",
    "k_proj": "to_k",
    "v_proj": "to_v",
    "output_proj": "to_out.0",
    "q_norm": "norm_q",
    "k_norm": "norm_k",
}

_IN_BLOCK = {
    **{f"self_attn.{ours}": f"attn1.{theirs}" for ours, theirs in _ATTENTION.items()},
    **{f"cross_attn.{ours}": f"attn2.{theirs}" for ours, theirs in _ATTENTION.items()},
    "mlp.layer1": "ff.net.0.proj",
    "mlp.layer2": "ff.net.2",
    **{
        f"adaln_modulation_{part}.{i}": f"norm{n}.linear_{i}"
        for n, part in enumerate(("self_attn", "cross_attn", "mlp"), start=1)
        for i in (1, 2)
    },
}

_OUTSIDE = {
    "x_embedder.proj.1": "patch_embed.proj",
    "t_embedder.1.linear_1": "time_embed.t_embedder.linear_1",
    "t_embedder.1.linear_2": "time_embed.t_embedder.linear_2",
    "t_embedding_norm": "time_embed.norm",
    "crossattn_proj.0": "crossattn_proj.0",
    "final_layer.linear": "proj_out",
    "final_layer.adaln_modulation.1": "norm_out.linear_1",
    "final_layer.adaln_modulation.2": "norm_out.linear_2",
}

MODULES: dict[str, str] = {
    **_OUTSIDE,
    **{f"blocks.N.{ours}": f"transformer_blocks.N.{theirs}" for ours, theirs in _IN_BLOCK.items()},
}
"""Upstream's module to diffusers'; `N` stands for the block's index."""

_BACK = {theirs: ours for ours, theirs in MODULES.items()}

_DROPPED_PREFIXES = ("pos_embedder.", "accum_")
_DROPPED_SUFFIX = "_extra_state"


def to_diffusers(module: str) -> str | None:
    """Return diffusers' name of one of our modules; None if we have no such module."""
    return _translate(module, MODULES)


def to_net(module: str) -> str | None:
    """Return our name of one of diffusers' modules; None if it has no such module."""
    return _translate(module, _BACK)


def key_to_diffusers(key: str) -> str | None:
    """Return diffusers' name of a parameter; None if it is none of ours."""
    return _with_parameter(key, MODULES)


def key_to_net(key: str) -> str | None:
    """Return our name of one of diffusers' parameters; None if it is none of them."""
    return _with_parameter(key, _BACK)


def any_module(module: str) -> str | None:
    """Return our name of a module given in either naming; None if it is in neither."""
    return module if to_diffusers(module) else to_net(module)


def is_dropped(key: str) -> bool:
    """Return whether upstream saves this entry beside the weights and no network needs it."""
    return key.startswith(_DROPPED_PREFIXES) or key.endswith(_DROPPED_SUFFIX)


def _with_parameter(key: str, table: dict[str, str]) -> str | None:
    module, _, parameter = key.rpartition(".")
    other = _translate(module, table)
    return f"{other}.{parameter}" if other else None


def _translate(module: str, table: dict[str, str]) -> str | None:
    """Look up a module with its block index, if any, set aside."""
    stem, _, rest = module.partition(".")
    index, _, inside = rest.partition(".")
    if not index.isdecimal() or stem not in {"blocks", "transformer_blocks"}:
        return table.get(module)
    found = table.get(f"{stem}.N.{inside}")
    return found.replace(".N.", f".{index}.", 1) if found else None
