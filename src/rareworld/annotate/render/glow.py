"""The halo that lamps have in fog, rain and haze.

Single scattering (Sun et al. 2005) with the phase function of Henyey & Greenstein (1941), over six
equi-angular nodes (Kulla & Fajardo 2012) per lamp and ray; on every eighth pixel, as it is smooth.
Proved in tests/annotate/render/test_glow.py. Shapes: H x W pixels, A x B nodes.
"""

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


@kernel
def glow_nodes(
    eye: Eye,
    lamps: Lamps,
    which: Int64[np.ndarray, "n"],
    depth_m: Float32[np.ndarray, "h w"],
    extinction_per_m: float,
    exposure: float,
    rows: tuple[int, int],
    out: Float32[np.ndarray, "a b 3"],
) -> None:
    """Write the exposed light of the chosen lamps scattered towards a band of rows of nodes."""
    height, width = depth_m.shape
    p, r, t = eye.position, eye.rotation, lamps.table
    for row in range(rows[0], rows[1]):
        for column in range(out.shape[1]):
            x, y = min(column * STEP, width - 1), min(row * STEP, height - 1)
            u, v = (x + 0.5 - eye.cx) / eye.fx, (y + 0.5 - eye.cy) / eye.fy
            length = np.sqrt(u * u + v * v + 1.0)
            vx = (r[0, 0] * u + r[1, 0] * v + r[2, 0]) / length
            vy = (r[0, 1] * u + r[1, 1] * v + r[2, 1]) / length
            vz = (r[0, 2] * u + r[1, 2] * v + r[2, 2]) / length
            far = min(np.float64(depth_m[y, x]) * length, 400.0)
            out[row, column, 0], out[row, column, 1], out[row, column, 2] = 0.0, 0.0, 0.0
            for n in range(len(which)):
                k = which[n]
                dx, dy, dz = (
                    t.position[k, 0] - p[0],
                    t.position[k, 1] - p[1],
                    t.position[k, 2] - p[2],
                )
                along = dx * vx + dy * vy + dz * vz
                least = max(0.25, 0.8 * STEP * abs(along) / eye.fx)
                aside = np.sqrt(max(dx * dx + dy * dy + dz * dz - along * along, least * least))
                if aside >= _HALO_FAR_M or along < -_HALO_FAR_M:
                    continue
                most = 2.0 * t.most[k] * exposure * extinction_per_m
                dim = HALO_FAINT * aside
                if most <= dim:
                    continue
                share = glow_along(
                    lamps, k, p[0], p[1], p[2], vx, vy, vz, far, extinction_per_m, least
                )
                share *= exposure * soft_step(dim, 2.0 * dim, most)
                share *= soft_step(_HALO_FAR_M, _HALO_NEAR_M, aside)
                out[row, column, 0] += share * t.intensity[k, 0]
                out[row, column, 1] += share * t.intensity[k, 1]
                out[row, column, 2] += share * t.intensity[k, 2]


@helper
def kinship(z: float, other: float) -> float:
    """Return how far a node at one depth speaks for a pixel at another."""
    if not np.isfinite(z) or not np.isfinite(other):
        return 1.0 if z == other else 0.02
    apart = abs(z - other) / (0.06 * z)
    return 1.0 / (1.0 + apart * apart * apart * apart) + 1e-4


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
        for x in range(width):
            left = x // STEP
            p = (x - left * STEP) / STEP
            near, far = left * STEP, min((left + 1) * STEP, width - 1)
            z = depth_m[y, x]
            a = (1.0 - p) * (1.0 - q) * kinship(z, depth_m[upper, near])
            b = p * (1.0 - q) * kinship(z, depth_m[upper, far])
            c = (1.0 - p) * q * kinship(z, depth_m[lower, near])
            d = p * q * kinship(z, depth_m[lower, far])
            scale = 1.0 / (a + b + c + d)
            for i in range(3):
                radiance[y, x, i] += scale * (
                    a * nodes[top, left, i] + b * nodes[top, left + 1, i]
                    + c * nodes[top + 1, left, i] + d * nodes[top + 1, left + 1, i]
                )  # fmt: skip
