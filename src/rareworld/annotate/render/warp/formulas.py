"""The formulas of `render`, compiled by Warp: one source for every backend.

Scalar formulas come as they are. Functions of `finish` and `inside` read records of arrays; these
are compiled from their very source too, with the device's structs in place of the records and the
device's versions of what they call.
"""

from types import FunctionType
from typing import Any

import numpy as np
import warp as wp

from rareworld.annotate.render.compiled import built

MADE: dict[str, Any] = built(wp.func)
"""Every scalar formula by name."""

ambient_share = MADE["ambient_share"]
ambient_value = MADE["ambient_value"]
beam_share = MADE["beam_share"]
clear_air = MADE["clear_air"]
lamp_fade = MADE["lamp_fade"]
mirror_share = MADE["mirror_share"]
panorama_place = MADE["panorama_place"]
sides_lit = MADE["sides_lit"]
slab = MADE["slab"]
sun_disc = MADE["sun_disc"]
sun_lobe = MADE["sun_lobe"]
wide_roughness = MADE["wide_roughness"]


def adopted(kernels: list[Any], structs: dict[str, Any], calls: dict[str, Any]) -> dict[str, Any]:
    """Return functions compiled for Numba, compiled from the same source for Warp.

    Args:
        kernels: Numba's dispatchers, each after those that it calls.
        structs: The struct that stands for each record named in their annotations.
        calls: What their other names mean on the device.
    """
    space: dict[str, Any] = {**MADE, "np": np, **calls}
    out: dict[str, Any] = {}
    for kernel in kernels:
        plain = kernel.py_func
        whole = {
            name: value for name, value in plain.__globals__.items() if type(value) in (int, float)
        }
        space.update({name: value for name, value in whole.items() if name not in space})
        space["__name__"] = plain.__module__
        copy = FunctionType(plain.__code__, space, plain.__name__)
        copy.__annotations__ = {
            name: structs.get(getattr(kind, "__name__", ""), kind)
            for name, kind in plain.__annotations__.items()
        }
        out[plain.__name__] = space[plain.__name__] = wp.func(copy)
    return out
