"""Cars, vans and pick-ups: a shell from `body`, with glass, lamps, trim and fittings pressed on it.

What a number of a look decides (profile, rims, chrome, paint, load on the roof) is told by
`look_of`; liveries and loads have files of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import final

import numpy as np

from rareworld.annotate.world.body import CarBody, Pane, Profile
from rareworld.annotate.world.cabins import car_cabin
from rareworld.annotate.world.liveries import LIVERIES
from rareworld.annotate.world.loads import load_of
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import (
    Soup,
    both_sides,
    box,
    loft,
    merge,
    mirrored,
    sphere,
    tube,
)
from rareworld.annotate.world.parts import Figure, Joint, Part
from rareworld.annotate.world.pressed import Corner, Quad, band, within
from rareworld.annotate.world.profiles import PROFILES
from rareworld.annotate.world.wheels import RIMS, STEEL_RIM, Rim, car_wheel, pair
from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import FloatArray

_VANS = ("van", "small_van", "ambulance", "minibus")
_WHEEL_M = 0.215
_SIGNS = tuple((at, at + 0.075) for at in (0.12, 0.225, 0.36, 0.465, 0.61, 0.715, 0.82))
"""Where on a number plate its blocks are, as shares of its width."""


@final
@dataclass(frozen=True, kw_only=True)
class Look:
    """What distinguishes two cars of one type."""

    profile: Profile
    rim: Rim
    chrome: bool
    """Bright line round the windows and bright grille."""
    metallic: bool
    bars: int
    """Kind of grille."""
    load: int
    """What is on the roof or the bed; 0 is nothing."""


def look_of(spec: Blueprint, variant: int) -> Look:
    """Return the look with a number; numbers repeat."""
    shapes = PROFILES[spec.name]
    plain = spec.name in _VANS
    return Look(
        profile=shapes[variant % len(shapes)],
        rim=STEEL_RIM if plain else RIMS[(variant + len(spec.name)) % len(RIMS)],
        chrome=not plain and variant % 3 == 1,
        metallic=variant % 2 == 1,
        bars=(variant + len(spec.name)) % 3,
        load=variant if variant > 1 else 0,
    )


def _rim_quad(pane: Pane, last: Pane, grow: float) -> Pane:
    """Return the outline of all side windows, a little larger."""
    return pane[0] - grow, pane[1] - grow, last[2] + grow, last[3] + grow


def _side_glass(body: CarBody, look: Look) -> list[Soup]:
    """Return the side windows in their dark frame, with pillars between them."""
    panes, (low, high) = look.profile.panes, look.profile.pane_z
    made: list[Soup] = []
    frame = _rim_quad(panes[0], panes[-1], 0.005)
    cells = (3 * len(panes) + 2, 2)
    if look.chrome:
        edge = _rim_quad(panes[0], panes[-1], 0.009)
        made.append(body.pane(edge, "chrome", (low - 0.035, high + 0.045), cells, 0.004))
    made.append(body.pane(frame, "gloss black", (low - 0.015, high + 0.025), cells, 0.006))
    made += [body.pane(pane, "car glass", (low, high), (3, 2), 0.009) for pane in panes]
    return [both_sides(part) for part in made]


def _screens(body: CarBody, profile: Profile) -> list[Soup]:
    """Return windscreen and rear window, each in a dark frame."""
    low, high = profile.windscreen
    bow = (0.012, 0.008)
    made = [
        body.top((low - 0.004, high + 0.004), ((-0.93, 0.93), (-0.93, 0.93)), "gloss black",
                 bow=bow, cells=(7, 10), lift_m=0.007),
        body.top((low + 0.004, high - 0.002), ((-0.885, 0.885), (-0.885, 0.885)), "car glass",
                 bow=bow, cells=(7, 10), lift_m=0.014),
    ]  # fmt: skip
    if not profile.upright_tail:
        top, foot = profile.rear_window
        wide = ((-0.88, 0.88), (-0.86, 0.86))
        inner = ((-0.84, 0.84), (-0.82, 0.82))
        fine = (6, 8)
        made.append(body.top((top - 0.004, foot + 0.004), wide, "gloss black", cells=fine))
        made.append(body.top((top, foot), inner, "car glass", cells=fine, lift_m=0.012))
        return made
    return made + _tail_glass(body, profile)


def _tail_glass(body: CarBody, profile: Profile) -> list[Soup]:
    """Return the window of a tailgate, or of both rear doors of a van."""
    low, high = profile.rear_window
    wide = [0.92 * _half_at(body, z * body.height_m) for z in (low, high)]
    if body.spec.name in _VANS:
        quad: Quad = ((0.05, low), (wide[0], low), (wide[1], high), (0.05, high))
        return [both_sides(body.front(quad, "car glass", -1, (3, 3), 0.008))]
    outer: Quad = ((-wide[0], low), (wide[0], low), (wide[1], high), (-wide[1], high))
    inner = within(outer, (0.035, 0.965), (0.07, 0.93))
    return [
        body.front(outer, "gloss black", -1, (8, 4), 0.006),
        body.front(inner, "car glass", -1, (8, 4), 0.010),
    ]


def _half_at(body: CarBody, z_m: float) -> float:
    """Return the half width of the cabin's tail at a height, in half widths."""
    u = np.linspace(0.55, 1.0, 181)
    high = body.deck_m(u) + 0.9 * body.cabin_m(u)
    reached = np.flatnonzero(high >= z_m)
    at = u[reached[-1] : reached[-1] + 1]
    return float(body.edge_m(at)[0] / body.half_m)


