"""The same geometry under other light and weather.

Only what conditions decide is swapped, so that one world serves many pictures; the water of a
flood is the one piece of geometry among it.
Proved in tests/annotate/world/test_relight.py.
"""

from dataclasses import replace

import numpy as np

from rareworld.annotate.world.flood import with_flood
from rareworld.annotate.world.model import RenderScene
from rareworld.annotate.world.street_light import lit_materials, street_lights
from rareworld.annotate.world.weather import Surroundings, surroundings
from rareworld.core.conditions import Conditions
from rareworld.core.scene import Prop, Scene
from rareworld.core.seed import Seed


def relit(made: RenderScene, scene: Scene, around: Surroundings) -> RenderScene:
    """Return the drawable scene in other surroundings; lamps of vehicles stay, street lamps follow.

    Args:
        made: Geometry and whatever light.
        scene: What it was built from.
        around: Light, air and ground to come.
    """
    seed = Seed(scene.seed)
    riding = tuple(light for light in made.lights if light.instance >= 0)
    return replace(
        with_flood(made, scene.road, around.ground.flood_m),
        daylight=around.daylight,
        air=around.air,
        ground=around.ground,
        lights=street_lights(_drawn(made, scene), around.daylight, seed) + riding,
        materials=lit_materials(made.materials, around.daylight, seed),
    )


def _drawn(made: RenderScene, scene: Scene) -> list[Prop]:
    """Return the props that are near enough to be drawn."""
    there = np.isin([prop.id for prop in scene.props], np.unique(made.static_object_id))
    return [prop for prop, seen in zip(scene.props, there.tolist(), strict=True) if seen]


def under(made: RenderScene, scene: Scene, conditions: Conditions) -> RenderScene:
    """Return the drawable scene under other conditions.

    What people wear and which vehicles have lamps on is decided when the world is built.

    Raises:
        ConfigError: If the lighting does not occur there on the scene's date.
    """
    return relit(made, scene, surroundings(scene.light, conditions, scene.seed))
