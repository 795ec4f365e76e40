"""All channels of a frame through a lens or from a swaying camera: everything anew per frame."""

from dataclasses import replace
from typing import final

import numpy as np
from jaxtyping import Bool, Float32, Int32

from rareworld.annotate.labels.channels import EdgeConfig, edge_rule, look_of
from rareworld.annotate.labels.store import FrameStore
from rareworld.annotate.lens.flow import warped_flow
from rareworld.annotate.lens.glass import Glass
from rareworld.annotate.lens.optics import Optics
from rareworld.annotate.lens.prints import count_shown
from rareworld.annotate.lens.warp import Labels, warp_labels, warp_light
from rareworld.annotate.render.backend import Pixels, Renderer
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.counter import ObjectCounter
from rareworld.annotate.render.edges import Seen, find_edges
from rareworld.annotate.render.flow import part_motions
from rareworld.annotate.render.footprint import Footprints
from rareworld.annotate.render.geometry import moved_parts
from rareworld.annotate.render.project import to_eye
from rareworld.annotate.render.tiles import listed, whole
from rareworld.annotate.world.model import FrameState, RenderScene
from rareworld.core.clip import Frame
from rareworld.errors import CameraError


@final
class WarpedMaker:
    """Draws, warps and labels frames; call `render` and then the rest once per frame, in order."""

    def __init__(
        self,
        renderer: Renderer,
        scene: RenderScene,
        optics: Optics,
        rays: Float32[np.ndarray, "h w 2"],
        config: EdgeConfig,
        bands: Bands,
    ) -> None:
        camera = optics.camera
        size = (camera.width, camera.height)
        self._renderer = renderer
        self._optics = optics
        self._bands = bands
        self._rule = edge_rule(config)
        self._look = look_of(renderer)
        self._rays = rays
        self._store = FrameStore(size, bands)
        self._canvas = self._store.fresh()
        self._whole = whole(size)
        self._triangle: Int32[np.ndarray, "h w"] = np.empty(size[::-1], np.int32)
        self._counter = ObjectCounter(scene, renderer.geometry)
        self._local = np.zeros((len(renderer.geometry.surface.points), 3))
        self._state: FrameState | None = None
        self._frame = -1

    def render(self, state: FrameState) -> Pixels:
        """Return what the camera shows of the next instant, in memory of its own.

        Raises:
            CameraError: If the renderer keeps no radiance.
        """
        self._frame += 1
        self._canvas = self._store.fresh()
        drawn = self._renderer.render(state)
        if drawn.radiance is None:
            raise CameraError(
                "a lens needs the renderer's radiance, found none; set render.radiance to true"
            )
        shown = self._labels(drawn)
        light = self._light(drawn.radiance)
        self._track(state)
        return Pixels(
            rgb=self._canvas.rgb, depth_m=shown.depth_m, normal=shown.normal,
            class_id=shown.class_id, instance_id=shown.instance_id, triangle=shown.triangle,
            changed=self._whole, radiance=light,
        )  # fmt: skip

    def _glass(self, frame: int) -> Glass:
        return self._optics.glass(self._renderer.eye, frame)

    def _labels(self, drawn: Pixels) -> Labels:
        glass, canvas = self._glass(self._frame), self._canvas
        source = Labels(
            drawn.depth_m, drawn.normal, drawn.class_id, drawn.instance_id, drawn.triangle
        )
        shown = Labels(
            canvas.depth_m, canvas.normal, canvas.class_id, canvas.instance_id, self._triangle
        )
        self._bands.over_rows(
            len(self._rays), lambda rows: warp_labels(glass, self._rays, source, rows, shown)
        )
        return shown

    def _light(self, drawn: Float32[np.ndarray, "p q 3"]) -> Float32[np.ndarray, "h w 3"]:
        glass = self._glass(self._frame)
        light = np.empty((*self._rays.shape[:2], 3), np.float32)
        self._bands.over_rows(
            len(light), lambda rows: warp_light(glass, self._rays, drawn, rows, light)
        )
        return light

    def _track(self, state: FrameState) -> None:
        """Bring vertices and footprints up to date."""
        moved = moved_parts(self._state, state)
        geometry = self._renderer.geometry
        for part in np.flatnonzero(moved & (state.visible > 0)):
            begin, end = geometry.vertex_start[part], geometry.vertex_start[part + 1]
            to_eye(self._renderer.eye, geometry.surface.points, begin, end, self._local)
        self._counter.forget(moved | self._optics.sways)
        self._state = replace(
            state, transforms=state.transforms.copy(), visible=state.visible.copy()
        )

    def footprints(self) -> Footprints:
        """Return what each object would cover alone in the last shown picture."""
        glass, corners = self._glass(self._frame), self._renderer.geometry.surface.corners
        drawn = self._optics.drawn()
        size = (drawn.width, drawn.height)
        return self._counter.count_by(
            lambda ranges: count_shown(glass, self._rays, corners, self._local, ranges, size),
            self._visible(),
            self._bands,
        )

    def _visible(self) -> Bool[np.ndarray, "i"]:
        return self._state.visible > 0 if self._state else np.zeros(0, np.bool_)

    def make(self, pixels: Pixels, now: FrameState, following: FrameState | None) -> Frame:
        """Return all channels of the last shown picture; `following` is None at the last frame."""
        self._find_edges(pixels)
        if following is None:
            flow = self._canvas.flow_px
            flow[:] = np.where((pixels.triangle < 0)[..., None], np.nan, 0.0)
        else:
            self._find_flow(pixels, now, following)
        return Frame(**self._canvas._asdict())

    def _find_edges(self, pixels: Pixels) -> None:
        seen = Seen(
            depth_m=pixels.depth_m,
            normal=pixels.normal,
            instance_id=pixels.instance_id,
            triangle=pixels.triangle,
            look=self._look,
            rays=self._rays,
        )
        eye, rule, edges = self._renderer.eye, self._rule, self._canvas.edges
        self._bands.over_tiles(
            listed(self._whole), lambda share: find_edges(eye, rule, seen, share, edges)
        )

    def _find_flow(self, pixels: Pixels, now: FrameState, following: FrameState) -> None:
        eye, part_of = self._renderer.eye, self._renderer.geometry.surface.part
        kind, motion = part_motions(eye, now, following)
        here, there = self._glass(self._frame), self._glass(self._frame + 1)
        sways, rays, flow = self._optics.sways, self._rays, self._canvas.flow_px
        self._bands.over_rows(
            len(rays),
            lambda rows: warped_flow(
                here, there, sways, kind, motion, part_of, rays, pixels.triangle, pixels.depth_m,
                rows, flow,
            ),
        )  # fmt: skip
