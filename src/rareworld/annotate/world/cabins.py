"""What is seen through the glass of vehicles: seats, dashboard, steering wheel, people, as boxes.

A `model.Cabin` is a shell with boxes in it; the renderers trace it behind glass only, so it costs
no triangles and never shows in labels. Sizes follow SAE J826's seated adult: hip to crown 0.85 m.
"""

from dataclasses import dataclass, field
from typing import final

import numpy as np

from rareworld.annotate.world.body import CarBody
from rareworld.annotate.world.mesh import Vec3
from rareworld.annotate.world.model import Cabin

Span = tuple[float, float]
Colour = tuple[float, float, float]

_SEATS: tuple[Colour, ...] = (
    (0.030, 0.030, 0.032), (0.075, 0.072, 0.070), (0.150, 0.115, 0.080), (0.045, 0.048, 0.060),
)  # fmt: skip
_CLOTHES: tuple[Colour, ...] = (
    (0.045, 0.055, 0.095), (0.32, 0.31, 0.29), (0.022, 0.022, 0.025), (0.20, 0.045, 0.040),
    (0.11, 0.15, 0.11), (0.47, 0.46, 0.44), (0.13, 0.14, 0.16),
)  # fmt: skip
_SKINS: tuple[Colour, ...] = ((0.50, 0.30, 0.21), (0.34, 0.19, 0.115), (0.13, 0.066, 0.040))
_HAIR: tuple[Colour, ...] = ((0.014, 0.012, 0.010), (0.075, 0.040, 0.020), (0.28, 0.26, 0.24))
_DASH: Colour = (0.022, 0.022, 0.024)
_WHEEL: Colour = (0.012, 0.012, 0.013)
_HEAD_WIDE = 0.155
TRIM_M = 0.05
"""Thickness of roof lining and doors."""


