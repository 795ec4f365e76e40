"""Rates, by hand."""

import pytest
import torch

from rareworld.train.watch import meter as room
from rareworld.train.watch.base import Watcher, is_due
from rareworld.train.watch.meter import WINDOW, Meter, duration, numbers_of, peak_named
from train.watch.reports import report

CPU = torch.device("cpu")


def test_rates_are_those_of_the_last_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "peak_of", lambda _: 4e12)
    meter = Meter(CPU, ranks=2)
    meter.begin(0, 100)
    meter.stepped(report(1, seconds=500.0))
    for step in range(2, WINDOW + 2):
        meter.stepped(report(step))
    rates = meter.rates()
    assert rates.steps_per_s == pytest.approx(2.0)
    assert rates.tokens_per_s == pytest.approx(200.0)
    assert rates.mfu == pytest.approx(2e12 / (4e12 * 2))
    assert rates.left_s == pytest.approx((100 - WINDOW - 1) / 2)
    assert 0.01 < rates.memory_gb < 100


def test_a_cpu_has_no_peak_and_no_share_of_it() -> None:
    meter = Meter(CPU)
    meter.begin(0, 2)
    meter.stepped(report(1))
    assert meter.rates().mfu is None
    numbers = numbers_of(report(1), meter.rates())
    assert "mfu" not in numbers
    assert numbers["loss"] == 1.0
    assert isinstance(meter, Watcher)


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H200", 9.89e14),
        ("NVIDIA H100 80GB HBM3", 9.89e14),
        ("NVIDIA H100 PCIe", 7.56e14),
        ("NVIDIA GB200", 2.5e15),
        ("NVIDIA B200", 2.25e15),
        ("Radeon", None),
    ],
)
def test_peaks_by_name(name: str, peak: float | None) -> None:
    assert peak_named(name) == peak


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (61, "1 min"),
        (3600, "1 h 00 min"),
        (86_400 + 300, "24 h 05 min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("step", "every", "last", "due"),
    [(4, 2, False, True), (5, 2, False, False), (5, 2, True, True), (4, 0, True, False)],
)
def test_what_is_due(step: int, every: int, last: bool, due: bool) -> None:
    assert is_due(step, every, last=last) is due
