"""Houses, blocks and shops: facades with recessed windows, doors, cornices and roofs by style.

A facade is a grid of rectangles in the plane x = 0 that faces +x; cells that are openings are set
back with reveals, so that windows throw real shadows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import Soup, Vec3, box, loft, merge, moved, soup, span_box
from rareworld.core.taxonomy import ClassId

_KIND = ClassId.BUILDING
_SET_BACK_M = 0.14
_PLINTH_M = 0.45


@final
@dataclass(frozen=True, kw_only=True)
class Manner:
    """How one style of building is put together."""

    wall: str
    trim: str
    roof: str
    gable: bool
    storey_m: float
    bay_m: float
    """Distance between window axes."""
    window: tuple[float, float]
    """Width and height of a window."""
    shop: bool
    awning: str = "awning red"


_MANNERS: tuple[Manner, ...] = (
    Manner(
        wall="brick red",
        trim="frame white",
        roof="roof slate",
        gable=True,
        storey_m=3.0,
        bay_m=2.6,
        window=(1.15, 1.55),
        shop=False,
    ),
    Manner(
        wall="plaster ochre",
        trim="plaster white",
        roof="roof tiles",
        gable=True,
        storey_m=3.1,
        bay_m=2.8,
        window=(1.10, 1.60),
        shop=True,
        awning="awning green",
    ),
    Manner(
        wall="panel",
        trim="frame dark",
        roof="roof flat",
        gable=False,
        storey_m=3.3,
        bay_m=3.2,
        window=(2.50, 1.70),
        shop=False,
    ),
    Manner(
        wall="plaster white",
        trim="frame dark",
        roof="roof tiles",
        gable=True,
        storey_m=2.9,
        bay_m=3.0,
        window=(1.35, 1.35),
        shop=False,
    ),
    Manner(
        wall="brick brown",
        trim="concrete",
        roof="roof flat",
        gable=False,
        storey_m=3.2,
        bay_m=2.4,
        window=(1.20, 1.80),
        shop=True,
    ),
    Manner(
        wall="plaster rose",
        trim="plaster white",
        roof="roof tiles",
        gable=True,
        storey_m=3.2,
        bay_m=2.5,
        window=(1.05, 1.70),
        shop=True,
        awning="awning blue",
    ),
    Manner(
        wall="panel dark",
        trim="frame dark",
        roof="roof flat",
        gable=False,
        storey_m=3.6,
        bay_m=2.0,
        window=(1.75, 2.60),
        shop=True,
        awning="awning blue",
    ),
    Manner(
        wall="brick pale",
        trim="frame white",
        roof="roof slate",
        gable=False,
        storey_m=3.1,
        bay_m=2.7,
        window=(1.25, 1.60),
        shop=False,
    ),
    Manner(
        wall="plaster green",
        trim="frame white",
        roof="roof slate",
        gable=True,
        storey_m=3.0,
        bay_m=2.7,
        window=(1.10, 1.50),
        shop=False,
    ),
    Manner(
        wall="plaster grey",
        trim="frame white",
        roof="roof flat",
        gable=False,
        storey_m=3.0,
        bay_m=3.0,
        window=(1.80, 1.40),
        shop=True,
    ),
)

WALL, WINDOW, BLIND, SHOP, DOOR = range(5)
"""What a facade cell is."""
_OPENINGS = {WINDOW: "window", BLIND: "window blind", SHOP: "shop window", DOOR: "door"}


def _rectangles(
    low: Float[np.ndarray, "n 3"], u: Float[np.ndarray, "n 3"], v: Float[np.ndarray, "n 3"]
) -> Float[np.ndarray, "f 3 3"]:
    """Return rectangles low, low + u, low + u + v, low + v as triangles, normal u x v."""
    corner = np.stack([low, low + u, low + u + v, low + v], axis=1)
    return corner[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3, 3)


def facade(
    ys_m: Sequence[float], zs_m: Sequence[float], cells: Int[np.ndarray, "n m"], wall: str
) -> Soup:
    """Return a wall with openings set back; `cells[i, j]` is what lies between ys and zs."""
    y, z = np.asarray(ys_m), np.asarray(zs_m)
    made: list[Soup] = []
    for what in range(5):
        i, j = np.nonzero(cells == what)
        if len(i):
            low = np.stack([0 * y[i], y[i], z[j]], axis=1)
            wide = np.stack([0 * y[i], y[i + 1] - y[i], 0 * y[i]], axis=1)
            tall = np.stack([0 * z[j], 0 * z[j], z[j + 1] - z[j]], axis=1)
            made += _cell_faces(what, low, wide, tall, wall)
    return merge(made)


def _cell_faces(
    what: int, low: np.ndarray, wide: np.ndarray, tall: np.ndarray, wall: str
) -> list[Soup]:
    """Return plain wall, or reveals and a pane."""
    if what == WALL:
        return [soup(_rectangles(low, wide, tall), skin(wall, _KIND))]
    back = np.array([-_SET_BACK_M, 0, 0]) + 0 * low
    reveal = [
        _rectangles(low + back, -back, wide),
        _rectangles(low + tall, back, wide),
        _rectangles(low, back, tall),
        _rectangles(low + wide + back, -back, tall),
    ]
    pane = _rectangles(low + back, wide, tall)
    return [
        soup(np.concatenate(reveal), skin(wall, _KIND)),
        soup(pane, skin(_OPENINGS[what], _KIND)),
    ]


def _spans(
    length_m: float, bay_m: float, opening_m: float
) -> tuple[list[float], Bool[np.ndarray, "n"]]:
    """Return edges along a wall and which spans between them are openings."""
    count = max(int((length_m - 0.6) // bay_m), 1)
    wide = min(opening_m, 0.8 * length_m)
    axes = (np.arange(count) - (count - 1) / 2) * min(bay_m, length_m / count)
    edges = [
        -length_m / 2,
        *np.stack([axes - wide / 2, axes + wide / 2], axis=1).ravel().tolist(),
        length_m / 2,
    ]
    return edges, np.arange(len(edges) - 1) % 2 == 1


def _upper(length_m: float, base_m: float, floors: int, manner: Manner, salt: int) -> list[Soup]:
    """Return the storeys above the ground floor, with sills and mullions."""
    ys, open_y = _spans(length_m, manner.bay_m, manner.window[0])
    sill, tall = 0.9 if manner.window[1] < 2 else 0.5, manner.window[1]
    zs = [base_m]
    for floor in range(floors):
        z = base_m + floor * manner.storey_m
        zs += [z + sill, z + sill + tall]
    zs.append(base_m + floors * manner.storey_m)
    open_z = np.arange(len(zs) - 1) % 2 == 1
    cells = np.where(open_y[:, None] & open_z, WINDOW, WALL)
    i, j = np.nonzero(cells)
    cells[i, j] = np.where((i * 7 + j * 13 + salt * 5) % 11 < 2, BLIND, WINDOW)
    made = [facade(ys, zs, cells, manner.wall)]
    trim = skin(manner.trim, _KIND)
    for a, b in zip(i.tolist(), j.tolist(), strict=True):
        middle, width = (ys[a] + ys[a + 1]) / 2, ys[a + 1] - ys[a]
        made.append(box((0.16, width + 0.16, 0.07), (-0.02, middle, zs[b] - 0.035), trim))
        made.append(
            box((0.05, 0.06, zs[b + 1] - zs[b]), (-0.11, middle, (zs[b] + zs[b + 1]) / 2), trim)
        )
    return made


def _ground_floor(
    length_m: float, height_m: float, manner: Manner, *, entrance: bool
) -> list[Soup]:
    """Return plinth, and shop fronts or windows with an entrance."""
    opening = 0.78 * manner.bay_m * 1.4 if manner.shop else manner.window[0]
    bay = manner.bay_m * (1.4 if manner.shop else 1.0)
    ys, open_y = _spans(length_m, bay, opening)
    top = min(height_m - 0.5, 2.75 if manner.shop else 2.45)
    zs = [-1.0, 0.02, _PLINTH_M if manner.shop else 0.95, top, height_m]
    cells = np.zeros((len(ys) - 1, 4), dtype=np.int64)
    cells[open_y, 2] = SHOP if manner.shop else WINDOW
    door = 2 * ((len(ys) - 2) // 4) + 1
    if entrance:
        cells[door, 1:3] = DOOR
    made = [facade(ys, zs, cells, manner.wall)]
    made.append(
        box((0.08, length_m, 0.4), (0.02, 0, 0.05), skin("concrete", _KIND))
        if not entrance
        else box(
            (0.5, 1.6, 0.1), (0.2, (ys[door] + ys[door + 1]) / 2, 0.0), skin("concrete", _KIND)
        )
    )
    if manner.shop:
        made.append(
            box((0.10, 0.96 * length_m, 0.42), (0.05, 0, top + 0.3), skin(manner.trim, _KIND))
        )
        made += [
            _awning(ys[k], ys[k + 1], top + 0.06, manner.awning)
            for k in np.flatnonzero(open_y).tolist()
            if k % 4 == 1
        ]
    return made


def _awning(left_m: float, right_m: float, z_m: float, name: str) -> Soup:
    """Return a slanted canvas over a shop window."""
    slope = box((1.15, right_m - left_m + 0.2, 0.03), (0.55, 0, 0), skin(name, _KIND))
    return moved(slope, pitch_rad=0.42, by_m=(0.02, (left_m + right_m) / 2, z_m))


def _gable_roof(size: Vec3, eaves_m: float, manner: Manner) -> list[Soup]:
    """Return a pitched roof along the longer side, gables in the wall's material."""
    length, width, top = max(size[0], size[1]), min(size[0], size[1]), size[2]
    over, thick = 0.35, 0.14
    y, x = width / 2 + over, length / 2 + over
    eaves = eaves_m - (top - eaves_m) * over / (width / 2)
    tiles = skin(manner.roof, _KIND)
    made: list[Soup] = []
    for side in (1, -1):
        upper = np.array([[-x, side * y, eaves], [x, side * y, eaves], [x, 0, top], [-x, 0, top]])
        made.append(loft(np.stack([upper - np.array([0, 0, thick]), upper]), tiles))
    gable = np.array(
        [
            [length / 2, -width / 2, eaves_m],
            [length / 2, width / 2, eaves_m],
            [length / 2, 0, top - thick],
        ]
    )
    far = (gable * np.array([-1, 1, 1]))[::-1]
    made.append(soup(np.stack([gable, far]), skin(manner.wall, _KIND)))
    chimney = box(
        (0.7, 0.7, 1.6), (0.22 * length, 0.12 * width, top - 0.1), skin("brick brown", _KIND)
    )
    roof = merge([*made, chimney])
    return [roof if size[0] >= size[1] else moved(roof, yaw_rad=float(np.pi / 2))]


