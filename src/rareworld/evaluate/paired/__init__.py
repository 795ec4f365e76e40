"""Generated clips against the true continuation, frame by frame: PSNR, SSIM and LPIPS."""

from rareworld.evaluate.paired.scores import (
    FrameScores,
    Lpips,
    PairedScores,
    paired_rows,
    paired_scores,
)
from rareworld.evaluate.paired.ssim import psnr, ssim

__all__ = [
    "FrameScores",
    "Lpips",
    "PairedScores",
    "paired_rows",
    "paired_scores",
    "psnr",
    "ssim",
]
