"""Processes that `torchrun` starts: joined, agreeing, failing together, on 1, 2 and 4 of them."""

import time
from functools import partial

import pytest
import torch
import torch.distributed as dist

from rareworld.errors import ConfigError, DeviceError, RareworldError
from rareworld.nn.ranks import Ranks
from tests.nn.ranks import run_ranks

PAIRS = ((0, 1), (2, 3))
MIRRORS = ((0, 2), (1, 3))
SINGLES = ((0,), (1,), (2,), (3,))


def told(act) -> str:
    try:
        act()
    except RareworldError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def fail_on(ranks: Ranks, *failing: int) -> int:
    if ranks.rank in failing:
        raise ConfigError(f"bad file on {ranks.rank}")
    return ranks.rank


def drawn(rank: int) -> torch.Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(rank))


def work() -> dict:
    with Ranks.join("cpu", timeout_s=60) as ranks:
        made: list[int] = []

        def make() -> torch.Tensor:
            made.append(ranks.rank)
            return torch.full((2, 3), 7.0, dtype=torch.bfloat16)

        return {
            "rank": (ranks.rank, ranks.world, ranks.leads),
            "from lead": ranks.from_lead(make),
            "made": made,
            "together": ranks.together(lambda: fail_on(ranks)),
            "one fails": told(lambda: ranks.together(lambda: fail_on(ranks, 1))),
            "all fail": told(lambda: ranks.together(lambda: fail_on(ranks, 0, 1))),
            "lead fails": told(lambda: ranks.from_lead(lambda: fail_on(ranks, 0))),
            "same": ranks.check_same(drawn(0), "noise"),
            "odd": told(lambda: ranks.check_same(drawn(ranks.rank), "noise")),
        }


def test_two_ranks_agree_and_fail_together(tmp_path):
    lead, other = run_ranks(2, work, tmp_path)
    assert (lead["rank"], other["rank"]) == ((0, 2, True), (1, 2, False))
    assert (lead["made"], other["made"]) == ([0], [])
    for rank in (lead, other):
        assert torch.equal(rank["from lead"], torch.full((2, 3), 7.0, dtype=torch.bfloat16))
        assert rank["same"] is None
        assert rank["odd"].startswith("DeviceError: noise of ranks [1] differ from rank 0's; run")
    assert (lead["together"], other["together"]) == (0, 1)
    assert lead["one fails"] == "RareworldError: rank 1: ConfigError: bad file on 1"
    assert other["one fails"] == "ConfigError: bad file on 1"
    assert lead["all fail"] == "ConfigError: bad file on 0"
    assert other["all fail"] == "ConfigError: bad file on 1"  # each its own
    assert lead["lead fails"] == "ConfigError: bad file on 0"
    assert other["lead fails"] == "RareworldError: rank 0: ConfigError: bad file on 0"


def who_tells() -> dict:
    """Return of each way to fail whether this rank's error is another's to tell, and its code."""
    ends: dict = {}
    with Ranks.join("cpu", timeout_s=60) as ranks:
        for way, failing in (("one", (1,)), ("both", (0, 1))):
            try:
                ranks.together(partial(fail_on, ranks, *failing))
            except RareworldError as error:
                ends[way] = (error is ranks.elsewhere, error.exit_code)
        try:
            ranks.together(share)
        except RareworldError as error:
            ends["shared"] = (error is ranks.elsewhere, error.exit_code)
    return ends


def share() -> None:
    raise ConfigError("the same on every rank")


def fail_alike() -> tuple[bool, int]:
    ranks = Ranks.join("cpu", timeout_s=60)
    try:
        with ranks:
            share()
    except ConfigError as error:
        dist.barrier()  # rank 0 keeps the store: it stays until the other has asked
        return error is ranks.elsewhere, error.exit_code
    return False, 0


def test_an_error_has_one_rank_that_tells_it_and_the_code_of_its_kind(tmp_path):
    lead, other = run_ranks(2, who_tells, tmp_path)
    assert lead == {"one": (True, 2), "both": (False, 2), "shared": (False, 2)}
    assert other == {"one": (False, 2), "both": (False, 2), "shared": (True, 2)}


def test_an_error_of_all_ranks_outside_their_agreement_is_told_by_the_first(tmp_path):
    assert sorted(run_ranks(2, fail_alike, tmp_path)) == [(False, 2), (True, 2)]


def sums() -> list[float | None]:
    """Return the sum of ranks within each group of this rank, asked for twice."""
    with Ranks.join("cpu", timeout_s=60) as ranks:
        out: list[float | None] = []
        for groups in (PAIRS, MIRRORS, SINGLES, PAIRS):
            group = ranks.group(groups)
            total = torch.tensor(float(ranks.rank))
            if group is not None:
                dist.all_reduce(total, group=group)
            out.append(None if group is None else float(total))
        assert ranks.group(PAIRS) is ranks.group(PAIRS)
        assert len(ranks.groups) == 3
        return out


@pytest.mark.slow
def test_four_ranks_meet_in_groups_that_are_made_once(tmp_path):
    expected = [[1, 2, None, 1], [1, 4, None, 1], [5, 2, None, 5], [5, 4, None, 5]]
    assert run_ranks(4, sums, tmp_path) == expected


def break_one() -> None:
    with Ranks.join("cpu", timeout_s=60) as ranks:
        if ranks.rank == 1:
            raise ValueError("out of memory, say")
        dist.all_reduce(torch.zeros(3))


@pytest.mark.slow
def test_an_error_on_one_rank_ends_all_and_is_the_one_shown(tmp_path):
    lead, broken = run_ranks(2, break_one, tmp_path)
    assert broken == ("ValueError", "out of memory, say")
    assert lead == ("DeviceError", "rank 1 failed first: ValueError: out of memory, say")


def wait_for_nobody(seconds: float) -> None:
    with Ranks.join("cpu", timeout_s=seconds) as ranks:
        if ranks.rank == 0:
            ranks.check_same(torch.zeros(3), "noise")
        else:
            time.sleep(2 * seconds + 1)


@pytest.mark.slow
def test_a_rank_that_waits_too_long_gives_up(tmp_path):
    waited, _ = run_ranks(2, partial(wait_for_nobody, 2), tmp_path)
    assert waited[0] in {"RuntimeError", "DistBackendError"}
    assert "imed out" in waited[1]


@pytest.fixture
def no_torchrun(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_torchrun")
def test_alone_there_is_no_group_and_everything_is_here():
    with Ranks.join("cpu") as ranks:
        assert (ranks.leads, ranks.world, ranks.store) == (True, 1, None)
        assert not dist.is_initialized()
        assert ranks.group(((0,),)) is None
        assert ranks.together(lambda: 5) == 5
        assert torch.equal(ranks.from_lead(lambda: torch.ones(2)), torch.ones(2))
        ranks.check_same(torch.ones(2), "noise")
        with pytest.raises(ConfigError, match="bad file on 0"):
            ranks.together(lambda: fail_on(ranks, 0))


@pytest.mark.usefixtures("no_torchrun")
def test_alone_an_error_is_passed_on_as_it_is():
    with pytest.raises(ValueError, match="mine"), Ranks.join("cpu"):
        raise ValueError("mine")


def test_more_ranks_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(DeviceError, match=r"local rank 3 .* 2 found; lower torchrun"):
        Ranks.join("cuda")
