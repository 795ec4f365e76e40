"""Writes the metropolis layout: walks the frames of a clip once, frame by frame."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import final

import numpy as np

from rareworld.core.clip import Frame, ObjectLabel
from rareworld.data.atomic import atomic_folder
from rareworld.data.channels import LOSSLESS
from rareworld.data.clip import ClipReader, open_clip
from rareworld.data.clip_meta import camera_record, motion_record, tool_versions
from rareworld.data.formats.metropolis.options import MetropolisOptions
from rareworld.data.formats.metropolis.pictures import (
    FARTHEST_MM,
    FULL_DEPTH,
    LAYERS,
    OVERLAYS,
    Layer,
    Picture,
    View,
    mask_polygons,
    write_picture,
)
from rareworld.data.formats.metropolis.records import (
    FrameInfo,
    Record,
    closest_pair_record,
    collision_records,
    frame_name,
    instances_record,
    near_miss_records,
    objects_frame,
    odvg_record,
    semantic_labels,
)
from rareworld.data.jsontext import checksums, write_json
from rareworld.data.video import RgbWriter, frame_rate


def export(clip_path: Path, out_path: Path, options: MetropolisOptions) -> None:
    """Write the export of a clip; see `export_metropolis`."""
    clip = open_clip(clip_path, deep=True)
    with atomic_folder(out_path) as folder:
        _Export(clip, folder, options).run()


@final
class _Export:
    """One export under way."""

    def __init__(self, clip: ClipReader, folder: Path, options: MetropolisOptions) -> None:
        self._clip = clip
        self._folder = folder
        self._options = options
        self._actors = {actor.id: actor for actor in clip.meta.actors}
        self._layers = [
            *LAYERS,
            *(OVERLAYS if options.overlays else ()),
            *([FULL_DEPTH] if options.full_depth else ()),
        ]
        self._listed = [self._filter(labels) for labels in clip.labels_by_frame()]

    def run(self) -> None:
        """Write every file."""
        self._make_folders()
        objects: Record = {}
        with ExitStack() as stack:
            films = self._open_films(stack) if self._options.videos else {}
            for index, frame in enumerate(self._clip.frames()):
                info = self._info(index)
                odvg = self._write_frame(info, frame, films)
                objects[f"frame_{frame_name(index)}"] = objects_frame(info, odvg)
        write_json(self._folder / "objects.json", {"frames": objects})
        self._write_clip_files()
        self._write_manifest()

    def _make_folders(self) -> None:
        names = [layer.folder for layer in self._layers]
        for name in [*names, "odvg", *(["videos"] if self._options.videos else [])]:
            (self._folder / name).mkdir()

    def _open_films(self, stack: ExitStack) -> dict[str, RgbWriter]:
        rate = frame_rate(self._clip.meta.fps)
        out: dict[str, RgbWriter] = {}
        for layer in self._layers:
            if layer.film is not None:
                path = self._folder / "videos" / f"{layer.folder}.mp4"
                out[layer.folder] = stack.enter_context(RgbWriter(path, rate, self._options.video))
        return out

    def _info(self, index: int) -> FrameInfo:
        meta = self._clip.meta
        return FrameInfo(
            index=index,
            time_s=meta.start_s + index / meta.fps,
            width=meta.camera.width,
            height=meta.camera.height,
            actors=self._actors,
            events=meta.events,
        )

    def _filter(self, labels: Sequence[ObjectLabel]) -> list[ObjectLabel]:
        """Keep visible objects that are near and large enough."""
        return [
            label
            for label in labels
            if label.visible_px > 0
            and float(np.linalg.norm(label.centre_camera_m)) < self._options.limit_distance_m
            and _area(label) >= self._options.area_threshold_px
        ]

    def _write_frame(self, info: FrameInfo, frame: Frame, films: dict[str, RgbWriter]) -> Record:
        labels = self._listed[info.index]
        going_on = [
            event for event in info.events if event.start_frame <= info.index < event.end_frame
        ]
        view = View(frame=frame, labels=labels, events=going_on, options=self._options)
        for layer in self._layers:
            picture = layer.draw(view)
            name = f"{layer.prefix}_{frame_name(info.index)}.{layer.suffix}"
            path = self._folder / layer.folder / name
            write_picture(path, picture, self._options.jpeg_quality)
            if layer.folder in films:
                films[layer.folder].write(_film(layer, picture))
        masks = [mask_polygons(label, info.height, info.width) for label in labels]
        record = odvg_record(info, labels, masks)
        write_json(self._folder / "odvg" / f"odvg_{frame_name(info.index)}.json", record)
        return record

    def _write_clip_files(self) -> None:
        meta, folder = self._clip.meta, self._folder
        labels = [label for labels in self._listed for label in labels]
        instances = instances_record(labels, self._actors, meta.props)
        write_json(folder / "instances.json", instances)
        write_json(folder / "semantic_segmentation" / "semantic_labels.json", semantic_labels())
        write_json(folder / "camera.json", self._camera())
        collisions = collision_records(meta.events)
        if collisions:
            write_json(folder / "events_collision.json", collisions)
        normal = near_miss_records(meta.events)
        closest = closest_pair_record(self._listed, meta.events, meta.fps, len(normal) + 1)
        for number, record in enumerate([*normal, *([closest] if closest else [])], 1):
            write_json(folder / f"events_noncollision_{number}.json", record)

    def _camera(self) -> Record:
        full: Record = {"depth_full": LOSSLESS["depth_m"].about} if self._options.full_depth else {}
        return {
            **camera_record(self._clip.camera),
            **motion_record(self._clip.meta.camera_quats),
            "fps": self._clip.meta.fps,
            "depth": {"unit": "mm along the optical axis", "farthest": FARTHEST_MM},
            "normals": "(R, G, B) = (right, down, forward) * 127.5 + 127.5",
            **full,
        }

    def _write_manifest(self) -> None:
        meta = self._clip.meta
        manifest: Record = {
            "clip": meta.name,
            "num_frames": self._clip.num_frames,
            "provenance": meta.provenance,
            "options": self._options.model_dump(mode="json"),
            "tools": tool_versions(),
            "files": checksums(self._folder),
        }
        write_json(self._folder / "manifest.json", manifest)


def _area(label: ObjectLabel) -> int:
    x_min, y_min, x_max, y_max = label.tight_box
    return (x_max - x_min) * (y_max - y_min)


def _film(layer: Layer, picture: Picture) -> Picture:
    """Return the picture of a layer as an RGB video frame."""
    drawn = layer.film(picture) if layer.film is not None else picture
    return drawn if drawn.ndim == 3 else np.repeat(drawn[..., None], 3, axis=-1)
