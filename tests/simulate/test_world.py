"""The co-simulation: normal traffic end to end, hand-over, touch, determinism, errors."""

import hashlib
import math
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from rareworld.core.event import Contact
from rareworld.core.scene import Actor, Prop, PropKind
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Driver as Code
from rareworld.core.trajectory import Recording, SignalState
from rareworld.errors import ConfigError, ScenarioError
from rareworld.simulate.maps.library import load_place
from rareworld.simulate.script import NormalTraffic
from rareworld.simulate.stage import Stage
from rareworld.simulate.state import BodyState, Command
from rareworld.simulate.sumo.demand import DemandConfig
from rareworld.simulate.world import WindowConfig, World, run_world

SHORT = WindowConfig(duration_s=3.0, fps=30.0, warmup_s=8.0, search_s=12.0)
TINY = WindowConfig(duration_s=1.0, fps=30.0, warmup_s=3.0, search_s=0.5)


def world(window: WindowConfig = SHORT, **more: object) -> World:
    return World(place=load_place("signalised_junction"), window=window, **more)


def digest(recording: Recording) -> str:
    tracks = vars(recording.tracks)
    parts = [tracks[name].tobytes() for name in sorted(tracks)]
    parts += [recording.signal_states.tobytes(), repr(recording.scene.actors).encode()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


@dataclass
class PointPhysics:
    """Bodies that move straight under their command and touch when their centres are near."""

    time_s: float = 0.0
    bodies: dict[int, BodyState] = field(default_factory=dict)
    commands: dict[int, Command] = field(default_factory=dict)
    led: dict[int, BodyState] = field(default_factory=dict)
    free: set[int] = field(default_factory=set)
    touches: list[Contact] = field(default_factory=list)

    def add(self, actor: Actor, state: BodyState, *, kinematic: bool = False) -> None:
        self.bodies[actor.id] = replace(state, time_s=self.time_s)
        if kinematic:
            self.led[actor.id] = state

    def remove(self, actor_id: int) -> None:
        del self.bodies[actor_id]
        self.led.pop(actor_id, None)

    def command(self, actor_id: int, command: Command) -> None:
        self.commands[actor_id] = command

    def follow(self, actor_id: int, state: BodyState) -> bool:
        if actor_id in self.free:
            return False
        self.led[actor_id] = state
        return True

    def is_free(self, actor_id: int) -> bool:
        return actor_id in self.free

    def contacts(self) -> tuple[Contact, ...]:
        return tuple(self.touches)

    def state(self, actor_id: int) -> BodyState:
        return self.bodies[actor_id]

    def step_to(self, time_s: float) -> None:
        dt = time_s - self.time_s
        self.time_s = time_s
        for i, now in self.bodies.items():
            if i in self.led and i not in self.free:
                self.bodies[i] = self._towards(now, self.led[i], dt)
            else:
                self.bodies[i] = self._coast(now, self.commands.get(i, Command()), dt)
        self._touch()

    def _towards(self, now: BodyState, goal: BodyState, dt: float) -> BodyState:
        left = goal.time_s - now.time_s
        share = 1.0 if left <= 1e-9 else min(1.0, dt / left)
        position = now.position_m + share * (goal.position_m - now.position_m)
        return replace(goal, position_m=position, time_s=self.time_s)

    def _coast(self, now: BodyState, command: Command, dt: float) -> BodyState:
        speed = max(0.0, now.speed_mps + command.accel_mps2 * dt)
        heading = np.array([math.cos(now.yaw_rad), math.sin(now.yaw_rad), 0.0])
        moved = now.position_m + heading * (speed + now.speed_mps) / 2 * dt
        return replace(now, position_m=moved, velocity_mps=heading * speed, time_s=self.time_s)

    def _touch(self) -> None:
        for a in sorted(set(self.bodies) - set(self.led)):
            for b in sorted(self.led):
                away = (self.bodies[b].position_m - self.bodies[a].position_m)[:2]
                yaw = self.bodies[a].yaw_rad
                along = abs(away @ [math.cos(yaw), math.sin(yaw)])
                across = abs(away @ [-math.sin(yaw), math.cos(yaw)])
                if b not in self.free and along < 4.6 and across < 1.2:
                    self.free |= {a, b}
                    self.touches.append(
                        Contact(
                            first=a, second=b, time_s=self.time_s, point_m=(0, 0, 0),
                            normal=(1, 0, 0), relative_speed_mps=1.0,
                        )
                    )  # fmt: skip


@dataclass
class Pedal:
    """Drives straight on with one acceleration."""

    accel_mps2: float

    def command(self, time_s: float, own: BodyState, others: object) -> Command:
        return Command(accel_mps2=self.accel_mps2)


@dataclass
class Ram:
    """Takes a fast vehicle with a slow one close ahead and keeps its foot on the pedal."""

    striking: int = 0
    struck: int = 0
    jump: tuple[float, float] = (9.0, 9.0)

    def prepare(self, stage: Stage) -> None:
        pass

    def act(self, stage: Stage) -> None:
        if self.striking or stage.time_s < 0.5:
            return
        for i, rear in stage.sightings.items():
            for j, lead in stage.sightings.items():
                away = np.array([lead.x_m - rear.x_m, lead.y_m - rear.y_m])
                ahead = away @ [math.cos(rear.yaw_rad), math.sin(rear.yaw_rad)]
                fast = math.hypot(rear.vx_mps, rear.vy_mps) > 5
                slow = math.hypot(lead.vx_mps, lead.vy_mps) < 3
                if i != j and rear.lane == lead.lane and fast and slow and 8 < ahead < 25:
                    self._take(stage, i, j)
                    return

    def _take(self, stage: Stage, rear: int, lead: int) -> None:
        self.striking, self.struck = rear, lead
        before = stage.state(rear)
        stage.drive(rear, Pedal(1.0), role="striking")
        after = stage.state(rear)
        self.jump = (
            float(np.abs(after.position_m - before.position_m).max()),
            float(np.abs(after.velocity_mps - before.velocity_mps).max()),
        )
        stage.focus_m = (float(after.position_m[0]), float(after.position_m[1]))
        stage.begin_clip(max(0.0, stage.time_s - 0.5))

    def provenance(self) -> dict[str, object]:
        return {"script": "ram"}


@dataclass
class Never:
    """Waits for ever."""

    def prepare(self, stage: Stage) -> None:
        pass

    def act(self, stage: Stage) -> None:
        pass

    def provenance(self) -> dict[str, object]:
        return {}


@pytest.fixture(scope="module")
def normal() -> Recording:
    return run_world(world(), NormalTraffic(), Seed(3))


def test_normal_traffic_fills_a_recording(normal: Recording) -> None:
    tracks = normal.tracks
    assert tracks.num_frames == 90
    assert tracks.time_s.tolist() == [k / 30 for k in range(90)]
    assert len(normal.scene.actors) > 15
    assert [actor.id for actor in normal.scene.actors] == list(
        range(1, len(normal.scene.actors) + 1)
    )
    assert np.allclose(np.linalg.norm(tracks.quat[tracks.present], axis=1), 1.0)
    assert not tracks.position_m[~tracks.present].any()
    assert {int(SignalState.RED), int(SignalState.GREEN)} <= set(normal.signal_states.flat)
    assert normal.events == ()
    assert normal.provenance["script"] == "normal_traffic"


def test_positions_and_velocities_of_normal_traffic_agree(normal: Recording) -> None:
    """The trapezoid of velocities gives the displacement of each frame within a centimetre."""
    tracks = normal.tracks
    both = tracks.present[:, 1:] & tracks.present[:, :-1]
    moved = np.diff(tracks.position_m, axis=1)[..., :2]
    told = (tracks.velocity_mps[:, 1:, :2] + tracks.velocity_mps[:, :-1, :2]) / 60
    gap = np.linalg.norm(moved - told, axis=-1)[both]
    assert np.quantile(gap, 0.999) < 0.01
    assert gap.max() < 0.05


def test_actors_appear_within_the_radius(normal: Recording) -> None:
    near = run_world(world(TINY.model_copy(update={"radius_m": 25.0})), NormalTraffic(), Seed(3))
    assert 0 < len(near.scene.actors) < len(normal.scene.actors)
    centre = near.scene.road.junctions[0].centre_m
    tracks = near.tracks
    away = np.linalg.norm(tracks.position_m[..., :2] - centre[:2], axis=-1)
    assert np.where(tracks.present, away, np.inf).min(axis=1).max() <= 25.0


def test_same_seed_gives_the_same_bytes_also_in_a_fresh_process() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_world as t\n"
        "print(t.digest(t.run_world(t.world(t.TINY), t.NormalTraffic(), t.Seed(3))))\n"
    )
    fresh = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )  # fmt: skip
    here = digest(run_world(world(TINY), NormalTraffic(), Seed(3)))
    assert here == fresh.stdout.strip()
    assert here != digest(run_world(world(TINY), NormalTraffic(), Seed(4)))


