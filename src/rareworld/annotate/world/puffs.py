"""Spray, dust and powder snow behind wheels: round clouds shed at fixed steps of time.

Each rear wheel sheds a puff ten times a second; it is dragged along a little, drifts with the wind,
grows and fades within a second. How dense grows with the square of speed, as the water that a
tyre throws does. The same recording and seed give the same puffs at any time, in any order.
Proved in tests/annotate/world/test_puffs.py.
Shapes: N actors that shed, K steps, P puffs.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Float32

from rareworld.annotate.world.model import Air, GroundState
from rareworld.core.geometry import matrix_from_quat
from rareworld.core.scene import Actor
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Recording

STEP_S = 0.1
MOST = 400
"""Puffs at a time; where there are more the faintest go, without a jump."""
_SHED_BY = frozenset({ClassId.CAR, ClassId.TRUCK, ClassId.BUS, ClassId.MOTORCYCLE})
_DRAGGED, _DRAG_S = 0.45, 0.25
"""Share of the vehicle's velocity that a puff starts with, and how long it keeps it."""
_CAUGHT_S = 0.4
"""How long the wind takes to catch a puff."""
_FAINTEST = 0.015


@final
@dataclass(frozen=True, kw_only=True)
class Shed:
    """What wheels throw up."""

    density: float
    """Opacity of a fresh puff at full speed."""
    from_mps: float
    full_mps: float
    """Speeds at which it begins and at which it is full."""
    life_s: float
    radius_m: float
    grows_mps: float
    rises_mps: float
    whiteness: float


def shed_by(ground: GroundState, air: Air) -> Shed | None:
    """Return what wheels throw up from the ground; None from dry, clean ground."""
    if ground.flood_m > 0.02:
        return Shed(density=0.55, from_mps=1.5, full_mps=14.0, life_s=0.8, radius_m=0.35,
                    grows_mps=1.4, rises_mps=0.9, whiteness=0.85)  # fmt: skip
    if ground.snow > 0.2:
        return Shed(density=0.40 * ground.snow, from_mps=4.0, full_mps=20.0, life_s=1.1,
                    radius_m=0.30, grows_mps=1.2, rises_mps=0.5, whiteness=1.0)  # fmt: skip
    if ground.sand > 0.1 and ground.wetness < 0.2:
        density = min(0.25 + 0.35 * ground.sand + 0.1 * air.dust, 0.6)
        return Shed(density=density, from_mps=2.0, full_mps=16.0, life_s=1.6, radius_m=0.35,
                    grows_mps=1.3, rises_mps=0.5, whiteness=0.55)  # fmt: skip
    if ground.wetness > 0.3:
        return Shed(density=0.40 * ground.wetness, from_mps=4.0, full_mps=22.0, life_s=0.9,
                    radius_m=0.28, grows_mps=1.1, rises_mps=0.45, whiteness=0.9)  # fmt: skip
    return None


@final
@dataclass(frozen=True)
class _Born:
    """Puffs as they leave the wheel."""

    at_s: Float[np.ndarray, "p"]
    place_m: Float[np.ndarray, "p 3"]
    velocity_mps: Float[np.ndarray, "p 3"]
    density: Float[np.ndarray, "p"]
    size: Float[np.ndarray, "p"]


@final
class Wake:
    """All puffs of a recording under given conditions."""

    def __init__(self, recording: Recording, ground: GroundState, air: Air) -> None:
        self._shed = shed_by(ground, air)
        self._wind = np.array([*air.wind_mps, 0.0]) * 0.5  # half the wind near the ground
        self._born = _none() if self._shed is None else _born(recording, self._shed)

    def at(self, time_s: float) -> Float32[np.ndarray, "p 6"]:
        """Return the puffs in the air as in `FrameState.puffs`."""
        shed, born = self._shed, self._born
        if shed is None:
            return np.zeros((0, 6), np.float32)
        age = time_s - born.at_s
        young = (age >= 0) & (age < shed.life_s)
        age = age[young][:, None]
        share = age / shed.life_s
        opacity = born.density[young] * ((1 - share) ** 2 * np.minimum(age / 0.06, 1))[:, 0]
        way = born.velocity_mps[young] * _DRAGGED * _DRAG_S * (1 - np.exp(-age / _DRAG_S))
        way += self._wind * (age - _CAUGHT_S * (1 - np.exp(-age / _CAUGHT_S)))
        place = born.place_m[young] + way
        place[:, 2] += shed.rises_mps * (age * (1 - 0.4 * share))[:, 0]
        size = born.size[young]
        radius = (shed.radius_m + shed.grows_mps * age[:, 0] ** 0.7 * 0.8) * size
        white = np.full_like(opacity, shed.whiteness)
        made = np.column_stack([place, radius, opacity, white])
        return _densest(made).astype(np.float32)


