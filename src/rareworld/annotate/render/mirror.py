"""Things mirrored in wet roads, puddles and floods: a pass over the finished radiance.

Shading gives wet ground the mirrored sky; this pass marches the mirrored rays of every other pixel
and row through the depth image (screen-space reflections, McGuire & Mara 2014) and adds what they
meet instead of the sky, blurred where the film is rough. It also moves the water: rings of rain
drops in puddles, waves of a flood, by `FrameState.time_s`.

It reads only the radiance before mirrors, depth and triangles, which are those of a whole redraw
byte for byte, and runs over the whole image each frame into a copy (`after`): so its results are
those of a whole redraw too. Labels do not change, so no tile counts as changed for it.
"""

from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.compiled import (
    clear_air,
    hash_cell,
    mirror_share,
    rain_ring,
    ripple,
    smoothstep,
)
from rareworld.annotate.render.finish import finished
from rareworld.annotate.render.jit import helper, kernel, routine
from rareworld.annotate.render.raster import Still, still_at
from rareworld.annotate.render.shade import (
    Stage,
    hit,
    pixel_width,
    point_at,
    roof_share,
    to_world,
    view_direction,
)
from rareworld.annotate.render.shadow import lit_share
from rareworld.annotate.render.sky import mirrored
from rareworld.annotate.world.model import RenderScene, Weathering

_ROAD, _PAVED = int(Weathering.ROAD), int(Weathering.PAVED)
_WATER = int(Weathering.WATER)
_LEAST = 3
"""Shares (255ths) below which nothing is seen."""
_STEPS = 56
_REACH_M = 70.0
_BRIGHTEST = 80.0
"""Exposed radiance of a lamp is cut here before it is mirrored, so that no pixel sparkles."""


_LEFT_OUT = -1.0
"""Marks wet ground that is seen, but whose change only its neighbours tell."""


class Wet(NamedTuple):
    """What the still ground mirrors; H2 x W2 is every other pixel and row."""

    share: UInt8[np.ndarray, "h w"]
    """Share of light that is mirrored and reaches the camera, in 255ths."""
    rough: UInt8[np.ndarray, "h w"]
    """Roughness in 255ths."""
    pixel: Int32[np.ndarray, "h2 w2"]
    """The pixel (row x width + column) that stands for four; -1: none is wet."""
    open_sky: Float32[np.ndarray, "h2 w2"]
    base: Float32[np.ndarray, "h2 w2 3"]
    """Exposed radiance that shading has mirrored already."""
    water: UInt8[np.ndarray, "h2 w2"]
    """0 film, 1 puddle, 2 flood."""


class Point(NamedTuple):
    """A point of the ground and how it mirrors."""

    x: float
    y: float
    z: float
    nx: float
    ny: float
    nz: float
    rough: float
    share: float
    open_sky: float


@routine
def point_of(stage: Stage, t: int, x: int, y: int, open_sky: float) -> Point:
    """Return how the ground at the centre of a pixel mirrors; share 0 where it does not."""
    surface, looks, eye = stage.surface, stage.looks, stage.eye
    i, j, k = surface.corners[t, 0], surface.corners[t, 1], surface.corners[t, 2]
    u, v = (x + 0.5 - eye.cx) / eye.fx, (y + 0.5 - eye.cy) / eye.fy
    depth, wj, wk, lx, ly, lz = hit(stage.local, i, j, k, u, v)
    px, py, pz = point_at(surface, i, j, k, wj, wk)
    gx, gy, gz = to_world(eye, lx, ly, lz)
    vx, vy, vz = view_direction(eye, u, v)
    far = depth * np.sqrt(u * u + v * v + 1.0)
    soft = pixel_width(eye, far, -(gx * vx + gy * vy + gz * vz))
    roof = lit_share(stage.top, stage.top.still, stage.top.still_max, px, py, pz, gx, gy, gz)
    _, _, _, rough, f0, nx, ny, nz = finished(
        looks, surface.material[t], -1, px, py, pz, gx, gy, gz, soft, roof, 0.1, 0.1, 0.1
    )
    share = mirror_share(f0, rough, -(nx * vx + ny * vy + nz * vz))
    share = share * clear_air(stage.sky.haze_per_m, far) if gz > 0.8 and rough < 0.6 else 0.0
    return Point(px, py, pz, nx, ny, nz, rough, share, open_sky * roof_share(roof, gz))


