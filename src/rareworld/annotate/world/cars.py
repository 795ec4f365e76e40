"""Cars, vans and pickups: a lofted body per profile table, with glass, lamps and trim draped on.

A body is a loft through vertical cross sections. Side profiles are tables over u, the fraction of
the length from nose (0) to tail (1), with heights in fractions of the body's height: `deck` is the
bonnet, belt and boot line, `roof` the top line. Wheel arches are arcs cut into the lower edge.
Everything visible on the skin is a patch pressed onto it (`mesh.drape`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import (
    Skin,
    Soup,
    both_sides,
    box,
    drape,
    merge,
    sphere,
    symmetric_loft,
)
from rareworld.annotate.world.parts import Figure, Joint, Part
from rareworld.annotate.world.wheels import car_wheel, pair
from rareworld.core.blueprint import Blueprint

Table = tuple[tuple[float, float], ...]
"""(u, value) pairs."""
Pane = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
"""Corners of a side window as (u, fraction of the height between belt and roof)."""


@final
@dataclass(frozen=True, kw_only=True)
class Profile:
    """Shape of one car family."""

    deck: Table
    roof: Table
    """Where it is above the deck there is a cabin."""
    windscreen: tuple[float, float]
    """u of its lower and upper edge."""
    rear_window: tuple[float, float]
    """u of its upper and lower edge; equal for an upright one, draped from behind."""
    panes: tuple[Pane, ...]
    doors: tuple[float, ...]
    """u of the gaps between doors."""
    tuck: float = 0.235
    """How far the roof edge leans in, fraction of half the width."""
    sill: float = 0.17
    """Height of the lower edge, fraction of the height."""
    lamp_z: tuple[float, float] = (0.44, 0.53)
    tail_z: tuple[float, float] = (0.50, 0.62)
    body_height: float = 1.0
    """Fraction of the blueprint's height that is body (a taxi carries a sign)."""


_SALOON_DECK: Table = ((0, 0.43), (0.015, 0.50), (0.06, 0.56), (0.15, 0.61), (0.27, 0.655),
                       (0.5, 0.665), (0.8, 0.69), (0.87, 0.71), (0.97, 0.70),
        (1, 0.60))  # fmt: skip
_HATCH_DECK: Table = ((0, 0.42), (0.015, 0.50), (0.06, 0.565), (0.14, 0.62), (0.23, 0.655),
                      (0.5, 0.665), (0.85, 0.70), (0.96, 0.68), (0.985, 0.62),
        (1, 0.5))  # fmt: skip
_SUV_DECK: Table = ((0, 0.46), (0.012, 0.55), (0.05, 0.605), (0.14, 0.64), (0.24, 0.665),
                    (0.5, 0.675), (0.85, 0.70), (0.965, 0.68), (0.985, 0.62),
        (1, 0.52))  # fmt: skip
