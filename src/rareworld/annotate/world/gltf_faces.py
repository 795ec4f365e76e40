"""Turns a glTF document into triangles with a colour each: nodes, meshes, materials, textures.

Geometry stays in the file's frame (metres, usually y up and z ahead). Textures are not kept: a
triangle takes the mean of its base colour. Proved in tests/annotate/world/test_gltf.py against
trimesh's reader.
Shapes: F triangles.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64

from rareworld.annotate.world.gltf import Gltf, broken
from rareworld.annotate.world.gltf_schema import Node, Pbr, Primitive, Surface, TextureUse
from rareworld.annotate.world.gltf_texture import Picture, decoded, means
from rareworld.core.geometry import matrix_from_quat

MAX_TRIANGLES = 60_000
"""Models with more are refused: a street shows dozens of vehicles."""
_TRIANGLES = 4
"""Modes below are points and lines."""
_FARTHEST = 1e9
"""Larger coordinates, of points or textures, mean damage."""
_CLEAR = 0.02
"""Blended surfaces with less alpha than this are not there."""


@final
@dataclass(frozen=True, kw_only=True)
class Piece:
    """Triangles of one material of one node."""

    nodes: tuple[str, ...]
    """Names of the nodes it hangs on, the root first, and of its mesh."""
    material: str
    corners_m: Float64[np.ndarray, "f 3 3"]
    colour: Float64[np.ndarray, "f 3"]
    """Linear."""
    roughness: float
    metallic: float


@final
@dataclass(frozen=True)
class _Placed:
    """A node, where it stands and what it hangs on."""

    node: Node
    names: tuple[str, ...]
    matrix: Float64[np.ndarray, "4 4"]


def pieces_of(model: Gltf) -> tuple[Piece, ...]:
    """Return all triangles of a document's scene.

    Raises:
        FormatError: If it holds none or more than `MAX_TRIANGLES`, or is not sound.
        MissingExtraError: If it has textures and pillow is not installed.
    """
    pictures: dict[int, Picture] = {}
    made: list[Piece] = []
    total = 0
    for placed in _walk(model):
        shape = placed.node.mesh
        if shape is None:
            continue
        mesh = model.at(model.document.meshes, shape, "mesh")
        for primitive in (one for one in mesh.primitives if one.mode >= _TRIANGLES):
            corner = _corner_index(model, primitive)
            total += len(corner)
            if total > MAX_TRIANGLES:
                found = f"has more than {MAX_TRIANGLES} triangles"
                raise broken(model.path, found, "simplify the model (Blender: Decimate)")
            made.append(_piece(model, pictures, (placed, mesh.name), primitive, corner))
    shown = tuple(piece for piece in made if len(piece.corners_m))
    if not shown:
        raise broken(model.path, "holds no triangles", "export meshes, not curves or points")
    return shown


def _walk(model: Gltf) -> Iterator[_Placed]:
    """Yield all nodes of the scene, parents first."""
    document = model.document
    if document.scenes:
        roots = model.at(document.scenes, document.scene or 0, "scene").nodes
    else:
        below = {child for node in document.nodes for child in node.children}
        roots = tuple(k for k in range(len(document.nodes)) if k not in below)
    stack = [(root, (), np.eye(4)) for root in reversed(roots)]
    seen: set[int] = set()
    while stack:
        index, names, above = stack.pop()
        if index in seen:
            raise broken(model.path, f"node {index} hangs on two others or on itself")
        seen.add(index)
        node = model.at(document.nodes, index, "node")
        placed = _Placed(node, (*names, node.name), above @ _matrix(node))
        yield placed
        stack += [(child, placed.names, placed.matrix) for child in reversed(node.children)]


def _matrix(node: Node) -> Float64[np.ndarray, "4 4"]:
    """Return parent from node."""
    if node.matrix is not None:
        return np.array(node.matrix).reshape(4, 4).T
    x, y, z, w = node.rotation
    quat = np.array([w, x, y, z])
    made = np.eye(4)
    made[:3, :3] = matrix_from_quat(quat / max(float(np.linalg.norm(quat)), 1e-12)) * node.scale
    made[:3, 3] = node.translation
    return made


def _corner_index(model: Gltf, primitive: Primitive) -> Int64[np.ndarray, "f 3"]:
    """Return the vertices of all triangles of lists, strips and fans."""
    if "POSITION" not in primitive.attributes:
        raise broken(model.path, "has a mesh without POSITION")
    vertices = len(model.numbers(primitive.attributes["POSITION"]))
    order = np.arange(vertices)
    if primitive.indices is not None:
        order = model.integers(primitive.indices)
    if order.max(initial=0) >= vertices:
        found = f"has a triangle with vertex {order.max()} of {vertices}"
        raise broken(model.path, found, "the file is damaged: copy or export it again")
    if primitive.mode == _TRIANGLES:
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    first, second, third = order[:-2], order[1:-1], order[2:]
    if primitive.mode == 6:
        return np.stack([np.full_like(second, order[0]), second, third], axis=1)
    odd = np.arange(len(first)) % 2 == 1
    return np.stack([first, np.where(odd, third, second), np.where(odd, second, third)], axis=1)


def _piece(
    model: Gltf,
    pictures: dict[int, Picture],
    where: tuple[_Placed, str],
    primitive: Primitive,
    corner: Int64[np.ndarray, "f 3"],
) -> Piece:
    """Return one primitive in the file's frame, without what is transparent."""
    placed, mesh_name = where
    points = _attribute(model, primitive, "POSITION", 3)
    with np.errstate(over="ignore", invalid="ignore"):
        moved = points @ placed.matrix[:3, :3].T + placed.matrix[:3, 3]
    if np.abs(moved).max(initial=0.0) > _FARTHEST or np.isnan(moved).any():
        found = f"places node {placed.node.name!r} farther than {_FARTHEST:g}"
        raise broken(model.path, found, "the file is damaged: copy or export it again")
    corners = moved[corner]
    if np.linalg.det(placed.matrix[:3, :3]) < 0:
        corners = corners[:, ::-1]
    surface = Surface()
    if primitive.material is not None:
        surface = model.at(model.document.materials, primitive.material, "material")
    pbr = surface.pbr_metallic_roughness
    colour = _colours(model, pictures, pbr, primitive, corner)
    least = {"OPAQUE": -1.0, "MASK": surface.alpha_cutoff, "BLEND": _CLEAR}[surface.alpha_mode]
    shown = colour[:, 3] >= least
    return Piece(
        nodes=(*placed.names, mesh_name), material=surface.name, corners_m=corners[shown],
        colour=colour[shown, :3], roughness=pbr.roughness_factor, metallic=pbr.metallic_factor,
    )  # fmt: skip


