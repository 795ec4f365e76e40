"""Hedges, bushes and flower beds: a dark heart under a skin of loose leaves.

Proved in tests/annotate/world/test_trees.py.
"""

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.kit import Kit, faceted, joined
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import Vec3
from rareworld.annotate.world.model import Mesh
from rareworld.annotate.world.trees import leaf_cards
from rareworld.core.geometry import FloatArray
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId

_GREEN = ClassId.VEGETATION
_MOST_CARDS = 1500


def _looks(names: tuple[str, ...], count: int, rng: np.random.Generator) -> np.ndarray:
    return np.array([material(name) for name in names])[rng.integers(len(names), size=count)]


def _on_box(
    size: Vec3, count: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"]]:
    """Return points on the top and the sides of a box, and their normals, by area."""
    x, y, z = size
    area = np.array([x * y, x * z, x * z, y * z, y * z])
    normal = np.array([[0, 0, 1], [0, 1, 0], [0, -1, 0], [1, 0, 0], [-1, 0, 0]], dtype=np.float64)
    side = np.searchsorted(np.cumsum(area) / area.sum(), rng.random(count)).clip(0, 4)
    at = rng.uniform(-0.5, 0.5, (count, 3))
    out = normal[side]
    at = np.where(out != 0, 0.5 * out, at)
    return (at + np.array([0.0, 0.0, 0.5])) * np.array(size), out


def hedge(size_m: Vec3, style: int, detail: int) -> Mesh:
    """Return a clipped hedge along x whose top is not quite level."""
    rng = Seed(style).child("hedge").generator()
    x, y, z = size_m
    heart = Kit(_GREEN)
    count = max(int(x / 1.1), 1)
    edge = np.linspace(-x / 2, x / 2, count + 1)
    top = 0.90 * z + 0.05 * z * rng.uniform(-1, 1, count)
    low = np.column_stack([edge[:-1], np.full(count, -0.42 * y), np.full(count, -0.1)])
    heart.box("hedge", low, np.column_stack([edge[1:], np.full(count, 0.42 * y), top]))
    fine = (1.0, 0.35, 0.12)[detail]
    cards = int(min(75 * (2 * x * z + x * y) * fine, _MOST_CARDS))
    at, out = _on_box((x, 0.9 * y, 0.93 * z), cards, rng)
    wave = 0.05 * np.sin(2.1 * at[:, 0] + style) + 0.035 * np.sin(5.3 * at[:, 0])
    at += out * (wave[:, None] + rng.normal(0, 0.02, (cards, 1)))
    look = _looks(("hedge", "leaves", "hedge", "leaves dark"), cards, rng)
    side = rng.uniform(0.08, 0.15, cards) / np.sqrt(fine)
    return joined([faceted(heart.soup()), leaf_cards(at, out, side, look, rng)])


def bush(size_m: Vec3, style: int, detail: int) -> Mesh:
    """Return a round bush; some flower."""
    rng = Seed(style).child("bush").generator()
    fine = (1.0, 0.4, 0.15)[detail]
    count = int(620 * fine)
    way = rng.standard_normal((count, 3))
    way[:, 2] = np.abs(way[:, 2]) - 0.25
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    share = rng.uniform(0.35, 1.0, (count, 1)) ** 0.5
    lump = 0.85 + 0.15 * np.sin(4 * way[:, :1] + style) * np.cos(3 * way[:, 1:2])
    radii = np.array([size_m[0] / 2, size_m[1] / 2, 0.62 * size_m[2]])
    at = way * share * lump * radii + [0, 0, 0.36 * size_m[2]]
    names = (
        ("leaves", "leaves dark", "leaves light"),
        ("leaves dark", "hedge", "leaves"),
        ("leaves", "leaves light", "blossom white"),
        ("leaves red", "leaves red", "leaves"),
    )
    look = _looks(names[style % 4], count, rng)  # fmt: skip
    side = rng.uniform(0.10, 0.20, count) / np.sqrt(fine)
    return leaf_cards(at, way, side, look, rng)


def flower_bed(size_m: Vec3, style: int, detail: int) -> Mesh:
    """Return a planter of stone or wood with flowers."""
    rng = Seed(style).child("bed").generator()
    x, y, h = size_m
    trough = Kit(_GREEN)
    rim = ("stone", "wood", "concrete")[style % 3]
    high = 0.6 * h
    for low, top in (
        ((-x / 2, -y / 2), (x / 2, -y / 2 + 0.1)), ((-x / 2, y / 2 - 0.1), (x / 2, y / 2)),
        ((-x / 2, -y / 2), (-x / 2 + 0.1, y / 2)), ((x / 2 - 0.1, -y / 2), (x / 2, y / 2)),
    ):  # fmt: skip
        trough.box(rim, (*low, -0.1), (*top, high))
    trough.panel("earth", (-x / 2, -y / 2, high - 0.08), (x, 0, 0), (0, y, 0))
    count = int(70 * x * y * (1.0, 0.4, 0.15)[detail]) + 8
    at = np.column_stack([
        rng.uniform(-0.47, 0.47, (count, 2)) * [x, y], high + rng.uniform(0, 0.4 * h, count)
    ])  # fmt: skip
    out: FloatArray = rng.standard_normal((count, 3)) * 0.6 + np.array([0.0, 0.0, 1.0])
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    flowers = ("blossom red", "blossom yellow", "blossom white")
    look = _looks(("leaves", "leaves light", flowers[style // 3 % 3]), count, rng)
    side = rng.uniform(0.06, 0.12, count) * (1.0, 1.5, 2.4)[detail]
    return joined([faceted(trough.soup()), leaf_cards(at, out, side, look, rng)])