def swapped(part: Soup, old: str, new: str) -> Soup:
    """Return the soup with one material replaced."""
    changed = np.where(part.material == material(old), material(new), part.material)
    return replace(part, material=changed.astype(np.int32))


def lamp_pair(left: Soup) -> Soup:
    """Return lamps of the left side and their mirror image with right blinkers."""
    return merge([left, swapped(mirrored(left), "left blinker", "right blinker")])


def _lamps(body: CarBody, profile: Profile) -> Soup:
    """Return head and tail clusters, third brake lamp and repeaters, both sides."""
    head, tail = profile.lamp, profile.tail

    def piece(quad: Quad, s: Corner, t: Corner, name: str, side: int, lift_m: float) -> Soup:
        return body.front(within(quad, s, t), name, side, (4, 2), lift_m)

    left = [
        body.front(head, "lamp glass", 1, (8, 3), 0.008),
        piece(head, (0.10, 0.62), (0.34, 0.82), "head lamp", 1, 0.014),
        piece(head, (0.04, 0.80), (0.08, 0.24), "daytime lamp", 1, 0.014),
        piece(head, (0.80, 0.97), (0.20, 0.80), "left blinker", 1, 0.014),
    ]
    if profile.tail[1][0] - profile.tail[0][0] > 0.25:
        left += [
            body.front(tail, "tail glass", -1, (8, 3), 0.008),
            piece(tail, (0.05, 0.97), (0.70, 0.92), "tail lamp", -1, 0.014),
            piece(tail, (0.45, 0.97), (0.36, 0.62), "brake lamp", -1, 0.014),
            piece(tail, (0.60, 0.97), (0.08, 0.30), "left blinker", -1, 0.014),
            piece(tail, (0.30, 0.56), (0.08, 0.30), "reverse lamp", -1, 0.014),
        ]
    else:
        left += [body.front(tail, "tail glass", -1, (3, 5), 0.006)]
        left += [
            piece(tail, (0.10, 0.92), (low, high), name, -1, 0.014)
            for low, high, name in ((0.03, 0.18, "reverse lamp"), (0.20, 0.40, "left blinker"),
                                    (0.44, 0.70, "brake lamp"), (0.74, 0.97, "tail lamp"))
        ]  # fmt: skip
    return merge([lamp_pair(merge(left)), _high_brake(body, profile)])


def _high_brake(body: CarBody, profile: Profile) -> Soup:
    """Return the third brake lamp, above the rear window."""
    if profile.upright_tail:
        z = profile.rear_window[1] + 0.012
        quad: Quad = ((-0.13, z), (0.13, z), (0.13, z + 0.009), (-0.13, z + 0.009))
        return body.front(quad, "brake lamp", -1, (2, 1), 0.010)
    at = profile.rear_window[0]
    return body.top((at + 0.002, at + 0.007), ((-0.22, 0.22), (-0.22, 0.22)), "brake lamp",
                    cells=(1, 2), lift_m=0.012)  # fmt: skip


def _bar(half: float, low: float, high: float, taper: float = 1.0) -> Quad:
    """Return a patch across the middle."""
    return (-half, low), (half, low), (half * taper, high), (-half * taper, high)


