"""Traffic over libsumo: hand-over both ways, insertion, rules of the road, determinism."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import footprint, polygon_gap
from rareworld.core.road import RoadMap
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Lamp
from rareworld.errors import ScenarioError
from rareworld.simulate.maps.library import Place
from rareworld.simulate.state import BodyState
from rareworld.simulate.sumo.actors import LanePlace, Sighting
from rareworld.simulate.sumo.demand import DemandConfig
from rareworld.simulate.sumo.network import wander
from rareworld.simulate.sumo.session import STEP_S, Traffic

Start = Callable[..., Traffic]


def long_entry(traffic: Traffic) -> str:
    edges = traffic.network.edges
    return max(traffic.network.entries("passenger"), key=lambda name: edges[name].length_m)


def put_car(traffic: Traffic, station_m: float, speed: float, lane: int | None = None) -> int:
    edge = long_entry(traffic)
    lanes = traffic.network.edges[edge].lanes
    index = next(i for i, item in enumerate(lanes) if "passenger" in item.allowed)
    route = wander(traffic.network, "passenger", edge, 1e5, Seed(5).generator())
    place = LanePlace(edge=edge, lane=index if lane is None else lane, station_m=station_m)
    return traffic.insert("saloon", route, place, speed)


def sight(traffic: Traffic, actor_id: int) -> Sighting:
    return next(seen for seen in traffic.states() if seen.id == actor_id)


def test_two_simulations_in_one_process_are_refused(start: Start) -> None:
    with start(), pytest.raises(ScenarioError, match="already runs in this process"), start():
        pass


def test_an_error_while_starting_leaves_sumo_closed(start: Start, tmp_path: Path) -> None:
    broken = tmp_path / "broken.net.xml"
    broken.write_text("<net", encoding="utf-8")
    road = RoadMap(name="none", lanes={})
    with pytest.raises(ScenarioError, match="cannot load"):
        Traffic(broken, road, DemandConfig(), Seed(1)).__enter__()
    with pytest.raises(ScenarioError, match="does not exist"):
        Traffic(tmp_path / "none.net.xml", road, DemandConfig(), Seed(1)).__enter__()
    with start() as traffic:
        assert traffic.time_s == 0.0


def test_inserted_vehicle_starts_where_and_as_fast_as_asked(start: Start) -> None:
    with start() as traffic:
        car = put_car(traffic, 40.0, 9.0)
        traffic.step()
        seen = sight(traffic, car)
        spot = traffic.locate(
            seen.x_m + 2.325 * math.cos(seen.yaw_rad), seen.y_m + 2.325 * math.sin(seen.yaw_rad),
            "saloon",
        )  # fmt: skip
    assert math.hypot(seen.vx_mps, seen.vy_mps) == pytest.approx(9.0, abs=0.3)
    assert spot.station_m == pytest.approx(40.0, abs=0.6)


def test_route_must_begin_at_the_place(start: Start) -> None:
    with start() as traffic, pytest.raises(ScenarioError, match="must begin on edge"):
        traffic.insert("saloon", ("a",), LanePlace(edge="b", lane=0, station_m=1.0), 0.0)


def test_unknown_edges_are_refused_by_name(start: Start) -> None:
    nowhere = LanePlace(edge="nowhere", lane=0, station_m=1.0)
    with start() as traffic, pytest.raises(ScenarioError, match="SUMO refuses saloon"):
        traffic.insert("saloon", ("nowhere",), nowhere, 0.0)


def test_insertions_inside_junctions_are_refused_with_the_edge_and_a_remedy(start: Start) -> None:
    """libsumo dies of them; afterwards traffic runs on."""
    with start() as traffic:
        route = wander(traffic.network, "passenger", long_entry(traffic), 1e5, Seed(5).generator())
        inner = next(n for n in traffic._sumo.edge.getIDList() if n.startswith(":"))
        place = LanePlace(edge=inner, lane=0, station_m=1.0)
        with pytest.raises(ScenarioError, match=f"on edge '{inner}' inside a junction; insert it"):
            traffic.insert("saloon", (inner, *route[1:]), place, 5.0)
        car = put_car(traffic, 40.0, 9.0)
        traffic.step()
        assert sight(traffic, car).blueprint == "saloon"


def test_taken_vehicle_is_exactly_where_it_is_placed(start: Start) -> None:
    """SUMO's own report of the moved vehicle, also when it spins and leaves the road."""
    with start() as traffic:
        car = put_car(traffic, 40.0, 9.0)
        traffic.step()
        state = traffic.take(car)
        name = traffic._names[car]
        for k in range(120):
            position = state.position_m + np.array([0.3 * k, 0.2 * k, 0.0])
            moved = BodyState.upright(traffic.time_s, position, state.yaw_rad + 0.05 * k, 8.0)
            traffic.place(car, moved)
            traffic.step()
            x, y = traffic._sumo.vehicle.getPosition(name)
            yaw = moved.yaw_rad
            front = position[:2] + 2.325 * np.array([math.cos(yaw), math.sin(yaw)])
            assert np.hypot(x - front[0], y - front[1]) < 0.01
            assert all(seen.id != car for seen in traffic.states())


