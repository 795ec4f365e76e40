"""From measured JSON to the page's records: bars, floors, verdicts, what was left out."""

from pathlib import Path
from typing import Any

import pytest

from rareworld.recipes.story import AFTER, BEFORE, CONTROL, StoryConfig
from rareworld.recipes.story_clips import HeldOut
from rareworld.recipes.story_page import FEW, _limits, loss_curves, story_of
from tests.recipes.measured import make_comparisons, make_found, make_number


@pytest.fixture
def clips(tmp_path: Path) -> tuple[HeldOut, ...]:
    out: list[HeldOut] = []
    for number in range(7):
        paths = {part: tmp_path / f"{number}.{part}" for part in ("mp4", "png")}
        for part, path in paths.items():
            path.write_bytes(f"{part}{number}".encode())
        out.append(
            HeldOut(
                name=f"clip{number}",
                video=paths["mp4"],
                prompt=f"crash {number}",
                start=paths["png"],
                first=paths["png"],
                seed=number,
            )
        )
    return tuple(out)


def _videos(folder: Path, *names: str) -> dict[str, list[Path]]:
    out: dict[str, list[Path]] = {}
    for name in names:
        out[name] = [folder / f"{name}{number}.mp4" for number in range(7)]
        for path in out[name]:
            path.write_bytes(path.stem.encode())
    return out


def _story(clips, folder: Path, found: dict[str, Any], **changes: Any):
    config = StoryConfig.parse(changes)
    return story_of(config, clips, _videos(folder, *config.sets()), found, [])


def test_a_row_is_the_truth_and_every_set_of_one_clip(clips, tmp_path: Path) -> None:
    story = _story(clips, tmp_path, {AFTER: make_found()})
    assert len(story.rows) == 7
    row = story.rows[3]
    assert row.first_png == b"png3"
    assert [(film.tone, film.mp4) for film in row.films] == [
        ("real", b"mp43"), (BEFORE, b"before3"), (AFTER, b"after3"),
    ]  # fmt: skip
    assert (row.prompt, row.name) == ("crash 3", "clip3, seed 3")
    assert story.shown < len(story.rows)


def test_bars_have_intervals_and_the_floor_is_at_its_number_of_clips(clips, tmp_path) -> None:
    (fid, fvd) = _story(clips, tmp_path, {AFTER: make_found()}).metrics
    assert fid.name == "FID (fid_torch_fidelity)"
    assert [(bar.tone, bar.value, bar.low, bar.high) for bar in fid.bars] == [
        (BEFORE, 80.0, 76.0, 84.0), (AFTER, 40.0, 36.0, 44.0),
    ]  # fmt: skip
    assert fid.floor is not None
    assert (fid.floor.value, fid.floor.label) == (30.0, "real halves, 12 clips each:")
    assert "At 12 clips real halves score 30.0 (25.0 to 35.0 over 10 splits)" in fid.verdict
    assert fvd.floor is None


@pytest.mark.parametrize(
    ("difference", "low", "high", "words"),
    [
        (40.0, 30.0, 50.0, "50 % lower than before"),
        (40.0, 30.0, 50.0, "leaves zero out"),
        (2.0, -3.0, 7.0, "holds zero, so this may be chance"),
        (-8.0, -9.0, -7.0, "10 % higher than before"),
    ],
)
def test_a_verdict_says_how_far_and_how_sure(clips, tmp_path, difference, low, high, words) -> None:
    found = make_found(difference=difference, low=low, high=high)
    assert words in _story(clips, tmp_path, {AFTER: found}).metrics[0].verdict


def test_the_control_has_bars_rows_and_columns_of_its_own(clips, tmp_path: Path) -> None:
    found = {AFTER: make_found(), CONTROL: make_found(CONTROL, value=70.0)}
    story = _story(clips, tmp_path, found, control=True)
    assert [bar.tone for bar in story.metrics[0].bars] == [BEFORE, AFTER, CONTROL]
    assert story.metrics[0].bars[2].value == 70.0
    assert len(story.rows[0].films) == 4
    for _, rows in story.tables:
        assert {len(row) for row in rows} == {len(rows[0])}
        assert "control: normal traffic only" in rows[0]
    assert "as long on normal traffic alone" in story.lead


