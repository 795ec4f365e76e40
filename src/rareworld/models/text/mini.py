"""A text encoder without weights: hashed words, sub-words and word pairs as fixed random signs.

Every feature (a word, its letter triples between `<` and `>`, the pair it forms with the word
before) is a vector of +1 and -1 read from its SHAKE-256 digest; a row is their weighted sum, scaled
to a root mean square of 1. Words that share letters are near, the rest is nearly orthogonal (cosine
of order 1/sqrt(width)), and word pairs tell `car hits bus` from `bus hits car`. Upper and lower
case are one. Nobody trained it: it is made for the mini world model, tests and dry runs, and is of
no use to Predict2 or Predict2.5.

Source: hashed n-gram features (Weinberger et al. 2009, fastText's sub-words).
Proved in `tests/models/text/test_mini.py`.
"""

import hashlib
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.errors import ConfigError
from rareworld.models.text.encoder import MAX_TOKENS, EncoderName, check_prompts, zero_rows

MINI_VERSION = "mini-1"
"""Changes whenever the same prompt gives another context."""

_WORD = re.compile(r"\w+|[^\w\s]")
_PIECES = 0.6
_PAIR = 0.5


@final
class MiniEncoder:
    """One row per word or punctuation mark; rows past the prompt are zero."""

    def __init__(self, width: int = 1024, *, device: torch.device | None = None) -> None:
        """Choose the channels of a row, a multiple of 8."""
        if width < 8 or width % 8:
            raise ConfigError(f"mini encoder: width must be a multiple of 8, found {width}")
        self._width, self._device = width, device or torch.device("cpu")

    @property
    def name(self) -> EncoderName:
        """Return which encoder this is."""
        return EncoderName.MINI

    def encode(self, prompts: Sequence[str]) -> Float[Tensor, "b 512 c"]:
        """Return float32 contexts, the same on every machine."""
        check_prompts(self, prompts)
        texts = [words(prompt)[:MAX_TOKENS] for prompt in prompts]
        context = torch.zeros(len(texts), MAX_TOKENS, self._width)
        for index, text in enumerate(texts):
            for row, word in enumerate(text):
                before = text[row - 1] if row else ""
                context[index, row] = torch.from_numpy(_row(before, word, self._width))
        return zero_rows(context, [len(text) for text in texts]).to(self._device)

    def cut(self, prompt: str) -> str:
        """Return the words past the 512th."""
        return " ".join(words(prompt)[MAX_TOKENS:])


def words(prompt: str) -> list[str]:
    """Return the words and punctuation marks of a prompt, case folded."""
    return _WORD.findall(unicodedata.normalize("NFC", prompt).casefold())


def _row(before: str, word: str, width: int) -> Float[np.ndarray, "c"]:
    marked = f"<{word}>"
    pieces = [marked[i : i + 3] for i in range(len(marked) - 2)]
    total = _signs("word", word, width) + _PAIR * _signs("pair", f"{before} {word}", width)
    total += _PIECES * sum(_signs("piece", piece, width) for piece in pieces) / len(pieces) ** 0.5
    mean_square = math.fsum(total**2) / width  # exact, so the same in any order of summation
    return (total / math.sqrt(mean_square)).astype(np.float32)


def _signs(kind: str, feature: str, width: int) -> Float[np.ndarray, "c"]:
    """Return +1 and -1 drawn from a feature's digest."""
    digest = hashlib.shake_256(f"{kind}:{feature}".encode()).digest(width // 8)
    return 2.0 * np.unpackbits(np.frombuffer(digest, np.uint8)) - 1.0
