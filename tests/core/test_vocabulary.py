"""The nouns refuse what cannot be, and say why."""

from datetime import datetime

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.clip import ObjectLabel
from rareworld.core.road import Junction, Lane, LaneKind, RoadMap
from rareworld.core.scene import Actor, Light, Prop, PropKind, Scene
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import PALETTE, PEOPLE, TWO_WHEELERS, VEHICLES, ClassId
from rareworld.core.trajectory import Lamp, Recording, Tracks
from rareworld.errors import ConfigError

LANE = Lane(
    id="1:0:-1", kind=LaneKind.DRIVING,
    centre_m=np.array([[0.0, 0.0, 0.0], [3.0, 4.0, 9.0], [3.0, 10.0, 9.0]]),
    left_m=np.zeros((3, 3)), right_m=np.zeros((3, 3)),
)  # fmt: skip
ROAD = RoadMap(name="r", lanes={LANE.id: LANE})


def _tracks(n: int, t: int) -> Tracks:
    return Tracks(
        time_s=np.arange(t) / 10, present=np.ones((n, t), bool), position_m=np.zeros((n, t, 3)),
        quat=np.zeros((n, t, 4)), velocity_mps=np.zeros((n, t, 3)),
        angular_velocity_radps=np.zeros((n, t, 3)), steer_rad=np.zeros((n, t)),
        wheel_turn_rad=np.zeros((n, t)), lamps=np.zeros((n, t), np.uint32),
        driver=np.zeros((n, t), np.uint8),
    )  # fmt: skip


def test_seed_streams_depend_on_the_path_alone() -> None:
    first = Seed(1).child("a", 2).generator().random(3)
    Seed(1).child("b").generator().random(100)
    np.testing.assert_array_equal(first, Seed(1).child("a").child(2).generator().random(3))
    keys = {Seed(r).child(*p).key for r in (0, 1) for p in (("a",), ("b",), (1,), ("1",), ("a", 1))}
    assert len(keys) == 10
    assert 0 <= Seed(3).int32() < 2**31


def test_seed_stream_is_pinned() -> None:
    assert Seed(7).child("weather", 3).generator().integers(10**9) == 573737280


def test_palette_has_a_colour_for_each_class() -> None:
    assert PALETTE.shape == (len(ClassId), 3)
    assert len({tuple(colour) for colour in PALETTE.tolist()}) == 29
    assert tuple(PALETTE[ClassId.ROAD]) == (128, 64, 128)
    assert TWO_WHEELERS < VEHICLES
    assert not PEOPLE & VEHICLES


@pytest.mark.parametrize("blueprint", BLUEPRINTS.values(), ids=lambda b: b.name)
def test_blueprints_are_plausible(blueprint) -> None:
    length, width, height = blueprint.size_m
    assert blueprint.wheelbase_m < length
    assert blueprint.track_m < width or blueprint.track_m == 0
    assert 0 < blueprint.com_height_m < height
    if blueprint.class_id is ClassId.CAR and blueprint.name != "van":
        assert 90 < blueprint.mass_kg / (length * width * height) < 160


def test_lane_station_is_measured_from_above() -> None:
    np.testing.assert_allclose(LANE.station_m, [0, 5, 11])
    assert LANE.length_m == 11
    assert ROAD.bounds_m == (0, 0, 3, 10)


def test_junction_centre_is_the_mean_of_its_outline() -> None:
    junction = Junction(id="1", name="", outline_m=np.array([[0.0, 0, 0], [2, 0, 0], [1, 3, 0]]))
    np.testing.assert_allclose(junction.centre_m, [1, 1, 0])


def test_scene_refuses_shared_ids() -> None:
    prop = Prop(id=1, kind=PropKind.TREE, position_m=(0, 0, 0), yaw_rad=0, size_m=(1, 1, 4))
    with pytest.raises(ConfigError, match="used twice: \\[1\\]"):
        Scene(name="s", road=ROAD, actors=(Actor(id=1, blueprint="suv"),), props=(prop,))


def test_scene_finds_actors() -> None:
    scene = Scene(name="s", road=ROAD, actors=(Actor(id=4, blueprint="suv"),))
    assert scene.actor(4).class_id is ClassId.CAR
    with pytest.raises(KeyError):
        scene.actor(5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Actor(id=1, blueprint="hovercraft"), "known: adult, .*bicycle"),
        (lambda: Actor(id=0, blueprint="suv"), "start at 1"),
        (lambda: Light(when=datetime(2026, 1, 1)), "UTC offset"),
        (lambda: Light(latitude_deg=99.0), "-90..90"),
    ],
)
def test_impossible_values_are_refused(build, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build()


def test_tracks_refuse_arrays_that_disagree() -> None:
    good = _tracks(2, 5)
    with pytest.raises((ValueError, TypeError), match="quat"):
        Tracks(**{**vars(good), "quat": np.zeros((2, 4, 4))})


def test_recording_refuses_another_number_of_actors() -> None:
    scene = Scene(name="s", road=ROAD, actors=(Actor(id=4, blueprint="suv"),))
    states = np.zeros((0, 5), np.uint8)
    with pytest.raises(ValueError, match="tracks hold 2 actors, scene 1"):
        Recording(scene=scene, tracks=_tracks(2, 5), fps=10.0, signal_states=states)
    with pytest.raises(ValueError, match="signal_states must have shape"):
        Recording(
            scene=scene, tracks=_tracks(1, 5), fps=10.0, signal_states=np.zeros((1, 5), np.uint8)
        )
    recording = Recording(scene=scene, tracks=_tracks(1, 5), fps=10.0, signal_states=states)
    assert recording.duration_s == 0.5
    assert recording.row(4) == 0
    with pytest.raises(KeyError):
        recording.row(9)


def test_lamp_bits_are_carlas() -> None:
    assert (Lamp.BRAKE, Lamp.RIGHT_BLINKER, Lamp.LEFT_BLINKER, Lamp.SPECIAL_1) == (8, 16, 32, 512)


@pytest.mark.parametrize(
    ("visible", "inside", "total", "occlusion", "truncation"),
    [(50, 100, 200, 0.5, 0.5), (0, 0, 200, 1.0, 1.0), (0, 0, 0, 1.0, 1.0), (9, 9, 9, 0.0, 0.0)],
)
def test_occlusion_and_truncation(visible, inside, total, occlusion, truncation) -> None:
    label = ObjectLabel(
        frame=0, time_s=0.0, object_id=1, class_id=14, blueprint="suv", tight_box=(0, 0, 1, 1),
        loose_box=(0.0, 0.0, 1.0, 1.0), visible_px=visible, total_px=total, inside_px=inside,
        centre_camera_m=(0.0, 0.0, 1.0), quat_camera=(1.0, 0.0, 0.0, 0.0), position_m=(0.0,) * 3,
        quat=(1.0, 0.0, 0.0, 0.0), size_m=(1.0, 1.0, 1.0), corners_px=(), velocity_mps=(0.0,) * 3,
        lane=None, lane_offset_m=None, lamps=0, driver=0, mask_rle="",
    )  # fmt: skip
    assert (label.occlusion, label.truncation) == (occlusion, truncation)
