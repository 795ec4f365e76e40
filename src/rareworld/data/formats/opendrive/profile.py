"""Piecewise cubics along a road: elevation, lane offset, width, superelevation.

Source: ASAM OpenDRIVE 1.8, the records with coefficients a, b, c, d valid from their start `s`
until the next record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.data.formats.opendrive.node import Node

EDGE_M = 1e-6
"""How far inside an interval the record that rules its end points is looked up."""


@final
@dataclass(frozen=True)
class Profile:
    """A value that is cubic between breakpoints and 0 where no record exists."""

    start_m: Float[np.ndarray, "n"]
    coefficients: Float[np.ndarray, "n 4"]

    def at(
        self, s_m: Float[np.ndarray, "p"], probe_m: Float[np.ndarray, "p"] | None = None
    ) -> Float[np.ndarray, "p"]:
        """Evaluate at stations; `probe_m` picks the record, for one-sided limits at jumps."""
        if not len(self.start_m):
            return np.zeros_like(s_m)
        looked_up = s_m if probe_m is None else probe_m
        row = np.clip(np.searchsorted(self.start_m, looked_up, "right") - 1, 0, None)
        a, b, c, d = self.coefficients[row].T
        ds = s_m - self.start_m[row]
        return a + ds * (b + ds * (c + ds * d))

    @property
    def is_zero(self) -> bool:
        """Whether every coefficient is 0."""
        return not self.coefficients.any()

    def shifted(self, by_m: float) -> "Profile":
        """Return the same profile with its origin moved by a station."""
        return Profile(self.start_m + by_m, self.coefficients)


def read_profile(nodes: Sequence[Node], start: str = "s") -> Profile:
    """Read the records of one profile, sorted by their start."""
    rows = [[node.number(name, 0.0) for name in (start, "a", "b", "c", "d")] for node in nodes]
    for node in nodes:
        node.number(start)
        node.number("a")
    table = np.array(sorted(rows, key=lambda row: row[0]), dtype=np.float64).reshape(-1, 5)
    return Profile(table[:, 0], table[:, 1:])


@final
@dataclass(frozen=True)
class LateralShape:
    """Cross-section height above the superelevated plane: cubics in t, linear between stations."""

    station_m: Float[np.ndarray, "n"]
    sections: tuple[Profile, ...]

    def at(
        self, s_m: Float[np.ndarray, "p"], t_m: Float[np.ndarray, "p k"]
    ) -> Float[np.ndarray, "p k"]:
        """Return the extra height at stations and lateral positions, metres."""
        if not self.sections:
            return np.zeros_like(t_m)
        after = np.clip(np.searchsorted(self.station_m, s_m, "right"), 1, None)
        last = len(self.sections) - 1
        low, high = np.minimum(after - 1, last), np.minimum(after, last)
        gap = self.station_m[high] - self.station_m[low]
        share = np.where(gap > 0, (s_m - self.station_m[low]) / np.where(gap > 0, gap, 1.0), 0.0)
        share = np.clip(share, 0.0, 1.0)[:, None]
        return (1 - share) * self._sections_at(low, t_m) + share * self._sections_at(high, t_m)

    def _sections_at(
        self, index: np.ndarray, t_m: Float[np.ndarray, "p k"]
    ) -> Float[np.ndarray, "p k"]:
        """Evaluate one chosen cross section per station."""
        out = np.zeros_like(t_m)
        for number in np.unique(index):
            rows = index == number
            picked = t_m[rows]
            profile = self.sections[int(number)]
            out[rows] = profile.at(picked.ravel()).reshape(picked.shape)
        return out


def read_shape(nodes: Sequence[Node]) -> LateralShape:
    """Read `lateralProfile/shape` records: several in t for each station."""
    stations = sorted({node.number("s") for node in nodes})
    groups = [[node for node in nodes if node.number("s") == s] for s in stations]
    profiles = tuple(read_profile(group, "t") for group in groups)
    return LateralShape(np.array(stations, dtype=np.float64), profiles)
