"""Saving a run while it goes on, and going on from what was saved, on any number of ranks.

    save:   copy to the host -> the run goes on; behind it: files of all ranks into a temporary
            folder -> record -> rename -> pointer -> old saves removed
    load:   newest save whose files are whole -> each rank reads its part

Tensors are written by torch.distributed.checkpoint (DCP): each once, by one of the ranks that hold
it, and read by the parts that a rank needs, so shards and ranks may differ between save and load.
DCP's index is a pickle; it is opened only after `weights/dcp.py` read it without trust, and only
tensors are ever asked of it. A kill at any moment leaves the saves before, all whole.
Sources: torch.distributed.checkpoint, upstream's run folder (`saved.py`).
Proved in `tests/train/test_checkpoint.py` on 1, 2 and 4 processes, with kills and full disks.
"""

import math
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar, cast, final

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.state_dict_loader import load as dcp_load
from torch.distributed.checkpoint.state_dict_saver import save as dcp_save

from rareworld.data.atomic import atomic_folder, write_bytes
from rareworld.errors import ConfigError, RareworldError, StoreError
from rareworld.models.cosmos_predict.weights.containers import read_safetensors
from rareworld.models.cosmos_predict.weights.saving import save_safetensors
from rareworld.nn.ranks import TIMEOUT_S
from rareworld.train.config import CheckpointConfig
from rareworld.train.parallel import Mesh
from rareworld.train.save_errors import FAILURES, explained, full_disk, reason_of
from rareworld.train.saved import (
    ADAPTER,
    MODEL,
    POINTER,
    RANKS,
    RECORD,
    RUN_CONFIG,
    TRAIN,
    FileRecord,
    SaveRecord,
    best_steps,
    candidates,
    check_files,
    read_record,
    record_files,
    records_in,
    remove,
    step_folder,
    superfluous,
    sweep_all,
)
from rareworld.train.state_parts import (
    OWN,
    Remainder,
    State,
    bytes_of,
    check_fits,
    nested,
    on_host,
    parted,
)

T = TypeVar("T")

SEEN_WITHIN_S = 10.0
"""Longest wait until a folder that rank 0 made is seen: network disks keep old listings."""

_LONE = "torch.distributed is disabled, unavailable or uninitialized"


