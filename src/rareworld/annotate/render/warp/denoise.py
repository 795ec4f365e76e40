"""Open Image Denoise (Afra 2025, oidn 2.x) on the images of a renderer, without copies.

The network is given colour, albedo and normal; its input never depends on the frame where nothing
moves, so that it adds no shimmer (proved in tests/annotate/render/warp/test_denoise.py).
"""

from typing import Any, final

import pyoidn
import warp as wp

from rareworld.annotate.render.warp.device import Device
from rareworld.errors import DeviceError

_PIXEL = 12


@final
class Denoiser:
    """A filter tied to the buffers of one renderer.

    Raises:
        DeviceError: If the library cannot use the device.
    """

    def __init__(self, size: tuple[int, int], device: Device, colours: Any) -> None:  # noqa: ANN401 - a Warp struct
        self._clean = wp.zeros((size[1], size[0]), dtype=wp.vec3, device=device.alias)
        self._on_gpu = device.is_gpu
        kind = pyoidn.OIDN_DEVICE_TYPE_CUDA if device.is_gpu else pyoidn.OIDN_DEVICE_TYPE_CPU
        self._device = pyoidn.Device(kind)
        self._device.commit()
        self._refuse("cannot start on " + device.label)
        self._filter = pyoidn.Filter(self._device, pyoidn.OIDN_FILTER_TYPE_RT)
        self._buffers: list[Any] = []
        images = {
            pyoidn.OIDN_IMAGE_COLOR: colours.shown,
            pyoidn.OIDN_IMAGE_ALBEDO: colours.albedo,
            pyoidn.OIDN_IMAGE_NORMAL: colours.normal,
            pyoidn.OIDN_IMAGE_OUTPUT: self._clean,
        }
        for name, image in images.items():
            shared = pyoidn.Buffer.shared(self._device, image.ptr, size[0] * size[1] * _PIXEL)
            self._buffers.append(shared)
            self._filter.set_image(name, shared, pyoidn.OIDN_FORMAT_FLOAT3, *size)
        self._filter.set_bool("hdr", True)
        self._filter.set_quality(pyoidn.OIDN_QUALITY_HIGH)
        self._filter.commit()
        self._refuse("cannot take the image")

    def _refuse(self, what: str) -> None:
        """Turn the library's report into an error."""
        problem = self._device.get_error()
        if problem:
            raise DeviceError(
                f"Open Image Denoise {what}: {problem}; go without it: --set render.denoise=false"
            )

    def clean(self) -> wp.array:
        """Return the denoised picture, which is overwritten by the next call."""
        if self._on_gpu:
            wp.synchronize()
        self._filter.execute()
        self._device.wait()
        self._refuse("failed")
        return self._clean

    def close(self) -> None:
        """Release what the library holds."""
        self._filter.release()
        for shared in self._buffers:
            shared.release()
        self._device.release()
