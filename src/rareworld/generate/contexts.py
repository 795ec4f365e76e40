"""Prompts looked up in a cache of text contexts, so that no text encoder is loaded.

Proved in `tests/generate/test_contexts.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.data.atomic import sha256_bytes
from rareworld.errors import ConfigError
from rareworld.models.text.cache import ContextCache
from rareworld.models.text.encoder import short


@final
@dataclass(frozen=True)
class CachedContexts:
    """An encoder that knows the captions of a cache (`rareworld embed`) and no other text."""

    cache: ContextCache
    names: Mapping[str, str]
    """Clip of each caption, by the caption's SHA-256."""

    @classmethod
    def open(cls, folder: Path) -> "CachedContexts":
        """Read a cache's index.

        Raises:
            StoreError: If it is damaged or empty.
        """
        cache = ContextCache.open(folder)
        return cls(cache, {cache.entry(name).text_sha256: name for name in cache.names})

    def encode(self, prompts: Sequence[str]) -> Float[Tensor, "b 512 c"]:
        """Return the contexts of captions, bit for bit as they were kept.

        Raises:
            ConfigError: If a prompt is not in the cache.
            StoreError: If the cache is damaged.
        """
        return torch.stack([self.cache.context(self._clip(prompt)) for prompt in prompts])

    def cut(self, prompt: str) -> str:
        """Return the end of a caption that did not fit when it was encoded."""
        return self.cache.entry(self._clip(prompt)).cut

    def record(self) -> dict[str, Any]:
        """Return which encoder made the contexts, as JSON types."""
        return self.cache.identity.model_dump(mode="json")

    def _clip(self, prompt: str) -> str:
        name = self.names.get(sha256_bytes(prompt.encode()))
        if name is None:
            raise ConfigError(
                f"{self.cache.folder}: holds {len(self.names)} captions, and not "
                f"{short(prompt, 80)!r}; add it to the captions of rareworld embed, or drop "
                "--contexts. Guided samples need the negative prompt there too, the default one "
                "where they give none (rareworld.generate.engine.NEGATIVE_PROMPT); negative_prompt "
                "'' and guidance 0 need none"
            )
        return name
