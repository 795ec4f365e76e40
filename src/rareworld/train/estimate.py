"""What a run will take, before it starts: parameters, memory by part, seconds of a step.

Parameters are counted on the network itself, built without memory; operations as `flops.py` counts
them; memory from shapes, and what a block needs inside by its policy; seconds are operations over
the rates of an H200, plus element-wise passes and exchanges. GB is 1e9 bytes. Constants are fitted
to `benchmarks/2026-11-20_h200_training.md`; the few that nothing was measured of say so.
Proved in `tests/train/test_estimate.py`: closed forms, and the measured steps of 2B and 14B,
memory within 5 % and seconds within 10 %. Explained in `docs/explain/training_cost.md`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, final

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.adapt import AdapterSpec
from rareworld.models.cosmos_predict.config import Family, NetConfig
from rareworld.models.cosmos_predict.sizes import CELL, latents_of
from rareworld.nn.attention import AttentionBackend
from rareworld.train.config import Activations, ComputeConfig, TrainConfig
from rareworld.train.data.buckets import lengths_of, sizes_of
from rareworld.train.data.clips import Bucket
from rareworld.train.flops import Clips, Trainee, Work, step_work

SPARE = 1.05
"""Memory asked of a GPU over what tensors take: blocks of the allocator, kernels' workspaces."""


@final
@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Rates of one kernel of attention, operations a second; text is 512 rows of it."""

    forward: float
    backward: float
    text_forward: float
    text_backward: float


CUDNN = Kernel(forward=613e12, backward=556e12, text_forward=545e12, text_backward=233e12)
"""cuDNN's at 84,480 tokens, 16 heads of 128: what `auto` takes on a GPU."""
FLASH = Kernel(forward=354e12, backward=322e12, text_forward=322e12, text_backward=123e12)
"""PyTorch's flash kernel there."""
ORDERED = Kernel(forward=366e12, backward=168e12, text_forward=322e12, text_backward=123e12)
"""The same adding in a fixed order, as `compute.deterministic` has it; text as without."""


@final
@dataclass(frozen=True, kw_only=True)
class Machine:
    """Rates of a GPU; an H200's by default."""

    attention: Kernel = CUDNN
    """Of attention as it comes, and of back ends that were not measured."""
    flash: Kernel = FLASH
    """With `compute.attention: flash`."""
    ordered: Kernel = ORDERED
    """With `compute.deterministic`."""
    linear: float = 766e12
    """Linear layers in bfloat16."""
    element_wise: float = 7.0e-11
    """Seconds of a pass, per token, channel and block, beside products; eager."""
    element_wise_compiled: float = 2.1e-11
    """The same with compiled blocks."""
    memory: float = 4.0e12
    """Bytes a second that adapters read and write."""
    exchange: float = 1.1e11
    """Bytes a second each way between GPUs that share a clip, waits included: measured on 2 and 4
    GPUs that generate."""
    gather: float = 2.0e11
    """Bytes a second of sharded weights, hidden behind the arithmetic; not measured."""
    host: float = 4.0e10
    """Bytes a second to the host's memory or back, hidden likewise: measured steps moved 3e9 and
    7e9 a second and lost at most 2 % by it; the rate itself is not measured."""


H200 = Machine()

