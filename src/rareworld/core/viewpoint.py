"""Where cameras stand: street cameras placed so that an event is seen, and a check of any camera.

Placement: poles beside the carriageway are drawn at random, those that stand in the road or inside
something are dropped, the rest are scored by what they see, and the best from different sides are
taken. Heights and lenses are those of traffic cameras (FHWA-HOP-06-108, Traffic Detector Handbook:
6 to 12 m). Lines of sight are tested against boxes with the slab method (Kay & Kajiya 1986).
Proved in tests/core/test_viewpoint.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from rareworld.core.camera import Camera, Rig
from rareworld.core.event import Event
from rareworld.core.geometry import FloatArray, inside_convex, wrap_angle
from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.scene import Prop, PropKind, Scene
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Recording
from rareworld.errors import CameraError

_CARRIAGEWAY = frozenset(
    {LaneKind.DRIVING, LaneKind.BIKE, LaneKind.PARKING, LaneKind.SHOULDER}
)  # fmt: skip
_OPAQUE = frozenset(
    {
        PropKind.BUILDING, PropKind.WALL, PropKind.HEDGE, PropKind.BUS_SHELTER, PropKind.TREE,
        PropKind.NOISE_WALL, PropKind.HOARDING, PropKind.AD_COLUMN, PropKind.BRIDGE,
    }
)  # fmt: skip
"""Props that hide what is behind them; trees only in part."""
_THIN = frozenset({PropKind.STREET_LAMP, PropKind.POLE, PropKind.GANTRY})
_THIN_HIDES = 0.08
"""How much a lamp or mast in the line of sight hides."""


@final
@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """How automatic cameras are placed."""

    width: int = 1920
    height: int = 1080
    pole_height_m: tuple[float, float] = (6.0, 12.0)
    distance_m: tuple[float, float] = (15.0, 45.0)
    """From the foot of the pole to the middle of the focus."""
    hfov_deg: tuple[float, float] = (55.0, 90.0)
    """The narrowest that holds the focus is taken."""
    central_share: float = 0.85
    """All focus points lie within this share of the image's width and height."""
    kerb_distance_m: tuple[float, float] = (0.8, 5.0)
    """From the edge of the carriageway to the pole."""
    clearance_m: float = 1.0
    """Between the pole and any building, wall or tree."""
    min_visible: float = 0.9
    """Least share of focus points that is not hidden."""
    tree_opacity: float = 0.5
    """How much a tree in the line of sight hides."""
    tries: int = 600
    """Poles drawn before the best are taken."""
    spread_deg: float = 50.0
    """Wanted angle between cameras as seen from the focus."""


def focus_points(
    recording: Recording,
    events: Sequence[Event] | None = None,
    *,
    around_s: float = 1.5,
    reach_m: float = 15.0,
) -> Float[np.ndarray, "n 3"]:
    """Return what cameras should look at: events, and their actors shortly before and after.

    Actors farther than `reach_m` from their event are left out. Without events, every actor's
    position in the middle frame near the middle of all of them.
    """
    chosen = recording.events if events is None else tuple(events)
    points: list[FloatArray] = [np.asarray(event.position_m, dtype=np.float64) for event in chosen]
    points += [
        track for event in chosen for track in _tracks_around(recording, event, around_s, reach_m)
    ]
    if not points:
        points = _everyone(recording, reach_m)
    if not points:
        raise CameraError(
            f"scene {recording.scene.name!r} has neither events nor actors to look at; "
            "name the focus points or give a rig"
        )
    return np.stack(points) + np.array([0.0, 0.0, 0.7])


def _tracks_around(
    recording: Recording, event: Event, around_s: float, reach_m: float
) -> list[FloatArray]:
    tracks = recording.tracks
    time = tracks.time_s - tracks.time_s[0]
    near = np.abs(time - event.key_s) <= around_s
    step = max(1, round(0.5 * recording.fps))
    frames = np.flatnonzero(near)[::step]
    known = {actor.id: row for row, actor in enumerate(recording.scene.actors)}
    out: list[FloatArray] = []
    for actor in event.actors:
        row = known[actor]
        for frame in frames[tracks.present[row, frames]]:
            place = tracks.position_m[row, frame]
            if np.linalg.norm(place - event.position_m) <= reach_m:
                out.append(place)
    return out


