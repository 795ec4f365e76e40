"""OpenDRIVE to a SUMO network, through `netconvert` of the package eclipse-sumo.

Coordinates stay those of the map, so that SUMO and `RoadMap` speak of the same metres. The work is
done in two runs: the first reads the map; the second adds what the first cannot know: who gives
way (from yield and stop signs), where people cross (from crosswalk objects) and where lanes lie
that it moved.
Options: netconvert's manual, sumo.dlr.de/docs/netconvert.html. Proved on our library and on
CARLA's towns in tests/simulate/sumo/test_convert.py.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] lxml has no types

from rareworld import __version__
from rareworld.core.road import RoadMap
from rareworld.data.atomic import scratch_folder, write_bytes
from rareworld.data.formats.opendrive import parse_tree, read_opendrive
from rareworld.errors import MapError, MissingExtraError
from rareworld.simulate.sumo.priority import for_netconvert, rewrite_rules

_Element = Any
"""An lxml element."""
_TIMEOUT_S = 900
_RULES_VERSION = 1
"""Counts changes of `for_netconvert`, `rewrite_rules` and `_plain` that change networks; cached
networks of other counts are not used."""
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_COMMON = (
    "--offset.disable-normalization",
    "--output.original-names",
    "--no-turnarounds",
    "--precision=3",
    "--no-warnings",
    "--tls.yellow.time=3",
    "--tls.allred.time=2",
    "--tls.cycle.time=60",
    "--tls.crossing-min.time=6",
    "--tls.scramble.time=10",
    "--internal-junctions.vehicle-width=2.6",
)
_FIRST = (
    "--type-files=lanes.typ.xml",
    "--opendrive.internal-shapes",
    "--opendrive.curve-resolution=1",
    "--walkingareas",
    "--crossings.guess",
    "--crossings.guess.speed-threshold=17",
    "--roundabouts.guess",
)
_CARS = "pedestrian tram rail_urban rail rail_electric rail_fast ship drone aircraft scooter"
_RAMPS = ("entry", "exit", "onRamp", "offRamp", "connectingRamp", "slipLane", "mwyEntry", "mwyExit")
_KEPT_LANES: dict[str, dict[str, str]] = {
    "driving": {"priority": "1", "speed": "13.89", "disallow": _CARS},
    "bidirectional": {"priority": "1", "speed": "13.89", "disallow": _CARS},
    "bus": {"priority": "1", "speed": "13.89", "allow": "bus"},
    "taxi": {"priority": "1", "speed": "13.89", "allow": "taxi"},
    "HOV": {"priority": "1", "speed": "13.89", "allow": "hov bus taxi"},
    "biking": {"priority": "-1", "speed": "5.56", "allow": "bicycle"},
    "sidewalk": {"priority": "-2", "speed": "2.78", "allow": "pedestrian"},
    "walking": {"priority": "-2", "speed": "2.78", "allow": "pedestrian"},
} | {
    name: {"priority": "1", "speed": "22.22", "disallow": f"{_CARS} bicycle moped"}
    for name in _RAMPS
}
"""Lane types SUMO drives on, and for whom. netconvert's own list lets through traffic use parking
lanes and leaves out pavements."""
_LEFT_OUT = (
    "none", "shoulder", "border", "median", "curb", "parking", "stop", "restricted", "roadWorks",
    "special1", "special2", "special3", "tram", "rail", "shared",
)  # fmt: skip


def convert_opendrive(xodr: Path | str, out: Path) -> Path:
    """Convert a map file (plain or gzip) or OpenDRIVE text and write the network to `out`.

    The bytes written depend on the map and the versions of netconvert and this package alone.

    Raises:
        MissingExtraError: eclipse-sumo is not installed.
        MapError: The map cannot be read or converted; carries netconvert's own message.
        StoreError: The network cannot be written.
    """
    source = _source(xodr)
    _write_network(source, parse_tree(source)[0], out)
    return out


def network_for(road: RoadMap | Path, cache_dir: Path) -> Path:
    """Return the network of a map, converted once per content and version of the converter.

    Raises:
        MapError: A `RoadMap` without source text, or as `convert_opendrive`.
    """
    if isinstance(road, Path):
        return _cached(road, cache_dir)
    if not road.source:
        raise MapError(f"map {road.name!r} carries no OpenDRIVE text; read it from an .xodr file")
    try:
        return _cached(road.source, cache_dir)
    except MapError as error:
        raise MapError(f"map {road.name!r}: {error}") from None


def _cached(source: Path | str, cache_dir: Path) -> Path:
    """Return the network of a file or text, from the cache if it is there."""
    tree, text = parse_tree(source)
    out = cache_dir / f"{_content_key(text)}.net.xml"
    if not out.exists():
        _write_network(source, tree, out)
    return out


def _source(xodr: Path | str) -> Path | str:
    """Return a path, or OpenDRIVE text."""
    is_text = isinstance(xodr, str) and xodr.lstrip("\ufeff \t\r\n").startswith("<")
    return xodr if is_text else Path(xodr)


def _content_key(text: str) -> str:
    """Return a name for all that the network depends on."""
    shaped_by = {
        "map": _DECLARATION.sub("", text).strip(),
        "options": [_COMMON, _FIRST],
        "lane types": _lane_types().decode(),
        "rules": _RULES_VERSION,
        "versions": [_version(), __version__],
    }
    return hashlib.sha256(json.dumps(shaped_by).encode()).hexdigest()[:24]


def _version() -> str:
    try:
        return importlib.metadata.version("eclipse-sumo")
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtraError("eclipse-sumo", extra="maps") from None


def _home() -> Path:
    """Return the folder of the eclipse-sumo package."""
    spec = importlib.util.find_spec("sumo")
    if spec is None or spec.origin is None:
        raise MissingExtraError("eclipse-sumo", extra="maps")
    return Path(spec.origin).parent


def _write_network(source: Path | str, tree: _Element, out: Path) -> None:
    """Convert a parsed map in a scratch folder beside `out`."""
    with scratch_folder(out.parent / "netconvert") as folder:
        write_bytes(out, _convert(source, tree, folder))


def _convert(source: Path | str, tree: _Element, folder: Path) -> bytes:
    name = str(source) if isinstance(source, Path) else "OpenDRIVE text"
    (folder / "map.xodr").write_bytes(etree.tostring(for_netconvert(tree)))
    (folder / "lanes.typ.xml").write_bytes(_lane_types())
    first = folder / "first.net.xml"
    _netconvert(name, [*_FIRST, "--opendrive-files=map.xodr"], first)
    rules = rewrite_rules(tree, etree.parse(first).getroot(), read_opendrive(source, name=name))
    for file, text in rules.items():
        (folder / file).write_bytes(text)
    second = folder / "second.net.xml"
    files = [f"--{file.split('.')[0]}-files={file}" for file in rules]
    _netconvert(name, ["--sumo-net-file=first.net.xml", "--tls.rebuild", *files], second)
    return _plain(second.read_bytes())


def _lane_types() -> bytes:
    """Return the type file of the first run."""
    root = etree.Element("types")
    for name, values in _KEPT_LANES.items():
        etree.SubElement(root, "type", {"id": name, **values})
    for name in _LEFT_OUT:
        etree.SubElement(root, "type", id=name, priority="0", disallow="all", discard="true")
    return etree.tostring(root)


def _netconvert(source: str, options: list[str], out: Path) -> None:
    """Run netconvert in the folder of its output."""
    home = _home()
    command = [str(home / "bin" / "netconvert"), *options, *_COMMON, f"--output-file={out.name}"]
    env = {**os.environ, "SUMO_HOME": str(home), "PROJ_DATA": str(home / "data" / "proj")}
    try:
        done = subprocess.run(  # noqa: S603  the program is the package's own, arguments are ours
            command, cwd=out.parent, env=env, capture_output=True, text=True, check=False,
            timeout=_TIMEOUT_S,
        )  # fmt: skip
    except OSError as error:
        raise MapError(f"{source}: netconvert cannot start ({error})") from None
    except subprocess.TimeoutExpired:
        raise MapError(f"{source}: netconvert took more than {_TIMEOUT_S} s") from None
    if done.returncode != 0 or not out.exists():
        said = (done.stderr.strip() or done.stdout.strip() or "no message").replace("\n", " ")
        raise MapError(f"{source}: netconvert cannot convert the map: {said[:2000]}")


def _plain(net: bytes) -> bytes:
    """Return the network without the comments that name the date and the options."""
    text = re.sub(rb"<!--.*?-->\s*", b"", net, flags=re.DOTALL)
    return text.rstrip() + b"\n"
