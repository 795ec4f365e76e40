"""Checks against runs that look well and learn nothing: one for each failure that users report.

| check | failure it stops | reported in |
|---|---|---|
| `check_base` | base weights not loaded | cosmos-predict2.5 #160 |
| `check_first_loss` | the same; the wrong family or text encoder | cosmos-predict2.5 #161 |
| `check_initial` | A zero or not finite: adapters made on the meta device | cosmos-predict2.5 #15 |
| `check_after_first_step` | adapters that get no gradient or no step | cosmos-predict2 #176 |
| `check_adapted_differs` | an adapter that does not reach the output | cosmos-predict2 #176 |
| `check_varied` | one clip, content or noise level over and over | |

A check gives a finding, never an opinion: figures in `found`, and where it fails the likely causes
and remedies. `enforce` raises what failed, all in one message.
Proved in `tests/train/test_guards.py`: each passes on a sound run and fires on one broken so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from rareworld.errors import ConfigError
from rareworld.train.objective.world import FIRST_LOSS_BAND

SAMPLES_OF_A_BAND = 8
"""Samples whose mean the band of first losses holds for; fewer are held against no use at all."""
USELESS = 0.9
"""Share of the error of predicting nothing that says that a network knows nothing."""
LEAST_DIFFERENCE = 1e-6
"""Relative difference below which two outputs count as one: rounding is larger in bfloat16."""
DRAWS_THAT_TELL = (8, 256)
"""Samples that variety is judged by, at least and at most: Predict2.5 has 1000 noise levels."""
_SHOWN = 10
_ROUNDING = 2**-8
"""Relative difference that a cast to bfloat16 leaves."""
_COMPARED = 64
"""Values of each tensor that are compared with the checkpoint's."""


