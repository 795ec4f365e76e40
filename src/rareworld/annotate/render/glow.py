"""The halo that lamps have in fog, rain and haze.

Single scattering (Sun et al. 2005) with the phase function of Henyey & Greenstein (1941), over six
equi-angular nodes (Kulla & Fajardo 2012) per lamp and ray; on every eighth pixel, as it is smooth.
Proved in tests/annotate/render/test_glow.py. Shapes: H x W pixels, A x B nodes.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from rareworld.annotate.render.compiled import glow_node, glow_weight, soft_step
from rareworld.annotate.render.jit import helper, kernel
from rareworld.annotate.render.lamps import Lamps, sent_towards
from rareworld.annotate.render.project import Eye

STEP = 8
"""Pixels between nodes."""
_HALO_NEAR_M, _HALO_FAR_M = 9.0, 18.0
"""Halos fade out between these distances from a lamp."""
_RUN = 8
"""Nodes in a row for which the lamps around them are looked up together."""
HALO_FAINT = 0.003
"""Exposed light of a halo that is not seen."""
_FORWARD = 0.7
"""Mean cosine of scattering in mist."""
_EVEN = 0.35
"""Share that is scattered evenly, once and again."""


@helper
def phase(cosine: float) -> float:
    """Return how much more light is scattered by an angle than if it went all around."""
    g = _FORWARD
    s = 1.0 + g * g - 2.0 * g * cosine
    return _EVEN + (1.0 - _EVEN) * (1.0 - g * g) / (s * np.sqrt(s))


@helper
def glow_along(
    lamps: Lamps,
    k: int,
    ox: float,
    oy: float,
    oz: float,
    vx: float,
    vy: float,
    vz: float,
    far_m: float,
    extinction_per_m: float,
    least_m: float,
) -> float:
    """Return lamp k's light scattered into a ray of some length, per intensity.

    The ray starts at (ox, oy, oz); it is kept at least `least_m` away from the lamp.
    """
    t = lamps.table
    dx, dy, dz = t.position[k, 0] - ox, t.position[k, 1] - oy, t.position[k, 2] - oz
    middle = dx * vx + dy * vy + dz * vz
    aside = np.sqrt(max(dx * dx + dy * dy + dz * dz - middle * middle, least_m * least_m))
    first, last = np.arctan2(-middle, aside), np.arctan2(far_m - middle, aside)
    total = 0.0
    for n in range(6):
        tangent = np.tan(first + (last - first) * glow_node(n))
        s = middle + aside * tangent
        lx, ly, lz = dx - s * vx, dy - s * vy, dz - s * vz
        far = max(np.sqrt(lx * lx + ly * ly + lz * lz), 1e-3)
        share = sent_towards(lamps, k, lx, ly, lz, far)
        if share <= 0.0:
            continue
        turn = (lx * vx + ly * vy + lz * vz) / far
        total += glow_weight(n) * share * phase(turn) * np.exp(-extinction_per_m * (s + far))
    return 0.25 * extinction_per_m * total * (last - first) / aside


class Fixed(NamedTuple):
    """Light at nodes of the lamps that stand, which changes where the depth does only."""

    which: Int64[np.ndarray, "n"]
    """These lamps."""
    light: Float32[np.ndarray, "a b 3"]
    far_m: Float32[np.ndarray, "a b"]
    """How far each node saw when its light was found; NaN: not yet."""


def no_fixed(which: Int64[np.ndarray, "n"], nodes: tuple[int, int]) -> Fixed:
    """Return room for the light of some lamps at rows and columns of nodes."""
    return Fixed(which, np.zeros((*nodes, 3), np.float32), np.full(nodes, np.nan, dtype=np.float32))


@helper
def ray_at(eye: Eye, x: float, y: float) -> tuple[float, float, float, float]:
    """Return the world unit vector along the ray through a pixel, and its length per depth."""
    r = eye.rotation
    u, v = (x + 0.5 - eye.cx) / eye.fx, (y + 0.5 - eye.cy) / eye.fy
    length = np.sqrt(u * u + v * v + 1.0)
    return (
        (r[0, 0] * u + r[1, 0] * v + r[2, 0]) / length,
        (r[0, 1] * u + r[1, 1] * v + r[2, 1]) / length,
        (r[0, 2] * u + r[1, 2] * v + r[2, 2]) / length,
        length,
    )


@helper
def strength(lamps: Lamps, k: int, exposure: float, extinction_per_m: float) -> float:
    """Return the most exposed light of a lamp's halo at a metre."""
    return 2.0 * lamps.table.most[k] * exposure * extinction_per_m


