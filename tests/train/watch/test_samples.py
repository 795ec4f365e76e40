"""Sample videos: side by side, from the same noise, with what was trained and without."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from rareworld.data.jsontext import read_json
from rareworld.data.video import probe, read_frames
from rareworld.models.cosmos_predict.config import Family
from rareworld.models.cosmos_predict.tiny import Generation, tiny_checkpoint, tiny_family
from rareworld.models.cosmos_predict.weights.loading import build_net
from rareworld.train.watch.base import Probe
from rareworld.train.watch.samples import Prompt, Sampler, Samples, file_name

SIZE = (16, 2, 4, 6)
NAME = "0/clip"


class Switch:
    """A sampler's stand-in net: its output says whether it is as trained."""

    def __init__(self) -> None:
        self.trained, self.runs = True, []

    def sample(self, prompt: Prompt) -> Tensor:
        self.runs.append(self.trained)
        return torch.full((1, *prompt.latent.shape), 1.0 if self.trained else -1.0)

    @contextmanager
    def off(self) -> Generator[None]:
        self.trained = False
        yield
        self.trained = True


def prompt(width: int = 64) -> Prompt:
    generator = torch.Generator().manual_seed(3)
    return Prompt(
        name=NAME,
        text="a car",
        latent=torch.randn(SIZE, generator=generator),
        context=torch.randn(512, width, generator=generator),
    )


def decode(latent: Tensor) -> np.ndarray:
    shade = 200 if float(latent.mean()) > 0 else 50
    return np.full((5, 32, 48, 3), shade, np.uint8)


def make(folder: Path, switch: Switch, *, adapter: bool = True, leads: bool = True) -> Samples:
    def still() -> AbstractContextManager[None]:
        return nullcontext()

    samples = object.__new__(Samples)
    values = {
        "folder": folder, "prompts": [prompt()], "sampler": switch, "every": 5, "fps": 16.0,
        "still": still, "without": switch.off if adapter else None, "decode": decode,
        "leads": leads, "_base": {},
    }  # fmt: skip
    for name, value in values.items():
        object.__setattr__(samples, name, value)
    return samples


def make_sampler(generation: Generation, clean: int, guidance: float = 0.0) -> Sampler:
    net = build_net(tiny_checkpoint(generation))
    family: Family = tiny_family(generation)
    told = 0.1 if generation == "predict2.5" else None
    return Sampler(
        net=net, family=family, conditional_timestep=told, empty=torch.zeros(1, 512, 64),
        clean_frames=clean, steps=2, guidance=guidance, seed=1, dtype=torch.float32,
        device=torch.device("cpu"),
    )  # fmt: skip


def test_the_base_is_left_and_the_trained_net_right(tmp_path: Path) -> None:
    switch = Switch()
    samples = make(tmp_path, switch)
    assert isinstance(samples, Probe)
    assert samples.measure(5) == {}
    video = tmp_path / "step-000005" / "0-clip.mp4"
    info = probe(video)
    assert (info.width, info.height, info.num_frames, float(info.rate)) == (96, 32, 5, 16.0)
    first = next(iter(read_frames(video, "rgb24"))).astype(int)
    assert abs(first[:, :40].mean() - 50) < 4
    assert abs(first[:, 56:].mean() - 200) < 4
    assert read_json(tmp_path / "prompts.json") == {"0-clip": "a car"}


def test_the_base_is_sampled_once(tmp_path: Path) -> None:
    switch = Switch()
    samples = make(tmp_path, switch)
    samples.measure(5)
    samples.measure(10)
    assert switch.runs == [True, False, True]
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-000005", "step-000010"]


def test_a_net_that_is_trained_whole_stands_alone_and_is_shown_untrained_too(
    tmp_path: Path,
) -> None:
    samples = make(tmp_path, Switch(), adapter=False)
    assert samples.due(0, last=False)
    samples.measure(0)
    assert probe(tmp_path / "step-000000" / "0-clip.mp4").width == 48


@pytest.mark.parametrize(
    ("step", "last", "due"),
    [(0, False, False), (5, False, True), (7, False, False), (7, True, True)],
)
def test_when_adapters_are_sampled(tmp_path: Path, step: int, last: bool, due: bool) -> None:
    assert make(tmp_path, Switch()).due(step, last=last) is due


def test_other_ranks_sample_along_and_write_nothing(tmp_path: Path) -> None:
    switch = Switch()
    make(tmp_path, switch, leads=False).measure(5)
    assert switch.runs == [True, False]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("generation", ["predict2", "predict2.5"])
def test_samples_start_with_the_clips_own_frames(generation: Generation) -> None:
    latent = make_sampler(generation, clean=1).sample(prompt())
    assert latent.shape == (1, *SIZE)
    assert torch.equal(latent[0, :, :1], prompt().latent[:, :1])
    assert bool(latent.isfinite().all())


def test_the_same_seed_gives_the_same_sample_and_guidance_another() -> None:
    first, again, guided = (
        make_sampler("predict2.5", 0, guidance).sample(prompt()) for guidance in (0.0, 0.0, 3.0)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, guided)


def test_names_lose_their_folders() -> None:
    assert file_name("0/a/b") == "0-a-b"
