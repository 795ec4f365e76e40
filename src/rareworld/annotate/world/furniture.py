"""Street furniture beyond posts and benches: cabinets, columns, racks, hoardings, lines, gantries.

Each builder takes (length, width, height) and a style and stands on z = 0.
Proved in tests/annotate/world/test_furniture.py.
"""

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.kit import Kit
from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import (
    Soup,
    Vec3,
    circle,
    extrude,
    loft,
    merge,
    soup,
    sphere,
    tube,
)
from rareworld.core.geometry import FloatArray
from rareworld.core.scene import WIRE_SLACK_M
from rareworld.core.taxonomy import ClassId

_SAG_SHARE = 0.022
_WIRE_M = 0.014
_POSTERS = ("fascia red", "fascia blue", "fascia green", "fascia yellow", "fascia white",
            "fascia orange", "fascia black")  # fmt: skip


def cabinet(size_m: Vec3, style: int) -> Soup:
    """Return a utility cabinet on a plinth, doors to +y."""
    x, y, h = size_m[0] / 2, size_m[1] / 2, size_m[2]
    kit = Kit(ClassId.STATIC)
    body = ("frame white", "steel green", "zinc", "panel")[style % 4]
    kit.box("concrete", (-x - 0.03, -y - 0.03, -0.2), (x + 0.03, y + 0.03, 0.12))
    kit.box(body, (-x, -y, 0.12), (x, y, h - 0.06))
    kit.box(body, (-x - 0.04, -y - 0.04, h - 0.06), (x + 0.04, y + 0.04, h))
    kit.box("steel dark", (-0.01, y, 0.18), (0.01, y + 0.006, h - 0.1))
    kit.box("steel dark", (0.06, y, 0.55 * h), (0.10, y + 0.02, 0.65 * h))
    return kit.soup()


def ad_column(size_m: Vec3, style: int) -> Soup:
    """Return a column pasted with abstract posters under a domed cap."""
    h = size_m[2]
    ring = circle(20) * np.array([size_m[0] / 2, size_m[1] / 2])
    rng = np.random.Generator(np.random.Philox(key=style))
    look = skin("panel", ClassId.STATIC)
    made = [
        extrude(1.06 * ring, -0.2, 0.35, skin("stone dark", ClassId.STATIC)),
        extrude(0.97 * ring, 0.35, h - 0.45, look),
        extrude(1.10 * ring, h - 0.45, h - 0.35, skin("steel dark", ClassId.STATIC)),
        sphere((0, 0, h - 0.37), (size_m[0] * 0.5, size_m[1] * 0.5, 0.36),
               skin("copper green", ClassId.STATIC), 14),
    ]  # fmt: skip
    for first in range(0, 20, 4):
        low, high = 0.55 + rng.uniform(0, 0.2), h - 0.65 - rng.uniform(0, 0.5)
        made += _poster(ring[first : first + 4], low, high, rng)
    return merge(made)


def _poster(
    arc: Float[np.ndarray, "n 2"], low: float, high: float, rng: np.random.Generator
) -> list[Soup]:
    """Return a sheet on a curved wall, of three fields of colour."""
    cut = low + (high - low) * np.sort(rng.uniform(0.2, 0.8, 2))
    made: list[Soup] = []
    for a, b in ((low, cut[0]), (cut[0], cut[1]), (cut[1], high)):
        name = _POSTERS[int(rng.integers(len(_POSTERS)))]
        edge = np.stack([np.column_stack([0.99 * arc, np.full(len(arc), z)]) for z in (a, b)])
        quad = np.stack([edge[0, :-1], edge[0, 1:], edge[1, 1:], edge[1, :-1]], axis=1)
        made.append(soup(quad[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3, 3), skin(name, ClassId.STATIC)))
    return made


def meter(size_m: Vec3, style: int) -> Soup:
    """Return a parking machine: a head with a panel on a post."""
    h, kit = size_m[2], Kit(ClassId.STATIC)
    body = ("steel dark", "fascia blue", "zinc")[style % 3]
    kit.box("steel dark", (-0.07, -0.06, -0.2), (0.07, 0.06, h - 0.6))
    kit.box(body, (-0.17, -0.13, h - 0.7), (0.17, 0.13, h - 0.05))
    kit.box("zinc", (-0.18, -0.14, h - 0.05), (0.18, 0.14, h))
    kit.box("sign white", (-0.11, 0.13, h - 0.38), (0.11, 0.14, h - 0.18))
    return kit.soup()


def _hoop(x: float, y: float, h: float) -> Soup:
    """Return a bent tube to lean a bicycle on, across x."""
    path = [(x, y - 0.35, -0.1), (x, y - 0.35, h - 0.15), (x, y - 0.2, h),
            (x, y + 0.2, h), (x, y + 0.35, h - 0.15), (x, y + 0.35, -0.1)]  # fmt: skip
    steel = skin("steel", ClassId.STATIC)
    return merge([tube(path[k : k + 2], [0.025, 0.025], steel, 6) for k in range(5)])


