"""From a recording to everything a render backend needs.

Static geometry becomes one mesh with an object id per triangle; actors and signal heads become
instances of shared prototypes. Same recording and config give the same bytes.
"""

from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.materials import MATERIALS
from rareworld.annotate.world.mesh import Soup, finish, merge
from rareworld.annotate.world.model import Instance, Mesh, RenderScene
from rareworld.annotate.world.parts import Figure
from rareworld.annotate.world.poser import ScenePoser
from rareworld.annotate.world.props import make_prop
from rareworld.annotate.world.roads import GroundSize, make_ground
from rareworld.annotate.world.signals import Heads, make_signals
from rareworld.annotate.world.textures import make_textures
from rareworld.annotate.world.vehicles import figure, variant_of
from rareworld.annotate.world.weather import surroundings
from rareworld.core.conditions import Conditions
from rareworld.core.scene import Actor, Scene
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Recording
from rareworld.data.config import Config

Colour = tuple[float, float, float]
_SECOND: tuple[Colour, ...] = (
    (0.035, 0.045, 0.085), (0.020, 0.020, 0.022), (0.090, 0.110, 0.190), (0.200, 0.165, 0.110),
    (0.075, 0.075, 0.080), (0.300, 0.270, 0.210),
)  # fmt: skip
"""Trousers: denim, black, light denim, khaki, grey, beige."""
_CARGO: tuple[Colour, ...] = (
    (0.66, 0.66, 0.64), (0.60, 0.60, 0.58), (0.52, 0.50, 0.44), (0.10, 0.20, 0.42),
    (0.50, 0.09, 0.06),
)  # fmt: skip
"""Cargo boxes and roof units."""


@final
class WorldConfig(Config):
    """How the world around a recording is built."""

    verge_m: float = 200.0
    """Grass follows the terrain this far beyond the drawn roads."""
    prop_margin_m: float = 120.0
    """Buildings, trees and the like are drawn up to this far beyond the drawn roads."""
    crease_deg: float = 38.0
    """Edges sharper than this stay sharp."""


@final
@dataclass
class _Prototypes:
    """Shared meshes in order of first use."""

    crease_deg: float
    meshes: list[Mesh] = field(default_factory=list[Mesh])
    known: dict[tuple[str, int], tuple[Figure, int]] = field(
        default_factory=dict[tuple[str, int], tuple[Figure, int]]
    )

    def add(self, shape: Soup) -> int:
        """Return the index of a new prototype."""
        self.meshes.append(finish(shape, self.crease_deg))
        return len(self.meshes) - 1

    def figure(self, actor: Actor) -> tuple[Figure, int]:
        """Return an actor's figure and the prototype of its first part."""
        key = (actor.blueprint, variant_of(actor.blueprint, actor.style))
        if key not in self.known:
            made = figure(*key)
            first = len(self.meshes)
            for part in made.parts:
                self.add(part.shape)
            self.known[key] = (made, first)
        return self.known[key]


def linear(colour: Colour) -> Colour:
    """Return linear primaries of an sRGB colour (IEC 61966-2-1)."""
    low, high = (np.asarray(colour) / 12.92, ((np.asarray(colour) + 0.055) / 1.055) ** 2.4)
    red, green, blue = np.where(np.asarray(colour) <= 0.04045, low, high).tolist()
    return red, green, blue


def _second(actor: Actor) -> Colour:
    """Return trousers or cargo box by the actor's style."""
    table = _CARGO if actor.spec.track_m > 0 else _SECOND
    return table[actor.style % len(table)]


def _actors(scene: Scene, shapes: _Prototypes) -> tuple[list[Figure], list[Instance]]:
    """Return the figure of each actor and the instances of all their parts."""
    figures: list[Figure] = []
    instances: list[Instance] = []
    for actor in scene.actors:
        made, first = shapes.figure(actor)
        figures.append(made)
        body, second = linear(actor.colour), _second(actor)
        instances += [
            Instance(
                object_id=actor.id, prototype=first + k, body_colour=body, second_colour=second
            )
            for k in range(len(made.parts))
        ]
    return figures, instances


def _static(
    scene: Scene, heads: Heads, focus_m: tuple[float, float], radius_m: float, config: WorldConfig
) -> tuple[list[Soup], list[int]]:
    """Return the soups that never move, with the object id of each."""
    size = GroundSize(focus_m=focus_m, radius_m=radius_m, verge_m=config.verge_m)
    soups, ids = [make_ground(scene.road, size), *heads.posts], [0] * (1 + len(heads.posts))
    reach = radius_m + config.prop_margin_m
    for prop in scene.props:
        if np.hypot(prop.position_m[0] - focus_m[0], prop.position_m[1] - focus_m[1]) <= reach:
            soups.append(make_prop(prop))
            ids.append(prop.id)
    return soups, ids


def build_world(
    recording: Recording,
    focus_m: tuple[float, float],
    radius_m: float,
    config: WorldConfig | None = None,
    conditions: Conditions | None = None,
) -> tuple[RenderScene, ScenePoser]:
    """Return the drawable scene of a recording and what moves it.

    Args:
        recording: Scene and tracks.
        focus_m: (x, y) of the place the cameras look at.
        radius_m: Roads are drawn within this distance.
        config: Sizes of the surroundings; defaults if None.
        conditions: Light and weather; a clear day at the scene's own hour if None.

    Raises:
        MapError: If no lane lies within the radius.
    """
    chosen, scene = config or WorldConfig(), recording.scene
    shapes = _Prototypes(chosen.crease_deg)
    figures, instances = _actors(scene, shapes)
    heads = make_signals(scene.road)
    head_first = [shapes.add(shape) for shape in heads.shapes]
    instances += [Instance(object_id=0, prototype=head_first[kind]) for kind in heads.kinds]
    soups, ids = _static(scene, heads, focus_m, radius_m, chosen)
    around = surroundings(scene.light, conditions or Conditions())
    made = RenderScene(
        static=finish(merge(soups), chosen.crease_deg),
        static_object_id=np.repeat(np.array(ids, dtype=np.uint32), [part.size for part in soups]),
        prototypes=tuple(shapes.meshes),
        instances=tuple(instances),
        materials=MATERIALS,
        textures=make_textures(Seed(scene.seed).child("textures")),
        daylight=around.daylight,
        air=around.air,
        ground=around.ground,
    )
    return made, ScenePoser(recording, figures, _head_poses(heads), np.array(heads.signals, int))


def _head_poses(heads: Heads) -> Float[np.ndarray, "h 3 4"]:
    """Return world from head of every signal head."""
    return np.array(heads.poses, dtype=np.float64).reshape(-1, 3, 4)
