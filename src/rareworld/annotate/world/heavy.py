"""The box truck and the city bus: rounded boxes with glass, doors, lamps and heavy wheels."""

from itertools import pairwise
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.cars import four_wheels
from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import (
    Skin,
    Soup,
    both_sides,
    box,
    drape,
    lathe,
    merge,
    span_box,
    symmetric_loft,
    tube,
)
from rareworld.annotate.world.parts import Figure, Part
from rareworld.annotate.world.wheels import truck_wheel
from rareworld.core.blueprint import Blueprint

Span = tuple[float, float]
"""From and to, metres."""


@final
class Cabin:
    """A rounded body between two x, with wheel arches, and patches draped on it; metres."""

    def __init__(
        self, spec: Blueprint, x: Span, z: Span, *, rake_m: float = 0.0, round_m: float = 0.12
    ) -> None:
        self.spec, self._x, self._z, self._rake, self._round = spec, x, z, rake_m, round_m
        self.shape = symmetric_loft(self._sections(), self.skin("paint"))

    def skin(self, name: str) -> Skin:
        """Return a material on this vehicle's class."""
        return skin(name, self.spec.class_id)

    def _sections(self) -> Float[np.ndarray, "s p 3"]:
        """Return half sections from tail to nose; the nose leans back by the rake."""
        (tail, nose), (low, high) = self._x, self._z
        r, half = self._round, self.spec.width_m / 2
        reach = self.spec.wheel_radius_m + 0.08
        arch = np.concatenate([np.cos(np.linspace(np.pi, 0, 11)), [1.02, -1.02]]) * reach
        axles = np.array([-1.0, 1.0])[:, None] * self.spec.wheelbase_m / 2 + arch
        ends = [tail, tail + 0.3 * r, tail + r, nose - r, nose - 0.3 * r, nose]
        middle = np.linspace(tail + r, nose - r, 5)
        x = np.unique(np.concatenate([ends, middle, axles.ravel()]))
        x = x[(x >= tail) & (x <= nose)]
        inset = np.interp(x, ends, [r, 0.25 * r, 0, 0, 0.25 * r, r])
        away = np.abs(np.abs(x) - self.spec.wheelbase_m / 2)
        arc = self.spec.wheel_radius_m + np.sqrt(np.maximum(reach**2 - away**2, 0))
        bottom = np.where(away <= 1.001 * reach, np.maximum(arc, low), low)
        y = np.stack(
            [
                0 * x,
                half - inset - 0.05,
                half - inset,
                half - inset,
                half - inset,
                half - inset - 0.35 * r,
                half - inset - r,
                0 * x,
            ]
        )
        top = high - 0.5 * inset
        z = np.stack(
            [
                bottom,
                bottom,
                bottom,
                bottom + 0.3 * (top - bottom),
                top - 1.2 * r,
                top - 0.35 * r,
                top - 0.04,
                top,
            ]
        )
        lean = self._rake * np.clip((z - low) / (high - low) - 0.3, 0, 1) / 0.7
        share = np.clip((x - (nose - 1.2)) / 1.2, 0, 1)
        return np.stack([x - lean * share, y, z], axis=-1).swapaxes(0, 1)

    def end(
        self, y: Span, z: Span, name: str, side: int = 1, cells: tuple[int, int] = (3, 2)
    ) -> Soup:
        """Return a patch on the nose (side 1) or the tail (-1)."""
        quad = [(y[0], z[0]), (y[1], z[0]), (y[1], z[1]), (y[0], z[1])]
        return drape(self.shape, 0, side, quad, self.skin(name), cells=cells)

    def flank(
        self, x: Span, z: Span, name: str, side: int = 1, cells: tuple[int, int] = (2, 2)
    ) -> Soup:
        """Return a patch on the left (side 1) or right (-1) flank."""
        quad = [(x[0], z[0]), (x[1], z[0]), (x[1], z[1]), (x[0], z[1])]
        return drape(self.shape, 1, side, quad, self.skin(name), cells=cells, lift_m=0.01)

    def lamps(self, y: Span, z: Span, tail_z: Span) -> list[Soup]:
        """Return head lamps with indicators beside them, and upright tail clusters."""
        (a, b), third = y, (tail_z[1] - tail_z[0]) / 3
        made = [both_sides(self.end((a, b - 0.10), z, "head lamp"))]
        heights = [tail_z[0] + third * k for k in range(4)]
        inner = self.end((b - 0.28, b - 0.18), (heights[0], heights[1]), "reverse lamp", -1, (1, 1))
        made.append(both_sides(inner))
        for name, k in (("brake lamp", 0), ("tail lamp", 2)):
            made.append(
                both_sides(self.end((b - 0.16, b), (heights[k], heights[k + 1]), name, -1, (1, 1)))
            )
        for name, sign in (("left blinker", 1), ("right blinker", -1)):
            inner, outer = sorted((sign * (b - 0.10), sign * b))
            made.append(self.end((inner, outer), z, name, 1, (1, 2)))
            inner, outer = sorted((sign * (b - 0.16), sign * b))
            made.append(self.end((inner, outer), (heights[1], heights[2]), name, -1, (1, 1)))
        return made


