"""The steps of a tokenizer's training on one device.

Weights and their average are float32; the net computes in bfloat16 on a GPU (autocast), compiled
once for each shape of clips. The perceptual net computes in float32.
Proved in `tests/train/tokenizer/test_run.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from rareworld.models.wan_vae.config import SPACE_STRIDE
from rareworld.models.wan_vae.net import WanVae
from rareworld.models.wan_vae.tokenizer import latent_frames
from rareworld.train.ema import PowerEma
from rareworld.train.optimizer import clip_gradients, make_optimizer
from rareworld.train.schedule import factor
from rareworld.train.tokenizer.config import TokenizerConfig
from rareworld.train.tokenizer.data import Draw, Footage, choose_crop, draw
from rareworld.train.tokenizer.forward import begin_training
from rareworld.train.tokenizer.objective import Passed, Perceptual, perceived, through, total

Through = Callable[[WanVae, Tensor, Tensor], Passed]


@final
@dataclass
class Trainer:
    """Net, optimizer and average, and what a step does to them."""

    config: TokenizerConfig
    device: torch.device
    perceptual: Perceptual | None
    net: WanVae = field(init=False)
    optimizer: torch.optim.AdamW = field(init=False)
    average: PowerEma = field(init=False)
    _through: Through = field(init=False)

    def __post_init__(self) -> None:
        """Make the net of step 0."""
        self.net = WanVae(self.config.shape)
        begin_training(self.net, self.config.seed)
        self.net.to(self.device)
        self.optimizer = make_optimizer(self.net.parameters(), self.config.optimizer)
        self.average = PowerEma(dict(self.net.named_parameters()), self.config.ema)
        self._through = through
        if _chosen(self.config.compile, self.device):
            self._through = torch.compile(through, dynamic=False)

    def step(self, footage: Footage, step: int) -> dict[str, Tensor | float]:
        """Do the optimizer step that follows `step` others; return its numbers, on the device."""
        config = self.config
        crop = choose_crop(config.crops, config.seed, step)
        looked_at = config.objective.perceptual_frames
        drawn = draw(footage, crop, looked_at=looked_at, seed=config.seed, step=step)
        terms = self._terms(drawn)
        loss = total(terms, config.objective)
        rate = config.optimizer.lr * factor(step, config.schedule)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clipped = clip_gradients(self.net.parameters(), config.optimizer.clip)
        self.optimizer.step()
        self.average.update(step)
        numbers = {name: term.detach() for name, term in terms.items()}
        return {"loss": loss.detach(), **numbers, "lr": rate, "gradient_norm": clipped.norm}

    def _terms(self, drawn: Draw) -> dict[str, Tensor]:
        rgb = drawn.rgb.to(self.device)
        with self._precision():
            back, pixel, motion, kl = self._through(self.net, rgb, self._noise(rgb, drawn))
        terms = {"pixel": pixel, "motion": motion, "kl": kl}
        if self.perceptual is not None and self.config.objective.perceptual:
            terms["perceptual"] = perceived(self.perceptual, rgb, back, drawn.looked_at)
        return terms

    def _noise(self, rgb: Tensor, drawn: Draw) -> Tensor:
        batch, _, frames, rows, columns = rgb.shape
        size = (latent_frames(frames), rows // SPACE_STRIDE, columns // SPACE_STRIDE)
        generator = torch.Generator(self.device).manual_seed(drawn.noise_seed)
        shape = (batch, self.config.shape.z_dim, *size)
        return torch.randn(shape, generator=generator, device=self.device)

    def _precision(self) -> torch.autocast:
        wanted = self.config.dtype
        on = wanted == "bfloat16" or (wanted == "auto" and self.device.type == "cuda")
        return torch.autocast(self.device.type, torch.bfloat16, enabled=on)


def _chosen(setting: str, device: torch.device) -> bool:
    return setting == "on" or (setting == "auto" and device.type == "cuda")
