"""A linear layer with a low-rank adapter: PEFT's module and names, our arithmetic.

    W x + s B A x                                    LoRA, Hu et al. 2021, arXiv:2106.09685
    m / |W + s B A| (W + s B A) x                    DoRA, Liu et al. 2024, arXiv:2402.09353

PEFT casts all tokens to the adapter's float32 and back: 2.8 GB more at each MLP layer of a 720p
clip. Here float32 factors are cast to the tokens' type, `rank` rows of them, and one matrix product
adds the update to the base's output. DoRA's present lengths take no gradient, as its section 4.3
advises; dropout is in front of the adapter alone.
Proved in `tests/models/cosmos_predict/test_adapter_layer.py` against PEFT's own layer.
"""

import math
from typing import Any, cast, final

import torch
from jaxtyping import Float
from peft.tuners.lora import Linear as PeftLinear
from torch import Tensor, nn
from torch.nn.functional import linear

NAME = "default"
"""PEFT's name of the adapter."""


@final
class LowRankLinear(PeftLinear):
    """PEFT's adapted layer, computed in the base's type; `idle` leaves the update out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - whatever PEFT passes on
        super().__init__(*args, **kwargs)
        # of the instance from the start: compiled blocks would be made anew once it appears
        self.idle = False
        # compiled code takes less memory (four times the tokens at an MLP) and more time
        self.lean = False

    @property
    def inner(self) -> nn.Linear:
        """Return the frozen layer inside."""
        return cast(nn.Linear, self.base_layer)

    @property
    def factors(self) -> tuple[Tensor, Tensor]:
        """Return A, (rank, inputs), and B, (outputs, rank)."""
        pair = (cast(nn.Linear, part[NAME]) for part in (self.lora_A, self.lora_B))
        a, b = (layer.weight for layer in pair)
        return a, b

    @property
    def rank_stabilised(self) -> bool:
        """Return whether the scale is alpha / sqrt(rank); at rank 1 both are one."""
        rank = self.factors[0].shape[0]
        return not math.isclose(self.scaling[NAME] * rank, self.lora_alpha[NAME])

    @property
    def magnitude(self) -> Tensor | None:
        """Return DoRA's length of each row; None without DoRA."""
        if NAME not in self.lora_magnitude_vector:
            return None
        return cast(Tensor, self.lora_magnitude_vector[NAME].weight)

    def forward(self, x: Float[Tensor, "*n i"]) -> Float[Tensor, "*n o"]:
        """Return W x + s B A x, with DoRA its rows brought to the trained lengths."""
        base = self.inner(x)
        if self.idle or self.disable_adapters:
            return base
        given = cast(nn.Module, self.lora_dropout[NAME])(x).to(base.dtype)
        a, b = self.factors
        hidden = linear(given, a.to(base.dtype)) * self.scaling[NAME]
        out = _add_product(base, hidden, b.to(base.dtype), lean=self.lean)
        if self.magnitude is None:
            return out
        return torch.addcmul(out, out, (self._gain(self.magnitude) - 1).to(out.dtype))

    def _gain(self, magnitude: Float[Tensor, "o"]) -> Float[Tensor, "o"]:
        """Return the trained length of each row over its present one, which takes no gradient."""
        a, b = self.factors
        with torch.no_grad():
            update = self.scaling[NAME] * (b.float() @ a.float())
            present = torch.linalg.vector_norm(self.inner.weight.float() + update, dim=1)
        return magnitude.float() / present


def _add_product(
    base: Float[Tensor, "*n o"],
    hidden: Float[Tensor, "*n r"],
    b: Float[Tensor, "o r"],
    *,
    lean: bool,
) -> Float[Tensor, "*n o"]:
    """Return base + hidden B^T.

    One product that starts from the base's output needs no tokens x outputs of its own. Compiled
    it copies the base first, while a plain sum is fused into whatever reads it.
    """
    if torch.compiler.is_compiling() and not lean:
        return base + linear(hidden, b)
    rows, narrow = base.flatten(0, -2), hidden.flatten(0, -2)
    return torch.addmm(rows, narrow, b.t()).view(base.shape)
