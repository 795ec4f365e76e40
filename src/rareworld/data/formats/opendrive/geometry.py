"""The reference line in plan: lines, arcs, clothoids, cubic and parametric cubic curves.

Source: ASAM OpenDRIVE 1.8, `planView`. Clothoids are integrated by Gauss-Legendre quadrature on
pieces that turn less than half a radian, which is exact to 1e-13 of the length.
Proved against closed forms and scipy's Fresnel integrals in
`tests/data/formats/opendrive/test_plan_view.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.data.formats.opendrive.node import Node
from rareworld.data.formats.opendrive.profile import EDGE_M

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_TURN_PER_PIECE_RAD = 0.5
_NEWTON_STEPS = 12


class Curve(ABC):
    """One geometry record in its own frame: starts at the origin and heads along u."""

    @abstractmethod
    def local(self, ds_m: Float[np.ndarray, "p"]) -> Float[np.ndarray, "p 3"]:
        """Return (u, v, heading) at distances from the record's start."""


@final
@dataclass(frozen=True)
class Line(Curve):
    """A straight."""

    def local(self, ds_m: Float[np.ndarray, "p"]) -> Float[np.ndarray, "p 3"]:
        """Return (u, v, heading) at distances from the start."""
        zero = np.zeros_like(ds_m)
        return np.stack([ds_m, zero, zero], axis=1)


@final
@dataclass(frozen=True)
class Clothoid(Curve):
    """Curvature linear in length; an arc where its rate is 0."""

    curvature_per_m: float
    rate_per_m2: float

    def local(self, ds_m: Float[np.ndarray, "p"]) -> Float[np.ndarray, "p 3"]:
        """Return (u, v, heading) at distances from the start."""
        heading = self._heading(ds_m)
        longest = float(np.abs(ds_m).max(initial=0.0))
        turn = longest * (abs(self.curvature_per_m) + abs(self.rate_per_m2) * longest)
        pieces = int(np.ceil(turn / _TURN_PER_PIECE_RAD)) or 1
        width = ds_m[:, None, None] / pieces
        at = (np.arange(pieces)[:, None] + (_NODES + 1) / 2) * width
        angle = self._heading(at)
        weight = width * _WEIGHTS / 2
        u, v = (np.sum(weight * wave(angle), axis=(1, 2)) for wave in (np.cos, np.sin))
        return np.stack([u, v, heading], axis=1)

    def _heading(self, ds_m: np.ndarray) -> np.ndarray:
        """Return the turn since the start."""
        return ds_m * (self.curvature_per_m + 0.5 * self.rate_per_m2 * ds_m)


@final
@dataclass(frozen=True)
class Cubic(Curve):
    """v(u) = a + b u + c u^2 + d u^3 (`poly3`), walked by arc length."""

    coefficients: tuple[float, float, float, float]

    def local(self, ds_m: Float[np.ndarray, "p"]) -> Float[np.ndarray, "p 3"]:
        """Return (u, v, heading) at arc lengths from the start."""
        u = ds_m.copy()
        for _ in range(_NEWTON_STEPS):
            u -= (self._arc_length(u) - ds_m) / np.hypot(1.0, self._slope(u))
        a, b, c, d = self.coefficients
        return np.stack([u, a + u * (b + u * (c + u * d)), np.arctan(self._slope(u))], axis=1)

    def _slope(self, u: np.ndarray) -> np.ndarray:
        """Return dv/du."""
        _, b, c, d = self.coefficients
        return b + u * (2 * c + 3 * d * u)

    def _arc_length(self, u: np.ndarray) -> np.ndarray:
        """Return the length of the curve from 0 to u, on eight pieces of Gauss-Legendre."""
        width = u[:, None, None] / 8
        at = (np.arange(8)[:, None] + (_NODES + 1) / 2) * width
        return np.sum(width * _WEIGHTS / 2 * np.hypot(1.0, self._slope(at)), axis=(1, 2))


@final
@dataclass(frozen=True)
class ParametricCubic(Curve):
    """u(p), v(p) cubic in a parameter that grows linearly with s (`paramPoly3`)."""

    u: tuple[float, float, float, float]
    v: tuple[float, float, float, float]
    parameter_per_m: float

    def local(self, ds_m: Float[np.ndarray, "p"]) -> Float[np.ndarray, "p 3"]:
        """Return (u, v, heading) at distances from the start."""
        p = ds_m * self.parameter_per_m
        (u, du), (v, dv) = (_cubic_with_slope(row, p) for row in (self.u, self.v))
        return np.stack([u, v, np.arctan2(dv, du)], axis=1)


