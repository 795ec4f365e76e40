"""Frames keep their pixels while anybody holds them, and give their memory back afterwards."""

from dataclasses import fields

import numpy as np
import pytest

from rareworld.annotate.labels.channels import ChannelMaker, EdgeConfig
from rareworld.annotate.labels.store import Canvas, FrameStore
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.raster_renderer import RasterRenderer
from tests.annotate.render.shapes import box, camera, ground, scene, sphere, state

LOOK = camera(112, 80)
SIZE = (LOOK.width, LOOK.height)


def _states(count=8):
    return [
        state((-3 + 0.7 * k, -1, 0, 0.2 * k), (2, 1 - 0.3 * (k % 3), 0.7, 0)) for k in range(count)
    ]


def _frames(states):
    """Return the store of a run, and its frames one by one."""
    made = scene(ground(), [box((3, 1.5, 1.2)), sphere(0.7, rings=8)], [(1, 0), (2, 1)])
    renderer = RasterRenderer(made, LOOK, RenderConfig(shadow_size=128))
    maker = ChannelMaker(renderer, LOOK.height, LOOK.width, EdgeConfig(), Bands(2))
    pairs = zip(states, [*states[1:], None], strict=True)
    return maker._store, (maker.make(maker.render(now), now, then) for now, then in pairs)


def _bytes(frame):
    return [getattr(frame, field.name).tobytes() for field in fields(frame)]


def test_held_frames_do_not_change():
    held, copies = [], []
    store, frames = _frames(_states())
    for frame in frames:
        held.append(frame)
        copies.append(_bytes(frame))
    assert [_bytes(frame) for frame in held] == copies
    assert len(store._blocks) == len(held)


def test_reused_memory_gives_the_same_bytes_in_two_blocks():
    """Blocks that skipped frames are brought up to date from the last one."""
    kept = list(_frames(_states())[1])
    store, frames = _frames(_states())
    again = [_bytes(frame) for frame in frames]
    assert again == [_bytes(frame) for frame in kept]
    assert len(store._blocks) == 2


@pytest.mark.parametrize("holder", ["rgb", "flow_px", "edges"])
def test_one_array_of_a_frame_keeps_its_memory(holder):
    store, frames = _frames(_states(5))
    arrays = (getattr(frame, holder) for frame in frames)
    kept = [(array, array.tobytes()) for array in arrays]
    assert all(array.tobytes() == content for array, content in kept)
    assert len(store._blocks) == 5


def test_memory_of_dropped_frames_is_used_again():
    store, frames = _frames(_states(6))
    burst = [next(frames) for _ in range(3)]
    burst.clear()
    assert all(frame.rgb.any() for frame in frames)
    assert len(store._blocks) == 3


def test_slices_and_views_keep_memory_too():
    store = FrameStore(SIZE, Bands(1))
    first = store.next()
    first.depth_m[:] = 7.0
    part = first.depth_m[10:20].view(np.uint32)
    before = part.copy()
    del first
    for _ in range(4):
        canvas = store.next()
        canvas.depth_m[:] = 9.0
        store.changed(*[np.ones((5, 7), bool)] * 3)
    np.testing.assert_array_equal(part, before)


def test_channels_do_not_overlap_and_are_aligned():
    canvas = FrameStore(SIZE, Bands(1)).next()
    for k, array in enumerate(canvas):
        array.view(np.uint8)[:] = k + 1
    for k, array in enumerate(canvas):
        assert (array.view(np.uint8) == k + 1).all()
        assert array.flags.c_contiguous
        assert array.ctypes.data % 16 == 0
        assert array.shape[:2] == (LOOK.height, LOOK.width)
    assert canvas.target.rgb is canvas.rgb
    assert [a.dtype.name for a in canvas] == [
        "uint8", "float32", "float32", "uint8", "uint32", "bool", "float32",
    ]  # fmt: skip


def test_only_stale_tiles_are_copied():
    """The store trusts the list of changed tiles: what is not in it stays as it was."""
    store = FrameStore(SIZE, Bands(1))
    one = store.next()
    one.class_id[:] = 1
    two = store.next()
    assert (two.class_id == 1).all()
    two.class_id[:16, :16] = 2
    marked = np.zeros((5, 7), bool)
    marked[0, 0] = True
    store.changed(marked, marked, marked)
    one.class_id[40, 40] = 9
    del one
    three = store.next()
    assert (three.class_id[:16, :16] == 2).all()
    assert three.class_id[40, 40] == 9
    assert isinstance(three, Canvas)


def test_colours_and_labels_and_edges_are_copied_apart():
    store = FrameStore(SIZE, Bands(1))
    one = store.next()
    one.rgb[:], one.class_id[:], one.flow_px[:] = 1, 1, 1
    two = store.next()
    two.rgb[:], two.class_id[:], two.flow_px[:] = 2, 2, 2
    here, there, nowhere = (np.zeros((5, 7), bool) for _ in range(3))
    here[0, 0] = there[1, 1] = True
    store.changed(nowhere, here, there)
    del one
    three = store.next()
    assert (three.class_id[:16, :16] == 2).all()
    assert (three.class_id[16:32, 16:32] == 1).all()
    assert (three.rgb[16:32, 16:32] == 2).all()
    assert (three.rgb[:16, :16] == 1).all()
    assert (three.flow_px == 1).all()
