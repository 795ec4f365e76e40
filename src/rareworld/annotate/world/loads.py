"""What cars and vans carry: cargo in the bed of pick-ups, ladders on vans, boxes on the roof.

Loads stay inside the blueprint's box: vans that carry a ladder have a lower roof.
"""

from collections.abc import Callable

import numpy as np

from rareworld.annotate.world.body import CarBody
from rareworld.annotate.world.mesh import (
    Soup,
    both_sides,
    box,
    merge,
    span_box,
    symmetric_loft,
    tube,
)


def load_of(body: CarBody, number: int) -> list[Soup]:
    """Return what a vehicle with this number carries; most carry nothing."""
    build = _LOADS.get(body.spec.name)
    return [] if build is None else build(body, number)


def _bed(body: CarBody, number: int) -> list[Soup]:
    """Return a pick-up's bed: dark floor between rails, and its cargo."""
    low, high = 0.648, 0.972
    deck = float(body.deck_m(np.array([0.8]))[0])
    floor = body.top((low, high), ((-0.86, 0.86), (-0.86, 0.86)), "underbody", cells=(2, 4))
    front, tail, wide = body.x(low), body.x(high), 0.80 * body.half_m
    rail = body.skin("paint")
    made = [
        floor,
        both_sides(span_box((tail - 0.05, wide, deck - 0.05), (front + 0.05, wide + 0.10,
                                                               deck + 0.065), rail)),
        span_box((tail - 0.08, -wide, deck - 0.05), (tail - 0.01, wide, deck + 0.06), rail),
        span_box((front, -wide, deck - 0.05), (front + 0.04, wide, deck + 0.06), body.skin("trim")),
    ]  # fmt: skip
    return made + _cargo(body, number, (tail, front), wide, deck)


def _cargo(
    body: CarBody, number: int, x: tuple[float, float], wide: float, deck: float
) -> list[Soup]:
    kind, middle = number % 4, (x[0] + x[1]) / 2
    top = body.height_m - deck - 0.04
    if kind == 1:
        cover = span_box((x[0], -wide, deck), (x[1], wide, deck + 0.05), body.skin("trim"))
        return [cover]
    if kind == 2:
        card, wood = body.skin("load card"), body.skin("load wood")
        return [
            box((0.55, 0.60, 0.42), (middle + 0.35, 0.30, deck + 0.20), card),
            box((0.45, 0.50, 0.30), (middle + 0.40, -0.38, deck + 0.14), card),
            box((1.30, 0.16, 0.10), (middle - 0.05, -0.48, deck + 0.05), wood),
            box((0.60, 0.55, min(0.5, top)), (middle - 0.40, 0.2, deck + min(0.25, top / 2)),
                body.skin("livery blue")),
        ]  # fmt: skip
    if kind == 3:
        ends = (-0.5, -0.25, 0.1, 0.5)
        rings = [
            [(middle + e * 1.4, 0.0, deck), (middle + e * 1.4, 0.75 * wide, deck),
             (middle + e * 1.4, 0.45 * wide, deck + h), (middle + e * 1.4, 0, deck + h + 0.04)]
            for e, h in zip(ends, (0.03, 0.22, 0.26, 0.03), strict=True)
        ]  # fmt: skip
        return [symmetric_loft(np.array(rings), body.skin("load earth"))]
    return []


def _ladder(body: CarBody, number: int) -> list[Soup]:
    """Return a rack with a ladder where the roof is below the blueprint's height."""
    if body.profile.body_height == 1.0:
        return []
    top, roof = body.spec.height_m, body.height_m
    front, tail = body.x(0.42), body.x(0.93)
    metal, half = body.skin("alloy"), 0.74 * body.half_m
    bar_z = roof + 0.045
    bars = [
        both_sides(box((0.04, 0.03, 0.10), (x, half, roof), metal))
        for x in (front, (front + tail) / 2, tail)
    ]
    bars += [box((0.04, 2 * half, 0.03), (x, 0, bar_z), metal)
             for x in (front, (front + tail) / 2, tail)]  # fmt: skip
    z = top - 0.03
    sides = [tube([(tail - 0.05, y, z), (front + 0.35, y, z)], [0.03, 0.03], metal, 6)
             for y in (0.12, 0.52)]  # fmt: skip
    rungs = [box((0.03, 0.40, 0.025), (float(x), 0.32, z), metal)
             for x in np.arange(tail + 0.05, front + 0.3, 0.28)]  # fmt: skip
    pipe = tube([(tail, -0.45, z - 0.01), (front + 0.2, -0.45, z - 0.01)], [0.055, 0.055],
                body.skin("livery orange"), 8)  # fmt: skip
    return [*bars, *sides, *rungs, *([pipe] if number % 2 else [])]


def _roof_box(body: CarBody, _: int) -> list[Soup]:
    """Return crossbars and a tapered box that reaches the blueprint's height."""
    roof, top = body.height_m, body.spec.height_m
    front, tail, dark = body.x(0.40), body.x(0.87), body.skin("gloss black")
    half = 0.40
    rings = []
    for x, wide, low, high in (
        (front, 0.6, 0.09, 0.11), (front - 0.16, 0.86, 0.07, 0.27), (front - 0.55, 1.0, 0.07, 0.34),
        (tail + 0.25, 1.0, 0.07, 0.37), (tail + 0.05, 0.9, 0.09, 0.31), (tail, 0.75, 0.11, 0.20),
    ):  # fmt: skip
        a, b, w = roof + low, min(roof + high, top), wide * half
        rings.append([(x, 0, a), (x, 0.9 * w, a), (x, w, a + 0.3 * (b - a)),
                      (x, 0.92 * w, b - 0.15 * (b - a)), (x, 0.6 * w, b), (x, 0, b)])  # fmt: skip
    edge = float(body.edge_m(np.array([0.6]))[0]) * 0.9
    bars = [box((0.05, 2 * edge, 0.035), (x, 0, roof + 0.055), body.skin("alloy"))
            for x in (front - 0.45, tail + 0.45)]  # fmt: skip
    return [symmetric_loft(np.array(rings), dark), merge(bars)]


_LOADS: dict[str, Callable[[CarBody, int], list[Soup]]] = {
    "pickup": _bed,
    "van": _ladder,
    "small_van": _ladder,
    "estate_roof_box": _roof_box,
}
