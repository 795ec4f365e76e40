"""The scene as triangles: the contract between the makers of shapes and the render backends.

Static geometry is one mesh in world coordinates. Everything that moves or switches is an
`Instance` of a prototype `Mesh`; a `FrameState` gives each instance its transform and its state
bits for one frame. A backend needs nothing else.
Shapes: V vertices, F triangles, I instances, K textures of S x S texels.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int32, UInt8, UInt32


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
    SLABS = 8
    SETTS = 9
    GRAVEL = 10
    ROWS = 11
    """Fields, rows along x."""
    SHEET = 12
    """Profiled metal or boards, upright."""
    PAINT = 13
    """Road paint: chipped, cracked, grimy."""


class Paint(IntEnum):
    """Which of an instance's own colours replaces the material's."""

    NONE = 0
    BODY = 1
    """`Actor.colour`: paint or jacket."""
    SECOND = 2
    """Trousers, cargo box; derived from the actor's style."""


class StateBit(IntEnum):
    """State bits above `core.trajectory.Lamp` (bits 0..10): aspects of a signal head, and more."""

    RED = 1 << 16
    YELLOW = 1 << 17
    GREEN = 1 << 18
    DAYTIME = 1 << 19
    """Daytime running lamps of a vehicle that is driven by day."""


class Weathering(IntEnum):
    """What rain, snow, sand and dirt do to a surface."""

    NONE = 0
    """Lamps, interiors: nothing."""
    ROAD = 1
    """Driven on: wet, puddles, wheel tracks in snow and sand, stains of `GroundMap`."""
    PAVED = 2
    """Walked on: as roads, without wheel tracks."""
    SOIL = 3
    """Grass and earth: darker when wet, snow and sand cover, no mirror."""
    OUTSIDE = 4
    """Roofs, walls, props: snow on faces that look up, slightly darker when wet."""
    LEAF = 5
    """As OUTSIDE; snow lies in the upper half of a crown."""
    VEHICLE = 6
    """Snow by `Instance.snow`, dirt by `Instance.dirt`, rain drops make it glossier."""
    PERSON = 7
    WATER = 8
    """Flood: a rippled mirror over muddy water."""


class Inside(IntEnum):
    """What is seen through a glass surface (glass hides nothing in labels)."""

    NONE = 0
    CABIN = 1
    """The `Cabin` of the mesh."""
    ROOM = 2
    """Rooms of a house behind the window, 3 m wide and high, 4 m deep; some lit at night."""
    SHOP = 3
    """A shop behind its window: deeper, brighter, lit in the evening."""


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
    translucency: float = 0.0
    """Share of light that passes through from behind (leaves)."""
    weathering: Weathering = Weathering.OUTSIDE
    inside: Inside = Inside.NONE
    """What glass shows behind its reflection; `colour` is then the tint of the glass."""


@final
@dataclass(frozen=True, kw_only=True)
class Cabin:
    """What is seen through a vehicle's glass: a shell with boxes in it, in the mesh's frame.

    A ray that enters through glass meets a box, or the shell below the belt line and at the roof;
    above the belt line it leaves through the far side's glass. Shapes: B boxes.
    """

    low_m: tuple[float, float, float]
    high_m: tuple[float, float, float]
    """Inner corners of the shell."""
    belt_m: float
    """Height below which the shell is opaque."""
    boxes_m: Float32[np.ndarray, "b 2 3"]
    """Lower and upper corner of seats, dashboard, people."""
    colours: Float32[np.ndarray, "b 3"]
    """Linear sRGB."""
    shell_colour: tuple[float, float, float] = (0.05, 0.05, 0.052)


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
    cabin: Cabin | None = None
    """For materials with `Inside.CABIN`."""


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
    dirt: float = 0.0
    """0 washed to 1 filthy; mostly on the lower half."""
    snow: float = 1.0
    """Share of the fallen snow that it carries: 1 parked for hours, little after driving."""
    rolls: bool = False
    """Whether it is a wheel, which turns as the vehicle moves and is not dented."""


class Beam(IntEnum):
    """How a lamp's light is spread."""

    CONE = 0
    """Full within `inner_rad`, none beyond `outer_rad`, smooth between; pi lights all around."""
    LOW_BEAM = 1
    """A car's dipped beam: wide, cut off above the horizontal, `direction` is straight ahead."""
    HIGH_BEAM = 2


@final
@dataclass(frozen=True, kw_only=True)
class LocalLight:
    """A lamp that lights its surroundings."""

    position_m: tuple[float, float, float]
    """In the frame of its instance, else in the world."""
    direction: tuple[float, float, float]
    """Unit vector of its axis."""
    intensity: tuple[float, float, float]
    """On the axis: irradiance on a facing card at 1 m, in the unit of `Daylight.sun_radiance`."""
    beam: Beam = Beam.CONE
    inner_rad: float = 0.6
    outer_rad: float = 1.3
    radius_m: float = 0.05
    """Size of the lamp, for soft shadows."""
    instance: int = -1
    """The instance it rides on; -1 stands in the world."""
    lit_when: int = 0
    """Bits of `Lamp` or `StateBit` of its instance; 0 is always on."""


