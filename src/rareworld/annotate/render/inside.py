"""What is seen through glass: cabins of vehicles, rooms of houses, shops.

A ray that meets glass goes on into a box of its own: the `Cabin` of its mesh, in the mesh's frame,
or a room that is only drawn (`rooms`). Nothing of it is in the labels. Proved in
tests/annotate/render/test_inside.py.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32

from rareworld.annotate.render.compiled import blind, room, room_lamp, shop, slab
from rareworld.annotate.render.jit import routine
from rareworld.annotate.render.sky import Sky, ambient, mirrored
from rareworld.annotate.world.model import Cabin, Inside, RenderScene

_CABIN, _ROOM, _SHOP = int(Inside.CABIN), int(Inside.ROOM), int(Inside.SHOP)
_FAR = 1e9
_ROOM_LIGHT = 0.00025
"""Radiance of a white card under the lamp of a room, in units of one in full sun."""


class Cabins(NamedTuple):
    """All cabins of a scene; boxes of cabin c are first[c]..first[c + 1]."""

    of_instance: Int32[np.ndarray, "i"]
    """-1: none."""
    shell: Float32[np.ndarray, "c 2 3"]
    belt_m: Float32[np.ndarray, "c"]
    shell_colour: Float32[np.ndarray, "c 3"]
    first: Int32[np.ndarray, "c1"]
    boxes: Float32[np.ndarray, "b 2 3"]
    colours: Float32[np.ndarray, "b 3"]


def cabins_of(scene: RenderScene) -> Cabins:
    """Return the cabins of all prototypes."""
    cabins: list[Cabin] = []
    number: list[int] = []
    for mesh in scene.prototypes:
        number.append(len(cabins) if mesh.cabin else -1)
        if mesh.cabin:
            cabins.append(mesh.cabin)
    which = [number[instance.prototype] for instance in scene.instances]
    boxes = [np.zeros((0, 2, 3)), *(cabin.boxes_m for cabin in cabins)]
    colours = [np.zeros((0, 3)), *(cabin.colours for cabin in cabins)]
    f4 = np.float32
    return Cabins(
        of_instance=np.array(which, np.int32),
        shell=np.array([(c.low_m, c.high_m) for c in cabins], f4).reshape(-1, 2, 3),
        belt_m=np.array([c.belt_m for c in cabins], f4),
        shell_colour=np.array([c.shell_colour for c in cabins], f4).reshape(-1, 3),
        first=np.cumsum([len(b) for b in boxes], dtype=np.int32),
        boxes=np.concatenate(boxes).astype(f4),
        colours=np.concatenate(colours).astype(f4),
    )


@routine
def box_span(
    boxes: Float32[np.ndarray, "b 2 3"],
    b: int,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
) -> tuple[float, float]:
    """Return where a ray enters and leaves a box; it misses if it leaves before it enters."""
    x0, x1 = slab(ox, dx, boxes[b, 0, 0], boxes[b, 1, 0])
    y0, y1 = slab(oy, dy, boxes[b, 0, 1], boxes[b, 1, 1])
    z0, z1 = slab(oz, dz, boxes[b, 0, 2], boxes[b, 1, 2])
    return max(x0, y0, z0), min(x1, y1, z1)


@routine
def nearest_box(
    cabins: Cabins, c: int, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float
) -> tuple[int, float]:
    """Return the box of a cabin that a ray meets first, and how far away; -1 for none."""
    nearest, which = _FAR, -1
    for b in range(cabins.first[c], cabins.first[c + 1]):
        near, far = box_span(cabins.boxes, b, ox, oy, oz, dx, dy, dz)
        if near <= far and far > 0.0 and near < nearest:
            nearest, which = max(near, 0.0), b
    return which, nearest


@routine
def cabin_colour(
    cabins: Cabins, c: int, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float
) -> tuple[float, float, float, float]:
    """Return red, green, blue seen in a cabin from a point of its glass, and 1 if it is inside.

    With 0 the ray leaves through the glass on the far side. The reflectance is darkened where the
    cabin's own roof shades it.
    """
    _, leaves = box_span(cabins.shell, c, ox, oy, oz, dx, dy, dz)
    b, far = nearest_box(cabins, c, ox, oy, oz, dx, dy, dz)
    low, high = cabins.shell[c, 0, 2], cabins.shell[c, 1, 2]
    if b >= 0 and far < leaves:
        z = oz + dz * far
        top = z > cabins.boxes[b, 1, 2] - 0.02
        k = (1.0 if top else 0.6) * (0.35 + 0.65 * min(max((z - low) / (high - low), 0.0), 1.0))
        return cabins.colours[b, 0] * k, cabins.colours[b, 1] * k, cabins.colours[b, 2] * k, 1.0
    z = oz + dz * leaves
    if leaves > 0.0 and cabins.belt_m[c] <= z < high - 0.01:
        return 0.0, 0.0, 0.0, 0.0
    k = 0.35 + 0.3 * min(max((z - low) / (high - low), 0.0), 1.0)
    s = cabins.shell_colour
    return s[c, 0] * k, s[c, 1] * k, s[c, 2] * k, 1.0


@routine
def in_cabin(
    sky: Sky,
    cabins: Cabins,
    placed: Float32[np.ndarray, "i 3 4"],
    part: int,
    px: float,
    py: float,
    pz: float,
    vx: float,
    vy: float,
    vz: float,
    tint: float,
) -> tuple[float, float, float]:
    """Return the light that comes through a vehicle's glass, before the glass tints it.

    `tint` is what the far side's glass lets through.
    """
    day = ambient(sky, 0.0, 0.0, 1.0, 0.42)
    c = cabins.of_instance[part] if part >= 0 else -1
    red, green, blue, solid = 0.035, 0.035, 0.037, 1.0
    if c >= 0:
        m = placed[part]
        qx, qy, qz = px - m[0, 3], py - m[1, 3], pz - m[2, 3]
        red, green, blue, solid = cabin_colour(
            cabins, c,
            m[0, 0] * qx + m[1, 0] * qy + m[2, 0] * qz,
            m[0, 1] * qx + m[1, 1] * qy + m[2, 1] * qz,
            m[0, 2] * qx + m[1, 2] * qy + m[2, 2] * qz,
            m[0, 0] * vx + m[1, 0] * vy + m[2, 0] * vz,
            m[0, 1] * vx + m[1, 1] * vy + m[2, 1] * vz,
            m[0, 2] * vx + m[1, 2] * vy + m[2, 2] * vz,
        )  # fmt: skip
    if solid > 0.0:
        up = 0.10 * max(sky.to_sun[2], 0.0)
        return (
            red * (day[0] + up * sky.sun[0]),
            green * (day[1] + up * sky.sun[1]),
            blue * (day[2] + up * sky.sun[2]),
        )
    r, g, b = mirrored(sky, 0.2, vx, vy, vz, 0.7)
    return r * tint, g * tint, b * tint


@routine
def in_house(
    sky: Sky,
    inside: int,
    px: float,
    py: float,
    pz: float,
    gx: float,
    gy: float,
    vx: float,
    vy: float,
    vz: float,
) -> tuple[float, float, float]:
    """Return the light that comes through a window whose pane has the normal (gx, gy, ...)."""
    room_light = _ROOM_LIGHT
    scale = 1.0 / max(np.sqrt(gx * gx + gy * gy), 1e-6)
    ax, ay = -gy * scale, gx * scale
    u, du = px * ax + py * ay, vx * ax + vy * ay
    dn = max(-(vx * gx + vy * gy) * scale, 0.02)
    wall = int(np.floor((px * gx + py * gy) * scale * 0.5 + 0.25)) + 1000
    day = ambient(sky, gx * scale, gy * scale, 0.0, 1.0)
    hides, bright, lamp_r, lamp_g, lamp_b = 0.0, 0.0, 0.0, 0.0, 0.0
    if inside == _SHOP:
        red, green, blue, deep = shop(u, pz, du, vz, dn, wall)
        light = 0.16 * (1.0 - deep) * (1.0 - deep) + 0.03
        lamp_r = room_light * (0.12 + 0.88 * sky.night) * 1.5
        lamp_g, lamp_b = lamp_r * 0.93, lamp_r * 0.82
    else:
        red, green, blue, deep = room(u, pz, du, vz, dn, wall)
        hides, bright = blind(u, pz, wall)
        light = 0.17 * (1.0 - deep) * (1.0 - deep) + 0.018
        lamp_r, lamp_g, lamp_b = room_lamp(u, pz, wall, sky.night)
        lamp_r, lamp_g, lamp_b = lamp_r * room_light, lamp_g * room_light, lamp_b * room_light
    show = 1.0 - hides
    # a drawn blind is lit from both sides
    out = bright * hides * 0.55
    glow = bright * hides * 0.35
    return (
        red * show * (day[0] * light + lamp_r) + out * day[0] + glow * lamp_r,
        green * show * (day[1] * light + lamp_g) + out * day[1] + glow * lamp_g,
        blue * show * (day[2] * light + lamp_b) + out * day[2] + glow * lamp_b,
    )
