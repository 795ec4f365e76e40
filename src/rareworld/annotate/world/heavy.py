"""Lorries: box truck, tipper and articulated truck, each a cab on a chassis with a body behind.

The articulated truck is one rigid body for physics and labels; its tractor is a part that turns
about the kingpin with the steering, as far as the kinematics of a trailer ask (see `articulated`).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.cabins import Span, cab_cabin
from rareworld.annotate.world.cars import four_wheels, lamp_pair
from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import (
    Skin,
    Soup,
    Vec3,
    both_sides,
    box,
    merge,
    moved,
    span_box,
    sphere,
    symmetric_loft,
    tube,
)
from rareworld.annotate.world.model import Cabin
from rareworld.annotate.world.parts import Figure, Joint, Part
from rareworld.annotate.world.pressed import Pressed, Quad, spread
from rareworld.annotate.world.wheels import pair, truck_duals, truck_wheel
from rareworld.core.blueprint import Blueprint


@final
class Shell:
    """A rounded body between two x with wheel arches, and patches pressed on it; metres."""

    def __init__(
        self, spec: Blueprint, x: Span, z: Span, *, rake_m: float = 0.0, round_m: float = 0.12,
        half_m: float | None = None, axles_m: Sequence[float] = (), name: str = "paint",
    ) -> None:  # fmt: skip
        self.spec, self._x, self._z, self._rake, self._round = spec, x, z, rake_m, round_m
        self.half_m = half_m or spec.width_m / 2
        self.shape = symmetric_loft(self._sections(axles_m), self.skin(name))
        self.pressed = Pressed(self.shape)

    def skin(self, name: str) -> Skin:
        """Return a material on this vehicle's class."""
        return skin(name, self.spec.class_id)

    def _sections(self, axles_m: Sequence[float]) -> Float[np.ndarray, "s p 3"]:
        """Return half sections from tail to nose; the nose leans back by the rake."""
        (tail, nose), (low, high), r = self._x, self._z, self._round
        reach = self.spec.wheel_radius_m + 0.08
        arch = np.concatenate([np.cos(np.linspace(np.pi, 0, 11)), [1.02, -1.02]]) * reach
        ends = [tail, tail + 0.3 * r, tail + r, nose - r, nose - 0.3 * r, nose]
        x = [*ends, *np.linspace(tail + r, nose - r, 4).tolist()]
        x += [float(at) for axle in axles_m for at in axle + arch]
        x = np.unique([at for at in x if tail <= at <= nose])
        inset = np.interp(x, ends, [r, 0.25 * r, 0, 0, 0.25 * r, r])
        bottom = np.full_like(x, low)
        for axle in axles_m:
            away = np.abs(x - axle)
            arc = self.spec.wheel_radius_m + np.sqrt(np.maximum(reach**2 - away**2, 0))
            bottom = np.where(away <= 1.001 * reach, np.maximum(arc, low), bottom)
        wide, top = self.half_m - inset, high - 0.5 * inset
        y = [
            0 * x,
            wide - 0.05,
            wide,
            wide,
            wide,
            wide - 0.12 * r,
            wide - 0.42 * r,
            wide - r,
            0 * x,
        ]
        z = [bottom, bottom, bottom, bottom + 0.3 * (top - bottom), top - r, top - 0.55 * r,
             top - 0.22 * r, top - 0.03, top]  # fmt: skip
        high_z = np.stack(z)
        lean = self._rake * np.clip((high_z - low) / (high - low) - 0.3, 0, 1) / 0.7
        share = np.clip((x - (nose - 1.2)) / 1.2, 0, 1)
        return np.stack([x - lean * share, np.stack(y), high_z], axis=-1).swapaxes(0, 1)

    def end(
        self, y: Span, z: Span, name: str, side: int = 1, cells: tuple[int, int] = (3, 2),
        lift_m: float = 0.008,
    ) -> Soup:  # fmt: skip
        """Return a patch on the nose (side 1) or the tail (-1)."""
        quad: Quad = ((y[0], z[0]), (y[1], z[0]), (y[1], z[1]), (y[0], z[1]))
        return self.pressed.patch(0, side, spread(quad, cells), self.skin(name), lift_m)

    def flank(
        self, x: Span, z: Span, name: str, side: int = 1, cells: tuple[int, int] = (2, 2),
        lift_m: float = 0.008,
    ) -> Soup:  # fmt: skip
        """Return a patch on the left (side 1) or right (-1) flank."""
        quad: Quad = ((x[0], z[0]), (x[1], z[0]), (x[1], z[1]), (x[0], z[1]))
        return self.pressed.patch(1, side, spread(quad, cells), self.skin(name), lift_m)


