"""Shares of a latent, and attention over the tokens of all ranks, on processes joined by gloo."""

import pytest
import torch
import torch.distributed as dist

from rareworld.errors import ConfigError
from rareworld.nn.attention import plain
from rareworld.nn.sequence import Share, SharedAttend, check_heads, split_axis
from tests.nn.ranks import run_ranks

SIZE = (4, 6, 8)
CLIPS, TOKENS, HEADS, DIM = 2, 12, 4, 8


def shares(axis: int, ranks: int) -> list[Share]:
    return [Share(axis, rank, ranks) for rank in range(ranks)]


@pytest.mark.parametrize(("axis", "ranks"), [(0, 1), (0, 2), (0, 4), (1, 3), (2, 8)])
def test_shares_of_a_latent_put_together_are_the_latent(axis, ranks):
    latent = torch.randn(2, 3, *SIZE)
    parts = [share.of(latent) for share in shares(axis, ranks)]
    assert len({part.shape for part in parts}) == 1
    assert torch.equal(torch.cat(parts, dim=2 + axis), latent)


@pytest.mark.parametrize(("axis", "ranks"), [(0, 2), (1, 3), (2, 4)])
def test_rows_of_a_share_are_those_of_its_tokens(axis, ranks):
    number = torch.arange(4 * 6 * 8).reshape(1, 1, *SIZE)
    for share in shares(axis, ranks):
        rows = share.of_tokens(number.reshape(-1, 1), SIZE)
        assert torch.equal(rows.flatten(), share.of(number).flatten())


@pytest.mark.parametrize(
    ("axis", "timestep", "expected"),
    [
        (0, torch.arange(8.0).reshape(2, 4), torch.tensor([[2.0, 3.0], [6.0, 7.0]])),
        (1, torch.arange(8.0).reshape(2, 4), torch.arange(8.0).reshape(2, 4)),
        (0, torch.arange(2.0), torch.arange(2.0)),
    ],
)
def test_only_timesteps_per_frame_are_shared_and_only_along_frames(axis, timestep, expected):
    assert torch.equal(Share(axis, 1, 2).of_timestep(timestep), expected)


@pytest.mark.parametrize(
    ("grid", "ranks", "axis"),
    [
        ((24, 44, 80), 1, 0),
        ((24, 44, 80), 8, 0),  # 93 frames of 704 x 1280
        ((20, 44, 80), 4, 0),  # 77 frames
        ((20, 44, 80), 8, 2),
        ((1, 44, 80), 4, 1),
        ((16, 27, 48), 16, 0),  # 61 frames of 432 x 768
    ],
)
def test_frames_are_split_first_then_rows_then_columns(grid, ranks, axis):
    assert split_axis(grid, ranks) == axis


def test_a_grid_that_does_not_divide_names_what_works():
    with pytest.raises(ConfigError, match=r"5 ranks .* 4 latent frames, 6 rows, 8 columns") as told:
        split_axis(SIZE, 5)
    assert str(told.value).endswith("ranks that work: 1, 2, 3, 4, 6, 8")


def test_heads_that_do_not_divide_name_what_works():
    check_heads(40, 8)
    with pytest.raises(ConfigError, match=r"40 attention heads .* 1, 2, 4, 5, 8, 10, 20, 40$"):
        check_heads(40, 16)


def whole() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [torch.randn(CLIPS, TOKENS, HEADS, DIM, generator=generator) for _ in range(4)]


def attend_shared() -> dict[str, torch.Tensor]:
    """Return the share's output and the gradients of its queries, keys and values."""
    dist.init_process_group("gloo")
    ranks, rank = dist.get_world_size(), dist.get_rank()
    group = dist.group.WORLD
    q, k, v, pull = (x.chunk(ranks, dim=1)[rank].clone().requires_grad_() for x in whole())
    out = SharedAttend(plain, group)(q, k, v)
    grads = torch.autograd.grad((out * pull.detach()).sum(), (q, k, v))
    latent = out.detach().movedim(1, 2).unsqueeze(-1)  # "b h n d 1": tokens as latent frames
    gathered = Share(0, rank, ranks).gather(latent, group)
    refused = ""
    try:
        SharedAttend(plain, group)(*(x[:, :, :1] for x in (q, k, v)))
    except ConfigError as error:
        refused = str(error)
    dist.destroy_process_group()
    names = ("out", "dq", "dk", "dv", "gathered", "refused")
    return dict(zip(names, (out.detach(), *grads, gathered, refused), strict=True))


def check_ranks(world: int, folder) -> None:
    """Compare all ranks' results with attention in one process."""
    found = run_ranks(world, attend_shared, folder)
    q, k, v, pull = (x.requires_grad_() for x in whole())
    out = plain(q, k, v)
    expected = dict(
        zip(
            ("out", "dq", "dk", "dv"),
            (out, *torch.autograd.grad((out * pull.detach()).sum(), (q, k, v))),
            strict=True,
        )
    )
    for name, value in expected.items():
        together = torch.cat([rank[name] for rank in found], dim=1)
        torch.testing.assert_close(together, value.detach(), atol=1e-6, rtol=1e-6)
    for rank in found:
        gathered = rank["gathered"].squeeze(-1).movedim(2, 1)
        torch.testing.assert_close(gathered, out.detach(), atol=1e-6, rtol=1e-6)
        assert "1 attention heads do not divide" in rank["refused"]


def test_two_ranks_attend_as_one_and_so_do_their_gradients(tmp_path):
    check_ranks(2, tmp_path)


@pytest.mark.slow
def test_four_ranks_attend_as_one_and_so_do_their_gradients(tmp_path):
    check_ranks(4, tmp_path)
