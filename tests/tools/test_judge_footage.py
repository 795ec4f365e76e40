"""Figures of footage by closed forms, and the cutting of recordings for single frames."""

from dataclasses import replace
from itertools import product

import av
import numpy as np
import pytest

from rareworld.annotate.conditions import ConditionsConfig
from rareworld.core.conditions import Lighting
from tests.annotate.labels.random_scenes import Body, recording_of
from tests.tools.workshop import tool

footage, frames, page = (tool(f"judge.{name}") for name in ("footage", "frames", "page"))
NAMES, statistics, span, outside = (
    footage.NAMES, footage.statistics, footage.span, footage.outside,
)  # fmt: skip
VIEWS, cut, luma = frames.VIEWS, frames.cut, frames.luma


def flat(red, green, blue, size=(20, 30)):
    return np.full((*size, 3), (red, green, blue), np.uint8)


@pytest.mark.parametrize(
    ("colour", "share"),
    [
        ((255, 255, 255), 1.0),
        ((0, 0, 0), 0.0),
        ((255, 0, 0), 0.2126),
        ((0, 255, 0), 0.7152),
        ((0, 0, 255), 0.0722),
        ((51, 51, 51), 0.2),
    ],
)
def test_luma_is_that_of_bt_709(colour, share):
    np.testing.assert_allclose(luma(flat(*colour)), share, atol=1e-9)


@pytest.mark.parametrize("grey", [20, 100, 255])
def test_an_even_grey_picture_has_no_contrast_and_no_colour(grey):
    found = statistics(flat(grey, grey, grey))
    share = grey / 255
    expected = {"mean": share, "contrast": 0, "dark": share, "bright": share,
                "saturation": 0, "warmth": 1}  # fmt: skip
    assert found == pytest.approx(expected, abs=1e-9)
    assert tuple(found) == NAMES


def test_a_black_picture_divides_by_nothing():
    found = statistics(flat(0, 0, 0))
    assert found["saturation"] == 0
    assert found["warmth"] == 0
    assert all(np.isfinite(list(found.values())))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_contrast_of_black_and_white_is_the_deviation_of_a_coin(share):
    rgb = flat(0, 0, 0, (100, 100))
    rgb[: int(100 * share)] = 255
    found = statistics(rgb)
    assert found["mean"] == pytest.approx(share)
    assert found["contrast"] == pytest.approx(np.sqrt(share * (1 - share)))
    assert (found["dark"], found["bright"]) == pytest.approx((0, 1))


@pytest.mark.parametrize("colour", [(200, 100, 50), (50, 100, 200), (255, 128, 0)])
def test_saturation_is_that_of_hsv_and_warmth_red_over_blue(colour):
    found = statistics(flat(*colour))
    assert found["saturation"] == pytest.approx((max(colour) - min(colour)) / max(colour))
    if colour[2]:
        assert found["warmth"] == pytest.approx(colour[0] / colour[2])
    else:
        assert found["warmth"] > 1e5


def test_black_pixels_have_no_say_in_saturation():
    rgb = flat(200, 100, 50)
    rgb[:10] = (12, 0, 0)
    assert statistics(rgb)["saturation"] == pytest.approx(0.75)


def test_figures_do_not_depend_on_where_pixels_are():
    random = np.random.Generator(np.random.Philox(2))
    rgb = random.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    mixed = random.permutation(rgb.reshape(-1, 3)).reshape(60, 20, 3)
    assert statistics(rgb) == pytest.approx(statistics(mixed))


def test_ranges_hold_every_clip_and_touch_two():
    random = np.random.Generator(np.random.Philox(3))
    rows = [dict(zip(NAMES, random.uniform(0.1, 0.9, 6).tolist(), strict=True)) for _ in range(5)]
    limits = span(rows)
    for name in NAMES:
        values = [row[name] for row in rows]
        assert limits[name] == (min(values), max(values))
    for row in rows:
        assert outside(row, limits) == {}


@pytest.mark.parametrize(
    ("value", "is_out"), [(0.29, True), (0.31, False), (0.99, False), (1.01, True)]
)
def test_a_figure_may_leave_the_range_by_a_quarter(value, is_out):
    row = dict.fromkeys(NAMES, 0.6) | {"mean": value}
    limits = dict.fromkeys(NAMES, (0.4, 0.8))
    assert outside(row, limits) == ({"mean": value} if is_out else {})


def test_without_footage_nothing_is_outside():
    assert outside(dict.fromkeys(NAMES, 7.0), {}) == {}


def test_a_clip_is_sampled_from_its_first_to_its_last_frame(tmp_path):
    """Grey rises evenly from frame to frame: the mean over the samples is that of the ends."""
    path, count = tmp_path / "ramp.mp4", 40
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"crf": "1"}
        for k in range(count):
            picture = av.VideoFrame.from_ndarray(flat(60 + 3 * k, 60 + 3 * k, 60 + 3 * k, (48, 64)))
            out.mux(stream.encode(picture))
        out.mux(stream.encode())
    found = footage.clip_statistics(path)
    picked = [int(k) for k in np.linspace(0, count - 1, footage.SAMPLED)]
    assert found["mean"] == pytest.approx(np.mean([60 + 3 * k for k in picked]) / 255, abs=0.01)
    assert found["contrast"] < 0.01
    assert found["saturation"] < 0.02


