"""Class ids, names and colours: CARLA's 29 semantic tags, the only table of them.

Source: CARLA 0.9.14+ `LibCarla/source/carla/image/CityScapesPalette.h` and
`carla/rpc/ObjectLabel.h`. The ids are what `class_id` label streams hold.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class ClassId(IntEnum):
    """CARLA semantic tag of a surface or object."""

    UNLABELLED = 0
    ROAD = 1
    SIDEWALK = 2
    BUILDING = 3
    WALL = 4
    FENCE = 5
    POLE = 6
    TRAFFIC_LIGHT = 7
    TRAFFIC_SIGN = 8
    VEGETATION = 9
    TERRAIN = 10
    SKY = 11
    PEDESTRIAN = 12
    RIDER = 13
    CAR = 14
    TRUCK = 15
    BUS = 16
    TRAIN = 17
    MOTORCYCLE = 18
    BICYCLE = 19
    STATIC = 20
    DYNAMIC = 21
    OTHER = 22
    WATER = 23
    ROAD_LINE = 24
    GROUND = 25
    BRIDGE = 26
    RAIL_TRACK = 27
    GUARD_RAIL = 28


PALETTE: NDArray[np.uint8] = np.array(
    [
        (0, 0, 0), (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153),
        (153, 153, 153), (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152),
        (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70), (0, 60, 100),
        (0, 80, 100), (0, 0, 230), (119, 11, 32), (110, 190, 160), (170, 120, 50), (55, 90, 80),
        (45, 60, 150), (157, 234, 50), (81, 0, 81), (150, 100, 100), (230, 150, 140),
        (180, 165, 180),
    ],
    dtype=np.uint8,
)  # fmt: skip
"""RGB colour of each class, shape (29, 3)."""

VEHICLES = frozenset(
    {ClassId.CAR, ClassId.TRUCK, ClassId.BUS, ClassId.MOTORCYCLE, ClassId.BICYCLE, ClassId.TRAIN}
)
"""Classes that move on wheels or rails."""

TWO_WHEELERS = frozenset({ClassId.MOTORCYCLE, ClassId.BICYCLE})
"""Vehicles whose rider is part of the actor."""

PEOPLE = frozenset({ClassId.PEDESTRIAN, ClassId.RIDER})
"""Classes of people."""
