"""Continuing held-out clips: which, from which frames, with which noise; groups and their keys."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rareworld.data.video import probe, read_frames
from rareworld.errors import ConfigError, FormatError
from rareworld.recipes.story import AFTER, BEFORE
from rareworld.recipes.story_clips import (
    ClipsConfig,
    ClipsStage,
    Group,
    groups_of,
    held_out_clips,
)
from rareworld.recipes.story_measure import read_clip
from rareworld.runtime.stage import content_key
from tests.recipes.stories import FRAMES, SIZE, make_story, write_predict2, write_sets


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sets(tmp_path_factory.mktemp("clips"))


@pytest.mark.parametrize(
    ("count", "names"),
    [(2, ["clip0", "clip2"]), (4, ["clip0", "clip1", "clip2", "clip3"]), (5, None)],
)
def test_clips_are_spread_over_all_names(tmp_path, clips: Path, count: int, names) -> None:
    config = make_story(Path("m"), clips, clips=count, seed=40)
    found = held_out_clips(config, tmp_path)
    assert [clip.name for clip in found] == (names or [f"clip{n}" for n in range(5)])
    assert [clip.seed for clip in found] == list(range(40, 40 + len(found)))
    assert found[0].prompt == "A traffic CCTV camera: car 0 crashes."


def test_first_frames_are_those_of_the_clip_without_loss(tmp_path: Path, clips: Path) -> None:
    config = make_story(Path("m"), clips, start="image2world")
    for clip in held_out_clips(config, tmp_path):
        assert clip.start == clip.first
        true = next(iter(read_frames(clip.video, "rgb24")))
        np.testing.assert_array_equal(np.asarray(Image.open(clip.first)), true)


def test_five_first_frames_are_given_as_a_video(tmp_path: Path, clips: Path) -> None:
    config = make_story(Path("m"), clips, start="video2world")
    clip = held_out_clips(config, tmp_path)[0]
    given, true = read_clip(clip.start), read_clip(clip.video)
    assert len(given) == 5
    # chroma is halved and colours are converted twice; brightness stays
    apart = np.abs(given.astype(int) - true[:5]).mean()
    assert apart < 6


def test_first_frames_are_written_once(tmp_path: Path, clips: Path) -> None:
    config = make_story(Path("m"), clips)
    first = held_out_clips(config, tmp_path)[0]
    before = first.start.stat().st_mtime_ns
    assert held_out_clips(config, tmp_path)[0].start.stat().st_mtime_ns == before


def test_other_clips_of_the_same_names_have_first_frames_of_their_own(
    tmp_path: Path, clips: Path
) -> None:
    other = write_predict2(tmp_path / "other", 5, seed=9)
    for start in ("image2world", "video2world"):
        config = make_story(Path("m"), clips, start=start)
        moved = config.model_copy(update={"held_out": other})
        pairs = zip(
            held_out_clips(config, tmp_path / "s"), held_out_clips(moved, tmp_path / "s"),
            strict=True,
        )  # fmt: skip
        for mine, theirs in pairs:
            assert mine.name == theirs.name
            for one, two in ((mine.start, theirs.start), (mine.first, theirs.first)):
                assert one.read_bytes() != two.read_bytes()


def test_more_clips_than_there_are_are_refused(tmp_path: Path, clips: Path) -> None:
    config = make_story(Path("m"), clips, clips=6)
    with pytest.raises(ConfigError, match=r"expected at most 5.*found 6.*held_out=DIR"):
        held_out_clips(config, tmp_path)


def test_folders_without_clips_captions_or_frames_are_refused(tmp_path: Path) -> None:
    config = make_story(Path("m"), tmp_path, clips=2)
    with pytest.raises(FormatError, match=r"expected clips in videos/NAME\.mp4.*found 0"):
        held_out_clips(config, tmp_path / "s")
    folder = write_predict2(tmp_path / "held_out", 3, frames=9)
    with pytest.raises(FormatError, match="expected at least 17 frames, found 9"):
        held_out_clips(config, tmp_path / "s")
    (folder / "metas" / "clip0.txt").unlink()
    with pytest.raises(FormatError, match=r"clip0\.txt: missing"):
        held_out_clips(config, tmp_path / "s")


def test_groups_hold_every_clip_of_every_set_once(tmp_path: Path, clips: Path) -> None:
    config = make_story(Path("m"), clips, clips=5, per_item=2)
    found = held_out_clips(config, tmp_path)
    groups = groups_of(config, found, {AFTER: Path("a")})
    assert [(g.set, g.number, len(g.clips)) for g in groups] == [
        (BEFORE, 0, 2), (BEFORE, 1, 2), (BEFORE, 2, 1), (AFTER, 0, 2), (AFTER, 1, 2), (AFTER, 2, 1),
    ]  # fmt: skip
    assert {g.set: g.adapter for g in groups} == {BEFORE: None, AFTER: Path("a")}
    for name in config.sets():
        assert [c for g in groups if g.set == name for c in g.clips] == list(found)


@pytest.fixture(scope="module")
def made(
    tiny: Callable[..., Path],
    tiny_adapter: Path,
    clips: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ClipsStage, tuple[Group, ...], Path]:
    """Return a stage, one group of each set, and the folder with what it made."""
    root = tmp_path_factory.mktemp("made")
    config = make_story(tiny(), clips, clips=2)
    found = held_out_clips(config, root / "starts")
    groups = groups_of(config, found, {AFTER: tiny_adapter})
    stage = ClipsStage(ClipsConfig.of(config, "cpu"))
    for group in groups:
        out = root / stage.item_name(group)
        out.mkdir()
        shares: list[float] = []
        summary = stage.run(group, out, shares.append)
        assert summary == {"set": group.set, "clips": ["clip0", "clip2"]}
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1.0)
    return stage, groups, root


def test_a_group_is_videos_of_the_asked_size(made) -> None:
    stage, groups, root = made
    for group in groups:
        for clip in group.clips:
            info = probe(root / stage.item_name(group) / f"{clip.name}.mp4")
            assert (info.height, info.width, info.num_frames) == (*SIZE, FRAMES)


def test_sets_differ_by_the_adapter_alone(made) -> None:
    stage, (before, after), root = made
    told = [
        json.loads((root / stage.item_name(g) / "clip0.json").read_text()) for g in (before, after)
    ]
    samples = [stage.describe(g)["clips"][0]["sample"] for g in (before, after)]
    assert samples[0] == samples[1]
    assert [bool(stage.describe(g)["clips"][0]["adapters"]) for g in (before, after)] == [
        False, True,
    ]  # fmt: skip
    assert told[0] != told[1]
    videos = [(root / stage.item_name(g) / "clip0.mp4").read_bytes() for g in (before, after)]
    assert videos[0] != videos[1]


def test_keys_follow_from_noise_words_and_steps(made) -> None:
    stage, (before, _), _ = made
    other = ClipsStage(stage.config.model_copy(update={"num_steps": 2}))
    assert content_key(stage, before) != content_key(other, before)
    assert content_key(stage, before) == content_key(ClipsStage(stage.config), before)
