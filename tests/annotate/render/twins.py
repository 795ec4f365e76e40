"""Plain float64 twins of what the kernels compute, written from the papers the rooms name."""

from dataclasses import dataclass

import numpy as np

from rareworld.annotate.render.sky import BLURRED_ROUGHNESS, blurred_copies
from rareworld.annotate.world.model import Daylight, Material


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def place(directions, rows, columns):
    """Row and column in a panorama, from the documented elevation of each row."""
    up = np.arcsin(np.clip(directions[..., 2], 0, 1)) / (np.pi / 2)
    turn = np.arctan2(directions[..., 1], directions[..., 0]) / (2 * np.pi) % 1
    return np.clip(rows * (1 - np.sqrt(up)) - 0.5, 0, rows - 1), columns * turn - 0.5


def panorama(picture, directions):
    """Bilinear radiance, columns going round."""
    rows, columns = picture.shape[:2]
    row, column = place(directions, rows, columns)
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    q, p = (row - top)[..., None], (column - left)[..., None]
    below = np.minimum(top + 1, rows - 1)
    upper = (1 - p) * picture[top, left % columns] + p * picture[top, (left + 1) % columns]
    lower = (1 - p) * picture[below, left % columns] + p * picture[below, (left + 1) % columns]
    return (1 - q) * upper + q * lower


def sky(light: Daylight, directions):
    """The panorama, and the sun: a disc of 0.27 degrees with a soft limb and a thin glare."""
    towards = directions @ np.array(light.sun_direction)
    limb = np.clip((towards - 0.9999865) / 0.0000035, 0, 1)
    disc = 60 * limb**2 * (3 - 2 * limb) + 0.8 * np.clip((towards - 0.9985) / 0.0015, 0, None) ** 6
    disc = np.where((directions[..., 2] > 0) & (towards > 0.998), disc, 0)[..., None]
    return panorama(light.panorama, directions) + np.array(light.sun_radiance) * disc


def soft_sky(light: Daylight, rough, directions):
    """The sky in a rough mirror: between the sharp one and blurred copies."""
    copies = [light.panorama, *blurred_copies(light.panorama, np.array(light.ground))]
    at = np.interp(rough, (0.06, *BLURRED_ROUGHNESS), np.arange(4))
    low = int(min(np.floor(at), 2))
    a, b = (panorama(copies[k], directions) for k in (low, low + 1))
    return a + (b - a) * (at - low)


def airlight(light: Daylight):
    """Colour of endless air under an even sky: the mean of what lies below four degrees."""
    rows = len(light.panorama)
    up = np.pi / 2 * (1 - (np.arange(rows) + 0.5) / rows) ** 2
    return light.panorama[np.sin(up) <= 0.07].mean(axis=(0, 1), dtype=np.float64)


def ambient(light: Daylight, normal, open_sky):
    """The polynomials of `Daylight.ambient`, darkened where the sky or the street is hidden."""
    x, y, z = normal.T
    terms = np.stack(
        [np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=1
    )
    left = 0.5 * (1 + z) * open_sky + 0.5 * (1 - z) * (0.35 + 0.65 * open_sky)
    return left[:, None] * np.maximum(terms @ light.ambient, 0)


@dataclass(frozen=True)
class Points:
    """Surface points as a camera sees them: arrays of n rows."""

    view: np.ndarray
    """Unit vectors from the camera."""
    normal: np.ndarray
    distance_m: np.ndarray
    open_sky: np.ndarray


def mirror(light: Daylight, material: Material, at: Points):
    """Share of light that is mirrored (Schlick 1994), and that light."""
    cosine = -(at.normal * at.view).sum(axis=1)
    base = (1 - np.clip(cosine, 0, 1)) ** 5
    share = (material.specular + (1 - material.specular) * base) * (1 - material.roughness) ** 2
    share = np.where(share < 0.002, 0, share)[:, None]
    towards = at.view + 2 * cosine[:, None] * at.normal
    clear = np.minimum(5 * towards[:, 2] + 0.15, 1.0) * at.open_sky
    ground = np.array(light.ground)
    seen = ground + (soft_sky(light, material.roughness, towards) - ground) * clear[:, None]
    return share, np.where(towards[:, 2:] < 0, ground, seen)


def spot(light: Daylight, material: Material, at: Points):
    """The sun's highlight: GGX (Walter et al. 2007), fitted visibility (Zioma 2015), cut at 8."""
    sun = np.array(light.sun_direction)
    half = unit(sun - at.view)
    alpha2 = max(material.roughness**2, 0.02) ** 2
    spread = np.maximum((at.normal * half).sum(axis=1), 0) ** 2 * (alpha2 - 1) + 1
    facing = np.maximum(at.normal @ sun, 0)
    fitted = 4 * np.maximum((half @ sun) ** 2, 0.1) * (material.roughness + 0.5)
    return np.minimum(material.specular * alpha2 / (spread**2 * fitted) * facing, 8.0)[:, None]


def light_parts(light: Daylight, material: Material, albedo, at: Points, haze_per_m, lamp=0.0):
    """Return radiance without the sun, and what the sun adds where nothing shades it."""
    share, mirrored = mirror(light, material, at)
    base = albedo * ambient(light, at.normal, at.open_sky) * (1 - share)
    base = base + mirrored * share + np.array(material.emission) * lamp
    facing = np.maximum(at.normal @ np.array(light.sun_direction), 0)[:, None]
    direct = np.array(light.sun_radiance) * (
        albedo * facing * (1 - share) + spot(light, material, at) * (facing > 0)
    )
    clear = np.exp(-haze_per_m * at.distance_m)[:, None]
    return base * clear + airlight(light) * (1 - clear), direct * clear


def display(radiance):
    """Filmic curve (Narkowicz 2015) at 0.74 of the radiance, then sRGB in 255ths, unrounded."""
    x = 0.74 * np.clip(radiance, 0, 16)
    curve = np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)
    return 255 * np.where(curve <= 0.0031308, 12.92 * curve, 1.055 * curve ** (1 / 2.4) - 0.055)


