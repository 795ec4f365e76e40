"""Buffers of one image on a device: film, comparison with the image before, copies to the host."""

from typing import Any, final, no_type_check

import numpy as np
import warp as wp
from jaxtyping import Bool, Float32, Int32

from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.resolve import Target
from rareworld.annotate.render.sky import film_table
from rareworld.annotate.render.tiles import TILE, whole
from rareworld.annotate.render.warp.colours import ColourImages
from rareworld.annotate.render.warp.denoise import Denoiser
from rareworld.annotate.render.warp.device import Device
from rareworld.annotate.render.warp.labels import LabelImages
from rareworld.annotate.world.model import RenderScene

_TILE = wp.constant(TILE)
_FILM_MAX = 16.0
_PIXEL_BYTES = 2 * (4 + 12 + 1 + 4 + 4 + 3) + 5 * 12
_DENOISER_PIXEL_BYTES = 420
_TRIANGLE_BYTES = 260
"""Corners, looks and tree of one triangle."""
_BASE_BYTES = 600 * 2**20
"""CUDA's own context and the code of the kernels."""


def needed_bytes(scene: RenderScene, size: tuple[int, int], *, denoise: bool) -> int:
    """Return about how much memory scene and images take on a device."""
    triangles = sum(len(mesh.triangles) for mesh in (scene.static, *scene.prototypes))
    per_pixel = _PIXEL_BYTES + (_DENOISER_PIXEL_BYTES if denoise else 0)
    textures = scene.textures.nbytes * 4 // 3
    return _BASE_BYTES + triangles * _TRIANGLE_BYTES + size[0] * size[1] * per_pixel + textures


@no_type_check
@wp.kernel(enable_backward=False)
def develop_rows(
    table: wp.array[wp.uint8], shown: wp.array2d[wp.vec3], top: int, rgb: wp.array2d[wp.vec3ub]
) -> None:
    """Write the display values of exposed radiance; see `sky.film`."""
    row, x = wp.tid()
    y = row + top
    last = float(table.shape[0] - 1)
    colour = shown[y, x]
    out = wp.vec3ub()
    for k in range(3):
        root = wp.sqrt(wp.clamp(colour[k] / _FILM_MAX, 0.0, 1.0))
        out[k] = table[int(root * last + 0.5)]
    rgb[y, x] = out


@no_type_check
@wp.kernel(enable_backward=False)
def compare_rows(
    now: LabelImages, last: LabelImages, now_rgb: wp.array2d[wp.vec3ub],
    last_rgb: wp.array2d[wp.vec3ub], top: int, changed: wp.array2d[wp.uint8],
) -> None:  # fmt: skip
    """Mark the tiles where two images differ in anything."""
    row, x = wp.tid()
    y = row + top
    same = now.triangle[y, x] == last.triangle[y, x] and now.depth_m[y, x] == last.depth_m[y, x]
    same = same and now.instance_id[y, x] == last.instance_id[y, x]
    a = now.normal[y, x]
    b = last.normal[y, x]
    same = same and a[0] == b[0] and a[1] == b[1] and a[2] == b[2]
    p = now_rgb[y, x]
    q = last_rgb[y, x]
    same = same and p[0] == q[0] and p[1] == q[1] and p[2] == q[2]
    if not same:
        changed[y / _TILE, x / _TILE] = wp.uint8(1)


@final
class Images:
    """All buffers of a renderer; two images are kept so that they can be compared."""

    def __init__(self, size: tuple[int, int], device: Device, config: RenderConfig) -> None:
        self._size, self._device = size, device
        self._pair = [self._new_labels(), self._new_labels()]
        self._rgb = [self._new(wp.vec3ub), self._new(wp.vec3ub)]
        self.colours: Any = ColourImages()
        for name in ("shown", "hot", "albedo", "normal"):
            setattr(self.colours, name, self._new(wp.vec3))
        self._table = wp.array(film_table(), dtype=wp.uint8, device=device.alias)
        self._fresh = True
        shape = (size[1], size[0])
        self.triangle: Int32[np.ndarray, "h w"] = np.full(shape, -2, np.int32)
        self._denoiser = Denoiser(size, device, self.colours) if config.denoise else None

    def _new(self, kind: Any) -> wp.array:  # noqa: ANN401 - a Warp type
        return wp.zeros((self._size[1], self._size[0]), dtype=kind, device=self._device.alias)

    def _new_labels(self) -> Any:  # noqa: ANN401 - a Warp struct
        out = LabelImages()
        out.depth_m, out.normal = self._new(wp.float32), self._new(wp.vec3)
        out.class_id, out.instance_id = self._new(wp.uint8), self._new(wp.uint32)
        out.triangle = self._new(wp.int32)
        return out

    @property
    def labels(self) -> Any:  # noqa: ANN401 - a Warp struct
        """What the label kernel writes."""
        return self._pair[0]

    def swap(self) -> None:
        """Keep the image as the one before, and make room for the next."""
        self._pair.reverse()
        self._rgb.reverse()

    def finish(
        self, target: Target, radiance: Float32[np.ndarray, "p q 3"]
    ) -> Bool[np.ndarray, "a b"]:
        """Denoise, develop, copy to the host; return the tiles that changed.

        `radiance` is as large as the image, or empty where it is not wanted.
        """
        shown = self._denoiser.clean() if self._denoiser else self.colours.shown
        self._over_rows(develop_rows, [self._table, shown], self._rgb[0])
        changed = self._compare()
        self._copy(target)
        if len(radiance):
            np.add(shown.numpy(), self.colours.hot.numpy(), out=radiance)
        return changed

    def _over_rows(self, kernel: Any, inputs: list[Any], out: Any) -> None:  # noqa: ANN401 - Warp's own
        wp.launch(
            kernel, dim=(self._size[1], self._size[0]), inputs=[*inputs, 0, out],
            device=self._device.alias,
        )  # fmt: skip

    def _compare(self) -> Bool[np.ndarray, "a b"]:
        out = whole(self._size)
        if self._fresh:
            self._fresh = False
            return out
        changed = wp.zeros(out.shape, dtype=wp.uint8, device=self._device.alias)
        self._over_rows(compare_rows, [*self._pair, *self._rgb], changed)
        return changed.numpy().astype(bool)

    def _copy(self, target: Target) -> None:
        """Bring the image to the host."""
        labels = self.labels
        for image, array in (
            (labels.depth_m, target.depth_m),
            (labels.normal, target.normal),
            (labels.class_id, target.class_id),
            (labels.instance_id, target.instance_id),
            (labels.triangle, self.triangle),
            (self._rgb[0], target.rgb),
        ):
            wp.copy(wp.array(array, dtype=image.dtype, device="cpu", copy=False), image)
        wp.synchronize_device(self._device.alias)

    def close(self) -> None:
        """Let go of the denoiser."""
        if self._denoiser:
            self._denoiser.close()
