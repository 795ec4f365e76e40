"""Contact times against a 0.1 ms run of the same paths, on 1,000 random pairs."""

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import quat_from_yaw
from rareworld.events.boxes import box_separation
from rareworld.events.contact_search import find_candidates, find_touches
from rareworld.events.motion import bodies_of
from tests.events.build import Path, arc, record, straight

_KINDS = ("saloon", "city_bus", "motorcycle", "adult", "van")


def _random_path(rng: np.random.Generator, centre: np.ndarray, meet_s: float) -> Path:
    """A body that is near `centre` at `meet_s`."""
    yaw, speed = rng.uniform(-np.pi, np.pi), rng.uniform(1, 25)
    near = centre + rng.normal(0, 1.5, 2)
    kind = _KINDS[rng.integers(len(_KINDS))]
    start = near - speed * meet_s * np.array([np.cos(yaw), np.sin(yaw)])
    if rng.random() < 0.5:
        return straight(tuple(start), yaw, speed, spin_radps=rng.uniform(-1.5, 1.5), blueprint=kind)
    return arc(tuple(start), yaw, speed, rng.uniform(0.05, 0.4), blueprint=kind)


def _brute(paths: tuple[Path, Path], duration: float) -> float:
    """First instant at which the true boxes touch, on a 0.1 ms grid; infinity if never."""
    reach = sum(np.linalg.norm(BLUEPRINTS[p.blueprint].size_m) for p in paths)
    coarse = np.arange(0, duration, 0.01)
    apart = np.linalg.norm(paths[0].position(coarse) - paths[1].position(coarse), axis=1)
    close = coarse[apart < reach + 1.0]
    if not len(close):
        return np.inf
    time = np.arange(max(close[0] - 0.02, 0), min(close[-1] + 0.02, duration), 1e-4)
    boxes = [
        (
            p.position(time),
            quat_from_yaw(np.asarray(p.yaw(time), float) + np.zeros(len(time))),
            np.tile(BLUEPRINTS[p.blueprint].size_m, (len(time), 1)),
        )
        for p in paths
    ]
    touching = np.flatnonzero(box_separation(boxes[0], boxes[1])[0] <= 0)
    return float(time[touching[0]]) if len(touching) else np.inf


def _check_scenes(count: int, seed: int) -> int:
    rng = np.random.default_rng(seed)
    paths: list[Path] = []
    for i in range(count):
        centre, meet = np.array([400.0 * i, 0.0]), rng.uniform(0.4, 1.2)
        paths += [_random_path(rng, centre, meet + rng.uniform(-0.2, 0.2)) for _ in range(2)]
    duration = 1.5
    bodies = bodies_of(record(paths, duration))
    found: dict[tuple[int, int], float] = {}
    for touch in find_touches(bodies, part_s=0.5):
        found.setdefault((touch.first, touch.second), touch.start_s)
    hits, last = 0, float(bodies.time_s[-1])
    for i in range(count):
        truth = _brute((paths[2 * i], paths[2 * i + 1]), last)
        mine = found.get((2 * i, 2 * i + 1), np.inf)
        if np.isfinite(truth) and np.isfinite(mine):
            assert abs(truth - mine) < 5e-4, (i, truth, mine)
            hits += 1
        else:
            grazing = min(truth, mine)
            assert np.isinf(grazing) or _overlap_mm(paths[2 * i : 2 * i + 2], grazing) < 2.0, i
    return hits


def _overlap_mm(paths: list[Path], start: float) -> float:
    time = start + np.arange(-0.02, 0.1, 1e-4)
    boxes = [
        (
            p.position(time),
            quat_from_yaw(np.asarray(p.yaw(time), float) + np.zeros(len(time))),
            np.tile(BLUEPRINTS[p.blueprint].size_m, (len(time), 1)),
        )
        for p in paths
    ]
    return float(-box_separation(boxes[0], boxes[1])[0].min() * 1000)


def test_contact_time_matches_fine_step_run():
    assert _check_scenes(250, 11) > 100


@pytest.mark.slow
def test_contact_time_matches_fine_step_run_on_a_thousand_scenes():
    assert _check_scenes(1000, 12) > 400


def test_fast_bodies_that_meet_and_part_between_frames_are_found():
    """Two narrow bodies cross at a right angle at 60 m/s: they share the place for 17 ms."""
    meet = 1.0 + 0.5 / 30
    paths = [
        straight((-60 * meet, 0), 0, 60, blueprint="adult"),
        straight((0.0, -60 * meet), np.pi / 2, 60, blueprint="adult"),
    ]
    bodies = bodies_of(record(paths, 2.0))
    frames = bodies.time_s
    boxes = [
        (p.position(frames), bodies.quat[i], np.tile(bodies.size_m[i], (len(frames), 1)))
        for i, p in enumerate(paths)
    ]
    assert (box_separation(boxes[0], boxes[1])[0] > 0).all(), "apart in every frame"
    touches = find_touches(bodies, part_s=0.5)
    assert len(touches) == 1
    assert abs(touches[0].start_s - _brute((paths[0], paths[1]), 2.0)) < 2e-4


def test_a_bounce_between_frames_is_found():
    """A cubic through both frames would stay 1 cm clear of the wall it hit."""
    hit = 0.5 + 0.3 / 30
    front = BLUEPRINTS["saloon"].length_m / 2

    def position(t):
        x = np.where(t < hit, 12.0 * (t - hit), -6.0 * (t - hit)) - front
        return np.stack([x, 0 * t, 0 * t], axis=1)

    paths = [Path(position, lambda t: 0 * t), straight((front - 1e-3, 0), 0, 0)]
    touches = find_touches(bodies_of(record(paths, 1.0)), part_s=0.5)
    assert len(touches) == 1
    assert abs(touches[0].start_s - hit) < 2e-4


def test_distant_bodies_are_no_candidates():
    rng = np.random.default_rng(4)
    paths = [straight((100.0 * i, 0), rng.uniform(-3, 3), 10) for i in range(30)]
    assert len(find_candidates(bodies_of(record(paths, 2.0))).first) == 0


def test_touches_within_the_part_time_are_one():
    def back_and_forth(t):
        return np.stack([-4.7 + 0.1 * np.sin(8 * t), 0 * t, 0 * t], axis=1)

    paths = [Path(back_and_forth, lambda t: 0 * t), straight((0, 0), 0, 0)]
    bodies = bodies_of(record(paths, 3.0))
    assert len(find_touches(bodies, part_s=0.8)) == 1
    assert len(find_touches(bodies, part_s=0.1)) == 4
