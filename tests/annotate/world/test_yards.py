"""Yards: courts in closed form, bays of car parks, drives, filled corners, fields."""

import numpy as np
import pytest
import shapely

from rareworld.annotate.world.materials import MATERIALS
from rareworld.annotate.world.roads import Yard
from rareworld.annotate.world.yards import (
    COURTS,
    _bays,
    _by_material,
    _closed,
    _court,
    _drive,
    _ragged,
    make_yards,
    rectangle,
)
from rareworld.core.scene import Family, Prop, PropKind
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.test_world_places import road_of

SIZE = (20.0, 12.0, 9.0)


def house(family: Family, *, x: float = 0.0, yaw: float = 0.0, variant: int = 0, number=10_000):
    return Prop(id=number, kind=PropKind.BUILDING, position_m=(x, 0.0, 0.0), yaw_rad=yaw,
                size_m=SIZE, style=int(family) + variant * len(Family))  # fmt: skip


@pytest.mark.parametrize("yaw", [0.0, 0.7, np.pi / 2, -2.5])
def test_rectangles_turn_with_their_prop(yaw):
    """Corners by complex numbers: (x + iy) e^(i yaw) + place."""
    prop = house(Family.OFFICE, x=30.0, yaw=yaw)
    made = rectangle(prop, (-2.0, -1.0), (4.0, 3.0))
    corners = np.array([-2 - 1j, 4 - 1j, 4 + 3j, -2 + 3j]) * np.exp(1j * yaw) + 30.0
    expected = shapely.Polygon(np.column_stack([corners.real, corners.imag]))
    assert made.symmetric_difference(expected).area < 1e-9
    assert made.area == pytest.approx(24.0)


@pytest.mark.parametrize("family", sorted(COURTS))
def test_courts_have_their_area_and_reach_farthest_to_the_front(family):
    prop, court = house(family), COURTS[family]
    made = _court(prop, court)
    x0, y0, x1, y1 = made.bounds
    assert (x0, x1) == pytest.approx((-10 - court.side_m, 10 + court.side_m))
    assert (y0, y1) == pytest.approx((-6 - court.back_m, 6 + court.front_m))
    assert court.front_m >= court.back_m
    assert court.front_m >= court.side_m


@pytest.mark.parametrize("family", sorted(COURTS))
def test_materials_of_courts_are_known(family):
    assert COURTS[family].material in {made.name for made in MATERIALS}


def test_courts_of_towns_join_and_those_of_the_country_do_not():
    joined = {family for family, court in COURTS.items() if court.joins}
    assert joined == {Family.OLD_TOWN, Family.CITY_BLOCK, Family.OFFICE, Family.CHURCH}


@pytest.mark.parametrize("family", [Family.RETAIL, Family.SHED])
def test_parking_bays_are_those_of_car_parks(family):
    """Lines every 2.6 m, 4.8 m long (RASt 06: 2.5 and 5.0 m), two rows before the front."""
    lines = _bays([house(family)])
    area = shapely.union_all(lines)
    assert area.bounds[1] > SIZE[1] / 2
    short = [line for line in lines if np.ptp(np.array(line.exterior.coords)[:, 0]) < 0.2]
    per_row = int(np.ceil(SIZE[0] / 2.6))
    assert len(short) == 2 * per_row
    x = np.unique([round(line.centroid.x, 4) for line in short])
    assert np.diff(x) == pytest.approx(np.full(per_row - 1, 2.6))
    assert all(np.ptp(np.array(line.exterior.coords)[:, 1]) == pytest.approx(4.8) for line in short)
    rows = sorted({round(line.bounds[1], 3) for line in short})
    assert rows[1] - (rows[0] + 4.8) == pytest.approx(6.0), "an aisle of 6 m between the rows"


def test_other_houses_have_no_bays():
    assert _bays([house(Family.OFFICE), house(Family.SUBURBAN)]) == []


@pytest.mark.parametrize("variant", [0, 1])
def test_drives_lead_past_a_side_of_the_house_and_a_path_to_its_door(variant):
    prop = house(Family.SUBURBAN, variant=variant)
    made = _drive(prop)
    assert made.contains(shapely.Point(0.0, 10.0))
    side = 1.0 if prop.style % 2 else -1.0
    assert made.contains(shapely.Point(side * 8.3, 10.0))
    assert not made.contains(shapely.Point(-side * 8.3, 10.0))
    assert made.bounds[1] == pytest.approx(6.0), "nothing under the house"
    assert made.area == pytest.approx(8.5 * (1.4 + 3.0))