@final
@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A save that a run goes on from."""

    step: int
    held_out_loss: float | None
    notes: tuple[str, ...]
    """Why the run's numbers will no longer equal an unbroken run's to the bit; empty: they will."""


@final
@dataclass(frozen=True, kw_only=True)
class _Job:
    """A state copied to the host, ready to be written."""

    path: Path
    record: SaveRecord
    model: dict[str, Tensor]
    train: dict[str, Tensor]
    own: dict[str, Tensor]
    export: Callable[[Path], None] | None
    needed: int
    """Bytes on disk, of all ranks."""


@final
class Checkpoints:
    """The saves of a run; every rank makes one at the same point and calls it likewise."""

    def __init__(
        self,
        folder: Path,
        config: CheckpointConfig,
        mesh: Mesh,
        *,
        remainder: Remainder | None = None,
        facts: Mapping[str, str] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Prepare a folder; leftovers of killed runs are cleared.

        Args:
            folder: Where saves lie; on several hosts, on a disk that all of them see.
            config: How many are kept, and whether the run waits for them.
            mesh: The ranks.
            remainder: Where the whole network is trained: what is saved beside it, so that
                `model/` is a model of its own.
            facts: What else must be the same for a run to go on to the bit, by its name.
            tell: Takes messages about saves that are passed over; standard error by default.

        Raises:
            StoreError: If the folder cannot be written.
            ConfigError: If a rank does not see it.
        """
        self.folder, self.config, self.mesh = folder, config, mesh
        self.ranks = mesh.ranks
        self.remainder = remainder or Remainder(frozen={})
        self.tell = tell or _to_stderr
        self.facts = {**_own_facts(mesh), **(facts or {})}
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._pending: Future[None] | None = None
        self._group = _host_group()
        if self._group is None:  # DCP says so at every call, and that is how it is meant
            warnings.filterwarnings("ignore", message=_LONE, category=UserWarning)
        self.ranks.together(lambda: _prepare(folder) if self.ranks.leads else None)
        self.ranks.together(lambda: _check_seen(folder))

    def save(self, step: int, state: State, held_out_loss: float | None = None) -> None:
        """Copy a state and write it, behind the run if that is configured.

        Returns once the copy is taken. The save before it is waited for.

        Raises:
            StoreError: If this save (or, behind the run, the one before) could not be written;
                older saves are whole.
        """
        self.wait()
        job = self._copied(step, state, held_out_loss)
        self._pending = self._pool.submit(self._write, job)
        if not self.config.asynchronous:
            self.wait()

    def wait(self) -> None:
        """Return once everything is on disk.

        Raises:
            StoreError: If it could not be written.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def latest(self) -> int | None:
        """Return the newest step whose save is whole; others are named and passed over."""
        self.wait()
        # never empty: not every back end sends nothing
        told = self.ranks.from_lead(lambda: torch.tensor([0, *candidates(self.folder)]))
        for step in told.tolist()[1:]:
            fault = self._fault(step)
            if not fault:
                return step
            if self.ranks.leads:
                self.tell(f"{step_folder(self.folder, step)}: passed over: {fault}")
        return None

    def best(self) -> int | None:
        """Return the step of the lowest held-out loss among the saves that are kept."""
        self.wait()
        steps = best_steps(records_in(self.folder, sys.maxsize))
        return steps[0] if steps else None

    def load(self, step: int, state: State) -> Loaded:
        """Fill a state with what was saved, whatever the number of ranks was.

        Raises:
            StoreError: If the save is damaged.
            ConfigError: If it is of other tensors than the state: another rank of adapters, say.
        """
        self.wait()
        path = step_folder(self.folder, step)
        record = read_record(path)
        current = state.state_dict()
        model, train, own = parted(current)
        beside = self.remainder.beside(model)
        for part, tensors in ((MODEL, model), (TRAIN, train)):
            self.ranks.together(lambda p=path / part, t=tensors: check_fits(p, t, beside))
            self._read(path / part, tensors)
        same_world = record.world == self.ranks.world
        if same_world:
            own = self.ranks.together(lambda: _read_own(path, self.ranks.rank, own))
        state.load_state_dict({**current, OWN: nested(own)})
        notes = _notes(record, self.facts, self.ranks.world, random=bool(own))
        return Loaded(step=step, held_out_loss=record.held_out_loss, notes=notes)

    def _copied(self, step: int, state: State, held_out_loss: float | None) -> _Job:
        """Copy a state to the host, before the run changes it."""
        parts = parted(state.state_dict())
        export = state.gather() if state.gather is not None else None
        finite = held_out_loss is not None and math.isfinite(held_out_loss)
        record = SaveRecord(
            step=step,
            held_out_loss=held_out_loss if finite else None,
            world=self.ranks.world,
            facts=self.facts,
            files={},
        )
        parts[0].update(self.remainder.beside(parts[0]))
        model, train, own = ({name: on_host(t) for name, t in part.items()} for part in parts)
        weights = bytes_of(model) if export is not None else 0
        return _Job(
            path=step_folder(self.folder, step),
            record=record,
            model=model,
            train=train,
            own=own,
            export=export,
            needed=bytes_of(model) + bytes_of(train) + bytes_of(own) * self.ranks.world + weights,
        )

    def _write(self, job: _Job) -> None:
        """Write a copied state; runs behind the training, on all ranks."""
        with ExitStack() as stack:
            opened = self._agree(job, lambda: self._opened(stack, job))
            temporary = next(Path(name) for name in opened if name)
            written = self._agree(job, lambda: self._write_parts(temporary, job))
            files = {name: file for part in written for name, file in part.items()}
            self._agree(job, lambda: self._publish(stack, temporary, job, files))

    def _opened(self, stack: ExitStack, job: _Job) -> str:
        """Make the temporary folder, on the leading rank; return its name there."""
        if not self.ranks.leads:
            return ""
        free = shutil.disk_usage(self.folder).free
        if free < job.needed:
            raise full_disk(job.path, job.needed, free, "the disk has less room")
        return str(stack.enter_context(atomic_folder(job.path, replace=True)))

    def _write_parts(self, temporary: Path, job: _Job) -> dict[str, FileRecord]:
        """Write this rank's files; return what they are like."""
        for part, tensors in ((MODEL, job.model), (TRAIN, job.train)):
            writer = FileSystemWriter(temporary / part, single_file_per_rank=True)
            dcp_save({**tensors}, storage_writer=writer, process_group=self._group)
        own = _own_file(temporary, self.ranks.rank)
        if job.own:
            own.parent.mkdir(exist_ok=True)
            save_safetensors(job.own, own)
        return record_files(temporary, _files_of(temporary, self.ranks.rank))

    def _publish(
        self, stack: ExitStack, temporary: Path, job: _Job, files: Mapping[str, FileRecord]
    ) -> None:
        """Complete the folder, name it, point to it and remove what is not kept."""
        if not self.ranks.leads:
            return
        if job.export is not None:
            job.export(temporary / ADAPTER)
            exported = (item for item in (temporary / ADAPTER).rglob("*") if item.is_file())
            files = {**files, **record_files(temporary, exported)}
        if self.remainder.conditional_timestep is not None:
            told = f"conditional_frame_timestep: {self.remainder.conditional_timestep}\n"
            (temporary / RUN_CONFIG).write_text(told, encoding="utf-8")
            files = {**files, **record_files(temporary, [temporary / RUN_CONFIG])}
        record = job.record.model_copy(update={"files": dict(files)})
        (temporary / RECORD).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
        stack.close()
        write_bytes(self.folder / POINTER, f"{job.path.name}\n".encode())
        for step in superfluous(records_in(self.folder, record.step), self.config):
            remove(step_folder(self.folder, step))

    def _agree(self, job: _Job, work: Callable[[], T]) -> list[T]:
        """Run work on every rank and return all results; if it fails on one, it fails on all.

        Raises:
            StoreError: This rank's failure, or else the first failed rank's.
        """
        values: list[T] = []
        failure: RareworldError | None = None
        try:
            values.append(work())
        except FAILURES as error:
            failure = explained(job.path, job.needed, error)
            failure.__cause__ = None if failure is error else error
        told = self._gathered((values, str(failure or "")))
        if failure is not None:
            raise failure
        first = next((words for _, words in told if words), None)
        if first is not None:
            raise StoreError(first)
        return [value for theirs, _ in told for value in theirs]

    def _gathered(self, value: T) -> list[T]:
        """Return every rank's value, told over the hosts' own group."""
        if self._group is None:
            return [value]
        told = [value] * self.ranks.world
        dist.all_gather_object(told, value, group=self._group)
        return told

    def _fault(self, step: int) -> str:
        """Return what is wrong with a save, the same on every rank; each reads a part of it."""
        path, fault = step_folder(self.folder, step), ""
        try:
            check_files(path, read_record(path), self.ranks.rank, self.ranks.world)
        except StoreError as error:
            fault = str(error)
        return next((words for words in self._gathered(fault) if words), "")

    def _read(self, folder: Path, tensors: dict[str, Tensor]) -> None:
        """Fill tensors from a DCP folder whose index was read without trust."""
        reader = FileSystemReader(folder)
        try:
            dcp_load({**tensors}, storage_reader=reader, process_group=self._group)
        except (OSError, RuntimeError, CheckpointException) as error:
            raise StoreError(
                f"{folder}: expected tensors as its index says, found damage ({reason_of(error)}); "
                "go on from another step"
            ) from error


