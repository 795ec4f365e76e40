"""The city bus: a low-floor rounded box with panoramic glass and doors on the kerb side (right)."""

from itertools import pairwise

import numpy as np

from rareworld.annotate.world.cabins import bus_cabin
from rareworld.annotate.world.cars import four_wheels, lamp_pair
from rareworld.annotate.world.heavy import Shell, ear_mirrors, side_markers
from rareworld.annotate.world.mesh import Soup, both_sides, box, merge, span_box
from rareworld.annotate.world.parts import Figure, Part
from rareworld.annotate.world.wheels import truck_duals, truck_wheel
from rareworld.core.blueprint import Blueprint

_GLASS = (1.18, 2.42)
"""Heights of the side windows."""
_DOORS_M = (4.62, -0.62)
"""x of the rear edges of both doors."""
_LEAF_M = 0.60
_ADVERTS = ("livery orange", "livery green", "livery red", "livery yellow", "vehicle white")


def _windows(bus: Shell) -> list[Soup]:
    """Return windscreen, the band of side windows and the rear window."""
    tail, nose = -bus.spec.length_m / 2, bus.spec.length_m / 2
    half = bus.half_m
    made = [
        bus.end((-half + 0.13, half - 0.13), (0.95, 2.86), "gloss black", cells=(8, 6)),
        bus.end((-half + 0.18, half - 0.18), (1.02, 2.45), "car glass", cells=(8, 6),
                lift_m=0.014),
        bus.end((-0.78, 0.78), (2.52, 2.78), "bus display", cells=(4, 1), lift_m=0.014),
        bus.end((-0.95, 0.95), (1.55, 2.72), "gloss black", -1, (5, 4)),
        bus.end((-0.88, 0.88), (1.62, 2.40), "car glass", -1, (5, 3), 0.014),
        bus.end((-0.25, 0.25), (2.48, 2.66), "bus display", -1, (2, 1), 0.014),
    ]  # fmt: skip
    rows = {
        1: ((tail + 0.45, nose - 1.55),),
        -1: ((tail + 0.45, _DOORS_M[1] - 0.12),
             (_DOORS_M[1] + 2 * _LEAF_M + 0.12, _DOORS_M[0] - 0.12)),
    }  # fmt: skip
    for side, spans in rows.items():
        for start, end in spans:
            made.append(bus.flank((start - 0.05, end + 0.05), (_GLASS[0] - 0.05, _GLASS[1] + 0.06),
                                  "gloss black", side, (6, 3)))  # fmt: skip
            panes = max(round((end - start) / 1.45), 1)
            for a, b in pairwise(np.linspace(start, end, panes + 1).tolist()):
                made.append(bus.flank((a + 0.03, b - 0.03), _GLASS, "car glass", side, (2, 3),
                                      0.014))  # fmt: skip
    made.append(bus.flank((nose - 1.45, nose - 0.28), (1.05, 2.48), "gloss black", 1, (3, 3)))
    made.append(bus.flank((nose - 1.38, nose - 0.34), (1.12, 2.40), "car glass", 1, (3, 3), 0.014))
    return made


def _doors(bus: Shell) -> list[Soup]:
    """Return the two doors, glazed leaves in dark frames."""
    made: list[Soup] = []
    for start in _DOORS_M:
        for leaf in (0.0, _LEAF_M):
            a, b = start + leaf, start + leaf + _LEAF_M - 0.02
            made.append(bus.flank((a, b), (0.40, 2.46), "gloss black", -1, (2, 4)))
            made.append(bus.flank((a + 0.06, b - 0.05), (0.55, 2.36), "car glass", -1, (2, 4),
                                  0.014))  # fmt: skip
    return made


def _lamps(bus: Shell) -> Soup:
    """Return head and tail clusters."""
    half = bus.half_m
    left = [
        bus.end((half - 0.62, half - 0.16), (0.56, 0.78), "lamp glass", cells=(4, 2)),
        bus.end((half - 0.56, half - 0.32), (0.60, 0.75), "head lamp", lift_m=0.014),
        bus.end((half - 0.60, half - 0.20), (0.565, 0.59), "daytime lamp", lift_m=0.014),
        bus.end((half - 0.27, half - 0.18), (0.61, 0.75), "left blinker", lift_m=0.014),
        bus.end((half - 0.34, half - 0.16), (0.72, 1.42), "tail glass", -1, (2, 4)),
    ]
    for k, name in enumerate(("reverse lamp", "left blinker", "brake lamp", "tail lamp")):
        z = (0.75 + 0.17 * k, 0.89 + 0.17 * k)
        made = bus.end((half - 0.32, half - 0.18), z, name, -1, (1, 1), 0.014)
        left.append(made)
    left.append(bus.end((0.30, half - 0.25), (2.80, 2.84), "brake lamp", -1, (2, 1), 0.012))
    return lamp_pair(merge(left))


