"""A user's model of a vehicle: its manifest, and its triangles as parts of a figure.

A model replaces the look of one blueprint; traffic, physics and labels keep the blueprint's class,
size and mass. So it is turned, scaled to the blueprint's box and given the house's paint, glass
and lamps by the names of its materials and nodes.
Proved in tests/annotate/world/test_own_vehicles.py.
Shapes: F triangles.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, final

import numpy as np
from jaxtyping import Bool, Float64
from pydantic import BeforeValidator, Field

from rareworld.annotate.world.gltf import read_gltf
from rareworld.annotate.world.gltf_faces import Piece, pieces_of
from rareworld.annotate.world.own_fit import Fit, Frame, fitted, turned
from rareworld.core.blueprint import BLUEPRINTS, Blueprint
from rareworld.data.atomic import sha256_bytes
from rareworld.data.config import Config, nearest
from rareworld.errors import ConfigError

Axis = Literal["+x", "-x", "+y", "-y", "+z", "-z"]
LampKind = Literal[
    "head", "tail", "brake", "reverse", "left_blinker", "right_blinker", "daytime", "fog",
    "marker", "beacon_a", "beacon_b", "taxi_sign", "display",
]  # fmt: skip
WheelPlace = Literal[
    "front_left", "front_right", "middle_left", "middle_right", "rear_left", "rear_right"
]


def _several(value: object) -> object:
    """Allow a single name where several may stand."""
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]
"""Names of materials, nodes or meshes."""

Region = tuple[tuple[float, float, float], tuple[float, float, float]]

LAMPS: dict[LampKind, str] = {
    "head": "head lamp",
    "tail": "tail lamp",
    "brake": "brake lamp",
    "reverse": "reverse lamp",
    "left_blinker": "left blinker",
    "right_blinker": "right blinker",
    "daytime": "daytime lamp",
    "fog": "fog lamp",
    "marker": "side marker",
    "beacon_a": "beacon a",
    "beacon_b": "beacon b",
    "taxi_sign": "taxi sign",
    "display": "bus display",
}
"""Material of the house for each kind of lamp."""
_PAIRS: dict[frozenset[str], tuple[str, str]] = {
    frozenset((left, right)): (left, right)
    for left, right in (("left blinker", "right blinker"), ("beacon a", "beacon b"))
}
"""Kinds that one material may serve: its left half is the first, its right half the second."""
GLASS, PAINT = "car glass", "paint"
_LEAST_RADIUS_M = 0.05
_KNOWN_SHAPES = tuple(sorted(name for name, spec in BLUEPRINTS.items() if spec.track_m > 0))


@final
class VehicleModel(Config):
    """A manifest: one model of a vehicle from a glTF file, and how it is used."""

    file: Path
    """A .glb or .gltf file (glTF 2.0) in the manifest's folder or below."""
    blueprint: str
    """Whose look it replaces: a vehicle with two tracks from `core.blueprint.BLUEPRINTS`."""
    share: float = Field(default=1.0, ge=0, le=1)
    """Of the blueprint's actors; which ones follows from the scene's seed and their numbers."""
    node: str | None = None
    """Only this node and what hangs on it, for files with several vehicles."""
    forward: Axis = "+z"
    """Axis of the file that points ahead."""
    up: Axis = "+y"
    """Axis of the file that points up."""
    fit: Fit = "scale"
    """`scale` stretches the model to the blueprint's box; `exact` keeps its size in metres, which
    must be the blueprint's within 3 %."""
    outside: Names = ()
    """What stands out of the box and does not count in the size: mirrors, aerials."""
    regions: dict[str, Region] = Field(default_factory=dict)
    """Boxes that name the triangles whose middle lies within, for models of one material: lower and
    upper corner in metres in the blueprint's frame (x ahead, y left, z up, on the ground below the
    middle). Names serve below as those of nodes do; where boxes overlap the first one counts."""
    paint: Names = ()
    """What takes the actor's own colour."""
    glass: Names = ()
    """What becomes glass, with seats and people of the blueprint behind it."""
    lamps: dict[LampKind, Names] = Field(default_factory=dict)
    """What is lit with each lamp. One name under both blinkers, or both beacons, is split at the
    middle."""
    wheels: dict[WheelPlace, Names] = Field(default_factory=dict)
    """Nodes of each wheel; they spin, the front ones steer. Without them wheels stand still."""


@final
@dataclass(frozen=True, kw_only=True)
class Face:
    """Triangles of one finish in the body frame."""

    corners_m: Float64[np.ndarray, "f 3 3"]
    name: str | None
    """Material of the house; None keeps the model's colours."""
    colour: Float64[np.ndarray, "f 3"]
    roughness: float
    metallic: float


@final
@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A wheel and where its axle is."""

    place: WheelPlace
    faces: tuple[Face, ...]
    """About the axle's middle."""
    pivot_m: tuple[float, float, float]
    radius_m: float


