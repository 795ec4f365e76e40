"""Edges and optical flow of a frame, redone only where something changed."""

from typing import final

import numpy as np
from jaxtyping import Bool, Int32
from pydantic import Field

from rareworld.annotate.labels.store import FrameStore
from rareworld.annotate.render.backend import Pixels, Renderer
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.edges import EdgeRule, Seen, find_edges
from rareworld.annotate.render.flow import find_flow, part_motions
from rareworld.annotate.render.footprint import Footprints
from rareworld.annotate.render.tiles import grown, listed, mark_tiles_of_parts
from rareworld.annotate.world.model import FrameState
from rareworld.core.clip import Frame
from rareworld.data.config import Config

_NO_RAYS = np.zeros((0, 0, 2), np.float32)


class EdgeConfig(Config):
    """What counts as an edge inside one object and material."""

    step_m: float = Field(default=0.08, ge=0)
    """Smallest step in depth."""
    step_share: float = Field(default=0.004, ge=0)
    """Smallest step as a share of the depth."""
    crease_deg: float = Field(default=32.0, gt=0, le=180)
    """Smallest angle between two planes that meet."""


def edge_rule(config: EdgeConfig) -> EdgeRule:
    """Return the rule as kernels take it."""
    return EdgeRule(
        step_m=config.step_m,
        step_share=config.step_share,
        crease_cos=float(np.cos(np.radians(config.crease_deg))),
    )


def look_of(renderer: Renderer) -> Int32[np.ndarray, " f"]:
    """Return class and material of each triangle as one number."""
    surface = renderer.geometry.surface
    return surface.material * 256 + surface.class_id


@final
class ChannelMaker:
    """Turns pixels into the `Frame` of a clip; call once per frame, in order."""

    def __init__(
        self, renderer: Renderer, height: int, width: int, config: EdgeConfig, bands: Bands
    ) -> None:
        self._renderer = renderer
        self._bands = bands
        self._rule = edge_rule(config)
        self._look = look_of(renderer)
        self._store = FrameStore((width, height), bands)
        self._canvas = self._store.next()
        self._flowing: Bool[np.ndarray, "a b"] | None = None

    def render(self, state: FrameState) -> Pixels:
        """Return the image of one instant, in memory of its own."""
        self._canvas = self._store.next()
        return self._renderer.render(state, self._canvas.target)

    def footprints(self) -> Footprints:
        """Return what each object would cover alone in the last image."""
        return self._renderer.footprints()

    def make(self, pixels: Pixels, now: FrameState, following: FrameState | None) -> Frame:
        """Return all channels of the last rendered image; `following` is None at the last frame."""
        redone = pixels.changed if pixels.relabelled is None else pixels.relabelled
        edging = self._update_edges(pixels, redone)
        flowing = self._update_flow(pixels, redone, now, now if following is None else following)
        none = np.zeros_like(pixels.changed)
        self._store.changed(
            found=edging | flowing,
            drawn=none if pixels.all_drawn else redone,
            colours=none if pixels.whole else pixels.changed,
        )
        return Frame(**self._canvas._asdict())

    def _update_edges(
        self, pixels: Pixels, redone: Bool[np.ndarray, "a b"]
    ) -> Bool[np.ndarray, "a b"]:
        """Find edges in and around what was `redone`; return these tiles."""
        seen = Seen(
            depth_m=pixels.depth_m,
            normal=pixels.normal,
            instance_id=pixels.instance_id,
            triangle=pixels.triangle,
            look=self._look,
            rays=_NO_RAYS,
        )
        eye, rule, edges = self._renderer.eye, self._rule, self._canvas.edges
        # a pixel's edge depends on its neighbours, which may lie in the next tile
        wide = grown(redone)
        tiles = listed(wide)
        self._bands.over_tiles(tiles, lambda share: find_edges(eye, rule, seen, share, edges))
        return wide

    def _update_flow(
        self,
        pixels: Pixels,
        redone: Bool[np.ndarray, "a b"],
        now: FrameState,
        following: FrameState,
    ) -> Bool[np.ndarray, "a b"]:
        """Find the flow where needed; return these tiles."""
        eye, part_of = self._renderer.eye, self._renderer.geometry.surface.part
        kind, motion = part_motions(eye, now, following)
        flowing = np.zeros(redone.shape, dtype=np.bool_)
        mark_tiles_of_parts(pixels.triangle, part_of, kind > 0, flowing)
        before = flowing if self._flowing is None else self._flowing
        wanted = redone | flowing | before
        tiles = listed(wanted)
        self._flowing = flowing
        flow = self._canvas.flow_px
        self._bands.over_tiles(
            tiles,
            lambda share: find_flow(
                eye, kind, motion, part_of, pixels.triangle, pixels.depth_m, share, flow
            ),
        )
        return wanted
