"""Edges and optical flow of a frame, redone only where something changed."""

from typing import final

import numpy as np
from jaxtyping import Bool, Int32
from pydantic import Field

from rareworld.annotate.render.backend import Pixels, Renderer
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.edges import EdgeRule, Seen, find_edges
from rareworld.annotate.render.flow import find_flow, part_motions
from rareworld.annotate.render.tiles import grown, mark_tiles_of_parts
from rareworld.annotate.world.model import FrameState
from rareworld.core.clip import Frame
from rareworld.data.config import Config

_ALIGN = 64


class EdgeConfig(Config):
    """What counts as an edge inside one object and material."""

    step_m: float = Field(default=0.08, ge=0)
    """Smallest step in depth."""
    step_share: float = Field(default=0.004, ge=0)
    """Smallest step as a share of the depth."""
    crease_deg: float = Field(default=32.0, gt=0, le=180)
    """Smallest angle between two planes that meet."""


@final
class ChannelMaker:
    """Turns pixels into the `Frame` of a clip; call once per frame, in order."""

    def __init__(
        self, renderer: Renderer, height: int, width: int, config: EdgeConfig, bands: Bands
    ) -> None:
        self._renderer = renderer
        self._bands = bands
        self._rule = EdgeRule(
            step_m=config.step_m,
            step_share=config.step_share,
            crease_cos=float(np.cos(np.radians(config.crease_deg))),
        )
        surface = renderer.geometry.surface
        self._look: Int32[np.ndarray, " f"] = surface.material * 256 + surface.class_id
        self._edges = np.zeros((height, width), dtype=np.bool_)
        self._flow = np.full((height, width, 2), np.nan, dtype=np.float32)
        self._flowing: Bool[np.ndarray, "a b"] | None = None

    def make(self, pixels: Pixels, now: FrameState, following: FrameState | None) -> Frame:
        """Return copies of all channels; `following` is None at the last frame."""
        self._update_edges(pixels)
        self._update_flow(pixels, now, now if following is None else following)
        rgb, depth, normal, class_id, instance_id, edges, flow = _copies(
            pixels.rgb,
            pixels.depth_m,
            pixels.normal,
            pixels.class_id,
            pixels.instance_id,
            self._edges,
            self._flow,
        )
        return Frame(
            rgb=rgb,
            depth_m=depth,
            normal=normal,
            class_id=class_id,
            instance_id=instance_id,
            edges=edges,
            flow_px=flow,
        )

    def _update_edges(self, pixels: Pixels) -> None:
        seen = Seen(
            depth_m=pixels.depth_m,
            normal=pixels.normal,
            instance_id=pixels.instance_id,
            triangle=pixels.triangle,
            look=self._look,
        )
        eye, rule, edges = self._renderer.eye, self._rule, self._edges
        # a pixel's edge depends on its neighbours, which may lie in the next tile
        tiles = np.argwhere(grown(pixels.changed)).astype(np.int32)
        self._bands.over_tiles(tiles, lambda share: find_edges(eye, rule, seen, share, edges))

    def _update_flow(self, pixels: Pixels, now: FrameState, following: FrameState) -> None:
        eye, part_of = self._renderer.eye, self._renderer.geometry.surface.part
        kind, motion = part_motions(eye, now, following)
        flowing = np.zeros(pixels.changed.shape, dtype=np.bool_)
        mark_tiles_of_parts(pixels.triangle, part_of, kind > 0, flowing)
        before = flowing if self._flowing is None else self._flowing
        tiles = np.argwhere(pixels.changed | flowing | before).astype(np.int32)
        self._flowing = flowing
        self._bands.over_tiles(
            tiles,
            lambda share: find_flow(
                eye, kind, motion, part_of, pixels.triangle, pixels.depth_m, share, self._flow
            ),
        )


def _copies(*arrays: np.ndarray) -> list[np.ndarray]:
    """Return copies that share one block of memory.

    A block of a whole frame is large enough for the allocator to give it back to the system when
    the last encoder is done; single channels would stay in its pools and add up to twice the need.
    """
    starts = np.cumsum([0, *[-(-array.nbytes // _ALIGN) * _ALIGN for array in arrays]])
    block = np.empty(int(starts[-1]), dtype=np.uint8)
    out: list[np.ndarray] = []
    for array, start in zip(arrays, starts, strict=False):
        view = block[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        view[...] = array
        out.append(view)
    return out
