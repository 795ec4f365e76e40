"""The CPU renderer: what stands still is drawn and shaded once per camera, the rest per frame.

A frame redraws only the tiles that moving things cover or shade, now or a frame ago; the result
is the same, byte for byte, as drawing everything (proved in `tests/annotate/render`).
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int32, Int64

from rareworld.annotate.render.after import Afterwork
from rareworld.annotate.render.air import AirPass
from rareworld.annotate.render.backend import Pixels
from rareworld.annotate.render.bake import bake, find_planes_of_tiles
from rareworld.annotate.render.baked import Baked
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.counter import ObjectCounter
from rareworld.annotate.render.footprint import Footprints
from rareworld.annotate.render.geometry import Geometry, moved_parts, switched_parts
from rareworld.annotate.render.lamp_cache import LampCache
from rareworld.annotate.render.lights import LightCache
from rareworld.annotate.render.looks import follow, looks_of
from rareworld.annotate.render.mirror import Mirror, mirrors
from rareworld.annotate.render.occlusion import open_sky_of, ring_pattern, smooth_open_sky
from rareworld.annotate.render.project import Eye, boxes_in_view, eye_of, to_eye
from rareworld.annotate.render.raster import SAMPLES, Window, draw
from rareworld.annotate.render.relight import relight
from rareworld.annotate.render.resolve import Page, Target, empty_target, label_rows, resolve
from rareworld.annotate.render.shade import Stage
from rareworld.annotate.render.shadow import BESIDE_REACH_M, tile_texels
from rareworld.annotate.render.sky import film_table, sky_of
from rareworld.annotate.render.still import draw_still, restored, sparse_points
from rareworld.annotate.render.texture import mip_levels
from rareworld.annotate.render.tiles import (
    TILE,
    listed,
    mark_boxes,
    ranges_of,
    tiles_within,
    whole,
    windows_of,
)
from rareworld.annotate.world.model import FrameState, RenderScene
from rareworld.core.camera import Camera
from rareworld.core.seed import Seed
from rareworld.errors import CameraError

_TOP_SIZE_SHARE = 4
"""The map of light from overhead is this much smaller than the sun's: its edges are soft."""

_MOST_SEEN_POINTS = 200_000
_FAINT_SUN = 0.01
"""Exposed light of a sun behind clouds whose shadows nobody sees."""
_LAMPS_SEEN_M = 400.0
"""Surfaces farther from the camera show no light of lamps."""


@final
@dataclass
class _Tracker:
    """What the last frame left behind."""

    state: FrameState | None
    boxes: Int32[np.ndarray, "i 4"]
    shown: Bool[np.ndarray, "i"]