def _bicycle(x: float, colour: str) -> Soup:
    """Return a parked bicycle along y, with flat wheels and a frame of thin tubes."""
    ring = circle(14)
    wheels: list[FloatArray] = []
    for y in (-0.52, 0.52):
        for outer, inner in ((0.34, 0.30),):
            a = np.column_stack([np.full(14, x), y + outer * ring[:, 0], 0.34 + outer * ring[:, 1]])
            b = np.column_stack([np.full(14, x), y + inner * ring[:, 0], 0.34 + inner * ring[:, 1]])
            quad = np.stack([a, np.roll(a, -1, 0), np.roll(b, -1, 0), b], axis=1)
            wheels.append(quad[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3, 3))
    frame = skin(colour, ClassId.STATIC)
    bars: list[tuple[Vec3, Vec3]] = [
        ((x, -0.52, 0.34), (x, -0.16, 0.80)), ((x, -0.16, 0.80), (x, 0.40, 0.84)),
        ((x, 0.52, 0.34), (x, 0.38, 0.98)), ((x, 0.0, 0.30), (x, 0.40, 0.80)),
        ((x, 0.0, 0.30), (x, -0.20, 0.95)), ((x, -0.52, 0.34), (x, 0.0, 0.30)),
        ((x - 0.27, 0.36, 0.99), (x + 0.27, 0.36, 0.99)),
    ]  # fmt: skip
    parts = [tube(bar, [0.018, 0.018], frame, 5) for bar in bars]
    seat = Kit(ClassId.STATIC)
    seat.box("trim", (x - 0.07, -0.34, 0.95), (x + 0.07, -0.10, 1.0))
    return merge([soup(np.concatenate(wheels), skin("tyre", ClassId.STATIC)), *parts, seat.soup()])


def bike_rack(size_m: Vec3, style: int) -> Soup:
    """Return hoops along x with some bicycles leaning on them."""
    count = max(int(size_m[0] / 0.9), 2)
    at = np.linspace(-size_m[0] / 2 + 0.2, size_m[0] / 2 - 0.2, count).tolist()
    rng = np.random.Generator(np.random.Philox(key=style))
    made = [_hoop(x, 0.0, 0.85) for x in at]
    colours = ("fascia black", "fascia red", "steel", "fascia blue", "steel green")
    parked = [(x, colours[int(rng.integers(5))]) for x in at if rng.random() < 0.65]
    return merge([*made, *(_bicycle(x + 0.12, colour) for x, colour in parked)])


def catenary(span_m: float, sag_m: float, points: int) -> Float[np.ndarray, "p 2"]:
    """Return x and height under the ends of a cable that hangs by its own weight.

    Solves sag = a (cosh(span / 2a) - 1) for a by Newton's method from the parabola's a.
    """
    a = span_m**2 / (8 * sag_m)
    for _ in range(20):
        u = span_m / (2 * a)
        f = a * (np.cosh(u) - 1) - sag_m
        a -= f / (np.cosh(u) - 1 - u * np.sinh(u))
    x = np.linspace(-span_m / 2, span_m / 2, points)
    return np.column_stack([x, a * (np.cosh(x / a) - np.cosh(span_m / (2 * a)))])


def wire(size_m: Vec3, style: int) -> Soup:
    """Return a pair of sagging wires along x between two posts of the size's height."""
    span, rise, h = size_m[0], size_m[1] - WIRE_SLACK_M, size_m[2]
    line = catenary(span, _SAG_SHARE * span, 13)
    slope = (-rise if style % 2 else rise) * (line[:, 0] / span + 0.5)
    look, made = skin("wire", ClassId.POLE), []
    for y in (-0.45, 0.45):
        path = np.column_stack([line[:, 0], np.full(len(line), y), h - 0.12 + line[:, 1] + slope])
        made.append(tube(path, [_WIRE_M] * len(path), look, 3))
    return merge(made)