def _ear_mirrors(spec: Blueprint, x_m: float, z_m: float) -> Soup:
    """Return the pair of hanging mirrors."""
    y = spec.width_m / 2 + 0.07
    look, dark = skin("trim", spec.class_id), skin("trim", spec.class_id)
    shell = box((0.10, 0.16, 0.42), (x_m, y, z_m), look)
    arm = tube([(x_m - 0.1, y - 0.22, z_m + 0.24), (x_m, y, z_m + 0.18)], [0.018, 0.018], dark, 6)
    return both_sides(merge([shell, arm]))


def _rear_duals(spec: Blueprint) -> Soup:
    """Return the rear wheel: twin tyres with a dished disc."""
    outer = truck_wheel(spec.wheel_radius_m, 0.24, spec.class_id)
    r = spec.wheel_radius_m
    inner = lathe([(0, -0.40), (r, -0.38), (r, -0.17), (0, -0.15)], skin("tyre", spec.class_id))
    return merge([outer, inner])


def _wheels(spec: Blueprint) -> list[Part]:
    front = truck_wheel(spec.wheel_radius_m, 0.27, spec.class_id)
    return four_wheels(spec, front, _rear_duals(spec))


def _truck_cab(spec: Blueprint) -> list[Soup]:
    """Return the driver's cab over the front axle."""
    nose = spec.length_m / 2
    cab = Cabin(spec, (nose - 1.95, nose), (0.42, 2.55), rake_m=0.22)
    wide = spec.width_m / 2
    door = (nose - 1.62, nose - 0.50)
    side = [
        cab.flank((door[0] + 0.12, door[1]), (1.52, 2.22), "car glass", cells=(4, 4)),
        cab.flank((door[0], door[0] + 0.012), (1.16, 2.32), "trim", cells=(1, 4)),
        cab.flank((door[0] + 0.06, door[0] + 0.22), (1.32, 1.36), "trim", cells=(1, 1)),
    ]
    return [
        cab.shape,
        cab.end((-wide + 0.19, wide - 0.19), (1.45, 2.25), "car glass", cells=(6, 4)),
        cab.end((-0.80, 0.80), (0.92, 1.22), "trim", cells=(4, 2)),
        cab.end((-wide + 0.15, wide - 0.15), (0.46, 0.56), "trim", cells=(4, 1)),
        cab.end((-0.26, 0.26), (0.60, 0.72), "plate", cells=(1, 1)),
        both_sides(cab.end((0.70, 0.95), (0.66, 0.84), "head lamp")),
        cab.end((0.96, 1.07), (0.66, 0.84), "left blinker", cells=(1, 1)),
        cab.end((-1.07, -0.96), (0.66, 0.84), "right blinker", cells=(1, 1)),
        *(both_sides(part) for part in side),
        _ear_mirrors(spec, nose - 0.25, 1.85),
    ]


def _truck_box(spec: Blueprint) -> list[Soup]:
    """Return cargo box, chassis, under-run bars and rear lamps."""
    tail, front, wide = -spec.length_m / 2, spec.length_m / 2 - 2.05, spec.width_m / 2
    kind = spec.class_id
    cargo, dark, edge = skin("cargo", kind), skin("underbody", kind), skin("steel", kind)
    rails = [
        span_box((tail + 0.01, y - 0.03, z0), (front, y + 0.03, z1), edge)
        for y in (-wide + 0.03, wide - 0.03)
        for z0, z1 in ((0.98, 1.06), (3.22, 3.298))
    ]
    doors = [
        span_box((tail - 0.004, -0.012, 1.05), (tail + 0.02, 0.012, 3.2), skin("trim", kind)),
        *(box((0.03, 0.035, 2.05), (tail - 0.0, y, 2.12), edge) for y in (-0.45, 0.45)),
    ]
    lamps = [
        box((0.04, 0.30, 0.12), (tail + 0.04, 0.85, 0.86), skin("tail lamp", kind)),
        box((0.05, 0.13, 0.12), (tail + 0.04, 0.63, 0.86), skin("brake lamp", kind)),
        box((0.05, 0.10, 0.12), (tail + 0.04, 0.49, 0.86), skin("reverse lamp", kind)),
    ]
    return [
        span_box((tail, -wide, 1.0), (front, wide, spec.height_m), cargo),
        span_box((tail + 0.1, -0.45, 0.55), (front + 1.2, 0.45, 1.0), dark),
        span_box((tail + 0.03, -1.1, 0.52), (tail + 0.13, 1.1, 0.62), edge),
        box((0.012, 0.52, 0.12), (tail + 0.03, 0, 0.86), skin("plate", kind)),
        box((0.05, 0.12, 0.12), (tail + 0.04, 1.07, 0.86), skin("left blinker", kind)),
        box((0.05, 0.12, 0.12), (tail + 0.04, -1.07, 0.86), skin("right blinker", kind)),
        both_sides(span_box((-0.9, 0.82, 0.45), (1.1, 1.12, 0.92), skin("trim", kind))),
        both_sides(
            span_box(
                (-spec.wheelbase_m / 2 - 0.6, 0.78, 0.98),
                (-spec.wheelbase_m / 2 + 0.6, 1.16, 1.01),
                dark,
            )
        ),
        *rails,
        *doors,
        *(both_sides(lamp) for lamp in lamps),
    ]


