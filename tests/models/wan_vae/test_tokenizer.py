"""Streams equal wholes, memory does not grow with the clip, and sizes are refused by name."""

import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from models.wan_vae.tiny import random_clip, tiny_tokenizer
from rareworld.errors import ConfigError
from rareworld.models.wan_vae.tokenizer import (
    WanTokenizer,
    check_size,
    latent_frames,
    pixel_frames,
)


class Peak(TorchDispatchMode):
    """Bytes of the storages that live at once, at most: those made while it is on."""

    def __init__(self) -> None:
        super().__init__()
        self.live: Counter[int] = Counter()
        self.sizes: dict[int, int] = {}
        self.peak = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                key = storage._cdata
                self.live[key] += 1
                self.sizes[key] = storage.nbytes()
                weakref.finalize(tensor, self._gone, key)
        held = sum(self.sizes[key] for key, count in self.live.items() if count > 0)
        self.peak = max(self.peak, held)
        return result

    def _gone(self, key: int) -> None:
        self.live[key] -= 1


def peak_of(work: Callable[[], object]) -> int:
    with Peak() as peak:
        work()
    return peak.peak


def consume(windows: Iterator[Tensor]) -> None:
    for _ in windows:
        pass


def pieces(tokenizer: WanTokenizer, frames: int) -> Iterator[Tensor]:
    """Yield a clip of grey frames one at a time, as a reader of video does."""
    for _ in range(frames):
        yield torch.zeros(1, 3, 1, 16, 16, dtype=tokenizer.dtype)


def test_memory_of_encoding_does_not_grow_with_the_clip() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.window = 1
    short, long = (
        peak_of(lambda frames=frames: consume(tokenizer.encode_stream(pieces(tokenizer, frames))))
        for frames in (13, 53)
    )
    assert short > 0
    assert long <= 1.01 * short


def test_memory_of_decoding_does_not_grow_with_the_clip() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.window = 1
    latent = torch.zeros(1, 16, 14, 2, 2)
    short, long = (
        peak_of(lambda part=part: consume(tokenizer.decode_stream(part)))
        for part in (latent[:, :, :4], latent)
    )
    assert short > 0
    assert long <= 1.01 * short


def test_memory_grows_with_the_window() -> None:
    tokenizer = tiny_tokenizer()
    latent = torch.zeros(1, 16, 13, 2, 2)
    peaks = []
    for window in (1, 4):
        tokenizer.window = window
        peaks.append(peak_of(lambda: consume(tokenizer.decode_stream(latent))))
    assert peaks[1] > 2 * peaks[0]


@pytest.mark.parametrize("lengths", [(13,), (1,) * 13, (4, 4, 5), (2, 9, 2)], ids=str)
def test_a_stream_of_any_pieces_encodes_as_the_whole_clip(lengths: tuple[int, ...]) -> None:
    tokenizer = tiny_tokenizer(1)
    rgb = random_clip(1, 13, 16, 24)
    parts = list(tokenizer.encode_stream(rgb.split(list(lengths), dim=2)))
    assert torch.equal(torch.cat(parts, dim=2), tokenizer.encode(rgb))


def test_windows_decode_to_one_frame_and_then_four_for_each_latent() -> None:
    tokenizer = tiny_tokenizer(1)
    tokenizer.window = 2
    latent = torch.randn(2, 16, 6, 2, 3)
    windows = list(tokenizer.decode_stream(latent))
    assert [window.shape[2] for window in windows] == [1, 8, 8, 4]
    assert torch.equal(torch.cat(windows, dim=2), tokenizer.decode(latent))


@pytest.mark.parametrize("window", [1, 3, 16])
def test_the_window_changes_nothing_but_rounding(window: int) -> None:
    tokenizer = tiny_tokenizer(1)
    rgb, latent = random_clip(1, 25, 16, 16), torch.randn(1, 16, 7, 2, 2)
    encoded, decoded = tokenizer.encode(rgb), tokenizer.decode(latent)
    tokenizer.window = window
    torch.testing.assert_close(tokenizer.encode(rgb), encoded, rtol=0, atol=5e-6)
    torch.testing.assert_close(tokenizer.decode(latent), decoded, rtol=0, atol=2e-5)


