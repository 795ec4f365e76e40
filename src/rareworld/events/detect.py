"""All events of a recording, found by geometry alone.

The same code judges simulated recordings and foreign logs. Definitions, formulas and sources of
the thresholds: docs/explain/events.md. Proved in tests/events.
"""

from rareworld.core.event import Event
from rareworld.core.trajectory import Recording
from rareworld.data.config import Config
from rareworld.events.behaviour import (
    BrakingConfig,
    JaywalkingConfig,
    StoppedConfig,
    SwervingConfig,
    detect_braking,
    detect_jaywalking,
    detect_stopped,
    detect_swerving,
)
from rareworld.events.collision import CollisionConfig, detect_collisions
from rareworld.events.near_miss import NearMissConfig, detect_near_misses
from rareworld.events.places import context_of
from rareworld.events.road_rules import (
    IllegalTurnConfig,
    RedLightConfig,
    WrongWayConfig,
    detect_illegal_turn,
    detect_red_light,
    detect_wrong_way,
)


class EventConfig(Config):
    """Thresholds of every detector."""

    collision: CollisionConfig = CollisionConfig()
    """Bodies that touch."""
    near_miss: NearMissConfig = NearMissConfig()
    """Bodies that almost touch."""
    wrong_way: WrongWayConfig = WrongWayConfig()
    """Driving against a lane."""
    red_light: RedLightConfig = RedLightConfig()
    """Crossing a stop line on red."""
    jaywalking: JaywalkingConfig = JaywalkingConfig()
    """People in the road."""
    stopped: StoppedConfig = StoppedConfig()
    """Vehicles that block a lane."""
    braking: BrakingConfig = BrakingConfig()
    """Braking harder than traffic does."""
    illegal_turn: IllegalTurnConfig = IllegalTurnConfig()
    """Turns the map does not allow."""
    swerving: SwervingConfig = SwervingConfig()
    """Hard steering to and fro."""


def detect_events(recording: Recording, config: EventConfig | None = None) -> tuple[Event, ...]:
    """Return every event in order of `key_s`; ties by kind, then actors.

    Whatever an actor does after its first collision is the crash, not the driver: red lights,
    turns, braking, swerving, wrong ways and jaywalking are judged until then only.
    """
    config = config or EventConfig()
    if recording.tracks.num_frames < 2:
        return ()
    collisions = detect_collisions(recording, config.collision)
    first_hit: dict[int, float] = {}
    for event in collisions:
        for actor in event.actors:
            first_hit[actor] = min(event.key_s, first_hit.get(actor, event.key_s))
    collided = frozenset(frozenset(event.actors) for event in collisions)
    context = context_of(recording, first_hit)
    events = [
        *collisions,
        *detect_near_misses(recording, config.near_miss, collided=collided),
        *detect_wrong_way(context, config.wrong_way),
        *detect_red_light(context, config.red_light),
        *detect_jaywalking(context, config.jaywalking),
        *detect_stopped(context, config.stopped),
        *detect_braking(context, config.braking),
        *detect_illegal_turn(context, config.illegal_turn),
        *detect_swerving(context, config.swerving),
    ]
    return tuple(sorted(events, key=lambda event: (event.key_s, event.kind, event.actors)))
