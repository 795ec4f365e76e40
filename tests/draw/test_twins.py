"""Colours, marks and layouts against independent formulas."""

import base64
import colorsys
import io
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from rareworld.core.event import EventKind
from rareworld.core.geometry import box_corners
from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.draw import channels, overlay, plan, report, sheet
from tests.data.data_samples import make_event
from tests.draw.test_draw import _frame, _label, _recording

GREY = [channels.SKY_GREY] * 3


@pytest.mark.parametrize("hue", np.linspace(0, 0.99, 23).tolist())
def test_hues_are_those_of_colorsys(hue: float) -> None:
    expected = colorsys.hsv_to_rgb(hue, 1.0, 1.0)
    np.testing.assert_allclose(channels.hue_colour(np.array([hue]))[0], expected, atol=1e-9)


@pytest.mark.parametrize("degrees", range(0, 360, 30))
def test_flow_shows_direction_as_hue_and_length_as_saturation(degrees: int) -> None:
    angle = np.radians(degrees)
    for length, strength in ((3.0, 0.25), (12.0, 1.0), (40.0, 1.0)):
        flow = np.array([[[np.cos(angle), np.sin(angle)]]], np.float32) * length
        found = channels.flow_image(flow.astype(np.float32), full_px=12.0)[0, 0]
        expected = colorsys.hsv_to_rgb(degrees / 360, strength, 1.0)
        np.testing.assert_allclose(found, np.multiply(expected, 255), atol=1.01)


@pytest.mark.parametrize("half", [(np.nan, 1.0), (1.0, np.inf), (np.nan, np.nan)])
def test_flow_that_is_not_known_in_either_axis_is_grey(half) -> None:
    image = channels.flow_image(np.array([[half]], np.float32))
    assert image[0, 0].tolist() == GREY


def test_depth_colours_run_through_the_map_in_order_of_depth() -> None:
    """Each depth's place on the map, found back as the nearest knot, falls as depth grows."""
    depth = np.geomspace(5, 150, 60).astype(np.float32)[None]
    image = channels.depth_image(depth)[0].astype(float)
    knots = channels._TURBO
    fine = np.concatenate([np.linspace(a, b, 20, endpoint=False) for a, b in pairwise(knots)])
    place = [np.argmin(((fine - colour) ** 2).sum(axis=1)) for colour in image]
    assert np.all(np.diff(place) <= 0)
    assert place[0] > 270
    assert place[-1] < 5


@pytest.mark.parametrize(("near", "far"), [(1.0, 20.0), (5.0, 150.0), (10.0, 11.0)])
def test_depths_beyond_the_range_take_its_ends(near: float, far: float) -> None:
    depth = np.array([[near / 2, near, far, far * 3]], np.float32)
    image = channels.depth_image(depth, near, far)[0]
    assert image[0].tolist() == image[1].tolist()
    assert image[2].tolist() == image[3].tolist()
    assert image[0].tolist() != image[3].tolist()


@pytest.mark.parametrize(
    ("normal", "colour"),
    [
        ((0, 0, -1), (127, 127, 255)),
        ((1, 0, 0), (255, 127, 127)),
        ((-1, 0, 0), (0, 127, 127)),
        ((0, -1, 0), (127, 255, 127)),
        ((0, 1, 0), (127, 0, 127)),
        ((0, 0, 0), tuple(GREY)),
    ],
)
def test_normals_take_the_usual_colours(normal, colour) -> None:
    image = channels.normal_image(np.array([[normal]], np.float32))
    assert tuple(image[0, 0].tolist()) == colour


def test_two_hundred_neighbouring_ids_are_told_apart() -> None:
    colours = channels.instance_colour(np.arange(1, 201, dtype=np.uint32)).astype(int)
    for step in (1, 2, 3):
        away = np.abs(colours[step:] - colours[:-step]).max(axis=1)
        assert away.min() > 40
    assert len({tuple(colour) for colour in colours.tolist()}) == 200


