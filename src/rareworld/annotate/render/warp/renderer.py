"""The ray caster: labels and colours of one scene through one fixed camera, on a CPU or CUDA.

Every frame is drawn whole; what differs from the frame before is found afterwards, so that labels
made from it on the host need not be redone where nothing changed.
"""

from typing import Any, final

import numpy as np
import warp as wp
from jaxtyping import Bool, Float32

from rareworld.annotate.render.after import Afterwork
from rareworld.annotate.render.air import AirPass
from rareworld.annotate.render.backend import Pixels
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.counter import ObjectCounter
from rareworld.annotate.render.footprint import Footprints
from rareworld.annotate.render.geometry import Geometry, moved_parts
from rareworld.annotate.render.project import Eye, eye_of, to_eye
from rareworld.annotate.render.resolve import Target, empty_target
from rareworld.annotate.render.sky import film_table
from rareworld.annotate.render.warp import colours, labels
from rareworld.annotate.render.warp.colours import Settings, colour_rows
from rareworld.annotate.render.warp.device import Device, check_memory, memory_told
from rareworld.annotate.render.warp.images import Images, needed_bytes
from rareworld.annotate.render.warp.labels import label_rows
from rareworld.annotate.render.warp.put import Uploader
from rareworld.annotate.render.warp.scenery import (
    follow,
    lamp_set,
    lamps_on,
    light_on,
    looks_on,
    textures_on,
)
from rareworld.annotate.render.warp.stage import Stage
from rareworld.annotate.render.warp.upload import DeviceWorld, device_eye
from rareworld.annotate.world.model import FrameState, RenderScene
from rareworld.core.camera import Camera
from rareworld.core.seed import Seed
from rareworld.errors import CameraError

_COARSEST = 0.5
"""Least part of a pixel that a sample's textures are averaged over."""


