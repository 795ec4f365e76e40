"""`generate` as a job: samples become videos with sidecars, one folder each.

The net is loaded when the first unfinished sample needs it. A sample that cannot be made is
quarantined and the next one begins. Under `torchrun` the leading rank runs the job and announces
each sample to the others, which compute along and write nothing.
Proved in `tests/generate/test_job.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, final

import numpy as np
import torch
from jaxtyping import UInt8

from rareworld.data.atomic import atomic_file
from rareworld.data.video import RgbWriter
from rareworld.errors import DeviceError, RareworldError
from rareworld.generate.engine import NEGATIVE_PROMPT, NO_FRAMES, Engine, Order
from rareworld.generate.guard import Guard, NoGuard
from rareworld.generate.media import Medium, last_frames, look_at
from rareworld.generate.models import ModelConfig, depends, find_parts, load_engine, names
from rareworld.generate.plan import Plan, make_plan
from rareworld.generate.refine import RefineConfig, refine
from rareworld.generate.sample import InferenceType, Request, Sample, prompt_of
from rareworld.generate.sidecar import Stopwatch, start_peak, write_sidecar
from rareworld.models.cosmos_predict.defaults import Defaults
from rareworld.models.cosmos_predict.pixels import cover
from rareworld.models.cosmos_predict.sizes import Limits, frames_of
from rareworld.nn.ranks import Ranks
from rareworld.runtime.stage import JobReport, Report

T = TypeVar("T")

END = -1
"""Announced instead of a sample when there is none left."""
NO_MEMORY = ("out of memory", "allocate memory")
"""What torch says where memory does not suffice, of a GPU and of the machine."""
NOT_DECISIVE = frozenset({"name", "prompt", "prompt_path", "input_path", "save_path"})
"""Fields of a sample that do not decide its bytes, or whose content stands for them."""


def _say_nothing(line: str) -> None:
    """Tell nobody."""


@final
@dataclass(kw_only=True)
class GenerateStage:
    """`runtime.Stage` over requests."""

    requests: Sequence[Request]
    limits: Limits
    parts: Mapping[str, Any]
    """What else decides the bytes: hashes of weights and adapters, types, back ends."""
    names: Mapping[str, Any]
    """What they are called, for the sidecar."""
    notes: Sequence[str] = ()
    """What was assumed of the model, for every sidecar."""
    defaults: Defaults | None = None
    """What the pipeline says of how it samples."""
    load: Callable[[], Engine]
    ranks: Ranks
    guard: Guard = field(default_factory=NoGuard)
    refiner: RefineConfig | None = None
    tell: Callable[[str], object] = _say_nothing
    """Told what was loaded and how it runs."""
    _engine: Engine | RareworldError | None = None

    @property
    def name(self) -> str:
        """The verb."""
        return "generate"

    def item_name(self, item: Request) -> str:
        """Return the sample's own name."""
        return item.name

    def describe(self, item: Request) -> Mapping[str, Any]:
        """Return what decides the item's bytes.

        Raises:
            RareworldError: If the sample is wrong or cannot be made by this model.
        """
        sample = item.sample()
        medium = _medium(sample)
        return self._depends(sample, make_plan(sample, medium, self.limits), medium)

    def run(self, item: Request, out: Path, report: Report) -> Mapping[str, Any]:
        """Write the video and its sidecar.

        Raises:
            ConfigError: If the sample is wrong or cannot be made by this model.
            FormatError: If its input cannot be read.
            DeviceError: If the GPU's memory does not suffice.
            StoreError: If the disk is full.
        """
        start_peak(self.ranks.device)
        took = Stopwatch()
        sample = item.sample()
        medium = _medium(sample)
        plan = make_plan(sample, medium, self.limits)
        prompt, notes = self._prompt(sample)
        with took.part("read", self.ranks.device):
            start = _start(plan, medium)
        self.announce(self.requests.index(item))
        engine = self.engine()
        frames = engine.make(self._order(sample, plan, prompt, start), took, report)
        with took.part("guard", self.ranks.device):
            frames = self.guard.check_video(frames)
        video = out / f"{item.name}.mp4"
        with took.part("write", self.ranks.device):
            _write(video, frames, plan)
        write_sidecar(
            out / f"{item.name}.json",
            video,
            depends=self._depends(sample, plan, medium),
            names=self.names,
            runs=engine.told(),
            medium=medium,
            plan=plan,
            took=took,
            device=self.ranks.device,
            notes=[*notes, *engine.notes],
        )
        return {
            "frames": plan.frames,
            "size": str(plan.size),
            "seconds": round(sum(took.seconds.values()), 2),
            "notes": [*notes, *engine.notes],
        }

    def engine(self) -> Engine:
        """Return the engine, loaded at first use by all ranks together.

        Raises:
            RareworldError: If it cannot be loaded; the first failure stands for all samples.
        """
        if self._engine is None:
            self._engine = self._loaded()
        if isinstance(self._engine, RareworldError):
            raise self._engine
        return self._engine

    def _loaded(self) -> Engine | RareworldError:
        try:
            engine = self.ranks.together(self._load)
        except RareworldError as error:
            return error
        for line in engine.about if self.ranks.leads else ():
            self.tell(line)
        return engine

    def _load(self) -> Engine:
        try:
            return self.load()
        except (RuntimeError, MemoryError) as error:
            told = str(error).partition("\n")[0]
            if not isinstance(error, MemoryError) and not any(word in told for word in NO_MEMORY):
                raise
            raise DeviceError(
                f"out of memory while the model was loaded: {told}; use --offload all, a smaller "
                "model, --dtype bfloat16, or a device that no other program fills"
            ) from None

    def announce(self, index: int) -> int:
        """Tell all ranks the sample to make next, or `END`; return it."""
        if self.ranks.world == 1:
            return index
        told = self.ranks.from_lead(lambda: torch.tensor([index]))
        return int(told.item())

    def follow(self) -> None:
        """Compute along until the leading rank announces the end."""
        while (index := self.announce(END)) != END:
            sample = self.requests[index].sample()
            plan = make_plan(sample, _medium(sample), self.limits)
            with suppress(RareworldError):  # the leading rank tells it, and goes on likewise
                self.engine().make(
                    self._order(sample, plan, "", NO_FRAMES), Stopwatch(), lambda _: None
                )

    def _prompt(self, sample: Sample) -> tuple[str, list[str]]:
        """Return the prompt, judged and refined where asked for, and what was done to it."""
        prompt = prompt_of(sample)
        self.guard.check_prompt(prompt)
        notes = [*self.notes, *_unused(sample)]
        if self.refiner is None:
            return prompt, notes
        refined = refine(prompt, self.refiner, seed=sample.seed)
        self.guard.check_prompt(refined.prompt)
        told = f"refined by {refined.model} at {refined.url}: {refined.prompt}"
        return refined.prompt, [*notes, told]

    def _order(
        self, sample: Sample, plan: Plan, prompt: str, start: UInt8[np.ndarray, "t h w 3"]
    ) -> Order:
        filled = sample.filled(self.defaults)
        return Order(
            plan=plan,
            prompt=prompt,
            negative_prompt=filled.negative_prompt,
            start=start,
            guidance=filled.guidance,
            steps=filled.num_steps,
        )

    def _depends(self, sample: Sample, plan: Plan, medium: Medium | None) -> dict[str, Any]:
        """Return everything that decides the bytes, as JSON types."""
        filled = sample.filled(self.defaults)
        values = sample.model_dump(mode="json", exclude=set(NOT_DECISIVE))
        values |= {"guidance": filled.guidance, "num_steps": filled.num_steps}
        negative = filled.negative_prompt
        return {
            **self.parts,
            "sample": values,
            "prompt": prompt_of(sample),
            "negative_prompt": NEGATIVE_PROMPT if negative is None else negative,
            "input_sha256": None if medium is None else medium.sha256,
            "size": [plan.size.height, plan.size.width],
            "frames": plan.frames,
            "fps": str(plan.fps),
            "guard": self.guard.name,
            "refiner": None if self.refiner is None else self.refiner.model_dump(mode="json"),
        }


