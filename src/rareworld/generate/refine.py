"""Optional prompt refiner: a language model behind any OpenAI-compatible endpoint.

A short prompt becomes what traffic world models are trained on: camera, scene, incident and
aftermath, in this order. Standard library only; plain HTTP is for loopback unless allowed, and
redirects are not followed, so the key goes nowhere but to the address given.
Proved in `tests/generate/test_refine.py` against a local server that also misbehaves.
"""

import ipaddress
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, final
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from pydantic import Field

from rareworld.data.config import Config
from rareworld.errors import ConfigError

PARTS = ("camera", "scene", "incident", "aftermath")
"""Keys of the answer, in the order in which they are joined."""

INSTRUCTION = """\
You write prompts for a video model that films traffic as roadside cameras see it.
Rewrite the user's request as one JSON object with exactly these four string keys:
"camera": where the camera is mounted (pole, gantry, bridge, building), its height, direction and \
field of view; it neither moves nor cuts.
"scene": road layout, lanes, signals, surroundings, weather, light, and the traffic that flows \
normally before anything happens.
"incident": what goes wrong, step by step in the order seen: who does what, from where to where, \
how fast, who hits or narrowly misses whom, and where on the road.
"aftermath": how vehicles and people come to rest or react, what blocks the road, how others pass.
Rules: present tense; plain facts that can be seen; name vehicles by type and colour and keep the \
same names throughout; obey physics (mass, braking distance, momentum, no vehicle vanishes or \
merges); keep every fact the user gives and add only what fits them; if the user wants no \
incident, say under "incident" that traffic goes on normally and under "aftermath" that nothing \
changes; no blood or injuries, no text overlays, no sound, no opinions. 40 to 70 words for each \
key. Answer with the JSON object alone."""
"""System message."""

TRY_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Statuses that may pass."""

LONGEST_WAIT_S = 30.0
LONGEST_ANSWER = 2**20


@final
class RefineConfig(Config):
    """Where and how prompts are refined."""

    url: str
    """Base address of an OpenAI-compatible endpoint, e.g. http://127.0.0.1:8000/v1."""
    model: str
    """Model name the endpoint knows."""
    key_variable: str = "RAREWORLD_REFINE_KEY"
    """Environment variable that holds the key; none is sent where it is not set."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Longest wait for one answer."""
    attempts: int = Field(default=3, ge=1)
    """Requests before giving up; waits between them double from one second."""
    temperature: float = Field(default=0.2, ge=0)
    """Sampling temperature of the language model."""
    max_tokens: int = Field(default=800, ge=1)
    """Longest answer."""
    allow_http: bool = False
    """Allow unencrypted HTTP to another machine."""


@final
@dataclass(frozen=True, kw_only=True)
class Refined:
    """A refined prompt and where it came from."""

    prompt: str
    original: str
    parts: Mapping[str, str]
    model: str
    url: str
    attempts: int
    seconds: float

    def told(self) -> dict[str, Any]:
        """Return the record for the sidecar."""
        return asdict(self)


@final
@dataclass(frozen=True)
class _Fault:
    """Why an attempt failed."""

    reason: str
    passing: bool
    """Whether another attempt may succeed."""
    wait_s: float | None = None
    """How long the server asks to wait."""


