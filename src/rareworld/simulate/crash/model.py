"""From bodies, ground and obstacles to a compiled MuJoCo model.

Body frames sit in the centre of mass, so that translation and rotation decouple. Collision bits:
who may touch whom depends on who drives a body (`Mode`), not on what it is.
Proved in tests/simulate/crash/test_crash_parts.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias, final

import mujoco
import numpy as np

from rareworld.core.blueprint import Blueprint
from rareworld.core.taxonomy import PEOPLE
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.impact import solref
from rareworld.simulate.crash.obstacles import Obstacles, Solid
from rareworld.simulate.crash.shapes import (
    Capsule,
    Part,
    capsules_of,
    inertia_kgm2,
    is_car_like,
    parts_of,
)

Handle: TypeAlias = Any
"""A MuJoCo object, whose compiled type says nothing to a type checker."""

_MJ: Handle = mujoco

_NEAR_M = 0.15
"""Pairs nearer than this are seen before they touch: gives the exact time of first contact."""

_IMPEDANCE = (0.95, 0.95, 0.01, 0.5, 2.0)
"""MuJoCo `solimp`: constant, so that `solref` alone shapes the impact."""


class Mode(IntEnum):
    """Who decides how a body moves."""

    FOLLOWED = 0
    """Told from outside."""
    BALANCED = 1
    """A walker or rider who keeps upright by command."""
    DRIVEN = 2
    """On its own wheels by command."""
    FREE = 3
    """Nobody: contacts, tyres and gravity."""


_GROUND, _WHEEL, _SOLID, _ACTOR = 1, 2, 8, 16
_ACTOR_TYPE = _GROUND | _ACTOR
_AFFINITY = {
    Mode.FOLLOWED: 0,
    Mode.BALANCED: _SOLID | _ACTOR,
    Mode.DRIVEN: _GROUND,
    Mode.FREE: _GROUND,
}
"""Two shapes may touch where one's type meets the other's affinity."""


@final
@dataclass(frozen=True, kw_only=True)
class Entry:
    """A body to be compiled."""

    actor_id: int
    blueprint: Blueprint
    mode: Mode


@final
@dataclass(frozen=True, kw_only=True)
class Compiled:
    """The model with the tables that lead from shapes back to actors."""

    model: Handle
    data: Handle
    owner: np.ndarray
    """Actor or prop id of each geom, 0 for ground, kerbs and posts; shape (geoms,)."""
    fixed: np.ndarray
    """Which geoms belong to the ground or obstacles; shape (geoms,)."""
    low: np.ndarray
    """Which geoms are ground or kerb; shape (geoms,)."""
    wheel: np.ndarray
    """Which geoms are wheels; shape (geoms,)."""
    geoms: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    """Body shapes (not wheels) of each actor."""
    wheels: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    bodies: dict[int, int] = field(default_factory=dict[int, int])
    """MuJoCo body of each actor."""

    def begin_step(self) -> None:
        """Find contacts at the present positions."""
        _MJ.mj_step1(self.model, self.data)

    def end_step(self) -> None:
        """Solve and move on by one step."""
        _MJ.mj_step2(self.model, self.data)

    def set_mode(self, actor_id: int, mode: Mode) -> None:
        """Let a body touch what its mode allows."""
        model, body = self.model, self.bodies[actor_id]
        model.geom_conaffinity[self.geoms[actor_id]] = _AFFINITY[mode]
        wheels = self.wheels[actor_id]
        wheel_bits = _WHEEL if mode >= Mode.DRIVEN else 0
        model.geom_conaffinity[wheels] = wheel_bits
        model.body_conaffinity[body] = _AFFINITY[mode] | (wheel_bits if wheels else 0)

    def set_solref(self, actor_id: int, values: tuple[float, float]) -> None:
        """Set how a body rebounds."""
        self.model.geom_solref[self.geoms[actor_id]] = values


def build(
    entries: Sequence[Entry], ground: Ground, obstacles: Obstacles, config: PhysicsConfig
) -> Compiled:
    """Compile all bodies in the order given."""
    spec: Handle = _MJ.MjSpec()
    spec.option.timestep = config.step_s
    spec.option.gravity = [0, 0, -config.gravity_mps2]
    spec.option.cone = _MJ.mjtCone.mjCONE_ELLIPTIC
    spec.option.integrator = _MJ.mjtIntegrator.mjINT_EULER
    spec.option.tolerance = 1e-10
    rows: list[tuple[int, str]] = []
    _add_ground(spec, ground)
    rows.append((0, "ground"))
    for solid in obstacles.solids():
        _add_solid(spec, solid)
        rows.append((solid.key, "kerb" if solid.kerb else "solid"))
    for entry in entries:
        rows.extend((entry.actor_id, kind) for kind in _add_body(spec, entry, config))
    model = spec.compile()
    return _tables(model, _MJ.MjData(model), rows, entries)


def _tables(
    model: Handle, data: Handle, rows: list[tuple[int, str]], entries: Sequence[Entry]
) -> Compiled:
    """Number geoms in the order they were added, which is the order they are compiled in."""
    owner = np.array([key for key, _ in rows])
    kinds = np.array([kind for _, kind in rows])
    moving = np.isin(kinds, ["body", "wheel"])
    index = np.arange(len(rows))
    ids = [entry.actor_id for entry in entries]
    out = Compiled(
        model=model,
        data=data,
        owner=owner,
        fixed=~moving,
        low=np.isin(kinds, ["ground", "kerb"]),
        wheel=kinds == "wheel",
        geoms={i: index[(owner == i) & (kinds == "body")].tolist() for i in ids},
        wheels={i: index[(owner == i) & (kinds == "wheel")].tolist() for i in ids},
        bodies={i: body + 1 for body, i in enumerate(ids)},
    )
    for entry in entries:
        out.set_mode(entry.actor_id, entry.mode)
    return out


def _add_ground(spec: Handle, ground: Ground) -> None:
    common = {"contype": _GROUND, "conaffinity": 0, "friction": [0, 0, 0], "solmix": 1e-6}
    if ground.grid_m is None:
        spec.worldbody.add_geom(
            type=_MJ.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1], pos=[0, 0, ground.level_m], **common
        )
        return
    grid = ground.grid_m
    low, high = float(grid.min()), float(grid.max())
    half = (np.array(grid.shape[::-1]) - 1) * ground.step_m / 2
    spec.add_hfield(
        name="ground",
        nrow=grid.shape[0],
        ncol=grid.shape[1],
        size=[half[0], half[1], high - low, 1.0],
        userdata=((grid - low) / (high - low)).astype(np.float32).ravel().tolist(),
    )
    spec.worldbody.add_geom(
        type=_MJ.mjtGeom.mjGEOM_HFIELD,
        hfieldname="ground",
        pos=[ground.origin_m[0] + half[0], ground.origin_m[1] + half[1], low],
        **common,
    )


def _add_solid(spec: Handle, solid: Solid) -> None:
    bits = _GROUND | _WHEEL if solid.kerb else _GROUND | _SOLID
    round_one = solid.radius_m is not None
    size = [solid.radius_m, solid.half_m[2], 0] if round_one else list(solid.half_m)
    kind = _MJ.mjtGeom.mjGEOM_CYLINDER if round_one else _MJ.mjtGeom.mjGEOM_BOX
    spec.worldbody.add_geom(
        type=kind,
        size=size,
        pos=list(solid.centre_m),
        quat=_quat(solid.yaw_rad, solid.pitch_rad),
        contype=bits,
        conaffinity=0,
        friction=[0, 0, 0],
        gap=_NEAR_M,
        solmix=1e-6,
    )


def _quat(yaw_rad: float, pitch_rad: float) -> list[float]:
    cy, sy = math.cos(yaw_rad / 2), math.sin(yaw_rad / 2)
    cp, sp = math.cos(pitch_rad / 2), math.sin(pitch_rad / 2)
    return [cy * cp, -sy * sp, cy * sp, sy * cp]


def _add_body(spec: Handle, entry: Entry, config: PhysicsConfig) -> list[str]:
    """Add one actor; return the kind of each of its shapes in order."""
    blueprint = entry.blueprint
    body = spec.worldbody.add_body(name=f"actor{entry.actor_id}")
    body.add_freejoint()
    body.mass = blueprint.mass_kg
    body.inertia = list(inertia_kgm2(blueprint))
    body.ipos = [0, 0, 0]
    body.explicitinertial = True
    common = _surface(blueprint, config)
    for part in parts_of(blueprint):
        _add_part(body, part, blueprint, common)
    for rod in capsules_of(blueprint):
        _add_capsule(body, rod, blueprint, common)
    kinds = ["body"] * (len(parts_of(blueprint)) + len(capsules_of(blueprint)))
    if is_car_like(blueprint):
        _add_wheels(body, blueprint)
        kinds += ["wheel"] * 4
    return kinds


def _surface(blueprint: Blueprint, config: PhysicsConfig) -> dict[str, Any]:
    """Return the contact properties of a body's shapes."""
    contact = config.contact
    common: dict[str, Any] = {"contype": _ACTOR_TYPE, "gap": _NEAR_M, "solimp": _IMPEDANCE}
    if blueprint.class_id in PEOPLE:
        stiffness, rebound = contact.person_stiffness_radps, contact.person_restitution
        grip = [contact.person_friction, 0.02, 0.03]
        return common | {
            "friction": grip,
            "solref": list(solref(rebound, stiffness)),
            "condim": 6,
            "priority": 1,
        }
    soft = solref(contact.restitution_slow, contact.stiffness_radps)
    return common | {"friction": [contact.friction, 0, 0], "solref": list(soft), "condim": 3}


