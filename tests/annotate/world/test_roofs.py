"""Roofs: covered area in closed form, eaves, ridges, overhangs, dormers, chimneys, parapets."""

import numpy as np
import pytest

from rareworld.annotate.world.kit import Kit
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import Soup, face_normals
from rareworld.annotate.world.roofs import Cover, flat, gable, hip, mansard
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.vehicle_samples import clusters, is_closed, names_in, of, points, span

OVER_M = 0.40
SIZES = [(10.0, 8.0), (14.0, 9.0), (22.0, 12.0)]
RISES = [1.5, 3.0, 4.5]


def cover(size=(14.0, 9.0), rise=3.5, eaves=6.0) -> Cover:
    return Cover(length_m=size[0], width_m=size[1], eaves_m=eaves, rise_m=rise,
                 roof="roof tiles", wall="brick red", trim="frame white")  # fmt: skip


def made_by(build, at: Cover, **more) -> Soup:
    kit = Kit(ClassId.BUILDING)
    build(kit, at, **more)
    return kit.soup()


def upper(corners: np.ndarray) -> np.ndarray:
    """Faces that look up and are not level."""
    normal = face_normals(corners)
    unit = normal[:, 2] / np.linalg.norm(normal, axis=1)
    return corners[(unit > 0.05) & (unit < 0.999)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rise", RISES)
def test_a_gable_covers_its_plan_with_its_overhang(size, rise):
    """Seen from above (L + 2o)(W + 2o); the slopes' area is that over the cosine of the pitch."""
    at = cover(size, rise)
    tiles = upper(of(made_by(gable, at, chimneys=0), "roof tiles"))
    plan = (size[0] + 2 * OVER_M) * (size[1] + 2 * OVER_M)
    assert face_normals(tiles)[:, 2].sum() / 2 == pytest.approx(plan)
    slope = np.linalg.norm(face_normals(tiles), axis=1).sum() / 2
    assert slope == pytest.approx(plan * np.hypot(1, rise / (size[1] / 2)))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rise", RISES)
def test_a_hip_covers_its_plan_from_all_four_sides(size, rise):
    at = cover(size, rise)
    tiles = upper(of(made_by(hip, at, chimneys=0), "roof tiles"))
    plan = (size[0] + 2 * OVER_M) * (size[1] + 2 * OVER_M)
    assert face_normals(tiles)[:, 2].sum() / 2 == pytest.approx(plan)
    assert np.allclose(face_normals(tiles)[:, :2].sum(axis=0), 0, atol=1e-9)
    ways = {tuple(np.sign(np.round(n[:2], 6)).tolist()) for n in face_normals(tiles)}
    assert ways == {(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)}


@pytest.mark.parametrize("roof", [gable, hip])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rise", RISES)
def test_pitched_roofs_pass_through_the_top_of_the_walls(roof, size, rise):
    """At the wall's edge the top of the tiles is at the eaves' height; the ridge is the rise up."""
    at = cover(size, rise)
    tiles = of(made_by(roof, at, chimneys=0), "roof tiles")
    assert span(tiles, 2)[1] == pytest.approx(at.eaves_m + rise)
    half = size[1] / 2
    low = at.eaves_m - rise * OVER_M / half
    assert points(upper(tiles))[:, 2].min() == pytest.approx(low)
    assert span(tiles, 1) == pytest.approx((-half - OVER_M, half + OVER_M))
    assert span(tiles, 0) == pytest.approx((-size[0] / 2 - OVER_M, size[0] / 2 + OVER_M))
    line = low + (at.eaves_m + rise - low) * OVER_M / (half + OVER_M)
    assert line == pytest.approx(at.eaves_m)


@pytest.mark.parametrize("roof", [gable, hip])
def test_slabs_of_tiles_are_closed_with_their_undersides(roof):
    tiles = of(made_by(roof, cover(), chimneys=0), "roof tiles")
    kit = Kit(ClassId.BUILDING)
    kit.add("roof tiles", tiles)
    assert is_closed(kit.soup())


@pytest.mark.parametrize("size", SIZES)
def test_gable_ends_are_triangles_of_wall_that_look_out(size):
    at = cover(size, 3.0)
    ends = of(made_by(gable, at, chimneys=0), "brick red")
    assert len(ends) == 2
    assert (face_normals(ends)[:, 0] * ends.mean(axis=1)[:, 0] > 0).all()
    assert np.abs(ends[..., 0]) == pytest.approx(size[0] / 2)
    assert span(ends, 2)[1] < at.eaves_m + at.rise_m
    tall = 3.0 - 0.16 + 0.2
    assert np.linalg.norm(face_normals(ends), axis=1) / 2 == pytest.approx(size[1] * tall / 2)


@pytest.mark.parametrize("roof", [gable, hip])
def test_gutters_hang_under_the_eaves_on_both_sides(roof):
    at = cover()
    zinc = of(made_by(roof, at, chimneys=0), "zinc")
    low = at.eaves_m - at.rise_m * OVER_M / (at.width_m / 2)
    eaves = zinc[np.abs(zinc[..., 1]).min(axis=1) > at.width_m / 2 + OVER_M - 1e-6]
    for side in (1, -1):
        mine = eaves[side * eaves[..., 1].mean(axis=1) > 0]
        assert len(mine)
        assert np.ptp(mine[..., 0]) == pytest.approx(at.length_m + 2 * OVER_M)
        assert span(mine, 2)[1] < low


@pytest.mark.parametrize("count", [0, 1, 2])
def test_chimneys_rise_over_the_ridge(count):
    at = cover()
    made = made_by(gable, at, chimneys=count)
    top = made.bounds_m[1][2]
    if not count:
        assert top == pytest.approx(at.eaves_m + at.rise_m)
    else:
        assert 0.4 < top - (at.eaves_m + at.rise_m) < 3.0
        stacks = made.corners_m[made.corners_m[..., 2].min(axis=1) > at.eaves_m + at.rise_m + 0.2]
        assert len(clusters(stacks, 0.5)) == count


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_dormers_stand_in_the_slope_on_both_sides_with_a_window_each(count):
    at = cover((18.0, 10.0), 4.0)
    made = made_by(gable, at, chimneys=0, dormers=count)
    panes = of(made, "window")
    assert len(panes) == 2 * 2 * count
    normal = face_normals(panes)
    assert (normal[:, 1] * panes.mean(axis=1)[:, 1] > 0).all()
    assert span(panes, 2)[0] > at.eaves_m
    assert span(panes, 2)[1] < at.eaves_m + at.rise_m
    assert np.abs(points(panes)[:, 1]).max() < at.width_m / 2
    assert np.abs(points(panes)[:, 0]).max() < at.length_m / 2
    for side in (1, -1):
        middle = np.sort(panes[side * panes[..., 1].mean(axis=1) > 0].mean(axis=1)[:, 0])
        assert np.allclose(middle, -middle[::-1], atol=0.3)


@pytest.mark.parametrize("rise", [1.0, 2.3])
def test_low_roofs_have_no_room_for_dormers(rise):
    assert "window" not in names_in(made_by(gable, cover(rise=rise), chimneys=0, dormers=3))


@pytest.mark.parametrize("size", SIZES)
def test_a_mansard_is_steep_below_and_flat_above(size):
    """70 degrees or steeper; the flat top is set back by the step and closes the plan."""
    at = cover(size, 3.0)
    made = made_by(mansard, at, chimneys=0)
    tiles = of(made, "roof tiles")
    normal = face_normals(tiles)
    unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    slope = tiles[(unit[:, 2] > 0.05) & (unit[:, 2] < 0.9)]
    steep = np.degrees(np.arccos(unit[(unit[:, 2] > 0.05) & (unit[:, 2] < 0.9)][:, 2]))
    assert (steep > 60).all()
    deck = of(made, "roof flat")
    step = min(0.9, 0.2 * size[1])
    assert span(deck, 2) == pytest.approx((9.0, 9.0))
    assert area_up(slope) + area_up(deck) == pytest.approx(size[0] * size[1])
    assert span(deck, 1)[1] == pytest.approx(size[1] / 2 - step)


def area_up(corners: np.ndarray) -> float:
    return float(np.clip(face_normals(corners)[:, 2], 0, None).sum() / 2)


@pytest.mark.parametrize("length", [6.0, 10.0, 21.0])
def test_dormers_of_a_mansard_stand_every_three_metres(length):
    made = made_by(mansard, cover((length, 11.0), 3.0), chimneys=0)
    panes = of(made, "window")
    assert len(panes) == 2 * 2 * int(length / 3.0)
    assert np.abs(points(panes)[:, 1]).max() < 5.5
    assert span(panes, 2)[0] > 6.0
    assert span(panes, 2)[1] < 9.0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [(5.0, 5.0), (12.0, 10.0), (30.0, 18.0)])
