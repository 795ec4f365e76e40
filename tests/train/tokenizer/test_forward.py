"""The net over whole clips is the net window by window, and can be trained."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rareworld.models.wan_vae.config import WanVaeConfig
from rareworld.models.wan_vae.net import WanVae, randomise
from rareworld.models.wan_vae.stream import Stream
from rareworld.train.tokenizer.forward import QUIET, begin_training, moments, pictures

PLAIN = {"latents_mean": (0.0,) * 3, "latents_std": (1.0,) * 3}
SHAPES = [
    WanVaeConfig(base_dim=4, dim_mult=(1, 2, 2, 2), num_res_blocks=1, **PLAIN),
    WanVaeConfig(base_dim=4, dim_mult=(1, 1, 2, 2), num_res_blocks=2, **PLAIN),
    WanVaeConfig(
        base_dim=2,
        dim_mult=(1, 2, 2, 4),
        num_res_blocks=1,
        temporal_downsample=(True, False, True),
        **PLAIN,
    ),
]


def random_net(config: WanVaeConfig) -> WanVae:
    net = WanVae(config)
    randomise(net, 3)
    return net.double()


def clip(frames: int, *, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 3, frames, 16, 24, generator=generator, dtype=torch.float64) * 2 - 1


def windowed(step: Callable[..., Tensor], x: Tensor, size: int) -> Tensor:
    """Work off "b c t h w" as the tokenizer does: the first frame, then windows of `size`."""
    stream, parts = Stream(), []
    last = x.permute(0, 2, 3, 4, 1)
    for window in (last[:, :1], *last[:, 1:].split(size, dim=1)):
        if window.shape[1]:
            parts.append(step(window.contiguous(), stream))
            stream.first = False
    return torch.cat(parts, dim=1).permute(0, 4, 1, 2, 3)


@pytest.mark.parametrize("frames", [1, 5, 17])
@pytest.mark.parametrize("config", SHAPES, ids=["one", "two", "early"])
def test_whole_clips_are_encoded_and_decoded_as_window_by_window(
    config: WanVaeConfig, frames: int
) -> None:
    net, rgb = random_net(config), clip(frames)
    with torch.no_grad():
        mean, log_variance = moments(net, rgb)
        decoded = pictures(net, mean).clamp(-1, 1)
        streamed = windowed(net.encode, rgb, 4)
        torch.testing.assert_close(mean, streamed, rtol=1e-9, atol=1e-9)
        shown = windowed(net.decode, streamed, 2)
    torch.testing.assert_close(decoded, shown, rtol=1e-9, atol=1e-9)
    assert log_variance.shape == mean.shape == (2, 3, (frames - 1) // 4 + 1, 2, 3)


def test_a_clip_of_one_frame_is_the_first_frame_of_a_longer_one() -> None:
    net, rgb = random_net(SHAPES[0]), clip(9)
    alone, whole = moments(net, rgb[:, :, :1])[0], moments(net, rgb)[0]
    torch.testing.assert_close(alone, whole[:, :, :1], rtol=1e-12, atol=1e-12)
    first = pictures(net, whole)[:, :, :1]
    torch.testing.assert_close(pictures(net, alone), first, rtol=1e-12, atol=1e-12)


def test_every_weight_gets_a_finite_gradient_on_the_first_step() -> None:
    net = WanVae(SHAPES[0])
    begin_training(net, 0)
    mean, log_variance = moments(net, clip(9).float())
    (pictures(net, mean).square().mean() + log_variance.mean()).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0 or name.endswith("to_qkv.bias"), name


def test_an_even_grey_clip_has_finite_gradients() -> None:
    net = WanVae(SHAPES[0])
    begin_training(net, 0)
    pictures(net, moments(net, torch.zeros(1, 3, 5, 16, 16))[0]).mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


def test_a_run_begins_with_quiet_latents_and_the_same_weights_for_the_same_seed() -> None:
    nets = [WanVae(SHAPES[0]) for _ in range(2)]
    for net in nets:
        begin_training(net, 5)
    one, two = (net.state_dict() for net in nets)
    assert all(torch.equal(one[name], two[name]) for name in one)
    _, log_variance = moments(nets[0], clip(5).float())
    assert abs(float(log_variance.detach().mean()) - QUIET) < 1.0
