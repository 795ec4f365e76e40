"""Settings that depend on how many GPUs there are, and unknown keys."""

import pytest

from rareworld.errors import ConfigError
from rareworld.train.config import (
    AdapterConfig,
    DataConfig,
    ParallelConfig,
    Targets,
    TrainConfig,
)


@pytest.mark.parametrize(
    ("samples", "micro", "gpus", "sharers"),
    [
        (1, 1, 1, 1),
        (1, 1, 8, 8),
        (4, 1, 8, 2),
        (8, 1, 8, 1),
        (8, 2, 8, 2),
        (6, 1, 4, 2),
        (3, 1, 8, 8),
    ],
)
def test_as_few_gpus_share_a_clip_as_deal_out_a_step(
    samples: int, micro: int, gpus: int, sharers: int
) -> None:
    config = TrainConfig(data=DataConfig(batch_size=samples, micro_batch=micro))
    assert config.on(gpus).parallel.context == sharers
    assert (samples // micro) % (gpus // sharers) == 0
    fewer = [n for n in range(1, sharers) if gpus % n == 0]
    assert all((samples // micro) % (gpus // n) for n in fewer)


def test_a_number_that_was_given_stays() -> None:
    config = TrainConfig(parallel=ParallelConfig(context=2))
    assert config.on(8) is config


@pytest.mark.parametrize(
    ("values", "near"),
    [
        ({"adaptor": {}}, "adapter"),
        ({"data": {"batchsize": 2}}, "batch_size"),
        ({"compute": {"activation": "full"}}, "activations"),
    ],
)
def test_an_unknown_key_names_the_nearest(values: dict[str, object], near: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean '{near}'"):
        TrainConfig.parse(values)


@pytest.mark.parametrize(
    ("given", "targets"),
    [
        ("attention", Targets.ATTENTION),
        ("q_proj, mlp.layer1", ("q_proj", "mlp.layer1")),
        ("k_proj", ("k_proj",)),
        (["v_proj"], ("v_proj",)),
    ],
)
def test_targets_are_a_set_or_endings_as_upstream_writes_them(
    given: object, targets: object
) -> None:
    assert TrainConfig.parse({"adapter": {"targets": given}}).adapter == AdapterConfig(
        targets=targets
    )
