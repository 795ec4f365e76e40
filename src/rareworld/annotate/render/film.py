"""From linear radiance to display values, for pictures that are worked on before they are shown.

The curve is `sky.film`'s; here it is laid over whole bands of rows after air and lens have had
their turn. Lamps far brighter than white are dimmed as a whole, so that a red one stays red.
Proved in tests/annotate/render/test_film.py.
"""

import numpy as np
from jaxtyping import Float32, UInt8

from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.sky import SAMPLE_MAX, film


@helper
def dimmed(red: float, green: float, blue: float) -> float:
    """Return the factor that brings the strongest channel down to what film can show."""
    return SAMPLE_MAX / max(red, green, blue, SAMPLE_MAX)


@kernel
def develop(
    radiance: Float32[np.ndarray, "h w 3"],
    rgb: UInt8[np.ndarray, "h w 3"],
    table: UInt8[np.ndarray, "n"],
    rows: tuple[int, int],
) -> None:
    """Write the display values of a band of rows of exposed radiance; `table`: `sky.film_table`."""
    for y in range(rows[0], rows[1]):
        for x in range(radiance.shape[1]):
            red, green, blue = radiance[y, x, 0], radiance[y, x, 1], radiance[y, x, 2]
            k = dimmed(red, green, blue)
            rgb[y, x, 0] = film(table, red * k)
            rgb[y, x, 1] = film(table, green * k)
            rgb[y, x, 2] = film(table, blue * k)
