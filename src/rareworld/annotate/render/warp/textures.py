"""Tiling textures with mip levels on the device; the filter of `render.texture`."""

from typing import no_type_check

import warp as wp

_MAX_PROBES = 8


@no_type_check
@wp.struct
class Textures:
    """All levels of all textures; see `texture.Textures`."""

    texels: wp.array2d[wp.vec3]
    start: wp.array[wp.int32]
    side: wp.array[wp.int32]
    levels: wp.int32


@no_type_check
@wp.func
def bilinear(tex: Textures, which: int, level: int, uv: wp.vec2) -> wp.vec3:
    """Return the colour at a place, in repeats, of one level."""
    side = tex.side[level]
    start = tex.start[level]
    x = (uv[0] - wp.floor(uv[0])) * float(side) - 0.5
    y = (uv[1] - wp.floor(uv[1])) * float(side) - 0.5
    left = int(wp.floor(x))
    top = int(wp.floor(y))
    p = x - float(left)
    q = y - float(top)
    x0 = left & (side - 1)
    x1 = (left + 1) & (side - 1)
    y0 = (top & (side - 1)) * side + start
    y1 = ((top + 1) & (side - 1)) * side + start
    upper = tex.texels[which, y0 + x0] * (1.0 - p) + tex.texels[which, y0 + x1] * p
    lower = tex.texels[which, y1 + x0] * (1.0 - p) + tex.texels[which, y1 + x1] * p
    return upper * (1.0 - q) + lower * q


@no_type_check
@wp.func
def trilinear(tex: Textures, which: int, lod: float, uv: wp.vec2) -> wp.vec3:
    """Return the colour at a place between two levels."""
    top = tex.levels - 1
    kept = wp.clamp(lod, 0.0, float(top))
    level = int(kept)
    part = kept - float(level)
    colour = bilinear(tex, which, level, uv)
    if part > 0.0:
        colour += (bilinear(tex, which, wp.min(level + 1, top), uv) - colour) * part
    return colour


@no_type_check
@wp.func
def filtered(tex: Textures, which: int, uv: wp.vec2, right: wp.vec2, down: wp.vec2) -> wp.vec3:
    """Return the mean colour over a pixel whose steps right and down are given."""
    across = wp.length(right)
    along = wp.length(down)
    step = down
    if across > along:
        swap = across
        across = along
        along = swap
        step = right
    probes = int(wp.clamp(wp.ceil(along / wp.max(across, 1.0e-9)), 1.0, float(_MAX_PROBES)))
    width = wp.max(along / float(probes), across)
    lod = wp.log2(wp.max(width * float(tex.side[0]), 1.0e-6))
    total = wp.vec3(0.0)
    for k in range(probes):
        shift = (float(k) + 0.5) / float(probes) - 0.5
        total += trilinear(tex, which, lod, uv + step * shift)
    return total / float(probes)
