"""Date, time and name burnt into the picture: white dots with a dark rim.

Proved in `tests/annotate/lens/test_stamp.py`.
"""

from datetime import datetime, timedelta
from typing import final

import numpy as np
from jaxtyping import Bool, UInt8

from rareworld.annotate.lens.config import StampConfig
from rareworld.annotate.lens.glyphs import ROWS, check_text, dots_of

_WHITE, _BLACK = 235, 16


@final
class Stamp:
    """Writes the time of each frame into it.

    Raises:
        ConfigError: If the name holds signs that cannot be drawn.
    """

    def __init__(self, config: StampConfig, name: str, start: datetime, height: int) -> None:
        self._name = check_text(name if config.text is None else config.text)
        self._start = start
        self._scale = max(round(config.height_share * height / ROWS), 1)

    def draw(self, rgb: UInt8[np.ndarray, "h w 3"], time_s: float) -> None:
        """Write the time at the top left and the name at the bottom right, as far as they fit."""
        now = (self._start + timedelta(seconds=time_s)).strftime("%Y-%m-%d %H:%M:%S")
        margin = 3 * self._scale
        _write(rgb, self._block(now), margin, margin)
        name = self._block(self._name)
        height, width = rgb.shape[:2]
        _write(rgb, name, width - margin - name.shape[1], height - margin - len(name))

    def _block(self, text: str) -> Bool[np.ndarray, "h w"]:
        square = np.ones((self._scale, self._scale), np.bool_)
        return np.kron(dots_of(text), square)


def _write(
    rgb: UInt8[np.ndarray, "h w 3"], dots: Bool[np.ndarray, "p q"], left: int, top: int
) -> None:
    """Paint dots and their rim."""
    wide = np.pad(dots, 1)
    rim = np.zeros_like(wide)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            rim |= np.roll(wide, (down, across), (0, 1))
    for mask, value in ((rim, _BLACK), (wide, _WHITE)):
        top_cut, left_cut = max(1 - top, 0), max(1 - left, 0)
        cut = mask[top_cut:, left_cut:]
        area = rgb[top - 1 + top_cut :, left - 1 + left_cut :][: len(cut), : cut.shape[1]]
        area[cut[: len(area), : area.shape[1]]] = value
