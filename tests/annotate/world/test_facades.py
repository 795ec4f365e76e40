"""Facades: walls less openings, recessed panes, frames, sills, balconies, doors and shops."""

import numpy as np
import pytest

from rareworld.annotate.world.facades import (
    Glazing,
    Openings,
    balconies,
    bays,
    door,
    glaze,
    pierced,
    shop_front,
    shutters,
    storeys,
)
from rareworld.annotate.world.kit import Kit
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import Soup, face_normals
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.vehicle_samples import is_closed, names_in, of, points, span

LENGTHS = [1.0, 3.2, 7.5, 12.0, 24.5]
BAYS = [2.35, 2.6, 3.0, 4.6]


def made_by(build) -> Soup:
    kit = Kit(ClassId.BUILDING)
    build(kit)
    return kit.soup()


def windows(count: int = 3, floors: int = 2) -> Openings:
    return storeys(bays(3.0 * count + 1, 3.0), 1.2, 3.0 * np.arange(floors), 0.9, 1.5)


def area(corners: np.ndarray) -> float:
    return float(np.linalg.norm(face_normals(corners), axis=1).sum() / 2)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("bay", BAYS)
def test_bays_are_symmetric_and_their_pitch_is_near_the_one_asked_for(length, bay):
    axes = bays(length, bay)
    assert np.allclose(axes, -axes[::-1])
    if len(axes) > 1:
        pitch = np.diff(axes)
        assert np.allclose(pitch, pitch[0])
        assert 0.75 * bay < pitch[0] < 1.4 * bay
        assert pitch[0] * len(axes) == pytest.approx(length - 1.0)
    if length < 0.7 * bay:
        assert not len(axes)


def test_storeys_repeat_a_row_on_every_floor():
    made = storeys(np.array([-2.0, 0.0, 2.0]), 1.0, np.array([0.0, 3.0]), 0.9, 1.4)
    assert made.count == 6
    assert made.low_m.tolist() == pytest.approx([0.9] * 3 + [3.9] * 3)
    assert made.high_m - made.low_m == pytest.approx(np.full(6, 1.4))
    assert made.right_m - made.left_m == pytest.approx(np.full(6, 1.0))
    assert made.left_m[:3].tolist() == pytest.approx([-2.5, -0.5, 1.5])


def test_openings_are_picked_by_mask_or_index():
    made = windows()
    mask = np.arange(made.count) % 2 == 0
    assert made.picked(mask).count == mask.sum()
    assert made.picked(np.flatnonzero(mask)).left_m.tolist() == made.picked(mask).left_m.tolist()


@pytest.mark.parametrize("count", [0, 1, 2, 5])
@pytest.mark.parametrize("span_m", [(0.0, 3.0), (-1.0, 3.4), (0.9, 2.4)])
def test_walls_are_their_rectangle_less_the_openings(count, span_m):
    """Area in closed form, all faces look along +x, nothing lies over an opening."""
    length = 14.0
    row = storeys(bays(3.0 * count + 1, 3.0)[:count], 1.2, np.array([0.0]), 0.9, 1.5)
    wall = made_by(lambda kit: pierced(kit, "brick red", length, span_m, row))
    holes = row.count * 1.2 * 1.5
    assert area(wall.corners_m) == pytest.approx(length * (span_m[1] - span_m[0]) - holes)
    assert (face_normals(wall.corners_m)[:, 0] > 0).all()
    middle = wall.corners_m.mean(axis=1)
    for left, right in zip(row.left_m, row.right_m, strict=True):
        over = (middle[:, 1] > left) & (middle[:, 1] < right)
        assert not (over & (middle[:, 2] > 0.9) & (middle[:, 2] < 2.4)).any()
    assert span(wall.corners_m, 1) == pytest.approx((-length / 2, length / 2))
    assert span(wall.corners_m, 2) == pytest.approx(span_m)


