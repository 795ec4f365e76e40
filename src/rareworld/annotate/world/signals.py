"""Traffic lights and signs of the road map: posts, switching heads, plates.

Posts and plates never change and are static; each head with lenses is an instance of its own whose
`StateBit` lights the right lens. Heads face along `Signal.yaw_rad`, towards the drivers.
"""

from dataclasses import dataclass, field
from typing import final

import numpy as np

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import (
    Skin,
    Soup,
    Vec3,
    box,
    circle,
    extrude,
    merge,
    moved,
    soup,
    tube,
)
from rareworld.core.geometry import FloatArray
from rareworld.core.road import RoadMap, Signal, SignalKind
from rareworld.core.taxonomy import ClassId

_POLE = ClassId.POLE
_LIGHT = ClassId.TRAFFIC_LIGHT
_LENS_M = 0.10
_OUT_M = 0.24
"""How far a head stands in front of its post's axis."""


@final
@dataclass(kw_only=True)
class Heads:
    """Everything signals add to the world."""

    posts: list[Soup] = field(default_factory=list[Soup])
    shapes: tuple[Soup, ...] = ()
    """Prototypes: three lenses, two lenses (pedestrians)."""
    kinds: list[int] = field(default_factory=list[int])
    """Index into `shapes` of each head."""
    signals: list[int] = field(default_factory=list[int])
    """Row of each head's signal in `road.signals`."""
    poses: list[FloatArray] = field(default_factory=list[FloatArray])
    """World from head, shape (3, 4)."""


def _disc(
    radius_m: float, x_m: float, z_m: float, look: Skin, corners: int = 18, turn_rad: float = 0.0
) -> Soup:
    """Return a flat regular polygon that faces +x."""
    angle = turn_rad + np.arange(corners) * 2 * np.pi / corners
    ring = np.stack(
        [np.full(corners, x_m), radius_m * np.cos(angle), z_m + radius_m * np.sin(angle)], axis=1
    )
    centre = np.broadcast_to([x_m, 0.0, z_m], ring.shape)
    return soup(np.stack([centre, ring, np.roll(ring, -1, axis=0)], axis=1), look)


def _visor(z_m: float) -> Soup:
    """Return the hood over a lens: an open half tube, seen from both sides."""
    angle = np.linspace(-0.25, np.pi + 0.25, 9)
    ring = np.stack([0 * angle, 0.115 * np.cos(angle), z_m + 0.115 * np.sin(angle)], axis=1)
    near, far = (ring + np.array([x, 0.0, 0.0]) for x in (0.085, 0.22))
    quads = np.stack([near[:-1], far[:-1], far[1:], near[1:]], axis=1)[:, [0, 1, 2, 0, 2, 3]]
    inner = quads.reshape(-1, 3, 3)
    centre = np.array([0.0, 0.0, z_m])
    outer = (inner[:, ::-1] - centre) * np.array([1.0, 1.06, 1.06]) + centre
    return soup(np.concatenate([inner, outer]), skin("housing", _LIGHT))


def _head(lenses: tuple[str, ...], *, backed: bool) -> Soup:
    """Return a head with its lenses from top to bottom, centre at the origin, facing +x."""
    pitch = 0.27
    tall = pitch * len(lenses) + 0.06
    parts = [box((0.17, 0.28, tall), (0.0, 0, 0), skin("housing", _LIGHT))]
    if backed:
        parts.append(box((0.02, 0.56, tall + 0.28), (-0.06, 0, 0), skin("housing", _LIGHT)))
        rim = skin("sign white", _LIGHT)
        parts += [box((0.024, 0.025, tall + 0.28), (-0.058, y, 0), rim) for y in (-0.27, 0.27)]
    for k, name in enumerate(lenses):
        z = (len(lenses) - 1) * pitch / 2 - k * pitch
        parts += [_disc(_LENS_M, 0.088, z, skin(name, _LIGHT)), _visor(z)]
    return merge(parts)


HEAD_SHAPES: tuple[Soup, ...] = (
    _head(("lens red", "lens yellow", "lens green"), backed=True),
    _head(("lens red", "lens green"), backed=False),
)
"""Vehicle head and pedestrian head."""

