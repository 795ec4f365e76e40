"""Every figure by blueprint name; the only table of who builds what."""

from collections.abc import Callable

from rareworld.annotate.world.cars import PROFILES, car
from rareworld.annotate.world.cycles import bicycle, motorcycle
from rareworld.annotate.world.heavy import box_truck, city_bus
from rareworld.annotate.world.parts import Figure
from rareworld.annotate.world.people import NUM_LOOKS, person
from rareworld.core.blueprint import BLUEPRINTS, Blueprint

_PLAIN: dict[str, Callable[[Blueprint], Figure]] = {
    **dict.fromkeys(PROFILES, car),
    "box_truck": box_truck,
    "city_bus": city_bus,
}
_STYLED: dict[str, Callable[[Blueprint, int], Figure]] = {
    "motorcycle": motorcycle,
    "bicycle": bicycle,
    "adult": person,
    "child": person,
}


def variant_of(blueprint: str, style: int) -> int:
    """Return the number of the shape a style picks; actors with the same one share prototypes."""
    return style % NUM_LOOKS if blueprint in _STYLED else 0


def figure(blueprint: str, style: int) -> Figure:
    """Return the parts of a road user.

    Raises:
        KeyError: If no shape is known for the blueprint.
    """
    spec = BLUEPRINTS[blueprint]
    if blueprint in _STYLED:
        return _STYLED[blueprint](spec, variant_of(blueprint, style))
    return _PLAIN[blueprint](spec)
