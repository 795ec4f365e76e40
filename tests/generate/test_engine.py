"""The engine with parts that can be looked through: what is encoded, fed again, kept, reported."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rareworld.data.atomic import sha256_bytes
from rareworld.errors import ConfigError, DeviceError
from rareworld.generate.engine import NEGATIVE_PROMPT, NO_FRAMES, Ends, Engine, Order
from rareworld.generate.noise import LatentSampler, Task
from rareworld.generate.offload import Part, Residency
from rareworld.generate.plan import Chunk, Plan
from rareworld.generate.sample import InferenceType
from rareworld.generate.sidecar import Stopwatch
from rareworld.models.cosmos_predict.pixels import to_frames
from rareworld.models.cosmos_predict.sizes import Size
from rareworld.models.cosmos_predict.tiny import tiny_checkpoint
from rareworld.models.cosmos_predict.weights.loading import build_net
from rareworld.nn.attention import LocalAttend
from tests.generate.conftest import ALONE

SIZE = Size(16, 24)


class Words:
    """An encoder whose states tell which prompt they are of."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def encode(self, prompts: Sequence[str]) -> Tensor:
        self.read += prompts
        lengths = [float(len(prompt)) for prompt in prompts]
        return torch.tensor(lengths)[:, None, None].expand(-1, 4, 64).clone()

    def cut(self, prompt: str) -> str:
        return prompt[12:]


class Blocks:
    """A tokenizer whose latents are the grey level of the first pixel of each latent frame."""

    def __init__(self) -> None:
        self.encoded: list[list[int]] = []
        self.window = 4
        self.most = 4
        """Widest window that memory allows."""

    def encode(self, rgb: Tensor) -> Tensor:
        self.encoded.append(to_frames(rgb)[:, 0, 0, 0].tolist())
        grey = rgb[:, :1, ::4, ::8, ::8]
        return grey.expand(-1, 16, -1, -1, -1).clone()

    def decode_stream(self, latent: Tensor) -> Iterator[Tensor]:
        for index in range(latent.shape[2]):
            if index and self.window > self.most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")
            level = latent[:, :1, index : index + 1].mean((3, 4), keepdim=True).clamp(-1, 1)
            yield level.expand(-1, 3, 4 if index else 1, SIZE.height, SIZE.width)


