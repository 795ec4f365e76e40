"""Vehicles of every blueprint and style, built once per run, and measures on them."""

from functools import cache

import numpy as np

from rareworld.annotate.world.body import CarBody
from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.mesh import Soup, merge, moved
from rareworld.annotate.world.model import Cabin
from rareworld.annotate.world.parts import Figure
from rareworld.annotate.world.profiles import PROFILES
from rareworld.annotate.world.vehicles import CAR_LOOKS, figure
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import PEOPLE, TWO_WHEELERS

VEHICLES = [name for name, spec in BLUEPRINTS.items() if spec.class_id not in PEOPLE]
CLOSED = [name for name in VEHICLES if BLUEPRINTS[name].track_m > 0]
TWO_WHEELED = [name for name in VEHICLES if BLUEPRINTS[name].class_id in TWO_WHEELERS]
PRESSED = list(PROFILES)
"""Cars, vans and pick-ups: lofts with patches."""
LOOKS = range(CAR_LOOKS)
EVERY_LOOK = [(name, look) for name in CLOSED for look in (0, 1, 2, 5)]
"""Every profile, load, grille and both paints; the other looks mix these anew."""
EVERY_BODY = [(name, k) for name in PRESSED for k in range(len(PROFILES[name]))]


@cache
def built(name: str, style: int = 0, *, driven: bool = True) -> Figure:
    """Return the parts of a vehicle."""
    return figure(name, style, driven=driven)


@cache
def bodywork(name: str, style: int = 0) -> Soup:
    """Return all but the wheels of a vehicle that is straight ahead, in its body frame."""
    made: list[Soup] = []
    places: list[np.ndarray] = []
    for part in built(name, style).parts:
        at = np.asarray(part.joint.pivot_m, dtype=float)
        places.append(at if part.joint.parent < 0 else at + places[part.joint.parent])
        if not part.joint.spin:
            x, y, z = places[-1].tolist()
            made.append(moved(part.shape, by_m=(x, y, z)))
    return merge(made)


@cache
def shell(name: str, number: int = 0) -> CarBody:
    """Return the loft of one profile of a car."""
    return CarBody(BLUEPRINTS[name], PROFILES[name][number])


@cache
def cabin_of(name: str, style: int = 0, *, driven: bool = True) -> tuple[Cabin, float]:
    """Return the cabin of a closed vehicle and x of its frame in the body's."""
    parts = built(name, style, driven=driven).parts
    (found,) = [(part.cabin, part.joint.pivot_m[0]) for part in parts if part.cabin is not None]
    return found


def of(part: Soup, *names: str) -> np.ndarray:
    """Return the corners (f, 3, 3) of all triangles of some materials."""
    return part.corners_m[np.isin(part.material, [material(name) for name in names])]


def names_in(part: Soup) -> set[str]:
    """Return the names of the materials in use."""
    return {MATERIALS[number].name for number in np.unique(part.material)}


def points(corners: np.ndarray) -> np.ndarray:
    """Return corners as a list of points."""
    return corners.reshape(-1, 3)


def clusters(corners: np.ndarray, gap_m: float = 0.04) -> list[np.ndarray]:
    """Return bodies of triangles whose boxes are farther apart than a gap, by flooding."""
    low, high = corners.min(axis=1) - gap_m / 2, corners.max(axis=1) + gap_m / 2
    near = (low[:, None] <= high[None]).all(axis=2) & (high[:, None] >= low[None]).all(axis=2)
    label = np.arange(len(corners))
    while True:
        spread = np.where(near, label[None], len(label)).min(axis=1)
        if (spread == label).all():
            return [corners[label == k] for k in np.unique(label)]
        label = spread


def span(corners: np.ndarray, axis: int) -> tuple[float, float]:
    """Return the lowest and highest coordinate along an axis."""
    along = corners[..., axis]
    return float(along.min()), float(along.max())


def flux(part: Soup) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of area vectors (m2) and the volume by the flux along x, y and z (m3).

    Of a closed surface the first is zero and the three volumes agree (divergence theorem).
    """
    a, b, c = np.moveaxis(part.corners_m, 1, 0)
    area = np.cross(b - a, c - a) / 2
    return area.sum(axis=0), (part.corners_m.mean(axis=1) * area).sum(axis=0)


def is_closed(part: Soup) -> bool:
    """Tell whether a surface is watertight: exact but for rounding, even with T-junctions."""
    total, volume = flux(part)
    a, b, c = np.moveaxis(part.corners_m, 1, 0)
    scale = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())
    return bool(np.abs(total).max() < 1e-9 * scale and np.ptp(volume) < 1e-8 * scale)
