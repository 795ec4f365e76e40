"""Words of captions: colours, kinds of road users, places, light, weather, roads.

Few and always the same, so that a small text encoder learns each from many clips.
Proved in `tests/annotate/caption/test_words.py`.
"""

import colorsys

from rareworld.core.conditions import Conditions, Lighting, RoadCondition, Weather
from rareworld.core.event import BodyPart
from rareworld.core.scene import Actor, PropKind
from rareworld.core.taxonomy import PEOPLE, ClassId

PLACES: dict[str, str] = {
    "signalised_junction": "a junction with traffic lights",
    "t_junction": "a T-junction",
    "roundabout": "a roundabout",
    "motorway_merge": "a motorway with an on-ramp",
    "midblock_crossing": "a street with a pedestrian crossing",
    "arterial": "a wide main road with traffic lights",
    "skewed_five_arm": "a junction of five streets",
    "school_street": "a narrow school street",
    "rural_crossroads": "a country crossroads",
}
"""By the name of a library place."""
ANY_PLACE = "a road"

LIGHT: dict[Lighting, str] = {
    Lighting.SUNRISE: "at sunrise",
    Lighting.SUNSET: "at sunset",
    Lighting.TWILIGHT: "at twilight",
    Lighting.MID_MORNING: "in the morning",
    Lighting.AFTERNOON: "in the afternoon",
    Lighting.ZENITH: "at noon",
    Lighting.GOLDEN_HOUR: "in the golden hour",
    Lighting.BLUE_HOUR: "in the blue hour",
    Lighting.NIGHT: "at night",
}
WEATHER: dict[Weather, str] = {
    Weather.CLEAR_SKY: "the sky is clear",
    Weather.OVERCAST: "the sky is overcast",
    Weather.SNOW_FALLING: "snow is falling",
    Weather.RAINING: "it is raining",
    Weather.FOG: "there is fog",
    Weather.DUST: "there is dust in the air",
}
ROAD: dict[RoadCondition, str] = {
    RoadCondition.DRY: "the road is dry",
    RoadCondition.SNOW: "the road is covered with snow",
    RoadCondition.SAND: "the road is covered with sand",
    RoadCondition.PUDDLES: "the road is wet with puddles",
    RoadCondition.FLOODING: "the road is flooded",
}
_STRONG, _WEAK = 0.7, 0.35
_STRONGER: dict[Weather, tuple[str, str]] = {
    Weather.SNOW_FALLING: ("light snow is falling", "heavy snow is falling"),
    Weather.RAINING: ("it is raining lightly", "it is raining heavily"),
    Weather.FOG: ("there is light fog", "there is thick fog"),
    Weather.DUST: ("there is some dust in the air", "there is thick dust in the air"),
}

_KINDS: dict[str, str] = {
    "suv": "SUV", "pickup": "pickup truck", "taxi": "taxi", "police": "police car", "van": "van",
    "small_van": "van", "ambulance": "ambulance", "box_truck": "truck", "tipper": "tipper truck",
    "articulated_truck": "articulated truck", "city_bus": "bus", "minibus": "minibus",
    "motorcycle": "motorcycle", "scooter": "scooter", "bicycle": "bicycle",
    "adult": "pedestrian", "child": "child", "adult_with_pram": "pedestrian with a pram",
}  # fmt: skip
_UNPAINTED = frozenset({"police", "ambulance", "motorcycle", "scooter", "bicycle"})
"""Named without a colour: a livery says more, or the colour is the rider's clothes."""
_BODIES = {"hatchback", "saloon", "estate", "estate_roof_box", "city_car", "mpv", "coupe"}

THINGS: dict[PropKind, str] = {
    PropKind.BUILDING: "a building", PropKind.TREE: "a tree", PropKind.HEDGE: "a hedge",
    PropKind.STREET_LAMP: "a street lamp", PropKind.POLE: "a pole", PropKind.SIGN: "a sign",
    PropKind.FENCE: "a fence", PropKind.WALL: "a wall", PropKind.GUARD_RAIL: "a guard rail",
    PropKind.BENCH: "a bench", PropKind.BIN: "a bin", PropKind.BUS_SHELTER: "a bus shelter",
    PropKind.BOLLARD: "a bollard", PropKind.NOISE_WALL: "a wall", PropKind.CONE: "a cone",
}  # fmt: skip
_SIDES: dict[BodyPart, str] = {
    BodyPart.FRONT: "the front", BodyPart.FRONT_LEFT: "the front",
    BodyPart.FRONT_RIGHT: "the front",
    BodyPart.REAR: "the rear", BodyPart.REAR_LEFT: "the rear", BodyPart.REAR_RIGHT: "the rear",
    BodyPart.LEFT: "the side", BodyPart.RIGHT: "the side",
}  # fmt: skip


def colour_word(srgb: tuple[float, float, float]) -> str:
    """Return the everyday name of a paint."""
    hue, saturation, value = colorsys.rgb_to_hsv(*srgb)
    if value < 0.17:
        return "black"
    if saturation < 0.18 or (value < 0.27 and saturation < 0.3):
        return _grey(value)
    degrees = hue * 360
    if 15 <= degrees < 50 and (value < 0.5 or saturation < 0.5):
        return "beige" if value > 0.6 else "brown"
    names = ((15, "red"), (38, "orange"), (68, "yellow"), (170, "green"), (262, "blue"))
    return next((name for limit, name in names if degrees < limit), "red")


def _grey(value: float) -> str:
    """Return the name of a paint without hue."""
    limits = ((0.27, "black"), (0.56, "grey"), (0.76, "silver"))
    return next((name for limit, name in limits if value < limit), "white")


def kind_word(actor: Actor) -> str:
    """Return what an actor is called, without its colour."""
    return "car" if actor.blueprint in _BODIES else _KINDS.get(actor.blueprint, "vehicle")


def noun(actor: Actor) -> str:
    """Return an actor's name with its colour where that can be told: `red car`, `cyclist`."""
    if actor.class_id is ClassId.BICYCLE:
        return "cyclist"
    if actor.class_id in PEOPLE or actor.blueprint in _UNPAINTED:
        return kind_word(actor)
    return f"{colour_word(actor.colour)} {kind_word(actor)}"


def a(name: str) -> str:
    """Return a noun with its indefinite article; `SUV` is spelled, so it follows `an`."""
    return f"{'an' if name[0] in 'aeiou' or name.startswith('SUV') else 'a'} {name}"


def weather_words(conditions: Conditions) -> str:
    """Return what the air does, with its strength where that shows."""
    degrees = _STRONGER.get(conditions.weather)
    if degrees and conditions.intensity < _WEAK:
        return degrees[0]
    if degrees and conditions.intensity >= _STRONG:
        return degrees[1]
    return WEATHER[conditions.weather]


def light_words(conditions: Conditions) -> str:
    """Return the time of day; nothing where it is left to the scene's clock."""
    return LIGHT[conditions.lighting] if conditions.lighting else "by day"


def side_words(part: BodyPart | None) -> str:
    """Return where a vehicle was hit; nothing for people, who have no sides."""
    return _SIDES.get(part, "") if part else ""
