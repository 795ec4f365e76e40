"""Nothing happens: ordinary traffic, as a negative."""

from typing import ClassVar, final

import numpy as np

from rareworld.core.event import EventKind
from rareworld.core.geometry import FloatArray
from rareworld.simulate.scenarios.base import Scenario, handover_at, pick
from rareworld.simulate.scenarios.site import Site
from rareworld.simulate.scenarios.staging import Outcome, Staging, Wish


@final
class NormalTraffic(Scenario):
    """Traffic as it is."""

    name: ClassVar[str] = "normal_traffic"
    title: ClassVar[str] = "Normal traffic"
    summary: ClassVar[str] = "Traffic as it is; nobody collides."
    outcomes: ClassVar[tuple[Outcome, ...]] = (Outcome.SAFE,)
    after_s: ClassVar[float] = 0.0

    def stage(
        self, site: Site, outcome: Outcome, event_s: float, rng: np.random.Generator
    ) -> Staging:
        """Draw what to look at: a junction, a crosswalk, or a lane where there is neither."""
        return Staging(
            scenario=self.name,
            outcome=outcome,
            handover_s=handover_at(event_s),
            event_s=event_s,
            focus_m=pick(sights(site), rng, "driving lane"),
            roles=(),
            wish=Wish(kind=None, forbidden=frozenset({EventKind.COLLISION})),
        )


def sights(site: Site) -> list[FloatArray]:
    """Return what is worth looking at."""
    found = [junction.centre_m for junction in site.road.junctions]
    found += [walk.outline_m.mean(axis=0) for walk in site.road.crosswalks]
    ways = [stretch.way for stretch in site.stretches(30.0)]
    return found or [way.path.position(way.entry_m / 2) for way in ways]