def _add_part(body: Handle, part: Part, blueprint: Blueprint, common: dict[str, Any]) -> None:
    length, width, height = blueprint.size_m
    body.add_geom(
        type=_MJ.mjtGeom.mjGEOM_BOX,
        size=[
            (part.front - part.rear) * length / 2,
            part.width * width / 2,
            (part.top - part.bottom) * height / 2,
        ],
        pos=[
            (part.front + part.rear) * length / 2,
            0,
            (part.top + part.bottom) * height / 2 - blueprint.com_height_m,
        ],
        quat=_quat(0.0, part.pitch_rad),
        **common,
    )


def _add_capsule(body: Handle, rod: Capsule, blueprint: Blueprint, common: dict[str, Any]) -> None:
    size = np.array(blueprint.size_m)
    foot = np.array([0, 0, blueprint.com_height_m])
    ends = np.concatenate([np.array(rod.start) * size - foot, np.array(rod.end) * size - foot])
    body.add_geom(
        type=_MJ.mjtGeom.mjGEOM_CAPSULE,
        fromto=ends.tolist(),
        size=[rod.radius * blueprint.width_m, 0, 0],
        **common,
    )


def _add_wheels(body: Handle, blueprint: Blueprint) -> None:
    """Add spheres that climb kerbs; on plain ground the tyre model carries the load."""
    for sign_x, sign_y in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        body.add_geom(
            type=_MJ.mjtGeom.mjGEOM_SPHERE,
            size=[blueprint.wheel_radius_m, 0, 0],
            pos=[
                sign_x * blueprint.wheelbase_m / 2,
                sign_y * blueprint.track_m / 2,
                blueprint.wheel_radius_m - blueprint.com_height_m,
            ],
            contype=0,
            conaffinity=_WHEEL,
            friction=[0, 0, 0],
            gap=_NEAR_M,
            solref=[0.03, 0.7],
            solimp=_IMPEDANCE,
            priority=1,
        )
