"""A whole run: folder, cache, model, loop; begun, gone on with, or found finished.

Every rank calls `run` alike; the leading one writes files and speaks. What changes during a run is
in its checkpoints, what never changes in its folder (`train.folder`), so the same command goes on
after any end of it. Proved in `tests/train/test_run.py` and `tests/train/test_resume.py`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import cast, final

import torch
from rich.console import Console

from rareworld.core.seed import Seed
from rareworld.errors import DeviceError, StoreError
from rareworld.models.cosmos_predict.cast import CastNet
from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.nn.ranks import Ranks
from rareworld.runtime.progress import progress_bar
from rareworld.train.assemble import assemble, compiles, family_of
from rareworld.train.batch import Batch
from rareworld.train.checkpoint import Checkpoints
from rareworld.train.config import Activations, TrainConfig
from rareworld.train.data.cache import CACHE_FILE, Cache, DamagedCacheError
from rareworld.train.data.cache_build import build_cache
from rareworld.train.data.cache_plan import cache_folder, plan_cache
from rareworld.train.data.clips import Bucket
from rareworld.train.data.loader import Loader
from rareworld.train.data.order import Clips, Order
from rareworld.train.data.resident import Resident, bytes_of, load_resident
from rareworld.train.ema import PowerEma
from rareworld.train.environment import environment, exact_kernels
from rareworld.train.estimate import Estimate, estimate, fits
from rareworld.train.flops import Clips as Clip
from rareworld.train.flops import step_work
from rareworld.train.folder import RunFolder
from rareworld.train.graphs import SMALL, record
from rareworld.train.guards import check_initial, enforce
from rareworld.train.loop import Parts, Trainer, lost
from rareworld.train.objective.base import Objective
from rareworld.train.optimizer import clip_gradients, make_optimizer
from rareworld.train.overfit import Goal, SameDraws, few_clips, overfit_config
from rareworld.train.preflight import preflight
from rareworld.train.saved import check_files, read_pointer, read_record, step_folder, steps_in
from rareworld.train.schedule import factor
from rareworld.train.state import TrainState
from rareworld.train.watch.bar import Bar
from rareworld.train.watch.base import Probe, StepReport, Watcher
from rareworld.train.watch.checks import Checks, Listener
from rareworld.train.watch.curves import Curves
from rareworld.train.watch.journal import Journal, read_rows
from rareworld.train.watch.look import Look
from rareworld.train.watch.meter import Meter
from rareworld.train.watch.trackers import Points, open_trackers

ROOM = 0.15
"""Part by which an estimate of memory may be too high: a run that needs more is not begun."""


@final
@dataclass(frozen=True, kw_only=True)
class Options:
    """How a run is started."""

    tell: Callable[[str], object]
    """Takes a line for the user; called on the leading rank."""
    console: Console | None = None
    """Where progress is shown; None shows none."""
    overfit: int = 0
    """Learn so many samples by heart instead; 0 trains."""


@final
@dataclass(frozen=True, kw_only=True)
class Result:
    """How a run ended."""

    folder: Path
    step: int
    """Steps done in all."""
    steps: int
    """Steps wanted."""
    report: StepReport | None
    """Of the last step; None where the run was finished before."""
    words: str


def run(config: TrainConfig, out: Path, ranks: Ranks, options: Options) -> Result:
    """Begin a run, go on with it, or find it finished.

    Raises:
        ConfigError: If settings are wrong, contradict the run in the folder, or a guard fails.
        FormatError: If weights or data are missing or damaged.
        StoreError: If the folder cannot be written, or another run works in it.
        DeviceError: If the GPUs do not suffice.
        InterruptedJobError: On Ctrl-C and SIGTERM, once the run is saved.
        JobError: If the loss is no number, at the end too, or samples were not learned by heart.
    """
    if options.overfit:
        config = overfit_config(config)
    folder = RunFolder(out)
    with ExitStack() as held, exact_kernels(enabled=config.compute.deterministic):
        if ranks.leads:
            ranks.together(lambda: _enter(held, folder, config, anew=options.overfit > 0))
        else:
            ranks.together(lambda: None)
        done = read_pointer(folder.checkpoints) or 0
        finished = done >= config.steps and not options.overfit
        if finished and ranks.together(lambda: _is_whole_end(folder, done)):
            words = (
                f"{out}: finished: {done} of {config.steps} steps are done; raise steps to go on"
            )
            return Result(folder=out, step=done, steps=config.steps, report=None, words=words)
        config = config.on(ranks.world)
        ranks.together(lambda: preflight(config, family_of(config.base), ranks.world))
        cache = ready_cache(config, folder, ranks, options)
        return _Run(config, folder, ranks, options, cache).train()


def _enter(held: ExitStack, folder: RunFolder, config: TrainConfig, *, anew: bool) -> None:
    """Take hold of the folder and check that it is this run's."""
    held.enter_context(folder.held())
    if anew:
        folder.forget(config.name)
    folder.agree(config)


