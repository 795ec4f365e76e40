"""Any seed gives a sound place, not only the shipped ones."""

import pytest

from rareworld.core.road import LaneKind
from rareworld.core.seed import Seed
from rareworld.simulate.maps.places import PLACES, make_place
from rareworld.simulate.maps.xodr import to_bytes
from tests.simulate.maps.map_checks import read, worst_gap_m


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("seed", range(4))
def test_a_place_of_any_seed_reads_and_joins(name, seed):
    record = make_place(name, Seed(seed))
    road = read(record)
    assert worst_gap_m(road, LaneKind.DRIVING) < 0.02
    assert road.warnings == ()
    ids = [road.id for road in record.roads]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", PLACES)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(name):
    assert to_bytes(make_place(name, Seed(3))) == to_bytes(make_place(name, Seed(3)))
    assert to_bytes(make_place(name, Seed(3))) != to_bytes(make_place(name, Seed(4)))


@pytest.mark.parametrize("name", PLACES)
def test_signal_and_object_ids_are_unique(name):
    record = make_place(name, Seed(5))
    signals = [signal.id for road in record.roads for signal in road.signals]
    objects = [item.id for road in record.roads for item in road.objects]
    assert len(set(signals)) == len(signals)
    assert len(set(objects)) == len(objects)


def test_unknown_places_are_key_errors():
    with pytest.raises(KeyError):
        make_place("moon_base", Seed(0))
