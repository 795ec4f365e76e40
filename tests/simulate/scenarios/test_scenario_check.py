"""The catalogue, and refusing what cannot happen on a map or in a clip."""

from pathlib import Path

import pytest

from rareworld.errors import ConfigError, ScenarioError
from rareworld.simulate.maps.library import load_place
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.scenarios.catalogue import SCENARIOS, scenario_type
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import Outcome

DOCS = Path(__file__).resolve().parents[3] / "docs" / "learn" / "scenarios.md"
ISSUE = {
    "rear_end", "side_impact", "head_on", "left_turn_across", "sideswipe", "pedestrian_struck",
    "cyclist_struck", "pile_up", "wrong_way", "red_light", "sudden_braking", "illegal_turn",
    "jaywalking", "swerving", "stalled_vehicle", "blocked_junction", "normal_traffic",
}  # fmt: skip


def test_every_scenario_of_the_issue_is_listed():
    assert set(SCENARIOS) == ISSUE


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_scenarios_introduce_themselves(name: str):
    kind = SCENARIOS[name]
    assert kind.name == name
    assert kind.title[0].isupper()
    assert not kind.title.endswith(".")
    assert kind.summary.endswith(".")
    assert len(kind.summary) < 90
    assert kind.outcomes
    assert len(set(kind.outcomes)) == len(kind.outcomes)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_conflicts_can_end_in_a_near_miss_too(name: str):
    outcomes = SCENARIOS[name].outcomes
    assert (Outcome.COLLISION in outcomes) == (Outcome.NEAR_MISS in outcomes)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_some_place_of_the_library_has_what_is_needed(name: str):
    assert any(SCENARIOS[name].needs <= info.tags for info in PLACES.values())


def test_a_place_that_lacks_something_is_refused_with_the_places_that_have_it():
    with pytest.raises(ScenarioError) as caught:
        SCENARIOS["side_impact"].check(load_place("roundabout"))
    text = str(caught.value)
    assert "side_impact cannot happen on 'roundabout'" in text
    assert "crossroads" in text
    assert "signalised_junction" in text
    assert "t_junction" not in text


def test_a_fitting_place_is_not_refused():
    SCENARIOS["side_impact"].check(load_place("rural_crossroads"))


def test_a_clip_too_short_for_the_event_is_refused_with_the_length_needed():
    SCENARIOS["blocked_junction"].check_time(2.5, 7.0)
    with pytest.raises(ScenarioError, match=r"needs 4 s after the event .* at least 6\.5 s long"):
        SCENARIOS["blocked_junction"].check_time(2.5, 5.0)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="rear_end"):
        scenario_type("rear_ends")
    assert scenario_type("rear_end") is SCENARIOS["rear_end"]


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_the_docs_name_every_scenario_with_its_parameters(name: str):
    text = DOCS.read_text(encoding="utf-8")
    kind = SCENARIOS[name]
    row = next(line for line in text.splitlines() if line.startswith(f"| [`{name}`]"))
    assert kind.summary in row
    assert all(outcome.value in row for outcome in kind.outcomes)
    assert all(tag in row for tag in kind.needs)
    section = text.split(f"### {name}\n")[1].split("\n### ")[0]
    assert f"(../assets/scenarios/{name}-{kind.outcomes[0].value}.jpg)" in section
    for field, info in kind.model_fields.items():
        default = info.default
        drawn = isinstance(default, Span) and default.low != default.high
        shown = f"{default.low:g} to {default.high:g}" if drawn else f"{default:g}"
        assert f"| `{field}` | {shown} |" in section
