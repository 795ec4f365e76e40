"""How deep a contact dents a vehicle.

Residual crush follows Campbell's linear law (Campbell 1974, SAE 740565): the speed change of an
impact is b0 + b1 x crush, with b0 the speed change that leaves no dent. Coefficients are those of
a mid-size car's front; heavy vehicles take the same crush energy with less depth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.core.event import Contact
from rareworld.core.geometry import FloatArray
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Recording

CAMPBELL_B0_MPS = 2.2
"""Speed change without lasting crush (about 5 mph)."""
CAMPBELL_B1_PER_S = 16.0
"""Speed change per metre of crush."""
MAX_CRUSH_M = 0.55
TOUCH_M = 0.018
"""Dent in sheet metal from a body hit too softly to crush the frame."""
TOUCH_NS = 60.0
"""Weaker contacts leave nothing to see."""
DENTED = frozenset({ClassId.CAR, ClassId.TRUCK, ClassId.BUS})


@final
@dataclass(frozen=True, kw_only=True)
class Dent:
    """One contact as a vehicle's body feels it, in the world at `contact_s`."""

    row: int
    """Of the actor in the tracks."""
    contact_s: float
    """First touch; point and direction are those of this moment."""
    time_s: float
    """When the dent is there: halfway through the contact."""
    point_m: FloatArray
    """Shape (3,)."""
    inward: FloatArray
    """Unit vector into the body, shape (3,)."""
    depth_m: float

    @property
    def radius_m(self) -> float:
        """Reach of the dent along the surface."""
        return 0.40 + 1.6 * self.depth_m


def crush_m(impulse_ns: float, mass_kg: float) -> float:
    """Return the residual crush of a body of some mass; 0 below what a panel shows."""
    if impulse_ns < TOUCH_NS:
        return 0.0
    beyond = impulse_ns / mass_kg - CAMPBELL_B0_MPS
    return float(np.clip(beyond / CAMPBELL_B1_PER_S, TOUCH_M, MAX_CRUSH_M))


def _impulse_ns(contact: Contact, mass_kg: float, other_kg: float) -> float:
    """Return the measured impulse, else that of a plastic impact at the relative speed."""
    if contact.impulse_ns is not None:
        return contact.impulse_ns
    reduced = 1 / (1 / mass_kg + (1 / other_kg if other_kg else 0.0))
    return reduced * contact.relative_speed_mps


def dents(recording: Recording) -> tuple[Dent, ...]:
    """Return the dents of all vehicles in order of time."""
    rows = {actor.id: row for row, actor in enumerate(recording.scene.actors)}
    found = [dent for contact in recording.contacts for dent in _dents_of(recording, contact, rows)]
    return tuple(sorted(found, key=lambda dent: (dent.time_s, dent.row)))


def _dents_of(recording: Recording, contact: Contact, rows: dict[int, int]) -> Iterator[Dent]:
    """Yield what a contact does to each of its two bodies."""
    actors = recording.scene.actors
    pair = (contact.first, contact.second)
    for own, other, turn in ((*pair, -1), (*pair[::-1], 1)):
        # the ground scrapes but does not dent
        if own not in rows or other == 0 or actors[rows[own]].class_id not in DENTED:
            continue
        mass = actors[rows[own]].spec.mass_kg
        other_mass = actors[rows[other]].spec.mass_kg if other in rows else 0.0
        depth = crush_m(_impulse_ns(contact, mass, other_mass), mass)
        if depth > 0:
            yield Dent(
                row=rows[own],
                contact_s=contact.time_s,
                time_s=contact.time_s + 0.5 * min(contact.duration_s, 0.12),
                point_m=np.array(contact.point_m),
                inward=np.array(contact.normal) * turn,
                depth_m=depth,
            )
