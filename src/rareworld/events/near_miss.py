"""Near misses: two road users that almost met.

Time to collision (Hayward 1972): how long until the boxes touch if both keep speed and turn rate.
Post-encroachment time (Allen, Shin & Cooper 1978): from when the first leaves a place to when the
second enters it, least over all places both swept. Smallest gap: the real distance of the boxes.
Proved in tests/events/test_near_miss.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.event import Event, EventKind
from rareworld.core.geometry import FloatArray, footprint, polygon_gap, wrap_angle, yaw_from_quat
from rareworld.core.taxonomy import PEOPLE
from rareworld.core.trajectory import Recording
from rareworld.data.config import Config
from rareworld.events.boxes import first_touch, rectangle_separation
from rareworld.events.contact_search import find_candidates
from rareworld.events.kinematics import Kinematics, kinematics
from rareworld.events.motion import Bodies, bodies_of
from rareworld.events.spans import span

_ON_FOOT = frozenset(name for name, spec in BLUEPRINTS.items() if spec.class_id in PEOPLE)


class NearMissConfig(Config):
    """What counts as a near miss. Any one of three rules is enough.

    Conflict: time to collision falls to `ttc_s`, and either the gap falls to `ttc_gap_m` or one of
    the two brakes or swerves hard. Crossing: post-encroachment time falls to `pet_s` on paths that
    cross. Close pass: the gap falls to `pass_gap_m` at speed.
    """

    ttc_s: float = 1.5
    """Serious conflict (FHWA Surrogate Safety Assessment Model, FHWA-HRT-08-051: 1.5 s)."""
    ttc_gap_m: float = 1.0
    """Gap that makes a low time to collision a near miss without evasive action."""
    ttc_speed_mps: float = 3.0
    """Times to collision count only while both are this fast relative to each other."""
    evasive_decel_mps2: float = 5.9
    """Braking that counts as evasive (0.6 g, 100-Car Study; everyday braking is below 0.35 g)."""
    evasive_lateral_mps2: float = 5.0
    """Lateral acceleration that counts as evasive."""
    evasive_window_s: float = 1.5
    """Evasive action counts this long before and after the smallest time to collision."""
    pet_s: float = 1.0
    """Critical post-encroachment time (Allen et al. 1978; 1.0 to 1.5 s in later use)."""
    pet_angle_deg: float = 30.0
    """Paths that meet at a smaller angle follow each other rather than cross."""
    pass_gap_m: float = 0.3
    """Gap of a close pass."""
    pass_speed_mps: float = 5.0
    """Least relative speed of a close pass."""
    min_speed_mps: float = 2.0
    """At the closest moment one of both must be faster than this: quicker than a walk."""
    sample_hz: float = 10.0
    """Rate of the first, coarse look at all pairs."""


@final
@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Rows of actor pairs; arrays of one length."""

    first: Int[np.ndarray, "p"]
    second: Int[np.ndarray, "p"]


@final
@dataclass(frozen=True, kw_only=True)
class Crossing:
    """The closest two crossing paths came in time."""

    pet_s: float
    out_s: float
    """When the first left, on the recording's clock."""
    in_s: float
    """When the second entered."""


def detect_near_misses(
    recording: Recording,
    config: NearMissConfig | None = None,
    *,
    collided: frozenset[frozenset[int]] = frozenset(),
) -> tuple[Event, ...]:
    """Return at most one near miss for every pair of actors, the closest; none for `collided`."""
    config = config or NearMissConfig()
    if recording.tracks.num_frames < 2 or len(recording.scene.actors) < 2:
        return ()
    bodies = bodies_of(recording, with_static=False)
    moving = kinematics(bodies)
    pairs = _pairs(recording, bodies, config, collided)
    ttc = _coarse_ttc(bodies, moving, pairs, config)
    pet = _coarse_pet(bodies, moving, pairs, config)
    gap = _coarse_gap(bodies, pairs)
    wanted = (ttc <= config.ttc_s + 2 / config.sample_hz) | (pet <= config.pet_s)
    wanted |= gap <= config.pass_gap_m
    events = [
        _near_miss(bodies, moving, _one(pairs, i), config, crosses=bool(pet[i] <= config.pet_s))
        for i in np.flatnonzero(wanted)
    ]
    return tuple(event for event in events if event is not None)


