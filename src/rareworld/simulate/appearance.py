"""Paint and clothes, drawn by seed.

Shares of colours are about those of new cars in Europe (BASF colour report 2023), rounded.
"""

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import PEOPLE, TWO_WHEELERS

_Colour = tuple[float, float, float]

_CAR_PAINT: tuple[tuple[float, _Colour], ...] = (
    (0.27, (0.56, 0.57, 0.58)),
    (0.22, (0.06, 0.06, 0.07)),
    (0.24, (0.90, 0.90, 0.89)),
    (0.11, (0.11, 0.20, 0.42)),
    (0.07, (0.55, 0.07, 0.08)),
    (0.04, (0.20, 0.28, 0.20)),
    (0.03, (0.45, 0.38, 0.28)),
    (0.02, (0.85, 0.45, 0.10)),
)
_CLOTHES: tuple[tuple[float, _Colour], ...] = (
    (0.25, (0.12, 0.13, 0.16)),
    (0.20, (0.20, 0.26, 0.40)),
    (0.15, (0.50, 0.50, 0.52)),
    (0.12, (0.78, 0.76, 0.72)),
    (0.10, (0.55, 0.15, 0.15)),
    (0.10, (0.25, 0.36, 0.22)),
    (0.08, (0.80, 0.62, 0.20)),
)
_FLEET_PAINT: dict[str, _Colour] = {"taxi": (0.88, 0.83, 0.67), "city_bus": (0.12, 0.33, 0.55)}
"""Fleets have one livery."""

STYLES = 64
"""Number of looks within a blueprint."""


def paint(blueprint: str, seed: Seed) -> _Colour:
    """Return the sRGB colour of an actor."""
    if blueprint in _FLEET_PAINT:
        return _FLEET_PAINT[blueprint]
    clothed = BLUEPRINTS[blueprint].class_id in PEOPLE | TWO_WHEELERS
    table = _CLOTHES if clothed else _CAR_PAINT
    rng = seed.child("paint").generator()
    share = np.array([row[0] for row in table])
    base = table[int(rng.choice(len(table), p=share / share.sum()))][1]
    shade = float(rng.uniform(0.9, 1.1))
    red, green, blue = (float(min(1.0, channel * shade)) for channel in base)
    return red, green, blue


def style(seed: Seed) -> int:
    """Return which look of its blueprint an actor has."""
    return int(seed.child("style").generator().integers(STYLES))