def _own_facts(mesh: Mesh) -> dict[str, str]:
    """Return what of this machine and plan decides the order of sums."""
    cuda = mesh.ranks.device.type == "cuda"
    return {
        "ranks": str(mesh.ranks.world),
        "parallel.context": str(mesh.context),
        "parallel.shard": str(mesh.shard),
        "torch": str(torch.__version__),
        "device": torch.cuda.get_device_name(mesh.ranks.device) if cuda else "cpu",
    }


def _host_group() -> dist.ProcessGroup | None:
    """Return a group of all ranks that meets on the host, apart from the run's; None alone."""
    if not dist.is_initialized():
        return None
    group = dist.new_group(backend="gloo", timeout=timedelta(seconds=TIMEOUT_S))
    return cast(dist.ProcessGroup, group)


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep_all(folder)
    except OSError as error:
        raise StoreError(
            f"{folder}: expected a folder for checkpoints, cannot be written ({error.strerror}); "
            "choose another with --out"
        ) from error


def _check_seen(folder: Path) -> None:
    last = time.monotonic() + SEEN_WITHIN_S
    while not folder.is_dir():
        if time.monotonic() < last:
            time.sleep(0.1)
            continue
        raise ConfigError(
            f"{folder}: made by rank 0 and not seen here; put the run on a disk that all hosts "
            "share (--out)"
        )


def _own_file(folder: Path, rank: int) -> Path:
    return folder / RANKS / f"{rank:05d}.safetensors"


def _files_of(folder: Path, rank: int) -> list[Path]:
    """Return the files that a rank wrote; the leading one writes the indices of DCP too."""
    parts = [folder / MODEL, folder / TRAIN]
    found = [file for part in parts for file in sorted(part.glob(f"__{rank}_*.distcp"))]
    found += [part / ".metadata" for part in parts if rank == 0]
    own = _own_file(folder, rank)
    return [*found, own] if own.exists() else found


def _read_own(path: Path, rank: int, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return this rank's random state as it was saved; its own where none was."""
    file = _own_file(path, rank)
    return read_safetensors(file)[0] if own and file.exists() else dict(own)


def _notes(
    record: SaveRecord, facts: Mapping[str, str], world: int, *, random: bool
) -> tuple[str, ...]:
    """Say what differs from the run that saved."""
    differ = [
        f"{name} {record.facts.get(name, 'unknown')} -> {facts.get(name, 'unknown')}"
        for name in sorted(record.facts.keys() | facts.keys())
        if record.facts.get(name) != facts.get(name)
    ]
    notes: list[str] = []
    if differ:
        notes.append(
            f"{', '.join(differ)}: sums may have another order, so losses equal an unbroken run's "
            "to rounding and no longer to the bit"
        )
    if random and record.world != world:
        notes.append(
            "random states of ranks: not taken over from another number of ranks; adapter dropout "
            "draws other numbers (noise, levels and batches are the same: they follow from the "
            "seed and the step)"
        )
    return tuple(notes)


def _to_stderr(words: str) -> None:
    sys.stderr.write(f"{words}\n")
