"""Rooms behind windows that are only drawn, never built: interior mapping (van Dongen 2008).

Plain scalar functions in the language of `formulas.py`. A window pane lies in a wall cut into cells
of one room each; (u, w) is the ray's place along and up the wall, (du, dw, dn) its direction along
it, up and inwards; `wall` tells walls apart. Proved in tests/annotate/render/test_inside.py.
"""

import math

from rareworld.annotate.render.formulas import (
    hash_cell,
    mix,
    room_wall,
    smoothstep,
    whole_below,
)


def pick(value: float, a: float, b: float, c: float) -> float:
    """Return one of three numbers by a hash."""
    return a if value < 0.34 else (b if value < 0.67 else c)


def room(
    u: float, w: float, du: float, dw: float, dn: float, wall: int
) -> tuple[float, float, float, float]:
    """Return red, green, blue reflectance seen in a room, and how deep it lies (0..1)."""
    i = whole_below(u / 3.0)
    j = whole_below(w / 3.0)
    x = u - 3.0 * float(i)
    z = w - 3.0 * float(j)
    far, side = room_wall(x, z, du, dw, dn, 3.0, 2.75, 4.0)
    tone = hash_cell(i, j, wall)
    red = pick(tone, 0.55, 0.42, 0.50)
    green = pick(tone, 0.50, 0.43, 0.42)
    blue = pick(tone, 0.40, 0.42, 0.32)
    at = x + du * far if side == 0 else dn * far
    up = z + dw * far
    piece = hash_cell(i, j, wall + 13 * whole_below(at / 0.9) + 7 * side)
    tall = 0.5 + 1.5 * piece * piece
    if side < 2 and up < tall and piece > 0.35:
        red = 0.10 + 0.22 * hash_cell(i, j, wall + 3)
        green = 0.08 + 0.14 * piece
        blue = 0.06 + 0.10 * piece
    if side == 2:
        red = 0.20
        green = 0.13
        blue = 0.08
    if side == 3:
        red = 0.62
        green = 0.61
        blue = 0.58
    return red, green, blue, min(dn * far / 4.0, 1.0)


def blind(u: float, w: float, wall: int) -> tuple[float, float]:
    """Return how much of a window a blind or curtain hides at (u, w), and how bright it is."""
    i = whole_below(u / 3.0)
    j = whole_below(w / 3.0)
    x = u - 3.0 * float(i)
    z = w - 3.0 * float(j)
    kind = hash_cell(i, j, wall + 101)
    length = hash_cell(i, j, wall + 102)
    hides = 0.0
    bright = 0.34 + 0.3 * hash_cell(i, j, wall + 103)
    if kind < 0.30 and z > 0.9 + 1.6 * length:
        hides = 0.92
    if kind > 0.62:
        edge = 0.30 + 0.35 * length
        fold = 0.82 + 0.18 * math.cos(44.0 * x)
        if x < edge or x > 3.0 - edge:
            hides = 0.85
            bright = bright * fold
    return hides, bright


def room_lamp(u: float, w: float, wall: int, night: float) -> tuple[float, float, float]:
    """Return the light of a room's own lamps; about two rooms in five have them on at night."""
    i = whole_below(u / 3.0)
    j = whole_below(w / 3.0)
    on = night if hash_cell(i, j, wall + 211) < 0.40 else 0.0
    warm = hash_cell(i, j, wall + 212)
    power = on * (0.35 + 0.65 * hash_cell(i, j, wall + 213))
    return power, power * mix(0.62, 0.90, warm), power * mix(0.30, 0.78, warm)


def shop(
    u: float, w: float, du: float, dw: float, dn: float, wall: int
) -> tuple[float, float, float, float]:
    """Return red, green, blue reflectance seen in a shop, and how deep it lies (0..1)."""
    i = whole_below(u / 6.0)
    x = u - 6.0 * float(i)
    far, side = room_wall(x, w - 4.0 * float(math.floor(w / 4.0)), du, dw, dn, 6.0, 3.6, 7.0)
    red = 0.62
    green = 0.60
    blue = 0.56
    at = x + du * far if side == 0 else dn * far
    up = w - 4.0 * float(math.floor(w / 4.0)) + dw * far
    if side < 2 and up < 2.1:
        shelf = whole_below(up / 0.42)
        ware = whole_below(at / 0.28)
        a = hash_cell(ware, shelf, wall + 3 * i + side)
        b = hash_cell(ware, shelf, wall + 3 * i + side + 50)
        gap = up / 0.42 - float(shelf)
        tone = 0.10 + 0.34 * a * b
        full = 1.0 if hash_cell(ware, shelf, wall + 3 * i + side + 90) < 0.8 else 0.35
        red = 0.06 if gap > 0.88 else (tone + 0.16 * a) * full
        green = 0.055 if gap > 0.88 else (tone + 0.12 * b) * full
        blue = 0.05 if gap > 0.88 else (tone + 0.10 * abs(a - b)) * full
    if side == 2:
        red = 0.30
        green = 0.28
        blue = 0.25
    if side == 3:
        strip = smoothstep(0.75, 0.8, math.cos(2.1 * dn * far))
        red = 0.60 + 1.6 * strip
        green = 0.60 + 1.6 * strip
        blue = 0.60 + 1.6 * strip
    return red, green, blue, min(dn * far / 7.0, 1.0)
