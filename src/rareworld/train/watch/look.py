"""The probes of a world model: which held-out clips are measured and sampled, and how.

Proved in `tests/train/test_run.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from rareworld.models.cosmos_predict.pipeline import inside, net_path, pipeline_of
from rareworld.models.cosmos_predict.pixels import to_frames
from rareworld.models.wan_vae.tokenizer import WanTokenizer
from rareworld.models.wan_vae.weights import load_tokenizer, tokenizer_folder
from rareworld.nn.ranks import Ranks
from rareworld.train.assemble import Learner
from rareworld.train.batch import Batch
from rareworld.train.config import BaseConfig, TrainConfig
from rareworld.train.data.cache import Cache, Entry
from rareworld.train.objective.base import Loss
from rareworld.train.state import TrainState
from rareworld.train.watch.held_out import HeldOut
from rareworld.train.watch.samples import Prompt, Sampler, Samples

HELD_OUT_IDS = 2**40
"""Where ids of held-out samples begin: no run draws so many."""
LEVELS = 4
"""Noise levels of the held-out loss: the middles of so many equal shares of training's."""


@final
@dataclass(frozen=True)
class Look:
    """What the probes of a run look at."""

    config: TrainConfig
    cache: Cache
    learner: Learner
    state: TrainState
    tell: Callable[[str], object]

    def held_out(self) -> HeldOut[Batch]:
        """Return the held-out loss by noise level: `level_1` is the least noisy."""
        watch, learner = self.config.watch, self.learner
        found = spread(first_windows(self.cache, held_out=True), watch.held_out_clips)
        if not found and watch.held_out_every:
            self.tell("note: no clip is held out: there is no held-out loss; raise data.held_out")

        def sample(number: int) -> Batch:
            return _batch(self.cache, found[number], number).to(learner.device)

        return HeldOut(
            losses={f"level_{n + 1}": _at_level(learner, n) for n in range(LEVELS)},
            sample=sample,
            count=len(found),
            every=watch.held_out_every,
            still=lambda: learner.still(self.state.ema),
            crew=learner.mesh,
            device=learner.device,
            rank=learner.mesh.data_rank,
            ranks=learner.mesh.data_ranks,
        )

    def samples(self, folder: Path, ranks: Ranks) -> Samples:
        """Return the sample videos, on clips that are held out where there are any."""
        watch, learner = self.config.watch, self.learner
        wanted = watch.samples if watch.samples_every else 0
        held_out = first_windows(self.cache, held_out=True)
        found = spread(held_out or first_windows(self.cache, held_out=False), wanted)
        if found and not held_out:
            self.tell("note: no clip is held out: samples are of clips that are trained on")
        works = bool(found) and ranks.leads
        return Samples(
            folder=folder,
            prompts=[_prompt(self.cache, entry) for entry in found],
            sampler=self._sampler(),
            every=watch.samples_every,
            fps=self.config.data.fps,
            still=lambda: learner.still(self.state.ema),
            without=learner.without if learner.has_adapter else None,
            decode=Decoder.of(self.config.base, learner) if works else decode_nothing,
            leads=ranks.leads,
        )

    def _sampler(self) -> Sampler:
        watch, learner = self.config.watch, self.learner
        trained = learner.objective.rules.clean_frames
        return Sampler(
            net=learner.net,
            family=learner.family,
            conditional_timestep=learner.conditional_timestep,
            empty=learner.empty,
            clean_frames=min((count for count in trained if count), default=0),
            steps=watch.sample_steps,
            guidance=watch.sample_guidance,
            shift=learner.objective.rules.shift,
            seed=self.config.seed,
            dtype=learner.dtype,
            device=learner.device,
        )


@final
@dataclass
class Decoder:
    """Latents to frames; the tokenizer is on the device for its turn only."""

    path: Path
    device: torch.device
    dtype: torch.dtype
    _tokenizer: WanTokenizer | None = None

    @classmethod
    def of(cls, base: BaseConfig, learner: Learner) -> "Decoder":
        """Find a base model's tokenizer.

        Raises:
            FormatError: If it is not there.
        """
        given = base.tokenizer or inside(pipeline_of(net_path(base.model)), "vae")
        return cls(tokenizer_folder(given), learner.device, learner.dtype)

    def __call__(self, latent: Float[Tensor, "1 c t h w"]) -> UInt8[np.ndarray, "t2 y x 3"]:
        """Return the frames of latents."""
        if self._tokenizer is None:
            self._tokenizer = load_tokenizer(self.path, dtype=self.dtype, window=1)
        tokenizer = self._tokenizer.to(self.device)
        frames = np.concatenate([to_frames(rgb) for rgb in tokenizer.decode_stream(latent)])
        tokenizer.to("cpu")
        return frames


def decode_nothing(latent: Float[Tensor, "1 c t h w"]) -> UInt8[np.ndarray, "0 h w 3"]:
    """Return no frames, where nothing is sampled."""
    return np.zeros((0, *latent.shape[3:], 3), np.uint8)


def first_windows(cache: Cache, *, held_out: bool) -> list[Entry]:
    """Return the first window of each clip on one side of the split, by name."""
    groups = cache.clips(held_out=held_out).values()
    names = [windows[0] for clips in groups for windows in clips.values()]
    return [cache.windows[name] for name in sorted(names)]


def spread(entries: Sequence[Entry], most: int) -> list[Entry]:
    """Return some entries, evenly over all."""
    count = min(most, len(entries))
    return [entries[index * len(entries) // count] for index in range(count)]


def _batch(cache: Cache, entry: Entry, number: int) -> Batch:
    return Batch(
        latent=cache.latent(entry.name)[None],
        context=cache.context(entry.clip)[None],
        ids=(HELD_OUT_IDS + number,),
        clips=(entry.clip,),
    )


def _prompt(cache: Cache, entry: Entry) -> Prompt:
    return Prompt(
        name=entry.clip,
        text=entry.caption,
        latent=cache.latent(entry.name),
        context=cache.context(entry.clip),
    )


def _at_level(learner: Learner, number: int) -> Callable[[Batch], Loss]:
    """Return the loss at one of the noise levels, which depend on a sample's length."""

    def loss(batch: Batch) -> Loss:
        sigma = learner.objective.levels(LEVELS, batch.latent.shape[2])[number]
        return learner.objective.loss_at(batch, sigma)

    return loss