@final
@dataclass(frozen=True, kw_only=True)
class Model:
    """A vehicle model in its blueprint's frame: x ahead, standing on z = 0."""

    manifest: VehicleModel
    spec: Blueprint
    body: tuple[Face, ...]
    wheels: tuple[Wheel, ...]


def read_model(path: Path) -> Model:
    """Read a manifest and its model.

    Raises:
        ConfigError: If the manifest is wrong, names what the model has not, or does not fit.
        FormatError: If the model cannot be read.
    """
    manifest = VehicleModel.read(path)
    spec = _spec(path, manifest.blueprint)
    pieces, round_x = _in_box(path, manifest, spec, _loaded(path, manifest))
    _check_manifest(path, manifest, pieces)
    rolling = {name for names in manifest.wheels.values() for name in names}
    body = [one for one in pieces if not rolling & set(one.nodes)]
    if not body:
        raise ConfigError(f"{path}: wheels: leave no body; name the wheels' own nodes")
    wheels = tuple(
        _wheel(path, manifest, place, _select(pieces, names), round_x)
        for place, names in manifest.wheels.items()
    )
    faces = tuple(face for one in body for face in _faces(path, manifest, one))
    return Model(manifest=manifest, spec=spec, body=faces, wheels=wheels)


@final
class _FileState(NamedTuple):
    """What changes when a file does."""

    path: Path
    size: int
    mtime_ns: int


def _state_of(path: Path) -> _FileState:
    """Return the state of a file; one that is not there has none, and is refused when read."""
    if not path.exists():
        return _FileState(path, -1, -1)
    found = path.stat()
    return _FileState(path, found.st_size, found.st_mtime_ns)


def fingerprint(path: Path) -> str:
    """Return a digest of a manifest, its model and the files the model names.

    Files are read again only when their size or time of change differs.

    Raises:
        ConfigError: If the manifest is wrong.
        FormatError: If the model cannot be read.
    """
    model = path.parent / VehicleModel.read(path).file
    own = (_state_of(path), _state_of(model))
    return _digest(*own, tuple(_state_of(one) for one in _named_by(*own)))


@lru_cache(maxsize=256)
def _named_by(manifest: _FileState, model: _FileState) -> tuple[Path, ...]:
    """Return the files that a model names."""
    return read_gltf(model.path, manifest.path.parent).files


@lru_cache(maxsize=256)
def _digest(manifest: _FileState, model: _FileState, named: tuple[_FileState, ...]) -> str:
    """Return the digest of files in a state; `named` only tells when to read again."""
    del named
    made = read_gltf(model.path, manifest.path.parent)
    pictures = (made.picture(index) for index in range(len(made.document.images)))
    held = {id(part): part for part in (*made.buffers, *pictures)}
    parts = (manifest.path.read_bytes(), model.path.read_bytes(), *held.values())
    return sha256_bytes("".join(sha256_bytes(part) for part in parts).encode())


def _loaded(path: Path, manifest: VehicleModel) -> list[Piece]:
    """Return the triangles of the file, or of the node that is wanted."""
    pieces = pieces_of(read_gltf(path.parent / manifest.file, path.parent))
    if manifest.node is None:
        return list(pieces)
    _check_names(path, "node", [manifest.node], {n for piece in pieces for n in piece.nodes})
    return _select(pieces, (manifest.node,))


def _in_box(
    path: Path, manifest: VehicleModel, spec: Blueprint, pieces: Sequence[Piece]
) -> tuple[list[Piece], float]:
    """Return pieces in the blueprint's box, cut by region, and what makes wheels round again."""
    _check_names(path, "outside", manifest.outside, {n for piece in pieces for n in _all(piece)})
    frame = Frame(path, manifest.forward, manifest.up)
    upright = [replace(one, corners_m=turned(frame, one.corners_m)) for one in pieces]
    counted = [one.corners_m for one in upright if not _named(one, manifest.outside)]
    if not counted:
        raise ConfigError(f"{path}: outside: leaves nothing to measure; name mirrors and aerials")
    placed = fitted(path, spec, manifest.fit, counted)
    inside = (replace(one, corners_m=placed.apply(one.corners_m)) for one in upright)
    return [part for one in inside for part in _by_region(one, manifest.regions)], placed.round_x


def _spec(path: Path, name: str) -> Blueprint:
    """Return the blueprint a model stands for."""
    if name in _KNOWN_SHAPES:
        return BLUEPRINTS[name]
    if name in BLUEPRINTS:
        raise ConfigError(
            f"{path}: blueprint: {name!r} has a rider or is a person; models can only replace "
            f"closed vehicles: {', '.join(_KNOWN_SHAPES)}"
        )
    raise ConfigError(f"{path}: blueprint: unknown {name!r}{nearest(name, _KNOWN_SHAPES)}")


def _check_names(path: Path, field: str, wanted: Sequence[str], known: Collection[str]) -> None:
    """Refuse names that a model has not, with the nearest one it has."""
    for name in wanted:
        if name not in known:
            hint = nearest(name, sorted(one for one in known if one))
            raise ConfigError(f"{path}: {field}: the model has no {name!r}{hint}")


