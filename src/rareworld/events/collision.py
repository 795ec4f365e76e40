"""Collisions: which bodies met, when, where, how hard and who struck whom.

Boxes and motion between frames decide (see `contact_search`), the same for a simulated recording
and a foreign log; impulse and duration come from the physics engine where it ran. Definitions in
docs/explain/events.md. Proved in tests/events/test_collision.py.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.core.event import BodyPart, Contact, Event, EventKind
from rareworld.core.geometry import FloatArray, box_corners, matrix_from_quat
from rareworld.core.taxonomy import PEOPLE
from rareworld.core.trajectory import Recording
from rareworld.data.config import Config
from rareworld.events.boxes import box_separation
from rareworld.events.contact_search import Touch, find_touches
from rareworld.events.motion import Bodies, bodies_of
from rareworld.events.spans import span


class CollisionConfig(Config):
    """What counts as a collision."""

    between_people: bool = False
    """Whether two people who brush against each other count."""
    part_s: float = 0.5
    """Bodies that touch again within this time are still in the same collision."""
    min_relative_speed_mps: float = 0.05
    """Slower touches are bodies that stand against each other, not collisions."""
    corner_share: float = 2 / 3
    """Beyond this share of the half width (or half length) a hit is on the corner."""
    striking_margin: float = 0.2
    """Least difference of striking scores (0..1.25) that makes one the striker; else mutual."""
    front_bonus: float = 0.25
    """Added to the closing share of a body that is hit on its front."""
    match_s: float = 0.1
    """A contact felt by physics belongs to a touch that lies at most this far away in time."""
    match_m: float = 20.0
    """And this far in space: wrecks slide on while they touch."""


@final
@dataclass(frozen=True, kw_only=True)
class _Meeting:
    """Two boxes at the instant they touch; index 0 is the lower actor id, 1 the other."""

    rows: tuple[int, int]
    poses: tuple[tuple[FloatArray, FloatArray, FloatArray], ...]
    point_m: FloatArray
    normal: FloatArray
    """From 0 to 1."""
    velocity_mps: tuple[FloatArray, FloatArray]
    """Of both bodies at the contact point."""

    @property
    def relative_mps(self) -> FloatArray:
        """Velocity of 0 as seen from 1."""
        return self.velocity_mps[0] - self.velocity_mps[1]

    @property
    def closing_mps(self) -> float:
        """Speed at which the contact normal shortens; negative where they part."""
        return float(self.relative_mps @ self.normal)


_FRONT = frozenset({BodyPart.FRONT, BodyPart.FRONT_LEFT, BodyPart.FRONT_RIGHT})


def detect_collisions(
    recording: Recording, config: CollisionConfig | None = None
) -> tuple[Event, ...]:
    """Return every collision between two actors, or an actor and a static object.

    People against static objects are not looked at: they lean on walls and sit on benches.
    """
    config = config or CollisionConfig()
    if recording.tracks.num_frames < 2:
        return ()
    bodies = bodies_of(recording)
    events = [
        event
        for touch in find_touches(bodies, part_s=config.part_s)
        if not _left_out(recording, touch, config)
        for event in [_collision(recording, bodies, touch, config)]
        if event is not None
    ]
    return tuple(events)


def _left_out(recording: Recording, touch: Touch, config: CollisionConfig) -> bool:
    """Return whether a person touches a static object or, unless wanted, another person."""
    actors = recording.scene.actors
    if actors[touch.first].class_id not in PEOPLE:
        return False
    if touch.second >= len(actors):
        return True
    return actors[touch.second].class_id in PEOPLE and not config.between_people


def _collision(
    recording: Recording, bodies: Bodies, touch: Touch, config: CollisionConfig
) -> Event | None:
    """Return the event of a touch, or None where bodies only stand or slide apart."""
    meeting = _meeting(bodies, touch)
    if _is_rest(meeting, touch, config):
        return None
    parts = tuple(_part(recording, meeting, which, config) for which in (0, 1))
    order = _striking_order(recording, meeting, parts, config)
    striker, other = order or (0, 1)
    ids = [bodies.ids[row] for row in meeting.rows]
    actors = [i for i in (striker, other) if meeting.rows[i] < bodies.num_actors]
    return Event(
        kind=EventKind.COLLISION,
        actors=tuple(ids[i] for i in actors),
        **span(bodies.time_s, touch.start_s, touch.end_s, touch.start_s),
        position_m=_triple(meeting.point_m),
        contact=_contact(recording, bodies, touch, meeting, (striker, other), config),
        parts={ids[i]: parts[i] for i in actors},
        struck=ids[other] if order and other in actors else None,
        measures={
            "relative_speed_mps": float(np.linalg.norm(meeting.relative_mps)),
            "closing_speed_mps": meeting.closing_mps,
            "crossing_angle_deg": _crossing_angle_deg(meeting),
        },
        labels=_labels(bodies, meeting, touch),
    )


def _is_rest(meeting: _Meeting, touch: Touch, config: CollisionConfig) -> bool:
    """Return whether bodies only stand against each other, or slide apart from the beginning."""
    if float(np.linalg.norm(meeting.relative_mps)) < config.min_relative_speed_mps:
        return True
    return touch.from_first_frame and meeting.closing_mps < config.min_relative_speed_mps


def _labels(bodies: Bodies, meeting: _Meeting, touch: Touch) -> dict[str, str]:
    """Return the name of a static object that was hit, and whether they touched at the start."""
    labels: dict[str, str] = {}
    if meeting.rows[1] >= bodies.num_actors:
        labels["object"] = bodies.names[meeting.rows[1]]
    if touch.from_first_frame:
        labels["touching_at_start"] = "yes"
    return labels


def _meeting(bodies: Bodies, touch: Touch) -> _Meeting:
    """Return both boxes at first contact, in the order of their ids (statics last)."""
    low, high = touch.first, touch.second
    if high < bodies.num_actors and bodies.ids[high] < bodies.ids[low]:
        low, high = high, low
    rows = np.array([low, high])
    position, quat = bodies.pose_at(rows, np.full(2, touch.start_s))
    poses = tuple((position[i], quat[i], bodies.size_m[rows[i]]) for i in (0, 1))
    batched = [(p[None], q[None], s[None]) for p, q, s in poses]
    _, axis = box_separation(batched[0], batched[1])
    point = _contact_point(poses, axis[0])
    velocities: list[FloatArray] = []
    for i, row in enumerate((low, high)):
        velocity, spin = bodies.velocity_before(row, touch.start_s)
        arm = point - position[i]
        velocities.append(velocity + np.asarray(np.cross(spin, arm), dtype=np.float64))
    return _Meeting(
        rows=(low, high),
        poses=poses,
        point_m=point,
        normal=axis[0],
        velocity_mps=(velocities[0], velocities[1]),
    )


def _contact_point(
    poses: tuple[tuple[FloatArray, FloatArray, FloatArray], ...], normal: FloatArray
) -> FloatArray:
    """Return the middle of the corners that lie on the other box; for edges, the nearest points.

    Sides that meet face to face touch all the way up; their point is at half the shared height.
    """
    corners = [box_corners(*pose) for pose in poses]
    touching = np.concatenate(
        [corners[i][_inside_box(corners[i], poses[1 - i], slack_m=0.01)] for i in (0, 1)]
    )
    point = touching.mean(axis=0) if len(touching) else _nearest_point(poses)
    if abs(normal[2]) < 0.5:
        low = max(c[:, 2].min() for c in corners)
        high = min(c[:, 2].max() for c in corners)
        point = np.array([point[0], point[1], (low + high) / 2])
    return point


def _local(points: FloatArray, pose: tuple[FloatArray, FloatArray, FloatArray]) -> FloatArray:
    """Return points in a box's frame, measured from its middle."""
    position, quat, size = pose
    out = (points - position) @ matrix_from_quat(quat)
    out[..., 2] -= size[2] / 2
    return out