class Counting:
    """Stands for the sampler's net: chunk i becomes the levels 10 i, 10 i + 1, ..."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def __call__(self, task: Task, on_step: Any) -> Tensor:
        levels = 10.0 * len(self.tasks) + torch.arange(task.size[0])
        self.tasks.append(task)
        on_step(1, 2)
        on_step(2, 2)
        return (levels / 127.5 - 1)[None, None, :, None, None].expand(1, 16, *task.size).clone()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    checkpoint = tiny_checkpoint()
    sampler = LatentSampler(
        net=build_net(checkpoint), family=checkpoint.family, ranks=ALONE, attend=LocalAttend()
    )
    monkeypatch.setattr(sampler, "sample", Counting())
    return Engine(
        sampler=sampler, ends=Ends(Blocks(), Words()), residency=Residency(torch.device("cpu"))
    )


def _chunk(seed: int, clean: int, first: int, last: int = 9) -> Chunk:
    return Chunk(seed=seed, frames=9, clean_latents=clean, first=first, last=last)


def _order(*chunks: Chunk, start: np.ndarray = NO_FRAMES, **more: Any) -> Order:
    plan = Plan(kind=InferenceType.TEXT2WORLD, size=SIZE, fps=Fraction(16), chunks=chunks)
    values = {"prompt": "a car", "negative_prompt": None, "guidance": 7, "steps": 2}
    return Order(plan=plan, start=start, **(values | more))


def _make(engine: Engine, order: Order) -> tuple[np.ndarray, Stopwatch, list[float]]:
    took, told = Stopwatch(), list[float]()
    return engine.make(order, took, told.append), took, told


def test_a_video_from_text_is_one_task(engine: Engine) -> None:
    frames, took, told = _make(engine, _order(_chunk(3, 0, 0)))
    (task,) = engine.sampler.sample.tasks
    assert (task.seed, task.size, task.clean) == (3, (3, 2, 3), None)
    assert frames.shape == (9, 16, 24, 3)
    assert frames[:, 0, 0, 0].tolist() == [0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert set(took.seconds) == {"text", "sample", "decode"}
    assert told == sorted(told)
    assert told[-1] == 1


def test_a_video_s_last_frames_become_its_clean_latents(engine: Engine) -> None:
    start = np.arange(5, dtype=np.uint8).repeat(16 * 24 * 3).reshape(5, 16, 24, 3)
    _make(engine, _order(_chunk(0, 2, 0), start=start))
    assert engine.ends.tokenizer.encoded == [[0, 1, 2, 3, 4]]
    assert engine.sampler.sample.tasks[0].clean.shape == (1, 16, 2, 2, 3)


def test_chunks_start_from_the_last_frames_of_the_one_before(engine: Engine) -> None:
    order = _order(_chunk(0, 0, 0), _chunk(1, 2, 5), _chunk(2, 1, 1, 6))
    frames, _, told = _make(engine, order)
    assert engine.ends.tokenizer.encoded == [[1, 2, 2, 2, 2], [12]]
    assert [task.seed for task in engine.sampler.sample.tasks] == [0, 1, 2]
    levels = frames[:, 0, 0, 0].tolist()
    assert levels == [0, 1, 1, 1, 1, 2, 2, 2, 2, 12, 12, 12, 12, 21, 21, 21, 21, 22]
    assert len(frames) == order.plan.frames
    assert told == sorted(told)


@pytest.mark.parametrize(
    ("negative", "guidance", "read"),
    [
        (None, 7, ["a car", NEGATIVE_PROMPT]),
        ("blur ", 7, ["a car", "blur"]),
        ("", 7, ["a car"]),
        (None, 0, ["a car"]),
    ],
)
def test_the_negative_prompt_is_the_families_own_unless_said(
    engine: Engine, negative: str | None, guidance: int, read: list[str]
) -> None:
    _make(engine, _order(_chunk(0, 0, 0), negative_prompt=negative, guidance=guidance))
    assert engine.ends.encoder.read == read
    uncond = engine.sampler.sample.tasks[0].uncond
    if not guidance:
        assert uncond is None
    elif len(read) == 2:
        assert uncond[0, 0, 0] == len(read[1])
    else:
        assert not uncond.any()


def test_what_is_not_read_of_a_prompt_is_noted(engine: Engine) -> None:
    _make(engine, _order(_chunk(0, 0, 0), prompt="a car hits a bus", guidance=0))
    assert engine.notes == [
        "the prompt is longer than 512 tokens; its last 4 characters are not read: ' bus'"
    ]
    _make(engine, _order(_chunk(0, 0, 0), guidance=0))
    assert engine.notes == []


def test_too_little_memory_is_an_error_with_ways_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(task: Task, on_step: Any) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nmore")

    monkeypatch.setattr(engine.sampler, "sample", full)
    with pytest.raises(DeviceError, match=r"16,24 \(H,W\) x 9 frames: .* 9 GiB.; use --offload"):
        _make(engine, _order(_chunk(0, 0, 0)))


def test_parts_take_turns_on_the_device(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[Part] = []
    resident = engine.residency.resident
    monkeypatch.setattr(
        engine.residency, "resident", lambda part: turns.append(part) or resident(part)
    )
    _make(engine, _order(_chunk(0, 0, 0), _chunk(1, 1, 1)))
    model, tokenizer = Part.MODEL, Part.TOKENIZER
    assert turns == [Part.TEXT, model, tokenizer, tokenizer, model, tokenizer]


def test_a_rank_that_does_not_lead_decodes_nothing(engine: Engine) -> None:
    engine.ends = None
    with pytest.raises(RuntimeError, match="only the leading rank encodes"):
        engine._own_ends()
    assert len(engine._decode(torch.zeros(1, 16, 3, 2, 3))) == 0


def test_errors_of_parts_come_through(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(task: Task, on_step: Any) -> Tensor:
        raise ConfigError("4 GPUs cannot share")

    monkeypatch.setattr(engine.sampler, "sample", refuse)
    with pytest.raises(ConfigError, match="cannot share"):
        _make(engine, _order(_chunk(0, 0, 0)))


def test_how_it_ran_is_told(engine: Engine) -> None:
    _make(engine, _order(_chunk(0, 0, 0)))
    told = engine.told()
    assert told["ranks"] == 1
    assert told["places"] == {"model": "cpu", "text": "cpu", "tokenizer": "cpu"}


def test_the_negative_prompt_is_upstream_s_to_the_letter() -> None:
    digest = sha256_bytes(NEGATIVE_PROMPT.encode())
    assert digest == "6d7ca93077e7e4a8417947ab03266c97dd44c9ec0d7b97fa4272ed956895239f"


def test_a_window_too_wide_is_decoded_again_one_by_one(engine: Engine) -> None:
    assert engine.ends is not None
    assert isinstance(engine.ends.tokenizer, Blocks)
    engine.ends.tokenizer.most = 1
    frames, _, _ = _make(engine, _order(_chunk(0, 0, 0)))
    assert frames[:, 0, 0, 0].tolist() == [0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert engine.ends.tokenizer.window == 1
    assert "decoding 4 latent frames at a time; decoded again one by one" in engine.notes[-1]
    engine.ends.tokenizer.most = 0
    with pytest.raises(DeviceError, match="9 GiB"):
        _make(engine, _order(_chunk(0, 0, 0)))