def _everyone(recording: Recording, reach_m: float) -> list[FloatArray]:
    tracks = recording.tracks
    frame = tracks.num_frames // 2
    places = tracks.position_m[tracks.present[:, frame], frame]
    if not len(places):
        return []
    distance = np.linalg.norm(places[:, None, :2] - places[None, :, :2], axis=2)
    hub = int(np.argmax((distance <= reach_m).sum(axis=1)))
    return [place for place, d in zip(places, distance[hub], strict=True) if d <= reach_m]


def place_cameras(
    scene: Scene,
    focus_m: Float[np.ndarray, "n 3"],
    count: int = 1,
    config: ViewConfig | None = None,
    seed: Seed | None = None,
) -> Rig:
    """Return `count` street cameras that see the focus from different sides, the best first.

    Without a seed the scene's own is used.

    Raises:
        CameraError: If there is no place beside a road from which enough of the focus is seen.
    """
    config, seed = config or ViewConfig(), seed or Seed(scene.seed)
    rng = seed.child("viewpoint").generator()
    middle = _middle(focus_m)
    feet = _draw_feet(scene.road, middle, config, rng)
    feet = feet[~_in_road(scene.road, feet)]
    feet = feet[~_in_obstacles(scene.props, feet, config.clearance_m)]
    heights = rng.uniform(*config.pole_height_m, size=len(feet))
    options = [
        (score, camera)
        for foot, height in zip(feet, heights, strict=True)
        for camera in [_aim(foot + np.array([0.0, 0.0, height]), focus_m, config)]
        if camera is not None
        for score in [_score(camera, scene, focus_m, config)]
        if score is not None
    ]
    if len(options) < count:
        raise CameraError(
            f"scene {scene.name!r}: {len(feet)} places beside the road within "
            f"{config.distance_m[0]:g}-{config.distance_m[1]:g} m of the focus at "
            f"({middle[0]:.1f}, {middle[1]:.1f}), but only {len(options)} see "
            f"{config.min_visible:.0%} of it and {count} are wanted; widen distance_m or hfov_deg, "
            "lower min_visible, ask for fewer cameras or give a rig"
        )
    return Rig(_pick(options, middle, count, config))


def _middle(focus_m: FloatArray) -> FloatArray:
    return (focus_m.min(axis=0) + focus_m.max(axis=0)) / 2


def _draw_feet(
    road: RoadMap, middle: FloatArray, config: ViewConfig, rng: np.random.Generator
) -> Float[np.ndarray, "n 3"]:
    """Return points drawn beside both borders of the lanes, at the wanted distance."""
    borders = [
        np.concatenate([side, _outward(side, other)], axis=1)
        for lane in road.lanes.values()
        if lane.kind is LaneKind.DRIVING
        for side, other in ((lane.left_m, lane.right_m), (lane.right_m, lane.left_m))
    ]
    if not borders:
        raise CameraError(f"map {road.name!r} has no driving lane to stand beside; give a rig")
    points = np.concatenate([_densify(border) for border in borders])
    away = np.linalg.norm(points[:, :2] - middle[:2], axis=1)
    low, high = config.distance_m
    points = points[(away >= low - 6.0) & (away <= high + 6.0)]
    if not len(points):
        return np.zeros((0, 3))
    picked = points[rng.integers(len(points), size=config.tries)]
    aside = rng.uniform(*config.kerb_distance_m, size=(config.tries, 1))
    feet = picked[:, :3] + aside * picked[:, 3:]
    away = np.linalg.norm(feet[:, :2] - middle[:2], axis=1)
    return feet[(away >= low) & (away <= high)]


def _outward(side: FloatArray, other: FloatArray) -> FloatArray:
    """Return level unit vectors from one border of a lane away from the other."""
    out = (side - other) * np.array([1.0, 1.0, 0.0])
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


