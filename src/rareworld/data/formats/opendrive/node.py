"""A typed view of an XML element whose errors say where they are.

Place names come from the element's own ancestors, so no reader passes a context around.
The only module here that touches lxml.
"""

import codecs
import gzip
import math
import re
import zlib
from pathlib import Path
from typing import Any, TypeAlias, cast, final

from lxml import (  # pyright: ignore[reportMissingTypeStubs] lxml has no types
    etree,  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType] as above
)

from rareworld.errors import MapError

_etree = cast(Any, etree)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


_Element: TypeAlias = Any
"""An lxml element; lxml ships no types, so what comes out of one is converted here."""


@final
class Node:
    """One XML element: children by name, attributes as checked values."""

    __slots__ = ("_element",)

    def __init__(self, element: _Element) -> None:
        self._element = element

    @property
    def tag(self) -> str:
        """Element name without namespace."""
        return str(self._element.tag)

    @property
    def line(self) -> int:
        """Line of the element in its file, from 1."""
        return int(self._element.sourceline)

    @property
    def body(self) -> str:
        """Text inside the element."""
        return str(self._element.text or "").strip()

    def all(self, path: str) -> list["Node"]:
        """Return the descendants at a path like `lanes/laneSection`, in file order."""
        return [Node(child) for child in self._element.findall(path)]

    def children(self) -> list["Node"]:
        """Return the child elements, in file order."""
        return [Node(child) for child in self._element.iterchildren("*")]

    def first(self, path: str) -> "Node | None":
        """Return the first descendant at a path, or None."""
        found = self._element.find(path)
        return None if found is None else Node(found)

    def need(self, path: str) -> "Node":
        """Return the first descendant at a path; a MapError if there is none."""
        found = self.first(path)
        if found is None:
            raise self.fail(f"needs a <{path}> element, found none")
        return found

    def text(self, name: str, default: str | None = None) -> str:
        """Return an attribute; without default its absence is a MapError."""
        value = self._element.get(name, default)
        if value is None:
            raise self.fail(f"needs the attribute {name!r}, found none")
        return str(value)

    def number(self, name: str, default: float | None = None) -> float:
        """Return a finite number; without default its absence is a MapError."""
        text = self.text(name, None if default is None else repr(default))
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.fail(f"{name} must be a finite number, found {text!r}")
        return value

    def integer(self, name: str) -> int:
        """Return a whole number."""
        text = self.text(name)
        try:
            return int(text)
        except ValueError:
            raise self.fail(f"{name} must be a whole number, found {text!r}") from None

    def fail(self, problem: str) -> MapError:
        """Return the error that names file, road, lane section, lane and line of this element."""
        return MapError(f"{self.place()}: <{self.tag}> {problem}")

    def place(self) -> str:
        """Return where this element stands, for messages."""
        chain = [self._element, *self._element.iterancestors()][::-1]
        words = [word for word in map(_place_word, chain) if word]
        source = str(self._element.getroottree().docinfo.URL or "OpenDRIVE text")
        return ", ".join([source, *words, f"line {self.line}"])


def _place_word(element: _Element) -> str:
    """Return `road 4` for a road element and the like; nothing for elements without a number."""
    if element.tag == "laneSection":
        return f"lane section {len(list(element.itersiblings('laneSection', preceding=True)))}"
    if element.tag in {"road", "lane", "junction", "signal", "object"}:
        return f"{element.tag} {element.get('id', '(no id)')}"
    return ""


def parse_root(source: Path | str) -> tuple[Node, str]:
    """Parse a file (`.xodr`, `.xodr.gz`) or text; return the root and the text.

    Raises:
        MapError: As `parse_tree`.
    """
    element, text = parse_tree(source)
    return Node(element), text


def parse_tree(source: Path | str) -> tuple[_Element, str]:
    """Parse a file (plain or gzip, told by its first bytes) or text; return lxml root and text.

    Nothing outside the file is read; namespaces and comments are dropped from the tree.

    Raises:
        MapError: The file is missing, cut short, not XML or not OpenDRIVE.
    """
    name = str(source) if isinstance(source, Path) else "OpenDRIVE text"
    data = _file_bytes(source) if isinstance(source, Path) else _text_bytes(source)
    parser = _etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True
    )
    try:
        element = _etree.fromstring(data, parser=parser, base_url=name)
    except _etree.XMLSyntaxError as error:
        raise MapError(f"{name}: not well-formed XML: {error}; export the map again") from None
    _drop_namespaces(element)
    if element.tag != "OpenDRIVE":
        raise MapError(f"{name}: expected the root <OpenDRIVE>, found <{element.tag}>")
    return element, _decoded(data, str(element.getroottree().docinfo.encoding or "utf-8"), name)


def _decoded(data: bytes, encoding: str, name: str) -> str:
    """Return the text without byte order mark, which tells UTF-16 where no declaration does."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if marked else encoding).removeprefix("\ufeff")
    except (LookupError, UnicodeDecodeError) as error:
        raise MapError(f"{name}: cannot be decoded ({error}); save the map as UTF-8") from None


def _text_bytes(text: str) -> bytes:
    """Return UTF-8 without the declaration, which may name the encoding of another copy."""
    return _DECLARATION.sub("", text).encode()


def _file_bytes(path: Path) -> bytes:
    """Return the file's content, unpacked if gzip."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise MapError(f"{path}: the gzip data is damaged ({error}); copy the file again") from None
    except OSError as error:
        raise MapError(f"{path}: cannot be read ({error.strerror})") from None


def _drop_namespaces(root: _Element) -> None:
    """Strip `{namespace}` from element names; OpenDRIVE 1.8 files may declare one."""
    if not str(root.tag).startswith("{"):
        return
    for element in root.iter("*"):
        element.tag = _etree.QName(element).localname
