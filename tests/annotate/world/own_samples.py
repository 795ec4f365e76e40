"""A toy car as a GLB file, made with trimesh: nodes, materials and a texture."""

from io import BytesIO
from pathlib import Path

import numpy as np
import trimesh
import yaml
from PIL import Image
from trimesh.visual.material import PBRMaterial

SIZE = np.array([4.6, 1.8, 1.45])
"""Length, width and height in metres, about a saloon's."""


def picture(rows) -> Image.Image:
    return Image.fromarray(np.array(rows, dtype=np.uint8))


def pbr(name, rgb=(1.0, 1.0, 1.0), alpha=1.0, rough=0.5, metal=0.0, **more) -> PBRMaterial:
    return PBRMaterial(
        name=name,
        baseColorFactor=[*rgb, alpha],
        roughnessFactor=rough,
        metallicFactor=metal,
        **more,
    )


def block(size, centre, material, uv=None) -> trimesh.Trimesh:
    made = trimesh.creation.box(size)
    made.apply_translation(centre)
    if uv is None:
        uv = np.full((len(made.vertices), 2), 0.5)
    made.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    return made


def toy_parts(size=SIZE) -> dict[str, trimesh.Trimesh]:
    """A car that looks along +x and stands on z = 0: a low body, a cabin, lamps and wheels."""
    length, width, height = size
    nose, paint, lens = length / 2, pbr("lacquer", (0.2, 0.2, 0.8)), pbr("lens", (0.9, 0.9, 0.9))
    red, amber = pbr("red lens", (0.5, 0.0, 0.0)), pbr("amber lens", (0.8, 0.4, 0.0))
    parts = {
        "body": block((length - 0.1, width, 0.6), (0, 0, 0.6), paint),
        "glasshouse": block((2.0, width - 0.3, height - 0.9), (-0.2, 0, (height + 0.9) / 2),
                            pbr("window", (0.1, 0.1, 0.1), 0.4)),
        "bumper": block((0.05, width, 0.2), (nose - 0.025, 0, 0.3), pbr("rubber", (0.02,) * 3)),
        "stop": block((0.05, width, 0.1), (-nose + 0.025, 0, 0.7), red),
    }  # fmt: skip
    for side, name in ((1, "l"), (-1, "r")):
        parts[f"head_{name}"] = block((0.05, 0.3, 0.15), (nose - 0.03, side * 0.6, 0.7), lens)
        parts[f"blink_{name}"] = block((0.1, 0.1, 0.1), (nose - 0.1, side * 0.8, 0.55), amber)
        for x, end in ((1.4, "f"), (-1.4, "b")):
            wheel = trimesh.creation.cylinder(0.3, 0.2, sections=16)
            wheel.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0)))
            wheel.apply_translation((x, side * 0.75, 0.3))
            uv = np.zeros((len(wheel.vertices), 2))
            wheel.visual = trimesh.visual.TextureVisuals(uv=uv, material=pbr("tyre", (0.01,) * 3))
            parts[f"wheel_{end}{name}"] = wheel
    return parts


FILE_AXES = np.array([[0.0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
"""glTF's frame (x left, y up, z ahead) from ours (x ahead, y left, z up)."""


def write_glb(path: Path, parts: dict[str, trimesh.Trimesh], axes=FILE_AXES) -> Path:
    """Write parts; those named `car/part` hang on a node `car` that turns them into the file."""
    scene = trimesh.Scene()
    for name, part in parts.items():
        car = name.rpartition("/")[0] or "all"
        scene.graph.update(frame_from="world", frame_to=car, matrix=axes)
        scene.add_geometry(part, node_name=name, geom_name=name, parent_node_name=car)
    path.write_bytes(scene.export(file_type="glb"))
    return path


MANIFEST = {
    "file": "toy.glb",
    "blueprint": "saloon",
    "paint": "lacquer",
    "glass": ["window"],
    "lamps": {
        "head": "lens",
        "brake": "red lens",
        "left_blinker": "amber lens",
        "right_blinker": "amber lens",
    },
    "wheels": {
        "front_left": "wheel_fl",
        "front_right": "wheel_fr",
        "rear_left": "wheel_bl",
        "rear_right": "wheel_br",
    },
}


def write_manifest(folder: Path, name="toy.yaml", without=(), **changes) -> Path:
    values = {key: value for key, value in (MANIFEST | changes).items() if key not in without}
    path = folder / name
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def write_toy(folder: Path, size=SIZE, axes=FILE_AXES, **changes) -> Path:
    """Write model and manifest; return the manifest."""
    write_glb(folder / "toy.glb", toy_parts(size), axes)
    return write_manifest(folder, **changes)


def png(rows) -> bytes:
    out = BytesIO()
    picture(rows).save(out, "PNG")
    return out.getvalue()
