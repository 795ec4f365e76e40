"""From a recording and a camera to a clip folder: build, render, label, write.

Frames are encoded in the writer's threads while the next one is drawn. Proved in
`tests/annotate/test_pipeline.py`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rareworld.annotate.labels.channels import ChannelMaker, EdgeConfig
from rareworld.annotate.labels.objects import ObjectLabeller
from rareworld.annotate.labels.subjects import number_heads, subjects_of
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.build import WorldConfig, build_world
from rareworld.annotate.world.model import RenderScene
from rareworld.annotate.world.poser import ScenePoser
from rareworld.core.camera import Camera
from rareworld.core.clip import Frame, ObjectLabel
from rareworld.core.lanes import LaneIndex
from rareworld.core.trajectory import Recording
from rareworld.core.viewpoint import check_camera, focus_points
from rareworld.data.clip import ClipConfig, ClipWriter
from rareworld.data.clip_meta import ClipMeta
from rareworld.data.config import Config

Progress = Callable[[int, int], None]
"""Called with (frames done, frames in all)."""


class AnnotateConfig(Config):
    """How a recording becomes a labelled clip."""

    radius_m: float = Field(default=250.0, gt=0)
    """Roads are drawn within this distance of what the camera looks at."""
    world: WorldConfig = WorldConfig()
    """Surroundings."""
    render: RenderConfig = RenderConfig()
    """Picture."""
    edges: EdgeConfig = EdgeConfig()
    """Edge channel."""
    clip: ClipConfig = ClipConfig()
    """Encoding."""
    provenance: dict[str, str | int | float] = Field(default_factory=dict)
    """Added to the recording's own provenance in `clip.json`."""


@final
@dataclass(frozen=True)
class World:
    """Geometry of one recording, shared by all its cameras."""

    recording: Recording
    scene: RenderScene
    poser: ScenePoser
    focus_m: Float[np.ndarray, "n 3"]


def make_world(recording: Recording, config: AnnotateConfig) -> World:
    """Return the drawable world of a recording.

    Raises:
        CameraError: If the recording has nothing to look at.
        MapError: If no road lies near it.
    """
    focus = focus_points(recording)
    middle = (focus.min(axis=0) + focus.max(axis=0)) / 2
    scene, poser = build_world(
        recording, (float(middle[0]), float(middle[1])), config.radius_m, config.world
    )
    return World(recording, number_heads(scene, recording), poser, focus)


def labelled_frames(
    world: World, camera: Camera, config: AnnotateConfig
) -> Iterator[tuple[Frame, tuple[ObjectLabel, ...]]]:
    """Yield every frame with its labels; arrays of a frame are its own.

    Raises:
        CameraError: If the camera stands in the ground or in something, or sees nothing.
    """
    recording = world.recording
    check_camera(camera, recording.scene, world.focus_m)
    renderer = RasterRenderer(world.scene, camera, config.render)
    bands = Bands(config.render.threads)
    channels = ChannelMaker(renderer, camera.height, camera.width, config.edges, bands)
    objects = ObjectLabeller(
        renderer,
        camera,
        subjects_of(world.scene, recording),
        LaneIndex(recording.scene.road),
        bands,
    )
    times = recording.tracks.time_s
    state = world.poser.at(float(times[0]))
    try:
        for frame in range(len(times)):
            last = frame + 1 == len(times)
            following = None if last else world.poser.at(float(times[frame + 1]))
            pixels = channels.render(state)
            labels = objects.label(frame, float(times[frame] - times[0]), pixels, state)
            yield channels.make(pixels, state, following), labels
            state = state if following is None else following
    finally:
        bands.close()
        renderer.close()


def annotate(
    recording: Recording,
    camera: Camera,
    out: Path,
    config: AnnotateConfig | None = None,
    *,
    progress: Progress | None = None,
    replace: bool = False,
) -> Path:
    """Render and label a recording from one camera; return the clip folder.

    Raises:
        CameraError: If the camera stands in the ground or in something, or sees nothing.
        StoreError: If the folder exists (and `replace` is off) or cannot be written.
    """
    chosen = config or AnnotateConfig()
    return annotate_world(
        make_world(recording, chosen), camera, out, chosen, progress=progress, replace=replace
    )


def annotate_world(
    world: World,
    camera: Camera,
    out: Path,
    config: AnnotateConfig,
    *,
    progress: Progress | None = None,
    replace: bool = False,
) -> Path:
    """Do as `annotate` for a world that is already built; several cameras can share it."""
    total = world.recording.tracks.num_frames
    with ClipWriter(
        out, clip_meta(world.recording, camera, config), config.clip, replace=replace
    ) as writer:
        for done, (frame, labels) in enumerate(labelled_frames(world, camera, config), start=1):
            writer.write(frame, labels)
            if progress is not None:
                progress(done, total)
    return out


def clip_meta(recording: Recording, camera: Camera, config: AnnotateConfig) -> ClipMeta:
    """Return what is known of a clip before its first frame."""
    scene = recording.scene
    return ClipMeta(
        name=f"{scene.name}/{camera.name}",
        camera=camera,
        fps=recording.fps,
        start_s=float(recording.tracks.time_s[0]),
        actors=scene.actors,
        events=recording.events,
        signals=tuple(signal.id for signal in scene.road.signals),
        signal_states=recording.signal_states,
        provenance={**recording.provenance, **config.provenance},
    )
