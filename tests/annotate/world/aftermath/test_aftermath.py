"""The scene with its aftermath: dents take over at the right time and labels stay whole."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.annotate.world.aftermath.build import with_aftermath
from rareworld.annotate.world.build import build_world
from rareworld.annotate.world.model import GroundState, LocalLight
from tests.annotate.world.aftermath.crashes import contact, crash

FIRST = {"point_m": (5.3, -1.75, 0.6)}
LATER = {"time_s": 0.8, "point_m": (6.4, -1.2, 0.6)}


@pytest.fixture(scope="module")
def built():
    recording = crash([contact(**FIRST), contact(**LATER)], speed_mps=lambda t: 9.0 - 8.5 * t)
    return recording, *build_world(recording, (0.0, 0.0), 40.0)


def shown_of(scene, state, actor_id) -> list[int]:
    return [
        k
        for k, instance in enumerate(scene.instances)
        if instance.object_id == actor_id and state.visible[k]
    ]


def test_quiet_recordings_keep_scene_and_poser():
    recording = crash()
    scene, poser = build_world(recording, (0.0, 0.0), 40.0)
    same, same_poser = with_aftermath(scene, poser, recording)
    assert same is scene
    assert same_poser is poser


def test_dented_parts_replace_intact_ones_at_their_time(built):
    recording, scene, poser = built
    whole, after = with_aftermath(scene, poser, recording)
    counts = [len(shown_of(whole, after.at(t), 1)) for t in (0.3, 0.6, 0.95)]
    assert counts == [len(shown_of(scene, poser.at(0.3), 1))] * 3
    before, first, second = (set(shown_of(whole, after.at(t), 1)) for t in (0.3, 0.6, 0.95))
    assert before != first != second
    assert not any(k < len(scene.instances) for k in (first - before) | (second - first))


def test_what_was_there_keeps_its_pose_and_number(built):
    recording, scene, poser = built
    whole, after = with_aftermath(scene, poser, recording)
    assert whole.instances[: len(scene.instances)] == scene.instances
    for time_s in (0.3, 0.95):
        inner, outer = poser.at(time_s), after.at(time_s)
        assert np.array_equal(outer.transforms[: len(inner.visible)], inner.transforms)
        assert len(outer.visible) == len(whole.instances)


def test_dented_parts_move_with_their_vehicle_and_keep_its_lamps(built):
    recording, scene, poser = built
    whole, after = with_aftermath(scene, poser, recording)
    state = after.at(0.95)
    body = shown_of(whole, state, 1)
    assert (state.state[body] == poser.at(0.95).state[0]).all()
    far = [
        np.linalg.norm(state.transforms[k][:2, 3] - state.transforms[body[0]][:2, 3]) for k in body
    ]
    assert max(far) < 4.0


def test_lamps_near_the_blow_go_dark_and_the_rear_ones_stay(built):
    recording, scene, poser = built
    lamps = [
        LocalLight(position_m=(x, 0.5, 0.6), direction=(1, 0, 0), intensity=(1, 1, 1), instance=0)
        for x in (2.2, -2.2)
    ]
    whole, after = with_aftermath(replace(scene, lights=tuple(lamps)), poser, recording)

    def lit(time_s):
        state = after.at(time_s)
        return [x for x in whole.lights if x.instance >= 0 and state.visible[x.instance]]

    early, late = lit(0.3), lit(0.95)
    assert [x.position_m[0] for x in early] == [2.2, -2.2]
    assert [x.position_m[0] for x in late] == [-2.2]


def test_pieces_and_marks_have_no_id_and_come_after_the_blow(built):
    recording, scene, poser = built
    whole, after = with_aftermath(scene, poser, recording)
    loose = [
        k for k, x in enumerate(whole.instances) if k >= len(scene.instances) and not x.object_id
    ]
    assert not after.at(0.0).visible[loose].any()
    assert after.at(0.95).visible[loose].sum() > 10


@pytest.mark.parametrize("ground", [GroundState(wetness=1.0), GroundState(snow=0.9)])
def test_no_rubber_on_wet_or_snowy_roads(built, ground):
    recording, scene, poser = built
    dry, _ = with_aftermath(scene, poser, recording)
    wet, _ = with_aftermath(replace(scene, ground=ground), poser, recording)
    assert len(wet.instances) < len(dry.instances)


def test_same_recording_gives_the_same_bytes(built):
    recording, scene, poser = built
    (one, a), (two, b) = (with_aftermath(scene, poser, recording) for _ in range(2))
    assert all(
        np.array_equal(x.vertices_m, y.vertices_m)
        for x, y in zip(one.prototypes, two.prototypes, strict=True)
    )
    assert np.array_equal(a.at(0.9).transforms, b.at(0.9).transforms)
