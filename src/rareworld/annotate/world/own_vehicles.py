"""Own vehicles in a world: which actors wear which model, its figure, its materials.

Models are read from manifests (`own_models.VehicleModel`). A model's colours become at most 24
materials that are appended to `materials.MATERIALS`; lamps, paint and glass are the house's own, so
that lamps shine, weather falls and dents work as on every other vehicle.
Proved in tests/annotate/world/test_own_vehicles.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float64

from rareworld.annotate.world.beams import lit
from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.mesh import Skin, Soup, merge, soup
from rareworld.annotate.world.model import Cabin, Material, Weathering
from rareworld.annotate.world.own_models import GLASS, Face, Model, read_model, shares
from rareworld.annotate.world.palette import palette
from rareworld.annotate.world.parts import Figure, Joint, Part
from rareworld.annotate.world.vehicles import figure
from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import FloatArray
from rareworld.core.scene import Actor
from rareworld.core.seed import Seed
from rareworld.errors import ConfigError

BODY_COLOURS, WHEEL_COLOURS = 20, 4
"""Materials per model."""
WHEEL = "own wheel"
"""Materials of own wheels begin with this name."""
_FINISH_WEIGHT = 0.3
"""How much roughness and metal count beside colour when materials are merged."""
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@final
@dataclass(frozen=True)
class OwnModel:
    """A model with its place in the table of materials."""

    number: int
    model: Model
    materials: tuple[Material, ...]
    body: Soup
    wheels: tuple[Soup, ...]

    def figure(self, *, driven: bool) -> Figure:
        """Return the parts: a body and, where the model names them, its wheels."""
        spec = self.model.spec
        cabin = None
        if any(face.name == GLASS for face in self.model.body):
            cabin = cabin_of(spec, driven=driven)
        parts = [Part(shape=self.body, cabin=cabin)]
        for shape, wheel in zip(self.wheels, self.model.wheels, strict=True):
            steer = 1.0 if wheel.place.startswith("front") else 0.0
            spin = spec.wheel_radius_m / wheel.radius_m
            parts.append(
                Part(shape=shape, joint=Joint(pivot_m=wheel.pivot_m, spin=spin, steer=steer))
            )
        return Figure(parts=tuple(lit(part, spec.class_id) for part in parts))


@final
@dataclass(frozen=True)
class OwnVehicles:
    """All models of a world; none by default."""

    seed: int = 0
    """Of the scene."""
    models: tuple[OwnModel, ...] = ()
    _by_blueprint: dict[str, list[OwnModel]] = field(default_factory=dict[str, list[OwnModel]])

    @property
    def materials(self) -> tuple[Material, ...]:
        """What follows `MATERIALS` in the scene."""
        return tuple(one for model in self.models for one in model.materials)

    def of(self, actor: Actor) -> OwnModel | None:
        """Return the model an actor wears; None keeps the house's shape."""
        known = self._by_blueprint.get(actor.blueprint)
        if known is None:
            return None
        left = float(Seed(self.seed).child("own", actor.id).generator().uniform())
        for model in known:
            left -= model.model.manifest.share
            if left < 0:
                return model
        return None


def read_own_vehicles(manifests: Sequence[Path], seed: int) -> OwnVehicles:
    """Read manifests.

    Raises:
        ConfigError: If one is wrong or named twice, or shares of a blueprint exceed 1.
        FormatError: If a model cannot be read.
        MissingExtraError: If a model has textures and pillow is not installed.
    """
    read: dict[Path, Model] = {}
    for path in manifests:
        if path in read:
            raise ConfigError(f"world.vehicles: {path} is named twice; name it once")
        read[path] = read_model(path)
    shares(read)
    made: list[OwnModel] = []
    by_blueprint: dict[str, list[OwnModel]] = {}
    first = len(MATERIALS)
    for number, model in enumerate(read.values()):
        made.append(own_model(number, model, first))
        by_blueprint.setdefault(model.spec.name, []).append(made[-1])
        first += len(made[-1].materials)
    return OwnVehicles(seed, tuple(made), by_blueprint)


