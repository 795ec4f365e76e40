"""What weather and years do to a point: `render.finish`, compiled for the device."""

from typing import no_type_check

import warp as wp

from rareworld.annotate.render import finish
from rareworld.annotate.render.warp.formulas import adopted
from rareworld.annotate.render.warp.structs import Cover, Looks, Plan


@no_type_check
@wp.func
def layers_at(plan: Plan, x: float, y: float) -> tuple[float, float, float, float]:
    """Return wear, hollow, stain and crack of the ground at a point; 0 off the map."""
    column = (x - plan.west_m) * plan.per_m - 0.5
    row = (y - plan.south_m) * plan.per_m - 0.5
    left = int(wp.floor(column))
    top = int(wp.floor(row))
    out = wp.vec4(0.0)
    a = plan.layers
    if left >= 0 and top >= 0 and left < a.shape[1] - 1 and top < a.shape[0] - 1:
        p = column - float(left)
        q = row - float(top)
        upper = a[top, left] * (1.0 - p) + a[top, left + 1] * p
        lower = a[top + 1, left] * (1.0 - p) + a[top + 1, left + 1] * p
        out = upper * (1.0 - q) + lower * q
    return out[0], out[1], out[2], out[3]


_MADE = adopted(
    [finish.of_ground, finish.of_vehicle, finish.of_thing, finish.finished],
    {"Cover": Cover, "Looks": Looks},
    {"layers_at": layers_at},
)
finished = _MADE["finished"]
