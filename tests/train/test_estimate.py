"""Estimates against closed forms, the project's measured steps, and what makes a run fit."""

import json
from pathlib import Path

import pytest

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.recipes.training import RECIPES
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
from rareworld.train.estimate import (
    SPARE,
    Estimate,
    Kernel,
    Machine,
    estimate,
    fits,
    largest_bucket,
    row_of,
)

LARGE, SMALL = Bucket(704, 1280, 93), Bucket(432, 768, 93)
TWO, FOURTEEN = FAMILIES["predict2-2b"], FAMILIES["predict2-14b"]
ROOT = Path(__file__).resolve().parents[2]
MEASURED = json.loads((ROOT / "benchmarks/2026-11-20_h200_training.json").read_text())
MEMORY, SECONDS = 0.05, 0.10
"""Largest relative differences to measured steps."""


def of(
    bucket: Bucket = LARGE,
    family: str = "predict2-2b",
    world: int = 1,
    machine: Machine | None = None,
    compute: dict | None = None,
    **sections: object,
) -> Estimate:
    """Return an estimate; a step's sums have any order unless `compute` says otherwise."""
    told = {"deterministic": False, **(compute or {})}
    config = TrainConfig(compute=ComputeConfig(**told), **sections)
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


def compute_of(name: str) -> dict:
    """Return the settings that a row of the benchmark is named after."""
    policy, how = name.split()[-2:]
    return {"activations": policy, "compile": how == "compiled"}


ROWS = [
    ("final", "720 ours keep_attention compiled", LARGE, "predict2-2b"),
    ("final", "720 ours offload compiled", LARGE, "predict2-2b"),
    ("final", "480 ours keep_attention compiled", SMALL, "predict2-2b"),
    ("final", "480 ours offload compiled", SMALL, "predict2-2b"),
    ("final", "480 ours full compiled", SMALL, "predict2-2b"),
    ("final", "480 ours keep_attention eager", SMALL, "predict2-2b"),
    ("first", "480 14b keep_attention compiled", SMALL, "predict2-14b"),
]


@pytest.mark.parametrize(("part", "name", "bucket", "family"), ROWS)
def test_measured_steps_are_what_is_estimated(part, name, bucket, family) -> None:
    measured = MEASURED[part]["parts"][name]
    found = of(bucket, family, compute=compute_of(name), ema=EmaConfig(enabled=False))
    assert found.tokens == measured["tokens"]
    assert found.trainable == measured["trainable"]
    assert found.total_gb == pytest.approx(measured["peak_gb"], rel=MEMORY)
    assert found.seconds_per_step == pytest.approx(measured["median_s"], rel=SECONDS)


def test_every_measured_step_of_ours_is_compared() -> None:
    compared = {name for part, name, *_ in ROWS if part == "final"}
    assert compared == {name for name in MEASURED["final"]["parts"] if " ours " in name}


@pytest.mark.parametrize(("part", "name", "bucket", "family"), ROWS)
def test_the_page_shows_what_is_estimated_and_measured(part, name, bucket, family) -> None:
    page = (ROOT / "docs/explain/training_cost.md").read_text(encoding="utf-8")
    measured = MEASURED[part]["parts"][name]
    found = of(bucket, family, compute=compute_of(name), ema=EmaConfig(enabled=False))
    policy, how = name.split()[-2:]
    size = f"{bucket.height} x {bucket.width} x {bucket.frames}"
    cells = [f"{family.partition('-')[2].upper()}, {size}", f"`{policy}`, {how}"]
    pairs = [
        (measured["peak_gb"], found.total_gb),
        (measured["median_s"], found.seconds_per_step),
    ]
    for was, told in pairs:
        cells += [f"{was:.2f}", f"{told:.2f}", f"{100 * (told / was - 1):+.1f} %"]
    assert f"| {' | '.join(cells)} |" in page


def test_a_step_of_one_order_takes_what_was_measured() -> None:
    compute = {"activations": "keep_attention", "compile": True}
    for strict, how in ((False, "default"), (True, "deterministic")):
        found = of(SMALL, compute={**compute, "deterministic": strict})
        measured = MEASURED["first"]["parts"][f"repeat step {how}"]["median_s"]
        assert found.seconds_per_step == pytest.approx(measured, rel=SECONDS)


def test_attention_is_counted_by_the_kernel_that_runs() -> None:
    """A block's own attention, forward and backward, as the benchmark timed its kernels alone."""
    timed = MEASURED["first"]["parts"]
    cases = [
        ({}, MEASURED["final"]["parts"]["720 floor"]),
        ({"attention": "flash"}, timed["repeat attention flash default"]),
        ({"deterministic": True}, timed["repeat attention auto deterministic"]),
        (
            {"attention": "flash", "deterministic": True},
            timed["repeat attention flash deterministic"],
        ),
    ]
    for compute, kernel in cases:
        block = kernel["forward_s"] + kernel["backward_s"]
        assert of(compute=compute).parts["attention"] == pytest.approx(28 * block, rel=0.02)
    on_host = of(compute={"deterministic": True, "device": "cpu"})
    assert on_host.parts["attention"] == of().parts["attention"]


