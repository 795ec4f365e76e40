"""`annotate` as a job: recordings become labelled clips, one folder per camera."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from rareworld.annotate.conditions import ConditionsConfig
from rareworld.annotate.pipeline import AnnotateConfig, annotate_world, check_sides, make_world
from rareworld.core.camera import Rig
from rareworld.core.trajectory import Recording
from rareworld.core.viewpoint import ViewConfig, focus_points, place_cameras
from rareworld.data.atomic import sha256_file
from rareworld.data.jsontext import read_json
from rareworld.data.recording import RECORDING_FILE, read_recording, read_suggested_rig
from rareworld.data.rig import rig_record
from rareworld.runtime.stage import Report


@final
@dataclass(frozen=True)
class AnnotateStage:
    """`runtime.Stage` over recording folders."""

    config: AnnotateConfig
    rig: Rig | None = None
    """Cameras for all recordings; None takes those suggested in each, or places one."""
    conditions: Mapping[str, ConditionsConfig] = field(default_factory=dict[str, ConditionsConfig])
    """Light and weather of single recordings, by name; the others have the config's."""

    @property
    def name(self) -> str:
        """The verb."""
        return "annotate"

    def item_name(self, item: Path) -> str:
        """Return the recording's own name."""
        return item.resolve().name

    def describe(self, item: Path) -> Mapping[str, Any]:
        """Return what decides the item's bytes: recording, cameras, settings."""
        return {
            "recording": read_json(item / RECORDING_FILE)["files"],
            "rig": rig_record(self.rig) if self.rig else "suggested",
            "config": self.config_of(item).decisive(),
        }

    def config_of(self, item: Path) -> AnnotateConfig:
        """Return the settings of one recording."""
        own = self.conditions.get(self.item_name(item), self.config.conditions)
        return self.config.model_copy(update={"conditions": own})

    def run(self, item: Path, out: Path, report: Report) -> Mapping[str, Any]:
        """Write one clip folder per camera.

        Raises:
            CameraError: If a camera cannot work; nothing is drawn then if its image is odd.
            StoreError: If the recording is damaged or a clip cannot be written.
        """
        recording, config = read_recording(item), self.config_of(item)
        rig = self.rig or read_suggested_rig(item) or _placed(recording)
        for camera in rig.cameras:
            check_sides(camera)
        parents = {"recording": sha256_file(item / RECORDING_FILE)}
        world = make_world(recording, config, parents)
        share, said = 1 / len(rig.cameras), list[str]()
        for rank, camera in enumerate(rig.cameras):
            annotate_world(
                world,
                camera,
                out / camera.name,
                config,
                progress=lambda done, total, rank=rank: report((rank + done / total) * share),
                chosen=said.append,
            )
        return {
            "cameras": [camera.name for camera in rig.cameras],
            "frames": recording.tracks.num_frames,
            "events": [event.kind.value for event in recording.events],
            "renderer": "; ".join(dict.fromkeys(said)),
        }


def _placed(recording: Recording) -> Rig:
    """Return one automatic camera."""
    return place_cameras(recording.scene, focus_points(recording), 1, ViewConfig())
