"""What sets look like: bars, blocks, detail measured on pictures where they are known."""

import io
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float, UInt8
from PIL import Image

from rareworld.core.seed import Seed
from rareworld.evaluate.sets import open_clips
from rareworld.evaluate.survey import (
    BANDS,
    CLIPS,
    bars,
    blocking,
    brightness,
    spectrum,
    survey,
)
from tests.evaluate.standin import pictures, write_set

PICTURE = pictures(0, 1, (96, 160))[0]


def _jpeg(picture: UInt8[np.ndarray, "h w 3"], quality: int) -> Float[np.ndarray, "h w"]:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return brightness(np.asarray(Image.open(stream)))


def test_coarse_jpeg_shows_its_grid_and_a_picture_does_not() -> None:
    plain, fine, coarse = (
        blocking(p) for p in (brightness(PICTURE), _jpeg(PICTURE, 95), _jpeg(PICTURE, 15))
    )
    assert plain < 0.15
    assert fine < 0.15
    assert coarse > 0.3


def test_a_shifted_grid_is_found_too() -> None:
    assert blocking(_jpeg(PICTURE, 15)[3:, 5:]) > 0.3


def test_a_flat_picture_has_no_blocks() -> None:
    assert blocking(np.full((32, 32), 7.0)) == 0


def test_black_bars_are_measured_on_each_side() -> None:
    picture = brightness(PICTURE)
    picture[:12], picture[-24:], picture[:, :16] = 3, 5, 0
    found = bars([picture, picture])
    assert found == pytest.approx((12 / 96, 24 / 96, 16 / 160, 0))


def test_a_dark_moment_or_a_black_picture_is_no_bar() -> None:
    barred = brightness(PICTURE)
    barred[:12] = 0
    assert bars([barred, brightness(PICTURE)]) == (0, 0, 0, 0)
    assert bars([np.zeros((20, 30))]) == (0, 0, 0, 0)


def test_a_wave_stands_in_the_band_of_its_frequency() -> None:
    wave = 50 * np.sin(2 * np.pi * 0.3 * np.arange(240))[None] + np.zeros((240, 1))
    peak = int(np.argmax(spectrum(wave)))
    assert peak == int(0.3 * 2 * BANDS)


def test_scaling_up_takes_the_fine_bands_away() -> None:
    image = Image.fromarray(PICTURE)
    small = image.resize((80, 48), Image.Resampling.BICUBIC)
    scaled = brightness(np.asarray(small.resize(image.size, Image.Resampling.BICUBIC)))
    lost = spectrum(brightness(PICTURE)) - spectrum(scaled)
    assert lost[2 * BANDS // 3 :].mean() > 0.5
    assert abs(lost[1 : BANDS // 6].mean()) < 0.1


def test_a_set_is_told_in_figures(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "a", 3, frames=17)
    (folder / "bad.mp4").write_bytes(b"nothing")
    told = survey(open_clips(folder, "real"), Seed(0)).describe()
    assert told["clips"] == 4
    assert told["looked_at"] == 3
    assert told["sizes"] == {"64x48": 3}
    assert told["rates"] == {"8": 3}
    assert told["codecs"] == {"h264": 3}
    assert told["median_frames"] == 17
    assert 0 < told["median_bits_per_pixel"] < 24
    assert len(told["spectrum_log10"]) == BANDS


def test_no_more_clips_are_opened_than_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("rareworld.evaluate.survey._look", lambda clip: opened.append(clip.name))
    for index in range(CLIPS + 30):
        (tmp_path / f"{index}.mp4").touch()
    found = survey(open_clips(tmp_path, "real"), Seed(0))
    assert len(set(opened)) == len(opened) == CLIPS
    assert found.describe() == {"clips": CLIPS + 30, "looked_at": 0}
