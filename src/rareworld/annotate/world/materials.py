"""Every surface the world is made of: the only table of materials.

Colours are linear reflectances as measured for common surfaces (fresh asphalt about 0.04, worn
0.12, concrete 0.3 to 0.5, grass 0.1, white road paint 0.7), chosen by eye within those ranges. Old
asphalt reflects more red than blue, as its binder wears off the stones (Herold et al. 2004); green
leans towards the foliage patch of the ColorChecker chart (0.095, 0.150, 0.056), by eye.
"""

from rareworld.annotate.world.mesh import Skin
from rareworld.annotate.world.model import Inside, Material, Paint, StateBit, Texture, Weathering
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Lamp

_RUNNING = int(Lamp.POSITION | Lamp.LOW_BEAM)
_HEAD = int(Lamp.LOW_BEAM | Lamp.HIGH_BEAM)
_DRIVEN = int(Lamp.POSITION | Lamp.LOW_BEAM) | int(StateBit.DAYTIME)
_LEFT, _RIGHT = int(Lamp.LEFT_BLINKER), int(Lamp.RIGHT_BLINKER)


def _plain(
    name: str, colour: tuple[float, float, float], roughness: float = 0.9, specular: float = 0.04
) -> Material:
    return Material(name=name, colour=colour, roughness=roughness, specular=specular)


def _tiled(
    name: str,
    colour: tuple[float, float, float],
    texture: Texture,
    repeat_m: float,
    roughness: float = 0.9,
) -> Material:
    return Material(
        name=name, colour=colour, texture=texture, metres_per_repeat=repeat_m, roughness=roughness
    )


def _worn(
    name: str,
    colour: tuple[float, float, float],
    roughness: float = 0.9,
    paint: Paint = Paint.NONE,
) -> Material:
    """Return a surface of a person."""
    return Material(
        name=name, colour=colour, roughness=roughness, paint=paint, weathering=Weathering.PERSON
    )


def _ground(
    name: str,
    colour: tuple[float, float, float],
    texture: Texture,
    repeat_m: float,
    weathering: Weathering,
) -> Material:
    return Material(
        name=name, colour=colour, texture=texture, metres_per_repeat=repeat_m, weathering=weathering
    )


def _leaf(name: str, colour: tuple[float, float, float], translucency: float = 0.4) -> Material:
    return Material(
        name=name, colour=colour, texture=Texture.LEAVES, metres_per_repeat=1.6, roughness=0.7,
        translucency=translucency, weathering=Weathering.LEAF,
    )  # fmt: skip


def _glass(
    name: str,
    colour: tuple[float, float, float],
    inside: Inside = Inside.NONE,
    weathering: Weathering = Weathering.OUTSIDE,
) -> Material:
    return Material(
        name=name, colour=colour, roughness=0.05, specular=0.08, inside=inside,
        weathering=weathering,
    )  # fmt: skip


def _lamp(
    name: str,
    colour: tuple[float, float, float],
    emission: tuple[float, float, float],
    when: int,
) -> Material:
    return Material(
        name=name, colour=colour, roughness=0.15, specular=0.05, emission=emission, lit_when=when,
        weathering=Weathering.NONE,
    )  # fmt: skip


def _vehicle(
    name: str,
    colour: tuple[float, float, float],
    roughness: float = 0.5,
    specular: float = 0.04,
    paint: Paint = Paint.NONE,
) -> Material:
    """Return an outer surface of a vehicle."""
    return Material(
        name=name, colour=colour, roughness=roughness, specular=specular, paint=paint,
        weathering=Weathering.VEHICLE,
    )  # fmt: skip


