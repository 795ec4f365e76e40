"""Footage: no scene on two sides, stretches around events, an item's bytes are its own."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rareworld.annotate.lens.config import Preset
from rareworld.core.conditions import USUAL_ROAD, Lighting, RoadCondition, Weather
from rareworld.core.event import EventKind
from rareworld.core.scene import Prop, PropKind, Scene
from rareworld.core.seed import Seed
from rareworld.data.jsontext import write_json
from rareworld.data.video import probe
from rareworld.errors import ConfigError, ScenarioError
from rareworld.recipes.footage import FootageConfig, FootageStage, _shows, played, shots_of
from rareworld.recipes.footage_air import DARK, AirConfig, lit_at, weighted
from rareworld.recipes.footage_folder import ITEMS, gather
from rareworld.recipes.footage_recipes import FOOTAGE, footage_recipe
from rareworld.recipes.footage_scenes import HELD_OUT, SceneName, Scenes, scenes, scenes_for
from rareworld.recipes.footage_windows import WindowConfig, event_time, windows_of
from rareworld.runtime.local import LocalRunner
from rareworld.runtime.stage import content_key
from rareworld.simulate.job import Choice
from rareworld.simulate.maps.library import VARIANTS
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.scenarios.catalogue import SCENARIOS
from rareworld.simulate.scenarios.staging import Outcome
from tests.annotate.caption.hand import FRAMES, Body, event_of, recording_of, seen_of

TINY = FootageConfig(
    scenarios=(Choice(scenario="normal_traffic", places=("midblock_crossing",)),),
    n=2,
    seed=5,
    duration_s=3.0,
    window=WindowConfig(frames=4, event_share=None),
    cameras=(1, 1),
    conditions=(1, 1),
    vehicles_per_hour_per_lane=(300.0,),
    pedestrians_per_hour=(100.0,),
    width=64,
    height=48,
    air=AirConfig(
        lighting={Lighting.AFTERNOON: 1}, weather={Weather.CLEAR_SKY: 1}, unusual_road=0.0
    ),
)


def rng(name="test"):
    return Seed(1).child(name).generator()


def test_no_scene_is_on_two_sides():
    training, held = set(scenes(Scenes.TRAINING)), set(scenes(Scenes.HELD_OUT))
    assert not training & held
    assert held == HELD_OUT
    assert len(training | held) == len(PLACES) * VARIANTS
    assert all(scene.place in PLACES and scene.variant < VARIANTS for scene in held)


def test_each_held_out_place_is_trained_on_in_other_variants():
    trained = {scene.place for scene in scenes(Scenes.TRAINING)}
    assert trained == set(PLACES)


@pytest.mark.parametrize("name", FOOTAGE)
def test_recipes_film_only_their_side_whatever_the_item(name):
    config = footage_recipe(name)
    held = name.endswith("held_out")
    for choice in config.scenarios:
        for scene in scenes_for(choice, config.scenes):
            assert (scene in HELD_OUT) == held
            assert choice.build().needs <= PLACES[scene.place].tags


@pytest.mark.parametrize("name", ["mini_crash", "mini_crash_held_out", "small_crash"])
def test_crash_recipes_hold_every_scenario_that_can_collide(name):
    found = {c.scenario for c in FOOTAGE[name].scenarios if c.ending() is Outcome.COLLISION}
    assert found == {n for n, kind in SCENARIOS.items() if Outcome.COLLISION in kind.outcomes}


def test_pre_training_is_clean_and_the_rest_is_seen_through_a_camera():
    for name, config in FOOTAGE.items():
        clean = name == "mini_normal"
        assert config.lens.preset is (Preset.EXACT if clean else Preset.CCTV)
        assert config.lens.stamp is None
        assert (config.window is None) == clean
        assert config.window is None or config.window.frames == 17


def test_pre_training_holds_no_crash():
    assert {choice.scenario for choice in FOOTAGE["mini_normal"].scenarios} == {"normal_traffic"}


def test_an_unknown_recipe_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="mini_normal"):
        footage_recipe("mini_norml")


def test_a_choice_narrows_the_scenes():
    choice = Choice(scenario="normal_traffic", places=("roundabout",), variants=(0, 2))
    assert scenes_for(choice, Scenes.TRAINING) == (SceneName("roundabout", 0),)
    assert scenes_for(choice, Scenes.HELD_OUT) == (SceneName("roundabout", 2),)
    none = Choice(scenario="normal_traffic", places=("motorway_merge",))
    with pytest.raises(ScenarioError, match="held_out"):
        scenes_for(none, Scenes.HELD_OUT)


@pytest.mark.parametrize(
    ("kind", "pixels", "wanted", "shows"),
    [
        (EventKind.COLLISION, 400, EventKind.COLLISION, True),
        (EventKind.COLLISION, 2, EventKind.COLLISION, False),
        (EventKind.SUDDEN_BRAKING, 400, EventKind.COLLISION, False),
        (EventKind.SUDDEN_BRAKING, 400, None, True),
    ],
)
def test_a_clip_counts_only_if_it_shows_what_it_is_of(kind, pixels, wanted, shows):
    seen = seen_of([Body(), Body("van", pixels=pixels)], (event_of(kind, (1, 2), 1.0),))
    assert _shows(seen, wanted) == shows


@pytest.mark.parametrize("share", [0.25, 0.6])
def test_the_event_falls_where_it_shall_in_the_stretch(share):
    recording = recording_of([Body(), Body()], (event_of(EventKind.COLLISION, (1, 2), 1.0),))
    config = WindowConfig(frames=6, event_share=(share, share))
    ((start, stop),) = windows_of(config, recording, rng())
    assert stop - start == 6
    assert (1.0 * recording.fps - start) / 6 == pytest.approx(share, abs=0.5 / 6)


def test_stretches_stay_in_the_recording_and_do_not_repeat():
    recording = recording_of([Body(), Body()], (event_of(EventKind.COLLISION, (1, 2), 0.1),))
    assert windows_of(WindowConfig(frames=10), recording, rng()) == [(0, 10)]
    anywhere = WindowConfig(frames=16, count=50, event_share=None)
    assert windows_of(anywhere, recording, rng()) == [(0, 16), (1, 17)]
    assert windows_of(None, recording, rng()) == [(0, FRAMES)]
    with pytest.raises(ScenarioError, match="17 frames"):
        windows_of(WindowConfig(frames=18), recording, rng())


def test_a_crash_outweighs_other_events_in_choosing_the_stretch():
    events = (
        event_of(EventKind.SUDDEN_BRAKING, (1,), 0.2),
        event_of(EventKind.NEAR_MISS, (1, 2), 0.4),
        event_of(EventKind.COLLISION, (1, 2), 0.9),
    )
    assert event_time(recording_of([Body(), Body()], events)) == 0.9
    assert event_time(recording_of([Body(), Body()], events[:2])) == 0.4
    assert event_time(recording_of([Body()], events[:1])) == 0.2
    assert event_time(recording_of([Body()])) is None


def test_shares_are_what_is_drawn():
    generator = rng()
    drawn = [weighted({"a": 3.0, "b": 1.0, "c": 0.0}, generator) for _ in range(4000)]
    # three standard deviations of a binomial share of 0.75 with 4000 draws
    assert drawn.count("a") / 4000 == pytest.approx(0.75, abs=0.021)
    assert "c" not in drawn


def test_conditions_go_together_and_floods_are_shallow():
    air, generator = AirConfig(unusual_road=0.8), rng()
    drawn = [air.draw(generator) for _ in range(600)]
    assert {c.weather for c in drawn} == set(Weather)
    assert {c.lighting for c in drawn} == set(Lighting)
    assert {c.record().road for c in drawn} == set(RoadCondition)
    floods = [c.intensity for c in drawn if c.road is RoadCondition.FLOODING]
    assert floods
    assert max(floods) <= air.deepest_flood


def test_usual_roads_follow_the_weather():
    generator = rng()
    for _ in range(50):
        drawn = AirConfig(unusual_road=0.0).draw(generator)
        assert drawn.record().road is USUAL_ROAD[drawn.weather]


def test_without_lamps_there_is_no_night():
    generator = rng()
    assert not {AirConfig().draw(generator, lit=False).lighting for _ in range(300)} & DARK
    with pytest.raises(ConfigError, match="night"):
        AirConfig(lighting={Lighting.NIGHT: 1.0}).draw(generator, lit=False)


@pytest.mark.parametrize(
    ("kind", "x_m", "lit"),
    [(PropKind.STREET_LAMP, 40.0, True), (PropKind.STREET_LAMP, 90.0, False),
     (PropKind.POLE, 5.0, False)],
)  # fmt: skip
def test_a_lamp_near_by_lights_a_place(kind, x_m, lit):
    lamp = Prop(id=10_000, kind=kind, position_m=(x_m, 0, 0), yaw_rad=0, size_m=(0.2, 0.2, 8))
    scene = Scene(name="s", road=recording_of([]).scene.road, props=(lamp,))
    assert lit_at(scene, np.zeros((3, 3))) == lit


@pytest.mark.parametrize("field", ["cameras", "conditions"])
@pytest.mark.parametrize("value", [(0, 1), (3, 2)])
def test_numbers_out_of_order_are_refused(field, value):
    with pytest.raises(ConfigError, match=field):
        FootageConfig.parse({**TINY.model_dump(mode="json"), field: value}, source="test")


def test_levels_must_not_be_empty():
    with pytest.raises(ConfigError, match="levels"):
        FootageConfig.parse(
            {**TINY.model_dump(mode="json"), "pedestrians_per_hour": []}, source="test"
        )


def test_an_item_depends_neither_on_the_number_of_others_nor_on_their_scenarios(tmp_path):
    one = FootageStage(TINY, tmp_path)
    more = TINY.model_copy(
        update={"n": 99, "scenarios": (*TINY.scenarios, Choice(scenario="rear_end"))}
    )
    assert one.describe(0) == FootageStage(more, tmp_path).describe(0)
    assert one.describe(0) != FootageStage(TINY.model_copy(update={"seed": 6}), tmp_path).describe(
        0
    )


def test_other_scenes_are_tried_before_a_recording_is_given_up(tmp_path, monkeypatch):
    tried: list[tuple[str, int]] = []

    def refuse(config, index, *, cache):
        (choice,) = config.scenarios
        tried.append((choice.places[0], choice.variants[0]))
        raise ScenarioError("nothing fits")

    monkeypatch.setattr("rareworld.recipes.footage.simulate", refuse)
    config = TINY.model_copy(update={"scenarios": (Choice(scenario="rear_end"),), "tries": 5})
    with pytest.raises(ScenarioError, match=r"none of 5 scenes could show it.*nothing fits"):
        played(config, 0, tmp_path)
    assert len(set(tried)) == 5


def test_nothing_finished_is_nothing_to_gather(tmp_path):
    with pytest.raises(ConfigError, match="no recording is finished"):
        gather(tmp_path, FootageStage(TINY, tmp_path))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("footage")
    stage = FootageStage(TINY, out / ".maps")
    report = LocalRunner(inline=True).run(stage, range(TINY.n), out / ITEMS)
    assert not report.quarantined, report.quarantined
    return out, gather(out, stage)


def test_a_set_has_videos_captions_and_a_manifest(made):
    out, count = made
    manifest = json.loads((out / "manifest.json").read_text())
    assert count == len(manifest["clips"]) == 2
    assert FootageConfig.parse(manifest["config"], source="manifest").seed == TINY.seed
    for clip in manifest["clips"]:
        info = probe(out / "videos" / f"{clip['name']}.mp4")
        assert (info.num_frames, info.width, info.height, float(info.rate)) == (4, 64, 48, 8.0)
        assert (info.codec, info.pixels) == ("h264", "yuv420p")
        caption = (out / "metas" / f"{clip['name']}.txt").read_text().strip()
        assert caption == clip["caption"]
        assert caption.startswith("A traffic CCTV camera")
        assert "a street with a pedestrian crossing" in caption
        assert (clip["place"], clip["scenario"]) == ("midblock_crossing", "normal_traffic")
        assert SceneName(clip["place"], clip["variant"]) not in HELD_OUT
    assert len({clip["recording"] for clip in manifest["clips"]}) == 2


def test_the_same_item_is_made_of_the_same_bytes(made, tmp_path):
    out, _ = made
    stage = FootageStage(TINY, tmp_path / ".maps")
    LocalRunner(inline=True).run(stage, [1], tmp_path / ITEMS)
    gather(tmp_path, stage)
    (video,) = (tmp_path / "videos").iterdir()
    assert video.read_bytes() == (out / "videos" / video.name).read_bytes()


def test_gathering_again_changes_nothing(made):
    out, count = made
    before = {path: path.stat().st_ino for path in out.glob("*/*") if path.is_file()}
    assert gather(out, FootageStage(TINY, out / ".maps")) == count
    assert {path: path.stat().st_ino for path in before} == before


@dataclass
class Hand:
    """A folder of footage whose items are written by hand."""

    out: Path

    def stage(self, **changes) -> FootageStage:
        return FootageStage(TINY.model_copy(update=changes), self.out)

    def write(self, stage: FootageStage, index: int, *names: str) -> None:
        item = self.out / ITEMS / stage.item_name(index)
        shutil.rmtree(item, ignore_errors=True)
        for name in names:
            for path in (item / "videos" / f"{name}.mp4", item / "metas" / f"{name}.txt"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{name} {stage.config.seed}")
        clips = [{"name": name} for name in names]
        write_json(item / "clips.json", {"source": {}, "clips": clips})
        write_json(item / "stage.json", {"key": content_key(stage, index)})

    def names(self) -> set[str]:
        listed = {clip["name"] for clip in json.loads(self.manifest())["clips"]}
        assert listed <= {path.stem for path in (self.out / "videos").iterdir()}
        return {path.stem for part in ("videos", "metas") for path in (self.out / part).iterdir()}

    def manifest(self) -> str:
        return (self.out / "manifest.json").read_text()


def test_clips_that_a_set_has_no_more_are_removed_and_other_files_stay(tmp_path):
    hand = Hand(tmp_path)
    hand.write(hand.stage(), 0, "a", "b")
    hand.write(hand.stage(), 1, "c")
    assert gather(tmp_path, hand.stage()) == 3
    (tmp_path / "videos" / "mine.mp4").write_text("not ours")
    assert hand.names() == {"a", "b", "c", "mine"}

    assert gather(tmp_path, hand.stage(n=1)) == 2  # not beyond n
    assert hand.names() == {"a", "b", "mine"}

    hand.write(hand.stage(seed=6), 0, "b", "d")  # as --overwrite leaves it
    assert gather(tmp_path, hand.stage(seed=6), replace=True) == 2
    assert hand.names() == {"b", "d", "mine"}
    assert (tmp_path / "videos" / "b.mp4").read_text() == "b 6"


def test_items_of_another_configuration_are_refused_and_nothing_changes(tmp_path):
    hand = Hand(tmp_path)
    hand.write(hand.stage(), 0, "a")
    gather(tmp_path, hand.stage())
    before = hand.manifest()
    with pytest.raises(ConfigError, match="another configuration"):
        gather(tmp_path, hand.stage(seed=6))
    with pytest.raises(ConfigError, match="no recording is finished"):
        gather(tmp_path, hand.stage(seed=6), replace=True)
    assert (hand.manifest(), hand.names()) == (before, {"a"})


def test_finished_items_are_kept(made):
    out, _ = made
    report = LocalRunner(inline=True).run(
        FootageStage(TINY, out / ".maps"), range(TINY.n), out / ITEMS
    )
    assert [outcome.status for outcome in report.outcomes] == ["kept", "kept"]


def test_shots_go_through_conditions_cameras_and_stretches(made, tmp_path):
    config = TINY.model_copy(update={"conditions": (2, 2), "window": WindowConfig(
        frames=4, count=2, event_share=None)})  # fmt: skip
    shots = list(shots_of(config, 0, played(config, 0, tmp_path)[1]))
    assert len({shot.name for shot in shots}) == len(shots) >= 2
    turns = [shot.name.split("-")[1] for shot in shots]
    assert turns == sorted(turns)
    assert set(turns) == {"0", "1"}
    assert all(shot.annotate.render.threads == 1 for shot in shots)


def test_long_clips_have_captions_for_their_stretches(tmp_path):
    config = TINY.model_copy(update={"duration_s": 5.0, "window": None})
    LocalRunner(inline=True).run(FootageStage(config, tmp_path / ".maps"), [0], tmp_path / ITEMS)
    (clip,) = json.loads(next(Path(tmp_path / ITEMS).glob("*/clips.json")).read_text())["clips"]
    assert [(s["start"], s["stop"]) for s in clip["stretches"]] == [(0, 17), (8, 25), (16, 33)]
    assert all(s["caption"].startswith("A traffic CCTV camera") for s in clip["stretches"])
