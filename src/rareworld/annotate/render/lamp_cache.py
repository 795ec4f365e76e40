"""Finds what lamps light differently than a frame ago, for a fixed camera."""

from typing import final

import numpy as np
from jaxtyping import Bool, Float

from rareworld.annotate.render.geometry import Geometry
from rareworld.annotate.render.lamps import LampSet, overhead
from rareworld.annotate.render.project import Eye, boxes_in_light
from rareworld.annotate.render.raster import SAMPLES, Still
from rareworld.annotate.render.shadow import tile_texels, tiles_hit
from rareworld.annotate.render.tiles import TILE, listed, whole
from rareworld.annotate.world.model import FrameState, RenderScene

_PAD_M = 5.0


@final
class LampCache:
    """The lamps around what a camera sees, and the tiles and parts that their changes touch."""

    def __init__(
        self,
        scene: RenderScene,
        geometry: Geometry,
        seen_m: Float[np.ndarray, "n 3"],
        exposure: float,
    ) -> None:
        self._geometry = geometry
        seen = seen_m if len(seen_m) else np.zeros((1, 3))
        low, high = seen.min(axis=0), seen.max(axis=0)
        view = overhead(low[:2] - _PAD_M, high[:2] + _PAD_M)
        self.set = LampSet(scene, exposure, view, float(low[2]))
        parts = len(scene.instances)
        self._boxes = np.zeros((parts, 4), dtype=np.int32)
        self._shown = np.zeros(parts, dtype=bool)
        self._bounds = np.zeros((0, 4))

    def watch(self, eye: Eye, still: Still, size: tuple[int, int]) -> None:
        """Learn which cells the still surfaces of each tile lie in."""
        if self.set.any_riding:
            tiles = listed(whole(size))
            self._bounds = np.zeros((len(tiles), 4))
            view = self.set.lamps.plan
            tile_texels(eye, view, still, SAMPLES, tiles, TILE, self._bounds)

    def update(
        self, state: FrameState, moved: Bool[np.ndarray, "i"], shown: Bool[np.ndarray, "i"]
    ) -> None:
        """Move and switch the lamps; the parts must have been posed."""
        self.set.update(state)
        if not self.set.any_riding:
            return
        which, view = np.flatnonzero(moved & shown), self.set.lamps.plan
        limits = np.array([view.size, view.size], dtype=np.int32)
        surface, start = self._geometry.surface, self._geometry.vertex_start
        boxes_in_light(view, which, start, surface.points, limits, self._boxes)
        self._shown = shown.copy()

    def tiles_touched(self, dirty: Bool[np.ndarray, "a b"]) -> Bool[np.ndarray, "a b"]:
        """Return which tiles have still surfaces that are lit differently; shaped as `dirty`."""
        if not self.set.any_riding:
            return np.zeros_like(dirty)
        return tiles_hit(self._bounds, self.set.dirty, 1).reshape(dirty.shape)

    def parts_touched(self) -> Bool[np.ndarray, "i"]:
        """Return which shown parts may be lit differently."""
        if not self.set.any_riding:
            return np.zeros_like(self._shown)
        return self._shown & tiles_hit(self._boxes.astype(np.float64), self.set.dirty, 1)
