"""Visible pixels and the box around them, of every object in one pass over the image."""

import numpy as np
from jaxtyping import Int32, Int64

from rareworld.annotate.render.jit import kernel


@kernel
def take_census(
    triangle: Int32[np.ndarray, "h w"],
    object_of: Int32[np.ndarray, "f"],
    rows: tuple[int, int],
    table: Int64[np.ndarray, "n 5"],
) -> None:
    """Add a band of rows to (x_min, y_min, x_max, y_max, count) of each object.

    `object_of` numbers the objects of interest; -1 is none. Maxima are inclusive.
    """
    for y in range(rows[0], rows[1]):
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            if t < 0:
                continue
            k = object_of[t]
            if k < 0:
                continue
            table[k, 0], table[k, 1] = min(table[k, 0], x), min(table[k, 1], y)
            table[k, 2], table[k, 3] = max(table[k, 2], x), max(table[k, 3], y)
            table[k, 4] += 1