def _check_manifest(path: Path, manifest: VehicleModel, pieces: Sequence[Piece]) -> None:
    """Refuse names that the chosen part of the model has not."""
    nodes = {name for piece in pieces for name in piece.nodes}
    every = nodes | {piece.material for piece in pieces}
    _check_names(path, "regions", list(manifest.regions), nodes)
    for field, names in (
        ("paint", manifest.paint), ("glass", manifest.glass),
        *((f"lamps.{kind}", names) for kind, names in manifest.lamps.items()),
    ):  # fmt: skip
        _check_names(path, field, names, every)
    for place, names in manifest.wheels.items():
        _check_names(path, f"wheels.{place}", names, nodes)


def _all(piece: Piece) -> tuple[str, ...]:
    return (*piece.nodes, piece.material)


def _named(piece: Piece, names: Collection[str]) -> bool:
    """Tell whether a piece, or what it hangs on, has one of these names."""
    return any(name in names for name in _all(piece))


def _by_region(piece: Piece, regions: Mapping[str, Region]) -> Iterator[Piece]:
    """Yield a piece's triangles by the box their middle lies in, the rest last."""
    middle = piece.corners_m.mean(axis=1)
    left = np.ones(len(middle), dtype=np.bool_)
    for name, (low, high) in regions.items():
        inside = left & ((middle >= low) & (middle <= high)).all(axis=1)
        left &= ~inside
        if inside.any():
            yield replace(_some(piece, inside), nodes=(*piece.nodes, name))
    if left.any():
        yield _some(piece, left)


def _some(piece: Piece, keep: Bool[np.ndarray, "f"]) -> Piece:
    return replace(piece, corners_m=piece.corners_m[keep], colour=piece.colour[keep])


def _select(pieces: Sequence[Piece], nodes: Collection[str]) -> list[Piece]:
    return [piece for piece in pieces if any(node in nodes for node in piece.nodes)]


def _faces(path: Path, manifest: VehicleModel, piece: Piece) -> Iterator[Face]:
    """Yield a piece in its finish; lamps that one material serves in pairs are split."""
    whole = Face(
        corners_m=piece.corners_m, name=None, colour=piece.colour, roughness=piece.roughness,
        metallic=piece.metallic,
    )  # fmt: skip
    lit = [LAMPS[kind] for kind, names in manifest.lamps.items() if _named(piece, names)]
    if len(lit) > 1:
        left = whole.corners_m[:, :, 1].mean(axis=1) > 0
        for name, side in zip(_pair(path, piece, lit), (left, ~left), strict=True):
            if side.any():
                yield replace(
                    whole, corners_m=whole.corners_m[side], colour=whole.colour[side], name=name
                )
        return
    finish = {GLASS: manifest.glass, PAINT: manifest.paint}
    names = lit or [name for name, wanted in finish.items() if _named(piece, wanted)]
    if len(names) > 1:
        raise ConfigError(f"{path}: {piece.material!r} cannot be both paint and glass")
    yield replace(whole, name=names[0] if names else None)


def _pair(path: Path, piece: Piece, lit: Sequence[str]) -> tuple[str, str]:
    """Return what the left and the right half of a shared lamp material are."""
    both = " and ".join(lit)
    if frozenset(lit) not in _PAIRS:
        raise ConfigError(
            f"{path}: lamps: {piece.material!r} of {'/'.join(piece.nodes)} is {both}; "
            "a surface can only be one lamp: give them materials of their own"
        )
    return _PAIRS[frozenset(lit)]


def _wheel(
    path: Path,
    manifest: VehicleModel,
    place: WheelPlace,
    pieces: Sequence[Piece],
    round_x: float,
) -> Wheel:
    """Return a wheel about its axle, round again where the body was stretched."""
    points = np.concatenate([piece.corners_m for piece in pieces]).reshape(-1, 3)
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    shape = np.array([round_x, 1.0, 1.0])
    faces = tuple(
        replace(face, corners_m=(face.corners_m - middle) * shape)
        for piece in pieces
        for face in _faces(path, manifest, piece)
    )
    pivot = (float(middle[0]), float(middle[1]), float(middle[2]))
    radius = float(high[2] - low[2]) / 2
    if radius < _LEAST_RADIUS_M:
        raise ConfigError(f"{path}: wheels.{place}: {manifest.wheels[place]} is flat; name wheels")
    return Wheel(place=place, faces=faces, pivot_m=pivot, radius_m=radius)


def shares(models: Mapping[Path, Model]) -> dict[str, float]:
    """Return the share of each blueprint that models take.

    Raises:
        ConfigError: If the shares of a blueprint add up to more than 1.
    """
    total: dict[str, float] = {}
    for path, model in models.items():
        name = model.spec.name
        total[name] = total.get(name, 0.0) + model.manifest.share
        if total[name] > 1 + 1e-9:
            raise ConfigError(
                f"{path}: share: models of {name!r} add up to {total[name]:.3g}; give 1 or less"
            )
    return total