def test_take_is_continuous(start: Start) -> None:
    with start(flow=300.0, warmup_s=15.0) as traffic:
        for seen in list(traffic.states())[:10]:
            state = traffic.take(seen.id)
            assert np.allclose(state.position_m, [seen.x_m, seen.y_m, seen.z_m], atol=1e-12)
            assert np.allclose(state.velocity_mps[:2], [seen.vx_mps, seen.vy_mps], atol=1e-12)


def test_traffic_stops_behind_a_taken_vehicle_and_goes_on_after_it(start: Start) -> None:
    with start() as traffic:
        lead = put_car(traffic, 60.0, 8.0)
        traffic.step()
        follower = put_car(traffic, 20.0, 8.0)
        traffic.step()
        state = traffic.take(lead)
        still = BodyState.upright(0.0, state.position_m, state.yaw_rad, 0.0)
        for _ in range(240):
            traffic.place(lead, still)
            traffic.step()
        seen = sight(traffic, follower)
        gap = np.hypot(seen.x_m - state.position_m[0], seen.y_m - state.position_m[1]) - 4.65
        assert math.hypot(seen.vx_mps, seen.vy_mps) < 0.2
        assert 0.5 < gap < 6.0
        assert seen.lamps & Lamp.BRAKE
        traffic.remove(lead)
        for _ in range(80):
            traffic.step()
        assert math.hypot(sight(traffic, follower).vx_mps, sight(traffic, follower).vy_mps) > 3.0


def test_a_body_across_the_lane_but_centred_beside_the_road_stops_traffic(start: Start) -> None:
    """SUMO's drivers see vehicles in their own lane only; yielding covers the rest."""
    with start() as traffic:
        car = put_car(traffic, 15.0, 8.0)
        traffic.step()
        seen = sight(traffic, car)
        ahead, side = 30.0, 3.4
        cos, sin = math.cos(seen.yaw_rad), math.sin(seen.yaw_rad)
        x, y = ahead * cos + side * sin, ahead * sin - side * cos
        at = np.array([seen.x_m + x, seen.y_m + y, 0.0])
        wreck = traffic.register("city_bus")
        for _ in range(200):
            traffic.place(wreck, BodyState.upright(0.0, at, seen.yaw_rad + math.pi / 2, 0.0))
            traffic.step()
        now = sight(traffic, car)
        moved = math.hypot(now.x_m - seen.x_m, now.y_m - seen.y_m)
        assert math.hypot(now.vx_mps, now.vy_mps) < 0.1
        assert 20.0 < moved < 30.0 - 1.2 - 2.3


def test_given_back_vehicle_drives_on_without_a_jump(start: Start) -> None:
    with start() as traffic:
        car = put_car(traffic, 40.0, 8.0)
        traffic.step()
        state = traffic.take(car)
        forward = np.array([math.cos(state.yaw_rad), math.sin(state.yaw_rad), 0.0])
        aside = np.array([-forward[1], forward[0], 0.0])
        for k in range(1, 21):
            at = state.position_m + forward * 8.0 * STEP_S * k + aside * 0.02 * k
            last = BodyState.upright(0.0, at, state.yaw_rad, 8.0)
            traffic.place(car, last)
            traffic.step()
        traffic.give_back(car)
        traffic.step()
        seen = sight(traffic, car)
        moved = np.hypot(seen.x_m - last.position_m[0], seen.y_m - last.position_m[1])
        assert moved == pytest.approx(8.0 * STEP_S, abs=0.08)
        for _ in range(20):
            traffic.step()
        assert math.hypot(sight(traffic, car).vx_mps, sight(traffic, car).vy_mps) > 4.0


def test_what_cannot_be_taken_or_given_back_is_said(start: Start) -> None:
    with start() as traffic:
        with pytest.raises(ScenarioError, match="knows no actor 99"):
            traffic.take(99)
        wreck = traffic.register("saloon")
        with pytest.raises(ScenarioError, match="not under SUMO's control"):
            traffic.take(wreck)
        with pytest.raises(ScenarioError, match="cannot go back"):
            traffic.give_back(wreck)
        leaving = traffic.network.exits("passenger")[0]
        entry = long_entry(traffic)
        with pytest.raises(ScenarioError, match="cannot drive from edge"):
            traffic.route(leaving, entry, "city_bus")