def _inside_box(
    points: FloatArray, pose: tuple[FloatArray, FloatArray, FloatArray], *, slack_m: float
) -> np.ndarray:
    return np.all(np.abs(_local(points, pose)) <= pose[2] / 2 + slack_m, axis=-1)


def _nearest_point(poses: tuple[tuple[FloatArray, FloatArray, FloatArray], ...]) -> FloatArray:
    """Return the point between two boxes by alternating projection (von Neumann 1933)."""
    point = (poses[0][0] + poses[1][0]) / 2
    previous = point
    for turn in range(200):
        position, quat, size = poses[turn % 2]
        held = np.clip(_local(point, poses[turn % 2]), -size / 2, size / 2)
        held[2] += size[2] / 2
        previous, point = point, position + matrix_from_quat(quat) @ held
    return (previous + point) / 2


def _part(recording: Recording, meeting: _Meeting, which: int, config: CollisionConfig) -> BodyPart:
    """Return the sector of the outline that was hit.

    The contact point is scaled by the half length and half width. The larger coordinate names the
    face; where the other exceeds `corner_share` the hit is on the corner between both faces.
    """
    row = meeting.rows[which]
    actors = recording.scene.actors
    if row >= len(actors) or actors[row].class_id in PEOPLE:
        return BodyPart.BODY
    pose = meeting.poses[which]
    x, y, z = _local(meeting.point_m, pose) / (pose[2] / 2)
    up = matrix_from_quat(pose[1])[:, 2] @ meeting.normal
    if abs(up) > 0.7 and z > 0.9:
        return BodyPart.TOP
    return sector(float(x), float(y), config.corner_share)


