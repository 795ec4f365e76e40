"""Bicycle and motorcycle with their riders.

Frame and machine carry the class of the vehicle, the person (see `riders`) the class RIDER.
"""

import numpy as np

from rareworld.annotate.world import riders
from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import (
    Soup,
    Vec3,
    both_sides,
    box,
    lathe,
    loft,
    merge,
    mirrored,
    moved,
    sphere,
    symmetric_loft,
    tube,
)
from rareworld.annotate.world.parts import CYCLE_STEPS, Figure, Joint, Part
from rareworld.annotate.world.wardrobe import Dress
from rareworld.annotate.world.wheels import cycle_wheel
from rareworld.core.blueprint import Blueprint
from rareworld.core.taxonomy import ClassId

_GEAR = 0.45
"""Turns of the cranks per turn of the wheels."""
_CRANK_M = 0.17
_CRANK_AXLE: Vec3 = (-0.08, 0.0, 0.29)


def _steered(spec: Blueprint, shape: Soup) -> Part:
    """Return a part that turns with the handlebar, about the front axle's upright."""
    pivot = (spec.wheelbase_m / 2, 0.0, spec.wheel_radius_m)
    return Part(
        shape=moved(shape, by_m=(-pivot[0], 0, -pivot[2])), joint=Joint(pivot_m=pivot, steer=1.0)
    )


def _two_wheels(spec: Blueprint, wheel: Soup) -> list[Part]:
    """Return front and rear wheel."""
    return [
        Part(
            shape=wheel,
            joint=Joint(pivot_m=(x, 0, spec.wheel_radius_m), spin=1.0, steer=steer),
        )
        for x, steer in ((spec.wheelbase_m / 2, 1.0), (-spec.wheelbase_m / 2, 0.0))
    ]


def _mudguard(
    spec: Blueprint, x_m: float, turn_rad: tuple[float, float], wide_m: float, name: str
) -> Soup:
    """Return a bent strip over a wheel that reaches the end of the vehicle's length.

    `turn_rad` is its span, from straight ahead over the top.
    """
    outer = spec.length_m / 2 - abs(x_m)
    angle = np.linspace(*turn_rad, 11)
    arc = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], axis=1)
    centre = np.array([x_m, 0.0, spec.wheel_radius_m])
    side = np.array([0.0, wide_m / 2, 0.0])
    corners = [(outer, 1), (outer, -1), (outer - 0.008, -1), (outer - 0.008, 1)]
    rings = np.stack([centre + arc * r + sign * side for r, sign in corners], axis=1)
    return loft(rings, skin(name, spec.class_id))


def _cranks(class_id: ClassId) -> Soup:
    """Return chain ring, cranks and pedals; the left crank points forward at phase 0."""
    metal, dark = skin("steel", class_id), skin("trim", class_id)
    ring = lathe([(0, -0.052), (0.095, -0.050), (0.095, -0.044), (0, -0.042)], dark, 16)
    left = merge(
        [
            box((_CRANK_M, 0.015, 0.025), (_CRANK_M / 2, 0.065, 0), metal),
            box((0.09, 0.09, 0.022), (_CRANK_M, 0.115, 0), dark),
        ]
    )
    right = moved(mirrored(left), pitch_rad=np.pi)
    return merge([ring, left, right])


def _bicycle_frame(spec: Blueprint) -> tuple[Soup, Soup]:
    """Return the frame and the parts that steer."""
    kind, r = spec.class_id, spec.wheel_radius_m
    paint, dark, metal = skin("paint", kind), skin("trim", kind), skin("steel", kind)
    rear, crank = (-spec.wheelbase_m / 2, 0.0, r), (-0.08, 0.0, 0.29)
    seat, head, low_head = (-0.22, 0.0, 0.78), (0.33, 0.0, 0.90), (0.38, 0.0, 0.72)
    stays = [tube([(rear[0], 0.05, r), end], [0.011, 0.011], paint, 6) for end in (crank, seat)]
    frame = merge(
        [
            *(
                tube([a, b], [0.021, 0.021], paint, 8)
                for a, b in ((crank, seat), (seat, head), (crank, low_head), (low_head, head))
            ),
            *(both_sides(stay) for stay in stays),
            tube([seat, (-0.25, 0, 0.90)], [0.014, 0.014], metal, 6),
            sphere((-0.245, 0, 0.915), (0.13, 0.07, 0.028), dark, 10),
            box((0.02, 0.06, 0.05), (-0.30, 0, 0.80), skin("tail lamp", kind)),
            _mudguard(spec, rear[0], (0.9, np.pi), 0.055, "trim"),
        ]
    )
    bar = [(0.28, 0.0, 1.02), (0.31, 0.12, 1.03), (0.22, 0.295, 1.01)]
    axle = (spec.wheelbase_m / 2, 0.045, r)
    steer = merge(
        [
            tube([low_head, (0.30, 0, 1.03)], [0.018, 0.018], paint, 8),
            both_sides(tube([axle, (low_head[0], 0.045, low_head[2])], [0.012, 0.015], paint, 6)),
            both_sides(tube(bar, [0.013, 0.013, 0.013], dark, 6)),
            box((0.05, 0.06, 0.06), (0.40, 0, 0.92), skin("head lamp", kind)),
            _mudguard(spec, axle[0], (0.0, 2.1), 0.055, "trim"),
        ]
    )
    return frame, steer