def box_truck(spec: Blueprint) -> Figure:
    """Return a two-axle delivery truck."""
    body = merge([*_truck_box(spec), *_truck_cab(spec)])
    return Figure(parts=(Part(shape=body), *_wheels(spec)))


def _bus_glass(bus: Cabin) -> list[Soup]:
    """Return windscreen, side window band in panes, and rear window."""
    tail, nose = -bus.spec.length_m / 2, bus.spec.length_m / 2
    made = [
        bus.end((-1.12, 1.12), (1.12, 2.45), "car glass", cells=(6, 4)),
        bus.end((-0.85, 0.85), (1.65, 2.45), "car glass", -1, (4, 3)),
        bus.end((-0.72, 0.72), (2.56, 2.80), "bus display", cells=(3, 1)),
    ]
    rows = {
        1: ((tail + 0.35, nose - 1.35, 8),),
        -1: ((tail + 0.35, -0.75, 4), (0.60, nose - 1.45, 4)),
    }
    for side, spans in rows.items():
        for start, end, panes in spans:
            for a, b in pairwise(np.linspace(start, end, panes).tolist()):
                made.append(bus.flank((a + 0.035, b - 0.035), (1.30, 2.45), "car glass", side))
    made.append(bus.flank((nose - 1.25, nose - 0.25), (1.15, 2.45), "car glass"))
    return made


def _bus_doors(bus: Cabin) -> list[Soup]:
    """Return the two doors on the kerb side (right), glazed leaves in dark frames."""
    nose = bus.spec.length_m / 2
    made: list[Soup] = []
    for start in (nose - 1.35, -0.65):
        for leaf in (0.0, 0.58):
            x = (start + leaf, start + leaf + 0.55)
            made.append(bus.flank(x, (0.42, 2.42), "trim", -1))
            shape = bus.shape
            quad = [
                (x[0] + 0.05, 0.55),
                (x[1] - 0.05, 0.55),
                (x[1] - 0.05, 2.34),
                (x[0] + 0.05, 2.34),
            ]
            made.append(drape(shape, 1, -1, quad, bus.skin("car glass"), lift_m=0.02, cells=(1, 1)))
    return made


def city_bus(spec: Blueprint) -> Figure:
    """Return a low-floor city bus with doors on the right."""
    tail, nose = -spec.length_m / 2, spec.length_m / 2
    bus = Cabin(spec, (tail, nose), (0.33, spec.height_m - 0.12), rake_m=0.14, round_m=0.16)
    body = [
        bus.shape,
        *_bus_glass(bus),
        *_bus_doors(bus),
        *bus.lamps((0.72, 1.12), (0.62, 0.82), (0.75, 1.35)),
        bus.end((-0.26, 0.26), (0.48, 0.60), "plate", cells=(1, 1)),
        bus.end((-0.26, 0.26), (0.62, 0.74), "plate", -1, (1, 1)),
        bus.end((-0.75, 0.75), (0.85, 1.30), "trim", -1, (3, 2)),
        span_box(
            (tail + 1.0, -0.95, spec.height_m - 0.2),
            (tail + 3.4, 0.95, spec.height_m),
            bus.skin("cargo"),
        ),
        span_box(
            (0.6, -0.8, spec.height_m - 0.2), (3.0, 0.8, spec.height_m - 0.03), bus.skin("cargo")
        ),
        _ear_mirrors(spec, nose - 0.02 - 0.05, 2.05),
    ]
    return Figure(parts=(Part(shape=merge(body)), *_wheels(spec)))
