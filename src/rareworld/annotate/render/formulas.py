"""Every scalar formula of the look, in the language that Numba and NVIDIA Warp share.

Plain functions of floats and ints: each backend compiles the same source (`compiled.py` for Numba),
so that their pictures agree. Only `math`, two-argument min and max, and explicit conversions are
used; integers wrap at 32 bits in one and at 64 in the other, which `hash_cell` is written for.

Sources: Schlick (1994), GGX (Walter et al. 2007) with the fitted visibility of Zioma (2015,
Optimizing PBR for Mobile), wet surfaces after Lagarde (2012-13), spherical harmonics after
Ramamoorthi & Hanrahan (2001), Koschmieder (1924), slabs of Kay & Kajiya (1986), interior mapping of
van Dongen (2008). Proved in tests/annotate/render/test_formulas.py.
"""

import math


def smoothstep(low: float, high: float, x: float) -> float:
    """Return 0 below `low`, 1 above `high`, and a cubic without corners between."""
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: float, b: float, share: float) -> float:
    """Return a where `share` is 0, b where it is 1."""
    return a + (b - a) * share


def schlick(f0: float, cosine: float) -> float:
    """Return the share of light mirrored by a smooth surface seen under a cosine."""
    c = 1.0 - min(max(cosine, 0.0), 1.0)
    return f0 + (1.0 - f0) * c * c * c * c * c


def mirror_share(f0: float, rough: float, cosine: float) -> float:
    """Return the share of surrounding light that a surface mirrors rather than scatters."""
    smooth = 1.0 - rough
    return schlick(f0, cosine) * smooth * smooth


def sun_lobe(rough: float, f0: float, nh: float, lh: float) -> float:
    """Return a lamp's highlight per irradiance on a facing card, before the cosine.

    `nh` and `lh` are the cosines of half vector to normal and to light. GGX with the fitted product
    of masking and Fresnel, f0 / (lh^2 (rough + 1/2)); the width of the sun keeps it finite.
    """
    alpha = max(rough * rough, 0.02)
    spread = nh * nh * (alpha * alpha - 1.0) + 1.0
    fitted = max(lh * lh, 0.1) * (rough + 0.5) * 4.0
    return f0 * alpha * alpha / (spread * spread * fitted)


def hash_cell(x: int, y: int, z: int) -> float:
    """Return a number in 0..1 for a cell; the same whether integers have 32 bits or more."""
    h = x * 374761393 + y * 668265263 + z * 1274126177
    h = (h ^ ((h >> 13) & 524287)) * 1103515245
    h = (h ^ ((h >> 16) & 65535)) * 69069
    h = h ^ ((h >> 15) & 131071)
    return float(h & 16777215) / 16777216.0


def whole_below(x: float) -> int:
    """Return the greatest whole number not above x."""
    below = float(math.floor(x))
    return int(below)


def value_noise(x: float, y: float, seed: int) -> float:
    """Return smooth noise in 0..1 with one random value per unit square."""
    left = float(math.floor(x))
    top = float(math.floor(y))
    i = int(left)
    j = int(top)
    p = x - left
    q = y - top
    p = p * p * (3.0 - 2.0 * p)
    q = q * q * (3.0 - 2.0 * q)
    a = mix(hash_cell(i, j, seed), hash_cell(i + 1, j, seed), p)
    b = mix(hash_cell(i, j + 1, seed), hash_cell(i + 1, j + 1, seed), p)
    return mix(a, b, q)


def cloud_noise(x: float, y: float, seed: int) -> float:
    """Return three octaves of noise in 0..1, each turned so that no grid is seen."""
    a = value_noise(x, y, seed)
    b = value_noise(1.62 * x - 1.18 * y, 1.18 * x + 1.62 * y, seed + 1)
    c = value_noise(3.1 * x + 2.6 * y, 3.1 * y - 2.6 * x, seed + 2)
    return 0.55 * a + 0.3 * b + 0.15 * c


def wet_albedo(albedo: float, rough: float, wetness: float) -> float:
    """Return the darker, more saturated colour of a porous surface that holds water."""
    porous = min(max((rough - 0.4) / 0.5, 0.0), 1.0)
    soaked = albedo * mix(1.0, 0.38 + 0.5 * albedo, porous)
    return mix(albedo, soaked, wetness)


