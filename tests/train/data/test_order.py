"""The order of samples: a pure function of seed and step, against a plain queue."""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest

from rareworld.errors import ConfigError
from rareworld.train.data.clips import Bucket
from rareworld.train.data.order import CHUNK, Clips, Order, Pick

BUCKETS = (Bucket(704, 1280, 93), Bucket(704, 1280, 61), Bucket(960, 960, 93))


def _clips(sizes: Mapping[int, int], *, buckets: int = 1, windows: int = 1) -> Clips:
    groups: dict[tuple[int, Bucket], dict[str, Sequence[str]]] = defaultdict(dict)
    for source, size in sizes.items():
        for index in range(size):
            clip = f"{source}/{index:04d}"
            names = [f"{clip}#{number}" for number in range(windows)]
            groups[source, BUCKETS[index % buckets]][clip] = names
    return groups


def _clip(pick: Pick) -> str:
    return pick.window.partition("#")[0]


def _source(pick: Pick) -> int:
    return int(pick.window.partition("/")[0])


def _draws(clips: Clips, shares: Mapping[int, float], number: int, seed: int = 3) -> list[Pick]:
    """Return draws in turn: with one bucket for all, steps of one sample never wait."""
    whole: dict[tuple[int, Bucket], dict[str, Sequence[str]]] = defaultdict(dict)
    for (source, _), each in clips.items():
        whole[source, BUCKETS[0]] |= each
    order = Order(whole, shares, 1, seed)
    return [order.step(step)[0] for step in range(number)]