def ear_mirrors(spec: Blueprint, x_m: float, z_m: float) -> Soup:
    """Return the pair of hanging mirrors."""
    y = spec.width_m / 2 + 0.07
    dark = skin("trim", spec.class_id)
    shell = box((0.10, 0.16, 0.42), (x_m, y, z_m), dark)
    glass = box((0.01, 0.13, 0.36), (x_m - 0.052, y, z_m), skin("mirror glass", spec.class_id))
    arm = tube([(x_m - 0.1, y - 0.22, z_m + 0.24), (x_m, y, z_m + 0.18)], [0.018, 0.018], dark, 6)
    return both_sides(merge([shell, glass, arm]))


def tail_lamps(spec: Blueprint, x_m: float, z_m: float, half_m: float) -> Soup:
    """Return the lamp clusters of a lorry's tail, on both sides."""
    kind, made = spec.class_id, list[Soup]()
    at = half_m
    for name, wide in (("left blinker", 0.12), ("brake lamp", 0.15), ("tail lamp", 0.15),
                       ("reverse lamp", 0.10)):  # fmt: skip
        made.append(box((0.05, wide - 0.01, 0.12), (x_m, at - wide / 2, z_m), skin(name, kind)))
        at -= wide
    back = box((0.04, half_m - at + 0.04, 0.15), (x_m + 0.01, (half_m + at) / 2, z_m),
               skin("trim", kind))  # fmt: skip
    return lamp_pair(merge([*made, back]))


def side_markers(spec: Blueprint, x: Span, z_m: float, pitch_m: float = 2.4) -> Soup:
    """Return the small amber lamps along both flanks."""
    y, made = spec.width_m / 2 - 0.012, list[Soup]()
    for at in np.arange(x[0] + 0.8, x[1] - 0.3, pitch_m).tolist():
        made.append(box((0.09, 0.02, 0.045), (at, y, z_m), skin("side marker", spec.class_id)))
    return both_sides(merge(made))


def _grille(cab: Shell, low: float, high: float, wide: float) -> list[Soup]:
    """Return the dark mask of a cab with bars."""
    made = [cab.end((-wide, wide), (low, high), "grille", cells=(6, 3), lift_m=0.010)]
    across = (-0.92 * wide, 0.92 * wide)
    bars = np.linspace(low, high, 5)[1:-1].tolist()
    return made + [
        cab.end(across, (z - 0.018, z + 0.018), "plastic grey", cells=(4, 1), lift_m=0.016)
        for z in bars
    ]


def _cab_front(cab: Shell, foot: float, glass: Span) -> list[Soup]:
    """Return windscreen, wipers, grille, bumper, lamps and plate of a cab."""
    half = cab.half_m
    head = cab.end((half - 0.46, half - 0.14), (foot + 0.22, foot + 0.38), "lamp glass")
    lamps = [
        head,
        cab.end((half - 0.40, half - 0.24), (foot + 0.26, foot + 0.36), "head lamp", lift_m=0.014),
        cab.end((half - 0.44, half - 0.20), (foot + 0.225, foot + 0.25), "daytime lamp",
                cells=(3, 1), lift_m=0.014),
        cab.end((half - 0.20, half - 0.15), (foot + 0.25, foot + 0.37), "left blinker",
                cells=(1, 1), lift_m=0.014),
        cab.end((half - 0.52, half - 0.36), (foot + 0.06, foot + 0.13), "fog lamp", lift_m=0.014),
    ]  # fmt: skip
    middle = (glass[0] + glass[1]) / 2
    return [
        cab.end((-half + 0.10, half - 0.10), (glass[0] - 0.06, glass[1] + 0.04), "gloss black",
                cells=(8, 5)),
        cab.end((-half + 0.16, half - 0.16), glass, "car glass", cells=(8, 5), lift_m=0.014),
        *_grille(cab, foot + 0.42, glass[0] - 0.16, 0.78 * half),
        cab.end((-half + 0.12, half - 0.12), (foot + 0.02, foot + 0.17), "plastic grey",
                cells=(6, 2)),
        cab.end((-0.26, 0.26), (foot + 0.24, foot + 0.35), "plate", cells=(1, 1), lift_m=0.014),
        cab.end((-0.20, 0.20), (foot + 0.27, foot + 0.32), "plate ink", cells=(1, 1), lift_m=0.018),
        *(cab.end((y, y + 0.62), (glass[0] + 0.01, glass[0] + 0.04), "trim", cells=(2, 1),
                  lift_m=0.020) for y in (-0.85, 0.05)),
        cab.end((-0.7 * half, 0.7 * half), (middle + 0.5, middle + 0.56), "gloss black",
                cells=(4, 1)),
        lamp_pair(merge(lamps)),
    ]  # fmt: skip


