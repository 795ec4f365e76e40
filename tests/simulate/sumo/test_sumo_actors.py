"""Actors between steps: lamps, pitch, steps up the kerb, places of habit, poses round trip."""

import math
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import yaw_from_quat
from rareworld.core.road import RoadMap
from rareworld.core.trajectory import Lamp
from rareworld.errors import ScenarioError
from rareworld.simulate.sumo.actors import Member, Sighting, _brakes
from rareworld.simulate.sumo.pavement import Pavement
from rareworld.simulate.sumo.pose import TrailedBody, WalkingBody
from rareworld.simulate.sumo.vehicles import Traits

STEP_S = 0.05
BARE = Pavement(RoadMap(name="bare", lanes={}))


class Scripted:
    """One actor of SUMO whose place, speed and signals the test sets."""

    def __init__(self) -> None:
        self.x = self.y = self.z = self.speed = self.slope = self.sideways = 0.0
        self.angle, self.lane, self.signals = 90.0, "e_1", 0
        self.modes: list[int] = []
        door = SimpleNamespace(
            getPosition3D=lambda name: (self.x, self.y, self.z),
            getSpeed=lambda name: self.speed,
            getAngle=lambda name: self.angle,
            getLateralSpeed=lambda name: self.sideways,
            getSlope=lambda name: self.slope,
            getLaneID=lambda name: self.lane,
            getSignals=lambda name: self.signals,
            setLaneChangeMode=lambda name, mode: self.modes.append(mode),
        )
        self.sumo = ModuleType("sumo")
        self.sumo.vehicle = self.sumo.person = door

    def go(self, member: Member, speed: float, steps: int) -> Sighting:
        """Drive straight to the east."""
        for _ in range(steps):
            self.x += (self.speed + speed) / 2 * STEP_S
            self.speed = speed
            member.watch(self.sumo, BARE, STEP_S)
        return member.sighting(self.sumo, 0.0, Lamp.NONE)


def member(blueprint: str = "saloon", **traits: float) -> Member:
    return Member(id=1, name="v", spec=BLUEPRINTS[blueprint], traits=Traits(**traits))


def test_the_middle_of_the_box_is_half_a_length_behind_the_bumper() -> None:
    door, actor = Scripted(), member()
    seen = door.go(actor, 10.0, 40)
    assert door.x - seen.x_m == pytest.approx(actor.spec.length_m / 2, abs=1e-6)
    assert (seen.y_m, seen.yaw_rad) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert (seen.vx_mps, seen.vy_mps) == pytest.approx((10.0, 0.0), abs=1e-6)


@pytest.mark.parametrize("offset", [-0.9, 0.2])
def test_drivers_keep_their_place_across_the_lane(offset: float) -> None:
    assert Scripted().go(member(lane_offset_m=offset), 8.0, 60).y_m == pytest.approx(offset)


@pytest.mark.parametrize("yaw", [-3.0, -0.4, 0.0, 1.2])
@pytest.mark.parametrize("pitch", [0.0, 0.08])
def test_a_sighting_becomes_the_same_pose_as_a_body(yaw: float, pitch: float) -> None:
    seen = Sighting(
        id=3, name="v", blueprint="suv", time_s=1.5, x_m=4.0, y_m=-2.0, z_m=0.3, yaw_rad=yaw,
        pitch_rad=pitch, vx_mps=1.0, vy_mps=2.0, vz_mps=0.1, yaw_rate_radps=0.2, lamps=8, lane="e",
    )  # fmt: skip
    state = seen.state()
    assert state.position_m.tolist() == [4.0, -2.0, 0.3]
    assert state.velocity_mps.tolist() == [1.0, 2.0, 0.1]
    assert state.angular_velocity_radps.tolist() == [0.0, 0.0, 0.2]
    assert float(yaw_from_quat(state.quat)) == pytest.approx(yaw)
    assert float(np.linalg.norm(state.quat)) == pytest.approx(1.0)
    assert (state.time_s, state.lamps) == (1.5, 8)


@pytest.mark.parametrize(
    ("speed", "accel", "held", "lit"),
    [
        (10.0, -1.0, False, True),
        (10.0, -0.5, False, False),
        (10.0, -0.5, True, True),
        (10.0, -0.2, True, False),
        (0.0, 0.0, False, True),
        (10.0, 1.0, True, False),
    ],
)
def test_brake_lamps_have_a_dead_band_and_stay_on_at_rest(
    speed: float, accel: float, held: bool, lit: bool
) -> None:
    assert _brakes(speed, accel, held=held) is lit