# frames


RECORDING = recording_of([Body(0, -3, 0, 0, 0.4, 2, 0, 0), Body(1, 4, 2, 0, 1.0, 0, 1, 0)], 12)


@pytest.mark.parametrize(("first", "stop"), [(0, 12), (0, 1), (5, 9), (11, 12)])
def test_a_cut_holds_those_frames_and_nothing_else(first, stop):
    part = cut(RECORDING, first, stop)
    assert part.tracks.num_frames == stop - first
    for name in RECORDING.tracks.__dataclass_fields__:
        whole, mine = (getattr(one.tracks, name) for one in (RECORDING, part))
        axis = 0 if name == "time_s" else 1
        np.testing.assert_array_equal(mine, np.take(whole, range(first, stop), axis=axis))
    assert part.signal_states.shape[1] == stop - first
    assert part.scene == RECORDING.scene
    assert part.contacts == ()
    assert part.events == RECORDING.events


def test_a_cut_of_a_cut_is_a_cut():
    once = cut(RECORDING, 4, 9)
    twice = cut(cut(RECORDING, 2, 11), 2, 7)
    for name in once.tracks.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(once.tracks, name), getattr(twice.tracks, name))


def test_the_recording_is_not_changed_by_a_cut():
    before = RECORDING.tracks.position_m.copy()
    cut(RECORDING, 3, 5).tracks.position_m.copy()
    np.testing.assert_array_equal(RECORDING.tracks.position_m, before)


def test_recordings_are_found_by_the_start_of_their_name(tmp_path):
    for name in ("00001-b", "00001-a", "00010-c"):
        (tmp_path / name).mkdir()
    assert frames.find_recording(tmp_path, "00001").name == "00001-a"
    assert frames.find_recording(tmp_path, "00010").name == "00010-c"
    with pytest.raises(SystemExit, match=r"no recording 00002-\*; simulate docs/recipes/judged"):
        frames.find_recording(tmp_path, "00002")


def test_the_judged_views_are_24_all_possible_and_apart():
    assert len({view.name for view in VIEWS}) == len(VIEWS) == 24
    for view in VIEWS:
        assert 0 < view.at < 1
        made = ConditionsConfig.parse(
            {"lighting": view.lighting, "weather": view.weather, "road": view.road},
            source=view.name,
        )
        assert made.record().lighting is Lighting(view.lighting)
    assert frames.WARM_UP >= 5


def test_the_judged_views_hold_every_weather_and_both_day_and_night():
    for field, least in (("weather", 6), ("road", 4), ("recording", 9)):
        assert len({getattr(view, field) for view in VIEWS}) >= least
    days = [view for view in VIEWS if view.by_day]
    assert 12 <= len(days) <= 20
    for view, lighting in product(
        VIEWS[:1], ("night", "twilight", "blue_hour", "sunset", "sunrise")
    ):
        assert not replace(view, lighting=lighting).by_day


# the page


def row(name, *, day, **more):
    figures = dict.fromkeys(NAMES, 0.5)
    return {"view": name, "day": day, "shown": 4, "found": 3, "false": 1, "outside": {},
            "statistics": figures, **more}  # fmt: skip


def part(shown, found, false):
    return {"recall": found["car"] / shown["car"], "frames": 2, "false": false, "shown": shown,
            "found": found, "named": {}}  # fmt: skip


RESULT = {
    "views": [row("a", day=True), row("b", day=True, outside={"mean": 0.9}), row("c", day=False)],
    "real": {"clip": dict.fromkeys(NAMES, 0.25)},
    "day": part({"car": 4, "bus": 1}, {"car": 3}, 2),
    "night": part({"car": 2}, {"car": 1}, 0),
}


def test_the_page_adds_up_what_was_found_by_kind():
    table = page._classes(RESULT).splitlines()
    assert "| bus | 1 | 0 | 0 | 0 |" in table
    assert "| car | 4 | 3 | 2 | 1 |" in table
    assert "| **all** | 5 | 3 | 2 | 1 |" in table
    assert "Recall by day 75%, by night and dusk 50%" in table[-1]


def test_the_page_sets_real_figures_beside_ours():
    table = page._footage(RESULT).splitlines()
    assert len({line.count("|") for line in table}) == 1
    assert table[2].startswith("| real: clip | 0.25 |")
    assert "0.50 to 0.50" in table[3]


def test_the_page_names_frames_outside_the_range_and_says_none_if_none():
    assert "of 2 frames by day: `b` (mean)." in page._outside(RESULT)
    calm = {**RESULT, "views": [RESULT["views"][0]]}
    assert "of 1 frames by day: none." in page._outside(calm)


def test_each_frame_is_shown_before_and_after():
    text = page._view(RESULT["views"][0])
    assert "3 of 4 vehicles found, 1 false" in text
    assert text.count("](../assets/judged/a") == 2
