"""Clips are checked before any network sees them."""

import pytest
import torch
from torch.nn.functional import interpolate

from models.numbers import pattern, spread
from rareworld.errors import ConfigError
from rareworld.models.clip_input import (
    channels_first,
    check_clips,
    exact_float32,
    in_chunks,
    resize_bilinear,
    squashed,
)

CLIP = pattern(4, 20, 30)[None]


def test_floats_of_0_to_255_become_noise_in_a_net_that_scales_to_bytes() -> None:
    """The cookbook's error: (x * 255).byte() of resized floats has nothing to do with x."""
    picture = interpolate(
        spread(0, 3 * 8 * 8, 0, 255).reshape(1, 3, 8, 8), (90, 160), mode="bicubic"
    )
    resized = resize_bilinear(picture.clamp(0, 255).byte().float(), (224, 224))
    wrapped = (resized.double() * 255 % 256).floor().float()
    both = torch.stack([resized.flatten(), wrapped.flatten()])
    assert abs(torch.corrcoef(both)[0, 1]) < 0.05
    with pytest.raises(ConfigError, match="neither scaled nor resized"):
        check_clips(resized.permute(0, 2, 3, 1)[None], "net")


@pytest.mark.parametrize(
    "clips",
    [CLIP.float(), CLIP.float() / 255, CLIP.float() / 127.5 - 1, CLIP.long(), CLIP.bool()],
    ids=["0 to 255", "0 to 1", "-1 to 1", "int64", "bool"],
)
def test_anything_but_bytes_is_refused(clips: torch.Tensor) -> None:
    with pytest.raises(ConfigError, match=r"net: expected RGB bytes .* found torch\.\w+ from"):
        check_clips(clips, "net")


def test_the_range_of_floats_is_told() -> None:
    with pytest.raises(ConfigError, match=r"found torch\.float32 from 0 to 255"):
        check_clips(CLIP.float(), "net")


@pytest.mark.parametrize(
    "clips",
    [CLIP[0], CLIP[..., :1], CLIP.permute(0, 1, 4, 2, 3), CLIP[:0], CLIP[:, :0]],
    ids=["one clip", "grey", "channels first", "no clips", "no frames"],
)
def test_anything_but_rgb_clips_is_refused(clips: torch.Tensor) -> None:
    with pytest.raises(ConfigError, match=r"expected clips \(clips, frames, height, width, 3\)"):
        check_clips(clips, "net")


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"frames": 16}, "exactly 16 frames, found 4"),
        ({"frames": 3}, "exactly 3 frames, found 4"),
        ({"least": 9}, "at least 9 frames, found 4"),
    ],
)
def test_clips_of_another_length_are_refused(rule: dict[str, int], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        check_clips(CLIP, "net", **rule)


@pytest.mark.parametrize("rule", [{}, {"frames": 4}, {"least": 4}])
def test_right_clips_pass(rule: dict[str, int]) -> None:
    check_clips(CLIP, "net", **rule)


def test_chunks_hold_every_row_once() -> None:
    rows = torch.arange(7)
    assert [chunk.tolist() for chunk in in_chunks(rows, 3)] == [[0, 1, 2], [3, 4, 5], [6]]


def test_exact_float32_puts_torchs_switches_back() -> None:
    torch.set_float32_matmul_precision("high")
    try:
        with torch.autocast("cpu"), exact_float32():
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.allow_tf32
            product = torch.ones(2, 2) @ torch.ones(2, 2)
            assert product.dtype == torch.float32
            assert product.is_inference()
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.backends.cudnn.allow_tf32
    finally:
        torch.set_float32_matmul_precision("highest")


def test_squashed_clips_keep_their_order_and_lie_channels_last() -> None:
    clips = torch.stack([pattern(3, 20, 30), pattern(3, 50, 30)[:, 30:]])
    found = squashed(clips, 24)
    assert found.shape == (2, 3, 3, 24, 24)
    assert found.is_contiguous(memory_format=torch.channels_last_3d)
    alone = resize_bilinear(channels_first(clips[1, 2:]), (24, 24))[0]
    torch.testing.assert_close(found[1, :, 2], alone, rtol=0, atol=0)


def test_frames_of_the_right_size_are_not_touched() -> None:
    images = channels_first(CLIP[0])
    assert resize_bilinear(images, (20, 30)) is images


def test_a_resize_up_keeps_a_plane_and_a_resize_down_skips_pixels() -> None:
    """Bilinear without antialias: linear ramps stay linear inside, thin lines can vanish."""
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    up = resize_bilinear(ramp, (16, 16))[0, 0, 0]
    torch.testing.assert_close(up[1:-1].diff(), torch.full((13,), 0.5))
    line = torch.zeros(1, 1, 64, 64)
    line[..., 5] = 255
    assert resize_bilinear(line, (8, 8)).max() == 0


def test_gradients_are_not_kept() -> None:
    weight = torch.ones(2, 2, requires_grad=True)
    with exact_float32():
        assert not (weight @ weight).requires_grad
    assert (weight @ weight).requires_grad


def test_errors_inside_leave_the_switches_as_they_were() -> None:
    before = torch.get_float32_matmul_precision()
    with pytest.raises(RuntimeError, match="inside"), exact_float32():
        raise RuntimeError("inside")
    assert torch.get_float32_matmul_precision() == before
    assert not torch.is_inference_mode_enabled()