def bicycle(spec: Blueprint, style: int, dress: Dress = Dress.FAIR) -> Figure:
    """Return a city bicycle with a pedalling rider."""
    looks = riders.rider_looks(style, full_face=False, dress=dress)
    sporty = style % 4 == 1
    seat = riders.Seat(
        hip_m=(-0.215, 0.985), grip_m=(0.235, 0.25, 1.03), lean_rad=0.62 if sporty else 0.40,
        crank_m=(_CRANK_AXLE[0], _CRANK_AXLE[2]), crank_arm_m=_CRANK_M, elbow_out=0.35,
        stature_m=1.66, half_width_m=spec.width_m / 2,
    )  # fmt: skip
    frame, steer = _bicycle_frame(spec)
    body = riders.upper_body(seat, looks, style, full_face=False)
    body = riders.fitted(seat, body, spec.height_m)
    wheel = cycle_wheel(spec.wheel_radius_m, 0.042, spec.class_id, spokes=12, spoke_m=0.004)
    parts = [Part(shape=merge([frame, body])), _steered(spec, steer), *_two_wheels(spec, wheel)]
    phase = 2 * np.pi * np.arange(CYCLE_STEPS) / CYCLE_STEPS
    crank = Joint(pivot_m=_CRANK_AXLE, cycle_rad=phase)
    parts.append(Part(shape=_cranks(spec.class_id), joint=crank))
    parts += riders.pedalling(seat, looks, len(parts))
    return Figure(parts=tuple(parts), phase_gain=_GEAR)


def _motor_body(spec: Blueprint) -> Soup:
    """Return tank, seat, engine, tail, exhaust and lamps."""
    kind = spec.class_id
    paint, dark, metal = skin("paint", kind), skin("trim", kind), skin("steel", kind)

    def section(x: float, y: float, low: float, high: float) -> list[Vec3]:
        middle = (low + high) / 2
        return [
            (x, 0, low),
            (x, 0.8 * y, low + 0.02),
            (x, y, middle),
            (x, 0.7 * y, high - 0.02),
            (x, 0, high),
        ]

    tank = [section(0.42, 0.06, 0.74, 0.84), section(0.34, 0.15, 0.70, 0.97),
            section(0.12, 0.17, 0.70, 0.99),
            section(-0.10, 0.12, 0.70, 0.86), section(-0.14, 0.09, 0.72, 0.80)]  # fmt: skip
    seat = [section(-0.06, 0.11, 0.72, 0.84), section(-0.35, 0.15, 0.72, 0.83),
            section(-0.62, 0.13, 0.76, 0.90),
            section(-0.80, 0.09, 0.80, 0.92)]  # fmt: skip
    tail = [
        section(-0.30, 0.13, 0.66, 0.76),
        section(-0.70, 0.12, 0.72, 0.84),
        section(-0.98, 0.05, 0.82, 0.90),
    ]
    rear_x = -spec.wheelbase_m / 2
    return merge(
        [
            _mudguard(spec, rear_x, (1.9, np.pi), 0.16, "trim"),
            symmetric_loft(np.array(tank), paint),
            symmetric_loft(np.array(seat), dark),
            symmetric_loft(np.array(tail), paint),
            *_engine(kind),
            both_sides(
                tube(
                    [(0.40, 0.03, 0.86), (0.02, 0.13, 0.52), (-0.16, 0.12, 0.36)],
                    [0.026] * 3,
                    dark,
                    6,
                )
            ),
            both_sides(
                tube(
                    [(0.36, 0.02, 0.78), (0.30, 0.10, 0.36), (-0.10, 0.10, 0.26)],
                    [0.022] * 3,
                    dark,
                    6,
                )
            ),
            both_sides(
                tube(
                    [(-0.15, 0.10, 0.40), (rear_x, 0.11, spec.wheel_radius_m)],
                    [0.035, 0.028],
                    metal,
                    6,
                )
            ),
            tube(
                [(0.2, -0.17, 0.27), (-0.35, -0.18, 0.28), (-0.90, -0.19, 0.42)],
                [0.03, 0.05, 0.055],
                metal,
                8,
            ),
            box((0.05, 0.14, 0.05), (-0.985, 0, 0.865), skin("tail lamp", kind)),
            box((0.05, 0.14, 0.03), (-0.985, 0, 0.825), skin("brake lamp", kind)),
            box((0.02, 0.18, 0.12), (-0.97, 0, 0.68), skin("plate", kind)),
            box((0.04, 0.05, 0.04), (-0.93, 0.15, 0.80), skin("left blinker", kind)),
            box((0.04, 0.05, 0.04), (-0.93, -0.15, 0.80), skin("right blinker", kind)),
        ]
    )


