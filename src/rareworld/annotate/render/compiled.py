"""The scalar formulas for Numba, and the way to compile them with anything else.

Formulas call each other by name, so a compiler must meet its own versions of them: `built` gives
all functions one namespace in which the earlier ones are compiled already.
"""

import inspect
import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

from rareworld.annotate.render import beams, formulas, rooms, weathering
from rareworld.annotate.render.jit import routine

_MODULES = (formulas, beams, weathering, rooms)


def plain_formulas() -> dict[str, Callable[..., Any]]:
    """Return all formulas by name as written, each after those that it calls."""
    out: dict[str, Callable[..., Any]] = {}
    for module in _MODULES:
        for name, value in vars(module).items():
            plain = inspect.unwrap(value) if callable(value) else None
            if inspect.isfunction(plain) and plain.__module__ == module.__name__:
                out[name] = plain
    return out


def built(compiler: Callable[[Callable[..., Any]], Any]) -> dict[str, Any]:
    """Return every formula by name, compiled by a decorator such as `wp.func`."""
    space: dict[str, Any] = {"math": math, "__name__": formulas.__name__}
    made: dict[str, Any] = {}
    for name, function in plain_formulas().items():
        copy = FunctionType(function.__code__, space, name)
        copy.__annotations__ = dict(function.__annotations__)
        copy.__doc__ = function.__doc__
        made[name] = space[name] = compiler(copy)
    return made


_MADE = built(routine)

smoothstep = _MADE["smoothstep"]
mix = _MADE["mix"]
schlick = _MADE["schlick"]
mirror_share = _MADE["mirror_share"]
sun_lobe = _MADE["sun_lobe"]
hash_cell = _MADE["hash_cell"]
whole_below = _MADE["whole_below"]
value_noise = _MADE["value_noise"]
cloud_noise = _MADE["cloud_noise"]
wet_albedo = _MADE["wet_albedo"]
wet_roughness = _MADE["wet_roughness"]
puddle_share = _MADE["puddle_share"]
lying_share = _MADE["lying_share"]
snow_on_road = _MADE["snow_on_road"]
sand_on_road = _MADE["sand_on_road"]
dirt_share = _MADE["dirt_share"]
clear_air = _MADE["clear_air"]
panorama_place = _MADE["panorama_place"]
ambient_value = _MADE["ambient_value"]
ambient_share = _MADE["ambient_share"]
open_towards = _MADE["open_towards"]
sun_disc = _MADE["sun_disc"]
ripple = _MADE["ripple"]
rain_ring = _MADE["rain_ring"]
tilted = _MADE["tilted"]
sides_lit = _MADE["sides_lit"]
slab = _MADE["slab"]
room_wall = _MADE["room_wall"]
soft_step = _MADE["soft_step"]
dipped_share = _MADE["dipped_share"]
driving_share = _MADE["driving_share"]
side_share = _MADE["side_share"]
beam_share = _MADE["beam_share"]
lamp_fade = _MADE["lamp_fade"]
wide_roughness = _MADE["wide_roughness"]
glow_node = _MADE["glow_node"]
glow_weight = _MADE["glow_weight"]
calm = _MADE["calm"]
worn_road = _MADE["worn_road"]
wet_road = _MADE["wet_road"]
snowy_road = _MADE["snowy_road"]
sandy_road = _MADE["sandy_road"]
covered = _MADE["covered"]
wet_outside = _MADE["wet_outside"]
dirty_vehicle = _MADE["dirty_vehicle"]
flood_water = _MADE["flood_water"]
pick = _MADE["pick"]
room = _MADE["room"]
blind = _MADE["blind"]
room_lamp = _MADE["room_lamp"]
shop = _MADE["shop"]
