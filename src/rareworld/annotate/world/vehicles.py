"""Every figure by blueprint name; the only table of who builds what."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from rareworld.annotate.world.beams import lit
from rareworld.annotate.world.buses import city_bus
from rareworld.annotate.world.cars import car
from rareworld.annotate.world.cycles import bicycle, motorcycle
from rareworld.annotate.world.heavy import articulated, box_truck, tipper
from rareworld.annotate.world.parts import Figure
from rareworld.annotate.world.people import person
from rareworld.annotate.world.prams import person_with_pram
from rareworld.annotate.world.profiles import PROFILES
from rareworld.annotate.world.scooter import scooter
from rareworld.annotate.world.wardrobe import NUM_LOOKS, Dress
from rareworld.core.blueprint import BLUEPRINTS, Blueprint


class _Builder(Protocol):
    """Makes a closed vehicle in one of its looks."""

    def __call__(self, spec: Blueprint, variant: int = 0, *, driven: bool = True) -> Figure: ...


_CLOSED: dict[str, _Builder] = {
    **dict.fromkeys(PROFILES, car),
    "box_truck": box_truck,
    "tipper": tipper,
    "articulated_truck": articulated,
    "city_bus": city_bus,
}
_DRESSED: dict[str, Callable[[Blueprint, int, Dress], Figure]] = {
    "motorcycle": motorcycle,
    "scooter": scooter,
    "bicycle": bicycle,
    "adult": person,
    "child": person,
    "adult_with_pram": person_with_pram,
}
"""Whoever wears clothes."""
CAR_LOOKS = 6
"""Shapes of each closed vehicle."""


def variant_of(blueprint: str, style: int) -> int:
    """Return the number of the shape a style picks; actors with the same one share prototypes."""
    return style % (CAR_LOOKS if blueprint in _CLOSED else NUM_LOOKS)


def figure(blueprint: str, style: int, dress: Dress = Dress.FAIR, *, driven: bool = True) -> Figure:
    """Return the parts of a road user.

    Args:
        blueprint: Key of `core.blueprint.BLUEPRINTS`.
        style: Picks the look.
        dress: Clothes of people for the weather.
        driven: Somebody sits in a closed vehicle; nobody does where it is parked.

    Raises:
        KeyError: If no shape is known for the blueprint.
    """
    spec, variant = BLUEPRINTS[blueprint], variant_of(blueprint, style)
    if blueprint in _DRESSED:
        made = _DRESSED[blueprint](spec, variant, dress)
    else:
        made = _CLOSED[blueprint](spec, variant, driven=driven)
    return replace(made, parts=tuple(lit(part, spec.class_id) for part in made.parts))
