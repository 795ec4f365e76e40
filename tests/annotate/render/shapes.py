"""Small scenes made by hand, and the geometry they are made of."""

from dataclasses import dataclass

import numpy as np

from rareworld.annotate.world.model import (
    Daylight,
    FrameState,
    Instance,
    Material,
    Mesh,
    Paint,
    RenderScene,
    Texture,
)
from rareworld.core.camera import Camera
from rareworld.core.geometry import matrix_from_quat, quat_from_euler
from rareworld.core.taxonomy import ClassId

SUN = (0.36, -0.48, 0.8)


def mesh(points, triangles, *, material=0, class_id=ClassId.CAR) -> Mesh:
    """A mesh with one corner per vertex and face normals."""
    corners = np.asarray(points, np.float32)[np.asarray(triangles)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    flat = corners.reshape(-1, 3)
    count = len(corners)
    return Mesh(
        vertices_m=np.ascontiguousarray(flat),
        normals=np.repeat(normals, 3, axis=0).astype(np.float32),
        uv_m=np.ascontiguousarray(flat[:, :2]),
        triangles=np.arange(3 * count, dtype=np.int32).reshape(-1, 3),
        material=np.full(count, material, np.int32),
        class_id=np.full(count, int(class_id), np.uint8),
    )


def joined(*meshes: Mesh) -> Mesh:
    starts = np.cumsum([0, *[len(m.vertices_m) for m in meshes]])
    return Mesh(
        vertices_m=np.concatenate([m.vertices_m for m in meshes]),
        normals=np.concatenate([m.normals for m in meshes]),
        uv_m=np.concatenate([m.uv_m for m in meshes]),
        triangles=np.concatenate(
            [m.triangles + int(s) for m, s in zip(meshes, starts, strict=False)]
        ).astype(np.int32),
        material=np.concatenate([m.material for m in meshes]),
        class_id=np.concatenate([m.class_id for m in meshes]),
    )


def ground(half_m=60.0, z_m=0.0, cells=12, material=1) -> Mesh:
    line = np.linspace(-half_m, half_m, cells + 1)
    x, y = np.meshgrid(line, line, indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), np.full(x.size, z_m)], axis=1)
    i = np.arange(x.size).reshape(x.shape)
    a, b, c, d = i[:-1, :-1].ravel(), i[1:, :-1].ravel(), i[1:, 1:].ravel(), i[:-1, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return mesh(points, faces, material=material, class_id=ClassId.ROAD)


def box(size_m=(4.0, 2.0, 1.5), *, base=True, **more) -> Mesh:
    """A box around the origin, standing on z = 0 if `base`."""
    length, width, height = size_m
    low = 0.0 if base else -height / 2
    points = [
        (x * length / 2, y * width / 2, low + z * height)
        for x in (-1, 1)
        for y in (-1, 1)
        for z in (0, 1)
    ]
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return mesh(points, faces, **more)


def sphere(radius_m=1.0, rings=96, **more) -> Mesh:
    u = np.linspace(0, np.pi, rings + 1)
    v = np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False)
    points = radius_m * np.stack(
        [
            np.outer(np.sin(u), np.cos(v)).ravel(),
            np.outer(np.sin(u), np.sin(v)).ravel(),
            np.repeat(np.cos(u), len(v)),
        ],
        axis=1,
    )
    i = np.arange(len(points)).reshape(rings + 1, len(v))
    j = np.roll(i, -1, axis=1)
    a, b, c, d = i[:-1].ravel(), i[1:].ravel(), j[1:].ravel(), j[:-1].ravel()
    return mesh(points, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]), **more)


MATERIALS = (
    Material(name="paint", colour=(0.5, 0.5, 0.5), roughness=0.3, specular=0.05, paint=Paint.BODY),
    Material(name="road", colour=(0.2, 0.2, 0.2), texture=Texture.ASPHALT, metres_per_repeat=4.0),
    Material(name="lamp", colour=(0.2, 0, 0), emission=(3.0, 0.2, 0.1), lit_when=8),
)


def daylight(sun=SUN, **more) -> Daylight:
    values = {
        "sun_direction": sun,
        "sun_radiance": (1.1, 1.1, 1.0),
        "zenith": (0.1, 0.2, 0.44),
        "horizon": (0.42, 0.52, 0.66),
        "ground": (0.13, 0.13, 0.12),
    }
    values = {**values, **more}
    return Daylight(**{**even_sky(values), **values})


def even_sky(values) -> dict[str, np.ndarray]:
    """Return panorama and ambient of a sky that changes with height only."""
    zenith, horizon, ground = (np.array(values[name]) for name in ("zenith", "horizon", "ground"))
    up = np.sin(np.pi / 2 * (1 - (np.arange(64) + 0.5) / 64) ** 2)
    rows = horizon + (zenith - horizon) * np.sqrt(up)[:, None]
    sky, ambient = 0.55 * horizon + 0.45 * zenith, np.zeros((9, 3))
    ambient[0], ambient[2] = (sky + ground) / 2, (sky - ground) / 2
    panorama = np.repeat(rows[:, None], 128, axis=1).astype(np.float32)
    return {"panorama": panorama, "ambient": ambient.astype(np.float32)}


def scene(static: Mesh, prototypes=(), instances=(), static_id=0, light=None) -> RenderScene:
    """A scene; `instances` are (object id, prototype index)."""
    random = np.random.Generator(np.random.Philox(3))
    return RenderScene(
        static=static,
        static_object_id=np.full(len(static.triangles), static_id, np.uint32),
        prototypes=tuple(prototypes),
        instances=tuple(
            Instance(object_id=owner, prototype=which, body_colour=(0.6, 0.1, 0.05))
            for owner, which in instances
        ),
        materials=MATERIALS,
        textures=random.uniform(0.6, 1.4, (8, 32, 32, 3)).astype(np.float32),
        daylight=light or daylight(),
    )


def placed(*poses) -> np.ndarray:
    """Transforms of (x, y, z, yaw[, pitch, roll]) each."""
    out = []
    for pose in poses:
        x, y, z, yaw, *tilt = pose
        pitch, roll = tilt or (0.0, 0.0)
        rotation = matrix_from_quat(quat_from_euler(yaw, pitch, roll))
        out.append(np.concatenate([rotation, np.array([[x], [y], [z]])], axis=1))
    return np.array(out, np.float32).reshape(-1, 3, 4)


def state(*poses, visible=None, lamps=None) -> FrameState:
    count = len(poses)
    return FrameState(
        transforms=placed(*poses),
        visible=np.ones(count, np.uint8) if visible is None else np.array(visible, np.uint8),
        state=np.zeros(count, np.uint32) if lamps is None else np.array(lamps, np.uint32),
    )


def camera(width=160, height=120, position=(-9.0, -7.0, 5.0), target=(0.0, 0.0, 0.5), hfov=1.1):
    return Camera.looking_at("test", position, target, width=width, height=height, hfov_rad=hfov)


@dataclass(frozen=True)
class Rays:
    """Unit-depth rays of all pixel centres in the world."""

    origin: np.ndarray
    direction: np.ndarray

    @classmethod
    def of(cls, view: Camera) -> "Rays":
        rows, columns = np.mgrid[0 : view.height, 0 : view.width] + 0.5
        points = view.unproject(np.stack([columns, rows], -1), np.ones((view.height, view.width)))
        origin = np.array(view.position_m)
        return cls(origin, points - origin)
