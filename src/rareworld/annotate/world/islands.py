"""What is built into roads: refuges half way across, and bridges over them.

Islands are kerbed 12 cm high with a guard post at their nose; a bridge is a slab on walls and a
middle pier, 4.85 m clear (RAA: 4.70), with earth ramps at both ends. Proved in
tests/annotate/world/test_islands.py.
"""

import numpy as np
import shapely

from rareworld.annotate.world.kit import Kit
from rareworld.annotate.world.materials import skin
from rareworld.annotate.world.mesh import Soup, Vec3, extrude, merge, moved, soup
from rareworld.annotate.world.signals import post
from rareworld.annotate.world.signs import PICTOGRAMS, pictogram
from rareworld.core.taxonomy import ClassId

RAMP_M = 42.0
"""Length of the earth ramp at each end of a bridge."""
CLEAR_M = 4.85
"""Underside of a bridge over the road."""
_KERB_M, _POST_M = 0.15, 0.95
_SLOPE = 1.4
"""Width of an embankment's flank over its height."""


def island(size_m: Vec3, style: int) -> Soup:
    """Return a kerbed island with its length along x; odd styles carry a sign at the +x nose."""
    x, y, h = size_m[0] / 2, size_m[1] / 2, size_m[2]
    round_m = 0.45 * min(size_m[0], size_m[1])
    outline = shapely.box(-x + round_m, -y + round_m, x - round_m, y - round_m)
    made: list[Soup] = []
    for inset, top, name in ((0.0, h, "kerb"), (_KERB_M, h + 0.01, "paving")):
        ring = outline.buffer(round_m - inset, quad_segs=4).exterior
        corners = shapely.get_coordinates(ring)[:-1]
        made.append(extrude(corners, -0.1, top, skin(name, ClassId.SIDEWALK)))
    if style % 2:
        at = (x - max(0.55 * y, 0.3), 0.0, h)
        guard = merge([post(_POST_M + 0.4, 0.05, "sign white"),
                       pictogram(PICTOGRAMS["direction"], _POST_M)])  # fmt: skip
        made.append(moved(guard, by_m=at))
    return merge(made)


def bridge(size_m: Vec3, style: int) -> Soup:
    """Return an overpass with its way along x: slab, walls, middle pier, rails, earth ramps.

    Its base is the underside of the slab; what carries it reaches below.
    """
    x, y, low = size_m[0] / 2 - RAMP_M, size_m[1] / 2, CLEAR_M
    h = low + size_m[2] - 1.0
    kit = Kit(ClassId.BRIDGE)
    kit.box("concrete", (-x - 0.6, -y, low), (x + 0.6, y, h))
    edge = ("panel", "stone dark")[style % 2]
    kit.box(edge, (-x - 1.0, -y - 0.22, h - 0.55), (x + 1.0, y + 0.22, h - 0.05))
    for side in (-1.0, 1.0):
        inner, outer = sorted((side * x, side * (x + 1.0)))
        kit.box("concrete", (inner, -y - 0.2, -0.8), (outer, y + 0.2, low))
        _rail(kit, x, side * y, h)
    for row in (-0.6, 0.6):
        kit.box("concrete", (-0.45, row * y - 0.45, -0.5), (0.45, row * y + 0.45, low))
    kit.box("concrete", (-0.6, -y + 0.3, low - 0.6), (0.6, y - 0.3, low))
    kit.box("asphalt", (-x - 1.0, -y + 0.5, h), (x + 1.0, y - 0.5, h + 0.02))
    whole = merge([kit.soup(), *(_ramp(side, x, y, h) for side in (-1.0, 1.0))])
    return moved(whole, by_m=(0.0, 0.0, -low))


def _rail(kit: Kit, x: float, y: float, h: float) -> None:
    """Add a railing along one side of the deck."""
    at = np.arange(-x, x + 0.1, 2.0)
    foot = np.column_stack([at - 0.04, np.full(len(at), y - 0.04), np.full(len(at), h)])
    kit.box("zinc", foot, foot + np.array([0.08, 0.08, 1.0]))
    for z in (0.45, 0.92):
        kit.box("zinc", (-x, y - 0.03, h + z), (x, y + 0.03, h + z + 0.07))


def _ramp(side: float, x: float, y: float, h: float) -> Soup:
    """Return the embankment at one end: two flanks of grass and the road that climbs it."""
    near, far, foot = side * (x + 0.9), side * (x + RAMP_M), y + _SLOPE * h
    top = np.array([(near, -y, h), (near, y, h), (far, y, 0.0), (far, -y, 0.0)])
    left, right = top[[1, 2]], top[[3, 0]]
    toe = np.array([(near, foot, -0.1), (near, -foot, -0.1)])
    faces = np.array([
        (left[0], left[1], toe[0]), (right[0], right[1], toe[1]),
        (top[0], (near, -y, -0.1), toe[1]), (top[1], toe[0], (near, y, -0.1)),
    ])  # fmt: skip
    deck = np.array([top[[0, 3, 2]], top[[0, 2, 1]]])
    if side < 0:
        faces, deck = faces[:, ::-1], deck[:, ::-1]
    return merge([
        soup(faces, skin("grass", ClassId.BRIDGE)), soup(deck, skin("asphalt", ClassId.BRIDGE)),
    ])  # fmt: skip
