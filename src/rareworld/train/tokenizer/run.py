"""A tokenizer's training from settings to `vae/`; the same call goes on after any end of it.

    config.json        the settings; another call must have the same
    phases.json        from which step on which videos were trained on and held out
    metrics.jsonl      numbers of steps and of measurements; curves.png shows them
    pictures-N.png     held-out clips and what came back of them after N steps
    checkpoint/        what the run goes on from
    vae/               the result; measured.json says how good it is

The list of videos is fixed while a phase lasts: a run that goes on with others is refused, unless
it is told that a new phase begins, which is written down. Proved in
`tests/train/tokenizer/test_run.py`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, final

import torch
from torch import Tensor

from rareworld.data.atomic import write_bytes
from rareworld.data.jsontext import dump_json, read_json, write_json
from rareworld.errors import ConfigError, DeviceError
from rareworld.train.tokenizer.config import TokenizerConfig
from rareworld.train.tokenizer.data import Footage, list_videos, read_footage, split
from rareworld.train.tokenizer.export import round_weights, write_vae
from rareworld.train.tokenizer.journal import HELD_OUT, Journal
from rareworld.train.tokenizer.loop import Trainer
from rareworld.train.tokenizer.measure import measure, write_pictures
from rareworld.train.tokenizer.objective import Perceptual
from rareworld.train.tokenizer.state import load_state, save_state

CONFIG, PHASES, MEASURED = "config.json", "phases.json", "measured.json"
Say = Callable[[str], None]


def train_tokenizer(
    folder: Path,
    config: TokenizerConfig,
    *,
    device: torch.device,
    perceptual: Perceptual | None = None,
    new_phase: bool = False,
    say: Say = print,
) -> Path:
    """Train, or go on, to the last step and return the folder `vae/`.

    Args:
        folder: Of the run; made if need be.
        config: Settings; those that the run began with.
        device: Where to work.
        perceptual: Distance of pictures; needed unless its weight is 0.
        new_phase: Go on with another list of videos than so far.
        say: Hears a line now and then.

    Raises:
        ConfigError: If the settings or videos are not those of the run, or something is missing.
        DeviceError: If the device is a GPU and there is none.
        FormatError: If a video cannot be read.
    """
    _check(config, device, perceptual)
    trained, held_out = split(list_videos(config.footage), config.footage)
    folder.mkdir(parents=True, exist_ok=True)
    _keep_config(folder / CONFIG, config)
    trainer = Trainer(config, device, perceptual)
    step = load_state(folder, trainer.net, trainer.optimizer, trainer.average)
    _keep_phase(folder / PHASES, trained, held_out, step=step, new_phase=new_phase)
    start = time.monotonic()
    films = [read_footage(files, config.footage).to(device) for files in (trained, held_out)]
    sizes = [len(film.frames) for film in films]
    say(f"{sizes[0]} frames to train on, {sizes[1]} held out ({time.monotonic() - start:.1f} s)")
    run = _Run(folder, trainer, films[0], films[1], Journal(folder, step=step), say)
    run.go_on(step)
    return run.finish()


@final
@dataclass(frozen=True)
class _Run:
    """What the steps are done with, and where they are told."""

    folder: Path
    trainer: Trainer
    trained: Footage
    held_out: Footage
    journal: Journal
    say: Say

    def go_on(self, step: int) -> None:
        """Do the steps that are left, measuring and saving on the way."""
        config = self.trainer.config
        if not step:
            self.look(0)
        rows: list[tuple[int, dict[str, Tensor | float]]] = []
        start, since = time.monotonic(), step
        for done in range(step + 1, config.steps + 1):
            rows.append((done, self.trainer.step(self.trained, done - 1)))
            last = done == config.steps
            if not (last or _due(done, config)):
                continue
            self._tell(rows, (done - since) / (time.monotonic() - start))
            rows = []
            if last or done % config.measure_every == 0:
                self.look(done)
            if last or done % config.save_every == 0:
                self.save(done)
            start, since = time.monotonic(), done

    def look(self, step: int) -> None:
        """Measure the average on held-out clips and show it."""
        trainer = self.trainer
        with trainer.average.applied():
            numbers = measure(
                trainer.net, self.held_out, trainer.config.measure_clips, trainer.perceptual
            )
            write_pictures(trainer.net, self.held_out, self.folder / f"pictures-{step}.png")
        self.journal.write(step, {HELD_OUT + name: value for name, value in numbers.items()})
        self.journal.draw()
        told = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        self.say(f"step {step}: held out {told}")

    def save(self, step: int) -> None:
        """Write the checkpoint."""
        trainer = self.trainer
        save_state(self.folder, trainer.net, trainer.optimizer, trainer.average, step=step)

    def finish(self) -> Path:
        """Write `vae/` from the average, and what rounding its weights costs."""
        trainer, clips = self.trainer, self.trainer.config.measure_clips
        with trainer.average.applied():
            whole = measure(trainer.net, self.held_out, clips, trainer.perceptual)
            round_weights(trainer.net)
            rounded = measure(trainer.net, self.held_out, clips, trainer.perceptual)
            path = write_vae(self.folder, trainer.net, self.trained)
        numbers = {"float32": whole, "bfloat16": rounded, "clips": clips}
        write_json(self.folder / MEASURED, numbers)
        self.say(f"{path}: PSNR {rounded['psnr']:.2f} dB, before rounding {whole['psnr']:.2f} dB")
        return path

    def _tell(self, rows: Sequence[tuple[int, dict[str, Tensor | float]]], rate: float) -> None:
        """Write the steps' numbers; the GPU is waited for here."""
        for step, numbers in rows:
            plain = {name: float(value) for name, value in numbers.items()}
            self.journal.write(step, plain | {"steps_per_s": rate})
        step, numbers = rows[-1]
        self.say(f"step {step}: loss {float(numbers['loss']):.4f}, {rate:.2f} steps/s")


