"""Plans for ranks, and a network whose branches and tokens several processes share.

Tolerance: float32, largest difference to one process at most 1e-5 of the largest value.
"""

from functools import partial
from pathlib import Path

import pytest
import torch

from rareworld.errors import ConfigError, DeviceError, RareworldError
from rareworld.generate.job import make_stage, run_on_ranks
from rareworld.generate.models import ModelConfig
from rareworld.generate.parallel import RankPlan, layout_of, plan_ranks
from rareworld.generate.sample import make_request
from rareworld.models.cosmos_predict.config import Family, NetConfig, Objective
from rareworld.models.cosmos_predict.denoise import Conditioning, make_denoise
from rareworld.models.cosmos_predict.model import CosmosDiT, compile_blocks
from rareworld.models.cosmos_predict.tiny import write_tiny_pipeline
from rareworld.nn.attention import plain
from rareworld.nn.ranks import Ranks
from rareworld.runtime.local import LocalRunner
from tests.nn.ranks import run_ranks

CONFIG = NetConfig(width=64, num_blocks=2, num_heads=4, adaln_dim=8, context_dim=16, mlp_ratio=2)
FAMILY = Family(name="tiny", net=CONFIG, objective=Objective.EDM_FLOW, parameters=0)
FRAMES, ROWS, COLUMNS = (4, 4, 8), (3, 8, 4), (3, 6, 8)
"""Latents whose tokens 4 ranks share along frames, rows and columns."""
GRID = (24, 44, 80)


def random_net() -> CosmosDiT:
    net = CosmosDiT(CONFIG, plain)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.15)
    return net.requires_grad_(requires_grad=False)


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def denoised(ranks: Ranks, plan: RankPlan, size, guidance: float) -> torch.Tensor:
    """Return one denoised latent with a clean first frame, as ranks share it."""
    layout = layout_of(ranks, plan)
    denoise = make_denoise(
        layout.net(random_net(), plain),
        FAMILY,
        Conditioning(clean=draw(2, 1, 16, 1, *size[1:]), num_clean_frames=1),
        context=draw(3, 1, 5, 16),
        uncond_context=draw(4, 1, 5, 16),
        guidance=guidance,
        evaluate=layout.evaluate(),
    )
    return denoise(draw(5, 1, 16, *size), 3.0)


CASES = {
    2: {
        "context": (RankPlan(cfg=1, cp=2, why=""), FRAMES, 7.0),
        "context, rows": (RankPlan(cfg=1, cp=2, why=""), ROWS, 7.0),
        "guidance": (RankPlan(cfg=2, cp=1, why=""), FRAMES, 7.0),
        "no guidance": (RankPlan(cfg=2, cp=1, why=""), FRAMES, 0.0),
    },
    4: {
        "both": (RankPlan(cfg=2, cp=2, why=""), FRAMES, 7.0),
        "context": (RankPlan(cfg=1, cp=4, why=""), FRAMES, 7.0),
        "context, rows": (RankPlan(cfg=1, cp=4, why=""), ROWS, 7.0),
        "context, columns": (RankPlan(cfg=1, cp=4, why=""), COLUMNS, 7.0),
        "both again": (RankPlan(cfg=2, cp=2, why=""), FRAMES, 7.0),
    },
}


def work_of_all() -> dict:
    """Run every case and every meeting of ranks; return what this rank saw."""
    with Ranks.join("cpu", timeout_s=60) as ranks:
        seen = {name: denoised(ranks, *case) for name, case in CASES[ranks.world].items()}
        drawn: list[int] = []

        def make() -> torch.Tensor:
            drawn.append(ranks.rank)
            return torch.full((2, 3), 7.0, dtype=torch.bfloat16)

        return seen | {
            "leads": ranks.leads,
            "from lead": ranks.from_lead(make),
            "drawn": drawn,
            "together": ranks.together(lambda: ranks.rank),
            "one fails": told(lambda: ranks.together(lambda: fail_on(ranks, 1))),
            "lead fails": told(lambda: ranks.from_lead(lambda: fail_on(ranks, 0))),
            "same": ranks.check_same(draw(1, 3, 4), "noise"),
            "odd": told(lambda: ranks.check_same(draw(ranks.rank, 3, 4), "noise")),
            "other plan": told(lambda: layout_of(ranks, RankPlan(cfg=2, cp=8, why=""))),
        }


