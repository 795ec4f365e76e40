"""Draw once what never moves, and keep it small.

Most pixels show one triangle in all samples, so a triangle per pixel is kept and the others in a
table. Depths are not kept: they follow from the triangles' planes, to the last bit.
"""

import numpy as np
from jaxtyping import Float32, Float64, Int32

from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.geometry import Geometry
from rareworld.annotate.render.project import Eye
from rareworld.annotate.render.raster import SAMPLES, Still, Window, draw, find_planes
from rareworld.annotate.render.resolve import restore
from rareworld.annotate.render.tiles import whole, windows_of


def draw_still(
    geometry: Geometry,
    eye: Eye,
    local: Float64[np.ndarray, "v 3"],
    size: tuple[int, int],
    bands: Bands,
) -> Still:
    """Return what an image of `size` (width, height) shows of the still mesh."""
    corners = geometry.surface.corners
    planes = np.zeros((int(geometry.triangle_start[0]), 3))
    find_planes(eye, corners, local, planes, np.empty((4, 3)))
    ranges = np.array([[0, len(planes)]], dtype=np.int64)
    code = np.full((size[1], size[0]), -1, dtype=np.int32)
    tables: dict[Window, Int32[np.ndarray, "m s"]] = {}

    def band(at: Window) -> None:
        """Draw a strip of the image."""
        shape = (len(SAMPLES), at.bottom - at.top, at.right - at.left)
        index, depth = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
        draw(eye, corners, local, ranges, at, SAMPLES, depth, index, np.empty((4, 3)))
        cut = code[at.top : at.bottom, at.left : at.right]
        cut[:] = index[0]
        differ = (index[1:] != index[0]).any(axis=0)
        tables[at] = np.ascontiguousarray(index[:, differ].T)
        cut[differ] = -2 - np.arange(len(tables[at]), dtype=np.int32)

    strips = windows_of(whole(size), size)
    bands.over_items(strips, band)
    return Still(code, _joined(code, [(at, tables[at]) for at in strips]), planes)


def _joined(
    code: Int32[np.ndarray, "h w"], tables: list[tuple[Window, Int32[np.ndarray, "_ s"]]]
) -> Int32[np.ndarray, "n s"]:
    """Return one table, and number its rows through."""
    before = 0
    for at, table in tables:
        cut = code[at.top : at.bottom, at.left : at.right]
        cut[cut < -1] -= before
        before += len(table)
    # tables of one row each would be joined in the other order of memory, which kernels do not take
    return np.ascontiguousarray(np.concatenate([table for _, table in tables]))


def restored(
    still: Still, tiles: Int32[np.ndarray, "n 2"], at: Window
) -> tuple[Float32[np.ndarray, "s b c"], Int32[np.ndarray, "s b c"]]:
    """Return 1/depth and triangle of the samples of a window; only the given tiles are filled."""
    shape = (len(SAMPLES), at.bottom - at.top, at.right - at.left)
    depth, index = np.empty(shape, np.float32), np.empty(shape, np.int32)
    restore(still, SAMPLES, tiles, at, depth, index)
    return depth, index


def sparse_points(
    still: Still, most: int
) -> tuple[Float64[np.ndarray, "n 2"], Float32[np.ndarray, "n"]]:
    """Return centres of pixels on a grid that show a surface there, and their 1/depth."""
    step = int(np.sqrt(still.code.size / most)) + 1
    triangle = still.code[::step, ::step].copy()
    differ = triangle < -1
    triangle[differ] = still.mixed[-2 - triangle[differ], 0]
    rows, columns = np.nonzero(triangle >= 0)
    k, gx, gy = still.planes[triangle[rows, columns]].T
    x, y = columns * step, rows * step
    inverse = k + gy * (y + 0.5) + gx * 0.5 + gx * x
    return np.stack([x + 0.5, y + 0.5], axis=1), inverse.astype(np.float32)