def _face(body: CarBody, look: Look) -> list[Soup]:
    """Return grille, air intakes, fog lamps and plates."""
    profile = look.profile
    foot, low = profile.sill + 0.055, profile.lamp[0][1]
    inner, top = profile.lamp[3]
    wide, tall = ((inner - 0.03, 0.075), (inner - 0.06, 0.105), (inner + 0.02, 0.04))[look.bars]
    grille = _bar(wide * 0.92, top - tall - 0.012, top - 0.006, 1.08)
    frame = "chrome" if look.chrome or look.bars == 1 else "gloss black"
    plate_z = (low - 0.105, low - 0.035) if look.bars != 1 else (foot + 0.055, foot + 0.125)
    high_van = body.height_m > 2.2
    plate_z = (foot + 0.06, foot + 0.105) if high_van else plate_z
    made = [
        body.front(_bar(0.66, foot + 0.035, foot + 0.125, 0.86), "grille", 1, (8, 2), 0.005),
        body.front(grille, frame, 1, (6, 2), 0.006),
        body.front(within(grille, (0.025, 0.975), (0.14, 0.86)), "grille", 1, (6, 2), 0.009),
        *_plate(body, plate_z, 1),
        *_plate(body, _rear_plate_z(profile), -1),
        body.front(_bar(0.60, profile.sill + 0.10, profile.sill + 0.145), "grille", -1, (8, 1)),
    ]
    pocket: Quad = ((0.70, foot + 0.02), (0.86, foot + 0.035), (0.86, foot + 0.09),
                    (0.70, foot + 0.10))  # fmt: skip
    pair_of = [
        body.front(pocket, "grille", 1, (3, 2), 0.006),
        body.front(within(pocket, (0.25, 0.75), (0.25, 0.75)), "fog lamp", 1, (1, 1), 0.010),
        body.front(((0.66, profile.sill + 0.16), (0.86, profile.sill + 0.16),
                    (0.86, profile.sill + 0.18), (0.66, profile.sill + 0.18)), "livery red", -1,
                   (2, 1)),
    ]  # fmt: skip
    return made + [both_sides(part) for part in pair_of]


def _rear_plate_z(profile: Profile) -> Corner:
    low = profile.tail[0][1]
    if profile.glass and profile.tail[0][0] < 0.7:
        return low - 0.005, low + 0.065
    return profile.sill + 0.20, profile.sill + 0.255


def _plate(body: CarBody, z: Corner, side: int) -> list[Soup]:
    """Return a number plate, 520 mm x 110 mm, with blocks as tall as signs instead of signs."""
    half = 0.26 / body.half_m
    middle, tall = (z[0] + z[1]) / 2, 0.055 / body.height_m
    quad = _bar(half, middle - tall, middle + tall)
    ink = [
        body.front(within(quad, at, (0.22, 0.78)), "plate ink", side, (1, 1), 0.019)
        for at in _SIGNS
    ]
    return [body.front(quad, "plate", side, (4, 1), 0.016), *ink]


def _line(body: CarBody, points: Sequence[Corner], wide: float = 0.0011) -> Soup:
    """Return a dark gap on the left flank through (u, share between lower edge and deck)."""
    u, share = np.array(points).T
    fine = np.linspace(0, 1, 3 * len(u) - 2)
    knots = np.linspace(0, 1, len(u))
    at = np.interp(fine, knots, u)
    plane = body.place(at, np.interp(fine, knots, share))
    shift = np.array([wide * body.spec.length_m, 0.0])
    grid = np.stack([plane - shift, plane + shift], axis=1)
    return body.pressed.patch(1, 1, grid, body.skin("grille"), 0.004)


def _gaps(body: CarBody, profile: Profile) -> list[Soup]:
    """Return the shut lines of doors, bonnet, boot and fuel flap."""
    axle = body.spec.wheelbase_m / 2 / body.spec.length_m
    reach = (body.spec.wheel_radius_m + 0.06) / body.spec.length_m
    made: list[Soup] = []
    for index, u in enumerate(profile.doors):
        behind = abs(u - 0.5 - axle) < 1.1 * reach
        if behind and index == len(profile.doors) - 1 and profile.glass:
            foot = 0.5 + axle - 1.04 * reach
            made.append(_line(body, [(u, 0.97), (u, 0.70), (foot, 0.36), (foot, 0.12)]))
        elif behind:
            made.append(_line(body, [(u, 0.97), (u, 0.72)]))
        else:
            foot = max(u, 0.5 - axle + 1.04 * reach)
            made.append(_line(body, [(u, 0.97), (u, 0.6), (foot, 0.12)]))
    first, last = profile.doors[0], profile.doors[-1]
    low = max(first, 0.5 - axle + 1.04 * reach)
    made.append(_line(body, [(low, 0.10), (min(last, 0.5 + axle - 1.02 * reach), 0.10)], 0.0006))
    front = profile.windscreen[0]
    made.append(
        body.top((0.055, front - 0.012), ((0.90, 0.908), (0.93, 0.938)), "grille", cells=(9, 1),
                 lift_m=0.004)
    )  # fmt: skip
    return [both_sides(part) for part in made]