def _flat_roof(size: Vec3, top_m: float, manner: Manner) -> list[Soup]:
    """Return the deck, a parapet with its cap, and plant on the roof."""
    x, y, high = size[0] / 2, size[1] / 2, size[2]
    wall, cap = skin(manner.wall, _KIND), skin(manner.trim, _KIND)
    ring = [
        ((-x, y - 0.25), (x, y)),
        ((-x, -y), (x, -y + 0.25)),
        ((x - 0.25, -y + 0.25), (x, y - 0.25)),
        ((-x, -y + 0.25), (-x + 0.25, y - 0.25)),
    ]
    parapet = [span_box((a[0], a[1], top_m), (b[0], b[1], high - 0.06), wall) for a, b in ring]
    caps = [
        span_box((a[0] - 0.06, a[1] - 0.06, high - 0.06), (b[0] + 0.06, b[1] + 0.06, high), cap)
        for a, b in ring
    ]
    deck = span_box(
        (-x + 0.1, -y + 0.1, top_m - 0.2),
        (x - 0.1, y - 0.1, top_m + 0.02),
        skin(manner.roof, _KIND),
    )
    plant = span_box(
        (-0.22 * x, -0.25 * y, top_m), (0.28 * x, 0.3 * y, high + 1.3), skin("panel", _KIND)
    )
    return [deck, *parapet, *caps, *([plant] if min(x, y) > 4 else [])]