def _attribute(
    model: Gltf, primitive: Primitive, name: str, width: int
) -> Float64[np.ndarray, "v k"]:
    """Return an attribute of all vertices."""
    values = model.numbers(primitive.attributes[name])
    positions = primitive.attributes["POSITION"]
    count = model.at(model.document.accessors, positions, "accessor").count
    if values.shape[1] < width or len(values) != count:
        found = f"{name} has shape {values.shape}, expected {count} x {width}"
        raise broken(model.path, found)
    return values


def _colours(
    model: Gltf,
    pictures: dict[int, Picture],
    pbr: Pbr,
    primitive: Primitive,
    corner: Int64[np.ndarray, "f 3"],
) -> Float64[np.ndarray, "f 4"]:
    """Return the mean linear colour and alpha of each triangle."""
    out = np.tile(np.array(pbr.base_color_factor), (len(corner), 1))
    if "COLOR_0" in primitive.attributes:
        own = _attribute(model, primitive, "COLOR_0", 3)[corner].mean(axis=1)
        out[:, : own.shape[1]] *= own[:, :4]
    use = pbr.base_color_texture
    if use is None:
        return out
    uv = _coordinates(model, primitive, use)[corner]
    if use.index not in pictures:
        pictures[use.index] = _picture(model, use.index)
    return out * means(pictures[use.index], uv)


def _coordinates(model: Gltf, primitive: Primitive, use: TextureUse) -> Float64[np.ndarray, "v 2"]:
    """Return where each vertex lies in a texture."""
    change = use.extensions.transform
    number = use.tex_coord
    if change is not None and change.tex_coord is not None:
        number = change.tex_coord
    name = f"TEXCOORD_{number}"
    if name not in primitive.attributes:
        raise broken(model.path, f"has a textured mesh without {name}")
    uv = _attribute(model, primitive, name, 2)[:, :2]
    if np.abs(uv).max(initial=0.0) > _FARTHEST:
        raise broken(model.path, f"has {name} beyond {_FARTHEST:g}")
    if change is None:
        return uv
    c, s = np.cos(change.rotation), np.sin(change.rotation)
    turn = np.array([[c, s], [-s, c]])
    return (uv * change.scale) @ turn.T + change.offset


def _picture(model: Gltf, index: int) -> Picture:
    """Return a decoded texture with its repeats."""
    document = model.document
    texture = model.at(document.textures, index, "texture")
    if texture.source is None:
        found = f"texture {index} is in a format that glTF itself does not know"
        raise broken(model.path, found, "export textures as PNG or JPEG")
    wrap = (10497, 10497)
    if texture.sampler is not None:
        sampler = model.at(document.samplers, texture.sampler, "sampler")
        wrap = (sampler.wrap_s, sampler.wrap_t)
    return decoded(model.path, model.picture(texture.source), wrap)