def test_the_colour_of_an_id_does_not_depend_on_what_else_is_there() -> None:
    ids = np.array([[0, 5, 3_000_000_007], [5, 5, 0]], np.uint32)
    image = channels.instance_image(ids)
    for number in np.unique(ids):
        own = channels.instance_colour(np.array(number, np.uint32))
        assert (image[ids == number] == own).all()


def test_edges_are_white_on_black() -> None:
    edges = np.array([[True, False]])
    assert channels.edge_image(edges).tolist() == [[[255] * 3, [0] * 3]]


def test_the_edges_of_a_box_join_corners_that_differ_in_one_side() -> None:
    corners = box_corners(np.zeros(3), np.array([1.0, 0, 0, 0]), np.array([4.0, 2.0, 1.5]))
    for a, b in overlay.BOX_EDGES:
        step = np.abs(corners[a] - corners[b])
        assert (step > 0).sum() == 1
    assert len({frozenset(pair) for pair in overlay.BOX_EDGES}) == 12


@pytest.mark.parametrize("object_id", [1, 2, 5, 17, 400])
def test_a_name_is_written_dark_on_light_and_light_on_dark(object_id: int) -> None:
    rgb = np.full((60, 80, 3), 90, np.uint8)
    named = overlay.draw_boxes(rgb, [_label(object_id=object_id, tight_box=(30, 30, 60, 50))])
    plain = overlay.draw_boxes(
        rgb, [_label(object_id=object_id, tight_box=(30, 30, 60, 50))], names=False
    )
    tag = named[(named != plain).any(axis=2)]
    colour = channels.instance_colour(np.array(object_id, np.uint32))
    assert (tag == colour).all(axis=1).any()
    text = [0, 0, 0] if int(colour.sum()) > 380 else [255, 255, 255]
    far = np.abs(tag.astype(int) - text).sum(axis=1)
    assert far.min() < 200


def test_the_image_drawn_on_is_not_changed() -> None:
    frame = _frame()
    before = frame.rgb.copy()
    overlay.draw_boxes(frame.rgb, [_label()], wireframes=True)
    np.testing.assert_array_equal(frame.rgb, before)


@pytest.mark.parametrize(
    ("count", "columns", "shape"),
    [(1, 1, (30, 40)), (2, 2, (30, 84)), (3, 2, (64, 84)), (5, 3, (64, 128)), (4, 4, (30, 172))],
)
def test_a_grid_has_rows_columns_and_gaps(count: int, columns: int, shape) -> None:
    images = {str(k): np.full((60, 80, 3), 40 * k + 20, np.uint8) for k in range(count)}
    made = sheet.grid(images, columns=columns, width=40, gap=4, names=False)
    assert made.shape == (*shape, 3)
    for k in range(count):
        row, column = divmod(k, columns)
        cell = made[row * 34 : row * 34 + 30, column * 44 : column * 44 + 40]
        assert (cell == 40 * k + 20).all()


def test_cells_of_different_heights_hang_from_the_top_of_their_row() -> None:
    images = {"a": np.zeros((60, 80, 3), np.uint8), "b": np.zeros((20, 80, 3), np.uint8)}
    made = sheet.grid(images, columns=2, width=40, names=False)
    assert made.shape[0] == 30
    assert (made[:10, 44:] == 0).all()
    assert (made[10:, 44:] == 255).all()


def test_png_keeps_every_value_and_jpeg_nearly() -> None:
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 48, 0).repeat(3, 2)
    png = np.asarray(Image.open(io.BytesIO(sheet.png_bytes(ramp))))
    jpeg = np.asarray(Image.open(io.BytesIO(sheet.jpeg_bytes(ramp, 95)))).astype(int)
    np.testing.assert_array_equal(png, ramp)
    assert np.abs(jpeg - ramp).max() < 8


MARKS = [
    ((0.4, 0.6, 0.5), 1.0, (40.0, 20.0, 50.0)),
    ((-0.5, 0.5, 0.1), 2.0, (0.0, 25.0, 5.0)),
    ((1.5, 9.0, 1.6), 2.0, (75.0, 25.0, 80.0)),
    ((1.0, 1.001, 1.0), 2.0, (50.0, 0.8, 50.0)),
]