def building(size_m: Vec3, style: int) -> Soup:
    """Return a building of a size standing on z = 0, shops and doors along all street fronts."""
    manner = _MANNERS[style % len(_MANNERS)]
    length, width, height = size_m
    roof_m = min(0.42 * min(length, width), 0.45 * height) if manner.gable else 0.9
    body = max(height - roof_m, 2.6)
    ground = min(3.5 if manner.shop else 3.0, body)
    floors = int((body - ground) // manner.storey_m)
    stretch = (body - ground) / floors if floors else manner.storey_m
    fitted = Manner(**{**manner.__dict__, "storey_m": stretch})
    ground = ground if floors else body
    made: list[Soup] = []
    for k, (wide, away) in enumerate(((width, length), (length, width)) * 2):
        face = _ground_floor(wide, ground, fitted, entrance=k % 2 == 0)
        if floors:
            face += _upper(wide, ground, floors, fitted, style + k)
            face.append(box((0.14, wide + 0.1, 0.18), (0.03, 0, ground), skin(fitted.trim, _KIND)))
        face.append(box((0.22, wide + 0.2, 0.22), (0.05, 0, body - 0.12), skin(fitted.trim, _KIND)))
        side = moved(merge(face), by_m=(away / 2, 0, 0))
        made.append(moved(side, yaw_rad=float(k * np.pi / 2)))
    roof = _gable_roof(size_m, body, fitted) if manner.gable else _flat_roof(size_m, body, fitted)
    return merge([*made, *roof])
