"""Which scenes may be filmed for what: a scene is a place of the library in one of its variants.

Proved in `tests/recipes/test_footage.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from rareworld.errors import ScenarioError
from rareworld.simulate.job import Choice
from rareworld.simulate.maps.library import VARIANTS
from rareworld.simulate.maps.places import PLACES


class Scenes(StrEnum):
    """A side of the split."""

    TRAINING = "training"
    HELD_OUT = "held_out"
    """For evaluation only."""


@final
@dataclass(frozen=True, order=True)
class SceneName:
    """One place in one variant."""

    place: str
    variant: int

    def __str__(self) -> str:
        return f"{self.place}/{self.variant}"


HELD_OUT: frozenset[SceneName] = frozenset(
    {
        SceneName("signalised_junction", 2), SceneName("t_junction", 2), SceneName("roundabout", 2),
        SceneName("midblock_crossing", 2), SceneName("arterial", 2), SceneName("school_street", 2),
        SceneName("rural_crossroads", 2),
    }
)  # fmt: skip
"""Never trained on: streets, houses and trees of their own, of kinds that training knows."""


def scenes(side: Scenes) -> tuple[SceneName, ...]:
    """Return the scenes of a side of the split, in order."""
    every = [SceneName(place, variant) for place in PLACES for variant in range(VARIANTS)]
    held = side is Scenes.HELD_OUT
    return tuple(sorted(scene for scene in every if (scene in HELD_OUT) == held))


def scenes_for(choice: Choice, side: Scenes) -> tuple[SceneName, ...]:
    """Return the scenes of a side on which a scenario can happen.

    Raises:
        ScenarioError: If there is none.
        ConfigError: If the scenario is unknown.
    """
    needs = choice.build().needs
    fitting = tuple(
        scene
        for scene in scenes(side)
        if needs <= PLACES[scene.place].tags
        and scene.variant in choice.variants
        and scene.place in (choice.places or PLACES)
    )
    if not fitting:
        raise ScenarioError(
            f"{choice.scenario}: no scene of the side {side.value!r} has what it needs "
            f"({', '.join(sorted(needs)) or 'nothing'}); name other places or variants"
        )
    return fitting
