"""PSNR and SSIM against closed forms and scikit-image's values."""

import numpy as np
import pytest

from rareworld.errors import ConfigError
from rareworld.evaluate.paired import psnr, ssim

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def pictures():
    y, x = np.mgrid[:48, :64]
    base = 127 + 60 * np.sin(x / 5)[..., None] + 50 * np.cos(y / 7)[..., None] * [1, 0.5, -0.8]
    noise = np.random.Generator(np.random.Philox(1)).normal(scale=12, size=base.shape)
    changed = {
        "noise": base + noise,
        "darker": base * 0.8,
        "shifted": np.roll(base, 2, 1),
        "inverted": 255 - base,
    }
    levels = {k: np.clip(np.round(v), 0, 255).astype(np.uint8) for k, v in changed.items()}
    return np.clip(np.round(base), 0, 255).astype(np.uint8), levels


# scikit-image 0.26.0: structural_similarity(a, b, gaussian_weights=True, sigma=1.5,
# use_sample_covariance=False, data_range=255, channel_axis=-1), peak_signal_noise_ratio
PINNED = {
    "noise": (0.7079796428390837, 26.48959636510035),
    "darker": (0.956466807627677, 19.32572872198056),
    "shifted": (0.8855086625221839, 23.74026044683405),
    "inverted": (-0.49081752723949795, 7.9425862067309305),
}


@pytest.mark.parametrize("name", PINNED)
def test_values_are_those_of_scikit_image(name):
    first, changed = pictures()
    structure, ratio = PINNED[name]
    assert ssim(first, changed[name]) == pytest.approx(structure, abs=1e-9)
    assert psnr(first, changed[name]) == pytest.approx(ratio, abs=1e-9)


def test_equal_pictures_are_perfect():
    first, _ = pictures()
    assert ssim(first, first) == pytest.approx(1, abs=1e-12)
    assert psnr(first, first) == float("inf")


@pytest.mark.parametrize(("one", "other"), [(0, 255), (100, 101), (40, 200)])
def test_flat_pictures_have_closed_forms(one, other):
    first, second = (np.full((16, 20, 3), level, np.uint8) for level in (one, other))
    expected = (2 * one * other + C1) / (one**2 + other**2 + C1)
    assert ssim(first, second) == pytest.approx(expected, abs=1e-9)
    assert psnr(first, second) == pytest.approx(20 * np.log10(255 / abs(one - other)), abs=1e-9)


def test_ssim_is_symmetric_and_bounded():
    first, changed = pictures()
    for other in changed.values():
        assert ssim(first, other) == pytest.approx(ssim(other, first), abs=1e-12)
        assert -1 <= ssim(first, other) < 1


@pytest.mark.parametrize(
    ("first", "second", "score", "said"),
    [
        ((16, 16, 3), (16, 18, 3), ssim, "16 x 16 and 18 x 16"),
        ((16, 16, 3), (18, 16, 3), psnr, "one size"),
        ((10, 16, 3), (10, 16, 3), ssim, "at least 11 x 11"),
    ],
)
def test_what_cannot_be_compared_is_refused(first, second, score, said):
    with pytest.raises(ConfigError, match=said):
        score(np.zeros(first, np.uint8), np.zeros(second, np.uint8))