def _densify(border: Float[np.ndarray, "p 6"]) -> Float[np.ndarray, "q 6"]:
    """Return points every 2 m along a polyline whose other columns are carried along."""
    step = np.linalg.norm(np.diff(border[:, :2], axis=0), axis=1)
    station = np.concatenate([[0.0], np.cumsum(step)])
    wanted = np.arange(0.0, station[-1] + 1e-9, 2.0)
    return np.stack([np.interp(wanted, station, border[:, i]) for i in range(6)], axis=1)


def _in_road(road: RoadMap, feet: Float[np.ndarray, "n 3"]) -> Bool[np.ndarray, "n"]:
    """Return which points lie on a carriageway, or so near one that they may.

    Between the lanes of a junction there is road too, so there the distance is larger.
    """
    in_junction = np.zeros(len(feet), dtype=np.bool_)
    for junction in road.junctions:
        in_junction |= inside_convex(feet[:, :2], junction.outline_m[:, :2])
    limit = np.where(in_junction, 1.5, 0.5)
    out = np.zeros(len(feet), dtype=np.bool_)
    for lane in road.lanes.values():
        if lane.kind in _CARRIAGEWAY:
            near = _near_lane(lane, feet[:, :2])
            ring = np.concatenate([lane.left_m, lane.right_m[::-1]])[:, :2]
            out[near] |= _inside_ring(feet[near, :2], ring)
            out[near] |= _ring_distance(feet[near, :2], ring) < limit[near]
    return out


def _near_lane(lane: Lane, points: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, "n"]:
    both = np.concatenate([lane.left_m, lane.right_m])[:, :2]
    inside = (points >= both.min(axis=0) - 2.0) & (points <= both.max(axis=0) + 2.0)
    return inside.all(axis=1)


def _inside_ring(
    points: Float[np.ndarray, "n 2"], ring: Float[np.ndarray, "p 2"]
) -> Bool[np.ndarray, "n"]:
    """Return which points an odd number of edges of a polygon passes (Shimrat 1962)."""
    a, b = ring, np.roll(ring, -1, axis=0)
    y = points[:, 1:]
    across = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(a[:, 1] == b[:, 1], 1.0, b[:, 1] - a[:, 1])
    x = a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    return ((across & (points[:, :1] < x)).sum(axis=1) % 2) == 1


def _ring_distance(
    points: Float[np.ndarray, "n 2"], ring: Float[np.ndarray, "p 2"]
) -> Float[np.ndarray, "n"]:
    edge = np.roll(ring, -1, axis=0) - ring
    rel = points[:, None] - ring[None]
    t = np.sum(rel * edge, axis=2) / np.maximum(np.sum(edge * edge, axis=1), 1e-12)
    return np.linalg.norm(rel - np.clip(t, 0.0, 1.0)[..., None] * edge, axis=2).min(axis=1)


