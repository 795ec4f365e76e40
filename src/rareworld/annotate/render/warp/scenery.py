"""Materials, light and lamps of a scene as device structs, made from the raster's own records."""

from typing import Any

import numpy as np
import warp as wp
from jaxtyping import Float64

from rareworld.annotate.render.inside import Cabins
from rareworld.annotate.render.lamps import Lamps, LampSet, overhead
from rareworld.annotate.render.looks import Cover, Looks, looks_of
from rareworld.annotate.render.sky import sky_of
from rareworld.annotate.render.texture import mip_levels
from rareworld.annotate.render.warp import structs
from rareworld.annotate.render.warp.lamps import Lamps as DeviceLamps
from rareworld.annotate.render.warp.put import Uploader
from rareworld.annotate.render.warp.skylight import Light
from rareworld.annotate.render.warp.textures import Textures
from rareworld.annotate.world.model import FrameState, RenderScene

_SUN_RADIUS = 0.00465
"""Tangent of the sun's apparent radius."""
_HAZE_SPREAD = 0.05
"""How much farther out haze that hides the sun sends its light from."""
_LAMPS_SEEN_M = 400.0

_OF_MATERIALS = {
    "colour": wp.vec3, "emission": wp.vec3, "roughness": wp.float32, "specular": wp.float32,
    "texture": wp.int32, "repeat_m": wp.float32, "paint": wp.int32, "lit_when": wp.uint32,
    "weathering": wp.int32, "inside": wp.int32, "translucency": wp.float32, "body": wp.vec3,
    "second": wp.vec3, "dirt": wp.float32, "snow": wp.float32, "state": wp.uint32,
}  # fmt: skip
_OF_LAMPS = {
    "ahead": wp.vec3, "right": wp.vec3, "up": wp.vec3, "intensity": wp.vec3, "beam": wp.int32,
    "inner_cos": wp.float32, "outer_cos": wp.float32, "radius_m": wp.float32,
    "reach_m": wp.float32,
}  # fmt: skip


def _fill(out: Any, put: Uploader, record: Any, kinds: dict[str, Any]) -> None:  # noqa: ANN401 - Warp's own
    """Copy arrays of a record to the fields of the same names."""
    for name, kind in kinds.items():
        setattr(out, name, put.cast(getattr(record, name), kind))


def looks_on(put: Uploader, scene: RenderScene) -> Any:  # noqa: ANN401 - a Warp struct
    """Return materials, colours of instances, and what lies on them."""
    looks: Looks = looks_of(scene)
    out = structs.Looks()
    _fill(out, put, looks, _OF_MATERIALS)
    out.placed = put.cast(np.zeros((0, 4, 4)), wp.mat44)
    out.cabins = _cabins(put, looks.cabins)
    out.cover = _cover(put, looks.cover)
    return out


def follow(out: Any, put: Uploader, state: FrameState) -> None:  # noqa: ANN401 - a Warp struct
    """Take over the lamps and places of a frame."""
    placed = np.zeros((len(state.state), 4, 4), np.float32)
    placed[:, :3], placed[:, 3, 3] = state.transforms, 1
    out.state, out.placed = put.cast(state.state, wp.uint32), put.cast(placed, wp.mat44)


def _cabins(put: Uploader, cabins: Cabins) -> Any:  # noqa: ANN401 - a Warp struct
    out = structs.Cabins()
    out.of_instance = put.cast(cabins.of_instance, wp.int32)
    out.shell_low = put.cast(cabins.shell[:, 0], wp.vec3)
    out.shell_high = put.cast(cabins.shell[:, 1], wp.vec3)
    out.belt_m = put.cast(cabins.belt_m, wp.float32)
    out.shell_colour = put.cast(cabins.shell_colour, wp.vec3)
    out.first = put.cast(cabins.first, wp.int32)
    out.box_low, out.box_high = (put.cast(cabins.boxes[:, k], wp.vec3) for k in (0, 1))
    out.colours = put.cast(cabins.colours, wp.vec3)
    return out


def _cover(put: Uploader, cover: Cover) -> Any:  # noqa: ANN401 - a Warp struct
    plan = structs.Plan()
    plan.layers = put.cast(cover.plan.layers.astype(np.float32) / 255, wp.vec4)
    plan.west_m, plan.south_m = cover.plan.west_m, cover.plan.south_m
    plan.per_m = cover.plan.per_m
    out = structs.Cover()
    out.plan = plan
    for name in ("wetness", "puddles", "snow", "sand", "rain"):
        setattr(out, name, getattr(cover, name))
    return out


def textures_on(put: Uploader, scene: RenderScene) -> Any:  # noqa: ANN401 - a Warp struct
    """Return the textures with their mip levels."""
    levels = mip_levels(scene.textures)
    out = Textures()
    out.texels = put.cast(levels.texels, wp.vec3)
    out.start, out.side = put.cast(levels.start, wp.int32), put.cast(levels.side, wp.int32)
    out.levels = len(levels.side)
    return out


def light_on(put: Uploader, scene: RenderScene, exposure: float) -> Any:  # noqa: ANN401 - a Warp struct
    """Return sun, sky and air; `exposure` multiplies the daylight's own."""
    sky, out = sky_of(scene.daylight, scene.air, exposure), Light()
    for name in ("to_sun", "sun", "ground"):
        setattr(out, name, wp.vec3(*map(float, getattr(sky, name))))
    out.panorama = put.cast(sky.panorama[0], wp.vec3)
    out.ambient = put.cast(sky.ambient, wp.vec3)
    out.airlight = put.cast(sky.airlight, wp.vec3)
    out.exposure, out.haze_per_m, out.night = sky.exposure, sky.haze_per_m, sky.night
    out.sun_spread = _SUN_RADIUS + _HAZE_SPREAD * float(1 - np.exp(-30 * sky.haze_per_m))
    return out


def lamp_set(scene: RenderScene, origin_m: Float64[np.ndarray, "3"], exposure: float) -> LampSet:
    """Return the lamps around what can be seen; `exposure` multiplies the daylight's own."""
    points = scene.static.vertices_m
    near = np.abs(points[:, :2] - origin_m[:2]).max(axis=1) < _LAMPS_SEEN_M
    seen = points[near] if near.any() else np.zeros((1, 3), np.float32)
    low, high = seen.min(axis=0).astype(np.float64), seen.max(axis=0).astype(np.float64)
    exposed = scene.daylight.exposure * exposure
    return LampSet(scene, exposed, overhead(low[:2], high[:2]), float(low[2]), pairs=False)


def lamps_on(put: Uploader, lamps: Lamps, origin_m: Float64[np.ndarray, "3"]) -> Any:  # noqa: ANN401 - a Warp struct
    """Return the lamps that shine now."""
    table, plan, out = lamps.table, lamps.plan, DeviceLamps()
    out.cells = plan.size if len(table.beam) else 0
    out.position = put.cast(table.position - origin_m, wp.vec3)
    _fill(out, put, table, _OF_LAMPS)
    out.dim = lamps.dim
    out.cells_per_m = float(plan.axes[0, 0])
    out.column_at_origin = float(plan.offset[0] + origin_m[0] * plan.axes[0, 0])
    out.row_at_origin = float(plan.offset[1] + origin_m[1] * plan.axes[1, 1])
    out.start = put.cast(lamps.every.start, wp.int32)
    out.lamp = put.cast(lamps.every.lamp[: int(lamps.every.start[-1])], wp.int32)
    return out