@pytest.mark.parametrize(("times", "duration_s", "expected"), MARKS)
def test_marks_lie_within_the_timeline_and_are_wide_enough_to_see(
    times, duration_s: float, expected
) -> None:
    start, end, key = times
    event = replace(make_event(), start_s=start, end_s=end, key_s=key)
    (mark,) = report.event_marks((event,), duration_s)
    found = (mark.left_percent, mark.width_percent, mark.key_percent)
    assert found == pytest.approx(expected)
    assert mark.name == "collision"
    assert "actors 7 and 9" in mark.detail


def test_films_and_pictures_are_inside_the_page() -> None:
    clip = report.ClipSection(
        title="t", summary="s", rgb_mp4=b"film one", labels_mp4=b"film two", moment_jpeg=b"still",
        moment_caption="c & d", plan_svg="<svg id='plan'></svg>", duration_s=1.0,
        figures={"speed <": "9 & more"},
    )  # fmt: skip
    text = report.render_page(
        report.Page(title="T", lead="l", strip_jpeg=b"strip", strip_caption="c", clips=(clip,))
    )
    for data in (b"film one", b"film two", b"still", b"strip"):
        assert base64.b64encode(data).decode() in text
    assert "<svg id='plan'>" in text
    assert "c &amp; d" in text
    assert "speed &lt;" in text


KINDS = {LaneKind.DRIVING: 1, LaneKind.SIDEWALK: 0, LaneKind.BIKE: 1}


@pytest.mark.parametrize("kind", KINDS)
def test_pavements_lie_below_carriageways_below_junctions(kind: LaneKind) -> None:
    line = np.array([[0.0, 0, 0], [10, 0, 0]])
    side = np.array([0, 1.0, 0])
    lane = Lane(id="1:0:1", kind=kind, centre_m=line, left_m=line + side, right_m=line - side)
    assert plan._layer(lane) == KINDS[kind]
    inner = replace(lane, junction="J")
    assert plan._layer(inner) == (0 if kind is LaneKind.SIDEWALK else 2)


@pytest.mark.parametrize("kind", plan.LANE_COLOURS)
def test_each_kind_of_lane_has_its_colour(kind: LaneKind) -> None:
    line = np.array([[0.0, 0, 0], [10, 0, 0]])
    side = np.array([0, 1.0, 0])
    lane = Lane(id="1:0:1", kind=kind, centre_m=line, left_m=line + side, right_m=line - side)
    text = plan.road_svg(RoadMap(name="r", lanes={lane.id: lane}))
    assert plan.LANE_COLOURS[kind] in text
    assert len(set(plan.LANE_COLOURS.values())) == len(plan.LANE_COLOURS)


def test_a_plan_looks_at_the_event_else_at_the_actors_else_at_the_map() -> None:
    event = replace(make_event(), position_m=(3.0, -2.0, 0.0), actors=(1,), kind=EventKind.STOPPED)
    assert plan._centre(_recording((event,))) == (3.0, -2.0)
    recording = _recording()
    assert plan._centre(recording) == pytest.approx((0.0, 0.0))
    gone = replace(recording.tracks, present=np.zeros_like(recording.tracks.present))
    x0, y0, x1, y1 = recording.scene.road.bounds_m
    found = plan._centre(replace(recording, tracks=gone))
    assert found == pytest.approx(((x0 + x1) / 2, (y0 + y1) / 2))


def test_a_plan_has_a_path_and_a_camera_for_each() -> None:
    text = plan.plan_svg(_recording(), radius_m=30.0)
    bare = replace(
        _recording(), tracks=replace(_recording().tracks, present=np.zeros((1, 9), bool))
    )
    fewer = plan.plan_svg(bare, radius_m=30.0)
    count = [len(re.findall("<path", one)) for one in (text, fewer)]
    assert count[0] == count[1] + 2, "a path and a box"
