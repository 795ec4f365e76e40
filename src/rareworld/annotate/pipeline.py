"""From a recording and a camera to a clip folder: build, render, label, write.

Frames are encoded in the writer's threads while the next one is drawn. Proved in
`tests/annotate/test_pipeline.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rareworld.annotate.conditions import ConditionsConfig
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
from rareworld.data.atomic import sha256_bytes
from rareworld.data.clip import ClipConfig, ClipWriter
from rareworld.data.clip_meta import ClipMeta
from rareworld.data.config import Config
from rareworld.data.jsontext import dump_json
from rareworld.errors import CameraError

Progress = Callable[[int, int], None]
"""Called with (frames done, frames in all)."""


class AnnotateConfig(Config):
    """How a recording becomes a labelled clip."""

    radius_m: float = Field(default=250.0, gt=0)
    """Roads are drawn within this distance of what the camera looks at."""
    conditions: ConditionsConfig = ConditionsConfig()
    """Light and weather."""
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

    def decisive(self) -> dict[str, Any]:
        """Return what decides a clip's bytes, as JSON types: all but the number of threads."""
        return self.model_dump(mode="json", exclude={"render": {"threads"}})


@final
@dataclass(frozen=True)
class World:
    """Geometry of one recording, shared by all its cameras."""

    recording: Recording
    scene: RenderScene
    poser: ScenePoser
    focus_m: Float[np.ndarray, "n 3"]
    parents: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the files the recording was read from, by name."""


def make_world(
    recording: Recording, config: AnnotateConfig, parents: Mapping[str, str] | None = None
) -> World:
    """Return the drawable world of a recording.

    Raises:
        CameraError: If the recording has nothing to look at.
        MapError: If no road lies near it.
    """
    focus = focus_points(recording)
    middle = (focus.min(axis=0) + focus.max(axis=0)) / 2
    scene, poser = build_world(
        recording,
        (float(middle[0]), float(middle[1])),
        config.radius_m,
        config.world,
        config.conditions.record(),
    )
    return World(recording, number_heads(scene, recording), poser, focus, parents or {})


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
        CameraError: If the camera stands in the ground or in something, sees nothing or has an
            odd side.
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
    """Do as `annotate` for a world that is already built; several cameras can share it.

    Raises:
        CameraError: As `annotate` does.
        StoreError: As `annotate` does.
    """
    check_sides(camera)
    total = world.recording.tracks.num_frames
    meta = clip_meta(world.recording, camera, config, world.parents)
    with ClipWriter(out, meta, config.clip, replace=replace) as writer:
        for done, (frame, labels) in enumerate(labelled_frames(world, camera, config), start=1):
            writer.write(frame, labels)
            if progress is not None:
                progress(done, total)
    return out


def check_sides(camera: Camera) -> None:
    """Refuse images that video codecs cannot hold.

    Raises:
        CameraError: If width or height is odd.
    """
    if camera.width % 2 or camera.height % 2:
        raise CameraError(
            f"camera {camera.name!r}: width and height must be even, as videos store colour for "
            f"2 x 2 pixels, found {camera.width} x {camera.height}; choose even numbers"
        )


def clip_meta(
    recording: Recording,
    camera: Camera,
    config: AnnotateConfig,
    parents: Mapping[str, str] | None = None,
) -> ClipMeta:
    """Return what is known of a clip before its first frame."""
    scene = recording.scene
    decisive = config.decisive()
    made: dict[str, object] = {
        "annotate": decisive,
        "config_sha256": sha256_bytes(dump_json(decisive).encode()),
        **({"parents": dict(parents)} if parents else {}),
    }
    return ClipMeta(
        name=f"{scene.name}/{camera.name}",
        camera=camera,
        fps=recording.fps,
        start_s=float(recording.tracks.time_s[0]),
        actors=scene.actors,
        props=scene.props,
        events=recording.events,
        signals=tuple(signal.id for signal in scene.road.signals),
        signal_states=recording.signal_states,
        provenance={**recording.provenance, **config.provenance, **made},
    )
