"""What is laid over a finished picture: mirrors on wet ground, air, then film."""

from typing import final

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from rareworld.annotate.render.air import AirPass
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.film import develop
from rareworld.annotate.render.mirror import Mirror
from rareworld.annotate.render.resolve import Target
from rareworld.annotate.world.model import FrameState


@final
class Afterwork:
    """Keeps the clean radiance of the last picture, and works on a copy of it."""

    def __init__(
        self,
        air: AirPass,
        mirror: Mirror | None,
        film: UInt8[np.ndarray, "n"],
        size: tuple[int, int],
        asked: bool,
        bands: Bands,
        *,
        films: bool = True,
    ) -> None:
        self._films = films
        self._air, self._film, self._asked, self._bands = air, film, asked, bands
        self._mirror = mirror
        self._shape = (size[1], size[0], 3)
        self.clean: Float32[np.ndarray, "p q 3"] = np.zeros((0, 0, 3), np.float32)
        """Exposed radiance without air; empty while nobody wants it."""
        self._worked = self.clean
        self._works = False

    @property
    def works(self) -> bool:
        """Whether it writes every picture itself, from the clean radiance, from now on."""
        return self._works

    @property
    def film(self) -> UInt8[np.ndarray, "n"]:
        """The film for pixels of surfaces; empty where theirs is not the picture yet."""
        return self._film if self._films and not self._works else self._film[:0]

    def prepare(self, state: FrameState) -> bool:
        """Make room where this picture needs it; return whether all of it must be drawn anew."""
        self._works |= self._mirror is not None or self._air.wanted(state)
        if not (self._works or self._asked) or len(self.clean):
            return False
        self.clean = np.zeros(self._shape, np.float32)
        return True

    def apply(
        self, target: Target, triangle: Int32[np.ndarray, "h w"], state: FrameState
    ) -> Float32[np.ndarray, "h w 3"] | None:
        """Write the picture that is seen through the air; return its radiance, where kept."""
        if not self._works:
            return self.clean if self._asked else None
        if not len(self._worked):
            self._worked = np.zeros(self._shape, np.float32)
        worked, clean = self._worked, self.clean
        height = len(worked)
        self._bands.over_rows(
            height, lambda rows: np.copyto(worked[slice(*rows)], clean[slice(*rows)])
        )
        if self._mirror is not None:
            self._mirror.apply(clean, target.depth_m, triangle, state.time_s, worked)
        self._air.apply(worked, target.depth_m, state)
        if self._films:
            self._bands.over_rows(
                height, lambda rows: develop(worked, target.rgb, self._film, rows)
            )
        return worked
