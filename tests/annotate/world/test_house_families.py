"""Buildings of every family in several variants: plots, foundations, eaves, glass, landmarks."""

from functools import cache

import numpy as np
import pytest

from rareworld.annotate.world.buildings import MANNERS, building
from rareworld.annotate.world.landmarks import LANDMARKS
from rareworld.annotate.world.materials import MATERIALS
from rareworld.annotate.world.mesh import Soup, face_normals
from rareworld.annotate.world.model import Inside
from rareworld.core.scene import Family
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.vehicle_samples import names_in, of, points, span

SIZES = {
    Family.OLD_TOWN: (12.0, 10.0, 12.0), Family.TERRACE: (20.0, 9.0, 9.0),
    Family.POST_WAR: (18.0, 11.0, 13.0), Family.OFFICE: (24.0, 14.0, 24.0),
    Family.CITY_BLOCK: (22.0, 13.0, 20.0), Family.SUBURBAN: (12.0, 10.0, 7.5),
    Family.FARMHOUSE: (14.0, 10.0, 8.0), Family.BARN: (22.0, 12.0, 8.0),
    Family.SHED: (36.0, 22.0, 7.6), Family.RETAIL: (36.0, 22.0, 7.6),
    Family.FUEL: (21.0, 21.0, 6.3), Family.SCHOOL: (48.0, 14.0, 10.0),
    Family.CHURCH: (28.0, 14.5, 36.0),
}  # fmt: skip
"""As the places of the library have them."""
VARIANTS = range(3)
EACH = [(family, k) for family in Family for k in VARIANTS]
HOUSES = [(family, k) for family, k in EACH if family in MANNERS]
each = pytest.mark.parametrize(("family", "variant"), EACH)
each_house = pytest.mark.parametrize(("family", "variant"), HOUSES)
GLASS = ("window", "shop window")
ROOFS = ("roof tiles", "roof brown", "roof slate", "zinc", "roof flat")


@cache
def house(family: Family, variant: int, *, plain: bool = False) -> Soup:
    return building(SIZES[family], int(family) + len(Family) * variant, plain=plain)


def test_sizes_are_told_for_every_family():
    assert set(SIZES) == set(Family)


@each
def test_nothing_hangs_far_over_the_plot(family, variant):
    """Cornices, eaves, bay windows and balconies reach at most 1.3 m out; canopies 2.3 m."""
    size, (low, high) = SIZES[family], house(family, variant).bounds_m
    most = 2.3 if family is Family.RETAIL else 1.3
    for axis in (0, 1):
        assert high[axis] <= size[axis] / 2 + most
        assert low[axis] >= -size[axis] / 2 - most


@each
def test_only_foundations_are_below_the_ground(family, variant):
    """Walls and steps go into the soil, as far as slopes ask for; glass and roofs never do."""
    shape = house(family, variant)
    assert -1.01 <= shape.bounds_m[0][2] <= 0.0
    for name in (*GLASS, *ROOFS, "frame white", "frame dark"):
        corners = of(shape, name)
        if len(corners):
            assert span(corners, 2)[0] > -0.41 if name.startswith("frame") else -0.001
    deep = shape.corners_m[shape.corners_m[..., 2].max(axis=1) <= 0]
    size = SIZES[family]
    inside = np.abs(deep[..., :2]) <= np.array(size[:2]) / 2 + 1.0
    assert inside.all()


@each_house
def test_houses_reach_their_height_but_for_chimneys_and_masts(family, variant):
    size, shape = SIZES[family], house(family, variant)
    tiles = of(shape, *ROOFS)
    assert 0.80 * size[2] < span(tiles, 2)[1] < size[2] + 4.9
    assert size[2] - 0.8 < shape.bounds_m[1][2] < size[2] + 4.9


@each_house
def test_roofs_begin_above_the_windows_of_the_walls(family, variant):
    """Flat faces of roof that cover the plan lie above the head of every window in a wall."""
    shape, size = house(family, variant), SIZES[family]
    glass = of(shape, *GLASS)
    half = np.array(size[:2]) / 2
    on_wall = np.abs(np.abs(glass.mean(axis=1)[:, :2]) - half).min(axis=1) < 0.35
    normal = face_normals(shape.corners_m)
    roof = shape.corners_m[(normal[:, 2] > 0.3 * np.linalg.norm(normal, axis=1))]
    wide = np.ptp(roof[..., 0], axis=1) > 0.9 * size[0]
    assert wide.any()
    assert roof[wide][..., 2].max() > glass[on_wall][..., 2].max()