@helper
def near_run(
    eye: Eye,
    lamps: Lamps,
    which: Int64[np.ndarray, "n"],
    first: tuple[int, int],
    last: tuple[int, int],
    exposure: float,
    extinction_per_m: float,
    out: Int64[np.ndarray, "n"],
) -> int:
    """Write those lamps whose halo may be seen between two pixels of a row; return how many."""
    p, t = eye.position, lamps.table
    ax, ay, az, _ = ray_at(eye, first[0], first[1])
    bx, by, bz, _ = ray_at(eye, last[0], last[1])
    mx, my, mz = ax + bx, ay + by, az + bz
    scale = 1.0 / np.sqrt(mx * mx + my * my + mz * mz)
    mx, my, mz = mx * scale, my * scale, mz * scale
    # an arc is at most pi / 2 times as long as its chord
    turn = 1.58 * np.sqrt((mx - ax) ** 2 + (my - ay) ** 2 + (mz - az) ** 2)
    count = 0
    for n in range(len(which)):
        k = which[n]
        dx, dy, dz = t.position[k, 0] - p[0], t.position[k, 1] - p[1], t.position[k, 2] - p[2]
        square = dx * dx + dy * dy + dz * dz
        along = dx * mx + dy * my + dz * mz
        far = np.sqrt(square)
        aside = np.sqrt(max(square - along * along, 0.0)) - far * turn
        dim = HALO_FAINT * aside
        if aside < _HALO_FAR_M and strength(lamps, k, exposure, extinction_per_m) > dim:
            out[count] = k
            count += 1
    return count


@helper
def add_lamps(
    eye: Eye,
    lamps: Lamps,
    which: Int64[np.ndarray, "n"],
    count: int,
    x: int,
    y: int,
    depth_m: float,
    extinction_per_m: float,
    exposure: float,
    out: Float32[np.ndarray, "3"],
) -> None:
    """Add the exposed light of the first lamps scattered towards a pixel that sees so far."""
    p, t = eye.position, lamps.table
    vx, vy, vz, length = ray_at(eye, x, y)
    far = min(np.float64(depth_m) * length, 400.0)
    for n in range(count):
        k = which[n]
        dx, dy, dz = t.position[k, 0] - p[0], t.position[k, 1] - p[1], t.position[k, 2] - p[2]
        along = dx * vx + dy * vy + dz * vz
        least = max(0.25, 0.8 * STEP * abs(along) / eye.fx)
        aside = np.sqrt(max(dx * dx + dy * dy + dz * dz - along * along, least * least))
        if aside >= _HALO_FAR_M or along < -_HALO_FAR_M:
            continue
        most = strength(lamps, k, exposure, extinction_per_m)
        dim = HALO_FAINT * aside
        if most <= dim:
            continue
        share = glow_along(lamps, k, p[0], p[1], p[2], vx, vy, vz, far, extinction_per_m, least)
        share *= exposure * soft_step(dim, 2.0 * dim, most)
        share *= soft_step(_HALO_FAR_M, _HALO_NEAR_M, aside)
        out[0] += share * t.intensity[k, 0]
        out[1] += share * t.intensity[k, 1]
        out[2] += share * t.intensity[k, 2]