def texel(texture, level, u, v):
    """Bilinear colour of a mean pyramid's level at (u, v) repeats, tiling."""
    side = len(texture) >> level
    step = len(texture) // side
    small = texture.reshape(side, step, side, step, 3).mean(axis=(1, 3))
    x, y = (u % 1) * side - 0.5, (v % 1) * side - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    p, q = x - left, y - top
    rows = [
        (1 - p) * small[row % side, left % side] + p * small[row % side, (left + 1) % side]
        for row in (top, top + 1)
    ]
    return (1 - q) * rows[0] + q * rows[1]


def trilinear(texture, lod, u, v):
    """Mix of the two nearest levels."""
    top = int(np.log2(len(texture)))
    lod = np.clip(lod, 0, top)
    level = int(lod)
    here, next_ = texel(texture, level, u, v), texel(texture, min(level + 1, top), u, v)
    return here + (next_ - here) * (lod - level)


def filtered(texture, u, v, right, down):
    """Up to eight trilinear probes along the longer of the pixel's two steps (Heckbert 1989)."""
    long, short = sorted((np.array(right), np.array(down)), key=np.linalg.norm, reverse=True)
    if np.linalg.norm(right) == np.linalg.norm(down):
        long = np.array(down)
    along, across = np.linalg.norm(long), np.linalg.norm(short)
    probes = int(np.clip(np.ceil(along / max(across, 1e-9)), 1, 8))
    lod = np.log2(max(max(along / probes, across) * len(texture), 1e-6))
    shifts = (np.arange(probes) + 0.5) / probes - 0.5
    return np.mean([trilinear(texture, lod, *(np.array([u, v]) + s * long)) for s in shifts], 0)


def open_sky(view, depth_m, normal, pattern, reach_m=2.2, strength=2.1, floor=0.18):
    """Ray march from every pixel through its ring of neighbours; what rises above hides light."""
    height, width = depth_m.shape
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    finite = np.where(np.isfinite(depth_m), depth_m, 1.0).astype(float)
    points = np.stack(
        [(columns - view.cx) / view.fx * finite, (rows - view.cy) / view.fy * finite, finite], -1
    )
    out = np.ones((height, width))
    for y in range(height):
        for x in range(width):
            if not np.isfinite(depth_m[y, x]):
                continue
            radius = np.clip(view.fx * reach_m / depth_m[y, x], 2.0, 160.0)
            turn = (((x % 4) * 4 + (y % 4) * 7) % 16) * np.pi / 8
            spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            total = 0.0
            for dx, dy in radius * pattern @ spin:
                column, row = int(x + dx), int(y + dy)
                inside = 0 <= column < width and 0 <= row < height
                if not inside or not np.isfinite(depth_m[row, column]):
                    continue
                away = points[row, column] - points[y, x]
                far = np.linalg.norm(away)
                if 1e-6 <= far <= reach_m:
                    rise = float(normal[y, x].astype(float) @ away) / far
                    total += max(rise - 0.06, 0) * (1 - far / reach_m)
            out[y, x] = max(1 - strength * total / len(pattern), floor)
    return out


def smoothed(depth_m, normal, raw, reach=3):
    """Mean over the 7 x 7 neighbours on the same surface, in 255ths; 255 for sky."""
    height, width = depth_m.shape
    out = np.full((height, width), 255)
    for y in range(height):
        for x in range(width):
            z = depth_m[y, x]
            if not np.isfinite(z):
                continue
            cut = np.s_[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
            with np.errstate(invalid="ignore"):
                near = np.abs(depth_m[cut] - z) < 0.04 * z
            near &= normal[cut].astype(float) @ normal[y, x].astype(float) > 0.9
            out[y, x] = int(255 * raw[cut][near].mean() + 0.5)
    return out


def shadowed(points, to_sun, low, high):
    """Whether a box lies between each point and the sun (slab method, Kay & Kajiya 1986)."""
    a, b = (low - points) / to_sun, (high - points) / to_sun
    near, far = np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)
    return (near <= far) & (far > 0)