@each_house
def test_windows_are_inside_the_walls_and_recessed(family, variant):
    """Panes of the walls lie 2 to 35 cm behind the wall's plane and off the house's corners."""
    shape, size = house(family, variant), SIZES[family]
    glass = of(shape, "window")
    normal = face_normals(glass)
    unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    middle = glass.mean(axis=1)
    found = 0
    for axis in (0, 1):
        half, other = size[axis] / 2, size[1 - axis] / 2
        for side in (1, -1):
            away = half - side * middle[:, axis]
            pane = (side * unit[:, axis] > 0.99) & (np.abs(away) < 0.35) & (away > 0)
            found += int(pane.sum())
            assert (np.abs(glass[pane][..., 1 - axis]) < other - 0.2).all()
            assert not len(glass[pane]) or away[pane].min() > 0.02
    assert found >= 8


@each
def test_upright_faces_of_glass_look_out_of_the_house(family, variant):
    """Away from the middle axis of the building that the pane belongs to."""
    shape = house(family, variant)
    glass = of(shape, *GLASS)
    if family in (Family.FUEL, Family.CHURCH) or not len(glass):
        return
    normal, middle, size = face_normals(glass), glass.mean(axis=1), SIZES[family]
    for axis in (0, 1):
        facing = np.abs(normal[:, axis]) > 0.99 * np.linalg.norm(normal, axis=1)
        outer = facing & (np.abs(middle[:, axis]) > 0.42 * size[axis])
        assert (normal[outer, axis] * middle[outer, axis] > 0).all()


@each_house
def test_windows_fill_a_usual_share_of_the_front(family, variant):
    """Of front to ridge: from a thirtieth (farmhouse) to three quarters (office, shops)."""
    shape, size = house(family, variant), SIZES[family]
    glass = of(shape, *GLASS)
    front = glass[(glass.mean(axis=1)[:, 1] > size[1] / 2 - 0.4)]
    area = np.clip(face_normals(front)[:, 1], 0, None).sum() / 2
    assert 1 / 30 < area / (size[0] * size[2]) < 0.75


@each
def test_variants_differ_and_repeat(family, variant):
    """Another variant is another house; the same one is the same bytes."""
    style = int(family) + len(Family) * variant
    again = building(SIZES[family], style)
    assert again.corners_m.tobytes() == house(family, variant).corners_m.tobytes()
    looks = {
        (house(family, k).corners_m.tobytes(), house(family, k).material.tobytes())
        for k in VARIANTS
    }
    assert len(looks) >= 2 or family in LANDMARKS


@each
def test_triangles_are_finite_of_one_class_and_no_slivers(family, variant):
    shape = house(family, variant)
    assert np.isfinite(shape.corners_m).all()
    assert np.isfinite(shape.uv_m).all()
    assert np.linalg.norm(face_normals(shape.corners_m), axis=1).min() > 0
    assert set(shape.class_id.tolist()) == {int(ClassId.BUILDING)}
    assert shape.size < 40_000


@each_house
def test_walls_and_roofs_are_of_the_manner_of_the_family(family, variant):
    """Chimneys are of brown brick on any house."""
    manner, found = MANNERS[family], names_in(house(family, variant))
    assert found & set(manner.walls)
    assert found & {*manner.covers, "roof flat", "zinc"}
    others = {wall for other in MANNERS.values() for wall in other.walls} - set(manner.walls)
    allowed = {*manner.trims, *manner.covers, *((manner.lintel and [manner.lintel]) or []),
               "stone", "concrete", "zinc", "panel", "brick brown"}  # fmt: skip
    assert found & others <= allowed


@each_house
def test_far_houses_have_no_bars_sills_or_balconies(family, variant):
    near, far = house(family, variant), house(family, variant, plain=True)
    assert far.size < near.size
    assert not names_in(far) & {"glass pane"}
    panes = [np.abs(face_normals(of(shape, *GLASS))[:, 1]).sum() for shape in (near, far)]
    assert panes[1] == pytest.approx(panes[0], rel=0.35)


def test_some_town_houses_have_shops_and_suburban_ones_never():
    shops = ["shop window" in names_in(house(Family.CITY_BLOCK, k)) for k in VARIANTS] + [
        "shop window" in names_in(house(Family.OLD_TOWN, k)) for k in VARIANTS
    ]
    assert any(shops)
    for family in (Family.SUBURBAN, Family.FARMHOUSE, Family.SCHOOL, Family.TERRACE):
        assert not any("shop window" in names_in(house(family, k)) for k in VARIANTS)


