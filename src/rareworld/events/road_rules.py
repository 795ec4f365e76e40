"""Rules of the road broken by one vehicle: wrong way, red light, illegal turn.

Definitions in docs/explain/events.md. Proved in tests/events/test_road_rules.py.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from rareworld.core.event import Event, EventKind
from rareworld.core.geometry import FloatArray, wrap_angle
from rareworld.core.road import Lane, RoadMap, Signal, SignalKind
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import SignalState
from rareworld.data.config import Config
from rareworld.events.places import Context, nearest_on_lane
from rareworld.events.spans import end_time, span, stretches


class WrongWayConfig(Config):
    """Driving against the direction of a lane."""

    angle_deg: float = 120.0
    """Least angle between motion and lane (OpenDRIVE lane direction)."""
    min_speed_mps: float = 1.5
    """Slower motion has no clear direction."""
    min_time_s: float = 1.0
    """Long enough to be no corner cut."""
    min_distance_m: float = 8.0
    """About two car lengths."""
    bicycles: bool = False
    """Whether cyclists are judged too."""


class RedLightConfig(Config):
    """Running a red light."""

    right_turn_on_red: bool = False
    """Whether turning right (left in left-hand traffic) on red is allowed."""
    red_yellow_is_red: bool = True
    """Europe's red with amber still forbids to go (Vienna Convention 1968, art. 23)."""
    grace_s: float = 0.0
    """Crossings this soon after the light turned red are forgiven."""
    min_past_m: float = 2.0
    """How far the front must get past the line; less is a bad stop."""
    bicycles: bool = True
    """Whether cyclists are judged too."""


class IllegalTurnConfig(Config):
    """Turns the map does not allow."""

    u_turn_deg: float = 150.0
    """Change of heading outside junctions that makes a U-turn."""
    u_turn_s: float = 10.0
    """The change happens within this time."""
    u_turn_is_illegal: bool = True
    """Whether U-turns outside junctions count."""
    bicycles: bool = False
    """Whether cyclists are judged too."""


def _vehicles(context: Context, *, bicycles: bool) -> Iterator[int]:
    for row, actor in enumerate(context.recording.scene.actors):
        cycles = actor.class_id is ClassId.BICYCLE
        if not context.person(row) and (bicycles or not cycles):
            yield row


def _place(context: Context, row: int, time_s: float) -> tuple[float, float, float]:
    position, _ = context.bodies.pose_at(np.array([row]), np.array([time_s]))
    return float(position[0, 0]), float(position[0, 1]), float(position[0, 2])


def _course_rad(context: Context, row: int) -> FloatArray:
    """Return the direction of motion of an actor at every frame."""
    velocity = context.bodies.velocity_mps[row]
    return np.arctan2(velocity[:, 1], velocity[:, 0])


def detect_wrong_way(context: Context, config: WrongWayConfig) -> Iterator[Event]:
    """Yield stretches in which every lane under a moving vehicle leads the other way."""
    time = context.bodies.time_s
    for row in _vehicles(context, bicycles=config.bicycles):
        against, lane_at = _against(context, row, config)
        for first, last in stretches(against):
            end = end_time(time, last)
            steps = np.diff(context.bodies.position_m[row, first:last, :2], axis=0)
            distance = float(np.linalg.norm(steps, axis=1).sum())
            if end - time[first] < config.min_time_s or distance < config.min_distance_m:
                continue
            start = float(time[first])
            yield Event(
                kind=EventKind.WRONG_WAY,
                actors=(context.bodies.ids[row],),
                **span(time, start, end, start),
                position_m=_place(context, row, start),
                measures={
                    "distance_m": distance,
                    "max_speed_mps": float(context.moving.speed_mps[row, first:last].max()),
                },
                labels={"lane": lane_at[first]},
            )


def _against(
    context: Context, row: int, config: WrongWayConfig
) -> tuple[np.ndarray, dict[int, str]]:
    """Return the frames in which an actor drives against its lane, and the lane by frame."""
    hits = context.of(row)
    course = _course_rad(context, row)[hits.point]
    opposite = np.abs(wrap_angle(course - hits.heading_rad)) >= np.radians(config.angle_deg)
    inner = np.array([hits.lanes[i].junction is not None for i in hits.lane], dtype=np.bool_)
    against = np.zeros(context.frames, dtype=np.bool_)
    against[hits.point[opposite]] = True
    against[hits.point[~opposite | inner]] = False
    against &= context.free[row] & (context.moving.speed_mps[row] >= config.min_speed_mps)
    lane_at = {
        int(point): hits.lanes[lane].id for point, lane in zip(hits.point, hits.lane, strict=True)
    }
    return against, lane_at


