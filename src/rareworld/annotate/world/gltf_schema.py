"""The parts of a glTF 2.0 document that shapes and colours need, as typed records.

Format: Khronos glTF 2.0 specification (2021), chapter 5. Whatever else a file says is ignored;
names here are the specification's in snake case.
"""

from typing import Annotated, Any, Literal, final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Index = Annotated[int, Field(ge=0)]
"""Of a record in one of the document's lists."""
Unit = Annotated[float, Field(ge=0, le=1)]
Four = tuple[float, float, float, float]
Three = tuple[float, float, float]
Modest = Annotated[float, Field(ge=-1e6, le=1e6)]


class Record(BaseModel):
    """Base of all records: frozen, further keys are ignored."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, allow_inf_nan=False, use_attribute_docstrings=True
    )


@final
class Asset(Record):
    """Which version of the format a file is in."""

    version: str


@final
class Buffer(Record):
    """Bytes: of the container, of a file beside it or within the text."""

    byte_length: Annotated[int, Field(ge=1)]
    uri: str | None = None


@final
class BufferView(Record):
    """A slice of a buffer."""

    buffer: Index
    byte_length: Annotated[int, Field(ge=1)]
    byte_offset: Index = 0
    byte_stride: Annotated[int, Field(ge=4, le=252)] | None = None


@final
class Accessor(Record):
    """An array in a slice."""

    component_type: Literal[5120, 5121, 5122, 5123, 5125, 5126]
    count: Annotated[int, Field(ge=1)]
    type: Literal["SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4"]
    buffer_view: Index | None = None
    byte_offset: Index = 0
    normalized: bool = False
    sparse: dict[str, Any] | None = None


@final
class Primitive(Record):
    """Triangles of one material."""

    attributes: dict[str, Index]
    indices: Index | None = None
    material: Index | None = None
    mode: Annotated[int, Field(ge=0, le=6)] = 4


@final
class Shape(Record):
    """A mesh."""

    primitives: tuple[Primitive, ...]
    name: str = ""


@final
class Node(Record):
    """A place in the tree of things."""

    name: str = ""
    children: tuple[Index, ...] = ()
    mesh: Index | None = None
    matrix: Annotated[tuple[float, ...], Field(min_length=16, max_length=16)] | None = None
    """Column by column."""
    translation: Three = (0.0, 0.0, 0.0)
    rotation: Four = (0.0, 0.0, 0.0, 1.0)
    """Quaternion x, y, z, w."""
    scale: Three = (1.0, 1.0, 1.0)


@final
class Scene(Record):
    """The roots of a tree."""

    nodes: tuple[Index, ...] = ()


@final
class TextureTransform(Record):
    """Extension KHR_texture_transform."""

    offset: tuple[Modest, Modest] = (0.0, 0.0)
    rotation: Modest = 0.0
    scale: tuple[Modest, Modest] = (1.0, 1.0)
    tex_coord: Annotated[int, Field(ge=0)] | None = None


@final
class TextureExtensions(Record):
    """What can stand at the use of a texture."""

    transform: TextureTransform | None = Field(default=None, alias="KHR_texture_transform")


@final
class TextureUse(Record):
    """A texture and the coordinates it is laid out by."""

    index: Index
    tex_coord: Index = 0
    extensions: TextureExtensions = TextureExtensions()


@final
class Pbr(Record):
    """Colour and finish of a surface."""

    base_color_factor: tuple[Unit, Unit, Unit, Unit] = (1.0, 1.0, 1.0, 1.0)
    base_color_texture: TextureUse | None = None
    metallic_factor: Unit = 1.0
    roughness_factor: Unit = 1.0


@final
class Surface(Record):
    """A material."""

    name: str = ""
    pbr_metallic_roughness: Pbr = Pbr()
    alpha_mode: Literal["OPAQUE", "MASK", "BLEND"] = "OPAQUE"
    alpha_cutoff: Annotated[float, Field(ge=0)] = 0.5


@final
class Image(Record):
    """A picture in a slice or a file."""

    uri: str | None = None
    buffer_view: Index | None = None


@final
class TextureRecord(Record):
    """A picture and how it repeats."""

    source: Index | None = None
    sampler: Index | None = None


@final
class Sampler(Record):
    """How a picture goes on beyond its borders: 10497 again, 33071 edge, 33648 mirrored."""

    wrap_s: Literal[10497, 33071, 33648] = 10497
    wrap_t: Literal[10497, 33071, 33648] = 10497


@final
class Document(Record):
    """A whole file."""

    asset: Asset
    extensions_required: tuple[str, ...] = ()
    scene: Index | None = None
    scenes: tuple[Scene, ...] = ()
    nodes: tuple[Node, ...] = ()
    meshes: tuple[Shape, ...] = ()
    materials: tuple[Surface, ...] = ()
    textures: tuple[TextureRecord, ...] = ()
    samplers: tuple[Sampler, ...] = ()
    images: tuple[Image, ...] = ()
    accessors: tuple[Accessor, ...] = ()
    buffer_views: tuple[BufferView, ...] = ()
    buffers: tuple[Buffer, ...] = ()
