"""Files of packages on a Python package index, fetched as files: nothing is built, nothing run.

`pip download` runs an sdist's build code to learn its dependencies, so it is not used. The index's
file list (PEP 503 HTML or PEP 691 JSON) names the file; it is streamed to disk, never beyond the
size it must have, and handed to the caller, who checks its hash. Index, extra indices and
certificate are those of pip's own settings (`pip config list`, `PIP_INDEX_URL`, ...); proxies those
of the environment (`HTTPS_PROXY`).

Proved in `tests/models/test_package_index.py` on an index made of files.
"""

import ast
import base64
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO, final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from rareworld.errors import FormatError

PYPI = "https://pypi.org/simple"
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
_SCHEMES = ("https", "http", "file")
_CHUNK = 1 << 20
_TIMEOUT_S = 60
_PORTS = {"https": 443, "http": 80}


@final
@dataclass(frozen=True, kw_only=True)
class IndexSettings:
    """Where packages are looked for, as pip is told."""

    urls: tuple[str, ...] = (PYPI,)
    """Indices in order; the first that has the file is taken."""
    certificate: Path | None = None
    """Certificates to trust instead of the system's."""
    offline: bool = False
    """Whether pip is told to use no index."""


def index_settings() -> IndexSettings:
    """Return pip's settings; where pip is not installed, those of its environment variables."""
    values = _pip_config() or _pip_environment()
    main = values.get("index-url", PYPI).split()
    more = values.get("extra-index-url", "").split()
    certificate = values.get("cert")
    offline = values.get("no-index", "").lower() in ("1", "true", "yes", "on")
    return IndexSettings(
        urls=tuple(dict.fromkeys(url.rstrip("/") for url in main + more)),
        certificate=Path(certificate) if certificate else None,
        offline=offline,
    )


def download_file(
    package: str, file: str, target: Path, settings: IndexSettings, *, size: int
) -> str:
    """Write one file of a package to `target`; return the address it came from, without secrets.

    Args:
        package: Name of the package.
        file: Name of its wheel or sdist.
        target: Where to write; the caller cleans up and checks the hash.
        settings: Indices to ask.
        size: Bytes the file must have.

    Raises:
        FormatError: If no index has the file in that size, naming every answer.
    """
    if settings.offline:
        raise FormatError("pip is set to no-index")
    answers: list[str] = []
    for index in settings.urls:
        try:
            url = _url_of(package, file, index, settings)
            if url is None:
                answers.append(f"{_plain(index)}: has no {file}")
                continue
            with _open(url, settings) as stream, target.open("wb") as out:
                _copy(stream, out, size)
        except (OSError, HTTPException, ValueError) as error:
            answers.append(f"{_plain(index)}: {_first_line(error)}")
        else:
            return _plain(url)
    raise FormatError("; ".join(answers) or "no package index is configured")


def _copy(stream: BinaryIO, out: BinaryIO, size: int) -> None:
    """Copy exactly `size` bytes; http.client does not tell that a connection was dropped."""
    left = size
    while chunk := stream.read(min(_CHUNK, left + 1)):
        left -= len(chunk)
        if left < 0:
            raise ValueError(f"is larger than {size} bytes, so not the file that was checked")
        out.write(chunk)
    if left:
        raise ValueError(f"cut off at {size - left} of {size} bytes, run again")


def _pip_config() -> dict[str, str]:
    """Return pip's settings of the sections that count for a download; {} without pip.

    `-P`: a pip.py in the folder one happens to stand in is not run.
    """
    listed = subprocess.run(
        [sys.executable, "-P", "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, str] = {}
    for section in ("global", "download", ":env:"):
        found |= dict(_entries(listed.stdout, section))
    return found if listed.returncode == 0 else {}


def _entries(listed: str, section: str) -> Iterator[tuple[str, str]]:
    """Yield options of a section of `pip config list`: lines `section.option='value'`."""
    for line in listed.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.startswith(section + "."):
            yield name.removeprefix(section + "."), str(ast.literal_eval(value))


def _pip_environment() -> dict[str, str]:
    options = ("index-url", "extra-index-url", "cert", "no-index")
    named = {option: "PIP_" + option.upper().replace("-", "_") for option in options}
    return {option: os.environ[name] for option, name in named.items() if name in os.environ}


def _url_of(package: str, file: str, index: str, settings: IndexSettings) -> str | None:
    """Return the address of a package's file in one index, None if it is not listed."""
    page = f"{index}/{re.sub(r'[-_.]+', '-', package).lower()}/"
    is_file = urlsplit(page).scheme == "file"
    with _open(page + "index.html" if is_file else page, settings) as stream:
        text = stream.read().decode("utf-8")
    links = _links_of_json(text) if text.lstrip().startswith("{") else _links_of_html(text)
    for link in links:
        url = urljoin(page, link.partition("#")[0])
        if unquote(urlsplit(url).path).rpartition("/")[2] == file:
            return _inherit_login(url, index)
    return None


def _links_of_json(text: str) -> list[str]:
    document: Any = json.loads(text)
    files = document.get("files", []) if isinstance(document, Mapping) else []
    return [str(entry["url"]) for entry in files if isinstance(entry, Mapping) and "url" in entry]


def _links_of_html(text: str) -> list[str]:
    parser = _Links()
    parser.feed(text)
    return parser.found


@final
class _Links(HTMLParser):
    """Collects what anchors point to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the address of an anchor."""
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def _open(url: str, settings: IndexSettings) -> Any:  # noqa: ANN401 - what urlopen returns differs by scheme
    """Open an address; user and password in it become a header."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"{_plain(url)}: expected one of {', '.join(_SCHEMES)}")
    request = Request(_plain(url), headers={"Accept": _ACCEPT})  # noqa: S310 - scheme checked above
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        secret = base64.b64encode(login).decode()
        request.add_unredirected_header("Authorization", f"Basic {secret}")
    context = None
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=settings.certificate)
    return urlopen(request, timeout=_TIMEOUT_S, context=context)  # noqa: S310 - scheme checked above


def _inherit_login(url: str, index: str) -> str:
    """Return an address with the index's user and password if both are of one origin."""
    parts, owner = urlsplit(url), urlsplit(index)
    if _origin(parts) != _origin(owner) or parts.username or not owner.username:
        return url
    return urlunsplit(parts._replace(netloc=owner.netloc))


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port: another of any is another server, or is not encrypted."""
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _plain(url: str) -> str:
    """Return an address without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"