MATERIALS: tuple[Material, ...] = (
    _ground("asphalt", (0.128, 0.121, 0.111), Texture.ASPHALT, 3.2, Weathering.ROAD),
    _ground("bike lane", (0.19, 0.085, 0.068), Texture.ASPHALT, 3.2, Weathering.ROAD),
    _ground("white paint", (0.60, 0.60, 0.575), Texture.PAINT, 2.7, Weathering.ROAD),
    _ground("yellow paint", (0.60, 0.42, 0.08), Texture.PAINT, 2.7, Weathering.ROAD),
    _ground("paving", (0.307, 0.289, 0.261), Texture.PAVING, 2.4, Weathering.PAVED),
    _ground("kerb", (0.41, 0.39, 0.355), Texture.CONCRETE, 2.0, Weathering.PAVED),
    _ground("gutter", (0.168, 0.159, 0.145), Texture.CONCRETE, 2.0, Weathering.ROAD),
    _ground("grass", (0.090, 0.114, 0.046), Texture.GRASS, 9.0, Weathering.SOIL),
    _ground("far ground", (0.092, 0.116, 0.048), Texture.GRASS, 23.0, Weathering.SOIL),
    _tiled("concrete", (0.35, 0.334, 0.305), Texture.CONCRETE, 4.0),
    _tiled("brick red", (0.31, 0.117, 0.072), Texture.BRICK, 1.6),
    _tiled("brick brown", (0.22, 0.135, 0.090), Texture.BRICK, 1.6),
    _tiled("brick pale", (0.46, 0.37, 0.26), Texture.BRICK, 1.6),
    _tiled("plaster white", (0.66, 0.64, 0.59), Texture.PLASTER, 4.0),
    _tiled("plaster ochre", (0.58, 0.42, 0.21), Texture.PLASTER, 4.0),
    _tiled("plaster rose", (0.52, 0.33, 0.27), Texture.PLASTER, 4.0),
    _tiled("plaster green", (0.38, 0.44, 0.33), Texture.PLASTER, 4.0),
    _tiled("plaster grey", (0.40, 0.41, 0.41), Texture.PLASTER, 4.0),
    _tiled("panel", (0.48, 0.46, 0.425), Texture.CONCRETE, 4.0),
    _tiled("panel dark", (0.20, 0.21, 0.22), Texture.CONCRETE, 4.0),
    _tiled("roof tiles", (0.27, 0.095, 0.055), Texture.ROOF, 1.8),
    _tiled("roof slate", (0.10, 0.105, 0.115), Texture.ROOF, 1.8),
    _tiled("roof flat", (0.19, 0.19, 0.19), Texture.CONCRETE, 6.0),
    _leaf("leaves", (0.074, 0.119, 0.034)),
    _leaf("leaves dark", (0.048, 0.085, 0.032)),
    _leaf("leaves light", (0.107, 0.142, 0.039)),
    _tiled("bark", (0.13, 0.095, 0.065), Texture.CONCRETE, 1.0),
    _glass("window", (0.70, 0.74, 0.73), Inside.ROOM),
    _plain("window blind", (0.33, 0.32, 0.29), 0.35, 0.05),
    _glass("shop window", (0.74, 0.78, 0.77), Inside.SHOP),
    _plain("frame white", (0.68, 0.68, 0.66), 0.5),
    _plain("frame dark", (0.060, 0.060, 0.065), 0.5),
    _plain("door", (0.13, 0.070, 0.040), 0.6),
    _plain("awning red", (0.42, 0.050, 0.045), 0.8),
    _plain("awning green", (0.045, 0.20, 0.10), 0.8),
    _plain("awning blue", (0.050, 0.12, 0.30), 0.8),
    _plain("wood", (0.26, 0.155, 0.080), 0.7),
    _plain("steel", (0.42, 0.43, 0.44), 0.35, 0.30),
    _plain("steel dark", (0.075, 0.085, 0.085), 0.45, 0.08),
    _plain("steel green", (0.030, 0.085, 0.055), 0.5),
    _plain("glass pane", (0.16, 0.20, 0.20), 0.05, 0.08),
    _plain("sign red", (0.50, 0.018, 0.020), 0.4),
    _plain("sign white", (0.75, 0.75, 0.74), 0.4),
    _plain("sign blue", (0.015, 0.080, 0.38), 0.4),
    _plain("sign black", (0.020, 0.020, 0.020), 0.5),
    _plain("sign back", (0.30, 0.31, 0.32), 0.5, 0.2),
    _plain("housing", (0.018, 0.020, 0.020), 0.5),
    _vehicle("paint", (0.5, 0.5, 0.5), 0.20, 0.055, Paint.BODY),
    _vehicle("cargo", (0.6, 0.6, 0.6), 0.45, 0.05, Paint.SECOND),
    _glass("car glass", (0.58, 0.63, 0.61), Inside.CABIN, Weathering.VEHICLE),
    _vehicle("trim", (0.020, 0.020, 0.021), 0.6),
    _vehicle("underbody", (0.010, 0.010, 0.010), 1.0, 0.02),
    _vehicle("chrome", (0.50, 0.50, 0.51), 0.15, 0.55),
    _vehicle("tyre", (0.016, 0.016, 0.017), 0.95),
    _vehicle("rim", (0.26, 0.265, 0.27), 0.32, 0.28),
    _vehicle("plate", (0.66, 0.66, 0.62), 0.5),
    _lamp("taxi sign", (0.75, 0.55, 0.05), (1.2, 0.80, 0.06), _RUNNING),
    _lamp("bus display", (0.28, 0.17, 0.02), (1.6, 0.75, 0.03), _DRIVEN),
    _lamp("head lamp", (0.60, 0.62, 0.64), (8.0, 7.6, 7.0), _HEAD),
    _lamp("tail lamp", (0.24, 0.010, 0.010), (0.16, 0.003, 0.003), _RUNNING),
    _lamp("brake lamp", (0.30, 0.013, 0.013), (1.9, 0.045, 0.035), int(Lamp.BRAKE)),
    _lamp("reverse lamp", (0.50, 0.50, 0.50), (1.4, 1.4, 1.4), int(Lamp.REVERSE)),
    _lamp("left blinker", (0.27, 0.17, 0.085), (2.4, 0.85, 0.03), _LEFT),
    _lamp("right blinker", (0.27, 0.17, 0.085), (2.4, 0.85, 0.03), _RIGHT),
    _lamp("lens red", (0.055, 0.008, 0.008), (3.0, 0.12, 0.08), int(StateBit.RED)),
    _lamp("lens yellow", (0.060, 0.040, 0.006), (2.8, 1.55, 0.10), int(StateBit.YELLOW)),
    _lamp("lens green", (0.006, 0.050, 0.025), (0.10, 2.3, 1.05), int(StateBit.GREEN)),
    _worn("jacket", (0.5, 0.5, 0.5), paint=Paint.BODY),
    _worn("trousers", (0.1, 0.1, 0.1), paint=Paint.SECOND),
    _worn("skin light", (0.56, 0.34, 0.24), 0.6),
    _worn("skin mid", (0.34, 0.19, 0.115), 0.6),
    _worn("skin dark", (0.13, 0.066, 0.040), 0.6),
    _worn("hair black", (0.014, 0.012, 0.010), 0.6),
    _worn("hair brown", (0.075, 0.040, 0.020), 0.6),
    _worn("hair fair", (0.36, 0.24, 0.10), 0.6),
    _worn("hair grey", (0.30, 0.30, 0.30), 0.6),
    _worn("shoe", (0.035, 0.030, 0.028), 0.6),
    _worn("shoe pale", (0.55, 0.54, 0.52), 0.6),
    _worn("bag", (0.065, 0.075, 0.11), 0.8),
    _plain("helmet", (0.55, 0.55, 0.56), 0.25, 0.06),
    _plain("visor", (0.012, 0.013, 0.015), 0.08, 0.08),
    # people, continued
    _worn("skin tan", (0.44, 0.255, 0.160), 0.6),
    _worn("skin deep", (0.068, 0.036, 0.024), 0.55),
    _worn("hair white", (0.60, 0.59, 0.57), 0.6),
    _worn("hair red", (0.22, 0.070, 0.025), 0.6),
    _worn("eye", (0.022, 0.018, 0.016), 0.5),
    _worn("lips", (0.30, 0.110, 0.090), 0.6),
    _worn("cloth white", (0.66, 0.66, 0.64)),
    _worn("cloth black", (0.024, 0.024, 0.026)),
    _worn("cloth grey", (0.22, 0.22, 0.23)),
    _worn("cloth navy", (0.030, 0.040, 0.085)),
    _worn("cloth beige", (0.38, 0.31, 0.22)),
    _worn("cloth red", (0.35, 0.028, 0.030)),
    _worn("denim", (0.060, 0.090, 0.170)),
    _worn("leather", (0.110, 0.052, 0.026), 0.5),
    _worn("hi-vis yellow", (0.62, 0.78, 0.04), 0.8),
    _worn("hi-vis orange", (0.86, 0.20, 0.02), 0.8),
    _worn("reflective", (0.62, 0.63, 0.64), 0.35),
    _worn("carrier bag", (0.62, 0.60, 0.55), 0.5),
    _worn("delivery box", (0.030, 0.46, 0.40), 0.6),
    _worn("umbrella black", (0.018, 0.018, 0.020), 0.5),
    _worn("umbrella", (0.5, 0.5, 0.5), 0.5, paint=Paint.BODY),
    _worn("pole", (0.30, 0.31, 0.32), 0.35),
    # places
    _leaf("leaves red", (0.090, 0.032, 0.034)),
    _leaf("needles", (0.040, 0.066, 0.034), 0.15),
    _leaf("needles dark", (0.024, 0.040, 0.023), 0.10),
    _leaf("hedge", (0.053, 0.091, 0.028), 0.25),
    _leaf("blossom red", (0.45, 0.030, 0.045)),
    _leaf("blossom yellow", (0.55, 0.38, 0.035)),
    _leaf("blossom white", (0.62, 0.60, 0.56)),
    _leaf("straw", (0.235, 0.195, 0.085), 0.3),
    _tiled("bark pale", (0.27, 0.25, 0.19), Texture.CONCRETE, 1.0),
    _tiled("bark birch", (0.50, 0.49, 0.45), Texture.CONCRETE, 0.7),
    _tiled("bark red", (0.21, 0.105, 0.060), Texture.CONCRETE, 1.0),
    _ground("slabs", (0.34, 0.318, 0.280), Texture.SLABS, 3.2, Weathering.PAVED),
    _ground("setts", (0.195, 0.185, 0.171), Texture.SETTS, 2.0, Weathering.PAVED),
    _ground("yard asphalt", (0.146, 0.138, 0.127), Texture.ASPHALT, 3.2, Weathering.PAVED),
    _ground("gravel", (0.30, 0.275, 0.235), Texture.GRAVEL, 3.0, Weathering.PAVED),
    _ground("earth", (0.135, 0.098, 0.066), Texture.GRAVEL, 4.0, Weathering.SOIL),
    _ground("meadow", (0.102, 0.124, 0.046), Texture.GRASS, 17.0, Weathering.SOIL),
    _ground("crop", (0.285, 0.240, 0.110), Texture.ROWS, 6.0, Weathering.SOIL),
    _ground("young crop", (0.091, 0.125, 0.042), Texture.ROWS, 6.0, Weathering.SOIL),
    _ground("ploughed", (0.150, 0.108, 0.074), Texture.ROWS, 5.0, Weathering.SOIL),
    _ground("far wood", (0.036, 0.056, 0.026), Texture.LEAVES, 30.0, Weathering.LEAF),
    _ground("bus lane", (0.210, 0.075, 0.060), Texture.ASPHALT, 3.2, Weathering.ROAD),
    _ground("tactile", (0.52, 0.49, 0.40), Texture.PAVING, 1.2, Weathering.PAVED),
    _ground("iron cover", (0.055, 0.054, 0.052), Texture.SETTS, 0.5, Weathering.ROAD),
    _ground("old paint", (0.36, 0.36, 0.345), Texture.ASPHALT, 3.0, Weathering.ROAD),
    _tiled("stone", (0.46, 0.43, 0.36), Texture.PLASTER, 5.0),
    _tiled("stone dark", (0.26, 0.245, 0.22), Texture.CONCRETE, 3.0),
    _tiled("plaster cream", (0.70, 0.62, 0.45), Texture.PLASTER, 5.0),
    _tiled("plaster blue", (0.33, 0.40, 0.47), Texture.PLASTER, 5.0),
    _tiled("plaster brown", (0.31, 0.235, 0.17), Texture.PLASTER, 5.0),
    _tiled("timber wall", (0.17, 0.105, 0.060), Texture.SHEET, 2.4),
    _tiled("sheet grey", (0.45, 0.46, 0.47), Texture.SHEET, 2.0, 0.5),
    _tiled("sheet blue", (0.10, 0.19, 0.32), Texture.SHEET, 2.0, 0.5),
    _tiled("sheet green", (0.10, 0.18, 0.12), Texture.SHEET, 2.0, 0.5),
    _tiled("sheet red", (0.33, 0.055, 0.045), Texture.SHEET, 2.0, 0.5),
    _tiled("roof brown", (0.155, 0.080, 0.055), Texture.ROOF, 1.8),
    _plain("zinc", (0.30, 0.32, 0.33), 0.45, 0.12),
    _plain("copper green", (0.21, 0.36, 0.29), 0.6),
    _plain("fascia red", (0.45, 0.030, 0.035), 0.45),
    _plain("fascia blue", (0.020, 0.085, 0.30), 0.45),
    _plain("fascia green", (0.020, 0.17, 0.075), 0.45),
    _plain("fascia yellow", (0.62, 0.43, 0.030), 0.45),
    _plain("fascia white", (0.72, 0.72, 0.70), 0.45),
    _plain("fascia black", (0.022, 0.022, 0.024), 0.45),
    _plain("fascia orange", (0.60, 0.19, 0.025), 0.45),
    _glass("curtain glass", (0.34, 0.46, 0.50), Inside.ROOM),
    _plain("cone orange", (0.68, 0.125, 0.018), 0.6),
    _plain("wire", (0.018, 0.018, 0.018), 0.6),
    _plain("skyline", (0.145, 0.150, 0.160), 1.0, 0.0),
    _plain("skyline pale", (0.235, 0.235, 0.235), 1.0, 0.0),
    # light and weather
    _plain("street lamp glass", (0.33, 0.32, 0.29), 0.35, 0.05),
    Material(
        name="flood water",
        colour=(0.10, 0.086, 0.062),
        roughness=0.04,
        specular=0.02,
        weathering=Weathering.WATER,
    ),
    # vehicles, continued
    _vehicle("paint metallic", (0.5, 0.5, 0.5), 0.30, 0.11, Paint.BODY),
    _vehicle("gloss black", (0.010, 0.010, 0.011), 0.10, 0.05),
    _vehicle("plastic grey", (0.085, 0.086, 0.088), 0.65),
    _vehicle("grille", (0.012, 0.012, 0.013), 0.5),
    _vehicle("lamp glass", (0.20, 0.21, 0.22), 0.06, 0.09),
    _vehicle("tail glass", (0.115, 0.006, 0.007), 0.08, 0.06),
    _vehicle("mirror glass", (0.045, 0.050, 0.054), 0.04, 0.32),
    _vehicle("plate ink", (0.17, 0.17, 0.175), 0.6),
    _vehicle("plate band", (0.015, 0.055, 0.32), 0.6),
    _vehicle("rim dark", (0.055, 0.056, 0.058), 0.30, 0.12),
    _vehicle("rim steel", (0.030, 0.030, 0.031), 0.55),
    _vehicle("hub cap", (0.40, 0.41, 0.42), 0.35, 0.20),
    _vehicle("brake disc", (0.085, 0.080, 0.078), 0.5, 0.2),
    _vehicle("vehicle white", (0.72, 0.72, 0.70), 0.25, 0.05),
    _vehicle("vehicle silver", (0.42, 0.43, 0.44), 0.30, 0.20),
    _vehicle("livery blue", (0.012, 0.045, 0.30), 0.35),
    _vehicle("livery yellow", (0.66, 0.58, 0.025), 0.35),
    _vehicle("livery red", (0.50, 0.022, 0.020), 0.35),
    _vehicle("livery green", (0.030, 0.24, 0.085), 0.35),
    _vehicle("livery orange", (0.66, 0.20, 0.020), 0.35),
    _vehicle("canvas", (0.42, 0.43, 0.44), 0.8),
    _vehicle("tarpaulin", (0.5, 0.5, 0.5), 0.7, paint=Paint.SECOND),
    _vehicle("load wood", (0.36, 0.235, 0.125), 0.85),
    _vehicle("load card", (0.33, 0.22, 0.125), 0.9),
    _vehicle("load earth", (0.140, 0.100, 0.066), 1.0),
    _vehicle("alloy", (0.46, 0.47, 0.48), 0.40, 0.25),
    _lamp("daytime lamp", (0.55, 0.56, 0.57), (4.0, 4.1, 4.2), _DRIVEN),
    _lamp("fog lamp", (0.42, 0.43, 0.44), (5.0, 4.8, 4.4), int(Lamp.FOG)),
    _lamp("side marker", (0.42, 0.17, 0.02), (0.30, 0.10, 0.004), _RUNNING),
    _lamp("beacon a", (0.020, 0.070, 0.34), (0.25, 0.90, 7.0), int(Lamp.SPECIAL_1)),
    _lamp("beacon b", (0.020, 0.070, 0.34), (0.25, 0.90, 7.0), int(Lamp.SPECIAL_2)),
    _lamp("cabin light", (0.70, 0.69, 0.66), (1.1, 1.0, 0.85), _RUNNING),
    _vehicle("lamp broken", (0.060, 0.058, 0.056), 0.5),
    _vehicle("glass broken", (0.30, 0.32, 0.32), 0.45),
    _plain("debris glass", (0.34, 0.37, 0.37), 0.12, 0.08),
    _plain("debris plastic", (0.025, 0.025, 0.026), 0.5),
    _ground("tyre mark", (0.040, 0.040, 0.041), Texture.ASPHALT, 3.2, Weathering.ROAD),
    # roads, continued
    _ground("asphalt new", (0.084, 0.081, 0.077), Texture.ASPHALT, 3.2, Weathering.ROAD),
    _ground("asphalt pale", (0.155, 0.148, 0.138), Texture.ASPHALT, 3.2, Weathering.ROAD),
    _ground("bitumen", (0.046, 0.045, 0.044), Texture.ASPHALT, 3.2, Weathering.ROAD),
)
"""Surfaces by index; `material` finds one by name."""

_INDEX = {made.name: index for index, made in enumerate(MATERIALS)}


def material(name: str) -> int:
    """Return the index of a material; a wrong name is a KeyError."""
    return _INDEX[name]


def skin(name: str, class_id: ClassId) -> Skin:
    """Return a named material on a surface of a class."""
    return Skin(material(name), class_id)
