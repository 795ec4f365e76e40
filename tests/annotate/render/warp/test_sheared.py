"""Parts sheared by a rolling shutter: the ray caster sees them as the rasteriser does."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.render.config import RendererKind
from rareworld.annotate.render.warp.upload import squares
from tests.annotate.render.warp.scenes import camera, drawn, town

LOOK = camera(240, 160)


@pytest.mark.parametrize("shear", [0.0, 0.02, 0.1])
def test_matrices_and_their_inverses_undo_each_other(shear) -> None:
    random = np.random.default_rng(1)
    _, now = town(1)
    turned = now.transforms.astype(np.float64)
    turned[:, :, :3] = (np.eye(3) + shear * random.normal(size=(len(turned), 3, 3))) @ turned[
        :, :, :3
    ]
    there, back = squares(turned)
    np.testing.assert_allclose(
        there.astype(float) @ back, np.tile(np.eye(4), (len(turned), 1, 1)), atol=1e-5
    )


def test_sheared_parts_are_seen_alike(kind) -> None:
    made, now = town(2)
    random = np.random.default_rng(5)
    sheared = now.transforms.copy()
    for k in range(len(sheared)):
        way, slope = random.normal(0, 0.3, 3) * [1, 1, 0.1], random.normal(0, 0.15, 3)
        sheared[k, :, :3] = (np.eye(3) + np.outer(way, slope)) @ sheared[k, :, :3]
    state = replace(now, transforms=sheared)
    rays, raster = (drawn(made, state, LOOK, one) for one in (kind, RendererKind.CPU))
    assert (rays.instance_id != raster.instance_id).sum() <= 3
    same = (rays.triangle == raster.triangle) & (raster.triangle >= 0)
    assert same.mean() > 0.5
    assert np.abs(rays.depth_m[same] - raster.depth_m[same]).max() < 0.01
    assert np.abs(rays.normal[same] - raster.normal[same]).max() < 1e-3
    plain = drawn(made, now, LOOK, RendererKind.CPU)
    assert (plain.instance_id != raster.instance_id).sum() > 20
