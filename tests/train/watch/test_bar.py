"""What a person sees: a bar on a terminal, lines elsewhere."""

import io

import pytest
import torch
from rich.console import Console

from rareworld.train.watch.bar import Bar, sentence
from rareworld.train.watch.meter import Meter, Rates
from train.watch.reports import report

RATES = Rates(steps_per_s=0.5, tokens_per_s=84_480, mfu=0.61, memory_gb=35.2, left_s=4000)


def show(*, terminal: bool, steps: int = 4, every: int = 2) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120, color_system=None)
    meter = Meter(torch.device("cpu"))
    bar = Bar(console, meter, every)
    meter.begin(0, steps)
    bar.begin(0, steps)
    for step in range(1, steps + 1):
        meter.stepped(report(step))
        bar.stepped(report(step))
    bar.measured(steps, {"held_out/loss": 0.5, "other": 1.0})
    bar.end()
    return stream.getvalue()


def test_a_step_in_words() -> None:
    words = sentence(report(2, nonfinite=3), RATES)
    assert words == (
        "loss 0.5000  2.00 s/it  84,480 tokens/s  MFU 61%  35.2 GB  3 bad gradients  "
        "1 h 07 min left"
    )


def test_a_log_file_has_a_line_every_few_steps() -> None:
    lines = show(terminal=False).splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "step 2/4", "step 4/4", "step 4: held-out loss 0.5000",
    ]  # fmt: skip
    assert "2.00 it/s  200 tokens/s" in lines[0]


def test_the_last_step_has_a_line_whatever_the_pace() -> None:
    assert "step 3/3" in show(terminal=False, steps=3, every=100)


@pytest.mark.parametrize("steps", [1, 4])
def test_a_terminal_has_a_bar(steps: int) -> None:
    shown = show(terminal=True, steps=steps)
    assert f"{steps}/{steps}" in shown
    assert "it/s" in shown
    assert "held-out loss 0.5000" in shown
