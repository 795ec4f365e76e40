"""Keeps one light's depth maps up to date as parts move."""

from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int64, UInt16

from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.geometry import Geometry
from rareworld.annotate.render.project import boxes_in_light
from rareworld.annotate.render.raster import draw_heights
from rareworld.annotate.render.shadow import (
    BLOCK,
    LightMap,
    clear_blocks,
    find_highest,
    fit_light,
    tiles_hit,
)
from rareworld.annotate.render.tiles import listed, mark_boxes, ranges_of

_FILTER_TEXELS = 4


@final
class LightCache:
    """A light's map of what stands still, drawn once, and of what moves, redrawn where it moved.

    A light that does not shine keeps an empty map, which costs nothing and shades nothing. What
    stands within `reach_m` of a point counts for its light.
    """

    def __init__(
        self,
        geometry: Geometry,
        to_light_dir: Float[np.ndarray, "3"],
        seen_m: Float[np.ndarray, "n 3"],
        size: int,
        bands: Bands,
        *,
        shines: bool = True,
        reach_m: float = 0.0,
    ) -> None:
        self._shines = shines
        size = size if shines else BLOCK
        self._geometry = geometry
        self._bands = bands
        self.map: LightMap = fit_light(to_light_dir, seen_m, size, pad_m=3.0)
        scale = np.linalg.norm(self.map.frame.axes[:2], axis=1).max()
        self.reach_texels = _FILTER_TEXELS + int(np.ceil((self.map.offset_m + reach_m) * scale))
        """How far from a point the texels lie that decide its light: lift and filter."""
        parts = len(geometry.vertex_start) - 1
        self._boxes = np.zeros((parts, 4), dtype=np.int32)
        self._shown = np.zeros(parts, dtype=bool)
        tiles = -(-size // BLOCK)
        self._dirty = np.zeros((tiles, tiles), dtype=bool)
        if shines:
            self._draw_still()

    def _draw_still(self) -> None:
        ranges = np.array([[0, self._geometry.triangle_start[0]]], dtype=np.int64)
        self._bands.over_rows(
            self.map.frame.size, lambda rows: self._draw(ranges, rows, self.map.still)
        )
        everywhere = listed(np.ones_like(self._dirty))
        find_highest(self.map.still, everywhere, self.map.still_max)

    def _draw(
        self,
        ranges: Int64[np.ndarray, "n 2"],
        rows: tuple[int, int],
        heights: UInt16[np.ndarray, "s s"],
    ) -> None:
        surface = self._geometry.surface
        draw_heights(self.map.frame, surface.corners, surface.points, ranges, rows, heights)

    def update(self, moved: Bool[np.ndarray, "i"], shown: Bool[np.ndarray, "i"]) -> None:
        """Redraw the moving map around the parts that moved, appeared or went."""
        if not self._shines:
            return
        geometry, size = self._geometry, self.map.frame.size
        self._dirty[:] = False
        mark_boxes(self._dirty, self._boxes[moved & self._shown], BLOCK, self.reach_texels)
        which = np.flatnonzero(moved & shown)
        limits = np.array([size, size], dtype=np.int32)
        boxes_in_light(
            self.map.frame, which, geometry.vertex_start, geometry.surface.points,
            limits, self._boxes,
        )  # fmt: skip
        mark_boxes(self._dirty, self._boxes[which], BLOCK, self.reach_texels)
        self._shown = shown.copy()
        self._redraw(shown)

    def _redraw(self, shown: Bool[np.ndarray, "i"]) -> None:
        blocks = listed(self._dirty)
        clear_blocks(self.map.moving, blocks)
        again = shown & tiles_hit(self._boxes.astype(np.float64), self._dirty, BLOCK)
        self._bands.over_rows(self.map.frame.size, lambda rows: self._redraw_rows(again, rows))
        find_highest(self.map.moving, blocks, self.map.moving_max)

    def _redraw_rows(self, again: Bool[np.ndarray, "i"], rows: tuple[int, int]) -> None:
        within = again & (self._boxes[:, 1] < rows[1]) & (self._boxes[:, 3] > rows[0])
        if within.any():
            ranges = ranges_of(self._geometry, np.flatnonzero(within))
            self._draw(ranges, rows, self.map.moving)

    def touches(self, boxes: Float[np.ndarray, "n 4"]) -> Bool[np.ndarray, "n"]:
        """Return which texel rectangles may have changed their light in the last update."""
        return tiles_hit(boxes, self._dirty, BLOCK)

    def shades(self, boxes: Float[np.ndarray, "n 4"]) -> Bool[np.ndarray, "n"]:
        """Return which texel rectangles anything that moves may keep in its shade now."""
        return tiles_hit(boxes, self.map.moving_max > 0, BLOCK)

    def parts_touched(self) -> Bool[np.ndarray, "i"]:
        """Return which shown parts may have changed their light in the last update."""
        reach = self.reach_texels
        grown = self._boxes + np.array([-reach, -reach, reach, reach])
        return self._shown & self.touches(grown.astype(np.float64))