def test_the_window_shrinks_where_indices_would_not_fit_32_bits() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.window = 1000
    frames = tokenizer._frames_at_once(2048, 4096)
    assert frames % 4 == 0
    assert (frames + 2) * 2048 * 4096 * tokenizer.config.base_dim < 2**31
    assert tokenizer._frames_at_once(10**6, 10**6) == 4


def test_clips_of_a_batch_do_not_meet() -> None:
    tokenizer = tiny_tokenizer(1)
    rgb = random_clip(3, 5, 16, 16)
    alone = torch.cat([tokenizer.encode(clip[None]) for clip in rgb])
    torch.testing.assert_close(tokenizer.encode(rgb), alone, rtol=0, atol=2e-6)


def test_later_frames_do_not_reach_earlier_latents() -> None:
    tokenizer = tiny_tokenizer(1)
    rgb = random_clip(1, 13, 16, 16)
    torch.testing.assert_close(
        tokenizer.encode(rgb)[:, :, :2], tokenizer.encode(rgb[:, :, :5]), rtol=0, atol=2e-6
    )


def test_the_same_clip_gives_the_same_bits() -> None:
    tokenizer, again = tiny_tokenizer(1), tiny_tokenizer(1)
    rgb = random_clip(1, 9, 16, 16)
    assert torch.equal(tokenizer.encode(rgb), again.encode(rgb))


def test_latents_are_float32_and_pictures_are_of_the_nets_type() -> None:
    tokenizer = tiny_tokenizer(dtype=torch.bfloat16)
    latent = tokenizer.encode(random_clip(1, 5, 16, 16))
    assert latent.dtype == torch.float32
    assert tokenizer.decode(latent).dtype == tokenizer.dtype == torch.bfloat16


def test_results_may_be_trained_on() -> None:
    latent = tiny_tokenizer().encode(random_clip(1, 5, 16, 16))
    weight = torch.ones_like(latent, requires_grad=True)
    (weight * latent).sum().backward()
    assert weight.grad is not None
    assert torch.equal(weight.grad, latent)


@pytest.mark.parametrize(
    ("frames", "named"),
    [(0, "0 frames"), (2, "1 or 5"), (4, "1 or 5"), (92, "89 or 93"), (94, "93 or 97")],
)
def test_other_numbers_of_frames_name_the_nearest(frames: int, named: str) -> None:
    tokenizer = tiny_tokenizer()
    with pytest.raises(ConfigError, match=r"4k \+ 1") as whole:
        tokenizer.encode(torch.zeros(1, 3, frames, 8, 8))
    assert named in str(whole.value)
    with pytest.raises(ConfigError, match=r"4k \+ 1") as streamed:
        consume(tokenizer.encode_stream(torch.zeros(1, 3, frames, 8, 8).split(1, dim=2)))
    assert named in str(streamed.value)


@pytest.mark.parametrize(
    ("rows", "columns", "nearest"),
    [(700, 1280, "1280x704"), (704, 1281, "1280x704"), (3, 16, "16x8")],
)
def test_other_sizes_name_the_nearest(rows: int, columns: int, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"nearest size is {nearest}"):
        check_size(rows, columns)


def test_the_size_is_checked_before_the_work() -> None:
    with pytest.raises(ConfigError, match="multiples of 8"):
        tiny_tokenizer().encode(torch.zeros(1, 3, 1, 12, 16))


def test_latents_of_other_channels_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected 16 channels, found 48"):
        tiny_tokenizer().decode(torch.zeros(1, 48, 1, 2, 2))


def test_a_window_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1 latent frame"):
        WanTokenizer(tiny_tokenizer().net, window=0)


@pytest.mark.parametrize(("frames", "latents"), [(1, 1), (5, 2), (61, 16), (93, 24)])
def test_frames_and_latents(frames: int, latents: int) -> None:
    assert latent_frames(frames) == latents
    assert pixel_frames(latents) == frames


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_gpu_gives_what_the_cpu_gives() -> None:
    tokenizer = tiny_tokenizer(1)
    rgb, latent = random_clip(1, 9, 32, 32), torch.randn(1, 16, 3, 4, 4)
    encoded, decoded = tokenizer.encode(rgb), tokenizer.decode(latent)
    tokenizer.to("cuda")
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        torch.testing.assert_close(tokenizer.encode(rgb).cpu(), encoded, rtol=0, atol=1e-4)
        torch.testing.assert_close(tokenizer.decode(latent).cpu(), decoded, rtol=0, atol=1e-4)
