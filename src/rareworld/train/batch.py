"""What passes from data to the objective: samples whose numbers are ready, and their places.

A sample's `id` is its place in the endless series of draws of a run (epochs, sources and buckets
decided by the seed alone). All randomness of a sample (noise, level, clean frames, dropped text)
follows from (seed, id): it is the same on any number of GPUs and after any restart.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.train.objective.draws import Drawn


@final
@dataclass(frozen=True, kw_only=True)
class Batch:
    """Samples of one shape."""

    latent: Float[Tensor, "b c t h w"]
    """Clean latents of the tokenizer, normalised."""
    context: Float[Tensor, "b n e"]
    """Text, projected where the family projects (1024 channels), 512 rows."""
    ids: tuple[int, ...]
    """Place of each sample in the run's series of draws."""
    clips: tuple[str, ...]
    """Name of each sample's clip, for messages."""
    drawn: Drawn | None = None
    """What the samples draw, where that was worked out ahead of the objective."""

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device; the copy runs beside the host."""
        return Batch(
            latent=self.latent.to(device, non_blocking=True),
            context=self.context.to(device, non_blocking=True),
            ids=self.ids,
            clips=self.clips,
            drawn=None if self.drawn is None else self.drawn.to(device),
        )
