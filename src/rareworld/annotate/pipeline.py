"""From a recording and a camera to a clip folder: build, render, label, write.

Frames are encoded in the writer's threads while the next one is drawn. Proved in
`tests/annotate/test_pipeline.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from dataclasses import replace as changed
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float, UInt8, UInt32
from pydantic import Field

from rareworld.annotate.conditions import ConditionsConfig
from rareworld.annotate.labels.channels import ChannelMaker, EdgeConfig
from rareworld.annotate.labels.objects import ObjectLabeller, Shown
from rareworld.annotate.labels.subjects import number_heads, subjects_of
from rareworld.annotate.labels.warped import WarpedMaker
from rareworld.annotate.lens.config import LensConfig
from rareworld.annotate.lens.develop import Developer
from rareworld.annotate.lens.view import View, view_of
from rareworld.annotate.render.backend import Pixels, Renderer
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.choose import draw_with, settled
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.world.aftermath.build import with_aftermath
from rareworld.annotate.world.build import WorldConfig, build_world
from rareworld.annotate.world.lamps_on import with_lamps
from rareworld.annotate.world.model import FrameState, Poser, RenderScene
from rareworld.annotate.world.own_models import fingerprint
from rareworld.annotate.world.sun import at_lighting, nearest_lighting, sun_angles
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
from rareworld.data.video import H264
from rareworld.errors import CameraError, ConfigError

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
    lens: LensConfig = LensConfig()
    """What lens, sensor and encoder do to the picture; nothing by default."""
    edges: EdgeConfig = EdgeConfig()
    """Edge channel."""
    clip: ClipConfig = ClipConfig()
    """Encoding."""
    provenance: dict[str, str | int | float] = Field(default_factory=dict)
    """Added to the recording's own provenance in `clip.json`."""

    def decisive(self) -> dict[str, Any]:
        """Return what decides a clip's bytes, as JSON types: all that its renderer looks at.

        Where the renderer is left open (`auto`), the one that this machine takes is named; own
        vehicles are told by their content.

        Raises:
            ConfigError: If a manifest of `world.vehicles` is wrong.
            FormatError: If the model of one cannot be read.
        """
        render = settled(self.render)
        named = self.model_copy(update={"render": render})
        told = named.model_dump(mode="json", exclude={"render": set(render.undecisive())})
        told["lens"] = self.lens.told()
        if self.world.vehicles:
            told["world"]["vehicles_sha256"] = [fingerprint(path) for path in self.world.vehicles]
        return told