_SALOON = Profile(
    deck=_SALOON_DECK,
    roof=((0, 0), (0.27, 0.655), (0.36, 0.845), (0.44, 0.965), (0.52, 0.998), (0.58, 1.0),
          (0.66, 0.98),
          (0.73, 0.925), (0.80, 0.825), (0.875, 0.71), (1, 0)),
    windscreen=(0.285, 0.43),
    rear_window=(0.735, 0.86),
    panes=(((0.335, 0.10), (0.425, 0.82), (0.535, 0.82), (0.535, 0.10)),
           ((0.555, 0.10), (0.555, 0.82), (0.685, 0.80), (0.715, 0.10)),
           ((0.73, 0.12), (0.705, 0.74), (0.735, 0.66), (0.785, 0.12))),
    doors=(0.315, 0.545, 0.725),
)  # fmt: skip
_HATCHBACK = Profile(
    deck=_HATCH_DECK,
    roof=((0, 0), (0.23, 0.655), (0.33, 0.85), (0.41, 0.96), (0.5, 0.998), (0.57, 1.0),
          (0.75, 0.985),
          (0.88, 0.945), (0.90, 0.93), (0.965, 0.76), (0.985, 0.64), (1, 0)),
    windscreen=(0.245, 0.40),
    rear_window=(0.905, 0.96),
    panes=(((0.30, 0.10), (0.395, 0.82), (0.545, 0.83), (0.545, 0.10)),
           ((0.565, 0.10), (0.565, 0.83), (0.735, 0.82), (0.755, 0.10)),
           ((0.775, 0.14), (0.755, 0.80), (0.845, 0.78), (0.875, 0.20))),
    doors=(0.285, 0.555, 0.765),
)  # fmt: skip
_ESTATE = Profile(
    deck=_HATCH_DECK,
    roof=((0, 0), (0.25, 0.655), (0.345, 0.85), (0.42, 0.965), (0.5, 0.998), (0.57, 1.0),
          (0.78, 0.99),
          (0.91, 0.955), (0.925, 0.94), (0.975, 0.75), (0.985, 0.64), (1, 0)),
    windscreen=(0.265, 0.41),
    rear_window=(0.93, 0.97),
    panes=(((0.315, 0.10), (0.41, 0.82), (0.525, 0.83), (0.525, 0.10)),
           ((0.545, 0.10), (0.545, 0.83), (0.685, 0.83), (0.705, 0.10)),
           ((0.725, 0.12), (0.71, 0.82), (0.885, 0.79), (0.91, 0.16))),
    doors=(0.295, 0.535, 0.715),
)  # fmt: skip
_SUV = Profile(
    deck=_SUV_DECK,
    roof=((0, 0), (0.24, 0.665), (0.325, 0.85), (0.40, 0.965), (0.48, 0.998), (0.55, 1.0),
          (0.77, 0.99),
          (0.91, 0.96), (0.925, 0.945), (0.975, 0.76), (0.985, 0.64), (1, 0)),
    windscreen=(0.255, 0.39),
    rear_window=(0.93, 0.97),
    panes=(((0.30, 0.10), (0.385, 0.82), (0.525, 0.83), (0.525, 0.10)),
           ((0.545, 0.10), (0.545, 0.83), (0.715, 0.83), (0.735, 0.10)),
           ((0.755, 0.14), (0.74, 0.82), (0.875, 0.79), (0.90, 0.18))),
    doors=(0.285, 0.535, 0.745),
    sill=0.20,
    lamp_z=(0.49, 0.575),
    tail_z=(0.50, 0.64),
)  # fmt: skip
_PICKUP = Profile(
    deck=((0, 0.50), (0.01, 0.575), (0.05, 0.61), (0.14, 0.63), (0.25, 0.645), (0.62, 0.655),
          (0.64, 0.655), (0.98, 0.66), (1, 0.60)),
    roof=((0, 0), (0.245, 0.645), (0.31, 0.82), (0.37, 0.965), (0.43, 0.998), (0.49, 1.0),
          (0.58, 0.98),
          (0.605, 0.95), (0.63, 0.68), (0.635, 0.62), (1, 0)),
    windscreen=(0.26, 0.36),
    rear_window=(0.608, 0.625),
    panes=(((0.295, 0.10), (0.36, 0.80), (0.455, 0.83), (0.455, 0.10)),
           ((0.47, 0.10), (0.47, 0.83), (0.575, 0.81), (0.59, 0.10))),
    doors=(0.28, 0.4625, 0.602),
    sill=0.22,
    lamp_z=(0.49, 0.58),
    tail_z=(0.44, 0.60),
)  # fmt: skip
_VAN = Profile(
    deck=((0, 0.34), (0.01, 0.40), (0.04, 0.445), (0.10, 0.475), (0.16, 0.50), (0.5, 0.51),
          (0.97, 0.51), (1, 0.5)),
    roof=((0, 0), (0.135, 0.49), (0.19, 0.67), (0.255, 0.90), (0.30, 0.97), (0.36, 0.995),
          (0.42, 1.0),
          (0.9, 0.995), (0.975, 0.975), (0.992, 0.94), (1, 0.90)),
    windscreen=(0.15, 0.25),
    rear_window=(1.0, 1.0),
    panes=(((0.185, 0.06), (0.245, 0.66), (0.365, 0.70), (0.365, 0.06)),),
    doors=(0.17, 0.385, 0.62),
    tuck=0.14,
    sill=0.125,
    lamp_z=(0.325, 0.415),
    tail_z=(0.33, 0.52),
)  # fmt: skip
PROFILES: dict[str, Profile] = {
    "hatchback": _HATCHBACK,
    "saloon": _SALOON,
    "estate": _ESTATE,
    "suv": _SUV,
    "pickup": _PICKUP,
    "taxi": Profile(
        deck=_SALOON.deck,
        roof=_SALOON.roof,
        windscreen=_SALOON.windscreen,
        rear_window=_SALOON.rear_window,
        panes=_SALOON.panes,
        doors=_SALOON.doors,
        body_height=1.44 / 1.55,
    ),
    "van": _VAN,
}
"""Shapes by blueprint name."""

