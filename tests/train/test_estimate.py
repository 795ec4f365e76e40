"""Estimates against closed forms, the project's measured steps, and what makes a run fit."""

import pytest

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.adapt import Adapted
from rareworld.models.cosmos_predict.config import FAMILIES, Family
from rareworld.train import estimate as module
from rareworld.train.config import (
    Activations,
    AdapterConfig,
    ComputeConfig,
    DataConfig,
    EmaConfig,
    ParallelConfig,
    Targets,
    TrainConfig,
)
from rareworld.train.data.clips import Bucket
from rareworld.train.estimate import SPARE, Estimate, Machine, estimate, fits, largest_bucket

LARGE, SMALL = Bucket(704, 1280, 93), Bucket(432, 768, 93)
TWO, FOURTEEN = FAMILIES["predict2-2b"], FAMILIES["predict2-14b"]


_built: dict[tuple[str, str], Adapted] = {}


@pytest.fixture(autouse=True)
def _built_once(monkeypatch) -> None:
    """Build each network once: it depends on the family and the adapter alone."""
    build = module._adapted

    def cached(config: TrainConfig, family: Family) -> Adapted:
        key = family.name, repr(config.adapter)
        if key not in _built:
            _built[key] = build(config, family)
        return _built[key]

    monkeypatch.setattr(module, "_adapted", cached)


def of(
    bucket: Bucket = LARGE,
    family: str = "predict2-2b",
    world: int = 1,
    machine: Machine | None = None,
    compute: dict | None = None,
    **sections: object,
) -> Estimate:
    config = TrainConfig(compute=ComputeConfig(**(compute or {})), **sections)
    machine = machine or Machine()
    return estimate(config, FAMILIES[family], world, bucket=bucket, machine=machine)


def test_parameters_are_those_of_the_network_and_its_adapters() -> None:
    found = of()
    assert found.trainable == 22_937_600
    assert found.parameters == TWO.parameters + 22_937_600
    whole = of(adapter=None)
    assert whole.trainable == whole.parameters == TWO.parameters
    newer = of(family="predict2.5-2b", adapter=None)
    projection = 100_352 * 1024 + 1024
    assert newer.parameters - newer.trainable == projection


@pytest.mark.parametrize(
    ("bucket", "tokens"), [(LARGE, 84_480), (SMALL, 31_104), (Bucket(960, 960, 1), 3600)]
)
def test_tokens_are_latent_frames_times_cells(bucket: Bucket, tokens: int) -> None:
    assert of(bucket).tokens == tokens


@pytest.mark.parametrize(
    ("bucket", "activations", "peta"),
    [
        (LARGE, "full", 8.3),
        (LARGE, "keep_attention", 6.6),
        (SMALL, "full", 1.34),
        (SMALL, "keep_attention", 1.11),
    ],
)
def test_operations_are_those_of_the_budget(bucket: Bucket, activations: str, peta: float) -> None:
    """Derived by hand from upstream's shapes, to three digits or two; adapters add 0.3 %."""
    found = of(bucket, compute={"activations": activations})
    assert found.flops == pytest.approx(peta * 1e15, rel=0.02)


@pytest.mark.parametrize(
    ("bucket", "compute", "seconds"),
    [
        (LARGE, {"activations": "keep_attention", "compile": True}, 11.6),
        (SMALL, {"activations": "keep_attention", "compile": True}, 2.15),
    ],
)
def test_steps_take_what_is_expected_of_an_h200(bucket, compute, seconds) -> None:
    assert of(bucket, compute=compute).seconds_per_step == pytest.approx(seconds, rel=0.1)


def test_the_floor_of_a_step_is_the_measured_one() -> None:
    """28 blocks of measured attention and the linear layers' operations, no passes between."""
    only_products = Machine(element_wise=0.0, memory=float("inf"))
    for activations, floor in (("keep_attention", 11.1), ("full", 13.7)):
        found = of(machine=only_products, compute={"activations": activations})
        assert found.seconds_per_step == pytest.approx(floor, rel=0.02)


