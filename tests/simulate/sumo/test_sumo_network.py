"""Networks as read from SUMO: edges, classes, ways on, pavements, and routes over them."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from rareworld.core.road import LaneKind
from rareworld.core.seed import Seed
from rareworld.simulate.maps.library import Place
from rareworld.simulate.sumo.network import NetEdge, NetLane, Network, wander
from rareworld.simulate.sumo.session import Traffic
from rareworld.simulate.sumo.vehicles import VCLASS

Start = Callable[..., Traffic]


@pytest.fixture(scope="module")
def network(junction: Place) -> Network:
    from rareworld.simulate.sumo.demand import DemandConfig

    empty = DemandConfig(vehicles_per_hour_per_lane=0, pedestrians_per_hour=0)
    with Traffic(junction.net_path, junction.road, empty, Seed(1), warmup_s=0.0) as traffic:
        return traffic.network


def edge(name: str, *links: tuple[str, str], lanes: int = 1, speed: float = 13.9) -> NetEdge:
    return NetEdge(
        id=name,
        lanes=tuple(
            NetLane(
                id=f"{name}_{k}", length_m=50.0, speed_mps=speed + k,
                allowed=frozenset({"passenger"}), links=links,
            )
            for k in range(lanes)
        ),
    )  # fmt: skip


def test_edges_come_in_the_order_of_their_ids_and_lanes_from_outside(network: Network) -> None:
    assert list(network.edges) == sorted(network.edges)
    for item in network.edges.values():
        assert [lane.id for lane in item.lanes] == [
            f"{item.id}_{k}" for k in range(len(item.lanes))
        ]


def test_the_net_has_the_arms_and_lanes_of_the_map(network: Network, junction: Place) -> None:
    driving = [
        lane for lane in junction.road.lanes.values()
        if lane.kind is LaneKind.DRIVING and lane.junction is None
    ]  # fmt: skip
    assert sum(item.width("passenger") for item in network.edges.values()) == len(driving)
    assert len(network.entries("passenger")) == len(network.exits("passenger")) == 4


def test_limits_are_those_of_the_map(network: Network, junction: Place) -> None:
    limits = {
        round(lane.speed_limit_mps, 2) for lane in junction.road.lanes.values()
        if lane.kind is LaneKind.DRIVING and lane.junction is None and lane.speed_limit_mps
    }  # fmt: skip
    found = {round(network.edges[name].speed_mps("passenger"), 2)
             for name in network.open_to("passenger")}  # fmt: skip
    assert found == limits


def test_people_walk_on_pavements_only(network: Network) -> None:
    for name in network.open_to("pedestrian"):
        paved = [lane for lane in network.edges[name].lanes if "pedestrian" in lane.allowed]
        assert len(paved) == 1
        assert paved[0].allowed == {"pedestrian"}


def test_every_entry_leads_to_every_other_arm(network: Network) -> None:
    onward = network.onward("passenger")
    for name in network.entries("passenger"):
        assert len(onward[name]) == 3
        assert sorted(onward[name].values()) == ["l", "r", "s"]


@pytest.mark.parametrize("vclass", sorted(set(VCLASS.values()) - {"pedestrian"}))
def test_routes_go_from_rim_to_rim_over_lanes_open_to_the_class(
    network: Network, vclass: str
) -> None:
    onward = network.onward(vclass)
    for seed in range(20):
        start = network.entries("passenger")[seed % 4]
        route = wander(network, vclass, start, 1e5, Seed(seed).generator())
        assert route[0] == start
        assert route[-1] in network.exits(vclass)
        for a, b in itertools.pairwise(route):
            assert b in onward[a]
            assert onward[a][b] != "t"
        assert all(network.edges[name].width(vclass) for name in route)


def test_turning_shares_follow_lanes_and_directions() -> None:
    """Straight on over two lanes weighs 2 x 0.56, left over one lane 0.2."""
    network = Network(
        {
            "in": edge("in", ("on", "s"), ("left", "l")),
            "left": edge("left"),
            "on": edge("on", lanes=2),
        }
    )
    rng = Seed(3).generator()
    count = 3000
    ends = [wander(network, "passenger", "in", 1e4, rng)[-1] for _ in range(count)]
    share = ends.count("on") / count
    exact = 2 * 0.56 / (2 * 0.56 + 0.2)
    assert share == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / count))


def test_a_class_that_may_not_go_on_stops_at_the_edge_it_is_on() -> None:
    network = Network({"in": edge("in", ("gone", "s"))})
    assert wander(network, "passenger", "in", 1e4, Seed(1).generator()) == ("in",)
    assert network.onward("bus") == {}


def test_the_limit_of_an_edge_is_that_of_its_fastest_open_lane() -> None:
    item = edge("e", lanes=3, speed=10.0)
    assert item.speed_mps("passenger") == 12.0
    assert item.speed_mps("bus") == 0.0
    assert item.width("bus") == 0


def test_pavements_that_share_a_corner_need_no_crossing() -> None:
    network = Network(
        {name: edge(name) for name in "abc"},
        {"a": frozenset({":j_w0"}), "b": frozenset({":j_w0", ":j_w1"}), "c": frozenset({":j_w1"})},
    )
    assert not network.must_cross(("a", "b"))
    assert not network.must_cross(("a", "b", "c"))
    assert network.must_cross(("a", "c"))
    assert not network.must_cross(("a",))


def test_walks_that_change_sides_at_the_rim_are_told(network: Network) -> None:
    assert len(network.rim) == 4
    for entry in network.entries("passenger"):
        there = entry.lstrip("-")
        assert network.leaves_the_map((entry, there))
        assert not network.leaves_the_map((entry,))
    for a, b in itertools.permutations(network.entries("passenger"), 2):
        assert not network.leaves_the_map((a, b))