def wooden_pole(size_m: Vec3, style: int) -> Soup:
    """Return a wooden mast with a cross arm along y and insulators; grey or tarred."""
    h = size_m[2]
    look = skin(("wood", "bark")[style // 2 % 2], ClassId.POLE)
    mast = tube([(0, 0, -0.5), (0, 0, 0.3 * h), (0, 0, h)], [0.15, 0.14, 0.10], look, 9)
    kit = Kit(ClassId.POLE)
    kit.box("wood", (-0.06, -0.65, h - 0.42), (0.06, 0.65, h - 0.30))
    for y in (-0.45, 0.45):
        kit.box("sign white", (-0.04, y - 0.04, h - 0.30), (0.04, y + 0.04, h - 0.12))
    return merge([mast, kit.soup()])


def hoarding(size_m: Vec3, style: int) -> Soup:
    """Return a site fence of boards in two colours along x, braced behind."""
    x, h = size_m[0] / 2, size_m[2]
    kit = Kit(ClassId.FENCE)
    colours = ("fascia white", ("fascia blue", "fascia green", "wood", "zinc")[style % 4])
    count = max(int(size_m[0] / 1.2), 2)
    edge = np.linspace(-x, x, count + 1)
    for k in range(count):
        name = colours[1] if k % 4 == 1 else colours[0]
        kit.box(name, (edge[k] + 0.01, -0.03, 0.05), (edge[k + 1] - 0.01, 0.02, h))
    for at in edge[::2].tolist():
        kit.box("wood", (at - 0.05, -0.12, -0.2), (at + 0.05, -0.03, h - 0.1))
    return kit.soup()


def cone(size_m: Vec3, style: int) -> Soup:
    """Return a traffic cone with a white band; odd styles have a yellow body."""
    h, r = size_m[2], size_m[0] / 2
    body = ("cone orange", "fascia yellow")[style % 2]
    ring = circle(12)

    def slice_(z0: float, z1: float, name: str) -> Soup:
        wide = [r * (0.78 - 0.64 * z / h) for z in (z0, z1)]
        rings = [
            np.column_stack([w * ring, np.full(12, z)]) for w, z in zip(wide, (z0, z1), strict=True)
        ]
        return loft(np.stack(rings), skin(name, ClassId.STATIC))

    kit = Kit(ClassId.STATIC)
    kit.box("tyre", (-r, -r, 0.0), (r, r, 0.04))
    bands = (body, "fascia white", body)
    cuts = (0.03, 0.45 * h, 0.70 * h, h)
    return merge([kit.soup(), *[slice_(cuts[k], cuts[k + 1], bands[k]) for k in range(3)]])


def noise_wall(size_m: Vec3, style: int) -> Soup:
    """Return a bay of noise barrier along x: boards between steel posts, a pale band on top."""
    x, y, h = size_m[0] / 2, size_m[1] / 2, size_m[2]
    kit = Kit(ClassId.WALL)
    kit.box("concrete", (-x, -y, -0.6), (x, y, 0.5))
    rows = np.arange(0.5, h - 0.5, 0.5)
    low = np.column_stack([np.full(len(rows), -x), np.full(len(rows), -0.7 * y), rows + 0.02])
    high = np.column_stack([np.full(len(rows), x), np.full(len(rows), 0.7 * y), rows + 0.5])
    kit.box("sheet green" if style % 64 < 40 else "timber wall", low, high)
    kit.box("sheet grey", (-x, -0.7 * y, rows[-1] + 0.5), (x, 0.7 * y, h))
    kit.box("zinc", (-x - 0.08, -y - 0.02, -0.3), (-x + 0.08, y + 0.02, h + 0.05))
    return kit.soup()


def gantry(size_m: Vec3, style: int) -> Soup:
    """Return a portal over the road, its beam along x, with direction boards that face -y."""
    x, h = size_m[0] / 2, size_m[2]
    kit = Kit(ClassId.POLE)
    for side in (-x, x):
        kit.box("zinc", (side - 0.25, -0.25, -0.4), (side + 0.25, 0.25, h))
    for z in (h - 1.5, h - 0.2):
        kit.box("zinc", (-x, -0.12, z), (x, 0.12, z + 0.16))
    for at in np.arange(-x, x - 0.5, 1.6).tolist():
        kit.box("zinc", (at, -0.06, h - 1.4), (at + 0.1, 0.06, h - 0.2))
    boards = Kit(ClassId.TRAFFIC_SIGN)
    blue = ("sign blue", "fascia green")[style % 2]
    for middle in np.linspace(-0.55 * x, 0.55 * x, max(int(x / 4), 1)).tolist():
        low, high = h - 2.6, h + 0.7
        boards.box("sign back", (middle - 1.7, -0.30, low), (middle + 1.7, -0.24, high))
        boards.box("sign white", (middle - 1.7, -0.31, low), (middle + 1.7, -0.30, high))
        boards.box(blue, (middle - 1.63, -0.325, low + 0.07), (middle + 1.63, -0.31, high - 0.07))
        for k, wide in enumerate((0.9, 1.15, 0.7)):
            z = high - 0.75 - 0.6 * k
            end = middle + 0.6 * wide
            boards.box("sign white", (middle - wide, -0.335, z), (end, -0.325, z + 0.26))
        foot, tip = (middle - 0.08, -0.335, low + 0.25), (middle + 0.08, -0.325, low + 0.9)
        boards.box("sign white", foot, tip)
    return merge([kit.soup(), boards.soup()])
