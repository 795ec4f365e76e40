"""Sentences about what a map holds and the reader does not use, each said once with a count."""

from collections import Counter
from typing import final

from rareworld.data.formats.opendrive.node import Node


@final
class Notes:
    """Collects findings by sentence; the first place is named."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, sentence: str, node: Node) -> None:
        """Note a finding at an element."""
        self._count[sentence] += 1
        if sentence not in self._first:
            self._first[sentence] = node.place()

    def sentences(self) -> tuple[str, ...]:
        """Return one sentence per finding, in the order first met."""
        return tuple(
            f"{sentence} ({self._count[sentence]} times; first at {place})"
            for sentence, place in self._first.items()
        )
