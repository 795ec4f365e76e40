"""Measured clips are spread evenly; statistics are those of all latents."""

from pathlib import Path

import pytest
import torch

from rareworld.errors import ConfigError
from rareworld.models.wan_vae.net import WanVae
from rareworld.train.tokenizer.data import Footage
from rareworld.train.tokenizer.forward import begin_training, moments
from rareworld.train.tokenizer.measure import (
    latent_statistics,
    measure,
    spread_clips,
    to_bytes,
)
from train.tokenizer.footage import film, small_config


def films() -> Footage:
    frames = torch.cat([torch.from_numpy(film(seed)) for seed in (0, 1)])
    return Footage(("a", "b"), frames, (0, 20), (20, 20))


def net() -> WanVae:
    made = WanVae(small_config(Path()).shape)
    begin_training(made, 0)
    return made


def test_clips_are_spread_over_all_windows() -> None:
    clips = torch.cat(list(spread_clips(films(), 3, frames=17)))
    assert clips.shape == (3, 3, 17, 32, 48)
    first = torch.from_numpy(film(0)[:17]).permute(3, 0, 1, 2).float() / 127.5 - 1
    torch.testing.assert_close(clips[0], first)
    last = torch.from_numpy(film(1)[3:]).permute(3, 0, 1, 2).float() / 127.5 - 1
    torch.testing.assert_close(clips[2], last)
    with pytest.raises(ConfigError, match="no video has 21 frames"):
        list(spread_clips(films(), 3, frames=21))


def test_statistics_are_those_of_all_latents() -> None:
    made = net()
    with torch.no_grad():
        latents = torch.cat([moments(made, rgb)[0] for rgb in spread_clips(films(), 5)])
    mean, std = latent_statistics(made, films(), 5)
    values = latents.transpose(0, 1).flatten(1).double()
    torch.testing.assert_close(torch.tensor(mean, dtype=torch.float64), values.mean(1))
    expected = values.std(1, correction=0)
    torch.testing.assert_close(torch.tensor(std, dtype=torch.float64), expected)


def test_numbers_are_means_over_frames_and_lpips_is_optional() -> None:
    def gap(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
        return (one - two).abs().mean(dim=(1, 2, 3)) * 0 + 0.25

    found = measure(net(), films(), 2, gap)
    assert found["lpips"] == 0.25
    assert found.keys() - measure(net(), films(), 2).keys() == {"lpips"}


def test_pictures_are_bytes_at_both_ends() -> None:
    ends = torch.tensor([-1.0, 0.0, 2.0])[:, None, None].expand(3, 1, 1)
    assert to_bytes(ends).flatten().tolist() == [0, 128, 255]