@kernel
def find_shares(
    stage: Stage, still: Still, open_sky: UInt8[np.ndarray, "h w"], rows: tuple[int, int], wet: Wet
) -> None:
    """Write share and roughness of a band of rows."""
    for y in range(rows[0], rows[1]):
        for x in range(still.code.shape[1]):
            t = still_at(still, 0, x, y)
            if t < 0:
                continue
            kind = stage.looks.weathering[stage.surface.material[t]]
            if kind in (_ROAD, _PAVED, _WATER):
                at = point_of(stage, t, x, y, open_sky[y, x] / 255.0)
                wet.share[y, x] = int(min(at.share, 1.0) * 255.0 + 0.5)
                wet.rough[y, x] = int(min(at.rough, 1.0) * 255.0 + 0.5)


@helper
def mirrored_ray(
    vx: float, vy: float, vz: float, nx: float, ny: float, nz: float
) -> tuple[float, float, float]:
    """Return the direction in which a view is mirrored."""
    twice = -2.0 * (nx * vx + ny * vy + nz * vz)
    return vx + twice * nx, vy + twice * ny, vz + twice * nz


@kernel
def find_bases(
    stage: Stage, still: Still, open_sky: UInt8[np.ndarray, "h w"], rows: tuple[int, int], wet: Wet
) -> None:
    """Choose the pixel that stands for four, and write what it mirrors of the sky; rows of H2."""
    height, width = wet.share.shape
    eye, k = stage.eye, stage.sky.exposure
    for row in range(rows[0], rows[1]):
        for column in range(wet.pixel.shape[1]):
            wet.pixel[row, column] = -1
            most = _LEAST - 1
            for y in range(2 * row, min(2 * row + 2, height)):
                for x in range(2 * column, min(2 * column + 2, width)):
                    if wet.share[y, x] > most:
                        most = wet.share[y, x]
                        wet.pixel[row, column] = y * width + x
            if wet.pixel[row, column] < 0:
                continue
            y, x = wet.pixel[row, column] // width, wet.pixel[row, column] % width
            t = still_at(still, 0, x, y)
            at = point_of(stage, t, x, y, open_sky[y, x] / 255.0)
            vx, vy, vz = view_direction(
                eye, (x + 0.5 - eye.cx) / eye.fx, (y + 0.5 - eye.cy) / eye.fy
            )
            rx, ry, rz = mirrored_ray(vx, vy, vz, at.nx, at.ny, at.nz)
            r, g, b = mirrored(stage.sky, at.rough, rx, ry, rz, at.open_sky)
            base = wet.base
            base[row, column, 0], base[row, column, 1], base[row, column, 2] = r * k, g * k, b * k
            wet.open_sky[row, column] = at.open_sky
            flood = stage.looks.weathering[stage.surface.material[t]] == _WATER
            wet.water[row, column] = 2 if flood else (1 if at.rough < 0.12 else 0)


