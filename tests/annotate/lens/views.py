"""Random scenes seen through a lens, and a ray caster for the same rays."""

from dataclasses import replace

import numpy as np
import trimesh
from trimesh.ray.ray_pyembree import RayMeshIntersector

from rareworld.annotate.labels.channels import EdgeConfig
from rareworld.annotate.labels.objects import ObjectLabeller, Shown
from rareworld.annotate.labels.subjects import ActorSubject
from rareworld.annotate.labels.warped import WarpedMaker
from rareworld.annotate.lens.optics import Optics, still
from rareworld.annotate.lens.wander import small_turns
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.raster_renderer import RasterRenderer
from tests.annotate.labels.random_scenes import PROP_ID, state_at
from tests.annotate.render.shapes import box, ground, joined, scene

BARREL = (-0.28, 0.09, 0.0012, -0.0008, -0.012)
CUSHION = (0.12, -0.02, -0.001, 0.0007, 0.001)
PLAIN = RenderConfig(threads=1, shadow_size=64, occlusion=False, radiance=True)


def street(recording):
    """A scene of boxes and a wall, one part per actor."""
    actors = recording.scene.actors
    wall = box((0.5, 8, 3))
    made = scene(
        joined(ground(cells=2), wall),
        [box(actor.spec.size_m) for actor in actors],
        [(actor.id, k) for k, actor in enumerate(actors)],
    )
    ids = made.static_object_id.copy()
    ids[-len(wall.triangles) :] = PROP_ID
    return replace(made, static_object_id=ids)


def swaying(camera, frames, mrad=4.0):
    """Optics of a camera that turns by a few milliradians."""
    random = np.random.Generator(np.random.Philox(5))
    return Optics(camera, small_turns(random.normal(0, mrad / 1000, (frames, 3))))


def make(recording, optics, threads=1):
    """Yield (frame, labels, pixels, maker) through a lens."""
    made, bands = street(recording), Bands(threads)
    renderer = RasterRenderer(made, optics.drawn(), PLAIN)
    maker = WarpedMaker(renderer, made, optics, optics.rays(bands), EdgeConfig(), bands)
    subjects = tuple(
        ActorSubject(
            object_id=actor.id, class_id=int(actor.class_id), blueprint=actor.blueprint,
            size_m=actor.spec.size_m, row=row, recording=recording,
        )
        for row, actor in enumerate(recording.scene.actors)
    )  # fmt: skip
    objects = ObjectLabeller(renderer, optics.camera, subjects, None, bands)
    count = recording.tracks.num_frames
    for k in range(count):
        now = state_at(recording, k)
        pixels = maker.render(now)
        shown = Shown(camera=optics.camera_at(k), footprints=maker.footprints())
        labels = objects.label(k, float(recording.tracks.time_s[k]), pixels, now, shown)
        following = state_at(recording, k + 1) if k + 1 < count else None
        yield maker.make(pixels, now, following), labels, pixels, renderer
    bands.close()
    renderer.close()


def resting(camera, frames=2):
    return still(camera, frames)


def cast(renderer, camera, pixels):
    """Return triangle (-1: none) and depth along the camera's axis behind image positions."""
    surface = renderer.geometry.surface
    origin = np.array(camera.position_m)
    solid = trimesh.Trimesh(surface.points - origin, surface.corners, process=False)
    plane = camera.ideal_plane(pixels.reshape(-1, 2))
    local = np.concatenate([plane, np.ones_like(plane[:, :1])], axis=1)
    rays = local @ camera.world_from_camera[:3, :3].T
    triangle = RayMeshIntersector(solid, scale_to_box=False).intersects_first(
        np.zeros_like(rays), rays
    )
    corners = (surface.points - origin)[surface.corners[triangle]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = (normal * corners[:, 0]).sum(1) / (normal * rays).sum(1)
    shape = pixels.shape[:-1]
    return triangle.reshape(shape), np.where(triangle < 0, np.inf, depth).reshape(shape)


def centres(width, height):
    """Return the pixel centres of an image, shape (height, width, 2)."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([x, y], axis=-1)
