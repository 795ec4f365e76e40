"""Rain and snow between camera and street: where each drop is, and the streak it leaves.

Drop sizes follow Marshall & Palmer (1948) for rain and Gunn & Marshall (1958) for snow, falling
speeds Atlas et al. (1973) and Locatelli & Hobbs (1974); how much a drop in motion hides is its area
over that of its streak (Garg & Nayar 2007), so short exposures give short, strong streaks. Drops
move through boxes that repeat in time, hence the same drop is followed from frame to frame. Only
the largest are drawn where there are too many; the others are the air's extinction.
Proved in tests/annotate/render/test_drops.py. Shapes: N drops of one layer.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.lamps import Lamps, irradiance_at
from rareworld.annotate.render.project import Eye
from rareworld.annotate.world.model import Air, Daylight

RAIN_PER_M3_MM = 8000.0
_MOST_DROPS = 60_000
"""Per layer."""
_LEAST_MM = {"rain": 0.9, "snow": 0.5}
_FLAKE_SIZE = 3.2
"""Diameter of a flake over that of the drop it melts to."""
_APERTURE_M = 0.0025
_FOCUS_M = 25.0
_COLUMN_PX = 32
"""Streaks are drawn column by column of so many pixels."""
_FAINT = 0.003
"""Least opacity that is drawn."""


class Law(NamedTuple):
    """Number of drops per volume and size: n exp(-slope D), in m^-3 mm^-1 and mm."""

    per_m3_mm: float
    slope_per_mm: float


class Fall(NamedTuple):
    """Drops of one layer of depth: a box that repeats, and the drops in it."""

    low_m: Float64[np.ndarray, "3"]
    size_m: Float64[np.ndarray, "3"]
    near_m: float
    far_m: float
    place: Float32[np.ndarray, "n 3"]
    """At time 0, in 0..1 of the box."""
    width_m: Float32[np.ndarray, "n"]
    speed_mps: Float32[np.ndarray, "n"]
    phase: Float32[np.ndarray, "n"]
    """Of a flake's sway, in turns."""


class Look(NamedTuple):
    """How drops look."""

    wind_mps: Float64[np.ndarray, "2"]
    shutter_s: float
    sway_m: float
    """Amplitude of flutter."""
    gain: float
    """On opacity."""
    glow: Float64[np.ndarray, "3"]
    """Exposed light of sky and sun that a drop sends to the camera."""
    lamp_gain: float
    """Exposed light that it sends per irradiance of lamps."""


class Streak(NamedTuple):
    """What is drawn of one layer; opacity 0 is skipped."""

    ends: Float32[np.ndarray, "n 4"]
    """Pixels: x, y of both ends."""
    half_px: Float32[np.ndarray, "n"]
    depth_m: Float32[np.ndarray, "n"]
    opacity: Float32[np.ndarray, "n"]
    colour: Float32[np.ndarray, "n 3"]


def rain_law(rain_mmph: float) -> Law:
    """Return Marshall's and Palmer's law."""
    return Law(RAIN_PER_M3_MM, 4.1 * rain_mmph**-0.21)


def snow_law(snow_mmph: float) -> Law:
    """Return Gunn's and Marshall's law, of the diameters of melted flakes."""
    return Law(3800.0 * snow_mmph**-0.87, 2.55 * snow_mmph**-0.48)


def per_m3(law: Law, least_mm: float) -> float:
    """Return how many drops of at least a diameter a cubic metre holds."""
    return float(law.per_m3_mm / law.slope_per_mm * np.exp(-law.slope_per_mm * least_mm))


def least_drawn_mm(law: Law, volume_m3: float, least_mm: float, most: int) -> float:
    """Return the smallest diameter such that no more than `most` drops lie in a volume."""
    crowd = law.per_m3_mm / law.slope_per_mm * volume_m3 / most
    return float(max(least_mm, np.log(max(crowd, 1e-9)) / law.slope_per_mm))


def rain_speed_mps(width_mm: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Return the falling speed of drops (Atlas et al. 1973), of at least 0.3 mm."""
    return 9.65 - 10.3 * np.exp(-0.6 * np.maximum(width_mm, 0.3))


def snow_speed_mps(melted_mm: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Return the falling speed of flakes (Locatelli & Hobbs 1974, dendrites)."""
    return 0.8 * (_FLAKE_SIZE * melted_mm) ** 0.16


def slab_box(
    eye: Eye, size: tuple[int, int], near_m: float, far_m: float
) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]:
    """Return the corner and size of the world box around what is seen between two depths."""
    margin = 0.08
    x = np.array([-margin * size[0], (1 + margin) * size[0]])
    y = np.array([-margin * size[1], (1 + margin) * size[1]])
    u, v, z = np.meshgrid((x - eye.cx) / eye.fx, (y - eye.cy) / eye.fy, [near_m, far_m])
    local = np.stack([u * z, v * z, z], axis=-1).reshape(-1, 3)
    world = local @ eye.rotation + eye.position
    low = world.min(axis=0)
    return low, world.max(axis=0) - low


