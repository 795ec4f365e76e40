"""What the loop asks of an objective; the world model's is `world.py`, a language model's fits too.

An objective owns its draws and its meaning of a batch. The loop owns steps, gradients, ranks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar, final, runtime_checkable

from jaxtyping import Float
from torch import Tensor

B = TypeVar("B", contravariant=True)


@final
@dataclass(frozen=True, kw_only=True)
class Loss:
    """What a micro-batch gives."""

    total: Float[Tensor, ""]
    """Mean over the micro-batch's samples: what is differentiated."""
    per_sample: Float[Tensor, "b"]
    """Each sample's loss, detached."""
    tags: Mapping[str, Float[Tensor, "b"]]
    """Numbers of each sample that curves are split by: `sigma`, `clean_frames`, ..."""


@runtime_checkable
class Objective(Protocol[B]):
    """Turns a micro-batch into a loss; the same batch gives the same loss, whenever it is asked."""

    def loss(self, batch: B) -> Loss:
        """Return the loss of samples under the network the objective was made for."""
        ...
