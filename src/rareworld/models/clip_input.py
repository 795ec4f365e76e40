"""What every feature network does with its clips: check them, resize them, compute in float32.

Resizing is part of a protocol: each function says whose it is. Proved in
`tests/models/test_clip_input.py` and, against the protocols' own code, beside each network.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from rareworld.errors import ConfigError


def check_clips(clips: Tensor, net: str, *, frames: int | None = None, least: int = 1) -> None:
    """Refuse what is not "n t h w 3" of bytes with the frames a protocol needs.

    Pixels as floats are refused, whatever their range: scaling them to bytes once too often wraps
    them (255 * 255 modulo 256), and features of that noise still make a number.

    Args:
        clips: What a caller gave.
        net: Name for messages.
        frames: Frames a clip must have; None takes `least` or more.
        least: Fewest frames, if `frames` is None.

    Raises:
        ConfigError: Naming what was found.
    """
    if clips.dtype != torch.uint8:
        raise ConfigError(
            f"{net}: expected RGB bytes (torch.uint8, 0 to 255), found {_range_of(clips)}; give "
            "frames as they were decoded, neither scaled nor resized"
        )
    if clips.ndim != 5 or clips.shape[-1] != 3 or 0 in clips.shape:
        raise ConfigError(
            f"{net}: expected clips (clips, frames, height, width, 3), found {tuple(clips.shape)}"
        )
    wanted, found = frames or least, clips.shape[1]
    if found < wanted or (frames is not None and found != frames):
        exactly = "exactly" if frames is not None else "at least"
        raise ConfigError(
            f"{net}: expected clips of {exactly} {wanted} frames, found {found}; take windows of "
            f"{wanted} frames and leave out shorter clips"
        )


def _range_of(values: Tensor) -> str:
    if not values.numel() or values.is_complex():
        return str(values.dtype)
    return f"{values.dtype} from {values.min().item():g} to {values.max().item():g}"


def in_chunks(rows: Tensor, most: int) -> Iterator[Tensor]:
    """Yield at most `most` rows at a time, so that memory does not grow with the batch."""
    for start in range(0, len(rows), most):
        yield rows[start : start + most]


@contextmanager
def exact_float32() -> Generator[None]:
    """Compute without gradients, autocast, TF32 and cuDNN's choice of non-deterministic kernels.

    Torch's switches are process-wide; they are put back at the end.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    cudnn = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    try:
        with torch.inference_mode(), cudnn, _no_autocast("cpu"), _no_autocast("cuda"):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def _no_autocast(device: str) -> torch.autocast:
    return torch.autocast(device, enabled=False)


def channels_first(frames: UInt8[Tensor, "b h w 3"]) -> Float32[Tensor, "b 3 h w"]:
    """Return bytes as floats of 0 to 255, channels first in shape, last in memory."""
    return frames.permute(0, 3, 1, 2).float()


def resize_bilinear(
    images: Float32[Tensor, "b c h w"], size: tuple[int, int]
) -> Float32[Tensor, "b c y x"]:
    """Resize to (height, width) as torch does: pixel centres, no antialias, aspect not kept.

    The resize of StyleGAN-V's, TATS's and cd-fvd's I3D, and of cd-fvd's VideoMAE.
    """
    if images.shape[-2:] == size:
        return images
    return interpolate(images, size=size, mode="bilinear", align_corners=False)


def squashed(clips: UInt8[Tensor, "n t h w 3"], size: int) -> Float32[Tensor, "n 3 t y x"]:
    """Return clips of 0 to 255 with square frames (`resize_bilinear`), channels last in memory."""
    frames = resize_bilinear(channels_first(clips.flatten(0, 1)), (size, size))
    last = frames.permute(0, 2, 3, 1).contiguous()
    return last.unflatten(0, clips.shape[:2]).permute(0, 4, 1, 2, 3)
