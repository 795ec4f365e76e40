"""A stretch of a recording: some frames in a row. Proved in `tests/annotate/test_film.py`."""

from dataclasses import replace

from rareworld.core.trajectory import Recording, Tracks
from rareworld.errors import ConfigError


def stretch(recording: Recording, start: int, stop: int) -> Recording:
    """Return frames [start, stop) of a recording, with times and events as in the whole.

    Raises:
        ConfigError: If there are no such frames.
    """
    tracks = recording.tracks
    if not 0 <= start < stop <= tracks.num_frames:
        raise ConfigError(
            f"frames {start} to {stop} are not in a recording of {tracks.num_frames} frames; "
            f"choose a stretch within 0 to {tracks.num_frames}"
        )
    span = slice(start, stop)
    cut = Tracks(
        time_s=tracks.time_s[span],
        present=tracks.present[:, span],
        position_m=tracks.position_m[:, span],
        quat=tracks.quat[:, span],
        velocity_mps=tracks.velocity_mps[:, span],
        angular_velocity_radps=tracks.angular_velocity_radps[:, span],
        steer_rad=tracks.steer_rad[:, span],
        wheel_turn_rad=tracks.wheel_turn_rad[:, span],
        lamps=tracks.lamps[:, span],
        driver=tracks.driver[:, span],
    )
    return replace(recording, tracks=cut, signal_states=recording.signal_states[:, span])
