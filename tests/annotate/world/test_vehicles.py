from functools import cache

import numpy as np
import pytest
import trimesh

from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.mesh import Soup, face_normals, finish, merge, moved
from rareworld.annotate.world.vehicles import CAR_LOOKS, variant_of
from rareworld.annotate.world.vehicles import figure as make_figure
from rareworld.annotate.world.wardrobe import NUM_LOOKS
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import PEOPLE, TWO_WHEELERS, ClassId
from rareworld.core.trajectory import Lamp
from tests.annotate.world.world_samples import hull_of

VEHICLES = [name for name, spec in BLUEPRINTS.items() if spec.class_id not in PEOPLE]
FOUR_WHEELS = [name for name in VEHICLES if BLUEPRINTS[name].track_m > 0]


@cache
def figure(name: str, style: int):
    return make_figure(name, style)


@cache
def resting(name: str, style: int = 0) -> Soup:
    """All parts at rest, in the body frame."""
    placed: list[tuple[Soup, np.ndarray]] = []
    for part in figure(name, style).parts:
        at = np.asarray(part.joint.pivot_m, float)
        if part.joint.parent >= 0:
            at = at + placed[part.joint.parent][1]
        placed.append((part.shape, at))
    return merge([moved(shape, by_m=tuple(at.tolist())) for shape, at in placed])


@pytest.mark.parametrize("name", VEHICLES)
def test_vehicles_have_their_blueprints_size(name):
    spec, shape = BLUEPRINTS[name], resting(name)
    low, high = shape.bounds_m
    assert high[0] - low[0] == pytest.approx(spec.length_m, rel=0.01)
    assert high[2] == pytest.approx(spec.height_m, rel=0.01)
    assert low[2] == pytest.approx(0, abs=0.006)
    assert abs(high[0] + low[0]) < 0.02 * spec.length_m


@pytest.mark.parametrize("name", FOUR_WHEELS)
def test_width_is_the_blueprints_but_for_the_mirrors(name):
    spec, body = BLUEPRINTS[name], hull_of(name)
    x = body.corners_m[..., 0].max(axis=1)
    low, high = Soup(
        corners_m=body.corners_m[x < 0], uv_m=body.uv_m[x < 0],
        material=body.material[x < 0], class_id=body.class_id[x < 0],
    ).bounds_m  # fmt: skip
    assert high[1] - low[1] == pytest.approx(spec.width_m, rel=0.013)
    assert body.bounds_m[1][1] < spec.width_m / 2 + 0.17


@pytest.mark.parametrize("name", VEHICLES)
def test_vehicles_are_symmetric_enough_and_the_front_is_plus_x(name):
    body = hull_of(name)
    head, tail = (body.material == material(lamp) for lamp in ("head lamp", "brake lamp"))
    if BLUEPRINTS[name].class_id in TWO_WHEELERS:
        body_head = figure(name, 0).parts[1]
        assert body_head.joint.pivot_m[0] > 0
        return
    assert body.corners_m[head][..., 0].min() > 0.3 * BLUEPRINTS[name].length_m
    low = tail & (body.corners_m[..., 2].max(axis=1) < 0.62 * BLUEPRINTS[name].height_m)
    assert body.corners_m[low][..., 0].max() < -0.3 * BLUEPRINTS[name].length_m
    assert body.corners_m[tail][..., 0].max() < 0


@pytest.mark.parametrize("name", FOUR_WHEELS)
def test_indicators_are_on_their_own_side(name):
    body = hull_of(name)
    for lamp, side in (("left blinker", 1), ("right blinker", -1)):
        y = body.corners_m[body.material == material(lamp)][..., 1]
        assert len(y) > 2
        assert (side * y > 0).all()


@pytest.mark.parametrize("name", FOUR_WHEELS)
def test_wheels_stand_on_the_ground_and_the_front_pair_steers(name):
    spec = BLUEPRINTS[name]
    wheels = [part for part in figure(name, 0).parts if part.joint.spin]
    assert len(wheels) == (10 if name == "articulated_truck" else 4)
    for wheel in wheels:
        low, high = wheel.shape.bounds_m
        assert high[2] == pytest.approx(spec.wheel_radius_m, rel=0.02)
        assert wheel.joint.pivot_m[2] == pytest.approx(spec.wheel_radius_m)
        assert wheel.joint.spin == 1.0
        if wheel.joint.parent < 0:
            turns = wheel.joint.pivot_m[0] > 0 and name != "articulated_truck"
            assert wheel.joint.steer == float(turns)
        assert low[0] == pytest.approx(-high[0], rel=0.02)