@final
@dataclass
class Fill:
    """Boxes of one cabin as they are added."""

    low: list[Vec3] = field(default_factory=list[Vec3])
    high: list[Vec3] = field(default_factory=list[Vec3])
    colour: list[Colour] = field(default_factory=list[Colour])

    def add(self, x: Span, y: Span, z: Span, colour: Colour) -> None:
        """Add a box between two corners."""
        self.low.append((min(x), min(y), min(z)))
        self.high.append((max(x), max(y), max(z)))
        self.colour.append(colour)

    def seat(self, x_m: float, y: Span, floor_m: float, colour: Colour, *, rests: int = 1) -> None:
        """Add a seat whose back stands at x, with headrests."""
        self.add((x_m, x_m + 0.50), y, (floor_m + 0.14, floor_m + 0.30), colour)
        self.add((x_m - 0.10, x_m + 0.04), y, (floor_m + 0.20, floor_m + 0.82), colour)
        share = (y[1] - y[0]) / rests
        for k in range(rests):
            middle = y[0] + (k + 0.5) * share
            self.add((x_m - 0.09, x_m), (middle - 0.12, middle + 0.12),
                     (floor_m + 0.84, floor_m + 1.00), colour)  # fmt: skip

    def person(self, x_m: float, y_m: float, floor_m: float, number: int) -> None:
        """Add a seated person in front of a seat's back."""
        cloth = _CLOTHES[number % len(_CLOTHES)]
        face, hair = _SKINS[number // 2 % len(_SKINS)], _HAIR[number // 3 % len(_HAIR)]
        hip = floor_m + 0.30
        self.add((x_m + 0.04, x_m + 0.48), (y_m - 0.18, y_m + 0.18), (hip, hip + 0.13),
                 (0.03, 0.035, 0.05))  # fmt: skip
        self.add((x_m + 0.03, x_m + 0.25), (y_m - 0.215, y_m + 0.215), (hip, hip + 0.52), cloth)
        self.add((x_m + 0.08, x_m + 0.17), (y_m - 0.06, y_m + 0.06), (hip + 0.52, hip + 0.60),
                 face)  # fmt: skip
        wide = _HEAD_WIDE / 2
        self.add((x_m + 0.05, x_m + 0.24), (y_m - wide, y_m + wide), (hip + 0.58, hip + 0.76), face)
        self.add((x_m + 0.03, x_m + 0.22), (y_m - wide - 0.005, y_m + wide + 0.005),
                 (hip + 0.74, hip + 0.81), hair)  # fmt: skip

    def arms(self, x_m: float, wheel_x_m: float, y_m: float, floor_m: float, number: int) -> None:
        """Add a driver's arms to the steering wheel, and the wheel."""
        cloth = _CLOTHES[number % len(_CLOTHES)]
        z = floor_m + 0.62
        for side in (1, -1):
            y = y_m + side * 0.19
            self.add((x_m + 0.2, wheel_x_m - 0.03), (y - 0.045, y + 0.045), (z - 0.05, z + 0.05),
                     cloth)  # fmt: skip

    def wheel(self, x_m: float, y_m: float, floor_m: float) -> None:
        """Add a steering wheel."""
        z = floor_m + 0.62
        self.add((x_m - 0.03, x_m), (y_m - 0.19, y_m + 0.19), (z + 0.09, z + 0.13), _WHEEL)
        self.add((x_m - 0.03, x_m + 0.10), (y_m - 0.05, y_m + 0.05), (z - 0.06, z + 0.13), _WHEEL)

    def cabin(self, low_m: Vec3, high_m: Vec3, belt_m: float) -> Cabin:
        """Return the cabin; boxes are cut to its shell."""
        inner, outer = np.array(low_m), np.array(high_m)
        both = np.stack([np.array(self.low), np.array(self.high)], axis=1)
        return Cabin(
            low_m=low_m, high_m=high_m, belt_m=belt_m,
            boxes_m=np.clip(both, inner, outer).astype(np.float32),
            colours=np.array(self.colour, dtype=np.float32),
        )  # fmt: skip


def front_row(
    fill: Fill, cowl_m: float, half_m: float, floor_m: float, number: int, *, driven: bool
) -> None:
    """Add dashboard, front seats and, if driven, who sits there; the driver sits on the left."""
    seats = _SEATS[number % len(_SEATS)]
    back, side = cowl_m - 1.18, 0.47 * half_m
    dash_top = floor_m + 0.70
    fill.add((cowl_m - 0.48, cowl_m + 0.05), (-half_m, half_m), (floor_m, dash_top), _DASH)
    fill.wheel(cowl_m - 0.52, side, floor_m)
    for y in (side, -side):
        fill.seat(back, (y - 0.24, y + 0.24), floor_m, seats)
    fill.add((back, cowl_m - 0.48), (-0.08, 0.08), (floor_m, floor_m + 0.32), _DASH)
    if driven:
        fill.person(back, side, floor_m, 3 * number + 1)
        fill.arms(back, cowl_m - 0.52, side, floor_m, 3 * number + 1)
        if number % 5 in (1, 3):
            fill.person(back, -side, floor_m, 5 * number + 2)


def car_cabin(body: CarBody, variant: int, *, driven: bool) -> Cabin:
    """Return the inside of a car, van, pick-up or minibus."""
    spec, profile = body.spec, body.profile
    cowl, tail = body.x(profile.windscreen[0]), body.x(min(profile.roof[-1][0], 0.985))
    half, roof = 0.84 * body.half_m, body.height_m - TRIM_M
    belt = float(body.deck_m(np.array([0.5]))[0])
    floor = max(profile.sill * body.height_m + 0.06, belt - 0.66)
    fill = Fill()
    front_row(fill, cowl, half, floor, variant, driven=driven)
    seats = _SEATS[variant % len(_SEATS)]
    wall = cowl - 1.62
    if not profile.glass:
        fill.add((wall - 0.05, wall), (-half, half), (floor, roof), (0.20, 0.20, 0.20))
    rows = _rows(spec.name, cowl, tail) if profile.glass else ()
    for index, back in enumerate(rows):
        fill.seat(back, (-0.82 * half, 0.82 * half), floor, seats, rests=3)
        if driven and (variant + 2 * index) % 5 == 0:
            fill.person(back, -0.45 * half, floor, variant + index)
    if profile.glass and rows and rows[-1] - 0.35 > tail:
        fill.add((tail, rows[-1] - 0.12), (-half, half), (floor, belt - 0.02), _DASH)
    return fill.cabin((tail, -half, floor - 0.05), (cowl + 0.05, half, roof), belt)


def _rows(name: str, cowl_m: float, tail_m: float) -> tuple[float, ...]:
    """Return x of the backs of the rear rows that fit."""
    pitch = 0.85
    most = {"minibus": 4, "mpv": 2, "pickup": 1}.get(name, 1)
    backs = (cowl_m - 1.18 - pitch * (k + 1) for k in range(most))
    return tuple(back for back in backs if back > tail_m + 0.10)


def cab_cabin(
    x: Span, half_m: float, z: Span, belt_m: float, number: int, *, driven: bool
) -> Cabin:
    """Return the inside of a lorry's cab that looks towards +x."""
    fill, floor = Fill(), belt_m - 0.50
    nose = x[1]
    fill.add((nose - 0.42, nose), (-half_m, half_m), (z[0], floor + 0.52), _DASH)
    side = 0.58 * half_m
    for y in (side, -side):
        fill.seat(nose - 1.30, (y - 0.26, y + 0.26), floor, _SEATS[number % len(_SEATS)])
    fill.wheel(nose - 0.52, side, floor)
    if driven:
        fill.person(nose - 1.30, side, floor, 4 * number + 2)
        fill.arms(nose - 1.30, nose - 0.52, side, floor, 4 * number + 2)
    fill.add((x[0], x[0] + 0.05), (-half_m, half_m), z, (0.07, 0.07, 0.075))
    return fill.cabin((x[0], -half_m, z[0]), (x[1], half_m, z[1]), belt_m)


def bus_cabin(
    x: Span, half_m: float, z: Span, belt_m: float, number: int, *, driven: bool
) -> Cabin:
    """Return the inside of a city bus: driver's place and rows of seats, some taken."""
    fill, floor = Fill(), z[0] + 0.25
    nose = x[1]
    fill.add((nose - 0.45, nose), (-half_m, half_m), (z[0], belt_m - 0.1), _DASH)
    fill.add((nose - 1.75, nose - 1.70), (0.1, half_m), (z[0], belt_m + 0.5), (0.10, 0.10, 0.11))
    fill.seat(nose - 1.45, (0.42, 0.92), floor + 0.25, _SEATS[0])
    if driven:
        fill.person(nose - 1.45, 0.67, floor + 0.25, number + 2)
    rows = np.arange(nose - 3.0, x[0] + 0.6, -0.82).tolist()
    for index, back in enumerate(rows):
        for side in (1, -1):
            door = side < 0 and abs(back + 0.3) < 1.1
            if not door:
                y = side * (half_m - 0.46)
                fill.seat(back, (y - 0.43, y + 0.43), floor, (0.035, 0.060, 0.17), rests=2)
            if driven and (3 * index + 5 * side + number) % 7 < 3:
                y = side * (half_m - (0.28 if index % 2 else 0.66))
                fill.person(back, y, floor + (0.30 if door else 0.0), index + number + side)
    for back in rows[::3]:
        fill.add((back - 0.02, back + 0.02), (-0.42, -0.38), (floor, z[1]), (0.55, 0.42, 0.05))
    return fill.cabin((x[0], -half_m, z[0]), (x[1], half_m, z[1]), belt_m)
