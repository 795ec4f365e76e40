"""Posts, fences, benches and shelters; `BUILDERS` knows every kind made of plain surfaces.

Houses and plants are made by `buildings`, `trees` and `plants`; `prop_shop` makes any prop.
"""

from collections.abc import Callable

import numpy as np

from rareworld.annotate.world.furniture import (
    ad_column,
    bike_rack,
    cabinet,
    cone,
    gantry,
    hoarding,
    meter,
    noise_wall,
    wire,
    wooden_pole,
)
from rareworld.annotate.world.islands import bridge, island
from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import (
    Soup,
    Vec3,
    box,
    circle,
    extrude,
    loft,
    merge,
    span_box,
    sphere,
    tube,
)
from rareworld.annotate.world.signals import post, sign_on_post
from rareworld.annotate.world.signs import PICTOGRAMS, pictogram
from rareworld.core.road import SignalKind
from rareworld.core.scene import PropKind
from rareworld.core.taxonomy import ClassId


def street_lamp(size_m: Vec3, style: int) -> Soup:
    """Return a lamp on a curved arm that reaches along +x."""
    h, reach = size_m[2], max(size_m[0] - 0.3, 1.0)
    metal = skin(("steel", "steel green", "steel dark")[style % 3], ClassId.POLE)
    path = [
        (0, 0, -0.3),
        (0, 0, 0.82 * h),
        (0.12 * reach, 0, 0.93 * h),
        (0.5 * reach, 0, 0.985 * h),
        (reach, 0, h - 0.06),
    ]
    arm = [
        tube(path[k : k + 2], [0.085 - 0.012 * k, 0.073 - 0.012 * k], metal, 8) for k in range(4)
    ]
    tall = (0.10, 0.06)[style // 3 % 2]
    head = box((0.62, (0.22, 0.30)[style // 3 % 2], tall), (reach, 0, h - 0.10 + tall / 2), metal)
    glass = box(
        (0.46, 0.17, 0.03), (reach + 0.03, 0, h - 0.115), skin("street lamp glass", ClassId.POLE)
    )
    return merge([*arm, extrude(circle(10) * 0.13, -0.2, 0.9, metal), head, glass])


def pole(size_m: Vec3, style: int) -> Soup:
    """Return a plain steel post, or the wooden mast of an overhead line."""
    if style % 2:
        return wooden_pole(size_m, style)
    radius = max(min(size_m[0], size_m[1]) / 2, 0.04)
    return post(size_m[2], radius, "steel")


def sign(size_m: Vec3, style: int) -> Soup:
    """Return a traffic sign on a post: those of maps for styles below four, else a pictogram."""
    kinds = (SignalKind.SPEED_LIMIT, SignalKind.OTHER, SignalKind.YIELD, SignalKind.STOP)
    high = max(size_m[2] - 0.4, 1.0)
    if style < len(kinds):
        return sign_on_post(kinds[style], high)
    names = tuple(PICTOGRAMS)
    layers = PICTOGRAMS[names[style % len(names)]]
    return merge([post(high + 0.25, 0.035, "steel"), pictogram(layers, high)])


def _along(length_m: float, gap_m: float) -> list[float]:
    """Return evenly spaced places along a length, ends included."""
    count = max(int(np.ceil(length_m / gap_m)), 1)
    return np.linspace(-length_m / 2, length_m / 2, count + 1).tolist()


def _pasture_fence(x: float, h: float) -> Soup:
    """Return round posts with three rails."""
    look = skin("wood", ClassId.FENCE)
    posts = [box((0.10, 0.10, h + 0.3), (at, 0, h / 2 - 0.15), look) for at in _along(x, 2.8)]
    rails = [box((x, 0.05, 0.09), (0, 0.06, share * h), look) for share in (0.35, 0.65, 0.93)]
    return merge([*posts, *rails])


def fence(size_m: Vec3, style: int) -> Soup:
    """Return a wooden picket fence or a steel railing along x."""
    x, _, h = size_m
    if style == _PASTURE:
        return _pasture_fence(x, h)
    look = skin(("wood", "steel dark", "steel green")[style % 3], ClassId.FENCE)
    gap, wide = ((0.22, 0.10), (0.16, 0.025), (0.16, 0.025))[style % 3]
    posts = [box((0.09, 0.09, h), (at, 0, h / 2), look) for at in _along(x, 2.5)]
    rails = [box((x, 0.04, 0.06), (0, 0, share * h), look) for share in (0.22, 0.84)]
    bars = [box((wide, 0.022, 0.86 * h), (at, 0.03, 0.5 * h), look) for at in _along(x, gap)]
    return merge([*posts, *rails, *bars])


def wall(size_m: Vec3, style: int) -> Soup:
    """Return a masonry wall with a coping."""
    x, y, h = size_m
    look = skin(("brick red", "concrete", "plaster grey", "brick pale")[style % 4], ClassId.WALL)
    cap = box((x, y + 0.08, 0.08), (0, 0, h - 0.04), skin("kerb", ClassId.WALL))
    return merge([span_box((-x / 2, -y / 2, -0.5), (x / 2, y / 2, h - 0.08), look), cap])


def guard_rail(size_m: Vec3, style: int) -> Soup:
    """Return a W-beam on posts along x; its face looks to -y, or to +y for odd styles."""
    x, y, h = size_m
    steel, side = skin("steel", ClassId.GUARD_RAIL), -1.0 if style % 2 == 0 else 1.0
    wave = np.array(
        [
            (0.0, 0.0),
            (0.0, 0.06),
            (0.07, 0.11),
            (0.0, 0.155),
            (0.07, 0.20),
            (0.0, 0.25),
            (0.0, 0.31),
        ]
    )
    front = np.column_stack([side * (y / 2 - 0.08 + wave[:, 0]), h - 0.31 + wave[:, 1]])
    back = front[::-1] - [side * 0.012, 0]
    ring = np.concatenate([front, back])
    ends = [np.column_stack([np.full(len(ring), at), ring]) for at in (-x / 2, x / 2)]
    posts = [box((0.10, 0.12, h), (at, -side * 0.06, h / 2 - 0.03), steel) for at in _along(x, 2.0)]
    return merge([loft(np.stack(ends), steel), *posts])


def bench(size_m: Vec3, style: int) -> Soup:
    """Return a slatted bench that faces +y."""
    x, y, h = size_m
    timber, legs = (
        skin(("wood", "steel")[style % 2], ClassId.STATIC),
        skin("steel dark", ClassId.STATIC),
    )
    seat = [box((x, 0.24 * y, 0.04), (0, (k - 0.8) * 0.27 * y, 0.44), timber) for k in range(3)]
    back = [
        box((x, 0.035, 0.11), (0, -0.42 * y - 0.03 * k, 0.58 + 0.16 * k), timber) for k in range(2)
    ]
    feet = [box((0.07, 0.8 * y, 0.42), (at, 0, 0.21), legs) for at in (-0.38 * x, 0.38 * x)]
    arms = [
        box((0.06, 0.05, h - 0.1), (at, -0.44 * y, h / 2 - 0.05), legs)
        for at in (-0.38 * x, 0.38 * x)
    ]
    return merge([*seat, *back, *feet, *arms])


def bin_(size_m: Vec3, style: int) -> Soup:
    """Return a litter bin with a lid."""
    look = skin(("steel green", "steel dark")[style % 2], ClassId.STATIC)
    ring = circle(12) * np.array([size_m[0] / 2, size_m[1] / 2])
    h = size_m[2]
    return merge(
        [
            extrude(0.92 * ring, 0.0, 0.80 * h, look),
            extrude(0.80 * ring, 0.80 * h, 0.90 * h, skin("sign black", ClassId.STATIC)),
            extrude(ring, 0.90 * h, h, look),
        ]
    )


def bus_shelter(size_m: Vec3, style: int) -> Soup:
    """Return a glazed shelter open to +y, with a bench and a poster case."""
    x, y, h = size_m
    kind = ClassId.STATIC
    frame, glass = skin(("steel dark", "steel")[style % 2], kind), skin("glass pane", kind)
    posts = [
        box((0.08, 0.08, h), (sx * (x / 2 - 0.06), sy * (y / 2 - 0.06), h / 2), frame)
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    return merge(
        [
            *posts,
            box((x, y, 0.12), (0, 0, h - 0.06), frame),
            box((x - 0.3, 0.02, h - 0.75), (0, -y / 2 + 0.06, h / 2 + 0.05), glass),
            box((0.02, y - 0.3, h - 0.75), (-x / 2 + 0.06, 0, h / 2 + 0.05), glass),
            box(
                (0.14, y - 0.25, h - 0.55),
                (x / 2 - 0.08, 0, h / 2 + 0.02),
                skin("sign white", kind),
            ),
            box((0.55 * x, 0.34, 0.06), (-0.1 * x, -y / 2 + 0.38, 0.47), skin("wood", kind)),
            box((0.5 * x, 0.05, 0.44), (-0.1 * x, -y / 2 + 0.38, 0.22), frame),
        ]
    )


def bollard(size_m: Vec3, style: int) -> Soup:
    """Return a bollard with a pale band."""
    look = skin(("steel dark", "concrete")[style % 2], ClassId.STATIC)
    ring, h = circle(12) * np.array([size_m[0] / 2, size_m[1] / 2]), size_m[2]
    cap: Vec3 = (size_m[0] / 2, size_m[1] / 2, 0.08 * h)
    return merge(
        [
            extrude(0.94 * ring, -0.2, 0.92 * h, look),
            extrude(ring, 0.72 * h, 0.82 * h, skin("sign white", ClassId.STATIC)),
            sphere((0, 0, 0.92 * h), cap, look, 12),
        ]
    )


_PASTURE = 3
"""Style of fences in fields."""

BUILDERS: dict[PropKind, Callable[[Vec3, int], Soup]] = {
    PropKind.STREET_LAMP: street_lamp,
    PropKind.POLE: pole,
    PropKind.SIGN: sign,
    PropKind.FENCE: fence,
    PropKind.WALL: wall,
    PropKind.GUARD_RAIL: guard_rail,
    PropKind.BENCH: bench,
    PropKind.BIN: bin_,
    PropKind.BUS_SHELTER: bus_shelter,
    PropKind.BOLLARD: bollard,
    PropKind.CABINET: cabinet,
    PropKind.AD_COLUMN: ad_column,
    PropKind.METER: meter,
    PropKind.BIKE_RACK: bike_rack,
    PropKind.WIRE: wire,
    PropKind.HOARDING: hoarding,
    PropKind.CONE: cone,
    PropKind.GANTRY: gantry,
    PropKind.NOISE_WALL: noise_wall,
    PropKind.ISLAND: island,
    PropKind.BRIDGE: bridge,
}
"""Who builds what; each takes (length, width, height) and a style and stands on z = 0."""