def _handles(body: CarBody, profile: Profile) -> list[Soup]:
    """Return a handle ahead of each gap behind a door, and the side marker."""
    made: list[Soup] = []
    for u in profile.doors[1:]:
        at = np.array([u - 0.030])
        z = float((body.lower_m(at) + 0.80 * (body.deck_m(at) - body.lower_m(at)))[0])
        y = body.side_y_m(float(at[0]), z)
        grip = box((0.19, 0.030, 0.028), (body.x(float(at[0])), y - 0.003, z), body.skin("paint"))
        dent = box((0.15, 0.012, 0.040), (body.x(float(at[0])), y - 0.001, z), body.skin("trim"))
        made += [both_sides(grip), both_sides(dent)]
    return made


def _arch_lips(body: CarBody, profile: Profile) -> list[Soup]:
    """Return the raised lip of each wheel arch, dark and broad on clad cars."""
    name, wide = ("plastic grey", 0.062) if profile.clad else ("paint", 0.034)
    proud = 0.013 if profile.clad else 0.010
    reach = body.spec.wheel_radius_m + 0.048
    made: list[Soup] = []
    for sign in (1, -1):
        x = sign * body.spec.wheelbase_m / 2
        floor = profile.sill * body.height_m + 0.075 - body.spec.wheel_radius_m
        start = float(np.arcsin(np.clip(floor / (reach + wide), -0.9, 0.9)))
        angle = np.linspace(start, np.pi - start, 15)
        ray = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        centre = np.array([x, body.spec.wheel_radius_m])
        flank = body.pressed.on(1, 1, centre + ray * (reach + 0.6 * wide))[:, 1]

        def at(radius: float, y: FloatArray, centre: FloatArray = centre,
               ray: FloatArray = ray) -> FloatArray:  # fmt: skip
            plane = centre + ray * radius
            return np.stack([plane[:, 0], y, plane[:, 1]], axis=1)

        rings = [
            at(reach - 0.002, flank - 0.09),
            at(reach - 0.002, flank + proud),
            at(reach + 0.6 * wide, flank + proud),
            at(reach + wide, flank - 0.006),
        ]
        made += [band(a, b - a, body.skin(name)) for a, b in pairwise(rings)]
    return [both_sides(part) for part in made]


def _mirrors(body: CarBody, profile: Profile) -> Soup:
    """Return the wing mirrors with their repeaters; they stand out past the blueprint's width."""
    u = profile.panes[0][0] + 0.014
    z = float(body.deck_m(np.array([u]))[0]) + 0.045
    y = body.spec.width_m / 2 + 0.03
    x, tall = body.x(u), 0.15 if body.height_m > 2.2 else 0.075
    z += tall - 0.075
    shell = sphere((x, y, z + 0.03), (0.075, 0.115, tall), body.skin("paint"), 10)
    if profile.clad:
        shell = swapped(shell, "paint", "trim")
    foot = box((0.06, 0.17, 0.03), (x, y - 0.12, z - 0.03), body.skin("trim"))
    glass = box((0.012, 0.15, 1.25 * tall), (x - 0.062, y, z + 0.03), body.skin("mirror glass"))
    blink = box((0.02, 0.09, 0.018), (x + 0.062, y + 0.035, z + 0.02), body.skin("left blinker"))
    return lamp_pair(merge([shell, foot, glass, blink]))


