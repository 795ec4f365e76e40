"""Pre-processing gives the pixels of torch-fidelity and clean-fid; numbers are from their code."""

import pytest
import torch

from models.numbers import pattern
from rareworld.models.inception.pixels import (
    RESIZES,
    resize_clean,
    resize_like_tensorflow,
    to_net,
)

PLACES = ((0, 0, 0), (1, 17, 200), (2, 150, 150), (0, 298, 298), (2, 298, 7))
"""Channel, row, column."""
SMALL, LARGE = (96, 130), (720, 1280)
FIDELITY = {
    SMALL: (0.0, 58.99665069580078, 124.56521606445312, 94.0, 248.9130401611328),
    LARGE: (0.0, 45.404510498046875, 250.7191162109375, 247.11688232421875, 195.06689453125),
}
"""torch-fidelity 0.4.0, `interpolate_bilinear_2d_like_tensorflow1x(align_corners=False)`."""
CLEAN = {
    SMALL: (0.0, 54.93201, 125.13043, 94.81811, 249.47826),
    LARGE: (8.98144, 107.86341, 255.0, 145.04013, 191.78439),
}
"""clean-fid 0.1.35, `build_resizer("clean")` on Pillow."""
MOMENTS = {
    ("torch-fidelity", SMALL): (123.02836767609642, 73.07556030236046),
    ("torch-fidelity", LARGE): (127.30366827727678, 66.19079256730858),
    ("clean-fid", SMALL): (122.77513554150494, 73.84165344567506),
    ("clean-fid", LARGE): (127.45072393863823, 59.11011198508802),
}


def images(size: tuple[int, int]) -> torch.Tensor:
    return pattern(1, *size).permute(0, 3, 1, 2).float()


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["up", "down"])
def test_tensorflows_resize_bit_for_bit(size: tuple[int, int]) -> None:
    found = resize_like_tensorflow(images(size))[0]
    assert tuple(found[place].item() for place in PLACES) == FIDELITY[size]


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["up", "down"])
def test_clean_resize_within_5_thousandths_of_a_step(size: tuple[int, int]) -> None:
    found = resize_clean(images(size))[0]
    values = torch.tensor([found[place].item() for place in PLACES])
    torch.testing.assert_close(values, torch.tensor(CLEAN[size]), rtol=0, atol=5e-3)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["up", "down"])
@pytest.mark.parametrize("mode", sorted(RESIZES))
def test_mean_and_deviation_of_the_whole_picture(mode: str, size: tuple[int, int]) -> None:
    found = RESIZES[mode](images(size)).double()
    mean, deviation = MOMENTS[mode, size]
    assert found.mean().item() == pytest.approx(mean, abs=1e-3)
    tolerance = 2e-5 * deviation  # numpy's deviation divides by N, torch's by N - 1
    assert found.std(correction=0).item() == pytest.approx(deviation, abs=tolerance)


def test_a_picture_of_299_pixels_is_left_alone() -> None:
    same = images((299, 299))
    for resize in RESIZES.values():
        torch.testing.assert_close(resize(same), same, rtol=0, atol=1e-4)


def test_pixels_are_scaled_as_in_the_graph() -> None:
    grey = torch.full((1, 3, 299, 299), 128.0)
    white = torch.full((1, 3, 299, 299), 255.0)
    for mode in RESIZES:
        assert to_net(grey, mode).abs().max() == 0
        assert to_net(white, mode).max().item() == pytest.approx(127 / 128)


def test_the_two_modes_differ() -> None:
    one, two = (to_net(images(LARGE), mode) for mode in ("torch-fidelity", "clean-fid"))
    assert (one - two).abs().mean() > 0.05
