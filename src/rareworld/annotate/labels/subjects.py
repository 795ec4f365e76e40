"""The objects that get a record per frame: road users and signal heads, with their 3D boxes."""

from dataclasses import dataclass, replace
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.model import FrameState, RenderScene
from rareworld.core.camera import quat_from_matrix
from rareworld.core.geometry import FloatArray
from rareworld.core.trajectory import Recording


@final
@dataclass(frozen=True, kw_only=True)
class Pose:
    """A 3D box and its motion at one frame."""

    position_m: FloatArray
    """Middle of the bottom, shape (3,)."""
    quat: FloatArray
    """World from body, shape (4,)."""
    velocity_mps: FloatArray
    lamps: int
    driver: int


@runtime_checkable
class Subject(Protocol):
    """One object with records."""

    @property
    def object_id(self) -> int:
        """Instance id of its pixels."""
        ...

    @property
    def class_id(self) -> int:
        """Semantic class of the object as a whole."""
        ...

    @property
    def blueprint(self) -> str:
        """Its kind."""
        ...

    @property
    def size_m(self) -> tuple[float, float, float]:
        """(length, width, height) of its box."""
        ...

    def pose(self, frame: int, state: FrameState) -> Pose | None:
        """Return its box at a frame; None while it is absent."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class ActorSubject:
    """A road user, posed by the recording."""

    object_id: int
    class_id: int
    blueprint: str
    size_m: tuple[float, float, float]
    row: int
    recording: Recording

    def pose(self, frame: int, state: FrameState) -> Pose | None:  # noqa: ARG002 - the protocol's
        """Return its box at a frame; None while it is absent."""
        tracks, row = self.recording.tracks, self.row
        if not tracks.present[row, frame]:
            return None
        return Pose(
            position_m=tracks.position_m[row, frame],
            quat=tracks.quat[row, frame],
            velocity_mps=tracks.velocity_mps[row, frame],
            lamps=int(tracks.lamps[row, frame]),
            driver=int(tracks.driver[row, frame]),
        )


@final
@dataclass(frozen=True, kw_only=True)
class HeadSubject:
    """A signal head: an instance that stands still; `lamps` are its `StateBit`s."""

    object_id: int
    class_id: int
    blueprint: str
    size_m: tuple[float, float, float]
    part: int
    base_m: Float[np.ndarray, "3"]
    """Middle of the bottom of its box in the prototype."""

    def pose(self, frame: int, state: FrameState) -> Pose | None:  # noqa: ARG002 - the protocol's
        """Return its box at a frame."""
        if not state.visible[self.part]:
            return None
        matrix = state.transforms[self.part].astype(np.float64)
        return Pose(
            position_m=matrix[:, :3] @ self.base_m + matrix[:, 3],
            quat=np.array(quat_from_matrix(matrix[:, :3])),
            velocity_mps=np.zeros(3),
            lamps=int(state.state[self.part]),
            driver=0,
        )


def number_heads(scene: RenderScene, recording: Recording) -> RenderScene:
    """Return the scene with an own id for every instance that has none (signal heads).

    Ids follow the largest id of actors and props, in the order of the instances.
    """
    taken = [actor.id for actor in recording.scene.actors]
    taken += [prop.id for prop in recording.scene.props]
    following = max(taken, default=0) + 1
    instances = list(scene.instances)
    for k, instance in enumerate(instances):
        if instance.object_id == 0:
            instances[k] = replace(instance, object_id=following)
            following += 1
    return replace(scene, instances=tuple(instances))


def subjects_of(scene: RenderScene, recording: Recording) -> tuple[Subject, ...]:
    """Return all objects with records in rising order of id."""
    actors: list[Subject] = [
        ActorSubject(
            object_id=actor.id,
            class_id=int(actor.class_id),
            blueprint=actor.blueprint,
            size_m=actor.spec.size_m,
            row=row,
            recording=recording,
        )
        for row, actor in enumerate(recording.scene.actors)
    ]
    known = {actor.id for actor in recording.scene.actors}
    heads: list[Subject] = [
        _head(scene, part)
        for part, instance in enumerate(scene.instances)
        if instance.object_id and instance.object_id not in known
    ]
    return tuple(sorted([*actors, *heads], key=lambda subject: subject.object_id))


def _head(scene: RenderScene, part: int) -> HeadSubject:
    """Return a head with the box around its prototype."""
    instance = scene.instances[part]
    mesh = scene.prototypes[instance.prototype]
    low, high = (f(mesh.vertices_m.astype(np.float64), axis=0) for f in (np.min, np.max))
    length, width, height = (float(side) for side in high - low)
    middle = (low + high) / 2
    return HeadSubject(
        object_id=instance.object_id,
        class_id=int(mesh.class_id[0]),
        blueprint="traffic light",
        size_m=(length, width, height),
        part=part,
        base_m=np.array([middle[0], middle[1], low[2]]),
    )
