"""Footage: simulated traffic filmed by CCTV cameras, as a folder that video trainers read.

One item is one recording under several conditions and from several cameras; the world is built
once per condition. What comes out is NVIDIA's Predict2 layout (`videos/NAME.mp4`, `metas/NAME.txt`)
with a `manifest.json` that tells every clip's source, so that splits can keep a recording, or a
scene, on one side. Scenes (a place and a variant) of `HELD_OUT` are for evaluation alone.
Proved in `tests/recipes/test_footage.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from pydantic import Field, model_validator

from rareworld.annotate.caption.compose import describe, describe_conditions
from rareworld.annotate.caption.happening import shown_events
from rareworld.annotate.caption.motion import Seen
from rareworld.annotate.caption.words import ANY_PLACE, PLACES
from rareworld.annotate.conditions import ConditionsConfig
from rareworld.annotate.film import during, film
from rareworld.annotate.lens.config import LensConfig
from rareworld.annotate.pipeline import AnnotateConfig, World, make_world
from rareworld.annotate.render.config import RenderConfig
from rareworld.core.camera import Camera
from rareworld.core.event import EventKind
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Recording
from rareworld.core.viewpoint import focus_points
from rareworld.data.config import Config
from rareworld.data.jsontext import write_json
from rareworld.data.video import H264, RgbWriter, frame_rate
from rareworld.errors import CameraError, ConfigError, ScenarioError
from rareworld.recipes.footage_air import AirConfig, lit_at
from rareworld.recipes.footage_scenes import SceneName, Scenes, scenes_for
from rareworld.recipes.footage_windows import WindowConfig, windows_of
from rareworld.runtime.stage import Report
from rareworld.simulate.job import CameraConfig, Choice, SimulateConfig, Take, simulate
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import Outcome
from rareworld.simulate.sumo.demand import DemandConfig

VIDEOS, METAS, RECORD = "videos", "metas", "clips.json"

STRETCH, STRETCH_STEP = 17, 8
"""Frames of the stretches of a long clip that have captions of their own, and between their starts:
what a trainer draws from it."""


class FootageConfig(Config):
    """A recipe of footage."""

    scenarios: tuple[Choice, ...] = Field(min_length=1)
    """They take turns; places and variants are drawn from `scenes`."""
    scenes: Scenes = Scenes.TRAINING
    """Which scenes may be filmed."""
    n: int = Field(default=16, ge=1)
    """Recordings."""
    seed: int = Field(default=0, ge=0)
    duration_s: float = Field(default=20.0, ge=2.0, le=60.0)
    """Simulated time."""
    fps: float = Field(default=8.0, ge=1.0, le=60.0)
    window: WindowConfig | None = None
    """Short stretches; null films the whole recording."""
    cameras: tuple[int, int] = (2, 3)
    """Least and most cameras of a recording."""
    conditions: tuple[int, int] = (1, 2)
    """Least and most conditions under which each camera films."""
    air: AirConfig = AirConfig()
    """What conditions there are."""
    vehicles_per_hour_per_lane: tuple[float, ...] = (90.0, 220.0, 420.0, 700.0, 1100.0)
    """Levels of traffic, one drawn per recording."""
    pedestrians_per_hour: tuple[float, ...] = (120.0, 400.0, 900.0)
    """Levels of people on foot, one drawn per recording."""
    pole_height_m: Span = Span.of(5.5, 13.0)
    width: int = Field(default=224, ge=16, multiple_of=2)
    height: int = Field(default=128, ge=16, multiple_of=2)
    lens: LensConfig = LensConfig()
    """Nothing by default; `preset: cctv` makes it a traffic camera."""
    rgb: H264 = H264(crf=16, preset="medium", keyframe_every=16)
    """Compression of the videos."""
    tries: int = Field(default=6, ge=1)
    """Scenes tried for a recording before it is given up."""

    @model_validator(mode="after")
    def _ordered(self) -> "FootageConfig":
        for name in ("cameras", "conditions"):
            low, high = getattr(self, name)
            if not 1 <= low <= high:
                raise ConfigError(
                    f"{name}: expected the least and the most, 1 <= least <= most, found "
                    f"[{low}, {high}]"
                )
        if not (self.vehicles_per_hour_per_lane and self.pedestrians_per_hour):
            raise ConfigError("levels of traffic and people must not be empty; give one or more")
        return self

    def choice(self, item: int) -> Choice:
        """Return whose turn it is."""
        turns = [choice for choice in self.scenarios for _ in range(choice.repeat)]
        return turns[item % len(turns)]


@final
@dataclass(frozen=True)
class FootageStage:
    """`runtime.Stage` over the numbers of recordings."""

    config: FootageConfig
    cache: Path
    """Where networks of user maps would be kept; the library needs none."""

    @property
    def name(self) -> str:
        """The verb."""
        return "footage"

    def item_name(self, item: int) -> str:
        """Return number and scenario."""
        choice = self.config.choice(item)
        return f"{item:05d}-{choice.scenario}-{choice.ending().value}"

    def describe(self, item: int) -> Mapping[str, Any]:
        """Return what decides the item's bytes: not `n`, not the other scenarios."""
        values = self.config.model_dump(mode="json", exclude={"n", "scenarios", "lens"})
        chosen = self.config.choice(item).model_dump(mode="json", exclude={"repeat"})
        return {**values, "choice": chosen, "lens": self.config.lens.told()}

    def run(self, item: int, out: Path, report: Report) -> Mapping[str, Any]:
        """Write one recording's clips.

        Raises:
            ScenarioError: If no scene could show what was asked for.
            CameraError: If no camera could see it.
        """
        scene, take = played(self.config, item, self.cache)
        shots = list(shots_of(self.config, item, take))
        worlds = _Worlds(take.recording)
        clips: list[Mapping[str, Any]] = []
        for done, shot in enumerate(shots):
            clip = _write_clip(self.config, worlds.of(shot.annotate), shot, scene, out)
            clips += [clip] if clip else []
            report((done + 1) / len(shots))
        if not clips:
            raise ScenarioError(f"{self.item_name(item)}: no camera shows the event; raise cameras")
        source = {
            "recording": self.item_name(item),
            "place": scene.place,
            "variant": scene.variant,
            "scenario": self.config.choice(item).scenario,
            "outcome": self.config.choice(item).ending().value,
        }
        write_json(out / RECORD, {"source": source, "clips": clips})
        return {**source, "clips": len(clips), "frames": sum(c["frames"] for c in clips)}