def _stop_line(signal: Signal, lane: Lane) -> FloatArray:
    """Return the two ends of the line a lane's traffic must stop at."""
    at = 0 if lane.junction is not None else -1
    if signal.stop_line_m is not None:
        given = signal.stop_line_m
        near = np.linalg.norm(given.mean(axis=0) - lane.centre_m[at]) < 30.0
        if near:
            return _along(given[:, :2].mean(axis=0), lane)
    return np.stack([lane.left_m[at, :2], lane.right_m[at, :2]])


def _along(point: FloatArray, lane: Lane) -> FloatArray:
    """Return the cross section of a lane nearest to a point."""
    station = nearest_on_lane(lane, point[None])[0, 0]
    sides = (lane.left_m, lane.right_m)
    return np.array(
        [[np.interp(station, lane.station_m, side[:, axis]) for axis in (0, 1)] for side in sides]
    )


def _crossing(
    front: FloatArray, line: FloatArray, ahead: FloatArray
) -> Iterator[tuple[int, float]]:
    """Yield (frame, share of the step) where a path crosses a line in a direction."""
    middle, across = line.mean(axis=0), line[1] - line[0]
    half = float(np.linalg.norm(across)) / 2
    sideways = np.array([-ahead[1], ahead[0]])
    along = (front - middle) @ ahead
    aside = (front - middle) @ sideways
    for k in np.flatnonzero((along[:-1] < 0) & (along[1:] >= 0)):
        share = float(-along[k] / (along[k + 1] - along[k]))
        if abs(aside[k] + share * (aside[k + 1] - aside[k])) <= half + 0.3:
            yield int(k), share


def _light_lines(road: RoadMap) -> list[tuple[str, FloatArray, FloatArray, list[int]]]:
    """Return for every controlled lane its id, stop line, direction and signal rows."""
    rows: dict[str, list[int]] = {}
    for number, signal in enumerate(road.signals):
        if signal.kind is SignalKind.TRAFFIC_LIGHT:
            for lane_id in signal.lanes:
                rows.setdefault(lane_id, []).append(number)
    out: list[tuple[str, FloatArray, FloatArray, list[int]]] = []
    for lane_id, signals in rows.items():
        lane = road.lanes[lane_id]
        line = _stop_line(road.signals[signals[0]], lane)
        across = line[1] - line[0]
        ahead = np.array([-across[1], across[0]]) / max(float(np.linalg.norm(across)), 1e-9)
        out.append((lane_id, line, ahead, signals))
    return out


def detect_red_light(context: Context, config: RedLightConfig) -> Iterator[Event]:
    """Yield every crossing of a stop line by a vehicle's front while its light is red."""
    lines = _light_lines(context.recording.scene.road)
    for row in _vehicles(context, bicycles=config.bicycles):
        front = _front(context, row)
        seen: list[float] = []
        for lane_id, line, ahead, signals in lines:
            for frame, share in _crossing(front, line, ahead):
                event = _ran_red(context, row, (frame, share), (lane_id, signals), config)
                if event is not None and all(abs(event.key_s - t) > 2.0 for t in seen):
                    seen.append(event.key_s)
                    yield event


def _front(context: Context, row: int) -> FloatArray:
    """Return the middle of an actor's front bumper at every frame, seen from above."""
    yaw = context.moving.yaw_rad[row]
    half = context.bodies.size_m[row, 0] / 2
    ahead = np.stack([np.cos(yaw), np.sin(yaw)], axis=1)
    return context.bodies.position_m[row, :, :2] + half * ahead