def _no_puffs() -> Float32[np.ndarray, "0 6"]:
    return np.zeros((0, 6), np.float32)


@final
@dataclass(frozen=True, kw_only=True)
class FrameState:
    """Where every instance is at one instant."""

    transforms: Float32[np.ndarray, "i 3 4"]
    """World from prototype: rotation and translation, and the slight shear of a rolling shutter."""
    visible: UInt8[np.ndarray, "i"]
    """0 hides an instance (its actor is absent)."""
    state: UInt32[np.ndarray, "i"]
    """Bits of `Lamp` and `StateBit`."""
    time_s: float = 0.0
    """Moves rain, snow and ripples."""
    puffs: Float32[np.ndarray, "p 6"] = field(default_factory=_no_puffs)
    """Spray, dust and smoke: centre x, y, z and radius in metres, opacity, whiteness (0 to 1)."""


@final
@dataclass(frozen=True, kw_only=True)
class Daylight:
    """Sun and sky of one instant; 1 is the light of a white card in full sun.

    Shapes: R x C directions of the upper half of the sky.
    """

    sun_direction: tuple[float, float, float]
    """Unit vector from the ground to the sun; z below 0 at night."""
    sun_radiance: tuple[float, float, float]
    """Irradiance of the direct sun on a facing white card; 0 at night."""
    zenith: tuple[float, float, float]
    """Radiance of the sky overhead."""
    horizon: tuple[float, float, float]
    """Mean radiance of the sky just above the horizon; air takes this colour with distance."""
    ground: tuple[float, float, float]
    """Radiance bounced up from the ground."""
    panorama: Float32[np.ndarray, "r c 3"] = field(repr=False, compare=False)
    """Radiance of the sky with clouds and glow, without the sun's disc. Row r shows elevation
    90 degrees x (1 - (r + 0.5) / R) ** 2 (finer near the horizon), column c azimuth
    360 degrees x (c + 0.5) / C, counter-clockwise from east (world x)."""
    ambient: Float32[np.ndarray, "9 3"] = field(repr=False, compare=False)
    """Radiance that a white card with unit normal (x, y, z) sends out under panorama and ground:
    the sum of these coefficients times the plain polynomials 1, y, z, x, xy, yz, 3zz - 1, xz,
    xx - yy (bands 0 to 2 of spherical harmonics, Ramamoorthi & Hanrahan 2001, constants
    included)."""
    night: float = 0.0
    """0 by day to 1 when street lamps and windows are lit."""
    exposure: float = 1.0
    """Multiplier before tone mapping."""


@final
@dataclass(frozen=True, kw_only=True)
class Air:
    """What lies between camera and surface, and what falls."""

    extinction_per_m: float = 0.0009
    """Share of light scattered away per metre (3.9 over the meteorological range)."""
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Tint of the light scattered in (dust is ochre)."""
    rain_mmph: float = 0.0
    snow_mmph: float = 0.0
    """Water equivalent."""
    dust: float = 0.0
    wind_mps: tuple[float, float] = (0.0, 0.0)


@final
@dataclass(frozen=True, kw_only=True)
class GroundState:
    """What lies on surfaces; shares in 0..1."""

    wetness: float = 0.0
    """1: a film of water on all hard ground."""
    puddles: float = 0.0
    """Share of `GroundMap.PUDDLE` hollows that stand full."""
    snow: float = 0.0
    """Share covered; near 1 only wheel tracks show the road."""
    sand: float = 0.0
    flood_m: float = 0.0
    """Height of the water over the road's lowest part; its surface is a mesh of its own."""


@final
@dataclass(frozen=True, kw_only=True)
class GroundMap:
    """A plan of what traffic and years did to the ground; nothing outside it.

    Shapes: R x C cells, row r at y = `origin_m`[1] + (r + 0.5) `step_m`, columns along x.
    """

    WEAR: ClassVar[int] = 0
    """How often wheels pass."""
    PUDDLE: ClassVar[int] = 1
    """Depth of hollows where water gathers: gutters, ruts, low corners."""
    STAIN: ClassVar[int] = 2
    """Oil and dirt between the wheel tracks and before stop lines."""
    CRACK: ClassVar[int] = 3
    """Cracks, seams and patches."""

    origin_m: tuple[float, float]
    step_m: float
    layers: UInt8[np.ndarray, "r c 4"] = field(repr=False)


def _no_ground_map() -> GroundMap:
    return GroundMap(origin_m=(0.0, 0.0), step_m=1.0, layers=np.zeros((1, 1, 4), np.uint8))


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
    lights: tuple[LocalLight, ...] = ()
    """Street lamps where it is dark, and those of vehicles."""
    air: Air = Air()
    ground: GroundState = GroundState()
    ground_map: GroundMap = field(default_factory=_no_ground_map, repr=False)


@runtime_checkable
class Poser(Protocol):
    """Gives the state of all instances at any time of the recording."""

    def at(self, time_s: float) -> FrameState:
        """Return the interpolated state; exact at frame times."""
        ...
