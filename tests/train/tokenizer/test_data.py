"""Footage is held once; a step's clips follow from seed and step alone."""

from pathlib import Path

import pytest
import torch

from rareworld.errors import ConfigError, FormatError
from rareworld.train.tokenizer.config import CropConfig, FootageConfig
from rareworld.train.tokenizer.data import (
    Footage,
    draw,
    is_held_out,
    list_videos,
    read_footage,
    split,
)
from train.tokenizer.footage import HEIGHT, WIDTH, film, write_film, write_footage

CROP = CropConfig(frames=5, height=8, width=8, batch=64)


def counted() -> Footage:
    """Return two videos of 6 and 9 frames whose every byte is the frame's number."""
    number = torch.arange(15, dtype=torch.uint8)[:, None, None, None].expand(15, 8, 8, 3)
    return Footage(("a", "b"), number.contiguous(), (0, 6), (6, 9))


def test_clips_are_frames_in_a_row_of_one_video_and_reach_every_window() -> None:
    rgb = draw(counted(), CROP, looked_at=1, seed=0, step=0).rgb
    numbers = ((rgb[:, 0, :, 0, 0] + 1) * 127.5).round().int()
    assert (numbers.diff(dim=1) == 1).all()
    assert sorted(set(numbers[:, 0].tolist())) == [0, 1, 6, 7, 8, 9, 10]


def test_a_step_has_the_same_clips_whenever_it_is_drawn() -> None:
    one, two, other = (draw(counted(), CROP, looked_at=3, seed=0, step=s) for s in (4, 4, 5))
    assert torch.equal(one.rgb, two.rgb)
    assert (one.noise_seed, one.looked_at) == (two.noise_seed, two.looked_at)
    assert not torch.equal(one.rgb, other.rgb)
    assert one.looked_at[0] == 0
    assert len(one.looked_at) == 3


def test_videos_that_are_too_short_are_refused() -> None:
    with pytest.raises(ConfigError, match="no video has 17 frames"):
        draw(counted(), CropConfig(height=8, width=8), looked_at=1, seed=0, step=0)


def test_more_videos_leave_who_is_held_out_as_it_was() -> None:
    config = FootageConfig(held_out_share=0.3)
    files = [Path(f"{number:05d}-0-cam{camera}.mp4") for number in range(40) for camera in (0, 1)]
    few, many = split(files[:40], config)[1], split(files, config)[1]
    assert few == [file for file in many if file in files[:40]]
    assert 10 < len(many) < 40
    assert is_held_out(many[0].name, config)
    assert {file.name[:5] for file in many}.isdisjoint(
        file.name[:5] for file in split(files, config)[0]
    )


def test_videos_are_decoded_whole_in_the_order_of_their_names(tmp_path: Path) -> None:
    config = FootageConfig(folders=(write_footage(tmp_path),), height=HEIGHT, width=WIDTH)
    footage = read_footage(list_videos(config), config)
    assert footage.lengths == (20,) * 4
    assert footage.starts == (0, 20, 40, 60)
    truth = torch.from_numpy(film(sum(footage.names[2].removesuffix(".mp4").encode())))
    error = (footage.frames[40:60].float() - truth.float()).abs().mean()
    assert error < 12  # H.264 with halved colour


def test_bad_footage_is_named(tmp_path: Path) -> None:
    size = {"height": HEIGHT, "width": WIDTH}
    with pytest.raises(ConfigError, match=r"holds no \.mp4"):
        list_videos(FootageConfig(folders=(tmp_path,)))
    with pytest.raises(ConfigError, match=r"footage\.folders"):
        list_videos(FootageConfig())
    write_film(tmp_path / "large.mp4", film(0, height=48))
    config = FootageConfig(folders=(tmp_path,), **size)
    with pytest.raises(FormatError, match=r"large\.mp4: expected 48x32 pixels, found 48x48"):
        read_footage(list_videos(config), config)
    with pytest.raises(ConfigError, match="all of them held out"):
        split(list_videos(config), config)
    twice = FootageConfig(folders=(tmp_path, tmp_path), **size)
    with pytest.raises(ConfigError, match=r"large\.mp4 is in two folders"):
        list_videos(twice)
