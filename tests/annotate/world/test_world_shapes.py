"""Shapes of road users against their blueprints: sizes, sides, lamps, wheels, bodies."""

import numpy as np
import pytest

from rareworld.annotate.world.body import CarBody
from rareworld.annotate.world.heavy import Shell
from rareworld.annotate.world.materials import MATERIALS, material, skin
from rareworld.annotate.world.mesh import Soup, face_normals, finish, mirrored, signed_volume_m3
from rareworld.annotate.world.model import Paint
from rareworld.annotate.world.profiles import PROFILES
from rareworld.annotate.world.vehicles import figure
from rareworld.annotate.world.wardrobe import Dress
from rareworld.annotate.world.wheels import RIMS, car_wheel, cycle_wheel, pair, truck_wheel
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import PEOPLE, TWO_WHEELERS, ClassId
from tests.annotate.world.world_samples import figure_of, hull_of, only, open_edges, resting

NAMES = sorted(BLUEPRINTS)
VEHICLES = [name for name in NAMES if BLUEPRINTS[name].class_id not in PEOPLE]
FOUR_WHEELS = [name for name in VEHICLES if BLUEPRINTS[name].track_m > 0]
CYCLES = [name for name in VEHICLES if BLUEPRINTS[name].class_id in TWO_WHEELERS]
RIGID = [name for name in FOUR_WHEELS if name != "articulated_truck"]
SYMMETRIC = [name for name in RIGID if name not in ("city_bus", "box_truck", "tipper")]
"""Buses have doors on one side, lorries tanks."""
SHAPES = [(name, k) for name, found in sorted(PROFILES.items()) for k in range(len(found))]
STYLES = (0, 1, 2, 3, 7, 11)
FRONT_LAMPS, REAR_LAMPS = ("head lamp",), ("brake lamp", "tail lamp", "reverse lamp")


def of_material(part: Soup, name: str) -> Soup:
    return only(part, part.material == material(name))


def size_of(part: Soup) -> np.ndarray:
    low, high = part.bounds_m
    return high - low


@pytest.mark.parametrize("dress", list(Dress))
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", CYCLES)
def test_two_wheelers_with_rider_have_their_blueprints_size_within_a_percent(name, style, dress):
    """Whoever is stout or thickly dressed holds the elbows in."""
    found = size_of(resting(figure(name, style, dress)))
    assert found == pytest.approx(np.array(BLUEPRINTS[name].size_m), rel=0.01)


@pytest.mark.parametrize("name", VEHICLES)
def test_vehicles_are_centred_on_their_origin(name):
    low, high = resting(figure_of(name)).bounds_m
    assert abs(low[0] + high[0]) < 0.01 * BLUEPRINTS[name].length_m
    assert abs(low[1] + high[1]) < 0.01 * BLUEPRINTS[name].width_m


@pytest.mark.parametrize("name", RIGID)
def test_hubs_lie_at_wheelbase_and_track(name):
    spec = BLUEPRINTS[name]
    hubs = {tuple(np.round(part.joint.pivot_m, 6)) for part in figure_of(name).parts[1:]}
    assert hubs == {
        tuple(np.round((x * spec.wheelbase_m / 2, y * spec.track_m / 2, spec.wheel_radius_m), 6))
        for x in (1, -1)
        for y in (1, -1)
    }


@pytest.mark.parametrize("name", CYCLES)
def test_both_wheels_of_a_cycle_run_in_one_line(name):
    spec = BLUEPRINTS[name]
    wheels = [part for part in figure_of(name).parts if part.joint.spin]
    assert [part.joint.pivot_m for part in wheels] == [
        (spec.wheelbase_m / 2, 0, spec.wheel_radius_m),
        (-spec.wheelbase_m / 2, 0, spec.wheel_radius_m),
    ]
    assert [part.joint.steer for part in wheels] == [1.0, 0.0]


@pytest.mark.parametrize("name", VEHICLES)
def test_tyres_touch_the_ground_and_nothing_reaches_below(name):
    spec, made = BLUEPRINTS[name], figure_of(name)
    for part in made.parts:
        if part.joint.spin:
            tyre = of_material(part.shape, "tyre")
            radius = np.hypot(tyre.corners_m[..., 0], tyre.corners_m[..., 2]).max()
            assert radius == pytest.approx(spec.wheel_radius_m, abs=0.001)
            lowest = part.joint.pivot_m[2] + float(part.shape.bounds_m[0][2])
            assert lowest == pytest.approx(0.0, abs=0.015)
    assert hull_of(name).bounds_m[0][2] > 0.05


