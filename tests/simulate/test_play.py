"""One performance: what it is made of and when it is refused. SUMO runs once, in thin traffic."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.core.scene import Light
from rareworld.core.seed import Seed
from rareworld.errors import ScenarioError
from rareworld.events.detect import EventConfig
from rareworld.simulate import play as room
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.maps.dress import DressConfig
from rareworld.simulate.maps.library import load_place
from rareworld.simulate.parking import ParkingConfig
from rareworld.simulate.play import GROUND_M, OBSTACLES_M, Theatre, play
from rareworld.simulate.scenarios.crossing import SideImpact
from rareworld.simulate.scenarios.site import Site
from rareworld.simulate.scenarios.staging import Outcome
from rareworld.simulate.script import NormalTraffic
from rareworld.simulate.sumo.demand import DemandConfig
from rareworld.simulate.world import WindowConfig, World, run_world

CRASH, ROLES = SideImpact(), ("striking", "struck")


@pytest.fixture(scope="module")
def theatre():
    return Theatre(
        site=Site(load_place("signalised_junction")),
        demand=DemandConfig(vehicles_per_hour_per_lane=300, pedestrians_per_hour=0),
        parking=ParkingConfig(occupancy=0.1),
        dress=DressConfig(),
        light=Light(),
        physics=PhysicsConfig(),
        events=EventConfig(),
        duration_s=3.0,
        fps=10.0,
    )


@pytest.fixture(scope="module")
def quiet(theatre):
    """A recording in which nothing happens."""
    window = WindowConfig(duration_s=3.0, fps=10.0, warmup_s=12.0, search_s=1.0)
    world = World(place=theatre.site.place, demand=theatre.demand, window=window)
    return run_world(world, NormalTraffic(), Seed(4))


@pytest.fixture
def stage(monkeypatch, quiet, theatre):
    """Play with a recording put in for the run; returns what the run was given."""

    def put_in(roles):
        asked = {}
        actors = quiet.scene.actors
        named = [replace(a, role=r) for a, r in zip(actors, roles, strict=False)]
        scene = replace(quiet.scene, actors=(*named, *actors[len(roles) :]))

        def run(world, director, seed, physics):
            asked.update(world=world, director=director, seed=seed, physics=physics)
            director.ids = {name: actors[k].id for k, name in enumerate(ROLES)}
            return replace(quiet, scene=scene)

        monkeypatch.setattr(room, "run_world", run)
        return asked

    return put_in


def test_a_performance_without_its_event_is_refused_with_the_reason(stage, theatre):
    stage(ROLES)
    with pytest.raises(ScenarioError, match=r"^side_impact: no collision$"):
        play(theatre, CRASH, Outcome.COLLISION, 1.5, Seed(3))


def test_a_performance_without_one_of_its_roles_is_refused(stage, theatre):
    stage(("striking",))
    with pytest.raises(ScenarioError, match="a role never came into the clip"):
        play(theatre, CRASH, Outcome.COLLISION, 1.5, Seed(3))


def asked_of(stage, theatre, seed):
    asked = stage(ROLES)
    with pytest.raises(ScenarioError, match="no collision"):
        play(theatre, CRASH, Outcome.COLLISION, 1.5, seed)
    return asked


def test_the_run_gets_place_props_window_and_physics_around_the_event(stage, theatre):
    asked = asked_of(stage, theatre, Seed(3))
    world, physics = asked["world"], asked["physics"]
    focus = asked["director"].staging.focus_m
    assert world.place is theatre.site.place
    assert (world.window.duration_s, world.window.fps) == (3.0, 10.0)
    assert len(world.props) > 10
    assert physics._ground.level_m == pytest.approx(0.0, abs=1e-6)
    assert GROUND_M > OBSTACLES_M
    for prop in physics._obstacles.props:
        reach = max(prop.size_m[:2]) / 2 + OBSTACLES_M
        assert np.hypot(*(np.array(prop.position_m[:2]) - focus[:2])) <= reach
    assert physics._obstacles.kerbs_m
    assert physics._obstacles.posts_m


def test_all_randomness_comes_from_the_seed(stage, theatre):
    first, again, other = (asked_of(stage, theatre, Seed(n)) for n in (3, 3, 5))
    drawn = [dict(asked["director"].staging.drawn) for asked in (first, again, other)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert first["world"].props == again["world"].props
    assert first["seed"] == again["seed"] != other["seed"]
