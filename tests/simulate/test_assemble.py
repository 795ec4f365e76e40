"""From samples to a recording: order, numbers, times and what is left out."""

import numpy as np
import pytest

from rareworld.core.event import Contact
from rareworld.core.road import RoadMap
from rareworld.core.scene import Actor, Scene
from rareworld.core.trajectory import Driver, Recording, SignalState
from rareworld.simulate.assemble import ClipWindow, assemble
from rareworld.simulate.recorder import Recorder
from rareworld.simulate.state import BodyState

SCENE = Scene(name="s", road=RoadMap(name="none", lanes={}))
EMPTY_ROWS = ("position_m", "quat", "velocity_mps", "angular_velocity_radps", "steer_rad",
              "wheel_turn_rad", "lamps", "driver")  # fmt: skip


def line_up(spans: dict[int, tuple[float, float, float]]) -> Recorder:
    """Sample actors that stand at (x, 0) from one time to another."""
    recorder = Recorder()
    for actor, (x, begin, finish) in spans.items():
        for t in np.arange(begin, finish + 1e-9, 0.05).tolist():
            body = BodyState.upright(t, np.array([x, 0.0, 0.0]), 0.0, 0.0)
            recorder.body(actor, body, Driver.PARKED, t)
    return recorder


def clip(**more: float) -> ClipWindow:
    values = {"start_s": 0.0, "duration_s": 1.0, "fps": 20.0, "radius_m": 50.0, **more}
    return ClipWindow(focus_m=(0.0, 0.0), **values)


def record(recorder: Recorder, window: ClipWindow, *contacts: Contact, **more) -> Recording:
    actors = {i: Actor(id=i, blueprint="saloon", role=f"r{i}") for i in recorder.actors()}
    return assemble(recorder, SCENE, actors, window, contacts, {"script": "x"}, **more)


def touch(first: int, second: int, time_s: float) -> Contact:
    return Contact(
        first=first, second=second, time_s=time_s, point_m=(1.0, 2.0, 0.5),
        normal=(1.0, 0.0, 0.0), relative_speed_mps=3.0,
    )  # fmt: skip


def roles(recording: Recording) -> list[str]:
    return [actor.role for actor in recording.scene.actors]


@pytest.mark.parametrize(
    ("spans", "order"),
    [
        ({3: (0, 0.0, 2.0), 1: (5, 0.5, 2.0), 2: (9, 0.2, 2.0)}, ["r3", "r2", "r1"]),
        ({2: (0, 0.0, 2.0), 1: (5, 0.0, 2.0)}, ["r1", "r2"]),
        ({1: (60, 0.0, 2.0), 2: (10, 0.0, 2.0)}, ["r2"]),
        ({1: (0, 3.0, 4.0), 2: (0, 0.0, 0.5)}, ["r2"]),
    ],
)
def test_actors_come_by_first_appearance_then_by_number(spans, order) -> None:
    recording = record(line_up(spans), clip())
    assert roles(recording) == order
    assert [actor.id for actor in recording.scene.actors] == list(range(1, len(order) + 1))


@pytest.mark.parametrize(
    ("fps", "duration", "frames"), [(30, 10, 300), (29.97, 1, 30), (10, 0.25, 2)]
)
def test_frames_are_counted_from_the_length_of_the_clip(fps, duration, frames) -> None:
    time_s = clip(fps=float(fps), duration_s=float(duration)).time_s
    assert len(time_s) == frames
    assert np.diff(time_s) == pytest.approx(np.full(frames - 1, 1 / fps))
    assert time_s[0] == 0.0


def test_rows_of_absent_actors_hold_zeros() -> None:
    recording = record(line_up({1: (4, 0.0, 2.0), 2: (7, 0.4, 0.8)}), clip())
    tracks = recording.tracks
    absent = ~tracks.present[1]
    assert tracks.present[1].sum() == 9
    for name in EMPTY_ROWS:
        assert not getattr(tracks, name)[1, absent].any(), name
    assert np.linalg.norm(tracks.quat[tracks.present], axis=1) == pytest.approx(1.0)


def test_the_clip_is_cut_where_it_starts() -> None:
    recording = record(line_up({1: (0, 0.0, 1.5), 2: (1, 1.2, 3.0)}), clip(start_s=1.0))
    assert recording.tracks.present.tolist() == [
        [k <= 10 for k in range(20)], [k >= 4 for k in range(20)],
    ]  # fmt: skip


@pytest.mark.parametrize(("at", "kept"), [(0.9, False), (1.0, True), (1.99, True), (2.0, False)])
def test_contacts_outside_the_clip_are_left_out(at: float, kept: bool) -> None:
    recorder = line_up({4: (0, 0.0, 3.0), 6: (2, 0.0, 3.0)})
    found = record(recorder, clip(start_s=1.0), touch(4, 6, at)).contacts
    assert bool(found) is kept
    if kept:
        assert (found[0].first, found[0].second) == (1, 2)
        assert found[0].time_s == pytest.approx(at - 1.0)


def test_the_ground_and_props_keep_their_numbers() -> None:
    recorder = line_up({4: (0, 0.0, 3.0)})
    found = record(recorder, clip(), touch(4, 0, 0.5), touch(4, 10_007, 0.6)).contacts
    assert [(c.first, c.second) for c in found] == [(1, 0), (1, 10_007)]


def test_who_is_touched_or_asked_for_stays_however_far_away() -> None:
    recorder = line_up({1: (0, 0.0, 2.0), 2: (90, 0.0, 2.0), 3: (95, 0.0, 2.0), 4: (99, 0.0, 2.0)})
    kept = record(recorder, clip(), touch(1, 2, 0.5), always=frozenset({4}))
    assert roles(kept) == ["r1", "r2", "r4"]


def test_a_clip_without_actors_is_still_a_recording() -> None:
    recording = record(Recorder(), clip())
    assert recording.tracks.position_m.shape == (0, 20, 3)
    assert recording.tracks.lamps.dtype == np.uint32
    assert recording.provenance == {"script": "x"}
    assert recording.signal_states.shape == (0, 20)


def test_signals_without_samples_are_unknown() -> None:
    states = Recorder().signal_states(3, np.zeros(4))
    assert (states == int(SignalState.UNKNOWN)).all()
    assert states.shape == (3, 4)
