"""Small real inputs, made by plain functions, for the data room's tests."""

import numpy as np

from rareworld.core.clip import Frame, ObjectLabel
from rareworld.core.event import BodyPart, Contact, Event, EventKind
from rareworld.core.seed import Seed
from rareworld.data.rle import encode_mask

HEIGHT, WIDTH, NUM_FRAMES = 48, 64, 5
BIG_ID = 3_000_000_007


def make_frame(index: int, *, big_id: bool = False) -> Frame:
    """A frame with sky on top, a road and a box that moves 3 px a frame."""
    random = Seed(5).child("frame", index).generator()
    depth = np.full((HEIGHT, WIDTH), np.inf, np.float32)
    depth[16:] = np.linspace(200, 4, HEIGHT - 16, dtype=np.float32)[:, None]
    normal = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    normal[16:] = (0, -0.8, -0.6)
    flow = np.full((HEIGHT, WIDTH, 2), np.nan, np.float32)
    flow[16:] = random.normal(size=2) * 3
    instance = np.zeros((HEIGHT, WIDTH), np.uint32)
    box = np.s_[24:34, 10 + 3 * index : 26 + 3 * index]
    instance[box] = BIG_ID if big_id else 7
    class_id = np.where(np.isinf(depth), 11, 1).astype(np.uint8)
    class_id[box] = 14
    depth[box] = 10.5
    edges = np.zeros((HEIGHT, WIDTH), bool)
    edges[24, 10 + 3 * index : 26 + 3 * index] = True
    rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    rgb[box] = (200, 40, 30)
    return Frame(
        rgb=rgb, depth_m=depth, normal=normal, class_id=class_id, instance_id=instance,
        edges=edges, flow_px=flow,
    )  # fmt: skip


def make_label(frame: int, object_id: int = 7) -> ObjectLabel:
    """The label of the moving box."""
    mask = np.ones((10, 16), bool)
    x = 10 + 3 * frame
    return ObjectLabel(
        frame=frame,
        time_s=frame / 30,
        object_id=object_id,
        class_id=14,
        blueprint="saloon",
        tight_box=(x, 24, x + 16, 34),
        loose_box=(x - 0.1, 23.7, x + 16 + 1 / 3, 34.0),
        visible_px=160,
        total_px=200,
        inside_px=180,
        centre_camera_m=(0.1, 0.2, 10.5),
        quat_camera=(0.5, 0.5, -0.5, 0.5),
        position_m=(1 / 3, 2.0, 0.0),
        quat=(1.0, 0.0, 0.0, 0.0),
        size_m=(4.4, 1.8, 1.5),
        corners_px=tuple((float(i), i / 7, 10.0) for i in range(8)),
        velocity_mps=(13.9, -0.0, 1e-300),
        lane=None if frame == 0 else "12:0:-1",
        lane_offset_m=None if frame == 0 else -0.2,
        lamps=8,
        driver=2,
        mask_rle=encode_mask(mask, x=x, y=24, height=HEIGHT, width=WIDTH),
    )


def make_event() -> Event:
    """A collision of 7 and 9 in frame 3."""
    contact = Contact(
        first=7, second=9, time_s=0.1, point_m=(1.0, 2.0, 0.5), normal=(1.0, 0.0, 0.0),
        relative_speed_mps=8.25, duration_s=0.05, impulse_ns=1234.5,
    )  # fmt: skip
    return Event(
        kind=EventKind.COLLISION, actors=(7, 9), start_s=0.1, end_s=0.2, start_frame=3,
        end_frame=6, key_s=0.1, position_m=(1.0, 2.0, 0.0), contact=contact,
        parts={7: BodyPart.FRONT, 9: BodyPart.REAR_LEFT}, struck=9,
        measures={"ttc_s": float("inf"), "impact_mps": 8.25}, labels={"lane": "12:0:-1"},
    )  # fmt: skip
