"""What every render backend offers, and what it hands to the labels."""

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8, UInt32

from rareworld.annotate.render.footprint import Footprints
from rareworld.annotate.render.geometry import Geometry
from rareworld.annotate.render.project import Eye
from rareworld.annotate.render.resolve import Target
from rareworld.annotate.world.model import FrameState


@final
@dataclass(frozen=True, kw_only=True)
class Pixels:
    """One image and what each pixel centre sees.

    The arrays are the target's if `render` was given one; the others belong to the renderer and are
    overwritten by its next frame.
    """

    rgb: UInt8[np.ndarray, "h w 3"]
    depth_m: Float32[np.ndarray, "h w"]
    """Along the optical axis; infinity where only sky is seen."""
    normal: Float32[np.ndarray, "h w 3"]
    """Unit normal of the triangle's plane in the camera frame, turned to the camera; 0 for sky."""
    class_id: UInt8[np.ndarray, "h w"]
    instance_id: UInt32[np.ndarray, "h w"]
    triangle: Int32[np.ndarray, "h w"]
    """Number in `Geometry.surface`; -1 for sky."""
    changed: Bool[np.ndarray, "a b"]
    """Tiles of `tiles.TILE` pixels that may differ from the frame before."""
    relabelled: Bool[np.ndarray, "a b"] | None = None
    """Those of them whose labels may differ, not only their colours; None: all that `changed`."""
    whole: bool = False
    """Whether all of `rgb` is written anew, in this and all later frames."""
    all_drawn: bool = False
    """Whether all of depth, normals, classes and instances is, likewise."""
    radiance: Float32[np.ndarray, "h w 3"] | None = None
    """Exposed linear radiance before film, where `RenderConfig.radiance` asks for it: what falls
    through the air and what the lens does is added to it, then `sky.film` makes `rgb`."""


@runtime_checkable
class Renderer(Protocol):
    """Turns frame states into pixels for one scene and one fixed camera."""

    @property
    def geometry(self) -> Geometry:
        """Triangles as posed by the last `render`."""
        ...

    @property
    def eye(self) -> Eye:
        """The camera as kernels see it."""
        ...

    def render(self, state: FrameState, target: Target | None = None) -> Pixels:
        """Return the image of one instant, in `target` if given: it holds the last image then."""
        ...

    def expect(self, state: FrameState) -> None:
        """Be told which instant comes next, so that a device can begin with it; may do nothing.

        What was last rendered stays as it is.
        """
        ...

    def footprints(self) -> Footprints:
        """Return what each object would cover alone, at the last rendered instant."""
        ...

    def close(self) -> None:
        """Give back threads and device memory; nothing can be rendered afterwards."""
        ...
