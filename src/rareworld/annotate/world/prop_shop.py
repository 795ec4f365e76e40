"""Makes the mesh of every prop; things that are built alike are built once.

Proved in tests/annotate/world/test_prop_shop.py.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import final

from rareworld.annotate.world.buildings import building
from rareworld.annotate.world.kit import faceted, placed
from rareworld.annotate.world.mesh import Vec3, finish
from rareworld.annotate.world.model import Mesh
from rareworld.annotate.world.plants import bush, flower_bed, hedge
from rareworld.annotate.world.props import BUILDERS
from rareworld.annotate.world.trees import Nursery
from rareworld.core.scene import Prop, PropKind

PLANTS: dict[PropKind, Callable[[Vec3, int, int], Mesh]] = {
    PropKind.HEDGE: hedge,
    PropKind.BUSH: bush,
    PropKind.FLOWER_BED: flower_bed,
}
"""Who grows what; each takes (length, width, height), a style and a detail (0 near to 2 far)."""
_ANGULAR = frozenset({PropKind.FENCE, PropKind.WALL, PropKind.NOISE_WALL, PropKind.BRIDGE})
"""Things without a round face."""
_GAP_M = 1.2
"""A house this near hides a wall."""
_PLAIN_M = 90.0
"""Farther buildings have no bars, sills, shutters, balconies and awnings."""
_FAR_M = (60.0, 110.0)
"""From the focus: trees farther than these have fewer and larger leaf cards."""


def _covers(prop: Prop, x_m: float, y_m: float) -> bool:
    """Tell whether a prop's box is over a point."""
    dx, dy = x_m - prop.position_m[0], y_m - prop.position_m[1]
    c, s = math.cos(prop.yaw_rad), math.sin(prop.yaw_rad)
    return abs(c * dx + s * dy) < prop.size_m[0] / 2 and abs(c * dy - s * dx) < prop.size_m[1] / 2


@final
@dataclass
class PropShop:
    """Makes props; one per scene."""

    focus_m: tuple[float, float]
    """(x, y) of what cameras look at; far trees have fewer leaves."""
    props: Sequence[Prop] = ()
    """All that stands; walls that touch the next house are blind."""
    known: dict[tuple[PropKind, Vec3, int], Mesh] = field(
        default_factory=dict[tuple[PropKind, Vec3, int], Mesh]
    )

    nursery: Nursery = field(default_factory=Nursery)

    def make(self, prop: Prop) -> Mesh:
        """Return a prop in the world frame."""
        if prop.kind == PropKind.TREE:
            return self._tree(prop)
        if prop.kind == PropKind.BUILDING:
            plain = self._away_m(prop) > _PLAIN_M
            blind = self._touches(prop, 1.0), self._touches(prop, -1.0)
            shape = faceted(building(prop.size_m, prop.style, plain=plain, blind=blind))
            return placed(shape, prop.yaw_rad, prop.position_m)
        if prop.kind in PLANTS:
            made = PLANTS[prop.kind](prop.size_m, prop.style, self._detail(prop))
            return placed(made, prop.yaw_rad, prop.position_m)
        key = (prop.kind, prop.size_m, prop.style)
        if key not in self.known:
            shape = BUILDERS[prop.kind](prop.size_m, prop.style)
            self.known[key] = faceted(shape) if prop.kind in _ANGULAR else finish(shape)
        return placed(self.known[key], prop.yaw_rad, prop.position_m)

    def _away_m(self, prop: Prop) -> float:
        x, y = self.focus_m
        return math.hypot(prop.position_m[0] - x, prop.position_m[1] - y)

    def _touches(self, prop: Prop, side: float) -> bool:
        """Tell whether another house stands right beside one end of a house."""
        reach = side * (prop.size_m[0] / 2 + _GAP_M)
        c, s = math.cos(prop.yaw_rad), math.sin(prop.yaw_rad)
        x, y = prop.position_m[0] + reach * c, prop.position_m[1] + reach * s
        return any(
            other is not prop and other.kind == PropKind.BUILDING and _covers(other, x, y)
            for other in self.props
        )

    def _detail(self, prop: Prop) -> int:
        away = self._away_m(prop)
        return sum(away > far for far in _FAR_M)

    def _tree(self, prop: Prop) -> Mesh:
        mesh, usual = self.nursery.tree(prop.style, self._detail(prop))
        scale = tuple(a / b for a, b in zip(prop.size_m, usual, strict=True))
        return placed(mesh, prop.yaw_rad, prop.position_m, (scale[0], scale[1], scale[2]))