def _ran_red(
    context: Context,
    row: int,
    crossing: tuple[int, float],
    control: tuple[str, list[int]],
    config: RedLightConfig,
) -> Event | None:
    """Return the event of one crossing if all lights of the lane were red and it went on."""
    frame, share = crossing
    lane_id, signals = control
    if not (context.free[row, frame] and context.free[row, frame + 1]):
        return None
    if not _follows(context, row, frame, lane_id):
        return None
    states = context.recording.signal_states[signals, frame]
    forbidden = {SignalState.RED}
    if config.red_yellow_is_red:
        forbidden.add(SignalState.RED_YELLOW)
    if not all(int(state) in forbidden for state in states):
        return None
    time = context.bodies.time_s
    key = float(time[frame] + share * (time[frame + 1] - time[frame]))
    red_for = _red_for_s(context, signals, frame, key, forbidden)
    past = _past_m(context, row, frame + 1)
    if red_for < config.grace_s or past < config.min_past_m:
        return None
    if config.right_turn_on_red and _turns_to_kerb(context, row, frame):
        return None
    signal = context.recording.scene.road.signals[signals[0]]
    return Event(
        kind=EventKind.RED_LIGHT,
        actors=(context.bodies.ids[row],),
        **span(time, key, key + _rear_passes_s(context, row, frame), key),
        position_m=_place(context, row, key),
        measures={
            "red_for_s": red_for,
            "speed_mps": float(context.moving.speed_mps[row, frame]),
        },
        labels={"lane": lane_id, "signal": signal.id},
    )


def _follows(context: Context, row: int, frame: int, lane_id: str) -> bool:
    """Return whether an actor drives in this lane within two seconds of a frame.

    Lanes of several turns start at one line inside a junction; only the one taken counts.
    """
    hits = context.of(row)
    window = round(2.0 * context.recording.fps)
    close = np.abs(hits.point - frame) <= window
    lanes = [hits.lanes[i].id for i in hits.lane[close]]
    lane = context.recording.scene.road.lanes[lane_id]
    if lane.junction is None:
        return lane_id in lanes
    following = hits.point[close] >= frame
    mine = sum(1 for name, after in zip(lanes, following, strict=True) if after and name == lane_id)
    others = [
        sum(1 for name, after in zip(lanes, following, strict=True) if after and name == other)
        for other in {*lanes} - {lane_id}
        if context.recording.scene.road.lanes[other].junction is not None
    ]
    return mine > 0 and mine >= max(others, default=0)


def _red_for_s(
    context: Context, signals: list[int], frame: int, key: float, forbidden: set[SignalState]
) -> float:
    """Return how long all lights had been red, at most since the start of the recording."""
    states = context.recording.signal_states[signals, : frame + 1]
    red = np.isin(states, [int(state) for state in forbidden]).all(axis=0)
    since = int(np.flatnonzero(~red)[-1]) + 1 if not red.all() else 0
    return key - float(context.bodies.time_s[since])


def _past_m(context: Context, row: int, frame: int) -> float:
    """Return how far an actor drives after a frame."""
    steps = np.diff(context.bodies.position_m[row, frame:, :2], axis=0)
    usable = context.bodies.usable[row, frame:]
    return float(np.linalg.norm(steps, axis=1)[usable].sum())


def _rear_passes_s(context: Context, row: int, frame: int) -> float:
    """Return how long the whole length takes to cross, at the speed at the line."""
    speed = max(float(context.moving.speed_mps[row, frame]), 1.0)
    return float(context.bodies.size_m[row, 0]) / speed


def _turns_to_kerb(context: Context, row: int, frame: int) -> bool:
    """Return whether an actor turns to the near side within six seconds."""
    last = min(frame + round(6.0 * context.recording.fps), context.frames - 1)
    yaw = np.unwrap(context.moving.yaw_rad[row, frame : last + 1])
    side = 1.0 if context.recording.scene.road.left_hand_traffic else -1.0
    return bool((yaw - yaw[0]).max() >= 0.9) if side > 0 else bool((yaw - yaw[0]).min() <= -0.9)


def detect_illegal_turn(context: Context, config: IllegalTurnConfig) -> Iterator[Event]:
    """Yield junction crossings without a lane connection, and U-turns on open road."""
    for row in _vehicles(context, bicycles=config.bicycles):
        yield from _unconnected(context, row)
        if config.u_turn_is_illegal:
            yield from _u_turns(context, row, config)


def _lane_sequence(context: Context, row: int) -> list[tuple[int, Lane]]:
    """Return (frame, lane) of the open-road lanes an actor drove along, in order.

    Frames without a lane of its direction, and frames inside junctions, are left out.
    """
    hits = context.of(row)
    course = context.moving.yaw_rad[row][hits.point]
    along = np.abs(wrap_angle(course - hits.heading_rad)) < np.radians(60)
    out: list[tuple[int, Lane]] = []
    free = context.free[row]
    for i in np.flatnonzero(along):
        lane, frame = hits.lanes[hits.lane[i]], int(hits.point[i])
        if lane.junction is None and free[frame]:
            out.append((frame, lane))
    return out


