"""Light of moving lamps on what stands still: asked at few pixels where it is smooth.

On a plane the light of a square of pixels lies between that at its corners, unless the border of a
beam crosses it; whether it does is asked in the middle. Such interpolation of irradiance is due to
Ward (1988). Proved in `tests/annotate/render/test_smooth.py`.
"""

from typing import NamedTuple

import numpy as np

from rareworld.annotate.render.baked import (
    EVEN,
    MIXED,
    UNEVEN,
    Baked,
    from_byte,
    ray_of,
)
from rareworld.annotate.render.jit import helper, routine
from rareworld.annotate.render.lamps import lamp_light
from rareworld.annotate.render.raster import Still, still_at, still_depth
from rareworld.annotate.render.shade import Stage, hit, point_at, to_world

BLOCK = 8
"""Side in pixels of the squares that may have smooth light where their tile has not."""
_EVEN_CODES = 8
"""How far the roughness of a block may spread (`to_byte`) where lamps shine in it."""
_FAINT_SPOT = 0.004
"""Exposed mirrored light of lamps for which roughness does not matter."""
_BENT_RAD = 0.05
"""Angle between faces that count as one plane."""


class Lit(NamedTuple):
    """Exposed light of moving lamps on a still surface, dimmed by the air before it."""

    red: float
    green: float
    blue: float
    spot_red: float
    spot_green: float
    spot_blue: float


@routine
def light_at(stage: Stage, baked: Baked, t: int, x: int, y: int) -> Lit:
    """Return the light of moving lamps on what a pixel shows: irradiance and mirrored light."""
    surface = stage.surface
    i, j, k = surface.corners[t, 0], surface.corners[t, 1], surface.corners[t, 2]
    u, v = ray_of(stage, x + 0.5, y + 0.5)
    _, wj, wk, lx, ly, lz = hit(stage.local, i, j, k, u, v)
    px, py, pz = point_at(surface, i, j, k, wj, wk)
    nx, ny, nz = to_world(stage.eye, lx, ly, lz)
    vx, vy, vz = px - stage.eye.position[0], py - stage.eye.position[1], pz - stage.eye.position[2]
    far = np.sqrt(vx * vx + vy * vy + vz * vz)
    a, scale = baked.response, 1.0 / far
    red, green, blue, spot_red, spot_green, spot_blue = lamp_light(
        stage.lamps, stage.lamps.moving, px, py, pz, nx, ny, nz,
        vx * scale, vy * scale, vz * scale,
        from_byte(max(a[y, x, 0], a[y, x, 1], a[y, x, 2])),
        from_byte(a[y, x, 3]), from_byte(a[y, x, 4]),
    )  # fmt: skip
    clear = np.exp(-far * stage.sky.haze_per_m) * stage.sky.exposure
    return Lit(
        red * clear, green * clear, blue * clear,
        spot_red * clear, spot_green * clear, spot_blue * clear,
    )  # fmt: skip


@helper
def towards(one: Lit, other: Lit, share: float) -> Lit:
    """Return the light at a share of the way from one place to another."""
    return Lit(
        one.red + (other.red - one.red) * share,
        one.green + (other.green - one.green) * share,
        one.blue + (other.blue - one.blue) * share,
        one.spot_red + (other.spot_red - one.spot_red) * share,
        one.spot_green + (other.spot_green - one.spot_green) * share,
        one.spot_blue + (other.spot_blue - one.spot_blue) * share,
    )


@helper
def most_spot(lit: Lit) -> float:
    """Return the strongest channel of mirrored light."""
    return max(lit.spot_red, lit.spot_green, lit.spot_blue)


class Smooth(NamedTuple):
    """Light of moving lamps that lies between that at the corners of a square of pixels."""

    holds: bool
    """Whether it does."""
    left: int
    top: int
    side: int
    a: Lit
    b: Lit
    c: Lit
    d: Lit


@helper
def lit_ends(smooth: Smooth, y: int) -> tuple[Lit, Lit]:
    """Return the light at the first and last pixel of a row of a square."""
    q = (y - smooth.top) / (smooth.side - 1)
    return towards(smooth.a, smooth.c, q), towards(smooth.b, smooth.d, q)


@helper
def lit_between(smooth: Smooth, x: int, y: int) -> Lit:
    """Return the light at a pixel of a square."""
    first, last = lit_ends(smooth, y)
    return towards(first, last, (x - smooth.left) / (smooth.side - 1))


