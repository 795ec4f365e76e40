"""The scene as triangles: the contract between the makers of shapes and the render backends.

Static geometry is one mesh in world coordinates. Everything that moves or switches is an
`Instance` of a prototype `Mesh`; a `FrameState` gives each instance its transform and its state
bits for one frame. A backend needs nothing else.
Shapes: V vertices, F triangles, I instances, K textures of S x S texels.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8, UInt32


class Texture(IntEnum):
    """Index of a tiling texture; each multiplies its material's colour."""

    NONE = -1
    ASPHALT = 0
    GRASS = 1
    BRICK = 2
    PAVING = 3
    CONCRETE = 4
    LEAVES = 5
    ROOF = 6
    PLASTER = 7


class Paint(IntEnum):
    """Which of an instance's own colours replaces the material's."""

    NONE = 0
    BODY = 1
    """`Actor.colour`: paint or jacket."""
    SECOND = 2
    """Trousers, cargo box; derived from the actor's style."""


class StateBit(IntEnum):
    """State bits above `core.trajectory.Lamp` (bits 0..10): aspects of a signal head."""

    RED = 1 << 16
    YELLOW = 1 << 17
    GREEN = 1 << 18


@final
@dataclass(frozen=True, kw_only=True)
class Material:
    """A surface; colours are linear sRGB primaries in 0..1."""

    name: str
    colour: tuple[float, float, float]
    roughness: float = 0.9
    specular: float = 0.04
    """Reflectance at normal incidence (Schlick's F0)."""
    texture: Texture = Texture.NONE
    metres_per_repeat: float = 1.0
    paint: Paint = Paint.NONE
    emission: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Radiance added when lit, in units of a sunlit white card."""
    lit_when: int = 0
    """Bits of `Lamp` or `StateBit`; lit when any is set. 0: always lit if emission is not zero."""


@final
@dataclass(frozen=True, kw_only=True)
class Mesh:
    """Triangles with smooth or split normals, counter-clockwise seen from outside."""

    vertices_m: Float32[np.ndarray, "v 3"]
    normals: Float32[np.ndarray, "v 3"]
    uv_m: Float32[np.ndarray, "v 2"]
    """Texture coordinates in metres; divided by the material's `metres_per_repeat`."""
    triangles: Int32[np.ndarray, "f 3"]
    material: Int32[np.ndarray, "f"]
    """Index into `RenderScene.materials`."""
    class_id: UInt8[np.ndarray, "f"]
    """`core.taxonomy.ClassId` of each triangle (a rider on a bicycle has two)."""


@final
@dataclass(frozen=True, kw_only=True)
class Instance:
    """One placed prototype; the parts of an actor (body, four wheels, limbs) are instances."""

    object_id: int
    """Actor or prop id; the instance id of its pixels. 0 for none."""
    prototype: int
    body_colour: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Linear sRGB."""
    second_colour: tuple[float, float, float] = (0.1, 0.1, 0.1)


@final
@dataclass(frozen=True, kw_only=True)
class FrameState:
    """Where every instance is at one instant."""

    transforms: Float32[np.ndarray, "i 3 4"]
    """World from prototype, rigid (rotation and translation)."""
    visible: UInt8[np.ndarray, "i"]
    """0 hides an instance (its actor is absent)."""
    state: UInt32[np.ndarray, "i"]
    """Bits of `Lamp` and `StateBit`."""


@final
@dataclass(frozen=True, kw_only=True)
class Daylight:
    """Sun and sky of one instant."""

    sun_direction: tuple[float, float, float]
    """Unit vector from the ground to the sun; z below 0 at night."""
    sun_radiance: tuple[float, float, float]
    """Irradiance of the direct sun on a facing white card; 0 at night."""
    zenith: tuple[float, float, float]
    """Radiance of the sky overhead."""
    horizon: tuple[float, float, float]
    ground: tuple[float, float, float]
    """Radiance bounced up from the ground."""
    exposure: float = 1.0
    """Multiplier before tone mapping."""


@final
@dataclass(frozen=True, kw_only=True)
class RenderScene:
    """All geometry of one recording, backend-neutral."""

    static: Mesh
    static_object_id: UInt32[np.ndarray, "f"]
    """Prop id of each static triangle, 0 for ground and road."""
    prototypes: tuple[Mesh, ...]
    instances: tuple[Instance, ...]
    materials: tuple[Material, ...]
    textures: Float32[np.ndarray, "k s s 3"] = field(repr=False)
    """Linear, tiling, S a power of two; mean near 1 so that the material's colour decides."""
    daylight: Daylight


@runtime_checkable
class Poser(Protocol):
    """Gives the state of all instances at any time of the recording."""

    def at(self, time_s: float) -> FrameState:
        """Return the interpolated state; exact at frame times."""
        ...


def transform_points(
    transforms: Float32[np.ndarray, "i 3 4"], points: Float[np.ndarray, "i p 3"]
) -> Float[np.ndarray, "i p 3"]:
    """Return points of each instance in the world."""
    return points @ np.swapaxes(transforms[..., :3], -1, -2) + transforms[:, None, :, 3]
