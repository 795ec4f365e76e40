"""Lamps that light the road: found on the finished shapes, so that no lamp shines from elsewhere.

Each cluster of lamp triangles of one material on one side becomes a `LocalLight` at its middle.
Intensities on the axis are of the order of type-approved lamps: brake lamps 60 to 185 cd (UN R7);
dipped beam about 15 000 cd, main beam 40 000, position lamps 4 to 12, indicators a few hundred and
beacons several hundred are our own round numbers within what R112, R7, R6 and R65 are known to
allow, not read off them. One kilocandela gives 1000 lx at 1 m; 1 is the light of 100 000 lx, as in
`sky_spectrum`.
Proved in tests/annotate/world/test_beams.py.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float, UInt32

from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import Vec3
from rareworld.annotate.world.model import Beam, LocalLight, StateBit
from rareworld.annotate.world.parts import Part
from rareworld.annotate.world.sky_spectrum import UNIT_LUX
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Driver, Lamp, Recording

PER_CANDELA = 1 / UNIT_LUX
"""Irradiance at 1 m of one candela, in the unit of `Daylight.sun_radiance`."""


@final
@dataclass(frozen=True, kw_only=True)
class Shine:
    """What a lamp material sends out."""

    name: str
    candela: float
    colour: tuple[float, float, float]
    lit_when: int
    beam: Beam = Beam.CONE
    outer_rad: float = 1.45
    forward: bool = True
    """Whether it looks ahead; else back. Blinkers look to the end they are mounted at."""


_WARM, _RED, _AMBER = (1.0, 0.95, 0.87), (1.0, 0.02, 0.015), (1.0, 0.36, 0.012)
_BLUE = (0.04, 0.14, 1.0)
SHINES: tuple[Shine, ...] = (
    Shine(name="head lamp", candela=15_000, colour=_WARM, beam=Beam.LOW_BEAM,
          lit_when=int(Lamp.LOW_BEAM), outer_rad=1.2),
    Shine(name="head lamp", candela=40_000, colour=_WARM, beam=Beam.HIGH_BEAM,
          lit_when=int(Lamp.HIGH_BEAM), outer_rad=0.9),
    Shine(name="tail lamp", candela=12, colour=_RED, forward=False,
          lit_when=int(Lamp.POSITION | Lamp.LOW_BEAM)),
    Shine(name="brake lamp", candela=120, colour=_RED, lit_when=int(Lamp.BRAKE), forward=False),
    Shine(name="reverse lamp", candela=200, colour=_WARM, lit_when=int(Lamp.REVERSE),
          forward=False),
    Shine(name="left blinker", candela=250, colour=_AMBER, lit_when=int(Lamp.LEFT_BLINKER)),
    Shine(name="right blinker", candela=250, colour=_AMBER, lit_when=int(Lamp.RIGHT_BLINKER)),
    Shine(name="beacon a", candela=900, colour=_BLUE, lit_when=int(Lamp.SPECIAL_1),
          outer_rad=float(np.pi)),
    Shine(name="beacon b", candela=900, colour=_BLUE, lit_when=int(Lamp.SPECIAL_2),
          outer_rad=float(np.pi)),
)  # fmt: skip
"""What each lamp material casts."""
_PAIRED = ("head lamp",)
"""Lamps whose two sides light the road apart; the others act as one at the middle."""
_BLINKERS = ("left blinker", "right blinker")
_TWIN_M = 0.25
_DEEP_M = 0.45
"""Lamps farther from the tail (third brake lamps of saloons) add nothing."""
_BICYCLE_SHARE = 0.02
"""A bicycle's lamp has about 300 cd."""


def lit(part: Part, class_id: ClassId) -> Part:
    """Return the part with the lights of its lamps; those of bicycles are weak."""
    share = _BICYCLE_SHARE if class_id is ClassId.BICYCLE else 1.0
    found = [light for shine in SHINES for light in _lights(part, shine, share)]
    return replace(part, lights=tuple(found))


def _lights(part: Part, shine: Shine, share: float) -> list[LocalLight]:
    """Return the lights of one kind on a part."""
    shape = part.shape
    corners = shape.corners_m[shape.material == material(shine.name)]
    if not len(corners):
        return []
    centre = corners.mean(axis=1)
    if shine.name in _BLINKERS:
        groups = [centre[centre[:, 0] > 0], centre[centre[:, 0] <= 0]]
    elif shine.name in _PAIRED and np.abs(centre[:, 1]).max() > _TWIN_M:
        groups = [centre[centre[:, 1] > 0], centre[centre[:, 1] <= 0]]
    elif shine.forward:
        groups = [centre]
    else:
        groups = [centre[centre[:, 0] < centre[:, 0].min() + _DEEP_M]]
    return [_light(group, shine, share) for group in groups if len(group)]


def _light(centre: Float[np.ndarray, "f 3"], shine: Shine, share: float) -> LocalLight:
    """Return a light in the middle of its lens, a little before it."""
    middle = (centre.min(axis=0) + centre.max(axis=0)) / 2
    ahead = shine.forward if shine.name not in _BLINKERS else bool(middle[0] > 0)
    # a dipped beam holds its own cut-off; its axis is level
    way: Vec3 = (1.0, 0.0, 0.0)
    if not ahead:
        way = (-1.0, 0.0, 0.0)
    around = shine.outer_rad >= np.pi
    axis = np.array((0.0, 0.0, 1.0) if around else way)
    axis /= np.linalg.norm(axis)
    at = middle + (0.0 if around else 0.06) * axis
    power = share * shine.candela * PER_CANDELA
    red, green, blue = (float(power * part) for part in shine.colour)
    return LocalLight(
        position_m=(float(at[0]), float(at[1]), float(at[2])),
        direction=(float(axis[0]), float(axis[1]), float(axis[2])),
        intensity=(red, green, blue), beam=shine.beam,
        inner_rad=float(np.pi) if around else 0.5, outer_rad=shine.outer_rad,
        lit_when=shine.lit_when,
    )  # fmt: skip


_MOTOR = (ClassId.CAR, ClassId.TRUCK, ClassId.BUS, ClassId.MOTORCYCLE)
_OLD_CARS = 5
"""One in so many has no daytime running lamps."""


def with_daytime(recording: Recording) -> UInt32[np.ndarray, "n t"]:
    """Return the lamps of all actors, with the daytime running lamps of whoever is driven.

    They are no `Lamp` of the recording: switched by the ignition, they tell nothing about a driver.
    """
    has = [
        actor.class_id in _MOTOR and actor.style % _OLD_CARS != 0
        for actor in recording.scene.actors
    ]
    tracks = recording.tracks
    shown = np.array(has, dtype=np.bool_)[:, None] & (tracks.driver != Driver.PARKED)
    return tracks.lamps | np.where(shown, np.uint32(StateBit.DAYTIME), np.uint32(0))
