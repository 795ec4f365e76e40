"""The poser against a plain twin that hangs one joint on the next (`world_samples`)."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.model import StateBit
from rareworld.annotate.world.poser import ASPECTS, ScenePoser
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import quat_from_yaw
from rareworld.core.scene import Actor, Scene
from rareworld.core.taxonomy import PEOPLE
from rareworld.core.trajectory import Lamp, Recording, SignalState, Tracks
from tests.annotate.world.world_samples import figure_of, posed_parts
from tests.annotate.world.world_scenes import crossing

NAMES = sorted(BLUEPRINTS)
ON_WHEELS = [name for name in NAMES if BLUEPRINTS[name].class_id not in PEOPLE]
NO_HEADS = np.zeros((0, 3, 4)), np.zeros(0, int)
FRAMES = 9
ROAD = crossing()
HEAD = np.array([[[0.0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7]]])


def driven(names: list[str], **changed: np.ndarray) -> Recording:
    """Return a recording in which everything about every actor changes unevenly."""
    rng = np.random.default_rng(len(names))
    n, time_s = len(names), np.arange(FRAMES) / 10
    quat = quat_from_yaw(np.cumsum(rng.uniform(-0.6, 0.6, (n, FRAMES)), axis=1))
    quat += 0.05 * rng.standard_normal(quat.shape)
    quat /= np.linalg.norm(quat, axis=-1, keepdims=True)
    zero = np.zeros((n, FRAMES, 3))
    values: dict[str, np.ndarray] = {
        "time_s": time_s, "present": np.ones((n, FRAMES), bool),
        "position_m": rng.uniform(-30, 30, (n, FRAMES, 3)), "quat": quat,
        "velocity_mps": zero, "angular_velocity_radps": zero,
        "steer_rad": rng.uniform(-0.6, 0.6, (n, FRAMES)),
        "wheel_turn_rad": np.cumsum(rng.uniform(0, 0.5, (n, FRAMES)), axis=1),
        "lamps": rng.integers(0, 2048, (n, FRAMES)).astype(np.uint32),
        "driver": np.zeros((n, FRAMES), np.uint8),
    }  # fmt: skip
    actors = tuple(Actor(id=k + 1, blueprint=name, style=k) for k, name in enumerate(names))
    states = np.arange(FRAMES, dtype=np.uint8)[None] % len(SignalState) + np.zeros((2, 1), np.uint8)
    return Recording(
        scene=Scene(name="x", road=ROAD, actors=actors), tracks=Tracks(**{**values, **changed}),
        fps=10.0, signal_states=states,
    )  # fmt: skip


def poser_of(rec: Recording, heads=NO_HEADS) -> ScenePoser:
    made = [figure_of(actor.blueprint, actor.style) for actor in rec.scene.actors]
    return ScenePoser(rec, made, *heads)


@pytest.fixture(scope="module")
def all_kinds():
    rec = driven(NAMES)
    return rec, poser_of(rec)


def rows_by_actor(rec: Recording) -> list[range]:
    rows, first = [], 0
    for actor in rec.scene.actors:
        count = len(figure_of(actor.blueprint, actor.style).parts)
        rows.append(range(first, first + count))
        first += count
    return rows


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.85])
@pytest.mark.parametrize("low", [0, 3, FRAMES - 2])
@pytest.mark.parametrize("name", ON_WHEELS)
def test_every_part_is_where_the_plain_twin_has_it(all_kinds, name, low, share):
    rec, poser = all_kinds
    row = NAMES.index(name)
    made = figure_of(name, rec.scene.actors[row].style)
    found = poser.at((low + share) / 10).transforms[list(rows_by_actor(rec)[row])]
    for pose, (turn, origin) in zip(
        found, posed_parts(rec.tracks, row, made, low, share), strict=True
    ):
        assert np.allclose(pose[:, :3], turn, atol=2e-5)
        assert np.allclose(pose[:, 3], origin, atol=2e-5)


@pytest.mark.parametrize("frame", range(FRAMES))
def test_at_frame_times_vehicles_are_exactly_where_they_were_recorded(all_kinds, frame):
    rec, poser = all_kinds
    state = poser.at(float(rec.tracks.time_s[frame]))
    for row, rows in enumerate(rows_by_actor(rec)):
        if rec.scene.actors[row].class_id not in PEOPLE:
            wanted = rec.tracks.position_m[row, frame].astype(np.float32)
            assert np.allclose(state.transforms[rows[0]][:, 3], wanted, atol=1e-6)


@pytest.mark.parametrize(("before_s", "same_s"), [(-5.0, 0.0), (-0.001, 0.0), (99.0, 0.8)])
def test_before_and_after_the_clip_the_ends_are_held(all_kinds, before_s, same_s):
    _, poser = all_kinds
    one, two = poser.at(before_s), poser.at(same_s)
    assert one.transforms.tobytes() == two.transforms.tobytes()
    assert one.state.tobytes() == two.state.tobytes()


@pytest.mark.parametrize("frame", range(FRAMES))
def test_lamps_are_those_of_the_frame_on_every_part(all_kinds, frame):
    rec, poser = all_kinds
    for time_s in (frame / 10, frame / 10 + 0.04):
        state = poser.at(time_s).state & ~np.uint32(StateBit.DAYTIME)
        for row, rows in enumerate(rows_by_actor(rec)):
            shown = min(frame, FRAMES - 1)
            assert set(state[list(rows)].tolist()) == {int(rec.tracks.lamps[row, shown])}


@pytest.mark.parametrize("state", list(SignalState))
def test_every_signal_state_lights_its_own_lenses(state):
    wanted = {
        SignalState.RED: StateBit.RED, SignalState.YELLOW: StateBit.YELLOW,
        SignalState.GREEN: StateBit.GREEN, SignalState.RED_YELLOW: StateBit.RED | StateBit.YELLOW,
    }  # fmt: skip
    assert ASPECTS[state] == int(wanted.get(state, 0))
    rec = driven(["saloon"])
    poser = poser_of(rec, (HEAD, np.array([1])))
    made = poser.at(float(int(state)) / 10)
    assert made.state[-1] == int(wanted.get(state, 0))
    assert made.visible[-1] == 1
    assert np.allclose(made.transforms[-1], HEAD[0])


def test_bits_of_lamps_and_lenses_never_meet():
    lamps = sum(int(bit) for bit in Lamp)
    lenses = sum(int(bit) for bit in StateBit)
    assert lamps & lenses == 0
    assert len({int(bit) for bit in StateBit}) == 4


def gaps(shown: list[int]) -> Recording:
    """Return a saloon that is there in some frames, and a van that always is."""
    rec = driven(["saloon", "van"])
    present = rec.tracks.present.copy()
    present[0] = np.isin(np.arange(FRAMES), shown)
    away = ~present[0]
    quat, position = rec.tracks.quat.copy(), rec.tracks.position_m.copy()
    quat[0, away], position[0, away] = 0.0, 0.0
    tracks = replace(rec.tracks, present=present, quat=quat, position_m=position)
    return replace(rec, tracks=tracks)


@pytest.mark.parametrize("shown", [[], [0], [3, 4, 5], [0, 1, 7, 8], [8]])
def test_absent_actors_are_hidden_and_never_drawn_halfway_to_nowhere(shown):
    rec = gaps(shown)
    poser, rows = poser_of(rec), rows_by_actor(rec)
    for tick in range(4 * FRAMES - 3):
        time_s, low = tick / 40, tick // 4
        state = poser.at(time_s)
        assert set(state.visible[list(rows[0])].tolist()) == {int(low in shown)}
        assert set(state.visible[list(rows[1])].tolist()) == {1}
        assert np.isfinite(state.transforms).all()
        if low in shown:
            place = state.transforms[rows[0][0]][:, 3]
            ends = rec.tracks.position_m[0, [low, min(low + 1, FRAMES - 1)]]
            if low + 1 not in shown:
                ends = ends[:1]
            assert (place >= ends.min(axis=0) - 1e-4).all()
            assert (place <= ends.max(axis=0) + 1e-4).all()


def test_positions_move_evenly_between_frames(all_kinds):
    rec, poser = all_kinds
    row = rows_by_actor(rec)[NAMES.index("van")][0]
    places = np.array([poser.at(0.3 + k / 100).transforms[row][:, 3] for k in range(11)])
    steps = np.diff(places, axis=0)
    assert np.allclose(steps, steps.mean(axis=0), atol=1e-4)


def test_rotations_take_the_shorter_way_round():
    rec = driven(["van"])
    quat = quat_from_yaw(np.linspace(3.0, 3.4, FRAMES))[None]
    quat[0, 1::2] *= -1
    poser = poser_of(replace(rec, tracks=replace(rec.tracks, quat=quat)))
    for tick in range(41):
        yaw = 3.0 + 0.4 * min(tick / 40 * 0.5 / 0.8, 1.0)
        forward = poser.at(tick / 80).transforms[0][:, 0]
        assert np.allclose(forward[:2], [np.cos(yaw), np.sin(yaw)], atol=1e-5)


def lean_of(poser: ScenePoser, part: int, time_s: float) -> float:
    """Return how far a part is turned about y."""
    pose = poser.at(time_s).transforms[part]
    return float(np.arctan2(pose[0, 2], pose[2, 2]))


@pytest.mark.parametrize("name", [name for name in NAMES if BLUEPRINTS[name].wheelbase_m > 0])
def test_wheels_roll_without_slip_over_the_ground(name):
    """A point of the tread passes the lowest place once per turn: spin is one to one."""
    rec = driven([name])
    turn = np.linspace(0, 4 * np.pi, FRAMES)[None]
    quat = np.zeros((1, FRAMES, 4))
    quat[..., 0] = 1
    still = replace(
        rec.tracks, wheel_turn_rad=turn, quat=quat, steer_rad=np.zeros((1, FRAMES)),
        position_m=np.zeros((1, FRAMES, 3)),
    )  # fmt: skip
    poser = poser_of(replace(rec, tracks=still))
    spinning = [k for k, part in enumerate(figure_of(name, 0).parts) if part.joint.spin == 1.0]
    usual = 4 if BLUEPRINTS[name].track_m > 0 else 2
    assert len(spinning) == (10 if name == "articulated_truck" else usual)
    for part in spinning:
        for time_s, wanted in ((0.05, np.pi / 4), (0.2, np.pi), (0.8, 4 * np.pi)):
            found = lean_of(poser, part, time_s)
            assert np.cos(found - wanted) == pytest.approx(1.0, abs=1e-5)


def test_one_frame_is_enough():
    rec = driven(["saloon", "adult"])
    cut = {
        name: np.asarray(getattr(rec.tracks, name))[..., :1]
        for name in ("time_s", "present", "steer_rad", "wheel_turn_rad", "lamps", "driver")
    }
    for name in ("position_m", "quat", "velocity_mps", "angular_velocity_radps"):
        cut[name] = getattr(rec.tracks, name)[:, :1]
    single = replace(rec, tracks=Tracks(**cut), signal_states=rec.signal_states[:, :1])
    poser = poser_of(single)
    assert poser.at(-1.0).transforms.tobytes() == poser.at(3.0).transforms.tobytes()
    assert poser.at(0.0).visible.all()


def test_a_recording_without_actors_has_only_heads():
    rec = driven([])
    poser = poser_of(rec, (HEAD, np.array([0])))
    state = poser.at(0.25)
    assert state.transforms.shape == (1, 3, 4)
    assert state.state[0] == int(StateBit.GREEN)


def test_asking_twice_or_out_of_order_changes_nothing(all_kinds):
    _, poser = all_kinds
    first = [poser.at(time_s).transforms.tobytes() for time_s in (0.1, 0.55, 0.31)]
    again = [poser.at(time_s).transforms.tobytes() for time_s in (0.31, 0.1, 0.55)]
    assert sorted(first) == sorted(again)