_INSIDE = {
    (Activations.FULL, True): 28.5,
    (Activations.KEEP_ATTENTION, True): 32.5,
    (Activations.OFFLOAD, True): 31.5,
    (Activations.KEEP_ATTENTION, False): 24.5,
    # not measured: counted from what autograd keeps of a block; `offload` has two blocks' kept
    # tensors on their way besides what `keep_attention` has
    (Activations.NONE, True): 6.0,
    (Activations.NONE, False): 6.0,
    (Activations.FULL, False): 33.5,
    (Activations.OFFLOAD, False): 28.5,
}
"""Room that one block's forward and backward pass need, in tensors of all tokens, by policy and
whether blocks are compiled."""
_ATTENDING = 12.0
"""Of these, what is there while attention's gradient is computed: counted, not measured."""
_PROCESSORS = 132
"""Of an H200: the ordered kernel sums gradients of queries in float32 in that many parts, at least,
over all heads (`nsplits` of flash attention's `flash_api.cpp`)."""
_KEPT = 26.0
"""Tensors of all tokens that a block keeps when nothing is computed again: counted likewise."""
_PASSES = {Activations.NONE: 3.0}
"""Element-wise work of a step over that of a forward pass; 4 where blocks are computed again."""
_PACKED = {"none": 1.0, "int8": 0.5, "nf4": 0.28}
"""Bytes of a packed layer over bfloat16's: nf4 has a float32 for every 64 values."""
_LARGE = 480 * 768
"""Pixels of a frame above which the smaller resolution class saves anything."""
_TRAINED = {"weights": 4, "gradients": 4, "moments": 8}
"""Bytes of a trained value: all in float32."""


@final
@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What one step of a run takes; memory is one GPU's."""

    config: TrainConfig
    family: Family
    world: int
    bucket: Bucket
    machine: Machine
    """What seconds are counted by."""
    parameters: int
    """Values of the network, adapters included."""
    trainable: int
    """Values that are trained."""
    tokens: int
    """Tokens of a clip."""
    flops: float
    """Operations of an optimizer step, over all GPUs."""
    memory_gb: Mapping[str, float]
    """By part; the sum is the peak."""
    host_gb: float
    """Host memory of what is offloaded."""
    seconds_per_step: float
    """Of an optimizer step, on H200s unless told otherwise."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Where they go."""

    @property
    def total_gb(self) -> float:
        """Return the peak of one GPU."""
        return sum(self.memory_gb.values())

    @property
    def hours(self) -> float:
        """Return how long all steps take, without what lies between them."""
        return self.seconds_per_step * self.config.steps / 3600

    @property
    def row(self) -> "Row":
        """Return the run in four figures."""
        return Row(self.trainable, self.total_gb, self.seconds_per_step, self.hours)

    def rows(self) -> list[tuple[str, str]]:
        """Return names and figures, for a table; times say whose they are."""
        per_s = self.config.data.batch_size * self.tokens / self.seconds_per_step
        whose = _whose(self)
        return [
            ("model", f"{self.family.name}, {self.parameters:,} parameters"),
            ("trained", f"{self.trainable:,} ({self.trainable / self.parameters:.2%})"),
            ("largest sample", f"{self.bucket}, {self.tokens:,} tokens"),
            ("GPUs", f"{self.world}"),
            *((f"memory, {part}", f"{gb:.1f} GB") for part, gb in self.memory_gb.items()),
            ("memory, peak", f"{self.total_gb:.1f} GB"),
            *([("host memory", f"{self.host_gb:.1f} GB")] if self.host_gb else []),
            (f"step{whose}", f"{self.seconds_per_step:.2f} s, {self.flops / 1e15:.2f} PFLOP"),
            (f"tokens{whose}", f"{per_s:,.0f} a second"),
            (f"run{whose}", f"{self.hours:.1f} h"),
        ]


class Row(NamedTuple):
    """A run in four figures, for a list of runs."""

    trainable: int
    """Values that are trained."""
    gb: float
    """Peak of one GPU's memory."""
    seconds_per_step: float
    """Of an optimizer step."""
    hours: float
    """Of all steps."""


@final
@dataclass(frozen=True, kw_only=True)
class Fit:
    """Whether a run fits a GPU, and what would make it."""

    ok: bool
    message: str
    remedy: Mapping[str, str] = field(default_factory=dict)
    """Settings that make it fit, as `--set` takes them; empty where it fits, or nothing does."""


def estimate(
    config: TrainConfig,
    family: Family,
    world: int = 1,
    *,
    bucket: Bucket | None = None,
    machine: Machine = H200,
) -> Estimate:
    """Estimate a run.

    Args:
        config: The run.
        family: The network it trains.
        world: GPUs.
        bucket: Shape of the samples; left out, the largest that the configuration allows.
        machine: Rates of a GPU.

    Raises:
        ConfigError: If GPUs cannot be shared out as asked, or sizes make no sense.
    """
    chosen = bucket or largest_bucket(config)
    trainee = _trainee(config, family)
    return _estimate(config.on(world), family, world, chosen, machine, trainee)