@pytest.fixture(scope="module")
def crash() -> tuple[Ram, Recording]:
    ram = Ram()
    window = SHORT.model_copy(update={"duration_s": 4.0, "search_s": 40.0})
    demand = DemandConfig(vehicles_per_hour_per_lane=600)
    return ram, run_world(world(window, demand=demand), ram, Seed(3), physics=PointPhysics())


def test_hand_over_is_continuous_at_the_moment(crash: tuple[Ram, Recording]) -> None:
    position_m, velocity_mps = crash[0].jump
    assert position_m < 0.01
    assert velocity_mps < 0.05


def test_hand_over_is_continuous_in_the_recording(crash: tuple[Ram, Recording]) -> None:
    """Displacement over the frames around the hand-over against the trapezoid of velocities."""
    tracks = crash[1].tracks
    row = next(k for k, a in enumerate(crash[1].scene.actors) if a.role == "striking")
    at = int(np.flatnonzero(tracks.driver[row] == Code.CONTROLLER)[0])
    assert tracks.driver[row, at - 1] == Code.TRAFFIC
    for k in range(at - 2, at + 3):
        moved = tracks.position_m[row, k] - tracks.position_m[row, k - 1]
        told = (tracks.velocity_mps[row, k] + tracks.velocity_mps[row, k - 1]) / 60
        assert np.linalg.norm(moved - told) < 0.01
        assert np.linalg.norm(tracks.velocity_mps[row, k] - tracks.velocity_mps[row, k - 1]) < 0.25


