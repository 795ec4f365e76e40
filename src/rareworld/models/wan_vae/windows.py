"""Pieces of a clip, of whatever lengths they come in, to windows of the lengths wanted.

Proved in `tests/models/wan_vae/test_windows.py`.
"""

from collections.abc import Callable, Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.errors import ConfigError

Piece = Float[Tensor, "_ _ _ _ _"]
"""Batch, channels, frames, rows, columns; frames differ from piece to piece."""


def regroup(pieces: Iterable[Piece], frames_at_once: Callable[[int, int], int]) -> Iterator[Piece]:
    """Yield the first frame alone, then windows of `frames_at_once(rows, columns)`, then the rest.

    Holds no more than one piece and one window.

    Raises:
        ConfigError: If a piece differs from the first in batch, channels, rows or columns.
    """
    held: list[Tensor] = []
    wanted = 1
    for piece in pieces:
        _check_alike(held, piece)
        held.append(piece)
        while sum(part.shape[2] for part in held) >= wanted:
            joined = held[0] if len(held) == 1 else torch.cat(held, dim=2)
            yield joined[:, :, :wanted]
            held = [joined[:, :, wanted:]]
            wanted = frames_at_once(*piece.shape[3:])
    if sum(part.shape[2] for part in held):
        yield torch.cat(held, dim=2)


def _check_alike(held: list[Tensor], piece: Tensor) -> None:
    for first in held[:1]:
        expected, found = ([*x.shape[:2], *x.shape[3:]] for x in (first, piece))
        if expected != found:
            raise ConfigError(
                f"clip: a piece has batch, channels, rows, columns {found}, the one before "
                f"{expected}; all pieces of a clip must agree"
            )
