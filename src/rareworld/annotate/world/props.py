"""Street furniture and plants; `make_prop` builds any `Prop`, in its own size and style."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.buildings import building
from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import (
    Skin,
    Soup,
    Vec3,
    box,
    circle,
    extrude,
    face_normals,
    loft,
    merge,
    moved,
    soup,
    span_box,
    sphere,
    tube,
)
from rareworld.annotate.world.signals import post, sign_on_post
from rareworld.core.road import SignalKind
from rareworld.core.scene import Prop, PropKind
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId

_GREEN = ClassId.VEGETATION
_LEAVES = ("leaves", "leaves dark", "leaves light")


def _rough(shape: Soup, rng: np.random.Generator, share: float) -> Soup:
    """Return a blob whose surface is pushed in and out, the same for equal points."""
    middle = shape.corners_m.mean(axis=(0, 1))
    points = shape.corners_m.reshape(-1, 3)
    key = np.round(points * 1e4).astype(np.int64)
    first, number = np.unique(key, axis=0, return_index=True, return_inverse=True)[1:]
    factor = 1 + share * rng.uniform(-1, 1, len(first))
    pushed = middle + (points - middle) * factor[number.reshape(-1)][:, None]
    look = Skin(int(shape.material[0]), ClassId(int(shape.class_id[0])))
    return soup(pushed.reshape(-1, 3, 3), look)


def _leaf_cards(
    centre: Float[np.ndarray, "n 3"],
    out: Float[np.ndarray, "n 3"],
    size_m: float,
    rng: np.random.Generator,
    look: Skin,
) -> Soup:
    """Return loose triangles of foliage, visible from both sides, to fray the outline."""
    helper = rng.standard_normal(out.shape)
    u = np.cross(out, helper)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(out, u) * 0.6 + out * rng.uniform(-0.7, 0.7, (len(out), 1))
    u, v = u * size_m, v * size_m
    card = np.stack([centre - u, centre + u - 0.4 * v, centre + v], axis=1)
    normal = face_normals(card)
    lift = 0.003 * (normal / np.linalg.norm(normal, axis=1, keepdims=True))[:, None]
    return soup(np.concatenate([card + lift, card[:, ::-1] - lift]), look)


def _crown(
    blobs: list[tuple[Vec3, Vec3]], rng: np.random.Generator, look: Skin, cards: int
) -> list[Soup]:
    """Return rough ellipsoids with leaves sticking out of them."""
    made: list[Soup] = []
    for centre, radii in blobs:
        made.append(_rough(sphere(centre, radii, look, 10), rng, 0.10))
        way = rng.standard_normal((cards, 3))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        at = np.asarray(centre) + way * np.asarray(radii) * rng.uniform(0.90, 1.06, (cards, 1))
        made.append(_leaf_cards(at, way, 0.16 * float(np.mean(radii)) + 0.10, rng, look))
    return made


def _broad_blobs(size: Vec3, rng: np.random.Generator, *, slim: bool) -> list[tuple[Vec3, Vec3]]:
    """Return the blobs of a broad-leaved tree within its box."""
    rx, ry, h = size[0] / 2, size[1] / 2, size[2]
    low = (0.22 if slim else 0.34) * h
    count = 7 if slim else 9
    made: list[tuple[Vec3, Vec3]] = []
    for k in range(count):
        share = (k + 0.5) / count
        belly = np.sin(np.pi * (0.15 + 0.80 * share)) ** 0.7
        angle, away = 2.4 * k + rng.uniform(0, 0.6), (0.25 if slim else 0.50) * belly
        part = (0.72 if slim else 0.50) * (0.55 + 0.45 * belly)
        tall = (0.16 if slim else 0.19) * h
        z = low + tall * 0.8 + (h - low - 1.8 * tall) * share
        made.append(
            (
                (away * rx * float(np.cos(angle)), away * ry * float(np.sin(angle)), float(z)),
                (part * rx, part * ry, tall),
            )
        )
    return made


def _trunk(height_m: float, radius_m: float) -> list[Soup]:
    """Return a tapering trunk with three branches."""
    bark, r, h = skin("bark", _GREEN), radius_m, height_m
    stem = tube(
        [(0, 0, -0.3), (0, 0, 0.15), (0.1 * r, 0, 0.5 * h), (0, 0, h)],
        [1.5 * r, 1.1 * r, 0.85 * r, 0.4 * r],
        bark,
        8,
    )
    arms = [
        tube(
            [(0, 0, 0.55 * h), (1.0 * h * 0.28 * c, 0.28 * h * s, 0.95 * h)],
            [0.5 * r, 0.2 * r],
            bark,
            6,
        )
        for c, s in ((1.0, 0.1), (-0.6, 0.7), (-0.4, -0.8))
    ]
    return [stem, *arms]


def _conifer(size: Vec3, rng: np.random.Generator, look: Skin) -> list[Soup]:
    """Return tiers of drooping cones with ragged hems."""
    rx, ry, h = size[0] / 2, size[1] / 2, size[2]
    made = [tube([(0, 0, -0.3), (0, 0, 0.3 * h)], [0.035 * h, 0.03 * h], skin("bark", _GREEN), 7)]
    tiers = 7
    for k in range(tiers):
        low, high = 0.10 * h + 0.125 * h * k, 0.10 * h + 0.125 * h * k + 0.26 * h
        wide = 1 - k / (tiers + 0.4)
        ragged = wide * np.where(np.arange(14) % 2 == 0, 1.0, 0.72) * rng.uniform(0.88, 1.0, 14)
        hem = circle(14) * ragged[:, None] * np.array([rx, ry])
        ring = np.column_stack([hem, np.full(14, low)])
        inner = np.column_stack([hem * 0.45, np.full(14, low + 0.07 * h)])
        tip = np.column_stack([hem * 0.02, np.full(14, min(high, h))])
        made.append(loft(np.stack([inner, ring, tip]), look))
    return made


def tree(size_m: Vec3, style: int) -> Soup:
    """Return a broad tree, a slim one or a conifer."""
    rng = Seed(style).child("tree").generator()
    look = skin(_LEAVES[style // 4 % 3], _GREEN)
    if style % 4 == 3:
        return merge(_conifer(size_m, rng, skin("leaves dark", _GREEN)))
    slim = style % 4 == 2
    blobs = _broad_blobs(size_m, rng, slim=slim)
    trunk = _trunk(0.55 * size_m[2], 0.022 * size_m[2] + 0.04)
    return merge([*trunk, *_crown(blobs, rng, look, 34)])


def hedge(size_m: Vec3, style: int) -> Soup:
    """Return a clipped hedge with a leafy skin."""
    rng = Seed(style).child("hedge").generator()
    look = skin(_LEAVES[style % 2], _GREEN)
    x, y, z = size_m
    body = box((x, 0.92 * y, 0.97 * z), (0, 0, 0.485 * z), look)
    count = int(min(14 * (x + y) * z, 260))
    way = rng.standard_normal((count, 3))
    way[:, 2] = np.abs(way[:, 2])
    scale = np.abs(way) / np.array([x, y, z])
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    flat = np.argmax(scale, axis=1)
    at = rng.uniform(-0.5, 0.5, (count, 3))
    at[np.arange(count), flat] = 0.48 * np.sign(way[np.arange(count), flat])
    at = (at + np.array([0.0, 0.0, 0.5])) * np.array([x, 0.92 * y, 0.97 * z])
    return merge([body, _leaf_cards(at, way, 0.11, rng, look)])


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
    head = box((0.62, 0.22, 0.10), (reach, 0, h - 0.05), metal)
    glass = box(
        (0.46, 0.17, 0.03), (reach + 0.03, 0, h - 0.115), skin("window blind", ClassId.POLE)
    )
    return merge([*arm, extrude(circle(10) * 0.13, -0.2, 0.9, metal), head, glass])


def pole(size_m: Vec3, style: int) -> Soup:
    """Return a plain post, of steel or wood."""
    radius = max(min(size_m[0], size_m[1]) / 2, 0.04)
    return post(size_m[2], radius, ("steel", "wood")[style % 2])


def sign(size_m: Vec3, style: int) -> Soup:
    """Return a traffic sign on a post."""
    kinds = (SignalKind.SPEED_LIMIT, SignalKind.OTHER, SignalKind.YIELD, SignalKind.STOP)
    return sign_on_post(kinds[style % 4], max(size_m[2] - 0.4, 1.0))


def _along(length_m: float, gap_m: float) -> list[float]:
    """Return evenly spaced places along a length, ends included."""
    count = max(int(np.ceil(length_m / gap_m)), 1)
    return np.linspace(-length_m / 2, length_m / 2, count + 1).tolist()


def fence(size_m: Vec3, style: int) -> Soup:
    """Return a wooden picket fence or a steel railing along x."""
    x, _, h = size_m
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


BUILDERS: dict[PropKind, Callable[[Vec3, int], Soup]] = {
    PropKind.BUILDING: building,
    PropKind.TREE: tree,
    PropKind.HEDGE: hedge,
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
}
"""Who builds what; each takes (length, width, height) and a style and stands on z = 0."""


def make_prop(prop: Prop) -> Soup:
    """Return a prop in the world frame."""
    shape = BUILDERS[prop.kind](prop.size_m, prop.style)
    return moved(shape, yaw_rad=prop.yaw_rad, by_m=prop.position_m)
