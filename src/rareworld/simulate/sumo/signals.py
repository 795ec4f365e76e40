"""SUMO's traffic lights as states of the signals on our map, and a hand on their phases.

netconvert writes which OpenDRIVE signals a link obeys (parameter `linkSignalID:N`). Networks
without it are matched by geometry: a signal shows what the SUMO lane nearest to the end of its
approach lanes is told; a pedestrian light what the crossing is told at whose end it stands.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import final

import numpy as np

from rareworld.core.geometry import FloatArray
from rareworld.core.road import RoadMap, Signal, SignalKind
from rareworld.core.trajectory import SignalState
from rareworld.errors import ScenarioError

_MATCH_M = 6.0
"""A SUMO lane belongs to an approach lane whose end is within this distance of its own."""

_BY_LETTER = {
    "G": SignalState.GREEN, "g": SignalState.GREEN, "s": SignalState.GREEN,
    "y": SignalState.YELLOW, "Y": SignalState.YELLOW, "u": SignalState.RED_YELLOW,
    "r": SignalState.RED, "R": SignalState.RED, "o": SignalState.OFF, "O": SignalState.OFF,
}  # fmt: skip
_SHOWN_FIRST = (
    SignalState.GREEN, SignalState.YELLOW, SignalState.RED_YELLOW, SignalState.RED, SignalState.OFF,
)  # fmt: skip
"""A housing that several links obey shows the most permissive of their states."""

_LIGHTS = frozenset({SignalKind.TRAFFIC_LIGHT, SignalKind.PEDESTRIAN_LIGHT})


@final
@dataclass(frozen=True)
class Wiring:
    """Which links of which SUMO programme a signal shows."""

    programme: str
    links: tuple[int, ...]

    def shown(self, letters: str) -> SignalState:
        """Return what the housing shows when the programme is in this state."""
        found = {_BY_LETTER[letters[link]] for link in self.links}
        return next(state for state in _SHOWN_FIRST if state in found)


@final
class SignalBoard:
    """All signals of a map while SUMO runs."""

    def __init__(self, sumo: ModuleType, road: RoadMap) -> None:
        self._sumo = sumo
        self._signals = road.signals
        self._wiring = _wire(sumo, road)

    def states(self) -> tuple[SignalState, ...]:
        """Return the state of each of `road.signals`; signs and unwired lights are UNKNOWN."""
        letters = {
            name: self._sumo.trafficlight.getRedYellowGreenState(name)
            for name in self._sumo.trafficlight.getIDList()
        }
        return tuple(self._state(signal, letters) for signal in self._signals)

    def _state(self, signal: Signal, letters: dict[str, str]) -> SignalState:
        wire = self._wiring.get(signal.id)
        return wire.shown(letters[wire.programme]) if wire else SignalState.UNKNOWN

    def state(self, signal_id: str) -> SignalState:
        """Return what one signal shows now."""
        wire = self._wire_of(signal_id)
        return wire.shown(self._sumo.trafficlight.getRedYellowGreenState(wire.programme))

    def wired(self) -> tuple[str, ...]:
        """Return the ids of all signals SUMO controls, in the order of the map."""
        return tuple(signal.id for signal in self._signals if signal.id in self._wiring)

    def time_to(self, signal_id: str, state: SignalState) -> float:
        """Return the seconds until a signal next shows a state; 0 if it does now.

        Raises:
            ScenarioError: If its programme never shows it, or the signal has no programme.
        """
        wire = self._wire_of(signal_id)
        if wire.shown(self._sumo.trafficlight.getRedYellowGreenState(wire.programme)) == state:
            return 0.0
        phases, current = self._programme(wire.programme)
        now = self._sumo.simulation.getTime()
        wait = self._sumo.trafficlight.getNextSwitch(wire.programme) - now
        for step in range(1, len(phases) + 1):
            phase = phases[(current + step) % len(phases)]
            if wire.shown(phase.state) == state:
                return max(0.0, float(wait))
            wait += phase.duration
        raise self._never(signal_id, state, [phase.state for phase in phases])

    def hold(self, signal_id: str, state: SignalState, duration_s: float) -> None:
        """Switch the junction to a phase in which a signal shows a state, for a while.

        Raises:
            ScenarioError: If its programme never shows it, or the signal has no programme.
        """
        wire = self._wire_of(signal_id)
        phases, _ = self._programme(wire.programme)
        for index, phase in enumerate(phases):
            if wire.shown(phase.state) == state:
                self._sumo.trafficlight.setPhase(wire.programme, index)
                self._sumo.trafficlight.setPhaseDuration(wire.programme, duration_s)
                return
        raise self._never(signal_id, state, [phase.state for phase in phases])

    def _programme(self, name: str) -> tuple[tuple, int]:
        wanted = self._sumo.trafficlight.getProgram(name)
        for logic in self._sumo.trafficlight.getAllProgramLogics(name):
            if logic.programID == wanted:
                return tuple(logic.phases), int(self._sumo.trafficlight.getPhase(name))
        raise ScenarioError(f"traffic light {name!r} runs the unknown programme {wanted!r}")

    def _wire_of(self, signal_id: str) -> Wiring:
        if signal_id not in self._wiring:
            known = ", ".join(self.wired()) or "none"
            raise ScenarioError(
                f"signal {signal_id!r} is not controlled by SUMO on this map; controlled: {known}"
            )
        return self._wiring[signal_id]

    def _never(self, signal_id: str, state: SignalState, tried: list[str]) -> ScenarioError:
        return ScenarioError(
            f"signal {signal_id!r} never shows {state.name} in the phases of its programme: {tried}"
        )


def _wire(sumo: ModuleType, road: RoadMap) -> dict[str, Wiring]:
    """Return the wiring of each signal, by name first, by geometry for the rest."""
    found = _wired_by_name(sumo)
    lights = [signal for signal in road.signals if signal.kind in _LIGHTS]
    wiring = {signal.id: found[signal.id] for signal in lights if signal.id in found}
    ends = _link_ends(sumo)
    for signal in lights:
        if signal.id in wiring:
            continue
        near = _nearest_links(signal, road, ends)
        if near is not None:
            wiring[signal.id] = near
    return wiring


def _wired_by_name(sumo: ModuleType) -> dict[str, Wiring]:
    links: dict[str, tuple[str, list[int]]] = {}
    for name in sumo.trafficlight.getIDList():
        for index in range(len(sumo.trafficlight.getRedYellowGreenState(name))):
            for signal in sumo.trafficlight.getParameter(name, f"linkSignalID:{index}").split():
                links.setdefault(signal, (name, []))[1].append(index)
    return {signal: Wiring(name, tuple(found)) for signal, (name, found) in links.items()}


@final
@dataclass(frozen=True)
class _LinkEnd:
    """Where those stop who obey a link: the end of its lane, or either end of a crossing."""

    programme: str
    index: int
    x_m: float
    y_m: float
    on_foot: bool


def _link_ends(sumo: ModuleType) -> list[_LinkEnd]:
    ends: list[_LinkEnd] = []
    for name in sumo.trafficlight.getIDList():
        for index, links in enumerate(sumo.trafficlight.getControlledLinks(name)):
            if not links:
                continue
            feeding, crossing = links[0][0], links[0][1]
            on_foot = crossing.startswith(":")
            shape = sumo.lane.getShape(crossing if on_foot else feeding)
            for x, y in (shape[0], shape[-1]) if on_foot else shape[-1:]:
                ends.append(_LinkEnd(name, index, float(x), float(y), on_foot))
    return ends


def _lane_stops(signal: Signal, road: RoadMap) -> list[FloatArray]:
    """Return where vehicles stop on the lanes that a signal governs, shape (2,) each."""
    lanes = [road.lanes[name] for name in signal.lanes if name in road.lanes]
    return [lane.centre_m[0 if lane.junction else -1, :2] for lane in lanes]


def _nearest_links(signal: Signal, road: RoadMap, ends: list[_LinkEnd]) -> Wiring | None:
    """Return the links of those who stop where the signal stands or its approach lanes end."""
    on_foot = signal.kind is SignalKind.PEDESTRIAN_LIGHT
    ends = [end for end in ends if end.on_foot == on_foot]
    stops = [np.array(signal.position_m[:2])] if on_foot else _lane_stops(signal, road)
    if not stops or not ends:
        return None
    at = np.array([[end.x_m, end.y_m] for end in ends])
    gap = np.linalg.norm(at[:, None] - np.array(stops)[None], axis=-1).min(axis=1)
    nearest = ends[int(gap.argmin())]
    if float(gap.min()) > _MATCH_M:
        return None
    reach = float(gap.min()) + 0.5 if on_foot else max(_MATCH_M / 2, float(gap.min()) + 0.5)
    near = [end for end, away in zip(ends, gap.tolist(), strict=True) if away <= reach]
    links = sorted({end.index for end in near if end.programme == nearest.programme})
    return Wiring(nearest.programme, tuple(links))