def _pairs(
    recording: Recording,
    bodies: Bodies,
    config: NearMissConfig,
    collided: frozenset[frozenset[int]],
) -> Pairs:
    """Return the pairs that came near each other, one of them a vehicle at speed."""
    crossing_m = config.pet_s * 0.5 * _top_speed(bodies)
    margin = max(crossing_m, config.pass_gap_m, config.ttc_gap_m)
    near = find_candidates(bodies, margin)
    unique = np.unique(near.first * len(bodies.ids) + near.second)
    first, second = np.divmod(unique, len(bodies.ids))
    person = np.array([a.class_id in PEOPLE for a in recording.scene.actors])
    speed = np.linalg.norm(bodies.velocity_mps, axis=2).max(axis=1)
    keep = ~(person[first] & person[second])
    keep &= np.maximum(speed[first], speed[second]) >= config.min_speed_mps
    apart = [
        frozenset({bodies.ids[a], bodies.ids[b]}) not in collided
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    ]
    keep &= np.array(apart, dtype=np.bool_)
    return Pairs(first=first[keep], second=second[keep])


def _top_speed(bodies: Bodies) -> float:
    return float(np.linalg.norm(bodies.velocity_mps, axis=2).max(initial=0.0))


def _stride(bodies: Bodies, config: NearMissConfig) -> int:
    """Return how many frames lie between two coarse samples."""
    return max(1, int(1 / (config.sample_hz * float(np.median(bodies.step_s)))))


