"""Convex hull of points seen from above (Andrew's monotone chain, 1979)."""

import numpy as np
from jaxtyping import Float


def convex_hull(points_m: Float[np.ndarray, "p 3"]) -> Float[np.ndarray, "q 3"]:
    """Return the corners of the hull, counter-clockwise; heights stay with their points."""
    order = np.lexsort((points_m[:, 1], points_m[:, 0]))
    lower = _chain(points_m[order])
    upper = _chain(points_m[order[::-1]])
    return np.array(lower[:-1] + upper[:-1])


def _chain(points: Float[np.ndarray, "p 3"]) -> list[np.ndarray]:
    """Return one side of the hull of points sorted along x."""
    chain: list[np.ndarray] = []
    for point in points:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    """Return twice the signed area of a triangle seen from above."""
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
