"""Which vehicles drive with lamps on: what drivers do in the dark and where little is seen.

Rules as in the Vienna Convention on Road Traffic (article 32): dipped beam from dusk to dawn and
in fog, snowfall and heavy rain; motorcycles always; rear fog lamps in dense fog. Around sunset one
driver switches on earlier than another. Applied to the recording before pixels and labels are
made, so both agree. Proved in tests/annotate/world/test_lamps_on.py.
"""

from dataclasses import replace

import numpy as np

from rareworld.annotate.world.sun import at_lighting, sun_angles
from rareworld.annotate.world.weather import visual_range_m
from rareworld.core.conditions import Conditions, Weather
from rareworld.core.scene import Actor, Scene
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Driver, Lamp, Recording

_ALL_ON_DEG, _NONE_ON_DEG = 0.0, 7.0
"""Elevation of the sun below which everybody, and above which nobody drives with lamps on."""
_GLOOM_DEG = 8.0
"""Under closed clouds it is as dark as under a clear sky with a sun this much lower."""
_SHARE_BY_WEATHER = {
    Weather.CLEAR_SKY: 0.0,
    Weather.OVERCAST: 0.15,
    Weather.SNOW_FALLING: 1.0,
    Weather.RAINING: 0.95,
    Weather.FOG: 1.0,
    Weather.DUST: 0.8,
}
"""Drivers with lamps on at noon."""
_FOG_LAMPS_BELOW_M = 150.0
_DRIVING = Lamp.POSITION | Lamp.LOW_BEAM


def share_lit(scene: Scene, conditions: Conditions) -> float:
    """Return the share of moving motor vehicles that have their lamps on.

    Raises:
        ConfigError: If the lighting does not occur there on the scene's date.
    """
    light = at_lighting(scene.light, conditions.lighting)
    height = sun_angles(light.latitude_deg, light.longitude_deg, light.when)[1]
    if conditions.weather is not Weather.CLEAR_SKY:
        height -= _GLOOM_DEG
    dark = np.clip((_NONE_ON_DEG - height) / (_NONE_ON_DEG - _ALL_ON_DEG), 0, 1)
    return float(max(dark, _SHARE_BY_WEATHER[conditions.weather]))


def with_lamps(recording: Recording, conditions: Conditions) -> Recording:
    """Return the recording with the lamps on that drivers would use; none are switched off.

    Raises:
        ConfigError: If the lighting does not occur there on the scene's date.
    """
    scene, tracks = recording.scene, recording.tracks
    share = share_lit(scene, conditions)
    foggy = conditions.weather is Weather.FOG and visual_range_m(conditions) < _FOG_LAMPS_BELOW_M
    bits = np.array(
        [_bits(actor, share, Seed(scene.seed), foggy=foggy) for actor in scene.actors], np.uint32
    )
    lamps = np.where(_driven(recording), tracks.lamps | bits[:, None], tracks.lamps)
    return replace(recording, tracks=replace(tracks, lamps=lamps.astype(np.uint32)))


def _driven(recording: Recording) -> np.ndarray:
    """Tell of each actor and frame whether somebody drives it (who crashed is still at it)."""
    tracks = recording.tracks
    waiting = np.array([actor.role == "parked" for actor in recording.scene.actors], bool)
    return tracks.present & (tracks.driver != Driver.PARKED) & ~waiting[:, None]


def _bits(actor: Actor, share: float, seed: Seed, *, foggy: bool) -> np.uint32:
    """Return the lamps an actor's driver has on."""
    if actor.spec.wheelbase_m <= 0:
        return np.uint32(0)
    if actor.class_id is ClassId.MOTORCYCLE:
        return np.uint32(_DRIVING)
    mood = seed.child("lamps", actor.id).generator().uniform()
    if mood >= share:
        return np.uint32(0)
    if actor.class_id is ClassId.BICYCLE:
        return np.uint32(Lamp.POSITION)
    return np.uint32(_DRIVING | (Lamp.FOG if foggy else Lamp.NONE))