def _cubic_with_slope(
    row: tuple[float, float, float, float], p: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a cubic and its derivative."""
    a, b, c, d = row
    return a + p * (b + p * (c + p * d)), b + p * (2 * c + 3 * d * p)


@final
@dataclass(frozen=True)
class PlanView:
    """The reference line of a road seen from above."""

    start_m: Float[np.ndarray, "n"]
    pose: Float[np.ndarray, "n 3"]
    """x, y, heading of each record's start."""
    curves: tuple[Curve, ...]

    def at(self, s_m: Float[np.ndarray, "p"]) -> Float[np.ndarray, "p 3"]:
        """Return (x, y, heading) at stations; stations off the ends follow the end records."""
        row = np.clip(np.searchsorted(self.start_m, s_m + EDGE_M, "right") - 1, 0, None)
        out = np.empty((len(s_m), 3))
        for number in np.unique(row):
            here = row == number
            out[here] = self._record_at(int(number), s_m[here])
        return out

    def _record_at(self, number: int, s_m: Float[np.ndarray, "p"]) -> Float[np.ndarray, "p 3"]:
        """Evaluate one record in the world."""
        x, y, heading = self.pose[number]
        u, v, turn = self.curves[number].local(s_m - self.start_m[number]).T
        cos, sin = np.cos(heading), np.sin(heading)
        return np.stack([x + cos * u - sin * v, y + sin * u + cos * v, heading + turn], axis=1)


def read_plan_view(road: Node) -> PlanView:
    """Read a road's reference line.

    Raises:
        MapError: No records, an unknown curve, a length that is not positive.
    """
    plan = road.need("planView")
    nodes = plan.all("geometry")
    if not nodes:
        raise plan.fail("needs at least one <geometry>, found none")
    nodes.sort(key=lambda node: node.number("s"))
    rows = [[node.number(name) for name in ("s", "x", "y", "hdg")] for node in nodes]
    table = np.array(rows, dtype=np.float64)
    return PlanView(table[:, 0], table[:, 1:], tuple(_read_curve(node) for node in nodes))


def _read_curve(node: Node) -> Curve:
    """Read one geometry record's curve."""
    length = node.number("length")
    if length <= 0:
        raise node.fail(f"length must be positive, found {length:g}")
    for child in node.children():
        if child.tag in _READERS:
            return _READERS[child.tag](child, length)
    found = ", ".join(child.tag for child in node.children()) or "nothing"
    raise node.fail(f"needs one of {', '.join(_READERS)}; found {found}")


def _read_line(node: Node, length_m: float) -> Curve:
    """Read `line`."""
    del node, length_m
    return Line()


def _read_arc(node: Node, length_m: float) -> Curve:
    """Read `arc`."""
    del length_m
    return Clothoid(node.number("curvature"), 0.0)


def _read_spiral(node: Node, length_m: float) -> Curve:
    """Read `spiral`."""
    start, end = node.number("curvStart"), node.number("curvEnd")
    return Clothoid(start, (end - start) / length_m)


def _read_cubic(node: Node, length_m: float) -> Curve:
    """Read `poly3`."""
    del length_m
    a, b, c, d = (node.number(name) for name in "abcd")
    return Cubic((a, b, c, d))


def _read_parametric(node: Node, length_m: float) -> Curve:
    """Read `paramPoly3`; `pRange` is `arcLength` or `normalized` (the default)."""
    p_range = node.text("pRange", "normalized")
    if p_range not in {"arcLength", "normalized"}:
        raise node.fail(f"pRange must be arcLength or normalized, found {p_range!r}")
    au, bu, cu, du = (node.number(f"{name}U") for name in "abcd")
    av, bv, cv, dv = (node.number(f"{name}V") for name in "abcd")
    per_m = 1.0 if p_range == "arcLength" else 1.0 / length_m
    return ParametricCubic((au, bu, cu, du), (av, bv, cv, dv), per_m)


_READERS: dict[str, Callable[[Node, float], Curve]] = {
    "line": _read_line,
    "arc": _read_arc,
    "spiral": _read_spiral,
    "poly3": _read_cubic,
    "paramPoly3": _read_parametric,
}
