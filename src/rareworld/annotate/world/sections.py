"""Smooth closed bodies through elliptic sections, with a material per band.

What a person is made of: `rings` turns rows of numbers into rings of points, `skinned` closes them
to a body. Ten sides or more keep neighbouring faces within the crease angle, so that normals are
smooth. Proved in tests/annotate/world/test_sections.py.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import Soup, circle, face_normals
from rareworld.core.taxonomy import ClassId

Row = tuple[float, float, float, float, float]
"""Section: height, reach to the front, to the back, to each side, and its middle along x."""

SIDES: Final = 10


def rings(
    rows: Sequence[Row], scale_m: float, sides: int = SIDES, power: float = 2.0
) -> Float[np.ndarray, "n m 3"]:
    """Return sections as rings of points; a higher power than 2 squares them."""
    ring = circle(sides)
    ring = np.sign(ring) * np.abs(ring) ** (2 / power)
    made: list[np.ndarray] = []
    for z, front, back, wide, x in rows:
        deep = np.where(ring[:, 0] > 0, front, back)
        made.append(np.column_stack([x + ring[:, 0] * deep, ring[:, 1] * wide, 0 * deep + z]))
    return np.stack(made) * scale_m


def skinned(rings_m: Float[np.ndarray, "n m 3"], names: Sequence[str], class_id: ClassId) -> Soup:
    """Return a closed body through rings from below upward (or above downward).

    Args:
        rings_m: Sections; both ends are closed.
        names: Material of each band between two rings, then none for the ends.
        class_id: Class of all faces.

    Texture coordinates are zero: nothing that people wear has a texture.
    """
    p = np.asarray(rings_m, dtype=np.float64)
    bands = [material(name) for name in names]
    if p[0, :, 2].mean() > p[-1, :, 2].mean():
        p, bands = p[::-1], bands[::-1]
    ends = [np.broadcast_to(ring.mean(axis=0), ring.shape)[None] for ring in (p[0], p[-1])]
    p = np.concatenate([ends[0], p, ends[1]])
    low, high = p[:-1], p[1:]
    low_next, high_next = np.roll(low, -1, axis=1), np.roll(high, -1, axis=1)
    corners = np.stack([low, low_next, high_next, low, high_next, high], axis=2).reshape(-1, 3, 3)
    kept = np.linalg.norm(face_normals(corners), axis=1) > 2e-11
    of_band = np.array([bands[0], *bands, bands[-1]], dtype=np.int32)
    return Soup(
        corners_m=corners[kept],
        uv_m=np.zeros((int(kept.sum()), 3, 2)),
        material=np.repeat(of_band, 2 * p.shape[1])[kept],
        class_id=np.full(int(kept.sum()), int(class_id), dtype=np.uint8),
    )


def fat(rows: Sequence[Row], factor: float) -> list[Row]:
    """Return sections made wider and deeper by a factor."""
    return [(z, f * factor, b * factor, w * factor, x) for z, f, b, w, x in rows]


def lowered(rows: Sequence[Row], dz: float) -> list[Row]:
    """Return sections shifted down by `dz`."""
    return [(z - dz, f, b, w, x) for z, f, b, w, x in rows]
