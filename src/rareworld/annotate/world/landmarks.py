"""Buildings that are not houses: barns, sheds, shops in boxes, petrol stations, churches.

Proved in tests/annotate/world/test_buildings.py.
"""

from collections.abc import Callable

import numpy as np

from rareworld.annotate.world.facades import (
    Glazing,
    bays,
    glaze,
    pierced,
    storeys,
)
from rareworld.annotate.world.kit import Kit
from rareworld.annotate.world.mesh import Vec3
from rareworld.annotate.world.roofs import Cover, flat, gable
from rareworld.core.scene import Family
from rareworld.core.taxonomy import ClassId

_FOOT_M = -1.0


def _cover(size: Vec3, rise_m: float, roof: str, wall: str, trim: str = "zinc") -> Cover:
    return Cover(
        length_m=size[0], width_m=size[1], eaves_m=size[2] - rise_m, rise_m=rise_m, roof=roof,
        wall=wall, trim=trim,
    )  # fmt: skip


def _walls(kit: Kit, size: Vec3, top_m: float, wall: str) -> None:
    kit.box(wall, (-size[0] / 2, -size[1] / 2, _FOOT_M), (size[0] / 2, size[1] / 2, top_m))


def _front(kit: Kit, size: Vec3, part: Kit) -> None:
    """Add a facade to the front."""
    kit.take(part, float(np.pi / 2), (0.0, size[1] / 2, 0.0))


def _barn(size: Vec3, rng: np.random.Generator) -> Kit:
    """Return a barn with a stone foot, boards above and a large door."""
    kit, rise = Kit(ClassId.BUILDING), min(0.42 * size[1], 0.45 * size[2])
    wall = ("timber wall", "timber wall", "brick red", "sheet green")[int(rng.integers(4))]
    top = size[2] - rise
    _walls(kit, size, top, wall)
    roof = ("roof brown", "roof tiles", "sheet grey")[int(rng.integers(3))]
    gable(kit, _cover(size, rise, roof, wall), chimneys=0)
    kit.box("stone dark", (-size[0] / 2 - 0.05, -size[1] / 2 - 0.05, _FOOT_M),
            (size[0] / 2 + 0.05, size[1] / 2 + 0.05, 0.7))  # fmt: skip
    part, high = Kit(ClassId.BUILDING), min(3.6, top - 0.3)
    for y in (-0.2 * size[0], 0.25 * size[0]):
        part.box("wood", (0.0, y - 1.8, 0.0), (0.07, y + 1.8, high))
        part.box("frame white", (0.07, y - 0.05, 0.0), (0.09, y + 0.05, high))
        part.box("frame white", (0.07, y - 1.8, high - 0.15), (0.09, y + 1.8, high))
    _front(kit, size, part)
    return kit


def _shed(size: Vec3, rng: np.random.Generator) -> Kit:
    """Return an industrial hall of sheet metal with roller doors."""
    kit = Kit(ClassId.BUILDING)
    wall = ("sheet grey", "sheet blue", "sheet green", "sheet grey")[int(rng.integers(4))]
    rise = min(1.6, 0.2 * size[2])
    top = size[2] - rise
    _walls(kit, size, top, wall)
    gable(kit, _cover(size, rise, "sheet grey", wall), chimneys=0)
    part = Kit(ClassId.BUILDING)
    axes = bays(size[0], 6.0, 1.5)
    for k, y in enumerate(axes.tolist()):
        high = min(4.2, top - 0.8)
        if k % 3 < 2:
            part.box("sheet red" if wall != "sheet red" else "zinc", (0.0, y - 1.9, 0.0),
                     (0.06, y + 1.9, high))  # fmt: skip
            part.box("zinc", (0.0, y - 2.1, high), (0.35, y + 2.1, high + 0.3))
    row = storeys(axes, 4.0, np.array([0.0]), top - 1.5, 0.9)
    row = row.picked(row.low_m > 4.4)
    glaze(part, row, Glazing(wall=wall, frame="frame dark", bars=(4, 1), depth_m=-0.03, sill=None))
    part.box("concrete", (0.0, -size[0] / 2, _FOOT_M), (0.05, size[0] / 2, 0.5))
    _front(kit, size, part)
    return kit