@final
class WarpRenderer:
    """Renders by rays on one device; implements `backend.Renderer`.

    Raises:
        CameraError: If the camera sees no surface of the scene at all.
        DeviceError: If scene and image do not fit into the device's memory.
    """

    def __init__(
        self, scene: RenderScene, camera: Camera, config: RenderConfig, device: Device
    ) -> None:
        self.config = config
        self.device = device
        self._size = (camera.width, camera.height)
        self._needed = needed_bytes(scene, self._size, denoise=config.denoise)
        check_memory(device, self._needed)
        self._geometry = Geometry(scene)
        self._eye = eye_of(camera, config.near_m)
        self._bands = Bands(config.threads)
        self._local = np.zeros((len(self._geometry.surface.points), 3))
        to_eye(
            self._eye, self._geometry.surface.points, 0, int(self._geometry.vertex_start[0]),
            self._local,
        )  # fmt: skip
        self._counter = ObjectCounter(scene, self._geometry)
        self._last: FrameState | None = None
        self._begun: FrameState | None = None
        self._shown = np.zeros(len(scene.instances), bool)
        self._own: Target | None = None
        self._put = Uploader(device.alias)
        self._lamps = lamp_set(scene, self._eye.position, config.exposure)
        with memory_told(device, self._needed):
            self._world = DeviceWorld(scene, self._geometry, self._eye.position, device.alias)
            self._stage = self._make_stage(scene)
            self._images = Images(self._size, device, config)
            # threads that met code not yet compiled would each compile it
            for module in (labels, colours):
                wp.load_module(module.__name__, device=device.alias)
            self._refuse_sky(camera, scene)
        self._after = self._make_after(scene, camera)

    def _make_stage(self, scene: RenderScene) -> Any:  # noqa: ANN401 - a Warp struct
        put, origin = self._put, self._eye.position
        stage = Stage()
        stage.eye = device_eye(self._eye)
        stage.world = self._world.struct
        stage.looks = looks_on(put, scene)
        stage.textures = textures_on(put, scene)
        stage.light = light_on(put, scene, self.config.exposure)
        stage.lamps = lamps_on(put, self._lamps.lamps, origin)
        return stage

    def _make_after(self, scene: RenderScene, camera: Camera) -> Afterwork:
        exposure = scene.daylight.exposure * self.config.exposure
        seed = Seed(self.config.seed).child(camera.name)
        air = AirPass(scene, self._eye, self._size, exposure, seed, self._bands)
        # rays mirror what they meet: no pass for that
        config = self.config
        return Afterwork(
            air, None, film_table(), self._size, config.radiance, self._bands, films=config.film
        )

    def _refuse_sky(self, camera: Camera, scene: RenderScene) -> None:
        if scene.instances:
            return
        self._launch(label_rows, [self._stage.world, self._stage.eye], self._images.labels)
        if (self._images.labels.triangle.numpy() < 0).all():
            raise CameraError(
                f"camera {camera.name!r} sees nothing of the scene: only sky in its image; "
                "turn it to the road"
            )

    @property
    def geometry(self) -> Geometry:
        """Triangles as posed by the last `render`."""
        return self._geometry

    @property
    def eye(self) -> Eye:
        """The camera as kernels see it."""
        return self._eye

    def render(self, state: FrameState, target: Target | None = None) -> Pixels:
        """Return the image of one instant.

        Args:
            state: Where everything is.
            target: Arrays to write to, which must hold the image of the last call; None for the
                renderer's own, which are reused by the next call.

        Raises:
            DeviceError: If the device runs out of memory.
        """
        target = target or self._own_target()
        with memory_told(self.device, self._needed):
            changed = self._draw(state, target)
        radiance = self._after.apply(target, self._images.triangle, state)
        return self._pixels(target, changed, radiance)

    def expect(self, state: FrameState) -> None:
        """Begin the next image on a GPU, which draws it while the host works on the last one.

        Raises:
            DeviceError: If the device runs out of memory.
        """
        if self.device.is_gpu:
            with memory_told(self.device, self._needed):
                self._begin(state)

    def _draw(self, state: FrameState, target: Target) -> Bool[np.ndarray, "a b"]:
        """Draw what needs the device; return the tiles that may have changed."""
        if self._begun is not state:
            self._begin(state)
        self._begun = None
        self._pose(state)
        everywhere = self._after.prepare(state)
        return self._images.finish(target, self._after.clean) | everywhere

    def _begin(self, state: FrameState) -> None:
        """Move parts and lamps on the device, and start to draw there."""
        images, stage = self._images, self._stage
        self._world.pose(state)
        self._lamps.update(state)
        stage.world = self._world.struct
        stage.lamps = lamps_on(self._put, self._lamps.lamps, self._eye.position)
        follow(stage.looks, self._put, state)
        if self._begun is None:
            images.swap()
        self._launch(label_rows, [stage.world, stage.eye], images.labels)
        self._launch(colour_rows, [stage, self._settings()], images.colours)
        self._begun = state

    def _pose(self, state: FrameState) -> None:
        """Move parts on the host."""
        geometry = self._geometry
        moved, self._shown = moved_parts(self._last, state), state.visible > 0
        which = np.flatnonzero(moved & self._shown)
        geometry.pose(state, which)
        for part in which:
            begin, end = geometry.vertex_start[part], geometry.vertex_start[part + 1]
            to_eye(self._eye, geometry.surface.points, begin, end, self._local)
        self._counter.forget(moved)
        self._last = FrameState(
            transforms=state.transforms.copy(),
            visible=state.visible.copy(),
            state=state.state.copy(),
        )

    def _settings(self) -> Any:  # noqa: ANN401 - a Warp struct
        out = Settings()
        out.samples = self.config.samples_per_pixel
        out.seed = self.config.seed
        out.pixel_width = max(self.config.samples_per_pixel**-0.5, _COARSEST)
        return out

    def _launch(self, kernel: Any, inputs: list[Any], images: Any) -> None:  # noqa: ANN401 - Warp's own
        """Run a kernel over all pixels; on the CPU in bands of rows, side by side."""
        width, height = self._size

        def band(rows: tuple[int, int]) -> None:
            """Draw some rows."""
            wp.launch(
                kernel, dim=(rows[1] - rows[0], width), inputs=[*inputs, wp.vec2i(*rows), images],
                device=self.device.alias,
            )  # fmt: skip

        if self.device.is_gpu:
            band((0, height))
        else:
            self._bands.over_rows(height, band)

    def _own_target(self) -> Target:
        """Return arrays kept for callers that bring none."""
        if self._own is None:
            self._own = empty_target(*self._size)
        return self._own

    def _pixels(
        self,
        target: Target,
        changed: Bool[np.ndarray, "a b"],
        radiance: Float32[np.ndarray, "h w 3"] | None,
    ) -> Pixels:
        return Pixels(
            rgb=target.rgb,
            depth_m=target.depth_m,
            normal=target.normal,
            class_id=target.class_id,
            instance_id=target.instance_id,
            triangle=self._images.triangle,
            changed=changed,
            whole=True,
            all_drawn=True,
            radiance=radiance,
        )

    def footprints(self) -> Footprints:
        """Return what each object would cover alone, at the last rendered instant."""
        return self._counter.count(self._eye, self._local, self._shown, self._size, self._bands)

    def close(self) -> None:
        """End the worker threads and let go of the device's memory."""
        self._bands.close()
        self._images.close()
