"""The judge against a local server that answers well, badly, late and not at all."""

import json
import socket

import numpy as np
import pytest

from evaluate.judge.serving import TOKEN, Reply, chat, serving
from rareworld.errors import ConfigError, JobError
from rareworld.evaluate.judge import JudgeConfig, judge_clips

GOOD = '{"score": 4, "reason": "One wheel flickers."}'
CLIPS = [(name, np.full((5, 32, 48, 3), 90 + k, np.uint8), 8.0) for k, name in enumerate("abc")]


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("RAREWORLD_JUDGE_KEY", TOKEN)


def judged(url, clips=CLIPS, waits=None, **options):
    config = JudgeConfig(base_url=url, model="vlm", timeout_s=5, **options)
    return judge_clips(clips, config, sleep=(waits if waits is not None else []).append)


def test_a_good_answer_is_a_verdict_with_time_tokens_and_cost():
    with serving(Reply(chat(GOOD))) as (url, seen):
        report = judged(url, CLIPS[:1], input_price=10.0, output_price=100.0)
    (item,) = report.judged
    assert (item.name, item.verdict.score, item.verdict.reason) == ("a", 4.0, "One wheel flickers.")
    assert (item.sent_tokens, item.answered_tokens, item.attempts) == (120, 30, 1)
    assert report.cost == pytest.approx((120 * 10 + 30 * 100) / 1e6)
    assert report.seconds > 0
    assert seen[0].path == "/v1/chat/completions"
    assert seen[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_the_request_holds_model_frames_and_question():
    with serving() as (url, seen):
        judged(url, CLIPS[:1], max_frames=3, seed=7)
    body = seen[0].body
    kinds = [part["type"] for part in body["messages"][0]["content"]]
    assert kinds == ["image_url"] * 3 + ["text"]
    assert (body["model"], body["temperature"], body["seed"]) == ("vlm", 0.0, 7)
    assert TOKEN not in json.dumps(body)


def test_anomalies_are_asked_for_with_their_own_scale():
    replies = [Reply(chat("Melts. <answer>Yes</answer>")), Reply(chat("<answer>No</answer>"))]
    with serving(*replies) as (url, seen):
        report = judged(url, CLIPS[:2], question="anomaly", send="video")
    assert [item.verdict.score for item in report.judged] == [0, 1]
    assert report.row()["scale"] == "0 to 1, more is better"
    assert seen[0].body["messages"][0]["content"][0]["type"] == "video_url"


@pytest.mark.parametrize(
    "bad",
    [
        Reply(chat("I like it.")),
        Reply("not json"),
        Reply("[1]"),
        Reply('{"choices": []}'),
        Reply(chat(None)),
        Reply("busy", 503),
        Reply("slow down", 429),
    ],
)
def test_what_passes_is_tried_again_after_growing_waits(bad):
    waits = []
    with serving(bad, bad, Reply(chat(GOOD))) as (url, seen):
        report = judged(url, CLIPS[:1], waits)
    assert report.judged[0].attempts == 3
    assert waits == [1.0, 2.0]
    assert len(seen) == 3


def test_the_server_may_say_how_long_to_wait():
    waits = []
    with serving(Reply("", 429, {"Retry-After": "7"}), Reply(chat(GOOD))) as (url, _):
        judged(url, CLIPS[:1], waits)
    assert waits == [7.0]


def test_a_malformed_answer_sets_its_clip_aside_and_the_others_are_judged():
    replies = [Reply(chat(GOOD)), Reply(chat("??")), Reply(chat("??")), Reply(chat(GOOD))]
    with serving(*replies) as (url, _):
        report = judged(url, attempts=2)
    assert [item.name for item in report.judged] == ["a", "c"]
    (aside,) = report.quarantined
    assert aside.name == "b"
    assert aside.reason == "malformed answer '??' (attempt 2 of 2)"
    row = report.row()
    assert (row["clips"], row["quarantined"], row["value"]) == (2, 1, 4.0)


def test_a_request_that_one_clip_cannot_make_is_not_repeated():
    with serving(Reply("too large", 413), Reply(chat(GOOD))) as (url, seen):
        report = judged(url, CLIPS[:2])
    assert report.quarantined[0].reason == "HTTP 413: too large (attempt 1 of 3)"
    assert len(seen) == 2


def test_no_verdict_at_all_is_an_error():
    with serving(Reply(chat("no idea"))) as (url, _), pytest.raises(JobError, match="none of 3"):
        judged(url, attempts=1)


def test_a_wrong_key_ends_the_run_at_once_and_is_never_shown(monkeypatch):
    wrong = "sk-wrong-" + "x" * 150
    monkeypatch.setenv("RAREWORLD_JUDGE_KEY", wrong)
    with serving() as (url, seen), pytest.raises(ConfigError, match="HTTP 401") as caught:
        judged(url)
    assert "sk-wrong" not in str(caught.value)
    assert "***" in str(caught.value)
    assert len(seen) == 1


def test_a_key_may_end_in_a_newline(monkeypatch):
    monkeypatch.setenv("RAREWORLD_JUDGE_KEY", f"{TOKEN}\n")
    with serving(Reply(chat(GOOD))) as (url, seen):
        judged(url, CLIPS[:1])
    assert seen[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("between", ["\n", "\r\nX-Other: ", "\t", "\x7f", "é", "\u200b"])
def test_a_key_that_no_header_takes_is_refused_and_not_shown(monkeypatch, between):
    monkeypatch.setenv("RAREWORLD_JUDGE_KEY", f"sk-mine{between}sk-too")
    with serving() as (url, seen), pytest.raises(ConfigError, match="RAREWORLD_JUDGE_KEY") as told:
        judged(url)
    assert "sk-" not in str(told.value)
    assert not seen


def test_a_server_that_echoes_the_key_does_not_bring_it_into_the_report():
    padded = "p" * 190 + TOKEN  # where cutting the text short would leave half of the key
    with serving(Reply(chat(GOOD)), Reply(padded, 500)) as (url, _):
        report = judged(url, CLIPS[:2], attempts=1)
    assert "sk-very" not in report.quarantined[0].reason
    assert "sk-very" not in repr(report)


def test_a_late_answer_is_given_up():
    late = Reply(chat(GOOD), delay_s=30)
    with serving(late) as (url, _):
        config = JudgeConfig(base_url=url, model="vlm", timeout_s=0.2, attempts=1)
        with pytest.raises(JobError, match=r"no answer within 0\.2 s"):
            judge_clips(CLIPS[:1], config)


def test_a_dead_server_is_named():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(JobError, match="cannot be reached"):
        judged(url, attempts=1)


def test_redirects_are_not_followed():
    elsewhere = Reply("", 302, {"Location": "http://127.0.0.1:1/elsewhere"})
    with serving(elsewhere) as (url, seen), pytest.raises(JobError, match="HTTP 302"):
        judged(url, CLIPS[:1])
    assert len(seen) == 1


def test_no_clips_are_refused():
    with pytest.raises(ConfigError, match="at least one clip"):
        judged("http://127.0.0.1:1/v1", [])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/v1", "expected http"),
        ("http://", "expected http"),
        ("http://example.com/v1", "in the open"),
        ("https://name:hunter2@example.com/v1", "not shown"),
        ("https://example.com/v1?key=abc", "not shown"),
        ("http://[::1", "no address"),
        ("http://host:notaport/v1", "no address"),
    ],
)
def test_addresses_that_leak_or_lead_nowhere_are_refused(url, said):
    with pytest.raises(ConfigError, match=said) as caught:
        judged(url)
    assert "hunter2" not in str(caught.value)
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("https://example.com/v1", {}),
        ("http://localhost:8000/v1", {}),
        ("http://[::1]:8000/v1", {}),
        ("http://10.0.0.3/v1", {"allow_http": True}),
    ],
)
def test_addresses_that_are_safe_or_allowed_are_taken(url, options):
    assert JudgeConfig(base_url=url, model="vlm", **options).address().hostname


def test_the_interval_holds_the_mean_and_repeats():
    replies = [Reply(chat(json.dumps({"score": k, "reason": "x"}))) for k in (1, 3, 5)]
    with serving(*replies) as (url, _):
        report = judged(url)
    value, low, high = report.interval()
    assert value == 3
    assert 1 <= low < 3 < high <= 5
    assert report.interval() == (value, low, high)