@kernel
def glow_nodes(
    eye: Eye,
    lamps: Lamps,
    fixed: Fixed,
    which: Int64[np.ndarray, "n"],
    depth_m: Float32[np.ndarray, "h w"],
    extinction_per_m: float,
    exposure: float,
    rows: tuple[int, int],
    near: Int64[np.ndarray, "n"],
    out: Float32[np.ndarray, "a b 3"],
) -> None:
    """Write the exposed light of the fixed and the chosen lamps at a band of rows of nodes.

    `near` is scratch space of the calling thread.
    """
    height, width = depth_m.shape
    count = 0
    for row in range(rows[0], rows[1]):
        y = min(row * STEP, height - 1)
        for column in range(out.shape[1]):
            x = min(column * STEP, width - 1)
            if column % _RUN == 0:
                last = min((column + _RUN - 1) * STEP, width - 1)
                count = near_run(
                    eye, lamps, which, (x, y), (last, y), exposure, extinction_per_m, near
                )
            far, light = depth_m[y, x], fixed.light[row, column]
            if far != fixed.far_m[row, column]:
                fixed.far_m[row, column] = far
                light[0], light[1], light[2] = 0.0, 0.0, 0.0
                add_lamps(
                    eye, lamps, fixed.which, len(fixed.which), x, y, far, extinction_per_m,
                    exposure, light,
                )  # fmt: skip
            node = out[row, column]
            node[0], node[1], node[2] = light[0], light[1], light[2]
            add_lamps(eye, lamps, near, count, x, y, far, extinction_per_m, exposure, node)


@helper
def kinship(z: float, other: float) -> float:
    """Return how far a node at one depth speaks for a pixel at another."""
    if not np.isfinite(z) or not np.isfinite(other):
        return 1.0 if z == other else 0.02
    apart = abs(z - other) / (0.06 * z)
    return 1.0 / (1.0 + apart * apart * apart * apart) + 1e-4


@helper
def is_dark(nodes: Float32[np.ndarray, "a b 3"], row: int, column: int) -> bool:
    """Return whether no light is scattered at the four corners of a square of pixels."""
    most = 0.0
    for i in range(2):
        for j in range(2):
            node = nodes[row + i, column + j]
            most = max(most, node[0], node[1], node[2])
    return most <= 0.0


@kernel
def add_glow(
    nodes: Float32[np.ndarray, "a b 3"],
    depth_m: Float32[np.ndarray, "h w"],
    rows: tuple[int, int],
    radiance: Float32[np.ndarray, "h w 3"],
) -> None:
    """Add the light of nodes to a band of rows: between them linearly, those of like depth first.

    This is joint bilateral upsampling (Kopf et al. 2007).
    """
    height, width = depth_m.shape
    for y in range(rows[0], rows[1]):
        top = y // STEP
        q = (y - top * STEP) / STEP
        upper, lower = top * STEP, min((top + 1) * STEP, height - 1)
        for left in range((width + STEP - 1) // STEP):
            if is_dark(nodes, top, left):
                continue
            near, far = left * STEP, min((left + 1) * STEP, width - 1)
            above, beside = depth_m[upper, near], depth_m[upper, far]
            below, across = depth_m[lower, near], depth_m[lower, far]
            e, f = nodes[top, left], nodes[top, left + 1]
            g, h = nodes[top + 1, left], nodes[top + 1, left + 1]
            for x in range(near, min(near + STEP, width)):
                p = (x - near) / STEP
                z = depth_m[y, x]
                a = (1.0 - p) * (1.0 - q) * kinship(z, above)
                b = p * (1.0 - q) * kinship(z, beside)
                c = (1.0 - p) * q * kinship(z, below)
                d = p * q * kinship(z, across)
                scale = 1.0 / (a + b + c + d)
                for i in range(3):
                    radiance[y, x, i] += scale * (a * e[i] + b * f[i] + c * g[i] + d * h[i])