def _is_whole_end(folder: RunFolder, step: int) -> bool:
    """Return whether the last save of a run is still there as it was written.

    Raises:
        JobError: If its last steps had no loss.
    """
    path = step_folder(folder.checkpoints, step)
    try:
        check_files(path, read_record(path), part=1)  # sizes alone
    except StoreError:
        return False  # named, and passed over, when the run goes on
    losses = [row["loss"] for row in read_rows(folder.metrics) if "loss" in row]
    bad = sum(1 for _ in takewhile(lambda loss: loss is None, reversed(losses)))
    if bad:
        raise lost(step, bad)
    return True


def ready_cache(config: TrainConfig, folder: RunFolder, ranks: Ranks, options: Options) -> Cache:
    """Open a run's cache; make or mend it where it is not whole.

    Raises:
        ConfigError: If it is of other data.
        JobError: If it cannot be made.
    """
    place = cache_folder(config, folder.path)
    if ranks.together(lambda: _is_whole(place, options if ranks.leads else None)):
        cache = ranks.together(lambda: Cache.open(place))
        ranks.together(lambda: cache.require(config.data))
        return cache
    gpu = ranks.device.index or 0
    plan = ranks.together(
        lambda: plan_cache(config, place, ranks, local_rank=gpu, command="the same command")
    )
    with progress_bar("cache", len(plan.shards), show=options.console is not None) as watcher:
        # on a GPU in a process of its own, whose memory is free when training begins
        inline = ranks.device.type == "cpu"
        report = build_cache(plan, ranks, inline=inline, watcher=watcher)
    if ranks.leads:
        mended = f", {len(report.rebuilt)} damaged shards rebuilt" if report.rebuilt else ""
        options.tell(f"cache: {report.windows} windows of {report.clips} clips{mended}")
        for clip, reason in list(report.quarantined.items())[:10]:
            options.tell(f"left out: {clip}: {reason}")
    return ranks.together(lambda: Cache.open(place))


def _is_whole(place: Path, options: Options | None) -> bool:
    """Return whether a cache opens; say what is damaged in one that does not."""
    if not (place / "cache.json").exists():
        return False
    try:
        Cache.open(place)
    except StoreError as error:
        if options is not None:
            options.tell(f"cache: {error}; rebuilding")
        return False
    return True


