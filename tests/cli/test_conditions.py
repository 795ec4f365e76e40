"""`rareworld conditions` and the options of `annotate` that choose light and weather."""

import json

import pytest
from typer.testing import CliRunner

from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.cli import main as cli
from rareworld.cli.conditions import condition_settings
from rareworld.core.conditions import Lighting, RoadCondition, Weather
from rareworld.data.config import override
from rareworld.errors import ConfigError


def listed(*arguments: str) -> dict[str, list]:
    result = CliRunner().invoke(cli.app, ["conditions", "--json", *arguments])
    assert result.exception is None, result.output
    return json.loads(result.stdout)


def test_all_legal_combinations_are_listed() -> None:
    rows = listed()["conditions"]
    assert len(rows) == 198
    assert {"weather": "raining", "lighting": "night", "road": "puddles"} in rows
    assert {"weather": "raining", "lighting": "night", "road": "dry"} not in rows


def test_a_place_and_a_day_leave_the_lightings_that_occur() -> None:
    found = listed("--latitude", "70", "--date", "2026-06-21")
    assert set(found["lightings"]) == {"golden_hour", "mid_morning", "afternoon", "zenith"}
    assert {row["lighting"] for row in found["conditions"]} == set(found["lightings"])


def test_people_read_a_table_with_reasons() -> None:
    shown = CliRunner().invoke(cli.app, ["conditions"]).stdout
    assert "flooding" in shown
    assert "snow melts" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--latitude", "70"], "go together"),
        (["--date", "2026-06-21"], "go together"),
        (["--latitude", "70", "--date", "June"], "YYYY-MM-DD"),
        (["--latitude", "99", "--date", "2026-06-21"], "latitude"),
    ],
)
def test_half_a_place_and_bad_days_are_refused(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(cli.app, ["conditions", *arguments])
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)


def test_options_given_override_the_file_and_others_stay() -> None:
    written = {"conditions": {"weather": "fog", "intensity": 0.2}}
    given = condition_settings(Weather.RAINING, None, None, 0.9)
    chosen = AnnotateConfig.parse(override(written, given)).conditions
    assert (chosen.weather, chosen.intensity) == (Weather.RAINING, 0.9)
    assert chosen.record().road is RoadCondition.PUDDLES
    kept = AnnotateConfig.parse(override(written, condition_settings(None, None, None, None)))
    assert kept.conditions.weather is Weather.FOG


def test_no_intensity_is_not_the_same_as_intensity_zero() -> None:
    assert condition_settings(None, None, None, None) == []
    assert condition_settings(None, None, None, 0.0) == ["conditions.intensity=0.0"]
    wanted = ["conditions.lighting=night", "conditions.road=snow"]
    assert condition_settings(None, Lighting.NIGHT, RoadCondition.SNOW, None) == wanted


def test_impossible_options_are_refused_before_any_work(tmp_path) -> None:
    result = CliRunner().invoke(
        cli.app, ["annotate", str(tmp_path), "--weather", "raining", "--road", "dry"]
    )
    assert isinstance(result.exception, ConfigError)
    assert "rain wets the road" in str(result.exception)


def test_unknown_weathers_are_refused_with_the_list(tmp_path) -> None:
    result = CliRunner().invoke(cli.app, ["annotate", str(tmp_path), "--weather", "sunny"])
    assert result.exit_code == 2
    assert "clear_sky" in result.output
