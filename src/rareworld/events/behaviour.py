"""What one road user does: jaywalking, stopping in the road, sudden braking, swerving.

Definitions in docs/explain/events.md. Proved in tests/events/test_behaviour.py.
"""

from collections.abc import Iterator

import numpy as np

from rareworld.core.event import Event, EventKind
from rareworld.core.geometry import FloatArray, wrap_angle
from rareworld.core.road import Crosswalk, SignalKind, Turn
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Driver, SignalState
from rareworld.data.config import Config
from rareworld.events.places import Context
from rareworld.events.spans import close_gaps, end_time, span, stretches


class JaywalkingConfig(Config):
    """People on the carriageway where or when they may not."""

    min_depth_m: float = 0.3
    """How far inside a driving lane a person must be."""
    min_time_s: float = 0.5
    """Shorter visits are steps off the kerb."""
    merge_s: float = 1.0
    """Shorter times between two lanes are still on the carriageway."""
    crosswalk_margin_m: float = 1.2
    """People this close to a crosswalk use it."""
    light_distance_m: float = 6.0
    """A pedestrian light this near to a crosswalk controls it."""


class StoppedConfig(Config):
    """Vehicles that stand where others want to drive."""

    still_mps: float = 0.3
    """Slower is standing."""
    lane_time_s: float = 3.0
    """Least time in a driving lane."""
    junction_time_s: float = 5.0
    """Least time inside a junction, where drivers wait for a gap."""
    turn_wait_s: float = 20.0
    """So long a vehicle that turns may wait inside a junction while others move before it."""
    turn_view_m: float = 30.0
    """Movers within this distance ahead are who it waits for."""
    entry_m: float = 12.0
    """Within this distance of a junction a vehicle waits for its turn."""
    leader_m: float = 10.0
    """A vehicle ahead within this gap, itself standing, makes it a queue."""
    crosswalk_m: float = 8.0
    """A person on a crosswalk this near ahead is a reason to wait."""


class BrakingConfig(Config):
    """Sudden braking."""

    decel_mps2: float = 5.9
    """0.6 g, the trigger of the 100-Car Naturalistic Driving Study (Dingus et al. 2006)."""
    min_time_s: float = 0.3
    """The mean over 0.3 s windows must exceed the threshold this long."""
    min_drop_mps: float = 3.0
    """Least loss of speed."""
    reference_brake_mps2: float = 8.0
    """Full braking of a car; heavier vehicles' thresholds scale with theirs."""


class SwervingConfig(Config):
    """Swerving: hard to one side, then hard to the other."""

    lateral_mps2: float = 4.0
    """0.4 g; lane changes stay below 0.25 g (Lee, Olsen & Wierwille 2004, DOT HS 809 702)."""
    return_share: float = 0.6
    """Least size of the second peak, as a share of `lateral_mps2`."""
    window_s: float = 2.0
    """Longest time between both peaks."""
    min_speed_mps: float = 5.0
    """Slower vehicles manoeuvre rather than swerve."""


def _at(context: Context, row: int, frame: int) -> tuple[float, float, float]:
    x, y, z = context.bodies.position_m[row, frame]
    return float(x), float(y), float(z)


def detect_jaywalking(context: Context, config: JaywalkingConfig) -> Iterator[Event]:
    """Yield stretches in which a person is on the carriageway, not on a crosswalk or on red."""
    road, time = context.recording.scene.road, context.bodies.time_s
    lights = [_light_row(context, walk, config) for walk in road.crosswalks]
    for row in range(context.bodies.num_actors):
        if not context.person(row):
            continue
        on_road = _on_carriageway(context, row, config.min_depth_m)
        on_road = close_gaps(on_road, round(config.merge_s * context.recording.fps))
        on_road &= context.free[row]
        walks = _on_crosswalks(context, row, config.crosswalk_margin_m)
        outside = on_road & ~walks.any(axis=0)
        against = np.zeros(context.frames, dtype=np.bool_)
        for walk, light in zip(walks, lights, strict=True):
            if light is not None:
                against |= _entered_on_red(context, walk & on_road, light)
        for holds, reason in ((outside, "outside a crosswalk"), (against, "against red")):
            for first, last in stretches(holds):
                if end_time(time, last) - time[first] < config.min_time_s:
                    continue
                start = float(time[first])
                yield Event(
                    kind=EventKind.JAYWALKING,
                    actors=(context.bodies.ids[row],),
                    **span(time, start, end_time(time, last), start),
                    position_m=_at(context, row, first),
                    measures={"on_road_s": end_time(time, last) - start},
                    labels={"reason": reason},
                )