def test_the_floor_of_a_step_is_the_measured_one() -> None:
    """28 blocks of measured attention and the linear layers' operations, no passes between."""
    no_text = Kernel(forward=613e12, backward=556e12, text_forward=1e30, text_backward=1e30)
    free = {"element_wise": 0.0, "element_wise_compiled": 0.0, "memory": float("inf")}
    only_products = Machine(attention=no_text, **free)
    kernel = MEASURED["final"]["parts"]["720 floor"]
    for activations, times in (("keep_attention", 0), ("full", 1)):
        found = of(machine=only_products, compute={"activations": activations})
        floor = kernel["floor_s"] + times * 28 * kernel["forward_s"]
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
    assert memory["inside a block"] == pytest.approx(32.5 * tensor)
    eager = of(compute={"compile": False}).memory_gb
    assert eager["inside a block"] == pytest.approx(24.5 * tensor)
    assert of(ema=EmaConfig(enabled=False)).memory_gb["average"] == 0
    # sums of attention are small and stay where they are
    assert of(compute={"activations": "offload"}).memory_gb["attention outputs"] == pytest.approx(
        per_head
    )
    wide = of(compute={"dtype": "float32"}).memory_gb
    assert wide["frozen weights"] == pytest.approx(2 * memory["frozen weights"])
    assert wide["block inputs"] == pytest.approx(2 * memory["block inputs"])


@pytest.mark.parametrize(
    ("family", "compile_", "room"),
    [
        ("predict2-2b", False, 12 + 2 * 9),
        ("predict2-2b", True, 32.5),
        ("predict2-14b", False, 24.5),
    ],
)
def test_an_ordered_kernel_has_its_sums_in_parts(family, compile_, room) -> None:
    """132 processors over 16 heads are 9 parts, over 40 heads 4; each is float32."""
    compute = {"deterministic": True, "compile": compile_}
    tensor = 84_480 * FAMILIES[family].net.width * 2 / 1e9
    found = of(family=family, compute=compute).memory_gb["inside a block"]
    assert found == pytest.approx(room * tensor)


def test_policies_trade_memory_for_time() -> None:
    found = {x: of(compute={"activations": str(x)}) for x in Activations}
    memory = {str(name): one.total_gb for name, one in found.items()}
    assert memory["offload"] < 16 < memory["full"] < memory["keep_attention"] < 36 < memory["none"]
    seconds = {str(name): one.seconds_per_step for name, one in found.items()}
    assert seconds["none"] < seconds["keep_attention"] == seconds["offload"] < seconds["full"]
    # 28 blocks keep two tensors of 346 MB, which the pool of pinned memory rounds up to 512 MiB
    assert found[Activations.OFFLOAD].host_gb == pytest.approx(28 * 2 * 2**29 / 1e9)
    assert found[Activations.KEEP_ATTENTION].host_gb == 0


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


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_s_row_is_that_of_its_estimate(recipe: str) -> None:
    config = RECIPES[recipe]()
    family = FAMILIES["predict2-14b" if "14b" in recipe else "predict2-2b"]
    row = row_of(config, family, 8)
    found = estimate(config, family, 8)
    assert row == (found.trainable, found.total_gb, found.seconds_per_step, found.hours)
    assert row.hours == pytest.approx(row.seconds_per_step * config.steps / 3600)


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
    (TWO, LARGE, 1, 18e9, {"compute.activations": "offload"}),
    (TWO, LARGE, 1, 12e9, {"compute.activations": "offload", "data.resolution": "480"}),
    (FOURTEEN, LARGE, 1, 80e9, {"compute.activations": "offload"}),
    (FOURTEEN, LARGE, 8, 96e9, {"compute.activations": "full"}),
    (FOURTEEN, LARGE, 8, 48e9, {"parallel.context": "8"}),
]


@pytest.mark.parametrize(
    ("family", "bucket", "world", "free", "remedy"), FITS, ids=range(len(FITS))
)
def test_the_setting_that_makes_a_run_fit_is_named(family, bucket, world, free, remedy) -> None:
    alone = TrainConfig(parallel=ParallelConfig(context=1))
    found = estimate(alone, family, world, bucket=bucket)
    fit = fits(found, free)
    assert fit.ok == (remedy is None)
    assert fit.remedy == (remedy or {})
    for key, value in (remedy or {}).items():
        assert f"--set {key}={value}" in fit.message
    assert (found.total_gb * SPARE * 1e9 <= free) == fit.ok


def test_left_out_divisions_of_the_work_are_decided_for_the_gpus_there_are() -> None:
    found = of(world=8, data=DataConfig(batch_size=4))
    assert found.config.parallel.context == 2
    told = of(world=8, data=DataConfig(batch_size=4), parallel=ParallelConfig(context=2))
    assert found.memory_gb == told.memory_gb
    assert found.parts == told.parts


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
    assert rows["run, on an H200"] == f"{found.hours:.1f} h"
    assert {"host memory", "memory, block inputs", "step, on an H200"} <= rows.keys()
    other = estimate(TrainConfig(), TWO, machine=Machine(linear=1e12))
    assert {"step", "tokens", "run"} <= dict(other.rows()).keys()
    assert found.total_gb == pytest.approx(sum(found.memory_gb.values()))
    assert found.seconds_per_step == pytest.approx(sum(found.parts.values()))
