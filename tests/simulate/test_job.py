"""Recipes, item names and keys, the budget, and one recording from end to end."""

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from rareworld.core.event import EventKind
from rareworld.core.seed import Seed
from rareworld.data.recording import read_recording
from rareworld.errors import CameraError, ConfigError, MapError, ScenarioError
from rareworld.runtime.stage import content_key
from rareworld.simulate import job
from rareworld.simulate.job import (
    CameraConfig,
    Choice,
    LightConfig,
    SimulateConfig,
    SimulateStage,
    draw_site,
    simulate,
)
from rareworld.simulate.maps.library import SHIPPED, load_place
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import Outcome

CRASH = {"scenario": "side_impact", "places": ["signalised_junction"], "variants": [0]}
QUIET = {"demand": {"vehicles_per_hour_per_lane": 30, "pedestrians_per_hour": 0},
         "parking": {"occupancy": 0.1}}  # fmt: skip


def recipe(*choices, **more):
    return SimulateConfig.parse({"scenarios": choices or [CRASH], **more}, source="recipe.yaml")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"scenarios": []}, "scenarios"),
        ({"scenarios": [CRASH], "sede": 3}, "did you mean 'seed'"),
        ({"scenarios": [{**CRASH, "outcom": "safe"}]}, "did you mean 'outcome'"),
        ({"scenarios": [{**CRASH, "outcome": "crash"}]}, "outcome"),
        ({"scenarios": [{**CRASH, "variants": []}]}, "scenarios.0.variants: "),
        ({"scenarios": [CRASH], "n": 0}, "n: "),
        ({"scenarios": [CRASH], "duration_s": 1.0}, "duration_s"),
        ({"scenarios": [CRASH], "event_share": [0.9, 0.2]}, "above high"),
        ({"scenarios": [CRASH], "light": {"hour": 9, "latitude": 3}}, "'latitude_deg'"),
    ],
)
def test_a_wrong_recipe_names_source_field_and_near_miss(values, says):
    with pytest.raises(ConfigError, match=r"recipe\.yaml") as caught:
        SimulateConfig.parse(values, source="recipe.yaml")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"scenario": "side_impct"}, "did you mean 'side_impact'"),
        ({"scenario": "sudden_braking", "outcome": "near_miss"}, "it can in: "),
        ({"scenario": "rear_end", "ranges": {"sped_mps": [5, 8]}}, "rear_end: ranges: unknown key"),
    ],
)
def test_unknown_scenarios_endings_and_ranges_are_named(choice, says):
    with pytest.raises(ConfigError) as caught:
        Choice.parse(choice).build()
    assert says in str(caught.value)


def drawn(config, number=0):
    choice = config.choice(0)
    seed = Seed(config.seed).child("place", number)
    return draw_site(config, choice, choice.build(), seed, Path("unused"))