def test_a_touched_vehicle_leaves_sumo_and_brakes(crash: tuple[Ram, Recording]) -> None:
    recording = crash[1]
    assert len(recording.contacts) >= 1
    contact = recording.contacts[0]
    roles = {actor.id: actor.role for actor in recording.scene.actors}
    assert roles[contact.first] == "striking"
    for actor_id in (contact.first, contact.second):
        row = recording.row(actor_id)
        after = recording.tracks.time_s > contact.time_s + 0.05
        assert set(recording.tracks.driver[row, after].tolist()) == {int(Code.PHYSICS)}
        speed = np.linalg.norm(recording.tracks.velocity_mps[row], axis=1)
        assert speed[-1] < max(0.05, speed[after][0] - 0.5)


def test_driving_without_physics_is_refused() -> None:
    window = SHORT.model_copy(update={"search_s": 40.0})
    demand = DemandConfig(vehicles_per_hour_per_lane=600)
    with pytest.raises(ScenarioError, match="needs physics"):
        run_world(world(window, demand=demand), Ram(), Seed(3))


def test_a_script_that_never_begins_ends_with_a_reason() -> None:
    with pytest.raises(ScenarioError, match=r"no moment to begin within 0\.5 s"):
        run_world(world(TINY), Never(), Seed(1))


def test_props_may_not_use_the_numbers_of_actors() -> None:
    prop = Prop(id=7, kind=PropKind.TREE, position_m=(0, 0, 0), yaw_rad=0.0, size_m=(1, 1, 1))
    with pytest.raises(ConfigError, match="prop ids start at 10000"):
        world(props=(prop,))
