"""Demand: Poisson arrivals, connected routes, walks, vehicle types."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS, LONG_VEHICLES
from rareworld.core.seed import Seed
from rareworld.errors import ConfigError
from rareworld.simulate.sumo.demand import (
    BODIES,
    ClassMix,
    DemandConfig,
    draw_trips,
    draw_walks,
)
from rareworld.simulate.sumo.network import NetEdge, NetLane, Network, wander
from rareworld.simulate.sumo.session import Traffic
from rareworld.simulate.sumo.vehicles import VCLASS, draw_traits

Start = Callable[..., Traffic]


def lane(edge: str, index: int, *links: tuple[str, str], allowed: str = "passenger") -> NetLane:
    return NetLane(
        id=f"{edge}_{index}", length_m=100.0, speed_mps=13.9, allowed=frozenset(allowed.split()),
        links=links,
    )  # fmt: skip


def ring() -> Network:
    """Three edges in a circle: no rim."""
    names = ["a", "b", "c"]
    edges = {
        name: NetEdge(id=name, lanes=(lane(name, 0, (names[(k + 1) % 3], "s")),))
        for k, name in enumerate(names)
    }
    return Network(edges)


def fork() -> Network:
    """One entry, then left or straight on; U-turns at the ends."""
    return Network(
        {
            "in": NetEdge(id="in", lanes=(lane("in", 0, ("on", "s"), ("left", "l"), ("in", "t")),)),
            "left": NetEdge(id="left", lanes=(lane("left", 0, ("in", "t")),)),
            "on": NetEdge(id="on", lanes=(lane("on", 0), lane("on", 1, allowed="bus"))),
        }
    )


def test_every_blueprint_has_a_vehicle_class() -> None:
    assert set(VCLASS) == set(BLUEPRINTS)


def test_the_rim_ignores_u_turns() -> None:
    assert fork().entries("passenger") == ["in"]
    assert fork().exits("passenger") == ["left", "on"]
    assert ring().entries("passenger") == []
    assert fork().open_to("bus") == ["on"]


def test_three_in_four_go_straight_at_a_fork() -> None:
    rng = Seed(1).generator()
    ends = Counter(wander(fork(), "passenger", "in", 1e5, rng)[-1] for _ in range(2000))
    assert ends["on"] / 2000 == pytest.approx(0.56 / 0.76, abs=0.03)


def test_routes_on_a_ring_are_as_long_as_asked() -> None:
    route = wander(ring(), "passenger", "a", 1000.0, Seed(1).generator())
    assert len(route) == 10
    assert route[:4] == ("a", "b", "c", "a")


@pytest.mark.parametrize("flow", [200.0, 900.0])
def test_arrivals_have_the_flow_asked_for(flow: float) -> None:
    config = DemandConfig(vehicles_per_hour_per_lane=flow)
    trips = draw_trips(fork(), config, Seed(3), 7200.0)
    arrivals = [trip for trip in trips if trip.start_m is None]
    assert len(arrivals) == pytest.approx(2 * flow, abs=4 * np.sqrt(2 * flow))
    assert [trip.depart_s for trip in trips] == sorted(trip.depart_s for trip in trips)


def test_closed_maps_are_filled_with_vehicles_that_never_leave() -> None:
    trips = draw_trips(ring(), DemandConfig(vehicles_per_hour_per_lane=1800), Seed(3), 120.0)
    assert trips
    assert all(trip.depart_s == 0 and trip.start_m is not None for trip in trips)
    assert all(100 * len(trip.edges) >= 40 * 120 for trip in trips)


def test_the_mix_is_kept_and_impossible_mixes_are_refused() -> None:
    none = ClassMix(car=0, van=0, truck=0, bus=0, motorcycle=0, bicycle=0)
    with pytest.raises(ConfigError, match="every share is zero"):
        draw_trips(fork(), DemandConfig(mix=none), Seed(1), 10.0)
    trips = draw_trips(fork(), DemandConfig(), Seed(1), 36000.0)
    assert {VCLASS[trip.blueprint] for trip in trips} == {"passenger"}
    assert draw_trips(fork(), DemandConfig(vehicles_per_hour_per_lane=0), Seed(1), 99.0) == []


def test_one_trip_does_not_depend_on_the_others() -> None:
    """Every trip has its own stream: a longer horizon keeps the trips there were."""
    short = draw_trips(fork(), DemandConfig(), Seed(9), 300.0)
    long = draw_trips(fork(), DemandConfig(), Seed(9), 900.0)
    assert set(map(str, short)) <= set(map(str, long))


@pytest.mark.parametrize(("calm", "pushing"), [(0.0, 1.0), (0.2, 0.7)])
def test_pushing_drivers_are_faster_and_closer(calm: float, pushing: float) -> None:
    def mean(level: float, name: str) -> float:
        drawn = [draw_traits("saloon", level, 1.0, Seed(k).generator()) for k in range(200)]
        return float(np.mean([vars(traits)[name] for traits in drawn]))

    assert mean(calm, "speed_factor") < mean(pushing, "speed_factor")
    assert mean(calm, "headway_s") > mean(pushing, "headway_s")
    assert mean(calm, "min_gap_m") > mean(pushing, "min_gap_m")


def test_cyclists_keep_to_the_kerb_side() -> None:
    offsets = [
        draw_traits("bicycle", 0.4, 1.0, Seed(k).generator()).lane_offset_m for k in range(50)
    ]
    assert max(offsets) < -0.5


def test_walks_use_pavements_and_most_cross(start: Start) -> None:
    with start() as traffic:
        config = DemandConfig(pedestrians_per_hour=600)
        walks = draw_walks(traffic._sumo, traffic.network, config, Seed(2), 300.0)
        again = draw_walks(traffic._sumo, traffic.network, config, Seed(2), 300.0)
        paved = set(traffic.network.open_to("pedestrian"))
        crossing = [traffic.network.must_cross(walk.edges) for walk in walks]
    assert walks == again
    assert all(set(walk.edges) <= paved for walk in walks)
    assert np.mean(crossing) == pytest.approx(2 / 3, abs=0.2)
    kinds = {walk.blueprint for walk in walks}
    assert {"adult", "child"} <= kinds <= {"adult", "child", "adult_with_pram"}


def test_routes_of_a_real_net_can_be_driven(start: Start) -> None:
    """SUMO itself finds each leg of every drawn route."""
    with start() as traffic:
        trips = draw_trips(traffic.network, DemandConfig(), Seed(2), 60.0)
        for trip in trips[:40]:
            for a, b in zip(trip.edges, trip.edges[1:], strict=False):
                assert traffic.route(a, b, trip.blueprint) == (a, b)


def test_nobody_cycles_on_a_motorway() -> None:
    fast = NetLane(
        id="m_0", length_m=900.0, speed_mps=33.3, allowed=frozenset({"passenger", "bicycle"}),
        links=(),
    )  # fmt: skip
    network = Network({"m": NetEdge(id="m", lanes=(fast,))})
    trips = draw_trips(network, DemandConfig(mix=ClassMix(bicycle=5.0)), Seed(1), 3600.0)
    assert trips
    assert all(trip.blueprint != "bicycle" for trip in trips)


def everyone() -> Network:
    """One long entry open to every class."""
    names = "passenger delivery truck bus motorcycle bicycle"
    return Network({"in": NetEdge(id="in", lanes=(lane("in", 0, allowed=names),))})


def test_classes_come_in_the_shares_asked_for() -> None:
    """Chi-square over the six classes; 20.5 is passed by chance once in a thousand seeds."""
    config = DemandConfig(vehicles_per_hour_per_lane=2000)
    trips = draw_trips(everyone(), config, Seed(4), 7200.0)
    mix = config.mix.model_dump()
    kinds = {name: kind for kind, names in BODIES.items() for name in names}
    found = Counter(kinds[trip.blueprint] for trip in trips)
    expected = {kind: len(trips) * share / sum(mix.values()) for kind, share in mix.items()}
    chi2 = sum((found[kind] - count) ** 2 / count for kind, count in expected.items())
    assert len(trips) > 3500
    assert chi2 < 20.5


def test_articulated_trucks_keep_to_motorways() -> None:
    """As rigid bodies they would cut corners; a third of the lorries where nobody turns sharply."""
    lorries = DemandConfig(vehicles_per_hour_per_lane=2000, mix=ClassMix(car=0, truck=1.0))
    shares = []
    for speed_mps in (13.9, 33.3):
        names = frozenset({"passenger", "truck"})
        way = NetLane(id="m_0", length_m=900.0, speed_mps=speed_mps, allowed=names, links=())
        trips = draw_trips(Network({"m": NetEdge(id="m", lanes=(way,))}), lorries, Seed(5), 1800.0)
        shares.append(np.mean([trip.blueprint in LONG_VEHICLES for trip in trips]))
    assert shares[0] == 0
    assert shares[1] > 0.4


def test_some_emergency_vehicles_flash_and_nobody_else_does() -> None:
    drawn = {
        name: np.mean([draw_traits(name, 0.4, 1.0, Seed(k).generator()).alarm for k in range(300)])
        for name in ("police", "ambulance", "saloon", "van")
    }
    assert drawn["saloon"] == drawn["van"] == 0
    assert drawn["police"] == pytest.approx(0.4, abs=0.12)
    assert drawn["ambulance"] == pytest.approx(0.4, abs=0.12)


def test_gaps_between_arrivals_are_exponential() -> None:
    """The coefficient of variation of a Poisson stream's gaps is one."""
    config = DemandConfig(vehicles_per_hour_per_lane=900)
    trips = [trip for trip in draw_trips(everyone(), config, Seed(6), 14400.0)
             if trip.start_m is None]  # fmt: skip
    gaps = np.diff([trip.depart_s for trip in trips])
    assert gaps.mean() == pytest.approx(4.0, rel=0.08)
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.07)


def test_bodies_of_cars_come_in_their_frequencies() -> None:
    config = DemandConfig(vehicles_per_hour_per_lane=2000, mix=ClassMix(van=0, truck=0, bus=0,
                          motorcycle=0, bicycle=0))  # fmt: skip
    trips = draw_trips(everyone(), config, Seed(8), 7200.0)
    found = Counter(trip.blueprint for trip in trips)
    total = sum(BLUEPRINTS[name].frequency for name in found)
    for name, count in found.items():
        share = BLUEPRINTS[name].frequency / total
        spread = np.sqrt(share * (1 - share) / len(trips))
        assert count / len(trips) == pytest.approx(share, abs=4 * spread), name


def test_walks_never_change_sides_at_the_rim(start: Start) -> None:
    with start() as traffic:
        config = DemandConfig(pedestrians_per_hour=2000)
        walks = draw_walks(traffic._sumo, traffic.network, config, Seed(5), 300.0)
        assert len(walks) > 100
        assert not any(traffic.network.leaves_the_map(walk.edges) for walk in walks)
