"""Facades: walls with recessed windows, frames, sills, balconies, doors and shop fronts.

A facade lies in the plane x = 0, faces +x, and is `length_m` wide about y = 0. All windows of a
facade are made at once. Proved in tests/annotate/world/test_facades.py.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.kit import Kit
from rareworld.core.geometry import FloatArray

Column = Float[np.ndarray, "n"]
_FRAME_M = 0.07
_FASCIAS = (
    "fascia red", "fascia blue", "fascia green", "fascia yellow", "fascia white", "fascia black",
    "fascia orange",
)  # fmt: skip


@final
@dataclass(frozen=True, kw_only=True)
class Openings:
    """Like windows of one facade, seen from outside."""

    left_m: Column
    right_m: Column
    low_m: Column
    high_m: Column

    @property
    def count(self) -> int:
        """Number of windows."""
        return len(self.left_m)

    def picked(self, keep: np.ndarray) -> "Openings":
        """Return some of them, by a mask or by index."""
        return Openings(
            left_m=self.left_m[keep],
            right_m=self.right_m[keep],
            low_m=self.low_m[keep],
            high_m=self.high_m[keep],
        )


@final
@dataclass(frozen=True, kw_only=True)
class Glazing:
    """How windows are made."""

    wall: str
    frame: str = "frame white"
    glass: str = "window"
    depth_m: float = 0.16
    bars: tuple[int, int] = (2, 1)
    """Panes across and up."""
    sill: str | None = "stone"
    lintel: str | None = None
    plain: bool = False
    """Far away: without bars and sills; what is there is the same as near by."""


def bays(length_m: float, bay_m: float, margin_m: float = 0.5) -> Column:
    """Return evenly spaced window axes along a facade; none if it is too short."""
    count = max(int((length_m - 2 * margin_m) / bay_m + 0.25), 0)
    pitch = (length_m - 2 * margin_m) / max(count, 1)
    return (np.arange(count) - (count - 1) / 2) * pitch


def storeys(
    axes: Column, width_m: float, floors_m: Float[np.ndarray, "f"], sill_m: float, tall_m: float
) -> Openings:
    """Return windows on every axis of every floor."""
    y, z = (part.ravel() for part in np.meshgrid(axes, floors_m, indexing="xy"))
    return Openings(
        left_m=y - width_m / 2,
        right_m=y + width_m / 2,
        low_m=z + sill_m,
        high_m=z + sill_m + tall_m,
    )


def _points(x: float | FloatArray, y: float | FloatArray, z: float | FloatArray) -> FloatArray:
    out = np.empty((max(np.size(x), np.size(y), np.size(z)), 3))
    out[:, 0], out[:, 1], out[:, 2] = x, y, z
    return out


def pierced(
    kit: Kit, name: str, length_m: float, span_m: tuple[float, float], row: Openings
) -> None:
    """Add a storey of wall with one row of openings of equal height, left to right."""
    low, high = span_m
    half = length_m / 2
    if not row.count:
        kit.panel(name, (0, -half, low), (0, length_m, 0), (0, 0, high - low))
        return
    sill, head = float(row.low_m[0]), float(row.high_m[0])
    for a, b in ((low, sill), (head, high)):
        if b - a > 1e-3:
            kit.panel(name, (0, -half, a), (0, length_m, 0), (0, 0, b - a))
    start = np.concatenate([[-half], row.right_m])
    wide = np.concatenate([row.left_m, [half]]) - start
    keep = wide > 1e-3
    kit.panel(
        name,
        _points(0, start[keep], sill),
        _points(0, wide[keep], 0),
        (0, 0, head - sill),
    )


def glaze(kit: Kit, made: Openings, how: Glazing) -> None:
    """Add reveals, panes, frames, bars, sills and lintels of openings."""
    if not made.count:
        return
    wide, tall = made.right_m - made.left_m, made.high_m - made.low_m
    back, zero = -how.depth_m, np.zeros(made.count)
    corner = _points(back, made.left_m, made.low_m)
    u, v = _points(zero, wide, zero), _points(zero, zero, tall)
    deep = np.array([how.depth_m, 0.0, 0.0])
    kit.panel(how.glass, corner, u, v)
    kit.panel(how.wall, corner, deep, u)
    kit.panel(how.wall, corner + v, u, deep)
    kit.panel(how.wall, corner, v, deep)
    kit.panel(how.wall, corner + u, deep, v)
    if how.plain:
        return
    _bars(kit, made, how, corner, wide, tall)
    if how.sill is not None:
        out = _points(0.09, made.right_m + 0.08, made.low_m)
        kit.box(how.sill, _points(back + 0.02, made.left_m - 0.08, made.low_m - 0.08), out)
    if how.lintel is not None:
        kit.box(
            how.lintel,
            _points(-0.02, made.left_m - 0.12, made.high_m),
            _points(0.035, made.right_m + 0.12, made.high_m + 0.20),
        )


def _bars(
    kit: Kit, made: Openings, how: Glazing, corner: FloatArray, wide: Column, tall: Column
) -> None:
    """Add the frame and glazing bars as strips just before the panes."""
    lift = np.array([0.02, 0.0, 0.0])
    zero = np.zeros(made.count)
    for k in range(how.bars[0] + 1):
        at = (wide - _FRAME_M) * k / how.bars[0]
        kit.panel(
            how.frame,
            corner + lift + _points(zero, at, zero),
            (0, _FRAME_M, 0),
            _points(zero, zero, tall),
        )
    for k in range(how.bars[1] + 1):
        at = (tall - _FRAME_M) * k / how.bars[1]
        kit.panel(
            how.frame,
            corner + lift + _points(zero, zero, at),
            _points(zero, wide, zero),
            (0, 0, _FRAME_M),
        )


def shutters(kit: Kit, made: Openings, name: str) -> None:
    """Add open shutters beside windows."""
    half = (made.right_m - made.left_m) / 2
    for low in (made.left_m - half - 0.04, made.right_m + 0.04):
        kit.box(name, _points(0.0, low, made.low_m), _points(0.05, low + half, made.high_m))


def balconies(kit: Kit, made: Openings, slab: str, rail: str, reach_m: float = 1.1) -> None:
    """Add balconies before windows: slab, front, sides and hand rail."""
    if not made.count:
        return
    left, right, z = made.left_m - 0.5, made.right_m + 0.5, made.low_m - 0.9
    kit.box(slab, _points(-0.02, left, z - 0.16), _points(reach_m, right, z))
    bottom, top = z + 0.10, z + 1.0
    kit.box(rail, _points(reach_m - 0.04, left, bottom), _points(reach_m - 0.01, right, top))
    for side in (left, right - 0.03):
        kit.box(rail, _points(0, side, bottom), _points(reach_m, side + 0.03, top))
    bar = _points(reach_m - 0.07, left, top), _points(reach_m + 0.02, right, top + 0.05)
    kit.box("steel dark", *bar)


def door(kit: Kit, y_m: float, how: Glazing, *, wide_m: float = 1.1, steps: int = 2) -> None:
    """Add an entrance: steps, a door with a light above it in a frame, and a small canopy."""
    low, high = 0.16 * steps, 0.16 * steps + 2.1
    leaf = Openings(
        left_m=np.array([y_m - wide_m / 2]), right_m=np.array([y_m + wide_m / 2]),
        low_m=np.array([low]), high_m=np.array([high]),
    )  # fmt: skip
    glaze(kit, leaf, Glazing(wall=how.frame, glass="door", frame=how.frame, sill=None, depth_m=0.02,
                             bars=(1, 1)))  # fmt: skip
    kit.box(how.frame, (-0.03, y_m - wide_m / 2 - 0.14, low),
            (0.10, y_m - wide_m / 2, high + 0.14))  # fmt: skip
    kit.box(how.frame, (-0.03, y_m + wide_m / 2, low), (0.10, y_m + wide_m / 2 + 0.14, high + 0.14))
    kit.panel("door", (0.03, y_m - wide_m / 2, low), (0, wide_m, 0), (0, 0, 2.1))
    kit.panel("window", (0.04, y_m - 0.28, low + 1.3), (0, 0.56, 0), (0, 0, 0.6))
    kit.box("zinc", (0.0, y_m - 0.9, high + 0.22), (0.85, y_m + 0.9, high + 0.30))
    for k in range(steps):
        out = 0.32 * (steps - k)
        kit.box("concrete", (-0.05, y_m - 0.9, -0.4), (out, y_m + 0.9, 0.16 * (k + 1)))


def shop_front(
    kit: Kit, length_m: float, high_m: float, wall: str, rng: np.random.Generator, *, plain: bool
) -> None:
    """Add a ground floor of shops: stall risers, large panes, doors, fascias and awnings."""
    axes = bays(length_m, 4.6, 0.3)
    if not len(axes):
        kit.panel(wall, (0, -length_m / 2, -0.6), (0, length_m, 0), (0, 0, high_m + 0.6))
        return
    pitch = (length_m - 0.6) / len(axes)
    top = min(2.75, high_m - 0.75)
    row = storeys(axes, pitch - 0.5, np.array([0.0]), 0.42, top - 0.42)
    pierced(kit, wall, length_m, (-0.6, high_m), row)
    how = Glazing(wall="frame dark", frame="frame dark", glass="shop window", depth_m=0.32,
                  bars=(2 if pitch < 5 else 3, 1), sill=None, plain=plain)  # fmt: skip
    glaze(kit, row, how)
    for k, y in enumerate(axes.tolist()):
        _shop(kit, y, pitch, top, rng, k, plain=plain)


def _shop(
    kit: Kit,
    y_m: float,
    pitch_m: float,
    top_m: float,
    rng: np.random.Generator,
    k: int,
    *,
    plain: bool,
) -> None:
    """Add door, fascia and awning of one shop."""
    colour = _FASCIAS[int(rng.integers(len(_FASCIAS)))]
    second = _FASCIAS[int(rng.integers(len(_FASCIAS)))]
    style, half = float(rng.random()), pitch_m / 2 - 0.12
    at = y_m + (pitch_m - 0.5) * (0.28 if k % 2 else -0.28)
    kit.box("frame dark", (-0.30, at - 0.52, 0.0), (-0.20, at + 0.52, 2.25))
    kit.panel("shop window", (-0.19, at - 0.42, 0.25), (0, 0.84, 0), (0, 0, 1.9))
    kit.panel("stone dark", (0.005, at - 0.55, 0.0), (0, 1.1, 0), (0, 0, 0.42))
    kit.box(colour, (-0.02, y_m - half, top_m + 0.08), (0.14, y_m + half, top_m + 0.62))
    blocks: FloatArray = np.sort(rng.uniform(-0.7, 0.7, 6)) * half
    wide = rng.uniform(0.10, 0.34, 6)
    tall = rng.uniform(0.10, 0.22, 6)
    mark = "fascia white" if colour not in ("fascia white", "fascia yellow") else "fascia black"
    if not plain:
        kit.panel(
            mark, _points(0.145, y_m + blocks, top_m + 0.35 - tall / 2), _points(0, wide, 0 * wide),
            _points(0, 0 * tall, tall),
        )  # fmt: skip
    if style < 0.4 and not plain:
        _awning(kit, y_m, 2 * half, top_m, second)
    elif style < 0.62:
        kit.box(second, (0.1, y_m + half - 0.1, top_m + 0.5), (0.75, y_m + half, top_m + 1.15))


def _awning(kit: Kit, y_m: float, wide_m: float, z_m: float, name: str) -> None:
    """Add a slanted canvas with a valance; its stripes are two-coloured."""
    count = max(int(wide_m / 0.45), 1)
    left: FloatArray = y_m - wide_m / 2 + np.arange(count, dtype=np.float64) * (wide_m / count)
    for k, look in enumerate((name, "fascia white")):
        start = left[k::2]
        low = _points(1.25, start, z_m - 0.42)
        u = np.array([0.0, wide_m / count, 0.0])
        kit.panel(look, low, u, np.array([-1.25, 0.0, 0.55]))
        kit.panel(look, low - [0, 0, 0.20], u, np.array([0.0, 0.0, 0.20]))
