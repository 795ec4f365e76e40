"""PSNR and SSIM against a plain float64 twin and closed forms."""

import math

import numpy as np
import pytest
import torch

from rareworld.train.tokenizer.quality import psnr, ssim


def plain_ssim(one: np.ndarray, two: np.ndarray) -> float:
    """Window by window, as Wang et al. write it."""
    place = np.arange(11) - 5
    line = np.exp(-(place**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    found = []
    for a, b in zip(one, two, strict=True):
        for top in range(a.shape[0] - 10):
            for left in range(a.shape[1] - 10):
                x, y = (c[top : top + 11, left : left + 11] for c in (a, b))
                mx, my = (window * x).sum(), (window * y).sum()
                vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
                cov = (window * (x - mx) * (y - my)).sum()
                c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
                above = (2 * mx * my + c1) * (2 * cov + c2)
                found.append(above / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return float(np.mean(found))


def test_ssim_is_the_plain_twin() -> None:
    generator = torch.Generator().manual_seed(0)
    one, two = torch.rand(2, 1, 3, 14, 15, generator=generator, dtype=torch.float64) * 2 - 1
    two = 0.5 * one + 0.5 * two
    expected = plain_ssim(one[0].numpy(), two[0].numpy())
    assert float(ssim(one, two)[0]) == pytest.approx(expected, abs=1e-12)
    assert float(ssim(one, one)[0]) == pytest.approx(1)


def test_psnr_of_an_even_error_is_its_closed_form() -> None:
    one = torch.zeros(2, 3, 8, 8, dtype=torch.float64)
    assert psnr(one, one + 0.1).tolist() == pytest.approx([20 * math.log10(2 / 0.1)] * 2)
    assert psnr(one, one).tolist() == [math.inf] * 2
