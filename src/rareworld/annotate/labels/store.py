"""Memory for frames that are still being written while the next ones are drawn.

A frame shares most of its pixels with the one before. So a block that nobody uses any more is
brought up to date tile by tile and used again, instead of copying everything into new memory.
"""

import weakref
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8, UInt32

from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.resolve import Target
from rareworld.annotate.render.tiles import copy_tiles, listed, whole

_ALIGN = 64


class Canvas(NamedTuple):
    """All channels of one image."""

    rgb: UInt8[np.ndarray, "h w 3"]
    depth_m: Float32[np.ndarray, "h w"]
    normal: Float32[np.ndarray, "h w 3"]
    class_id: UInt8[np.ndarray, "h w"]
    instance_id: UInt32[np.ndarray, "h w"]
    edges: Bool[np.ndarray, "h w"]
    flow_px: Float32[np.ndarray, "h w 2"]

    @property
    def target(self) -> Target:
        """What the renderer writes."""
        return Target(self.rgb, self.depth_m, self.normal, self.class_id, self.instance_id)


_PIXEL: tuple[tuple[type[np.generic], int], ...] = (
    (np.uint8, 3), (np.float32, 1), (np.float32, 3), (np.uint8, 1), (np.uint32, 1), (np.bool_, 1),
    (np.float32, 2),
)  # fmt: skip
"""Type and numbers per pixel of each channel, in the order of `Canvas`."""
_COLOURS, _DRAWN, _FOUND = slice(0, 1), slice(1, 5), slice(5, 7)
"""Channels that change together: colours, labels that are drawn, and those found in these."""


@final
@dataclass(eq=False)
class _Block:
    """Memory of one frame."""

    memory: bytearray
    stale: tuple[tuple[slice, Bool[np.ndarray, "a b"]], ...]
    """Tiles that changed since this block was drawn to, by the channels that did."""


@final
class FrameStore:
    """Hands out canvases; each is its holder's own until the last of its arrays is gone."""

    def __init__(self, size: tuple[int, int], bands: Bands) -> None:
        self._size = size
        self._bands = bands
        self._blocks: list[_Block] = []
        self._free: list[_Block] = []
        self._latest: tuple[_Block, Canvas] | None = None

    def next(self) -> Canvas:
        """Return a canvas that holds the last image."""
        block = self._free.pop() if self._free else self._new_block()
        canvas = self._canvas(block)
        for which, tiles in block.stale:
            if self._latest is not None:
                self._bring(self._latest[1][which], canvas[which], tiles)
            tiles[:] = False
        self._latest = (block, canvas)
        return canvas

    def _bring(
        self,
        last: tuple[np.ndarray, ...],
        canvas: tuple[np.ndarray, ...],
        tiles: Bool[np.ndarray, "a b"],
    ) -> None:
        """Copy the tiles that are out of date."""

        def some(share: Int32[np.ndarray, "n 2"]) -> None:
            """Copy some of them."""
            for old, new in zip(last, canvas, strict=True):
                _copy(old, new, share)

        self._bands.over_tiles(listed(tiles), some)

    def fresh(self) -> Canvas:
        """Return a canvas whose content is for the caller to write, all of it.

        Not to be mixed with `next`.
        """
        block = self._free.pop() if self._free else self._new_block()
        return self._canvas(block)

    def changed(
        self,
        found: Bool[np.ndarray, "a b"],
        drawn: Bool[np.ndarray, "a b"],
        colours: Bool[np.ndarray, "a b"],
    ) -> None:
        """Note which tiles of the last canvas differ from the one before.

        Args:
            found: In edges and flow.
            drawn: In depth, normals, classes and instances; none where the renderer always writes
                all of them, so that what they held does not matter.
            colours: In the picture, likewise.
        """
        for block in self._blocks:
            if self._latest is None or block is not self._latest[0]:
                for (_, stale), new in zip(block.stale, (colours, drawn, found), strict=True):
                    stale |= new

    def _new_block(self) -> _Block:
        pixels = self._size[0] * self._size[1]
        room = sum(_room(kind, count, pixels) for kind, count in _PIXEL)
        groups = (_COLOURS, _DRAWN, _FOUND)
        block = _Block(bytearray(room), tuple((group, whole(self._size)) for group in groups))
        self._blocks.append(block)
        return block

    def _canvas(self, block: _Block) -> Canvas:
        """Return arrays on a block, which is free again when they are gone."""
        memory = np.frombuffer(block.memory, dtype=np.uint8)
        weakref.finalize(memory, self._free.append, block).atexit = False
        arrays: list[np.ndarray] = []
        start, (width, height) = 0, self._size
        for kind, count in _PIXEL:
            size = np.dtype(kind).itemsize * count * width * height
            shape = (height, width, count) if count > 1 else (height, width)
            arrays.append(memory[start : start + size].view(kind).reshape(shape))
            start += _room(kind, count, width * height)
        return Canvas(*arrays)


def _room(kind: type[np.generic], count: int, pixels: int) -> int:
    """Return the bytes of a channel, up to where the next one may begin."""
    return -(-np.dtype(kind).itemsize * count * pixels // _ALIGN) * _ALIGN


def _copy(source: np.ndarray, target: np.ndarray, tiles: np.ndarray) -> None:
    height, width = source.shape[:2]
    old, new = (array.view(np.uint8).reshape(height, -1) for array in (source, target))
    copy_tiles(old, new, old.shape[1] // width, tiles)
