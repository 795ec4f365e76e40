"""Sheared scenes against pictures whose rows are drawn one by one, each at its own time."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from rareworld.annotate.labels.channels import ChannelMaker, EdgeConfig
from rareworld.annotate.lens.config import LensConfig, ShutterConfig
from rareworld.annotate.lens.shutter import (
    RollingPoser,
    _rotation_vectors,
    check_readout,
    middles_of,
)
from rareworld.annotate.lens.wander import small_turns
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world.model import FrameState
from rareworld.core.camera import Camera
from rareworld.core.geometry import matrix_from_quat, quat_from_euler
from rareworld.errors import ConfigError
from tests.annotate.render.shapes import box, ground, mesh, scene

SIZE = (96, 54)
PLAIN = RenderConfig(threads=1, shadow_size=64, occlusion=False)
READOUT_S, FRAME_S = 1 / 30, 1 / 25
TIMES = (0.0, FRAME_S, 2 * FRAME_S)
AHEAD = Camera.looking_at("ahead", (0, 0, 3), (10, 0, 3), width=96, height=54, hfov_rad=1.0)
POLE = Camera.looking_at("pole", (0, 0, 8), (20, 1, 0), width=96, height=54, hfov_rad=0.9)
SHEET = mesh([(0, -1.2, -4), (0, 1.2, -4), (0, 1.2, 4), (0, -1.2, 4)], [(0, 2, 1), (0, 3, 2)])


@dataclass(frozen=True)
class Moving:
    """A body at even speed, turning about the vertical at an even rate."""

    place_m: tuple[float, float, float]
    velocity_mps: tuple[float, float, float]
    yaw_rad: float = 0.0
    spin_radps: float = 0.0


@dataclass(frozen=True)
class Straight:
    """Poses moving bodies without end; frame times are no different from others."""

    bodies: tuple[Moving, ...]
    shown: tuple[int, ...] = ()

    def at(self, time_s: float) -> FrameState:
        out = np.zeros((len(self.bodies), 3, 4))
        for k, body in enumerate(self.bodies):
            yaw = np.array([body.yaw_rad + body.spin_radps * time_s])
            out[k, :, :3] = matrix_from_quat(quat_from_euler(yaw, 0 * yaw, 0 * yaw))[0]
            out[k, :, 3] = np.add(body.place_m, np.multiply(body.velocity_mps, time_s))
        visible = np.array(self.shown or (1,) * len(self.bodies), np.uint8)
        bits = np.zeros(len(self.bodies), np.uint32)
        return FrameState(
            transforms=out.astype(np.float32), visible=visible, state=bits, time_s=time_s
        )


def _scene(*shapes):
    return scene(ground(cells=2), shapes, [(k + 1, k) for k in range(len(shapes))])


def _rolling(poser, made, camera, times=TIMES, readout_s=READOUT_S):
    return RollingPoser(poser, camera, readout_s, middles_of(made), times)


def _drawn(made, camera, state):
    renderer = RasterRenderer(made, camera, PLAIN)
    pixels = renderer.render(state)
    out = pixels.instance_id.copy(), pixels.depth_m.copy()
    renderer.close()
    return out


def _row_by_row(made, camera, poser, time_s):
    """Return ids and depths of a picture whose every row is drawn at the time it is read."""
    renderer = RasterRenderer(made, camera, PLAIN)
    ids, depths = np.empty(SIZE[::-1], np.uint32), np.empty(SIZE[::-1], np.float32)
    for y in range(SIZE[1]):
        late = ((y + 0.5) / SIZE[1] - 0.5) * READOUT_S
        pixels = renderer.render(poser.at(time_s + late))
        ids[y], depths[y] = pixels.instance_id[y], pixels.depth_m[y]
    renderer.close()
    return ids, depths


def _left_edges(ids, owner):
    """Column where a body begins, per row; -1 where it is not seen."""
    seen = ids == owner
    return np.where(seen.any(axis=1), seen.argmax(axis=1), -1)


def test_plane_that_moves_sideways_is_sheared_by_its_speed_times_the_readout():
    speed_mps, depth_m = -60.0, 10.0
    made = _scene(SHEET)
    poser = Straight((Moving((depth_m, 2.0, 3.0), (0, speed_mps, 0)),))
    rolled = _rolling(poser, made, AHEAD).at(FRAME_S)
    corners = SHEET.vertices_m @ rolled.transforms[0, :, :3].T + rolled.transforms[0, :, 3]
    pixels, _ = AHEAD.project(corners.astype(np.float64))
    rest, _ = AHEAD.project(SHEET.vertices_m + poser.at(FRAME_S).transforms[0, :, 3])
    px_per_s = -speed_mps * AHEAD.fx / depth_m
    expected = px_per_s * READOUT_S * (rest[:, 1] / SIZE[1] - 0.5)
    assert np.ptp(expected) > 10
    np.testing.assert_allclose(pixels[:, 0] - rest[:, 0], expected, atol=1e-3)
    np.testing.assert_allclose(pixels[:, 1], rest[:, 1], atol=1e-3)
    ids, _ = _drawn(made, AHEAD, rolled)
    truth, _ = _row_by_row(made, AHEAD, poser, FRAME_S)
    # the ground hides the foot of the sheet
    seen = _left_edges(truth, 1) >= 0
    assert seen.sum() >= SIZE[1] - 3
    off = _left_edges(ids, 1)[seen] - _left_edges(truth, 1)[seen]
    assert np.abs(off).max() <= 1
    assert np.abs(off).mean() < 0.1
    assert (ids != truth).sum() <= 4


CROSSING = {
    "car across": (box((4.4, 1.8, 1.5)), Moving((13, 2, 0), (0, -16.0, 0), yaw_rad=-1.57), 0.2),
    "bus ahead": (box((12.0, 2.5, 3.1)), Moving((20, -1, 0), (14.0, 2.0, 0), yaw_rad=0.14), 0.6),
    "car towards": (box((4.4, 1.8, 1.5)), Moving((16, 1, 0), (-20.0, 0, 0), yaw_rad=3.14), 0.2),
    "thrown up": (box((1.0, 1.0, 1.0)), Moving((24, 0, 3), (0, 9.0, 6.0)), 0.2),
    "turning": (box((4.4, 1.8, 1.5)), Moving((14, 1, 0), (2, -9.0, 0), spin_radps=1.0), 0.5),
    "close by": (box((2.2, 0.7, 1.6)), Moving((9, -1, 0), (0, 9.0, 0), yaw_rad=1.57), 0.2),
}
"""Shape, motion and the share of the unsheared picture's error in depth that may be left: what is
long and turns or recedes is sheared to first order only."""


@pytest.mark.parametrize("name", CROSSING)
def test_picture_and_depth_are_those_of_rows_drawn_one_by_one(name):
    shape, body, left = CROSSING[name]
    made, poser = _scene(shape), Straight((body,))
    truth, depth = _row_by_row(made, POLE, poser, FRAME_S)
    ids, seen = _drawn(made, POLE, _rolling(poser, made, POLE).at(FRAME_S))
    at_once, depth_at_once = _drawn(made, POLE, poser.at(FRAME_S))
    wrong, wrong_at_once = int((ids != truth).sum()), int((at_once != truth).sum())
    assert wrong_at_once >= 5
    # what is left are pixels whose centre lies on the outline
    assert wrong <= 0.3 * wrong_at_once
    both = (ids == 1) & (truth == 1) & (at_once == 1)
    moved = np.abs(depth_at_once[both] - depth[both]).mean()
    assert np.abs(seen[both] - depth[both]).mean() <= max(left * moved, 1e-4)


def test_what_stands_still_keeps_its_bytes_and_so_does_what_is_hidden_or_behind():
    shape = box()
    bodies = (
        Moving((20, 0, 0), (0, 0, 0)),
        Moving((20, 5, 0), (0, 8, 0)),
        Moving((-20, 0, 0), (0, 8, 0)),
        Moving((25, -4, 0), (0, 8, 0)),
    )
    made = _scene(shape, shape, shape, shape)
    poser = Straight(bodies, shown=(1, 1, 1, 0))
    now = poser.at(FRAME_S)
    rolled = _rolling(poser, made, POLE).at(FRAME_S)
    same = (rolled.transforms == now.transforms).all(axis=(1, 2))
    assert same.tolist() == [True, False, True, True]
    np.testing.assert_array_equal(rolled.visible, now.visible)


@dataclass(frozen=True)
class Turning:
    """A body whose speed changes at the middle frame."""

    before: Straight
    after: Straight

    def at(self, time_s: float) -> FrameState:
        return (self.before if time_s < FRAME_S else self.after).at(time_s)


def test_upper_rows_see_the_motion_before_and_lower_rows_that_after():
    high, low = (12.0, 0.0, 5.0), (12.0, 0.0, 1.0)
    speed, stopped = (0, -30.0, 0), (0, 0, 0)
    at_stop = [tuple(np.add(place, np.multiply(speed, FRAME_S))) for place in (high, low)]
    poser = Turning(
        Straight(tuple(Moving(place, speed) for place in (high, low))),
        Straight(tuple(Moving(place, stopped) for place in at_stop)),
    )
    made = _scene(box((1, 1, 0.2), base=False), box((1, 1, 0.2), base=False))
    state = _rolling(poser, made, AHEAD).at(FRAME_S)
    shift = state.transforms[:, 1, 3] - poser.at(FRAME_S).transforms[:, 1, 3]
    share = AHEAD.project(np.array(at_stop))[0][0, 1] / SIZE[1] - 0.5
    assert shift[0] == pytest.approx(-30.0 * share * READOUT_S, abs=1e-4)
    assert shift[1] == 0


@pytest.mark.parametrize("frame", [0, 2])
def test_ends_of_a_clip_are_sheared_as_the_middle_is(frame):
    made = _scene(box())
    poser = Straight((Moving((20, 0, 0), (0, 10, 0)),))
    rolled = _rolling(poser, made, POLE)
    turns = [rolled.at(TIMES[k]).transforms[0, :, :3] for k in (1, frame)]
    np.testing.assert_allclose(turns[1], turns[0], atol=2e-3)
    assert np.abs(turns[1] - np.eye(3)).max() > 3e-3


def test_a_single_frame_has_no_motion_to_be_sheared_by():
    made, poser = _scene(box()), Straight((Moving((20, 0, 0), (0, 10, 0)),))
    state = _rolling(poser, made, POLE, times=(0.0,)).at(0.0)
    np.testing.assert_array_equal(state.transforms, poser.at(0.0).transforms)


def test_flow_leads_to_where_the_next_frame_has_the_same_point():
    shape = box((4.4, 1.8, 1.5))
    made, poser = _scene(shape), Straight((Moving((18, 2, 0), (3, -16.0, 0), spin_radps=1.0),))
    rolled = _rolling(poser, made, POLE)
    renderer, bands = RasterRenderer(made, POLE, PLAIN), Bands(1)
    maker = ChannelMaker(renderer, SIZE[1], SIZE[0], EdgeConfig(), bands)
    now, following = rolled.at(0.0), rolled.at(FRAME_S)
    frame = maker.make(maker.render(now), now, following)
    rows, columns = np.nonzero(frame.instance_id == 1)
    pixels = np.stack([columns, rows], axis=1) + 0.5
    world = POLE.unproject(pixels, frame.depth_m[rows, columns].astype(np.float64))
    a, b = (s.transforms[0].astype(np.float64) for s in (now, following))
    body = np.linalg.solve(a[:, :3], (world - a[:, 3]).T).T
    expected, _ = POLE.project(body @ b[:, :3].T + b[:, 3])
    np.testing.assert_allclose(pixels + frame.flow_px[rows, columns], expected, atol=3e-3)
    bands.close()
    renderer.close()


def test_asking_in_another_order_gives_the_same_states():
    made, poser = _scene(box()), Straight((Moving((20, 0, 0), (0, 10, 0), spin_radps=2.0),))
    forward, back = _rolling(poser, made, POLE), _rolling(poser, made, POLE)
    first = {t: forward.at(t).transforms for t in TIMES}
    second = {t: back.at(t).transforms for t in reversed(TIMES)}
    for time_s in TIMES:
        np.testing.assert_array_equal(first[time_s], second[time_s])


def test_inner_poser_is_asked_once_per_frame():
    asked = []

    @dataclass(frozen=True)
    class Counting:
        inner: Straight

        def at(self, time_s: float) -> FrameState:
            asked.append(time_s)
            return self.inner.at(time_s)

    made = _scene(box())
    times = tuple(k * FRAME_S for k in range(6))
    rolled = _rolling(Counting(Straight((Moving((20, 0, 0), (0, 10, 0)),))), made, POLE, times)
    for time_s in times:
        rolled.at(time_s)
    assert sorted(asked) == list(times)


def test_bend_of_the_lens_decides_which_row_sees_a_part():
    bent = replace(POLE, distortion=(-0.25, 0.05, 0.0, 0.0, 0.0))
    made, poser = _scene(box((1, 1, 1))), Straight((Moving((10, 3, 0), (0, 12, 0)),))
    centre = poser.at(0.0).transforms[0, :, 3] + np.array([0, 0, 0.5])
    for camera in (POLE, bent):
        state = _rolling(poser, made, camera).at(0.0)
        middle = state.transforms[0, :, :3] @ [0, 0, 0.5] + state.transforms[0, :, 3]
        row = camera.project(middle.astype(np.float64))[0][1]
        late = (row / SIZE[1] - 0.5) * READOUT_S
        assert middle[1] - centre[1] == pytest.approx(12 * late, abs=2e-3)
    assert abs(camera.project(centre.astype(float))[0] - POLE.project(centre)[0]).max() > 0.5


@pytest.mark.parametrize(
    ("readout_s", "fps", "fine"),
    [(1 / 30, 30.0, True), (1 / 30, 25.0, True), (1 / 25, 30.0, False), (0.1, 10.0, True)],
)
def test_readout_must_end_before_the_next_frame(readout_s, fps, fine):
    if fine:
        check_readout(readout_s, fps)
        return
    with pytest.raises(ConfigError, match=r"lens\.shutter\.readout_s.*at most 0\.03333"):
        check_readout(readout_s, fps)


@pytest.mark.parametrize("angle", [0.0, 1e-6, 0.3, -0.3, 1.5, 3.0])
def test_rotation_vectors_undo_rodrigues(angle):
    axis = np.array([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]])
    turns = small_turns(axis * angle)
    np.testing.assert_allclose(_rotation_vectors(turns), axis * angle, atol=1e-7)


def test_the_shutter_alone_leaves_the_picture_to_the_plain_path():
    config = LensConfig(shutter=ShutterConfig())
    assert not config.colours
    assert LensConfig().shutter is None


@pytest.mark.parametrize(
    ("place_m", "shears"), [((0.6, -9.0, 0.0), False), ((0.6, 9.0, 2.0), False), ((9, 1, 0), True)]
)
def test_what_passes_beside_the_camera_is_not_thrown_across_the_picture(place_m, shears):
    """Rows change without bound there: a car below the pole became lines through the image."""
    made = _scene(box((4.4, 1.8, 1.5)))
    poser = Straight((Moving(place_m, (9.0, 4.0, 0)),))
    rolled = _rolling(poser, made, AHEAD).at(FRAME_S)
    shape, rest = (state.transforms[0, :, :3] for state in (rolled, poser.at(FRAME_S)))
    assert (np.abs(shape - rest).max() > 1e-4) == shears
    corners = made.prototypes[0].vertices_m @ shape.T
    assert np.abs(corners - made.prototypes[0].vertices_m).max() < 0.5
    ids, _ = _drawn(made, AHEAD, rolled)
    assert (ids == 1).any() == shears
