"""What ran, for how long, and what the headline found, as tables and as JSON.

Proved in `tests/recipes/test_demo_record.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rareworld.recipes.story import AFTER, CONTROL, StoryConfig
from rareworld.recipes.story_page import changed, interval
from rareworld.recipes.story_run import Told
from rareworld.runtime.stage import JobReport

Rows = list[list[str]]
TARGETS = {"fvd": 35.0, "fid": 35.0}
"""By how many per cent the headline wants a distance to be lower after post-training."""
SCHEMA_VERSION = 1


def tables_of(
    seconds: Mapping[str, float],
    taken: JobReport | None,
    seeds: Mapping[str, int],
    environment: Mapping[str, Any],
) -> dict[str, Sequence[Sequence[str]]]:
    """Return the page's last tables, those with content.

    Args:
        seconds: Of each step.
        taken: The simulation, if there was one.
        seeds: By what they decide.
        environment: As a training run notes it at its start.
    """
    total = sum(seconds.values())
    tables: dict[str, Rows] = {
        "Steps": [
            ["step", "seconds on this machine"],
            *([name, f"{value:.1f}"] for name, value in seconds.items()),
            ["all", f"{total:.0f} ({total / 60:.1f} min)"],
        ],
        "Recordings": _recordings(taken),
        "Versions and seeds": [["what", "value"], *_facts(seeds, environment)],
    }
    return {title: rows for title, rows in tables.items() if len(rows) > 1}


def _recordings(taken: JobReport | None) -> Rows:
    rows = [["recording", "attempts", "actors", "events"]]
    for outcome in () if taken is None else taken.outcomes:
        told = outcome.summary
        rows.append(
            [outcome.item, str(told["attempts"]), str(told["actors"]), ", ".join(told["events"])]
        )
    return rows


def _facts(seeds: Mapping[str, int], environment: Mapping[str, Any]) -> Rows:
    known = {key: environment.get(key) for key in ("rareworld", "commit", "python", "platform")}
    packages = environment.get("packages", {})
    known |= {name: packages.get(name) for name in ("torch", "numpy")}
    known |= {key: environment.get(key) for key in ("device", "cores", "time")}
    rows = [[name, str(value)] for name, value in known.items() if value is not None]
    return rows + [[f"seed: {name}", str(seed)] for name, seed in seeds.items()]


def headline_record(
    config: StoryConfig, told: Told, seconds: Mapping[str, float]
) -> dict[str, Any]:
    """Return the headline as JSON types: settings, numbers, comparisons, target met or not."""
    comparisons = {name: _comparisons(found) for name, found in told.found.items()}
    return {
        "kind": "headline",
        "schema_version": SCHEMA_VERSION,
        "sentence": _sentence(config, told),
        "clips": len(told.clips),
        "given_frames": config.given,
        "seeds": {"post_training": config.training.seed, "first_clip": config.seed},
        "targets_percent": TARGETS,
        "met": met(comparisons.get(AFTER, [])),
        "comparisons": comparisons,
        "against_control": told.found[AFTER]["against_control"],
        "measured": {name: dict(found) for name, found in told.found.items()},
        "names": [clip.name for clip in told.clips],
        "config": config.model_dump(mode="json"),
        "environment": dict(told.environment),
        "seconds": dict(seconds),
    }


def met(comparisons: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether every target is reached, with intervals that leave zero out."""
    found = {item["metric"]: item for item in comparisons}
    return all(
        metric in found
        and found[metric]["drop_percent"] is not None
        and found[metric]["drop_percent"] >= percent
        and found[metric]["difference_low"] > 0
        for metric, percent in TARGETS.items()
    )


def _comparisons(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [] if found["evaluation"] is None else list(found["evaluation"]["comparisons"])


def _sentence(config: StoryConfig, told: Told) -> str:
    """Return what was found in one sentence or two."""
    parts = [
        f"{item['metric'].upper()} {item['before']:.3g} to {item['after']:.3g} ({changed(item)})"
        for item in _comparisons(told.found[AFTER])
    ]
    steps = f"{config.training.steps} steps on normal and crash clips 1:1"
    text = f"After {steps}, on {len(told.clips)} crash clips of scenes never trained on: "
    text += ", ".join(parts) + "." if parts else "no distance could be computed."
    return text + (_control(told) if CONTROL in told.found else "")


def _control(told: Told) -> str:
    """Return what the control scores, and what the post-trained model gains over it."""
    scores = [
        f"{item['metric'].upper()} {item['after']:.3g}"
        for item in _comparisons(told.found[CONTROL])
    ]
    gains = [
        f"{item['metric'].upper()} {changed(item)} ({interval(item)})"
        for item in told.found[AFTER]["against_control"] or ()
    ]
    if not scores or not gains:
        return ""
    return (
        f" The control, trained on normal traffic alone, scores {', '.join(scores)}."
        f" Against the control, the post-trained model scores {', '.join(gains)}; only this "
        "difference can be owed to the crashes."
    )
