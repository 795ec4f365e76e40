"""Every surface the world is made of: the only table of materials.

Colours are linear reflectances as measured for common surfaces (fresh asphalt about 0.04, worn
0.12, concrete 0.3 to 0.5, grass 0.1, white road paint 0.7), chosen by eye within those ranges.
"""

from rareworld.annotate.world.mesh import Skin
from rareworld.annotate.world.model import Material, Paint, StateBit, Texture
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Lamp

_RUNNING = int(Lamp.POSITION | Lamp.LOW_BEAM)
_HEAD = int(Lamp.LOW_BEAM | Lamp.HIGH_BEAM)
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


def _lamp(
    name: str,
    colour: tuple[float, float, float],
    emission: tuple[float, float, float],
    when: int,
) -> Material:
    return Material(
        name=name, colour=colour, roughness=0.15, specular=0.05, emission=emission, lit_when=when
    )


MATERIALS: tuple[Material, ...] = (
    _tiled("asphalt", (0.122, 0.122, 0.120), Texture.ASPHALT, 5.0),
    _tiled("bike lane", (0.19, 0.085, 0.068), Texture.ASPHALT, 5.0),
    _tiled("white paint", (0.60, 0.60, 0.575), Texture.ASPHALT, 5.0, 0.7),
    _tiled("yellow paint", (0.60, 0.42, 0.08), Texture.ASPHALT, 5.0, 0.7),
    _tiled("paving", (0.30, 0.29, 0.27), Texture.PAVING, 2.4),
    _tiled("kerb", (0.40, 0.39, 0.37), Texture.CONCRETE, 2.0),
    _tiled("gutter", (0.16, 0.16, 0.155), Texture.CONCRETE, 2.0),
    _tiled("grass", (0.096, 0.112, 0.050), Texture.GRASS, 9.0),
    _tiled("far ground", (0.098, 0.114, 0.052), Texture.GRASS, 23.0),
    _tiled("concrete", (0.34, 0.335, 0.32), Texture.CONCRETE, 4.0),
    _tiled("brick red", (0.30, 0.120, 0.080), Texture.BRICK, 1.6),
    _tiled("brick brown", (0.22, 0.135, 0.090), Texture.BRICK, 1.6),
    _tiled("brick pale", (0.46, 0.37, 0.26), Texture.BRICK, 1.6),
    _tiled("plaster white", (0.66, 0.64, 0.59), Texture.PLASTER, 4.0),
    _tiled("plaster ochre", (0.58, 0.42, 0.21), Texture.PLASTER, 4.0),
    _tiled("plaster rose", (0.52, 0.33, 0.27), Texture.PLASTER, 4.0),
    _tiled("plaster green", (0.38, 0.44, 0.33), Texture.PLASTER, 4.0),
    _tiled("plaster grey", (0.40, 0.41, 0.41), Texture.PLASTER, 4.0),
    _tiled("panel", (0.47, 0.46, 0.44), Texture.CONCRETE, 4.0),
    _tiled("panel dark", (0.20, 0.21, 0.22), Texture.CONCRETE, 4.0),
    _tiled("roof tiles", (0.27, 0.095, 0.055), Texture.ROOF, 1.8),
    _tiled("roof slate", (0.10, 0.105, 0.115), Texture.ROOF, 1.8),
    _tiled("roof flat", (0.19, 0.19, 0.19), Texture.CONCRETE, 6.0),
    _tiled("leaves", (0.080, 0.118, 0.038), Texture.LEAVES, 1.6),
    _tiled("leaves dark", (0.052, 0.084, 0.036), Texture.LEAVES, 1.6),
    _tiled("leaves light", (0.112, 0.140, 0.044), Texture.LEAVES, 1.6),
    _tiled("bark", (0.13, 0.095, 0.065), Texture.CONCRETE, 1.0),
    _plain("window", (0.055, 0.062, 0.066), 0.05, 0.08),
    _plain("window blind", (0.33, 0.32, 0.29), 0.35, 0.05),
    _plain("shop window", (0.055, 0.060, 0.065), 0.05, 0.08),
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
    Material(name="paint", colour=(0.5, 0.5, 0.5), roughness=0.22, specular=0.06, paint=Paint.BODY),
    Material(name="cargo", colour=(0.6, 0.6, 0.6), roughness=0.5, paint=Paint.SECOND),
    _plain("car glass", (0.060, 0.066, 0.068), 0.04, 0.08),
    _plain("trim", (0.020, 0.020, 0.021), 0.6),
    _plain("underbody", (0.010, 0.010, 0.010), 1.0, 0.02),
    _plain("chrome", (0.50, 0.50, 0.51), 0.15, 0.55),
    _plain("tyre", (0.016, 0.016, 0.017), 0.95),
    _plain("rim", (0.36, 0.37, 0.38), 0.30, 0.35),
    _plain("plate", (0.66, 0.66, 0.62), 0.5),
    _plain("taxi sign", (0.75, 0.55, 0.05), 0.4),
    _plain("bus display", (0.28, 0.17, 0.02), 0.4),
    _lamp("head lamp", (0.62, 0.64, 0.66), (2.6, 2.5, 2.3), _HEAD),
    _lamp("tail lamp", (0.28, 0.012, 0.012), (0.55, 0.02, 0.02), _RUNNING),
    _lamp("brake lamp", (0.33, 0.014, 0.014), (2.8, 0.10, 0.08), int(Lamp.BRAKE)),
    _lamp("reverse lamp", (0.55, 0.55, 0.55), (1.8, 1.8, 1.8), int(Lamp.REVERSE)),
    _lamp("left blinker", (0.50, 0.20, 0.02), (2.6, 1.05, 0.08), _LEFT),
    _lamp("right blinker", (0.50, 0.20, 0.02), (2.6, 1.05, 0.08), _RIGHT),
    _lamp("lens red", (0.055, 0.008, 0.008), (3.0, 0.12, 0.08), int(StateBit.RED)),
    _lamp("lens yellow", (0.060, 0.040, 0.006), (2.8, 1.55, 0.10), int(StateBit.YELLOW)),
    _lamp("lens green", (0.006, 0.050, 0.025), (0.10, 2.3, 1.05), int(StateBit.GREEN)),
    Material(name="jacket", colour=(0.5, 0.5, 0.5), paint=Paint.BODY),
    Material(name="trousers", colour=(0.1, 0.1, 0.1), paint=Paint.SECOND),
    _plain("skin light", (0.56, 0.34, 0.24), 0.6),
    _plain("skin mid", (0.34, 0.19, 0.115), 0.6),
    _plain("skin dark", (0.13, 0.066, 0.040), 0.6),
    _plain("hair black", (0.014, 0.012, 0.010), 0.6),
    _plain("hair brown", (0.075, 0.040, 0.020), 0.6),
    _plain("hair fair", (0.36, 0.24, 0.10), 0.6),
    _plain("hair grey", (0.30, 0.30, 0.30), 0.6),
    _plain("shoe", (0.035, 0.030, 0.028), 0.6),
    _plain("shoe pale", (0.55, 0.54, 0.52), 0.6),
    _plain("bag", (0.065, 0.075, 0.11), 0.8),
    _plain("helmet", (0.55, 0.55, 0.56), 0.25, 0.06),
    _plain("visor", (0.012, 0.013, 0.015), 0.08, 0.08),
)
"""Surfaces by index; `material` finds one by name."""

_INDEX = {made.name: index for index, made in enumerate(MATERIALS)}


def material(name: str) -> int:
    """Return the index of a material; a wrong name is a KeyError."""
    return _INDEX[name]


def skin(name: str, class_id: ClassId) -> Skin:
    """Return a named material on a surface of a class."""
    return Skin(material(name), class_id)