@pytest.mark.parametrize(
    ("bits", "lamps"), [(0, 0), (1, Lamp.RIGHT_BLINKER), (2, Lamp.LEFT_BLINKER), (8, 0)]
)
def test_blinkers_are_sumos(bits: int, lamps: int) -> None:
    door, actor = Scripted(), member()
    door.signals = bits
    assert door.go(actor, 10.0, 5).lamps == int(lamps)


def test_bicycles_and_people_have_no_lamps() -> None:
    for name in ("bicycle", "adult"):
        door = Scripted()
        door.signals = 3
        assert door.go(member(name), 0.0, 5).lamps == 0


def test_the_pitch_follows_the_slope_with_its_time_constant() -> None:
    """After one time constant of 0.3 s 63 % of the way is done."""
    door, actor = Scripted(), member()
    door.slope = math.degrees(0.1)
    seen = door.go(actor, 10.0, 6)
    assert seen.pitch_rad == pytest.approx(-0.1 * (1 - math.exp(-1.0)))
    assert seen.vz_mps == pytest.approx(-10.0 * math.sin(seen.pitch_rad), rel=0.01)


def test_slopes_no_road_has_are_not_believed() -> None:
    door, actor = Scripted(), member()
    door.slope = 40.0
    assert door.go(actor, 10.0, 20).pitch_rad == 0.0


def test_nobody_starts_to_change_lanes_while_creeping() -> None:
    door, actor = Scripted(), member()
    for speed in (8.0, 1.0, 0.0, 8.0):
        door.go(actor, speed, 3)
    assert door.modes == [512, 1621]


def test_people_turn_to_where_they_walk_and_vehicles_trail() -> None:
    for name, kind in (("adult", WalkingBody), ("van", TrailedBody)):
        actor = member(name)
        Scripted().go(actor, 1.0, 2)
        assert isinstance(actor.body, kind)
        assert (actor.approach() is None) is (kind is WalkingBody)


def test_an_approach_starts_at_the_bumper() -> None:
    door, actor = Scripted(), member("city_bus")
    door.go(actor, 6.0, 10)
    way = actor.approach()
    assert way is not None
    assert (way.x_m, way.y_m, way.speed_mps) == pytest.approx((door.x, 0.0, 6.0))
    assert way.arm_m == pytest.approx((actor.spec.length_m + actor.spec.wheelbase_m) / 2)


def test_an_actor_not_seen_yet_cannot_be_shown() -> None:
    with pytest.raises(ScenarioError, match="has not been seen"):
        member().sighting(Scripted().sumo, 0.0, Lamp.NONE)


def test_people_step_round_a_vehicle_that_stands_on_their_way() -> None:
    """The led point walks through a standing car; the body never comes nearer than its elbows."""
    door, actor = Scripted(), member("adult")
    door.lane, door.x = ":j_c0_0", -6.0
    car = Sighting(
        id=2, name="c", blueprint="saloon", time_s=0.0, x_m=0.0, y_m=0.3, z_m=0.0,
        yaw_rad=math.pi / 2, pitch_rad=0.0, vx_mps=0.0, vy_mps=0.0, vz_mps=0.0,
        yaw_rate_radps=0.0, lamps=0, lane=":j_0_0",
    )  # fmt: skip
    length, width, _ = BLUEPRINTS["saloon"].size_m
    for _ in range(200):
        door.x, door.speed = door.x + 1.3 * STEP_S, 1.3
        actor.watch(door.sumo, BARE, STEP_S, [car])
        assert isinstance(actor.body, WalkingBody)
        inside = abs(actor.body.x_m) < width / 2 and abs(actor.body.y_m - 0.3) < length / 2
        assert not inside


@pytest.mark.parametrize(
    ("time_s", "half"),
    [
        (0.0, Lamp.SPECIAL_1),
        (0.3, Lamp.SPECIAL_2),
        (0.5, Lamp.SPECIAL_1),
        (0.99, Lamp.SPECIAL_2),
    ],
)
def test_beacons_flash_twice_a_second_side_by_side(time_s: float, half: Lamp) -> None:
    spec = BLUEPRINTS["ambulance"]
    on = Member(id=1, name="v", spec=spec, traits=Traits(alarm=True))
    off = Member(id=2, name="w", spec=spec, traits=Traits())
    assert on._beacons(time_s) is half
    assert off._beacons(time_s) is Lamp.NONE
