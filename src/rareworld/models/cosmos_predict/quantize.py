"""The frozen base in 8 or 4 bits, by bitsandbytes: less memory under adapters, less exact.

Source: Dettmers et al. 2022 (LLM.int8), 2023 (QLoRA, nf4). Only layers of attention and MLPs are
packed; modulation, embeddings and norms stay as they are.
Proved in `tests/models/cosmos_predict/test_quantize.py` (needs bitsandbytes; CPU is enough).
"""

import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, final

from torch import nn

from rareworld.errors import MissingExtraError
from rareworld.models.cosmos_predict.model import CosmosDiT

Bits = Literal["none", "int8", "nf4"]
"""How frozen weights are kept: as they are, 8-bit integers, 4-bit normal floats."""


@final
class QuantizedBaseWarning(UserWarning):
    """A base is quantised that others advise not to quantise."""


def quantize_layers(net: CosmosDiT, names: Sequence[str], bits: Bits) -> None:
    """Replace layers by packed ones in place, on the device they are on.

    On the meta device nothing is replaced: shapes are all there is.

    Raises:
        MissingExtraError: If bitsandbytes is not installed.
    """
    if bits == "none":
        return
    library = _library()
    warnings.warn(
        f"adapter.quantize: {bits} saves memory and costs quality: SimpleTuner says that 'Cosmos2 "
        "should not be quantised', diffusion-pipe that float8 e4m3 does not work well for it and "
        "that 2B is best left alone; compare samples with the base's, or save memory with "
        "compute.activations: offload",
        QuantizedBaseWarning,
        stacklevel=3,
    )
    for name in names:
        parent, _, leaf = name.rpartition(".")
        layer = net.get_submodule(name)
        if isinstance(layer, nn.Linear) and not layer.weight.is_meta:
            setattr(net.get_submodule(parent), leaf, _packed(library, layer, bits))


def _packed(library: Any, layer: nn.Linear, bits: Bits) -> nn.Module:  # noqa: ANN401 - an optional module
    """Return a frozen layer with the same weights in fewer bits."""
    sizes = (layer.in_features, layer.out_features)
    if bits == "nf4":
        out = library.nn.Linear4bit(
            *sizes, bias=False, compute_dtype=layer.weight.dtype, quant_type="nf4", device="meta"
        )
        out.weight = library.nn.Params4bit(
            layer.weight.data, requires_grad=False, quant_type="nf4", module=out
        )
    else:
        out = library.nn.Linear8bitLt(*sizes, bias=False, has_fp16_weights=False, device="meta")
        out.weight = library.nn.Int8Params(layer.weight.data, requires_grad=False)
    return out.to(layer.weight.device)


def check_packer() -> None:
    """Refuse early where the library that packs layers is not installed.

    Raises:
        MissingExtraError: If it is not.
    """
    if find_spec("bitsandbytes") is None:
        raise MissingExtraError("bitsandbytes", extra="quantize")


def _library() -> Any:  # noqa: ANN401 - an optional module without types
    try:
        return import_module("bitsandbytes")
    except ModuleNotFoundError as error:
        raise MissingExtraError("bitsandbytes", extra="quantize") from error