@final
@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check saw."""

    check: str
    ok: bool
    found: str
    """Figures, for the log."""
    remedy: str = ""
    """What it means and what to do, where it failed."""

    def __str__(self) -> str:
        """Return one line for the log."""
        return f"{self.check}: {self.found}" + ("" if self.ok else f"; {self.remedy}")


@final
@dataclass(frozen=True, kw_only=True)
class Seen:
    """One training sample as it was drawn."""

    window: str
    clip: str
    level: float
    """Noise level."""
    fingerprint: tuple[float, float]
    """Mean and deviation of its clean latents."""


def enforce(*findings: Finding) -> None:
    """Raise what failed.

    Raises:
        ConfigError: With every finding that is not sound.
    """
    failed = [str(finding) for finding in findings if not finding.ok]
    if failed:
        raise ConfigError("this run would learn nothing: " + "\n".join(failed))


def check_base(net: nn.Module, wanted: Mapping[str, Tensor], source: str) -> Finding:
    """Compare a network's frozen part with the checkpoint it was loaded from; before sharding.

    Args:
        net: Network, with or without adapters.
        wanted: The checkpoint's tensors by the network's names, its own adapter folded in.
        source: Where it came from, for the message.
    """
    mine = {
        name.replace(".base_layer.", "."): parameter.detach()
        for name, parameter in net.named_parameters()
        if "lora_" not in name
    }
    missing = [name for name in mine if name not in wanted]
    unequal = [name for name in mine if name in wanted and not _same(mine[name], wanted[name])]
    foreign = [name for name in wanted if name not in mine]
    matched = len(mine) - len(missing) - len(unequal)
    parts = (("missing", missing), ("of other values", unequal), ("without a place", foreign))
    what = "; ".join(f"{len(n)} {how}: {', '.join(n[:_SHOWN])}" for how, n in parts if n)
    return Finding(
        check="base weights",
        ok=not what,
        found=f"{matched} of {len(mine)} tensors are those of {source} ({matched / len(mine):.1%})",
        remedy=f"{what}. The file is of another model or layout, or loading skipped what it did "
        "not know: check base.model with `rareworld inspect`, and fetch the file again",
    )


def check_initial(parameters: Mapping[str, Tensor]) -> Finding:
    """Look at trained parameters before the first step: there, finite, A not zero."""
    absent = [name for name, x in parameters.items() if x.is_meta]
    values = {name: _whole(x) for name, x in parameters.items() if not x.is_meta}
    broken = [name for name, x in values.items() if not bool(x.isfinite().all())]
    zero = [name for name, x in values.items() if ".lora_A." in name and not bool(x.any())]
    parts = (("have no memory", absent), ("are not finite", broken), ("are all zero", zero))
    what = "; ".join(f"{len(n)} {how}: {', '.join(n[:_SHOWN])}" for how, n in parts if n)
    return Finding(
        check="initial weights",
        ok=not what and bool(parameters),
        found=f"{len(parameters)} trained tensors, "
        f"{len(parameters) - len({*absent, *broken, *zero})} sound",
        remedy=f"{what or 'nothing is trained'}. Adapters made on the meta device are drawn only "
        "once they have memory (`adapt.draw`); a base that is not finite is a damaged file",
    )


def check_after_first_step(parameters: Mapping[str, Tensor], lr: float) -> Finding:
    """Look at every B after one optimizer step; without adapters there is nothing to see.

    Attention to text alone may still be zero: text is dropped from some samples.

    Args:
        parameters: Trained parameters by name.
        lr: Learning rate of that step.
    """
    every = {name: _whole(x) for name, x in parameters.items() if ".lora_B." in name}
    broken = [name for name, x in every.items() if not bool(x.isfinite().all())]
    zero = [name for name, x in every.items() if not bool(x.any())]
    all_zero = len(zero) == len(every)
    stuck = [name for name in zero if all_zero or ".cross_attn." not in name]
    return Finding(
        check="first step",
        ok=not (stuck or broken),
        found=f"B moved in {len(every) - len(zero)} of {len(every)} layers",
        remedy=_why_stuck(broken, stuck, lr),
    )


def check_first_loss(errors: Tensor, powers: Tensor) -> Finding:
    """Hold the first velocity errors against what pre-trained weights give.

    Args:
        errors: `velocity_error` of the first samples.
        powers: `velocity_power` of them: the error of predicting nothing.
    """
    error, power = float(errors.float().mean()), float(powers.float().mean())
    low, high = FIRST_LOSS_BAND
    few = len(errors) < SAMPLES_OF_A_BAND
    top = max(high, USELESS * power) if few else high
    ok = math.isfinite(error) and low <= error <= top
    return Finding(
        check="first loss",
        ok=ok,
        found=f"velocity error {error:.4g} over {len(errors)} samples, expected {low:.3g} to "
        f"{top:.3g} (predicting nothing: {power:.3g})",
        remedy="above: the base's weights are not in the network, or it is told text, noise or "
        "clean frames of the other generation (base.model, base.encoder, "
        "base.conditional_timestep), or latents are not normalised (build the cache again); "
        "below: the loss is taken over clean frames, or latents are constant",
    )


def check_adapted_differs(adapted: Tensor, base: Tensor) -> Finding:
    """Compare outputs for one input with and without the adapter, after training steps."""
    largest = float((adapted.float() - base.float()).abs().max())
    relative = largest / max(float(base.float().abs().max()), 1e-30)
    return Finding(
        check="adapted output",
        ok=math.isfinite(relative) and relative > LEAST_DIFFERENCE,
        found=f"differs from the base's by {relative:.2g} of its largest value",
        remedy="the adapter does not reach the output: B is zero or below the output's rounding "
        "(train longer, raise optimizer.lr), its layers are not the ones called (adapter.targets), "
        "or the base was compared with itself; not finite: training diverged, lower optimizer.lr",
    )


def check_varied(seen: Sequence[Seen], clips: int) -> Finding:
    """Look whether what was trained on varies: clips, windows' content, noise levels.

    Args:
        seen: Samples in the order they were drawn; fewer than 8 are not judged.
        clips: Clips that there are to draw from.
    """
    least_seen, most_seen = DRAWS_THAT_TELL
    seen = seen[:most_seen]
    names, levels = {x.clip for x in seen}, {x.level for x in seen}
    windows, contents = {x.window for x in seen}, {x.fingerprint for x in seen}
    flat = sum(x.fingerprint[1] == 0 for x in seen)
    # sources of very different sizes repeat their few clips: a quarter is left for that
    least = max(2, min(clips, len(seen)) // 4) if clips > 1 else 1
    faults = {
        f"{len(names)} clips of {clips}": len(names) < least,
        f"{len(levels)} noise levels": len(levels) < len(seen) / 2,
        f"{len(contents)} contents in {len(windows)} windows": len(contents) < len(windows),
        f"{flat} samples of one value throughout": flat > 0,
    }
    wrong = [text for text, fault in faults.items() if fault]
    return Finding(
        check="variety",
        ok=not wrong or len(seen) < least_seen,
        found=f"{len(seen)} samples of {len(names)} clips, {len(windows)} windows, "
        f"{len(levels)} noise levels",
        remedy=f"{', '.join(wrong)}: the order repeats a sample, the cache holds one latent under "
        "several names or the videos are blank (build the cache again), or noise does not follow "
        "the sample's number (ids must differ)",
    )


def _why_stuck(broken: Sequence[str], stuck: Sequence[str], lr: float) -> str:
    if broken:
        return f"{', '.join(broken[:_SHOWN])}: not finite; lower optimizer.lr"
    cause = (
        "the learning rate was 0: raise optimizer.lr or schedule.f_start"
        if lr == 0
        else "no gradient reaches them: their layers are not used, the loss is detached, or every "
        "gradient was dropped as not finite (see the counted ones)"
    )
    return f"{', '.join(stuck[:_SHOWN])}: {cause}"


def _same(mine: Tensor, wanted: Tensor) -> bool:
    """Return whether some values of two tensors are one; packed weights only have to be there."""
    if not mine.is_floating_point():
        return True
    if mine.is_meta or mine.shape != wanted.shape:
        return False
    step = max(1, mine.numel() // _COMPARED)
    some, others = (x.flatten()[::step].cpu() for x in (mine, wanted))
    return torch.allclose(some.float(), others.float(), rtol=_ROUNDING, atol=0.0)


def _whole(tensor: Tensor) -> Tensor:
    """Return all of a tensor; every rank must ask for a sharded one."""
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach()