def make_fall(
    kind: str,
    law: Law,
    eye: Eye,
    size: tuple[int, int],
    depths_m: tuple[float, float],
    random: np.random.Generator,
) -> Fall:
    """Return the drops of a layer: `kind` is rain or snow."""
    low, extent = slab_box(eye, size, *depths_m)
    volume = float(extent.prod())
    least = least_drawn_mm(law, volume, _LEAST_MM[kind], _MOST_DROPS)
    count = round(per_m3(law, least) * volume)
    width = least - np.log1p(-random.random(count)) / law.slope_per_mm
    rain = kind == "rain"
    return Fall(
        low_m=low,
        size_m=extent,
        near_m=depths_m[0],
        far_m=depths_m[1],
        place=random.random((count, 3), dtype=np.float32),
        width_m=((width if rain else width * _FLAKE_SIZE) * 1e-3).astype(np.float32),
        speed_mps=(rain_speed_mps(width) if rain else snow_speed_mps(width)).astype(np.float32),
        phase=random.random(count, dtype=np.float32),
    )


def empty_streaks(count: int) -> Streak:
    """Return room for the streaks of a layer."""
    f4 = np.float32
    return Streak(
        ends=np.zeros((count, 4), f4),
        half_px=np.zeros(count, f4),
        depth_m=np.zeros(count, f4),
        opacity=np.zeros(count, f4),
        colour=np.zeros((count, 3), f4),
    )


def shutter_s(exposure: float) -> float:
    """Return how long a camera's shutter is open at an exposure over that of full sun."""
    return float(np.clip(exposure / 1500.0, 1 / 500, 1 / 30))


def look_of(kind: str, light: Daylight, air: Air, exposure: float) -> Look:
    """Return how drops look; `exposure` is that of the picture."""
    rain = kind == "rain"
    return Look(
        wind_mps=np.array(air.wind_mps, dtype=np.float64),
        shutter_s=shutter_s(exposure),
        sway_m=0.0 if rain else 0.06,
        gain=2.5 if rain else 1.0,
        glow=drop_light(light) * exposure * (1.0 if rain else 0.95),
        lamp_gain=0.3 * exposure,
    )


def drop_light(light: Daylight) -> Float64[np.ndarray, "3"]:
    """Return what a small white ball sends out: half from above, half from all around."""
    a = light.ambient.astype(np.float64)
    above = a[0] + a[2] + 2 * a[6]
    return (above + a[0]) / 2 + 0.25 * np.array(light.sun_radiance)


@helper
def wrapped(value: float, low: float, size: float) -> float:
    """Return low + size times the fraction of a value."""
    return low + size * (value - np.floor(value))


@helper
def drop_at(
    fall: Fall, look: Look, n: int, time_s: float
) -> tuple[float, float, float, float, float, float]:
    """Return place and velocity of drop n in the world."""
    speed, turn = -1.0 * fall.speed_mps[n], 2.0 * np.pi * fall.phase[n]
    rate = 2.0 * np.pi * (0.35 + 0.4 * fall.phase[n])
    vx, vy = look.wind_mps[0], look.wind_mps[1]
    x = wrapped(fall.place[n, 0] + vx * time_s / fall.size_m[0], fall.low_m[0], fall.size_m[0])
    y = wrapped(fall.place[n, 1] + vy * time_s / fall.size_m[1], fall.low_m[1], fall.size_m[1])
    z = wrapped(fall.place[n, 2] + speed * time_s / fall.size_m[2], fall.low_m[2], fall.size_m[2])
    if look.sway_m <= 0.0:
        return x, y, z, vx, vy, speed
    a, b = turn + rate * time_s, 1.7 * turn + 0.8 * rate * time_s
    return (
        x + look.sway_m * np.sin(a), y + look.sway_m * np.sin(b), z,
        vx + look.sway_m * rate * np.cos(a), vy + 0.8 * look.sway_m * rate * np.cos(b), speed,
    )  # fmt: skip


@helper
def streak_opacity(
    eye: Eye, look: Look, width_m: float, depth_m: float, long_px: float
) -> tuple[float, float]:
    """Return opacity and half width in pixels of a drop that moves by `long_px` while seen."""
    drop = width_m * eye.fx / depth_m
    blur = _APERTURE_M * eye.fx * abs(1.0 / depth_m - 1.0 / _FOCUS_M)
    wide = max(np.sqrt(drop * drop + blur * blur), 1.0)
    share = 0.785 * drop * drop / (long_px * wide + 0.785 * wide * wide)
    return min(share * look.gain, 0.9), 0.5 * wide


