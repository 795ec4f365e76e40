"""Poses what an impact leaves, around the poser of everything else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from rareworld.annotate.world.aftermath.debris import Piece
from rareworld.annotate.world.model import FrameState, Poser

_STILL = np.eye(3, 4, dtype=np.float32)


@final
@dataclass(frozen=True, kw_only=True)
class Stage:
    """An instance that takes another's place."""

    base: int
    """The intact part: gives pose, lamps and presence."""
    before: int
    """Hidden from then on."""
    after: int
    time_s: float


@final
class AfterPoser:
    """Implements `model.Poser`."""

    def __init__(
        self,
        inner: Poser,
        count: int,
        stages: Sequence[Stage],
        pieces: Sequence[tuple[int, Piece]],
        marks: Sequence[tuple[int, float]],
    ) -> None:
        self._inner, self._count = inner, count
        self._stages, self._pieces, self._marks = stages, pieces, marks

    def at(self, time_s: float) -> FrameState:
        """Return the state with dents, pieces and marks of that time."""
        state = self._inner.at(time_s)
        size = len(state.visible) + self._count
        transforms = np.empty((size, 3, 4), dtype=np.float32)
        transforms[: len(state.visible)], transforms[len(state.visible) :] = (
            state.transforms,
            _STILL,
        )
        visible, bits = np.zeros(size, dtype=np.uint8), np.zeros(size, dtype=np.uint32)
        visible[: len(state.visible)], bits[: len(state.state)] = state.visible, state.state
        for stage in self._stages:
            transforms[stage.after] = state.transforms[stage.base]
            bits[stage.after] = state.state[stage.base]
            if time_s >= stage.time_s:
                visible[stage.after] = state.visible[stage.base]
                visible[stage.before] = 0
        for index, piece in self._pieces:
            visible[index] = time_s >= piece.time_s
            transforms[index] = piece.pose(time_s)
        for index, when in self._marks:
            visible[index] = time_s >= when
        return replace(state, transforms=transforms, visible=visible, state=bits)