def _advert(bus: Shell, variant: int) -> list[Soup]:
    """Return an advertising panel of plain colour fields on the left flank."""
    if variant % 3 == 0:
        return []
    a, b = _ADVERTS[variant % 5], _ADVERTS[(variant + 2) % 5]
    x = (-1.9, 1.75)
    return [
        bus.flank(x, (0.55, 1.08), a, 1, (4, 1), 0.006),
        bus.flank((x[0] + 0.25, x[0] + 1.35), (0.62, 1.01), b, 1, (1, 1), 0.010),
        bus.flank((x[0] + 1.7, x[1] - 0.2), (0.70, 0.80), "gloss black", 1, (1, 1), 0.010),
    ]


def _roof(bus: Shell) -> list[Soup]:
    """Return air conditioning and vents."""
    tail, top = -bus.spec.length_m / 2, bus.spec.height_m
    white = bus.skin("vehicle white")
    return [
        span_box((tail + 1.0, -0.92, top - 0.2), (tail + 3.4, 0.92, top), white),
        span_box((tail + 1.15, -0.8, top - 0.21), (tail + 3.25, 0.8, top - 0.002),
                 bus.skin("plastic grey")),
        span_box((0.6, -0.8, top - 0.2), (3.0, 0.8, top - 0.04), white),
        both_sides(box((0.6, 0.5, 0.06), (-2.0, 0.5, top - 0.10), bus.skin("plastic grey"))),
    ]  # fmt: skip


def city_bus(spec: Blueprint, variant: int = 0, *, driven: bool = True) -> Figure:
    """Return a low-floor city bus with doors on the right."""
    tail, nose, half = -spec.length_m / 2, spec.length_m / 2, spec.width_m / 2
    axle = spec.wheelbase_m / 2
    bus = Shell(spec, (tail, nose), (0.30, spec.height_m - 0.10), rake_m=0.12, round_m=0.20,
                axles_m=(axle, -axle))  # fmt: skip
    stripe = [both_sides(bus.flank((tail + 0.4, -axle - 0.65), (0.44, 0.58), "vehicle white"))]
    body = [
        bus.shape, *_windows(bus), *_doors(bus), _lamps(bus), *_advert(bus, variant), *_roof(bus),
        bus.end((-half + 0.14, half - 0.14), (0.34, 0.50), "plastic grey", cells=(6, 1)),
        bus.end((-0.26, 0.26), (0.55, 0.66), "plate", cells=(1, 1), lift_m=0.012),
        bus.end((-0.19, 0.19), (0.58, 0.63), "plate ink", cells=(1, 1), lift_m=0.016),
        bus.end((-0.26, 0.26), (0.58, 0.69), "plate", -1, (1, 1), 0.012),
        bus.end((-0.19, 0.19), (0.61, 0.66), "plate ink", -1, (1, 1), 0.016),
        bus.end((-0.80, 0.80), (0.78, 1.38), "grille", -1, (4, 2)),
        bus.end((-half + 0.14, half - 0.14), (0.34, 0.50), "plastic grey", -1, (6, 1)),
        *(bus.end((y, y + 0.85), (1.0, 1.03), "trim", cells=(2, 1), lift_m=0.020)
          for y in (-1.0, 0.05)),
        *stripe, side_markers(spec, (tail, nose), 0.62), ear_mirrors(spec, nose - 0.07, 2.05),
    ]  # fmt: skip
    inside = bus_cabin((tail + 0.15, nose - 0.12), half - 0.09, (0.34, spec.height_m - 0.25), 1.10,
                       variant, driven=driven)  # fmt: skip
    front = truck_wheel(spec.wheel_radius_m, 0.28, spec.class_id)
    wheels = four_wheels(spec, front, truck_duals(spec.wheel_radius_m, spec.class_id))
    return Figure(parts=(Part(shape=merge(body), cabin=inside), *wheels))
