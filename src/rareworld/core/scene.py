"""A scene: the map, what stands on it, who moves in it, and the light."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from typing import final

from rareworld.core.blueprint import BLUEPRINTS, Blueprint
from rareworld.core.road import RoadMap
from rareworld.core.taxonomy import ClassId
from rareworld.errors import ConfigError

FIRST_PROP_ID = 10_000
"""Props have ids from here on, so that no contact can mistake one for an actor."""


WIRE_SLACK_M = 0.7
"""A wire's width is this plus its rise from end to end; wires of odd style fall along x."""


class PropKind(StrEnum):
    """Static objects a place is dressed with."""

    BUILDING = "building"
    TREE = "tree"
    HEDGE = "hedge"
    STREET_LAMP = "street lamp"
    POLE = "pole"
    SIGN = "sign"
    FENCE = "fence"
    WALL = "wall"
    GUARD_RAIL = "guard rail"
    BENCH = "bench"
    BIN = "bin"
    BUS_SHELTER = "bus shelter"
    BOLLARD = "bollard"
    BUSH = "bush"
    FLOWER_BED = "flower bed"
    CABINET = "cabinet"
    AD_COLUMN = "advertising column"
    METER = "parking meter"
    BIKE_RACK = "bike rack"
    WIRE = "wire"
    """A span of an overhead line; its length is the span, its height that of the posts."""
    HOARDING = "hoarding"
    CONE = "cone"
    GANTRY = "gantry"
    """Over the road, its length across it."""
    NOISE_WALL = "noise wall"
    ISLAND = "traffic island"
    """Kerbed, where people wait half way across."""
    BRIDGE = "bridge"
    """Over the road with its ramps, its length across it; its base is the underside of the deck."""


class Family(IntEnum):
    """Kind of a building: `Prop.style` is the family plus a multiple of their number."""

    OLD_TOWN = 0
    TERRACE = 1
    POST_WAR = 2
    OFFICE = 3
    CITY_BLOCK = 4
    SUBURBAN = 5
    FARMHOUSE = 6
    BARN = 7
    SHED = 8
    RETAIL = 9
    FUEL = 10
    """Petrol station: a canopy with pumps."""
    SCHOOL = 11
    CHURCH = 12


_CLASS_OF_PROP = {
    PropKind.BUILDING: ClassId.BUILDING,
    PropKind.TREE: ClassId.VEGETATION,
    PropKind.HEDGE: ClassId.VEGETATION,
    PropKind.STREET_LAMP: ClassId.POLE,
    PropKind.POLE: ClassId.POLE,
    PropKind.SIGN: ClassId.TRAFFIC_SIGN,
    PropKind.FENCE: ClassId.FENCE,
    PropKind.WALL: ClassId.WALL,
    PropKind.GUARD_RAIL: ClassId.GUARD_RAIL,
    PropKind.BENCH: ClassId.STATIC,
    PropKind.BIN: ClassId.STATIC,
    PropKind.BUS_SHELTER: ClassId.STATIC,
    PropKind.BOLLARD: ClassId.STATIC,
    PropKind.BUSH: ClassId.VEGETATION,
    PropKind.FLOWER_BED: ClassId.VEGETATION,
    PropKind.CABINET: ClassId.STATIC,
    PropKind.AD_COLUMN: ClassId.STATIC,
    PropKind.METER: ClassId.STATIC,
    PropKind.BIKE_RACK: ClassId.STATIC,
    PropKind.WIRE: ClassId.POLE,
    PropKind.HOARDING: ClassId.FENCE,
    PropKind.CONE: ClassId.STATIC,
    PropKind.GANTRY: ClassId.POLE,
    PropKind.NOISE_WALL: ClassId.WALL,
    PropKind.ISLAND: ClassId.SIDEWALK,
    PropKind.BRIDGE: ClassId.BRIDGE,
}
_PASSED = frozenset(
    {PropKind.WIRE, PropKind.GANTRY, PropKind.BUSH, PropKind.ISLAND, PropKind.BRIDGE}
)


@final
@dataclass(frozen=True, kw_only=True)
class Prop:
    """A static object: an upright box of a kind; its look is drawn from `style`."""

    id: int
    """Unique among props and actors of a scene; the instance id of its pixels."""
    kind: PropKind
    position_m: tuple[float, float, float]
    """Middle of the base."""
    yaw_rad: float
    size_m: tuple[float, float, float]
    """(length along x, width along y, height)."""
    style: int = 0
    """Picks the variant: materials, window pattern, tree shape."""

    @property
    def class_id(self) -> ClassId:
        """Semantic class of the prop as a whole; a sign's post is a pole in `class_id` pixels."""
        return _CLASS_OF_PROP[self.kind]

    @property
    def solid(self) -> bool:
        """Whether it stops a vehicle: not bushes, nor what hangs over the road."""
        return self.kind not in _PASSED

    @property
    def family(self) -> Family:
        """Kind of house; of buildings only."""
        return Family(self.style % len(Family))


@final
@dataclass(frozen=True, kw_only=True)
class Actor:
    """A road user that may move; its poses are in the recording."""

    id: int
    """Unique in the scene, from 1; the instance id of its pixels and the id in every label."""
    blueprint: str
    """Key of `rareworld.core.blueprint.BLUEPRINTS`."""
    colour: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Paint or clothes, sRGB in 0..1."""
    role: str = "traffic"
    """`traffic`, `parked`, or the part played in the scenario, e.g. `striking`."""
    style: int = 0

    def __post_init__(self) -> None:
        if self.blueprint not in BLUEPRINTS:
            raise ConfigError(
                f"actor {self.id}: unknown blueprint {self.blueprint!r}; "
                f"known: {', '.join(sorted(BLUEPRINTS))}"
            )
        if self.id < 1:
            raise ConfigError(f"actor ids start at 1, got {self.id}")

    @property
    def spec(self) -> Blueprint:
        """Sizes, mass and class of this actor."""
        return BLUEPRINTS[self.blueprint]

    @property
    def class_id(self) -> ClassId:
        """Semantic class of the actor as a whole."""
        return self.spec.class_id


@final
@dataclass(frozen=True, kw_only=True)
class Light:
    """When and where: decides where the sun stands."""

    latitude_deg: float = 48.1
    longitude_deg: float = 11.6
    when: datetime = datetime(2026, 6, 21, 12, 30, tzinfo=timezone(timedelta(hours=2)))
    """Local time with its UTC offset."""

    def __post_init__(self) -> None:
        if self.when.tzinfo is None:
            raise ConfigError(
                f"light.when needs a UTC offset, e.g. 2026-06-21T12:30:00+02:00; got {self.when}"
            )
        if not -90 <= self.latitude_deg <= 90:
            raise ConfigError(f"light.latitude_deg must be in -90..90, got {self.latitude_deg}")


@final
@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything that does not change while a recording runs.

    Raises:
        ConfigError: If two objects share an id.
    """

    name: str
    road: RoadMap
    actors: tuple[Actor, ...] = ()
    props: tuple[Prop, ...] = ()
    light: Light = Light()
    seed: int = 0

    def __post_init__(self) -> None:
        ids = [actor.id for actor in self.actors] + [prop.id for prop in self.props]
        if len(set(ids)) != len(ids):
            twice = sorted({i for i in ids if ids.count(i) > 1})
            raise ConfigError(f"scene {self.name!r}: ids must be unique, used twice: {twice[:10]}")

    def actor(self, actor_id: int) -> Actor:
        """Return the actor with this id."""
        for actor in self.actors:
            if actor.id == actor_id:
                return actor
        raise KeyError(actor_id)