def told(act) -> str:
    try:
        act()
    except RareworldError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def fail_on(ranks: Ranks, rank: int) -> torch.Tensor:
    if ranks.rank == rank:
        raise ConfigError(f"bad file on {rank}")
    return torch.zeros(1)


def check_world(world: int, folder) -> list[dict]:
    """Hold every case on every rank against one process; return what ranks saw."""
    found = run_ranks(world, work_of_all, folder)
    alone = Ranks.join("cpu")
    for name, (_, size, guidance) in CASES[world].items():
        expected = denoised(alone, plan_ranks(1, 4, size, guided=True), size, guidance)
        for rank in found:
            assert (rank[name] - expected).abs().max() <= 1e-5 * expected.abs().max(), name
            assert torch.equal(rank[name], found[0][name]), name
    return found


def test_two_ranks_make_what_one_makes_and_agree_on_everything(tmp_path):
    lead, other = check_world(2, tmp_path)
    assert [lead["leads"], other["leads"]] == [True, False]
    assert (lead["drawn"], other["drawn"]) == ([0], [])
    assert torch.equal(other["from lead"], torch.full((2, 3), 7.0, dtype=torch.bfloat16))
    assert (lead["together"], other["together"]) == (0, 1)
    assert lead["one fails"] == "RareworldError: rank 1: ConfigError: bad file on 1"
    assert other["one fails"] == "ConfigError: bad file on 1"
    assert lead["lead fails"] == "ConfigError: bad file on 0"
    assert other["lead fails"] == "RareworldError: rank 0: ConfigError: bad file on 0"
    assert lead["same"] is None
    assert "noise of ranks [1] differ from rank 0's" in lead["odd"]
    assert lead["odd"] == other["odd"]
    assert "a plan for 16 ranks, but 2 are here" in lead["other plan"]


@pytest.mark.slow
def test_four_ranks_make_what_one_makes(tmp_path):
    check_world(4, tmp_path)


def work_compiled() -> torch.Tensor:
    net = compile_blocks(random_net(), backend="eager")
    with torch.no_grad(), Ranks.join("cpu", timeout_s=60) as ranks:
        layout = layout_of(ranks, RankPlan(cfg=1, cp=2, why=""))
        return layout.net(net, plain)(*inputs())


def inputs() -> tuple[torch.Tensor, ...]:
    """Return latent, timesteps per frame, context and condition mask."""
    mask = torch.zeros(1, 1, *FRAMES)
    return draw(5, 1, 16, *FRAMES), draw(6, 1, 4).sigmoid(), draw(3, 1, 5, 16), mask


@pytest.mark.slow
def test_compiled_blocks_share_tokens_too(tmp_path):
    expected = random_net()(*inputs())
    for found in run_ranks(2, work_compiled, tmp_path):
        assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def make_all(folder: Path) -> list[str] | None:
    """Make a list with bad samples in it; return how each ended, on the leading rank."""
    base = {"resolution": "32,48", "num_output_frames": 9, "num_steps": 2, "prompt": "a car"}
    lines = [{"name": "a"}, {"name": "b", "input_path": "gone.mp4"}, {"name": "c", "guidance": 0}]
    requests = [make_request(base | line, "test", 0, "test") for line in lines]
    with Ranks.join("cpu", timeout_s=60) as ranks:
        stage = make_stage(requests, ModelConfig(model=str(folder / "tiny")), ranks)
        runner = LocalRunner(inline=True)
        out = folder / f"on_{ranks.world}"
        report = run_on_ranks(stage, lambda: runner.run(stage, requests, out))
    return None if report is None else [outcome.status for outcome in report.outcomes]


