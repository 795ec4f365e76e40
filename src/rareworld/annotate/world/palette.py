"""Few colours for many: median cut on weighted points.

Heckbert's median cut (1982) with the split of Wan et al. (1990): the group with the greatest
weighted spread is cut at its mean along its widest axis. Proved in
tests/annotate/world/test_palette.py.
Shapes: N points of K coordinates.
"""

import numpy as np
from jaxtyping import Float64, Int64


def palette(
    points: Float64[np.ndarray, "n k"], weights: Float64[np.ndarray, "n"], most: int
) -> tuple[Int64[np.ndarray, "n"], Float64[np.ndarray, "m k"]]:
    """Return a group for every point and the groups' weighted means; at most `most` groups.

    No more groups are made than there are distinct points; same input, same output.
    """
    group = np.zeros(len(points), dtype=np.int64)
    spreads = [_spread(points, weights)]
    while len(spreads) < most:
        worst = int(np.argmax([spread.max() for spread in spreads]))
        if spreads[worst].max() <= 1e-9 * weights.sum():
            break
        inside = np.flatnonzero(group == worst)
        values = points[inside, int(np.argmax(spreads[worst]))]
        upper = inside[values > np.average(values, weights=weights[inside])]
        group[upper] = len(spreads)
        spreads.append(_spread(points[upper], weights[upper]))
        lower = group == worst
        spreads[worst] = _spread(points[lower], weights[lower])
    means = [
        np.average(points[group == k], axis=0, weights=weights[group == k])
        for k in range(len(spreads))
    ]
    return group, np.array(means)


def _spread(
    points: Float64[np.ndarray, "n k"], weights: Float64[np.ndarray, "n"]
) -> Float64[np.ndarray, "k"]:
    """Return the weighted sum of squares about the mean along each axis."""
    mean = np.average(points, axis=0, weights=weights)
    return weights @ (points - mean) ** 2
