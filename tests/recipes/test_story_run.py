"""A whole story on the tiny pipeline: what it leaves, and going on after a stop between steps."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rareworld.data.jsontext import read_json
from rareworld.errors import ConfigError, RareworldError
from rareworld.recipes.demo import (
    HEADLINE_FILE,
    REPORT_FILE,
    Demo,
    DemoConfig,
    run_headline,
)
from rareworld.recipes.story import AFTER, BEFORE, CONTROL
from rareworld.recipes.story_clips import ClipsStage
from rareworld.recipes.story_measure import MEASURED, MeasureStage
from rareworld.recipes.story_run import StoryRun, Told
from rareworld.train.config import TrainConfig
from tests.recipes.stories import make_sources, make_story, quiet_steps, write_sets


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sets(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def stopped(
    clips: Path, tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str], Told]:
    """Return the folder of a story that was stopped three times, what was told, what it found."""
    out = tmp_path_factory.mktemp("story")
    told: list[str] = []
    story = StoryRun(
        out=out,
        config=make_story(tiny(), clips),
        steps=quiet_steps(out, told),
        sources=make_sources(),
    )
    made = 0

    def stop_at(count: int) -> Callable:
        def run(self, item, out, report) -> Mapping[str, Any]:
            nonlocal made
            if made == count:
                raise KeyboardInterrupt
            made += 1
            return plain(self, item, out, report)

        return run

    plain = ClipsStage.run
    with pytest.MonkeyPatch.context() as patch:
        for count in (0, 2):
            patch.setattr(ClipsStage, "run", stop_at(count))
            with pytest.raises(RareworldError, match="interrupted"):
                story.run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MeasureStage, "run", _stop)
        with pytest.raises(RareworldError, match="interrupted"):
            story.run()
    return out, told, story.run()


def _model(out: Path) -> Path:
    """Return the pipeline that a story was run with."""
    return Path(TrainConfig.read(out / "training" / AFTER / "config.json").base.model)


def _stop(self, item, out, report) -> dict:
    raise KeyboardInterrupt


def test_each_start_goes_on_where_the_one_before_was_stopped(stopped) -> None:
    _, told, _ = stopped
    steps = [line.partition(" (")[0] for line in told if not line.startswith("measure")]
    trained = [line for line in told if line.startswith("post-train (after)")]
    assert trained[0].startswith("post-train (after): 4 steps done")
    assert all("kept from before" in line for line in trained[1:])
    assert len(trained) == 4
    assert steps[-1] == "generate: 0 done, 4 kept from before, 0 quarantined"
    assert any("2 done, 2 kept from before" in line for line in told)


def test_the_folder_has_what_its_documentation_says(stopped) -> None:
    out, _, told = stopped
    assert {path.name for path in out.iterdir()} == {
        "features", "generated", "measured", "starts", "times.json", "training",
    }  # fmt: skip
    assert set(read_json(out / "times.json")) == {
        "encode (after)", "post-train (after)", "generate", "measure",
    }  # fmt: skip
    for name in (BEFORE, AFTER):
        assert [path.name for path in told.videos[name]] == [f"{c.name}.mp4" for c in told.clips]
        assert all(path.is_file() for path in told.videos[name])


def test_what_is_told_is_what_was_measured(stopped) -> None:
    _, _, told = stopped
    assert set(told.found) == {AFTER}
    assert told.found[AFTER]["clips"] == len(told.clips) == 4
    assert [row["step"] for row in told.losses if "loss" in row] == [1, 2, 3, 4]
    assert told.environment["rareworld"]


def test_a_missing_network_found_later_is_measured_and_nothing_else_again(stopped, clips) -> None:
    out, _, _ = stopped
    config = make_story(_model(out), clips)
    for missing, left_out in ((("i3d",), ["fvd"]), ((), [])):
        told: list[str] = []
        story = StoryRun(
            out=out, config=config, steps=quiet_steps(out, told), sources=make_sources(*missing)
        )
        found = story.run().found[AFTER]
        assert [one["metric"] for one in found["left_out"]] == left_out
        assert "generate: 0 done, 4 kept" in told[2]
        assert "measure: 1 done" in told[3]


def test_the_demo_writes_its_page_from_the_same_folder(stopped, clips) -> None:
    out, _, _ = stopped
    config = DemoConfig(incidents=None, story=make_story(_model(out), clips))
    page = Demo(config=config, steps=quiet_steps(out), sources=make_sources()).run()
    assert page == out / REPORT_FILE
    text = page.read_text(encoding="utf-8")
    for words in ("Before and after post-training", "can and cannot show", "torch", "seed: noise"):
        assert words in text
    assert text.count("<video") == 3 * 4


def test_too_few_clips_are_told_before_any_training(clips: Path, tmp_path: Path) -> None:
    config = make_story(Path("m"), clips, clips=6)
    with pytest.raises(ConfigError, match="expected at most 5"):
        StoryRun(
            out=tmp_path, config=config, steps=quiet_steps(tmp_path), sources=make_sources()
        ).run()
    assert not (tmp_path / "training").exists()


@pytest.mark.slow
def test_the_headline_has_a_control_and_leaves_json(
    clips: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_story(tiny(), clips, clips=2, control=True)
    page = run_headline(config, quiet_steps(tmp_path), sources=make_sources())
    record = read_json(tmp_path / HEADLINE_FILE)
    measured = read_json(tmp_path / "measured" / AFTER / MEASURED)
    assert measured["against_control"]
    assert record["against_control"] == measured["against_control"]
    assert set(record["comparisons"]) == {AFTER, CONTROL}  # pyright: ignore[reportArgumentType]
    assert str(record["sentence"]) in page.read_text(encoding="utf-8").replace("&#39;", "'")
