"""One chat request to an OpenAI-compatible endpoint, with retries.

`http.client` alone: it follows no redirects and uses no proxy, so clip and key go to the address
given and nowhere else. The key stands in one header and is blacked out of whatever the server
answers before any of it is shown.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, final

from rareworld.errors import ConfigError
from rareworld.evaluate.judge.config import JudgeConfig

_SET_UP_WRONG = frozenset({401, 403, 404, 405})
"""Statuses that every clip would meet again."""
_TRY_AGAIN = frozenset({408, 409, 425, 429}) | frozenset(range(500, 600))
_LONGEST_WAIT_S = 30.0
_LONGEST_ANSWER = 2**20
_SHOWN = 200


@final
@dataclass(frozen=True, kw_only=True)
class Answer:
    """A text with what it cost."""

    text: str
    sent_tokens: int
    """As the server counts; 0 where it does not say."""
    answered_tokens: int
    seconds: float = 0.0
    """From the first request to the answer, waits included."""
    attempts: int = 1


@final
@dataclass(frozen=True)
class Fault:
    """Why there is no answer."""

    reason: str
    passing: bool = True
    """Whether another attempt may succeed."""
    fatal: bool = False
    """Whether every other clip would meet the same."""
    wait_s: float | None = None
    """How long the server asks to wait."""


def ask(
    content: list[dict[str, Any]],
    config: JudgeConfig,
    accept: Callable[[str], bool],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer | Fault:
    """Ask until an answer is accepted or the attempts are used up.

    Raises:
        ConfigError: If the address is not allowed, the key cannot be sent, or the server refuses
            what every clip would send again (key, model, form of the request).
    """
    config.address()
    key = _key(config.key_variable)
    body = json.dumps(
        {
            "model": config.model,
            "messages": [{"role": "user", "content": content}],
            "temperature": config.temperature,
            "max_tokens": config.max_tokens,
            "seed": config.seed,
        }
    ).encode()
    begin, attempt = time.monotonic(), 1
    while isinstance(found := _attempt(body, config, key, accept), Fault):
        if found.fatal:
            raise ConfigError(
                f"judge {config.base_url}: {found.reason}; check base_url, model and the key in "
                f"{config.key_variable}"
            )
        if not found.passing or attempt == config.attempts:
            return Fault(f"{found.reason} (attempt {attempt} of {config.attempts})", passing=False)
        sleep(min(found.wait_s or 2.0 ** (attempt - 1), _LONGEST_WAIT_S))
        attempt += 1
    return replace(found, seconds=time.monotonic() - begin, attempts=attempt)


def _key(variable: str) -> str:
    """Return the key that goes into a header, "" if none is set; files of keys end in a newline."""
    key = os.environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(
            f"judge: expected a key of printable ASCII characters in {variable}, found others (not "
            "shown); copy the key again"
        )
    return key


def _attempt(
    body: bytes, config: JudgeConfig, key: str, accept: Callable[[str], bool]
) -> Answer | Fault:
    """Send the request once; return an answer that is accepted or what went wrong."""
    found = _once(body, config, key)
    answer = found if isinstance(found, Fault) else _read(found)
    if isinstance(answer, Fault) or accept(answer.text):
        return answer
    return Fault(f"malformed answer {' '.join(answer.text.split())[:_SHOWN]!r}")


def _once(body: bytes, config: JudgeConfig, key: str) -> dict[str, Any] | Fault:
    """Send the request once; return the decoded answer or what went wrong."""
    parts = config.address()
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=config.timeout_s)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    try:
        path = parts.path.rstrip("/") + "/chat/completions"
        connection.request("POST", path, body, headers)
        reply = connection.getresponse()
        text = _without(key, reply.read(_LONGEST_ANSWER).decode("utf-8", errors="replace"))
    except TimeoutError:
        return Fault(f"no answer within {config.timeout_s:g} s")
    except (OSError, HTTPException) as error:
        return Fault(f"cannot be reached ({error or type(error).__name__})")
    finally:
        connection.close()
    if reply.status != HTTPStatus.OK:
        return _refused(reply.status, reply.getheader("Retry-After", ""), text)
    return _decoded(text)


def _refused(status: int, retry_after: str, text: str) -> Fault:
    """Return what an HTTP status means."""
    detail = " ".join(text.split())[:_SHOWN]
    return Fault(
        f"HTTP {status}" + (f": {detail}" if detail else ""),
        passing=status in _TRY_AGAIN,
        fatal=status in _SET_UP_WRONG,
        wait_s=float(retry_after) if retry_after.isdigit() else None,
    )


def _decoded(text: str) -> dict[str, Any] | Fault:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else Fault(f"expected JSON, found {text[:80]!r}")


def _read(found: dict[str, Any]) -> Answer | Fault:
    """Return the text of a chat completion and its tokens."""
    try:
        text = found["choices"][0]["message"]["content"]
    except (LookupError, TypeError):
        text = None
    if not isinstance(text, str):
        return Fault(f"expected a chat completion, found {str(found)[:80]!r}")
    usage = found.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    sent, answered = (counts.get(name) for name in ("prompt_tokens", "completion_tokens"))
    return Answer(
        text=text,
        sent_tokens=sent if isinstance(sent, int) else 0,
        answered_tokens=answered if isinstance(answered, int) else 0,
    )


def _without(key: str, text: str) -> str:
    """Return a text in which the key is blacked out."""
    return text.replace(key, "***") if key else text