@helper
def normal_now(
    stage: Stage, kind: int, rough: float, x: float, y: float, soft: float, time_s: float
) -> tuple[float, float, float]:
    """Return the normal of wet ground at an instant: waves, rings, or the grain under a film."""
    rain = stage.looks.cover.rain
    sx, sy = 0.0, 0.0
    if kind == 2:
        p, q = ripple(x, y, time_s, 73)
        rise = (0.012 + 0.02 * rain) * (1.0 - smoothstep(0.1, 1.2, soft)) + 0.004
        sx, sy = p * rise, q * rise
    elif kind == 1:
        p, q = ripple(2.0 * x, 2.0 * y, time_s, 79)
        rise = (0.003 + 0.012 * rain) * (1.0 - smoothstep(0.08, 0.5, soft))
        sx, sy = p * rise, q * rise
    else:
        i, j = int(np.floor(x * 23.0)), int(np.floor(y * 23.0))
        spread = 1.2 * rough * rough
        sx = spread * (hash_cell(i, j, 5) + hash_cell(i, j, 6) - 1.0)
        sy = spread * (hash_cell(i, j, 7) + hash_cell(i, j, 8) - 1.0)
    if kind > 0 and rain > 0.0 and soft < 0.25:
        # two layers of rings, so that no pattern shows
        rings = rain * 0.08 * (1.0 - smoothstep(0.08, 0.25, soft))
        p, q = rain_ring(x, y, time_s, 0.34, 83)
        sx, sy = sx + p * rings, sy + q * rings
        p, q = rain_ring(0.8 * x + 0.6 * y, 0.8 * y - 0.6 * x, time_s, 0.27, 89)
        sx, sy = sx + (0.8 * p - 0.6 * q) * rings, sy + (0.6 * p + 0.8 * q) * rings
    scale = 1.0 / np.sqrt(1.0 + sx * sx + sy * sy)
    return -sx * scale, -sy * scale, scale


@helper
def depth_at(depth_m: Float32[np.ndarray, "h w"], u: float, v: float) -> float:
    """Return the depth of the pixel at an image position."""
    return depth_m[int(v), int(u)]


@routine
def march(
    stage: Stage,
    depth_m: Float32[np.ndarray, "h w"],
    x: float,
    y: float,
    z: float,
    dx: float,
    dy: float,
    dz: float,
) -> tuple[float, float, float]:
    """Return column, row and certainty of what a ray (camera frame) meets; certainty 0: nothing.

    The ray's image is a straight line along which 1/z changes evenly. Steps grow with the way; a
    ray that passes from before a surface to just behind it has met it.
    """
    eye = stage.eye
    height, width = depth_m.shape
    reach = _REACH_M
    if z + dz * reach < 0.5 * z:
        # towards the camera: not beyond half of the depth
        reach = -0.5 * z / dz
    ez = z + dz * reach
    ax, ay = eye.cx + eye.fx * x / z, eye.cy + eye.fy * y / z
    bx, by = eye.cx + eye.fx * (x + dx * reach) / ez, eye.cy + eye.fy * (y + dy * reach) / ez
    line = np.sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay))
    if line < 1.0:
        return 0.0, 0.0, 0.0
    step = 2.5 * height / 1080.0 / line
    near, far = 1.0 / z, 1.0 / ez
    s, before = step * 0.6, 0.0
    for _ in range(_STEPS):
        u, v = ax + (bx - ax) * s, ay + (by - ay) * s
        if s >= 1.0 or u < 0.0 or v < 0.0 or u >= width or v >= height:
            return 0.0, 0.0, 0.0
        # as in `met`, times 1/z of the ray
        if (near + (far - near) * s) * (depth_at(depth_m, u, v) + 0.02) < 0.998:
            return met(depth_m, ax, ay, bx - ax, by - ay, near, far - near, before, s)
        before = s
        s += step
        step *= 1.07
    return 0.0, 0.0, 0.0