def test_courts_closer_than_a_corner_grow_together_and_farther_ones_do_not():
    near = [rectangle(house(Family.OFFICE, x=x), (-5.0, -5.0), (5.0, 5.0)) for x in (0.0, 25.0)]
    far = [rectangle(house(Family.OFFICE, x=x), (-5.0, -5.0), (5.0, 5.0)) for x in (0.0, 40.0)]
    assert len(shapely.get_parts(_closed(near))) == 1
    assert len(shapely.get_parts(_closed(far))) == 2
    assert _closed(far).area == pytest.approx(200.0, rel=0.01)
    assert _closed(near).contains(shapely.union_all(near).buffer(-0.01))


def test_small_holes_are_filled_and_large_ones_kept():
    def ring(side: float) -> shapely.Polygon:
        outer = shapely.box(-side, -side, side, side)
        return outer.difference(shapely.box(-side + 8, -side + 8, side - 8, side - 8))

    assert not shapely.get_parts(_closed([ring(20.0)]))[0].interiors
    assert len(shapely.get_parts(_closed([ring(40.0)]))[0].interiors) == 1


def test_gravel_has_an_uneven_rim_close_to_the_area_planned():
    area = shapely.box(0, 0, 40, 25)
    made = _ragged(area)
    assert made.is_valid
    assert made.area == pytest.approx(area.area, rel=0.08)
    assert made.symmetric_difference(area).area > 5.0
    assert area.buffer(1.6).contains(made)
    assert made.equals(_ragged(area))


@pytest.mark.parametrize("family", list(Family))
def test_every_house_has_ground_about_it(family):
    yards = make_yards([house(family)], road_of("t_junction"), Seed(1))
    area = shapely.union_all([yard.area for yard in yards if yard.class_id is ClassId.SIDEWALK])
    assert area.distance(shapely.Point(0.0, 7.5)) < 0.7


def test_paint_of_bays_lies_over_everything_and_joined_courts_over_others():
    props = [house(Family.RETAIL), house(Family.OFFICE, x=80.0, number=10_001)]
    yards = make_yards(props, road_of("t_junction"), Seed(1))
    assert yards[0].material == "old paint"
    assert [yard.material for yard in yards[1:3]] == ["slabs", "slabs"]
    assert "yard asphalt" in [yard.material for yard in yards[3:]]


def test_trees_and_benches_make_no_yards():
    tree = Prop(id=10_000, kind=PropKind.TREE, position_m=(0.0, 0.0, 0.0), yaw_rad=0.0,
                size_m=(5.0, 5.0, 8.0))  # fmt: skip
    made = make_yards([tree], road_of("t_junction"), Seed(1))
    assert sum(yard.area.area for yard in made) == 0


def test_fields_follow_their_seed_and_keep_clear_of_farm_yards():
    road, barn = road_of("rural_crossroads"), house(Family.BARN, x=200.0)
    one, two, other = (make_yards([barn], road, Seed(k)) for k in (1, 1, 2))
    fields = [yard for yard in one if yard.class_id is ClassId.TERRAIN]
    assert fields
    assert all(a.area.equals(b.area) for a, b in zip(one, two, strict=True))
    assert any(not a.area.equals(b.area) for a, b in zip(one[2:], other[2:], strict=False))
    court = _court(barn, COURTS[Family.BARN])
    assert all(yard.area.distance(court) > 5.5 for yard in fields)


def test_fields_of_a_crop_are_one_area():
    parts = [Yard(area=shapely.box(k, 0, k + 1, 1), material=name, class_id=ClassId.TERRAIN)
             for k, name in enumerate(("crop", "meadow", "crop"))]  # fmt: skip
    made = _by_material(parts, shapely.box(0, 0.5, 9, 1))
    assert [yard.material for yard in made] == ["crop", "meadow"]
    assert [yard.area.area for yard in made] == pytest.approx([1.0, 0.5])
