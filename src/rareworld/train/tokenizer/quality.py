"""How much of a picture comes back: PSNR and SSIM, per frame, for bytes or pixels in [-1, 1].

    PSNR   10 log10(R^2 / mean squared error), R the range
    SSIM   Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5, K1 0.01, K2 0.03; on each
           colour by itself, at every place where the window lies inside, then the mean

Proved against a plain float64 twin in `tests/train/tokenizer/test_quality.py`.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

RANGE = 2.0
"""Pixels run from -1 to 1."""
_WINDOW, _SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03

Pictures = Float[Tensor, "n 3 h w"]


def psnr(one: Pictures, two: Pictures) -> Float[Tensor, " n"]:
    """Return decibels of each pair; infinite where the two are equal."""
    error = (one - two).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(RANGE**2 / error)


def ssim(one: Pictures, two: Pictures) -> Float[Tensor, " n"]:
    """Return the structural similarity of each pair, 1 where the two are equal."""
    mean_one, mean_two = _blurred(one), _blurred(two)
    square_one, square_two = mean_one.square(), mean_two.square()
    product = mean_one * mean_two
    variances = _blurred(one.square()) + _blurred(two.square()) - square_one - square_two
    covariance = _blurred(one * two) - product
    c1, c2 = (_K1 * RANGE) ** 2, (_K2 * RANGE) ** 2
    luminance = (2 * product + c1) / (square_one + square_two + c1)
    return (luminance * (2 * covariance + c2) / (variances + c2)).mean(dim=(1, 2, 3))


def _blurred(x: Pictures) -> Float[Tensor, "n 3 h2 w2"]:
    """Return Gaussian means at every place where the window lies inside."""
    place = torch.arange(_WINDOW, dtype=x.dtype, device=x.device) - (_WINDOW - 1) / 2
    weights = torch.exp(-place.square() / (2 * _SIGMA**2))
    weights = (weights / weights.sum()).expand(3, 1, 1, -1)
    rows = functional.conv2d(x, weights.transpose(2, 3), groups=3)
    return functional.conv2d(rows, weights, groups=3)
