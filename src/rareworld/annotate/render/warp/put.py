"""Numpy arrays and meshes onto one device."""

from typing import Any, final

import numpy as np
import warp as wp
from jaxtyping import Float32, Int32

_LEAF = 4
TREE = "sah"
"""Slowest to build and fastest to trace; measured best on both devices."""

_NUMBERS: dict[Any, type[np.generic]] = {
    wp.int32: np.int32, wp.uint32: np.uint32, wp.uint64: np.uint64, wp.uint8: np.uint8,
    wp.vec3i: np.int32,
}  # fmt: skip
"""Types whose numbers are not float32."""


@final
class Uploader:
    """Puts numpy arrays on one device."""

    def __init__(self, device: str) -> None:
        self.device = device

    def array(self, values: np.ndarray, kind: Any) -> wp.array:  # noqa: ANN401 - a Warp type
        """Return a copy on the device, one row per element of vector types."""
        return wp.array(np.ascontiguousarray(values), dtype=kind, device=self.device)

    def mesh(
        self, points: Float32[np.ndarray, "v 3"], triangles: Int32[np.ndarray, "f 3"]
    ) -> wp.Mesh:
        """Return a tree of triangles."""
        return wp.Mesh(
            points=self.array(points, wp.vec3),
            indices=self.array(triangles.ravel(), wp.int32),
            bvh_constructor=TREE,
            bvh_leaf_size=_LEAF,
        )

    def cast(self, values: np.ndarray, kind: Any) -> wp.array:  # noqa: ANN401 - a Warp type
        """Return a copy on the device, with numbers of the type's own kind."""
        return self.array(values.astype(_NUMBERS.get(kind, np.float32)), kind)
