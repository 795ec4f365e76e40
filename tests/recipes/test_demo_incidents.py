"""The six incidents: their pictures, words, figures and marks."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rareworld.annotate.conditions import ConditionsConfig
from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.core.camera import Camera
from rareworld.core.event import Event, EventKind
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Recording
from rareworld.data.clip import ClipReader, ClipWriter, open_clip
from rareworld.data.clip_meta import ClipMeta
from rareworld.data.recording import write_recording
from rareworld.draw.report import render_page
from rareworld.recipes.demo import Demo, DemoConfig, Incidents
from rareworld.recipes.demo_incidents import (
    DEMO_CONDITIONS,
    conditions_words,
    demo_config,
    section,
)
from rareworld.recipes.sections import (
    LABELS_FILE,
    MOMENT_FILE,
    PLAN_FILE,
    STRIP_FILE,
    Pair,
    SectionConfig,
    SectionStage,
    moment_of,
)
from rareworld.runtime.stage import JobReport, Outcome
from tests.annotate.streets import street
from tests.data.data_samples import make_event, make_frame, make_label
from tests.events.build import Setting, record, straight
from tests.recipes.stories import quiet_steps

FRAMES, FPS = 6, 10.0
DRAWN = {"speed_mps": 12.345, "side": "left"}
NIGHT = AnnotateConfig.parse({"conditions": {"weather": "raining", "lighting": "night"}})


def _recording() -> Recording:
    made = record(
        [straight((-20, -1.75), 0, 12, id=7), straight((10, -1.75), 0, 0, id=9)],
        FRAMES / FPS, FPS, Setting(road=street().scene.road),
    )  # fmt: skip
    known: dict[str, Any] = {
        "scenario": "rear_end", "outcome": "near_miss", "attempts": 3, "drawn": DRAWN,
    }  # fmt: skip
    return replace(made, events=(make_event(),), provenance=known)


def _clip(path: Path, config: AnnotateConfig, frames: int) -> ClipReader:
    """A clip of some frames that says it was made with a config."""
    height, width = make_frame(0).rgb.shape[:2]
    camera = Camera.looking_at("cam", (0, 0, 9), (9, 2, 0), width=width, height=height, hfov_rad=1)
    made: dict[str, object] = {"annotate": config.decisive()}
    meta = ClipMeta(
        name="crash/cam", camera=camera, fps=FPS, events=_recording().events, provenance=made
    )
    with ClipWriter(path, meta) as writer:
        for index in range(frames):
            writer.write(make_frame(index), [make_label(index)])
    return open_clip(path)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    root = tmp_path_factory.mktemp("demo")
    _clip(root / "clip", NIGHT, FRAMES)
    write_recording(_recording(), root / "00001-rear_end")
    return Pair(root / "00001-rear_end", root / "clip")


@pytest.fixture(scope="module")
def pictures(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("section")
    shares: list[float] = []
    summary = SectionStage(SectionConfig(strip_width=64)).run(pair, out, shares.append)
    assert summary == {"moment": 1}
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    return out


def test_a_section_is_a_film_two_pictures_and_a_plan(pictures: Path) -> None:
    names = {item.name for item in pictures.iterdir()}
    assert names == {LABELS_FILE, MOMENT_FILE, STRIP_FILE, PLAN_FILE}
    assert (pictures / MOMENT_FILE).read_bytes()[:2] == b"\xff\xd8"
    assert (pictures / PLAN_FILE).read_text().startswith("<svg")


def test_pictures_of_a_clip_are_the_same_bytes_every_time(pair, pictures, tmp_path: Path) -> None:
    SectionStage(SectionConfig(strip_width=64)).run(pair, tmp_path, lambda _share: None)
    for item in sorted(pictures.iterdir()):
        assert item.read_bytes() == (tmp_path / item.name).read_bytes(), item.name


@pytest.mark.parametrize("change", [{"shrink": 2}, {"strip_width": 96}, {"every": 1}])
def test_what_decides_the_pictures_is_in_their_key(pair: Pair, change: dict[str, int]) -> None:
    plain, other = SectionStage(SectionConfig()), SectionStage(SectionConfig(**change))
    assert plain.describe(pair) != other.describe(pair)
    json.dumps(other.describe(pair))
    assert plain.item_name(pair) == "00001-rear_end-clip"


def test_a_section_says_what_where_and_under_which_sky(pair: Pair, pictures: Path) -> None:
    made = section(pair, pictures)
    assert made.title == "Rear end (near miss)"
    assert "Place: test; night, raining, puddles." in made.summary
    assert made.moment_caption == "At 0.100 s, with boxes."
    assert made.duration_s == pytest.approx(FRAMES / FPS, abs=1 / FPS)
    assert made.figures == {
        "actors": "2", "frames": "6", "object labels": "6", "contacts felt": "0", "attempts": "3",
        "speed_mps": "12.35", "side": "left",
    }  # fmt: skip
    (mark,) = made.marks
    assert mark.name == "collision"
    assert mark.left_percent == pytest.approx(100 * 0.1 / made.duration_s)


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({}, "clear sky, dry"),
        ({"weather": "fog", "lighting": "golden_hour"}, "golden hour, fog, dry"),
        ({"lighting": "blue_hour", "road": "flooding"}, "blue hour, clear sky, flooding"),
        ({"weather": "snow_falling"}, "snow falling, snow"),
    ],
)
def test_conditions_are_told_in_words(tmp_path: Path, conditions, words: str) -> None:
    config = AnnotateConfig.parse({"conditions": conditions})
    assert conditions_words(_clip(tmp_path / "clip", config, 1)) == words


def test_a_section_without_events_or_draws_says_so(pair: Pair, pictures: Path, tmp_path) -> None:
    known = {"scenario": "rear_end", "outcome": "safe"}
    bare = replace(_recording(), events=(), provenance=known)
    write_recording(bare, tmp_path / "bare")
    made = section(Pair(tmp_path / "bare", pair.clip), pictures)
    assert made.moment_caption == "Mid-clip."
    assert made.marks == ()
    assert made.figures["attempts"] == "1"
    assert "speed_mps" not in made.figures


def _event(kind: EventKind, key_s: float) -> Event:
    return replace(make_event(), kind=kind, key_s=key_s)


@pytest.mark.parametrize(
    ("events", "moment"),
    [
        ((), None),
        ((_event(EventKind.JAYWALKING, 1.0), _event(EventKind.NEAR_MISS, 2.0)), 1.0),
        ((_event(EventKind.STOPPED, 1.0), _event(EventKind.COLLISION, 3.0)), 3.0),
        ((_event(EventKind.COLLISION, 3.0), _event(EventKind.COLLISION, 4.0)), 3.0),
    ],
)
def test_the_moment_of_a_clip(events, moment: float | None) -> None:
    assert moment_of(events) == moment


def test_six_skies_are_legal_differ_and_hold_day_and_night() -> None:
    assert len(DEMO_CONDITIONS) == demo_config().n
    records = [conditions.record() for conditions in DEMO_CONDITIONS]
    assert len(set(records)) == len(records)
    for conditions in DEMO_CONDITIONS:
        again = ConditionsConfig.parse(conditions.model_dump(mode="json"))
        assert again == conditions
    assert {record.lighting for record in records} >= {"night", "afternoon", "golden_hour"}


@pytest.mark.parametrize("seed", [0, 7, 123])
def test_the_demos_seed_is_the_one_asked_for(seed: int) -> None:
    assert demo_config(seed).seed == seed
    assert demo_config(seed).model_copy(update={"seed": 1}) == demo_config(1)


def test_labels_in_the_film_are_those_of_the_clip(pair: Pair) -> None:
    clip = open_clip(pair.clip)
    ids = np.unique([label.object_id for label in clip.labels()])
    assert ids.tolist() == [7]
    assert clip.labels()[0].class_id == int(ClassId.CAR)


def test_the_page_of_incidents_alone(pair: Pair, pictures: Path, tmp_path: Path) -> None:
    steps = quiet_steps(tmp_path)
    steps.timed("simulate", lambda: "done")
    summary = {"attempts": 2, "actors": 11, "events": ["collision", "near_miss"]}
    taken = JobReport((Outcome(item="00001-rear_end", status="done", summary=summary),))
    demo = Demo(config=DemoConfig(story=None), steps=steps)
    page = demo._page(Incidents(pairs=(pair,), shown=(pictures,), taken=taken), None)
    assert page.strip_jpeg == (pictures / STRIP_FILE).read_bytes()
    assert page.story is None
    assert list(page.tables["Recordings"])[1][0] == "00001-rear_end"
    text = render_page(page)
    for words in ("Rear end (near miss)", "simulate", "seed: incidents", "Play together"):
        assert words in text
    assert "post-training" not in text


def test_clips_of_six_cost_a_demo_no_more_than_its_minutes() -> None:
    config = demo_config()
    frames = config.n * config.duration_s * 30
    assert frames * config.cameras.width * config.cameras.height < 400e6
