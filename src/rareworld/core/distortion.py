"""Radial and tangential lens distortion on the image plane at distance 1.

The model of Brown ("Decentering distortion of lenses", 1966) with the coefficients, and their
order, of OpenCV: (k1, k2, p1, p2, k3). A polynomial bends back at some radius, and what lies
beyond would be shown twice; there the map goes on straight, so that points outside the image
stay outside. Proved against OpenCV in `tests/core/test_distortion.py`.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

LEAST_SLOPE = 0.1
"""Where the radial curve gets flatter than this, the straight part begins."""

_SEARCH_RADIUS = 20.0
_STEPS = 40_000
_ROUNDS = 12
_CLOSE = 1e-10
_STILL = 1e-14
_WAY_STEPS = 33


@final
@dataclass(frozen=True)
class Distortion:
    """A distortion with the radius up to which its polynomial is used."""

    k1: float
    k2: float
    p1: float
    p2: float
    k3: float
    reach: float
    """Radius of the ideal image plane at which the straight part begins."""

    @property
    def reach_slope(self) -> float:
        """Slope of the radial curve in the straight part."""
        return float(self.slope(np.array(self.reach))) if np.isfinite(self.reach) else 1.0

    def slope(self, radius: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
        """Return the derivative of the radial curve r (1 + k1 r^2 + k2 r^4 + k3 r^6)."""
        q = radius**2
        return np.asarray(1 + q * (3 * self.k1 + q * (5 * self.k2 + q * 7 * self.k3)))

    def apply(self, points: Float[np.ndarray, "*s 2"]) -> Float[np.ndarray, "*s 2"]:
        """Return where the lens shows ideal points (x / z, y / z)."""
        radius = np.linalg.norm(points, axis=-1, keepdims=True)
        share = np.minimum(1.0, self.reach / np.maximum(radius, 1e-300))
        near = points * share
        return self._polynomial(near) + (points - near) * self.reach_slope

    def _polynomial(self, points: Float[np.ndarray, "*s 2"]) -> Float[np.ndarray, "*s 2"]:
        x, y = points[..., 0], points[..., 1]
        q = x * x + y * y
        radial = 1 + q * (self.k1 + q * (self.k2 + q * self.k3))
        return np.stack(
            [
                x * radial + 2 * self.p1 * x * y + self.p2 * (q + 2 * x * x),
                y * radial + self.p1 * (q + 2 * y * y) + 2 * self.p2 * x * y,
            ],
            axis=-1,
        )

    def jacobian(self, points: Float[np.ndarray, "*s 2"]) -> Float[np.ndarray, "*s 2 2"]:
        """Return the derivative of the polynomial part at ideal points."""
        x, y = points[..., 0], points[..., 1]
        q = x * x + y * y
        radial = 1 + q * (self.k1 + q * (self.k2 + q * self.k3))
        bend = 2 * (self.k1 + q * (2 * self.k2 + q * 3 * self.k3))
        mixed = x * y * bend + 2 * self.p1 * x + 2 * self.p2 * y
        return np.stack(
            [
                np.stack([radial + x * x * bend + 2 * self.p1 * y + 6 * self.p2 * x, mixed], -1),
                np.stack([mixed, radial + y * y * bend + 6 * self.p1 * y + 2 * self.p2 * x], -1),
            ],
            axis=-2,
        )

    def invert(self, shown: Float[np.ndarray, "*s 2"]) -> Float[np.ndarray, "*s 2"]:
        """Return the ideal points behind shown ones, to 1e-10; NaN where the image folds first.

        Newton's method, started on the way out from the centre: a point is followed along its ray
        so that the branch that begins at the centre is found.
        """
        found = np.zeros(shown.shape)
        for share in np.linspace(1 / 8, 1, 8):
            found = self._newton(found, shown * share)
        good = np.linalg.norm(self._polynomial(found) - shown, axis=-1) < _CLOSE
        good &= np.linalg.det(self.jacobian(np.where(good[..., None], found, 0.0))) > 0
        return np.where(good[..., None], found, np.nan)

    def _newton(
        self, start: Float[np.ndarray, "*s 2"], shown: Float[np.ndarray, "*s 2"]
    ) -> Float[np.ndarray, "*s 2"]:
        found = start
        for _ in range(_ROUNDS):
            wrong = shown - self._polynomial(found)
            j = self.jacobian(found)
            det = j[..., 0, 0] * j[..., 1, 1] - j[..., 0, 1] * j[..., 1, 0]
            det = np.where(np.abs(det) < 1e-9, 1e-9, det)
            step = np.stack(
                [
                    (j[..., 1, 1] * wrong[..., 0] - j[..., 0, 1] * wrong[..., 1]) / det,
                    (j[..., 0, 0] * wrong[..., 1] - j[..., 1, 0] * wrong[..., 0]) / det,
                ],
                axis=-1,
            )
            found = found + np.clip(step, -1.0, 1.0)
            if float(np.abs(step).max(initial=0.0)) < _STILL:
                break
        return found

    def fold_radius(self) -> float:
        """Return the largest shown radius before the radial curve turns back."""
        radii = np.linspace(0, _SEARCH_RADIUS, _STEPS)
        back = np.flatnonzero(self.slope(radii) <= 0)
        turn = radii[back[0]] if len(back) else _SEARCH_RADIUS
        return float(turn * (1 + turn**2 * (self.k1 + turn**2 * (self.k2 + turn**2 * self.k3))))

    def folds_before(self, ideal: Float[np.ndarray, "n 2"]) -> bool:
        """Return whether the image bends back between the centre and any of the points."""
        ways = ideal * np.linspace(0, 1, _WAY_STEPS)[:, None, None]
        return not bool((np.linalg.det(self.jacobian(ways)) > 0).all())


def distortion_of(
    coefficients: tuple[float, ...], shown_border: Float[np.ndarray, "n 2"]
) -> Distortion | None:
    """Return a distortion that is one to one within an image; None if the image folds.

    Args:
        coefficients: (k1, k2, p1, p2, k3).
        shown_border: Points along the border of the image, on the plane at distance 1.
    """
    free = Distortion(*coefficients, reach=np.inf)
    ideal = free.invert(shown_border)
    if np.isnan(ideal).any() or free.folds_before(ideal):
        return None
    farthest = float(np.linalg.norm(ideal, axis=-1).max())
    radii = np.linspace(farthest, max(_SEARCH_RADIUS, 2 * farthest), _STEPS)
    flat = np.flatnonzero(free.slope(radii) < LEAST_SLOPE)
    return Distortion(*coefficients, reach=float(radii[flat[0]])) if len(flat) else free
