"""A dry run: the batch that training will take, figures, and nothing else on disk."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rareworld.errors import ConfigError, FormatError
from rareworld.train.data.cache import Cache
from rareworld.train.data.order import Order
from rareworld.train.dry_run import SHEET, SHOWN, WIDTH, dry_run
from train.runs import make_config, run_alone, write_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("dry") / "clips")


def test_it_shows_the_first_batch_and_figures(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    found = dry_run(make_config(tiny(), clips), tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {SHEET}
    sheet = np.asarray(Image.open(found.sheet))
    assert sheet.shape == (2 * 160 + 4, SHOWN * WIDTH + (SHOWN - 1) * 4, 3)
    text = found.text()
    assert "data: 5 clips to train on, 1 held out, 0 left out; windows: 5 of 32x48x5" in text
    assert "rank: 4" in text
    assert "trained: 13,312 (7.01%)" in text
    assert "memory, peak:" in text
    for window in found.batch:
        assert f"  {window.name}: {window.item.caption}" in text


def test_the_sheet_shows_the_frames_themselves(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    found = dry_run(make_config(tiny(), clips), tmp_path / "run")
    sheet = np.asarray(Image.open(found.sheet)).astype(int)
    from rareworld.train.data.read import read_window

    for row, window in enumerate(found.batch):
        last = read_window(window, 16)[-1].astype(int)
        cell = sheet[row * 164 : row * 164 + 160, -WIDTH:]
        assert np.abs(cell[-20:].mean((0, 1)) - last[-4:].mean((0, 1))).max() < 6


def test_the_batch_is_the_one_that_training_begins_with(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_config(tiny(), clips, steps=1, data__windows=2, data__flip=True)
    shown = dry_run(config, tmp_path / "dry")
    run_alone(config, tmp_path / "run")
    cache = Cache.open(tmp_path / "run" / "cache")
    order = Order(cache.clips(), {0: 1.0}, config.data.batch_size, config.seed)
    assert [window.name for window in shown.batch] == [pick.window for pick in order.step(0)]


def test_as_json(clips: Path, tiny: Callable[..., Path], tmp_path: Path) -> None:
    (clips / "metas" / "clip5.txt").rename(tmp_path / "kept")
    try:
        values = dry_run(make_config(tiny(), clips), tmp_path / "run").as_json()
    finally:
        (tmp_path / "kept").rename(clips / "metas" / "clip5.txt")
    assert values["clips"]["train"] + values["clips"]["held_out"] == 5
    assert "clip5.txt" in values["clips"]["rejected"]["0/clip5"]
    assert values["estimate"]["trainable"] == 13_312
    assert values["config"]["steps"] == 6


def test_a_gpu_that_is_too_small_is_told_with_the_setting_that_helps(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(
        Path("2B/post-trained"), clips, data__resolution="704,1280",
        compute__device="auto", compute__dtype="bfloat16",
    )  # fmt: skip
    for free, said in ((139e9, "it fits"), (6e9, "--set compute.activations=")):
        monkeypatch.setattr("torch.cuda.is_available", lambda: True)
        monkeypatch.setattr("torch.cuda.mem_get_info", lambda free=free: (int(free), int(140e9)))
        found = dry_run(config, tmp_path / "run")
        assert "this GPU: needs " in found.text()
        assert said in found.text()
        assert found.as_json()["fits"] is (free > 1e11)


def test_a_run_may_begin_where_a_dry_run_was(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_config(tiny(), clips, steps=1)
    dry_run(config, tmp_path / "run")
    assert run_alone(config, tmp_path / "run").step == 1


def test_what_is_wrong_is_told_before_training(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="so that a source is left to train on"):
        dry_run(make_config(tiny(), clips, data__held_out=1.0), tmp_path / "run")
    with pytest.raises((ConfigError, FormatError), match="no-such-model"):
        dry_run(make_config(Path("no-such-model"), clips), tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()
