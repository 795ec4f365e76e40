"""What a training sample is made of besides its clip: noise, level, clean frames, kept text.

All of it follows from (seed, id) alone, on the host: the same on any device, in any order, on any
number of ranks and after any restart. Each kind has a stream of its own (`core.seed`), so that a
new kind changes none of the others.

| | Predict2 | Predict2.5 |
|---|---|---|
| level sigma | e^N(0,1) sqrt(latent frames); 5 %: log-uniform 200 to 1e5 | shift(sigmoid N(0,1)) |
| flow time | sigma / (1 + sigma) | sigma |
| clean latent frames | 1 or 2, evenly | 0: 1/2, 1: 1/4, 2: 1/4 |

Source: cosmos-predict2 (661da47), `video2world_model.py`, `conditioner.py`, `configs/base`;
cosmos-predict2.5 and cosmos-transfer2.5 (2ff49d0), `text2world_model_rectified_flow.py`,
`defaults/conditioner.py`. Proved in `tests/train/objective/test_draws.py`.
"""

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, cast, final

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from rareworld.core.seed import Seed
from rareworld.diffusion import edm, flow
from rareworld.diffusion.schedule import FLOW_LEVELS, SHIFT, shift_sigmas
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import Objective
from rareworld.train.config import ObjectiveConfig

HIGH_SIGMA_SHARE = 0.05
"""Share of very noisy samples in Predict2's training."""
LOSS_SCALE = {Objective.EDM_FLOW: 10.0, Objective.FLOW: 1.0}
"""Upstream's factor on the loss."""
CLEAN_FRAMES: Mapping[Objective, Mapping[int, float]] = {
    Objective.EDM_FLOW: {1: 0.5, 2: 0.5},
    Objective.FLOW: {0: 0.5, 1: 0.25, 2: 0.25},
}
"""Upstream's probabilities of 0, 1 and 2 clean latent frames."""

PARALLEL_FROM = 500_000
"""Noise values from which threads draw sooner than one does."""
MOST_THREADS = 8
"""Threads that draw; there may be several ranks on a host."""

_STANDARD = NormalDist()


@final
@dataclass(frozen=True, kw_only=True)
class Rules:
    """An objective's settings, every value filled in."""

    objective: Objective
    clean_frames: Mapping[int, float]
    """Probabilities of numbers of clean latent frames; they sum to 1."""
    text_dropout: float
    high_sigma_share: float
    """0 for Predict2.5."""
    shift: float
    """1 for Predict2."""
    table: bool
    """Predict2.5: levels are entries of the table of 1000."""
    scale: float
    """Factor on the loss."""
    upstream: bool
    """Average over clean frames too."""

    def time(self, sigma: float) -> float:
        """Return the flow time of a level: the share of noise, 0 data and 1 noise."""
        return sigma / (1 + sigma) if self.objective is Objective.EDM_FLOW else sigma

    def sigma_at(self, share: float, latent_frames: int) -> float:
        """Return the level that a share of samples is less noisy than (very noisy ones left out).

        Raises:
            ConfigError: If the share is not between 0 and 1.
        """
        if not 0 < share < 1:
            raise ConfigError(f"a share of samples is between 0 and 1, found {share}")
        normal = _STANDARD.inv_cdf(share)
        if self.objective is Objective.EDM_FLOW:
            return math.exp(normal) * math.sqrt(latent_frames)
        time = torch.tensor(1 / (1 + math.exp(-normal)), dtype=torch.float64)
        return shift_sigmas(time, self.shift).item()