@pytest.mark.parametrize("depth", [0.02, 0.16, 0.32])
def test_panes_are_recessed_by_the_depth_and_reveals_close_the_gap(depth):
    """Wall with holes, reveals and panes together are one surface: its projection is the wall's."""
    row = windows(3, 1)
    how = Glazing(wall="brick red", depth_m=depth, plain=True)
    glass = made_by(lambda kit: glaze(kit, row, how))
    panes = of(glass, "window")
    assert panes[..., 0] == pytest.approx(-depth)
    assert area(panes) == pytest.approx(3 * 1.2 * 1.5)
    reveals = of(glass, "brick red")
    assert area(reveals) == pytest.approx(3 * 2 * depth * (1.2 + 1.5))
    assert span(reveals, 0) == pytest.approx((-depth, 0.0))
    normal = face_normals(reveals)
    assert np.allclose(normal[:, 0], 0)
    assert np.allclose(normal.sum(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("depth", [0.05, 0.2])
def test_reveals_look_into_the_opening(depth):
    row = windows(1, 1)
    glass = made_by(lambda kit: glaze(kit, row, Glazing(wall="stone", depth_m=depth, plain=True)))
    reveals = of(glass, "stone")
    centre = np.array([0.0, (row.left_m + row.right_m)[0] / 2, (row.low_m + row.high_m)[0] / 2])
    to_middle = centre - reveals.mean(axis=1)
    to_middle[:, 0] = 0
    assert (np.einsum("fd,fd->f", to_middle, face_normals(reveals)) > 0).all()


@pytest.mark.parametrize("bars", [(1, 1), (2, 1), (2, 2), (3, 2), (4, 1)])
def test_frames_and_bars_stand_just_before_the_panes(bars):
    """(across + 1) + (up + 1) strips of 7 cm, 2 cm before the glass, within the opening."""
    row = windows(2, 2)
    how = Glazing(wall="stone", frame="frame dark", depth_m=0.16, bars=bars, sill=None)
    frame = of(made_by(lambda kit: glaze(kit, row, how)), "frame dark")
    strips = bars[0] + bars[1] + 2
    assert len(frame) == 2 * strips * row.count
    assert frame[..., 0] == pytest.approx(-0.14)
    expected = row.count * 0.07 * ((bars[0] + 1) * 1.5 + (bars[1] + 1) * 1.2)
    assert area(frame) == pytest.approx(expected)
    assert span(frame, 1) == pytest.approx((row.left_m.min(), row.right_m.max()))
    assert span(frame, 2) == pytest.approx((row.low_m.min(), row.high_m.max()))


def test_sills_and_lintels_are_closed_and_throw_water_off_the_wall():
    """A sill stands out, is wider than its window and ends below it; a lintel sits on top."""
    row = windows(1, 1)
    how = Glazing(wall="brick red", frame="frame dark", sill="stone", lintel="concrete")
    made = made_by(lambda kit: glaze(kit, row, how))
    sill, lintel = of(made, "stone"), of(made, "concrete")
    assert span(sill, 0)[1] > 0.05
    assert span(sill, 2)[1] == pytest.approx(row.low_m[0])
    assert span(sill, 1)[0] < row.left_m[0]
    assert span(sill, 1)[1] > row.right_m[0]
    assert span(lintel, 2)[0] == pytest.approx(row.high_m[0])
    kit = Kit(ClassId.BUILDING)
    kit.add("stone", sill)
    kit.add("concrete", lintel)
    assert is_closed(kit.soup())


def test_far_windows_have_panes_and_reveals_only():
    row = windows()
    made = made_by(lambda kit: glaze(kit, row, Glazing(wall="stone", plain=True, lintel="zinc")))
    assert names_in(made) == {"stone", "window"}
    assert made.size == 2 * 5 * row.count


def test_no_openings_no_glass():
    kit = Kit(ClassId.BUILDING)
    none = windows().picked(np.zeros(6, dtype=bool))
    glaze(kit, none, Glazing(wall="stone"))
    balconies(kit, none, "concrete", "steel dark")
    assert kit.faces == {}


def test_shutters_are_half_a_window_wide_beside_it_and_as_tall():
    row = windows(1, 1)
    made = made_by(lambda kit: shutters(kit, row, "wood"))
    assert made.size == 2 * 12
    left = made.corners_m[made.corners_m[..., 1].max(axis=1) < row.left_m[0]]
    right = made.corners_m[made.corners_m[..., 1].min(axis=1) > row.right_m[0]]
    assert len(left) == len(right) == 12
    for leaf in (left, right):
        assert np.ptp(leaf[..., 1]) == pytest.approx(0.6)
        assert span(leaf, 2) == pytest.approx((0.9, 2.4))
    assert is_closed(made)


@pytest.mark.parametrize("reach", [0.8, 1.1, 1.6])
@pytest.mark.parametrize("rail", ["steel dark", "glass pane", "frame white"])
def test_balconies_have_a_slab_below_the_door_and_a_rail_of_a_metre(reach, rail):
    """Building codes ask for 0.9 to 1.1 m of rail above the slab; the slab is the farthest out."""
    row = windows(3, 1)
    made = made_by(lambda kit: balconies(kit, row, "concrete", rail, reach))
    slab = of(made, "concrete")
    assert span(slab, 0)[1] == pytest.approx(reach)
    assert span(slab, 2)[1] == pytest.approx(float(row.low_m[0]) - 0.9)
    top = span(made.corners_m, 2)[1] - span(slab, 2)[1]
    assert 0.9 < top < 1.1
    assert span(made.corners_m, 0)[1] <= reach + 0.02 + 1e-9
    wide = span(slab, 1)
    assert wide[0] == pytest.approx(row.left_m.min() - 0.5)
    assert wide[1] == pytest.approx(row.right_m.max() + 0.5)
    assert is_closed(made)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_doors_stand_on_their_steps(steps):
    """16 cm a step (DIN 18065: 14 to 20), leaf 2.1 m tall, canopy over it, steps into the soil."""
    made = made_by(lambda kit: door(kit, 1.5, Glazing(wall="stone"), steps=steps))
    leaf = of(made, "door")
    assert span(leaf, 2) == pytest.approx((0.16 * steps, 0.16 * steps + 2.1))
    assert (leaf[..., 1].min() + leaf[..., 1].max()) / 2 == pytest.approx(1.5)
    stairs = of(made, "concrete")
    levels = np.unique(np.round(points(stairs)[:, 2], 6))
    assert levels.tolist() == pytest.approx([-0.4, *(0.16 * (k + 1) for k in range(steps))])
    canopy = of(made, "zinc")
    assert span(canopy, 2)[0] > span(leaf, 2)[1]
    assert span(canopy, 0)[1] < 1.0


def test_each_step_is_a_tread_deep():
    """The higher a step the less it reaches out: by 32 cm each."""
    stairs = of(made_by(lambda kit: door(kit, 0.0, Glazing(wall="stone"), steps=3)), "concrete")
    for k in range(3):
        top = 0.16 * (k + 1)
        body = stairs[np.abs(stairs[..., 2] - top).min(axis=1) < 1e-9]
        assert span(body, 0)[1] == pytest.approx(0.32 * (3 - k))


@pytest.mark.parametrize("length", [2.0, 8.0, 14.0, 26.0])
@pytest.mark.parametrize("seed", range(4))
def test_shop_fronts_have_large_panes_under_fascias(length, seed):
    rng = np.random.default_rng(seed)
    made = made_by(lambda kit: shop_front(kit, length, 3.9, "stone", rng, plain=False))
    assert span(of(made, "stone"), 2) == pytest.approx((-0.6, 3.9))
    axes = bays(length, 4.6, 0.3)
    if not len(axes):
        assert names_in(made) == {"stone"}
        return
    glass = of(made, "shop window")
    assert span(glass, 2)[0] >= 0.2
    assert span(glass, 2)[1] <= 2.75 + 1e-9
    assert span(glass, 0)[1] < 0
    inside = points(glass)[:, 1]
    assert np.abs(inside).max() < length / 2
    share = np.clip(face_normals(glass)[:, 0], 0, None).sum() / 2 / (length * 2.75)
    assert 0.4 < share < 1.05
    fascias = [name for name in names_in(made) if name.startswith("fascia")]
    assert len(fascias) >= 2


@pytest.mark.parametrize("seed", range(6))
def test_nothing_of_a_shop_hangs_low_over_the_pavement(seed):
    """What stands out more than 20 cm is above 2.0 m (awnings, signs)."""
    rng = np.random.default_rng(seed)
    made = made_by(lambda kit: shop_front(kit, 22.0, 3.9, "stone", rng, plain=False))
    out = made.corners_m[made.corners_m[..., 0].max(axis=1) > 0.20]
    assert not len(out) or out[..., 2].min() > 2.0
    assert span(made.corners_m, 0)[1] < 1.5
    assert span(made.corners_m, 2)[1] <= 3.9


def test_far_shops_are_the_near_ones_with_less_on_them():
    """Same colours at the same places; letters, awnings and bars are left out."""
    near, far = (
        made_by(lambda kit, p=plain: shop_front(
            kit, 14.0, 3.9, "stone", np.random.default_rng(0), plain=p))
        for plain in (False, True)
    )  # fmt: skip
    assert far.size < near.size
    assert {name for name in names_in(far) if name.startswith("fascia")} <= set(names_in(near))
    assert any(name.startswith("fascia") for name in names_in(far))
    assert material("shop window") in far.material


@pytest.mark.parametrize("plain", [True, False])
def test_shops_follow_their_random_stream(plain):
    one, two, other = (
        made_by(lambda kit, s=s: shop_front(
            kit, 20.0, 3.9, "stone", np.random.default_rng(s), plain=plain)).corners_m
        for s in (1, 1, 2)
    )  # fmt: skip
    assert one.tobytes() == two.tobytes()
    assert plain or one.tobytes() != other.tobytes()
