"""OpenDRIVE 1.4 to 1.8 in, `RoadMap` out."""

from rareworld.data.formats.opendrive.node import parse_tree
from rareworld.data.formats.opendrive.reader import read_opendrive

__all__ = ["parse_tree", "read_opendrive"]
