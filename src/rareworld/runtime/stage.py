"""What a stage is: a named step that turns an item into a finished folder.

A runner (local processes here, Ray later) knows only this protocol. Stages are plain picklable
records; all they depend on is told by `describe`, whose hash is the content key of the output.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, final, runtime_checkable

from rareworld import __version__

Item = TypeVar("Item", contravariant=True)
AnyItem = TypeVar("AnyItem")

Report = Callable[[float], None]
"""Told the finished fraction of the item at hand, 0..1."""


@runtime_checkable
class Stage(Protocol[Item]):
    """One step of the pipeline over independent items."""

    @property
    def name(self) -> str:
        """Word for messages and keys, e.g. `simulate`."""
        ...

    def item_name(self, item: Item) -> str:
        """Return the output folder's name, unique among the items of a job."""
        ...

    def describe(self, item: Item) -> Mapping[str, Any]:
        """Return everything the output depends on, as JSON types: config, seeds, input hashes."""
        ...

    def run(self, item: Item, out: Path, report: Report) -> Mapping[str, Any]:
        """Write the output into the empty folder `out`; return a small JSON summary."""
        ...


def content_key(stage: Stage[AnyItem], item: AnyItem) -> str:
    """Return the SHA-256 of what the output depends on, this package's version included."""
    text = json.dumps(
        {
            "stage": stage.name,
            "rareworld": __version__,
            "item": stage.item_name(item),
            "depends": stage.describe(item),
        },
        sort_keys=True,
        default=str,
    )
    return hashlib.sha256(text.encode()).hexdigest()


@final
@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one item ended."""

    item: str
    status: str
    """`done`, `kept` (finished earlier) or `quarantined`."""
    summary: Mapping[str, Any]
    error: str = ""
    """Message, or traceback of an error that is not meant for the user."""
    kind: str = ""
    """Class of the error."""


@final
@dataclass(frozen=True)
class JobReport:
    """How a job ended, item by item in the order given."""

    outcomes: tuple[Outcome, ...]

    def count(self, status: str) -> int:
        """Return how many items ended with this status."""
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def quarantined(self) -> tuple[Outcome, ...]:
        """Items that failed."""
        return tuple(o for o in self.outcomes if o.status == "quarantined")

    def sentence(self) -> str:
        """Return the job's end in words."""
        return (
            f"{self.count('done')} done, {self.count('kept')} kept from before, "
            f"{len(self.quarantined)} quarantined"
        )