def _densest(puffs: Float[np.ndarray, "p 6"]) -> Float[np.ndarray, "q 6"]:
    """Return the puffs that count, in their order; all lose the opacity of the first left out."""
    opacity = puffs[:, 4]
    if len(opacity) > MOST:
        least = max(float(np.sort(opacity)[-MOST - 1]), _FAINTEST)
        puffs = puffs - np.array([0, 0, 0, 0, least, 0])
        return puffs[opacity > least]
    return puffs[opacity > _FAINTEST]


def _none() -> _Born:
    one, three = np.zeros(0), np.zeros((0, 3))
    return _Born(one, three, three, one, one)


def _born(recording: Recording, shed: Shed) -> _Born:
    """Return every puff of a recording, as if all had driven on before its first frame."""
    tracks, scene = recording.tracks, recording.scene
    first, last = float(tracks.time_s[0]), float(tracks.time_s[-1])
    steps = np.arange(np.floor((first - shed.life_s) / STEP_S), np.ceil(last / STEP_S) + 1)
    seed = Seed(scene.seed).child("puffs")
    made = [
        _of_actor(recording, row, actor, steps, shed, seed)
        for row, actor in enumerate(scene.actors)
        if actor.class_id in _SHED_BY and tracks.present[row].any()
    ]
    if not made:
        return _none()
    return _Born(*(np.concatenate(part) for part in zip(*made, strict=True)))


def _of_actor(
    recording: Recording, row: int, actor: Actor, steps: np.ndarray, shed: Shed, seed: Seed
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return birth time, place, velocity, density and size of the puffs of one vehicle."""
    tracks, spec, times = recording.tracks, actor.spec, recording.tracks.time_s
    when = steps * STEP_S
    frame = np.clip(np.searchsorted(times, when + 1e-9) - 1, 0, len(times) - 1)
    since = np.where(when < times[0], when - times[0], when - times[frame])
    velocity = tracks.velocity_mps[row, frame]
    turn = matrix_from_quat(tracks.quat[row, frame])
    middle = tracks.position_m[row, frame] + velocity * since[:, None]
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    full = np.clip((speed - shed.from_mps) / (shed.full_mps - shed.from_mps), 0, 1) ** 2
    full = full * (tracks.present[row, frame] & (turn[:, 2, 2] > 0.8))
    sides = (-0.5, 0.5) if spec.track_m > 0 else (0.0,)
    chance = seed.child(actor.id).generator().uniform(-1, 1, (len(sides), len(steps), 4))
    born: list[np.ndarray] = []
    heavy = min(max(spec.wheel_radius_m / 0.32, 0.8), 1.8)
    for side, drawn in zip(sides, chance, strict=True):
        wheel = np.array([-spec.wheelbase_m / 2 - spec.wheel_radius_m, side * spec.track_m, 0.0])
        place = middle + turn @ wheel + drawn[:, :3] * [0.15, 0.12, 0.05]
        place[:, 2] += 0.6 * spec.wheel_radius_m
        density = shed.density * full * (1 + 0.3 * drawn[:, 3])
        size = heavy * (1 + 0.2 * drawn[:, 0])
        born.append(np.column_stack([when, place, velocity, density, size]))
    rows = np.concatenate(born)
    rows = rows[rows[:, 7] > _FAINTEST]
    return rows[:, 0], rows[:, 1:4], rows[:, 4:7], rows[:, 7], rows[:, 8]
