"""Scores by frame and set: what is left out, what is paired, what is refused."""

import numpy as np
import pytest

from rareworld.errors import ConfigError
from rareworld.evaluate.paired import paired_rows, paired_scores, psnr, ssim


def clip(seed=0, frames=5, size=(16, 20)):
    draws = np.random.Generator(np.random.Philox(seed))
    return draws.integers(0, 256, (frames, *size, 3), dtype=np.uint8)


def noisier(frames, seed=9):
    """Return a clip that departs further from another with every frame."""
    draws = np.random.Generator(np.random.Philox(seed))
    scale = 4.0 * np.arange(len(frames))[:, None, None, None]
    noisy = frames + draws.normal(size=frames.shape) * scale
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("conditioned", [0, 1, 3])
def test_given_frames_are_not_scored(conditioned):
    true = clip()
    scores = paired_scores([("a", noisier(true))], [("a", true)], conditioned)
    assert scores.conditioned == conditioned
    assert len(scores.by_frame("psnr_db")) == 5 - conditioned
    expected = [
        ssim(a, b) for a, b in zip(noisier(true)[conditioned:], true[conditioned:], strict=True)
    ]
    np.testing.assert_allclose(scores.by_frame("ssim"), expected)


def test_scores_fall_with_time_as_futures_part():
    true = [(f"c{k}", clip(k)) for k in range(3)]
    made = [(name, noisier(frames)) for name, frames in true]
    scores = paired_scores(made, true)
    assert (np.diff(scores.by_frame("psnr_db")) < 0).all()
    assert (np.diff(scores.by_frame("ssim")) < 0).all()


def test_frames_past_the_shorter_clip_are_left_out_and_clips_may_differ_in_length():
    long, short = clip(0, 6), clip(1, 4)
    made = [("a", noisier(long)), ("b", noisier(short))]
    scores = paired_scores(made, [("a", long[:5]), ("b", short)])
    assert [len(item.ssim) for item in scores.clips] == [4, 3]
    curve = scores.by_frame("psnr_db")
    assert len(curve) == 4
    assert curve[3] == pytest.approx(psnr(noisier(long)[4], long[4]))


def test_equal_frames_count_a_hundred_decibels_in_means():
    true = clip()
    scores = paired_scores([("a", true)], [("a", true)])
    assert np.isinf(scores.clips[0].psnr_db).all()
    assert scores.interval("psnr_db") == (100.0, 100.0, 100.0)


def test_the_interval_is_over_clips_and_holds_the_mean():
    true = [(f"c{k}", clip(k)) for k in range(6)]
    made = [(name, noisier(frames, k)) for k, (name, frames) in enumerate(true)]
    scores = paired_scores(made, true)
    value, low, high = scores.interval("ssim")
    assert value == pytest.approx(np.mean([item.ssim.mean() for item in scores.clips]))
    assert low < value < high
    assert scores.interval("ssim") == (value, low, high)


def difference(made, real):
    return np.abs(made.astype(float) - real).mean((1, 2, 3))


def test_lpips_is_asked_once_per_clip_with_the_scored_frames():
    true = clip()
    asked = []

    def spy(made, real):
        asked.append((made.shape, real.shape))
        return difference(made, real)

    scores = paired_scores([("a", noisier(true))], [("a", true)], 2, spy)
    assert asked == [((3, 16, 20, 3), (3, 16, 20, 3))]
    np.testing.assert_allclose(scores.by_frame("lpips"), difference(noisier(true)[2:], true[2:]))
    assert scores.measures() == ("psnr_db", "ssim", "lpips")


@pytest.mark.parametrize("lpips", [None, difference])
def test_rows_say_what_was_left_out_and_how_scores_go(lpips):
    true = [(f"c{k}", clip(k)) for k in range(3)]
    made = [(name, noisier(frames)) for name, frames in true]
    rows = paired_rows(paired_scores(made, true, 1, lpips))
    assert [row["measure"] for row in rows] == ["psnr_db", "ssim", "lpips"][: len(rows)]
    assert len(rows) == (2 if lpips is None else 3)
    for row in rows:
        assert row["low"] <= row["value"] <= row["high"]
        assert (row["clips"], row["conditioned"]) == (3, 1)
        assert (row["first"] > row["last"]) is (row["better"] == "higher")
        assert "given frames not counted" in row["says"]


@pytest.mark.parametrize(
    ("made", "true", "options", "said"),
    [
        ([], [], {}, "at least one pair"),
        ([("a", clip())], [("b", clip())], {}, "'a' stands beside true clip 'b'"),
        ([("a", clip())], [], {}, "true clips end after 0"),
        ([], [("a", clip())], {}, "generated clips end after 0"),
        ([("a", clip(frames=1))], [("a", clip())], {}, "nothing is left"),
        ([("a", clip())], [("a", clip())], {"conditioned": 5}, "5 were given"),
        ([("a", clip())], [("a", clip())], {"conditioned": -1}, "0 or more"),
        ([("a", clip())], [("a", clip(size=(16, 24)))], {}, "one size"),
        ([("a", clip())], [("a", clip())], {"lpips": lambda a, b: np.zeros(2)}, "4 of them"),
        ([("a", clip())], [("a", clip())], {"lpips": lambda a, b: np.full(4, np.nan)}, "0 finite"),
    ],
)
def test_what_does_not_pair_is_refused(made, true, options, said):
    with pytest.raises(ConfigError, match=said):
        paired_scores(made, true, **options)


def test_a_score_that_was_not_asked_for_is_refused():
    scores = paired_scores([("a", clip())], [("a", clip(1))])
    with pytest.raises(ConfigError, match="no paired score 'lpips'"):
        scores.by_frame("lpips")
