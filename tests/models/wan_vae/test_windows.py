"""Pieces of a clip become windows: one frame, then as many as wanted, then the rest."""

from collections.abc import Iterator

import pytest
import torch

from rareworld.errors import ConfigError
from rareworld.models.wan_vae.windows import regroup


def pieces_of(lengths: list[int]) -> list[torch.Tensor]:
    """Return pieces whose values count the frames."""
    count = torch.arange(sum(lengths), dtype=torch.float32).view(1, 1, -1, 1, 1)
    return list(count.expand(2, 3, -1, 4, 5).split(lengths, dim=2))


@pytest.mark.parametrize(
    ("lengths", "windows"),
    [
        ([17], [1, 8, 8]),
        ([1] * 17, [1, 8, 8]),
        ([5, 7, 5], [1, 8, 8]),
        ([3, 0, 10], [1, 8, 4]),
        ([1], [1]),
        ([2], [1, 1]),
        ([], []),
        ([40], [1, 8, 8, 8, 8, 7]),
    ],
)
def test_windows_hold_every_frame_once_in_order(lengths: list[int], windows: list[int]) -> None:
    found = list(regroup(pieces_of(lengths), lambda *_: 8))
    assert [window.shape[2] for window in found] == windows
    if found:
        frames = torch.cat(found, dim=2)[0, 0, :, 0, 0]
        assert frames.tolist() == list(range(sum(lengths)))


def test_windows_come_before_the_last_piece_is_asked_for() -> None:
    taken: list[int] = []

    def pieces() -> Iterator[torch.Tensor]:
        for index, piece in enumerate(pieces_of([4] * 10)):
            taken.append(index)
            yield piece

    windows = regroup(pieces(), lambda *_: 4)
    assert [len(taken) for _ in zip(range(4), windows, strict=False)] == [1, 2, 3, 4]


def test_the_window_may_depend_on_the_size() -> None:
    found = list(regroup(pieces_of([9]), lambda rows, columns: rows * (columns - 4)))
    assert [window.shape[2] for window in found] == [1, 4, 4]


@pytest.mark.parametrize("shape", [(1, 3, 4, 4, 5), (2, 3, 4, 6, 5), (2, 1, 4, 4, 5)])
def test_a_piece_of_another_size_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="all pieces of a clip must agree"):
        list(regroup([*pieces_of([6]), torch.zeros(shape)], lambda *_: 8))
