"""Bicycle and motorcycle with their riders.

Frame and machine carry the class of the vehicle, the person the class RIDER. A cyclist's legs
follow the pedals: hip and knee angles solve the chain of two links from saddle to pedal.
"""

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world import people
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
from rareworld.annotate.world.wheels import cycle_wheel
from rareworld.core.blueprint import Blueprint
from rareworld.core.taxonomy import ClassId

Cycle = Float[np.ndarray, "c"]
_GEAR = 0.45
"""Turns of the cranks per turn of the wheels."""
_CRANK_M = 0.17


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


def _limb(a: Vec3, b: Vec3, radii: tuple[float, float], name: str) -> Soup:
    """Return a straight limb of the rider between two joints, rounded at both."""
    look = skin(name, ClassId.RIDER)
    ends = [sphere(at, (r, r, r), look, 8) for at, r in zip((a, b), radii, strict=True)]
    return merge([tube([a, b], list(radii), look, 8), *ends])


def _arms(shoulder: Vec3, hand: Vec3, out_m: float, h: float, looks: people.Looks) -> Soup:
    """Return both arms from shoulders to grips, elbows bent outward."""
    elbow = (
        (shoulder[0] + hand[0]) / 2 - 0.03,
        (shoulder[1] + hand[1]) / 2 + out_m,
        (shoulder[2] + hand[2]) / 2 - 0.07,
    )
    grip = skin(looks.skin, ClassId.RIDER)
    return both_sides(
        merge(
            [
                _limb(shoulder, elbow, (0.030 * h, 0.025 * h), "jacket"),
                _limb(elbow, hand, (0.025 * h, 0.019 * h), "jacket"),
                sphere(hand, (0.045, 0.03, 0.035), grip, 8),
            ]
        )
    )


def _seated(h: float, looks: people.Looks, hip: Vec3, lean_rad: float, *, helmet: str) -> Soup:
    """Return trunk and head on the hips, leaning forward, with the head kept up."""
    trunk = moved(people.torso(h, looks, ClassId.RIDER), by_m=(0, 0, -people.HIP * h))
    neck_z = (0.845 - people.HIP) * h
    is_head = trunk.corners_m[:, :, 2].min(axis=1) > neck_z
    pivot, angle = np.array([0, 0, neck_z]), -0.75 * lean_rad
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    above = trunk.corners_m[..., 2:] > neck_z
    head_up = np.where(above, (trunk.corners_m - pivot) @ turn.T + pivot, trunk.corners_m)
    kept = Soup(
        corners_m=head_up, uv_m=trunk.uv_m, material=trunk.material, class_id=trunk.class_id
    )
    leaned = moved(kept, pitch_rad=lean_rad, by_m=hip)
    centre = leaned.corners_m[is_head].reshape(-1, 3)
    high, low = centre.max(axis=0), centre.min(axis=0)
    middle = (float((high[0] + low[0]) / 2), 0.0, float(high[2]) - 0.075 * h)
    shell = skin(helmet, ClassId.RIDER)
    full = helmet == "helmet"
    size = (0.086 * h, 0.070 * h, 0.084 * h) if full else (0.074 * h, 0.058 * h, 0.045 * h)
    rise = 0.0 if full else 0.035 * h
    made = [leaned, sphere((middle[0], 0, middle[2] + rise), size, shell, 12)]
    if full:
        face = (middle[0] + 0.022 * h, 0.0, middle[2] + 0.004 * h)
        made.append(
            sphere(face, (0.070 * h, 0.060 * h, 0.028 * h), skin("visor", ClassId.RIDER), 12)
        )
    return merge(made)


def _shoulder(h: float, hip: Vec3, lean_rad: float) -> Vec3:
    """Return the left shoulder of a seated rider."""
    up = (people.SHOULDER - people.HIP) * h
    return (
        hip[0] + up * float(np.sin(lean_rad)),
        people.SHOULDER_WIDE * h,
        hip[2] + up * float(np.cos(lean_rad)),
    )


def _two_link(dx: Cycle, dz: Cycle, upper_m: float, lower_m: float) -> tuple[Cycle, Cycle]:
    """Return hip and knee angles about y that put the ankle at (dx, dz) from the hip."""
    reach = np.clip(np.hypot(dx, dz), 1e-3, 0.999 * (upper_m + lower_m))
    inner = (upper_m**2 + lower_m**2 - reach**2) / (2 * upper_m * lower_m)
    knee = np.pi - np.arccos(np.clip(inner, -1, 1))
    lift = np.arccos(np.clip((upper_m**2 + reach**2 - lower_m**2) / (2 * upper_m * reach), -1, 1))
    return -np.arctan2(dx, -dz) - lift, knee


