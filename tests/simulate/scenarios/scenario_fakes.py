"""A stage that only records what a director asks of it, and bodies to put on it."""

import math
from collections.abc import Mapping

import numpy as np

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.road import RoadMap, Signal, SignalKind
from rareworld.core.trajectory import SignalState
from rareworld.simulate.drive.driver import Driver
from rareworld.simulate.drive.path import Path
from rareworld.simulate.scenarios.acting import Paced
from rareworld.simulate.scenarios.staging import Outcome, Role, SignalOrder, Staging, Wish
from rareworld.simulate.stage import Stage
from rareworld.simulate.state import BodyState
from rareworld.simulate.sumo.actors import LanePlace, Sighting
from rareworld.simulate.sumo.session import Traffic
from rareworld.simulate.sumo.signals import SignalBoard

HANDOVER_S, EVENT_S = 5.0, 8.0
STEP_S = 0.05


class FakeTraffic(Traffic):
    """Answers where a lane is and records who is forced; no simulation behind it."""

    def __init__(self, edge: str = "e1") -> None:
        self.edge = edge
        self.forced: list[tuple[int, float]] = []
        self.asked: list[tuple[float, float, str]] = []

    def locate(self, x_m: float, y_m: float, blueprint: str) -> LanePlace:
        self.asked.append((x_m, y_m, blueprint))
        return LanePlace(edge=self.edge, lane=0, station_m=x_m)

    def force(self, actor_id: int, speed_mps: float) -> None:
        self.forced.append((actor_id, speed_mps))


class FakeBoard(SignalBoard):
    """Records which lights are held."""

    def __init__(self, wired: tuple[str, ...]) -> None:
        self.names = wired
        self.held: list[tuple[str, SignalState, float]] = []

    def wired(self) -> tuple[str, ...]:
        return self.names

    def hold(self, signal_id: str, state: SignalState, for_s: float) -> None:
        self.held.append((signal_id, state, for_s))


class FakeStage(Stage):
    """Records calls in order as (what, role or id)."""

    def __init__(
        self,
        *,
        edge: str = "e1",
        signals: tuple[Signal, ...] = (),
        wired: tuple[str, ...] = (),
        parked: Mapping[int, BodyState] | None = None,
    ) -> None:
        self.road = RoadMap(name="fake", lanes={}, signals=signals)
        self.traffic = FakeTraffic(edge)
        self.board = FakeBoard(wired)
        self.now_s = 0.0
        self.calls: list[tuple[str, object]] = []
        self.seen: dict[int, Sighting] = {}
        self.still = dict(parked or {})
        self.places: dict[str, LanePlace] = {}
        self.begun: dict[str, BodyState] = {}
        self.drivers: dict[str, Driver] = {}
        self.clip_start_s = None
        self.focus_m = (0.0, 0.0)
        self._next = 100

    @property
    def time_s(self) -> float:
        return self.now_s

    @property
    def signals(self) -> SignalBoard:
        return self.board

    @property
    def sightings(self) -> Mapping[int, Sighting]:
        return self.seen

    @property
    def parked(self) -> Mapping[int, BodyState]:
        return self.still

    def state(self, actor_id: int) -> BodyState:
        return self.seen[actor_id].state()

    def insert(self, blueprint, route, place, speed_mps, *, role="traffic", traits=None) -> int:
        assert route == (place.edge,)
        assert blueprint in BLUEPRINTS
        self.places[role] = place
        return self._told("insert", role)

    def appear(self, blueprint, state, driver, *, role, after_contact=None) -> int:
        assert blueprint in BLUEPRINTS
        self.begun[role], self.drivers[role] = state, driver
        return self._told("appear", role)

    def drive(self, actor_id, driver, *, role=None, after_contact=None) -> BodyState:
        self.drivers[role] = driver
        self.calls.append(("drive", role))
        return self.seen.pop(actor_id).state()

    def withdraw(self, actor_id: int) -> None:
        self.calls.append(("withdraw", actor_id))
        self.seen.pop(actor_id, None)

    def dismiss(self, actor_id: int) -> None:
        self.calls.append(("dismiss", actor_id))
        self.seen.pop(actor_id, None)
        self.still.pop(actor_id, None)

    def _told(self, what: str, role: str) -> int:
        self.calls.append((what, role))
        self._next += 1
        return self._next


def sighted(number: int, x: float, y: float, yaw: float, mps: float, body: str) -> Sighting:
    """Return somebody that SUMO moves."""
    return Sighting(
        id=number, name=f"n{number}", blueprint=body, time_s=0.0, x_m=x, y_m=y, z_m=0.0,
        yaw_rad=yaw, pitch_rad=0.0, vx_mps=mps * math.cos(yaw), vy_mps=mps * math.sin(yaw),
        vz_mps=0.0, yaw_rate_radps=0.0, lamps=0, lane="e1_0",
    )  # fmt: skip


def eastward(length_m: float = 400.0, y_m: float = 0.0) -> Path:
    """Return a straight way to the east."""
    return Path.through(np.array([[0.0, y_m], [length_m, y_m]]))


def role_on(
    path: Path, start_m: float, mps: float, *, body: str = "saloon", name: str = "one",
    appears: bool = False,
) -> Role:  # fmt: skip
    """Return a role that keeps its speed along a path."""
    return Role(
        name=name, blueprint=body, path=path, start_m=start_m, start_mps=mps, appears=appears,
        acting=Paced(spec=BLUEPRINTS[body], path=path),
    )  # fmt: skip


def staging_of(*roles: Role, signals: tuple[SignalOrder, ...] = ()) -> Staging:
    """Return a staging of some roles with hand-over and event at the usual times."""
    return Staging(
        scenario="test", outcome=Outcome.SAFE, handover_s=HANDOVER_S, event_s=EVENT_S,
        focus_m=np.array([12.0, 3.0, 0.0]), roles=roles, wish=Wish(kind=None), signals=signals,
    )  # fmt: skip


def light(name: str, *lanes: str) -> Signal:
    """Return a traffic light for some lanes."""
    return Signal(
        id=name, kind=SignalKind.TRAFFIC_LIGHT, position_m=(0.0, 0.0, 0.0), yaw_rad=0.0,
        height_m=3.0, lanes=lanes,
    )  # fmt: skip
