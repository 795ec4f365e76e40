"""Trees of several species: trunk, limbs and thousands of loose leaf cards with sky between.

Leaves sit in clumps at the ends of branches that fill a species' envelope (space filling by the
golden angle, after the particle trees of Reeves & Blau 1985). Cards are shaded as parts of a round
crown, which is how foliage looks from afar. Proved in tests/annotate/world/test_trees.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.kit import joined
from rareworld.annotate.world.materials import material, skin
from rareworld.annotate.world.mesh import Soup, Vec3, finish, merge, tube
from rareworld.annotate.world.model import Mesh
from rareworld.core.geometry import FloatArray
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId

VARIANTS = 3
"""Different trees of one species."""
CARDS = (5600, 1500, 420)
"""Leaf cards of a tree that is near, far, very far."""
_REACH, _SIDE = (0.45, 0.75, 0.97), (1.45, 1.0, 0.48)
"""Size of cards by their place in a clump: large ones fill its heart, small ones draw its rim."""
_HEART = 0.6
"""Nearer to the middle of a clump than this share of its radius leaves are those of the shade."""
_GOLDEN_RAD = 2.399963
_GREEN = ClassId.VEGETATION

Envelope = Callable[[FloatArray], FloatArray]
"""Radius of the crown as a share of its largest, by height within the crown (0 to 1)."""


@final
@dataclass(frozen=True, kw_only=True)
class Species:
    """How one kind of tree grows; lengths as shares of the height or of the crown's radius."""

    leaves: tuple[str, str, str]
    """Materials of leaves inside the crown, between, outside."""
    bark: str = "bark"
    base: float
    """Height of the lowest branches."""
    envelope: Envelope
    clumps: int
    clump: float = 0.20
    """Radius of a clump of leaves."""
    leaf_m: float = 0.30
    """Side of a card of a near tree."""
    trunk: float = 0.024
    """Radius of the trunk."""
    droop: float = 0.0
    """How much branches hang."""
    cards: float = 1.0
    """Share of the usual number."""
    hollow: float = 0.45
    """Inner radius without clumps."""


def _round(t: FloatArray) -> FloatArray:
    return np.sin(np.pi * (0.14 + 0.80 * t)) ** 0.75


def _broad(t: FloatArray) -> FloatArray:
    return np.sin(np.pi * (0.22 + 0.68 * t)) ** 0.55


def _slim(t: FloatArray) -> FloatArray:
    return np.sin(np.pi * (0.10 + 0.84 * t)) ** 0.8


def _cone(t: FloatArray) -> FloatArray:
    return 1.02 - t


def _umbrella(t: FloatArray) -> FloatArray:
    return np.sqrt(np.clip(1 - (t - 0.35) ** 2 / 0.5, 0.05, 1))


_GREENS = ("leaves dark", "leaves", "leaves light")
_DEEP = ("leaves dark", "leaves dark", "leaves")
_NEEDLES = ("needles dark", "needles", "needles")

SPECIES: tuple[Species, ...] = (
    Species(leaves=_GREENS, base=0.24, envelope=_round, clumps=74),
    Species(leaves=_DEEP, base=0.22, envelope=_broad, clumps=80, clump=0.19),
    Species(
        leaves=("leaves", "leaves light", "leaves light"), bark="bark pale", base=0.30,
        envelope=_broad, clumps=66, clump=0.21, leaf_m=0.34, trunk=0.028,
    ),
    Species(
        leaves=("leaves", "leaves light", "leaves light"), bark="bark birch", base=0.26,
        envelope=_slim, clumps=62, clump=0.20, leaf_m=0.20, trunk=0.014, droop=0.35, cards=0.95,
        hollow=0.2,
    ),
    Species(
        leaves=_GREENS, base=0.10, envelope=_slim, clumps=84, clump=0.34, leaf_m=0.24,
        trunk=0.016, hollow=0.1,
    ),
    Species(
        leaves=_NEEDLES, base=0.06, envelope=_cone, clumps=120, clump=0.13, leaf_m=0.30,
        trunk=0.018, droop=0.5, hollow=0.35, cards=1.15,
    ),
    Species(
        leaves=_NEEDLES, bark="bark red", base=0.48, envelope=_umbrella, clumps=44, clump=0.22,
        leaf_m=0.24, trunk=0.020, hollow=0.2,
    ),
    Species(
        leaves=("leaves red", "leaves red", "leaves"), base=0.28, envelope=_round, clumps=56,
        clump=0.24, leaf_m=0.18, trunk=0.016, hollow=0.3, cards=0.8,
    ),
)  # fmt: skip
"""Lime, maple, plane, birch, poplar, spruce, pine, ornamental plum."""
LIME, MAPLE, PLANE, BIRCH, POPLAR, SPRUCE, PINE, PLUM = range(len(SPECIES))