@final
class _Worlds:
    """The world of the conditions at hand; shots of the same conditions come in a row."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._last: tuple[ConditionsConfig, World] | None = None

    def of(self, config: AnnotateConfig) -> World:
        """Return the world under these conditions."""
        if self._last is None or self._last[0] != config.conditions:
            self._last = config.conditions, make_world(self._recording, config)
        return self._last[1]


@final
@dataclass(frozen=True)
class Shot:
    """One clip to film."""

    name: str
    camera: Camera
    annotate: AnnotateConfig
    start: int
    """First frame."""
    stop: int
    seed: Seed
    wanted: EventKind | None = None
    """What a stretch around an event must show; None: any event."""


def played(config: FootageConfig, item: int, cache: Path) -> tuple[SceneName, Take]:
    """Return the recording of an item and where it plays; another scene is tried if one cannot.

    Raises:
        ScenarioError: If none of `tries` scenes could show it.
    """
    choice = config.choice(item)
    options = scenes_for(choice, config.scenes)
    rng = Seed(config.seed).child("scene", item).generator()
    order = rng.permutation(len(options))
    failed: list[str] = []
    for attempt in range(config.tries):
        scene = options[int(order[attempt % len(options)])]
        try:
            return scene, simulate(_simulation(config, item, attempt, scene), item, cache=cache)
        except (ScenarioError, CameraError) as error:
            failed.append(f"{scene}: {error}")
    raise ScenarioError(
        f"{choice.scenario} ({choice.ending().value}): none of {config.tries} scenes could show "
        f"it, the last: {failed[-1]}; raise `tries`"
    )


def _simulation(config: FootageConfig, item: int, attempt: int, scene: SceneName) -> SimulateConfig:
    """Return the settings under which an item is played on one scene."""
    rng = Seed(config.seed).child("settings", item).generator()
    cameras = int(rng.integers(config.cameras[0], config.cameras[1] + 1))
    traffic = float(rng.choice(config.vehicles_per_hour_per_lane))
    people = float(rng.choice(config.pedestrians_per_hour))
    choice = config.choice(item).model_copy(
        update={"places": (scene.place,), "variants": (scene.variant,), "repeat": 1}
    )
    return SimulateConfig(
        scenarios=(choice,),
        seed=Seed(config.seed).child("play", item, attempt).int32(),
        duration_s=config.duration_s,
        fps=config.fps,
        attempts=4,
        demand=DemandConfig(vehicles_per_hour_per_lane=traffic, pedestrians_per_hour=people),
        cameras=CameraConfig(
            count=cameras,
            width=config.width,
            height=config.height,
            pole_height_m=config.pole_height_m,
        ),
    )


def shots_of(config: FootageConfig, item: int, take: Take) -> Iterator[Shot]:
    """Yield what is filmed of a recording: conditions outside, cameras and stretches inside."""
    seed = Seed(config.seed).child("shots", item)
    rng = seed.generator()
    crash = config.choice(item).ending() is Outcome.COLLISION
    wanted = EventKind.COLLISION if crash else None
    lit = lit_at(take.recording.scene, focus_points(take.recording))
    for turn in range(int(rng.integers(config.conditions[0], config.conditions[1] + 1))):
        conditions = config.air.draw(seed.child("air", turn).generator(), lit=lit)
        annotate = AnnotateConfig(
            conditions=conditions,
            render=RenderConfig(threads=1, shadow_size=2048),
            lens=config.lens,
        )
        for camera in take.rig.cameras:
            own = seed.child("window", turn, camera.name)
            spans = windows_of(config.window, take.recording, own.generator())
            for start, stop in spans:
                name = f"{item:05d}-{turn}-{camera.name}-{start:03d}"
                yield Shot(name, camera, annotate, start, stop, own.child(start), wanted)


def _write_clip(
    config: FootageConfig, world: World, shot: Shot, scene: SceneName, out: Path
) -> Mapping[str, Any] | None:
    """Film one clip; return its entry in the manifest, None if it misses the event it is of."""
    part = during(world, shot.start, shot.stop)
    for folder in (VIDEOS, METAS):
        (out / folder).mkdir(exist_ok=True)
    visible: list[np.ndarray] = []
    path = out / VIDEOS / f"{shot.name}.mp4"
    with RgbWriter(path, frame_rate(config.fps), config.rgb) as video:
        for picture in film(part, shot.camera, shot.annotate):
            video.write(picture.rgb)
            visible.append(picture.visible_px)
    seen = _seen(part.recording, shot, scene, np.stack(visible, axis=1))
    if config.window and config.window.event_share and not _shows(seen, shot.wanted):
        path.unlink()
        return None
    captions = _captions(seen, shot)
    (out / METAS / f"{shot.name}.txt").write_text(captions["caption"] + "\n", encoding="utf-8")
    return {
        "name": shot.name,
        "frames": shot.stop - shot.start,
        "start_frame": shot.start,
        "camera": _camera_record(shot.camera),
        "conditions": shot.annotate.conditions.model_dump(mode="json"),
        "events": _events(part.recording, shot),
        **captions,
    }


def _shows(seen: Seen, wanted: EventKind | None) -> bool:
    """Return whether somebody who watches sees an event of the kind that is wanted."""
    kinds = {event.kind for event in shown_events(seen)}
    return bool(kinds) if wanted is None else wanted in kinds


def _seen(recording: Recording, shot: Shot, scene: SceneName, visible: np.ndarray) -> Seen:
    return Seen(
        recording=recording,
        camera=shot.camera,
        pixels=visible,
        conditions=shot.annotate.conditions.record(),
        place=PLACES.get(scene.place, ANY_PLACE),
    )


def _captions(seen: Seen, shot: Shot) -> dict[str, Any]:
    """Return the clip's caption, and those of its stretches where it is long."""
    length = shot.stop - shot.start
    if length <= 2 * STRETCH:
        return {"caption": describe(seen, shot.seed)}
    stretches = [
        {"start": start, "stop": start + STRETCH, "caption": describe(part, shot.seed)}
        for start in range(0, length - STRETCH + 1, STRETCH_STEP)
        for part in [seen.part(start, start + STRETCH)]
    ]
    return {"caption": describe_conditions(seen, shot.seed), "stretches": stretches}


def _camera_record(camera: Camera) -> dict[str, Any]:
    """Return where a camera hangs and how wide it sees."""
    return {
        "name": camera.name,
        "position_m": [round(value, 3) for value in camera.position_m],
        "hfov_deg": round(float(np.degrees(camera.hfov_rad)), 2),
    }


def _events(recording: Recording, shot: Shot) -> list[dict[str, Any]]:
    """Return the events of the clip's time, in frames of the clip."""
    fps = recording.fps
    return [
        {
            "kind": event.kind.value,
            "actors": list(event.actors),
            "frame": round(event.key_s * fps - shot.start, 3),
        }
        for event in recording.events
        if shot.start <= event.key_s * fps < shot.stop
    ]
