"""Run a stage over items in local processes; results do not depend on their number.

Each output is a folder with a `stage.json` that holds its content key. A folder with the right key
is finished work and is kept; one with another key is never overwritten unasked; temporary
folders of killed runs are swept by the next writer. A worker that dies takes no other item with
it: items it held run again one by one, and one that kills its worker again is quarantined.
"""

import multiprocessing
import os
import signal
import threading
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any, Generic, final

from rareworld.data.atomic import atomic_folder
from rareworld.data.jsontext import read_json, write_json
from rareworld.errors import ConfigError, InterruptedJobError, RareworldError, StoreError
from rareworld.runtime.progress import Silent, Watcher
from rareworld.runtime.stage import AnyItem, JobReport, Outcome, Report, Stage, content_key

STAMP = "stage.json"
QUARANTINE = "quarantine.json"
POLL_S = 0.1
KILLED = (
    "its worker process died twice (out of memory, a crash below Python, or it could not start)"
)


@final
@dataclass(frozen=True, kw_only=True)
class LocalRunner:
    """Processes on this machine."""

    workers: int = 0
    """Number of processes; 0 takes one per core. A single item gets all threads."""
    overwrite: bool = False
    """Replace outputs made with another configuration."""
    inline: bool = False
    """Run in this process, one item after another (for debugging)."""

    def run(
        self,
        stage: Stage[AnyItem],
        items: Sequence[AnyItem],
        out: Path,
        watcher: Watcher | None = None,
    ) -> JobReport:
        """Bring every item to an end and write `quarantine.json` if any failed.

        Raises:
            ConfigError: If two items share a name, or a folder holds work of another
                configuration and `overwrite` is not set.
            StoreError: If `out` cannot be written.
            InterruptedJobError: On Ctrl-C, once the workers have been stopped.
        """
        _make(out)
        job = _Job(stage, tuple(items), out, watcher or Silent(), self.overwrite)
        outcomes, todo = job.plan()
        for outcome in outcomes.values():
            job.watcher.finish(outcome.item, outcome.status)
        try:
            outcomes |= job.run_inline(todo) if self.inline else self._run_pools(job, todo)
        except KeyboardInterrupt:
            raise InterruptedJobError(
                f"interrupted; finished work in {out} is kept, run the same command to go on"
            ) from None
        report = JobReport(tuple(outcomes[index] for index in range(len(items))))
        _write_quarantine(report, out)
        return report

    def _run_pools(self, job: "_Job[AnyItem]", todo: list[int]) -> dict[int, Outcome]:
        """Run items in a pool, and those left by a dying worker each in a pool of its own."""
        workers = min(self.workers or os.cpu_count() or 1, max(len(todo), 1))
        done = job.run_pool(todo, workers)
        for index in [index for index in todo if index not in done]:
            done |= job.run_pool([index], 1)
            if index not in done:
                done[index] = job.ended(_failed(job.name(index), KILLED))
        return done


