"""Labels of plates and boxes whose image can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.labels.channels import ChannelMaker, EdgeConfig
from rareworld.annotate.labels.objects import ObjectLabeller
from rareworld.annotate.labels.subjects import ActorSubject, subjects_of
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.model import FrameState
from rareworld.core.camera import Camera
from rareworld.core.geometry import box_corners, quat_from_euler
from rareworld.core.lanes import LaneIndex
from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.taxonomy import ClassId
from rareworld.data.rle import decode_mask
from tests.annotate.labels.random_scenes import Body, recording_of, state_at
from tests.annotate.render.shapes import box, ground, scene, state

WIDTH, HEIGHT, FOCAL = 160, 120, 100.0
AHEAD = Camera.looking_at(
    "ahead", (0, 0, 50.0), (10, 0, 50.0), width=WIDTH, height=HEIGHT,
    hfov_rad=float(2 * np.arctan(WIDTH / 2 / FOCAL)),
)  # fmt: skip
"""Looks along +x: right is -y, down is -z; focal length 100 px."""
CONFIG = RenderConfig(threads=1, shadow_size=64, occlusion=False)


def _recording(*bodies, **changes):
    made = recording_of([*bodies])
    return replace(made, tracks=replace(made.tracks, **changes))


def _label(recording, shapes, now=None, *, view=AHEAD, lanes=None):
    """Frame and records, by actor id, of actors drawn as the given meshes."""
    actors = recording.scene.actors
    made = scene(ground(cells=2), shapes, [(actor.id, k) for k, actor in enumerate(actors)])
    renderer, bands = RasterRenderer(made, view, CONFIG), Bands(1)
    now = now or state_at(recording, 0)
    subjects = tuple(
        ActorSubject(
            object_id=actor.id, class_id=int(actor.class_id), blueprint=actor.blueprint,
            size_m=actor.spec.size_m, row=row, recording=recording,
        )
        for row, actor in enumerate(actors)
    )  # fmt: skip
    maker = ChannelMaker(renderer, view.height, view.width, EdgeConfig(), bands)
    pixels = maker.render(now)
    labels = ObjectLabeller(renderer, view, subjects, lanes, bands).label(0, 0.0, pixels, now)
    frame = maker.make(pixels, now, None)
    return frame, {label.object_id: label for label in labels}


def _plate(x_m, y_m, z_m, width_m, height_m):
    """A plate across the view at depth `x_m`, its middle at (y, z), and its pixel rectangle."""
    shape = box((0.001, width_m, height_m), base=False)
    u, v = WIDTH / 2 - FOCAL * y_m / x_m, HEIGHT / 2 - FOCAL * (z_m - 50) / x_m
    half_u, half_v = FOCAL * width_m / 2 / (x_m - 0.0005), FOCAL * height_m / 2 / (x_m - 0.0005)
    return shape, (x_m, y_m, z_m, 0.0), (u - half_u, v - half_v, u + half_u, v + half_v)


def _centres(box_px, clip=False):
    """Pixel centres inside a rectangle, as (x0, y0, x1, y1) of whole pixels."""
    x0, y0, x1, y1 = np.ceil(np.array(box_px) - 0.5).astype(int)
    if clip:
        x0, x1 = np.clip([x0, x1], 0, WIDTH)
        y0, y1 = np.clip([y0, y1], 0, HEIGHT)
    return x0, y0, x1, y1


def _count(box_px, clip=False):
    x0, y0, x1, y1 = _centres(box_px, clip)
    return max(x1 - x0, 0) * max(y1 - y0, 0)


ANY = Body(1, 0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("y_m", "z_m", "border"),
    [
        (0.0, 50.0, None),
        (8.1, 50.0, "left"),
        (-7.9, 50.3, "right"),
        (0.3, 56.2, "top"),
        (0.2, 44.1, "bottom"),
        (8.3, 56.1, "corner"),
    ],
)
def test_truncation_is_the_share_of_centres_beyond_the_border(y_m, z_m, border):
    shape, pose, rectangle = _plate(10.0, y_m, z_m, 3.33, 2.71)
    _, labels = _label(_recording(ANY), [shape], state(pose))
    (label,) = labels.values()
    total, inside = _count(rectangle), _count(rectangle, clip=True)
    assert (label.total_px, label.inside_px, label.visible_px) == (total, inside, inside)
    assert label.truncation == pytest.approx(1 - inside / total)
    assert (label.truncation > 0) == (border is not None)
    assert label.tight_box == tuple(int(e) for e in _centres(rectangle, clip=True))
    np.testing.assert_allclose(label.loose_box, rectangle, atol=1e-2)
    assert label.occlusion == 0


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9])
def test_occlusion_is_the_share_of_centres_behind_something(share):
    """A nearer plate covers the left part of a farther one."""
    behind = _plate(20.0, 0.0, 50.0, 8.02, 6.1)
    left, _, right, _ = behind[2]
    edge = left + share * (right - left)
    # its right border lies at `edge`, at half the distance
    front = _plate(10.0, (WIDTH / 2 - edge) / FOCAL * 9.9995 + 4.0, 50.0, 8.0, 8.0)
    frame, labels = _label(_recording(ANY, ANY), [behind[0], front[0]], state(behind[1], front[1]))
    label = labels[2]
    x0, y0, x1, y1 = _centres(behind[2])
    hidden = int(np.clip(np.ceil(edge - 0.5), x0, x1) - x0) * (y1 - y0)
    assert label.inside_px == _count(behind[2])
    assert abs(label.inside_px - label.visible_px - hidden) <= y1 - y0
    assert abs(label.occlusion - share) < 1.5 / (x1 - x0)
    assert label.visible_px == (frame.instance_id == 2).sum()
    # boxes as if nothing hid it
    np.testing.assert_allclose(label.loose_box, behind[2], atol=1e-2)
    assert abs(label.tight_box[0] - max(x0, np.ceil(edge - 0.5))) <= 1


def test_object_that_is_hidden_entirely_keeps_a_record_and_one_outside_has_none():
    behind, front = _plate(20.0, 0.0, 50.0, 2, 2), _plate(10.0, 0.0, 50.0, 4, 4)
    away = _plate(10.0, 40.0, 50.0, 2, 2)
    _, labels = _label(
        _recording(ANY, ANY, ANY), [behind[0], front[0], away[0]],
        state(behind[1], front[1], away[1]),
    )  # fmt: skip
    assert sorted(labels) == [2, 5]
    hidden = labels[2]
    assert hidden.visible_px == 0
    assert hidden.occlusion == 1.0
    assert hidden.tight_box == (0, 0, 0, 0)
    assert not decode_mask(hidden.mask_rle, HEIGHT, WIDTH).any()


@pytest.mark.parametrize("angles", [(0.0, 0, 0), (0.6, 0, 0), (2.1, 0.2, -0.1), (-1.2, 0.9, 2.0)])
def test_loose_box_of_a_turned_box_holds_its_eight_corners(angles):
    shape = box((4.0, 1.8, 1.5))
    pose = (12.0, 0.5, 49.0, *angles)
    _, labels = _label(_recording(ANY), [shape], state(pose))
    quat = quat_from_euler(*(np.array(a, float) for a in angles))
    corners = box_corners(np.array(pose[:3]), quat, np.array([4.0, 1.8, 1.5]))
    pixels, _ = AHEAD.project(corners)
    expected = [*pixels.min(axis=0), *pixels.max(axis=0)]
    np.testing.assert_allclose(labels[2].loose_box, expected, atol=1e-3)


@pytest.mark.parametrize("yaw_rad", [0.0, 0.7, -2.5])
def test_three_dimensional_box_is_the_recordings(yaw_rad):
    body = Body(1, 14.0, 1.0, 49.0, yaw_rad, 0, 0, 6.5)
    recording = _recording(body)
    size = recording.scene.actors[0].spec.size_m
    _, labels = _label(recording, [box(size)])
    label = labels[2]
    ahead = np.array([np.cos(yaw_rad), np.sin(yaw_rad), 0])
    np.testing.assert_allclose(label.velocity_mps, 6.5 * ahead, atol=1e-12)
    np.testing.assert_allclose(label.position_m, (14, 1, 49))
    assert label.size_m == size
    # the camera looks along +x: right is -y, down is -z, forward is x
    centre = np.array([14.0, 1.0, 49.0 + size[2] / 2])
    expected = (-centre[1], -(centre[2] - 50), centre[0])
    np.testing.assert_allclose(label.centre_camera_m, expected, atol=1e-9)
    w, x, y, z = label.quat_camera
    turn = np.array([
        1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)
    ])  # fmt: skip
    np.testing.assert_allclose(turn, (-ahead[1], 0.0, ahead[0]), atol=1e-9)
    corners = np.array(label.corners_px)
    u = WIDTH / 2 + FOCAL * (corners[:, 0] - WIDTH / 2) / FOCAL
    np.testing.assert_allclose(corners[:, 0], u)
    assert corners[:, 2].mean() == pytest.approx(14.0)


@pytest.mark.parametrize("lamps", [0, 8, 16 | 1, 0x7FF])
def test_lamps_and_driver_are_the_recordings(lamps):
    body = Body(1, 14.0, 0.0, 49.0, 0, 0, 0, 0)
    made = _recording(
        body, lamps=np.full((1, 2), lamps, np.uint32), driver=np.full((1, 2), 2, np.uint8)
    )
    _, labels = _label(made, [box()])
    assert (labels[2].lamps, labels[2].driver) == (lamps, 2)


def test_absent_actor_has_neither_pixels_nor_record():
    body = Body(1, 14.0, 0.0, 49.0, 0, 0, 0, 0)
    made = _recording(body, present=np.array([[False, True]]))
    frame, labels = _label(made, [box()])
    assert labels == {}
    assert not frame.instance_id.any()


def _lane(side_m):
    """A lane along +x at height 49 m whose centre line lies at y = `side_m`."""
    x = np.linspace(0, 40, 21)
    line = np.stack([x, 0 * x + side_m, 0 * x + 49.0], axis=1)
    lane = Lane(
        id="1:0:-1", kind=LaneKind.DRIVING, centre_m=line, left_m=np.add(line, (0, 1.75, 0)),
        right_m=np.subtract(line, (0, 1.75, 0)),
    )  # fmt: skip
    return LaneIndex(RoadMap(name="one", lanes={lane.id: lane}))


@pytest.mark.parametrize(
    ("y_m", "offset_m"), [(0.0, 0.0), (0.8, 0.8), (-0.6, -0.6), (1.6, 1.6), (6.0, None)]
)
def test_lane_offset_is_positive_to_the_left(y_m, offset_m):
    body = Body(1, 14.0, y_m, 49.0, 0, 0, 0, 0)
    _, labels = _label(_recording(body), [box()], lanes=_lane(0.0))
    label = labels[2]
    if offset_m is None:
        assert (label.lane, label.lane_offset_m) == (None, None)
    else:
        assert label.lane == "1:0:-1"
        assert label.lane_offset_m == pytest.approx(offset_m, abs=1e-9)


def test_mask_marks_every_class_of_an_object():
    """A rider and a bicycle are one object of two classes."""
    frame_part, rider = box((1.8, 0.5, 1.0)), box((0.5, 0.5, 0.9), class_id=ClassId.RIDER)
    rider.vertices_m[:] += np.array([0, 0, 1.0], np.float32)
    actors = _recording(Body(9, 8.0, 0.0, 49.2, 1.57, 0, 0, 0))
    made = scene(ground(cells=2), [frame_part, rider], [(2, 0), (2, 1)])
    renderer, bands = RasterRenderer(made, AHEAD, CONFIG), Bands(1)
    now = state((8, 0, 49.2, 1.57), (8, 0, 49.2, 1.57))
    pixels = renderer.render(now)
    actor = actors.scene.actors[0]
    subject = ActorSubject(
        object_id=2, class_id=int(actor.class_id), blueprint=actor.blueprint,
        size_m=actor.spec.size_m, row=0, recording=actors,
    )  # fmt: skip
    (label,) = ObjectLabeller(renderer, AHEAD, (subject,), None, bands).label(0, 0.0, pixels, now)
    mask = decode_mask(label.mask_rle, HEIGHT, WIDTH)
    np.testing.assert_array_equal(mask, pixels.instance_id == 2)
    assert set(np.unique(pixels.class_id[mask])) == {int(ClassId.CAR), int(ClassId.RIDER)}
    assert label.tight_box[1] < 120 / 2 - 100 * 0.2 / 8.5


def _shown(body_state: FrameState, following):
    made = scene(ground(cells=2), [box((3.0, 3.0, 3.0), base=False)], [(2, 0)])
    renderer = RasterRenderer(made, AHEAD, CONFIG)
    maker = ChannelMaker(renderer, HEIGHT, WIDTH, EdgeConfig(), Bands(1))
    return maker.make(maker.render(body_state), body_state, following)


def test_flow_of_a_turning_box_is_that_of_its_polar_angle():
    """A box spins about its upright axis 15 m ahead: points keep height and radius."""
    turn = 0.05
    frame = _shown(state((15, 0, 50, 0.3)), state((15, 0, 50, 0.3 + turn)))
    rows, columns = np.nonzero(frame.instance_id == 2)
    depth = frame.depth_m[rows, columns].astype(float)
    y = -(columns + 0.5 - WIDTH / 2) / FOCAL * depth
    z = -(rows + 0.5 - HEIGHT / 2) / FOCAL * depth
    radius, angle = np.hypot(depth - 15, y), np.arctan2(y, depth - 15) + turn
    x, y = 15 + radius * np.cos(angle), radius * np.sin(angle)
    right = WIDTH / 2 - FOCAL * y / x - (columns + 0.5)
    down = HEIGHT / 2 - FOCAL * z / x - (rows + 0.5)
    flow = frame.flow_px[rows, columns]
    np.testing.assert_allclose(flow, np.stack([right, down], axis=1), atol=2e-4)
    assert len(rows) > 300


def test_edges_of_a_cube_are_its_visible_edges():
    """Every edge pixel lies within a pixel of one of nine segments, and each segment is drawn."""
    yaw = 0.6
    view = Camera.looking_at(
        "high", (0, 0, 56.0), (12, 0, 50.0), width=WIDTH, height=HEIGHT, hfov_rad=0.6
    )
    made = scene(ground(cells=2), [box((3, 3, 3), base=False)], [(2, 0)])
    renderer = RasterRenderer(made, view, CONFIG)
    maker = ChannelMaker(renderer, HEIGHT, WIDTH, EdgeConfig(), Bands(1))
    now = state((12, 0, 50, yaw))
    frame = maker.make(maker.render(now), now, None)
    signs = np.array([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], float)
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    corners = 1.5 * signs @ turn.T + (12, 0, 50)
    eye = np.array(view.position_m)
    seen = {
        (axis, side): (eye - (12, 0, 50)) @ (side * turn[:, axis]) > 1.5
        for axis in range(3)
        for side in (-1, 1)
    }
    assert sum(seen.values()) == 3
    rows, columns = np.nonzero(frame.edges & (frame.instance_id == 2))
    centres = np.stack([columns, rows], axis=1) + 0.5
    nearest = np.full(len(centres), np.inf)
    for i in range(8):
        for j in range(i):
            (axes,) = [np.flatnonzero(signs[i] != signs[j])]
            if len(axes) != 1:
                continue
            faces = [(a, int(signs[i][a])) for a in range(3) if a != axes[0]]
            if not any(seen[face] for face in faces):
                continue
            (a, b), _ = view.project(corners[[i, j]])
            along = np.clip(((centres - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
            gap = np.linalg.norm(centres - (a + along[:, None] * (b - a)), axis=1)
            nearest = np.minimum(nearest, gap)
            for t in np.linspace(0.05, 0.95, 40):
                place = a + t * (b - a)
                assert np.linalg.norm(centres - place, axis=1).min() < 1.5
    assert nearest.max() < 1.5


def test_nan_marks_flow_that_is_not_known_and_only_that():
    frame = _shown(state((15, 0, 50, 0.3)), state((15, 1, 50, 0.3), visible=[0]))
    nan = np.isnan(frame.flow_px).any(axis=2)
    np.testing.assert_array_equal(nan, (frame.instance_id == 2) | np.isinf(frame.depth_m))
    for name in ("depth_m", "normal"):
        assert not np.isnan(getattr(frame, name)).any()


def test_world_subjects_are_actors_then_signal_heads():
    recording = _recording(ANY, ANY)
    made = scene(ground(cells=2), [box(), box((0.3, 0.3, 1.0))], [(2, 0), (5, 0), (77, 1)])
    subjects = subjects_of(made, recording)
    assert [s.object_id for s in subjects] == [2, 5, 77]
    head = subjects[-1]
    assert head.blueprint == "traffic light"
    assert head.size_m == pytest.approx((0.3, 0.3, 1.0))
    pose = head.pose(0, state((0, 0, 0, 0), (0, 0, 0, 0), (3, 4, 5, 0.5), lamps=[0, 0, 1 << 17]))
    assert pose is not None
    assert pose.lamps == 1 << 17
    np.testing.assert_allclose(pose.position_m, (3, 4, 5), atol=1e-6)
    hidden = state((0, 0, 0, 0), (0, 0, 0, 0), (3, 4, 5, 0.5), visible=[1, 1, 0])
    assert head.pose(0, hidden) is None
