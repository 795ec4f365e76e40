"""Rooms and shops behind windows: colours, depth, lamps, blinds."""

from itertools import product

import numpy as np
import pytest

from rareworld.annotate.render import rooms

RANDOM = np.random.Generator(np.random.Philox(83))


@pytest.mark.parametrize("value", [0.0, 0.339, 0.34, 0.5, 0.669, 0.67, 0.999])
def test_one_of_three_is_picked_by_thirds(value):
    wanted = (10.0, 20.0, 30.0)[(value >= 0.34) + (value >= 0.67)]
    assert rooms.pick(value, 10.0, 20.0, 30.0) == wanted


@pytest.mark.parametrize("kind", [rooms.room, rooms.shop])
def test_colours_in_rooms_are_reflectances_and_depth_is_a_share(kind):
    for place in RANDOM.uniform((-30, 0, -1, -1, 0.02), (30, 9, 1, 1, 1), (300, 5)):
        red, green, blue, deep = kind(*(float(v) for v in place), 1004)
        # a shop's ceiling holds strips of light, which are brighter than any wall
        most = 2.2 if kind is rooms.shop else 1.0
        assert 0 <= min(red, green, blue) <= max(red, green, blue) <= most + 1e-9
        assert 0 <= deep <= 1


def test_looking_up_shows_a_ceiling_and_down_a_floor():
    up = rooms.room(1.5, 1.5, 0.0, 3.0, 0.3, 1003)
    down = rooms.room(1.5, 1.5, 0.0, -3.0, 0.3, 1003)
    assert up[:3] == (0.62, 0.61, 0.58)
    assert down[:3] == (0.20, 0.13, 0.08)
    assert sum(rooms.shop(3.0, 1.5, 0.0, -5.0, 0.3, 1003)[:3]) == pytest.approx(0.83)


def test_straight_in_the_back_wall_is_as_deep_as_the_room():
    for u in (0.4, 4.4, -2.2):
        assert rooms.room(u, 2.0, 0.0, 0.0, 1.0, 7)[3] == pytest.approx(1)
        assert rooms.shop(u, 2.0, 0.0, 0.0, 1.0, 7)[3] == pytest.approx(1)


def test_two_rooms_in_five_have_a_lamp_on_at_night_and_none_by_day():
    cells = [(3.0 * i + 1, 3.0 * j + 1) for i in range(40) for j in range(25)]
    night = np.array([rooms.room_lamp(*cell, 1009, 1.0) for cell in cells])
    lit = night[:, 0] > 0
    assert lit.mean() == pytest.approx(0.40, abs=0.04)
    assert (night[lit, 0] >= 0.35).all()
    assert (np.diff(night[lit], axis=1) < 0).all(), "lamps of rooms are warm"
    assert not np.any([rooms.room_lamp(*cell, 1009, 0.0) for cell in cells])


def test_a_lamp_fills_its_whole_room():
    for i, j in product(range(6), range(4)):
        inside = [rooms.room_lamp(3.0 * i + u, 3.0 * j + w, 5, 0.7)
                  for u, w in product((0.1, 1.5, 2.9), repeat=2)]  # fmt: skip
        assert len(set(inside)) == 1


def test_blinds_hang_from_above_and_curtains_at_the_sides():
    seen = {"none": 0, "blind": 0, "curtain": 0}
    for i, j in product(range(20), range(10)):
        column = [
            rooms.blind(3.0 * i + 1.5, 3.0 * j + z, 21)[0] for z in np.linspace(0.05, 2.95, 20)
        ]
        row = [rooms.blind(3.0 * i + x, 3.0 * j + 0.5, 21)[0] for x in np.linspace(0.02, 2.98, 30)]
        assert column == sorted(column), "a blind that hides a height hides all above"
        half = len(row) // 2
        assert row[:half] == sorted(row[:half], reverse=True)
        assert row[::-1] == row
        kind = "curtain" if row[0] else "blind" if column[-1] else "none"
        seen[kind] += 1
    assert seen["curtain"] / 200 == pytest.approx(0.38, abs=0.11)
    assert 0.1 < seen["blind"] / 200 < 0.4