def test_unknown_places_variants_and_maps_are_named(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'roundabout'"):
        drawn(recipe({"scenario": "rear_end", "places": ["roundabot"]}))
    with pytest.raises(ConfigError, match="variants 0 to"):
        drawn(recipe({"scenario": "rear_end", "places": ["arterial"], "variants": [9]}))
    with pytest.raises(
        ScenarioError, match=r"cannot happen on 'motorway_merge'.*places that allow"
    ):
        drawn(recipe({"scenario": "side_impact", "places": ["motorway_merge"]}))
    with pytest.raises(MapError, match=r"gone\.xodr"):
        drawn(recipe(map=str(tmp_path / "gone.xodr")))


def test_places_are_drawn_among_all_that_fit_and_read_once():
    config = recipe({"scenario": "side_impact"})
    sites = [drawn(config, number) for number in range(40)]
    needs = config.choice(0).build().needs
    assert all(needs <= site.place.info.tags for site in sites)
    fitting = {name for name, info in PLACES.items() if needs <= info.tags}
    assert {site.place.name for site in sites} == fitting
    by_place = {}
    for site in sites:
        key = (site.place.name, site.place.variant)
        assert by_place.setdefault(key, site) is site


def test_a_users_map_is_read_again_only_after_it_has_changed(tmp_path, monkeypatch):
    read = []

    def opened(path, _cache):
        read.append(path)
        return load_place("t_junction")

    monkeypatch.setattr(job, "open_map", opened)
    path = tmp_path / "own.xodr"
    first, again, changed = (job._site_of_map(path, tmp_path, stamp) for stamp in (1, 1, 2))
    assert first is again
    assert changed is not first
    assert read == [path, path]


def test_scenarios_take_turns_by_their_repeats():
    config = recipe({"scenario": "rear_end", "repeat": 2}, {"scenario": "head_on"})
    stage = SimulateStage(config, Path("unused"))
    assert [stage.item_name(i) for i in range(4)] == [
        "00000-rear_end-collision",
        "00001-rear_end-collision",
        "00002-head_on-collision",
        "00003-rear_end-collision",
    ]
    assert stage.name == "simulate"


def test_the_first_outcome_is_the_usual_one():
    assert Choice(scenario="side_impact").ending() is Outcome.COLLISION
    assert Choice(scenario="side_impact", outcome=Outcome.SAFE).ending() is Outcome.SAFE


def key(config, item=0):
    return content_key(SimulateStage(config, Path("unused")), item)


def test_an_items_key_does_not_depend_on_how_many_others_there_are():
    alone = recipe(CRASH)
    assert key(alone) == key(recipe(CRASH, n=500))
    assert key(alone) == key(recipe(CRASH, {"scenario": "head_on"}))
    assert key(alone) != key(alone, 1)


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"fps": 25}, {"physics": {"tyre": {"friction": 0.4}}}, {"attempts": 3},
     {"demand": {"child_share": 0.3}}, {"light": {"hour": 9}}, {"cameras": {"count": 2}}],
)  # fmt: skip
def test_whatever_decides_the_bytes_is_in_the_key(change):
    assert key(recipe(**change)) != key(recipe())
    ranged = {**CRASH, "ranges": {}}
    assert key(recipe(ranged)) == key(recipe())


def test_the_key_follows_a_maps_text_not_its_place(tmp_path):
    one, other = tmp_path / "a" / "own.xodr", tmp_path / "b" / "own.xodr"
    for path in (one, other):
        path.parent.mkdir()
        path.write_text("<OpenDRIVE/>")
    before = key(recipe(map=str(one)))
    assert before == key(recipe(map=str(other)))
    one.write_text("<OpenDRIVE> </OpenDRIVE>")
    assert before != key(recipe(map=str(one)))
    with pytest.raises(ConfigError, match=r"gone\.xodr: cannot be read"):
        key(recipe(map=str(tmp_path / "gone.xodr")))


def test_what_describes_an_item_is_plain_json():
    described = SimulateStage(recipe(), Path("unused")).describe(0)
    assert json.loads(json.dumps(described)) == described


def test_the_hour_is_drawn_within_its_range_with_date_and_offset():
    light = LightConfig(hour=Span.of(6.5, 20.25), utc_offset_h=-3.5)
    rng = np.random.default_rng(1)
    hours = [light.draw(rng).when for _ in range(300)]
    values = [when.hour + when.minute / 60 for when in hours]
    assert 6.5 <= min(values) < 7.5
    assert 19.0 < max(values) <= 20.25 + 1 / 60
    assert {when.utcoffset() for when in hours} == {timedelta(hours=-3.5)}
    assert {when.date() for when in hours} == {light.day}


def test_camera_settings_become_those_of_the_placement():
    view = CameraConfig(width=640, height=480, pole_height_m=Span.of(7, 9)).view()
    assert (view.width, view.height, view.pole_height_m) == (640, 480, (7.0, 9.0))


REASONS = [
    ScenarioError("side_impact: no collision"),
    ScenarioError("side_impact: the way of 'struck' is 3.1 m too short to enter at 9.8 m/s"),
    ScenarioError("side_impact: the way of 'struck' is 0.4 m too short to enter at 11 m/s"),
    CameraError("found 0 of 1 places within 40 m of (-3.5, 8.25); move the focus"),
]


