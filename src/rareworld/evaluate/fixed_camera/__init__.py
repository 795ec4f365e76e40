"""Checks of clips from a fixed camera: what distances between sets of features cannot say.

Does the camera stand still, do things keep size and shape, come and go as things do, move as
vehicles can, and collide when they should? `fixed_camera_report` checks a set; see
docs/explain/fixed_camera.md.
"""

from rareworld.evaluate.fixed_camera.clip import FAULTS, ClipChecks, Judged, check_clip
from rareworld.evaluate.fixed_camera.config import FixedCameraConfig
from rareworld.evaluate.fixed_camera.contact import (
    Contact,
    ContactScore,
    Truth,
    truth_from_events,
    truth_from_prompt,
)
from rareworld.evaluate.fixed_camera.picture import draw_tracks
from rareworld.evaluate.fixed_camera.report import (
    FixedCameraReport,
    Measure,
    Reference,
    fixed_camera_report,
    rows_for_table,
    rows_of_clips,
)

__all__ = [
    "FAULTS",
    "ClipChecks",
    "Contact",
    "ContactScore",
    "FixedCameraConfig",
    "FixedCameraReport",
    "Judged",
    "Measure",
    "Reference",
    "Truth",
    "check_clip",
    "draw_tracks",
    "fixed_camera_report",
    "rows_for_table",
    "rows_of_clips",
    "truth_from_events",
    "truth_from_prompt",
]
