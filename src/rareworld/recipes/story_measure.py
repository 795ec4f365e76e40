"""Measuring generated sets against held-out clips: distances, fixed-camera checks, true frames.

What has no weights on this machine is left out by name (`recipes.story_nets`).
Proved in `tests/recipes/test_story_measure.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import UInt8

from rareworld.data.atomic import sha256_file
from rareworld.data.jsontext import write_json
from rareworld.data.video import probe, read_frames
from rareworld.evaluate.config import EvaluateConfig
from rareworld.evaluate.features import Tell
from rareworld.evaluate.fixed_camera.contact import truth_from_prompt
from rareworld.evaluate.fixed_camera.report import (
    Reference,
    fixed_camera_report,
    rows_for_table,
)
from rareworld.evaluate.job import evaluate_sets
from rareworld.evaluate.paired import paired_rows, paired_scores
from rareworld.recipes.story import BEFORE
from rareworld.recipes.story_nets import Nets, Sources, load_nets, lpips_distances
from rareworld.runtime.stage import Report

MEASURED = "measured.json"
NamedClip = tuple[str, UInt8[np.ndarray, "t h w 3"]]
TimedClip = tuple[str, UInt8[np.ndarray, "t h w 3"], float]
SHARES = (0.4, 0.8)
"""Parts of the work that distances end at, and fixed-camera checks."""


RECORD_VERSION = 2
"""Of what is written: records of another are measured anew."""


@final
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A generated set, the set before post-training, and the real clips of the same names."""

    name: str
    """Of the generated set."""
    real: tuple[Path, ...]
    generated: tuple[Path, ...]
    baseline: tuple[Path, ...]
    given: int
    """Frames at the start of every clip that the model was given."""
    prompts: Mapping[str, str]
    """What each clip was asked to show, by its name: whether there is a collision."""
    control: tuple[Path, ...] = ()
    """A set to compare the generated one with besides the baseline; empty is none."""


@final
@dataclass(kw_only=True)
class MeasureStage:
    """`runtime.Stage` over comparisons, run in one process: networks are loaded once."""

    config: EvaluateConfig
    device: str
    """`cpu` or `cuda`."""
    sources: Sources = field(default_factory=Sources)
    _nets: Nets | None = None

    @property
    def name(self) -> str:
        """Word for the progress bar."""
        return "measure"

    def item_name(self, item: Comparison) -> str:
        """Return the generated set's name."""
        return item.name

    def describe(self, item: Comparison) -> Mapping[str, Any]:
        """Return the clips' hashes, the settings, and which networks there are."""
        sets = {"real": item.real, "generated": item.generated, "baseline": item.baseline}
        sets |= {"control": item.control} if item.control else {}
        hashes = {
            name: {path.stem: sha256_file(path) for path in paths} for name, paths in sets.items()
        }
        config = self.config.model_dump(mode="json", exclude={"cache", "device", "weights"})
        nets = self.nets().weights()
        return {
            "record": RECORD_VERSION,
            "sets": hashes,
            "given": item.given,
            "prompts": dict(item.prompts),
            "config": config,
            "nets": nets,
        }

    def run(self, item: Comparison, out: Path, report: Report) -> Mapping[str, Any]:
        """Write everything that was measured.

        Raises:
            FormatError: If a video cannot be read.
            ConfigError: If the sets are too small or too short.
        """
        nets = self.nets()
        found = {
            "clips": len(item.real),
            "evaluation": self._distances(item, nets, report),
            "against_control": self._against_control(item, nets),
            "fixed_camera": _fixed_camera(item, report),
            "paired": _paired(item, nets),
            "left_out": [{"metric": o.metric, "reason": o.reason} for o in nets.left_out],
            "weights": nets.weights(),
        }
        write_json(out / MEASURED, found)
        return {"left_out": [one.metric for one in nets.left_out]}

    def nets(self) -> Nets:
        """Return the networks, loaded at first use."""
        if self._nets is None:
            self._nets = load_nets(self.config, self.device, self.sources)
        return self._nets

    def _distances(self, item: Comparison, nets: Nets, report: Report) -> dict[str, Any] | None:
        """Return distances of both sets from the real one; None if no metric is left."""
        if not nets.config.metrics:
            return None

        def told(what: str, done: int, total: int) -> None:  # noqa: ARG001 - as it is called
            report(SHARES[0] * done / max(total, 1))

        return self._evaluated(item, item.baseline, nets, told)

    def _against_control(self, item: Comparison, nets: Nets) -> list[Any] | None:
        """Return how the generated set differs from the control; None if it is not known."""
        if not item.control or not nets.config.metrics:
            return None
        return self._evaluated(item, item.control, nets)["comparisons"]

    def _evaluated(
        self, item: Comparison, baseline: Sequence[Path], nets: Nets, told: Tell | None = None
    ) -> dict[str, Any]:
        config = nets.config.model_copy(update={"device": self.device})
        evaluation = evaluate_sets(
            item.real, item.generated, config, baseline, told, load=nets.again
        )
        return evaluation.document()


def _fixed_camera(item: Comparison, report: Report) -> dict[str, list[dict[str, Any]]]:
    """Return rows of the fixed-camera checks of both sets, beside those of the real clips."""
    reference = Reference.from_clips(_timed(item.real))
    truth = {name: truth_from_prompt(prompt) for name, prompt in item.prompts.items()}
    report(SHARES[0] + (SHARES[1] - SHARES[0]) / 3)
    sets = {BEFORE: item.baseline, item.name: item.generated}
    rows = {
        name: [
            dict(row)
            for row in rows_for_table(fixed_camera_report(_timed(paths), reference, truth=truth))
        ]
        for name, paths in sets.items()
    }
    report(SHARES[1])
    return rows


def _paired(item: Comparison, nets: Nets) -> dict[str, list[dict[str, Any]]]:
    """Return rows of the scores of both sets against the true continuations."""
    lpips = None if nets.lpips is None else lpips_distances(nets.lpips)
    sets = {BEFORE: item.baseline, item.name: item.generated}
    return {
        name: [
            dict(row)
            for row in paired_rows(
                paired_scores(_named(paths), _named(item.real), item.given, lpips)
            )
        ]
        for name, paths in sets.items()
    }


def _named(paths: Sequence[Path]) -> Iterator[NamedClip]:
    """Yield clips with their names, one in memory at a time."""
    for path in paths:
        yield path.stem, read_clip(path)


def _timed(paths: Sequence[Path]) -> Iterator[TimedClip]:
    for path in paths:
        yield path.stem, read_clip(path), float(probe(path).rate)


def read_clip(path: Path) -> UInt8[np.ndarray, "t h w 3"]:
    """Return all frames of a video."""
    return np.stack([np.asarray(frame) for frame in read_frames(path, "rgb24")])
