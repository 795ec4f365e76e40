"""What a tokenizer is trained for: pictures come back, latents stay near a standard normal.

    loss = pixel |x - y| + motion |dx - dy| + perceptual LPIPS(x, y) + kl KL(N(m, v) || N(0, 1))

All terms are means: over pixels, over changes from frame to frame, over frames looked at, over
latent numbers. Wan 2.1 trains its tokenizer with the first, third and fourth; the second is ours:
traffic is few pixels, and they are the ones that change. The weights are our choice.

Sources: Wan 2.1 technical report (arXiv:2503.20314), its tokenizer; latent diffusion
(arXiv:2112.10752) for the terms; Kingma and Welling 2014 for the divergence.
Proved in `tests/train/tokenizer/test_objective.py`.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.models.wan_vae.net import WanVae
from rareworld.train.tokenizer.config import TokenizerObjectiveConfig
from rareworld.train.tokenizer.forward import moments, pictures

Perceptual = Callable[[Tensor, Tensor], Tensor]
"""Distance of each pair of pictures "n 3 h w" in [-1, 1], given as " n"; has gradients."""
Passed = tuple[Tensor, Tensor, Tensor, Tensor]
"""Reconstruction "b 3 t h w" and the means of pixel, motion and latent terms."""


def through(
    net: WanVae, rgb: Float[Tensor, "b 3 t h w"], noise: Float[Tensor, "b z t2 h2 w2"]
) -> Passed:
    """Return a clip's reconstruction from noisy latents and the terms that need no other net."""
    mean, log_variance = moments(net, rgb)
    latent = mean + noise * (0.5 * log_variance).exp()
    back = pictures(net, latent)
    error = back - rgb
    return back, error.abs().mean(), motion(error), divergence(mean, log_variance)


def motion(error: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, ""]:
    """Return the mean absolute change of the error from frame to frame; 0 for one frame.

    The change of the error is the error of the change.
    """
    if error.shape[2] == 1:
        return error.new_zeros(())
    return error.diff(dim=2).abs().mean()


def divergence(mean: Float[Tensor, "*n"], log_variance: Float[Tensor, "*n"]) -> Float[Tensor, ""]:
    """Return KL(N(mean, variance) || N(0, 1)) in nats, mean over all numbers."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


def perceived(
    perceptual: Perceptual,
    rgb: Float[Tensor, "b 3 t h w"],
    back: Float[Tensor, "b 3 t h w"],
    frames: Sequence[int],
) -> Float[Tensor, ""]:
    """Return the mean perceptual distance of some frames of each clip."""
    place = torch.tensor(list(frames), device=rgb.device)
    pairs = (x.index_select(2, place).transpose(1, 2).flatten(0, 1) for x in (back, rgb))
    return perceptual(*pairs).float().mean()


def total(
    terms: Mapping[str, Float[Tensor, ""]], config: TokenizerObjectiveConfig
) -> Float[Tensor, ""]:
    """Return the weighted sum of the terms there are."""
    weights = config.model_dump()
    return torch.stack([weights[name] * term.float() for name, term in terms.items()]).sum()
