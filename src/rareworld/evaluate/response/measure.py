"""How far each number moves when clips are spoilt by known amounts.

Two halves of rendered footage, no recording in both: one is held real, the other is spoilt. A
response is the number of the spoilt half over that of the same half unspoilt; 1 means that the
metric does not see it. All sets pass one codec, so none is told from another by its compression.
Proved in `tests/evaluate/response/test_measure.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import UInt8, UInt32

from rareworld.core.seed import Seed
from rareworld.data.atomic import atomic_folder
from rareworld.data.video import H264, RgbWriter
from rareworld.errors import ConfigError
from rareworld.evaluate.config import EvaluateConfig, IntervalConfig
from rareworld.evaluate.inputs import Loader
from rareworld.evaluate.job import evaluate_sets
from rareworld.evaluate.response import pixels, things
from rareworld.models.features import load_feature_net

CODEC = H264(crf=12, preset="faster", keyframe_every=17)
"""Of all sets: fine enough to keep weak noise."""


@final
@dataclass(frozen=True)
class Watched:
    """A clip and who is where in it."""

    name: str
    rgb: UInt8[np.ndarray, "t h w 3"]
    ids: UInt32[np.ndarray, "t h w"]
    vehicles: tuple[int, ...]
    """Ids of vehicles, largest first."""


Spoil = Callable[[Watched, float, np.random.Generator], UInt8[np.ndarray, "t h w 3"]]


@final
@dataclass(frozen=True)
class Kind:
    """One way to spoil clips."""

    name: str
    unit: str
    amounts: tuple[float, ...]
    spoil: Spoil


@final
@dataclass(frozen=True)
class Answer:
    """One number of one spoilt set."""

    kind: str
    unit: str
    amount: float
    protocol: str
    value: float
    unspoilt: float
    """The same number of the clips as they were."""

    @property
    def response(self) -> float:
        """Return the number by that of the unspoilt clips."""
        return self.value / self.unspoilt


def _of_pixels(
    spoil: Callable[[pixels.Frames, float, np.random.Generator], pixels.Frames],
) -> Spoil:
    return lambda clip, amount, rng: spoil(clip.rgb, amount, rng)


def _sizes(clip: Watched, amount: float, rng: np.random.Generator) -> things.Frames:
    del rng
    return things.resize(clip.rgb, clip.ids, clip.vehicles, amount)


def _swaps(clip: Watched, amount: float, rng: np.random.Generator) -> things.Frames:
    del rng
    return things.swap(clip.rgb, clip.ids, clip.vehicles, amount)


KINDS: tuple[Kind, ...] = (
    Kind("blur", "sigma, px", (0.5, 1.0, 2.0), _of_pixels(pixels.blur)),
    Kind("noise", "deviation, grey levels", (5, 12, 30), _of_pixels(pixels.noise)),
    Kind("frozen frames", "share", (0.25, 0.5, 1.0), _of_pixels(pixels.freeze)),
    Kind("frame shuffle", "share", (0.25, 0.5, 1.0), _of_pixels(pixels.shuffle)),
    Kind("time reversal", "whole clip", (1.0,), _of_pixels(pixels.reverse)),
    Kind("camera shake", "deviation, px", (0.5, 1.0, 3.0), _of_pixels(pixels.shake)),
    Kind("vehicle size", "factor", (1.2, 1.5, 2.0), _sizes),
    Kind("vehicle swap", "share of vehicles", (0.34, 0.67, 1.0), _swaps),
)
"""What a user of traffic video wants a metric to see."""


def measure_responses(
    real: Sequence[Watched],
    clips: Sequence[Watched],
    folder: Path,
    config: EvaluateConfig,
    *,
    kinds: Sequence[Kind] = KINDS,
    fps: float = 8.0,
    load: Loader = load_feature_net,
    tell: Callable[[str], object] = print,
) -> list[Answer]:
    """Return every number of every spoilt set; sets and features in `folder` are kept.

    Args:
        real: Clips that stay as they are.
        clips: Others, to be spoilt.
        folder: Gets the sets as videos and the features; the same folder goes on after a stop.
        config: Metrics, device and weights; intervals and floors are left out.
        kinds: Ways to spoil.
        fps: Rate of the clips.
        load: Makes networks.
        tell: Told each set as it is done.

    Raises:
        ConfigError: If there are fewer than two clips on a side.
    """
    if min(len(real), len(clips)) < 2:
        raise ConfigError(
            f"responses: expected at least two clips on each side, found {len(real)} and "
            f"{len(clips)}; film more recordings"
        )
    chosen = config.model_copy(
        update={
            "cache": folder / "features",
            "floor_splits": 0,
            "intervals": IntervalConfig(resamples=0),
        }
    )
    held = _write(folder / "real", {clip.name: clip.rgb for clip in real}, fps)

    def numbers(name: str, frames: Mapping[str, pixels.Frames]) -> dict[str, float]:
        spoilt = _write(folder / name, frames, fps)
        found = evaluate_sets(held, spoilt, chosen, load=load)
        tell(name)
        return {number.protocol: number.value for number in found.numbers}

    unspoilt = numbers("unspoilt", {clip.name: clip.rgb for clip in clips})
    out: list[Answer] = []
    for kind in kinds:
        for amount in kind.amounts:
            rng = Seed(config.seed).child("response", kind.name, str(amount)).generator()
            frames = {clip.name: kind.spoil(clip, amount, rng) for clip in clips}
            found = numbers(f"{kind.name.replace(' ', '_')}-{amount:g}", frames)
            out += [
                Answer(kind.name, kind.unit, amount, protocol, value, unspoilt[protocol])
                for protocol, value in found.items()
            ]
    return out


def _write(folder: Path, clips: Mapping[str, pixels.Frames], fps: float) -> Path:
    """Write a set of videos, unless it is there."""
    if folder.exists():
        return folder
    with atomic_folder(folder) as temporary:
        for name, frames in clips.items():
            with RgbWriter(temporary / f"{name}.mp4", Fraction(fps), CODEC) as writer:
                for frame in frames:
                    writer.write(frame)
    return folder