@final
class _Run:
    """Puts the parts of one run together."""

    def __init__(
        self, config: TrainConfig, folder: RunFolder, ranks: Ranks, options: Options, cache: Cache
    ) -> None:
        self.config, self.folder, self.ranks, self.options = config, folder, ranks, options
        self.cache = cache
        self._known_work: dict[tuple[int, int], float] = {}
        clips = few_clips(cache, options.overfit) if options.overfit else cache.clips()
        self.clips = clips
        self.order = Order(
            clips, _shares(config, clips, options), config.data.batch_size, config.seed
        )
        ranks.together(self._agree_data)
        self.estimate = estimate(
            config, family_of(config.base), ranks.world, bucket=max(self.order.buckets, key=_pixels)
        )
        ranks.together(self._check_memory)
        self.learner = assemble(config, ranks, self.order.buckets)
        self.mesh = self.learner.mesh
        self.state = self._state()
        self.loader = Loader(
            order=self.order,
            cache=cache,
            data_rank=self.mesh.data_rank,
            data_ranks=self.mesh.data_ranks,
            micro_batch=config.data.micro_batch,
            prefetch=config.data.prefetch,
            pin=ranks.device.type == "cuda",
            resident=self._resident(),
            prepare=None if options.overfit else self._drawn,
        )
        self.samples = config.data.batch_size // self.mesh.data_ranks
        numbers = {clip: number for number, clip in enumerate(sorted(_names(clips)))}
        objective: Objective[Batch] = self.learner.objective
        self.listener = Listener(SameDraws(objective, numbers) if options.overfit else objective)

    def train(self) -> Result:
        """Go on from the last save to the last step.

        Raises:
            DeviceError: If the GPU's memory does not suffice; names the setting that helps.
            DamagedCacheError: If the cache is damaged; the same command mends it and goes on.
        """
        try:
            return self._train()
        except DamagedCacheError:
            # without its manifest the cache counts as unfinished: the next start checks all of it
            # and rebuilds what is damaged
            with suppress(OSError):
                (self.cache.folder / CACHE_FILE).unlink(missing_ok=True)
            raise
        except torch.OutOfMemoryError as error:
            told = str(error).partition("\n")[0]
            raise DeviceError(f"{told} {_smaller(self.estimate)}") from None

    def _train(self) -> Result:
        saves = Checkpoints(
            self.folder.checkpoints,
            self.config.checkpoint,
            self.mesh,
            remainder=None if self.learner.has_adapter else self.learner.remainder(),
            facts=self._facts(),
            tell=self._tell,
        )
        self._introduce()
        self._resume(saves)
        self._record()
        goal = Goal(_pass(self.options.overfit, self.config.data.batch_size))
        parts = Parts[Batch](
            objective=self.listener,
            batches=self._batches,
            samples=self.samples,
            work=self._work,
            ranks=self.mesh.data_ranks,
            factor=lambda step: factor(step, self.config.schedule),
            clip=lambda parameters: clip_gradients(parameters, self.config.optimizer.clip),
            crew=self.mesh,
            saves=saves,
            save_every=self.config.checkpoint.every,
            probes=self._probes(),
            watchers=self._watchers(),
            enough=goal.reached if self.options.overfit else None,
        )
        report = Trainer(self.state, parts, self.config.steps).run()
        words = f"{self.folder.path}: {self.state.step} steps done"
        if self.options.overfit:
            words = goal.verdict(self.state.step)
        return Result(
            folder=self.folder.path,
            step=self.state.step,
            steps=self.config.steps,
            report=report,
            words=words,
        )

    # --- parts -----------------------------------------------------------------------------------

    def _resident(self) -> Resident | None:
        """Hold the cache on the device, where it fits in what it may take."""
        clips, dtype = self.clips, self.learner.dtype
        allowed = 1e9 * self.config.data.resident_gb
        if not allowed:
            return None
        needed = bytes_of(self.cache, clips, dtype)
        if needed > allowed:
            self._tell(
                f"note: latents and contexts take {needed / 1e9:.1f} GB and are read from files; "
                "hold them on the device with a larger data.resident_gb"
            )
            return None
        return load_resident(self.cache, clips, self.ranks.device, dtype)

    def _drawn(self, batch: Batch) -> Batch:
        pin = self.ranks.device.type == "cuda"
        return self.learner.objective.drawn(batch, pin=pin)

    def _state(self) -> TrainState:
        config, learner = self.config, self.learner
        torch.manual_seed(Seed(config.seed).child("rank", self.ranks.rank).int32())
        trained = learner.adapted.trained
        enforce(check_initial(trained))
        ema = PowerEma(trained, config.ema) if config.ema.enabled else None
        return TrainState(
            parameters=trained,
            optimizer=make_optimizer(trained.values(), config.optimizer),
            ema=ema,
            rank=self.ranks.rank,
            device=self.ranks.device,
            gather=(lambda: learner.gather(ema)) if learner.has_adapter else None,
        )

    def _resume(self, saves: Checkpoints) -> None:
        """Load the last save; learning by heart begins anew every time."""
        step = None if self.options.overfit else saves.latest()
        if step is None and steps_in(self.folder.checkpoints) and not self.options.overfit:
            self._tell("no save is whole: beginning anew")
        if step is not None:
            loaded = saves.load(step, self.state)
            for note in loaded.notes:
                self._tell(f"note: {note}")
            self._tell(f"going on after step {step} of {self.config.steps}")
            if self.ranks.device.type == "cuda" and not self.config.compute.deterministic:
                self._tell(
                    "note: losses equal an unbroken run's to rounding; to the bit with "
                    "compute.deterministic=true, which takes 2.2 times as long"
                )
        if self.ranks.leads:
            self.folder.note_start(environment(self.ranks, self.state.step))

    def _record(self) -> None:
        """Record the training pass of a small network, where every pass is alike."""
        net, config = self.learner.net, self.config
        alike = len(self.order.buckets) == 1 and self.samples == config.data.micro_batch
        plain = config.adapter is None or not config.adapter.dropout
        small = self.estimate.parameters < SMALL and isinstance(net, CastNet | CosmosDiT)
        keeps = config.compute.activations is Activations.NONE
        if self.ranks.device.type != "cuda" or not (alike and plain and small and keeps):
            return
        batch = self.loader.read(self.loader.picks(0))[0].to(self.ranks.device)
        objective = self.learner.objective
        objective.net = record(cast(torch.nn.Module, net), objective.inputs(batch))
        self._tell("each pass is recorded and replayed (CUDA graphs)")

    def _check_memory(self) -> None:
        """Refuse a run that cannot fit this rank's GPU; warn of one that may not.

        Raises:
            DeviceError: Naming the setting that would make it fit.
        """
        if self.ranks.device.type != "cuda":
            return
        free = torch.cuda.mem_get_info(self.ranks.device)[0]
        fit = fits(self.estimate, free)
        if not fits(self.estimate, free * (1 + ROOM)).ok:
            raise DeviceError(fit.message)
        if not fit.ok:
            self._tell(f"note: {fit.message}")

    def _introduce(self) -> None:
        """Say what is trained, and how."""
        learner, found = self.learner, self.estimate
        count = sum(parameter.numel() for parameter in learner.adapted.trained.values())
        trained = f"{count:,} of {found.parameters:,} parameters are trained"
        self._tell(f"{learner.family.name}: {trained}, {learner.dtype} on {learner.device}")
        self._tell(str(learner.attention))
        self._tell(str(self.mesh))
        if learner.device.type == "cuda":
            speed = f"{found.seconds_per_step:.1f} s a step on H200s"
            self._tell(f"estimate: {found.total_gb:.1f} GB of each GPU, {speed}")

    def _agree_data(self) -> None:
        if self.ranks.leads:
            self.folder.agree_data(self.cache, self.order.fingerprint)

    def _batches(self, start: int) -> Iterator[Sequence[Batch]]:
        for batches in self.loader.steps(start):
            yield tuple(batch.to(self.ranks.device) for batch in batches)

    def _work(self, batch: Batch) -> tuple[int, float]:
        """Return a micro-batch's tokens and the operations that it needs."""
        samples, _, *size = batch.latent.shape
        tokens = math.prod(size) // math.prod(self.learner.family.net.patch)
        key = (tokens, samples)
        if key not in self._known_work:
            clips = Clip(tokens=tokens, count=samples)
            work = step_work(self.learner.adapted, clips, Activations.NONE)
            self._known_work[key] = work.total
        return samples * tokens, self._known_work[key]

    def _facts(self) -> dict[str, str]:
        """Return settings that move the last bits of a step."""
        compute = self.config.compute
        return {
            "compute.attention": self.learner.attention.backend.value,
            "compute.activations": compute.activations.value,
            "compute.compile": str(compiles(compute, self.ranks.device)),
            "compute.dtype": str(self.learner.dtype),
            "data.micro_batch": str(self.config.data.micro_batch),
        }

    def _probes(self) -> list[Probe]:
        checks = Checks(
            learner=self.learner,
            state=self.state,
            listener=self.listener,
            ranks=self.ranks,
            samples=self.samples,
            clips=len(_names(self.clips)),
            window=self._window,
            save_every=self.config.checkpoint.every,
            pretrained=self.config.base.init == "checkpoint"
            and self.learner.family.name in FAMILIES,
            varies=not self.options.overfit,
            tell=self._tell,
        )
        look = Look(self.config, self.cache, self.learner, self.state, self._tell)
        return [checks, look.held_out(), look.samples(self.folder.samples, self.ranks)]

    def _window(self, number: int) -> str:
        """Return the window that one of the first samples since the start was of."""
        done, step = self.state.step, max(self.state.step - 8, 0)
        picks = (pick for at in range(step, done) for pick in self.order.step(at))
        return next((pick.window for pick in picks if pick.id == number), f"sample {number}")

    def _watchers(self) -> list[Watcher]:
        """Return who hears of steps: on the leading rank alone."""
        if not self.ranks.leads:
            return []
        watch, folder, config = self.config.watch, self.folder, self.config
        meter = Meter(self.ranks.device, self.ranks.world)
        console = self.options.console
        return [
            meter,
            Journal(folder.metrics, meter),
            Points(
                lambda step: open_trackers(watch, folder.path, config.name, step),
                meter,
                watch.every,
            ),
            *([] if console is None else [Bar(console, meter, watch.every)]),
            Curves(folder.metrics, folder.curves),
        ]

    def _tell(self, line: str) -> None:
        if self.ranks.leads:
            self.options.tell(line)


def _shares(config: TrainConfig, clips: Clips, options: Options) -> dict[int, float]:
    """Return the share of each source that is drawn from; by heart, each clip counts alike."""
    counts: dict[int, int] = {}
    for (source, _), each in clips.items():
        counts[source] = counts.get(source, 0) + len(each)
    if options.overfit:
        return {source: float(count) for source, count in counts.items()}
    return {source: each.share for source, each in enumerate(config.data.sources)}


def _names(clips: Clips) -> set[str]:
    return {clip for each in clips.values() for clip in each}


def _pass(samples: int, batch_size: int) -> int:
    """Return the steps in which every sample is seen equally often."""
    return samples // math.gcd(samples, batch_size) if samples else 1


def _pixels(bucket: Bucket) -> int:
    return bucket.height * bucket.width * bucket.frames


def _smaller(found: Estimate) -> str:
    """Return what would take less memory than a run that did not fit."""
    fit = fits(found, 0.8 * found.total_gb * 1e9)
    options = " ".join(f"--set {key}={value}" for key, value in fit.remedy.items())
    return f"Expected {found.total_gb:.1f} GB; {options or 'a smaller model'} takes less"
