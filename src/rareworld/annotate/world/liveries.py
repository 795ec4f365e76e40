"""What fleets carry: taxi sign, light bars, and generic stripes and blocks without real marks."""

from collections.abc import Callable

from rareworld.annotate.world.body import CarBody
from rareworld.annotate.world.mesh import Soup, both_sides, box, merge
from rareworld.annotate.world.pressed import Corner


def _taxi(body: CarBody) -> list[Soup]:
    """Return the sign on the roof."""
    rise, at = body.spec.height_m - body.height_m, body.x(0.53)
    z = body.height_m + rise / 2
    sign = box((0.15, 0.46, rise - 0.02), (at, 0, z + 0.01), body.skin("taxi sign"))
    foot = box((0.19, 0.50, 0.04), (at, 0, body.height_m + 0.008), body.skin("trim"))
    panel = box((0.156, 0.30, 0.45 * rise), (at, 0, z + 0.005), body.skin("plate ink"))
    return [sign, foot, panel]


def light_bar(body: CarBody, u: float, wide_m: float) -> Soup:
    """Return a light bar that reaches the blueprint's height: two beacons and a bright middle."""
    low, high = body.roof_z_m(u) - 0.02, body.spec.height_m
    x, deep, foot = body.x(u), 0.28, body.height_m + 0.035
    lens = high - foot
    made = [box((deep, wide_m, foot - low), (x, 0, (foot + low) / 2), body.skin("trim"))]
    for name, side in (("beacon a", 1), ("beacon b", -1)):
        size = (deep - 0.02, 0.36 * wide_m, lens)
        centre = (x, side * 0.31 * wide_m, (foot + high) / 2)
        made.append(box(size, centre, body.skin(name)))
    middle = (deep - 0.04, 0.24 * wide_m, lens - 0.01)
    made.append(box(middle, (x, 0, (foot + high) / 2 - 0.005), body.skin("vehicle white")))
    return merge(made)


def _blocks(
    body: CarBody, u: Corner, z: Corner, names: tuple[str, str], count: int, rows: int
) -> list[Soup]:
    """Return a chequered band along both flanks."""
    wide, tall = (u[1] - u[0]) / count, (z[1] - z[0]) / rows
    made: list[Soup] = []
    for row in range(rows):
        for k in range(count):
            a, b = u[0] + k * wide, z[0] + row * tall
            quad = ((a, b), (a + wide, b), (a + wide, b + tall), (a, b + tall))
            made.append(body.flank(quad, names[(k + row) % 2], (3, 2), 0.007))
    return [both_sides(part) for part in made]


def _chevrons(body: CarBody, y: float, z: Corner, count: int) -> list[Soup]:
    """Return slanted bands on the tail, alternately red and yellow, towards the middle."""
    wide = y / count
    made: list[Soup] = []
    for k in range(count):
        a = k * wide
        quad = ((a, z[0]), (a + wide, z[0]), (a + 0.9 * wide, z[1]), (0.9 * a, z[1]))
        name = ("livery red", "livery yellow")[k % 2]
        made.append(both_sides(body.front(quad, name, -1, (2, 4), 0.006)))
    return made


def _police(body: CarBody) -> list[Soup]:
    """Return blue and yellow blocks along the sides, a striped bonnet and the light bar."""
    stripe = body.top((0.06, 0.235), ((-0.42, 0.42), (-0.46, 0.46)), "livery blue",
                      cells=(8, 6), lift_m=0.007)  # fmt: skip
    return [
        *_blocks(body, (0.09, 0.93), (0.475, 0.585), ("livery blue", "livery yellow"), 12, 2),
        stripe,
        *_chevrons(body, 0.50, (0.30, 0.44), 5),
        light_bar(body, 0.50, 1.18),
    ]


def _ambulance(body: CarBody) -> list[Soup]:
    """Return red and yellow blocks, a broad stripe, tail chevrons, light bar and rear beacons."""
    tail, top = -body.spec.length_m / 2, body.height_m
    beacons = [
        box((0.10, 0.20, 0.10), (tail + 0.09, side * 0.72, top - 0.05), body.skin(name))
        for name, side in (("beacon b", 1), ("beacon a", -1))
    ]
    return [
        *_blocks(body, (0.325, 0.985), (0.30, 0.44), ("livery red", "livery yellow"), 9, 2),
        *_blocks(body, (0.36, 0.975), (0.78, 0.83), ("livery red", "livery red"), 3, 1),
        *_chevrons(body, 0.84, (0.20, 0.48), 6),
        *beacons,
        light_bar(body, 0.36, 1.45),
    ]


LIVERIES: dict[str, Callable[[CarBody], list[Soup]]] = {
    "taxi": _taxi,
    "police": _police,
    "ambulance": _ambulance,
}
"""Builders by blueprint name."""