def test_flat_roofs_have_plant_within_their_parapet(seed, size):
    at = cover(size, 0.7, 12.0)
    kit = Kit(ClassId.BUILDING)
    flat(kit, at, np.random.default_rng(seed))
    made = kit.soup()
    deck = of(made, "roof flat")
    assert area_up(deck) == pytest.approx(size[0] * size[1])
    assert span(deck, 2) == pytest.approx((12.0, 12.0))
    top = points(made.corners_m)
    assert np.abs(top[:, 0]).max() <= size[0] / 2 + 0.05 + 1e-9
    assert np.abs(top[:, 1]).max() <= size[1] / 2 + 0.05 + 1e-9
    assert top[:, 2].max() < 12.0 + 5.2
    small = min(size) / 2 < 3.5
    assert ("steel" in names_in(made)) != small


def test_a_parapet_is_seventy_centimetres_all_around():
    kit = Kit(ClassId.BUILDING)
    flat(kit, cover((12.0, 10.0), 0.7, 12.0), np.random.default_rng(0))
    wall = of(kit.soup(), "brick red")
    outer = wall[
        (np.abs(wall[..., 0]).max(axis=1) > 5.9) | (np.abs(wall[..., 1]).max(axis=1) > 4.9)
    ]
    assert span(outer, 2) == pytest.approx((12.0, 12.7))
    rim = of(kit.soup(), "frame white")
    assert span(rim, 2) == pytest.approx((12.7, 12.77))
    for axis, half in ((0, 6.05), (1, 5.05)):
        assert span(rim, axis) == pytest.approx((-half, half))


