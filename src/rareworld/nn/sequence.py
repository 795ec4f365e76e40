"""Context parallelism: every rank runs the net on a share of the tokens, attention sees them all.

A share is a contiguous run of a latent along frames, rows or columns. Only self-attention needs
other ranks' tokens; there, two all-to-all exchanges trade "all heads of my tokens" for "my heads
of all tokens" and back (Ulysses: Jacobs et al. 2023, arXiv:2309.14509). A share's rotary angles
are the rows of the whole clip's, so every head computes what it computes alone.

Shapes: b clips, n tokens of a share, h heads, d channels of a head; t, h, w latent axes.
Proved in `tests/nn/test_sequence.py` on processes that talk through gloo.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
import torch.distributed as dist
from jaxtyping import Float, Shaped
from torch import Tensor

from rareworld.errors import ConfigError
from rareworld.nn.attention import Attend

Grid = tuple[int, int, int]
"""Latent frames, rows and columns, or tokens along them."""

AXES = ("latent frames", "rows", "columns")
"""What a share may be a run of, in the order they are tried."""


@final
@dataclass(frozen=True)
class Share:
    """One rank's contiguous run of a latent along one axis."""

    axis: int
    """0 latent frames, 1 rows, 2 columns."""
    rank: int
    ranks: int

    def of(self, latent: Shaped[Tensor, "b c t h w"]) -> Shaped[Tensor, "b c t2 h2 w2"]:
        """Return the share of a latent, or of a mask of its size."""
        return self._run(latent, 2 + self.axis)

    def of_timestep(self, timestep: Float[Tensor, "b *t"]) -> Float[Tensor, "b *u"]:
        """Return the share of timesteps, one per clip ("b") or per latent frame ("b t")."""
        return self._run(timestep, 1) if self.axis == 0 and timestep.ndim == 2 else timestep

    def of_tokens(self, rows: Shaped[Tensor, "n d"], grid: Grid) -> Shaped[Tensor, "m d"]:
        """Return the rows of the share's tokens out of the whole clip's in (t h w) order."""
        return self._run(rows.unflatten(0, grid), self.axis).flatten(0, 2)

    def gather(
        self, latent: Float[Tensor, "b c t2 h2 w2"], group: dist.ProcessGroup
    ) -> Float[Tensor, "b c t h w"]:
        """Return the whole latent, on every rank, from the shares of a group."""
        parts = [torch.empty_like(latent).contiguous() for _ in range(self.ranks)]
        dist.all_gather(parts, latent.contiguous(), group=group)
        return torch.cat(parts, dim=2 + self.axis)

    def _run(self, tensor: Tensor, dim: int) -> Tensor:
        length = tensor.shape[dim] // self.ranks
        return tensor.narrow(dim, self.rank * length, length)


def split_axis(grid: Grid, ranks: int) -> int:
    """Return the axis to share a grid of tokens along: the first that divides evenly.

    Raises:
        ConfigError: If none does; names the numbers of ranks that work.
    """
    axis = next((axis for axis, length in enumerate(grid) if length % ranks == 0), None)
    if axis is None:
        works = [n for n in range(1, max(grid) + 1) if any(length % n == 0 for length in grid)]
        sizes = ", ".join(f"{length} {name}" for length, name in zip(grid, AXES, strict=True))
        raise ConfigError(
            f"context parallel: {ranks} ranks divide none of the grid's {sizes} of tokens; "
            f"ranks that work: {', '.join(map(str, works))}"
        )
    return axis


def check_heads(heads: int, ranks: int) -> None:
    """Refuse a number of ranks that attention heads cannot be dealt to.

    Raises:
        ConfigError: Naming the numbers of ranks that work.
    """
    if heads % ranks:
        works = [str(n) for n in range(1, heads + 1) if heads % n == 0]
        raise ConfigError(
            f"context parallel: {heads} attention heads do not divide by {ranks} ranks; "
            f"ranks that work: {', '.join(works)}"
        )


@final
class SharedAttend:
    """Self-attention over the tokens of all ranks of a group, called with a share of them.

    Every rank holds as many tokens. Its own attention runs on `heads / ranks` heads.
    """

    def __init__(self, attend: Attend, group: dist.ProcessGroup) -> None:
        self.attend = attend
        self.group = group
        self.ranks = dist.get_world_size(group)

    @torch.compiler.disable(recursive=True)  # a compiled block breaks here, and goes on behind
    def __call__(
        self,
        q: Float[Tensor, "b n h d"],
        k: Float[Tensor, "b n h d"],
        v: Float[Tensor, "b n h d"],
    ) -> Float[Tensor, "b n h d"]:
        """Return the share's attended values.

        Raises:
            ConfigError: If heads do not divide by the group's ranks.
        """
        return self.to_tokens(self.attend(*(self.to_heads(x) for x in (q, k, v))))

    @torch.compiler.disable(recursive=True)
    def to_heads(self, x: Float[Tensor, "b n h d"]) -> Float[Tensor, "b m g d"]:
        """Trade all heads of our tokens for our heads of all tokens.

        Raises:
            ConfigError: If heads do not divide by the group's ranks.
        """
        check_heads(x.shape[2], self.ranks)
        sent = x.unflatten(2, (self.ranks, -1)).movedim(2, 0)  # "r b n g d"
        return exchange(sent, self.group).movedim(0, 1).flatten(1, 2)

    @torch.compiler.disable(recursive=True)
    def to_tokens(self, x: Float[Tensor, "b m g d"]) -> Float[Tensor, "b n h d"]:
        """Trade back: all heads of our tokens."""
        sent = x.unflatten(1, (self.ranks, -1)).movedim(1, 0)  # "r b n g d"
        return exchange(sent, self.group).movedim(0, 2).flatten(2, 3)


def exchange(
    x: Float[Tensor, "ranks *rest"], group: dist.ProcessGroup
) -> Float[Tensor, "ranks *rest"]:
    """Send row r to rank r and return the rows received, in order of their senders."""
    return _Exchange.apply(x, group)


@final
class _Exchange(torch.autograd.Function):
    """All-to-all of equal rows; it is its own transpose, so gradients go the same way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: dist.ProcessGroup) -> Tensor:  # noqa: ANN401 - as torch types it
        ctx.group = group
        sent = x.contiguous()
        received = torch.empty_like(sent)
        dist.all_to_all_single(received, sent, group=group)
        return received

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401 - as torch types it
        return _Exchange.apply(grads[0], ctx.group), None
