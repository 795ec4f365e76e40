"""Which parameters a network has, and which network has such parameters.

A checkpoint says its own family: width, blocks, heads and text channels are in its shapes. What
shapes cannot say (the rotary ratios) belongs to the released family, or to the record beside it.
Proved in `tests/models/cosmos_predict/weights/test_shapes.py`.
"""

import re
from collections.abc import Mapping

from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.config import FAMILIES, Family, NetConfig, Objective

Shape = tuple[int, ...]

_MASKS = 2
"""Channels beside the latents: condition mask and padding mask."""
_BLOCK = re.compile(r"blocks\.(\d+)\.")


def parameter_shapes(net: NetConfig) -> dict[str, Shape]:
    """Return the shape of every parameter of a network, by its name."""
    width, rank, volume = net.width, net.adaln_dim, _volume(net)
    out: dict[str, Shape] = {
        "x_embedder.proj.1.weight": (width, (net.latent_channels + _MASKS) * volume),
        "t_embedder.1.linear_1.weight": (width, width),
        "t_embedder.1.linear_2.weight": (3 * width, width),
        "t_embedding_norm.weight": (width,),
        "final_layer.linear.weight": (volume * net.latent_channels, width),
        "final_layer.adaln_modulation.1.weight": (rank, width),
        "final_layer.adaln_modulation.2.weight": (2 * width, rank),
    }
    if net.raw_context_dim is not None:
        out["crossattn_proj.0.weight"] = (net.context_dim, net.raw_context_dim)
        out["crossattn_proj.0.bias"] = (net.context_dim,)
    inside = _block_shapes(net)
    for index in range(net.num_blocks):
        out |= {f"blocks.{index}.{name}": shape for name, shape in inside.items()}
    return out


def parameter_count(net: NetConfig) -> int:
    """Return the number of parameters."""
    return sum(_product(shape) for shape in parameter_shapes(net).values())


def family_of(shapes: Mapping[str, Shape], told: Family | None = None) -> Family:
    """Return the family with such parameters.

    Args:
        shapes: Shape of each parameter, by its name.
        told: What the file's own record says; decides what shapes cannot.

    Raises:
        FormatError: If these are not the parameters of a Cosmos Predict network.
    """
    if told is not None:
        return told
    seen = _net_of(shapes)
    for family in FAMILIES.values():
        if _visible(family.net) == _visible(seen):
            return family
    _refuse_damaged(seen)
    return custom_family(seen)


def custom_family(net: NetConfig) -> Family:
    """Return a family for a network of no released size, of the generation its text input tells."""
    newer = net.raw_context_dim is not None
    return Family(
        name="predict2.5-custom" if newer else "predict2-custom",
        net=net,
        objective=Objective.FLOW if newer else Objective.EDM_FLOW,
        parameters=parameter_count(net),
    )


def _block_shapes(net: NetConfig) -> dict[str, Shape]:
    width, rank, hidden = net.width, net.adaln_dim, net.mlp_ratio * net.width
    out: dict[str, Shape] = {
        "mlp.layer1.weight": (hidden, width),
        "mlp.layer2.weight": (width, hidden),
    }
    for part, source in (("self_attn", width), ("cross_attn", net.context_dim)):
        out |= {f"{part}.{name}.weight": (width, width) for name in ("q_proj", "output_proj")}
        out |= {f"{part}.{name}.weight": (width, source) for name in ("k_proj", "v_proj")}
        out |= {f"{part}.{name}.weight": (net.head_dim,) for name in ("q_norm", "k_norm")}
    for part in ("self_attn", "cross_attn", "mlp"):
        out[f"adaln_modulation_{part}.1.weight"] = (rank, width)
        out[f"adaln_modulation_{part}.2.weight"] = (3 * width, rank)
    return out


def _net_of(shapes: Mapping[str, Shape]) -> NetConfig:
    """Read the network's shape off a few of its parameters."""
    width, channels_in = _matrix(shapes, "x_embedder.proj.1.weight")
    channels_out, _ = _matrix(shapes, "final_layer.linear.weight")
    hidden, _ = _matrix(shapes, "blocks.0.mlp.layer1.weight")
    _, context = _matrix(shapes, "blocks.0.cross_attn.k_proj.weight")
    rank, _ = _matrix(shapes, "final_layer.adaln_modulation.1.weight")
    (head_dim,) = _of_rank(shapes, "blocks.0.self_attn.q_norm.weight", 1)
    newer = "crossattn_proj.0.weight" in shapes
    volume = _volume(NetConfig(width=1, num_blocks=1, num_heads=1))
    latent = channels_out // volume
    if channels_in != (latent + _MASKS) * volume:
        raise FormatError(
            f"x_embedder.proj.1.weight: expected {(latent + _MASKS) * volume} inputs ({latent} "
            f"latent channels, condition mask, padding mask), found {channels_in}: this is not a "
            "Video2World network (Text2Image and Transfer networks differ); choose a Predict2 "
            "Video2World or Predict2.5 base checkpoint"
        )
    return NetConfig(
        width=width,
        num_blocks=_blocks(shapes),
        num_heads=width // head_dim,
        mlp_ratio=hidden // width,
        adaln_dim=rank,
        latent_channels=latent,
        context_dim=context,
        raw_context_dim=_matrix(shapes, "crossattn_proj.0.weight")[1] if newer else None,
        timestep_scale=0.001 if newer else 1.0,
        fp32_modulation=newer,
    )


def _refuse_damaged(seen: NetConfig) -> None:
    """Refuse a network that is almost a released one: a part of it is lost.

    Raises:
        FormatError: If width and generation are a released family's and the rest is not.
    """
    for family in FAMILIES.values():
        same_generation = (family.net.raw_context_dim is None) == (seen.raw_context_dim is None)
        if same_generation and family.net.width == seen.width:
            differing = [
                f"{name} {found} instead of {wanted}"
                for (name, wanted), (_, found) in zip(
                    _visible(family.net).items(), _visible(seen).items(), strict=True
                )
                if wanted != found
            ]
            raise FormatError(
                f"expected {family.name} (width {seen.width}), found {', '.join(differing)}; "
                "the checkpoint is incomplete or of another model: fetch it again"
            )


def _visible(net: NetConfig) -> dict[str, object]:
    """Return what shapes tell of a network."""
    hidden = {"rope_ratios", "timestep_scale", "fp32_modulation", "patch", "max_latent"}
    return net.model_dump(exclude=hidden)


def _blocks(shapes: Mapping[str, Shape]) -> int:
    found = [int(match[1]) for key in shapes if (match := _BLOCK.match(key))]
    return max(found) + 1


def _matrix(shapes: Mapping[str, Shape], key: str) -> tuple[int, int]:
    rows, columns = _of_rank(shapes, key, 2)
    return rows, columns


def _of_rank(shapes: Mapping[str, Shape], key: str, rank: int) -> Shape:
    if key not in shapes or len(shapes[key]) != rank or 0 in shapes[key]:
        known = ", ".join(list(shapes)[:10]) or "nothing"
        raise FormatError(
            f"expected the weights of a Cosmos Predict network, with a {rank}-d {key}; found "
            f"{known}; give a Predict2 or Predict2.5 checkpoint"
        )
    return shapes[key]


def _volume(net: NetConfig) -> int:
    return _product(net.patch)


def _product(sizes: Shape) -> int:
    out = 1
    for size in sizes:
        out *= size
    return out
