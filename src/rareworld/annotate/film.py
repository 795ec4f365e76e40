"""Plain footage: the pictures of one camera, and how much of whom they show; no labels.

A stretch of a recording is filmed in the world of the whole recording, so that what happened before
(debris, wet tracks, damage) shows. Proved in `tests/annotate/test_film.py`.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Int64, UInt8, UInt32

from rareworld.annotate.lens.view import View
from rareworld.annotate.pipeline import AnnotateConfig, Filming, World, make_view
from rareworld.annotate.stretch import stretch
from rareworld.core.camera import Camera
from rareworld.core.scene import Scene


@final
@dataclass(frozen=True)
class Picture:
    """One frame of footage."""

    rgb: UInt8[np.ndarray, "h w 3"]
    """sRGB; an array of its own."""
    visible_px: Int64[np.ndarray, " n"]
    """Pixels that show each actor, in the order of `scene.actors`."""


def film(world: World, camera: Camera, config: AnnotateConfig) -> Iterator[Picture]:
    """Yield every frame of a recording as one camera shows it, through the config's lens.

    Raises:
        CameraError: If the camera stands in the ground or in something, or sees nothing.
        ConfigError: If the lens cannot be.
    """
    return film_through(world, make_view(world, camera, config), config)


def film_through(world: World, view: View, config: AnnotateConfig) -> Iterator[Picture]:
    """Do as `film` through a lens that is already decided."""
    scene = world.recording.scene
    with closing(Filming(world, view, config)) as filming:
        for rgb, ids in filming.pictures():
            yield Picture(rgb.copy(), count_actors(scene, ids))


def count_actors(scene: Scene, ids: UInt32[np.ndarray, "h w"]) -> Int64[np.ndarray, " n"]:
    """Return how many pixels have each actor's id."""
    known = np.array([actor.id for actor in scene.actors], dtype=np.int64)
    if not len(known):
        return np.zeros(0, np.int64)
    return np.bincount(ids.ravel().astype(np.int64), minlength=int(known.max()) + 1)[known]


def during(world: World, start: int, stop: int) -> World:
    """Return a world whose recording is only frames [start, stop) of the whole.

    Times and events stay those of the whole recording; geometry, damage and debris are shared.

    Raises:
        ConfigError: If there are no such frames.
    """
    return replace(world, recording=stretch(world.recording, start, stop))
