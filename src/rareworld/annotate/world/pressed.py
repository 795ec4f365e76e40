"""Patches pressed onto a body: windows, lamps, gaps and stripes that follow its curves.

A patch is a grid of points in a plane across one axis; each point is moved along the axis onto
the body and then a few millimetres off it. Only the body's triangles that face the onlooker and
lie under the patch are searched, so that a car takes a hundred patches in a few milliseconds.
Proved in tests/annotate/world/test_pressed.py against `mesh.surface_at`.
"""

from collections.abc import Sequence
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.mesh import Skin, Soup, face_normals, sheet, soup, surface_at
from rareworld.core.geometry import FloatArray

Corner = tuple[float, float]
"""A place in a patch's plane."""
Quad = tuple[Corner, Corner, Corner, Corner]
"""Corners of a patch: inner low, outer low, outer high, inner high."""


def spread(quad: Quad, cells: tuple[int, int]) -> Float[np.ndarray, "n m 2"]:
    """Return the bilinear grid of a quad; the first axis runs from its first to second corner."""
    a, b, c, d = (np.asarray(corner, dtype=np.float64) for corner in quad)
    s = np.linspace(0, 1, cells[0] + 1)[:, None, None]
    t = np.linspace(0, 1, cells[1] + 1)[:, None]
    return (1 - s) * ((1 - t) * a + t * d) + s * ((1 - t) * b + t * c)


def within(quad: Quad, s: Corner, t: Corner) -> Quad:
    """Return the part of a quad between two shares along (s) and across (t)."""
    (a, d), (b, c) = spread(quad, (1, 1))

    def at(along: float, across: float) -> Corner:
        x, y = (1 - along) * ((1 - across) * a + across * d) + along * (
            (1 - across) * b + across * c
        )
        return float(x), float(y)

    return at(s[0], t[0]), at(s[1], t[0]), at(s[1], t[1]), at(s[0], t[1])


@final
class Pressed:
    """A body that takes patches."""

    def __init__(self, shape: Soup) -> None:
        self.shape = shape
        normal = face_normals(shape.corners_m)
        self._unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
        self._low = shape.corners_m.min(axis=1)
        self._high = shape.corners_m.max(axis=1)

    def on(
        self, axis: int, side: int, plane_m: Float[np.ndarray, "*s 2"]
    ) -> Float[np.ndarray, "*s 3"]:
        """Return where rays along an axis first meet the body.

        Args:
            axis: 0 (plane is y, z), 1 (x, z) or 2 (x, y).
            side: +1 to look from the positive end, -1 from the negative end.
            plane_m: Points in that plane.

        Raises:
            ValueError: If a point passes the body by.
        """
        flat = plane_m.reshape(-1, 2)
        across = [0, 1, 2]
        across.remove(axis)
        low, high = flat.min(axis=0), flat.max(axis=0)
        near = (self._low[:, across] <= high + 1e-6).all(axis=1)
        near &= (self._high[:, across] >= low - 1e-6).all(axis=1)
        near &= side * self._unit[:, axis] > 1e-6
        part = Soup(
            corners_m=self.shape.corners_m[near], uv_m=self.shape.uv_m[near],
            material=self.shape.material[near], class_id=self.shape.class_id[near],
        )  # fmt: skip
        if not part.size:
            raise ValueError(f"points miss the body: {flat[:3].tolist()}")
        return surface_at(part, axis, side, flat).reshape(*plane_m.shape[:-1], 3)

    def patch(
        self, axis: int, side: int, plane_m: Float[np.ndarray, "n m 2"], skin: Skin,
        lift_m: float = 0.006,
    ) -> Soup:  # fmt: skip
        """Return a patch that stands `lift_m` proud of the body and looks along the axis."""
        points = self.on(axis, side, plane_m)
        along, over = (np.gradient(points, axis=k) for k in (0, 1))
        normal = np.cross(along, over)
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
        turned = side * float(normal[..., axis].sum()) < 0
        points = points + (-lift_m if turned else lift_m) * normal
        made = sheet(points, skin)
        return soup(made.corners_m[:, ::-1], skin) if turned else made


def band(
    points_m: Sequence[FloatArray] | Float[np.ndarray, "n 3"], across_m: FloatArray, skin: Skin
) -> Soup:
    """Return a ribbon through points, `across_m` (n, 3) from one edge to the other."""
    points = np.asarray(points_m)
    return sheet(np.stack([points, points + across_m], axis=1), skin)