def test_memory_is_the_sum_of_its_closed_forms() -> None:
    memory = of().memory_gb
    tensor = 84_480 * 2048 * 2 / 1e9
    assert memory["frozen weights"] == pytest.approx(2 * TWO.parameters / 1e9)
    assert memory["trained weights"] == pytest.approx(4 * 22_937_600 / 1e9)
    assert memory["gradients and moments"] == pytest.approx(12 * 22_937_600 / 1e9)
    assert memory["average"] == pytest.approx(4 * 22_937_600 / 1e9)
    assert memory["block inputs"] == pytest.approx(28 * tensor)
    per_head = 28 * 84_480 * 16 * 4 / 1e9
    assert memory["attention outputs"] == pytest.approx(28 * tensor + per_head)
    assert of(ema=EmaConfig(enabled=False)).memory_gb["average"] == 0


def test_policies_trade_memory_for_time() -> None:
    found = {x: of(compute={"activations": str(x)}) for x in Activations}
    memory = {str(name): one.total_gb for name, one in found.items()}
    assert memory["offload"] < 16 < memory["full"] < memory["keep_attention"] < 36 < memory["none"]
    seconds = {str(name): one.seconds_per_step for name, one in found.items()}
    assert seconds["none"] < seconds["keep_attention"] == seconds["offload"] < seconds["full"]
    host = found[Activations.OFFLOAD].host_gb
    kept = found[Activations.KEEP_ATTENTION].memory_gb
    assert host == pytest.approx(kept["block inputs"] + kept["attention outputs"])


def test_a_slow_host_is_waited_for() -> None:
    slow = of(machine=Machine(host=1e9), compute={"activations": "offload"})
    assert slow.parts["waiting for the host"] > 10
    assert of(compute={"activations": "offload"}).parts["waiting for the host"] == 0


def test_gpus_that_share_a_clip_do_it_in_almost_their_part_of_the_time() -> None:
    one, data = of(), DataConfig(batch_size=1)
    for ranks in (2, 4):
        shared = of(world=ranks, parallel=ParallelConfig(context=ranks), data=data)
        assert 0.85 < one.seconds_per_step / shared.seconds_per_step / ranks < 1
        assert shared.parts["exchange"] > 0
        assert shared.flops == pytest.approx(one.flops)
        share = shared.memory_gb["block inputs"] / one.memory_gb["block inputs"]
        assert share == pytest.approx(1 / ranks)


def test_gpus_that_share_the_clips_of_a_step_take_as_long_as_one_clip() -> None:
    one = of(data=DataConfig(batch_size=1))
    four = of(world=4, data=DataConfig(batch_size=4))
    alone = of(data=DataConfig(batch_size=4))
    assert four.seconds_per_step == pytest.approx(one.seconds_per_step)
    assert alone.seconds_per_step == pytest.approx(4 * one.seconds_per_step)
    assert four.flops == pytest.approx(alone.flops) == pytest.approx(4 * one.flops)
    assert four.total_gb == pytest.approx(one.total_gb)
    double = of(data=DataConfig(batch_size=4, micro_batch=2))
    assert double.memory_gb["block inputs"] == pytest.approx(2 * one.memory_gb["block inputs"])


def test_sharding_divides_what_it_shards() -> None:
    whole, cut = of(world=8), of(world=8, parallel=ParallelConfig(shard=0))
    assert cut.memory_gb["frozen weights"] == pytest.approx(whole.memory_gb["frozen weights"] / 8)
    assert cut.memory_gb["trained weights"] == whole.memory_gb["trained weights"]
    assert cut.memory_gb["gathered weights"] > 0
    full = of(world=8, parallel=ParallelConfig(shard=0), adapter=None)
    values = 16 * TWO.parameters / 8 / 1e9
    parts = full.memory_gb["trained weights"] + full.memory_gb["gradients and moments"]
    assert parts == pytest.approx(values)
    slow = of(world=8, parallel=ParallelConfig(shard=0), machine=Machine(gather=1e8), adapter=None)
    assert slow.parts["waiting for weights"] > 1


