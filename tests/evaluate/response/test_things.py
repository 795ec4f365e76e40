import numpy as np
import pytest

from rareworld.evaluate.response.things import plate, resize, swap

RED, BLUE, GREY = (200, 0, 0), (0, 0, 200), (90, 90, 90)


def street(vehicles):
    """Return 8 frames and ids; a vehicle is (id, colour, top, left, height, width, step)."""
    frames = np.full((8, 40, 60, 3), GREY, np.uint8)
    ids = np.zeros((8, 40, 60), np.uint32)
    for name, colour, top, left, height, width, step in vehicles:
        for t in range(8):
            box = np.s_[t, top : top + height, left + step * t : left + step * t + width]
            frames[box], ids[box] = colour, name
    return frames, ids


DRIVING = (7, RED, 20, 2, 6, 10, 5)
STANDING = (9, BLUE, 4, 40, 8, 8, 0)


def area(frames, colour):
    return int((frames == np.array(colour, np.uint8)).all(axis=-1).sum())


def test_the_plate_is_the_street_where_a_vehicle_moves_on():
    frames, ids = street([DRIVING])
    assert (plate(frames, ids == 7) == np.array(GREY)).all()


def test_what_stands_all_the_time_stays_in_the_plate():
    frames, ids = street([STANDING])
    assert area(plate(frames, ids == 9)[None], BLUE) == 64


@pytest.mark.parametrize("factor", [0.5, 1.5, 2.0])
def test_a_vehicle_grows_by_the_factor_in_both_directions(factor):
    frames, ids = street([(7, RED, 20, 12, 6, 10, 2)])
    assert area(resize(frames, ids, [7], factor), RED) == 8 * round(6 * factor) * round(10 * factor)


def test_its_lower_edge_stays_on_the_road():
    frames, ids = street([(7, RED, 20, 12, 6, 10, 2)])
    rows = np.flatnonzero((resize(frames, ids, [7], 2.0)[0] == np.array(RED)).all(-1).any(1))
    assert (rows[0], rows[-1]) == (14, 25)


def test_as_large_as_it_was_nothing_changes():
    frames, ids = street([DRIVING, (9, BLUE, 4, 2, 8, 8, 3)])
    assert np.array_equal(resize(frames, ids, [7, 9], 1.0), frames)


def test_the_nearer_vehicle_covers_the_farther():
    frames, ids = street([(7, RED, 10, 20, 6, 10, 0), (9, BLUE, 18, 20, 6, 10, 0)])
    grown = resize(frames, ids, [9, 7], 3.0)
    assert (grown[0, 12, 25] == np.array(BLUE)).all()


def test_a_vehicle_at_the_edge_is_cut_off():
    frames, ids = street([(7, RED, 30, 50, 10, 10, 0)])
    assert resize(frames, ids, [7], 4.0).shape == frames.shape


def test_swapped_vehicles_take_each_others_colours_in_the_second_half():
    frames, ids = street([DRIVING, STANDING])
    swapped = swap(frames, ids, [7, 9], 1.0)
    assert np.array_equal(swapped[:4], frames[:4])
    for t in range(4, 8):
        assert (swapped[t][ids[t] == 7] == np.array(BLUE)).all()
        assert (swapped[t][ids[t] == 9] == np.array(RED)).all()
        assert (swapped[t][ids[t] == 0] == np.array(GREY)).all()


def test_half_of_two_changes_one():
    frames, ids = street([DRIVING, STANDING])
    swapped = swap(frames, ids, [7, 9], 0.5)
    assert (swapped[7][ids[7] == 9] == np.array(BLUE)).all()
    assert (swapped[7][ids[7] == 7] == np.array(BLUE)).all()


@pytest.mark.parametrize("vehicles", [[], [7], [7, 55]])
def test_alone_nobody_can_be_swapped(vehicles):
    frames, ids = street([DRIVING])
    assert np.array_equal(swap(frames, ids, vehicles, 1.0), frames)