def _overlaps(states: list[Sighting]) -> list[tuple[int, int]]:
    """Vehicle pairs whose boxes overlap by more than 2 cm."""
    cars = [seen for seen in states if BLUEPRINTS[seen.blueprint].wheelbase_m > 0]
    at = np.array([[seen.x_m, seen.y_m, 0.0] for seen in cars])
    yaw = np.array([seen.yaw_rad for seen in cars])
    boxes = footprint(at, yaw, np.array([BLUEPRINTS[seen.blueprint].size_m for seen in cars]))
    i, j = np.triu_indices(len(cars), 1)
    near = np.linalg.norm(at[i] - at[j], axis=1) < 13
    gap = polygon_gap(boxes[i[near]], boxes[j[near]])
    hits = zip(i[near][gap < -0.02], j[near][gap < -0.02], strict=True)
    return [(cars[a].id, cars[b].id) for a, b in hits]


def _run(
    junction: Place, seed: int, seconds: float, flow: float, warmup_s: float = 20.0
) -> dict[str, list]:
    """Drive normal traffic and note overlaps, red lights run and who crossed on foot."""
    demand = DemandConfig(vehicles_per_hour_per_lane=flow)
    found: dict[str, list] = {"overlaps": [], "red": [], "crossed": [], "states": []}
    with Traffic(
        junction.net_path, junction.road, demand, Seed(seed), warmup_s=warmup_s, horizon_s=seconds
    ) as traffic:
        sumo, lanes = traffic._sumo, {}
        feeds = {
            (link[0], link[2]): (light, index)
            for light in sumo.trafficlight.getIDList()
            for index, links in enumerate(sumo.trafficlight.getControlledLinks(light))
            for link in links
        }
        for step in range(round(seconds / STEP_S)):
            traffic.step()
            for seen in traffic.states():
                light = feeds.get((lanes.get(seen.id, ""), seen.lane))
                if light and BLUEPRINTS[seen.blueprint].wheelbase_m > 0:
                    shown = sumo.trafficlight.getRedYellowGreenState(light[0])[light[1]]
                    found["red"] += [seen.id] if shown in "rR" else []
                lanes[seen.id] = seen.lane
                found["crossed"] += [seen.id] if "_c" in seen.lane else []
            found["overlaps"] += _overlaps(traffic.states()) if step % 10 == 0 else []
            found["states"] += traffic.states() if step % 100 == 0 else []
    return found


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_normal_traffic_obeys_lights_does_not_overlap_and_people_cross(
    junction: Place, seed: int
) -> None:
    found = _run(junction, seed, 40.0, 420.0)
    assert not found["red"]
    assert not found["overlaps"]
    assert len(set(found["crossed"])) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_ten_minutes_of_traffic_hold(junction: Place, seed: int) -> None:
    found = _run(junction, seed, 600.0, 420.0)
    assert not found["red"]
    assert len(set(found["overlaps"])) <= 8, "SUMO lets turning vehicles touch in junctions"
    assert len(set(found["crossed"])) > 20


def test_same_seed_gives_the_same_states_and_another_seed_does_not(junction: Place) -> None:
    first, again, other = (_run(junction, seed, 5.0, 420.0, 3.0)["states"] for seed in (4, 4, 5))
    assert first == again
    assert first != other


def test_a_forced_vehicle_keeps_its_speed_whatever_stands_ahead(start: Start) -> None:
    """A second car stands 30 m ahead; one that SUMO drives brakes, the forced one does not."""
    for forced in (False, True):
        with start() as traffic:
            blocker, car = put_car(traffic, 75.0, 0.0), put_car(traffic, 40.0, 9.0)
            traffic.step()
            wall = traffic.take(blocker)
            if forced:
                traffic.force(car, 11.0)
            speeds = []
            for _ in range(40):
                traffic.place(blocker, wall)
                traffic.step()
                seen = sight(traffic, car)
                speeds.append(math.hypot(seen.vx_mps, seen.vy_mps))
        if forced:
            assert speeds[4] == pytest.approx(11.0, abs=0.5)
            assert min(speeds[4:]) > 10.0
        else:
            assert speeds[-1] < 8.0


def test_only_vehicles_on_the_map_can_be_forced(start: Start) -> None:
    with start() as traffic:
        waiting = put_car(traffic, 40.0, 9.0)
        with pytest.raises(ScenarioError, match="is not a vehicle on the map"):
            traffic.force(waiting, 5.0)
        with pytest.raises(ScenarioError, match="no actor 99"):
            traffic.force(99, 5.0)


def test_removed_vehicles_do_not_come_back(start: Start) -> None:
    with start() as traffic:
        there, pending = put_car(traffic, 40.0, 9.0), put_car(traffic, 40.0, 9.0)
        traffic.step()
        assert [seen.id for seen in traffic.states()] == [there]
        traffic.remove(there)
        traffic.remove(pending)
        for _ in range(60):
            traffic.step()
            assert traffic.states() == []