@pytest.mark.parametrize(("bits", "share"), [("int8", 0.5), ("nf4", 0.28)])
def test_a_packed_base_takes_less_where_it_is_packed(bits: str, share: float) -> None:
    whole = of().memory_gb["frozen weights"]
    packed = of(adapter=AdapterConfig(quantize=bits)).memory_gb["frozen weights"]
    per_block = 6 * 2048**2 + 2 * 1024 * 2048 + 2 * 4 * 2048**2
    saved = 28 * per_block * 2 * (1 - share) / 1e9
    assert whole - packed == pytest.approx(saved)


def test_targets_decide_what_is_trained() -> None:
    assert of(adapter=AdapterConfig(targets=Targets.ATTENTION)).trainable == 13_762_560
    with pytest.raises(ConfigError, match="to_q match no layer"):
        of(adapter=AdapterConfig(targets=("to_q",)))


def test_the_largest_sample_is_taken_unless_one_is_given() -> None:
    config = TrainConfig(data=DataConfig(resolution="480", num_frames=(61, 29)))
    assert largest_bucket(config) == Bucket(432, 768, 61)
    assert largest_bucket(TrainConfig(data=DataConfig(resolution="704,1280"))) == LARGE


@pytest.mark.parametrize(("context", "world"), [(2, 3), (4, 2)])
def test_gpus_that_cannot_be_shared_out_are_refused(context: int, world: int) -> None:
    with pytest.raises(ConfigError, match=rf"divisor of the {world} GPUs, got {context}"):
        of(world=world, parallel=ParallelConfig(context=context))


FITS = [
    (TWO, LARGE, 1, 80e9, None),
    (TWO, LARGE, 1, 28e9, {"compute.activations": "full"}),
    (TWO, LARGE, 1, 16e9, {"compute.activations": "offload"}),
    (TWO, LARGE, 1, 12e9, {"compute.activations": "offload", "data.resolution": "480"}),
    (FOURTEEN, LARGE, 1, 80e9, {"compute.activations": "offload"}),
    (FOURTEEN, LARGE, 8, 96e9, {"compute.activations": "full"}),
    (FOURTEEN, LARGE, 8, 48e9, {"parallel.context": "8"}),
]


@pytest.mark.parametrize(
    ("family", "bucket", "world", "free", "remedy"), FITS, ids=range(len(FITS))
)
def test_the_setting_that_makes_a_run_fit_is_named(family, bucket, world, free, remedy) -> None:
    found = estimate(TrainConfig(), family, world, bucket=bucket)
    fit = fits(found, free)
    assert fit.ok == (remedy is None)
    assert fit.remedy == (remedy or {})
    for key, value in (remedy or {}).items():
        assert f"--set {key}={value}" in fit.message
    assert (found.total_gb * SPARE * 1e9 <= free) == fit.ok


def test_a_run_that_nothing_makes_fit_says_so() -> None:
    fit = fits(estimate(TrainConfig(), FOURTEEN, 1, bucket=LARGE), 8e9)
    assert not fit.ok
    assert not fit.remedy
    assert "no setting brings it below" in fit.message
    assert "smaller model than predict2-14b" in fit.message


def test_several_samples_at_once_are_the_first_thing_to_give_up() -> None:
    config = TrainConfig(data=DataConfig(batch_size=4, micro_batch=4))
    fit = fits(estimate(config, TWO, 1, bucket=LARGE), 40e9)
    assert fit.remedy == {"data.micro_batch": "1"}


def test_every_figure_is_told() -> None:
    found = of(compute={"activations": "offload"})
    rows = dict(found.rows())
    assert rows["trained"] == "22,937,600 (1.16%)"
    assert rows["largest sample"] == "704x1280x93, 84,480 tokens"
    assert {"host memory", "memory, block inputs", "step", "run"} <= rows.keys()
    assert found.total_gb == pytest.approx(sum(found.memory_gb.values()))
    assert found.seconds_per_step == pytest.approx(sum(found.parts.values()))
