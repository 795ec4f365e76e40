"""A story's settings: what is trained on what, and what the headline adds."""

from pathlib import Path

import pytest

from rareworld.errors import ConfigError
from rareworld.generate.sample import InferenceType
from rareworld.recipes.demo_record import TARGETS
from rareworld.recipes.story import (
    AFTER,
    BEFORE,
    CONTROL,
    StoryConfig,
    demo_story,
    headline,
)

PATHS = {"normal": "n", "crash": "c", "held_out": "h"}


@pytest.mark.parametrize(
    ("name", "sources"), [(AFTER, [Path("n"), Path("c")]), (CONTROL, [Path("n")])]
)
def test_the_control_sees_normal_traffic_alone(name: str, sources: list[Path]) -> None:
    config = StoryConfig.parse({**PATHS, "model": "m", "device": "cpu"})
    run = config.run_of(name)
    assert [source.path for source in run.data.sources] == sources
    assert {source.share for source in run.data.sources} == {1.0}
    assert (run.base.model, run.compute.device) == ("m", "cpu")
    assert run.name.endswith(name)


def test_the_control_is_trained_as_long_and_as_fast() -> None:
    config = headline()
    post, control = config.run_of(AFTER), config.run_of(CONTROL)
    differ = {"name", "data"}
    assert post.model_dump(exclude=differ) == control.model_dump(exclude=differ)
    unlike = {"sources"}
    assert post.data.model_dump(exclude=unlike) == control.data.model_dump(exclude=unlike)


def test_held_out_clips_are_in_no_training() -> None:
    for config in (demo_story(), headline()):
        for name in config.sets():
            if name != BEFORE:
                paths = [source.path for source in config.run_of(name).data.sources]
                assert config.held_out not in paths


@pytest.mark.parametrize(
    ("start", "kind", "given"),
    [("image2world", InferenceType.IMAGE2WORLD, 1), ("video2world", InferenceType.VIDEO2WORLD, 5)],
)
def test_what_a_model_is_given(start: str, kind: InferenceType, given: int) -> None:
    config = StoryConfig.parse({"start": start})
    assert (config.kind, config.given) == (kind, given)


def test_sets_of_the_demo_and_of_the_headline() -> None:
    assert demo_story().sets() == (BEFORE, AFTER)
    assert headline(64, "cpu").sets() == (BEFORE, AFTER, CONTROL)
    assert headline(64, "cpu").clips == 64


def test_the_demo_saves_often_enough_to_lose_little() -> None:
    config = demo_story().training
    assert config.checkpoint.every * 3 <= config.steps
    assert config.watch.held_out_every * 2 == config.steps
    assert config.watch.trackers == ()


def test_the_headline_measures_what_its_targets_are_of() -> None:
    assert set(TARGETS) <= set(headline().measure.metrics)


def test_a_story_survives_json_and_refuses_what_it_does_not_know() -> None:
    config = headline(32)
    assert StoryConfig.parse(config.model_dump(mode="json")) == config
    with pytest.raises(ConfigError, match="num_step"):
        StoryConfig.parse({"num_step": 3})
    with pytest.raises(ConfigError, match="clips"):
        StoryConfig.parse({"clips": 1})