def test_what_is_owed_to_the_crashes_is_told_against_the_control(clips, tmp_path: Path) -> None:
    gained = {"against_control": make_comparisons(70.0, 7.0, -3.0, 17.0)}
    found = {AFTER: make_found() | gained, CONTROL: make_found(CONTROL, value=70.0)}
    for metric in _story(clips, tmp_path, found, control=True).metrics:
        assert "10 % lower than the control (the 95 % interval of the difference" in metric.verdict
        assert "-3.00 to 17.0, holds zero, so this may be chance" in metric.verdict
    alone = _story(clips, tmp_path, {AFTER: make_found()}).metrics
    assert not any("than the control" in metric.verdict for metric in alone)


@pytest.mark.parametrize(
    ("count", "few"), [(24, True), (FEW - 1, True), (FEW, False), (256, False)]
)
def test_only_few_clips_are_called_few(count: int, few: bool) -> None:
    words = _limits(count)[0]
    assert f"{count} clips" in words
    assert ("are few" in words) is few


def test_what_was_left_out_stands_on_the_page(clips, tmp_path: Path) -> None:
    found = make_found() | {
        "evaluation": None,
        "left_out": [{"metric": "fvd", "reason": "run: rareworld weights fetch i3d"}],
    }
    story = _story(clips, tmp_path, {AFTER: found})
    assert story.metrics == ()
    assert story.left_out == (("FVD", "run: rareworld weights fetch i3d"),)
    assert story.notes == ()


def test_warnings_are_told_once(clips, tmp_path: Path) -> None:
    found = {AFTER: make_found(), CONTROL: make_found(CONTROL)}
    assert _story(clips, tmp_path, found, control=True).notes == ("few clips",)


def test_checks_stand_beside_those_of_real_clips(clips, tmp_path: Path) -> None:
    (title, rows), (_, scores) = _story(clips, tmp_path, {AFTER: make_found()}).tables
    assert title.startswith("Does the camera stand still")
    assert rows[1] == [
        "the camera stands still (share)", "1.00", "0.500 (0.400 to 0.600)",
        "0.900 (0.800 to 1.00)", "higher",
    ]  # fmt: skip
    assert scores[1][0] == "PSNR: close"


def test_a_value_that_json_has_no_number_for_is_a_dash(clips, tmp_path: Path) -> None:
    found = make_found()
    found["fixed_camera"][BEFORE][0]["real"] = "NaN"
    found["fixed_camera"][AFTER].clear()
    (_, rows), _ = _story(clips, tmp_path, {AFTER: found}).tables
    assert (rows[1][1], rows[1][3]) == ("-", "-")


def test_curves_are_steps_their_running_mean_and_held_out_losses() -> None:
    rows = [{"step": 0, "held_out/loss": 2.0}]
    rows += [{"step": step, "loss": float(step % 2)} for step in range(1, 41)]
    rows += [{"step": 40, "held_out/loss": 1.0}]
    each, mean, held = loss_curves(rows)
    assert (len(each.steps), each.values[:2]) == (40, (1.0, 0.0))
    assert mean.values[-1] == pytest.approx(0.5)
    assert (held.steps, held.values, held.dots) == ((0.0, 40.0), (2.0, 1.0), True)
    assert loss_curves([]) == ()
    assert len(loss_curves(rows[1:-1])) == 2


def test_numbers_of_the_helper_are_those_of_an_evaluation() -> None:
    from dataclasses import fields

    from rareworld.evaluate.results import Number

    assert set(make_number("fid", "generated", 1.0)) >= {field.name for field in fields(Number)}
