"""One performance: stage a scenario in traffic, run it, and see whether it is what was asked."""

from dataclasses import dataclass, replace
from typing import final

from rareworld.core.scene import Light
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Recording
from rareworld.errors import ScenarioError
from rareworld.events.detect import EventConfig, detect_events
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.crash.world import PhysicsWorld
from rareworld.simulate.maps.dress import DressConfig, dress
from rareworld.simulate.parking import ParkingConfig
from rareworld.simulate.scenarios.base import Scenario
from rareworld.simulate.scenarios.director import Director
from rareworld.simulate.scenarios.site import Site
from rareworld.simulate.scenarios.staging import CLIP_START_S, Outcome, Staging, rejection
from rareworld.simulate.sumo.demand import DemandConfig
from rareworld.simulate.surroundings import ground_near, obstacles_near
from rareworld.simulate.world import WindowConfig, World, run_world

GROUND_M = 90.0
"""Physics knows the ground this far around the event."""
OBSTACLES_M = 60.0


@final
@dataclass(frozen=True, kw_only=True)
class Theatre:
    """Where and under which settings scenarios are played."""

    site: Site
    demand: DemandConfig
    parking: ParkingConfig
    dress: DressConfig
    light: Light
    physics: PhysicsConfig
    events: EventConfig
    duration_s: float
    fps: float


def play(
    theatre: Theatre, scenario: Scenario, outcome: Outcome, event_s: float, seed: Seed
) -> Recording:
    """Return a recording that shows the scenario with its events.

    Args:
        theatre: Place and settings.
        scenario: What to play.
        outcome: How it shall end.
        event_s: When, in clip seconds.
        seed: All randomness of this performance.

    Raises:
        ScenarioError: If it cannot be staged here or came out otherwise; says how.
    """
    rng = seed.child("staging").generator()
    staging = scenario.stage(theatre.site, outcome, CLIP_START_S + event_s, rng)
    director = Director(staging)
    world = _world(theatre, staging, seed)
    physics = _physics(theatre, world, staging)
    recording = run_world(world, director, seed.child("world"), physics=physics)
    recording = replace(recording, events=detect_events(recording, theatre.events))
    ids = {actor.role: actor.id for actor in recording.scene.actors if actor.role in director.ids}
    if set(ids) != set(director.ids):
        raise ScenarioError(f"{scenario.name}: a role never came into the clip")
    reason = rejection(staging, recording.events, ids)
    if reason:
        raise ScenarioError(f"{scenario.name}: {reason}")
    return recording


def _world(theatre: Theatre, staging: Staging, seed: Seed) -> World:
    """Return the place, dressed around the event unless the recipe says where."""
    place, dressing = theatre.site.place, theatre.dress
    if dressing.centre_m is None:
        focus = (float(staging.focus_m[0]), float(staging.focus_m[1]))
        dressing = dressing.model_copy(update={"centre_m": focus})
    return World(
        place=place,
        demand=theatre.demand,
        window=WindowConfig(duration_s=theatre.duration_s, fps=theatre.fps),
        parking=theatre.parking,
        light=theatre.light,
        props=dress(place.road, seed.child("dress"), dressing),
    )


def _physics(theatre: Theatre, world: World, staging: Staging) -> PhysicsWorld:
    """Return the physics around the event."""
    index, centre = theatre.site.index, staging.focus_m
    return PhysicsWorld(
        ground_near(index, centre, GROUND_M),
        obstacles_near(index, world.props, centre, OBSTACLES_M),
        theatre.physics,
    )
