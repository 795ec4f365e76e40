"""Every scalar formula of lamps, in the language that Numba and NVIDIA Warp share.

As `formulas`: plain functions of floats, compiled by each backend from the same source
(`compiled.built`). The dipped beam is a closed form that keeps within the test points of ECE R112
class B (as fractions of a 20 000 cd peak) and fills the wide foreground that drivers see; the glow
of a lamp in fog is single scattering (Sun et al. 2005) with equi-angular nodes (Kulla & Fajardo
2012), along which the inverse square cancels. Proved in tests/annotate/render/test_lamps.py.
"""

import math


def soft_step(low: float, high: float, x: float) -> float:
    """Return 0 at `low`, 1 at `high` (which may be the lesser), and a cubic between."""
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def dipped_share(x: float, y: float) -> float:
    """Return a dipped beam's share of its peak towards the tangents x to the right and y up.

    The cut-off lies one percent below the horizontal and rises by 15 degrees on the right.
    """
    line = -0.010 + 0.268 * min(max(x, 0.0), 0.13)
    under = soft_step(line + 0.004, line - 0.006, y)
    if under <= 0.0 or abs(x) > 1.3:
        return 0.012
    p = (x - 0.025) / 0.13
    q = (y + 0.022) / 0.028
    hot = 0.0
    if p * p + q * q < 9.0:
        hot = math.exp(-p * p - q * q)
    w = x / 0.55
    wide = 0.32 * math.exp(-w * w - max(-y, 0.0) * 8.0)
    return min(under * (hot + wide), 1.0) + 0.012


def driving_share(x: float, y: float) -> float:
    """Return a full beam's share of its peak towards the tangents x to the right and y up."""
    p = x / 0.14
    q = (y + 0.005) / 0.06
    w = x / 0.5
    v = (y + 0.03) / 0.16
    return 0.85 * math.exp(-p * p - q * q) + 0.15 * math.exp(-w * w - v * v)


def side_share(beam: int, x: float) -> float:
    """Return the most that `dipped_share` or `driving_share` are at any height towards x."""
    p = (abs(x) - 0.025) / 0.14
    w = x / 0.55
    hot = math.exp(-p * p) if p > 0.0 else 1.0
    if beam == 1:
        return min(hot + 0.32 * math.exp(-w * w), 1.0) + 0.012
    return 0.85 * hot + 0.15 * math.exp(-w * w)


def beam_share(
    beam: int, ahead: float, right: float, up: float, inner_cos: float, outer_cos: float
) -> float:
    """Return a lamp's share of its intensity towards a unit direction in its own frame.

    `beam` is a value of `model.Beam`; a cone whose `outer_cos` is -1 shines all around.
    """
    if beam == 0:
        if outer_cos <= -1.0:
            return 1.0
        return soft_step(outer_cos, inner_cos, ahead)
    if ahead <= 0.05:
        return 0.0
    # a lamp's body hides its side, without a hard border on the road next to it
    front = soft_step(0.05, 0.8, ahead)
    if beam == 1:
        return front * dipped_share(right / ahead, up / ahead)
    return front * driving_share(right / ahead, up / ahead)


def lamp_fade(irradiance: float, dim: float, distance_m: float, reach_m: float) -> float:
    """Return the share of a lamp's light that is kept: none where it is too weak to be seen.

    Full from twice `dim` on and up to 0.7 of the reach; smooth, so that no border shows.
    """
    strong = soft_step(dim, 2.0 * dim, irradiance)
    return strong * soft_step(reach_m, 0.7 * reach_m, distance_m)


def wide_roughness(rough: float, radius_m: float, distance_m: float) -> float:
    """Return the roughness whose lobe is as wide as that of a lamp of some size (Karis 2013)."""
    alpha = rough * rough + 0.5 * min(radius_m / max(distance_m, 0.01), 1.0)
    return min(math.sqrt(alpha), 1.0)


def glow_node(k: int) -> float:
    """Return the k-th of six nodes of Gauss and Legendre on 0..1."""
    side = min(k, 5 - k)
    near = 0.38069040695840156
    if side == 0:
        near = 0.03376524289842397
    if side == 1:
        near = 0.16939530676686776
    if k > 2:
        return 1.0 - near
    return near


def glow_weight(k: int) -> float:
    """Return the weight of the k-th node."""
    side = min(k, 5 - k)
    if side == 0:
        return 0.08566224618958525
    if side == 1:
        return 0.1803807865240693
    return 0.23395696728634552
