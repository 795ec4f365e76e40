"""Spray and dust: who throws it up, where it is, and that it is the same whenever asked."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.model import Air, GroundState
from rareworld.annotate.world.puffs import MOST, STEP_S, Wake, shed_by
from rareworld.core.geometry import quat_from_yaw
from rareworld.core.scene import Actor
from rareworld.core.trajectory import Driver, Recording, Tracks
from tests.annotate.world.world_scenes import make_recording

WET = GroundState(wetness=1.0, puddles=0.5)
STILL = Air()


@pytest.fixture(scope="module")
def base() -> Recording:
    return make_recording(num_frames=2)


def driving(base, speed: float, blueprint="saloon", count=1, yaw=0.0, frames=61) -> Recording:
    """Return vehicles that drive straight ahead, 5 m beside each other."""
    time = np.arange(frames) / 30
    ahead = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    position = np.zeros((count, frames, 3)) + speed * time[:, None] * ahead
    position[..., 1] += 5.0 * np.arange(count)[:, None]
    shape = (count, frames)
    tracks = Tracks(
        time_s=time,
        present=np.ones(shape, bool),
        position_m=position,
        quat=np.tile(quat_from_yaw(np.array(yaw)), (*shape, 1)),
        velocity_mps=np.zeros((*shape, 3)) + speed * ahead,
        angular_velocity_radps=np.zeros((*shape, 3)),
        steer_rad=np.zeros(shape),
        wheel_turn_rad=np.zeros(shape),
        lamps=np.zeros(shape, np.uint32),
        driver=np.full(shape, Driver.TRAFFIC, np.uint8),
    )
    actors = tuple(Actor(id=k + 1, blueprint=blueprint) for k in range(count))
    states = np.zeros((len(base.scene.road.signals), frames), np.uint8)
    scene = replace(base.scene, actors=actors)
    return replace(base, scene=scene, tracks=tracks, signal_states=states, contacts=(), events=())


@pytest.mark.parametrize(
    ("ground", "found"),
    [
        (GroundState(), False),
        (GroundState(wetness=0.12), False),
        (WET, True),
        (GroundState(snow=0.8, wetness=0.3), True),
        (GroundState(sand=0.7), True),
        (GroundState(wetness=1.0, puddles=1.0, flood_m=0.2), True),
    ],
)
def test_wet_snowy_sandy_and_flooded_roads_throw_up_and_dry_ones_do_not(base, ground, found):
    wake = Wake(driving(base, 15.0), ground, STILL)
    assert (len(wake.at(1.0)) > 0) == found
    assert (shed_by(ground, STILL) is not None) == found


def test_puffs_hang_behind_the_rear_wheels_and_near_the_ground(base):
    rec = driving(base, 15.0)
    made = Wake(rec, WET, STILL).at(1.0)
    rear = rec.tracks.position_m[0, 30, 0] - rec.scene.actors[0].spec.wheelbase_m / 2
    assert (made[:, 0] < rear + 0.2).all()
    assert (made[:, 0] > rear - 15.0).all()
    assert np.abs(made[:, 1]).max() < 1.5
    assert (made[:, 2] > 0).all()
    assert (made[:, 2] < 1.2).all()
    assert (made[:, 1] > 0.3).any()
    assert (made[:, 1] < -0.3).any()


def test_older_puffs_are_larger_and_fainter(base):
    made = Wake(driving(base, 20.0), WET, STILL).at(1.0)
    near, far = made[np.argmax(made[:, 0])], made[np.argmin(made[:, 0])]
    assert far[3] > near[3]
    assert far[4] < near[4]


def test_opacity_grows_with_the_square_of_speed_above_the_least(base):
    shed = shed_by(WET, STILL)
    assert shed is not None
    half = (shed.from_mps + shed.full_mps) / 2
    slow, fast = (
        Wake(driving(base, speed), WET, STILL).at(1.0)[:, 4].sum()
        for speed in (half, shed.full_mps)
    )
    assert fast / slow == pytest.approx(4.0, rel=0.25)
    assert len(Wake(driving(base, shed.from_mps - 0.1), WET, STILL).at(1.0)) == 0


def test_the_first_frame_already_has_a_full_wake(base):
    wake = Wake(driving(base, 15.0), WET, STILL)
    first, later = len(wake.at(0.0)), len(wake.at(1.0))
    assert abs(first - later) <= 3


def test_wind_carries_puffs_aside(base):
    rec = driving(base, 15.0)
    calm = Wake(rec, WET, STILL).at(1.0)
    windy = Wake(rec, WET, Air(wind_mps=(0.0, 10.0))).at(1.0)
    assert windy[:, 1].mean() > calm[:, 1].mean() + 0.3


def test_any_order_of_asking_gives_the_same_puffs(base):
    rec = driving(base, 15.0, count=3)
    one, two = Wake(rec, WET, STILL), Wake(rec, WET, STILL)
    forward = [one.at(t).tobytes() for t in (0.2, 0.7, 1.1)]
    backward = [two.at(t).tobytes() for t in (1.1, 0.7, 0.2)][::-1]
    assert forward == backward


def test_puffs_move_smoothly_between_frames(base):
    """Within one step of shedding, what was there a millisecond ago is hardly changed."""
    wake = Wake(driving(base, 15.0), WET, STILL)
    one, two = wake.at(5.3 * STEP_S), wake.at(5.3 * STEP_S + 0.001)
    assert len(one) == len(two)
    assert np.abs(one - two).max() < 0.03


def test_there_are_never_too_many_and_none_jumps_when_some_go(base):
    many = Wake(driving(base, 25.0, count=40), WET, STILL)
    made = many.at(1.0)
    assert 0.5 * MOST < len(made) <= MOST
    assert made[:, 4].min() >= 0
    assert made[:, 4].min() < 0.02


@pytest.mark.parametrize("blueprint", ["bicycle", "adult"])
def test_bicycles_and_people_throw_nothing_up(base, blueprint):
    assert len(Wake(driving(base, 8.0, blueprint), WET, STILL).at(1.0)) == 0


def test_lorries_throw_up_larger_clouds_and_motorcycles_one_row(base):
    car, lorry, bike = (
        Wake(driving(base, 20.0, kind), WET, STILL).at(1.0)
        for kind in ("saloon", "box_truck", "motorcycle")
    )
    assert lorry[:, 3].mean() > 1.2 * car[:, 3].mean()
    assert len(bike) == pytest.approx(len(car) / 2, abs=3)


def test_dust_is_darker_than_spray_and_snow_is_white(base):
    rec = driving(base, 15.0)
    dust, spray, snow = (
        Wake(rec, ground, STILL).at(1.0)[:, 5].mean()
        for ground in (GroundState(sand=0.7), WET, GroundState(snow=0.9))
    )
    assert dust < spray < snow == 1.0


def test_a_vehicle_on_its_side_throws_nothing_up(base):
    rec = driving(base, 15.0)
    quat = rec.tracks.quat.copy()
    quat[:] = [np.sqrt(0.5), np.sqrt(0.5), 0, 0]
    rolled = replace(rec, tracks=replace(rec.tracks, quat=quat))
    assert len(Wake(rolled, WET, STILL).at(1.0)) == 0