def test_a_spent_budget_counts_reasons_without_their_figures(monkeypatch):
    todo = iter([*REASONS, REASONS[0], REASONS[0]])

    def fail(*_args):
        raise next(todo)

    monkeypatch.setattr(job, "_attempt", fail)
    told = []
    with pytest.raises(ScenarioError) as caught:
        simulate(recipe(attempts=6), 0, cache=Path("unused"), report=told.append)
    message = str(caught.value)
    assert "side_impact (collision) was not reached in 6 attempts" in message
    assert "3 x no collision" in message
    assert "2 x the way of 'struck' is # m too short to enter at # m/s" in message
    assert "1 x no place for a camera that sees it" in message
    assert "raise `attempts`" in message
    assert told == sorted(told)
    assert len(told) == 6
    assert max(told) <= 0.9


def test_errors_of_the_recipe_are_not_counted_as_attempts(monkeypatch):
    def broken(*_args):
        raise ConfigError("physics: friction must be positive")

    monkeypatch.setattr(job, "_attempt", broken)
    with pytest.raises(ConfigError, match="friction"):
        simulate(recipe(), 0, cache=Path("unused"))


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    """One short crash in thin traffic, with the summary and folder its stage wrote."""
    config = recipe(seed=3, duration_s=4, fps=10, **QUIET)
    out = tmp_path_factory.mktemp("take")
    stage = SimulateStage(config, out / "cache")
    folder = out / stage.item_name(0)
    folder.mkdir()
    return config, folder, stage.run(0, folder, lambda _share: None)


def test_a_finished_item_shows_what_was_asked_for(take):
    config, folder, summary = take
    recording = read_recording(folder)
    kinds = Counter(event.kind for event in recording.events)
    assert kinds[EventKind.COLLISION] >= 1
    assert summary["scenario"] == "side_impact"
    assert summary["outcome"] == "collision"
    assert summary["events"] == [event.kind.value for event in recording.events]
    assert summary["actors"] == len(recording.scene.actors)
    hit = next(e for e in recording.events if e.kind is EventKind.COLLISION)
    assert 0.3 * config.duration_s < hit.key_s < 0.8 * config.duration_s
    roles = {a.id: a.role for a in recording.scene.actors}
    assert {roles[i] for i in hit.actors} == {"striking", "struck"}
    assert hit.contact is not None
    assert hit.contact.impulse_ns > 1000


def test_provenance_tells_how_to_make_it_again(take):
    config, folder, summary = take
    provenance = read_recording(folder).provenance
    assert provenance["config"] == config.of_item(0)
    assert "n" not in provenance["config"]
    assert provenance["attempts"] == summary["attempts"]
    assert sum(summary["rejections"].values()) == summary["attempts"] - 1
    assert set(provenance["tools"]) == {"rareworld", "libsumo", "mujoco", "numpy"}
    assert provenance["scenario"] == "side_impact"


@pytest.mark.slow
def test_the_same_item_of_a_larger_job_has_the_same_bytes(take, tmp_path):
    config, folder, _ = take
    larger = recipe(CRASH, {"scenario": "head_on"}, seed=3, duration_s=4, fps=10, n=9, **QUIET)
    SimulateStage(larger, tmp_path / "cache").run(0, tmp_path, lambda _share: None)
    for path in sorted(folder.iterdir()):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name
    assert config.n != larger.n


def test_shipped_places_are_where_the_job_looks():
    assert all((SHIPPED / name / "0.xodr.gz").exists() for name in PLACES)


def test_event_is_early_enough_to_be_complete() -> None:
    from rareworld.simulate.job import event_times
    from rareworld.simulate.scenarios.catalogue import scenario_type

    blocked = scenario_type("blocked_junction")()
    choice = {"scenarios": [{"scenario": "blocked_junction"}]}
    times = event_times(SimulateConfig.parse(choice | {"duration_s": 10.0}), blocked)
    assert times.low == pytest.approx(4.5)
    assert times.high == pytest.approx(10.0 - blocked.after_s)
    with pytest.raises(ScenarioError, match="make it at least"):
        event_times(SimulateConfig.parse(choice | {"duration_s": 5.0}), blocked)
