"""Colour of a pixel: the mean over its samples, and what the denoiser wants to know.

Colours take the device's fast arithmetic; labels, in a module of their own, do not.
"""

from typing import no_type_check

import warp as wp

from rareworld.annotate.render.sky import SAMPLE_MAX
from rareworld.annotate.render.warp.sampling import pixel_seed
from rareworld.annotate.render.warp.shading import finished_point, shaded
from rareworld.annotate.render.warp.skylight import sky_at, through_air
from rareworld.annotate.render.warp.stage import Sample, Stage, drawn
from rareworld.annotate.render.warp.surface import dry_point
from rareworld.annotate.render.warp.trace import FAR_M, nearest, pixel_ray

wp.set_module_options({"fast_math": True})

_SHOWN_MAX = wp.constant(float(SAMPLE_MAX))
_HOT_MAX = 1024.0
_WIDE, _HIGH = wp.constant(8), wp.constant(4)
"""Pixels whose rays are traced side by side: a block meets fewer branches of a tree than a row."""


@no_type_check
@wp.struct
class ColourImages:
    """Arrays of the image's height and width."""

    shown: wp.array2d[wp.vec3]
    """Mean exposed radiance of samples cut at `SAMPLE_MAX`."""
    hot: wp.array2d[wp.vec3]
    """Mean of what was cut off; it glares in a lens."""
    albedo: wp.array2d[wp.vec3]
    normal: wp.array2d[wp.vec3]


@no_type_check
@wp.struct
class Settings:
    """How finely pixels are sampled."""

    samples: wp.int32
    seed: wp.int32
    pixel_width: wp.float32
    """Part of a pixel that one sample's textures are averaged over."""


@no_type_check
@wp.struct
class Ray:
    """What one sample sees."""

    colour: wp.vec3
    """Exposed radiance."""
    albedo: wp.vec3
    normal: wp.vec3


@no_type_check
@wp.func
def on_plane(ray: wp.vec3, place: wp.vec3, normal: wp.vec3) -> wp.vec3:
    """Return where a neighbouring ray from the camera meets the plane of a point, from there."""
    facing = wp.dot(normal, ray)
    if wp.abs(facing) < 1.0e-6:
        facing = -1.0e-6
    return ray * (wp.dot(normal, place) / facing) - place


@no_type_check
@wp.func
def sampled(stage: Stage, step: float, sample: Sample, x: float, y: float) -> Ray:
    """Return what is seen through a place; textures are averaged over `step` pixels."""
    eye = stage.eye
    out = Ray()
    ray = pixel_ray(eye, x, y)
    view = wp.normalize(ray)
    start = ray * eye.near_m
    hit = nearest(stage.world, start, view, FAR_M)
    if hit.face < 0:
        out.colour = sky_at(stage.light, view) * stage.light.exposure
        out.albedo = wp.vec3(1.0)
        return out
    place = start + view * hit.distance
    right = on_plane(pixel_ray(eye, x + step, y), place, hit.normal)
    down = on_plane(pixel_ray(eye, x, y + step), place, hit.normal)
    dry = dry_point(stage.world, stage.looks, stage.textures, hit, start, view, right, down)
    point = finished_point(stage, dry, sample)
    colour = through_air(stage.light, shaded(stage, point, sample), view, wp.length(place))
    out.colour = colour * stage.light.exposure
    out.albedo = wp.min(point.albedo, wp.vec3(1.0))
    out.normal = point.normal
    return out


@no_type_check
@wp.func
def in_blocks(row: int, column: int, rows: int, columns: int) -> wp.vec2i:
    """Return the pixel (row, column) of a thread, numbered by row, so that 32 make a block.

    What whole blocks do not cover keeps its own number.
    """
    across = columns // _WIDE
    high = (rows // _HIGH) * _HIGH
    if row >= high or columns != across * _WIDE:
        return wp.vec2i(row, column)
    number = row * columns + column
    block = number // (_WIDE * _HIGH)
    inside = number % (_WIDE * _HIGH)
    return wp.vec2i(
        (block // across) * _HIGH + inside // _WIDE, (block % across) * _WIDE + inside % _WIDE
    )


@no_type_check
@wp.kernel(enable_backward=False)
def colour_rows(stage: Stage, settings: Settings, rows: wp.vec2i, out: ColourImages) -> None:
    """Write the colours of some rows: first and end."""
    row, column = wp.tid()
    at = in_blocks(row, column, rows[1] - rows[0], out.shown.shape[1])
    x = at[1]
    y = at[0] + rows[0]
    total = Ray()
    hot = wp.vec3(0.0)
    sample = Sample()
    sample.count = settings.samples
    sample.pixel = pixel_seed(x, y, settings.seed)
    for index in range(settings.samples):
        sample.index = index
        place = wp.vec2(0.5, 0.5)
        if settings.samples > 1:
            place = drawn(sample, 0)
        seen = sampled(
            stage, settings.pixel_width, sample, float(x) + place[0], float(y) + place[1]
        )
        cut = wp.min(seen.colour, wp.vec3(_SHOWN_MAX))
        total.colour += cut
        total.albedo += seen.albedo
        total.normal += seen.normal
        hot += wp.min(seen.colour, wp.vec3(_HOT_MAX)) - cut
    share = 1.0 / float(settings.samples)
    out.shown[y, x] = wp.max(total.colour * share, wp.vec3(0.0))
    out.hot[y, x] = hot * share
    out.albedo[y, x] = total.albedo * share
    out.normal[y, x] = total.normal * share