def _fittings(body: CarBody, profile: Profile) -> list[Soup]:
    """Return wipers, antenna and exhaust."""
    low = profile.windscreen[0]
    u, made = low + 0.008, list[Soup]()
    z = body.roof_z_m(u) + 0.015
    wide = float(body.edge_m(np.array([low]))[0])
    for y in (-0.62 * wide, 0.06 * wide):
        x = body.x(u) + 0.012
        ends: list[tuple[float, float, float]] = [(x, y, z), (x - 0.10, y + 0.55 * wide, z + 0.075)]
        made.append(tube(ends, [0.011, 0.008], body.skin("trim"), 5))
    at = profile.roof[-1][0] - 0.13 if profile.glass else 0.34
    top = body.roof_z_m(at) - 0.008
    tall = min(0.044, body.height_m - top)
    fin = [[(x, -w, z), (x, w, z), (x - 0.05, 0.3 * w, z + high), (x - 0.05, -0.3 * w, z + high)]
           for x, w, z, high in ((body.x(at) + 0.10, 0.012, top, 0.25 * tall),
                                 (body.x(at) - 0.04, 0.028, top, tall))]  # fmt: skip
    if profile.body_height == 1.0 and tall > 0.02:
        made.append(loft(np.array(fin), body.skin("gloss black")))
    tail = -body.spec.length_m / 2
    pipe = float(body.lower_m(np.array([0.985]))[0]) - 0.005
    made.append(tube([(tail + 0.30, -0.52, pipe), (tail + 0.06, -0.52, pipe)], [0.032, 0.032],
                     body.skin("chrome"), 8))  # fmt: skip
    return made


def _rails(body: CarBody) -> list[Soup]:
    """Return the luggage rails of estates and tall cars."""
    u = np.linspace(0.47, 0.84, 7)
    y = 0.90 * body.edge_m(u)
    z = body.deck_m(u) + 0.985 * body.cabin_m(u) - np.array([0.035, -0.016, *([-0.02] * 3), -0.016,
                                                             0.035])  # fmt: skip
    path = np.stack([(0.5 - u) * body.spec.length_m, y, z], axis=1)
    path[:, 2] = np.minimum(path[:, 2], body.height_m - 0.018)
    return [both_sides(tube(path, [0.017] * 7, body.skin("vehicle silver"), 6))]


_WITH_RAILS = ("estate", "estate_roof_box", "suv", "mpv")


def body_of(body: CarBody, look: Look, variant: int) -> Soup:
    """Return everything of a car but its wheels; mirrors come last."""
    spec, profile = body.spec, look.profile
    floor = box(
        (0.9 * spec.length_m, 0.55 * spec.width_m, 0.12),
        (0, 0, profile.sill * body.height_m + 0.05),
        body.skin("underbody"),
    )
    made = [
        body.shape, floor, *_side_glass(body, look), *_screens(body, profile),
        _lamps(body, profile), *_face(body, look), *_gaps(body, profile),
        *_handles(body, profile), *_arch_lips(body, profile), *_fittings(body, profile),
    ]  # fmt: skip
    if spec.name in _WITH_RAILS and variant % 3 != 2:
        made += _rails(body)
    made += load_of(body, look.load)
    if spec.name in LIVERIES:
        made += LIVERIES[spec.name](body)
    whole = merge([*made, _mirrors(body, profile)])
    return swapped(whole, "paint", "paint metallic") if look.metallic else whole


def four_wheels(spec: Blueprint, left: Soup, rear_left: Soup | None = None) -> list[Part]:
    """Return the wheels of a two-axle vehicle on their joints, front left first."""
    parts: list[Part] = []
    sides = {id(wheel): pair(wheel) for wheel in (left, rear_left or left)}
    for x, steer, wheel in (
        (spec.wheelbase_m / 2, 1.0, left),
        (-spec.wheelbase_m / 2, 0.0, rear_left or left),
    ):
        for shape, side in zip(sides[id(wheel)], (1, -1), strict=True):
            pivot = (x, side * spec.track_m / 2, spec.wheel_radius_m)
            parts.append(Part(shape=shape, joint=Joint(pivot_m=pivot, spin=1.0, steer=steer)))
    return parts


def car(spec: Blueprint, variant: int = 0, *, driven: bool = True) -> Figure:
    """Return a car, van or pick-up with four wheels; nobody sits in it unless it is driven."""
    look = look_of(spec, variant)
    wheel = car_wheel(spec.wheel_radius_m, _WHEEL_M, spec.class_id, look.rim)
    body = CarBody(spec, look.profile)
    shape, cabin = body_of(body, look, variant), car_cabin(body, variant, driven=driven)
    return Figure(parts=(Part(shape=shape, cabin=cabin), *four_wheels(spec, wheel)))
