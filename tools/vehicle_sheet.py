"""Make the picture of all vehicles for the docs: every type by day, seen from a pole.

python tools/vehicle_sheet.py docs/assets/vehicles.jpg
"""

import sys
from pathlib import Path

import numpy as np

from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.cast import Prototypes, make_cast
from rareworld.annotate.world.materials import MATERIALS, skin
from rareworld.annotate.world.mesh import finish, sheet
from rareworld.annotate.world.model import RenderScene
from rareworld.annotate.world.poser import ScenePoser
from rareworld.annotate.world.textures import make_textures
from rareworld.annotate.world.wardrobe import Dress
from rareworld.annotate.world.weather import surroundings
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.camera import Camera
from rareworld.core.conditions import Conditions
from rareworld.core.road import RoadMap
from rareworld.core.scene import Actor, Scene
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import PEOPLE, ClassId
from rareworld.core.trajectory import Recording, Tracks
from rareworld.draw.sheet import grid, jpeg_bytes
from rareworld.simulate.appearance import paint


def picture(name: str, number: int) -> np.ndarray:
    """Return a vehicle standing on asphalt, filling most of the frame."""
    actor = Actor(id=1, blueprint=name, colour=paint(name, Seed(number)), style=number)
    scene = Scene(name=name, road=RoadMap(name="yard", lanes={}), actors=(actor,))
    zero, one = np.zeros((1, 1, 3)), np.zeros((1, 1))
    tracks = Tracks(
        time_s=np.zeros(1), present=np.ones((1, 1), bool), position_m=zero,
        quat=np.array([[[1.0, 0, 0, 0]]]), velocity_mps=zero, angular_velocity_radps=zero,
        steer_rad=one, wheel_turn_rad=one, lamps=np.zeros((1, 1), np.uint32),
        driver=np.zeros((1, 1), np.uint8),
    )  # fmt: skip
    recording = Recording(
        scene=scene, tracks=tracks, fps=10.0, signal_states=np.zeros((0, 1), np.uint8)
    )
    shapes = Prototypes(38.0, Dress.FAIR)
    cast, around = make_cast(scene, shapes), surroundings(scene.light, Conditions(), 0)
    xy = np.stack(np.meshgrid(*2 * [np.linspace(-60, 60, 25)], indexing="ij"), axis=-1)
    yard = finish(sheet(np.concatenate([xy, 0 * xy[..., :1]], -1), skin("asphalt", ClassId.ROAD)))
    world = RenderScene(
        static=yard, static_object_id=np.zeros(len(yard.triangles), np.uint32), materials=MATERIALS,
        prototypes=tuple(shapes.meshes), instances=tuple(cast.instances), air=around.air,
        textures=make_textures(Seed(1)), daylight=around.daylight, ground=around.ground,
    )  # fmt: skip
    poser = ScenePoser(recording, cast.figures, np.zeros((0, 3, 4)), np.zeros(0, int))
    far, tall = 2.6 * max(actor.spec.length_m, 2.6), actor.spec.height_m
    eye = (0.70 * far, 0.55 * far, 0.42 * far)
    camera = Camera.looking_at(
        name, eye, (0.0, 0.0, 0.42 * tall), width=480, height=320, hfov_rad=0.5
    )
    return RasterRenderer(world, camera).render(poser.at(0.0)).rgb


names = [name for name, spec in BLUEPRINTS.items() if spec.class_id not in PEOPLE]
images = {name.replace("_", " "): picture(name, k + 2) for k, name in enumerate(names)}
Path(sys.argv[1]).write_bytes(jpeg_bytes(grid(images, columns=5, width=300), quality=84))
