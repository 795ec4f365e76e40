"""What every driver offers: a command from what it sees."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from rareworld.simulate.state import BodyState, Command


@runtime_checkable
class Driver(Protocol):
    """Decides for one actor. Drivers keep no state: the same arguments give the same command."""

    def command(self, time_s: float, own: BodyState, others: Mapping[int, BodyState]) -> Command:
        """Return what to do now; `others` are all other bodies by actor id."""
        ...