@pytest.mark.parametrize("name", VEHICLES)
def test_budget_of_triangles(name):
    assert 1500 < sum(part.shape.size for part in figure(name, 0).parts) < 8500


@pytest.mark.parametrize("name", FOUR_WHEELS)
def test_no_open_body_is_seen_from_outside(name):
    """Rays from all around must first meet the front of a face (independent ray caster)."""
    shape = resting(name)
    faces = np.arange(3 * shape.size).reshape(-1, 3)
    scene = trimesh.Trimesh(shape.corners_m.reshape(-1, 3), faces, process=False)
    rng = np.random.default_rng(0)
    way = rng.standard_normal((4000, 3))
    way[:, 2] = np.abs(way[:, 2])
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    target = rng.uniform(-0.45, 0.45, (4000, 3)) * BLUEPRINTS[name].size_m
    target[:, 2] += BLUEPRINTS[name].height_m / 2
    hit = scene.ray.intersects_first(target + 30 * way, -way)
    normal = face_normals(shape.corners_m)[hit]
    back = (np.einsum("rd,rd->r", normal, way) < 0) & (hit >= 0)
    assert (hit >= 0).mean() > 0.5
    assert back.sum() <= 8


@pytest.mark.parametrize("name", VEHICLES)
def test_classes_of_triangles(name):
    kind = BLUEPRINTS[name].class_id
    found = {ClassId(value) for value in np.unique(resting(name).class_id)}
    assert found == ({kind, ClassId.RIDER} if kind in TWO_WHEELERS else {kind})


def test_lamps_are_lit_by_their_own_bits():
    wanted = {
        "brake lamp": Lamp.BRAKE, "left blinker": Lamp.LEFT_BLINKER,
        "right blinker": Lamp.RIGHT_BLINKER, "reverse lamp": Lamp.REVERSE,
        "head lamp": Lamp.LOW_BEAM | Lamp.HIGH_BEAM, "fog lamp": Lamp.FOG,
        "beacon a": Lamp.SPECIAL_1, "beacon b": Lamp.SPECIAL_2,
        "tail lamp": Lamp.POSITION | Lamp.LOW_BEAM,
    }  # fmt: skip
    for name, bits in wanted.items():
        made = MATERIALS[material(name)]
        assert made.lit_when == int(bits)
        assert max(made.emission) > 0


def test_material_names_are_unique_and_colours_physical():
    names = [made.name for made in MATERIALS]
    assert len(set(names)) == len(names)
    for made in MATERIALS:
        assert all(0 <= value <= 1 for value in (*made.colour, made.roughness, made.specular))


@pytest.mark.parametrize("name", sorted(BLUEPRINTS))
def test_figures_are_the_same_bytes_every_time(name):
    first, second = (make_figure(name, 5) for _ in range(2))
    for a, b in zip(first.parts, second.parts, strict=True):
        assert a.shape.corners_m.tobytes() == b.shape.corners_m.tobytes()
        assert a.shape.material.tobytes() == b.shape.material.tobytes()
    one, two = (finish(made.parts[-1].shape) for made in (first, second))
    assert one.normals.tobytes() == two.normals.tobytes()


def test_styles_repeat():
    assert variant_of("saloon", 17) == variant_of("saloon", 17 + CAR_LOOKS)
    assert variant_of("adult", 5) == variant_of("adult", 5 + NUM_LOOKS)


def test_pedals_carry_the_feet():
    """The ankle found by the joint angles follows the crank's circle within 2 cm."""
    made = figure("bicycle", 0)
    crank = next(k for k, part in enumerate(made.parts) if part.joint.cycle_rad is not None)
    thigh, shin, foot = made.parts[crank + 1 : crank + 4]
    hip, knee = thigh.joint.cycle_rad, shin.joint.cycle_rad
    upper, lower = -shin.joint.pivot_m[2], -foot.joint.pivot_m[2]
    x = thigh.joint.pivot_m[0] - upper * np.sin(hip) - lower * np.sin(hip + knee)
    z = thigh.joint.pivot_m[2] - upper * np.cos(hip) - lower * np.cos(hip + knee)
    radius = np.hypot(x - x.mean(), z - z.mean())
    assert np.ptp(x) == pytest.approx(0.34, abs=0.02)
    assert np.abs(radius - 0.17).max() < 0.02
