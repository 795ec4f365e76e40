"""Labels of the ray caster against the rasteriser, which shares no code of visibility with it."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.render.config import RendererKind
from rareworld.annotate.render.tiles import TILE
from rareworld.core.taxonomy import ClassId
from rareworld.errors import CameraError
from tests.annotate.render.warp.scenes import (
    box,
    camera,
    drawn,
    ground,
    mesh,
    plain,
    renderer,
    state,
    town,
)

LOOK = camera(240, 160)
TIES_PER_COLUMN = 20 / 1920
"""Pixels whose owner may differ: rays through an edge, whose number grows with the width."""


def _allowed(pixels) -> int:
    return int(np.ceil(TIES_PER_COLUMN * pixels.class_id.shape[1]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_renderers_see_the_same_things_at_the_same_depth(kind, seed) -> None:
    made, now = town(seed)
    rays, raster = (drawn(made, now, LOOK, one) for one in (kind, RendererKind.CPU))
    assert (rays.instance_id != raster.instance_id).sum() <= _allowed(rays)
    assert (rays.class_id != raster.class_id).sum() <= _allowed(rays)
    same = (rays.triangle == raster.triangle) & (raster.triangle >= 0)
    assert same.mean() > 0.5
    assert (rays.triangle != raster.triangle).mean() < 1e-3
    assert np.abs(rays.depth_m[same] - raster.depth_m[same]).max() < 0.01
    assert np.abs(rays.normal[same] - raster.normal[same]).max() < 1e-3


def test_sky_is_labelled_as_the_rasteriser_does(kind) -> None:
    made, now = town(4)
    rays, raster = (drawn(made, now, LOOK, one) for one in (kind, RendererKind.CPU))
    sky = rays.triangle < 0
    assert sky.any()
    assert np.array_equal(sky, raster.triangle < 0)
    assert np.isinf(rays.depth_m[sky]).all()
    assert not rays.normal[sky].any()
    assert (rays.class_id[sky] == ClassId.SKY).all()
    assert not rays.instance_id[sky].any()


def test_what_is_nearer_than_the_near_plane_is_not_seen(kind) -> None:
    # a pane half a metre before the camera
    pane = mesh(
        [(-8.6, -9, 3), (-8.6, -5, 3), (-8.6, -5, 7), (-8.6, -9, 7)], [(0, 1, 2), (0, 2, 3)]
    )
    made = plain(ground(material=0), [pane], [(7, 0)])
    now = state((0, 0, 0, 0))
    for near_m, seen in ((0.1, True), (3.0, False)):
        rays, raster = (
            drawn(made, now, LOOK, one, near_m=near_m) for one in (kind, RendererKind.CPU)
        )
        assert (rays.instance_id == 7).any() == seen
        assert (rays.instance_id != raster.instance_id).sum() <= _allowed(rays)


def test_moving_hiding_and_showing_are_followed(kind) -> None:
    made = plain(ground(material=0), [box()], [(1, 0), (2, 0)])
    one = renderer(made, LOOK, kind)
    raster = renderer(made, LOOK, RendererKind.CPU)
    frames = [
        state((0, 0, 0, 0), (4, 0, 0, 1)),
        state((0.5, 0.2, 0, 0.1), (4, 0, 0, 1)),
        state((0.5, 0.2, 0, 0.1), (4, 0, 0, 1), visible=[0, 1]),
        state((0.5, 0.2, 0, 0.1), (4, 1, 0, 1.5), visible=[1, 1]),
    ]
    for now in frames:
        a, b = one.render(now), raster.render(now)
        assert (a.instance_id != b.instance_id).sum() <= _allowed(a)
        prints, others = one.footprints(), raster.footprints()
        assert np.array_equal(prints.total_px, others.total_px)
        assert np.array_equal(prints.loose_box, others.loose_box)
    one.close()
    raster.close()


def test_tiles_not_marked_as_changed_are_the_same(kind) -> None:
    made = plain(ground(material=0), [box()], [(1, 0)])
    one = renderer(made, LOOK, kind)
    before = one.render(state((0, 0, 0, 0)))
    assert before.changed.all()
    old = [before.rgb.copy(), before.depth_m.copy(), before.triangle.copy()]
    now = one.render(state((1.0, 0, 0, 0.2)))
    assert 0 < now.changed.mean() < 1
    wide = np.kron(now.changed, np.ones((TILE, TILE), bool))[: LOOK.height, : LOOK.width]
    for a, b in zip(old, [now.rgb, now.depth_m, now.triangle], strict=True):
        differ = a != b if a.ndim == 2 else (a != b).any(axis=2)
        assert not (differ & ~wide).any()
        assert (differ & wide).any()
    one.close()


def test_a_world_far_from_its_origin_is_seen_as_well(kind) -> None:
    shift = np.array([40_000.0, -25_000.0, 120.0])
    made, now = town(5)
    far = replace(
        made,
        static=replace(made.static, vertices_m=(made.static.vertices_m + shift).astype(np.float32)),
    )
    moved = now.transforms.copy()
    moved[:, :, 3] += shift
    there = replace(LOOK, position_m=tuple(np.array(LOOK.position_m) + shift))
    rays, raster = (
        drawn(far, replace(now, transforms=moved), there, one) for one in (kind, RendererKind.CPU)
    )
    assert (rays.instance_id != raster.instance_id).sum() <= _allowed(rays)
    same = (rays.triangle == raster.triangle) & (raster.triangle >= 0)
    assert np.abs(rays.depth_m[same] - raster.depth_m[same]).max() < 0.01


def test_a_camera_that_sees_only_sky_is_refused(kind) -> None:
    up = camera(32, 24, position=(0, 0, 5), target=(0.0, 1.0, 500.0))
    with pytest.raises(CameraError, match="only sky"):
        renderer(plain(ground(material=0)), up, kind)
