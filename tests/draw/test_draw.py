"""Pictures show what the numbers say."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from rareworld.core.camera import Camera
from rareworld.core.clip import Frame, ObjectLabel
from rareworld.core.event import Event, EventKind
from rareworld.core.road import Crosswalk, Lane, LaneKind, MarkColour, Marking, MarkKind, RoadMap
from rareworld.core.scene import Actor, Prop, PropKind, Scene
from rareworld.core.taxonomy import PALETTE, ClassId
from rareworld.core.trajectory import Recording, Tracks
from rareworld.draw import channels, overlay, plan, report, sheet

SIZE = (24, 32)


def _frame() -> Frame:
    h, w = SIZE
    return Frame(
        rgb=np.full((h, w, 3), 90, np.uint8), depth_m=np.full((h, w), 20, np.float32),
        normal=np.tile(np.array([0, 0, -1], np.float32), (h, w, 1)),
        class_id=np.full((h, w), ClassId.ROAD, np.uint8), instance_id=np.zeros((h, w), np.uint32),
        edges=np.zeros((h, w), bool), flow_px=np.zeros((h, w, 2), np.float32),
    )  # fmt: skip


def _label(**changes: object) -> ObjectLabel:
    values: dict[str, object] = {
        "frame": 0, "time_s": 0.0, "object_id": 5, "class_id": 14, "blueprint": "suv",
        "tight_box": (8, 6, 20, 18), "loose_box": (8.0, 6.0, 20.0, 18.0), "visible_px": 144,
        "total_px": 144, "inside_px": 144, "centre_camera_m": (0.0, 0.0, 9.0),
        "quat_camera": (1.0, 0.0, 0.0, 0.0), "position_m": (0.0, 0.0, 0.0),
        "quat": (1.0, 0.0, 0.0, 0.0), "size_m": (4.0, 2.0, 1.5),
        "corners_px": tuple((8.0 + i, 6.0 + i, 9.0) for i in range(8)),
        "velocity_mps": (0.0, 0.0, 0.0), "lane": None, "lane_offset_m": None, "lamps": 0,
        "driver": 0, "mask_rle": "",
    }  # fmt: skip
    return ObjectLabel(**(values | changes))  # type: ignore[arg-type]  # a table of overrides


def _recording(events: tuple[Event, ...] = ()) -> Recording:
    x = np.linspace(-20, 20, 9)
    line = np.stack([x, 0 * x, 0 * x], axis=1)
    lane = Lane(
        id="1:0:-1",
        kind=LaneKind.DRIVING,
        centre_m=line,
        left_m=line + np.array([0, 1.75, 0]),
        right_m=line - np.array([0, 1.75, 0]),
    )
    road = RoadMap(
        name="r",
        lanes={lane.id: lane},
        markings=(
            Marking(points_m=line, kind=MarkKind.BROKEN, colour=MarkColour.WHITE, width_m=0.12),
        ),
        crosswalks=(Crosswalk(id="c", outline_m=np.array([[0.0, -2, 0], [3, -2, 0], [3, 2, 0]])),),
    )
    props = (
        Prop(id=90, kind=PropKind.BUILDING, position_m=(0, 12, 0), yaw_rad=0.1, size_m=(9, 6, 8)),
        Prop(id=91, kind=PropKind.TREE, position_m=(6, 8, 0), yaw_rad=0, size_m=(3, 3, 6)),
    )
    n, t = 1, 9
    position = np.zeros((n, t, 3))
    position[0, :, 0] = x
    quat = np.zeros((n, t, 4))
    quat[..., 0] = 1
    tracks = Tracks(
        time_s=np.arange(t) / 10,
        present=np.ones((n, t), bool),
        position_m=position,
        quat=quat,
        velocity_mps=np.zeros((n, t, 3)),
        angular_velocity_radps=np.zeros((n, t, 3)),
        steer_rad=np.zeros((n, t)),
        wheel_turn_rad=np.zeros((n, t)),
        lamps=np.zeros((n, t), np.uint32),
        driver=np.zeros((n, t), np.uint8),
    )
    scene = Scene(name="s", road=road, actors=(Actor(id=1, blueprint="suv"),), props=props)
    return Recording(
        scene=scene,
        tracks=tracks,
        fps=10.0,
        events=events,
        signal_states=np.zeros((0, t), np.uint8),
    )


EVENT = Event(
    kind=EventKind.COLLISION, actors=(1, 2), start_s=0.4, end_s=0.6, start_frame=4, end_frame=6,
    key_s=0.41, position_m=(1.0, 0.0, 0.0), measures={"relative_speed_mps": 7.5},
)  # fmt: skip


def test_near_is_warm_far_is_cold_and_sky_is_grey() -> None:
    depth = np.array([[5, 40, 150, np.inf]], np.float32)
    image = channels.depth_image(depth).astype(int)
    assert image[0, 0, 0] > image[0, 0, 2]
    assert image[0, 2, 2] > image[0, 2, 0] - 20
    assert image[0, 3].tolist() == [channels.SKY_GREY] * 3


def test_normals_to_the_camera_are_blue() -> None:
    image = channels.normal_image(_frame().normal)
    assert image[0, 0].tolist() == [127, 127, 255]
    assert channels.normal_image(np.zeros((1, 1, 3), np.float32))[0, 0, 0] == channels.SKY_GREY


def test_classes_take_carlas_palette() -> None:
    np.testing.assert_array_equal(channels.class_image(_frame().class_id)[0, 0], PALETTE[1])


def test_instances_differ_and_none_is_black() -> None:
    ids = np.arange(12, dtype=np.uint32).reshape(3, 4)
    image = channels.instance_image(ids)
    assert image[0, 0].tolist() == [0, 0, 0]
    assert len({tuple(c) for c in image.reshape(-1, 3).tolist()}) == 12


def test_still_pixels_are_white_and_opposite_motions_differ() -> None:
    flow = np.array([[[0, 0], [12, 0], [-12, 0], [np.nan, np.nan]]], np.float32)
    image = channels.flow_image(flow)
    assert image[0, 0].tolist() == [255, 255, 255]
    assert image[0, 1].tolist() == [255, 0, 0]
    assert image[0, 2].tolist() == [0, 255, 255]
    assert image[0, 3, 0] == channels.SKY_GREY


@pytest.mark.parametrize(
    ("hue", "rgb"), [(0.0, (1, 0, 0)), (1 / 3, (0, 1, 0)), (2 / 3, (0, 0, 1)), (0.5, (0, 1, 1))]
)
def test_hues(hue: float, rgb: tuple[int, int, int]) -> None:
    np.testing.assert_allclose(channels.hue_colour(np.array([hue]))[0], rgb, atol=1e-9)


def test_box_frames_the_object_and_hidden_objects_are_left_out() -> None:
    frame = _frame()
    image = overlay.draw_boxes(frame.rgb, [_label()], names=False)
    changed = (image != frame.rgb).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (6, 17, 8, 19)
    hidden = overlay.draw_boxes(frame.rgb, [_label(visible_px=0)])
    np.testing.assert_array_equal(hidden, frame.rgb)


def test_wireframe_leaves_out_edges_behind_the_camera() -> None:
    frame = _frame()
    behind = _label(corners_px=tuple((8.0 + i, 6.0 + i, -1.0) for i in range(8)))
    image = overlay.draw_boxes(frame.rgb, [behind], wireframes=True, names=False)
    np.testing.assert_array_equal(image, frame.rgb)
    image = overlay.draw_boxes(frame.rgb, [_label()], wireframes=True)
    assert (image != frame.rgb).any()


@pytest.mark.parametrize("far", [1e20, -1e20, 1e4])
def test_wireframe_leaves_out_corners_no_lens_knows(far: float) -> None:
    frame = _frame()
    wild = _label(corners_px=tuple((far + i, 6.0 + i, 5.0) for i in range(8)))
    image = overlay.draw_boxes(frame.rgb, [wild], wireframes=True, names=False)
    np.testing.assert_array_equal(image, frame.rgb)


def test_wireframe_keeps_edges_to_corners_a_little_outside() -> None:
    frame = _frame()
    corners = tuple((-20.0 if i % 4 == 0 else 30.0, 8.0 + i, 5.0) for i in range(8))
    image = overlay.draw_boxes(
        frame.rgb, [_label(corners_px=corners)], wireframes=True, names=False
    )
    assert (image[:, 0] != frame.rgb[:, 0]).any()


def test_sheet_holds_every_channel() -> None:
    images = sheet.panels(_frame(), [_label()])
    assert list(images)[:2] == ["rgb", "2D boxes"]
    picture = sheet.grid(images, columns=3, width=64)
    assert picture.shape == (3 * 48 + 8, 3 * 64 + 8, 3)
    assert Image.open(io.BytesIO(sheet.png_bytes(picture))).size == (200, 152)
    assert Image.open(io.BytesIO(sheet.jpeg_bytes(picture))).size == (200, 152)


def test_plan_is_the_same_text_every_time() -> None:
    camera = Camera.looking_at("a", (-15, -9, 8), (0, 0, 0), width=64, height=36, hfov_rad=1.0)
    first = plan.plan_svg(_recording((EVENT,)), [camera])
    assert first == plan.plan_svg(_recording((EVENT,)), [camera])
    assert first.startswith("<svg")
    assert plan.plan_svg(_recording()) != first
    assert plan.road_svg(_recording().scene.road).startswith("<svg")


def test_report_is_one_safe_file(tmp_path) -> None:
    clip = report.ClipSection(
        title="Side <impact>", summary="s", rgb_mp4=b"\0mp4", labels_mp4=b"\1mp4",
        moment_jpeg=b"jpg", moment_caption="frame 4", plan_svg="<svg></svg>", duration_s=0.9,
        marks=report.event_marks((EVENT,), 0.9), figures={"frames": "9"},
    )  # fmt: skip
    page = report.Page(
        title="T", lead="l", strip_jpeg=b"x", strip_caption="c", clips=(clip,),
        tables={"Times": [["stage", "s"], ["simulate", "1.0"]]},
    )  # fmt: skip
    report.write_page(page, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "Side &lt;impact&gt;" in text
    assert "relative_speed_mps 7.50" in text
    assert "left: 45.56%" in text
    assert not re.findall(r"(?:src|href)=[\"']?https?:", text)
    assert text.count("<script") == text.count("<script>\n// Videos of one group") == 1


def test_a_clip_without_events_says_so() -> None:
    clip = report.ClipSection(
        title="t", summary="s", rgb_mp4=b"", labels_mp4=b"", moment_jpeg=b"", moment_caption="",
        plan_svg="", duration_s=1.0,
    )  # fmt: skip
    page = report.Page(title="T", lead="l", strip_jpeg=b"", strip_caption="", clips=(clip,))
    assert "this clip is a negative" in report.render_page(page)
