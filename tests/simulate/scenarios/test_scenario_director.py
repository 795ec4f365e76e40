"""The director: entries that find no room, junctions, parked vehicles, lights."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rareworld.core.seed import Seed
from rareworld.errors import ScenarioError
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.obstacles import Obstacles
from rareworld.simulate.crash.world import PhysicsWorld
from rareworld.simulate.parking import ParkingConfig
from rareworld.simulate.scenarios.acting import Paced
from rareworld.simulate.scenarios.director import PARKED_M, Director
from rareworld.simulate.scenarios.site import Site
from rareworld.simulate.scenarios.staging import CLIP_START_S, Outcome, SignalOrder, Staging
from rareworld.simulate.sumo.demand import DemandConfig
from rareworld.simulate.world import WindowConfig, World, run_world
from tests.simulate.scenarios.scenario_tools import staged

Sites = Callable[[str], Site]


def _run(site: Site, staging: Staging, parked: float = 0.0):
    """Return the director and the recording of a short run on empty roads."""
    director = Director(staging)
    nothing = Obstacles(props=(), posts_m=(), kerbs_m=())
    world = World(
        place=site.place,
        demand=DemandConfig(vehicles_per_hour_per_lane=0.0, pedestrians_per_hour=0.0),
        window=WindowConfig(duration_s=1.0, warmup_s=2.0),
        parking=ParkingConfig(occupancy=parked),
    )
    physics = PhysicsWorld(Ground(), nothing, PhysicsConfig())
    return director, run_world(world, director, Seed(0), physics=physics)


def test_a_role_due_inside_a_junction_appears_at_its_hand_over(site: Sites):
    """SUMO does not survive insertions inside junctions."""
    staging = staged(site("rural_crossroads"), "side_impact", Outcome.COLLISION, 3)
    role = staging.roles[0]
    entry = next(w for w in site("rural_crossroads").ways if w.path is role.path).entry_m
    acting = Paced(spec=role.spec, path=role.path)
    inside = replace(role, start_m=entry + 12.0, acting=acting)
    _, recording = _run(site("rural_crossroads"), replace(staging, roles=(inside,)))
    row = [actor.role for actor in recording.scene.actors].index(role.name)
    assert recording.tracks.present[row].all()


def test_two_roles_on_one_place_find_room_all_the_same(site: Sites):
    """SUMO lets only one of them in; the other appears where it is due, farther on."""
    staging = staged(site("t_junction"), "rear_end", Outcome.COLLISION, 1)
    front, behind = staging.roles
    close = replace(behind, start_m=front.start_m - front.spec.length_m - 1.0)
    director, recording = _run(site("t_junction"), replace(staging, roles=(front, close)))
    roles = {actor.role for actor in recording.scene.actors}
    assert roles >= {"braking", "following"}
    assert set(director.ids) == {"braking", "following"}


def test_parked_vehicles_on_a_walk_are_taken_away_and_others_stay(site: Sites):
    place = site("midblock_crossing")
    staging = staged(place, "pedestrian_struck", Outcome.COLLISION, 0)
    _, recording = _run(place, staging, parked=1.0)
    walk = staging.roles[0].path
    parked = [
        recording.tracks.position_m[row, 0]
        for row, actor in enumerate(recording.scene.actors)
        if actor.role == "parked"
    ]
    assert len(parked) > 5
    for position in parked:
        station, offset = walk.project(position)
        assert abs(offset) >= PARKED_M or not -2.0 < station < walk.length_m + 2.0


def test_provenance_tells_scenario_outcome_and_what_was_drawn(site: Sites):
    staging = staged(site("t_junction"), "rear_end", Outcome.NEAR_MISS, 1)
    told = Director(staging).provenance()
    assert (told["scenario"], told["outcome"]) == ("rear_end", "near_miss")
    assert told["drawn"] == dict(staging.drawn)
    assert told["event_s"] == pytest.approx(staging.event_s - CLIP_START_S)


def test_orders_for_lanes_without_lights_are_refused(site: Sites):
    staging = staged(site("signalised_junction"), "red_light", Outcome.SAFE, 1)
    wrong = SignalOrder(lane="99:0:-1", state=staging.signals[0].state, from_s=0.0, to_s=9.0)
    with pytest.raises(ScenarioError, match="no traffic light for lane '99:0:-1'"):
        _run(site("signalised_junction"), replace(staging, signals=(wrong,)))


def test_the_clip_is_centred_on_the_event(site: Sites):
    staging = staged(site("t_junction"), "sudden_braking", Outcome.SAFE, 1)
    _, recording = _run(site("t_junction"), staging)
    row = [actor.role for actor in recording.scene.actors].index("braking")
    gap = recording.tracks.position_m[row, -1, :2] - staging.focus_m[:2]
    assert float(np.hypot(*gap)) < 40.0