@pytest.mark.parametrize("name", VEHICLES)
def test_wheels_turn_within_the_body_and_do_not_stick_out(name):
    spec = BLUEPRINTS[name]
    for part in figure_of(name).parts:
        if part.joint.spin:
            outer = np.abs(part.shape.corners_m[..., 1] + part.joint.pivot_m[1]).max()
            assert outer < spec.width_m / 2 + 0.005


@pytest.mark.parametrize("name", RIGID)
def test_a_steered_wheel_stays_within_three_centimetres_of_the_body_width(name):
    """At a quarter of a radian the tread does not come out from under the vehicle."""
    spec = BLUEPRINTS[name]
    for part in figure_of(name).parts[1:3]:
        c, s = np.cos(0.25), np.sin(0.25)
        y = s * part.shape.corners_m[..., 0] + c * part.shape.corners_m[..., 1]
        assert np.abs(y + part.joint.pivot_m[1]).max() < spec.width_m / 2 + 0.12


@pytest.mark.parametrize("name", FOUR_WHEELS)
@pytest.mark.parametrize("lamp", [*FRONT_LAMPS, *REAR_LAMPS, "plate"])
def test_lamps_and_plates_come_in_mirrored_pairs_on_the_right_end(name, lamp):
    body = hull_of(name)
    found = of_material(body, lamp).corners_m
    assert len(found) >= 2
    centres = found.reshape(-1, 3)
    gap = np.abs((centres * [1, -1, 1])[:, None] - centres[None]).max(axis=-1).min(axis=1)
    assert gap.max() < 0.01
    if lamp in FRONT_LAMPS:
        assert centres[:, 0].min() > 0
    if lamp in REAR_LAMPS:
        assert centres[:, 0].max() < 0


@pytest.mark.parametrize("name", FOUR_WHEELS)
def test_lamps_shine_outward(name):
    """Head lamps look forward, brake lamps backward; lamps that are closed boxes both ways."""
    body = hull_of(name)
    for lamp, side in (("head lamp", 1), ("brake lamp", -1)):
        found = of_material(body, lamp)
        facing = side * float(face_normals(found.corners_m)[:, 0].sum())
        closed = open_edges(found) == 0
        assert facing == pytest.approx(0, abs=1e-9) if closed else facing > 0.005


def test_a_cyclists_pedals_lie_outside_the_cranks_and_half_a_turn_apart():
    cranks = figure_of("bicycle").parts[4].shape
    pedals, arms = of_material(cranks, "trim"), of_material(cranks, "steel")
    for side in (1, -1):
        pedal = only(pedals, (side * pedals.corners_m[..., 1] > 0.06).all(axis=1))
        arm = only(arms, (side * arms.corners_m[..., 1] > 0).all(axis=1))
        assert np.abs(pedal.corners_m[..., 1]).mean() > np.abs(arm.corners_m[..., 1]).max()
        assert side * pedal.corners_m[..., 0].mean() == pytest.approx(0.17, abs=0.001)


@pytest.mark.parametrize("name", FOUR_WHEELS)
def test_indicators_stand_at_all_four_corners(name):
    spec, body = BLUEPRINTS[name], hull_of(name)
    for lamp, side in (("left blinker", 1), ("right blinker", -1)):
        centre = of_material(body, lamp).corners_m.mean(axis=1)
        centre = centre[np.abs(centre[:, 1]) < spec.width_m / 2 - 0.02]  # without repeaters
        front, rear = centre[centre[:, 0] > 0], centre[centre[:, 0] < 0]
        for corner in (front, rear):
            assert len(corner) >= 2
            assert (side * corner[:, 1] > 0.25 * spec.width_m).all()
            assert (np.abs(corner[:, 0]) > 0.38 * spec.length_m).all()
            assert (corner[:, 2] < 0.75 * spec.height_m).all()


@pytest.mark.parametrize("name", ["motorcycle"])
def test_indicators_of_a_motorcycle_are_on_their_own_sides(name):
    made = figure_of(name)
    for part in made.parts[:2]:
        for lamp, side in (("left blinker", 1), ("right blinker", -1)):
            y = of_material(part.shape, lamp).corners_m[..., 1]
            assert y.size
            assert (side * y > 0.05).all()


@pytest.mark.parametrize("name", CYCLES)
def test_cycles_have_a_lamp_at_each_end(name):
    made = figure_of(name)
    head = of_material(made.parts[1].shape, "head lamp")
    tail = of_material(made.parts[0].shape, "tail lamp")
    assert head.corners_m[..., 0].mean() + made.parts[1].joint.pivot_m[0] > 0.3
    assert tail.corners_m[..., 0].mean() < -0.25


