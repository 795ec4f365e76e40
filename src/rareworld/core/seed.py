"""The only source of randomness: a generator derived from (seed, name, index).

The same path of names and numbers gives the same stream on any machine, in any order and with any
number of workers (SHA-256 of the path keys a Philox counter generator, Salmon et al. 2011).
"""

import hashlib
from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True, slots=True)
class Seed:
    """A node in the tree of random streams.

    >>> Seed(7).child("weather", 3).generator().integers(1000) == (
    ...     Seed(7).child("weather", 3).generator().integers(1000)
    ... )
    np.True_
    >>> Seed(7).child("a").key == Seed(7).child("b").key
    False
    """

    root: int
    path: tuple[str | int, ...] = ()

    def child(self, *names: str | int) -> "Seed":
        """Return the seed of a named part, independent of every sibling."""
        return Seed(self.root, (*self.path, *names))

    @property
    def key(self) -> int:
        """128-bit key of this node."""
        text = "/".join(f"{type(part).__name__}:{part}" for part in (self.root, *self.path))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")

    def generator(self) -> np.random.Generator:
        """Return a fresh generator at the start of this node's stream."""
        return np.random.Generator(np.random.Philox(key=self.key))

    def int32(self) -> int:
        """Return a non-negative 31-bit integer for tools that take a plain seed (SUMO)."""
        return self.key & 0x7FFFFFFF
