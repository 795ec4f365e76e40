"""Everything of a scene that never moves: ground, signal posts, houses, trees, and what they wear.

Proved in tests/annotate/world/test_place.py.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import UInt32

from rareworld.annotate.world.ground_map import make_ground_map
from rareworld.annotate.world.kit import joined
from rareworld.annotate.world.mesh import Soup, finish
from rareworld.annotate.world.model import GroundMap, Mesh
from rareworld.annotate.world.prop_shop import PropShop
from rareworld.annotate.world.roads import GroundSize, lay_ground
from rareworld.annotate.world.skyline import make_skyline, roads_on
from rareworld.annotate.world.yards import make_yards
from rareworld.core.scene import Scene
from rareworld.core.seed import Seed


@final
@dataclass(frozen=True)
class Place:
    """The still part of a scene."""

    mesh: Mesh
    object_id: UInt32[np.ndarray, "f"]
    """Prop id of each triangle; 0 for ground, road and signal posts."""
    ground_map: GroundMap


def make_place(scene: Scene, posts: list[Soup], size: GroundSize, prop_reach_m: float) -> Place:
    """Return what never moves.

    Args:
        scene: Road and props.
        posts: Of signals, in the world frame.
        size: How far the ground is drawn.
        prop_reach_m: Props are drawn up to this distance from the focus.

    Raises:
        MapError: If no lane lies within the ground's radius.
    """
    near = [
        prop
        for prop in scene.props
        if np.hypot(
            prop.position_m[0] - size.focus_m[0], prop.position_m[1] - size.focus_m[1]
        ) <= prop_reach_m
    ]  # fmt: skip
    seed = Seed(scene.seed).child("ground")
    yards = (roads_on(scene.road), *make_yards(near, scene.road, seed))
    ground = lay_ground(scene.road, size, yards)
    shop = PropShop(size.focus_m, near)
    meshes = [finish(part) for part in (ground.shape, *posts)]
    meshes.append(make_skyline(near, scene.road, ground.field, size, seed))
    ids = [0] * len(meshes) + [prop.id for prop in near]
    meshes += [shop.make(prop) for prop in near]
    counts = [len(mesh.triangles) for mesh in meshes]
    return Place(
        joined(meshes),
        np.repeat(np.array(ids, dtype=np.uint32), counts),
        make_ground_map(scene.road, ground.plan.driven, size.focus_m, seed, ground.plan.painted),
    )