def _due(step: int, config: TokenizerConfig) -> bool:
    every = (config.log_every, config.measure_every, config.save_every)
    return any(step % many == 0 for many in every)


def _check(config: TokenizerConfig, device: torch.device, perceptual: Perceptual | None) -> None:
    if config.objective.perceptual and perceptual is None:
        raise ConfigError(
            f"objective.perceptual: weight {config.objective.perceptual}, but no perceptual net "
            "was given; give one, or set the weight to 0"
        )
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError("device cuda: no GPU can be used here; take --device cpu")


def _keep_config(path: Path, config: TokenizerConfig) -> None:
    """Write the settings, or refuse others than those written.

    Raises:
        ConfigError: Naming the first setting that differs.
    """
    wanted = {name: _text(value) for name, value in config.model_dump(mode="json").items()}
    if not path.exists():
        write_json(path, config.model_dump(mode="json"))
        return
    found = {name: _text(value) for name, value in read_json(path).items()}
    for name in wanted.keys() | found.keys():
        # where the videos lie is told by their list, phases.json
        if name != "footage" and wanted.get(name) != found.get(name):
            raise ConfigError(
                f"{path}: {name}: the run has {found.get(name)}, this call {wanted.get(name)}; "
                "use the run's settings or another folder"
            )


def _text(value: object) -> str:
    return dump_json(value).strip()


def _keep_phase(
    path: Path, trained: Sequence[Path], held_out: Sequence[Path], *, step: int, new_phase: bool
) -> None:
    """Write which videos are used from a step on, or refuse others than those written.

    Raises:
        ConfigError: If they differ and no new phase begins.
    """
    now = {"trained": _sizes(trained), "held_out": _sizes(held_out)}
    phases = _phases_until(path, step)
    if phases and {name: phases[-1][name] for name in now} == now:
        return
    if phases and not new_phase and step:
        raise ConfigError(
            f"{path}: the run has {len(phases[-1]['trained'])} videos, this call {len(trained)}, "
            "or some of other sizes; give the same ones, or begin a new phase (--new-phase)"
        )
    kept = phases if step else []
    phases_now = [*kept, {"from_step": step, **now}]
    write_bytes(path, dump_json({"phases": phases_now}).encode())


def _sizes(files: Sequence[Path]) -> dict[str, int]:
    """Return the bytes of each file by its name."""
    return {file.name: file.stat().st_size for file in files}


def _phases_until(path: Path, step: int) -> list[dict[str, Any]]:
    """Return the phases that had begun before a step, the first always."""
    phases = cast(list[dict[str, Any]], read_json(path)["phases"]) if path.exists() else []
    return [phase for phase in phases if phase["from_step"] < step or not phase["from_step"]]