@pytest.mark.slow
def test_a_list_with_a_bad_sample_ends_the_same_on_two_ranks(tmp_path):
    write_tiny_pipeline(tmp_path / "tiny")
    alone = make_all(tmp_path)
    lead, other = run_ranks(2, partial(make_all, tmp_path), tmp_path)
    assert lead == alone == ["done", "quarantined", "done"]
    assert other is None
    for name in ("a/a.mp4", "quarantine.json"):
        one, two = ((tmp_path / f"on_{world}" / name).read_bytes() for world in (1, 2))
        assert one == two


def break_one() -> None:
    with Ranks.join("cpu", timeout_s=60) as ranks:
        layout = layout_of(ranks, RankPlan(cfg=1, cp=2, why=""))
        if ranks.rank == 1:
            raise ValueError("out of memory, say")
        denoised(ranks, layout.plan, FRAMES, 7.0)


@pytest.mark.slow
def test_an_error_on_one_rank_ends_all_and_is_the_one_shown(tmp_path):
    lead, broken = run_ranks(2, break_one, tmp_path)
    assert broken == ("ValueError", "out of memory, say")
    assert lead == ("DeviceError", "rank 1 failed first: ValueError: out of memory, say")


def wait_for_nobody() -> None:
    with Ranks.join("cpu", timeout_s=2) as ranks:
        if ranks.rank == 0:
            ranks.check_same(torch.zeros(3), "noise")
        else:
            torch.multiprocessing.get_context("spawn").Event().wait(5)


@pytest.mark.slow
def test_a_rank_that_waits_too_long_gives_up(tmp_path):
    waited, _ = run_ranks(2, wait_for_nobody, tmp_path)
    assert waited[0] in {"RuntimeError", "DistBackendError"}
    assert "imed out" in waited[1]


@pytest.mark.parametrize(
    ("world", "guided", "cfg", "cp", "said"),
    [
        (1, True, 1, 1, "one process"),
        (2, True, 2, 1, "2 ranks: a guidance branch per group"),
        (2, False, 1, 2, "12 of 24 latent frames and 8 of 16 heads"),
        (4, True, 2, 2, "guidance branch per group, 12 of 24 latent frames and 8 of 16 heads"),
        (8, True, 2, 4, "6 of 24 latent frames and 4 of 16 heads"),
        (8, False, 1, 8, "every branch on all, 3 of 24 latent frames and 2 of 16 heads"),
        (32, True, 2, 16, "5 of 80 token columns and 1 of 16 heads"),
    ],
)
def test_branches_are_parted_first_then_tokens_shared(world, guided, cfg, cp, said):
    plan = plan_ranks(world, 16, GRID, guided=guided)
    assert (plan.cfg, plan.cp, plan.world) == (cfg, cp, world)
    assert said in plan.why


@pytest.mark.parametrize(
    ("world", "heads", "grid", "guided", "works"),
    [
        (3, 16, GRID, True, "1, 2, 4, 8, 16, 32"),
        (32, 16, GRID, False, "1, 2, 4, 8, 16"),
        (16, 40, (24, 27, 48), False, "1, 2, 4, 8"),
        (5, 2, (5, 5, 5), True, "1, 2"),
    ],
)
def test_numbers_of_gpus_that_do_not_fit_are_refused_with_those_that_do(
    world, heads, grid, guided, works
):
    with pytest.raises(ConfigError, match=f"{world} GPUs cannot share") as caught:
        plan_ranks(world, heads, grid, guided=guided)
    assert f"numbers that work: {works} (torchrun" in str(caught.value)


def test_alone_there_is_no_group_and_everything_is_here(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    with Ranks.join("cpu") as ranks:
        assert ranks.leads
        assert not torch.distributed.is_initialized()
        assert ranks.together(lambda: 5) == 5
        assert torch.equal(ranks.from_lead(lambda: torch.ones(2)), torch.ones(2))
        ranks.check_same(torch.ones(2), "noise")
        with pytest.raises(ConfigError, match="bad file"):
            ranks.together(lambda: fail_on(ranks, 0))
        net = random_net()
        layout = layout_of(ranks, plan_ranks(1, 4, FRAMES, guided=True))
        assert layout.net(net, plain) is net


def test_more_ranks_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(DeviceError, match=r"local rank 3 .* 2 found"):
        Ranks.join("cuda")
