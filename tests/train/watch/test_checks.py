"""When the guards are asked, and that what they find ends a run."""

from typing import Any

import pytest
import torch

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.adapt import AdapterSpec, add_adapters
from rareworld.models.cosmos_predict.tiny import tiny_checkpoint, tiny_family
from rareworld.models.cosmos_predict.weights.loading import build_net
from rareworld.nn.attention import AttentionBackend, Choice
from rareworld.nn.ranks import Ranks
from rareworld.train.assemble import Learner
from rareworld.train.batch import Batch
from rareworld.train.config import ObjectiveConfig, ParallelConfig
from rareworld.train.objective.world import WorldObjective
from rareworld.train.parallel import Mesh
from rareworld.train.state import TrainState
from rareworld.train.watch.base import Probe
from rareworld.train.watch.checks import ENOUGH, TRAINED, Checks, Listener

CPU = torch.device("cpu")
ALONE = Ranks(rank=0, world=1, device=CPU)


def make_learner() -> Learner:
    net = build_net(tiny_checkpoint())
    family = tiny_family("predict2.5")
    adapted = add_adapters(net, AdapterSpec(rank=2), seed=0)
    objective = WorldObjective(net, family, ObjectiveConfig(), conditional_timestep=0.1)
    return Learner(
        adapted=adapted, net=net, family=family, conditional_timestep=0.1, objective=objective,
        mesh=Mesh.plan(ALONE, ParallelConfig(), 2, [(2, 2, 3)]),
        attention=Choice(AttentionBackend.FLASH, "test"), dtype=torch.float32, device=CPU,
        empty=torch.zeros(1, 512, 64), has_adapter=True,
    )  # fmt: skip


def batch(number: int, clip: str | None = None) -> Batch:
    generator = torch.Generator().manual_seed(number)
    return Batch(
        latent=torch.randn(1, 16, 2, 4, 6, generator=generator),
        context=torch.randn(1, 512, 64, generator=generator),
        ids=(number,),
        clips=(clip or f"clip{number}",),
    )


def make(told: list[str], **changes: Any) -> Checks:
    learner = make_learner()
    trained = learner.adapted.trained
    optimizer = torch.optim.AdamW(trained.values(), lr=1e-3)
    values: dict[str, Any] = {
        "learner": learner,
        "state": TrainState(parameters=trained, optimizer=optimizer),
        "listener": Listener(learner.objective),
        "ranks": ALONE, "samples": 1, "clips": 20, "window": lambda number: f"clip{number}#0",
        "save_every": 50, "pretrained": False, "varies": True, "tell": told.append,
    }  # fmt: skip
    return Checks(**(values | changes))


def teach(checks: Checks, steps: int, clip: str | None = None) -> None:
    for number in range(steps):
        checks.listener.loss(batch(number, clip)).total.backward()
        checks.state.optimizer.step()


def names(checks: Checks, step: int, *, last: bool = False) -> set[str]:
    checks.due(step, last=last)
    return {check().check for check in checks._planned}


def test_each_check_is_asked_when_it_can_tell() -> None:
    checks = make([])
    assert isinstance(checks, Probe)
    teach(checks, ENOUGH)
    assert names(checks, 0) == set()
    assert names(checks, 1) == {"first step"}
    assert names(checks, 2) == set()
    assert names(checks, ENOUGH) == {"variety"}
    assert names(checks, 50) == set()
    assert names(checks, TRAINED) == {"adapted output"}
    assert names(checks, TRAINED + 50) == set()  # it differs: asked once


def test_a_released_model_is_held_to_its_first_loss() -> None:
    checks = make([], pretrained=True)
    teach(checks, 1)
    assert names(checks, 1) == {"first step", "first loss"}
    checks.due(1, last=False)
    with pytest.raises(ConfigError, match=r"first loss: velocity error .* above: the base"):
        checks.measure(1)


def test_a_sound_start_passes_and_measures_nothing() -> None:
    checks = make([])
    teach(checks, ENOUGH)
    for step in (1, ENOUGH):
        assert checks.due(step, last=False)
        assert checks.measure(step) == {}


def test_one_clip_over_and_over_ends_the_run() -> None:
    checks = make([])
    teach(checks, ENOUGH, clip="the-only-one")
    checks.due(ENOUGH, last=False)
    with pytest.raises(ConfigError, match=r"variety: .*1 clips of 20"):
        checks.measure(ENOUGH)
    assert names(make([], varies=False), ENOUGH) == set()


def test_an_adapter_that_reaches_nothing_is_told_early_and_ends_a_longer_run() -> None:
    told: list[str] = []
    checks = make(told)
    checks.listener.loss(batch(0))
    checks.due(7, last=True)
    checks.measure(7)
    assert "adapted output: differs from the base's by 0 " in told[0]
    checks.due(TRAINED, last=True)
    with pytest.raises(ConfigError, match="the adapter does not reach the output"):
        checks.measure(TRAINED)


def test_only_the_first_samples_are_remembered() -> None:
    checks = make([])
    teach(checks, ENOUGH + 3)
    assert checks.listener.samples == ENOUGH
    assert len(checks.listener.tag("sigma")) == ENOUGH