def own_model(number: int, model: Model, first: int) -> OwnModel:
    """Return a model whose own materials begin at an index."""
    stem, spec = model.manifest.file.stem, model.spec
    body = _Coloured(f"own {stem}", first, model.body, BODY_COLOURS)
    rolling = tuple(face for wheel in model.wheels for face in wheel.faces)
    turning = _Coloured(f"{WHEEL} {stem}", first + len(body.materials), rolling, WHEEL_COLOURS)
    wheels = tuple(turning.soup(wheel.faces, spec) for wheel in model.wheels)
    return OwnModel(
        number, model, body.materials + turning.materials, body.soup(model.body, spec), wheels
    )


@final
class _Coloured:
    """The few materials of many triangles."""

    def __init__(self, name: str, first: int, faces: Sequence[Face], most: int) -> None:
        own = [face for face in faces if face.name is None]
        self.materials: tuple[Material, ...] = ()
        self._first = first
        self._group: dict[int, np.ndarray] = {}
        if not own:
            return
        group, means = palette(
            np.concatenate([_features(face) for face in own]),
            np.concatenate([_areas(face) for face in own]),
            most,
        )
        self.materials = tuple(_material(f"{name} {k}", row) for k, row in enumerate(means))
        ends = np.cumsum([len(face.corners_m) for face in own])[:-1]
        for face, part in zip(own, np.split(group, ends), strict=True):
            self._group[id(face)] = part

    def soup(self, faces: Sequence[Face], spec: Blueprint) -> Soup:
        """Return triangles with the materials they got, or those of the house."""
        made: list[Soup] = []
        for face in faces:
            if face.name is not None:
                made.append(soup(face.corners_m, Skin(material(face.name), spec.class_id)))
                continue
            group = self._group[id(face)]
            for k in np.unique(group).tolist():
                skin = Skin(self._first + k, spec.class_id)
                made.append(soup(face.corners_m[group == k], skin))
        return merge(made)


def _areas(face: Face) -> Float64[np.ndarray, "f"]:
    """Return square metres of each triangle, never quite 0."""
    a, b, c = np.moveaxis(face.corners_m, 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2 + 1e-9


def _features(face: Face) -> Float64[np.ndarray, "f 5"]:
    """Return what makes surfaces alike: colour as the eye weighs it, roughness and metal."""
    finish = _FINISH_WEIGHT * np.array([face.roughness, face.metallic])
    rest = np.broadcast_to(finish, (len(face.colour), 2))
    return np.concatenate([np.sqrt(np.clip(face.colour, 0, 1)), rest], axis=1)


def _material(name: str, features: FloatArray) -> Material:
    """Return a surface; metals mirror what they do not scatter."""
    colour = features[:3] ** 2
    roughness, metal = (features[3:] / _FINISH_WEIGHT).tolist()
    specular = 0.04 + 0.5 * metal * float(colour @ _LUMINANCE)
    red, green, blue = ((1 - 0.5 * metal) * colour).tolist()
    return Material(
        name=name, colour=(red, green, blue), roughness=float(np.clip(roughness, 0.08, 1.0)),
        specular=specular, weathering=Weathering.VEHICLE,
    )  # fmt: skip


def cabin_of(spec: Blueprint, *, driven: bool) -> Cabin | None:
    """Return the inside of a blueprint's own shape, in the body frame."""
    for part in figure(spec.name, 0, driven=driven).parts:
        if part.cabin is not None:
            return _shifted(part.cabin, part.joint.pivot_m)
    return None


def _shifted(cabin: Cabin, by_m: tuple[float, float, float]) -> Cabin:
    (x, y, z), (dx, dy, dz), (u, v, w) = cabin.low_m, by_m, cabin.high_m
    return replace(
        cabin,
        low_m=(x + dx, y + dy, z + dz),
        high_m=(u + dx, v + dy, w + dz),
        belt_m=cabin.belt_m + dz,
        boxes_m=(cabin.boxes_m + np.array(by_m)).astype(np.float32),
    )