def _on_carriageway(context: Context, row: int, depth_m: float) -> np.ndarray:
    """Return the frames in which an actor is at least this deep inside the carriageway.

    Depth is against the outer borders: the border between two lanes is no edge.
    """
    hits = context.of(row)
    out = np.zeros(context.frames, dtype=np.bool_)
    points, counts = np.unique(hits.point, return_counts=True)
    out[points[counts > 1]] = True
    out[hits.point[hits.edge_m >= depth_m]] = True
    inner = np.array(
        [
            (hits.lanes[lane].left_neighbour if offset > 0 else hits.lanes[lane].right_neighbour)
            is not None
            for lane, offset in zip(hits.lane, hits.offset_m, strict=True)
        ],
        dtype=np.bool_,
    )
    out[hits.point[inner]] = True
    return out


def _on_crosswalks(context: Context, row: int, margin_m: float) -> np.ndarray:
    """Return, for every crosswalk, the frames in which an actor is on it; shape (c, t)."""
    places = context.bodies.position_m[row, :, :2]
    walks = [
        _near_convex(places, walk.outline_m[:, :2], margin_m)
        for walk in context.recording.scene.road.crosswalks
    ]
    return np.array(walks, dtype=np.bool_).reshape(-1, context.frames)


def _near_convex(points: FloatArray, outline: FloatArray, margin_m: float) -> np.ndarray:
    """Return which points lie at most a margin outside every edge of a convex outline."""
    edge = np.roll(outline, -1, axis=0) - outline
    normal = np.stack([edge[:, 1], -edge[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    inward = np.sum(normal * (outline.mean(axis=0) - outline), axis=1) > 0
    normal[inward] *= -1
    outside = np.sum(normal * (points[:, None] - outline), axis=2)
    return outside.max(axis=1) <= margin_m


def _light_row(context: Context, walk: Crosswalk, config: JaywalkingConfig) -> int | None:
    """Return the row of the pedestrian light at a crosswalk, if there is one."""
    best: tuple[float, int] | None = None
    for number, signal in enumerate(context.recording.scene.road.signals):
        if signal.kind is SignalKind.PEDESTRIAN_LIGHT:
            away = np.linalg.norm(walk.outline_m[:, :2] - signal.position_m[:2], axis=1).min()
            if away <= config.light_distance_m and (best is None or away < best[0]):
                best = float(away), number
    return None if best is None else best[1]


def _entered_on_red(context: Context, on_walk: np.ndarray, light: int) -> np.ndarray:
    """Return the crossings (frames) that began while the light was red."""
    out = np.zeros_like(on_walk)
    states = context.recording.signal_states[light]
    for first, last in stretches(on_walk):
        if first > 0 and states[first] == SignalState.RED:
            out[first:last] = True
    return out


def detect_stopped(context: Context, config: StoppedConfig) -> Iterator[Event]:
    """Yield vehicles that stand in the road without a queue, light or person to wait for."""
    time = context.bodies.time_s
    still = context.bodies.present & (context.moving.speed_mps < config.still_mps)
    for row, actor in enumerate(context.recording.scene.actors):
        if context.person(row) or actor.role == "parked":
            continue
        parked = context.recording.tracks.driver[row] == Driver.PARKED
        hits = context.of(row)
        in_lane = np.zeros(context.frames, dtype=np.bool_)
        in_lane[hits.point] = True
        for first, last in stretches(still[row] & in_lane & ~parked):
            inside = _inside_junction(context, row, first)
            least = config.junction_time_s if inside else config.lane_time_s
            seconds = end_time(time, last) - float(time[first])
            if seconds < least or _waits(context, row, (first, last), still, config):
                continue
            start = float(time[first])
            crashed = not context.free[row, last - 1]
            yield Event(
                kind=EventKind.STOPPED,
                actors=(context.bodies.ids[row],),
                **span(time, start, end_time(time, last), start),
                position_m=_at(context, row, first),
                measures={"stopped_s": seconds},
                labels={
                    "where": "junction" if inside else "lane",
                    "cause": "collision" if crashed else "unknown",
                },
            )


def _inside_junction(context: Context, row: int, frame: int) -> bool:
    hits = context.of(row)
    return any(hits.lanes[i].junction is not None for i in hits.lane[hits.point == frame])


def _waits(
    context: Context,
    row: int,
    frames: tuple[int, int],
    still: np.ndarray,
    config: StoppedConfig,
) -> bool:
    """Return whether something explains the stop for most of its time."""
    first, last = frames
    if not context.free[row, last - 1]:
        return False
    checks = range(first, last, max(1, (last - first) // 8))
    reasons = [
        _light_or_entry(context, row, frame, config)
        or _leader(context, row, frame, still, config)
        or _person_ahead(context, row, frame, config)
        or _gives_way(context, row, frame, (frame - first) / context.recording.fps, config)
        for frame in checks
    ]
    return sum(reasons) > len(reasons) / 2


def _light_or_entry(context: Context, row: int, frame: int, config: StoppedConfig) -> bool:
    """Return whether a junction begins just ahead whose light is not green for this lane."""
    road, hits = context.recording.scene.road, context.of(row)
    for i in np.flatnonzero(hits.point == frame):
        lane = hits.lanes[hits.lane[i]]
        front = hits.station_m[i] + context.bodies.size_m[row, 0] / 2
        leads_in = any(road.lanes[name].junction is not None for name in lane.successors)
        if lane.junction is None and leads_in and lane.length_m - front <= config.entry_m:
            states = [
                int(context.recording.signal_states[number, frame])
                for number, signal in enumerate(road.signals)
                if signal.kind is SignalKind.TRAFFIC_LIGHT
                and (lane.id in signal.lanes or set(lane.successors) & set(signal.lanes))
            ]
            return not states or any(state != SignalState.GREEN for state in states)
    return False


def _ahead(context: Context, row: int, frame: int) -> tuple[FloatArray, FloatArray]:
    """Return forward and left distances of all actors from an actor's front bumper."""
    yaw = context.moving.yaw_rad[row, frame]
    offset = context.bodies.position_m[:, frame, :2] - context.bodies.position_m[row, frame, :2]
    forward = offset @ np.array([np.cos(yaw), np.sin(yaw)])
    left = offset @ np.array([-np.sin(yaw), np.cos(yaw)])
    return forward - context.bodies.size_m[row, 0] / 2, left


def _leader(
    context: Context, row: int, frame: int, still: np.ndarray, config: StoppedConfig
) -> bool:
    """Return whether another vehicle stands right ahead."""
    forward, left = _ahead(context, row, frame)
    reach = config.leader_m + context.bodies.size_m[:, 0] / 2
    near = (forward > 0) & (forward <= reach) & (np.abs(left) <= 2.0) & still[:, frame]
    near[row] = False
    return any(not context.person(int(other)) for other in np.flatnonzero(near))


def _person_ahead(context: Context, row: int, frame: int, config: StoppedConfig) -> bool:
    """Return whether somebody is on the road just ahead."""
    forward, left = _ahead(context, row, frame)
    near = (forward > 0) & (forward <= config.crosswalk_m) & (np.abs(left) <= 5.0)
    near &= context.bodies.present[:, frame]
    return any(context.person(int(other)) for other in np.flatnonzero(near))


def _gives_way(
    context: Context, row: int, frame: int, waited_s: float, config: StoppedConfig
) -> bool:
    """Return whether a vehicle waits inside a junction to turn while somebody moves ahead."""
    hits = context.of(row)
    turns = any(
        hits.lanes[i].turn in {Turn.LEFT, Turn.RIGHT, Turn.U_TURN}
        for i in hits.lane[hits.point == frame]
    )
    if not turns or waited_s > config.turn_wait_s:
        return False
    forward, left = _ahead(context, row, frame)
    near = (forward > 0) & (np.hypot(forward, left) <= config.turn_view_m)
    return bool((near & (context.moving.speed_mps[:, frame] > 1.0)).any())


def _motor_vehicles(context: Context) -> Iterator[int]:
    for row, actor in enumerate(context.recording.scene.actors):
        if not context.person(row) and actor.class_id is not ClassId.BICYCLE:
            yield row


def detect_braking(context: Context, config: BrakingConfig) -> Iterator[Event]:
    """Yield stretches in which a motor vehicle slows harder than traffic does, before any hit."""
    time, moving = context.bodies.time_s, context.moving
    for row in _motor_vehicles(context):
        spec = context.recording.scene.actors[row].spec
        scale = min(1.0, spec.max_brake_mps2 / config.reference_brake_mps2)
        hard = moving.along_mps2[row] <= -config.decel_mps2 * scale
        for first, last in stretches(hard & _settled(context, row)):
            speed = moving.speed_mps[row, first:last]
            lasts = end_time(time, last) - float(time[first]) >= config.min_time_s
            if not lasts or speed.max() - speed[-1] < config.min_drop_mps:
                continue
            key = first + int(np.argmin(moving.along_mps2[row, first:last]))
            yield Event(
                kind=EventKind.SUDDEN_BRAKING,
                actors=(context.bodies.ids[row],),
                **span(time, float(time[first]), end_time(time, last), float(time[key])),
                position_m=_at(context, row, key),
                measures={
                    "decel_mps2": float(-moving.along_mps2[row, key]),
                    "speed_before_mps": float(speed.max()),
                    "speed_after_mps": float(speed[-1]),
                },
            )


def _settled(context: Context, row: int) -> np.ndarray:
    """Return the frames whose smoothing window lies before the actor was hit."""
    free = context.free[row]
    reach = int(np.ceil(0.15 * context.recording.fps)) + 1
    later = np.concatenate([free[reach:], np.full(min(reach, len(free)), fill_value=False)])
    ends = not context.bodies.present[row, -1] or free[-1]
    return free & (later | (ends & (np.arange(len(free)) >= len(free) - reach)))


def detect_swerving(context: Context, config: SwervingConfig) -> Iterator[Event]:
    """Yield hard steering to one side and back, measured against the lane's own curve."""
    time = context.bodies.time_s
    for row in _motor_vehicles(context):
        across = _across_lane(context, row)
        usable = _settled(context, row)
        usable &= context.moving.speed_mps[row] >= config.min_speed_mps
        across = np.where(usable, across, 0.0)
        found = _opposite_peaks(across, time, config)
        if found is None:
            continue
        first, second = found
        start, end = float(time[first]), end_time(time, second + 1)
        yield Event(
            kind=EventKind.SWERVING,
            actors=(context.bodies.ids[row],),
            **span(time, start, end, start),
            position_m=_at(context, row, first),
            measures={
                "first_lateral_mps2": float(across[first]),
                "second_lateral_mps2": float(across[second]),
                "speed_mps": float(context.moving.speed_mps[row, first]),
            },
            labels={"side": "left" if across[first] > 0 else "right"},
        )


def _across_lane(context: Context, row: int) -> FloatArray:
    """Return lateral acceleration beyond what following the lane asks for.

    Where lanes overlap the lane's heading may jump, so never more than the actor's own.
    """
    hits, moving = context.of(row), context.moving
    reach = max(1, round(0.15 * context.recording.fps))
    heading = np.full(context.frames, np.nan)
    error = np.abs(wrap_angle(moving.yaw_rad[row][hits.point] - hits.heading_rad))
    order = np.argsort(-error, kind="stable")
    aligned = order[error[order] < np.radians(60)]
    heading[hits.point[aligned]] = hits.heading_rad[aligned]
    frame = np.arange(context.frames)
    before, after = np.maximum(frame - reach, 0), np.minimum(frame + reach, context.frames - 1)
    gap = np.maximum(context.bodies.time_s[after] - context.bodies.time_s[before], 1e-9)
    bend = wrap_angle(heading[after] - heading[before]) / gap
    bend = np.where(np.isfinite(bend), bend, 0.0)
    beyond = (moving.turn_radps[row] - bend) * moving.speed_mps[row]
    own = moving.across_mps2[row]
    agree = np.sign(beyond) == np.sign(own)
    return np.where(agree, np.sign(own) * np.minimum(np.abs(beyond), np.abs(own)), 0.0)


def _opposite_peaks(
    across: FloatArray, time: FloatArray, config: SwervingConfig
) -> tuple[int, int] | None:
    """Return the frames of the first hard peak and of the strongest opposite one after it."""
    for first, last in stretches(np.abs(across) >= config.lateral_mps2):
        peak = first + int(np.argmax(np.abs(across[first:last])))
        later = np.flatnonzero((time > time[peak]) & (time <= time[peak] + config.window_s))
        if len(later):
            back = -across[later] * np.sign(across[peak])
            if back.max() >= config.return_share * config.lateral_mps2:
                return peak, int(later[np.argmax(back)])
    return None