@final
class RasterRenderer:
    """Renders one scene through one fixed camera on the CPU; implements `backend.Renderer`.

    Raises:
        CameraError: If the camera sees no surface of the scene at all.
    """

    def __init__(
        self, scene: RenderScene, camera: Camera, config: RenderConfig | None = None
    ) -> None:
        self.config = config or RenderConfig()
        self._camera = camera
        self._size = (camera.width, camera.height)
        self._geometry = Geometry(scene)
        self._eye = eye_of(camera, self.config.near_m)
        self._bands = Bands(self.config.threads)
        vertices, parts = len(self._geometry.surface.points), len(scene.instances)
        self._local = np.zeros((vertices, 3))
        self._looks = looks_of(scene)
        self._last = _Tracker(None, np.zeros((parts, 4), np.int32), np.zeros(parts, bool))
        end = int(self._geometry.vertex_start[0])
        to_eye(self._eye, self._geometry.surface.points, 0, end, self._local)
        self._still = draw_still(self._geometry, self._eye, self._local, self._size, self._bands)
        points, depth_m = self._seen_points()
        seen = points[depth_m < self.config.shadow_reach_m]
        if not len(seen) and not parts:
            raise CameraError(
                f"camera {camera.name!r} sees nothing of the scene: only sky in its image; "
                "turn it to the road"
            )
        self._sun, self._top = self._make_lights(scene, seen)
        exposure = scene.daylight.exposure * self.config.exposure
        lit = points[depth_m < _LAMPS_SEEN_M]
        self._lamps = LampCache(scene, self._geometry, lit, exposure)
        self._lamps.watch(self._eye, self._still, self._size)
        self._stage = self._make_stage(scene)
        self._baked = self._bake()
        self._tile_texels = [self._texels_of_tiles(lamp) for lamp in (self._sun, self._top)]
        self._shaded = whole(self._size)
        self._triangle = np.full((camera.height, camera.width), -2, np.int32)
        self._own: Target | None = None
        self._after = self._make_after(scene)
        self._counter = ObjectCounter(scene, self._geometry)

    @property
    def geometry(self) -> Geometry:
        """Triangles as posed by the last `render`."""
        return self._geometry

    @property
    def eye(self) -> Eye:
        """The camera as kernels see it."""
        return self._eye

    def _seen_points(self) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n"]]:
        """Return world points of still surfaces that lamps or the sun matter for, and depths."""
        pixels, inverse = sparse_points(self._still, _MOST_SEEN_POINTS)
        near = inverse > 1 / max(self.config.shadow_reach_m, _LAMPS_SEEN_M)
        depth_m = 1 / inverse[near].astype(np.float64)
        return self._camera.unproject(pixels[near], depth_m), depth_m

    def _make_lights(
        self, scene: RenderScene, seen: Float[np.ndarray, "n 3"]
    ) -> tuple[LightCache, LightCache]:
        to_sun = np.array(scene.daylight.sun_direction)
        # below the horizon there is no sun to shade; any direction serves
        to_sun = to_sun if to_sun[2] > 0.01 else np.array([0.3, 0.2, 0.93])
        size = self.config.shadow_size
        direct = max(scene.daylight.sun_radiance) * scene.daylight.exposure
        sun = LightCache(
            self._geometry, to_sun, seen, size, self._bands, shines=direct > _FAINT_SUN
        )
        overhead = np.array([0.0, 0.0, 1.0])
        top = LightCache(
            self._geometry, overhead, seen, max(size // _TOP_SIZE_SHARE, 64), self._bands,
            reach_m=BESIDE_REACH_M,
        )  # fmt: skip
        return sun, top

    def _make_stage(self, scene: RenderScene) -> Stage:
        return Stage(
            eye=self._eye,
            surface=self._geometry.surface,
            local=self._local,
            looks=self._looks,
            textures=mip_levels(scene.textures),
            sky=sky_of(scene.daylight, scene.air, self.config.exposure),
            sun=self._sun.map,
            top=self._top.map,
            lamps=self._lamps.set.lamps,
        )

    def _bake(self) -> Baked:
        height, width = self._camera.height, self._camera.width
        riding = self._lamps.set.any_riding
        baked = Baked(
            kind=np.zeros((height, width), np.uint8),
            sky_part=np.zeros((height, width, 3), np.uint16),
            sun_part=np.zeros((height, width, 3), np.uint16),
            open_sky=np.full((height, width), 255, np.uint8),
            response=np.zeros((height, width, 5) if riding else (0, 0, 5), np.uint8),
            flat=np.zeros((*whole(self._size).shape, 5) if riding else (0, 0, 5), np.uint8),
        )
        if self.config.occlusion:
            self._bake_open_sky(baked)
        self._bands.over_rows(
            height, lambda rows: bake(self._stage, self._still, SAMPLES, rows, baked)
        )
        self._bands.over_rows(
            len(baked.flat),
            lambda rows: find_planes_of_tiles(self._stage, self._still, rows, baked),
        )
        return baked

    def _bake_open_sky(self, baked: Baked) -> None:
        seen = empty_target(*self._size)
        self._bands.over_rows(
            self._size[1], lambda rows: label_rows(self._stage, self._still, rows, seen)
        )
        depth, normal = seen.depth_m, seen.normal
        raw = np.empty_like(depth)
        pattern = ring_pattern()
        self._bands.over_rows(
            len(depth), lambda rows: open_sky_of(self._eye, depth, normal, pattern, rows, raw)
        )
        self._bands.over_rows(
            len(depth), lambda rows: smooth_open_sky(depth, normal, raw, rows, baked.open_sky)
        )

    def _make_after(self, scene: RenderScene) -> Afterwork:
        exposure = scene.daylight.exposure * self.config.exposure
        seed = Seed(self.config.seed).child(self._camera.name)
        air = AirPass(scene, self._eye, self._size, exposure, seed, self._bands)
        mirror = None
        if mirrors(scene):
            mirror = Mirror(self._stage, self._still, self._baked.open_sky, self._bands)
        config = self.config
        return Afterwork(
            air, mirror, film_table(), self._size, config.radiance, self._bands, films=config.film
        )

    def _texels_of_tiles(self, lamp: LightCache) -> Float64[np.ndarray, "n 4"]:
        """Return the rectangle of texels that the still surfaces of each tile read."""
        tiles = listed(whole(self._size))
        bounds = np.zeros((len(tiles), 4))
        self._bands.over_rows(
            len(tiles),
            lambda part: tile_texels(
                self._eye, lamp.map.frame, self._still, SAMPLES, tiles[slice(*part)], TILE,
                bounds[slice(*part)],
            ),
        )  # fmt: skip
        reach = lamp.reach_texels
        return bounds + np.array([-reach, -reach, reach, reach])

    def render(self, state: FrameState, target: Target | None = None) -> Pixels:
        """Return the image of one instant.

        Args:
            state: Where everything is.
            target: Arrays to write to, which must hold the image of the last call; None for the
                renderer's own, which are reused by the next call.
        """
        target = target or self._own_target()
        before = self._last
        shown = state.visible > 0
        moved = moved_parts(before.state, state)
        which = np.flatnonzero(moved & shown)
        self._geometry.pose(state, which)
        follow(self._looks, state)
        self._sun.update(moved, shown)
        self._top.update(moved, shown)
        self._lamps.update(state, moved, shown)
        boxes = self._project(which)
        changed = moved | switched_parts(before.state, state)
        changed |= self._sun.parts_touched() | self._top.parts_touched()
        changed |= self._lamps.parts_touched()
        dirty = self._dirty_tiles(changed, boxes, shown) | self._after.prepare(state)
        relabelled = self._covered(moved, boxes, shown)
        covered = relabelled | self._covered(shown, boxes, shown)
        self._last = _Tracker(_copy(state), boxes, shown)
        self._counter.forget(moved)
        page = self._page(target)
        self._bands.over_items(
            windows_of(dirty & covered, self._size),
            lambda at: self._redraw(at, dirty & covered, boxes, shown, page),
        )
        self._bands.over_tiles(
            listed(dirty & ~covered), lambda share: relight(page, share, self._shaded)
        )
        radiance = self._after.apply(target, self._triangle, state)
        return self._pixels(target, dirty, relabelled, radiance)

    def _page(self, target: Target) -> Page:
        """Return what the pixels of the next image are drawn from and written to."""
        return Page(
            stage=self._stage,
            baked=self._baked,
            still=self._still,
            samples=SAMPLES,
            film_table=self._after.film,
            triangle=self._triangle,
            target=target,
            radiance=self._after.clean,
        )

    def _covered(
        self, parts: Bool[np.ndarray, "i"], boxes: Int32[np.ndarray, "i 4"],
        shown: Bool[np.ndarray, "i"],
    ) -> Bool[np.ndarray, "a b"]:  # fmt: skip
        """Return which tiles some parts cover, now or a frame ago; at first all."""
        tiles = whole(self._size)
        tiles[:] = self._last.state is None
        mark_boxes(tiles, self._last.boxes[parts & self._last.shown], TILE, 0)
        mark_boxes(tiles, boxes[parts & shown], TILE, 0)
        return tiles

    def _own_target(self) -> Target:
        """Return arrays kept for callers that bring none."""
        if self._own is None:
            self._own = empty_target(*self._size)
        return self._own

    def _project(self, which: Int64[np.ndarray, "n"]) -> Int32[np.ndarray, "i 4"]:
        """Project the chosen parts and return the pixel rectangles of all."""
        geometry = self._geometry
        for part in which:
            begin, end = geometry.vertex_start[part], geometry.vertex_start[part + 1]
            to_eye(self._eye, geometry.surface.points, begin, end, self._local)
        boxes = self._last.boxes.copy()
        limits = np.array([self._camera.width, self._camera.height], dtype=np.int32)
        boxes_in_view(self._eye, which, geometry.vertex_start, self._local, limits, boxes)
        return boxes

    def _dirty_tiles(
        self, changed: Bool[np.ndarray, "i"], boxes: Int32[np.ndarray, "i 4"],
        shown: Bool[np.ndarray, "i"],
    ) -> Bool[np.ndarray, "a b"]:  # fmt: skip
        """Return which tiles changed parts cover or shade, now or a frame ago."""
        dirty = self._covered(changed, boxes, shown)
        self._shaded[:] = False
        for lamp, texels in zip((self._sun, self._top), self._tile_texels, strict=True):
            dirty |= lamp.touches(texels).reshape(dirty.shape)
            self._shaded |= lamp.shades(texels).reshape(dirty.shape)
        return dirty | self._lamps.tiles_touched(dirty)

    def _redraw(
        self, at: Window, dirty: Bool[np.ndarray, "a b"], boxes: Int32[np.ndarray, "i 4"],
        shown: Bool[np.ndarray, "i"], page: Page,
    ) -> None:  # fmt: skip
        """Draw and shade the marked tiles of a window."""
        tiles = tiles_within(dirty, at)
        depth, index = restored(self._still, tiles, at)
        again = shown & (boxes[:, 0] < at.right) & (boxes[:, 2] > at.left)
        again &= (boxes[:, 1] < at.bottom) & (boxes[:, 3] > at.top)
        ranges = ranges_of(self._geometry, np.flatnonzero(again))
        corners = self._geometry.surface.corners
        draw(self._eye, corners, self._local, ranges, at, SAMPLES, depth, index, np.empty((4, 3)))
        resolve(page, tiles, at, index, self._shaded)

    def _pixels(
        self, target: Target, dirty: Bool[np.ndarray, "a b"],
        relabelled: Bool[np.ndarray, "a b"], radiance: Float32[np.ndarray, "h w 3"] | None,
    ) -> Pixels:  # fmt: skip
        return Pixels(
            rgb=target.rgb,
            depth_m=target.depth_m,
            normal=target.normal,
            class_id=target.class_id,
            instance_id=target.instance_id,
            triangle=self._triangle,
            changed=dirty,
            relabelled=relabelled,
            whole=self._after.works,
            radiance=radiance,
        )

    def expect(self, state: FrameState) -> None:
        """Do nothing: the processor that would begin is busy with the last image."""

    def footprints(self) -> Footprints:
        """Return what each object would cover alone, at the last rendered instant."""
        return self._counter.count(
            self._eye, self._local, self._last.shown,
            self._size, self._bands,
        )  # fmt: skip

    def close(self) -> None:
        """End the worker threads."""
        self._bands.close()


def _copy(state: FrameState) -> FrameState:
    return FrameState(
        transforms=state.transforms.copy(),
        visible=state.visible.copy(),
        state=state.state.copy(),
    )
