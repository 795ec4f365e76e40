"""Ground for tests: the shape alone."""

from collections.abc import Sequence

from rareworld.annotate.world.mesh import Soup
from rareworld.annotate.world.roads import GroundSize, Yard, lay_ground
from rareworld.core.road import RoadMap


def make_ground(road: RoadMap, size: GroundSize, yards: Sequence[Yard] = ()) -> Soup:
    """Return the shape of `lay_ground`."""
    return lay_ground(road, size, yards).shape
