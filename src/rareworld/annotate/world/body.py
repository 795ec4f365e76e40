"""The painted shell of a car: a loft through cross sections, and patches placed on it.

Profiles are tables over u, the fraction of the length from nose (0) to tail (1), with heights in
fractions of the body's height: `deck` is the line of bonnet, window sills and boot, `roof` the top
line, `plan` the outline from above in half widths. A section runs from the middle of the underside
over sill, flank, shoulder, side glass and roof rail to the middle of the roof; where roof and deck
meet its upper part lies flat and is bonnet or boot lid. Wheel arches are arcs cut into the lower
edge.
"""

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import final

import numpy as np
from jaxtyping import Bool, Float
from scipy.interpolate import PchipInterpolator

from rareworld.annotate.world.materials import material, skin
from rareworld.annotate.world.mesh import Skin, Soup, symmetric_loft
from rareworld.annotate.world.pressed import Corner, Pressed, Quad, spread
from rareworld.core.blueprint import Blueprint
from rareworld.core.geometry import FloatArray

Table = tuple[tuple[float, float], ...]
"""(u, value) pairs."""
Pane = tuple[float, float, float, float]
"""u of a side window's edges: front at the bottom, front at the top, rear top, rear bottom."""

PLAN: Table = ((0, 0.60), (0.006, 0.74), (0.02, 0.85), (0.045, 0.92), (0.085, 0.965),
               (0.14, 0.99), (0.22, 1.0), (0.80, 1.0), (0.90, 0.985), (0.95, 0.95),
               (0.98, 0.88), (0.994, 0.79), (1, 0.70))  # fmt: skip
BOXY_PLAN: Table = ((0, 0.76), (0.006, 0.86), (0.02, 0.93), (0.05, 0.97), (0.10, 1.0),
                    (0.93, 1.0), (0.975, 0.985), (0.993, 0.96), (1, 0.90))  # fmt: skip


@final
@dataclass(frozen=True, kw_only=True)
class Profile:
    """Shape of one car family."""

    deck: Table
    roof: Table
    """From the foot of the windscreen to the foot of the rear window; u strictly rising."""
    windscreen: tuple[float, float]
    """u of its lower and upper edge."""
    rear_window: tuple[float, float]
    """Its upper and lower edge in u; with an upright tail its lower and upper height."""
    panes: tuple[Pane, ...]
    doors: tuple[float, ...]
    """u of the gaps between doors."""
    plan: Table = PLAN
    upright_tail: bool = True
    """The rear window is seen from behind rather than from above."""
    tuck: float = 0.225
    """How far the roof edge leans in, fraction of half the width."""
    pane_z: Corner = (0.06, 0.83)
    """Lower and upper edge of the side windows between deck and roof."""
    sill: float = 0.145
    """Height of the lower edge, fraction of the height."""
    crown_m: float = 0.045
    """Rise of bonnet and boot lid to their middle."""
    lamp: Quad = ((0.50, 0.485), (0.90, 0.525), (0.90, 0.585), (0.47, 0.535))
    """Left head lamp: y in half widths, z in heights."""
    tail: Quad = ((0.42, 0.54), (0.90, 0.54), (0.88, 0.645), (0.46, 0.645))
    """Left tail lamp."""
    body_height: float = 1.0
    """Fraction of the blueprint's height that is body (a taxi carries a sign)."""
    clad: bool = False
    """Dark plastic round arches and sills."""
    glass: bool = True
    """Whether there are windows behind the front doors; else a van's blank sides."""


_Y = (0.0, 0.90, 0.955, 0.987, 0.974, 0.994, 1.0, 0.985, 0.935)
"""Half widths of a section from the underside's middle to the window sill."""
_Z = (0.0, 0.0, 0.05, 0.19, 0.48, 0.68, 0.79, 0.90, 1.0)
"""Their heights between lower edge and deck."""
_SIDE = ((0.02, 0.012), (0.46, 0.41), (0.90, 0.85))
"""Side glass: height between deck and roof, share of the tuck."""
_ROOF = ((0.960, 1.0, 0.945), (0.990, 1.0, 0.74), (1.0, 1.0, 0.0))
"""Roof: height, share of the tuck, share of what is left of the half width."""
_PROUD_M = 0.013
"""Lips of arches, handles and frames stand this far out of the shell."""
_ARCH_GAP_M = 0.058
_CLEAR = 1.0 + 1e-3


