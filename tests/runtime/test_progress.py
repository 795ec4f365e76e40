"""Progress: a bar moves by the work done inside items, and is silent where nobody looks."""

import io
import sys

import pytest
from rich.console import Console
from rich.progress import Progress

from rareworld.runtime.progress import Bar, Silent, Watcher, progress_bar


@pytest.fixture
def bar():
    text = io.StringIO()
    with Progress(console=Console(file=text, width=80)) as progress:
        task = progress.add_task("work", total=3, item="")
        yield Bar(progress, task), progress.tasks[0], text


@pytest.mark.parametrize(
    ("steps", "done"),
    [
        ([], 0.0),
        ([("a", 0.5)], 0.5),
        ([("a", 0.5), ("a", 0.75)], 0.75),
        ([("a", 0.5), ("b", 0.25), ("a", 1.0)], 1.25),
    ],
)
def test_the_bar_stands_at_the_sum_of_the_items_fractions(bar, steps, done: float) -> None:
    shown, task, _ = bar
    for item, fraction in steps:
        shown.advance(item, fraction)
    assert task.completed == pytest.approx(done)


def test_a_finished_item_counts_as_whole_and_is_named(bar) -> None:
    shown, task, text = bar
    shown.advance("a", 0.2)
    shown.finish("a", "done")
    assert (task.completed, task.fields["item"]) == (1.0, "a")
    assert "quarantined" not in text.getvalue()


def test_quarantined_items_are_told_while_the_job_goes_on(bar) -> None:
    shown, task, text = bar
    shown.finish("b", "quarantined")
    assert task.completed == 1.0
    assert "quarantined b" in text.getvalue()


@pytest.mark.parametrize(("show", "terminal"), [(True, False), (False, True), (False, False)])
def test_nothing_is_drawn_where_no_person_looks(show, terminal, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with progress_bar("work", 2, show=show) as watcher:
        assert isinstance(watcher, Silent)
        assert isinstance(watcher, Watcher)
        watcher.advance("a", 0.5)
        watcher.finish("a", "done")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress_bar("work", 2) as watcher:
        assert isinstance(watcher, Bar)
        watcher.finish("a", "done")
        watcher.finish("b", "done")
    told = capsys.readouterr()
    assert told.out == ""
    assert "work" in told.err
    assert "2/2" in told.err
