"""OpenDRIVE to a SUMO network, through `netconvert` of the package eclipse-sumo.

Coordinates stay those of the map, so that SUMO and `RoadMap` speak of the same metres. The work is
done in two runs: the first reads the map; the second adds what the first cannot know: who gives
way (from yield and stop signs), where people cross (from crosswalk objects) and where lanes lie
that it moved.
Options: netconvert's manual, sumo.dlr.de/docs/netconvert.html. Proved on our library and on
CARLA's towns in tests/simulate/sumo/test_convert.py.
"""

import gzip
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import tempfile
from pathlib import Path

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] lxml has no types

from rareworld.core.road import RoadMap
from rareworld.data.formats.opendrive import read_opendrive
from rareworld.errors import MapError, MissingExtraError
from rareworld.simulate.sumo.priority import for_netconvert, rewrite_rules

_TIMEOUT_S = 900
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*\?>")
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
    """Convert a map file (`.xodr`, `.xodr.gz`) or OpenDRIVE text and write the network to `out`.

    The bytes written depend on the map, the options and netconvert's version alone.

    Raises:
        MissingExtraError: eclipse-sumo is not installed.
        MapError: The map cannot be read or converted; carries netconvert's own message.
    """
    source, data = _read(xodr)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".convert-") as name:
        text = _convert(source, data, Path(name))
        ready = Path(name) / "ready.net.xml"
        ready.write_bytes(text)
        ready.replace(out)
    return out


def network_for(road: RoadMap | Path, cache_dir: Path) -> Path:
    """Return the network of a map, converted once per content and netconvert version.

    Raises:
        MapError: A `RoadMap` without source text, or as `convert_opendrive`.
    """
    if isinstance(road, RoadMap) and not road.source:
        raise MapError(f"map {road.name!r} carries no OpenDRIVE text; read it from an .xodr file")
    source, data = _read(road.source if isinstance(road, RoadMap) else road)
    out = cache_dir / f"{_content_key(data)}.net.xml"
    if out.exists():
        return out
    try:
        return convert_opendrive(data.decode("utf-8"), out)
    except MapError as error:
        raise MapError(f"{source}: {error}") from None


def _content_key(data: bytes) -> str:
    """Return a name for what the network depends on."""
    digest = hashlib.sha256(_DECLARATION.sub(b"", data).strip())
    digest.update("\n".join((*_COMMON, *_FIRST, _version())).encode())
    return digest.hexdigest()[:24]


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


def _read(xodr: Path | str) -> tuple[str, bytes]:
    """Return a name for messages and the bytes of the map."""
    if isinstance(xodr, str) and xodr.lstrip().startswith("<"):
        return "OpenDRIVE text", xodr.encode("utf-8")
    path = Path(xodr)
    try:
        data = path.read_bytes()
        return str(path), gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError) as error:
        raise MapError(f"{path}: cannot be read ({error})") from None


def _convert(source: str, data: bytes, folder: Path) -> bytes:
    try:
        tree = etree.fromstring(data, etree.XMLParser(resolve_entities=False, huge_tree=True))
    except etree.XMLSyntaxError as error:
        raise MapError(f"{source}: not well-formed XML: {error}") from None
    if etree.QName(tree).localname != "OpenDRIVE":
        raise MapError(f"{source}: expected an OpenDRIVE file, found <{tree.tag}>")
    (folder / "map.xodr").write_bytes(etree.tostring(for_netconvert(tree)))
    (folder / "lanes.typ.xml").write_bytes(_lane_types())
    first = folder / "first.net.xml"
    _netconvert(source, [*_FIRST, "--opendrive-files=map.xodr"], first)
    road = read_opendrive(data.decode("utf-8"), name=source)
    rules = rewrite_rules(tree, etree.parse(first).getroot(), road)
    for name, text in rules.items():
        (folder / name).write_bytes(text)
    second = folder / "second.net.xml"
    files = [f"--{name.split('.')[0]}-files={name}" for name in rules]
    _netconvert(source, ["--sumo-net-file=first.net.xml", "--tls.rebuild", *files], second)
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
