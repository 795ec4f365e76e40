"""Materials, instances and what lies on them as arrays for kernels."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, UInt32

from rareworld.annotate.render.inside import Cabins, cabins_of
from rareworld.annotate.render.texture import Plan, plan_of
from rareworld.annotate.world.model import FrameState, RenderScene


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


def looks_of(scene: RenderScene) -> Looks:
    """Return the kernel's view of a scene's materials and instances."""
    materials, instances = scene.materials, scene.instances
    f4, i4 = np.float32, np.int32
    return Looks(
        colour=np.array([m.colour for m in materials], f4).reshape(-1, 3),
        emission=np.array([m.emission for m in materials], f4).reshape(-1, 3),
        roughness=np.array([m.roughness for m in materials], f4),
        specular=np.array([m.specular for m in materials], f4),
        texture=np.array([int(m.texture) for m in materials], i4),
        repeat_m=np.array([m.metres_per_repeat for m in materials], f4),
        paint=np.array([int(m.paint) for m in materials], i4),
        lit_when=np.array([m.lit_when for m in materials], np.uint32),
        weathering=np.array([int(m.weathering) for m in materials], i4),
        inside=np.array([int(m.inside) for m in materials], i4),
        translucency=np.array([m.translucency for m in materials], f4),
        body=np.array([i.body_colour for i in instances], f4).reshape(-1, 3),
        second=np.array([i.second_colour for i in instances], f4).reshape(-1, 3),
        dirt=np.array([i.dirt for i in instances], f4),
        snow=np.array([i.snow for i in instances], f4),
        state=np.zeros(len(instances), np.uint32),
        placed=np.zeros((len(instances), 3, 4), f4),
        cabins=cabins_of(scene),
        cover=cover_of(scene),
    )


def follow(looks: Looks, state: FrameState) -> None:
    """Take over the lamps and places of a frame."""
    looks.state[:] = state.state
    looks.placed[:] = state.transforms
