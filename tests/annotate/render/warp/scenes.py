"""Scenes drawn by both renderers."""

from dataclasses import replace

import numpy as np

from rareworld.annotate.render.choose import make_renderer
from rareworld.annotate.render.config import RenderConfig, RendererKind
from rareworld.annotate.world.model import Material, Weathering
from tests.annotate.render.shapes import (
    box,
    camera,
    daylight,
    ground,
    joined,
    mesh,
    scene,
    sphere,
    state,
)

PLAIN = (
    Material(name="grey", colour=(0.5, 0.5, 0.5), specular=0.0, weathering=Weathering.NONE),
    Material(name="mirror", colour=(0.0, 0.0, 0.0), roughness=0.0, specular=1.0,
             weathering=Weathering.NONE),
    Material(name="red", colour=(0.8, 0.02, 0.02), specular=0.0, weathering=Weathering.NONE),
)  # fmt: skip
SKY = {"zenith": (0.3, 0.3, 0.3), "horizon": (0.3, 0.3, 0.3), "ground": (0.3, 0.3, 0.3)}


def town(seed, count=10):
    """Boxes and balls in all positions on open ground."""
    random = np.random.Generator(np.random.Philox(seed))
    static = joined(ground(), box((3, 3, 6)), sphere(2.0, rings=24))
    prototypes = [box((4, 2, 1.5)), sphere(0.7, rings=16), box((0.5, 0.5, 1.8))]
    instances = [(k + 1, k % 3) for k in range(count)]
    poses = [
        (
            *random.uniform(-12, 12, 2),
            random.uniform(0, 1),
            *random.uniform(-3, 3, 3) * [1, 0.1, 0.1],
        )
        for _ in range(count)
    ]
    return scene(static, prototypes, instances), state(*poses)


def clear(made, **light):
    """The scene without haze, under a sky as given."""
    air = replace(made.air, extinction_per_m=0.0)
    return replace(made, air=air, daylight=daylight(**light) if light else made.daylight)


def plain(static, prototypes=(), instances=(), **light):
    """A scene of `PLAIN` materials without haze under an even sky."""
    made = scene(static, prototypes, instances, light=daylight(**{**SKY, **light}))
    return clear(replace(made, materials=PLAIN))


def renderer(made, look, kind, **more):
    """Either renderer with few threads."""
    values = {"shadow_size": 512, "threads": 2, "samples_per_pixel": 4, **more}
    return make_renderer(made, look, RenderConfig(renderer=kind, **values))


def drawn(made, now, look, kind, **more):
    """One frame in arrays of its own."""
    one = renderer(made, look, kind, **more)
    try:
        pixels = one.render(now)
        return replace(
            pixels,
            rgb=pixels.rgb.copy(),
            triangle=pixels.triangle.copy(),
            radiance=None if pixels.radiance is None else pixels.radiance.copy(),
        )
    finally:
        one.close()


def light_of(made, now, look, kind, **more):
    """Exposed radiance of one frame."""
    return drawn(made, now, look, kind, radiance=True, **more).radiance


__all__ = [
    "PLAIN", "RendererKind", "box", "camera", "clear", "daylight", "drawn", "ground", "joined",
    "light_of", "mesh", "plain", "renderer", "scene", "sphere", "state", "town",
]  # fmt: skip