def lorry_cab(
    spec: Blueprint, x: Span, z: Span, glass: Span, number: int, *, axle_m: float, driven: bool
) -> tuple[list[Soup], Cabin]:
    """Return a forward-control cab and its inside.

    Args:
        spec: The lorry.
        x: From the back wall to the nose.
        z: From the step to the roof.
        glass: Lower and upper edge of the windscreen.
        number: Of the look.
        axle_m: x of the front axle.
        driven: Somebody is at the wheel.
    """
    cab = Shell(spec, x, z, rake_m=0.20, round_m=0.16, half_m=spec.width_m / 2 - 0.02,
                axles_m=(axle_m,))  # fmt: skip
    sill, arch = glass[0] - 0.06, 2 * spec.wheel_radius_m + 0.12
    door = (x[1] - 1.38, x[1] - 0.38)
    side = [
        cab.flank((door[0], door[1]), (sill - 0.02, glass[1] - 0.02), "gloss black", cells=(4, 4)),
        cab.flank((door[0] + 0.06, door[1] - 0.04), (sill + 0.04, glass[1] - 0.08), "car glass",
                  cells=(4, 4), lift_m=0.014),
        *(cab.flank((u - 0.006, u + 0.006), (arch, glass[1]), "grille", cells=(1, 5))
          for u in (door[0] - 0.05, door[1] + 0.05)),
        cab.flank((door[0] + 0.02, door[0] + 0.18), (sill - 0.16, sill - 0.12), "trim",
                  cells=(1, 1), lift_m=0.02),
        span_box((x[1] - 0.62, cab.half_m - 0.10, z[0] + 0.05),
                 (x[1] - 0.34, cab.half_m + 0.01, z[0] + 0.16), cab.skin("trim")),
    ]  # fmt: skip
    body = [
        cab.shape,
        *_cab_front(cab, z[0], glass),
        *(both_sides(part) for part in side),
        both_sides(cab.flank((x[0] + 0.03, x[1] - 0.16), (z[0] + 0.30, z[0] + 0.34), "trim",
                             cells=(3, 1))) if z[0] < 0 else cab.end(
            (-0.8, 0.8), (z[1] - 0.28, z[1] - 0.16), "trim", cells=(4, 1), lift_m=0.03),
        ear_mirrors(spec, x[1] - 0.22, (glass[0] + glass[1]) / 2),
    ]  # fmt: skip
    inside = cab_cabin(
        (x[0] + 0.06, x[1] - 0.10), cab.half_m - 0.08, (z[0] + 0.3, z[1] - 0.08), sill + 0.04,
        number, driven=driven,
    )  # fmt: skip
    return body, inside


def _chassis(spec: Blueprint, x: Span, z_m: float) -> list[Soup]:
    """Return two beams, tank, battery box and mudguards over the rear axle."""
    kind = spec.class_id
    dark, rear = skin("underbody", kind), -spec.wheelbase_m / 2
    beam = span_box((x[0] + 0.1, 0.36, z_m - 0.28), (x[1], 0.46, z_m), dark)
    tank = tube([(rear + 1.25, 0.86, 0.66), (rear + 2.15, 0.86, 0.66)], [0.27, 0.27],
                skin("alloy", kind), 12)  # fmt: skip
    angle = np.linspace(0.25, np.pi - 0.25, 9)
    reach = spec.wheel_radius_m + 0.07
    arc = np.stack([rear + reach * np.cos(angle), spec.wheel_radius_m + reach * np.sin(angle)], 1)
    half = spec.width_m / 2
    guards = [
        span_box((b[0], half - 0.62, min(a[1], b[1]) - 0.01), (a[0], half - 0.03,
                                                              max(a[1], b[1])), dark)
        for a, b in pairwise(arc)
    ]  # fmt: skip
    battery = box((0.7, 0.4, 0.5), (rear + 1.5, -0.84, 0.68), skin("plastic grey", kind))
    return [both_sides(merge([beam, *guards])), tank, battery]