@helper
def as_good(guess: Lit, true: Lit) -> bool:
    """Return whether nobody sees the difference between two lights."""
    light = max(abs(guess.red - true.red), abs(guess.green - true.green))
    light = max(light, abs(guess.blue - true.blue))
    spot = max(abs(guess.spot_red - true.spot_red), abs(guess.spot_green - true.spot_green))
    spot = max(spot, abs(guess.spot_blue - true.spot_blue))
    most = max(true.red, true.green, true.blue)
    return light < 0.001 + 0.015 * most and spot < 0.001 + 0.015 * most_spot(true)


@helper
def coplanar(
    still: Still, t: int, across: float, down: float, inverse: float, f: float, x: int, y: int
) -> bool:
    """Return whether a still triangle lies in the plane with some 1/z and slopes at a pixel.

    The slopes over 1/z, in focal lengths `f`, are tangents of the angle that faces the view.
    """
    if t < 0 or abs(still_depth(still, t, 0.5, 0.5, x, y) - inverse) > 0.02 * inverse:
        return False
    limit = _BENT_RAD * (inverse + f * f * (across * across + down * down) / inverse)
    return (abs(still.planes[t, 1] - across) + abs(still.planes[t, 2] - down)) * f < limit


@helper
def still_plane(stage: Stage, baked: Baked, still: Still, left: int, top: int, side: int) -> int:
    """Return whether a square shows one plane without moving things: 0, `UNEVEN` or `EVEN`."""
    right, bottom = left + side - 1, top + side - 1
    if bottom >= still.code.shape[0] or right >= still.code.shape[1]:
        return 0
    t, rough = still_at(still, 0, left, top), int(baked.response[top, left, 3])
    start = float(still_depth(still, t, 0.5, 0.5, left, top))
    if start <= 0.0:
        return 0
    across, down = still.planes[t, 1], still.planes[t, 2]
    spread, last = 0, t
    for y in range(top, bottom + 1):
        for x in range(left, right + 1):
            if baked.kind[y, x] == MIXED:
                return 0
            spread = max(spread, abs(baked.response[y, x, 3] - rough))
            other = still_at(still, 0, x, y)
            if other not in (last, t):
                inverse = start + across * (x - left) + down * (y - top)
                if not coplanar(still, other, across, down, inverse, stage.eye.fx, x, y):
                    return 0
            last = other
    return EVEN if spread <= _EVEN_CODES else UNEVEN


@helper
def no_smooth(left: int, top: int, side: int) -> Smooth:
    """Return that a square's light does not follow from its corners."""
    dark = Lit(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return Smooth(False, left, top, side, dark, dark, dark, dark)


@routine
def smooth_light(
    stage: Stage, baked: Baked, still: Still, flat: int, left: int, top: int, side: int
) -> Smooth:
    """Return the light of moving lamps at the corners of a square, if that tells all of it.

    `flat` says whether it shows one plane (`still_plane`), and nothing before it.
    """
    if flat == 0:
        return no_smooth(left, top, side)
    half, last = side // 2, side - 1
    a = light_at(stage, baked, still_at(still, 0, left, top), left, top)
    b = light_at(stage, baked, still_at(still, 0, left + last, top), left + last, top)
    c = light_at(stage, baked, still_at(still, 0, left, top + last), left, top + last)
    d = light_at(stage, baked, still_at(still, 0, left + last, top + last), left + last, top + last)
    out = Smooth(True, left, top, side, a, b, c, d)
    spot = max(most_spot(a), most_spot(b), most_spot(c), most_spot(d))
    # the middle, then the middles of two sides: the others are those of the next squares
    for n in range(3):
        x = left + (half if n < 2 else 0)
        y = top + (half if n != 1 else 0)
        true = light_at(stage, baked, still_at(still, 0, x, y), x, y)
        spot = max(spot, most_spot(true))
        guess = lit_between(out, x, y)
        # where a beam ends, what is dark stays dark
        ends = (true.red > 0.0) != (a.red > 0.0) or (guess.red > 0.0) != (d.red > 0.0)
        if ends or (flat == UNEVEN and spot >= _FAINT_SPOT) or not as_good(guess, true):
            return no_smooth(left, top, side)
    return out
