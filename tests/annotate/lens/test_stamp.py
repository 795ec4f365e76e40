"""Burnt-in text."""

from datetime import datetime

import numpy as np
import pytest

from rareworld.annotate.lens.config import StampConfig
from rareworld.annotate.lens.glyphs import COLUMNS, ROWS, check_text, dots_of
from rareworld.annotate.lens.stamp import Stamp
from rareworld.errors import ConfigError

START = datetime(2026, 6, 21, 23, 59, 58)


def _picture(time_s, height=360, width=640, name="cam0"):
    rgb = np.full((height, width, 3), 100, np.uint8)
    Stamp(StampConfig(), name, START, height).draw(rgb, time_s)
    return rgb


def _read(rgb, count, scale, left, top):
    """Return the dots under a line of signs."""
    block = rgb[top : top + ROWS * scale, left : left + (count * (COLUMNS + 1) - 1) * scale, 0]
    return block[scale // 2 :: scale, scale // 2 :: scale] == 235


def test_time_runs_with_the_frames_across_midnight():
    for time_s, text in [(0.0, "2026-06-21 23:59:58"), (2.4, "2026-06-22 00:00:00")]:
        np.testing.assert_array_equal(_read(_picture(time_s), 19, 1, 3, 3), dots_of(text))


def test_name_stands_at_the_lower_right_with_a_dark_rim():
    rgb = _picture(0.0)
    width = 4 * 6 - 1
    np.testing.assert_array_equal(
        _read(rgb, 4, 1, 640 - 3 - width, 360 - 3 - ROWS), dots_of("CAM0")
    )
    changed = (rgb != 100).any(axis=2)
    assert set(np.unique(rgb[changed])) == {16, 235}
    assert changed.mean() < 0.02


def test_size_follows_the_image_and_text_that_does_not_fit_is_cut():
    tall = (_picture(0.0, 1080, 1920) != 100).any(axis=2).sum()
    assert tall > 6 * (_picture(0.0) != 100).any(axis=2).sum()
    tiny = _picture(0.0, 16, 20, "a-very-long-name")
    assert tiny.shape == (16, 20, 3)


def test_every_sign_differs_and_unknown_ones_are_refused():
    signs = " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:/"
    assert len({dots_of(sign).tobytes() for sign in signs}) == len(signs)
    assert check_text("Cam_1.b") == "CAM_1.B"
    with pytest.raises(ConfigError, match=r"cannot draw \?, Ä .*use letters"):
        Stamp(StampConfig(text="Ä?"), "x", START, 100)
