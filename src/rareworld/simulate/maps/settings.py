"""What stands beside roads, by the character of a place: from a city centre to open country.

A `Row` is a line of like things along the outer edge of the paved area. Offsets and sizes follow
common European streets (lamps every 25 to 35 m, trees every 8 to 14 m), rounded.
Proved in tests/simulate/maps/test_map_dress.py.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from rareworld.core.scene import Family, PropKind

Range = tuple[float, float]
"""Low and high end of a uniform draw."""


class Setting(StrEnum):
    """Character of the surroundings."""

    TOWN = "town"
    SUBURB = "suburb"
    CITY = "city"
    RURAL = "rural"
    MOTORWAY = "motorway"
    CENTRE = "centre"
    """Offices and shops, house by house."""
    TERRACES = "terraces"
    """Brick terraces with bay windows and front gardens."""
    RETAIL_PARK = "retail park"
    """Shops in boxes behind car parks, a petrol station."""
    HIGH_STREET = "high street"
    """Narrow houses with shops under planes."""
    SCHOOL = "school"
    """A school behind a fence among detached houses."""
    BOULEVARD = "boulevard"
    """Six-storey blocks behind limes, a planted median."""
    OLD_TOWN = "old town"
    """Steep roofs, setts, a church."""


SETTING_OF_PLACE: dict[str, Setting] = {
    "signalised_junction": Setting.CENTRE,
    "t_junction": Setting.TERRACES,
    "roundabout": Setting.RETAIL_PARK,
    "motorway_merge": Setting.MOTORWAY,
    "midblock_crossing": Setting.HIGH_STREET,
    "arterial": Setting.BOULEVARD,
    "skewed_five_arm": Setting.OLD_TOWN,
    "school_street": Setting.SCHOOL,
    "rural_crossroads": Setting.RURAL,
}
"""Character of the places of the library."""


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
    looks: tuple[int, ...] = ()
    """Families or species to choose from; `styles` then counts their variants."""
    of: int = 1
    """Number of families or species there are."""
    base_m: float | None = None
    """Side of what stands on the ground, if the rest may hang over: trunks, posts."""
    limit: int | None = None
    """Most of them on a map."""


LIME, MAPLE, PLANE, BIRCH, POPLAR, SPRUCE, PINE, PLUM = range(8)
"""Species of trees, as drawn by `annotate.world.trees`."""
_SPECIES = 8
TRUNK_M = 0.8
"""Side of the ground a tree takes; its crown may hang over."""


def _houses(
    families: tuple[Family, ...],
    offset: Range,
    gap: Range,
    length: Range,
    height: Range,
    *,
    depth: Range = (9.0, 13.0),
    clear: float = 1.5,
    share: float = 0.96,
    limit: int | None = None,
) -> Row:
    return Row(
        kind=PropKind.BUILDING, offset_m=offset, every_m=gap, length_m=length, depth_m=depth,
        height_m=height, clear_m=clear, share=share, styles=(0, 40), limit=limit, room_m=0.02,
        looks=tuple(int(family) for family in families), of=len(Family),
    )  # fmt: skip


def _trees(
    species: tuple[int, ...],
    offset: Range,
    gap: Range,
    crown: Range,
    height: Range,
    *,
    share: float = 0.8,
    clear: float = 9.0,
) -> Row:
    return Row(
        kind=PropKind.TREE, offset_m=offset, every_m=gap, length_m=crown, depth_m=crown,
        height_m=height, clear_m=clear, share=share, looks=species, of=_SPECIES, styles=(0, 3),
        base_m=TRUNK_M,
    )  # fmt: skip


def _thing(
    kind: PropKind,
    offset: Range,
    gap: Range,
    size: tuple[float, float, float],
    *,
    share: float = 0.8,
    clear: float = 2.0,
    styles: tuple[int, int] = (0, 8),
    limit: int | None = None,
) -> Row:
    length, depth, height = size
    return Row(
        kind=kind, offset_m=offset, every_m=gap, length_m=(length, length), depth_m=(depth, depth),
        height_m=(height, height), clear_m=clear, share=share, styles=styles, limit=limit,
    )  # fmt: skip


_LAMPS = Row(
    kind=PropKind.STREET_LAMP, offset_m=(0.3, 0.3), every_m=(24.0, 32.0), length_m=(2.0, 2.0),
    depth_m=(0.3, 0.3), height_m=(7.4, 7.4), clear_m=0.0, facing=Facing.ROAD, styles=(0, 6),
)  # fmt: skip
_HEDGES = Row(
    kind=PropKind.HEDGE, offset_m=(0.6, 0.9), every_m=(5.0, 25.0), length_m=(4.0, 9.0),
    depth_m=(0.7, 1.0), height_m=(0.9, 1.5), clear_m=6.0, share=0.6,
)  # fmt: skip
_LONG_HEDGES = Row(
    kind=PropKind.HEDGE, offset_m=(0.5, 0.8), every_m=(0.1, 5.0), length_m=(6.0, 11.0),
    depth_m=(0.8, 1.1), height_m=(1.1, 1.7), clear_m=9.0, share=0.7,
)  # fmt: skip
_FENCES = Row(
    kind=PropKind.FENCE, offset_m=(0.6, 0.8), every_m=(0.3, 6.0), length_m=(5.0, 9.0),
    depth_m=(0.1, 0.1), height_m=(1.0, 1.3), clear_m=5.0, share=0.7, styles=(0, 3),
)  # fmt: skip
_WALLS = Row(
    kind=PropKind.WALL, offset_m=(0.6, 0.9), every_m=(10.0, 40.0), length_m=(4.0, 8.0),
    depth_m=(0.25, 0.3), height_m=(0.8, 1.6), clear_m=6.0, share=0.5, styles=(0, 4),
)  # fmt: skip
_GARDEN_WALLS = Row(
    kind=PropKind.WALL, offset_m=(0.15, 0.15), every_m=(1.1, 1.3), length_m=(3.6, 4.6),
    depth_m=(0.24, 0.24), height_m=(0.7, 0.85), clear_m=2.0, share=0.9, styles=(0, 1),
)  # fmt: skip
_COURT_WALLS = Row(
    kind=PropKind.WALL, offset_m=(2.9, 2.9), every_m=(0.0, 0.0), length_m=(2.4, 2.8),
    depth_m=(0.28, 0.28), height_m=(2.2, 2.2), clear_m=4.0, share=0.97, styles=(0, 1), room_m=0.02,
)  # fmt: skip
_BENCHES = _thing(PropKind.BENCH, (0.4, 0.6), (30.0, 60.0), (1.8, 0.6, 0.85), styles=(0, 2))
_BINS = _thing(PropKind.BIN, (0.4, 0.5), (30.0, 50.0), (0.5, 0.5, 1.05), clear=1.0, styles=(0, 2))
_SHELTERS = _thing(
    PropKind.BUS_SHELTER, (0.4, 0.4), (110.0, 160.0), (4.0, 1.6, 2.5), share=0.9, clear=20.0,
    styles=(0, 2),
)  # fmt: skip
_BOLLARDS = _thing(
    PropKind.BOLLARD, (0.2, 0.2), (1.6, 1.8), (0.2, 0.2, 0.95), share=0.12, clear=0.0, styles=(0, 2)
)
_CABINETS = _thing(PropKind.CABINET, (0.3, 0.5), (35.0, 80.0), (1.1, 0.4, 1.35))
_COLUMNS = _thing(PropKind.AD_COLUMN, (0.5, 0.9), (60.0, 120.0), (1.3, 1.3, 3.4), clear=14.0)
_METERS = _thing(PropKind.METER, (0.2, 0.3), (28.0, 45.0), (0.35, 0.3, 1.5))
_RACKS = _thing(PropKind.BIKE_RACK, (0.4, 0.6), (40.0, 90.0), (4.2, 1.7, 1.05), clear=4.0)
_BEDS = _thing(PropKind.FLOWER_BED, (0.4, 0.7), (16.0, 45.0), (3.2, 1.1, 0.7), share=0.6)
_HOARDINGS = _thing(
    PropKind.HOARDING, (1.2, 1.6), (90.0, 160.0), (9.0, 0.2, 2.3), share=0.5, clear=10.0, limit=2
)
_BUSHES = Row(
    kind=PropKind.BUSH, offset_m=(0.8, 2.4), every_m=(2.0, 14.0), length_m=(1.2, 2.4),
    depth_m=(1.2, 2.2), height_m=(0.8, 1.8), clear_m=6.0, share=0.7,
)  # fmt: skip
_SIGNS = Row(
    kind=PropKind.SIGN, offset_m=(0.4, 0.5), every_m=(50.0, 80.0), length_m=(0.3, 0.3),
    depth_m=(0.7, 0.7), height_m=(2.6, 2.8), clear_m=8.0, share=0.7, facing=Facing.DRIVERS,
    styles=(4, 12),
)  # fmt: skip
_RAILS = Row(
    kind=PropKind.GUARD_RAIL, offset_m=(0.5, 0.5), every_m=(0.0, 0.0), length_m=(4.0, 4.0),
    depth_m=(0.3, 0.3), height_m=(0.75, 0.75), clear_m=0.0, room_m=-1.0, styles=(1, 2),
)  # fmt: skip
_NOISE_WALLS = Row(
    kind=PropKind.NOISE_WALL, offset_m=(7.0, 7.0), every_m=(0.0, 0.0), length_m=(4.0, 4.0),
    depth_m=(0.25, 0.25), height_m=(3.6, 3.6), clear_m=30.0, room_m=-1.0, limit=45,
)  # fmt: skip
_POLES = Row(
    kind=PropKind.POLE, offset_m=(4.2, 4.4), every_m=(38.0, 44.0), length_m=(0.3, 0.3),
    depth_m=(0.3, 0.3), height_m=(8.2, 8.6), clear_m=4.0, styles=(1, 2),
)  # fmt: skip

_FIELD_HEDGES = Row(
    kind=PropKind.HEDGE, offset_m=(6.0, 6.6), every_m=(0.1, 14.0), length_m=(7.0, 13.0),
    depth_m=(1.2, 1.8), height_m=(1.3, 2.2), clear_m=14.0, share=0.5,
)  # fmt: skip
_FIELD_BUSHES = Row(
    kind=PropKind.BUSH, offset_m=(3.0, 8.0), every_m=(6.0, 30.0), length_m=(1.4, 3.4),
    depth_m=(1.4, 3.0), height_m=(1.0, 2.6), clear_m=10.0, share=0.5, styles=(0, 2),
)  # fmt: skip
_PASTURE_FENCES = Row(
    kind=PropKind.FENCE, offset_m=(6.2, 6.4), every_m=(0.0, 0.2), length_m=(8.0, 10.0),
    depth_m=(0.1, 0.1), height_m=(1.1, 1.2), clear_m=10.0, share=0.45, styles=(3, 4),
)  # fmt: skip

_F = Family
ROWS: dict[Setting, tuple[Row, ...]] = {
    Setting.TOWN: (
        _houses((_F.OLD_TOWN, _F.POST_WAR, _F.TERRACE), (3.0, 5.0), (0.0, 5.0), (10.0, 20.0),
                (8.0, 14.0)),
        _houses((_F.POST_WAR, _F.SUBURBAN), (24.0, 30.0), (4.0, 14.0), (12.0, 20.0), (8.0, 14.0)),
        _COURT_WALLS,
        _LAMPS, _SHELTERS, _SIGNS,
        _trees((LIME, MAPLE, PLUM), (0.5, 0.9), (8.0, 15.0), (3.8, 5.2), (6.0, 9.0), share=0.7),
        _CABINETS, _METERS, _BENCHES, _BINS, _HEDGES, _WALLS,
    ),
    Setting.SUBURB: (
        _houses((_F.SUBURBAN,), (5.0, 8.0), (4.0, 10.0), (10.0, 14.0), (6.5, 8.5)),
        _LAMPS, _SIGNS, _BOLLARDS,
        _trees((BIRCH, MAPLE, PLUM, LIME), (1.1, 2.5), (8.0, 16.0), (3.6, 6.0), (5.5, 9.0)),
        _FENCES, _CABINETS, _BENCHES, _BINS, _HEDGES, _BUSHES,
    ),
    Setting.CITY: (
        _houses((_F.CITY_BLOCK, _F.OFFICE), (3.5, 5.0), (0.0, 4.0), (16.0, 30.0), (15.0, 26.0),
                depth=(12.0, 15.0)),
        _LAMPS, _SHELTERS, _SIGNS,
        _trees((LIME, PLANE), (0.5, 0.9), (8.0, 14.0), (4.0, 5.2), (7.0, 10.0)),
        _COLUMNS, _RACKS, _CABINETS, _METERS, _BENCHES, _BINS, _BOLLARDS,
    ),
    Setting.CENTRE: (
        _houses((_F.CITY_BLOCK, _F.OFFICE, _F.CITY_BLOCK), (2.6, 3.4), (0.0, 0.4), (15.0, 28.0),
                (15.0, 25.0), depth=(12.0, 15.0)),
        _houses((_F.OFFICE, _F.CITY_BLOCK, _F.POST_WAR), (24.0, 30.0), (2.0, 10.0), (18.0, 30.0),
                (19.0, 36.0), depth=(13.0, 18.0)),
        _COURT_WALLS,
        _LAMPS, _SHELTERS, _SIGNS,
        _trees((PLANE, LIME), (0.5, 0.7), (11.0, 18.0), (4.0, 4.8), (7.0, 9.5), share=0.75),
        _COLUMNS, _RACKS, _CABINETS, _METERS, _BENCHES, _BINS, _HOARDINGS, _BOLLARDS,
    ),
    Setting.TERRACES: (
        _houses((_F.TERRACE,), (3.2, 3.4), (0.0, 0.0), (15.0, 25.0), (8.6, 9.4),
                depth=(8.5, 9.0), share=0.95),
        _houses((_F.TERRACE, _F.SUBURBAN), (34.0, 40.0), (2.0, 9.0), (14.0, 24.0), (8.0, 9.5)),
        _LAMPS, _SIGNS, _GARDEN_WALLS,
        _trees((BIRCH, PLUM, MAPLE), (17.0, 24.0), (7.0, 16.0), (4.0, 6.5), (6.0, 9.5)),
        _trees((PLUM, LIME), (0.6, 0.9), (24.0, 40.0), (2.8, 3.6), (4.5, 6.0), share=0.5),
        _CABINETS, _BINS, _METERS, _BUSHES, _HEDGES,
    ),
    Setting.RETAIL_PARK: (
        _houses((_F.FUEL,), (7.0, 8.0), (60.0, 90.0), (20.0, 22.0), (6.2, 6.4),
                depth=(20.0, 22.0), clear=10.0, limit=1),
        _houses((_F.RETAIL, _F.RETAIL, _F.RETAIL, _F.SHED), (20.0, 26.0), (8.0, 18.0), (28.0, 44.0),
                (6.8, 8.6), depth=(18.0, 26.0), clear=14.0),
        _LAMPS, _SHELTERS, _SIGNS,
        _trees((MAPLE, BIRCH, PLUM), (1.2, 2.2), (9.0, 16.0), (3.8, 5.2), (5.5, 8.5), share=0.7),
        _houses((_F.SUBURBAN, _F.POST_WAR), (62.0, 70.0), (8.0, 20.0), (12.0, 18.0), (7.0, 12.0)),
        _trees((LIME, MAPLE, BIRCH), (50.0, 58.0), (6.0, 14.0), (5.0, 8.0), (8.0, 12.0)),
        _LONG_HEDGES, _BEDS, _BUSHES, _CABINETS, _BINS,
    ),
    Setting.HIGH_STREET: (
        _houses((_F.OLD_TOWN, _F.OLD_TOWN, _F.CITY_BLOCK, _F.TERRACE), (2.8, 3.2), (0.0, 0.0),
                (7.5, 14.0), (9.5, 14.5), depth=(10.0, 13.0), share=0.98),
        _houses((_F.POST_WAR, _F.OLD_TOWN, _F.CITY_BLOCK), (26.0, 30.0), (2.0, 9.0), (12.0, 22.0),
                (11.0, 18.0)),
        _COURT_WALLS,
        _LAMPS, _SHELTERS, _SIGNS,
        _trees((PLANE,), (0.5, 0.7), (9.0, 14.0), (4.2, 5.0), (7.0, 9.0), share=0.8),
        _COLUMNS, _RACKS, _BEDS, _METERS, _CABINETS, _BENCHES, _BINS, _BOLLARDS,
    ),
    Setting.SCHOOL: (
        _houses((_F.SCHOOL,), (11.0, 12.0), (10.0, 14.0), (46.0, 52.0), (9.5, 10.5),
                depth=(13.0, 15.0), clear=6.0, share=1.0, limit=1),
        _houses((_F.SUBURBAN,), (5.0, 7.0), (3.0, 8.0), (10.0, 14.0), (6.8, 8.6)),
        _houses((_F.SUBURBAN,), (32.0, 38.0), (5.0, 14.0), (10.0, 14.0), (6.8, 8.6)),
        _LAMPS, _SIGNS, _BOLLARDS, _FENCES,
        _trees((BIRCH, MAPLE, LIME, PLUM), (1.3, 2.6), (8.0, 16.0), (3.8, 6.0), (5.5, 9.0)),
        _trees((SPRUCE, BIRCH, MAPLE), (20.0, 28.0), (8.0, 18.0), (4.0, 7.0), (7.0, 12.0)),
        _RACKS, _CABINETS, _BENCHES, _BINS, _LONG_HEDGES, _BUSHES,
    ),
    Setting.BOULEVARD: (
        _houses((_F.CITY_BLOCK, _F.CITY_BLOCK, _F.POST_WAR), (4.2, 5.0), (0.0, 0.5), (16.0, 28.0),
                (19.0, 23.0), depth=(12.0, 15.0)),
        _houses((_F.POST_WAR, _F.OFFICE), (28.0, 34.0), (4.0, 12.0), (20.0, 34.0), (20.0, 36.0),
                depth=(13.0, 16.0)),
        _COURT_WALLS,
        _LAMPS, _SHELTERS, _SIGNS,
        _trees((LIME,), (0.7, 0.9), (8.0, 12.0), (4.6, 5.6), (8.0, 10.5), share=0.9),
        _COLUMNS, _RACKS, _CABINETS, _METERS, _BENCHES, _BINS, _BOLLARDS,
    ),
    Setting.OLD_TOWN: (
        _houses((_F.CHURCH,), (9.0, 10.0), (6.0, 10.0), (26.0, 30.0), (34.0, 38.0),
                depth=(14.0, 15.0), clear=8.0, share=1.0, limit=1),
        _houses((_F.OLD_TOWN,), (2.6, 3.2), (0.0, 0.0), (8.0, 15.0), (9.5, 13.5),
                depth=(9.0, 12.0), share=0.98),
        _houses((_F.OLD_TOWN, _F.POST_WAR), (24.0, 28.0), (1.0, 7.0), (10.0, 18.0), (10.0, 15.0)),
        _COURT_WALLS,
        _LAMPS, _SHELTERS, _SIGNS,
        _trees((LIME, PLUM), (0.5, 0.7), (12.0, 22.0), (3.4, 4.4), (5.5, 8.0), share=0.6),
        _COLUMNS, _BEDS, _RACKS, _BENCHES, _CABINETS, _BINS, _BOLLARDS,
    ),
    Setting.RURAL: (
        _houses((_F.FARMHOUSE,), (14.0, 18.0), (40.0, 60.0), (13.0, 16.0), (7.5, 8.5), clear=14.0,
                limit=2),
        _houses((_F.BARN,), (16.0, 26.0), (16.0, 50.0), (18.0, 26.0), (7.0, 9.0),
                depth=(11.0, 13.0), clear=16.0, share=0.7, limit=4),
        _SIGNS, _POLES,
        _trees((LIME, MAPLE, POPLAR, PINE), (5.5, 13.0), (14.0, 34.0), (5.0, 8.5), (7.0, 12.0),
               share=0.6),
        _FIELD_HEDGES, _FIELD_BUSHES, _PASTURE_FENCES,
    ),
    Setting.MOTORWAY: (
        _RAILS, _NOISE_WALLS,
        _trees((MAPLE, BIRCH, PINE, LIME), (14.0, 18.0), (5.0, 12.0), (4.5, 7.5), (7.0, 12.0),
               share=0.7),
        _trees((SPRUCE, BIRCH, LIME, PINE), (24.0, 40.0), (8.0, 25.0), (4.5, 7.5), (7.0, 13.0),
               share=0.6),
        _BUSHES,
    ),
}  # fmt: skip
"""Rows by setting, in the order in which they take their places."""