def rules_of(config: ObjectiveConfig, objective: Objective) -> Rules:
    """Return a config with what it leaves out filled in by the base model's generation.

    Raises:
        ConfigError: If a setting of the other generation is given, or probabilities are none.
    """
    is_edm = objective is Objective.EDM_FLOW
    other = config.shift if is_edm else config.high_sigma_share
    if other is not None:
        name, owner = ("shift", "Predict2.5") if is_edm else ("high_sigma_share", "Predict2")
        raise ConfigError(
            f"objective.{name}: {other} is a setting of {owner}; the base model is of the other "
            "generation, leave it out"
        )
    share = HIGH_SIGMA_SHARE if config.high_sigma_share is None else config.high_sigma_share
    return Rules(
        objective=objective,
        clean_frames=_probabilities(
            CLEAN_FRAMES[objective]
            if config.conditional_frames is None
            else config.conditional_frames
        ),
        text_dropout=config.text_dropout,
        high_sigma_share=share if is_edm else 0.0,
        shift=1.0 if is_edm else config.shift or SHIFT,
        table=config.table and not is_edm,
        scale=config.loss_scale or LOSS_SCALE[objective],
        upstream=config.upstream,
    )


@final
@dataclass(frozen=True, kw_only=True)
class Draw:
    """What one sample drew."""

    sigma: float
    """Noise level in the family's own measure."""
    clean_frames: int
    """Latent frames that are given; at least one is left to predict."""
    keeps_text: bool
    noise: Float32[Tensor, "c t h w"]
    """Unit normal, on the host."""


@final
@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What the samples of a batch drew, ready for a device."""

    numbers: Float64[Tensor, "b 4"]
    """As `numbers_of` gives them."""
    noise: Float32[Tensor, "b c t h w"]
    """Unit normal."""

    def at(self, sigma: float, rules: Rules) -> "Drawn":
        """Return the same at one noise level with all text kept."""
        numbers = self.numbers.clone()
        level = torch.tensor([sigma, rules.time(sigma)], dtype=torch.float64)
        numbers[:, :2] = level.to(numbers.device)
        numbers[:, 3] = 1
        return replace(self, numbers=numbers)

    def to(self, device: torch.device) -> "Drawn":
        """Return the same on a device; a GPU copies pinned memory while the host goes on."""
        return Drawn(
            numbers=self.numbers.to(device, non_blocking=True),
            noise=self.noise.to(device, non_blocking=True),
        )


def draw(seed: int, sample: int, shape: Sequence[int], rules: Rules) -> Draw:
    """Return what a sample draws, from (seed, sample) alone.

    As upstream, a picture (one latent frame) has no clean frame and no very noisy level.

    Args:
        seed: Of the run.
        sample: Place in the run's series of draws (`Batch.ids`).
        shape: Channels, latent frames, rows and columns.
        rules: The objective's settings.
    """
    channels, frames, *size = shape
    out = np.empty((frames, channels, *size), dtype=np.float32)
    sigma, clean, keeps_text = _fill(Seed(seed).child("sample", sample), out, rules, Streams())
    noise = torch.from_numpy(out).transpose(0, 1)
    return Draw(sigma=sigma, clean_frames=clean, keeps_text=keeps_text, noise=noise)


def draw_all(
    seed: int, samples: Sequence[int], shape: Sequence[int], rules: Rules, *, pin: bool = False
) -> Drawn:
    """Return what the samples of a batch draw, each as `draw` has it.

    Args:
        seed: Of the run.
        samples: Their places in the run's series of draws.
        shape: Of one sample, as `draw` takes it.
        rules: The objective's settings.
        pin: Put the result where a GPU can fetch it beside the host's work.
    """
    channels, frames, *size = shape
    noise = torch.empty((len(samples), frames, channels, *size), pin_memory=pin)
    streams, root = Streams(), Seed(seed)
    found = [
        _fill(root.child("sample", sample), out, rules, streams)
        for sample, out in zip(samples, noise.numpy(), strict=True)
    ]
    numbers = _rows(found, rules)
    return Drawn(numbers=numbers.pin_memory() if pin else numbers, noise=noise.transpose(1, 2))


def numbers_of(draws: Sequence[Draw], rules: Rules) -> Float64[Tensor, "b 4"]:
    """Return a row per sample: sigma, flow time, clean frames, 1 where text is kept."""
    return _rows([(d.sigma, d.clean_frames, d.keeps_text) for d in draws], rules)


@final
class Streams:
    """Random streams of one seed after another, as `Seed.generator` begins them.

    To make a generator takes longer than all a small sample draws from it; this one is made once
    and set back for each seed. One thread has it at a time.
    """

    def __init__(self) -> None:
        self._bits = np.random.Philox(key=0)
        self._generator = np.random.Generator(self._bits)
        self._fresh: dict[str, Any] = dict(self._bits.state)

    def at(self, seed: Seed) -> np.random.Generator:
        """Return the generator at the start of a seed's stream."""
        low, high = seed.key % 2**64, seed.key >> 64
        start = {**self._fresh["state"], "key": np.array([low, high], np.uint64)}
        self._bits.state = cast(Any, {**self._fresh, "state": start})
        return self._generator


