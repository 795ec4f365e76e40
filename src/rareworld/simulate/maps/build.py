"""Writes the shipped library: `python -m rareworld.simulate.maps.build [FOLDER]`.

The same package versions write the same bytes. Needs the extra `maps` (netconvert).
"""

import gzip
import sys
import tempfile
from pathlib import Path

from rareworld.core.seed import Seed
from rareworld.simulate.maps.library import LIBRARY_SEED, SHIPPED, VARIANTS
from rareworld.simulate.maps.places import PLACES, make_place
from rareworld.simulate.maps.xodr import to_bytes
from rareworld.simulate.sumo.convert import convert_opendrive


def build_variant(name: str, variant: int, folder: Path) -> None:
    """Write the map and the network of one variant below a folder."""
    xodr = to_bytes(make_place(name, Seed(LIBRARY_SEED).child("maps", name, variant)))
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        net = convert_opendrive(xodr.decode("utf-8"), Path(scratch) / "net.xml").read_bytes()
    _write(target / f"{variant}.xodr.gz", xodr)
    _write(target / f"{variant}.net.xml.gz", net)


def build_library(folder: Path) -> None:
    """Write every variant of every place."""
    for name in PLACES:
        for variant in range(VARIANTS):
            build_variant(name, variant, folder)


def _write(path: Path, data: bytes) -> None:
    """Write gzip without time and name, so that bytes depend on the data alone."""
    path.write_bytes(gzip.compress(data, compresslevel=9, mtime=0))


if __name__ == "__main__":
    build_library(Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED)