def sector(x: float, y: float, corner_share: float) -> BodyPart:
    """Return the part at (x, y), forward and left, in half lengths and half widths."""
    if min(abs(x), abs(y)) > corner_share * max(abs(x), abs(y)):
        if x > 0:
            return BodyPart.FRONT_LEFT if y > 0 else BodyPart.FRONT_RIGHT
        return BodyPart.REAR_LEFT if y > 0 else BodyPart.REAR_RIGHT
    if abs(x) >= abs(y):
        return BodyPart.FRONT if x > 0 else BodyPart.REAR
    return BodyPart.LEFT if y > 0 else BodyPart.RIGHT


def _striking_order(
    recording: Recording,
    meeting: _Meeting,
    parts: tuple[BodyPart, ...],
    config: CollisionConfig,
) -> tuple[int, int] | None:
    """Return (striker, struck), or None where both drove into each other.

    A person hit by a vehicle that moves is always the one struck. Else each body's score is its
    share of the closing speed, plus a bonus where its front is involved; the higher score strikes.
    """
    actors = recording.scene.actors
    if meeting.rows[1] >= len(actors):
        return (0, 1)
    into = np.maximum(
        [meeting.velocity_mps[0] @ meeting.normal, -meeting.velocity_mps[1] @ meeting.normal], 0.0
    )
    person = [actors[row].class_id in PEOPLE for row in meeting.rows]
    speed = [float(np.linalg.norm(v[:2])) for v in meeting.velocity_mps]
    for i in (0, 1):
        if person[i] and not person[1 - i] and speed[1 - i] > 0.5:
            return (1 - i, i)
    share = into / max(float(into.sum()), 1e-9)
    score = share + [config.front_bonus * (part in _FRONT) for part in parts]
    if abs(score[0] - score[1]) < config.striking_margin:
        return None
    return (0, 1) if score[0] > score[1] else (1, 0)


def _contact(
    recording: Recording,
    bodies: Bodies,
    touch: Touch,
    meeting: _Meeting,
    order: tuple[int, int],
    config: CollisionConfig,
) -> Contact:
    """Return the contact from striker to struck, with what physics felt where it ran."""
    ids = [bodies.ids[row] for row in meeting.rows]
    near_m = config.match_m if ids[1] else 1.0  # the ground and kerbs share id 0 with posts
    felt = [
        contact
        for contact in recording.contacts
        if {contact.first, contact.second} == set(ids)
        and np.linalg.norm(contact.point_m - meeting.point_m) <= near_m
        and touch.start_s - config.match_s <= contact.time_s <= touch.end_s + config.match_s
    ]
    impulses = [contact.impulse_ns for contact in felt if contact.impulse_ns is not None]
    durations = sum(contact.duration_s for contact in felt)
    return Contact(
        first=ids[order[0]],
        second=ids[order[1]],
        time_s=touch.start_s - float(bodies.time_s[0]),
        point_m=_triple(meeting.point_m),
        normal=_triple(meeting.normal if order == (0, 1) else -meeting.normal),
        relative_speed_mps=float(np.linalg.norm(meeting.relative_mps)),
        duration_s=durations if felt else touch.end_s - touch.start_s,
        impulse_ns=sum(impulses) if impulses else None,
    )


def _crossing_angle_deg(meeting: _Meeting) -> float:
    """Return the angle between both bodies' forward axes seen from above, 0..180 degrees."""
    ahead = [matrix_from_quat(quat)[:2, 0] for _, quat, _ in meeting.poses]
    lengths = max(float(np.linalg.norm(ahead[0]) * np.linalg.norm(ahead[1])), 1e-12)
    return float(np.degrees(np.arccos(np.clip(ahead[0] @ ahead[1] / lengths, -1.0, 1.0))))


def _triple(vector: FloatArray) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])