_SIGN_FACES: dict[SignalKind, tuple[tuple[str, float, int, float], ...]] = {
    SignalKind.STOP: (("sign white", 0.40, 8, np.pi / 8), ("sign red", 0.37, 8, np.pi / 8)),
    SignalKind.YIELD: (("sign red", 0.50, 3, -np.pi / 2), ("sign white", 0.33, 3, -np.pi / 2)),
    SignalKind.SPEED_LIMIT: (("sign red", 0.32, 24, 0.0), ("sign white", 0.24, 24, 0.0)),
    SignalKind.OTHER: (("sign white", 0.32, 4, np.pi / 4), ("sign blue", 0.29, 4, np.pi / 4)),
}
"""Layers of a plate from the back: material, radius, corners, turn."""


def plate(kind: SignalKind, z_m: float) -> Soup:
    """Return a sign's plate that faces +x at a height; its back is grey."""
    made: list[Soup] = []
    for layer, (name, radius, corners, turn) in enumerate(_SIGN_FACES[kind]):
        made.append(
            _disc(
                radius, 0.045 + 0.006 * layer, z_m, skin(name, ClassId.TRAFFIC_SIGN), corners, turn
            )
        )
    _, radius, corners, turn = _SIGN_FACES[kind][0]
    back = _disc(radius, 0.04, z_m, skin("sign back", ClassId.TRAFFIC_SIGN), corners, turn)
    made.append(soup(back.corners_m[:, ::-1], skin("sign back", ClassId.TRAFFIC_SIGN)))
    if kind == SignalKind.STOP:
        made.append(
            box((0.004, 0.44, 0.10), (0.054, 0, z_m), skin("sign white", ClassId.TRAFFIC_SIGN))
        )
    if kind == SignalKind.SPEED_LIMIT:
        made += [
            box((0.004, 0.08, 0.17), (0.054, y, z_m), skin("sign black", ClassId.TRAFFIC_SIGN))
            for y in (-0.075, 0.075)
        ]
    return merge(made)


def post(height_m: float, radius_m: float, name: str = "steel dark") -> Soup:
    """Return a round post with a foot, standing on the origin."""
    ring = circle(10) * radius_m
    return merge(
        [
            extrude(ring, -0.3, height_m, skin(name, _POLE)),
            extrude(1.8 * ring, -0.3, 0.12, skin(name, _POLE)),
        ]
    )


def sign_on_post(kind: SignalKind, height_m: float) -> Soup:
    """Return a whole sign on its post."""
    return merge([post(height_m + 0.25, 0.035, "steel"), plate(kind, height_m)])


def _light_post(signal: Signal) -> Soup:
    """Return the post of a light; high heads hang in front of it on short brackets."""
    z = signal.height_m
    arm = skin("steel dark", _POLE)
    brackets = [
        tube([(0, 0, z + dz), (_OUT_M, 0, z + dz)], [0.025, 0.025], arm, 6) for dz in (-0.25, 0.25)
    ]
    return merge([post(z + 0.55, 0.065), *brackets])


def _pose(signal: Signal, at_m: Vec3) -> FloatArray:
    """Return world from head for a head at a place in the post's frame."""
    c, s = np.cos(signal.yaw_rad), np.sin(signal.yaw_rad)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    shift = turn @ np.asarray(at_m) + np.asarray(signal.position_m)
    return np.concatenate([turn, shift[:, None]], axis=1)


def make_signals(road: RoadMap) -> Heads:
    """Return posts, plates and heads of all signals of a map."""
    made = Heads(shapes=HEAD_SHAPES)
    kinds = {SignalKind.TRAFFIC_LIGHT: 0, SignalKind.PEDESTRIAN_LIGHT: 1}
    for row, signal in enumerate(road.signals):
        head = kinds.get(signal.kind)
        shape = sign_on_post(signal.kind, signal.height_m) if head is None else _light_post(signal)
        made.posts.append(moved(shape, yaw_rad=signal.yaw_rad, by_m=signal.position_m))
        if head is not None:
            made.kinds.append(head)
            made.signals.append(row)
            made.poses.append(_pose(signal, (_OUT_M, 0.0, signal.height_m)))
    return made
