"""What scripts can do on the stage: appear, park, drive, give back, roles, clip; and what not."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from rareworld.core.road import Junction, Lane, LaneKind, RoadMap
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Driver as Code
from rareworld.core.trajectory import Recording
from rareworld.errors import ScenarioError
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.obstacles import Obstacles
from rareworld.simulate.crash.world import PhysicsWorld
from rareworld.simulate.maps.library import Place, load_place
from rareworld.simulate.stage import Cast, Stage
from rareworld.simulate.state import BodyState, Command
from rareworld.simulate.sumo.actors import LanePlace
from rareworld.simulate.sumo.demand import DemandConfig
from rareworld.simulate.sumo.network import wander
from rareworld.simulate.sumo.session import Traffic
from rareworld.simulate.world import ParkingConfig, WindowConfig, World, run_world

EMPTY = DemandConfig(vehicles_per_hour_per_lane=0, pedestrians_per_hour=0)


@dataclass
class Pedal:
    """One acceleration, straight on; notes whom it sees."""

    accel_mps2: float = 0.0
    seen: set[int] = field(default_factory=set)

    def command(self, time_s: float, own: BodyState, others: dict[int, BodyState]) -> Command:
        self.seen |= set(others)
        return Command(accel_mps2=self.accel_mps2)


@dataclass
class Plan:
    """A script made of functions to call at given times, in order."""

    steps: list[tuple[float, Callable[[Stage], None]]]

    def prepare(self, stage: Stage) -> None:
        stage.begin_clip(0.0)

    def act(self, stage: Stage) -> None:
        while self.steps and stage.time_s >= self.steps[0][0] - 1e-6:
            self.steps.pop(0)[1](stage)

    def provenance(self) -> dict[str, object]:
        return {"script": "plan"}


@pytest.fixture(scope="module")
def place() -> Place:
    return load_place("signalised_junction")


def play(place: Place, plan: Plan, duration_s: float = 3.0, physics: bool = True) -> Recording:
    world = World(
        place=place, demand=EMPTY, parking=ParkingConfig(occupancy=0.0),
        window=WindowConfig(duration_s=duration_s, warmup_s=1.0, radius_m=400.0),
    )  # fmt: skip
    engine = PhysicsWorld(Ground(), Obstacles(), PhysicsConfig()) if physics else None
    return run_world(world, plan, Seed(1), physics=engine)


@pytest.fixture
def stage(place: Place) -> Iterator[Stage]:
    """Return a stage without physics on an empty junction."""
    with Traffic(place.net_path, place.road, EMPTY, Seed(1), warmup_s=0.0) as traffic:
        yield Stage(place.road, traffic, None, Seed(2), Cast())


def on_lane(stage: Stage, station: float, speed: float) -> BodyState:
    """Return a state on the first driving lane that leads to the junction."""
    lane = next(
        lane for name, lane in sorted(stage.road.lanes.items())
        if lane.kind is LaneKind.DRIVING and lane.junction is None and lane.length_m > 60
    )  # fmt: skip
    at = [np.interp(station, lane.station_m, lane.centre_m[:, k]) for k in range(3)]
    way = lane.centre_m[1] - lane.centre_m[0]
    return BodyState.upright(0.0, np.array(at), math.atan2(way[1], way[0]), speed)


def row_of(recording: Recording, role: str) -> int:
    return next(k for k, actor in enumerate(recording.scene.actors) if actor.role == role)


def test_an_actor_that_appears_drives_by_its_pedal(place: Place) -> None:
    def enter(stage: Stage) -> None:
        stage.appear("saloon", on_lane(stage, 10.0, 8.0), Pedal(), role="striking")

    recording = play(place, Plan([(0.5, enter)]))
    row = row_of(recording, "striking")
    present = recording.tracks.present[row]
    assert np.flatnonzero(present)[0] == 15
    assert set(recording.tracks.driver[row, present].tolist()) == {int(Code.CONTROLLER)}
    assert np.linalg.norm(recording.tracks.velocity_mps[row, 20]) == pytest.approx(8.0, abs=0.3)


def test_a_parked_vehicle_stays_until_it_is_hit_and_is_moved_by_physics_then(place: Place) -> None:
    def enter(stage: Stage) -> None:
        stage.park("estate", on_lane(stage, 32.0, 0.0))
        stage.appear("suv", on_lane(stage, 10.0, 12.0), Pedal(), role="striking")

    recording = play(place, Plan([(0.0, enter)]), duration_s=4.0)
    row = row_of(recording, "parked")
    codes = recording.tracks.driver[row]
    moved = np.linalg.norm(
        recording.tracks.position_m[row] - recording.tracks.position_m[row, 0], axis=1
    )
    contact = recording.contacts[0]
    frame = math.ceil(contact.time_s * recording.fps)
    assert {contact.first, contact.second} == {1, 2}
    assert set(codes[: frame - 2].tolist()) == {int(Code.PARKED)}
    assert set(codes[frame + 2 :].tolist()) == {int(Code.PHYSICS)}
    assert moved[: frame - 2].max() < 1e-9
    assert moved[-1] > 1.0


def test_momentum_passes_from_the_striking_to_the_parked_vehicle(place: Place) -> None:
    """Before the tyres act: the sum of momenta along the lane changes by friction only."""

    def enter(stage: Stage) -> None:
        stage.park("estate", on_lane(stage, 32.0, 0.0))
        stage.appear("suv", on_lane(stage, 10.0, 12.0), Pedal(), role="striking")

    recording = play(place, Plan([(0.0, enter)]), duration_s=3.0)
    a, b = row_of(recording, "striking"), row_of(recording, "parked")
    frame = math.floor(recording.contacts[0].time_s * recording.fps)
    mass = [actor.spec.mass_kg for actor in recording.scene.actors]
    speed = np.linalg.norm(recording.tracks.velocity_mps, axis=-1)
    before = mass[a] * speed[a, frame]
    after = mass[a] * speed[a, frame + 5] + mass[b] * speed[b, frame + 5]
    lost = 6 / recording.fps * 9.0 * (mass[a] + mass[b])
    assert before - lost <= after <= before * 1.01


def test_drivers_see_parked_and_driven_bodies_but_not_themselves(place: Place) -> None:
    first, second = Pedal(), Pedal()

    def enter(stage: Stage) -> None:
        parked = stage.park("hatchback", on_lane(stage, 55.0, 0.0))
        one = stage.appear("suv", on_lane(stage, 10.0, 3.0), first, role="one")
        two = stage.appear("saloon", on_lane(stage, 30.0, 3.0), second, role="two")
        assert (parked, one, two) == (1, 2, 3)
        assert stage.driven == (2, 3)
        assert list(stage.parked) == [1]

    play(place, Plan([(0.0, enter)]), duration_s=0.3)
    assert first.seen == {1, 3}
    assert second.seen == {1, 2}


def test_a_driven_vehicle_given_back_goes_on_with_sumo(place: Place) -> None:
    def enter(stage: Stage) -> None:
        stage.appear("saloon", on_lane(stage, 8.0, 8.0), Pedal(), role="guest")

    def leave(stage: Stage) -> None:
        stage.give_back(stage.driven[0])

    recording = play(place, Plan([(0.0, enter), (1.0, leave)]), duration_s=3.0)
    row = row_of(recording, "guest")
    codes = recording.tracks.driver[row]
    present = recording.tracks.present[row]
    assert codes[present][:25].tolist() == [int(Code.CONTROLLER)] * 25
    assert codes[present][-30:].tolist() == [int(Code.TRAFFIC)] * 30
    moved = np.linalg.norm(np.diff(recording.tracks.position_m[row, present], axis=0), axis=1)
    assert moved.max() < 0.6
    assert moved[-1] > 0.05


def test_a_new_driver_replaces_the_old_one(place: Place) -> None:
    def enter(stage: Stage) -> None:
        stage.appear("saloon", on_lane(stage, 8.0, 8.0), Pedal(), role="calm")

    def brake(stage: Stage) -> None:
        stage.drive(stage.driven[0], Pedal(-6.0), role="braking")

    recording = play(place, Plan([(0.0, enter), (1.0, brake)]))
    speed = np.linalg.norm(recording.tracks.velocity_mps[row_of(recording, "braking")], axis=1)
    assert speed[29] == pytest.approx(8.0, abs=0.4)
    assert speed[-1] < 0.2


def test_a_vehicle_put_into_traffic_can_be_followed_by_role(place: Place) -> None:
    def enter(stage: Stage) -> None:
        edge = max(
            stage.traffic.network.entries("passenger"),
            key=lambda name: stage.traffic.network.edges[name].length_m,
        )
        lanes = stage.traffic.network.edges[edge].lanes
        lane = next(k for k, item in enumerate(lanes) if "passenger" in item.allowed)
        route = wander(stage.traffic.network, "passenger", edge, 1e5, Seed(1).generator())
        spot = LanePlace(edge=edge, lane=lane, station_m=30.0)
        stage.insert("taxi", route, spot, 7.0, role="victim")

    recording = play(place, Plan([(0.0, enter)]), physics=False)
    row = row_of(recording, "victim")
    assert recording.scene.actors[row].blueprint == "taxi"
    assert set(recording.tracks.driver[row].tolist()) == {int(Code.TRAFFIC)}
    assert recording.tracks.present[row].sum() > 80


def test_what_needs_physics_says_so(stage: Stage) -> None:
    with pytest.raises(ScenarioError, match=r"stage\.appear needs physics"):
        stage.appear("saloon", on_lane(stage, 10.0, 1.0), Pedal(), role="x")
    with pytest.raises(ScenarioError, match=r"stage\.drive needs physics"):
        stage.drive(1, Pedal())


def test_actors_that_are_not_there_are_errors(stage: Stage) -> None:
    with pytest.raises(ScenarioError, match="no actor 5 on the stage"):
        stage.actor(5)
    with pytest.raises(ScenarioError, match="actor 5 is not on the map"):
        stage.state(5)
    with pytest.raises(ScenarioError, match="actor 5 is not a driven"):
        stage.give_back(5)


def test_the_clip_cannot_begin_before_the_recording(stage: Stage) -> None:
    with pytest.raises(ScenarioError, match=r"cannot begin at -1\.00 s"):
        stage.begin_clip(-1.0)
    stage.begin_clip(2.0)
    assert stage.clip_start_s == 2.0


def test_parked_actors_keep_their_place_looks_and_role(stage: Stage) -> None:
    state = on_lane(stage, 20.0, 0.0)
    actor_id = stage.park("pickup", state)
    assert stage.state(actor_id) is state
    assert stage.actor(actor_id) == stage.actor(actor_id)
    assert stage.actor(actor_id).role == "parked"
    stage.set_role(actor_id, "obstacle")
    assert stage.actor(actor_id).role == "obstacle"
    assert stage.contacts() == ()


def test_dismissed_actors_leave_no_trace(stage: Stage) -> None:
    """Parked ones at once; traffic leaves SUMO too and is seen no more."""
    parked = stage.park("pickup", on_lane(stage, 20.0, 0.0))
    stage.dismiss(parked)
    assert list(stage.parked) == []
    with pytest.raises(ScenarioError, match="is not in traffic"):
        stage.dismiss(parked)

    edge = max(
        stage.traffic.network.entries("passenger"),
        key=lambda name: stage.traffic.network.edges[name].length_m,
    )
    route = wander(stage.traffic.network, "passenger", edge, 1e5, Seed(1).generator())
    lanes = stage.traffic.network.edges[edge].lanes
    lane = next(k for k, item in enumerate(lanes) if "passenger" in item.allowed)
    car = stage.insert("saloon", route, LanePlace(edge=edge, lane=lane, station_m=30.0), 7.0)
    with pytest.raises(ScenarioError, match="is not in traffic"):
        stage.dismiss(car)
    stage.traffic.step()
    stage._cast.seen = {seen.id: seen for seen in stage.traffic.states()}
    assert list(stage.sightings) == [car]
    stage.dismiss(car)
    assert not stage.sightings
    assert stage.traffic.states() == []
    stage.traffic.step()
    assert stage.traffic.states() == []


def test_a_vehicle_that_found_no_room_can_be_withdrawn(stage: Stage) -> None:
    edge = stage.traffic.network.entries("passenger")[0]
    route = wander(stage.traffic.network, "passenger", edge, 1e5, Seed(1).generator())
    lanes = stage.traffic.network.edges[edge].lanes
    lane = next(k for k, item in enumerate(lanes) if "passenger" in item.allowed)
    spot = LanePlace(edge=edge, lane=lane, station_m=30.0)
    first, second = (stage.insert("saloon", route, spot, 5.0) for _ in range(2))
    stage.withdraw(second)
    for _ in range(120):
        stage.traffic.step()
    assert [seen.id for seen in stage.traffic.states()] == [first]


def strip(name: str, x: float) -> Lane:
    centre = np.array([[x, 0.0, 0.0], [x, 40.0, 0.0]])
    side = np.array([1.5, 0.0, 0.0])
    return Lane(
        id=name, kind=LaneKind.DRIVING, centre_m=centre, left_m=centre - side, right_m=centre + side
    )


def test_the_focus_is_the_largest_junction_or_the_middle_of_the_map(place: Place) -> None:
    lanes = {"1:0:-1": strip("1:0:-1", 0.0), "2:0:-1": strip("2:0:-1", 10.0)}
    outline = np.array([[0.0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0]])
    small = Junction(id="1", name="", outline_m=outline)
    large = Junction(id="2", name="", outline_m=outline * 3 + 20)
    roads = (
        RoadMap(name="a", lanes=lanes), RoadMap(name="b", lanes=lanes, junctions=(small, large))
    )  # fmt: skip
    with Traffic(place.net_path, place.road, EMPTY, Seed(1), warmup_s=0.0) as traffic:
        focus = [Stage(road, traffic, None, Seed(1), Cast()).focus_m for road in roads]
    assert focus == [(5.0, 20.0), (26.0, 26.0)]