@pytest.mark.parametrize("name", SYMMETRIC)
def test_bodies_are_the_same_left_and_right_but_for_lamps_wipers_and_exhaust(name):
    """Every corner of the body has a partner across y = 0 within 3.6 cm."""
    body = hull_of(name)
    keep = np.ones(body.size, bool)
    for lamp in ("left blinker", "right blinker", "beacon a", "beacon b", "chrome", "trim",
                 "livery blue", "livery red", "plate ink"):  # fmt: skip
        keep &= body.material != material(lamp)
    points = np.unique(np.round(body.corners_m[keep].reshape(-1, 3), 3), axis=0)
    other = points * [1, -1, 1]
    for chunk in np.array_split(other, 20):
        gap = np.abs(chunk[:, None] - points[None]).max(axis=-1).min(axis=1)
        assert gap.max() < 0.036


def test_the_bus_has_its_doors_on_the_kerb_side_only():
    body = figure_of("city_bus").parts[0].shape
    glass = of_material(body, "car glass")
    low = glass.corners_m[glass.corners_m[..., 2].min(axis=1) < 0.9]
    assert len(low) > 4
    assert (low[..., 1] < 0).all()


@pytest.mark.parametrize("name", FOUR_WHEELS)
def test_the_windscreen_is_in_front_of_the_middle_and_looks_forward_and_up(name):
    spec, body = BLUEPRINTS[name], hull_of(name)
    glass = of_material(body, "car glass")
    normal = face_normals(glass.corners_m)
    forward = normal[:, 0] > 0.3 * np.linalg.norm(normal, axis=1)
    area = np.linalg.norm(normal[forward], axis=1) / 2
    centre = np.average(glass.corners_m[forward].mean(axis=1), axis=0, weights=area)
    assert centre[0] > 0.03 * spec.length_m
    assert abs(centre[1]) < 0.1
    assert area.sum() > 0.25 * spec.width_m**2 * 0.5


@pytest.mark.parametrize("name", VEHICLES)
def test_paint_takes_the_actors_colour_and_nothing_else_on_the_body_does(name):
    body = resting(figure_of(name))
    used = {MATERIALS[index].name: MATERIALS[index].paint for index in np.unique(body.material)}
    painted = {key for key, paint in used.items() if paint == Paint.BODY}
    assert painted <= {"paint", "paint metallic", "jacket", "umbrella"}
    assert painted & {"paint", "paint metallic"}
    second = {key for key, paint in used.items() if paint == Paint.SECOND}
    assert second <= {"cargo", "tarpaulin", "trousers"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("style", STYLES[:3])
def test_materials_exist_and_normals_are_unit_on_every_part(name, style):
    for part in figure_of(name, style).parts:
        assert part.shape.material.min() >= 0
        assert part.shape.material.max() < len(MATERIALS)
        made = finish(part.shape)
        assert np.allclose(np.linalg.norm(made.normals, axis=1), 1, atol=1e-5)
        assert np.isfinite(made.uv_m).all()
        corner = made.vertices_m[made.triangles].astype(float)
        face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        agree = np.einsum("fd,fcd->fc", face, made.normals[made.triangles].astype(float))
        assert (agree > 0).mean() > 0.995


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in (*CYCLES, "tipper", "adult_with_pram")]
)
def test_surfaces_look_away_from_the_middle(name):
    """Convex enough bodies: most of the surface looks away from the body's own middle line.

    A tipper's open body looks inward as much as outward.
    """
    body = resting(figure_of(name))
    centre = body.corners_m.mean(axis=1)
    low, high = body.bounds_m
    middle = np.clip(centre, low + 0.35 * (high - low), high - 0.35 * (high - low))
    normal = face_normals(body.corners_m)
    area = np.linalg.norm(normal, axis=1)
    outward = np.einsum("fd,fd->f", centre - middle, normal) > 0
    assert area[outward].sum() / area.sum() > 0.6


@pytest.mark.parametrize(("name", "shape"), SHAPES)
def test_the_loft_of_a_car_is_closed_and_its_volume_suits_its_size(name, shape):
    spec, profile = BLUEPRINTS[name], PROFILES[name][shape]
    body = CarBody(spec, profile).shape
    assert np.abs(face_normals(body.corners_m).sum(axis=0)).max() < 1e-6
    box = spec.length_m * spec.width_m * spec.height_m * profile.body_height
    assert 0.38 * box < signed_volume_m3(body) < 0.88 * box


@pytest.mark.parametrize(("name", "shape"), SHAPES)
def test_wheel_arches_clear_the_wheels(name, shape):
    spec = BLUEPRINTS[name]
    body = CarBody(spec, PROFILES[name][shape])
    for axle in (1, -1):
        for reach in np.linspace(-0.98, 0.98, 9) * spec.wheel_radius_m:
            u = 0.5 - (axle * spec.wheelbase_m / 2 + reach) / spec.length_m
            top = spec.wheel_radius_m + np.sqrt(spec.wheel_radius_m**2 - reach**2)
            assert float(body.lower_m(np.array([u]))[0]) > top