def row_of(config: TrainConfig, family: Family, world: int = 1) -> Row:
    """Return a run's trained values, GB of a GPU, seconds of a step and hours, on H200s.

    Raises:
        ConfigError: As `estimate`.
    """
    return estimate(config, family, world).row


def fits(found: Estimate, free_bytes: float) -> Fit:
    """Return whether a run fits into a GPU's free memory, and the setting that would make it fit.

    One change is looked for first, then changes together, in the order of what they cost.
    """
    free = free_bytes / 1e9
    needs = f"needs {found.total_gb * SPARE:.1f} GB of each GPU, {free:.1f} GB are free"
    if found.total_gb * SPARE <= free:
        return Fit(ok=True, message=f"{needs}: it fits")
    least, trainee = found.total_gb, _trainee(found.config, found.family)
    for changes in _changes(found):
        smaller = _changed(found, changes, trainee)
        least = min(least, smaller.total_gb)
        if smaller.total_gb * SPARE <= free:
            options = " ".join(f"--set {key}={value}" for key, value in changes.items())
            return Fit(
                ok=False,
                message=f"{needs}; {options} would make it fit ({smaller.total_gb * SPARE:.1f} GB, "
                f"{smaller.seconds_per_step:.1f} s a step instead of "
                f"{found.seconds_per_step:.1f}{_whose(found)})",
                remedy=changes,
            )
    return Fit(
        ok=False,
        message=f"{needs}, and no setting brings it below {least * SPARE:.1f} GB; "
        f"take a smaller model than {found.family.name}, or more or larger GPUs",
    )


def _whose(found: Estimate) -> str:
    """Return whose seconds an estimate counts, after a comma; nothing of a machine not known."""
    return ", on an H200" * (found.machine == H200)


def largest_bucket(config: TrainConfig) -> Bucket:
    """Return the sample of most tokens that a configuration allows."""
    size = max(sizes_of(config.data), key=lambda one: one.height * one.width)
    return Bucket(size.height, size.width, lengths_of(config.data)[-1])


