"""A step-through scooter with its rider: leg shield, footboard, broad tail, small wheels."""

import numpy as np

from rareworld.annotate.world import riders
from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import (
    Soup,
    Vec3,
    both_sides,
    box,
    loft,
    merge,
    moved,
    sphere,
    symmetric_loft,
    tube,
)
from rareworld.annotate.world.parts import Figure, Joint, Part
from rareworld.annotate.world.wardrobe import Dress
from rareworld.annotate.world.wheels import cycle_wheel
from rareworld.core.blueprint import Blueprint

_FOOTBOARD_M = 0.30


def _section(x: float, half: float, low: float, high: float) -> list[Vec3]:
    """Return a rounded half section across the scooter."""
    return [(x, 0, low), (x, 0.85 * half, low + 0.01), (x, half, low + 0.45 * (high - low)),
            (x, 0.8 * half, high - 0.03), (x, 0, high)]  # fmt: skip


def _body(spec: Blueprint) -> Soup:
    """Return tail, seat, footboard, exhaust and rear lamps."""
    kind, tail = spec.class_id, -spec.length_m / 2
    paint, dark = skin("paint", kind), skin("trim", kind)
    hump = [_section(0.02, 0.12, 0.30, 0.60), _section(-0.10, 0.17, 0.32, 0.74),
            _section(-0.45, 0.19, 0.42, 0.76), _section(-0.72, 0.15, 0.52, 0.78),
            _section(tail + 0.05, 0.07, 0.60, 0.74)]  # fmt: skip
    seat = [_section(0.00, 0.10, 0.70, 0.76), _section(-0.20, 0.15, 0.72, 0.80),
            _section(-0.52, 0.16, 0.74, 0.83), _section(-0.76, 0.11, 0.76, 0.84)]  # fmt: skip
    return merge(
        [
            symmetric_loft(np.array(hump), paint),
            symmetric_loft(np.array(seat), dark),
            box((0.52, 0.36, 0.06), (0.18, 0, _FOOTBOARD_M - 0.02), dark),
            box((0.34, 0.20, 0.20), (-0.34, 0, 0.30), dark),
            tube([(-0.25, -0.15, 0.26), (-0.80, -0.18, 0.34)], [0.05, 0.055],
                 skin("steel", kind), 8),
            box((0.30, 0.14, 0.02), (tail + 0.20, 0, 0.50), dark),
            box((0.04, 0.16, 0.05), (tail + 0.05, 0, 0.70), skin("tail lamp", kind)),
            box((0.04, 0.16, 0.035), (tail + 0.05, 0, 0.655), skin("brake lamp", kind)),
            box((0.02, 0.17, 0.11), (tail + 0.02, 0, 0.55), skin("plate", kind)),
            box((0.05, 0.05, 0.05), (tail + 0.09, 0.13, 0.68), skin("left blinker", kind)),
            box((0.05, 0.05, 0.05), (tail + 0.09, -0.13, 0.68), skin("right blinker", kind)),
            _carrier(spec, tail),
        ]
    )  # fmt: skip


def _carrier(spec: Blueprint, tail: float) -> Soup:
    """Return the carrier behind the seat."""
    bar = [(tail + 0.22, 0.10, 0.80), (tail + 0.05, 0.09, 0.84), (tail + 0.01, 0.0, 0.84)]
    return both_sides(tube(bar, [0.012] * 3, skin("chrome", spec.class_id), 6))


def _front(spec: Blueprint) -> Soup:
    """Return leg shield, handlebar with lamp and mirrors, fork and mudguard; they steer."""
    kind, x, r = spec.class_id, spec.wheelbase_m / 2, spec.wheel_radius_m
    paint, dark, nose = skin("paint", kind), skin("trim", kind), spec.length_m / 2
    shield = [
        [(px, 0, z), (px, half, z), (px - 0.05, half, z), (px - 0.05, 0, z)]
        for px, half, z in ((0.45, 0.16, 0.32), (0.47, 0.20, 0.50), (0.44, 0.21, 0.72),
                            (0.39, 0.13, 0.90))
    ]  # fmt: skip
    angle = np.linspace(0.15, 2.2, 9)
    arc = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], axis=1)
    centre, side = np.array([x, 0.0, r]), np.array([0.0, 0.075, 0.0])
    outer = nose - x
    guard = np.stack(
        [centre + arc * far + sign * side
         for far, sign in ((outer, 1), (outer, -1), (outer - 0.01, -1), (outer - 0.01, 1))],
        axis=1,
    )  # fmt: skip
    tip = np.array([[nose - 0.012, y, z] for y, z in ((-0.06, r), (0.06, r), (0.06, r + 0.05),
                                                      (-0.06, r + 0.05))])  # fmt: skip
    ring = np.stack([tip, tip + np.array([0.012, 0, 0])])
    return merge(
        [
            symmetric_loft(np.array(shield), paint),
            loft(guard, paint),
            loft(ring, paint),
            both_sides(tube([(x, 0.075, r), (0.46, 0.05, 0.55)], [0.022, 0.025], dark, 6)),
            sphere((0.43, 0, 0.95), (0.10, 0.13, 0.09), paint, 10),
            sphere((0.485, 0, 0.95), (0.06, 0.08, 0.06), skin("head lamp", kind), 10),
            box((0.04, 0.06, 0.04), (0.47, 0.16, 0.74), skin("left blinker", kind)),
            box((0.04, 0.06, 0.04), (0.47, -0.16, 0.74), skin("right blinker", kind)),
            both_sides(tube([(0.40, 0, 0.98), (0.30, 0.354, 1.0)], [0.02, 0.02], dark, 6)),
            both_sides(sphere((0.36, 0.29, 1.16), (0.02, 0.06, 0.045), dark, 8)),
            both_sides(tube([(0.34, 0.24, 1.0), (0.36, 0.28, 1.14)], [0.008, 0.008], dark, 5)),
        ]
    )


def scooter(spec: Blueprint, style: int, dress: Dress = Dress.FAIR) -> Figure:
    """Return a scooter with a rider who sits upright, feet on the board."""
    looks = riders.rider_looks(style, full_face=style % 3 == 0, dress=dress)
    seat = riders.Seat(
        hip_m=(-0.18, 0.86), grip_m=(0.27, 0.28, 1.0), lean_rad=0.20, stature_m=1.72,
        elbow_out=0.5, feet_m=(0.20, 0.11, _FOOTBOARD_M + 0.08),
        half_width_m=spec.width_m / 2,
    )  # fmt: skip
    rider = riders.upper_body(seat, looks, style, full_face=style % 3 == 0)
    rider = riders.fitted(seat, rider, spec.height_m)
    body = merge([_body(spec), rider, riders.resting_legs(seat, looks)])
    wheel = cycle_wheel(spec.wheel_radius_m, 0.11, spec.class_id, spokes=5, spoke_m=0.05)
    pivot = (spec.wheelbase_m / 2, 0.0, spec.wheel_radius_m)
    front = moved(_front(spec), by_m=(-pivot[0], 0.0, -pivot[2]))
    parts = [Part(shape=body), Part(shape=front, joint=Joint(pivot_m=pivot, steer=1.0))]
    for x, steer in ((pivot[0], 1.0), (-pivot[0], 0.0)):
        joint = Joint(pivot_m=(x, 0.0, pivot[2]), spin=1.0, steer=steer)
        parts.append(Part(shape=wheel, joint=joint))
    return Figure(parts=tuple(parts))