@helper
def met(
    depth_m: Float32[np.ndarray, "h w"],
    ax: float,
    ay: float,
    lx: float,
    ly: float,
    near: float,
    change: float,
    low: float,
    high: float,
) -> tuple[float, float, float]:
    """Return where between two steps a ray went behind a surface, and how surely it met it."""
    height, width = depth_m.shape
    for _ in range(5):
        middle = 0.5 * (low + high)
        ray = 1.0 / (near + change * middle)
        if ray - depth_at(depth_m, ax + lx * middle, ay + ly * middle) > 0.02 + 0.002 * ray:
            high = middle
        else:
            low = middle
    u, v = ax + lx * high, ay + ly * high
    ray = 1.0 / (near + change * high)
    behind = ray - depth_at(depth_m, u, v)
    # what lies far behind the surface in front may have passed it
    sure = 1.0 - smoothstep(0.4, 1.4, behind)
    margin = min(min(u, width - u) / width, min(v, height - v) / height)
    return u, v, sure * smoothstep(0.0, 0.06, margin) * (1.0 - smoothstep(0.75, 1.0, high))


@helper
def left_out(wet: Wet, row: int, column: int, rain: float) -> bool:
    """Return whether a pixel of H2 is blurred anyway and may take all from its neighbours."""
    return (row + column) % 2 == 1 and spread_of(wet, wet.pixel[row, column], rain) > 0


@helper
def shows_still(stage: Stage, t: int) -> bool:
    """Return whether a triangle is one that never moves."""
    return t >= 0 and stage.surface.part[t] < 0


@kernel
def reflect_rows(
    stage: Stage,
    wet: Wet,
    triangle: Int32[np.ndarray, "h w"],
    depth_m: Float32[np.ndarray, "h w"],
    radiance: Float32[np.ndarray, "h w 3"],
    time_s: float,
    rows: tuple[int, int],
    change: Float32[np.ndarray, "h2 w2 4"],
) -> None:
    """Write how what is mirrored differs from the base, for a band of rows of H2.

    The fourth value is 1 where wet ground is seen now; of ground that is blurred anyway every
    other pixel is left out (`_LEFT_OUT`).
    """
    eye, k = stage.eye, stage.sky.exposure
    width = depth_m.shape[1]
    r = eye.rotation
    for row in range(rows[0], rows[1]):
        for column in range(wet.pixel.shape[1]):
            for c in range(4):
                change[row, column, c] = 0.0
            pixel = wet.pixel[row, column]
            if pixel < 0:
                continue
            y, x = pixel // width, pixel % width
            if not shows_still(stage, triangle[y, x]):
                continue
            change[row, column, 3] = 1.0
            if left_out(wet, row, column, stage.looks.cover.rain):
                change[row, column, 3] = _LEFT_OUT
                continue
            z = float(depth_m[y, x])
            u, v = (x + 0.5 - eye.cx) / eye.fx, (y + 0.5 - eye.cy) / eye.fy
            vx, vy, vz = view_direction(eye, u, v)
            wx, wy, _ = to_world(eye, u * z, v * z, z)
            wx, wy = wx + eye.position[0], wy + eye.position[1]
            rough = wet.rough[y, x] / 255.0
            soft = pixel_width(eye, z * np.sqrt(u * u + v * v + 1.0), -vz)
            nx, ny, nz = normal_now(stage, wet.water[row, column], rough, wx, wy, soft, time_s)
            dx, dy, dz = mirrored_ray(vx, vy, vz, nx, ny, nz)
            if dz < 0.02:
                continue
            column_hit, row_hit, sure = march(
                stage, depth_m, u * z, v * z, z,
                r[0, 0] * dx + r[0, 1] * dy + r[0, 2] * dz,
                r[1, 0] * dx + r[1, 1] * dy + r[1, 2] * dz,
                r[2, 0] * dx + r[2, 1] * dy + r[2, 2] * dz,
            )  # fmt: skip
            sky = (
                float(wet.base[row, column, 0]),
                float(wet.base[row, column, 1]),
                float(wet.base[row, column, 2]),
            )
            if wet.water[row, column] > 0 and sure < 1.0:
                p, q, w = mirrored(stage.sky, rough, dx, dy, dz, float(wet.open_sky[row, column]))
                sky = (p * k, q * k, w * k)
            i, j = int(row_hit), int(column_hit)
            for c in range(3):
                seen = min(float(radiance[i, j, c]), _BRIGHTEST) if sure > 0.0 else 0.0
                now = sky[c] + (seen - sky[c]) * sure
                change[row, column, c] = now - wet.base[row, column, c]