@final
@dataclass(frozen=True)
class World:
    """Geometry of one recording, shared by all its cameras."""

    recording: Recording
    scene: RenderScene
    poser: Poser
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
        ConfigError: If the lighting does not occur there on the scene's date.
    """
    conditions = config.conditions.record()
    recording = with_lamps(recording, conditions)
    focus = focus_points(recording)
    middle = (focus.min(axis=0) + focus.max(axis=0)) / 2
    scene, poser = build_world(
        recording,
        (float(middle[0]), float(middle[1])),
        config.radius_m,
        config.world,
        conditions,
    )
    scene, poser = with_aftermath(number_heads(scene, recording), poser, recording)
    return World(recording, scene, poser, focus, parents or {})


def make_view(world: World, camera: Camera, config: AnnotateConfig) -> View:
    """Return what a camera's lens does to a clip.

    Raises:
        CameraError: If its distortion folds the image.
        ConfigError: If its bit rate is too low for the image.
    """
    scene, lighting = world.scene, config.conditions.record().lighting
    start = at_lighting(world.recording.scene.light, lighting).when
    exposure = scene.daylight.exposure * config.render.exposure
    return view_of(config.lens, world.recording, scene, camera, start, exposure)


@final
class Filming:
    """One camera's frames, drawn, seen through its lens and labelled in order of time.

    Raises:
        CameraError: If the camera stands in the ground or in something, or sees nothing.
    """

    def __init__(self, world: World, view: View, config: AnnotateConfig) -> None:
        recording, self._view = world.recording, view
        camera = view.optics.camera
        check_camera(camera, recording.scene, world.focus_m)
        light = config.render.radiance or view.works_on_light
        render = config.render.model_copy(
            update={"radiance": light, "film": not view.works_on_light}
        )
        drawing = draw_with(world.scene, view.optics.drawn(), render)
        self.said = drawing.said
        """Who draws, and why where `auto` left it open."""
        self.config = config.model_copy(
            update={"render": config.render.model_copy(update={"renderer": drawing.kind})}
        )
        """The settings with the renderer that draws."""
        self._times = recording.tracks.time_s
        self._poser = view.by_rows(world.poser, world.scene, self._times)
        self._renderer: Renderer = drawing.renderer
        self._bands = Bands(config.render.threads)
        self._maker, self._developer = self._make(world.scene, config)
        self._world = world

    def _make(
        self, scene: RenderScene, config: AnnotateConfig
    ) -> tuple[ChannelMaker | WarpedMaker, Developer | None]:
        """Return what makes channels, and what makes pictures of light where a lens does."""
        view, bands, renderer = self._view, self._bands, self._renderer
        camera = view.optics.camera
        plain = ChannelMaker(renderer, camera.height, camera.width, config.edges, bands)
        if not view.works_on_light:
            return plain, None
        rays = view.optics.rays(bands)
        developer = Developer(view.config, view.shot, rays, bands)
        if not view.optics.warps:
            return plain, developer
        return WarpedMaker(renderer, scene, view.optics, rays, config.edges, bands), developer

    def take(
        self, frame: int, time_s: float, now: FrameState, following: FrameState | None
    ) -> tuple[Frame, tuple[ObjectLabel, ...]]:
        """Return the next frame and its labels; `following` is None at the last."""
        pixels = self._maker.render(now)
        if following is not None:
            self._renderer.expect(following)
        shown = Shown(
            camera=self._view.optics.camera_at(frame), footprints=self._maker.footprints()
        )
        labels = self._objects.label(frame, time_s, pixels, now, shown)
        return self._developed(self._maker.make(pixels, now, following), pixels), labels

    def _developed(self, frame: Frame, pixels: Pixels) -> Frame:
        """Return the frame with the picture that the lens makes.

        Raises:
            ConfigError: If the renderer kept no radiance for it.
        """
        if self._developer is None:
            return frame
        if pixels.radiance is None:
            raise ConfigError(
                f"render.renderer: the lens works on light and {type(self._renderer).__name__} "
                "kept none; choose another renderer or lens.preset=exact"
            )
        return changed(
            frame, rgb=self._developer.develop(pixels.radiance, frame.flow_px, frame.depth_m)
        )

    @cached_property
    def _objects(self) -> ObjectLabeller:
        """What makes the labels; nothing is prepared for it where only pictures are taken."""
        recording = self._world.recording
        return ObjectLabeller(
            self._renderer,
            self._view.optics.camera,
            subjects_of(self._world.scene, recording),
            LaneIndex(recording.scene.road),
            self._bands,
        )

    def frames(self) -> Iterator[tuple[Frame, tuple[ObjectLabel, ...]]]:
        """Yield every frame with its labels."""
        times = self._times
        for frame, (state, following) in enumerate(self._moments()):
            yield self.take(frame, float(times[frame] - times[0]), state, following)

    def pictures(
        self,
    ) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], UInt32[np.ndarray, "h w"]]]:
        """Yield every frame's picture, and the id of whose each pixel is, without labels.

        A lens that warps shows the picture warped; ids are of the clip's pixels either way. The
        arrays may be overwritten by the next frame.
        """
        for state, following in self._moments():
            if self._developer is None:
                pixels = self._renderer.render(state)
                yield pixels.rgb, pixels.instance_id
            else:
                pixels = self._maker.render(state)
                frame = self._developed(self._maker.make(pixels, state, following), pixels)
                yield frame.rgb, pixels.instance_id

    def _moments(self) -> Iterator[tuple[FrameState, FrameState | None]]:
        """Yield where everything is at each frame and at the next, None after the last."""
        times = self._times
        state = self._poser.at(float(times[0]))
        for time in times[1:]:
            following = self._poser.at(float(time))
            yield state, following
            state = following
        yield state, None

    def close(self) -> None:
        """End threads and give back memory."""
        self._bands.close()
        self._renderer.close()


def labelled_frames(
    world: World, camera: Camera, config: AnnotateConfig
) -> Iterator[tuple[Frame, tuple[ObjectLabel, ...]]]:
    """Yield every frame with its labels; arrays of a frame are its own.

    Raises:
        CameraError: If the camera stands in the ground or in something, or sees nothing.
    """
    return filmed(world, make_view(world, camera, config), config)


def filmed(
    world: World, view: View, config: AnnotateConfig
) -> Iterator[tuple[Frame, tuple[ObjectLabel, ...]]]:
    """Do as `labelled_frames` through a lens that is already decided."""
    with closing(Filming(world, view, config)) as filming:
        yield from filming.frames()


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
    chosen: Callable[[str], None] | None = None,
) -> Path:
    """Do as `annotate` for a world that is already built; several cameras can share it.

    `chosen` is told who draws, and why where the renderer was left open.

    Raises:
        CameraError: As `annotate` does.
        StoreError: As `annotate` does.
    """
    check_sides(camera)
    total = world.recording.tracks.num_frames
    view = make_view(world, camera, config)
    encoding = clip_config(view, config)
    with closing(Filming(world, view, config)) as filming:
        if chosen is not None:
            chosen(filming.said)
        meta = clip_meta(world.recording, view, filming.config, world.parents)
        threads = config.render.threads
        with ClipWriter(out, meta, encoding, replace=replace, threads=threads) as writer:
            for done, (frame, labels) in enumerate(filming.frames(), start=1):
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


def clip_config(view: View, config: AnnotateConfig) -> ClipConfig:
    """Return how the clip is encoded: colours as the camera's stream has them, if it has one.

    Raises:
        ConfigError: If both the stream and the clip's own colours say how often or how large.
    """
    stream = view.config.stream
    if stream is None:
        return config.clip
    # by value: what `clip.json` tells names every field, and a clip is made again from it
    own, plain = config.clip.rgb, H264()
    decided = ("bitrate_kbps", "crf", "keyframe_every")
    given = [name for name in decided if getattr(own, name) != getattr(plain, name)]
    if given:
        raise ConfigError(
            f"clip.rgb.{min(given)}: the camera's stream (lens.stream, or the lens preset) decides "
            "bit rate and key frames; set them there, or leave the stream out: lens.stream=null"
        )
    rgb = config.clip.rgb.model_copy(
        update={"bitrate_kbps": stream.bitrate_kbps, "keyframe_every": stream.keyframe_every}
    )
    return config.clip.model_copy(update={"rgb": rgb})


def clip_meta(
    recording: Recording,
    view: View,
    config: AnnotateConfig,
    parents: Mapping[str, str] | None = None,
) -> ClipMeta:
    """Return what is known of a clip before its first frame."""
    scene, camera = recording.scene, view.optics.camera
    decisive = config.decisive()
    lens = view.config.model_dump(mode="json", exclude_none=True)
    made: dict[str, object] = {
        "annotate": decisive,
        "conditions": _seen_under(recording, config),
        **({"lens": lens} if view.config != LensConfig() else {}),
        "config_sha256": sha256_bytes(dump_json(decisive).encode()),
        **({"parents": dict(parents)} if parents else {}),
    }
    return ClipMeta(
        name=f"{scene.name}/{camera.name}",
        camera=camera,
        camera_quats=view.optics.quats,
        fps=recording.fps,
        start_s=float(recording.tracks.time_s[0]),
        actors=scene.actors,
        props=scene.props,
        events=recording.events,
        signals=tuple(signal.id for signal in scene.road.signals),
        signal_states=recording.signal_states,
        provenance={**recording.provenance, **config.provenance, **made},
    )


def _seen_under(recording: Recording, config: AnnotateConfig) -> dict[str, object]:
    """Return the words and the strength that hold for a clip, and where the sun stands."""
    conditions = config.conditions.record()
    light = at_lighting(recording.scene.light, conditions.lighting)
    height = sun_angles(light.latitude_deg, light.longitude_deg, light.when)[1]
    return {
        "weather": conditions.weather.value,
        "lighting": (conditions.lighting or nearest_lighting(light)).value,
        "road": conditions.road.value,
        "intensity": conditions.intensity,
        "sun_elevation_deg": round(height, 2),
        "local_time": light.when.isoformat(),
    }