def wet_roughness(rough: float, wetness: float) -> float:
    """Return the roughness under a film of water, which follows the grain less and less."""
    return mix(rough, min(rough, 0.30), wetness)


def puddle_share(hollow: float, fill: float, noise: float) -> float:
    """Return how much of a point stands under water.

    Args:
        hollow: Depth of the ground, 0..1.
        fill: Share of the hollows that stand full.
        noise: Irregular shore, 0..1.
    """
    level = hollow + 0.30 * (noise - 0.5) + fill - 1.0
    return smoothstep(-0.03, 0.05, level) * min(fill * 50.0, 1.0)


def lying_share(amount: float, up: float, noise: float) -> float:
    """Return how much of a face that looks up by `up` snow or sand covers, edges by noise."""
    steep = smoothstep(0.25, 0.75, up + 0.30 * (noise - 0.5))
    return steep * smoothstep(0.0, 0.55, amount * 1.35 - 0.55 * noise)


def snow_on_road(amount: float, wear: float, noise: float) -> tuple[float, float]:
    """Return the share of a road under snow, and how far wheels have turned that to grey slush."""
    left = amount * 1.5 - 0.62 * wear - 0.38 * noise
    rolled = smoothstep(0.12, 0.75, wear + 0.25 * (noise - 0.5))
    return smoothstep(0.0, 0.42, left), rolled


def sand_on_road(amount: float, wear: float, noise: float) -> float:
    """Return the share of a road under sand: drifts, blown clear where wheels pass."""
    left = amount * 1.10 - 0.60 * wear - 0.85 * noise
    return smoothstep(-0.10, 0.42, left)


def dirt_share(height_m: float, dirt: float, noise: float) -> float:
    """Return how much road film hides a vehicle's paint at a height over the ground."""
    low = smoothstep(1.25, 0.25, height_m + 0.35 * (noise - 0.5))
    return min(dirt * (0.08 + 0.72 * low * (0.45 + 0.55 * noise)), 0.92)


def clear_air(extinction_per_m: float, distance_m: float) -> float:
    """Return the share of a surface's light that reaches the camera (Koschmieder)."""
    return math.exp(-extinction_per_m * distance_m)


def panorama_place(x: float, y: float, z: float, rows: int, columns: int) -> tuple[float, float]:
    """Return row and column of a direction in `Daylight.panorama`; whole numbers are centres.

    The row is kept in the picture, the column is not wrapped.
    """
    up = math.asin(min(max(z, 0.0), 1.0)) * 0.63661977236758
    row = float(rows) * (1.0 - math.sqrt(up)) if up < 1.0 else 0.0
    turn = math.atan2(y, x) * 0.15915494309190
    column = float(columns) * (turn + 1.0 if turn < 0.0 else turn)
    return min(max(row - 0.5, 0.0), float(rows) - 1.0), column - 0.5


def ambient_value(
    x: float,
    y: float,
    z: float,
    c0: float,
    c1: float,
    c2: float,
    c3: float,
    c4: float,
    c5: float,
    c6: float,
    c7: float,
    c8: float,
) -> float:
    """Return one channel of `Daylight.ambient` for a unit normal."""
    flat = c0 + c1 * y + c2 * z + c3 * x
    bent = c4 * x * y + c5 * y * z + c6 * (3.0 * z * z - 1.0) + c7 * x * z + c8 * (x * x - y * y)
    return max(flat + bent, 0.0)


def ambient_share(up: float, open_sky: float) -> float:
    """Return what is left of the ambient light where things nearby hide part of the sky."""
    sky = (0.5 + 0.5 * up) * open_sky
    return sky + (0.5 - 0.5 * up) * (0.35 + 0.65 * open_sky)


def open_towards(z: float, open_sky: float) -> float:
    """Return how much of a mirrored direction is sky rather than ground, trees and houses."""
    return min(max(z, 0.0) * 5.0 + 0.15, 1.0) * open_sky


