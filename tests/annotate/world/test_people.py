import numpy as np
import pytest

from rareworld.annotate.world.parts import CYCLE_STEPS, Figure
from rareworld.annotate.world.people import looks_of, person
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import ClassId


def posed(made: Figure, step: int | None) -> list[np.ndarray]:
    """Corners of all parts at a step of the gait (None: standing); plain loops as an oracle."""
    placed: list[tuple[np.ndarray, np.ndarray]] = []
    out = []
    lift = 0.0 if step is None or made.bob_m is None else float(made.bob_m[step])
    for part in made.parts:
        joint = part.joint
        angle = joint.rest_rad if step is None or joint.cycle_rad is None else joint.cycle_rad[step]
        c, s = np.cos(angle), np.sin(angle)
        turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        base, shift = (
            placed[joint.parent] if joint.parent >= 0 else (np.eye(3), np.array([0, 0, lift]))
        )
        pose = base @ turn, base @ np.asarray(joint.pivot_m) + shift
        placed.append(pose)
        out.append(part.shape.corners_m.reshape(-1, 3) @ pose[0].T + pose[1])
    return out


@pytest.mark.parametrize("name", ["adult", "child"])
@pytest.mark.parametrize("style", range(8))
def test_people_stand_as_tall_as_their_blueprint(name, style):
    spec = BLUEPRINTS[name]
    points = np.concatenate(posed(person(spec, style), None))
    assert points[:, 2].max() == pytest.approx(spec.height_m, rel=0.01)
    assert points[:, 2].min() == pytest.approx(0, abs=0.004)
    assert np.ptp(points[:, 1]) < 1.2 * spec.width_m


@pytest.mark.parametrize("name", ["adult", "child"])
def test_walking_feet_touch_but_never_sink(name):
    made = person(BLUEPRINTS[name], 0)
    lowest = [np.concatenate(posed(made, step))[:, 2].min() for step in range(CYCLE_STEPS)]
    assert min(lowest) > -0.012
    assert max(lowest) < 0.012


def test_left_and_right_legs_are_half_a_cycle_apart_and_arms_oppose():
    parts = person(BLUEPRINTS["adult"], 0).parts
    left, right = parts[1].joint.cycle_rad, parts[4].joint.cycle_rad
    assert np.allclose(left, np.roll(right, CYCLE_STEPS // 2), atol=1e-9)
    arm = parts[7].joint.cycle_rad
    assert np.corrcoef(left, arm)[0, 1] < -0.5


def test_knees_bend_backward_only():
    parts = person(BLUEPRINTS["adult"], 0).parts
    assert parts[2].joint.cycle_rad.min() > 0
    assert np.degrees(parts[2].joint.cycle_rad.max()) == pytest.approx(61, abs=3)


def test_stride_length_suits_the_walking_speed():
    """Ankles swing through a stride of a metre or so per step pair at 1.75 m stature."""
    made = person(BLUEPRINTS["adult"], 0)
    heel = [posed(made, step)[3][:, 0].mean() for step in range(CYCLE_STEPS)]
    assert 0.5 < np.ptp(heel) < 0.9


def test_people_differ_by_style_and_are_pedestrians():
    assert len({looks_of(style) for style in range(24)}) >= 18
    made = person(BLUEPRINTS["adult"], 7)
    for part in made.parts:
        assert (part.shape.class_id == int(ClassId.PEDESTRIAN)).all()