def _unconnected(context: Context, row: int) -> Iterator[Event]:
    road, time = context.recording.scene.road, context.bodies.time_s
    inside = _in_junction(context, row)
    for (f0, before), (f1, after) in pairwise(_lane_sequence(context, row)):
        crossed = inside[f0 : f1 + 1]
        if before.id == after.id or not crossed.any():
            continue
        if after.id in _reachable(road, before) or _same_carriageway(road, before, after):
            continue
        key = float(time[f0 + int(np.argmax(crossed))])
        direct = any(after.id in _reachable(road, lane) for lane in _beside(road, before))
        yield Event(
            kind=EventKind.ILLEGAL_TURN,
            actors=(context.bodies.ids[row],),
            **span(time, float(time[f0]), float(time[f1]), key),
            position_m=_place(context, row, key),
            measures={"turn_deg": _turned_deg(context, row, f0, f1)},
            labels={
                "from_lane": before.id,
                "to_lane": after.id,
                "reason": "from the wrong lane" if direct else "no connection",
            },
        )


def _in_junction(context: Context, row: int) -> np.ndarray:
    hits = context.of(row)
    out = np.zeros(context.frames, dtype=np.bool_)
    inner = [hits.lanes[i].junction is not None for i in hits.lane]
    out[hits.point[np.array(inner, dtype=np.bool_)]] = True
    return out


def _beside(road: RoadMap, lane: Lane) -> list[Lane]:
    """Return a lane and all others beside it with the same direction."""
    out = {lane.id: lane}
    queue = [lane]
    while queue:
        at = queue.pop()
        for name in (at.left_neighbour, at.right_neighbour):
            if name is not None and name not in out:
                out[name] = road.lanes[name]
                queue.append(road.lanes[name])
    return list(out.values())


def _reachable(road: RoadMap, lane: Lane) -> set[str]:
    """Return the open-road lanes that follow a lane through junction lanes, with those beside."""
    out: set[str] = set()
    seen: set[str] = set()
    queue = list(lane.successors)
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        follower = road.lanes[name]
        if follower.junction is None:
            out |= {other.id for other in _beside(road, follower)}
        else:
            beside = _beside(road, follower)
            queue += [n for inner in beside for n in inner.successors]
    return out


def _same_carriageway(road: RoadMap, before: Lane, after: Lane) -> bool:
    """Return whether both lanes run side by side: a lane change, not a turn."""
    return after.id in {lane.id for lane in _beside(road, before)}


def _turned_deg(context: Context, row: int, first: int, last: int) -> float:
    yaw = np.unwrap(context.moving.yaw_rad[row, first : last + 1])
    return float(np.degrees(yaw[-1] - yaw[0]))


def _u_turns(context: Context, row: int, config: IllegalTurnConfig) -> Iterator[Event]:
    """Yield changes of heading by almost half a turn that never enter a junction."""
    time, window = context.bodies.time_s, round(config.u_turn_s * context.recording.fps)
    outside = context.free[row] & ~_in_junction(context, row)
    for first, last in stretches(outside):
        yaw = np.unwrap(context.moving.yaw_rad[row, first:last])
        found = _half_turn(yaw, np.radians(config.u_turn_deg), window)
        if found is None or not _on_road(context, row, first, last):
            continue
        start, end = (float(time[first + i]) for i in found)
        key = (start + end) / 2
        yield Event(
            kind=EventKind.ILLEGAL_TURN,
            actors=(context.bodies.ids[row],),
            **span(time, start, end, key),
            position_m=_place(context, row, key),
            measures={"turn_deg": float(np.degrees(yaw[found[1]] - yaw[found[0]]))},
            labels={"reason": "u-turn"},
        )


def _on_road(context: Context, row: int, first: int, last: int) -> bool:
    """Return whether an actor was in a driving lane both early and late in a frame range."""
    points = np.unique(context.of(row).point)
    points = points[(points >= first) & (points < last)]
    return len(points) > (last - first) / 2


def _half_turn(yaw: FloatArray, least_rad: float, window: int) -> tuple[int, int] | None:
    """Return the tightest index pair between which the heading changes enough, or None."""
    best: tuple[int, int] | None = None
    for start in range(0, len(yaw), 3):
        change = np.abs(yaw[start : start + window] - yaw[start])
        far = np.flatnonzero(change >= least_rad)
        if len(far) and (best is None or far[0] < best[1] - best[0]):
            best = start, start + int(far[0])
    return best
