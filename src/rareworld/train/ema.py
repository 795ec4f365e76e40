"""Power average of the trained weights: its width is a share of the run so far, not a constant.

    beta_t = (1 - 1 / (t + 1))^(gamma + 1) = (t / (t + 1))^(gamma + 1)       average_0 = weights_0

so the average after steps 0 to T is exactly that of the profile tau^gamma on [0, T + 1]: step t
weighs ((t + 1)^(gamma + 1) - t^(gamma + 1)) / (T + 1)^(gamma + 1). The profile's standard deviation
is s (T + 1) for

    (gamma + 1) / ((gamma + 2)^2 (gamma + 3)) = s^2,    gamma = 6.94 for s = 0.1

Only what is trained is averaged, in float32: 92 MB for an adapter of rank 16 on 2B. Upstream keeps
a second whole network, 7.8 GB.

Source: Karras et al. 2024 (arXiv:2312.02696), sections 3.1 and 3.2; cosmos-predict2, `ema_beta` of
`video2world_model.py`, whose steps count from 0. Proved in `tests/train/test_ema.py`.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from rareworld.errors import ConfigError, StoreError
from rareworld.train.config import EmaConfig
from rareworld.train.optimizer import local


def power_of(s: float) -> float:
    """Return gamma, the power of the profile of relative width `s`.

    Raises:
        ConfigError: If no rising profile is so wide; the widest, even one has 0.2887.
    """
    if not 0 < s < 12**-0.5:
        raise ConfigError(f"ema.s: expected a number between 0 and 0.2887, found {s}")
    roots = np.roots([1.0, 7.0, 16 - s**-2, 12 - s**-2])
    return float(roots[np.abs(roots.imag) < 1e-9].real.max())


def beta_at(step: int, power: float) -> float:
    """Return what the average keeps of itself at a step, counted from 0; nothing at the first."""
    return (step / (step + 1)) ** (power + 1)


@final
class PowerEma:
    """Keeps the average of named parameters, whole or shared among ranks as they are.

    Raises:
        ConfigError: If there is no parameter.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], config: EmaConfig) -> None:
        if not parameters:
            raise ConfigError("no trained parameter to average; look at adapter.targets")
        self._parameters = dict(parameters)
        self._power = power_of(config.s)
        self._averages = {
            name: parameter.detach().to(torch.float32, copy=True)
            for name, parameter in parameters.items()
        }
        self._is_applied = False

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after an optimizer step, counted from 0.

        Raises:
            ConfigError: If the average stands in the weights' place.
        """
        self._require_not_applied()
        beta = beta_at(step, self._power)
        averages = [local(average) for average in self._averages.values()]
        weights = [local(parameter).float() for parameter in self._parameters.values()]
        # one kernel for all; torch's optimizers call it by this name
        torch._foreach_lerp_(averages, weights, 1 - beta)  # pyright: ignore[reportPrivateImportUsage]

    @contextmanager
    def applied(self) -> Generator[None]:
        """Put the average in the weights' place while a block runs; then the weights, bit for bit.

        The weights wait in a copy on their device. Under FSDP2 call `reshard()` on the net before
        and after: a forward pass without gradients leaves its gathered copies behind.

        Raises:
            ConfigError: If it stands there already.
        """
        self._require_not_applied()
        self._is_applied = True
        kept = {name: local(value).detach().clone() for name, value in self._parameters.items()}
        try:
            self._put({name: local(average) for name, average in self._averages.items()})
            yield
        finally:
            self._put(kept)
            self._is_applied = False

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averages by the parameters' names; they share the memory in use."""
        return dict(self._averages)

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take saved averages.

        Raises:
            StoreError: If names or shapes are not those of the trained parameters.
        """
        here = {name: tuple(average.shape) for name, average in self._averages.items()}
        there = {name: tuple(tensor.shape) for name, tensor in state.items()}
        wrong = sorted({name for name, _ in here.items() ^ there.items()})
        if wrong:
            name = wrong[0]
            raise StoreError(
                f"averaged weights: {len(wrong)} names or shapes are not those that are trained; "
                f"{name}: expected {here.get(name)}, found {there.get(name)}; use the adapter "
                "settings of the saved run"
            )
        for name, average in self._averages.items():
            average.copy_(state[name])

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            local(parameter).copy_(values[name])

    def _require_not_applied(self) -> None:
        if self._is_applied:
            raise ConfigError("the averaged weights are applied already; leave that block first")