def sun_disc(cosine: float) -> float:
    """Return the sun's radiance per irradiance towards a direction: disc, limb and thin glare.

    The disc is cut far below its true 46000: film is white long before.
    """
    limb = smoothstep(0.9999865, 0.9999900, cosine)
    near = max((cosine - 0.9985) / 0.0015, 0.0)
    glare = near * near
    return 60.0 * limb + 0.8 * glare * glare * glare


def ripple(x: float, y: float, time_s: float, seed: int) -> tuple[float, float]:
    """Return the slopes of wind ripples on open water, of deviation about one."""
    a = 2.9 * x + 1.1 * y + 2.3 * time_s
    b = -1.7 * x + 4.6 * y - 3.1 * time_s
    c = 7.1 * x - 5.3 * y + 4.7 * time_s
    n = 5.0 * value_noise(0.55 * x, 0.55 * y, seed)
    sx = 0.62 * math.cos(a + n) - 0.36 * math.cos(b - n) + 0.45 * math.cos(c + 2.0 * n)
    sy = 0.40 * math.cos(a - n) + 0.90 * math.cos(b + n) - 0.38 * math.cos(c - n)
    return sx, sy


def rain_ring(x: float, y: float, time_s: float, cell_m: float, seed: int) -> tuple[float, float]:
    """Return the slopes of the ring that a drop in this cell has raised, of height about one.

    Each cell is hit about once a second at a place and instant of its own; the ring fades before it
    leaves the cell.
    """
    left = float(math.floor(x / cell_m))
    top = float(math.floor(y / cell_m))
    i = int(left)
    j = int(top)
    clock = time_s * (0.8 + 0.5 * hash_cell(i, j, seed)) + hash_cell(i, j, seed + 1)
    turn = float(math.floor(clock))
    age = clock - turn
    k = int(turn)
    cx = (left + 0.35 + 0.3 * hash_cell(i, j, seed + 3 * k + 2)) * cell_m
    cy = (top + 0.35 + 0.3 * hash_cell(i, j, seed + 3 * k + 3)) * cell_m
    dx = x - cx
    dy = y - cy
    far = math.sqrt(dx * dx + dy * dy) / cell_m
    away = (far - 0.34 * age) / 0.07
    fade = (1.0 - age) * (1.0 - age) * max(1.0 - 2.9 * far, 0.0)
    slope = fade * math.exp(-away * away) * math.cos(3.0 * away) * 3.0
    reach = max(far * cell_m, 0.0001)
    return slope * dx / reach, slope * dy / reach


def tilted(sx: float, sy: float) -> tuple[float, float, float]:
    """Return the unit normal of level ground with the given slopes."""
    scale = 1.0 / math.sqrt(sx * sx + sy * sy + 1.0)
    return -sx * scale, -sy * scale, scale


def sides_lit(cosine: float, translucency: float) -> float:
    """Return the share of a lamp's light that a thin leaf sends to the camera.

    `cosine` is that of the lamp to the normal on the camera's side: below 0 it shines through.
    """
    front = max(cosine, 0.0) * (1.0 - translucency)
    return front + max(-cosine, 0.0) * translucency


def slab(origin: float, direction: float, low: float, high: float) -> tuple[float, float]:
    """Return where a ray enters and leaves the space between two parallel planes."""
    towards = direction
    if abs(towards) < 1.0e-7:
        towards = 1.0e-7 if towards >= 0.0 else -1.0e-7
    a = (low - origin) / towards
    b = (high - origin) / towards
    return min(a, b), max(a, b)


def room_wall(
    u: float, w: float, du: float, dw: float, dn: float, wide: float, high: float, deep: float
) -> tuple[float, int]:
    """Return how far behind a window a ray meets its room, and on which side.

    The room spans 0..wide along the wall, 0..high up and 0..deep inwards; the ray starts at (u, w)
    in the window and runs along (du, dw, dn). Sides: 0 back, 1 side wall, 2 floor, 3 ceiling.
    """
    _, side = slab(u, du, 0.0, wide)
    _, level = slab(w, dw, 0.0, high)
    back = deep / max(dn, 1.0e-4)
    nearest = min(min(side, level), back)
    which = 0
    if nearest < back:
        which = 1
        if level < side:
            which = 2 if dw < 0.0 else 3
    return max(nearest, 0.0), which