def _to_prop(prop: Prop, points_m: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    """Return points in a prop's frame, measured from the middle of its box."""
    middle = np.array(prop.position_m) + np.array([0.0, 0.0, prop.size_m[2] / 2])
    cos, sin = np.cos(prop.yaw_rad), np.sin(prop.yaw_rad)
    x, y, z = (points_m - middle).T
    return np.stack([cos * x + sin * y, cos * y - sin * x, z], axis=1)


def _in_obstacles(
    props: Sequence[Prop], feet: Float[np.ndarray, "n 3"], clearance_m: float
) -> Bool[np.ndarray, "n"]:
    """Return which poles would stand inside or right beside something large."""
    out = np.zeros(len(feet), dtype=np.bool_)
    for prop in props:
        if prop.kind in _OPAQUE:
            local = np.abs(_to_prop(prop, feet))[:, :2]
            out |= np.all(local <= np.array(prop.size_m[:2]) / 2 + clearance_m, axis=1)
    return out


def _aim(position: FloatArray, focus_m: FloatArray, config: ViewConfig) -> Camera | None:
    """Return a camera at a place that holds all of the focus, or None if no lens does."""
    middle = _middle(focus_m)
    place = float(position[0]), float(position[1]), float(position[2])
    target = float(middle[0]), float(middle[1]), float(middle[2])
    for _ in range(2):
        probe = _camera(place, target, config, config.hfov_deg[1])
        pixels, depth = probe.project(focus_m)
        if depth.min() <= 1.0:
            return None
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        centre = probe.unproject(((low + high) / 2)[None], np.array([float(np.median(depth))]))[0]
        target = float(centre[0]), float(centre[1]), float(centre[2])
    probe = _camera(place, target, config, config.hfov_deg[1])
    pixels, depth = probe.project(focus_m)
    half = np.array([config.width, config.height]) / 2 * config.central_share
    share = float((np.abs(pixels - [probe.cx, probe.cy]) / half).max())
    if share > 1.0 or depth.min() <= 1.0:
        return None
    needed = 2 * np.degrees(np.arctan(share * np.tan(np.radians(config.hfov_deg[1]) / 2)))
    return _camera(place, target, config, max(config.hfov_deg[0], float(needed) + 0.01))


def _camera(
    place: tuple[float, float, float],
    target: tuple[float, float, float],
    config: ViewConfig,
    hfov_deg: float,
) -> Camera:
    return Camera.looking_at(
        "street",
        place,
        target,
        width=config.width,
        height=config.height,
        hfov_rad=float(np.radians(hfov_deg)),
    )


def transmittance(
    scene: Scene,
    eye_m: Float[np.ndarray, "3"],
    points_m: Float[np.ndarray, "n 3"],
    tree_opacity: float = 0.5,
) -> Float[np.ndarray, "n"]:
    """Return how much of each point is seen past the props: 1 in the open, 0 behind a building."""
    out = np.ones(len(points_m))
    for prop in scene.props:
        if prop.kind in _OPAQUE:
            hidden = _crosses(prop, eye_m, points_m)
            out *= np.where(hidden, 1 - tree_opacity if prop.kind is PropKind.TREE else 0.0, 1.0)
        elif prop.kind in _THIN:
            out *= np.where(_crosses(prop, eye_m, points_m), 1 - _THIN_HIDES, 1.0)
    return out


def _crosses(
    prop: Prop, eye_m: Float[np.ndarray, "3"], points_m: Float[np.ndarray, "n 3"]
) -> Bool[np.ndarray, "n"]:
    """Return which segments from the eye to the points pass through the prop's box."""
    start = _to_prop(prop, eye_m[None])
    ray = _to_prop(prop, points_m) - start
    safe = np.where(np.abs(ray) < 1e-12, 1e-12, ray)
    half = np.array(prop.size_m) / 2
    near, far = (-half - start) / safe, (half - start) / safe
    enter = np.minimum(near, far).max(axis=1)
    leave = np.maximum(near, far).min(axis=1)
    return (enter < leave) & (enter < 1.0) & (leave > 0.0)


def _score(camera: Camera, scene: Scene, focus_m: FloatArray, config: ViewConfig) -> float | None:
    """Return how good a view is, higher is better, or None if too much is hidden.

    Seen share first; then a focus that fills the image rather than a dot in it, and an eye that
    looks down steeply enough to tell vehicles apart.
    """
    eye = np.array(camera.position_m)
    seen = float(transmittance(scene, eye, focus_m, config.tree_opacity).mean())
    if seen < config.min_visible:
        return None
    distance = float(np.linalg.norm(eye - _middle(focus_m)))
    low, high = config.distance_m
    nearness = 1 - (distance - low) / max(high - low, 1e-9)
    drop = (eye[2] - focus_m[:, 2].mean()) / distance
    return 4 * seen + nearness + min(float(drop), 0.4) / 0.4


def _pick(
    options: Sequence[tuple[float, Camera]], middle: FloatArray, count: int, config: ViewConfig
) -> tuple[Camera, ...]:
    """Return the best cameras, each far in angle from those already taken."""
    scores = np.array([score for score, _ in options])
    eyes = np.array([camera.position_m for _, camera in options])
    angles = np.arctan2(eyes[:, 1] - middle[1], eyes[:, 0] - middle[0])
    taken: list[int] = []
    for _ in range(count):
        apart = np.full(len(options), np.pi)
        for index in taken:
            apart = np.minimum(apart, np.abs(wrap_angle(angles - angles[index])))
        value = scores + 6 * np.minimum(apart / np.radians(config.spread_deg), 1.0)
        value[taken] = -np.inf
        taken.append(int(np.argmax(value)))
    return tuple(_renamed(options[index][1], f"cam{number}") for number, index in enumerate(taken))


def _renamed(camera: Camera, name: str) -> Camera:
    return Camera(
        name=name,
        width=camera.width,
        height=camera.height,
        fx=camera.fx,
        fy=camera.fy,
        cx=camera.cx,
        cy=camera.cy,
        position_m=camera.position_m,
        quat=camera.quat,
    )


def check_camera(camera: Camera, scene: Scene, focus_m: Float[np.ndarray, "n 3"]) -> None:
    """Accept a camera that stands in the open and sees at least one focus point.

    Raises:
        CameraError: Saying whether it is under ground, inside an obstacle or sees nothing, and
            what to change.
    """
    eye = np.array(camera.position_m)
    ground = _ground_m(scene.road, eye)
    if eye[2] < ground + 0.1:
        raise CameraError(
            f"camera {camera.name!r} is under ground: z is {eye[2]:.2f} m, the road there is at "
            f"{ground:.2f} m; raise position_m[2] (heights in a rig are metres, not centimetres)"
        )
    for prop in scene.props:
        local = np.abs(_to_prop(prop, eye[None])[0])
        if prop.solid and bool(np.all(local <= np.array(prop.size_m) / 2)):
            raise CameraError(
                f"camera {camera.name!r} is inside {prop.kind} {prop.id} at "
                f"({prop.position_m[0]:.1f}, {prop.position_m[1]:.1f}); "
                "move it out or remove the prop"
            )
    pixels, depth = camera.project(focus_m)
    framed = (depth > 0.1) & (pixels >= 0).all(axis=1)
    framed &= (pixels < [camera.width, camera.height]).all(axis=1)
    if not framed.any():
        raise CameraError(_misses(camera, focus_m, depth))
    if not (transmittance(scene, eye, focus_m[framed], 0.5) > 0).any():
        blockers = [p for p in scene.props if p.kind in _OPAQUE - {PropKind.TREE}]
        hiding = [f"{p.kind} {p.id}" for p in blockers if _crosses(p, eye, focus_m[framed]).any()]
        raise CameraError(
            f"camera {camera.name!r} sees nothing of the focus: hidden by {', '.join(hiding[:3])}; "
            "move the camera, raise it, or let it be placed automatically"
        )


def _misses(camera: Camera, focus_m: FloatArray, depth: FloatArray) -> str:
    """Return a sentence about a focus outside the image, and the remedy."""
    middle = _middle(focus_m)
    where = "behind the camera" if float(depth.max()) <= 0.1 else "outside the image"
    return (
        f"camera {camera.name!r} sees nothing of the focus: all {len(focus_m)} points lie {where}; "
        f"turn it to ({middle[0]:.1f}, {middle[1]:.1f}, {middle[2]:.1f}) or widen its field of "
        f"view of {np.degrees(camera.hfov_rad):.0f} degrees"
    )


def _ground_m(road: RoadMap, place: FloatArray) -> float:
    """Return the height of the nearest lane point; minus infinity on a map without lanes."""
    best, height = np.inf, -np.inf
    for lane in road.lanes.values():
        away = np.linalg.norm(lane.centre_m[:, :2] - place[:2], axis=1)
        nearest = int(np.argmin(away))
        if away[nearest] < best:
            best, height = float(away[nearest]), float(lane.centre_m[nearest, 2])
    return height