@final
@dataclass(frozen=True, kw_only=True)
class _Course:
    """A body's constant speed and turn rate from some instant on, seen from above."""

    middle_m: Float[np.ndarray, "n 2"]
    yaw: Float[np.ndarray, "n"]
    velocity: Float[np.ndarray, "n 2"]
    turn: Float[np.ndarray, "n"]
    half_m: Float[np.ndarray, "n 2"]

    def after(self, item: np.ndarray, time: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return middles and headings; the velocity turns with the body."""
        angle = self.turn[item] * time
        small = np.abs(angle) < 1e-6
        safe = np.where(small, 1.0, angle)
        along = np.where(small, 1.0, np.sin(safe) / safe) * time
        aside = np.where(small, angle / 2, (1 - np.cos(safe)) / safe) * time
        vx, vy = self.velocity[item].T
        shift = np.stack([along * vx - aside * vy, aside * vx + along * vy], axis=1)
        return self.middle_m[item] + shift, self.yaw[item] + angle


def _course(
    bodies: Bodies, moving: Kinematics, row: Int[np.ndarray, "n"], frame: Int[np.ndarray, "n"]
) -> _Course:
    return _Course(
        middle_m=bodies.position_m[row, frame, :2],
        yaw=moving.yaw_rad[row, frame],
        velocity=bodies.velocity_mps[row, frame, :2],
        turn=moving.turn_radps[row, frame],
        half_m=bodies.size_m[row, :2] / 2,
    )


def time_to_collision(
    bodies: Bodies,
    moving: Kinematics,
    pairs: Pairs,
    frame: Int[np.ndarray, "p"],
    horizon_s: float,
) -> Float[np.ndarray, "p"]:
    """Return the time until each pair's boxes touch, infinity beyond the horizon or apart."""
    a = _course(bodies, moving, pairs.first, frame)
    b = _course(bodies, moving, pairs.second, frame)

    def gap(item: np.ndarray, time: np.ndarray) -> np.ndarray:
        middle_a, yaw_a = a.after(item, time)
        middle_b, yaw_b = b.after(item, time)
        return rectangle_separation(
            middle_b - middle_a, yaw_a, yaw_b, a.half_m[item], b.half_m[item]
        )

    relative = np.linalg.norm(a.velocity - b.velocity, axis=1)
    for course in (a, b):
        speed = np.linalg.norm(course.velocity, axis=1)
        swing = np.minimum(np.abs(course.turn) * horizon_s, 2.0) * speed
        relative += swing + np.abs(course.turn) * np.linalg.norm(course.half_m, axis=1)
    found, _, _ = first_touch(gap, relative, np.full(len(frame), horizon_s), 2e-3)
    return np.where(found > 0, found, np.inf)


def _coarse_ttc(
    bodies: Bodies, moving: Kinematics, pairs: Pairs, config: NearMissConfig
) -> Float[np.ndarray, "p"]:
    """Return the smallest time to collision of each pair on coarse samples."""
    frames = np.arange(0, len(bodies.time_s), _stride(bodies, config))
    which, column = np.nonzero(_both_present(bodies, pairs)[:, frames])
    frame = frames[column]
    some = Pairs(first=pairs.first[which], second=pairs.second[which])
    horizon = config.ttc_s + 2 / config.sample_hz
    ttc = time_to_collision(bodies, moving, some, frame, horizon)
    out = np.full(len(pairs.first), np.inf)
    np.minimum.at(out, which, ttc)
    return out


def _both_present(bodies: Bodies, pairs: Pairs) -> np.ndarray:
    return bodies.present[pairs.first] & bodies.present[pairs.second]


def _coarse_gap(bodies: Bodies, pairs: Pairs) -> Float[np.ndarray, "p"]:
    """Return a lower bound of the smallest gap of each pair, with room for motion in a frame."""
    yaw = yaw_from_quat(bodies.quat)
    both = _both_present(bodies, pairs)
    half = bodies.size_m[:, None, :2] / 2
    gap = rectangle_separation(
        bodies.position_m[pairs.second, :, :2] - bodies.position_m[pairs.first, :, :2],
        yaw[pairs.first],
        yaw[pairs.second],
        half[pairs.first],
        half[pairs.second],
    )
    relative = bodies.velocity_mps[pairs.second, :, :2] - bodies.velocity_mps[pairs.first, :, :2]
    slack = np.linalg.norm(relative, axis=2) * float(bodies.step_s.max()) / 2
    return np.where(both, gap - slack, np.inf).min(axis=1)


def _coarse_pet(
    bodies: Bodies, moving: Kinematics, pairs: Pairs, config: NearMissConfig
) -> Float[np.ndarray, "p"]:
    """Return the smallest lag at which one covers where the other was, on coarse samples."""
    stride = _stride(bodies, config)
    best = np.full(len(pairs.first), np.inf)
    frames = np.arange(0, len(bodies.time_s), stride)
    lags = int(np.ceil(config.pet_s / (stride * float(np.median(bodies.step_s))))) + 1
    for lag in range(-lags, lags + 1):
        early, late = frames[max(0, -lag) :], frames[max(0, lag) :]
        count = min(len(early), len(late))
        overlap = _overlap(bodies, moving, pairs, early[:count], late[:count], config)
        best = np.where(overlap.any(axis=1) & (abs(lag) < best), float(abs(lag)), best)
    return np.where(np.isfinite(best), np.maximum(best - 1.0, 0.0), np.inf) * (
        stride * float(np.median(bodies.step_s))
    )


def _overlap(
    bodies: Bodies,
    moving: Kinematics,
    pairs: Pairs,
    frame_a: Int[np.ndarray, "f"],
    frame_b: Int[np.ndarray, "f"],
    config: NearMissConfig,
) -> np.ndarray:
    """Return where the first at one time covers the place of the second at another time.

    Shape (p, f). Grown by what a body moves in half a coarse step, so that none is missed.
    """
    first, second = pairs.first[:, None], pairs.second[:, None]
    yaw_a, yaw_b = moving.yaw_rad[first, frame_a], moving.yaw_rad[second, frame_b]
    crossing = np.abs(wrap_angle(yaw_b - yaw_a)) >= np.radians(config.pet_angle_deg)
    crossing &= bodies.present[first, frame_a] & bodies.present[second, frame_b]
    offset = bodies.position_m[second, frame_b, :2] - bodies.position_m[first, frame_a, :2]
    step = _stride(bodies, config) * float(np.median(bodies.step_s)) / 2
    slack = step * (moving.speed_mps[first, frame_a] + moving.speed_mps[second, frame_b])
    reach = np.linalg.norm(bodies.size_m[:, :2], axis=1) / 2
    close = np.linalg.norm(offset, axis=2) <= reach[first] + reach[second] + slack
    out = np.zeros(close.shape, dtype=np.bool_)
    pair, column = np.nonzero(close & crossing)
    half = bodies.size_m[:, :2] / 2
    gap = rectangle_separation(
        offset[pair, column],
        yaw_a[pair, column],
        yaw_b[pair, column],
        half[pairs.first[pair]],
        half[pairs.second[pair]],
    )
    out[pair, column] = gap <= slack[pair, column]
    return out


def post_encroachment(bodies: Bodies, a: int, b: int, config: NearMissConfig) -> Crossing | None:
    """Return the closest crossing of two paths in time, refined to 0.1 ms, or None.

    The least |t_b - t_a| for which the box of `a` at t_a covers part of the box of `b` at t_b.
    """
    frames = len(bodies.time_s)
    lags = int(np.ceil(config.pet_s / float(np.median(bodies.step_s)))) + 1
    base = np.arange(frames)
    early = np.repeat(base, 2 * lags + 1)
    late = early + np.tile(np.arange(-lags, lags + 1), frames)
    fits = (late >= 0) & (late < frames)
    late = np.where(fits, late, early)
    apart = np.linalg.norm(bodies.position_m[b, late] - bodies.position_m[a, early], axis=1)
    fits &= apart <= np.linalg.norm(bodies.size_m[[a, b], :2], axis=1).sum() / 2
    times = bodies.time_s[early[fits]], bodies.time_s[late[fits]]
    best: tuple[float, float] | None = _least_lag(bodies, a, b, times, config)
    if best is None:
        return None
    width = float(bodies.step_s.max())
    while width > 5e-5:
        grid = np.linspace(-width, width, 9)
        ta, tb = (np.ravel(part) for part in np.meshgrid(best[0] + grid, best[1] + grid))
        limits = float(bodies.time_s[0]), float(bodies.time_s[-1])
        refined = _least_lag(
            bodies, a, b, (np.clip(ta, *limits), np.clip(tb, *limits)), config, best
        )
        best = refined or best
        width *= 0.6
    return Crossing(pet_s=abs(best[1] - best[0]), out_s=min(best), in_s=max(best))


def _least_lag(
    bodies: Bodies,
    a: int,
    b: int,
    times: tuple[FloatArray, FloatArray],
    config: NearMissConfig,
    known: tuple[float, float] | None = None,
) -> tuple[float, float] | None:
    """Return the pair of times closest to each other at which the boxes cover one place."""
    lag = np.abs(times[1] - times[0])
    better = lag <= (config.pet_s + 0.1 if known is None else abs(known[1] - known[0]))
    ta, tb = times[0][better], times[1][better]
    rows = np.full(len(ta), a), np.full(len(ta), b)
    steps = bodies.locate(ta)[0], bodies.locate(tb)[0]
    usable = bodies.usable[rows[0], steps[0]] & bodies.usable[rows[1], steps[1]]
    (pa, qa), (pb, qb) = bodies.pose_at(rows[0], ta), bodies.pose_at(rows[1], tb)
    ya, yb = yaw_from_quat(qa), yaw_from_quat(qb)
    half = bodies.size_m[:, :2] / 2
    gap = rectangle_separation(pb[:, :2] - pa[:, :2], ya, yb, half[rows[0]], half[rows[1]])
    angle = np.abs(wrap_angle(yb - ya)) >= np.radians(config.pet_angle_deg)
    fits = np.flatnonzero(usable & angle & (gap <= 0))
    if not len(fits):
        return None
    pick = fits[np.argmin(lag[better][fits])]
    return float(ta[pick]), float(tb[pick])


def smallest_gap(bodies: Bodies, a: int, b: int) -> tuple[float, float]:
    """Return the smallest distance of two boxes seen from above, and when (recording's clock)."""
    both = bodies.usable[a] & bodies.usable[b]
    times = bodies.time_s[:-1][both]
    gap = _gap(bodies, a, b, times)
    step = float(bodies.step_s.max())
    centre = float(times[np.argmin(gap)])
    while step > 1e-4:
        near = np.clip(centre + np.linspace(-step, step, 21), times[0], times[-1])
        fine = _gap(bodies, a, b, near)
        centre, step = float(near[np.argmin(fine)]), step / 8
    return float(_gap(bodies, a, b, np.array([centre]))[0]), centre


def _gap(bodies: Bodies, a: int, b: int, times: FloatArray) -> FloatArray:
    corners: list[FloatArray] = []
    for row in (a, b):
        position, quat = bodies.pose_at(np.full(len(times), row), times)
        size = np.broadcast_to(bodies.size_m[row], position.shape)
        corners.append(footprint(position, yaw_from_quat(quat), size))
    return polygon_gap(corners[0], corners[1])


def _one(pairs: Pairs, index: np.intp) -> tuple[int, int]:
    return int(pairs.first[index]), int(pairs.second[index])


@final
@dataclass(frozen=True, kw_only=True)
class _Pass:
    """How two bodies passed each other: what the rules are judged on."""

    ttc_s: float
    """Least time to collision while they are fast relative to each other."""
    conflict_s: tuple[float, ...]
    """When there was a time to collision at all."""
    crossing: Crossing | None
    gap_m: float
    closest_s: float
    speed_mps: float
    """Of the faster one when closest."""
    relative_mps: float
    """When closest."""
    evades: bool
    """Whether one brakes or swerves hard around the least time to collision."""

    def rules(self, config: NearMissConfig) -> list[str]:
        """Return the rules that hold."""
        crossing = self.crossing
        held = {
            "conflict": self.ttc_s <= config.ttc_s
            and (self.gap_m <= config.ttc_gap_m or self.evades),
            "crossing": crossing is not None and crossing.pet_s <= config.pet_s,
            "close pass": self.gap_m <= config.pass_gap_m
            and self.relative_mps >= config.pass_speed_mps,
        }
        fast = self.speed_mps >= config.min_speed_mps or self.evades or held["crossing"]
        return [name for name, holds in held.items() if holds and fast]

    def moments(self, rules: Sequence[str]) -> list[float]:
        """Return the instants that the near miss lies between."""
        out = [self.closest_s]
        if "conflict" in rules:
            out += self.conflict_s
        if "crossing" in rules and self.crossing is not None:
            out += [self.crossing.out_s, self.crossing.in_s]
        return out

    @property
    def measures(self) -> dict[str, float]:
        """Gap and relative speed; time to collision and post-encroachment time where known."""
        out = {"min_gap_m": self.gap_m, "relative_speed_mps": self.relative_mps}
        if np.isfinite(self.ttc_s):
            out["ttc_s"] = self.ttc_s
        if self.crossing is not None:
            out["pet_s"] = self.crossing.pet_s
        return out


def _near_miss(
    bodies: Bodies,
    moving: Kinematics,
    rows: tuple[int, int],
    config: NearMissConfig,
    *,
    crosses: bool,
) -> Event | None:
    """Return the near miss of a pair if one of the three rules holds."""
    a, b = rows
    both = np.flatnonzero(bodies.present[a] & bodies.present[b])
    if len(both) < 2 or not (bodies.usable[a] & bodies.usable[b]).any():
        return None
    met = _pass(bodies, moving, rows, both, config, crosses=crosses)
    rules = met.rules(config)
    if not rules:
        return None
    return _event(bodies, rows, met.moments(rules), met.closest_s, met.measures, rules)


def _pass(
    bodies: Bodies,
    moving: Kinematics,
    rows: tuple[int, int],
    both: Int[np.ndarray, "f"],
    config: NearMissConfig,
    *,
    crosses: bool,
) -> _Pass:
    """Return how a pair passed each other over the frames in which both are there."""
    a, b = rows
    pairs = Pairs(first=np.full(len(both), a), second=np.full(len(both), b))
    ttc = time_to_collision(bodies, moving, pairs, both, config.ttc_s)
    relative = np.linalg.norm(
        bodies.velocity_mps[a, both, :2] - bodies.velocity_mps[b, both, :2], axis=1
    )
    ttc = np.where(relative >= config.ttc_speed_mps, ttc, np.inf)
    low = int(np.argmin(ttc))
    gap, closest = smallest_gap(bodies, a, b)
    frame = int(bodies.locate(np.array([closest]))[0][0])
    apart = bodies.velocity_mps[a, frame, :2] - bodies.velocity_mps[b, frame, :2]
    return _Pass(
        ttc_s=float(ttc[low]),
        conflict_s=tuple(bodies.time_s[both[np.isfinite(ttc)]].tolist()),
        crossing=post_encroachment(bodies, a, b, config) if crosses else None,
        gap_m=gap,
        closest_s=closest,
        speed_mps=max(float(moving.speed_mps[row, frame]) for row in rows),
        relative_mps=float(np.linalg.norm(apart)),
        evades=_evades(bodies, moving, rows, float(bodies.time_s[both[low]]), config),
    )


def _evades(
    bodies: Bodies,
    moving: Kinematics,
    rows: tuple[int, int],
    around_s: float,
    config: NearMissConfig,
) -> bool:
    """Return whether a vehicle of both brakes or swerves hard around a moment.

    People stop within a step; that is no sign of danger.
    """
    window = np.abs(bodies.time_s - around_s) <= config.evasive_window_s
    pair = [row for row in rows if bodies.names[row] not in _ON_FOOT]
    hard = moving.along_mps2[pair] <= -config.evasive_decel_mps2
    hard |= np.abs(moving.across_mps2[pair]) >= config.evasive_lateral_mps2
    return bool((hard & bodies.present[pair] & window).any())


def _event(
    bodies: Bodies,
    rows: tuple[int, int],
    moments: Sequence[float],
    closest: float,
    measures: dict[str, float],
    rules: Sequence[str],
) -> Event:
    """Return the event with its actors in the order of their ids."""
    ordered = sorted(rows, key=lambda row: bodies.ids[row])
    position, _ = bodies.pose_at(np.array(ordered), np.full(2, closest))
    middle = position.mean(axis=0)
    step = float(np.median(bodies.step_s))
    return Event(
        kind=EventKind.NEAR_MISS,
        actors=tuple(bodies.ids[row] for row in ordered),
        **span(bodies.time_s, min(moments), max(moments) + step, closest),
        position_m=(float(middle[0]), float(middle[1]), float(middle[2])),
        measures=measures,
        labels={"rule": ", ".join(rules)},
    )
