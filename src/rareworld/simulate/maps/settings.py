"""What stands beside roads in town, suburb, city, country and on motorways.

A `Row` is a line of like things along the outer edge of the paved area. Offsets and sizes follow
common European streets (lamps every 25 to 35 m, trees every 8 to 14 m), rounded.
Proved in tests/simulate/maps/test_map_dress.py.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from rareworld.core.scene import PropKind

Range = tuple[float, float]
"""Low and high end of a uniform draw."""


class Setting(StrEnum):
    """Character of the surroundings."""

    TOWN = "town"
    SUBURB = "suburb"
    CITY = "city"
    RURAL = "rural"
    MOTORWAY = "motorway"


class Facing(StrEnum):
    """Where the x axis of a thing points."""

    ALONG = "along"
    """Along the road; its +y side faces the road."""
    ROAD = "road"
    """Across the road, as the arm of a lamp."""
    DRIVERS = "drivers"
    """Towards the traffic of the near lane."""


@final
@dataclass(frozen=True, kw_only=True)
class Row:
    """Like things in a line."""

    kind: PropKind
    offset_m: Range
    """From the outer edge of the paved area to the near side."""
    every_m: Range
    """Room between two of them."""
    length_m: Range
    """Along the road."""
    depth_m: Range
    height_m: Range
    clear_m: float = 3.0
    """Distance kept from junctions, so that they can be seen."""
    room_m: float = 0.15
    """Least gap to what stands already; below 0 for things that touch."""
    share: float = 1.0
    """Part of the places that is filled."""
    facing: Facing = Facing.ALONG
    styles: tuple[int, int] = (0, 64)
    """First style and one past the last."""


def _buildings(offset: Range, gap: Range, length: Range, height: Range, share: float) -> Row:
    return Row(
        kind=PropKind.BUILDING, offset_m=offset, every_m=gap, length_m=length,
        depth_m=(9.0, 13.0), height_m=height, clear_m=7.0, share=share,
    )  # fmt: skip


def _trees(offset: Range, gap: Range, share: float, height: Range = (5.0, 9.0)) -> Row:
    return Row(
        kind=PropKind.TREE, offset_m=offset, every_m=gap, length_m=(2.6, 3.8),
        depth_m=(2.6, 3.8), height_m=height, clear_m=9.0, share=share,
    )  # fmt: skip


_LAMPS = Row(
    kind=PropKind.STREET_LAMP, offset_m=(0.3, 0.3), every_m=(24.0, 32.0), length_m=(1.8, 2.2),
    depth_m=(0.3, 0.3), height_m=(6.5, 8.0), clear_m=0.0, facing=Facing.ROAD, styles=(0, 3),
)  # fmt: skip
_HEDGES = Row(
    kind=PropKind.HEDGE, offset_m=(0.6, 0.9), every_m=(5.0, 25.0), length_m=(4.0, 9.0),
    depth_m=(0.7, 1.0), height_m=(0.9, 1.5), clear_m=6.0, share=0.6,
)  # fmt: skip
_FENCES = Row(
    kind=PropKind.FENCE, offset_m=(0.6, 0.8), every_m=(0.3, 6.0), length_m=(5.0, 9.0),
    depth_m=(0.1, 0.1), height_m=(1.0, 1.3), clear_m=5.0, share=0.7, styles=(0, 3),
)  # fmt: skip
_WALLS = Row(
    kind=PropKind.WALL, offset_m=(0.6, 0.9), every_m=(10.0, 40.0), length_m=(4.0, 8.0),
    depth_m=(0.25, 0.3), height_m=(0.8, 1.6), clear_m=6.0, share=0.5, styles=(0, 4),
)  # fmt: skip
_BENCHES = Row(
    kind=PropKind.BENCH, offset_m=(0.4, 0.6), every_m=(30.0, 60.0), length_m=(1.8, 1.8),
    depth_m=(0.6, 0.6), height_m=(0.85, 0.85), clear_m=2.0, share=0.7, styles=(0, 2),
)  # fmt: skip
_BINS = Row(
    kind=PropKind.BIN, offset_m=(0.4, 0.5), every_m=(30.0, 50.0), length_m=(0.5, 0.5),
    depth_m=(0.5, 0.5), height_m=(1.0, 1.1), clear_m=1.0, share=0.8, styles=(0, 2),
)  # fmt: skip
_SHELTERS = Row(
    kind=PropKind.BUS_SHELTER, offset_m=(0.4, 0.4), every_m=(110.0, 160.0), length_m=(4.0, 4.0),
    depth_m=(1.6, 1.6), height_m=(2.5, 2.5), clear_m=20.0, share=0.9, styles=(0, 2),
)  # fmt: skip
_BOLLARDS = Row(
    kind=PropKind.BOLLARD, offset_m=(0.2, 0.2), every_m=(1.6, 1.8), length_m=(0.2, 0.2),
    depth_m=(0.2, 0.2), height_m=(0.95, 0.95), clear_m=0.0, share=0.12, styles=(0, 2),
)  # fmt: skip
_SIGNS = Row(
    kind=PropKind.SIGN, offset_m=(0.4, 0.5), every_m=(50.0, 80.0), length_m=(0.3, 0.3),
    depth_m=(0.7, 0.7), height_m=(2.6, 2.8), clear_m=8.0, share=0.7, facing=Facing.DRIVERS,
    styles=(1, 2),
)  # fmt: skip
_RAILS = Row(
    kind=PropKind.GUARD_RAIL, offset_m=(0.5, 0.5), every_m=(0.0, 0.0), length_m=(4.0, 4.0),
    depth_m=(0.3, 0.3), height_m=(0.75, 0.75), clear_m=0.0, room_m=-1.0, styles=(1, 2),
)  # fmt: skip
_POLES = Row(
    kind=PropKind.POLE, offset_m=(4.0, 5.0), every_m=(40.0, 50.0), length_m=(0.3, 0.3),
    depth_m=(0.3, 0.3), height_m=(8.0, 9.0), clear_m=4.0, styles=(1, 2),
)  # fmt: skip

ROWS: dict[Setting, tuple[Row, ...]] = {
    Setting.TOWN: (
        _buildings((4.0, 7.0), (1.0, 9.0), (10.0, 20.0), (7.0, 13.0), 0.9),
        _LAMPS, _SHELTERS, _SIGNS, _trees((0.4, 0.8), (8.0, 15.0), 0.7),
        _BENCHES, _BINS, _HEDGES, _WALLS,
    ),
    Setting.SUBURB: (
        _buildings((5.0, 9.0), (4.0, 12.0), (9.0, 14.0), (5.0, 8.0), 0.9),
        _LAMPS, _SIGNS, _BOLLARDS, _trees((1.1, 2.5), (8.0, 16.0), 0.8, (4.5, 8.0)),
        _FENCES, _BENCHES, _BINS, _HEDGES,
    ),
    Setting.CITY: (
        _buildings((4.5, 6.5), (0.5, 6.0), (16.0, 30.0), (14.0, 28.0), 0.95),
        _LAMPS, _SHELTERS, _SIGNS, _trees((0.4, 0.8), (8.0, 14.0), 0.8),
        _BENCHES, _BINS, _BOLLARDS,
    ),
    Setting.RURAL: (
        _buildings((18.0, 40.0), (60.0, 120.0), (12.0, 22.0), (5.0, 9.0), 0.6),
        _SIGNS, _POLES,
        _trees((5.0, 12.0), (12.0, 30.0), 0.6, (6.0, 11.0)),
    ),
    Setting.MOTORWAY: (
        _RAILS,
        _trees((14.0, 18.0), (5.0, 12.0), 0.7, (7.0, 12.0)),
        _trees((24.0, 40.0), (8.0, 25.0), 0.6, (6.0, 12.0)),
    ),
}  # fmt: skip
"""Rows by setting, in the order in which they take their places."""