def smooth(table: Table, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
    """Return a monotone cubic through a table, its end values held."""
    return np.asarray(_curve(table)(np.clip(u, table[0][0], table[-1][0])))


@cache
def _curve(table: Table) -> PchipInterpolator:
    """Return the cubic of a table: a body asks each of its few many times."""
    x, y = np.array(table).T
    return PchipInterpolator(x, y)


@final
class CarBody:
    """The loft of one car and the helpers that place patches on it."""

    def __init__(self, spec: Blueprint, profile: Profile) -> None:
        self.spec, self.profile = spec, profile
        self.height_m = spec.height_m * profile.body_height
        self.half_m = spec.width_m / 2 - _PROUD_M
        loft = symmetric_loft(self._sections(self._stations()), self.skin("paint"))
        self.shape = self._painted(loft)
        self.pressed = Pressed(self.shape)

    def skin(self, name: str) -> Skin:
        """Return a material on this vehicle's class."""
        return skin(name, self.spec.class_id)

    def x(self, u: float) -> float:
        """Return x of a fraction of the length from the nose."""
        return (0.5 - u) * self.spec.length_m

    def deck_m(self, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
        """Return the height of bonnet, window sill and boot at their outer edge."""
        return smooth(self.profile.deck, u) * self.height_m

    def cabin_m(self, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
        """Return how far the middle of roof, bonnet or boot stands above the deck."""
        table = self.profile.roof
        roof = smooth(table, u) * self.height_m - self.deck_m(u)
        roof = np.where((u < table[0][0]) | (u > table[-1][0]), 0.0, roof)
        crown = self.profile.crown_m * np.interp(u, [0, 0.02, 0.10, 0.9, 0.985, 1],
                                                 [0.1, 0.4, 1, 1, 0.6, 0.2])  # fmt: skip
        return np.maximum(roof, crown)

    def half_at_m(self, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
        """Return half the width."""
        return smooth(self.profile.plan, u) * self.half_m

    def edge_m(self, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
        """Return how far the rail of the roof is from the middle."""
        lean = self.profile.tuck * self._stand(u)
        return (0.935 - lean) * self.half_at_m(u)

    def _stand(self, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
        """Return the cabin's height as a share of its highest."""
        return np.clip(self.cabin_m(u) / self._highest_m, 0, 1)

    @cached_property
    def _highest_m(self) -> float:
        """The most that the cabin stands above the deck."""
        return float(self.cabin_m(np.linspace(0, 1, 101)).max())

    def _stations(self) -> Float[np.ndarray, "s"]:
        """Return u of all cross sections, dense at the arches and where tables bend."""
        length, reach = self.spec.length_m, self.spec.wheel_radius_m + _ARCH_GAP_M
        arch = np.concatenate([np.cos(np.linspace(0, np.pi, 10)), [1.02, -1.02]]) * reach
        axle = np.array([1, -1])[:, None] * self.spec.wheelbase_m / 2
        fixed = 0.5 - (axle + arch).ravel() / length
        tables = (self.profile.deck, self.profile.roof, self.profile.plan)
        loose = np.array(sorted({u for table in tables for u, _ in table}))
        away = np.abs(loose[:, None] - fixed).min(axis=1)
        kept = np.sort(np.concatenate([fixed, loose[(away > 0.009) | (loose % 1 == 0)]]))
        return kept[np.concatenate([[True], np.diff(kept) > 0.0008])]

    def lower_m(self, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s"]:
        """Return the height of the body's lower edge, arches cut out."""
        radius = self.spec.wheel_radius_m
        reach = radius + _ARCH_GAP_M
        sill = self.profile.sill * self.height_m
        sill = sill + np.interp(u, [0, 0.012, 0.05, 0.12, 0.9, 0.97, 1],
                                [0.09, 0.05, 0.02, 0, 0, 0.03, 0.07])  # fmt: skip
        x = (0.5 - u) * self.spec.length_m
        axle = self.spec.wheelbase_m / 2
        away = np.minimum(np.abs(x - axle), np.abs(x + axle))
        arch = radius + np.sqrt(np.maximum(reach**2 - away**2, 0))
        return np.where(away <= reach * _CLEAR, np.maximum(arch, sill), sill)

    def _sections(self, u: Float[np.ndarray, "s"]) -> Float[np.ndarray, "s p 3"]:
        """Return the half sections, underside to roof."""
        low, deck, cabin = self.lower_m(u), self.deck_m(u), self.cabin_m(u)
        half, lean = self.half_at_m(u), self.profile.tuck * self._stand(u)
        deck = np.maximum(deck, low + 0.06)
        y = [share + 0 * u for share in _Y] + [_Y[-1] - lean * tuck for _, tuck in _SIDE]
        y += [(_Y[-1] - lean * tuck) * share for _, tuck, share in _ROOF]
        z = [low + (deck - low) * share for share in _Z]
        z += [deck + cabin * share for share in (*(row[0] for row in _SIDE + _ROOF),)]
        x = np.broadcast_to((0.5 - u) * self.spec.length_m, (len(y), len(u)))
        return np.stack([x, np.stack(y) * half, np.stack(z)], axis=-1).swapaxes(0, 1)

    def _painted(self, shape: Soup) -> Soup:
        """Return the shell with its underside and the dark parts of bumpers and sills."""
        centre = shape.corners_m.mean(axis=1)
        u = 0.5 - centre[:, 0] / self.spec.length_m
        low, rise = self.lower_m(u), self.deck_m(u) - self.lower_m(u)
        share = (centre[:, 2] - low) / np.maximum(rise, 0.05)
        flat = share < 0.01
        flat |= (np.abs(centre[:, 1]) < 0.93 * self.half_at_m(u)) & (share < 0.04)
        made = np.where(self._dark(u, share), material("trim"), shape.material)
        made = np.where(flat, material("underbody"), made)
        return replace(shape, material=made.astype(np.int32))

    def _dark(
        self, u: Float[np.ndarray, "f"], share: Float[np.ndarray, "f"]
    ) -> Bool[np.ndarray, "f"]:
        """Return what is plastic: the foot of the bumpers, with cladding also the sills."""
        bumper = (u < 0.10) | (u > 0.91)
        return (share < 0.17) & (bumper | (self.profile.clad | (share < 0.05)))

    def front(
        self, quad: Quad, name: str, side: int = 1, cells: tuple[int, int] = (4, 2),
        lift_m: float = 0.006,
    ) -> Soup:  # fmt: skip
        """Return a patch on nose (side 1) or tail (-1); y in half widths, z in heights."""
        plane = spread(quad, cells) * np.array([self.half_m, self.height_m])
        return self.pressed.patch(0, side, plane, self.skin(name), lift_m)

    def flank(
        self, quad: Quad, name: str, cells: tuple[int, int] = (1, 1), lift_m: float = 0.006
    ) -> Soup:
        """Return a patch on the left side; corners (u, z in heights)."""
        plane = spread(quad, cells)
        plane = np.stack(
            [(0.5 - plane[..., 0]) * self.spec.length_m, plane[..., 1] * self.height_m], axis=-1
        )
        return self.pressed.patch(1, 1, plane, self.skin(name), lift_m)

    def pane(self, pane: Pane, name: str, z: Corner, cells: tuple[int, int], lift_m: float) -> Soup:
        """Return a patch on the left side between deck and roof; `z` is its span there."""
        quad: Quad = ((pane[0], z[0]), (pane[3], z[0]), (pane[2], z[1]), (pane[1], z[1]))
        plane = spread(quad, cells)
        u = plane[..., 0].ravel()
        high = self.deck_m(u) + plane[..., 1].ravel() * self.cabin_m(u)
        x = (0.5 - u) * self.spec.length_m
        plane = np.stack([x, high], axis=-1).reshape(plane.shape)
        return self.pressed.patch(1, 1, plane, self.skin(name), lift_m)

    def top(
        self, u: Corner, y: tuple[Corner, Corner], name: str, *, bow: Corner = (0.0, 0.0),
        cells: tuple[int, int] = (4, 6), lift_m: float = 0.006,
    ) -> Soup:  # fmt: skip
        """Return a patch seen from above.

        Args:
            u: Its ends; they bow towards the nose in the middle by `bow`.
            y: Right and left edge in shares of the roof's rail, at each end.
            name: Material.
            bow: In u, at each end.
            cells: Along and across.
            lift_m: How proud it stands.
        """
        s = np.linspace(0, 1, cells[0] + 1)[:, None]
        t = np.linspace(0, 1, cells[1] + 1)
        edge = self.edge_m(np.array(u))
        low = (1 - s) * y[0][0] * edge[0] + s * y[1][0] * edge[1]
        high = (1 - s) * y[0][1] * edge[0] + s * y[1][1] * edge[1]
        across = low + t * (high - low)
        widest = np.abs(np.array(y)).max() * edge
        arc = [1 - (across / reach) ** 2 for reach in widest]
        at = (1 - s) * (u[0] - bow[0] * arc[0]) + s * (u[1] - bow[1] * arc[1])
        plane = np.stack([(0.5 - at) * self.spec.length_m, across], axis=-1)
        return self.pressed.patch(2, 1, plane, self.skin(name), lift_m)

    def side_y_m(self, u: float, z_m: float) -> float:
        """Return how far the left flank is from the middle."""
        found = self.pressed.on(1, 1, np.array([[self.x(u), z_m]]))
        return float(found[0, 1])

    def roof_z_m(self, u: float) -> float:
        """Return the height of the roof's middle."""
        at = np.array([u])
        return float((self.deck_m(at) + self.cabin_m(at))[0])

    def place(self, u: FloatArray, share: FloatArray) -> FloatArray:
        """Return (x, z) of places on the side: share 0 at the lower edge, 1 at the deck."""
        low = self.lower_m(u)
        return np.stack(
            [(0.5 - u) * self.spec.length_m, low + share * (self.deck_m(u) - low)], axis=-1
        )