@final
class _NoRedirect(HTTPRedirectHandler):
    """Reports redirects as errors."""

    def redirect_request(
        self, req: Request, fp: object, code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Follow nothing."""


def refine(
    prompt: str,
    config: RefineConfig,
    *,
    seed: int = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> Refined:
    """Rewrite a prompt as camera, scene, incident and aftermath.

    Raises:
        ConfigError: If the address is not allowed, or no attempt brings a usable answer; says
            what the last one brought.
    """
    check_address(config)
    request = _request(prompt, config, seed)
    begin = time.monotonic()
    attempt = 1
    while isinstance(answer := _ask(request, config), _Fault):
        if attempt == config.attempts or not answer.passing:
            raise ConfigError(
                f"--refine {config.url}: {answer.reason} (attempt {attempt} of {config.attempts}); "
                "check the address, --refine-model and the key, or run without --refine"
            )
        sleep(min(answer.wait_s or 2.0 ** (attempt - 1), LONGEST_WAIT_S))
        attempt += 1
    return Refined(
        prompt=" ".join(answer[part] for part in PARTS),
        original=prompt,
        parts=answer,
        model=config.model,
        url=config.url,
        attempts=attempt,
        seconds=round(time.monotonic() - begin, 3),
    )


def check_address(config: RefineConfig) -> None:
    """Refuse an address that would send prompts or the key in the open.

    Raises:
        ConfigError: If it is neither https nor loopback, or holds a name, password, query or
            fragment: the address stands in notes and sidecars, where no secret may.
    """
    if any(mark in config.url for mark in "@?#"):
        raise ConfigError(
            "--refine: expected http(s)://host[:port]/v1, found a name, password, query or "
            f"fragment in the address (not shown); set {config.key_variable} to the key instead"
        )
    parts = _split(config.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"--refine {config.url}: expected http(s)://host[:port]/v1")
    if parts.scheme == "http" and not (_is_loopback(parts.hostname) or config.allow_http):
        raise ConfigError(
            f"--refine {config.url}: plain HTTP to another machine sends prompt and key in the "
            "open; use https, a loopback tunnel, or allow it with --refine-allow-http"
        )


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise ConfigError(f"--refine {url}: expected http(s)://host[:port]/v1 ({error})") from None


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _request(prompt: str, config: RefineConfig, seed: int) -> Request:
    """Return the chat request."""
    body = {
        "model": config.model,
        "messages": [
            {"role": "system", "content": INSTRUCTION},
            {"role": "user", "content": prompt},
        ],
        "temperature": config.temperature,
        "max_tokens": config.max_tokens,
        "seed": seed,
    }
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    key = os.environ.get(config.key_variable)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    address = config.url.rstrip("/") + "/chat/completions"
    return Request(address, json.dumps(body).encode(), headers, method="POST")  # noqa: S310 - the scheme is checked


def _ask(request: Request, config: RefineConfig) -> dict[str, str] | _Fault:
    """Send the request once; return the four parts or what went wrong."""
    loopback = _is_loopback(urlsplit(config.url).hostname or "")
    opener = build_opener(_NoRedirect, *([ProxyHandler({})] if loopback else []))
    try:
        with opener.open(request, timeout=config.timeout_s) as reply:
            text = reply.read(LONGEST_ANSWER).decode("utf-8", errors="replace")
    except HTTPError as error:
        with error:
            return _status_fault(error)
    except TimeoutError:
        return _Fault(f"no answer within {config.timeout_s:g} s", passing=True)
    except (URLError, HTTPException, OSError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, TimeoutError):
            return _Fault(f"no answer within {config.timeout_s:g} s", passing=True)
        return _Fault(f"cannot be reached ({reason})", passing=True)
    return read_answer(text)


def _status_fault(error: HTTPError) -> _Fault:
    """Return what an HTTP status means."""
    detail = " ".join(error.read(400).decode("utf-8", errors="replace").split())[:200]
    wait = error.headers.get("Retry-After", "")
    return _Fault(
        f"HTTP {error.code} {_phrase(error.code)}" + (f": {detail}" if detail else ""),
        passing=error.code in TRY_AGAIN,
        wait_s=float(wait) if wait.isdigit() else None,
    )


def _phrase(code: int) -> str:
    """Return a status in words."""
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "(unknown status)"


def read_answer(text: str) -> dict[str, str] | _Fault:
    """Return the four parts in a chat completion's text, or why there are none."""
    try:
        content = json.loads(text)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return _Fault(f"expected a chat completion, found {text[:80]!r}", passing=True)
    found = [item for item in _objects(str(content)) if _is_complete(item)]
    if not found:
        return _Fault(
            f"expected a JSON object with texts for {', '.join(PARTS)}, found {content[:80]!r}"
            if isinstance(content, str)
            else f"expected text, found {type(content).__name__}",
            passing=True,
        )
    return {part: _sentence(found[-1][part]) for part in PARTS}


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in a text: models think aloud and fence their answers."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        except RecursionError:  # every brace inside would be as deep: this is no answer
            return
        else:
            yield value
        at = text.find("{", end)


def _is_complete(item: Mapping[str, Any]) -> bool:
    """Return whether every part is there as text."""
    return all(isinstance(item.get(part), str) and item[part].strip() for part in PARTS)


def _sentence(text: str) -> str:
    """Return a text on one line that ends as a sentence."""
    line = " ".join(text.split())
    return line if line[-1] in ".!?" else line + "."
