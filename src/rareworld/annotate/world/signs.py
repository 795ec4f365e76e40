"""Signs beyond those of the map: pictograms of plain shapes, never letters.

A pictogram is a stack of polygons, back to front, seen by a viewer at +x with y to the right.
Proved in tests/annotate/world/test_signs.py.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import Soup, circle, merge, soup, triangulate
from rareworld.core.geometry import FloatArray
from rareworld.core.taxonomy import ClassId

Layer = tuple[str, FloatArray]
"""Material and outline (y, z) about the plate's middle, metres."""
_FRONT_M, _LAYER_M = 0.045, 0.005


def _box(y0: float, z0: float, y1: float, z1: float) -> Float[np.ndarray, "4 2"]:
    return np.array([(y0, z0), (y1, z0), (y1, z1), (y0, z1)])


def _disc(radius: float, at: tuple[float, float] = (0.0, 0.0)) -> Float[np.ndarray, "s 2"]:
    return circle(20) * radius + np.array(at)


def _turned(radius: float, corners: int, turn_rad: float) -> Float[np.ndarray, "c 2"]:
    angle = turn_rad + np.arange(corners) * 2 * np.pi / corners
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _walker(y: float, scale: float) -> list[Layer]:
    """Return a person on foot."""
    limbs = ([(-0.05, 0.0), (0.05, 0.0), (0.04, 0.17), (-0.04, 0.17)],
             [(-0.05, 0.02), (0.0, 0.02), (-0.06, -0.2), (-0.12, -0.2)],
             [(0.0, 0.02), (0.05, 0.02), (0.13, -0.2), (0.07, -0.2)],
             [(0.0, 0.14), (0.03, 0.10), (0.14, 0.02), (0.12, 0.06)])  # fmt: skip
    made: list[Layer] = [("sign black", _disc(0.05 * scale, (y, 0.23 * scale)))]
    made += [("sign black", scale * np.array(limb) + [y, 0.0]) for limb in limbs]
    return made


def _arrow(turn_rad: float) -> Float[np.ndarray, "p 2"]:
    flat = np.array([(-0.04, -0.20), (0.04, -0.20), (0.04, 0.05), (0.13, 0.05), (0.0, 0.21),
                     (-0.13, 0.05), (-0.04, 0.05)])  # fmt: skip
    c, s = np.cos(turn_rad), np.sin(turn_rad)
    return flat @ np.array([[c, s], [-s, c]])


_WHITE, _RED, _BLUE, _BLACK = "sign white", "sign red", "sign blue", "sign black"
PICTOGRAMS: dict[str, tuple[Layer, ...]] = {
    "priority": (
        (_WHITE, _turned(0.42, 4, 0.0)), ("fascia yellow", _turned(0.33, 4, 0.0)),
    ),
    "no entry": ((_RED, _disc(0.32)), (_WHITE, _box(-0.22, -0.05, 0.22, 0.05))),
    "crossing": (
        (_WHITE, _box(-0.32, -0.32, 0.32, 0.32)), (_BLUE, _box(-0.305, -0.305, 0.305, 0.305)),
        (_WHITE, np.array([(-0.27, -0.24), (0.27, -0.24), (0.0, 0.26)])), *_walker(0.0, 0.72),
    ),
    "direction": (
        (_WHITE, _disc(0.32)), (_BLUE, _disc(0.305)), (_WHITE, _arrow(-0.8 * np.pi)),
    ),
    "no stopping": (
        (_RED, _disc(0.32)), (_BLUE, _disc(0.26)),
        (_RED, _box(-0.30, -0.035, 0.30, 0.035) @ np.array([[0.707, -0.707], [0.707, 0.707]])),
    ),
    "bus stop": (
        ("fascia green", _disc(0.32)), ("fascia yellow", _disc(0.27)),
        ("fascia green", _box(-0.19, -0.12, 0.19, 0.12)),
        ("fascia yellow", _box(-0.16, 0.0, 0.16, 0.09)),
        ("fascia green", _disc(0.04, (-0.11, -0.13))), ("fascia green", _disc(0.04, (0.11, -0.13))),
    ),
    "children": (
        (_RED, _turned(0.50, 3, np.pi / 2)), (_WHITE, _turned(0.38, 3, np.pi / 2)),
        *_walker(-0.07, 0.62), *_walker(0.10, 0.50),
    ),
    "street": (
        (_WHITE, _box(-0.55, -0.11, 0.55, 0.11)), (_BLUE, _box(-0.535, -0.095, 0.535, 0.095)),
        (_WHITE, _box(-0.38, -0.025, 0.12, 0.025)), (_WHITE, _box(0.17, -0.025, 0.38, 0.025)),
    ),
}  # fmt: skip
"""Layers of each sign, back to front."""


def pictogram(layers: Sequence[Layer], z_m: float) -> Soup:
    """Return a plate that faces +x with its middle at a height; its back is grey."""
    made: list[Soup] = []
    for number, (name, outline) in enumerate(layers):
        made.append(_face(outline, _FRONT_M + _LAYER_M * number, z_m, name, back=False))
    made.append(_face(layers[0][1], _FRONT_M - _LAYER_M, z_m, "sign back", back=True))
    return merge(made)


def _face(
    outline: Float[np.ndarray, "p 2"], x_m: float, z_m: float, name: str, *, back: bool
) -> Soup:
    flat = triangulate(np.asarray(outline, dtype=np.float64))
    corners = np.concatenate([np.full((*flat.shape[:2], 1), x_m), flat], axis=-1)
    corners[..., 2] += z_m
    return soup(corners[:, ::-1] if back else corners, skin(name, ClassId.TRAFFIC_SIGN))