_PLAN: Table = ((0, 0.74), (0.008, 0.83), (0.025, 0.90), (0.06, 0.96), (0.13, 1.0), (0.88, 1.0),
                (0.95, 0.97), (0.985, 0.91), (1, 0.80))  # fmt: skip
_ARCH_GAP_M = 0.055


def _smooth(table: Table, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
    """Return a monotone cubic through a table."""
    x, y = np.array(table).T
    return np.asarray(PchipInterpolator(x, y)(u))


@final
class CarBody:
    """The loft of one car and the helpers that place patches on it."""

    def __init__(self, spec: Blueprint, profile: Profile) -> None:
        self.spec, self.profile = spec, profile
        self.height_m = spec.height_m * profile.body_height
        self.paint = skin("paint", spec.class_id)
        self.shape = symmetric_loft(self._sections(self._stations()), self.paint)

    def skin(self, name: str) -> Skin:
        """Return a material on this vehicle's class."""
        return skin(name, self.spec.class_id)

    def x(self, u: float) -> float:
        """Return x of a fraction of the length from the nose."""
        return (0.5 - u) * self.spec.length_m

    def deck_m(self, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
        """Return the height of bonnet, belt line and boot."""
        return _smooth(self.profile.deck, u) * self.height_m

    def cabin_m(self, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
        """Return how far the roof stands above the deck, at least its crown."""
        roof = np.interp(u, *np.array(self.profile.roof).T) * self.height_m
        return np.maximum(roof - self.deck_m(u), 0.022)

    def _stations(self) -> Float[np.ndarray, "s"]:
        """Return u of all cross sections, dense at the arches and where tables bend."""
        length, reach = self.spec.length_m, self.spec.wheel_radius_m + _ARCH_GAP_M
        arch = np.concatenate([np.cos(np.linspace(0, np.pi, 11)), [1.02, -1.02]]) * reach
        axle = np.array([1, -1])[:, None] * self.spec.wheelbase_m / 2
        tables = [u for table in (self.profile.deck, self.profile.roof, _PLAN) for u, _ in table]
        all_u = np.concatenate([0.5 - (axle + arch).ravel() / length, tables])
        inside = np.unique(np.round(np.clip(all_u, 0, 1), 5))
        return inside[np.concatenate([[True], np.diff(inside) > 0.0008])]

    def lower_m(self, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
        """Return the height of the body's lower edge, arches cut out."""
        radius = self.spec.wheel_radius_m
        reach = radius + _ARCH_GAP_M
        sill = self.profile.sill * self.height_m
        sill = sill + np.interp(u, [0, 0.03, 0.1, 0.9, 0.97, 1], [0.10, 0.02, 0, 0, 0.05, 0.13])
        x = (0.5 - u) * self.spec.length_m
        away = np.minimum(
            np.abs(x - self.spec.wheelbase_m / 2), np.abs(x + self.spec.wheelbase_m / 2)
        )
        arch = radius + np.sqrt(np.maximum(reach**2 - away**2, 0))
        return np.where(away <= reach * 1.001, np.maximum(arch, sill), sill)

    def _sections(self, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s p 3"]:
        """Return the half sections, underside to roof."""
        low, deck, cabin = self.lower_m(u), self.deck_m(u), self.cabin_m(u)
        half = np.interp(u, *np.array(_PLAN).T) * self.spec.width_m / 2
        rise = deck - low
        full = float(cabin.max())
        tuck = self.profile.tuck * np.clip(cabin / full, 0, 1)
        edge = 0.925 - tuck
        lower = [0.0 * u + share for share in (0.0, 0.80, 0.955, 0.985, 1.0, 0.985, 0.925)]
        y = [*lower, 0.925 - 0.48 * tuck, edge, 0.90 * edge, 0.5 * edge, 0.0 * u]
        z = [low, low, low, low + 0.22 * rise, low + 0.58 * rise, low + 0.84 * rise, deck,
             deck + 0.5 * cabin, deck + 0.88 * cabin, deck + 0.955 * cabin, deck + 0.99 * cabin,
             deck + cabin]  # fmt: skip
        x = np.broadcast_to((0.5 - u) * self.spec.length_m, (len(y), len(u)))
        return np.stack([x, np.stack(y) * half, np.stack(z)], axis=-1).swapaxes(0, 1)

    def front(
        self,
        y: tuple[float, float],
        z: tuple[float, float],
        name: str,
        side: int = 1,
        cells: tuple[int, int] = (3, 2),
        lift_m: float = 0.008,
    ) -> Soup:
        """Return a patch on nose (side 1) or tail (-1); y in half widths, z in heights."""
        half, h = self.spec.width_m / 2, self.height_m
        quad = [(y[0] * half, z[0] * h), (y[1] * half, z[0] * h), (y[1] * half, z[1] * h),
                (y[0] * half, z[1] * h)]  # fmt: skip
        return drape(self.shape, 0, side, quad, self.skin(name), cells=cells, lift_m=lift_m)

    def pane(
        self, corners: Sequence[tuple[float, float]], name: str, cells: tuple[int, int]
    ) -> Soup:
        """Return a patch on the left side; corners as (u, fraction of the cabin's height)."""
        quad = []
        for u, f in corners:
            at = np.array([u])
            quad.append((self.x(u), float((self.deck_m(at) + f * self.cabin_m(at))[0])))
        return drape(self.shape, 1, 1, quad, self.skin(name), cells=cells)

    def flank(
        self, u: tuple[float, float], z: tuple[float, float], name: str, cells: tuple[int, int]
    ) -> Soup:
        """Return an upright patch on the left side; z in heights."""
        h = self.height_m
        quad = [(self.x(u[0]), z[0] * h), (self.x(u[1]), z[0] * h), (self.x(u[1]), z[1] * h),
                (self.x(u[0]), z[1] * h)]  # fmt: skip
        return drape(self.shape, 1, 1, quad, self.skin(name), cells=cells)

    def screen(self, u: tuple[float, float], name: str = "car glass") -> Soup:
        """Return glass seen from above between two u, as wide as the cabin there."""
        half = self.spec.width_m / 2
        at = np.array(u)
        cabin = self.cabin_m(at) / float(self.cabin_m(np.linspace(0, 1, 101)).max())
        wide = (0.925 - self.profile.tuck * np.clip(cabin, 0, 1)) * half * 0.90
        quad = [(self.x(u[0]), -wide[0]), (self.x(u[0]), wide[0]), (self.x(u[1]), wide[1]),
                (self.x(u[1]), -wide[1])]  # fmt: skip
        return drape(self.shape, 2, 1, quad, self.skin(name), cells=(6, 5))


def _lamps(body: CarBody) -> list[Soup]:
    """Return head, tail, brake, reverse lamps and indicators."""
    (low, high), (tail_low, tail_high) = body.profile.lamp_z, body.profile.tail_z
    mid = tail_low + 0.55 * (tail_high - tail_low)
    twins = [
        body.front((0.47, 0.73), (low, high), "head lamp"),
        body.front((0.53, 0.785), (mid, tail_high), "tail lamp", -1),
        body.front((0.53, 0.665), (tail_low, mid), "brake lamp", -1),
        body.front((0.44, 0.525), (tail_low, mid), "reverse lamp", -1, (1, 1)),
    ]
    left = [
        body.front((0.735, 0.84), (low, high), "left blinker", 1, (3, 2)),
        body.front((0.67, 0.785), (tail_low, mid), "left blinker", -1, (1, 2)),
    ]
    right = [
        body.front((-0.84, -0.735), (low, high), "right blinker", 1, (3, 2)),
        body.front((-0.785, -0.67), (tail_low, mid), "right blinker", -1, (1, 2)),
    ]
    return [both_sides(twin) for twin in twins] + left + right


def _gap(body: CarBody, u: float) -> Soup:
    """Return the dark line between two doors, from above the sill or arch to the belt."""
    near = u + np.linspace(-0.012, 0.012, 9)
    low = float(body.lower_m(near).max()) / body.height_m + 0.02
    belt = float(body.deck_m(np.array([u]))[0]) / body.height_m - 0.01
    return body.flank((u - 0.0012, u + 0.0012), (low, belt), "trim", (1, 5))


def _trim(body: CarBody) -> list[Soup]:
    """Return grille, bumper inserts, plates, door gaps, handles and sill strips."""
    low, high = body.profile.lamp_z
    tail_low = body.profile.tail_z[0]
    sill = body.profile.sill
    gaps = [_gap(body, u) for u in body.profile.doors]
    handles = [
        body.flank((u - 0.045, u - 0.015), (low + 0.06, low + 0.08), "trim", (1, 1))
        for u in body.profile.doors[1:]
    ]
    return [
        body.front((-0.46, 0.46), (low - 0.015, high - 0.02), "trim", 1, (6, 2)),
        body.front((-0.66, 0.66), (sill + 0.105, sill + 0.165), "trim", 1, (6, 1)),
        body.front((-0.28, 0.28), (low - 0.09, low - 0.03), "plate", 1, (2, 1), 0.016),
        body.front((-0.62, 0.62), (sill + 0.13, sill + 0.18), "trim", -1, (6, 1)),
        body.front((-0.28, 0.28), (tail_low - 0.08, tail_low - 0.02), "plate", -1, (2, 1), 0.016),
        *(both_sides(gap) for gap in gaps + handles),
    ]


def _glass(body: CarBody) -> list[Soup]:
    """Return windscreen, rear window and side windows."""
    top, bottom = body.profile.rear_window
    made = [body.screen(body.profile.windscreen)]
    if top < bottom:
        made.append(body.screen((top, bottom)))
    else:
        made.append(both_sides(body.front((0.05, 0.56), (0.58, 0.84), "car glass", -1)))
    panes = [body.pane(pane, "car glass", (4, 4)) for pane in body.profile.panes]
    return made + [both_sides(pane) for pane in panes]


def _mirrors(body: CarBody) -> Soup:
    """Return the two wing mirrors, which stand out past the blueprint's width."""
    u = body.profile.panes[0][0][0] + 0.015
    z = float(body.deck_m(np.array([u]))[0]) + 0.05
    y = body.spec.width_m / 2
    shell = sphere((body.x(u), y + 0.005, z + 0.02), (0.07, 0.105, 0.075), body.paint, 8)
    arm = box((0.04, 0.14, 0.03), (body.x(u), y - 0.08, z - 0.02), body.skin("trim"))
    glass = box((0.012, 0.15, 0.095), (body.x(u) - 0.058, y + 0.005, z + 0.02), body.skin("chrome"))
    return both_sides(merge([shell, arm, glass]))


def _extras(body: CarBody) -> list[Soup]:
    """Return what only one family has: roof sign, cargo bed, roof rails."""
    spec, h = body.spec, body.height_m
    if spec.name == "taxi":
        rise = spec.height_m - h
        return [
            box((0.16, 0.42, rise + 0.02), (0.1, 0, h + rise / 2 - 0.01), body.skin("taxi sign"))
        ]
    if spec.name == "pickup":
        quad = [
            (body.x(0.66), -0.72),
            (body.x(0.66), 0.72),
            (body.x(0.975), 0.72),
            (body.x(0.975), -0.72),
        ]
        return [drape(body.shape, 2, 1, quad, body.skin("trim"), cells=(2, 2))]
    if spec.name in ("estate", "suv"):
        y = 0.60 * spec.width_m / 2
        rail = box(
            (0.36 * spec.length_m, 0.035, 0.035), (body.x(0.64), y, 0.985 * h), body.skin("trim")
        )
        return [both_sides(rail)]
    return []


def body_of(spec: Blueprint) -> Soup:
    """Return everything of a car but its wheels; mirrors come last."""
    body = CarBody(spec, PROFILES[spec.name])
    floor = box(
        (0.9 * spec.length_m, 0.55 * spec.width_m, 0.12),
        (0, 0, body.profile.sill * body.height_m + 0.05),
        body.skin("underbody"),
    )
    parts = [body.shape, floor, *_glass(body), *_lamps(body), *_trim(body), *_extras(body)]
    return merge([*parts, _mirrors(body)])


def four_wheels(spec: Blueprint, left: Soup, rear_left: Soup | None = None) -> list[Part]:
    """Return the wheels of a two-axle vehicle on their joints, front left first."""
    parts: list[Part] = []
    for x, steer, wheel in (
        (spec.wheelbase_m / 2, 1.0, left),
        (-spec.wheelbase_m / 2, 0.0, rear_left or left),
    ):
        for shape, side in zip(pair(wheel), (1, -1), strict=True):
            pivot = (x, side * spec.track_m / 2, spec.wheel_radius_m)
            parts.append(Part(shape=shape, joint=Joint(pivot_m=pivot, spin=1.0, steer=steer)))
    return parts


def car(spec: Blueprint) -> Figure:
    """Return a car, van or pickup with four wheels."""
    wheel = car_wheel(spec.wheel_radius_m, 0.205, spec.class_id)
    return Figure(parts=(Part(shape=body_of(spec)), *four_wheels(spec, wheel)))
