"""The refiner against a local server that answers well, badly, late and not at all."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rareworld.errors import ConfigError
from rareworld.generate.refine import INSTRUCTION, PARTS, RefineConfig, read_answer, refine

GOOD = {
    "camera": "A fixed camera on a pole looks north",
    "scene": "A wet four-way junction at dusk.",
    "incident": "A white van runs the red light and hits a blue car.",
    "aftermath": "Both stop;\n  traffic queues behind them!",
}
PROMPT = "van hits car"
JOINED = (
    "A fixed camera on a pole looks north. A wet four-way junction at dusk. "
    "A white van runs the red light and hits a blue car. "
    "Both stop; traffic queues behind them!"
)


def chat(content: object) -> str:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]})


@dataclass
class Reply:
    """What the server does for one request."""

    body: str = field(default_factory=lambda: chat(json.dumps(GOOD)))
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


@dataclass
class Server:
    url: str
    requests: list[tuple[str, dict[str, str], dict]]


@contextmanager
def serving(*replies: Reply) -> Iterator[Server]:
    """Answer requests with the replies in turn, the last one again and again."""
    seen: list[tuple[str, dict[str, str], dict]] = []
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.answer()

        def do_GET(self):  # what a client that follows a redirect would send
            self.answer()

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = replies[min(len(seen), len(replies) - 1)]
            seen.append((self.path, dict(self.headers), json.loads(body or b"{}")))
            released.wait(reply.delay_s)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body.encode())
            except OSError:
                pass  # the client has stopped waiting

        def log_message(self, *args):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_port}/v1", seen)
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def config_for(server: Server, **changes) -> RefineConfig:
    return RefineConfig(url=server.url, model="small", **changes)


def failure(server: Server, waits: list[float] | None = None, **changes) -> str:
    with pytest.raises(ConfigError) as caught:
        refine(PROMPT, config_for(server, **changes), sleep=(waits or []).append)
    return str(caught.value)


def test_the_request_is_a_chat_completion_with_our_structure():
    with serving(Reply()) as server:
        refine(PROMPT, config_for(server, temperature=0.5, max_tokens=99), seed=7)
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["Content-Type"] == "application/json"
    assert body == {
        "model": "small",
        "messages": [
            {"role": "system", "content": INSTRUCTION},
            {"role": "user", "content": PROMPT},
        ],
        "temperature": 0.5,
        "max_tokens": 99,
        "seed": 7,
    }


def test_the_instruction_asks_for_every_part_in_order():
    places = [INSTRUCTION.index(f'"{part}":') for part in PARTS]
    assert places == sorted(places)


def test_the_prompt_is_the_four_parts_as_sentences_and_is_recorded():
    with serving(Reply()) as server:
        refined = refine(PROMPT, config_for(server))
    assert refined.prompt == JOINED
    told = json.loads(json.dumps(refined.told()))
    assert told["original"] == PROMPT
    assert told["model"] == "small"
    assert told["attempts"] == 1
    assert list(told["parts"]) == list(PARTS)
    assert told["prompt"] == JOINED


def test_the_key_comes_from_the_environment_and_stays_out_of_the_record(monkeypatch):
    monkeypatch.setenv("RAREWORLD_REFINE_KEY", "s3cret")
    with serving(Reply()) as server:
        refined = refine(PROMPT, config_for(server))
    assert server.requests[0][1]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in json.dumps(refined.told())


def test_without_a_key_none_is_sent(monkeypatch):
    monkeypatch.delenv("RAREWORLD_REFINE_KEY", raising=False)
    with serving(Reply()) as server:
        refine(PROMPT, config_for(server))
    assert "Authorization" not in server.requests[0][1]


@pytest.mark.parametrize(
    "wrapped",
    [
        "```json\n%s\n```",
        '<think>{a} maybe {"camera": 1}</think>\n%s',
        "Here it is: %s Hope that helps {.",
    ],
)
def test_thoughts_and_fences_around_the_answer_are_ignored(wrapped):
    assert read_answer(chat(wrapped % json.dumps(GOOD)))["incident"] == GOOD["incident"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (Reply(status=500, body="oops"), "HTTP 500 Internal Server Error: oops"),
        (Reply(status=429), "HTTP 429 Too Many Requests"),
        (Reply(body="<html>"), "expected a chat completion, found '<html>'"),
        (Reply(body=chat("no JSON here")), "found 'no JSON here'"),
        (Reply(body=chat(json.dumps(GOOD | {"scene": " "}))), "texts for camera, scene"),
        (Reply(body=chat(json.dumps({"camera": "x"}))), "texts for camera, scene"),
        (Reply(body=chat(None)), "expected text, found NoneType"),
        (Reply(body='{"choices": []}'), "expected a chat completion"),
        (Reply(body="[" * 200_000), "expected a chat completion"),
        (Reply(body=chat('{"camera": ' + "[" * 200_000)), "texts for camera, scene"),
        (Reply(delay_s=5.0), "no answer within 0.2 s"),
    ],
)
def test_what_may_pass_is_tried_again_and_then_told(bad, said):
    waits: list[float] = []
    with serving(bad) as server:
        message = failure(server, waits, timeout_s=0.2)
    assert said in message
    assert "attempt 3 of 3" in message
    assert "--refine-model" in message
    assert len(server.requests) == 3


def test_a_passing_fault_is_overcome_and_counted():
    with serving(Reply(status=503), Reply(body="junk"), Reply()) as server:
        waits: list[float] = []
        refined = refine(PROMPT, config_for(server), sleep=waits.append)
    assert refined.attempts == 3
    assert waits == [1.0, 2.0]


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("999", 30.0), ("tomorrow", 1.0)])
def test_the_wait_the_server_asks_for_is_kept_up_to_a_limit(asked, waited):
    with serving(Reply(status=429, headers={"Retry-After": asked}), Reply()) as server:
        waits: list[float] = []
        refine(PROMPT, config_for(server), sleep=waits.append)
    assert waits == [waited]


@pytest.mark.parametrize("status", [400, 401, 404, 799])
def test_what_cannot_pass_is_not_tried_again(status):
    with serving(Reply(status=status)) as server:
        assert f"HTTP {status}" in failure(server)
    assert len(server.requests) == 1


def test_redirects_are_not_followed(monkeypatch):
    monkeypatch.setenv("RAREWORLD_REFINE_KEY", "s3cret")
    with serving(Reply()) as other:
        moved = Reply(status=302, headers={"Location": other.url})
        with serving(moved) as server:
            assert "HTTP 302" in failure(server)
    assert other.requests == []


def test_a_server_that_is_not_there_is_named():
    with serving(Reply()) as server:
        gone = server
    message = failure(gone, attempts=1)
    assert "cannot be reached" in message
    assert gone.url in message


def test_a_proxy_is_not_asked_for_loopback(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving(Reply()) as server:
        assert refine(PROMPT, config_for(server)).prompt == JOINED


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.org/v1", "plain HTTP to another machine"),
        ("http://10.0.0.7:8000/v1", "plain HTTP to another machine"),
        ("ftp://127.0.0.1/v1", "expected http"),
        ("file:///etc/passwd", "expected http"),
        ("127.0.0.1:8000", "expected http"),
        ("https://[::1/v1", "expected http"),
        ("https://me:pw-s3cret@example.org/v1", "found a name, password, query or fragment"),
        ("https://s3cret@example.org/v1", "found a name, password, query or fragment"),
        ("https://example.org/v1?api_key=s3cret", "found a name, password, query or fragment"),
        ("https://example.org/v1#s3cret", "set RAREWORLD_REFINE_KEY"),
    ],
)
def test_addresses_that_would_leak_are_refused_before_anything_is_sent(url, said):
    with pytest.raises(ConfigError, match=said) as caught:
        refine(PROMPT, RefineConfig(url=url, model="small"), sleep=time.sleep)
    assert "s3cret" not in str(caught.value)


def test_plain_http_elsewhere_can_be_allowed():
    # .invalid never resolves: the address is accepted, and only then cannot be reached
    config = RefineConfig(url="http://h.invalid/v1", model="m", allow_http=True, attempts=1)
    with pytest.raises(ConfigError, match=r"cannot be reached|HTTP"):
        refine(PROMPT, config)
