"""From actors to instances: shared prototypes, colours, dirt, snow, cabins and lamps that light.

Actors of one blueprint and look share their meshes; wheels of one vehicle are one mesh per side.
Dirt and load follow the actor's style, so the same scene is drawn the same way every time.
"""

from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from rareworld.annotate.world.mesh import Soup, finish
from rareworld.annotate.world.model import Cabin, Instance, LocalLight, Mesh
from rareworld.annotate.world.own_vehicles import OwnModel, OwnVehicles
from rareworld.annotate.world.parts import Figure, Part
from rareworld.annotate.world.vehicles import figure, variant_of
from rareworld.annotate.world.wardrobe import Dress
from rareworld.core.scene import Actor, Scene

Colour = tuple[float, float, float]
_SECOND: tuple[Colour, ...] = (
    (0.035, 0.045, 0.085), (0.020, 0.020, 0.022), (0.090, 0.110, 0.190), (0.200, 0.165, 0.110),
    (0.075, 0.075, 0.080), (0.300, 0.270, 0.210),
)  # fmt: skip
"""Trousers: denim, black, light denim, khaki, grey, beige."""
_CARGO: tuple[Colour, ...] = (
    (0.66, 0.66, 0.64), (0.60, 0.60, 0.58), (0.62, 0.61, 0.57), (0.10, 0.20, 0.42),
    (0.66, 0.66, 0.65), (0.42, 0.09, 0.06), (0.30, 0.32, 0.33),
)  # fmt: skip
"""Cargo boxes, tippers and curtains."""
PARKED = "parked"
"""Role of actors nobody sits in."""
_SNOW_MOVING = 0.4
"""Share of the fallen snow that a vehicle keeps on a drive."""


@final
@dataclass
class Prototypes:
    """Shared meshes in order of first use."""

    crease_deg: float
    dress: Dress
    own: OwnVehicles = field(default_factory=OwnVehicles)
    meshes: list[Mesh] = field(default_factory=list[Mesh])
    _known: dict[tuple[str, int, bool], tuple[Figure, list[int]]] = field(
        default_factory=dict[tuple[str, int, bool], tuple[Figure, list[int]]]
    )

    def add(self, shape: Soup, cabin: Cabin | None = None) -> int:
        """Return the index of a new prototype."""
        self.meshes.append(replace(finish(shape, self.crease_deg), cabin=cabin))
        return len(self.meshes) - 1

    def _make(self, actor: Actor, model: OwnModel | None, *, driven: bool) -> Figure:
        if model is not None:
            return model.figure(driven=driven)
        return figure(actor.blueprint, actor.style, self.dress, driven=driven)

    def figure(self, actor: Actor) -> tuple[Figure, list[int]]:
        """Return an actor's figure and the prototype of each of its parts."""
        driven, model = actor.role != PARKED, self.own.of(actor)
        key = (actor.blueprint, variant_of(actor.blueprint, actor.style), driven)
        if model is not None:
            key = (f"own {model.number}", 0, driven)
        if key not in self._known:
            made = self._make(actor, model, driven=driven)
            shared: dict[int, int] = {}
            for part in made.parts:
                if id(part.shape) not in shared:
                    shared[id(part.shape)] = self.add(part.shape, part.cabin)
            self._known[key] = (made, [shared[id(part.shape)] for part in made.parts])
        return self._known[key]


@final
@dataclass(frozen=True)
class Cast:
    """All that moves by itself."""

    figures: list[Figure]
    instances: list[Instance]
    lights: list[LocalLight]
    """In the frames of their instances."""


def linear(colour: Colour) -> Colour:
    """Return linear primaries of an sRGB colour (IEC 61966-2-1)."""
    low, high = (np.asarray(colour) / 12.92, ((np.asarray(colour) + 0.055) / 1.055) ** 2.4)
    red, green, blue = np.where(np.asarray(colour) <= 0.04045, low, high).tolist()
    return red, green, blue


def second_colour(actor: Actor) -> Colour:
    """Return trousers or cargo box by the actor's style."""
    table = _CARGO if actor.spec.track_m > 0 else _SECOND
    return table[actor.style % len(table)]


def dirt_of(style: int) -> float:
    """Return how dirty a vehicle of a style is: most a little, one in eight very."""
    share = (style * 37 % 64) / 64
    return float(0.08 + 0.25 * share + 0.6 * share**8)


def make_cast(scene: Scene, shapes: Prototypes) -> Cast:
    """Return figures, instances and lamps of all actors, in the scene's order."""
    cast = Cast([], [], [])
    for actor in scene.actors:
        made, prototypes = shapes.figure(actor)
        first = len(cast.instances)
        cast.figures.append(made)
        for k, (part, prototype) in enumerate(zip(made.parts, prototypes, strict=True)):
            cast.instances.append(_instance(actor, part, prototype))
            cast.lights.extend(replace(light, instance=first + k) for light in part.lights)
    return cast


def _instance(actor: Actor, part: Part, prototype: int) -> Instance:
    return Instance(
        object_id=actor.id, prototype=prototype, body_colour=linear(actor.colour),
        second_colour=second_colour(actor),
        dirt=dirt_of(actor.style) if actor.spec.wheelbase_m > 0 else 0.0,
        snow=1.0 if actor.role == PARKED else _SNOW_MOVING,
        rolls=part.joint.spin != 0,
    )  # fmt: skip