def _tail_frame(spec: Blueprint, x_m: float, z_m: float) -> list[Soup]:
    """Return under-run bar, lamps, plate and mudflaps."""
    kind, half = spec.class_id, spec.width_m / 2
    return [
        span_box((x_m + 0.06, -half + 0.12, 0.48), (x_m + 0.16, half - 0.12, 0.60),
                 skin("plastic grey", kind)),
        both_sides(span_box((x_m + 0.10, 0.5, 0.55), (x_m + 0.18, 0.6, z_m), skin("trim", kind))),
        both_sides(span_box((x_m + 0.10, 0.5, 0.55), (x_m + 0.7, 0.6, 0.62), skin("trim", kind))),
        tail_lamps(spec, x_m + 0.05, z_m - 0.12, half - 0.10),
        box((0.012, 0.52, 0.11), (x_m + 0.035, 0, z_m - 0.13), skin("plate", kind)),
        box((0.010, 0.36, 0.05), (x_m + 0.028, 0, z_m - 0.13), skin("plate ink", kind)),
    ]  # fmt: skip


def _side_guard(spec: Blueprint, x: Span) -> Soup:
    """Return the rails between the axles, on both sides."""
    half, kind = spec.width_m / 2, spec.class_id
    rails = [span_box((x[0], half - 0.07, z), (x[1], half - 0.03, z + 0.11), skin("alloy", kind))
             for z in (0.50, 0.75)]  # fmt: skip
    return both_sides(merge(rails))


_PANELS: tuple[tuple[str, ...], ...] = (
    (), ("livery blue", "livery yellow"), ("livery green", "vehicle white"),
    ("livery red", "livery orange"), (), ("livery orange", "livery blue"),
)  # fmt: skip


def panels(spec: Blueprint, x: Span, z: Span, number: int) -> list[Soup]:
    """Return abstract fields of colour on both flanks of a body; some bodies are plain."""
    names = _PANELS[number % len(_PANELS)]
    if not names:
        return []
    half, kind, long, tall = spec.width_m / 2, spec.class_id, x[1] - x[0], z[1] - z[0]
    proud = half + 0.002
    low, high = z[0] + 0.12 * tall, z[0] + (0.42, 0.55)[number % 2] * tall
    rings = [(x[0] + 0.04 * long, low), (x[0] + 0.62 * long, low),
             (x[0] + 0.80 * long, high), (x[0] + 0.04 * long, high)]  # fmt: skip
    y = half - 0.02
    wedge = _prism(rings, (y, proud), skin(names[0], kind))
    spot = [(x[0] + 0.80 * long, high + 0.05 * tall), (x[0] + 0.95 * long, high + 0.05 * tall),
            (x[0] + 0.95 * long, high + 0.35 * tall),
            (x[0] + 0.72 * long, high + 0.35 * tall)]  # fmt: skip
    return [both_sides(wedge), both_sides(_prism(spot, (y, proud), skin(names[1], kind)))]


def _prism(outline: list[tuple[float, float]], y: Span, look: Skin) -> Soup:
    """Return a thin plate with a quadrilateral outline in (x, z)."""
    base = box((1.0, 1.0, 1.0), (0.5, 0.5, 0.5), look)
    a, b, c, d = np.array(outline)
    s, depth, t = np.split(base.corners_m, 3, axis=-1)
    flat = (1 - s) * ((1 - t) * a + t * d) + s * ((1 - t) * b + t * c)
    deep = y[0] + depth * (y[1] - y[0])
    corners = np.concatenate([flat[..., :1], deep, flat[..., 1:]], axis=-1)
    return replace(base, corners_m=corners)


