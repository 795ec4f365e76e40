"""A small crossing, a hilly one, and a recording on it, built by hand."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import quat_from_yaw
from rareworld.core.road import (
    Crosswalk,
    Lane,
    LaneKind,
    MarkColour,
    Marking,
    MarkKind,
    RoadMap,
    Signal,
    SignalKind,
)
from rareworld.core.scene import Actor, Prop, PropKind, Scene
from rareworld.core.trajectory import Lamp, Recording, SignalState, Tracks

Height = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def flat(x, y):
    return 0.0 * x


def hills(x, y):
    return 2.0 * np.sin(x / 40) + 0.01 * y


def strip(name, kind, start, end, width, z: Height = flat, lift=0.0) -> Lane:
    start, end = np.asarray(start, float), np.asarray(end, float)
    centre = start + np.linspace(0, 1, 25)[:, None] * (end - start)
    along = (end - start) / np.linalg.norm(end - start)
    left = np.array([-along[1], along[0]])

    def line(offset):
        xy = centre + offset * left
        return np.column_stack([xy, z(*xy.T) + lift])

    return Lane(
        id=name, kind=kind, centre_m=line(0), left_m=line(width / 2), right_m=line(-width / 2)
    )


KERB_M = 0.12


def crossing(z: Height = flat, lift=KERB_M) -> RoadMap:
    lanes: dict[str, Lane] = {}
    marks: list[Marking] = []
    for arm in range(4):
        c, s = [(1, 0), (0, 1), (-1, 0), (0, -1)][arm]
        turn = np.array([[c, -s], [s, c]])
        for tag, kind, y, width, rise in (
            ("in", LaneKind.DRIVING, -1.75, 3.5, 0.0),
            ("bike", LaneKind.BIKE, -4.25, 1.5, 0.0),
            ("walk", LaneKind.SIDEWALK, -6.5, 3.0, lift),
        ):
            end = 60.0 if tag == "in" else -8.0
            name = f"{arm}:0:{tag}"
            lanes[name] = strip(name, kind, turn @ [-60, y], turn @ [end, y], width, z, rise)
        xy = (turn @ np.stack([np.linspace(-60, -8, 25), np.zeros(25)])).T
        points = np.column_stack([xy, z(*xy.T)])
        marks.append(
            Marking(points_m=points, kind=MarkKind.BROKEN, colour=MarkColour.WHITE, width_m=0.15)
        )
    outline = np.array([[-10.0, -4, 0], [-10, 4, 0], [-13, 4, 0], [-13, -4, 0]])
    return RoadMap(
        name="crossing",
        lanes=lanes,
        markings=tuple(marks),
        crosswalks=(Crosswalk(id="zebra", outline_m=outline),),
        signals=(
            Signal(
                id="light", kind=SignalKind.TRAFFIC_LIGHT, position_m=(-9.0, -6.0, 0.0),
                yaw_rad=float(np.pi), height_m=3.0,
                stop_line_m=np.array([[-14.0, -3.4, 0], [-14.0, -0.1, 0]]),
            ),
            Signal(
                id="stop", kind=SignalKind.STOP, position_m=(9.0, 6.0, 0.0), yaw_rad=0.0,
                height_m=2.2,
            ),
        ),
    )  # fmt: skip


def make_recording(num_frames=11, each_blueprint=1) -> Recording:
    names = sorted(BLUEPRINTS) * each_blueprint
    actors = tuple(
        Actor(id=row + 1, blueprint=name, colour=(0.8, 0.1, 0.1), style=3 * row)
        for row, name in enumerate(names)
    )
    n, time_s = len(actors), np.arange(num_frames) / 10
    yaw = np.linspace(0, 3, n)[:, None] + 0.5 * time_s
    position = np.zeros((n, num_frames, 3))
    position[..., 0] = np.arange(n)[:, None] + 2.0 * time_s
    position[..., 1] = -2.0
    present = np.ones((n, num_frames), dtype=bool)
    present[0, 5:] = False
    position[0, 5:] = 0.0
    quat = quat_from_yaw(yaw)
    quat[0, 5:] = 0.0
    tracks = Tracks(
        time_s=time_s, present=present, position_m=position, quat=quat,
        velocity_mps=0 * position, angular_velocity_radps=0 * position,
        steer_rad=np.full((n, num_frames), 0.2),
        wheel_turn_rad=np.broadcast_to(6.0 * time_s, (n, num_frames)).copy(),
        lamps=np.full((n, num_frames), int(Lamp.BRAKE), dtype=np.uint32),
        driver=np.zeros((n, num_frames), dtype=np.uint8),
    )  # fmt: skip
    props = tuple(
        Prop(
            id=1000 + k, kind=kind, position_m=(20.0 + k, 20.0, 0.0), yaw_rad=0.3 * k,
            size_m=(4.0, 3.0, 6.0),
        )
        for k, kind in enumerate(PropKind)
    )  # fmt: skip
    states = np.full((2, num_frames), int(SignalState.GREEN), dtype=np.uint8)
    states[0, 3:] = int(SignalState.RED_YELLOW)
    scene = Scene(name="test", road=crossing(), actors=actors, props=props, seed=1)
    return Recording(scene=scene, tracks=tracks, fps=10.0, signal_states=states)