def _retail(size: Vec3, rng: np.random.Generator) -> Kit:
    """Return a shop in a box: a glass front under a wide fascia."""
    kit = Kit(ClassId.BUILDING)
    wall = ("sheet grey", "panel", "brick pale", "plaster white")[int(rng.integers(4))]
    colours = ("fascia red", "fascia blue", "fascia green", "fascia yellow", "fascia orange")
    colour = colours[int(rng.integers(5))]
    mark = "fascia white" if colour != "fascia yellow" else "fascia black"
    body = size[2] - 0.7
    for k, (wide, away) in enumerate(((size[1], size[0]), (size[0], size[1])) * 2):
        part = Kit(ClassId.BUILDING)
        if k == 1:
            row = storeys(bays(0.72 * wide, 3.2), 3.0, np.array([0.0]), 0.2, min(3.0, body - 1.6))
            pierced(part, wall, wide, (_FOOT_M, body), row)
            glaze(part, row, Glazing(wall="frame dark", frame="frame dark", glass="shop window",
                                     bars=(2, 1), sill=None))  # fmt: skip
            half = 0.42 * wide
            part.box(colour, (-0.05, -half, body - 1.25), (0.35, half, body + 0.55))
            at = np.cumsum(rng.uniform(0.5, 1.1, 6))
            at = (at - at.mean()) * 1.0
            for y, tall in zip(at.tolist(), rng.uniform(0.5, 0.9, 6).tolist(), strict=True):
                part.box(mark, (0.35, y - 0.22, body - 0.35 - tall / 2),
                         (0.38, y + 0.22, body - 0.35 + tall / 2))  # fmt: skip
            part.box("zinc", (0, -half, min(3.4, body - 1.3)), (2.2, half, min(3.6, body - 1.1)))
        else:
            part.panel(wall, (0, -wide / 2, _FOOT_M), (0, wide, 0), (0, 0, body - _FOOT_M))
            part.box(colour, (-0.02, -wide / 2, body - 0.6), (0.05, wide / 2, body - 0.2))
        yaw = k * np.pi / 2
        kit.take(part, yaw, (away / 2 * float(np.cos(yaw)), away / 2 * float(np.sin(yaw)), 0.0))
    flat(kit, _cover(size, 0.7, "roof flat", wall), rng)
    return kit


def _fuel(size: Vec3, rng: np.random.Generator) -> Kit:
    """Return a petrol station: a lit canopy on columns, pumps on islands, a shop behind."""
    kit = Kit(ClassId.BUILDING)
    colour = ("fascia red", "fascia green", "fascia blue", "fascia yellow")[int(rng.integers(4))]
    x, y = size[0] / 2, size[1] / 2
    deck = 4.7
    kit.box("fascia white", (-x, -0.15 * y, deck), (x, y, deck + 0.95))
    for z0, z1, name in ((deck + 0.25, deck + 0.8, colour),):
        kit.box(name, (-x - 0.03, -0.15 * y - 0.03, z0), (x + 0.03, y + 0.03, z1))
    for cx in (-0.55 * x, 0.55 * x):
        kit.box("concrete", (cx - 0.7, 0.05 * y, 0.0), (cx + 0.7, 0.85 * y, 0.16))
        for cy in (0.15 * y, 0.75 * y):
            kit.box("fascia white", (cx - 0.16, cy - 0.16, 0), (cx + 0.16, cy + 0.16, deck))
        for cy in (0.35 * y, 0.58 * y):
            kit.box(colour, (cx - 0.42, cy - 0.28, 0.16), (cx + 0.42, cy + 0.28, 1.55))
            kit.box("fascia black", (cx - 0.3, cy - 0.29, 1.0), (cx + 0.3, cy + 0.29, 1.4))
    shop: Vec3 = (1.5 * x, 0.7 * y, 3.8)
    part = _retail(shop, rng)
    kit.take(part, 0.0, (0.0, -0.6 * y, 0.0))
    return kit


def _church(size: Vec3, rng: np.random.Generator) -> Kit:
    """Return a nave with tall windows and a tower with a spire at one end."""
    kit = Kit(ClassId.BUILDING)
    wall = ("stone", "plaster white", "brick red")[int(rng.integers(3))]
    side = min(0.42 * size[1], 6.0)
    nave: Vec3 = (size[0] - side, 0.8 * size[1], 0.45 * size[2])
    rise = 0.45 * nave[2]
    part = Kit(ClassId.BUILDING)
    _walls(part, nave, nave[2] - rise, wall)
    gable(part, _cover(nave, rise, "roof slate", wall), chimneys=0)
    for yaw in (np.pi / 2, -np.pi / 2):
        flank = Kit(ClassId.BUILDING)
        row = storeys(bays(nave[0], 3.4), 1.1, np.array([0.0]), 1.6, nave[2] - rise - 2.4)
        glaze(flank, row, Glazing(wall=wall, depth_m=-0.05, frame="stone", bars=(2, 3)))
        part.take(flank, float(yaw), (0.0, float(np.sin(yaw)) * nave[1] / 2, 0.0))
    kit.take(part, 0.0, (side / 2, 0.0, 0.0))
    x, h, top = -size[0] / 2 + side / 2, side / 2, 0.68 * size[2]
    kit.box(wall, (x - h, -h, _FOOT_M), (x + h, h, top))
    kit.box("stone", (x - h - 0.15, -h - 0.15, top - 0.4), (x + h + 0.15, h + 0.15, top))
    for dy in (h + 0.03, -h - 0.03):
        low, high = sorted((dy, dy * 0.98))
        kit.box("frame dark", (x - 0.7, low, top - 3.2), (x + 0.7, high, top - 1.2))
    ring = np.array([(x - h, -h, top), (x + h, -h, top), (x + h, h, top), (x - h, h, top)])
    tip = np.array([x, 0.0, size[2]])
    kit.add("roof slate", np.stack([ring, np.roll(ring, -1, axis=0), tip + 0 * ring], axis=1))
    return kit


LANDMARKS: dict[Family, Callable[[Vec3, np.random.Generator], Kit]] = {
    Family.BARN: _barn,
    Family.SHED: _shed,
    Family.RETAIL: _retail,
    Family.FUEL: _fuel,
    Family.CHURCH: _church,
}
"""Families without storeys; the front looks to +y."""
