"""What a text encoder is: prompts in, 512 rows of context each out.

Source: cosmos-predict2 and cosmos-predict2.5, which hand their nets exactly 512 rows whatever the
prompt's length. Proved in `tests/models/text/test_encoders.py`.
"""

import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rareworld.errors import ConfigError

MAX_TOKENS = 512
"""Rows of a context, and tokens of a prompt that are read."""


@final
class EncoderName(StrEnum):
    """Encoders by the family that was trained with them."""

    T5 = "t5"
    """T5-11B: Predict2."""
    REASON1 = "reason1"
    """Cosmos-Reason1-7B: Predict2.5."""
    MINI = "mini"
    """Hashed words, no weights: the mini world model and tests."""


@final
class TextCutWarning(UserWarning):
    """A prompt has more tokens than are read; the message shows what was cut."""


@runtime_checkable
class TextEncoder(Protocol):
    """Turns prompts into contexts; the same prompt gives the same context."""

    @property
    def name(self) -> EncoderName:
        """Which encoder this is."""
        ...

    def encode(self, prompts: Sequence[str]) -> Float[Tensor, "b 512 c"]:
        """Return contexts on the encoder's device; warns of text that was cut.

        Raises:
            ConfigError: If there is no prompt.
        """
        ...

    def cut(self, prompt: str) -> str:
        """Return the end of a prompt that does not fit; empty if all of it does."""
        ...


def check_prompts(encoder: TextEncoder, prompts: Sequence[str]) -> None:
    """Warn of every prompt that does not fit, showing the text that will not be read.

    Raises:
        ConfigError: If there is no prompt.
    """
    if not prompts:
        raise ConfigError("nothing to encode: expected at least one prompt, found none")
    for prompt in prompts:
        cut = encoder.cut(prompt)
        if cut:
            warnings.warn(cut_message(prompt, cut), TextCutWarning, stacklevel=3)


def cut_message(prompt: str, cut: str) -> str:
    """Return the warning's text."""
    return (
        f"the prompt {short(prompt, 60)!r} has more than {MAX_TOKENS} tokens; its end is not "
        f"read: {short(cut, 400)!r}; shorten it to keep this part"
    )


def short(text: str, width: int) -> str:
    """Return a text's beginning, marked where it was cut."""
    return text if len(text) <= width else text[:width] + "..."


def zero_rows(context: Float[Tensor, "b n c"], lengths: Sequence[int]) -> Float[Tensor, "b n c"]:
    """Return contexts whose rows from each length on are zero."""
    rows = torch.arange(context.shape[1], device=context.device)
    ends = torch.tensor(list(lengths), device=context.device)
    return context.masked_fill((rows >= ends[:, None])[..., None], 0.0)


@contextmanager
def seated(net: nn.Module, device: torch.device, *, offload: bool) -> Generator[None]:
    """Hold a net on its device while the block runs; with `offload` it leaves afterwards."""
    net.to(device)
    try:
        yield
    finally:
        if offload:
            net.to("cpu")