@pytest.mark.parametrize(("batch", "buckets"), [(1, 3), (4, 1), (5, 3), (64, 2)])
def test_steps_are_those_of_plain_queues(batch: int, buckets: int) -> None:
    clips, shares = _clips({0: 37, 1: 5}, buckets=buckets, windows=2), {0: 1.0, 1: 2.0}
    home = {clip: bucket for (_, bucket), each in clips.items() for clip in each}
    queues: dict[Bucket, deque[Pick]] = defaultdict(deque)
    expected: list[tuple[Pick, ...]] = []
    for pick in _draws(clips, shares, 4 * CHUNK // 3):
        queue = queues[home[_clip(pick)]]
        queue.append(pick)
        if len(queue) == batch:
            expected.append(tuple(queue))
            queue.clear()
    order = Order(clips, shares, batch, 3)
    assert [order.step(step) for step in range(len(expected))] == expected


def test_a_step_follows_from_its_number_alone() -> None:
    clips, shares = _clips({0: 100, 1: 33}, buckets=3), {0: 1.0, 1: 1.0}
    order = Order(clips, shares, 8, 1)
    series = [order.step(step) for step in range(6000)]
    for step in (5999, 0, 2047, 2048, 17, 4100, 4099):
        assert order.step(step) == series[step]
        assert Order(clips, shares, 8, 1).step(step) == series[step]


def test_a_batch_has_one_bucket_and_ids_are_never_used_twice() -> None:
    clips = _clips({0: 100, 1: 33}, buckets=3)
    home = {clip: bucket for (_, bucket), each in clips.items() for clip in each}
    order = Order(clips, {0: 1.0, 1: 1.0}, 8, 1)
    series = [order.step(step) for step in range(3000)]
    assert all(len(step) == 8 for step in series)
    assert all(len({home[_clip(pick)] for pick in step}) == 1 for step in series)
    ids = Counter(pick.id for step in series for pick in step)
    assert max(ids.values()) == 1
    assert max(ids) < 3000 * 8 + 3 * 8  # no more wait than fit into the queues


@pytest.mark.parametrize("sizes", [{0: 1, 1: 3}, {0: 250, 1: 7}, {0: 9000, 1: 4}])
def test_every_pass_over_a_source_has_each_clip_once(sizes: Mapping[int, int]) -> None:
    draws = _draws(_clips(sizes), {0: 1.0, 1: 1.0}, 20_000)
    for source, size in sizes.items():
        series = [_clip(pick) for pick in draws if _source(pick) == source]
        passes = [series[at : at + size] for at in range(0, len(series) - size + 1, size)]
        assert all(len(set(each)) == size for each in passes)
        if size > 100:
            assert all(one != other for one, other in pairwise(passes))


@pytest.mark.parametrize(
    ("shares", "bound"),
    [
        ({0: 1.0, 1: 1.0}, 0.5),
        ({0: 1.0, 1: 3.0}, 0.5),
        ({0: 0.7, 1: 0.3}, 0.5),
        ({0: 1.0, 1: 1.0, 2: 1.0}, 1.5),
        ({0: 90.0} | dict.fromkeys(range(1, 101), 0.1), 1.5),
        ({0: 1.0, 1: 1.6, 2: 2.6, 3: 4.2, 4: 6.9, 5: 11.1}, 1.5),
    ],
)
def test_the_mix_is_exact_over_every_stretch_from_the_start(
    shares: Mapping[int, float], bound: float
) -> None:
    number = 5000
    draws = _draws(_clips(dict.fromkeys(shares, 3)), shares, number)
    sources, total = np.array([_source(pick) for pick in draws]), sum(shares.values())
    for source, share in shares.items():
        counts = np.cumsum(sources == source)
        off = np.abs(counts - np.arange(1, number + 1) * share / total).max()
        assert off <= bound + 1e-6


def test_random_shares_stay_within_one_and_a_half_draws() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        shares = dict(enumerate(random.lognormal(0, 2, random.integers(2, 30)).tolist()))
        sources = [_source(pick) for pick in _draws(_clips(dict.fromkeys(shares, 1)), shares, 1000)]
        total = sum(shares.values())
        for source, share in shares.items():
            counts = np.cumsum(np.array(sources) == source)
            assert np.abs(counts - np.arange(1, 1001) * share / total).max() <= 1.5 + 1e-6


def test_a_batch_of_two_equal_sources_has_half_of_each() -> None:
    order = Order(_clips({0: 1000, 1: 10}), {0: 1.0, 1: 1.0}, 4, 0)
    for step in range(200):
        assert Counter(_source(pick) for pick in order.step(step)) == {0: 2, 1: 2}


def test_a_source_smaller_than_a_batch_is_drawn_again_in_it() -> None:
    order = Order(_clips({0: 3}), {0: 1.0}, 8, 0)
    counts = Counter(_clip(pick) for step in range(3) for pick in order.step(step))
    assert set(counts.values()) == {8}


def test_each_window_of_a_clip_comes_once_in_as_many_passes() -> None:
    draws = _draws(_clips({0: 50}, windows=3), {0: 1.0}, 50 * 3 * 4)
    for cycle in range(4):
        seen = Counter(pick.window for pick in draws[cycle * 150 : (cycle + 1) * 150])
        assert len(seen) == 150
    starts = Counter(pick.window[-1] for pick in draws[:50])
    assert min(starts.values()) > 5  # clips do not all begin with the same window


def test_places_in_a_pass_are_even() -> None:
    draws = _draws(_clips({0: 20}), {0: 1.0}, 20 * 500)
    places: dict[str, list[int]] = defaultdict(list)
    for index, pick in enumerate(draws):
        places[_clip(pick)].append(index % 20)
    means = [np.mean(each) for each in places.values()]
    # mean of 500 draws of 0..19: 9.5, standard error 0.26
    assert np.allclose(means, 9.5, atol=4 * 0.26)


def test_passes_tell_how_often_each_source_was_gone_through() -> None:
    order = Order(_clips({0: 40, 1: 10}), {0: 1.0, 1: 1.0}, 8, 0)
    assert order.passes(9) == {0: 1.0, 1: 4.0}


def test_the_fingerprint_tells_everything_the_order_follows_from() -> None:
    clips, shares = _clips({0: 5, 1: 5}), {0: 1.0, 1: 1.0}
    variants = [
        Order(clips, shares, 2, 0),
        Order(clips, shares, 4, 0),
        Order(clips, shares, 2, 1),
        Order(clips, {0: 1.0, 1: 2.0}, 2, 0),
        Order(_clips({0: 5, 1: 6}), shares, 2, 0),
        Order(_clips({0: 5, 1: 5}, windows=2), shares, 2, 0),
        Order(_clips({0: 5, 1: 5}, buckets=2), shares, 2, 0),
    ]
    assert len({order.fingerprint for order in variants}) == len(variants)
    assert Order(_clips({1: 5, 0: 5}), shares, 2, 0).fingerprint == variants[0].fingerprint


def test_the_order_is_pinned() -> None:
    """A run begun with an earlier version resumes with the same samples."""
    order = Order(_clips({0: 6, 1: 2}, windows=2), {0: 2.0, 1: 1.0}, 3, 7)
    names = [pick.window.partition("/000") for step in range(3) for pick in order.step(step)]
    series = " ".join(source + clip for source, _, clip in names)
    assert series == "01#1 11#1 05#0 03#0 10#0 00#1 02#0 10#1 04#1"


@pytest.mark.parametrize(
    ("clips", "shares", "batch", "message"),
    [
        ({}, {}, 1, "data.sources: expected at least one"),
        (_clips({0: 3}), {0: 1.0, 1: 1.0}, 1, "data.sources.1: no clip of it can be trained on"),
        (_clips({0: 3, 2: 3}), {0: 1.0}, 1, "expected a share for source 2"),
        (_clips({0: 3}), {0: 1.0}, 0, "data.batch_size: expected at least 1, found 0"),
    ],
)
def test_what_cannot_be_drawn_from_is_refused(
    clips: Clips, shares: Mapping[int, float], batch: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Order(clips, shares, batch, 0)


def test_a_hundred_thousand_steps_over_ten_thousand_clips_can_be_jumped() -> None:
    order = Order(_clips({0: 8000, 1: 2000}, buckets=3), {0: 1.0, 1: 1.0}, 8, 0)
    far = order.step(99_999)
    assert [pick.id for pick in far] == sorted({pick.id for pick in far})
    assert len(far) == 8
