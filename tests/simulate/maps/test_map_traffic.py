"""SUMO drives and walks on every shipped network: all arrive, no teleports, no crashes."""

import gzip
from xml.etree import ElementTree

import pytest

from rareworld.simulate.maps.library import VARIANTS, load_place
from rareworld.simulate.maps.places import PLACES

libsumo = pytest.importorskip("libsumo")
SECONDS, STEP_S, PER_PAIR = 500, 0.2, 4


def _ends(net: ElementTree.Element) -> tuple[list[str], list[str], set[str]]:
    """Return edges into the map, out of it, and those with a pavement."""
    dead = {x.get("id") for x in net.findall("junction[@type='dead_end']")}
    edges = [x for x in net.findall("edge") if x.get("function") is None]
    walked = {x.get("id") for x in edges if x.find("lane[@allow='pedestrian']") is not None}
    into = [x.get("id") for x in edges if x.get("from") in dead]
    return into, [x.get("id") for x in edges if x.get("to") in dead], walked


def _routes(into: list[str], out: list[str]) -> list[tuple[str, ...]]:
    found = [libsumo.simulation.findRoute(a, b).edges for a in into for b in out]
    return [route for route in found if route]


def _populate(into: list[str], out: list[str], walked: set[str]) -> tuple[int, int]:
    """Add cars on every route and a walker between every two arms; return how many."""
    routes = _routes(into, out)
    for k, route in enumerate(routes):
        libsumo.route.add(f"r{k}", route)
        for n in range(PER_PAIR):
            depart = str(n * 40 + 2 * k)
            libsumo.vehicle.add(f"v{k}_{n}", f"r{k}", depart=depart, departLane="best")
    pairs = [(a, b) for a in into for b in out if {a, b} <= walked and a.lstrip("-") != b]
    for k, (a, b) in enumerate(pairs):
        (stage,) = libsumo.simulation.findIntermodalRoute(a, b, arrivalPos=20.0)
        libsumo.person.add(f"p{k}", a, pos=100.0, depart=2.0 * k)
        libsumo.person.appendWalkingStage(f"p{k}", stage.edges, 20.0)
    return len(routes) * PER_PAIR, len(pairs)


@pytest.mark.slow
@pytest.mark.parametrize("variant", range(VARIANTS))
@pytest.mark.parametrize("name", PLACES)
def test_everybody_arrives(name, variant):
    place = load_place(name, variant)
    net = ElementTree.fromstring(gzip.decompress(place.net_path.read_bytes()))
    quiet = ("--no-step-log", "--no-warnings", "--collision.action", "warn", "--seed", "1")
    pace = ("--step-length", str(STEP_S), "--time-to-teleport", "120")
    libsumo.start(["sumo", "-n", str(place.net_path), *quiet, *pace])
    try:
        cars, walkers = _populate(*_ends(net))
        arrived = teleports = crashes = 0
        for _ in range(int(SECONDS / STEP_S)):
            libsumo.simulationStep()
            arrived += libsumo.simulation.getArrivedNumber()
            teleports += libsumo.simulation.getStartingTeleportNumber()
            crashes += libsumo.simulation.getCollidingVehiclesNumber()
        left = libsumo.person.getIDCount()
    finally:
        libsumo.close()
    assert (arrived, teleports, crashes, left) == (cars, 0, 0, 0)
    assert cars >= 8
    assert walkers > 0 or name in ("motorway_merge", "rural_crossroads")