def _estimate(
    config: TrainConfig,
    family: Family,
    world: int,
    bucket: Bucket,
    machine: Machine,
    trainee: Trainee,
) -> Estimate:
    ranks = _data_ranks(config, world)
    micro = min(config.data.micro_batch, max(1, config.data.batch_size // ranks))
    rounds = math.ceil(config.data.batch_size / (ranks * micro))
    clips = Clips(tokens=_tokens(bucket, family.net), count=micro)
    work = step_work(trainee, clips, config.compute.activations)
    seconds = _seconds(config, trainee, clips, work, machine)
    memory, host = _memory(config, family, trainee, clips, world)
    return Estimate(
        config=config,
        family=family,
        world=world,
        bucket=bucket,
        machine=machine,
        parameters=trainee.frozen + trainee.trainable,
        trainable=trainee.trainable,
        tokens=clips.tokens,
        flops=work.total * rounds * ranks,
        memory_gb=memory,
        host_gb=host,
        seconds_per_step=rounds * sum(seconds.values()),
        parts={name: rounds * part for name, part in seconds.items()},
    )


def _tokens(bucket: Bucket, net: NetConfig) -> int:
    t, h, w = net.patch
    cell = CELL // 2  # pixels of a latent cell
    return (
        latents_of(bucket.frames) // t * (bucket.height // cell // h) * (bucket.width // cell // w)
    )


def _data_ranks(config: TrainConfig, world: int) -> int:
    context = config.parallel.context
    if world < 1 or world % context:
        raise ConfigError(
            f"parallel.context: expected a divisor of the {world} GPUs, got {context}; "
            "change it, or the number of GPUs"
        )
    return world // context


def _trainee(config: TrainConfig, family: Family) -> Trainee:
    if config.adapter is None:
        return Trainee.planned(family.net, None)
    return Trainee.planned(family.net, AdapterSpec(**config.adapter.model_dump()))


def _ordered(compute: ComputeConfig) -> bool:
    """Return whether a GPU's attention adds in a fixed order."""
    return compute.deterministic and compute.device != "cpu"


def _kernel(compute: ComputeConfig, machine: Machine) -> Kernel:
    if _ordered(compute):
        return machine.ordered
    return machine.flash if compute.attention is AttentionBackend.FLASH else machine.attention


def _seconds(
    config: TrainConfig, trainee: Trainee, clips: Clips, work: Work, machine: Machine
) -> dict[str, float]:
    """Return seconds of one forward and backward pass by what they are spent on."""
    net, ranks = trainee.net, config.parallel.context
    mine = work.shared(ranks)
    compute = config.compute
    passes = _PASSES.get(compute.activations, 4.0)
    rate = machine.element_wise_compiled if compute.may_compile else machine.element_wise
    kernel = _kernel(compute, machine)
    rows = clips.count * clips.tokens / ranks
    out = {
        "attention": mine.attention_forward / kernel.forward
        + mine.attention_backward / kernel.backward,
        "attention to text": mine.text_forward / kernel.text_forward
        + mine.text_backward / kernel.text_backward,
        "linear": mine.linear / machine.linear,
        "element-wise": passes * rate * rows * net.width * net.num_blocks,
        "adapters": passes * _adapter_bytes(trainee, clips) / ranks / machine.memory,
    }
    if ranks > 1:
        # queries, keys, values and what attention gave; there and, as gradients, back
        times = 12 if compute.activations is Activations.FULL else 8
        sent = rows * net.width * 2 * (ranks - 1) / ranks
        out["exchange"] = times * net.num_blocks * sent / machine.exchange
    busy = sum(out.values())
    if config.parallel.shard != 1:
        gathered = 2 * 2 * (trainee.frozen + trainee.trainable) / machine.gather
        out["waiting for weights"] = max(0.0, gathered - busy)
    if compute.activations is Activations.OFFLOAD:
        moved = 2 * 2 * 2 * rows * net.width * net.num_blocks / machine.host
        out["waiting for the host"] = max(0.0, moved - busy)
    return out


def _adapter_bytes(trainee: Trainee, clips: Clips) -> float:
    """Return bytes that adapters read and write forward: inputs, and outputs twice."""
    layers = (x for x in trainee.over(clips) if x.rank)
    return 2.0 * sum(x.rows * (x.inputs + 2 * x.outputs) for x in layers)


def _memory(
    config: TrainConfig, family: Family, trainee: Trainee, clips: Clips, world: int
) -> tuple[dict[str, float], float]:
    """Return GB of one GPU by part, and of the host."""
    net, policy = family.net, config.compute.activations
    shard = config.parallel.shard or world
    wide = _wide(config)
    rows = clips.count * clips.tokens / config.parallel.context
    one = rows * net.width * wide
    offloaded = policy is Activations.OFFLOAD
    # adapters stay whole on every GPU, only the base is sharded
    trained = trainee.trainable / (shard if config.adapter is None else 1)
    parts = {
        "frozen weights": _frozen_bytes(config, trainee) / shard,
        "trained weights": _TRAINED["weights"] * trained,
        "gradients and moments": (_TRAINED["gradients"] + _TRAINED["moments"]) * trained,
        "average": 4 * trained if config.ema.enabled else 0.0,
        "block inputs": 0.0 if offloaded else net.num_blocks * one,
        "attention outputs": _attention_bytes(policy, net, rows, one),
        "inside a block": _inside(config, net, clips) * one,
    }
    if policy is Activations.NONE:
        parts["everything kept"] = _KEPT * net.num_blocks * one
    if shard > 1 or config.adapter is None:
        parts["gathered weights"] = 2 * wide * family.parameters / net.num_blocks
    host = 2 * net.num_blocks * _pinned(one) if offloaded else 0.0
    return {name: part / 1e9 for name, part in parts.items()}, host / 1e9


def _attention_bytes(policy: Activations, net: NetConfig, rows: float, one: float) -> float:
    """Return bytes of what attention gave, and of a float32 for each token and head of it."""
    sums = 4 * rows * net.num_heads
    each = {Activations.KEEP_ATTENTION: one + sums, Activations.OFFLOAD: sums}
    return net.num_blocks * each.get(policy, 0.0)


def _inside(config: TrainConfig, net: NetConfig, clips: Clips) -> float:
    """Return the room that a block needs, in tensors of all tokens."""
    compute = config.compute
    usual = _INSIDE[compute.activations, compute.may_compile]
    if not _ordered(compute):
        return usual
    heads = clips.count * net.num_heads // config.parallel.context
    sums = math.ceil(_PROCESSORS / max(1, heads)) * 4 / _wide(config)
    return max(usual, _ATTENDING + sums)


def _pinned(size: float) -> int:
    """Return the bytes of host memory that PyTorch's pool takes for a tensor: a power of two."""
    return 1 << math.ceil(math.log2(size))


def _wide(config: TrainConfig) -> int:
    """Return the bytes of a number of the computation."""
    return 4 if config.compute.dtype == "float32" else 2


def _frozen_bytes(config: TrainConfig, trainee: Trainee) -> float:
    """Return the bytes of frozen weights."""
    wide = _wide(config)
    if config.adapter is None or config.adapter.quantize == "none":
        return wide * trainee.frozen
    packed = sum(
        layer.inputs * layer.outputs
        for layer in trainee.layers
        if layer.in_block and "adaln" not in layer.name
    )
    return wide * (trainee.frozen - packed) + 2 * _PACKED[config.adapter.quantize] * packed


def _changes(found: Estimate) -> Iterator[dict[str, str]]:
    """Yield changes of settings, single ones first, cheapest first."""
    single = [*_of_activations(found.config), *_of_gpus(found), *_of_quality(found)]
    yield from ({key: value} for key, value in single)
    together: dict[str, str] = {}
    for key, value in single:
        together |= {key: value}
        if len(together) > 1:
            yield dict(together)


def _of_activations(config: TrainConfig) -> Iterator[tuple[str, str]]:
    """Yield settings that cost time at most."""
    if config.data.micro_batch > 1:
        yield "data.micro_batch", "1"
    order = (Activations.NONE, Activations.KEEP_ATTENTION, Activations.FULL, Activations.OFFLOAD)
    for policy in order[order.index(config.compute.activations) + 1 :]:
        yield "compute.activations", str(policy)


def _of_gpus(found: Estimate) -> Iterator[tuple[str, str]]:
    """Yield settings that share out weights or tokens."""
    parallel, world = found.config.parallel, found.world
    if world > 1 and parallel.shard == 1:
        yield "parallel.shard", "0"
    for ranks in range(parallel.context + 1, world + 1):
        if world % ranks == 0 and found.family.net.num_heads % ranks == 0:
            yield "parallel.context", str(ranks)


def _of_quality(found: Estimate) -> Iterator[tuple[str, str]]:
    """Yield settings that change what is learned."""
    if found.bucket.height * found.bucket.width > _LARGE:
        yield "data.resolution", "480"
    adapter = found.config.adapter
    if adapter is not None and adapter.quantize == "none" and not adapter.dora:
        yield "adapter.quantize", "nf4"


def _changed(found: Estimate, changes: Mapping[str, str], trainee: Trainee) -> Estimate:
    """Return the estimate with settings changed, none of which changes what is trained."""
    values = found.config.model_dump(mode="json")
    for path, value in changes.items():
        section, _, key = path.partition(".")
        values[section][key] = int(value) if value.isdecimal() and key != "resolution" else value
    config = TrainConfig.model_validate(values)
    bucket = largest_bucket(config) if "data.resolution" in changes else found.bucket
    return _estimate(config, found.family, found.world, bucket, found.machine, trainee)