def _engine(kind: ClassId) -> list[Soup]:
    """Return crankcase, a finned cylinder that leans forward, and the exhaust's header."""
    dark, metal = skin("rim dark", kind), skin("alloy", kind)
    case = sphere((0.02, 0, 0.40), (0.24, 0.17, 0.15), dark, 12)
    cover = both_sides(lathe([(0, 0.13), (0.11, 0.14), (0.10, 0.185), (0, 0.19)], metal, 14))
    fins = [
        moved(box((0.17, 0.26, 0.018), (0, 0, 0), metal), pitch_rad=0.35,
              by_m=(0.10 + 0.012 * k, 0, 0.52 + 0.034 * k))
        for k in range(6)
    ]  # fmt: skip
    head = moved(box((0.16, 0.24, 0.07), (0, 0, 0), dark), pitch_rad=0.35, by_m=(0.18, 0, 0.735))
    header = [(0.25, -0.06, 0.66), (0.36, -0.08, 0.50), (0.28, -0.12, 0.30), (0.05, -0.16, 0.25)]
    return [case, moved(cover, by_m=(0.02, 0, 0.40)), *fins, head,
            both_sides(tube(header, [0.022] * 4, skin("steel", kind), 7))]  # fmt: skip


def _fairing(spec: Blueprint) -> Soup:
    """Return the half fairing and screen of a sports machine."""
    kind = spec.class_id
    rings = [
        [(x, 0, low), (x, 0.7 * half, low), (x, half, middle), (x, 0.8 * half, high - 0.03),
         (x, 0, high)]
        for x, half, low, middle, high in (
            (0.66, 0.04, 0.84, 0.89, 0.94), (0.58, 0.15, 0.74, 0.88, 1.00),
            (0.42, 0.20, 0.58, 0.80, 1.02), (0.20, 0.19, 0.40, 0.66, 0.80),
            (-0.02, 0.16, 0.28, 0.45, 0.56))
    ]  # fmt: skip
    screen = [
        [(0.56, 0, 1.0), (0.50, 0.14, 0.98), (0.44, 0.15, 1.0), (0.46, 0, 1.02)],
        [(0.46, 0, 1.13), (0.42, 0.10, 1.10), (0.40, 0.10, 1.10), (0.44, 0, 1.13)],
    ]
    return merge(
        [
            symmetric_loft(np.array(rings), skin("paint", kind)),
            symmetric_loft(np.array(screen), skin("visor", kind)),
        ]
    )


def _motor_front(spec: Blueprint) -> Soup:
    """Return fork, bar, lamp, mudguard and mirrors."""
    kind, r, x = spec.class_id, spec.wheel_radius_m, spec.wheelbase_m / 2
    dark, metal = skin("trim", kind), skin("chrome", kind)
    top = (0.44, 0.09, 0.92)
    return merge(
        [
            both_sides(tube([(x, 0.09, r), top], [0.030, 0.026], metal, 8)),
            both_sides(
                tube(
                    [(0.44, 0.0, 1.02), (0.42, 0.2, 1.06), (0.30, 0.385, 1.03)],
                    [0.016] * 3,
                    dark,
                    6,
                )
            ),
            tube([(0.47, 0, 0.80), (0.43, 0, 1.03)], [0.05, 0.05], dark, 8),
            sphere((0.56, 0, 0.90), (0.10, 0.115, 0.115), skin("paint", kind), 12),
            sphere((0.605, 0, 0.90), (0.065, 0.09, 0.09), skin("head lamp", kind), 12),
            box((0.05, 0.05, 0.04), (0.55, 0.17, 0.88), skin("left blinker", kind)),
            box((0.05, 0.05, 0.04), (0.55, -0.17, 0.88), skin("right blinker", kind)),
            _mudguard(spec, x, (0.0, 2.2), 0.15, "paint"),
            both_sides(sphere((0.40, 0.335, 1.18), (0.03, 0.065, 0.04), dark, 8)),
            both_sides(tube([(0.36, 0.28, 1.04), (0.40, 0.32, 1.17)], [0.008, 0.008], dark, 5)),
        ]
    )


def motorcycle(spec: Blueprint, style: int, dress: Dress = Dress.FAIR) -> Figure:
    """Return a roadster with a rider in a full-face helmet."""
    looks = riders.rider_looks(style, full_face=True, dress=dress)
    seat = riders.Seat(
        hip_m=(-0.24, 0.905), grip_m=(0.32, 0.36, 1.05), lean_rad=0.46, stature_m=1.74,
        elbow_out=0.6, feet_m=(-0.06, 0.19, 0.36),
        half_width_m=spec.width_m / 2,
    )  # fmt: skip
    rider = riders.upper_body(seat, looks, style, full_face=True)
    rider = riders.fitted(seat, rider, spec.height_m)
    fairing = [_fairing(spec)] if style % 3 == 2 else []
    body = merge([_motor_body(spec), *fairing, rider, riders.resting_legs(seat, looks)])
    wheel = cycle_wheel(spec.wheel_radius_m, 0.14, spec.class_id, spokes=6, spoke_m=0.035)
    return Figure(
        parts=(Part(shape=body), _steered(spec, _motor_front(spec)), *_two_wheels(spec, wheel))
    )
