"""From samples to a recording: which actors, in which order, on which frames."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.event import Contact
from rareworld.core.scene import Actor, Scene
from rareworld.core.trajectory import Recording, Tracks
from rareworld.simulate.recorder import ActorTrack, Recorder


@final
@dataclass(frozen=True, kw_only=True)
class ClipWindow:
    """The frames of a clip and how far from its focus actors matter."""

    start_s: float
    duration_s: float
    fps: float
    focus_m: tuple[float, float]
    radius_m: float

    @property
    def time_s(self) -> Float[np.ndarray, "t"]:
        """Seconds from the start of the clip, one per frame."""
        return np.arange(round(self.duration_s * self.fps)) / self.fps


def assemble(
    recorder: Recorder,
    scene: Scene,
    actors: Mapping[int, Actor],
    clip: ClipWindow,
    contacts: tuple[Contact, ...],
    provenance: dict[str, object],
    *,
    always: frozenset[int] = frozenset(),
) -> Recording:
    """Return the recording of a clip.

    Args:
        recorder: Samples in world time.
        scene: Without actors.
        actors: Everybody who was sampled, by the id used while running.
        clip: Frames and focus.
        contacts: In world time, with the ids used while running.
        provenance: Stored as it is.
        always: Actors kept however far from the focus they are.
    """
    inside = [c for c in contacts if 0 <= c.time_s - clip.start_s < clip.duration_s]
    always |= {i for c in inside for i in (c.first, c.second)}
    tracks = _kept(recorder, actors, clip, always)
    number = {old: new for new, old in enumerate(tracks, start=1)}
    count = len(scene.road.signals)
    return Recording(
        scene=replace(scene, actors=tuple(replace(actors[i], id=n) for i, n in number.items())),
        tracks=_stack(list(tracks.values()), clip.time_s),
        fps=clip.fps,
        signal_states=recorder.signal_states(count, clip.start_s + clip.time_s),
        contacts=tuple(_renumbered(c, number, clip.start_s) for c in inside),
        provenance=provenance,
    )


def _kept(
    recorder: Recorder, actors: Mapping[int, Actor], clip: ClipWindow, always: frozenset[int]
) -> dict[int, ActorTrack]:
    """Return the tracks of those who matter, in order of first appearance, then of id."""
    focus = np.array(clip.focus_m)
    found: list[tuple[int, int, ActorTrack]] = []
    for actor_id in recorder.actors():
        track = recorder.track(actor_id, actors[actor_id].spec, clip.start_s + clip.time_s)
        if not track.present.any():
            continue
        away = np.linalg.norm(track.position_m[track.present, :2] - focus, axis=1)
        if actor_id in always or float(away.min()) <= clip.radius_m:
            found.append((int(track.present.argmax()), actor_id, track))
    found.sort(key=lambda item: item[:2])
    return {actor_id: track for _, actor_id, track in found}


def _stack(tracks: list[ActorTrack], time_s: Float[np.ndarray, "t"]) -> Tracks:
    frames = len(time_s)

    def rows(name: str, dtype: type, *width: int) -> np.ndarray:
        parts = [vars(track)[name] for track in tracks]
        return np.array(parts, dtype=dtype).reshape(len(tracks), frames, *width)

    return Tracks(
        time_s=time_s,
        present=rows("present", np.bool_),
        position_m=rows("position_m", np.float64, 3),
        quat=rows("quat", np.float64, 4),
        velocity_mps=rows("velocity_mps", np.float64, 3),
        angular_velocity_radps=rows("angular_velocity_radps", np.float64, 3),
        steer_rad=rows("steer_rad", np.float64),
        wheel_turn_rad=rows("wheel_turn_rad", np.float64),
        lamps=rows("lamps", np.uint32),
        driver=rows("driver", np.uint8),
    )


def _renumbered(contact: Contact, number: Mapping[int, int], start_s: float) -> Contact:
    """Return a contact with the recording's ids and clock; props and the ground keep theirs."""
    return replace(
        contact,
        first=number.get(contact.first, contact.first),
        second=number.get(contact.second, contact.second),
        time_s=contact.time_s - start_s,
    )
