"""Clips to normalised latents and back, in windows, so that a long clip is never whole in memory.

The first frame is a window of its own, as in training; then come windows of `4 * window` frames.
Windows of any length give the same latents and pictures up to rounding. Latents are the posterior's
mean, normalised by the published statistics.
Proved in `tests/models/wan_vae/`: parity with diffusers, any window, bounded memory.
"""

from collections.abc import Iterable, Iterator
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.errors import ConfigError
from rareworld.models.wan_vae.config import SPACE_STRIDE, TIME_STRIDE, WanVaeConfig
from rareworld.models.wan_vae.net import WanVae, randomise
from rareworld.models.wan_vae.stream import PAST, PLAIN, Stream, compiled
from rareworld.models.wan_vae.windows import regroup

WINDOW = 4
"""Latent frames worked off at a time: 16 pixel frames, as Cosmos' video-to-world configurations."""
_INT32 = 2**31 - 1


@final
class WanTokenizer:
    """The Wan 2.1 VAE with its statistics and a way to walk through time."""

    def __init__(self, net: WanVae, *, window: int = WINDOW, compile: bool = False) -> None:  # noqa: A002 - torch's own word
        """Take a net with its weights.

        Args:
            net: Encoder and decoder; its type and device are those of the work.
            window: Latent frames at a time; memory grows with it, results do not change.
            compile: Make the element-wise steps one kernel each by torch.compile (slow at first).
        """
        if window < 1:
            raise ConfigError(f"window: expected at least 1 latent frame, found {window}")
        self.net = net.eval().requires_grad_(requires_grad=False)
        self.window = window
        self._pointwise = compiled() if compile else PLAIN

    @property
    def config(self) -> WanVaeConfig:
        """Return the net's shape and statistics."""
        return self.net.config

    @property
    def device(self) -> torch.device:
        """Return the device of the work."""
        return self.net.quant_conv.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Return the floating type of the work."""
        return self.net.quant_conv.weight.dtype

    def to(self, device: torch.device | str) -> "WanTokenizer":
        """Move the weights (offloading) and return the tokenizer."""
        self.net.to(device)
        return self

    def encode(self, rgb: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b z t2 h2 w2"]:
        """Return normalised latents in float32, on the device of the net.

        Args:
            rgb: Pictures in [-1, 1] on any device; t = 4k + 1, h and w multiples of 8.

        Raises:
            ConfigError: If a size is not allowed; names the nearest that is.
        """
        check_frames(rgb.shape[2])
        return torch.cat(list(self.encode_stream([rgb])), dim=2)

    def decode(self, latent: Float[Tensor, "b z t h w"]) -> Float[Tensor, "b 3 t2 h2 w2"]:
        """Return pictures in [-1, 1], of type and device of the net, from normalised latents."""
        clips, _, frames, rows, columns = latent.shape
        size = (pixel_frames(frames), rows * SPACE_STRIDE, columns * SPACE_STRIDE)
        rgb = torch.empty((clips, 3, *size), dtype=self.dtype, device=self.device)
        done = 0
        for window in self.decode_stream(latent):
            rgb[:, :, done : done + window.shape[2]] = window
            done += window.shape[2]
        return rgb

    def encode_stream(
        self, frames: Iterable[Float[Tensor, "_ 3 _ _ _"]]
    ) -> Iterator[Float[Tensor, "b z t2 h2 w2"]]:
        """Yield latents window by window from pieces of a clip of any lengths.

        Raises:
            ConfigError: If a size is not allowed, or the pieces' frames do not add up to 4k + 1.
        """
        stream = Stream(self._pointwise)
        total = 0
        for piece in regroup(frames, self._frames_at_once):
            total += piece.shape[2]
            check_frames(total)
            check_size(*piece.shape[3:])
            yield self._encode_window(piece, stream)
            stream.first = False
        check_frames(total)

    def decode_stream(
        self, latent: Float[Tensor, "b z t h w"]
    ) -> Iterator[Float[Tensor, "b 3 t2 h2 w2"]]:
        """Yield pictures window by window: one frame, then four for each latent frame."""
        if latent.shape[1] != self.config.z_dim:
            raise ConfigError(
                f"latents: expected {self.config.z_dim} channels, found {latent.shape[1]}"
            )
        stream = Stream(self._pointwise)
        rows, columns = latent.shape[3] * SPACE_STRIDE, latent.shape[4] * SPACE_STRIDE
        step = self._frames_at_once(rows, columns) // TIME_STRIDE
        for piece in (latent[:, :, :1], *latent[:, :, 1:].split(step, dim=2)):
            if piece.shape[2]:
                yield self._decode_window(piece, stream)
                stream.first = False

    def _encode_window(self, rgb: Tensor, stream: Stream) -> Tensor:
        mean, std = self._statistics()
        with torch.inference_mode():
            x = rgb.to(self.device, self.dtype).permute(0, 2, 3, 4, 1).contiguous()
            latent = ((self.net.encode(x, stream).float() - mean) / std).permute(0, 4, 1, 2, 3)
        return _ordinary(latent)

    def _decode_window(self, latent: Tensor, stream: Stream) -> Tensor:
        mean, std = self._statistics()
        with torch.inference_mode():
            z = latent.to(self.device, torch.float32).permute(0, 2, 3, 4, 1) * std + mean
            rgb = self.net.decode(z.to(self.dtype).contiguous(), stream).permute(0, 4, 1, 2, 3)
        return _ordinary(rgb)

    def _statistics(self) -> Float[Tensor, "2 z"]:
        values = (self.config.latents_mean, self.config.latents_std)
        return torch.tensor(values, dtype=torch.float32, device=self.device)

    def _frames_at_once(self, rows: int, columns: int) -> int:
        """Return the pixel frames of a window: fewer where kernels' 32-bit indices would end."""
        fitting = _INT32 // (rows * columns * self.config.base_dim) - PAST
        return TIME_STRIDE * max(1, min(self.window, fitting // TIME_STRIDE))


def _ordinary(x: Tensor) -> Tensor:
    """Return a copy, channels first, without the limits of inference mode (training may use it)."""
    return x.clone(memory_format=torch.contiguous_format)


def random_tokenizer(config: WanVaeConfig, seed: int = 0) -> WanTokenizer:
    """Return a tokenizer with random weights on the CPU: for tests, first steps and measuring."""
    net = WanVae(config)
    randomise(net, seed)
    return WanTokenizer(net)


def latent_frames(frames: int) -> int:
    """Return the latent frames of a clip.

    >>> latent_frames(93)
    24
    """
    check_frames(frames)
    return (frames - 1) // TIME_STRIDE + 1


def pixel_frames(latents: int) -> int:
    """Return the frames that latent frames decode to.

    >>> pixel_frames(24)
    93
    """
    return (latents - 1) * TIME_STRIDE + 1


def check_frames(frames: int) -> None:
    """Refuse a number of frames that is not 4k + 1.

    Raises:
        ConfigError: Naming the nearest numbers allowed.
    """
    if frames % TIME_STRIDE == 1:
        return
    below = pixel_frames((frames - 1) // TIME_STRIDE + 1)
    near = f"{below} or {below + TIME_STRIDE}" if below > 0 else "1"
    raise ConfigError(
        f"clip: {frames} frames; the tokenizer takes 4k + 1 of them, the nearest are {near}"
    )


def check_size(rows: int, columns: int) -> None:
    """Refuse pictures whose rows or columns are not multiples of 8.

    Raises:
        ConfigError: Naming the nearest size allowed.
    """
    near = [max(1, round(size / SPACE_STRIDE)) * SPACE_STRIDE for size in (rows, columns)]
    if [rows, columns] != near:
        raise ConfigError(
            f"clip: {columns}x{rows} pixels; both must be multiples of {SPACE_STRIDE}, "
            f"the nearest size is {near[1]}x{near[0]}"
        )
