"""Networks that measure: those whose weights lie on this machine, and why the others are left out.

Nothing is downloaded here: a demo that says "no network" keeps its word, and a missing network is
named with the command that fetches it. Proved in `tests/recipes/test_story_nets.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8

from rareworld.evaluate.config import EvaluateConfig
from rareworld.evaluate.inputs import Loader
from rareworld.models.features import FeatureNet, load_feature_net
from rareworld.models.lpips.net import Lpips, load_lpips
from rareworld.models.networks import network

LPIPS = "lpips"


@final
@dataclass(frozen=True)
class LeftOut:
    """A metric that could not be computed, and why."""

    metric: str
    reason: str


@final
@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where networks come from."""

    found: Callable[[str], Path | None] = lambda name: network(name).found()
    """Returns where a network's weights lie on this machine, or None."""
    load: Loader = load_feature_net
    load_lpips: Callable[[torch.device], Lpips] = lambda device: load_lpips(device=device)


@final
@dataclass(frozen=True, kw_only=True)
class Nets:
    """Networks that are loaded."""

    config: EvaluateConfig
    """Settings less the metrics that are left out."""
    loaded: Mapping[str, FeatureNet]
    """By network and pre-processing."""
    lpips: Lpips | None
    left_out: tuple[LeftOut, ...]

    def again(
        self, name: str, *, weights: Path | None, device: torch.device, preprocessing: str | None
    ) -> FeatureNet:
        """Hand out what is loaded; an `evaluate.inputs.Loader`."""
        del weights, device
        return self.loaded[_key(name, preprocessing)]

    def weights(self) -> dict[str, str]:
        """Return which weights each network carries."""
        told = {key: str(net.weights) for key, net in self.loaded.items()}
        return told | ({} if self.lpips is None else {LPIPS: str(self.lpips.weights)})


def load_nets(config: EvaluateConfig, device: str, sources: Sources | None = None) -> Nets:
    """Load every network that is asked for and lies here.

    Args:
        config: Of the evaluation; its `weights` are taken where they are given.
        device: `cpu` or `cuda`.
        sources: Where networks come from.

    Raises:
        FormatError: If weights that lie here are damaged.
        ConfigError: If a metric or protocol is unknown.
    """
    sources, where = sources or Sources(), torch.device(device)
    loaded: dict[str, FeatureNet] = {}
    missing: dict[str, str] = {}
    for protocol in config.chosen():
        given = config.weights.get(protocol.net)
        if given is None and sources.found(protocol.net) is None:
            missing[protocol.metric] = _reason(protocol.net)
            continue
        key = _key(protocol.net, protocol.preprocessing)
        if key not in loaded:
            loaded[key] = sources.load(
                protocol.net, weights=given, device=where, preprocessing=protocol.preprocessing
            )
    lpips = None if sources.found(LPIPS) is None else sources.load_lpips(where)
    if lpips is None:
        missing[LPIPS] = _reason(LPIPS)
    return Nets(
        config=_without(config, missing),
        loaded=loaded,
        lpips=lpips,
        left_out=tuple(LeftOut(metric, reason) for metric, reason in missing.items()),
    )


def _without(config: EvaluateConfig, missing: Mapping[str, str]) -> EvaluateConfig:
    protocols = tuple(p.name for p in config.chosen() if p.metric not in missing)
    metrics = tuple(metric for metric in config.metrics if metric not in missing)
    return config.model_copy(update={"metrics": metrics, "protocols": protocols})


def _reason(name: str) -> str:
    return (
        f"The weights of {name} are not on this machine, and this command downloads nothing. With "
        f"a network, run: rareworld weights fetch {name} - then the same command again; everything "
        "else is kept. No other network takes its place."
    )


def _key(name: str, preprocessing: str | None) -> str:
    return f"{name} {preprocessing}"


def lpips_distances(
    net: Lpips,
) -> Callable[
    [UInt8[np.ndarray, "t h w 3"], UInt8[np.ndarray, "t h w 3"]], Float[np.ndarray, " t"]
]:
    """Return a network as `evaluate.paired` wants it: NumPy in, NumPy out."""

    def distances(
        one: UInt8[np.ndarray, "t h w 3"], two: UInt8[np.ndarray, "t h w 3"]
    ) -> Float[np.ndarray, " t"]:
        found = net.distances(torch.from_numpy(one), torch.from_numpy(two))
        return found.double().cpu().numpy()

    return distances
