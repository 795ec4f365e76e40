"""Keeps one light's depth maps up to date as parts move."""

from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int64

from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.geometry import Geometry
from rareworld.annotate.render.project import part_boxes, to_light
from rareworld.annotate.render.raster import draw_heights
from rareworld.annotate.render.shadow import (
    BLOCK,
    LightMap,
    clear_blocks,
    find_highest,
    fit_light,
    tiles_hit,
)
from rareworld.annotate.render.tiles import mark_boxes, ranges_of

_FILTER_TEXELS = 4


@final
class LightCache:
    """A light's map of what stands still, drawn once, and of what moves, redrawn where it moved."""

    def __init__(
        self,
        geometry: Geometry,
        to_light_dir: Float[np.ndarray, "3"],
        seen_m: Float[np.ndarray, "n 3"],
        size: int,
        bands: Bands,
    ) -> None:
        self._geometry = geometry
        self._bands = bands
        self.map: LightMap = fit_light(to_light_dir, seen_m, size, pad_m=3.0)
        scale = np.linalg.norm(self.map.frame.axes[:2], axis=1).max()
        self.reach_texels = _FILTER_TEXELS + int(np.ceil(self.map.offset_m * scale))
        """How far from a point the texels lie that decide its light: lift and filter."""
        parts = len(geometry.vertex_start) - 1
        self._screen = np.zeros((len(geometry.surface.points), 3))
        self._boxes = np.zeros((parts, 4), dtype=np.int32)
        self._shown = np.zeros(parts, dtype=bool)
        tiles = -(-size // BLOCK)
        self._dirty = np.zeros((tiles, tiles), dtype=bool)
        self._draw_still()

    def _draw_still(self) -> None:
        geometry = self._geometry
        end = int(geometry.vertex_start[0])
        to_light(self.map.frame, geometry.surface.points, 0, end, self._screen)
        ranges = np.array([[0, geometry.triangle_start[0]]], dtype=np.int64)
        self._draw(ranges, self.map.still)
        everywhere = np.argwhere(np.ones_like(self._dirty))
        find_highest(self.map.still, everywhere, self.map.still_max)

    def _draw(self, ranges: Int64[np.ndarray, "n 2"], heights: np.ndarray) -> None:
        corners = self._geometry.surface.corners
        self._bands.over_rows(
            self.map.frame.size,
            lambda rows: draw_heights(corners, self._screen, ranges, rows, heights),
        )

    def update(self, moved: Bool[np.ndarray, "i"], shown: Bool[np.ndarray, "i"]) -> None:
        """Redraw the moving map around the parts that moved, appeared or went."""
        geometry, size = self._geometry, self.map.frame.size
        self._dirty[:] = False
        mark_boxes(self._dirty, self._boxes[moved & self._shown], BLOCK, self.reach_texels)
        which = np.flatnonzero(moved & shown)
        for part in which:
            begin, end = geometry.vertex_start[part], geometry.vertex_start[part + 1]
            to_light(self.map.frame, geometry.surface.points, begin, end, self._screen)
        limits = np.array([size, size], dtype=np.int32)
        part_boxes(
            which, geometry.vertex_start, self._screen, limits, clipped=False, boxes=self._boxes
        )
        mark_boxes(self._dirty, self._boxes[which], BLOCK, self.reach_texels)
        self._shown = shown.copy()
        self._redraw(shown)

    def _redraw(self, shown: Bool[np.ndarray, "i"]) -> None:
        blocks = np.argwhere(self._dirty)
        clear_blocks(self.map.moving, blocks)
        again = shown & tiles_hit(self._boxes.astype(np.float64), self._dirty, BLOCK)
        self._draw(ranges_of(self._geometry, np.flatnonzero(again)), self.map.moving)
        find_highest(self.map.moving, blocks, self.map.moving_max)

    def touches(self, boxes: Float[np.ndarray, "n 4"]) -> Bool[np.ndarray, "n"]:
        """Return which texel rectangles may have changed their light in the last update."""
        return tiles_hit(boxes, self._dirty, BLOCK)

    def parts_touched(self) -> Bool[np.ndarray, "i"]:
        """Return which shown parts may have changed their light in the last update."""
        reach = self.reach_texels
        grown = self._boxes + np.array([-reach, -reach, reach, reach])
        return self._shown & self.touches(grown.astype(np.float64))
