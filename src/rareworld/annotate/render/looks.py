"""Materials, instances and what lies on them as arrays for kernels."""

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, UInt32

from rareworld.annotate.render.inside import Cabins, cabins_of
from rareworld.annotate.render.texture import Plan, plan_of
from rareworld.annotate.world.model import FrameState, Instance, Material, RenderScene


class Cover(NamedTuple):
    """What lies on surfaces."""

    plan: Plan
    wetness: float
    puddles: float
    snow: float
    sand: float
    rain: float
    """0 none to 1 heavy."""


class Looks(NamedTuple):
    """Materials and the colours and lamps of instances."""

    colour: Float32[np.ndarray, "m 3"]
    emission: Float32[np.ndarray, "m 3"]
    roughness: Float32[np.ndarray, "m"]
    specular: Float32[np.ndarray, "m"]
    texture: Int32[np.ndarray, "m"]
    repeat_m: Float32[np.ndarray, "m"]
    paint: Int32[np.ndarray, "m"]
    lit_when: UInt32[np.ndarray, "m"]
    weathering: Int32[np.ndarray, "m"]
    inside: Int32[np.ndarray, "m"]
    translucency: Float32[np.ndarray, "m"]
    body: Float32[np.ndarray, "i 3"]
    second: Float32[np.ndarray, "i 3"]
    dirt: Float32[np.ndarray, "i"]
    snow: Float32[np.ndarray, "i"]
    state: UInt32[np.ndarray, "i"]
    """Lamps of the current frame; written in place."""
    placed: Float32[np.ndarray, "i 3 4"]
    """World from instance of the current frame; written in place."""
    cabins: Cabins
    cover: Cover


_HEAVY_RAIN_MMPH = 12.0


def cover_of(scene: RenderScene) -> Cover:
    """Return what lies on a scene's surfaces."""
    ground = scene.ground
    return Cover(
        plan=plan_of(scene.ground_map),
        wetness=float(ground.wetness),
        puddles=float(ground.puddles),
        snow=float(ground.snow),
        sand=float(ground.sand),
        rain=float(min(scene.air.rain_mmph / _HEAVY_RAIN_MMPH, 1.0)),
    )


def _column(
    items: Sequence[Material] | Sequence[Instance], name: str, kind: type[np.generic]
) -> np.ndarray:
    """Return one field of all materials or instances."""
    return np.array([*map(attrgetter(name), items)], kind)


def looks_of(scene: RenderScene) -> Looks:
    """Return the kernel's view of a scene's materials and instances."""
    materials, instances = scene.materials, scene.instances
    f4, i4 = np.float32, np.int32
    return Looks(
        colour=_column(materials, "colour", f4).reshape(-1, 3),
        emission=_column(materials, "emission", f4).reshape(-1, 3),
        roughness=_column(materials, "roughness", f4),
        specular=_column(materials, "specular", f4),
        texture=_column(materials, "texture", i4),
        repeat_m=_column(materials, "metres_per_repeat", f4),
        paint=_column(materials, "paint", i4),
        lit_when=_column(materials, "lit_when", np.uint32),
        weathering=_column(materials, "weathering", i4),
        inside=_column(materials, "inside", i4),
        translucency=_column(materials, "translucency", f4),
        body=_column(instances, "body_colour", f4).reshape(-1, 3),
        second=_column(instances, "second_colour", f4).reshape(-1, 3),
        dirt=_column(instances, "dirt", f4),
        snow=_column(instances, "snow", f4),
        state=np.zeros(len(instances), np.uint32),
        placed=np.zeros((len(instances), 3, 4), f4),
        cabins=cabins_of(scene),
        cover=cover_of(scene),
    )


def follow(looks: Looks, state: FrameState) -> None:
    """Take over the lamps and places of a frame."""
    looks.state[:] = state.state
    looks.placed[:] = state.transforms