def make_stage(requests: Sequence[Request], config: ModelConfig, ranks: Ranks) -> GenerateStage:
    """Find a model's parts and return the stage that makes videos with them.

    Raises:
        ConfigError: If there is no such model, or settings do not go together.
        FormatError: If a part is missing, damaged or of another kind.
    """
    parts = ranks.together(lambda: find_parts(config, ranks.device))
    return GenerateStage(
        requests=requests,
        limits=parts.limits,
        parts=depends(parts) if ranks.leads else {},
        names=names(parts),
        notes=parts.notes,
        defaults=parts.defaults,
        load=lambda: load_engine(parts, ranks),
        ranks=ranks,
    )


def run_on_ranks(stage: GenerateStage, run: Callable[[], JobReport]) -> JobReport | None:
    """Run a job on the leading rank while the others follow; None on those."""
    if not stage.ranks.leads:
        stage.follow()
        return None
    report = run()
    stage.announce(END)
    return report


def copy_out(requests: Sequence[Request], report: JobReport, out: Path) -> None:
    """Copy finished videos to where their samples want them (`save_path`).

    Raises:
        StoreError: If a copy cannot be written.
    """
    wrong = {outcome.item for outcome in report.quarantined}
    for request in requests:
        if request.name not in wrong:
            target = request.sample().save_path
            video = out / request.name / f"{request.name}.mp4"
            if target is not None:
                _copy(video, target)


def _copy(video: Path, target: Path) -> None:
    with atomic_file(target) as temporary:
        temporary.write_bytes(video.read_bytes())


def _medium(sample: Sample) -> Medium | None:
    if sample.input_path is None or sample.kind == InferenceType.TEXT2WORLD:
        return None
    return look_at(sample.input_path)


def _unused(sample: Sample) -> list[str]:
    """Return what to say of an input that is not read: upstream's lists serve all three kinds."""
    if sample.input_path is None or sample.kind != InferenceType.TEXT2WORLD:
        return []
    return [f"text2world starts from no picture: {sample.input_path.name} was not read"]


def _start(plan: Plan, medium: Medium | None) -> UInt8[np.ndarray, "t h w 3"]:
    """Return the frames a plan starts from, at its size."""
    if medium is None or not plan.kind.latents:
        return NO_FRAMES
    return cover(last_frames(medium, frames_of(plan.kind.latents)), plan.size)


def _write(path: Path, frames: UInt8[np.ndarray, "t h w 3"], plan: Plan) -> None:
    with RgbWriter(path, plan.fps) as writer:
        for frame in frames:
            writer.write(frame)
