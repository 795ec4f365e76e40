"""A small signalised crossroads in closed form, and paths along its lanes.

Arms 0..3 lie east, north, west, south. `k:0:-1` leads in on arm k, `k:0:1` leads out; the junction
lane from arm k to arm j is `9kj:0:-1`. There is no left turn from arm 2 (west) to arm 1 (north).
"""

import numpy as np

from rareworld.core.road import (
    Crosswalk,
    Junction,
    Lane,
    LaneKind,
    RoadMap,
    Signal,
    SignalKind,
)
from tests.events.build import Path

HALF_M, ARM_M, WIDTH_M = 12.0, 120.0, 3.5


def lane(name: str, line: np.ndarray, width: float = WIDTH_M, **more) -> Lane:
    """A lane of constant width around a line of shape (p, 2)."""
    ahead = np.gradient(line, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    left = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) * width / 2
    flat = [
        np.concatenate([xy, np.zeros((len(xy), 1))], axis=1)
        for xy in (line, line + left, line - left)
    ]
    kind = more.pop("kind", LaneKind.DRIVING)
    return Lane(id=name, kind=kind, centre_m=flat[0], left_m=flat[1], right_m=flat[2], **more)


def _arm(k: int) -> tuple[np.ndarray, np.ndarray]:
    out = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]][k], float)
    return out, np.array([-out[1], out[0]])


def _line(k: int, *, inward: bool) -> np.ndarray:
    out, left = _arm(k)
    s = np.linspace(HALF_M, ARM_M, 60)[:, None]
    points = s * out + (left if inward else -left) * WIDTH_M / 2
    return points[::-1] if inward else points


def _turn(k: int, j: int) -> np.ndarray:
    a, b = _line(k, inward=True)[-1], _line(j, inward=False)[0]
    da, db = -_arm(k)[0], _arm(j)[0]
    t = np.linspace(0, 1, 25)[:, None]
    pull = 0.55 * np.linalg.norm(b - a) / np.sqrt(2)
    return (
        (1 - t) ** 3 * a
        + 3 * t * (1 - t) ** 2 * (a + pull * da)
        + 3 * t**2 * (1 - t) * (b - pull * db)
        + t**3 * b
    )


def crossroads() -> RoadMap:
    """The map: one lane each way per arm, a light per approach, a crosswalk on arm 1."""
    lanes: dict[str, Lane] = {}
    turns = [(k, j) for k in range(4) for j in range(4) if k != j and (k, j) != (2, 1)]
    for k in range(4):
        after = tuple(f"9{a}{j}:0:-1" for a, j in turns if a == k)
        lanes[f"{k}:0:-1"] = lane(f"{k}:0:-1", _line(k, inward=True), successors=after)
        lanes[f"{k}:0:1"] = lane(f"{k}:0:1", _line(k, inward=False))
    for k, j in turns:
        lanes[f"9{k}{j}:0:-1"] = lane(
            f"9{k}{j}:0:-1",
            _turn(k, j),
            successors=(f"{j}:0:1",),
            predecessors=(f"{k}:0:-1",),
            junction="J",
        )
    signals = tuple(
        Signal(
            id=f"S{k}", kind=SignalKind.TRAFFIC_LIGHT, yaw_rad=0.0, height_m=3.0,
            lanes=(f"{k}:0:-1",),
            position_m=(*(_arm(k)[0] * HALF_M + _arm(k)[1] * 6), 0.0),
        )
        for k in range(4)
    )  # fmt: skip
    walker = Signal(
        id="W",
        kind=SignalKind.PEDESTRIAN_LIGHT,
        position_m=(6.0, 17.0, 0.0),
        yaw_rad=0.0,
        height_m=2.5,
    )
    walk = np.array([[-5.0, 15, 0], [5, 15, 0], [5, 19, 0], [-5, 19, 0]])
    outline = np.array([[12.0, -12, 0], [12, 12, 0], [-12, 12, 0], [-12, -12, 0]])
    return RoadMap(
        name="crossroads",
        lanes=lanes,
        signals=(*signals, walker),
        crosswalks=(Crosswalk(id="C", outline_m=walk),),
        junctions=(Junction(id="J", name="J", outline_m=outline),),
    )


def along(
    line: np.ndarray, speed_mps: float, start_m: float = 0.0, stop_m: float = np.inf, **more
) -> Path:
    """A body that follows a polyline at constant speed, and stands at `stop_m`."""
    step = np.linalg.norm(np.diff(line, axis=0), axis=1)
    station = np.concatenate([[0.0], np.cumsum(step)])
    heading = np.unwrap(np.arctan2(*np.gradient(line, axis=0).T[::-1]))

    def at(time: np.ndarray) -> np.ndarray:
        return np.minimum(start_m + speed_mps * time, min(stop_m, station[-1]))

    def position(time: np.ndarray) -> np.ndarray:
        s = at(time)
        return np.stack(
            [np.interp(s, station, line[:, 0]), np.interp(s, station, line[:, 1]), 0 * s], axis=1
        )

    return Path(position, lambda time: np.interp(at(time), station, heading), **more)


def drive(k: int, j: int) -> np.ndarray:
    """The line from arm k through the junction to arm j, whether or not a lane leads there."""
    return np.concatenate([_line(k, inward=True), _turn(k, j)[1:-1], _line(j, inward=False)])