@kernel
def place_drops(
    eye: Eye,
    size: tuple[int, int],
    fall: Fall,
    look: Look,
    lamps: Lamps,
    time_s: float,
    which: tuple[int, int],
    out: Streak,
) -> None:
    """Write the streaks of the drops in a range."""
    r, p = eye.rotation, eye.position
    for n in range(which[0], which[1]):
        out.opacity[n] = 0.0
        x, y, z, vx, vy, vz = drop_at(fall, look, n, time_s)
        dx, dy, dz = x - p[0], y - p[1], z - p[2]
        cz = r[2, 0] * dx + r[2, 1] * dy + r[2, 2] * dz
        if cz < fall.near_m or cz >= fall.far_m:
            continue
        cx = r[0, 0] * dx + r[0, 1] * dy + r[0, 2] * dz
        cy = r[1, 0] * dx + r[1, 1] * dy + r[1, 2] * dz
        half = 0.5 * look.shutter_s
        mx = (r[0, 0] * vx + r[0, 1] * vy + r[0, 2] * vz) * half
        my = (r[1, 0] * vx + r[1, 1] * vy + r[1, 2] * vz) * half
        mz = (r[2, 0] * vx + r[2, 1] * vy + r[2, 2] * vz) * half
        near, far = max(cz - mz, 0.1), max(cz + mz, 0.1)
        x0, y0 = eye.cx + eye.fx * (cx - mx) / near, eye.cy + eye.fy * (cy - my) / near
        x1, y1 = eye.cx + eye.fx * (cx + mx) / far, eye.cy + eye.fy * (cy + my) / far
        long = np.sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0))
        opacity, half_px = streak_opacity(eye, look, fall.width_m[n], cz, long)
        if opacity < _FAINT or max(x0, x1) + half_px < 0.0 or min(x0, x1) - half_px > size[0]:
            continue
        if max(y0, y1) + half_px < 0.0 or min(y0, y1) - half_px > size[1]:
            continue
        red, green, blue = irradiance_at(lamps, lamps.every, x, y, z)
        k = look.lamp_gain
        out.ends[n, 0], out.ends[n, 1], out.ends[n, 2], out.ends[n, 3] = x0, y0, x1, y1
        out.half_px[n], out.depth_m[n], out.opacity[n] = half_px, cz, opacity
        out.colour[n, 0] = look.glow[0] + red * k
        out.colour[n, 1] = look.glow[1] + green * k
        out.colour[n, 2] = look.glow[2] + blue * k


def drawn_order(streaks: Streak) -> Int64[np.ndarray, "m"]:
    """Return the streaks that are drawn, from left to right: neighbours share memory."""
    seen = np.flatnonzero(streaks.opacity > 0)
    column = (streaks.ends[seen, 0] / _COLUMN_PX).astype(np.int32)
    return seen[np.argsort(column, kind="stable")]


@helper
def soft_of(streaks: Streak, n: int) -> float:
    """Return how many pixels wide the border of a streak is: as soft as a blurred drop is wide."""
    return max(1.0, 0.8 * streaks.half_px[n])


@helper
def reach_of(streaks: Streak, n: int) -> float:
    """Return how many pixels from its axis a streak ends."""
    return streaks.half_px[n] + 0.5 * soft_of(streaks, n)


@kernel
def draw_streaks(
    streaks: Streak,
    which: Int64[np.ndarray, "m"],
    depth_m: Float32[np.ndarray, "h w"],
    rows: tuple[int, int],
    radiance: Float32[np.ndarray, "h w 3"],
) -> None:
    """Lay some streaks over a band of rows, one by one, where nothing nearer hides them."""
    width = depth_m.shape[1]
    for n in which:
        e, reach, soft = streaks.ends, reach_of(streaks, n), soft_of(streaks, n)
        ax, ay = np.float64(e[n, 0]), np.float64(e[n, 1])
        bx, by = np.float64(e[n, 2]), np.float64(e[n, 3])
        top = max(int(np.floor(min(ay, by) - reach)), rows[0])
        bottom = min(int(np.ceil(max(ay, by) + reach)) + 1, rows[1])
        left = max(int(np.floor(min(ax, bx) - reach)), 0)
        right = min(int(np.ceil(max(ax, bx) + reach)) + 1, width)
        steep = abs(by - ay) > 0.3 * abs(bx - ax) + 1e-3
        slope = (bx - ax) / (by - ay) if steep else 0.0
        # in each row the streak lies within this of its axis
        wide = reach * (1.0 + abs(slope)) if steep else abs(bx - ax) + reach
        dx, dy = bx - ax, by - ay
        scale = 1.0 / max(dx * dx + dy * dy, 1e-12)
        full = max(reach - soft, 0.0)
        for y in range(top, bottom):
            middle = ax + (min(max(y + 0.5, min(ay, by)), max(ay, by)) - ay) * slope
            first = max(int(np.ceil(middle - wide - 0.5)), left)
            for x in range(first, min(int(np.floor(middle + wide - 0.5)) + 1, right)):
                if depth_m[y, x] <= streaks.depth_m[n]:
                    continue
                p, q = x + 0.5 - ax, y + 0.5 - ay
                t = min(max((p * dx + q * dy) * scale, 0.0), 1.0)
                p, q = p - t * dx, q - t * dy
                square = p * p + q * q
                if square >= reach * reach:
                    continue
                share = np.float64(streaks.opacity[n])
                if square > full * full:
                    share *= (reach - np.sqrt(square)) / soft
                for c in range(3):
                    old = radiance[y, x, c]
                    radiance[y, x, c] = old + (streaks.colour[n, c] - old) * share
