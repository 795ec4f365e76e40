"""What of a picture never changes, shaded once per camera.

Where samples see several surfaces their mean is kept. Proved in `tests/annotate/render`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from rareworld.annotate.render.baked import BLEND, MIXED, ONE, SKY, Baked, pack, ray_of, to_byte
from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.raster import Still, still_at
from rareworld.annotate.render.resolve import alike, expose, open_share
from rareworld.annotate.render.shade import Stage, shade, view_direction
from rareworld.annotate.render.sky import SAMPLE_MAX, sky_radiance
from rareworld.annotate.render.smooth import BLOCK, still_plane
from rareworld.annotate.render.tiles import TILE


@helper
def kind_of(stage: Stage, still: Still, x: int, y: int) -> int:
    """Return whether a pixel shows one still surface, only sky, or several."""
    t = still_at(still, 0, x, y)
    for s in range(1, 5):
        other = still_at(still, s, x, y)
        if other != t and not alike(stage, t, other):
            return BLEND
    return SKY if t < 0 else ONE


class Answer(NamedTuple):
    """What a ray sees without moving things: exposed light of sky and sun, and the response."""

    sky_red: float
    sky_green: float
    sky_blue: float
    sun_red: float
    sun_green: float
    sun_blue: float
    red: float
    green: float
    blue: float
    rough: float
    f0: float


@helper
def answer(stage: Stage, baked: Baked, t: int, x: int, y: int, sx: float, sy: float) -> Answer:
    """Return what one sample of a pixel sees of a still triangle, or of the sky (-1)."""
    u, v = ray_of(stage, x + sx, y + sy)
    if t < 0:
        vx, vy, vz = view_direction(stage.eye, u, v)
        a, b, c = sky_radiance(stage.sky, vx, vy, vz)
        a, b, c = expose(stage, a, b, c)
        return Answer(a, b, c, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    a, b, c, d, e, f, _, _, red, green, blue, rough, f0 = shade(
        stage, t, u, v, open_share(stage, baked, t, x, y)
    )
    a, b, c = expose(stage, a, b, c)
    k = stage.sky.exposure
    return Answer(a, b, c, d * k, e * k, f * k, red, green, blue, rough, f0)


@helper
def added(one: Answer, other: Answer, share: float) -> Answer:
    """Return one answer plus a share of another."""
    return Answer(
        one.sky_red + other.sky_red * share,
        one.sky_green + other.sky_green * share,
        one.sky_blue + other.sky_blue * share,
        one.sun_red + other.sun_red * share,
        one.sun_green + other.sun_green * share,
        one.sun_blue + other.sun_blue * share,
        one.red + other.red * share,
        one.green + other.green * share,
        one.blue + other.blue * share,
        one.rough + other.rough * share,
        one.f0 + other.f0 * share,
    )


@helper
def keep(baked: Baked, x: int, y: int, one: Answer) -> None:
    """Write what a pixel sees, for all frames."""
    p, q, r = baked.sky_part, baked.sun_part, baked.response
    p[y, x, 0], p[y, x, 1] = pack(one.sky_red), pack(one.sky_green)
    p[y, x, 2], q[y, x, 2] = pack(one.sky_blue), pack(one.sun_blue)
    q[y, x, 0], q[y, x, 1] = pack(one.sun_red), pack(one.sun_green)
    if r.shape[0] > 0:
        r[y, x, 0], r[y, x, 1] = to_byte(one.red), to_byte(one.green)
        r[y, x, 2], r[y, x, 3] = to_byte(one.blue), to_byte(one.rough)
        r[y, x, 4] = to_byte(one.f0)


@kernel
def bake(
    stage: Stage,
    still: Still,
    samples: Float64[np.ndarray, "s 2"],
    rows: tuple[int, int],
    baked: Baked,
) -> None:
    """Shade the still pixels of a band of rows; the open sky must have been baked before.

    Where samples see several surfaces their mean is kept, and what moves shades them as it does the
    one in the middle; where one of them is too bright for that (a lamp's edge) nothing is.
    """
    for y in range(rows[0], rows[1]):
        for x in range(still.code.shape[1]):
            kind = kind_of(stage, still, x, y)
            first, end = (1, 5) if kind == BLEND else (0, 1)
            last = -2
            one = Answer(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
            total = one
            for s in range(first, end):
                t = still_at(still, s, x, y)
                if last == -2 or (t != last and not alike(stage, t, last)):
                    one = answer(stage, baked, t, x, y, samples[s, 0], samples[s, 1])
                    last = t
                total = added(total, one, 1.0 / (end - first))
                bright = max(one.sky_red, one.sky_green, one.sky_blue)
                if kind == BLEND and bright > SAMPLE_MAX:
                    kind = MIXED
            baked.kind[y, x] = kind
            keep(baked, x, y, total)


@kernel
def find_planes_of_tiles(stage: Stage, still: Still, rows: tuple[int, int], baked: Baked) -> None:
    """Write which tiles and blocks of some rows of tiles show one plane; `bake` comes before."""
    flat = baked.flat
    for row in range(rows[0], rows[1]):
        for column in range(flat.shape[1]):
            x, y = column * TILE, row * TILE
            flat[row, column, 0] = still_plane(stage, baked, still, x, y, TILE)
            for block in range((TILE // BLOCK) ** 2):
                left, top = x + block % 2 * BLOCK, y + block // 2 * BLOCK
                flat[row, column, 1 + block] = still_plane(stage, baked, still, left, top, BLOCK)