def _pedalling(
    spec: Blueprint, looks: people.Looks, hip: Vec3, crank: Vec3, first: int
) -> list[Part]:
    """Return cranks and both legs, in step with the pedals."""
    h = spec.height_m
    phase = 2 * np.pi * np.arange(CYCLE_STEPS) / CYCLE_STEPS
    parts = [Part(shape=_cranks(spec.class_id), joint=Joint(pivot_m=crank, cycle_rad=phase))]
    for side, shift in ((1, 0.0), (-1, np.pi)):
        pedal_x = crank[0] + _CRANK_M * np.cos(phase + shift)
        pedal_z = crank[2] - _CRANK_M * np.sin(phase + shift)
        up = people.ANKLE * h + 0.015
        thigh, knee = _two_link(
            pedal_x - 0.05 - hip[0], pedal_z + up - hip[2], people.THIGH * h, people.SHIN * h
        )
        start = first + len(parts)
        for shape, pivot, parent, cycle in (
            (people.thigh, (hip[0], side * 0.09, hip[2]), -1, thigh),
            (people.shin, (0.0, 0.0, -people.THIGH * h), start, knee),
            (people.foot, (0.0, 0.0, -people.SHIN * h), start + 1, -thigh - knee),
        ):
            joint = Joint(pivot_m=pivot, parent=parent, cycle_rad=cycle)
            parts.append(Part(shape=shape(h, looks, ClassId.RIDER), joint=joint))
    return parts


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
    bar = [(0.28, 0.0, 1.02), (0.31, 0.12, 1.03), (0.22, 0.27, 1.01)]
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


def bicycle(spec: Blueprint, style: int) -> Figure:
    """Return a city bicycle with a pedalling rider."""
    looks, h = people.looks_of(style), 0.975 * spec.height_m
    hip, lean = (-0.235, 0.0, 0.965), 0.42
    frame, steer = _bicycle_frame(spec)
    shoulder = _shoulder(h, hip, lean)
    rider = merge(
        [
            _seated(h, looks, hip, lean, helmet=("sign white", "visor")[style % 2]),
            _arms(shoulder, (0.24, 0.25, 1.03), 0.04, h, looks),
        ]
    )
    body = _fit_height(rider, spec.height_m, hip[2])
    wheel = cycle_wheel(spec.wheel_radius_m, 0.042, spec.class_id, spokes=12, spoke_m=0.004)
    parts = [Part(shape=merge([frame, body])), _steered(spec, steer), *_two_wheels(spec, wheel)]
    parts += _pedalling(spec, looks, hip, (-0.08, 0.0, 0.29), len(parts))
    return Figure(parts=tuple(parts), phase_gain=_GEAR)


def _fit_height(rider: Soup, height_m: float, hip_m: float) -> Soup:
    """Return the rider with the trunk stretched so that the crown is at the blueprint's height."""
    top = float(rider.bounds_m[1][2])
    corners = rider.corners_m.copy()
    above = np.maximum(corners[..., 2] - hip_m, 0)
    corners[..., 2] += above * ((height_m - hip_m) / (top - hip_m) - 1)
    return Soup(
        corners_m=corners, uv_m=rider.uv_m, material=rider.material, class_id=rider.class_id
    )


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
            box((0.46, 0.34, 0.34), (0.06, 0, 0.47), metal),
            box((0.60, 0.26, 0.14), (0.02, 0, 0.28), dark),
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
            both_sides(sphere((0.40, 0.33, 1.18), (0.03, 0.065, 0.04), dark, 8)),
            both_sides(tube([(0.36, 0.28, 1.04), (0.40, 0.32, 1.17)], [0.008, 0.008], dark, 5)),
        ]
    )


def motorcycle(spec: Blueprint, style: int) -> Figure:
    """Return a roadster with a rider in a full-face helmet."""
    looks, h = people.looks_of(style), spec.height_m
    hip, lean = (-0.28, 0.0, 0.90), 0.30
    knee, ankle = (0.13, 0.20, 0.80), (-0.14, 0.19, 0.42)
    leg = merge(
        [
            _limb((hip[0], 0.10, hip[2]), knee, (0.085, 0.062), "trousers"),
            _limb(knee, ankle, (0.060, 0.045), "trousers"),
            moved(people.foot(h, looks, ClassId.RIDER), by_m=ankle),
        ]
    )
    rider = merge(
        [
            _seated(h, looks, hip, lean, helmet="helmet"),
            _arms(_shoulder(h, hip, lean), (0.32, 0.36, 1.05), 0.08, h, looks),
        ]
    )
    body = merge([_motor_body(spec), _fit_height(rider, spec.height_m, 1.10), both_sides(leg)])
    wheel = cycle_wheel(spec.wheel_radius_m, 0.14, spec.class_id, spokes=6, spoke_m=0.035)
    return Figure(
        parts=(Part(shape=body), _steered(spec, _motor_front(spec)), *_two_wheels(spec, wheel))
    )