def _cargo_box(spec: Blueprint, x: Span, z: Span, name: str) -> list[Soup]:
    """Return a box body with edge profiles, rear doors and roof."""
    half, kind = spec.width_m / 2, spec.class_id
    edge = skin("alloy", kind)
    rails = [
        span_box((x[0] + 0.005, y - 0.03, low), (x[1], y + 0.03, high), edge)
        for y in (half - 0.032, -half + 0.032)
        for low, high in ((z[0] - 0.01, z[0] + 0.09), (z[1] - 0.07, z[1] - 0.001))
    ]
    posts = [span_box((at, half - 0.06, z[0]), (at + 0.07, half - 0.001, z[1] - 0.01), edge)
             for at in (x[0] + 0.004, x[1] - 0.074)]  # fmt: skip
    middle = (z[0] + z[1]) / 2
    doors = [
        span_box((x[0] - 0.003, -0.012, z[0] + 0.05), (x[0] + 0.02, 0.012, z[1] - 0.1),
                 skin("trim", kind)),
        *(box((0.03, 0.03, z[1] - z[0] - 0.1), (x[0], y, middle), edge) for y in (-0.40, 0.40)),
        *(box((0.03, 0.06, 0.14), (x[0], y, z[0] + 0.5 + 0.9 * k), edge)
          for y in (-half + 0.06, half - 0.06) for k in range(2)),
    ]  # fmt: skip
    body = span_box((x[0], -half + 0.01, z[0]), (x[1], half - 0.01, z[1]), skin(name, kind))
    return [body, *rails, *(both_sides(post) for post in posts), *doors]


def _wheels(spec: Blueprint) -> list[Part]:
    front = truck_wheel(spec.wheel_radius_m, 0.29, spec.class_id)
    return four_wheels(spec, front, truck_duals(spec.wheel_radius_m, spec.class_id))


def box_truck(spec: Blueprint, variant: int = 0, *, driven: bool = True) -> Figure:
    """Return a two-axle delivery truck."""
    tail, nose, top = -spec.length_m / 2, spec.length_m / 2, spec.height_m
    cab, inside = lorry_cab(spec, (nose - 1.92, nose), (0.42, 2.56), (1.50, 2.24), variant,
                            axle_m=spec.wheelbase_m / 2, driven=driven)  # fmt: skip
    cargo, floor = (tail, nose - 2.02), 1.05
    visor = _deflector(spec, (nose - 1.90, nose - 0.55), (2.48, top - 0.10))
    body = [
        *_cargo_box(spec, cargo, (floor, top), "cargo"),
        *panels(spec, cargo, (floor, top), variant),
        *_chassis(spec, (tail, nose - 0.6), floor),
        *_tail_frame(spec, tail, floor),
        _side_guard(spec, (-spec.wheelbase_m / 2 + 0.75, spec.wheelbase_m / 2 - 0.75)),
        side_markers(spec, (tail, nose - 2.1), 0.97),
        *cab,
        *([visor] if variant % 2 else []),
    ]
    return Figure(parts=(Part(shape=merge(body), cabin=inside), *_wheels(spec)))


def _deflector(spec: Blueprint, x: Span, z: Span) -> Soup:
    """Return the wind deflector on the cab's roof."""
    half = spec.width_m / 2 - 0.16
    rings = [
        [(at, 0, z[0]), (at, wide, z[0]), (at, wide, low), (at, 0.85 * wide, high), (at, 0, high)]
        for at, wide, low, high in (
            (x[0], half, z[1] - 0.22, z[1]),
            (x[0] + 0.35 * (x[1] - x[0]), 0.98 * half, z[1] - 0.30, z[1] - 0.08),
            (x[0] + 0.8 * (x[1] - x[0]), 0.93 * half, z[0] + 0.10, z[0] + 0.24),
            (x[1], 0.88 * half, z[0] + 0.03, z[0] + 0.06),
        )
    ]
    return symmetric_loft(np.array(rings), skin("paint", spec.class_id))


