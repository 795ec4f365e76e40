"""The frozen first layer of Predict2.5, applied before contexts are kept: 100,352 to 1,024.

Contexts after it are 98 times smaller, and exact for every net with the same layer: adapters leave
it alone. Which layer a cache went through is told by the SHA-256 of its values.

Source: cosmos-predict2.5, `crossattn_proj` = Linear with bias, GELU.
Proved in `tests/models/text/test_projection.py`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from rareworld.errors import FormatError
from rareworld.models.text.encoder import EncoderName, TextEncoder

WEIGHT = "crossattn_proj.0.weight"
BIAS = "crossattn_proj.0.bias"


@final
@dataclass(frozen=True, eq=False)
class Projection:
    """Weights of the layer, in the type and on the device they are used with."""

    weight: Float[Tensor, "c raw"]
    bias: Float[Tensor, "c"]

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Tensor],
        source: str,
        *,
        dtype: torch.dtype,
    ) -> "Projection":
        """Take the layer out of a net's state.

        Raises:
            FormatError: If the net has none (Predict2).
        """
        missing = [key for key in (WEIGHT, BIAS) if key not in state]
        if missing:
            raise FormatError(
                f"{source}: expected {missing[0]}, found {len(state)} other keys; the projection "
                "of Reason1's states comes with a Predict2.5 checkpoint"
            )
        return cls(state[WEIGHT].to(dtype), state[BIAS].to(dtype))

    def to(self, device: torch.device) -> "Projection":
        """Return the layer on a device."""
        return Projection(self.weight.to(device), self.bias.to(device))

    def __call__(self, states: Float[Tensor, "b n raw"]) -> Float[Tensor, "b n c"]:
        """Return the context that the net's blocks attend to."""
        return functional.gelu(functional.linear(states, self.weight, self.bias))

    @property
    def sha256(self) -> str:
        """Hash of the values as used, the same for all types that hold them exactly."""
        digest = hashlib.sha256()
        for part in (self.weight, self.bias):
            for rows in part.reshape(part.shape[0], -1).split(64):
                digest.update(rows.detach().cpu().float().contiguous().numpy().tobytes())
        return digest.hexdigest()


@final
@dataclass(frozen=True, eq=False)
class ProjectedEncoder:
    """An encoder whose states have gone through a net's projection."""

    encoder: TextEncoder
    projection: Projection

    @property
    def name(self) -> EncoderName:
        """Return which encoder stands before the projection."""
        return self.encoder.name

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Float[Tensor, "b 512 c"]:
        """Return projected contexts."""
        return self.projection(self.encoder.encode(prompts))

    def cut(self, prompt: str) -> str:
        """Return the end of a prompt that does not fit."""
        return self.encoder.cut(prompt)
