"""From a recording to everything a render backend needs.

Static geometry becomes one mesh with an object id per triangle; actors and signal heads become
instances of shared prototypes. Same recording and config give the same bytes.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.cast import Prototypes, make_cast
from rareworld.annotate.world.materials import MATERIALS
from rareworld.annotate.world.model import Instance, RenderScene
from rareworld.annotate.world.own_vehicles import read_own_vehicles
from rareworld.annotate.world.place import make_place
from rareworld.annotate.world.poser import ScenePoser
from rareworld.annotate.world.puffs import Wake
from rareworld.annotate.world.relight import relit
from rareworld.annotate.world.roads import GroundSize
from rareworld.annotate.world.signals import Heads, make_signals
from rareworld.annotate.world.textures import make_textures
from rareworld.annotate.world.wardrobe import dress_for
from rareworld.annotate.world.weather import surroundings
from rareworld.core.conditions import Conditions
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Recording
from rareworld.data.config import Config


@final
class WorldConfig(Config):
    """How the world around a recording is built."""

    verge_m: float = 200.0
    """Grass follows the terrain this far beyond the drawn roads."""
    prop_margin_m: float = 120.0
    """Buildings, trees and the like are drawn up to this far beyond the drawn roads."""
    crease_deg: float = 38.0
    """Edges sharper than this stay sharp."""
    vehicles: tuple[Path, ...] = ()
    """Manifests of own vehicles, see `own_models.VehicleModel`."""


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
        ConfigError: If a manifest of `config.vehicles` is wrong.
        FormatError: If the model of one cannot be read.
    """
    chosen, scene = config or WorldConfig(), recording.scene
    own = read_own_vehicles(chosen.vehicles, scene.seed)
    heads = make_signals(scene.road)
    size = GroundSize(focus_m=focus_m, radius_m=radius_m, verge_m=chosen.verge_m)
    with ThreadPoolExecutor(1, thread_name_prefix="place") as thread:
        # polygons of the ground are cut and joined without the interpreter's lock
        placing = thread.submit(
            make_place, scene, heads.posts, size, radius_m + chosen.prop_margin_m
        )
        shapes = Prototypes(chosen.crease_deg, dress_for(conditions or Conditions()), own)
        cast = make_cast(scene, shapes)
        head_first = [shapes.add(shape) for shape in heads.shapes]
        signals = [Instance(object_id=0, prototype=head_first[kind]) for kind in heads.kinds]
        around = surroundings(scene.light, conditions or Conditions(), scene.seed)
        place = placing.result()
    made = RenderScene(
        static=place.mesh,
        static_object_id=place.object_id,
        prototypes=tuple(shapes.meshes),
        instances=(*cast.instances, *signals),
        materials=MATERIALS + own.materials,
        textures=make_textures(Seed(scene.seed).child("textures")),
        daylight=around.daylight,
        air=around.air,
        ground=around.ground,
        ground_map=place.ground_map,
        lights=tuple(cast.lights),
    )
    wake = Wake(recording, around.ground, around.air)
    poser = ScenePoser(
        recording, cast.figures, _head_poses(heads), np.array(heads.signals, int), wake
    )
    return relit(made, scene, around), poser


def _head_poses(heads: Heads) -> Float[np.ndarray, "h 3 4"]:
    """Return world from head of every signal head."""
    return np.array(heads.poses, dtype=np.float64).reshape(-1, 3, 4)