@helper
def spread_of(wet: Wet, pixel: int, rain: float) -> int:
    """Return the distance of blur taps in pixels of H2: 0 for a mirror, up to 3 for a film."""
    width = wet.share.shape[1]
    rough = max(wet.rough[pixel // width, pixel % width] / 255.0, 0.09 * rain)
    return int(rough * 10.0 * wet.share.shape[0] / 1080.0 + 0.5)


@kernel
def gather_rows(
    change: Float32[np.ndarray, "h2 w2 4"],
    rows: tuple[int, int],
    beside: Float32[np.ndarray, "h2 w2 4"],
) -> None:
    """Write the weighted sum of each pixel and its two neighbours in the row, and of the weights.

    Of those that change: the fourth value of the others is not above 0.
    """
    width = change.shape[1]
    for row in range(rows[0], rows[1]):
        for column in range(width):
            red, green, blue, count = 0.0, 0.0, 0.0, 0.0
            for m in range(-1, 2):
                j = column + m
                if 0 <= j < width and change[row, j, 3] > 0.0:
                    weight = 2.0 - abs(m)
                    red += change[row, j, 0] * weight
                    green += change[row, j, 1] * weight
                    blue += change[row, j, 2] * weight
                    count += weight
            beside[row, column, 0], beside[row, column, 1] = red, green
            beside[row, column, 2], beside[row, column, 3] = blue, count


@helper
def around(
    beside: Float32[np.ndarray, "h2 w2 4"], row: int, column: int, reach: int, step: int
) -> tuple[float, float, float, float]:
    """Return the weighted sum of what changes around a pixel, and of the weights."""
    red, green, blue, count = 0.0, 0.0, 0.0, 0.0
    for k in range(-reach, reach + 1):
        i = row + k * step
        if 0 <= i < beside.shape[0]:
            weight = reach + 1.0 - abs(k)
            red += beside[i, column, 0] * weight
            green += beside[i, column, 1] * weight
            blue += beside[i, column, 2] * weight
            count += beside[i, column, 3] * weight
    return red, green, blue, count


@kernel
def blur_rows(
    wet: Wet,
    change: Float32[np.ndarray, "h2 w2 4"],
    beside: Float32[np.ndarray, "h2 w2 4"],
    rain: float,
    wide_taps: int,
    rows: tuple[int, int],
) -> None:
    """Write the mean change around each wet pixel, drawn out upwards as a rough film does.

    Two calls, with close taps (`wide_taps` 0) and then with wide ones, leave no pattern; each needs
    `beside` of the change before it. What is covered now takes the mean of its neighbours, for
    pixels at the rim of what covers it.
    """
    for row in range(rows[0], rows[1]):
        for column in range(wet.pixel.shape[1]):
            if wet.pixel[row, column] < 0:
                continue
            spread = spread_of(wet, wet.pixel[row, column], rain)
            reach, step = (3, spread) if wide_taps > 0 else (2, 1)
            if spread == 0:
                if wide_taps > 0:
                    continue
                reach = 1
            red, green, blue, count = around(beside, row, column, reach, step)
            if count > 0.0:
                if change[row, column, 3] < 0.0:
                    change[row, column, 3] = 1.0
                change[row, column, 0] = red / count
                change[row, column, 1] = green / count
                change[row, column, 2] = blue / count


@helper
def between(
    wet: Wet, change: Float32[np.ndarray, "h2 w2 4"], x: int, y: int
) -> tuple[float, float, float]:
    """Return the bilinear change at a pixel, from those of its four neighbours that are wet."""
    high, wide = wet.pixel.shape
    top, left = (y - 1) >> 1, (x - 1) >> 1
    q, p = 0.75 - 0.5 * (y & 1), 0.75 - 0.5 * (x & 1)
    red, green, blue, count = 0.0, 0.0, 0.0, 1e-9
    for i in range(2):
        for j in range(2):
            row, column = min(max(top + i, 0), high - 1), min(max(left + j, 0), wide - 1)
            if wet.pixel[row, column] >= 0:
                weight = (q if i == 1 else 1.0 - q) * (p if j == 1 else 1.0 - p)
                red += change[row, column, 0] * weight
                green += change[row, column, 1] * weight
                blue += change[row, column, 2] * weight
                count += weight
    return red / count, green / count, blue / count


@kernel
def mirror_rows(
    stage: Stage,
    wet: Wet,
    triangle: Int32[np.ndarray, "h w"],
    change: Float32[np.ndarray, "h2 w2 4"],
    rows: tuple[int, int],
    worked: Float32[np.ndarray, "h w 3"],
) -> None:
    """Add what is mirrored to the radiance of a band of rows."""
    for y in range(rows[0], rows[1]):
        for x in range(wet.share.shape[1]):
            t = triangle[y, x]
            if wet.share[y, x] < _LEAST or not shows_still(stage, t):
                continue
            red, green, blue = between(wet, change, x, y)
            share = wet.share[y, x] / 255.0
            worked[y, x, 0] = max(worked[y, x, 0] + share * red, 0.0)
            worked[y, x, 1] = max(worked[y, x, 1] + share * green, 0.0)
            worked[y, x, 2] = max(worked[y, x, 2] + share * blue, 0.0)


def mirrors(scene: RenderScene) -> bool:
    """Return whether the ground of a scene is wet enough to mirror things."""
    return scene.ground.wetness > 0.3 or scene.ground.flood_m > 0.0


@final
class Mirror:
    """Mirrors of one camera: made once, applied to every frame after all tiles are drawn."""

    def __init__(
        self, stage: Stage, still: Still, open_sky: UInt8[np.ndarray, "h w"], bands: Bands
    ) -> None:
        height, width = still.code.shape
        half = (height + 1) // 2, (width + 1) // 2
        self._stage, self._bands = stage, bands
        self._wet = Wet(
            share=np.zeros((height, width), np.uint8),
            rough=np.zeros((height, width), np.uint8),
            pixel=np.zeros(half, np.int32),
            open_sky=np.zeros(half, np.float32),
            base=np.zeros((*half, 3), np.float32),
            water=np.zeros(half, np.uint8),
        )
        bands.over_rows(height, lambda rows: find_shares(stage, still, open_sky, rows, self._wet))
        bands.over_rows(half[0], lambda rows: find_bases(stage, still, open_sky, rows, self._wet))
        self._change = np.zeros((*half, 4), np.float32)
        self._beside = np.zeros((*half, 4), np.float32)

    def apply(
        self,
        clean: Float32[np.ndarray, "h w 3"],
        depth_m: Float32[np.ndarray, "h w"],
        triangle: Int32[np.ndarray, "h w"],
        time_s: float,
        worked: Float32[np.ndarray, "h w 3"],
    ) -> None:
        """Add to `worked`, a copy of exposed radiance `clean`, what wet ground mirrors of it."""
        wet, change, beside, stage = self._wet, self._change, self._beside, self._stage
        half, over = len(change), self._bands.over_rows
        over(
            half,
            lambda rows: reflect_rows(stage, wet, triangle, depth_m, clean, time_s, rows, change),
        )
        rain = stage.looks.cover.rain
        for wide in (0, 1):
            over(half, lambda rows: gather_rows(change, rows, beside))
            over(half, lambda rows, wide=wide: blur_rows(wet, change, beside, rain, wide, rows))
        over(len(clean), lambda rows: mirror_rows(stage, wet, triangle, change, rows, worked))