@pytest.mark.parametrize("roof", [gable, hip, mansard])
@pytest.mark.parametrize("size", SIZES)
def test_roofs_are_symmetric_about_the_ridge(roof, size):
    """The tiles are their own mirror image on both axes."""
    tiles = points(of(made_by(roof, cover(size), chimneys=0), "roof tiles"))
    here = {tuple(p) for p in np.round(tiles, 5).tolist()}
    for flip in ([-1, 1, 1], [1, -1, 1]):
        there = {tuple(p) for p in (np.round(tiles * flip, 5) + 0.0).tolist()}
        assert {tuple(np.array(p) + 0.0) for p in here} == there


@pytest.mark.parametrize("roof", [gable, hip, mansard])
def test_only_eaves_and_downpipes_reach_below_the_top_of_the_walls(roof):
    at = cover()
    made = made_by(roof, at, chimneys=1)
    low = made.corners_m[..., 2].min(axis=1) < at.eaves_m - 0.6
    assert names_in(made) - {"zinc"} == names_in(
        Soup(corners_m=made.corners_m[~low], uv_m=made.uv_m[~low], material=made.material[~low],
             class_id=made.class_id[~low])
    ) - {"zinc"}  # fmt: skip
    assert set(made.material[low].tolist()) <= {material("zinc"), material("roof tiles")}
