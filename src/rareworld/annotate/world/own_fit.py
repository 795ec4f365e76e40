"""Turns and scales a model from outside into a blueprint's box.

Proved in tests/annotate/world/test_own_fit.py.
Shapes: F triangles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

import numpy as np
from jaxtyping import Float64

from rareworld.core.blueprint import BLUEPRINTS, Blueprint
from rareworld.core.geometry import FloatArray
from rareworld.errors import ConfigError

Fit = Literal["scale", "exact"]
EXACT_SHARE = 0.03
"""An exact model's sides may differ by so much."""
MOST_STRETCH = 1.5
"""A scaled model may be drawn out along one side by so much more than along another."""
_NEAREST = 3


@final
@dataclass(frozen=True)
class Frame:
    """Which axes of a file point ahead and up."""

    path: Path
    """Of the manifest."""
    forward: str
    up: str

    def rotation(self) -> Float64[np.ndarray, "3 3"]:
        """Return body from file.

        Raises:
            ConfigError: If both are the same axis.
        """
        ahead, top = _unit(self.forward), _unit(self.up)
        if abs(ahead @ top) > 0:
            raise ConfigError(
                f"{self.path}: forward {self.forward!r} and up {self.up!r} are one axis; "
                "glTF's own are '+z' and '+y'"
            )
        return np.stack([ahead, np.cross(top, ahead), top])


def _unit(axis: str) -> Float64[np.ndarray, "3"]:
    out = np.zeros(3)
    out["xyz".index(axis[1])] = 1.0 if axis[0] == "+" else -1.0
    return out


def turned(frame: Frame, corners: Float64[np.ndarray, "f 3 3"]) -> Float64[np.ndarray, "f 3 3"]:
    """Return triangles with x ahead, y to the left and z up.

    Raises:
        ConfigError: If ahead and up are the same axis.
    """
    return corners @ frame.rotation().T


@final
@dataclass(frozen=True)
class Placement:
    """Where a turned model goes: scaled, then shifted."""

    factor: Float64[np.ndarray, "3"]
    shift_m: Float64[np.ndarray, "3"]

    @property
    def round_x(self) -> float:
        """What wheels are stretched by along x to be round again."""
        return float(self.factor[2] / self.factor[0])

    def apply(self, corners: Float64[np.ndarray, "f 3 3"]) -> Float64[np.ndarray, "f 3 3"]:
        """Return triangles in the body frame."""
        return corners * self.factor + self.shift_m


def fitted(
    path: Path, spec: Blueprint, fit: Fit, corners: Sequence[Float64[np.ndarray, "_ 3 3"]]
) -> Placement:
    """Return how a turned model fills a blueprint's box: centred, standing on z = 0.

    Raises:
        ConfigError: If an exact model has another size, or a scaled one other proportions.
    """
    points = np.concatenate(corners).reshape(-1, 3)
    low, high = points.min(axis=0), points.max(axis=0)
    size, box = high - low, np.array(spec.size_m)
    if size.min() <= 1e-6:
        raise ConfigError(f"{path}: file: the model is flat, {_metres(size)}; choose another node")
    factor = box / size if fit == "scale" else np.ones(3)
    if fit == "exact" and np.abs(size / box - 1).max() > EXACT_SHARE:
        near = _near(np.log(size), centred=False)
        raise ConfigError(
            f"{path}: fit: the model measures {_metres(size)}, {spec.name} {_metres(box)}; "
            f"nearest are {near}: choose one of them, or fit: scale"
        )
    if factor.max() / factor.min() > MOST_STRETCH:
        near = _near(np.log(size), centred=True)
        raise ConfigError(
            f"{path}: blueprint: a model of {_metres(size)} (length x width x height) has other "
            f"proportions than {spec.name}, {_metres(box)}; nearest are {near}: choose one of "
            "them, and check forward and up"
        )
    centre = (low + high) / 2
    foot = np.array([centre[0], centre[1], low[2]])
    return Placement(factor, -foot * factor)


def _metres(size: FloatArray) -> str:
    return " x ".join(f"{side:.2f}" for side in size) + " m"


def _near(log_size: FloatArray, *, centred: bool) -> str:
    """Name the blueprints with the most similar sides, or proportions if `centred`."""

    def distance(spec: Blueprint) -> float:
        off = np.log(np.array(spec.size_m)) - log_size
        return float(np.abs(off - off.mean() if centred else off).max())

    closed = [spec for spec in BLUEPRINTS.values() if spec.track_m > 0]
    best = sorted(closed, key=distance)[:_NEAREST]
    return ", ".join(f"{spec.name} ({_metres(np.array(spec.size_m))})" for spec in best)
