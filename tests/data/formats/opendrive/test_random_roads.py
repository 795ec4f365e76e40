"""Random roads: lanes keep their width, stay smooth and follow their reference line."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rareworld.core.lanes import LaneIndex
from rareworld.core.road import Lane
from rareworld.data.formats.opendrive import read_opendrive
from rareworld.data.formats.opendrive.geometry import Clothoid

CURVATURE = st.floats(-0.05, 0.05)
LENGTH = st.floats(5.0, 60.0)
WIDTH = st.floats(2.0, 4.5)


def road_text(pieces: list[tuple[float, float, float]], width: float, grade: float) -> str:
    """A road of clothoids laid end to end with one lane to either side."""
    x, y, heading, s = 3.0, -7.0, 0.4, 0.0
    rows: list[str] = []
    for length, start, end in pieces:
        rows.append(
            f'<geometry s="{s!r}" x="{x!r}" y="{y!r}" hdg="{heading!r}" length="{length!r}">'
            f'<spiral curvStart="{start!r}" curvEnd="{end!r}"/></geometry>'
        )
        curve = Clothoid(start, (end - start) / length)
        u, v, turn = (float(value) for value in curve.local(np.array([length]))[0])
        x += float(np.cos(heading)) * u - float(np.sin(heading)) * v
        y += float(np.sin(heading)) * u + float(np.cos(heading)) * v
        heading, s = heading + turn, s + length
    lane = f'type="driving"><width sOffset="0" a="{width!r}" b="0" c="0" d="0"/></lane>'
    return (
        f'<OpenDRIVE><road id="1" length="{s!r}" junction="-1"><planView>{"".join(rows)}</planView>'
        f'<elevationProfile><elevation s="0" a="0" b="{grade!r}" c="0" d="0"/></elevationProfile>'
        f'<lanes><laneSection s="0"><left><lane id="1" {lane}</left>'
        f'<center><lane id="0" type="none"/></center><right><lane id="-1" {lane}</right>'
        f"</laneSection></lanes></road></OpenDRIVE>"
    )


@st.composite
def roads(draw: st.DrawFn) -> tuple[list[tuple[float, float, float]], float, float]:
    count = draw(st.integers(1, 4))
    bends = draw(st.lists(CURVATURE, min_size=count + 1, max_size=count + 1))
    lengths = draw(st.lists(LENGTH, min_size=count, max_size=count))
    pieces = list(zip(lengths, bends[:-1], bends[1:], strict=True))
    return pieces, draw(WIDTH), draw(st.floats(-0.1, 0.1))


@settings(max_examples=25, deadline=None)
@given(roads())
def test_lanes_keep_width_grade_and_smoothness(road: tuple):
    pieces, width, grade = road
    lanes = read_opendrive(road_text(pieces, width, grade)).lanes
    length = sum(piece[0] for piece in pieces)
    for lane in lanes.values():
        across = np.linalg.norm(lane.left_m - lane.right_m, axis=1)
        assert np.allclose(across, width, atol=1e-6)
        assert np.allclose(lane.centre_m, (lane.left_m + lane.right_m) / 2, atol=1e-6)
        assert abs(abs(lane.centre_m[-1, 2] - lane.centre_m[0, 2]) - abs(grade) * length) < 1e-6
        assert step_angles(lane).max(initial=0.0) < 0.25
    forth, back = lanes["1:0:-1"], lanes["1:0:1"]
    assert np.allclose(forth.left_m, back.left_m[::-1], atol=1e-9)


def step_angles(lane: Lane) -> np.ndarray:
    """Heading changes between neighbouring chords, radians."""
    step = np.diff(lane.centre_m[:, :2], axis=0)
    heading = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
    return np.abs(np.diff(heading))


@settings(max_examples=15, deadline=None)
@given(roads(), st.floats(0.05, 0.95), st.floats(-0.45, 0.45))
def test_a_place_on_a_lane_is_found_again(road: tuple, share: float, side: float):
    pieces, width, grade = road
    # a road that bends less than a half turn does not run over itself
    bend = sum(length * max(abs(a), abs(b)) for length, a, b in pieces)
    gentle = (
        [(length, a * min(1, 2 / bend), b * min(1, 2 / bend)) for length, a, b in pieces]
        if (bend > 0)
        else pieces
    )
    index = LaneIndex(read_opendrive(road_text(gentle, width, grade)))
    station = np.array([share * index.road.lanes["1:0:-1"].length_m])
    position, yaw = index.point_on("1:0:-1", station, np.array([side * width]))
    found = index.under(position, yaw_rad=yaw)
    assert index.ids[found.lane[0]] == "1:0:-1"
    assert abs(found.station_m[0] - station[0]) < 0.15
    assert abs(found.offset_m[0] - side * width) < 0.02
    assert abs(found.height_m[0] - position[0, 2]) < 0.05
    assert np.allclose(index.height_at(position), found.height_m)