def test_glass_of_shops_and_of_rooms_shows_different_insides():
    inside = {made.name: made.inside for made in MATERIALS if made.name in GLASS}
    assert inside == {"window": Inside.ROOM, "shop window": Inside.SHOP}


@pytest.mark.parametrize("variant", VARIANTS)
def test_terraces_have_a_door_at_every_other_axis_of_the_front_only(variant):
    doors = of(house(Family.TERRACE, variant), "door")
    front = SIZES[Family.TERRACE][1] / 2
    assert (doors.mean(axis=1)[:, 1] > front - 0.2).all()
    at = np.unique(doors.mean(axis=1)[:, 0].round(0))
    assert len(at) >= 3


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_church_has_a_spire_to_its_height_over_a_tower_taller_than_the_nave(variant):
    shape, size = house(Family.CHURCH, variant), SIZES[Family.CHURCH]
    tip = points(shape.corners_m)[np.argmax(points(shape.corners_m)[:, 2])]
    assert tip[2] == pytest.approx(size[2])
    tower = shape.corners_m[shape.corners_m[..., 2].min(axis=1) > 0.5 * size[2]]
    assert len(tower)
    assert span(tower, 0)[1] < -size[0] / 2 + 7.0
    assert tip[0] == pytest.approx((span(tower, 0)[0] + span(tower, 0)[1]) / 2, abs=0.2)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_petrol_station_has_a_canopy_that_clears_lorries_over_pumps(variant):
    """At least 4.5 m clear under the canopy, four pumps or more, nothing of glass over them."""
    shape, size = house(Family.FUEL, variant), SIZES[Family.FUEL]
    white = of(shape, "fascia white")
    wide = np.ptp(white[..., 0], axis=1) > 0.9 * size[0]
    canopy = white[wide]
    assert span(canopy, 2)[0] > 4.5
    pumps = of(shape, "fascia black")
    low = pumps[pumps[..., 2].max(axis=1) < 1.6]
    places = np.unique((low.mean(axis=1)[:, :2] / 2.0).round(0), axis=0)
    assert len(places) >= 4
    assert (low[..., 1] > -0.2 * size[1]).all()


@pytest.mark.parametrize("family", [Family.BARN, Family.SHED])
@pytest.mark.parametrize("variant", VARIANTS)
def test_barns_and_sheds_have_a_gable_to_their_height_and_doors_to_the_front(family, variant):
    shape, size = house(family, variant), SIZES[family]
    assert shape.bounds_m[1][2] == pytest.approx(size[2], abs=1e-6)
    assert shape.bounds_m[0][2] == pytest.approx(-1.0)
    ahead = shape.corners_m[shape.corners_m[..., 1].min(axis=1) >= size[1] / 2 - 1e-9]
    low = ahead[(ahead[..., 2].max(axis=1) < 4.3) & (ahead[..., 2].min(axis=1) >= 0)]
    assert len(low) >= 10


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_box_shop_is_glazed_to_the_front_under_a_wide_fascia(variant):
    shape, size = house(Family.RETAIL, variant), SIZES[Family.RETAIL]
    glass = of(shape, "shop window")
    assert (glass.mean(axis=1)[:, 1] > size[1] / 2 - 0.5).all()
    assert (face_normals(glass)[:, 1] > 0).all()
    assert span(glass, 2)[1] < size[2] - 0.7
    assert np.ptp(glass[..., 0]) > 0.6 * size[0]


@pytest.mark.parametrize("family", [f for f in Family if f in MANNERS])
def test_blind_ends_have_no_glass_and_free_ones_keep_theirs(family):
    size, style = SIZES[family], int(family)
    for blind, sides in (((True, True), ()), ((True, False), (-1,)), ((False, True), (1,))):
        shape = building(size, style, blind=blind)
        glass = of(shape, *GLASS)
        middle, normal = glass.mean(axis=1), face_normals(glass)
        ends = (np.abs(middle[:, 0]) > size[0] / 2 - 0.4) & (
            np.abs(normal[:, 0]) > 0.9 * np.linalg.norm(normal, axis=1)
        )
        assert set(np.sign(middle[ends, 0]).tolist()) == {float(side) for side in sides}
