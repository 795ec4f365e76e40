"""Paint and clothes, drawn by seed.

Shares of car colours lie between those of new cars in the world (Axalta Global Automotive Color
Popularity Report 2022: white 34 %, black 21, grey 19, silver 8, blue 8, red 5, green 1) and in
Europe, where grey leads (2021: grey 27 %, black 22). Those of vans, lorries and fleets and the
shades themselves are chosen by eye.
"""

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import PEOPLE, TWO_WHEELERS

_Colour = tuple[float, float, float]

_WHITE: _Colour = (0.90, 0.90, 0.89)
_CAR_PAINT: tuple[tuple[float, _Colour], ...] = (
    (0.23, _WHITE), (0.07, (0.86, 0.85, 0.80)),
    (0.11, (0.34, 0.35, 0.36)), (0.09, (0.23, 0.24, 0.26)), (0.05, (0.48, 0.49, 0.49)),
    (0.15, (0.055, 0.055, 0.06)), (0.04, (0.09, 0.10, 0.13)),
    (0.09, (0.64, 0.65, 0.66)),
    (0.05, (0.09, 0.16, 0.34)), (0.03, (0.13, 0.30, 0.53)), (0.01, (0.36, 0.50, 0.60)),
    (0.035, (0.55, 0.06, 0.07)), (0.015, (0.34, 0.05, 0.07)),
    (0.012, (0.17, 0.25, 0.19)), (0.006, (0.42, 0.46, 0.36)),
    (0.012, (0.45, 0.39, 0.30)), (0.006, (0.25, 0.17, 0.12)),
    (0.006, (0.80, 0.38, 0.08)), (0.004, (0.86, 0.72, 0.12)),
)  # fmt: skip
_VAN_PAINT: tuple[tuple[float, _Colour], ...] = (
    (0.64, _WHITE), (0.09, (0.62, 0.63, 0.64)), (0.08, (0.30, 0.31, 0.33)),
    (0.05, (0.07, 0.07, 0.08)), (0.06, (0.11, 0.22, 0.45)), (0.04, (0.62, 0.08, 0.07)),
    (0.02, (0.90, 0.72, 0.10)), (0.02, (0.12, 0.34, 0.20)),
)  # fmt: skip
_LORRY_PAINT: tuple[tuple[float, _Colour], ...] = (
    (0.46, _WHITE), (0.13, (0.10, 0.22, 0.48)), (0.13, (0.60, 0.07, 0.06)),
    (0.10, (0.45, 0.46, 0.47)), (0.06, (0.12, 0.36, 0.22)), (0.06, (0.88, 0.66, 0.10)),
    (0.06, (0.82, 0.40, 0.10)),
)  # fmt: skip
_CLOTHES: tuple[tuple[float, _Colour], ...] = (
    (0.24, (0.10, 0.10, 0.11)), (0.12, (0.22, 0.23, 0.25)), (0.14, (0.13, 0.16, 0.25)),
    (0.09, (0.45, 0.46, 0.47)), (0.08, (0.74, 0.72, 0.67)), (0.08, (0.86, 0.86, 0.84)),
    (0.06, (0.28, 0.36, 0.48)), (0.05, (0.28, 0.30, 0.21)), (0.04, (0.34, 0.25, 0.18)),
    (0.04, (0.62, 0.54, 0.43)), (0.02, (0.36, 0.12, 0.15)), (0.015, (0.60, 0.14, 0.14)),
    (0.010, (0.16, 0.36, 0.38)), (0.010, (0.72, 0.55, 0.18)), (0.005, (0.78, 0.56, 0.58)),
)  # fmt: skip
"""Most people in the street wear black, grey or dark blue; the shares are an estimate."""
_FLEETS: dict[str, tuple[tuple[float, _Colour], ...]] = {
    "taxi": ((0.65, (0.88, 0.83, 0.67)), (0.20, (0.06, 0.06, 0.07)), (0.15, _WHITE)),
    "police": ((0.7, _WHITE), (0.3, (0.66, 0.67, 0.68))),
    "ambulance": ((0.75, _WHITE), (0.25, (0.90, 0.80, 0.12))),
    "city_bus": ((0.45, (0.12, 0.33, 0.55)), (0.30, (0.70, 0.10, 0.09)), (0.25, _WHITE)),
    "minibus": _VAN_PAINT, "van": _VAN_PAINT, "small_van": _VAN_PAINT,
    "box_truck": _LORRY_PAINT, "tipper": _LORRY_PAINT, "articulated_truck": _LORRY_PAINT,
}  # fmt: skip
"""Liveries and commercial vehicles; all others are painted as private cars."""

STYLES = 64
"""Number of looks within a blueprint."""


def paint(blueprint: str, seed: Seed) -> _Colour:
    """Return the sRGB colour of an actor."""
    clothed = BLUEPRINTS[blueprint].class_id in PEOPLE | TWO_WHEELERS
    table = _CLOTHES if clothed else _FLEETS.get(blueprint, _CAR_PAINT)
    rng = seed.child("paint").generator()
    share = np.array([row[0] for row in table])
    base = table[int(rng.choice(len(table), p=share / share.sum()))][1]
    shade = float(rng.uniform(0.9, 1.1))
    red, green, blue = (float(min(1.0, channel * shade)) for channel in base)
    return red, green, blue


def style(seed: Seed) -> int:
    """Return which look of its blueprint an actor has."""
    return int(seed.child("style").generator().integers(STYLES))