def tipper(spec: Blueprint, variant: int = 0, *, driven: bool = True) -> Figure:
    """Return a two-axle tipper: an open ribbed body, often with a heap of earth."""
    tail, nose, half = -spec.length_m / 2, spec.length_m / 2, spec.width_m / 2
    cab, inside = lorry_cab(spec, (nose - 1.88, nose), (0.46, spec.height_m - 0.12), (1.66, 2.42),
                            variant, axle_m=spec.wheelbase_m / 2, driven=driven)  # fmt: skip
    kind, low, high = spec.class_id, 1.18, 2.12
    back, front = tail, nose - 2.06
    steel, rib = skin("cargo", kind), skin("cargo", kind)
    wall = span_box((back, half - 0.06, low), (front, half - 0.01, high), steel)
    ribs = [span_box((x, half - 0.03, low), (x + 0.09, half, high), rib)
            for x in np.linspace(back, front - 0.09, 6).tolist()]  # fmt: skip
    lip = span_box((back, half - 0.09, high - 0.07), (front, half, high), rib)
    canopy = span_box((front - 0.1, -half + 0.02, high), (front + 0.55, half - 0.02, high + 0.08),
                      steel)  # fmt: skip
    body = [
        both_sides(merge([wall, *ribs, lip])),
        span_box((back, -half + 0.02, low), (front, half - 0.02, low + 0.12), steel),
        span_box((back, -half + 0.02, low), (back + 0.06, half - 0.02, high - 0.06), steel),
        span_box((front - 0.08, -half + 0.02, low), (front, half - 0.02, spec.height_m), steel),
        *_chassis(spec, (tail, nose - 0.6), low - 0.06),
        *_tail_frame(spec, tail, low - 0.06),
        side_markers(spec, (back, front), low + 0.05),
        *cab,
    ]
    body += [canopy] if variant % 2 else []
    if variant % 3 != 2:
        body.append(_heap((back + 0.1, front - 0.1), half - 0.07, (low + 0.1, high), kind_of=spec))
    return Figure(parts=(Part(shape=merge(body), cabin=inside), *_wheels(spec)))


def _heap(x: Span, half: float, z: Span, kind_of: Blueprint) -> Soup:
    """Return loose material between the walls, heaped along the middle."""
    rings = []
    for share, rise in ((0.0, -0.25), (0.2, 0.02), (0.5, 0.22), (0.8, 0.05), (1.0, -0.2)):
        at, top = x[0] + share * (x[1] - x[0]), z[1] + rise
        rings.append([(at, 0, z[0]), (at, half, z[0]), (at, half, min(top, z[1]) - 0.22),
                      (at, 0.5 * half, top - 0.06), (at, 0, top)])  # fmt: skip
    return symmetric_loft(np.array(rings), skin("load earth", kind_of.class_id))


KINGPIN_M = 3.735
"""x of the kingpin: 12.00 m before the hindmost of the trailer and 1.61 m behind its front, as
Directive 96/53/EC (annex I, 1.6 and 4.4) limits a trailer of 13.6 m: 2.04 m to any point of its
front (2.06 m to our corners, which are not rounded)."""
_DRIVEN_M, _STEERED_M = -0.60, 3.10
"""The tractor's axles from the kingpin, by eye: wheelbase 3.70 m, overhang 1.40 m, and the kingpin
that far ahead of the driven axle, so that the front axle carries its share."""
_BOGIE_M = (-3.95, -5.26, -6.57)
"""x of the trailer's axles."""


def articulated(spec: Blueprint, variant: int = 0, *, driven: bool = True) -> Figure:
    """Return a tractor with semi-trailer.

    The body frame is the trailer's. The tractor's heading against it is atan(curvature x distance
    from kingpin to bogie), but for the little that the driven axle lies behind the kingpin; the
    recording's steering angle is atan(curvature x wheelbase), so the tractor turns by the ratio.
    """
    tail, nose, top = -spec.length_m / 2, spec.length_m / 2, spec.height_m
    gain = (KINGPIN_M - _BOGIE_M[1]) / spec.wheelbase_m
    trailer = Part(shape=merge(_trailer(spec, (tail, tail + 13.6), top, variant)))
    shape, inside = _tractor(spec, nose, top, variant, driven=driven)
    pivot = (KINGPIN_M, 0.0, 0.0)
    tractor = moved(shape, by_m=(-KINGPIN_M, 0, 0))
    joint = Joint(pivot_m=pivot, steer=gain)
    parts = [trailer, Part(shape=tractor, joint=joint, cabin=_shifted(inside))]
    radius, half = spec.wheel_radius_m, spec.track_m / 2
    steered = pair(truck_wheel(radius, 0.31, spec.class_id))
    duals = pair(truck_duals(radius, spec.class_id))
    for x, wheels, parent, steer in (
        (_STEERED_M, steered, 1, 0.35), (_DRIVEN_M, duals, 1, 0.0),
        *((at, steered, -1, 0.0) for at in _BOGIE_M),
    ):  # fmt: skip
        for wheel, side in zip(wheels, (1, -1), strict=True):
            joint = Joint(pivot_m=(x, side * half, radius), parent=parent, spin=1.0, steer=steer)
            parts.append(Part(shape=wheel, joint=joint))
    return Figure(parts=tuple(parts))


