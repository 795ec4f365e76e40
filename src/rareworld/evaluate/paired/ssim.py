"""PSNR and SSIM of pictures, in float64.

PSNR = 10 log10(255^2 / MSE) over all pixels and channels. SSIM as Wang, Bovik, Sheikh and
Simoncelli 2004: 11 x 11 Gaussian window of standard deviation 1.5, K1 = 0.01, K2 = 0.03, moments
weighted by the window (not unbiased), the mean taken over places where the whole window lies
inside; of colour pictures, the mean over the channels. This is scikit-image's
`structural_similarity(..., gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
data_range=255, channel_axis=-1)`. Proved in `tests/evaluate/paired/test_ssim.py` by closed forms
and by values pinned from scikit-image.
"""

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import correlate1d

from rareworld.errors import ConfigError

WINDOW = 11
SIGMA = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_REACH = WINDOW // 2
_OFFSETS = np.arange(-_REACH, _REACH + 1)
_KERNEL = np.exp(-0.5 * (_OFFSETS / SIGMA) ** 2)
_KERNEL /= _KERNEL.sum()

Picture = UInt8[np.ndarray, "h w 3"]
Other = UInt8[np.ndarray, "h_other w_other 3"]
"""Of a size that is checked, not assumed."""


def psnr(first: Picture, second: Other) -> float:
    """Return the peak signal-to-noise ratio in dB; infinite for equal pictures.

    Raises:
        ConfigError: If the sizes differ.
    """
    _require_same(first, second)
    error = np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


def ssim(first: Picture, second: Other) -> float:
    """Return the mean structural similarity, 1 for equal pictures.

    Raises:
        ConfigError: If the sizes differ or a side is below 11 pixels.
    """
    _require_same(first, second)
    if min(first.shape[:2]) < WINDOW:
        raise ConfigError(
            f"SSIM needs pictures of at least {WINDOW} x {WINDOW} pixels, found "
            f"{first.shape[1]} x {first.shape[0]}; give larger clips"
        )
    x, y = first.astype(np.float64), second.astype(np.float64)
    mean_x, mean_y = _blurred(x), _blurred(y)
    var_x = _blurred(x * x) - mean_x**2
    var_y = _blurred(y * y) - mean_y**2
    shared = _blurred(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    structure = (2 * shared + _C2) / (var_x + var_y + _C2)
    return float((light * structure).mean())


def _blurred(values: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "hv wv 3"]:
    """Return Gaussian means where the whole window lies inside."""
    blurred = correlate1d(correlate1d(values, _KERNEL, axis=0), _KERNEL, axis=1)
    return blurred[_REACH:-_REACH, _REACH:-_REACH]


def _require_same(first: Picture, second: Other) -> None:
    if first.shape != second.shape:
        raise ConfigError(
            f"paired scores need pictures of one size, found {first.shape[1]} x {first.shape[0]} "
            f"and {second.shape[1]} x {second.shape[0]}; resize one set"
        )