@pytest.mark.parametrize(("name", "shape"), SHAPES)
def test_profiles_run_from_nose_to_tail_and_windows_lie_on_the_cabin(name, shape):
    profile = PROFILES[name][shape]
    for table in (profile.deck, profile.plan):
        assert (table[0][0], table[-1][0]) == (0, 1)
    for table in (profile.deck, profile.plan, profile.roof):
        u = [place for place, _ in table]
        assert u == sorted(set(u))
        assert max(value for _, value in table) <= 1.0
    assert profile.windscreen[0] < profile.windscreen[1]
    assert profile.rear_window[0] < profile.rear_window[1]
    for pane in profile.panes:
        assert all(profile.roof[0][0] < u < profile.roof[-1][0] for u in pane)
        assert pane[0] < pane[3]


@pytest.mark.parametrize("name", ["box_truck", "city_bus", "articulated_truck"])
def test_heavy_shells_are_closed(name):
    spec = BLUEPRINTS[name]
    shape = Shell(spec, (-2.0, 2.0), (0.4, 2.5), rake_m=0.2, axles_m=(0.4,)).shape
    assert np.abs(face_normals(shape.corners_m).sum(axis=0)).max() < 1e-6
    assert signed_volume_m3(shape) > 0.45 * 4.0 * spec.width_m * 2.1


def test_the_taxi_carries_a_sign_and_the_saloon_does_not():
    sign = of_material(figure_of("taxi").parts[0].shape, "taxi sign")
    assert sign.bounds_m[1][2] == pytest.approx(BLUEPRINTS["taxi"].height_m, abs=0.01)
    assert not of_material(figure_of("saloon").parts[0].shape, "taxi sign").size


WHEELS = {
    "car": car_wheel(0.32, 0.205, ClassId.CAR),
    "car with seven spokes": car_wheel(0.36, 0.22, ClassId.CAR, RIMS[3]),
    "truck": truck_wheel(0.46, 0.27, ClassId.TRUCK),
    "bicycle": cycle_wheel(0.34, 0.042, ClassId.BICYCLE, spokes=12, spoke_m=0.004),
    "motorcycle": cycle_wheel(0.31, 0.14, ClassId.MOTORCYCLE, spokes=6, spoke_m=0.035),
}
SIZES = {
    "car": (0.32, 0.205), "car with seven spokes": (0.36, 0.22), "truck": (0.46, 0.27),
    "bicycle": (0.34, 0.042), "motorcycle": (0.31, 0.14),
}  # fmt: skip


@pytest.mark.parametrize("name", WHEELS)
def test_wheels_are_round_about_y_and_as_wide_as_asked(name):
    radius, width = SIZES[name]
    tyre = of_material(WHEELS[name], "tyre")
    low, high = tyre.bounds_m
    assert high[0] == pytest.approx(radius, rel=0.01)
    assert high[2] == pytest.approx(radius, rel=0.01)
    assert high[1] - low[1] == pytest.approx(width, rel=0.02)
    assert abs(high[1] + low[1]) < 1e-6


@pytest.mark.parametrize("name", WHEELS)
def test_wheels_are_closed_pieces_that_face_outward(name):
    for part in ("tyre", "rim"):
        piece = of_material(WHEELS[name], part)
        assert open_edges(piece) == 0
        assert signed_volume_m3(piece) > 0


@pytest.mark.parametrize("name", WHEELS)
def test_wheels_turn_about_their_centre(name):
    """The centroid of the surface lies on the axle, so a spinning wheel does not wobble."""
    part = WHEELS[name]
    area = np.linalg.norm(face_normals(part.corners_m), axis=1)
    centre = np.average(part.corners_m.mean(axis=1), axis=0, weights=area)
    assert np.abs(centre[[0, 2]]).max() < 0.01


@pytest.mark.parametrize("name", WHEELS)
def test_the_right_wheel_is_the_mirror_image_of_the_left(name):
    left, right = pair(WHEELS[name])
    assert left is WHEELS[name]
    assert np.allclose(mirrored(right).corners_m, left.corners_m)
    assert signed_volume_m3(right) == pytest.approx(signed_volume_m3(left))


@pytest.mark.parametrize("name", ["car", "truck"])
def test_the_rim_of_a_road_wheel_is_seen_from_its_outer_side(name):
    rim = of_material(WHEELS[name], "rim")
    assert rim.corners_m[..., 1].mean() > 0.1 * SIZES[name][1]


def test_skins_carry_material_and_class():
    made = skin("tyre", ClassId.BUS)
    assert MATERIALS[made.material].name == "tyre"
    assert made.class_id is ClassId.BUS
    with pytest.raises(KeyError):
        material("unobtainium")
