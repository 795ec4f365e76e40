"""New light of moving lamps on tiles that show only what stands still.

At night headlights reach most of a picture, but few tiles show anything that moves: their labels
stay, and what each sample sees is known. The bytes are those of `resolve` (proved in
`tests/annotate/render/test_incremental.py` and `test_lamps.py`).
"""

import numpy as np
from jaxtyping import Bool, Int32

from rareworld.annotate.render.baked import MIXED
from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.raster import still_at
from rareworld.annotate.render.resolve import (
    Page,
    lit_now,
    put_baked,
    put_mixed,
    smooth_block,
    smooth_tile,
)
from rareworld.annotate.render.smooth import BLOCK, Lit, Smooth, lit_ends, towards
from rareworld.annotate.render.tiles import TILE


@helper
def put_still(page: Page, t: int, x: int, y: int, shaded: bool, lit: Lit) -> None:
    """Write a pixel that shows what stands still."""
    if page.baked.kind[y, x] != MIXED:
        put_baked(page, t, x, y, shaded, lit)
        return
    still = page.still
    seen = (
        still_at(still, 1, x, y), still_at(still, 2, x, y),
        still_at(still, 3, x, y), still_at(still, 4, x, y),
    )  # fmt: skip
    put_mixed(page, seen, x, y)


@helper
def relight_smooth(page: Page, left: int, top: int, shaded: bool, smooth: Smooth) -> None:
    """Write a block or tile whose light lies between that at its corners."""
    for y in range(top, top + smooth.side):
        first, last = lit_ends(smooth, y)
        for x in range(left, left + smooth.side):
            lit = towards(first, last, (x - left) / (smooth.side - 1))
            put_baked(page, still_at(page.still, 0, x, y), x, y, shaded, lit)


@helper
def relight_four(page: Page, left: int, top: int, shaded: bool, smooth: Smooth) -> None:
    """Write two by two pixels; those that show one triangle share the light of lamps."""
    height, width = page.baked.kind.shape
    lamps, last = page.baked.response.shape[0] > 0, -1
    lit = Lit(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for y in range(top, min(top + 2, height)):
        for x in range(left, min(left + 2, width)):
            t = still_at(page.still, 0, x, y)
            if lamps and t >= 0 and page.baked.kind[y, x] != MIXED:
                lit = lit_now(page, smooth, t != last, t, x, y, lit)
                last = t
            put_still(page, t, x, y, shaded, lit)


@kernel
def relight(page: Page, tiles: Int32[np.ndarray, "n 2"], shaded: Bool[np.ndarray, "a b"]) -> None:
    """Write the colour of tiles (row, column) that nothing moving covers, now or a frame ago."""
    height, width = page.baked.kind.shape
    for n in range(len(tiles)):
        row, column = tiles[n, 0], tiles[n, 1]
        dark = shaded[row, column]
        tile = smooth_tile(page, row, column)
        if tile.holds:
            relight_smooth(page, column * TILE, row * TILE, dark, tile)
            continue
        for block in range((TILE // BLOCK) ** 2):
            top, left = row * TILE + block // 2 * BLOCK, column * TILE + block % 2 * BLOCK
            smooth = smooth_block(page, row, column, block)
            if smooth.holds:
                relight_smooth(page, left, top, dark, smooth)
                continue
            for y in range(top, min(top + BLOCK, height), 2):
                for x in range(left, min(left + BLOCK, width), 2):
                    relight_four(page, x, y, dark, smooth)
