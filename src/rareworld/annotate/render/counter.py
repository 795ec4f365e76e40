"""Footprints of all objects, recounted only for those that moved."""

from collections.abc import Callable
from typing import final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.footprint import Footprints, count_object
from rareworld.annotate.render.geometry import Geometry
from rareworld.annotate.render.project import Eye
from rareworld.annotate.render.tiles import ranges_of
from rareworld.annotate.world.model import RenderScene

Measure = Callable[[Int64[np.ndarray, "n 2"]], tuple[Float64[np.ndarray, "4"], int, int]]
"""Loose box, all pixels and those inside the image of the triangles in some ranges."""


@final
class ObjectCounter:
    """Remembers the footprint of each object whose parts stand still; the camera must, too."""

    def __init__(self, scene: RenderScene, geometry: Geometry) -> None:
        self._geometry = geometry
        owners = np.array([i.object_id for i in scene.instances], dtype=np.uint32)
        self.object_id = np.unique(owners[owners > 0])
        self._parts = [np.flatnonzero(owners == one) for one in self.object_id]
        self._fresh = np.zeros(len(self.object_id), dtype=bool)
        self._loose = np.zeros((len(self.object_id), 4))
        self._pixels = np.zeros((len(self.object_id), 2), dtype=np.int64)

    def forget(self, moved: Bool[np.ndarray, "i"]) -> None:
        """Mark the objects of moved parts as to be counted again."""
        for row, parts in enumerate(self._parts):
            self._fresh[row] &= not moved[parts].any()

    def count(
        self,
        eye: Eye,
        local: Float64[np.ndarray, "v 3"],
        shown: Bool[np.ndarray, "i"],
        size: tuple[int, int],
        bands: Bands,
    ) -> Footprints:
        """Return the footprints of all objects in an image of `size` (width, height)."""
        corners = self._geometry.surface.corners
        return self.count_by(
            lambda ranges: count_object(eye, corners, local, ranges, size), shown, bands
        )

    def count_by(self, measure: Measure, shown: Bool[np.ndarray, "i"], bands: Bands) -> Footprints:
        """Return the footprints of all objects as another rule than the renderer's has them."""

        def one(row: int) -> None:
            """Count one object."""
            parts = self._parts[row]
            box, total, inside = measure(ranges_of(self._geometry, parts[shown[parts]]))
            self._loose[row], self._pixels[row] = box, (total, inside)

        bands.over_items(np.flatnonzero(~self._fresh).tolist(), one)
        self._fresh[:] = True
        return Footprints(
            object_id=self.object_id,
            loose_box=self._loose.copy(),
            total_px=self._pixels[:, 0].copy(),
            inside_px=self._pixels[:, 1].copy(),
        )