def _fill(
    node: Seed, out: Float32[np.ndarray, "t c *s"], rules: Rules, streams: Streams
) -> tuple[float, int, bool]:
    """Draw a sample's noise into `out`; return its level, clean frames and whether text is kept."""
    frames = len(out)
    levels = torch.Generator().manual_seed(node.child("sigma").key % 2**63)
    clean = _pick(rules.clean_frames, streams.at(node.child("clean")).random())
    keeps_text = streams.at(node.child("text")).random() >= rules.text_dropout
    _noise(node.child("noise"), out, streams)
    return _draw_sigma(rules, frames, levels), min(clean, frames - 1), keeps_text


def _rows(found: Sequence[tuple[float, int, bool]], rules: Rules) -> Float64[Tensor, "b 4"]:
    rows = [(sigma, rules.time(sigma), clean, keeps) for sigma, clean, keeps in found]
    return torch.tensor(rows, dtype=torch.float64)


def _draw_sigma(rules: Rules, frames: int, generator: torch.Generator) -> float:
    if rules.objective is Objective.FLOW:
        levels = FLOW_LEVELS if rules.table else None
        return flow.draw_sigmas(1, shift=rules.shift, levels=levels, generator=generator).item()
    share = rules.high_sigma_share if frames > 1 else 0.0
    drawn = edm.draw_sigmas(1, latent_frames=frames, high_share=share, generator=generator)
    return drawn.item()


def _noise(seed: Seed, out: Float32[np.ndarray, "t c *s"], streams: Streams) -> None:
    """Draw each latent frame from its own stream: by several threads, as in longer clips too."""
    if out.size < PARALLEL_FROM:
        for frame, values in enumerate(out):
            streams.at(seed.child(frame)).standard_normal(out=values, dtype=np.float32)
        return

    def fill(frame: int) -> None:
        seed.child(frame).generator().standard_normal(out=out[frame], dtype=np.float32)

    with ThreadPoolExecutor(min(len(out), os.cpu_count() or 1, MOST_THREADS)) as pool:
        list(pool.map(fill, range(len(out))))


def _pick(probabilities: Mapping[int, float], uniform: float) -> int:
    """Return the number whose interval of cumulated probability a uniform number falls into."""
    below = 0.0
    for count, probability in probabilities.items():
        below += probability
        if uniform < below:
            return count
    return max(probabilities)  # the sum may end a rounding error below 1


def _probabilities(given: Mapping[int, float]) -> Mapping[int, float]:
    """Return probabilities in the order of their numbers, summing to 1."""
    total = math.fsum(given.values())
    numbers = (*given, *given.values())
    if min(numbers, default=0) < 0 or not math.isclose(total, 1, abs_tol=1e-3):
        raise ConfigError(
            "objective.conditional_frames: expected probabilities that sum to 1 of 0, 1, 2 ... "
            f"clean latent frames, found {dict(given)}"
        )
    return {count: given[count] / total for count in sorted(given) if given[count] > 0}