def species_of(style: int) -> int:
    """Return the species of a tree's style; the rest of the style picks the variant."""
    return style % len(SPECIES)


def leaf_cards(
    centre: Float[np.ndarray, "n 3"],
    out: Float[np.ndarray, "n 3"],
    side_m: FloatArray,
    look: np.ndarray,
    rng: np.random.Generator,
) -> Mesh:
    """Return loose triangles, one per centre, that face mostly outwards and up.

    Args:
        centre: Where, metres.
        out: Unit normals of the crown there; cards are shaded by them in the main.
        side_m: Size of each.
        look: Material of each.
        rng: Its stream.
    """
    count = len(centre)
    face = 0.7 * out + [0, 0, 0.35] + 0.75 * rng.standard_normal((count, 3))
    face = _unit(face)
    u = _unit(np.cross(face, rng.standard_normal((count, 3))))
    v = np.cross(face, u)
    side = np.broadcast_to(side_m, (count,))[:, None]
    stretch = rng.uniform(0.7, 1.25, (count, 1))
    corners = np.stack(
        [centre - side * (0.55 * u + 0.4 * v), centre + side * (0.6 * u - 0.25 * v * stretch),
         centre + side * stretch * 0.75 * v], axis=1,
    )  # fmt: skip
    turned = np.where(np.sum(face * out, axis=1, keepdims=True) < 0, -face, face)
    shade = _unit(0.62 * out + 0.38 * turned)
    place = rng.uniform(0, 8, (count, 1, 2)) + np.array([[0, 0], [0.4, 0], [0.2, 0.4]])
    return Mesh(
        vertices_m=corners.reshape(-1, 3).astype(np.float32),
        normals=np.repeat(shade, 3, axis=0).astype(np.float32),
        uv_m=place.reshape(-1, 2).astype(np.float32),
        triangles=np.arange(3 * count, dtype=np.int32).reshape(-1, 3),
        material=look.astype(np.int32),
        class_id=np.full(count, int(_GREEN), dtype=np.uint8),
    )


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _clumps(kind: Species, size: Vec3, rng: np.random.Generator) -> Float[np.ndarray, "k 3"]:
    """Return the middles of clumps of leaves: in the envelope, more of them near its surface."""
    k = np.arange(kind.clumps)
    t = (k + rng.uniform(0.2, 0.8, kind.clumps)) / kind.clumps
    weight = kind.envelope(np.linspace(0, 1, 200)) + 0.12
    t = np.interp(t, np.cumsum(weight) / weight.sum(), np.linspace(0, 1, 200))
    angle = k * _GOLDEN_RAD + rng.uniform(-0.5, 0.5, kind.clumps)
    share = np.sqrt(rng.uniform(kind.hollow**2, 1.0, kind.clumps)) * (1 - kind.clump)
    away = kind.envelope(t) * share
    margin = kind.clump * size[0] / 2 * 0.6
    z = size[2] * kind.base + margin + t * (size[2] * (1 - kind.base) - 1.7 * margin)
    z -= kind.droop * away * size[0] * 0.16
    x, y = away * size[0] / 2 * np.cos(angle), away * size[1] / 2 * np.sin(angle)
    return np.column_stack([x, y, z])


