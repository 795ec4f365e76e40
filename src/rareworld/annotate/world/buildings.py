"""Houses by family: what a town is made of, from terraces to offices.

`Prop.style` names the family and a variant; the variant draws walls, roof, shops and balconies.
The front of a building looks to +y. Proved in tests/annotate/world/test_buildings.py.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.annotate.world.facades import (
    Column,
    Glazing,
    Openings,
    balconies,
    bays,
    door,
    glaze,
    pierced,
    shop_front,
    shutters,
    storeys,
)
from rareworld.annotate.world.kit import Kit
from rareworld.annotate.world.landmarks import LANDMARKS
from rareworld.annotate.world.mesh import Soup, Vec3
from rareworld.annotate.world.roofs import Cover, flat, gable, hip, mansard
from rareworld.core.scene import Family
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId

_FOOT_M = -1.0
"""Walls go this deep, so that no gap shows on a slope."""


@final
@dataclass(frozen=True, kw_only=True)
class Manner:
    """How the buildings of one family are put together; of each list a variant takes one."""

    walls: tuple[str, ...]
    trims: tuple[str, ...] = ("stone",)
    frames: tuple[str, ...] = ("frame white",)
    roofs: tuple[str, ...]
    """`gable`, `hip`, `mansard` or `flat`."""
    covers: tuple[str, ...] = ("roof tiles",)
    pitch: float = 0.9
    """Rise of a roof over half its width."""
    storey_m: float = 3.0
    bay_m: float = 2.6
    window_m: tuple[float, float] = (1.05, 1.55)
    sill_m: float = 0.85
    bars: tuple[int, int] = (2, 1)
    shops: float = 0.0
    """Share of buildings with shops."""
    balconies: float = 0.0
    shutters: float = 0.0
    lintel: str | None = None
    cornice: bool = True
    dormers: float = 0.0
    terrace: bool = False
    """A door at every other axis."""


MANNERS: dict[Family, Manner] = {
    Family.OLD_TOWN: Manner(
        walls=("plaster cream", "plaster ochre", "plaster rose", "plaster green", "plaster white",
               "plaster blue", "stone", "brick pale"),
        frames=("frame white", "frame white", "door"), roofs=("gable", "gable", "mansard", "hip"),
        covers=("roof tiles", "roof tiles", "roof brown", "roof slate"), pitch=1.05, bay_m=2.35,
        window_m=(1.0, 1.6), bars=(2, 2), shops=0.75, shutters=0.35, dormers=0.7,
    ),
    Family.TERRACE: Manner(
        walls=("brick red", "brick red", "brick brown", "brick pale"), roofs=("gable",),
        covers=("roof slate", "roof slate", "roof brown"), pitch=0.8, bay_m=2.5, storey_m=2.8,
        window_m=(1.15, 1.5), bars=(2, 2), lintel="stone", terrace=True, cornice=False,
    ),
    Family.POST_WAR: Manner(
        walls=("plaster white", "plaster grey", "plaster cream", "plaster ochre", "brick pale"),
        trims=("concrete", "plaster white"), roofs=("hip", "flat", "gable"),
        covers=("roof brown", "roof tiles"), pitch=0.55, storey_m=2.85, bay_m=2.9,
        window_m=(1.7, 1.4), balconies=0.75, shops=0.2, cornice=False,
    ),
    Family.OFFICE: Manner(
        walls=("panel", "panel dark", "stone", "zinc", "concrete"), trims=("frame dark", "zinc"),
        frames=("frame dark", "steel"), roofs=("flat",), storey_m=3.5, bay_m=3.0,
        window_m=(2.72, 2.3), sill_m=0.75, bars=(2, 1), shops=0.4, cornice=False,
    ),
    Family.CITY_BLOCK: Manner(
        walls=("stone", "plaster cream", "plaster white", "plaster rose", "brick pale",
               "plaster grey", "brick red"),
        trims=("stone", "plaster white"), frames=("frame white", "frame dark"),
        roofs=("mansard", "mansard", "flat", "hip"), covers=("zinc", "roof slate", "roof tiles"),
        storey_m=3.3, bay_m=2.5, window_m=(1.15, 2.05), sill_m=0.55, bars=(2, 2), shops=0.85,
        balconies=0.45, lintel="stone",
    ),
    Family.SUBURBAN: Manner(
        walls=("plaster white", "plaster cream", "brick red", "brick brown", "plaster grey"),
        roofs=("gable", "hip", "gable"), covers=("roof tiles", "roof brown", "roof slate"),
        pitch=0.85, storey_m=2.8, bay_m=3.0, window_m=(1.4, 1.3), shutters=0.2, cornice=False,
        dormers=0.3,
    ),
    Family.FARMHOUSE: Manner(
        walls=("plaster white", "stone", "brick red"), roofs=("gable",),
        covers=("roof tiles", "roof brown"), pitch=1.0, storey_m=2.8, bay_m=2.6,
        window_m=(1.0, 1.3), bars=(2, 2), shutters=0.7, cornice=False,
    ),
    Family.SCHOOL: Manner(
        walls=("brick red", "plaster cream", "brick pale"), trims=("plaster white",),
        roofs=("hip", "flat"), covers=("roof tiles",), pitch=0.6, storey_m=3.5, bay_m=2.9,
        window_m=(2.3, 2.0), bars=(3, 2), lintel="concrete",
    ),
}  # fmt: skip
"""Families that are houses with storeys; others are `landmarks`."""


@final
@dataclass(frozen=True, kw_only=True)
class _House:
    """One building with its draws made."""

    manner: Manner
    glazing: Glazing
    trim: str
    shops: bool
    balcony: str | None
    shutters: str | None
    ground_m: float
    storey_m: float
    floors: int
    """Above the ground floor."""
    body_m: float
    """Height of the walls."""


def building(
    size_m: Vec3, style: int, *, plain: bool = False, blind: tuple[bool, bool] = (False, False)
) -> Soup:
    """Return a building of a size that stands on z = 0.

    Args:
        size_m: (front, depth, height of the ridge or parapet).
        style: Family and variant, see `core.scene.Family`.
        plain: Without what cannot be seen from afar.
        blind: Whether the next house touches the +x and the -x end.
    """
    family = Family(style % len(Family))
    rng = Seed(style).child("building").generator()
    if family in LANDMARKS:
        return LANDMARKS[family](size_m, rng).soup()
    return _house(size_m, MANNERS[family], rng, plain=plain, blind=blind).soup()


def _one(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _drawn(
    size: Vec3, manner: Manner, rng: np.random.Generator, roof_m: float, *, plain: bool
) -> _House:
    """Return the house of a size with everything decided."""
    body = max(size[2] - roof_m, 2.6)
    wall, frame, trim = (_one(rng, x) for x in (manner.walls, manner.frames, manner.trims))
    chances = rng.random(3)
    shops = bool(chances[0] < manner.shops) and body > 4.5
    ground = min(3.9 if shops else manner.storey_m + 0.1, body)
    floors = max(round((body - ground) / manner.storey_m), 0) if body - ground > 1.8 else 0
    ground = ground if floors else body
    return _House(
        manner=manner,
        glazing=Glazing(
            wall=wall, frame=frame, bars=manner.bars, lintel=manner.lintel, plain=plain,
            sill="stone" if wall.startswith("brick") else "concrete",
        ),
        trim=trim,
        shops=shops,
        balcony=_one(rng, ("steel dark", "glass pane", "frame white"))
        if chances[1] < manner.balconies else None,
        shutters=_one(rng, ("steel green", "wood", "frame white"))
        if chances[2] < manner.shutters else None,
        ground_m=ground,
        storey_m=(body - ground) / floors if floors else manner.storey_m,
        floors=floors,
        body_m=body,
    )  # fmt: skip


def _house(
    size: Vec3,
    manner: Manner,
    rng: np.random.Generator,
    *,
    plain: bool,
    blind: tuple[bool, bool],
) -> Kit:
    """Return a building with four facades and a roof."""
    kind, cover = _one(rng, manner.roofs), _one(rng, manner.covers)
    span = min(size[0], size[1]) if kind == "hip" else size[1]
    pitched = min(manner.pitch * span / 2, 0.42 * size[2])
    roof_m = {"flat": 0.7, "mansard": min(3.0, 0.3 * size[2])}.get(kind, pitched)
    house = _drawn(size, manner, rng, roof_m, plain=plain)
    kit = Kit(ClassId.BUILDING)
    for k, (wide, away) in enumerate(((size[1], size[0]), (size[0], size[1])) * 2):
        side = Kit(ClassId.BUILDING)
        _facade(side, house, wide, rng, front=k == 1, blind=blind[k // 2] and k % 2 == 0)
        yaw = k * np.pi / 2
        kit.take(side, yaw, (away / 2 * float(np.cos(yaw)), away / 2 * float(np.sin(yaw)), 0.0))
    _roof(kit, kind, _cover(size, house, cover, roof_m), rng)
    return kit


def _cover(size: Vec3, house: _House, cover: str, roof_m: float) -> Cover:
    return Cover(
        length_m=size[0], width_m=size[1], eaves_m=house.body_m, rise_m=roof_m, roof=cover,
        wall=house.glazing.wall, trim=house.trim,
    )  # fmt: skip


def _roof(kit: Kit, kind: str, cover: Cover, rng: np.random.Generator) -> None:
    dormers = int(cover.length_m // 4) if rng.random() < 0.5 and cover.rise_m > 2.6 else 0
    if kind == "flat":
        flat(kit, cover, rng)
    elif kind == "mansard":
        mansard(kit, cover)
    elif kind == "hip" and cover.length_m > cover.width_m:
        hip(kit, cover, dormers=dormers)
    else:
        gable(kit, cover, chimneys=int(rng.integers(1, 3)), dormers=dormers)


def _facade(
    kit: Kit, house: _House, length_m: float, rng: np.random.Generator, *, front: bool, blind: bool
) -> None:
    """Add one side of a house."""
    wall = house.glazing.wall
    if blind:
        kit.panel(wall, (0, -length_m / 2, _FOOT_M), (0, length_m, 0),
                  (0, 0, house.body_m - _FOOT_M))  # fmt: skip
        return
    axes = bays(length_m, house.manner.bay_m)
    if house.shops and (front or length_m > 12):
        shop_front(kit, length_m, house.ground_m, wall, rng, plain=house.glazing.plain)
        kit.panel(wall, (0, -length_m / 2, _FOOT_M), (0, length_m, 0), (0, 0, -_FOOT_M - 0.6))
    else:
        _ground_floor(kit, house, length_m, axes, front=front)
    _upper(kit, house, length_m, axes, rng, front=front)
    _bands(kit, house, length_m)


def _ground_floor(kit: Kit, house: _House, length_m: float, axes: Column, *, front: bool) -> None:
    """Add windows, entrances and bay windows of a ground floor without shops."""
    wide, tall = house.manner.window_m
    top = min(tall, house.ground_m - house.manner.sill_m - 0.35)
    row = storeys(axes, wide, np.array([0.15]), house.manner.sill_m, top)
    doors = np.zeros(len(axes), dtype=np.bool_)
    if front and len(axes):
        doors[len(axes) // 2 :: 2 if house.manner.terrace else len(axes)] = True
        if house.manner.terrace:
            doors = np.arange(len(axes)) % 2 == 1
    windows = row.picked(~doors)
    pierced(kit, house.glazing.wall, length_m, (_FOOT_M, house.ground_m), windows)
    glaze(kit, windows, house.glazing)
    for y in axes[doors].tolist():
        door(kit, y, house.glazing)
    if house.manner.terrace and front and not house.glazing.plain:
        _bay_windows(kit, windows, house.glazing)
    kit.box("stone dark", (-0.02, -length_m / 2, _FOOT_M), (0.05, length_m / 2, 0.45))


def _bay_windows(kit: Kit, made: Openings, how: Glazing) -> None:
    """Add square bays in front of windows, with panes on three sides and a lead roof."""
    for left, right, low, high in zip(
        made.left_m.tolist(), made.right_m.tolist(), made.low_m.tolist(), made.high_m.tolist(),
        strict=True,
    ):  # fmt: skip
        a, b, out = left - 0.25, right + 0.25, 0.62
        kit.box(how.wall, (0, a, _FOOT_M), (out, b, low))
        kit.box(how.frame, (0, a, low), (out, b, low + 0.09))
        kit.box("zinc", (0, a - 0.1, high + 0.06), (out + 0.1, b + 0.1, high + 0.24))
        kit.box(how.frame, (0, a, low + 0.09), (out, b, high + 0.06))
        kit.panel("window", (out + 0.01, a + 0.12, low + 0.17), (0, (b - a) / 2 - 0.17, 0),
                  (0, 0, high - low - 0.22))  # fmt: skip
        kit.panel("window", (out + 0.01, (a + b) / 2 + 0.05, low + 0.17),
                  (0, (b - a) / 2 - 0.17, 0), (0, 0, high - low - 0.22))  # fmt: skip


def _upper(
    kit: Kit, house: _House, length_m: float, axes: Column, rng: np.random.Generator, *, front: bool
) -> None:
    """Add the storeys above the ground floor."""
    if not house.floors:
        return
    wide, tall = house.manner.window_m
    sill = house.manner.sill_m
    tall = min(tall, house.storey_m - sill - 0.25)
    levels = house.ground_m + house.storey_m * np.arange(house.floors)
    made = storeys(axes, wide, levels, sill, tall)
    for k, level in enumerate(levels.tolist()):
        row = made.picked(np.arange(len(axes)) + k * len(axes))
        pierced(kit, house.glazing.wall, length_m, (level, level + house.storey_m), row)
    glaze(kit, made, house.glazing)
    every = 3 if front else 4
    first = int(rng.integers(every))
    if house.glazing.plain:
        return
    if house.shutters is not None and front:
        shutters(kit, made, house.shutters)
    if house.balcony is not None and len(axes) > 2:
        keep = np.arange(made.count) % len(axes) % every == first
        balconies(kit, made.picked(keep), "concrete", house.balcony)


def _bands(kit: Kit, house: _House, length_m: float) -> None:
    """Add the cornice and the band over the ground floor."""
    half, top = length_m / 2, house.body_m
    if house.floors:
        z = house.ground_m
        kit.box(house.trim, (-0.02, -half - 0.02, z - 0.10), (0.07, half + 0.02, z + 0.08))
    if house.manner.cornice:
        kit.box(house.trim, (-0.05, -half - 0.12, top - 0.42), (0.14, half + 0.12, top - 0.24))
        kit.box(house.trim, (-0.05, -half - 0.26, top - 0.24), (0.28, half + 0.26, top - 0.02))
