"""Everything a run keeps so that it goes on as if it had never stopped.

The data's place follows from the step (`data.order`) and the draws from (seed, id); what is left
are the trained weights, the optimizer's moments, the average, and the random states of each rank
(adapter dropout). `state_dict` holds tensors only, by parameter name, so that they are read
without pickle and spread over any number of GPUs. Proved in `tests/train/test_resume.py`.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Average(Protocol):
    """A running average of the trained weights."""

    def update(self, step: int) -> None:
        """Take in the weights after an optimizer step, counted from 0."""
        ...

    def applied(self) -> AbstractContextManager[None]:
        """Put the average in the weights' place while a block runs."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Return the average."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take a saved average."""
        ...


@final
@dataclass(kw_only=True)
class TrainState:
    """What changes during a run."""

    parameters: Mapping[str, nn.Parameter]
    """Trained parameters by name; frozen ones are the base model's and never saved."""
    optimizer: torch.optim.Optimizer
    """Over exactly these parameters."""
    ema: Average | None = None
    rank: int = 0
    """Whose random state this is."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Whose random state is kept besides the host's."""
    step: int = 0
    """Optimizer steps done."""
    nonfinite: int = 0
    """Steps whose gradient was not finite and was not used."""
    gather: Callable[[], Callable[[Path], None]] | None = None
    """Copies what other programs load (an adapter) to the host, asked of every rank; what it
    returns writes the copy into a new folder, on the leading rank alone."""

    def state_dict(self) -> dict[str, Any]:
        """Return nested tensors that share the weights' memory, so that loading may fill them.

        `rng` holds this rank's state only, under its number.
        """
        self._fill_optimizer()
        return {
            "counts": torch.tensor([self.step, self.nonfinite]),
            "parameters": {name: value.detach() for name, value in self.parameters.items()},
            "optimizer": {
                name: dict(self.optimizer.state[value]) for name, value in self.parameters.items()
            },
            **({} if self.ema is None else {"ema": self.ema.state_dict()}),
            "rng": {str(self.rank): self._random()},
        }

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take a saved state; a rank that was not saved keeps its own random state."""
        self._fill_optimizer()
        self.step, self.nonfinite = (int(count) for count in state["counts"])
        for name, value in self.parameters.items():
            value.copy_(state["parameters"][name])
            kept: dict[str, Tensor] = self.optimizer.state[value]
            for key, tensor in kept.items():
                tensor.copy_(state["optimizer"][name][key])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self._set_random(state.get("rng", {}).get(str(self.rank), {}))

    def _fill_optimizer(self) -> None:
        """Make the optimizer's moments before its first step, by a step that changes nothing."""
        values = self.parameters.values()
        if all(value in self.optimizer.state for value in values):
            return
        groups = self.optimizer.param_groups
        rates = [group["lr"] for group in groups]
        for group in groups:
            group["lr"] = 0.0
        for value in values:
            value.grad = torch.zeros_like(value)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate
        for tensor in (x for value in values for x in self.optimizer.state[value].values()):
            tensor.zero_()

    def _random(self) -> dict[str, Tensor]:
        state = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        return state

    def _set_random(self, state: Mapping[str, Tensor]) -> None:
        if "cpu" in state:
            torch.set_rng_state(state["cpu"].cpu())
        if "cuda" in state and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"].cpu(), self.device)
