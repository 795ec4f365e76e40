"""One record per object and frame: boxes, counts, mask, pose, lane.

Two-dimensional figures come from the triangles themselves, drawn by the renderer's own rule;
three-dimensional ones from the recording.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int64

from rareworld.annotate.labels.subjects import Pose, Subject
from rareworld.annotate.render.backend import Pixels, Renderer
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.census import take_census
from rareworld.annotate.render.footprint import Footprints
from rareworld.annotate.world.model import FrameState
from rareworld.core.camera import Camera, quat_from_matrix
from rareworld.core.clip import ObjectLabel
from rareworld.core.geometry import FloatArray, box_corners, matrix_from_quat, yaw_from_quat
from rareworld.core.lanes import LaneIndex
from rareworld.data.rle import encode_mask

_FAR = 1 << 30


@final
@dataclass(frozen=True, kw_only=True)
class _Flat:
    """What an object covers in the image."""

    tight_box: tuple[int, int, int, int]
    loose_box: tuple[float, float, float, float]
    visible_px: int
    total_px: int
    inside_px: int
    mask_rle: str


@final
@dataclass(frozen=True, kw_only=True)
class Shown:
    """How a frame is seen where the renderer's own camera is not the clip's."""

    camera: Camera
    """With its distortion, as it is held at this frame."""
    footprints: Footprints


@final
class ObjectLabeller:
    """Makes the records of a frame; objects that no pixel of the image could show have none."""

    def __init__(
        self,
        renderer: Renderer,
        camera: Camera,
        subjects: tuple[Subject, ...],
        lanes: LaneIndex | None,
        bands: Bands,
    ) -> None:
        self._renderer = renderer
        self._camera = camera
        self._subjects = subjects
        self._lanes = lanes
        self._bands = bands
        ids = np.array([subject.object_id for subject in subjects], dtype=np.uint32)
        owner = renderer.geometry.surface.object_id
        place = np.searchsorted(ids, owner) if len(ids) else np.zeros(len(owner), dtype=np.int64)
        place = np.minimum(place, max(len(ids) - 1, 0))
        known = ids[place] == owner if len(ids) else np.zeros(len(owner), dtype=np.bool_)
        self._object_of = np.where(known, place, -1).astype(np.int32)
        self._object_of[owner == 0] = -1

    def label(
        self,
        frame: int,
        time_s: float,
        pixels: Pixels,
        state: FrameState,
        shown: Shown | None = None,
    ) -> tuple[ObjectLabel, ...]:
        """Return the records of one rendered frame in rising order of id.

        `shown` says what a lens or a turned camera makes of it; without, all is the renderer's.
        """
        camera = shown.camera if shown else self._camera
        prints = shown.footprints if shown else self._renderer.footprints()
        poses = [subject.pose(frame, state) for subject in self._subjects]
        flat = self._flat(pixels, prints)
        chosen = [
            (subject, pose, flat[subject.object_id])
            for subject, pose in zip(self._subjects, poses, strict=True)
            if pose is not None and subject.object_id in flat
        ]
        lanes = self._lane_of([pose for _, pose, _ in chosen])
        return tuple(
            self._record(frame, time_s, camera, *item, lane)
            for item, lane in zip(chosen, lanes, strict=True)
        )

    def _flat(self, pixels: Pixels, prints: Footprints) -> dict[int, _Flat]:
        """Return what each object that reaches into the image covers."""
        census = self._census(pixels)
        rows = {int(one): row for row, one in enumerate(prints.object_id)}
        out: dict[int, _Flat] = {}
        for number, subject in enumerate(self._subjects):
            row = rows.get(subject.object_id)
            if row is None or not prints.inside_px[row]:
                continue
            x0, y0, x1, y1 = (float(edge) for edge in prints.loose_box[row])
            visible = int(census[number, 4])
            out[subject.object_id] = _Flat(
                tight_box=_tight(census[number]),
                loose_box=(x0, y0, x1, y1),
                visible_px=visible,
                total_px=int(prints.total_px[row]),
                inside_px=int(prints.inside_px[row]),
                mask_rle=_mask(pixels, subject.object_id, _tight(census[number])),
            )
        return out

    def _census(self, pixels: Pixels) -> Int64[np.ndarray, "n 5"]:
        """Return tight box (inclusive) and visible pixels of each subject."""
        tables: list[Int64[np.ndarray, "n 5"]] = []
        start = np.array([_FAR, _FAR, -1, -1, 0], dtype=np.int64)

        def band(rows: tuple[int, int]) -> None:
            """Count a band of rows."""
            table = np.tile(start, (len(self._subjects), 1))
            take_census(pixels.triangle, self._object_of, rows, table)
            tables.append(table)

        self._bands.over_rows(len(pixels.triangle), band)
        # minima, maxima and sums do not depend on the order in which bands end
        every = np.stack(tables)
        low, high = every[:, :, :2].min(axis=0), every[:, :, 2:4].max(axis=0)
        return np.concatenate([low, high, every[:, :, 4:].sum(axis=0)], axis=1)

    def _lane_of(self, poses: list[Pose]) -> list[tuple[str | None, float | None]]:
        """Return lane and offset under the centre of each box."""
        if self._lanes is None or not poses:
            return [(None, None)] * len(poses)
        points = np.array([pose.position_m for pose in poses])
        yaw = yaw_from_quat(np.array([pose.quat for pose in poses]))
        found = self._lanes.under(points, yaw_rad=yaw)
        return [
            (None, None) if lane < 0 else (self._lanes.ids[int(lane)], float(offset))
            for lane, offset in zip(found.lane, found.offset_m, strict=True)
        ]

    def _record(
        self,
        frame: int,
        time_s: float,
        camera: Camera,
        subject: Subject,
        pose: Pose,
        flat: _Flat,
        lane: tuple[str | None, float | None],
    ) -> ObjectLabel:
        corners = box_corners(pose.position_m, pose.quat, np.array(subject.size_m))
        pixels, depth = camera.project(corners)
        turn = camera.camera_from_world[:3, :3] @ matrix_from_quat(pose.quat)
        return ObjectLabel(
            frame=frame,
            time_s=time_s,
            object_id=subject.object_id,
            class_id=subject.class_id,
            blueprint=subject.blueprint,
            tight_box=flat.tight_box,
            loose_box=flat.loose_box,
            visible_px=flat.visible_px,
            total_px=flat.total_px,
            inside_px=flat.inside_px,
            centre_camera_m=_three(camera.to_camera(corners.mean(axis=0))),
            quat_camera=quat_from_matrix(turn),
            position_m=_three(pose.position_m),
            quat=_four(pose.quat),
            size_m=subject.size_m,
            corners_px=tuple(_three(row) for row in np.column_stack([pixels, depth])),
            velocity_mps=_three(pose.velocity_mps),
            lane=lane[0],
            lane_offset_m=lane[1],
            lamps=pose.lamps,
            driver=pose.driver,
            mask_rle=flat.mask_rle,
        )


def _tight(row: Int64[np.ndarray, "5"]) -> tuple[int, int, int, int]:
    if not row[4]:
        return 0, 0, 0, 0
    return int(row[0]), int(row[1]), int(row[2]) + 1, int(row[3]) + 1


def _mask(pixels: Pixels, object_id: int, box: tuple[int, int, int, int]) -> str:
    """Return the run lengths of an object's visible pixels."""
    height, width = pixels.instance_id.shape
    x0, y0, x1, y1 = box
    cut = pixels.instance_id[y0:y1, x0:x1] == object_id
    return encode_mask(cut, x=x0, y=y0, height=height, width=width)


def _three(values: Float[np.ndarray, "3"]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _four(values: FloatArray) -> tuple[float, float, float, float]:
    w, x, y, z = (float(value) for value in values)
    return w, x, y, z