def _foliage(
    kind: Species,
    size: Vec3,
    middle: Float[np.ndarray, "k 3"],
    detail: int,
    rng: np.random.Generator,
) -> Mesh:
    """Return the cards of all clumps."""
    count = round(CARDS[detail] * kind.cards)
    which = np.arange(count) % len(middle)
    radius = kind.clump * size[0] / 2 * rng.uniform(0.8, 1.35, len(middle))
    way = _unit(rng.standard_normal((count, 3)))
    reach = radius[which] * rng.uniform(0.02, 1.0, count) ** 0.42
    at = middle[which] + way * reach[:, None] * np.array([1.0, 1.0, 0.72])
    heart = np.array([0, 0, size[2] * (0.35 * 1 + 0.65 * kind.base + 0.12)])
    crown = _unit((at - heart) / np.array([1.0, 1.0, 1.3]))
    out = _unit(0.75 * crown + 0.45 * way)
    depth = np.linalg.norm((at - heart) / (np.array(size) / 2), axis=1) + rng.normal(0, 0.16, count)
    layer = np.clip(np.searchsorted([0.5, 0.95], depth), 0, 2)
    layer = np.where(reach < _HEART * radius[which], 0, layer)
    look = np.array([material(name) for name in kind.leaves])[layer]
    side = 0.7 * kind.leaf_m * (1.0, 1.8, 3.2)[detail] * rng.uniform(0.7, 1.3, count)
    side *= np.interp(reach / radius[which], _REACH, _SIDE)
    return leaf_cards(at, out, side, look, rng)


def _wood(kind: Species, size: Vec3, middle: Float[np.ndarray, "k 3"], detail: int) -> list[Soup]:
    """Return trunk and limbs; limbs lead to the middles of clumps."""
    bark, r, h = skin(kind.bark, _GREEN), kind.trunk * size[2], size[2]
    top = h * (0.80 if kind.base < 0.4 else 0.86)
    bow = 0.02 * h
    stem = tube(
        [(0, 0, -0.3), (0, 0, 0.12), (0, 0, 0.5), (bow, 0.3 * bow, 0.5 * h), (0, bow, top)],
        [1.9 * r, 1.45 * r, r, 0.72 * r, 0.15 * r], bark, (9, 6, 4)[detail],
    )  # fmt: skip
    made = [stem]
    for end in middle[:: (3, 6, 24)[detail]]:
        away = float(np.hypot(end[0], end[1]))
        foot = float(np.clip(end[2] - 0.9 * away - 0.05 * h, kind.base * 0.85 * h, top))
        foot = min(foot, float(end[2]) + kind.droop * away)
        knee = 0.55 * end + [0, 0, 0.45 * foot + 0.08 * away]
        knee[2] = max(knee[2], 0.5 * (foot + end[2]))
        thick = r * (0.45 - 0.28 * foot / h)
        path = np.stack([np.array([0.0, 0.0, foot]), knee, end])
        made.append(tube(path, [thick, 0.6 * thick, 0.012], bark, 4))
    return made


def make_tree(style: int, detail: int) -> Mesh:
    """Return a tree of its species' usual size, see `usual_size_m`.

    Args:
        style: Species and variant.
        detail: 0 near, 1 far, 2 very far.
    """
    number = species_of(style)
    variant = style // len(SPECIES) % VARIANTS
    kind, size = SPECIES[number], usual_size_m(number)
    middle = _clumps(kind, size, Seed(number).child("tree", variant).generator())
    rng = Seed(number).child("tree", variant, detail).generator()
    wood = finish(merge(_wood(kind, size, middle, detail)))
    return joined([wood, _foliage(kind, size, middle, detail, rng)])


def usual_size_m(species: int) -> Vec3:
    """Return the size at which a species is modelled."""
    return _USUAL_M[species]


_USUAL_M: tuple[Vec3, ...] = (
    (7.0, 7.0, 10.0), (8.0, 8.0, 10.0), (9.0, 9.0, 12.0), (4.6, 4.6, 10.0), (3.0, 3.0, 13.0),
    (5.0, 5.0, 12.0), (6.0, 6.0, 12.0), (4.5, 4.5, 5.5),
)  # fmt: skip


@final
@dataclass
class Nursery:
    """Trees grown so far; each kind, variant and detail once."""

    known: dict[tuple[int, int], Mesh] = field(default_factory=dict[tuple[int, int], Mesh])

    def tree(self, style: int, detail: int) -> tuple[Mesh, Vec3]:
        """Return a tree and the size at which it is modelled."""
        key = style % (len(SPECIES) * VARIANTS), detail
        if key not in self.known:
            self.known[key] = make_tree(*key)
        return self.known[key], usual_size_m(species_of(style))
