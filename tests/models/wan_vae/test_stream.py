"""Element-wise steps equal their formulas, fused ones their twins, and windows carry their past."""

import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

from rareworld.models.wan_vae.layers import CausalConv, double_rows_and_columns
from rareworld.models.wan_vae.stream import (
    PAST,
    Pointwise,
    Stream,
    add_into,
    norm_silu_into,
    unit,
)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-14), (torch.float32, 1e-6), (torch.bfloat16, 8e-3)]
)
def test_norm_and_silu_equal_the_formula(dtype: torch.dtype, tolerance: float) -> None:
    x, bias, gain = (normal(*shape, dtype=dtype) for shape in ((50, 12), (12,), (12,)))
    shifted = x.double() + bias.double()
    normed = shifted / shifted.square().mean(-1, keepdim=True).sqrt() * gain.double()
    out = torch.empty_like(x)
    norm_silu_into(x, bias, gain, out)
    torch.testing.assert_close(
        out.double(), normed / (1 + (-normed).exp()), rtol=tolerance, atol=tolerance
    )


def test_a_vector_of_zeros_stays_zero() -> None:
    assert unit(torch.zeros(2, 8)).tolist() == [[0.0] * 8] * 2


def test_bias_and_skip_are_added_in_place() -> None:
    x, bias, skip = normal(5, 4), normal(4, seed=1), normal(5, 4, seed=2)
    expected = x + bias + skip
    add_into(x, bias, skip)
    torch.testing.assert_close(x, expected, rtol=0, atol=1e-15)


def test_bfloat16_sum_is_rounded_once() -> None:
    x, bias, skip = (torch.tensor([[v]], dtype=torch.bfloat16) for v in (1.0, 1 / 256, 1 / 256))
    add_into(x, bias[0], skip)
    assert x.item() == 1 + 2 / 256  # Rounded after each sum it would stay 1.


@pytest.mark.parametrize("lengths", [(9,), (1, 8), (3, 3, 3), (1,) * 9], ids=str)
def test_a_causal_convolution_in_windows_equals_the_whole(lengths: tuple[int, ...]) -> None:
    conv = CausalConv(8, 8).double()
    nn.init.normal_(conv.weight, generator=torch.Generator().manual_seed(3))
    x = normal(2, 9, 4, 5, 8)
    padded = nn.functional.pad(x.permute(0, 4, 1, 2, 3), (1, 1, 1, 1, 2, 0))
    whole = nn.functional.conv3d(padded, conv.weight).permute(0, 2, 3, 4, 1)
    stream = Stream()
    parts = [conv(stream.extend(conv, piece)) for piece in x.split(list(lengths), dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=1e-12, atol=1e-12)


def test_windows_begin_with_zeros_then_with_the_last_frames() -> None:
    stream, owner = Stream(), nn.Identity()
    x = normal(1, 5, 2, 2, 4)
    first = stream.extend(owner, x[:, :1])
    second = stream.extend(owner, x[:, 1:])
    assert first[:, :PAST].abs().max() == 0
    assert torch.equal(second, torch.cat([torch.zeros_like(x[:, :1]), x], dim=1))


def test_past_frames_are_a_copy_so_that_windows_can_be_freed() -> None:
    stream, owner = Stream(), nn.Identity()
    window = stream.extend(owner, normal(1, 6, 2, 2, 4))
    expected = window[:, -PAST:].clone()
    window.zero_()
    assert torch.equal(stream.extend(owner, normal(1, 1, 2, 2, 4))[:, :PAST], expected)


def test_activation_writes_behind_the_past_with_the_injected_step() -> None:
    def double(x: torch.Tensor, _: torch.Tensor, __: torch.Tensor, out: torch.Tensor) -> None:
        out.copy_(2 * x)

    stream, owner = Stream(Pointwise(double, add_into)), nn.Identity()
    x = normal(2, 3, 2, 2, 4)
    window = stream.activate(owner, x, bias=None, gain=torch.ones(4, dtype=torch.float64))
    assert torch.equal(window[:, PAST:], 2 * x)


def test_pixels_are_doubled_as_nearest_neighbours() -> None:
    x = normal(2, 3, 4, 5, 6)
    frames = x.flatten(0, 1).permute(0, 3, 1, 2)
    expected = nn.functional.interpolate(frames, scale_factor=2, mode="nearest-exact")
    found = double_rows_and_columns(x).flatten(0, 1).permute(0, 3, 1, 2)
    assert torch.equal(found, expected)


COMPILED = """
    import torch
    from torch._dynamo.utils import counters

    from rareworld.models.wan_vae.config import MINI_VAE
    from rareworld.models.wan_vae.tokenizer import WanTokenizer, random_tokenizer

    plain = random_tokenizer(MINI_VAE)
    fused = WanTokenizer(plain.net, window=2, compile=True)
    worst = 0.0
    for size in ((1, 16, 5, 2, 3), (2, 16, 4, 3, 2), (1, 16, 2, 4, 4)):
        latent = torch.randn(size)
        rgb = plain.decode(latent)
        worst = max(worst, float((fused.decode(latent) - rgb).abs().max()))
        worst = max(worst, float((fused.encode(rgb) - plain.encode(rgb)).abs().max()))
    print(worst, counters["stats"]["unique_graphs"])
"""


@pytest.mark.slow
def test_fused_steps_agree_with_plain_ones_and_compile_once_per_width() -> None:
    # A process of its own: the run-time checker of annotations cannot be compiled.
    run = [sys.executable, "-c", textwrap.dedent(COMPILED)]
    worst, graphs = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    assert float(worst) < 2e-5
    assert int(graphs) == 5, "norms of widths 16, 8 and 4, sums of widths 16 and 8"