def _shifted(inside: Cabin) -> Cabin:
    """Return a cabin in the tractor's own frame."""
    by = np.array([KINGPIN_M, 0.0, 0.0])

    def back(corner: Vec3) -> Vec3:
        return corner[0] - KINGPIN_M, corner[1], corner[2]

    return Cabin(
        low_m=back(inside.low_m), high_m=back(inside.high_m), belt_m=inside.belt_m,
        boxes_m=(inside.boxes_m - by).astype(np.float32), colours=inside.colours,
    )  # fmt: skip


def _trailer(spec: Blueprint, x: Span, top: float, variant: int) -> list[Soup]:
    """Return a box or curtain-sided semi-trailer."""
    kind, floor, half = spec.class_id, 1.18, spec.width_m / 2
    dark = skin("underbody", kind)
    curtain = variant % 2 == 0
    made = _cargo_box(spec, x, (floor, top), "tarpaulin" if curtain else "cargo")
    if curtain:
        made += [
            both_sides(span_box((at, half - 0.03, floor + 0.02), (at + 0.035, half - 0.004,
                                                                 top - 0.09), skin("alloy", kind)))
            for at in np.linspace(x[0] + 0.9, x[1] - 0.9, 9).tolist()
        ]  # fmt: skip
    made += panels(spec, x, (floor, top), variant + 1)
    made += [
        both_sides(span_box((x[0] + 0.2, 0.40, floor - 0.32), (x[1] - 0.6, 0.52, floor), dark)),
        both_sides(
            span_box((x[0] + 0.3, half - 0.45, 0.98), (x[0] + 4.9, half - 0.05, 1.03), dark)
        ),
        both_sides(span_box((1.55, 0.75, 0.35), (1.72, 0.9, floor), skin("plastic grey", kind))),
        *_tail_frame(spec, x[0], floor),
        _side_guard(spec, (_BOGIE_M[0] + 0.75, 1.4)),
        side_markers(spec, x, floor - 0.09),
    ]
    return made


def _tractor(
    spec: Blueprint, nose: float, top: float, variant: int, *, driven: bool
) -> tuple[Soup, Cabin]:
    """Return the tractor with a high cab, in the frame of the whole."""
    kind, half = spec.class_id, spec.width_m / 2
    cab, inside = lorry_cab(spec, (nose - 2.25, nose), (0.40, top - 0.62), (1.92, 2.76), variant,
                            axle_m=KINGPIN_M + _STEERED_M, driven=driven)  # fmt: skip
    rear = KINGPIN_M + _DRIVEN_M
    guard = span_box((rear - 0.62, half - 0.62, 1.08), (rear + 0.62, half - 0.02, 1.14),
                     skin("trim", kind))  # fmt: skip
    skirt = span_box((rear + 0.75, half - 0.20, 0.38), (nose - 2.05, half - 0.03, 1.05),
                     skin("paint", kind))  # fmt: skip
    body = [
        *cab,
        _deflector(spec, (nose - 2.22, nose - 0.70), (top - 0.72, top - 0.10)),
        both_sides(merge([guard, skirt])),
        both_sides(span_box((rear - 0.75, 0.36, 0.72), (nose - 0.5, 0.46, 0.98),
                            skin("underbody", kind))),
        tube([(nose - 2.30, -0.95, 1.0), (nose - 2.30, -0.95, 2.6)], [0.08, 0.08],
             skin("alloy", kind), 8),
        sphere((KINGPIN_M, 0, 1.10), (0.45, 0.45, 0.07), skin("trim", kind), 10),
    ]  # fmt: skip
    return merge(body), inside
