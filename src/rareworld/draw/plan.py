"""Plans: the road from above with trajectories and events, as SVG."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rareworld.core.camera import Camera
from rareworld.core.event import Event, EventKind
from rareworld.core.geometry import footprint, yaw_from_quat
from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.scene import PropKind
from rareworld.core.trajectory import Recording
from rareworld.draw.channels import instance_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LANE_COLOURS = {
    LaneKind.DRIVING: "#6b6f75",
    LaneKind.BIKE: "#9a6f6a",
    LaneKind.SIDEWALK: "#cfccc6",
    LaneKind.PARKING: "#7d8187",
    LaneKind.SHOULDER: "#85888c",
}
GROUND = "#dfe6d5"
MARGIN_M = 8.0


def plan_svg(
    recording: Recording,
    cameras: Sequence[Camera] = (),
    *,
    centre_m: tuple[float, float] | None = None,
    radius_m: float = 45.0,
) -> str:
    """Return an SVG of the map, all paths, the events and the cameras' views."""
    figure, axes = _figure()
    draw_road(axes, recording.scene.road)
    _props(axes, recording)
    _paths(axes, recording)
    _events(axes, recording.events)
    for camera in cameras:
        _camera(axes, camera, radius_m)
    x, y = centre_m or _centre(recording)
    axes.set_xlim(x - radius_m, x + radius_m)
    axes.set_ylim(y - radius_m * 0.75, y + radius_m * 0.75)
    return _svg(figure)


def road_svg(road: RoadMap) -> str:
    """Return an SVG of a whole map."""
    figure, axes = _figure()
    draw_road(axes, road)
    x0, y0, x1, y1 = road.bounds_m
    axes.set_xlim(x0 - MARGIN_M, x1 + MARGIN_M)
    axes.set_ylim(y0 - MARGIN_M, y1 + MARGIN_M)
    return _svg(figure)


def draw_road(axes: "Axes", road: RoadMap) -> None:
    """Fill lanes and crosswalks and draw markings and signals."""
    for lane in sorted(road.lanes.values(), key=_layer):
        if lane.kind in LANE_COLOURS:
            edge = np.concatenate([lane.left_m, lane.right_m[::-1]])
            colour = LANE_COLOURS[lane.kind]
            axes.fill(edge[:, 0], edge[:, 1], color=colour, linewidth=0.3, zorder=_layer(lane))
    for marking in road.markings:
        style = "--" if "broken" in marking.kind.value else "-"
        points = marking.points_m
        axes.plot(points[:, 0], points[:, 1], style, color=marking.colour.value, lw=0.6, zorder=3)
    for crosswalk in road.crosswalks:
        outline = crosswalk.outline_m
        axes.fill(
            outline[:, 0], outline[:, 1], facecolor="none", edgecolor="white", hatch="|||", lw=0.4,
            zorder=3,
        )  # fmt: skip
    for signal in road.signals:
        axes.plot(*signal.position_m[:2], "s", color="#d8a200", markersize=3, zorder=5)


def _layer(lane: Lane) -> int:
    """Return the drawing order: pavements below carriageways below junctions."""
    return 0 if lane.kind is LaneKind.SIDEWALK else 2 if lane.junction else 1


def _figure() -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), dpi=100)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_facecolor(GROUND)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    return figure, axes


def _svg(figure: "Figure") -> str:
    """Return deterministic SVG text without the XML prologue."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "rareworld", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _props(axes: "Axes", recording: Recording) -> None:
    for prop in recording.scene.props:
        x, y, _ = prop.position_m
        if prop.kind is PropKind.TREE:
            axes.plot(x, y, "o", color="#7d9a62", markersize=5, zorder=4, alpha=0.8)
        elif prop.kind is PropKind.BUILDING:
            box = footprint(
                np.array([prop.position_m], dtype=np.float64),
                np.array([prop.yaw_rad], dtype=np.float64),
                np.array(prop.size_m, dtype=np.float64),
            )[0]
            axes.fill(box[:, 0], box[:, 1], color="#b9a68f", zorder=4)


def _paths(axes: "Axes", recording: Recording) -> None:
    """Draw each moving actor's path and its box at the first event, or in the middle."""
    tracks, events = recording.tracks, recording.events
    moment = events[0].key_s if events else recording.duration_s / 2
    frame = min(round(moment * recording.fps), tracks.num_frames - 1)
    acting = {actor for event in events for actor in event.actors}
    for row, actor in enumerate(recording.scene.actors):
        present = tracks.present[row]
        if not present.any():
            continue
        colour = instance_colour(np.array(actor.id, dtype=np.uint32)) / 255
        points = tracks.position_m[row, present]
        weight = 1.6 if actor.id in acting else 0.6
        axes.plot(points[:, 0], points[:, 1], color=colour, lw=weight, zorder=6)
        if present[frame]:
            yaw = yaw_from_quat(tracks.quat[row, frame])
            box = footprint(tracks.position_m[row, frame], yaw, np.array(actor.spec.size_m))
            axes.fill(box[:, 0], box[:, 1], facecolor=colour, edgecolor="black", lw=0.5, zorder=7)


def _events(axes: "Axes", events: Sequence[Event]) -> None:
    for event in events:
        hit = event.kind is EventKind.COLLISION
        axes.plot(
            event.position_m[0], event.position_m[1], "*" if hit else "o", color="#e01b24",
            markeredgecolor="white", markersize=13 if hit else 7, zorder=9,
        )  # fmt: skip


def _camera(axes: "Axes", camera: Camera, reach_m: float) -> None:
    """Draw a camera and its view as a wedge."""
    x, y, _ = camera.position_m
    ahead = camera.world_from_camera[:2, 2]
    middle = np.arctan2(ahead[1], ahead[0])
    angles = middle + np.array([-0.5, 0.5]) * camera.hfov_rad
    corners = np.array([x, y]) + reach_m * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    axes.fill([x, *corners[:, 0]], [y, *corners[:, 1]], color="#3584e4", alpha=0.10, zorder=8)
    axes.plot(x, y, "^", color="#1c71d8", markersize=7, zorder=9)


def _centre(recording: Recording) -> tuple[float, float]:
    """Return where to look: the first event, else the mean of all positions."""
    if recording.events:
        x, y, _ = recording.events[0].position_m
        return x, y
    points = recording.tracks.position_m[recording.tracks.present]
    if not len(points):
        x0, y0, x1, y1 = recording.scene.road.bounds_m
        return (x0 + x1) / 2, (y0 + y1) / 2
    return float(points[:, 0].mean()), float(points[:, 1].mean())
