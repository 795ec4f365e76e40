"""Adds what impacts leave to a scene: the same actors, dented from the moment on.

A dented part is an instance of its own that takes the intact one's place at the time of the
contact; pieces and marks are instances without an object id. Scene and poser are wrapped, so
that nothing else needs to know.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from rareworld.annotate.world.aftermath.crumple import crumpled, reaches
from rareworld.annotate.world.aftermath.crush import Dent, dents
from rareworld.annotate.world.aftermath.debris import Piece, Plane, piece_meshes, shed
from rareworld.annotate.world.aftermath.marks import tyre_marks
from rareworld.annotate.world.aftermath.poser import AfterPoser, Stage
from rareworld.annotate.world.model import Instance, LocalLight, Mesh, Poser, RenderScene
from rareworld.core.geometry import FloatArray
from rareworld.core.lanes import LaneIndex
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Recording

_ROUND_M = 8.0
"""The road's slope is measured this far around a contact."""
_LEAST_HEIGHTS = 5
MOST_STAGES = 4
"""Contacts that change one vehicle's shape; later ones leave it as it is."""


@final
@dataclass
class _Additions:
    """Prototypes, instances and lights to append, and when instances show."""

    prototypes: list[Mesh]
    instances: list[Instance]
    lights: list[LocalLight]
    stages: list[Stage]
    first: int
    """Number of instances before."""

    def add(self, mesh: Mesh, instance: Instance) -> int:
        """Append an instance of a new prototype and return its number."""
        self.prototypes.append(mesh)
        self.instances.append(replace(instance, prototype=len(self.prototypes) - 1))
        return self.first + len(self.instances) - 1


def with_aftermath(
    scene: RenderScene, poser: Poser, recording: Recording
) -> tuple[RenderScene, Poser]:
    """Return scene and poser with dents, debris and marks; the same ones if nothing happens."""
    found = dents(recording)
    dry = scene.ground.wetness < 0.5 and scene.ground.snow < 0.2 and scene.ground.sand < 0.5
    marks = tyre_marks(recording) if dry else ()
    if not found and not marks:
        return scene, poser
    more = _Additions(list(scene.prototypes), [], [], [], len(scene.instances))
    for row in sorted({dent.row for dent in found}):
        _dent_actor(scene, poser, recording, row, found, more)
    pieces = _add_debris(recording, found, more)
    flat = Instance(object_id=0, prototype=0)
    mark_at = [(more.add(mark.mesh, flat), mark.time_s) for mark in marks]
    extended = replace(
        scene,
        prototypes=tuple(more.prototypes),
        instances=(*scene.instances, *more.instances),
        lights=(*scene.lights, *more.lights),
    )
    return extended, AfterPoser(poser, len(more.instances), more.stages, pieces, mark_at)


def _dent_actor(
    scene: RenderScene,
    poser: Poser,
    recording: Recording,
    row: int,
    found: tuple[Dent, ...],
    more: _Additions,
) -> None:
    """Add the dented stages of every part of one actor."""
    actor = recording.scene.actors[row]
    own = [dent for dent in found if dent.row == row][:MOST_STAGES]
    for part, instance in enumerate(scene.instances):
        mesh = scene.prototypes[instance.prototype]
        if instance.object_id != actor.id or instance.rolls:
            continue
        current, shown = part, mesh
        for dent in own:
            point, inward = _in_part(poser, part, dent)
            if not reaches(shown, point, dent.radius_m):
                continue
            shown = crumpled(shown, point, inward, dent.depth_m, dent.radius_m)
            following = more.add(shown, instance)
            more.stages.append(
                Stage(base=part, before=current, after=following, time_s=dent.time_s)
            )
            more.lights += _surviving(scene, more, current, following, point, dent)
            current = following


def _in_part(poser: Poser, part: int, dent: Dent) -> tuple[FloatArray, FloatArray]:
    """Return a dent's point and direction in the frame of a part."""
    matrix = poser.at(dent.contact_s).transforms[part].astype(np.float64)
    turn = matrix[:, :3]
    return turn.T @ (dent.point_m - matrix[:, 3]), turn.T @ dent.inward


def _surviving(
    scene: RenderScene, more: _Additions, before: int, after: int, point: FloatArray, dent: Dent
) -> Iterator[LocalLight]:
    """Yield the lamps of a part that still shine after a dent, on the dented part."""
    for light in (*scene.lights, *tuple(more.lights)):
        away = float(np.linalg.norm(np.array(light.position_m) - point))
        if light.instance == before and away > 0.8 * dent.radius_m:
            yield replace(light, instance=after)


def _add_debris(
    recording: Recording, found: tuple[Dent, ...], more: _Additions
) -> list[tuple[int, Piece]]:
    """Add the pieces of all dents; return each one's instance."""
    tracks, seed = recording.tracks, Seed(recording.scene.seed)
    index = LaneIndex(recording.scene.road)
    first = len(more.prototypes)
    more.prototypes += piece_meshes()
    out: list[tuple[int, Piece]] = []
    for number, dent in enumerate(found):
        frame = int(np.clip(np.searchsorted(tracks.time_s, dent.time_s), 0, tracks.num_frames - 1))
        velocity = tracks.velocity_mps[dent.row, frame]
        ground = _ground(index, tracks.position_m[dent.row, frame])
        for piece in shed(dent, velocity, ground, seed.child("debris", number)):
            more.instances.append(Instance(object_id=0, prototype=first + piece.shape))
            out.append((more.first + len(more.instances) - 1, piece))
    return out


def _ground(index: LaneIndex, foot_m: FloatArray) -> Plane:
    """Return the plane of the road around a vehicle; level where no lane is near."""
    steps = np.array(
        [[a, b] for a in (-_ROUND_M, 0.0, _ROUND_M) for b in (-_ROUND_M, 0.0, _ROUND_M)]
    )
    heights = np.asarray(index.nearest(foot_m[:2] + steps, limit_m=2 * _ROUND_M).height_m)
    known = np.isfinite(heights)
    base = (float(foot_m[0]), float(foot_m[1]), float(foot_m[2]))
    if known.sum() < _LEAST_HEIGHTS:
        return Plane(base)
    table = np.column_stack([np.ones(known.sum()), steps[known]])
    level, along, across = np.linalg.lstsq(table, heights[known], rcond=None)[0].tolist()
    return Plane((base[0], base[1], level), (along, across))
