"""Where actors are on the map: every lane that an actor's middle lies in, frame by frame.

An actor is in a lane where its middle lies between the lane's borders. Lanes overlap in junctions,
so one actor may be in several. Proved in tests/events/test_places.py.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from rareworld.core.geometry import FloatArray
from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.taxonomy import PEOPLE
from rareworld.core.trajectory import Driver, Recording
from rareworld.events.kinematics import Kinematics, kinematics
from rareworld.events.motion import Bodies, bodies_of


@final
@dataclass(frozen=True, kw_only=True)
class LaneHits:
    """H (point, lane) pairs, ordered by point, then lane."""

    point: Int[np.ndarray, "h"]
    lane: Int[np.ndarray, "h"]
    """Index into `lanes`."""
    station_m: Float[np.ndarray, "h"]
    offset_m: Float[np.ndarray, "h"]
    """From the centre line, positive to the left."""
    heading_rad: Float[np.ndarray, "h"]
    edge_m: Float[np.ndarray, "h"]
    """Distance to the nearer border."""
    lanes: tuple[Lane, ...]

    def pick(self, keep: Bool[np.ndarray, "h"] | slice) -> "LaneHits":
        """Return some of the hits."""
        return LaneHits(
            point=self.point[keep],
            lane=self.lane[keep],
            station_m=self.station_m[keep],
            offset_m=self.offset_m[keep],
            heading_rad=self.heading_rad[keep],
            edge_m=self.edge_m[keep],
            lanes=self.lanes,
        )


def find_lanes(
    road: RoadMap, points_m: Float[np.ndarray, "n 2"], kinds: frozenset[LaneKind]
) -> LaneHits:
    """Return all lanes of some kinds under the points."""
    lanes = tuple(lane for lane in road.lanes.values() if lane.kind in kinds)
    rows: list[FloatArray] = [np.zeros((0, 6))]
    for number, lane in enumerate(lanes):
        both = np.concatenate([lane.left_m, lane.right_m])[:, :2]
        low, high = both.min(axis=0), both.max(axis=0)
        near = np.flatnonzero(((points_m >= low) & (points_m <= high)).all(axis=1))
        for part in np.array_split(near, len(near) // 2000 + 1):
            found = nearest_on_lane(lane, points_m[part])
            inside = found[:, 3] >= 0
            ids = np.stack([part[inside], np.full(inside.sum(), number)], axis=1)
            rows.append(np.concatenate([ids, found[inside]], axis=1))
    table = np.concatenate(rows)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    return LaneHits(
        point=table[:, 0].astype(np.int64),
        lane=table[:, 1].astype(np.int64),
        station_m=table[:, 2],
        offset_m=table[:, 3],
        heading_rad=table[:, 4],
        edge_m=table[:, 5],
        lanes=lanes,
    )


def nearest_on_lane(lane: Lane, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 4"]:
    """Return station, offset, heading and distance to the nearer border (negative outside)."""
    start = lane.centre_m[:-1, :2]
    edge = np.diff(lane.centre_m[:, :2], axis=0)
    length = np.maximum(np.linalg.norm(edge, axis=1), 1e-9)
    rel_x = points[:, :1] - start[:, 0]
    rel_y = points[:, 1:] - start[:, 1]
    raw = (rel_x * edge[:, 0] + rel_y * edge[:, 1]) / length**2
    t = np.clip(raw, 0.0, 1.0)
    away = (rel_x - t * edge[:, 0]) ** 2 + (rel_y - t * edge[:, 1]) ** 2
    best = away.argmin(axis=1)
    pick = np.arange(len(points)), best
    share = t[pick]
    cross = edge[best, 0] * rel_y[pick] - edge[best, 1] * rel_x[pick]
    offset = cross / length[best]
    left = np.linalg.norm((lane.left_m - lane.centre_m)[:, :2], axis=1)
    right = np.linalg.norm((lane.right_m - lane.centre_m)[:, :2], axis=1)
    room = np.where(offset >= 0, _blend(left, best, share), _blend(right, best, share))
    beyond = np.abs(raw[pick] - share) * length[best]
    edge_m = np.where(beyond > 1e-6, -beyond, room - np.abs(offset))
    station = lane.station_m[best] + share * length[best]
    heading = np.arctan2(edge[best, 1], edge[best, 0])
    return np.stack([station, offset, heading, edge_m], axis=1)


def _blend(values: FloatArray, index: np.ndarray, share: FloatArray) -> FloatArray:
    return values[index] * (1 - share) + values[index + 1] * share


@final
@dataclass(frozen=True, kw_only=True)
class Context:
    """What the rules of the road are judged on. N actors, T frames."""

    recording: Recording
    bodies: Bodies
    moving: Kinematics
    free: Bool[np.ndarray, "n t"]
    """Frames in which an actor is there and has not been hit yet: its driver decides."""
    hits: LaneHits
    """Driving lanes under every present actor; point = row * T + frame."""

    @property
    def frames(self) -> int:
        """T."""
        return len(self.bodies.time_s)

    def person(self, row: int) -> bool:
        """Return whether an actor is on foot."""
        return self.recording.scene.actors[row].class_id in PEOPLE

    def of(self, row: int) -> LaneHits:
        """Return the lane hits of one actor; their points are frames."""
        low, high = np.searchsorted(self.hits.point, [row * self.frames, (row + 1) * self.frames])
        own = self.hits.pick(slice(int(low), int(high)))
        return replace(own, point=own.point - row * self.frames)


def context_of(recording: Recording, first_hit_s: dict[int, float]) -> Context:
    """Return the context; `first_hit_s` tells when actors first collided, from the start."""
    bodies = bodies_of(recording, with_static=False)
    time = bodies.time_s - bodies.time_s[0]
    until = np.array([first_hit_s.get(i, np.inf) for i in bodies.ids]).reshape(-1, 1)
    hit = np.maximum.accumulate(recording.tracks.driver == Driver.PHYSICS, axis=1)
    present = bodies.present
    points = np.where(present[..., None], bodies.position_m[..., :2], np.inf).reshape(-1, 2)
    here = np.flatnonzero(present.ravel())
    hits = find_lanes(recording.scene.road, points[here], frozenset({LaneKind.DRIVING}))
    return Context(
        recording=recording,
        bodies=bodies,
        moving=kinematics(bodies),
        free=present & (time < until) & ~hit,
        hits=replace(hits, point=here[hits.point]),
    )