@final
@dataclass(frozen=True)
class _Job(Generic[AnyItem]):
    """One stage over its items into one folder."""

    stage: Stage[AnyItem]
    items: tuple[AnyItem, ...]
    out: Path
    watcher: Watcher
    replace: bool

    def name(self, index: int) -> str:
        return self.stage.item_name(self.items[index])

    def ended(self, outcome: Outcome) -> Outcome:
        self.watcher.finish(outcome.item, outcome.status)
        return outcome

    def plan(self) -> tuple[dict[int, Outcome], list[int]]:
        """Split items into those ended (finished before, or wrong by now) and those to do."""
        self._check_names()
        kept: dict[int, Outcome] = {}
        todo: list[int] = []
        for index, item in enumerate(self.items):
            outcome = self._before(item)
            if outcome:
                kept[index] = outcome
            else:
                todo.append(index)
        return kept, todo

    def _before(self, item: AnyItem) -> Outcome | None:
        """Return how an item ended: before, or now if it has gone wrong; None if it is to do."""
        folder = self.out / self.stage.item_name(item)
        stamp = read_stamp(folder)
        if stamp is None:
            return None
        try:
            key = content_key(self.stage, item)
        except RareworldError as error:
            kind = type(error).__name__
            return _failed(folder.name, f"{kind}: {error}; {folder} is kept", kind)
        if stamp.get("key") == key:
            return Outcome(item=folder.name, status="kept", summary=stamp["summary"])
        _refuse(folder, replace=self.replace)
        return None

    def _check_names(self) -> None:
        names = Counter(self.name(index) for index in range(len(self.items)))
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise ConfigError(
                f"{self.stage.name}: item names must be unique, used twice: {twice[:5]}"
            )

    def run_inline(self, todo: Sequence[int]) -> dict[int, Outcome]:
        """Run items in this process."""
        done: dict[int, Outcome] = {}
        for index in todo:
            name, item = self.name(index), self.items[index]
            done[index] = self.ended(
                run_item(
                    self.stage,
                    item,
                    self.out,
                    lambda fraction, name=name: self.watcher.advance(name, fraction),
                    replace=self.replace,
                )
            )
        return done

    def run_pool(self, todo: Sequence[int], workers: int) -> dict[int, Outcome]:
        """Run items in one pool; items whose worker died are missing from the answer."""
        if not todo:
            return {}
        context = multiprocessing.get_context("spawn")
        channel = context.SimpleQueue()
        lifeline, ours = context.Pipe(duplex=False)
        threads = max((os.cpu_count() or 1) // workers, 1)
        pool = ProcessPoolExecutor(
            workers,
            mp_context=context,
            initializer=_start_worker,
            initargs=(threads, channel, lifeline),
        )
        try:
            done = self._collect(pool, channel, todo)
            pool.shutdown()
        finally:
            ours.close()  # whoever still works, because we were interrupted, ends at once
            pool.shutdown(cancel_futures=True)
            lifeline.close()
        return done

    def _collect(
        self,
        pool: ProcessPoolExecutor,
        channel: "SimpleQueue[tuple[str, float]]",
        todo: Sequence[int],
    ) -> dict[int, Outcome]:
        """Hand items to the pool and wait for all of them."""
        done: dict[int, Outcome] = {}
        pending = {
            pool.submit(_work, self.stage, self.items[index], self.out, replace=self.replace): index
            for index in todo
        }
        while pending:
            finished, _ = wait(pending, timeout=POLL_S, return_when="FIRST_COMPLETED")
            while not channel.empty():
                self.watcher.advance(*channel.get())
            for future in finished:
                index = pending.pop(future)
                outcome = _outcome(future, self.name(index))
                if outcome:
                    done[index] = self.ended(outcome)
        return done


def _outcome(future: "Future[Outcome]", name: str) -> Outcome | None:
    """Return how a future ended; None if its worker died."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, BrokenProcessPool):
        return None
    text = "".join(traceback.format_exception(error)).strip()
    return _failed(name, text, type(error).__name__)


def _failed(name: str, error: str, kind: str = "") -> Outcome:
    return Outcome(item=name, status="quarantined", summary={}, error=error, kind=kind)


_channel: Any = None
"""Set once in each worker process by its initialiser: the way back for progress."""


def _start_worker(
    threads: int, channel: "SimpleQueue[tuple[str, float]]", lifeline: "Connection[Any, Any]"
) -> None:
    """Give a worker its share of the cores, the progress channel and the end it waits for."""
    global _channel
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    os.environ["NUMBA_NUM_THREADS"] = str(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    _channel = channel


def _end_with(lifeline: "Connection[Any, Any]") -> None:
    """End this process when the other end of the line is closed: the parent stopped or died."""
    lifeline.poll(None)
    os._exit(1)


def _work(stage: Stage[AnyItem], item: AnyItem, out: Path, *, replace: bool) -> Outcome:
    """Run one item in a worker."""
    name = stage.item_name(item)
    return run_item(
        stage, item, out, lambda fraction: _channel.put((name, fraction)), replace=replace
    )


def run_item(
    stage: Stage[AnyItem], item: AnyItem, out: Path, report: Report, *, replace: bool = False
) -> Outcome:
    """Write one item's folder atomically; errors meant for the user become quarantine."""
    name = stage.item_name(item)
    try:
        key = content_key(stage, item)
        with atomic_folder(out / name, replace=replace) as folder:
            summary = dict(stage.run(item, folder, report))
            write_json(folder / STAMP, {"key": key, "stage": stage.name, "summary": summary})
    except RareworldError as error:
        kind = type(error).__name__
        return _failed(name, f"{kind}: {error}", kind)
    return Outcome(item=name, status="done", summary=summary)


def read_stamp(folder: Path) -> dict[str, Any] | None:
    """Return the stamp of a finished folder; None if there is no such folder.

    Raises:
        StoreError: If the folder exists without a readable stamp (no job made it).
    """
    return read_json(folder / STAMP) if folder.exists() else None


def _refuse(folder: Path, *, replace: bool) -> None:
    """Refuse to touch work of another configuration unless it may be replaced once redone."""
    if folder.exists() and not replace:
        raise ConfigError(
            f"{folder} holds work of another configuration; choose another --out, "
            f"or pass --overwrite to replace it"
        )


def _write_quarantine(report: JobReport, out: Path) -> None:
    """Write or remove the list of failed items."""
    path = out / QUARANTINE
    if report.quarantined:
        write_json(path, [{"item": o.item, "error": o.error} for o in report.quarantined])
    else:
        path.unlink(missing_ok=True)


def _make(out: Path) -> None:
    """Create the output root."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{out}: cannot be created ({error.strerror}); choose a writable --out"
        ) from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise StoreError(f"{out}: cannot be written; choose a writable --out")
