"""Vehicles in every look: sizes of data sheets and of EU law, ground, wheels, loads, liveries."""

from itertools import combinations

import numpy as np
import pytest

from rareworld.annotate.world.heavy import KINGPIN_M
from rareworld.annotate.world.liveries import LIVERIES
from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.mesh import face_normals
from rareworld.annotate.world.model import Inside, Paint
from rareworld.annotate.world.vehicles import CAR_LOOKS, figure, variant_of
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.vehicle_samples import (
    CLOSED,
    EVERY_LOOK,
    LOOKS,
    PRESSED,
    TWO_WHEELED,
    bodywork,
    built,
    cabin_of,
    clusters,
    is_closed,
    names_in,
    of,
    points,
    span,
)

each = pytest.mark.parametrize(("name", "look"), EVERY_LOOK)
each_name = pytest.mark.parametrize("name", CLOSED)
BEACONS = ("beacon a", "beacon b")
WITH_BEACONS = ("police", "ambulance")
NO_MIRRORS_M = 0.02


def wheels_of(name: str, look: int = 0):
    return [part for part in built(name, look).parts if part.joint.spin]


@each
def test_every_look_has_length_and_height_of_its_blueprint(name, look):
    """Within 3 % of the data sheet, loads, signs and light bars included."""
    spec, (low, high) = BLUEPRINTS[name], bodywork(name, look).bounds_m
    assert high[0] - low[0] == pytest.approx(spec.length_m, rel=0.03)
    assert 0.90 * spec.height_m < high[2] <= 1.01 * spec.height_m
    assert max(high[0], -low[0]) < spec.length_m / 2 + 0.03


@each
def test_only_mirrors_stand_out_of_the_width(name, look):
    shape, half = bodywork(name, look), BLUEPRINTS[name].width_m / 2
    out = np.abs(shape.corners_m[..., 1]).max(axis=1) > half + NO_MIRRORS_M
    where = shape.corners_m[out]
    assert len(where)
    assert span(where, 2)[0] > 0.40 * BLUEPRINTS[name].height_m
    assert span(where, 0)[0] > 0


@each
def test_bodies_clear_the_ground(name, look):
    """At least 12 cm, as in service; a landing leg of a trailer hangs 35 cm above it."""
    assert bodywork(name, look).bounds_m[0][2] > 0.12


@each
def test_wheels_stand_on_the_ground_within_a_centimetre(name, look):
    for part in wheels_of(name, look):
        assert part.shape.bounds_m[0][2] + part.joint.pivot_m[2] == pytest.approx(0, abs=0.01)


@each_name
def test_wheels_are_round(name):
    """In every direction across the axle the tyre is within 2.5 % of its radius (20 facets)."""
    radius = BLUEPRINTS[name].wheel_radius_m
    for part in wheels_of(name):
        at = points(of(part.shape, "tyre"))
        for turn in np.linspace(0, np.pi, 13):
            along = at[:, 0] * np.cos(turn) + at[:, 2] * np.sin(turn)
            assert along.max() == pytest.approx(radius, rel=0.025)
            assert along.min() == pytest.approx(-radius, rel=0.025)


@each_name
def test_wheels_are_closed_bodies(name):
    for part in wheels_of(name)[:2]:
        assert is_closed(part.shape)


@each_name
def test_left_and_right_wheels_are_mirror_images(name):
    left, right = wheels_of(name)[:2]
    assert left.joint.pivot_m[1] == -right.joint.pivot_m[1] > 0
    flipped = points(left.shape.corners_m) * [1, -1, 1]
    assert np.allclose(np.sort(flipped, axis=0), np.sort(points(right.shape.corners_m), axis=0))


@each_name
def test_rims_look_outward(name):
    """The faces of rim and hub that look along the axle look to the outer side, mostly."""
    rims = [m.name for m in MATERIALS if m.name.startswith(("rim", "hub cap"))]
    for part in wheels_of(name)[:2]:
        side = np.sign(part.joint.pivot_m[1])
        normal = face_normals(of(part.shape, *rims))
        out = np.clip(side * normal[:, 1], 0, None).sum()
        reach = side * points(of(part.shape, *rims))[:, 1]
        assert out > 0
        assert reach.max() > 0


@each_name
def test_tyres_stay_within_the_width(name):
    half = BLUEPRINTS[name].width_m / 2
    for part in wheels_of(name):
        side = np.sign(part.joint.pivot_m[1])
        outer = (side * points(part.shape.corners_m)[:, 1]).max()
        y = abs(part.joint.pivot_m[1])
        assert y + outer < half + 0.03


@each_name
def test_track_and_wheelbase_are_those_of_the_blueprint(name):
    spec = BLUEPRINTS[name]
    own = [part.joint.pivot_m for part in wheels_of(name) if part.joint.parent < 0]
    assert {abs(at[1]) for at in own} == {spec.track_m / 2}
    if name != "articulated_truck":
        assert np.ptp([at[0] for at in own]) == pytest.approx(spec.wheelbase_m)


@each_name
def test_looks_differ(name):
    """No two of the looks are the same triangles and materials with the same wheels."""
    made = [
        (bodywork(name, look).corners_m.tobytes(), bodywork(name, look).material.tobytes(),
         wheels_of(name, look)[0].shape.material.tobytes())
        for look in LOOKS
    ]  # fmt: skip
    same = sum(a == b for a, b in combinations(made, 2))
    assert same <= 4
    assert len(set(made)) >= 2


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("style", [1, 4])
def test_styles_are_looks_modulo_their_number(name, style):
    assert variant_of(name, style + 5 * CAR_LOOKS) == style
    other = figure(name, style + CAR_LOOKS)
    for a, b in zip(built(name, style).parts, other.parts, strict=True):
        assert a.shape.corners_m.tobytes() == b.shape.corners_m.tobytes()
        assert a.lights == b.lights


@each
def test_paint_of_the_actor_shows_on_every_vehicle(name, look):
    """At least a seventh of what is seen from the sides and above takes the actor's colours."""
    shape = bodywork(name, look)
    area = np.linalg.norm(face_normals(shape.corners_m), axis=1)
    own = np.array([m.paint is not Paint.NONE for m in MATERIALS])[shape.material]
    assert area[own].sum() > area.sum() / 7


@each
def test_triangles_are_sound(name, look):
    """Finite, no slivers below 1e-11 m2, texture coordinates finite, no foreign class."""
    shape = bodywork(name, look)
    assert np.isfinite(shape.corners_m).all()
    assert np.isfinite(shape.uv_m).all()
    assert np.linalg.norm(face_normals(shape.corners_m), axis=1).min() > 1e-11
    assert set(shape.class_id.tolist()) == {int(BLUEPRINTS[name].class_id)}


@each
def test_cabins_lie_inside_the_shell_of_every_look(name, look):
    """The box of the cabin is inside the outer faces, by rays from its corners to both sides."""
    spec, (cabin, x_m) = BLUEPRINTS[name], cabin_of(name, look)
    assert cabin.low_m[0] + x_m > -spec.length_m / 2
    assert cabin.high_m[0] + x_m < spec.length_m / 2
    assert cabin.high_m[1] == -cabin.low_m[1] < spec.width_m / 2 - 0.03
    assert cabin.high_m[2] < bodywork(name, look).bounds_m[1][2]
    assert cabin.low_m[2] < cabin.belt_m < cabin.high_m[2]


@each
def test_nobody_sits_in_a_parked_vehicle(name, look):
    """All skin tones leave with the driver; seats and dashboard stay the same boxes."""
    full, _ = cabin_of(name, look)
    empty, _ = cabin_of(name, look, driven=False)
    before = {row.tobytes() for row in full.boxes_m}
    assert all(row.tobytes() in before for row in empty.boxes_m)
    skins = np.array([[0.50, 0.30, 0.21], [0.34, 0.19, 0.115], [0.13, 0.066, 0.040]])

    def faces(cabin) -> int:
        away = np.abs(cabin.colours[:, None] - skins[None]).max(axis=2).min(axis=1)
        return int((away < 1e-4).sum())

    assert faces(full) >= 2
    assert faces(empty) == 0


@each
def test_the_driver_sits_on_the_left_behind_the_wheel(name, look):
    """Traffic drives on the right: steering wheel and head left of the middle, head behind it."""
    cabin, _ = cabin_of(name, look)
    empty, _ = cabin_of(name, look, driven=False)
    kept = {row.tobytes() for row in empty.boxes_m}
    people = np.array([row for row in cabin.boxes_m if row.tobytes() not in kept])
    dark = np.abs(cabin.colours - [0.012, 0.012, 0.013]).max(axis=1) < 1e-4
    middle = (cabin.low_m[1] + cabin.high_m[1]) / 2
    if name != "city_bus":
        wheel = cabin.boxes_m[dark]
        assert len(wheel) == 2
        assert (wheel[..., 1].mean(axis=1) > middle).all()
        first = people[people[..., 1].mean(axis=1) > middle]
        head = first[np.argmax(first[:, 1, 0] * 0 + first[:, 1, 2])]
        assert head[1, 0] < wheel[:, 1, 0].max()


@each
def test_people_inside_are_as_tall_as_seated_adults(name, look):
    """SAE J826: hip to crown about 0.85 m for a tall man; here 0.70 to 0.90 m unless cut off."""
    cabin, _ = cabin_of(name, look)
    empty, _ = cabin_of(name, look, driven=False)
    kept = {row.tobytes() for row in empty.boxes_m}
    people = np.array([row for row in cabin.boxes_m if row.tobytes() not in kept])
    tall = people[..., 2].max() - people[..., 2].min()
    assert 0.5 < tall < 1.35
    heads = people[np.abs(people[:, 1, 1] - people[:, 0, 1] - 0.155) < 1e-3]
    assert len(heads) >= 1
    assert (heads[:, 1, 2] > cabin.belt_m).all()


@pytest.mark.parametrize("name", CLOSED)
def test_liveries_are_worn_by_their_own_vehicles_only(name):
    """Signs, beacons and chequers: on taxi, police and ambulance, on no other car or van."""
    for look in LOOKS:
        found = names_in(bodywork(name, look))
        assert ("taxi sign" in found) == (name == "taxi")
        assert bool(found & set(BEACONS)) == (name in WITH_BEACONS)
        if name in PRESSED and name not in LIVERIES:
            colours = found & {"livery yellow", "livery green"}
            assert not colours


@pytest.mark.parametrize("look", LOOKS)
def test_a_taxi_sign_stands_across_the_roof_in_the_middle(look):
    sign = of(bodywork("taxi", look), "taxi sign")
    spec = BLUEPRINTS["taxi"]
    assert span(sign, 2)[1] == pytest.approx(spec.height_m, abs=0.01)
    assert span(sign, 2)[0] > 1.40
    low, high = span(sign, 1)
    assert low == pytest.approx(-high)
    assert high - low > 2 * np.ptp(sign[..., 0])


@pytest.mark.parametrize("name", WITH_BEACONS)
@pytest.mark.parametrize("look", LOOKS)
def test_beacons_are_the_highest_and_swap_sides(name, look):
    shape, spec = bodywork(name, look), BLUEPRINTS[name]
    for beacon, side in zip(BEACONS, (1, -1), strict=True):
        bodies = [b for b in clusters(of(shape, beacon)) if b[..., 0].mean() > -0.4 * spec.length_m]
        assert len(bodies) == 1
        assert (side * bodies[0][..., 1] > 0).all()
        assert bodies[0][..., 2].max() == pytest.approx(spec.height_m, abs=1e-6)


@pytest.mark.parametrize("name", WITH_BEACONS)
def test_chequers_run_along_both_flanks_in_two_colours(name):
    """Alternate blocks of equal size: both colours cover the same area within 15 %."""
    first, second = {"police": ("livery blue", "livery yellow"),
                     "ambulance": ("livery red", "livery yellow")}[name]  # fmt: skip
    shape = bodywork(name)
    for side in (1, -1):
        area = []
        for colour in (first, second):
            corners = of(shape, colour)
            normal = face_normals(corners) / 2
            flank = side * normal[:, 1] > 0.8 * np.linalg.norm(normal, axis=1)
            low = corners[..., 2].mean(axis=1) < 0.62 * BLUEPRINTS[name].height_m
            area.append(np.linalg.norm(normal[flank & low], axis=1).sum())
        assert area[0] == pytest.approx(area[1], rel=0.15)
        assert area[0] > 0.1


@pytest.mark.parametrize("look", LOOKS)
def test_a_pickup_carries_its_load_in_the_bed(look):
    shape, spec = bodywork("pickup", look), BLUEPRINTS["pickup"]
    load = of(shape, "load card", "load wood", "load earth")
    if len(load):
        low, high = points(load).min(axis=0), points(load).max(axis=0)
        assert high[0] < -0.1 * spec.length_m
        assert low[0] > -spec.length_m / 2
        assert max(high[1], -low[1]) < 0.45 * spec.width_m
        assert low[2] > 1.0
        assert high[2] <= spec.height_m


def test_some_pickups_are_loaded_and_some_are_not():
    cargo = {"load card", "load wood", "load earth"}
    loaded = [bool(names_in(bodywork("pickup", look)) & cargo) for look in LOOKS]
    assert any(loaded)
    assert not all(loaded)


@pytest.mark.parametrize("name", ["van", "small_van"])
@pytest.mark.parametrize("look", LOOKS)
def test_ladders_are_on_the_lower_roofs_and_rungs_are_evenly_spaced(name, look):
    """28 cm from rung to rung (EN 131 asks for 25 to 30), between two stiles over the roof."""
    metal = of(bodywork(name, look), "alloy")
    spec = BLUEPRINTS[name]
    if look % 3 != 2:
        assert not len(metal) or span(metal, 2)[1] < 0.93 * spec.height_m
        return
    assert span(metal, 2)[1] == pytest.approx(spec.height_m, abs=0.01)
    rungs = [b for b in clusters(metal, 1e-4) if np.ptp(b[..., 0]) < 0.035
             and 0.35 < np.ptp(b[..., 1]) < 0.45]  # fmt: skip
    bodies = np.unique(metal[np.abs(np.ptp(metal[..., 1], axis=1) - 0.40) < 1e-6][..., 0].round(4))
    assert len(bodies) >= 6
    steps = np.diff(bodies)
    assert set(np.round(steps[steps > 0.1], 2)) == {0.25}
    assert len(rungs) == 0 or len(rungs) >= 3


@pytest.mark.parametrize("look", LOOKS)
def test_a_roof_box_is_closed_over_the_roof_and_within_the_car(look):
    shape, spec = bodywork("estate_roof_box", look), BLUEPRINTS["estate_roof_box"]
    gloss = of(shape, "gloss black")
    box = gloss[gloss[..., 2].min(axis=1) > 1.52]
    assert span(box, 2)[1] == pytest.approx(spec.height_m, abs=1e-6)
    assert max(span(box, 1)) < 0.5
    assert 1.6 < np.ptp(box[..., 0]) < 2.4
    bars = of(shape, "alloy")
    assert span(bars, 2)[0] > 1.49


@pytest.mark.parametrize("name", ["estate", "suv", "mpv"])
def test_roof_rails_run_along_both_edges_of_two_looks_in_three(name):
    rails = [look for look in LOOKS if len(of(bodywork(name, look), "vehicle silver"))]
    assert rails == [0, 1, 3, 4]
    metal = of(bodywork(name, 0), "vehicle silver")
    assert span(metal, 1)[0] == pytest.approx(-span(metal, 1)[1])
    assert np.ptp(metal[..., 0]) == pytest.approx(0.37 * BLUEPRINTS[name].length_m, rel=0.03)
    assert span(metal, 2)[1] <= BLUEPRINTS[name].height_m


def test_saloons_and_small_cars_have_no_roof_rails():
    for name in ("city_car", "hatchback", "saloon", "coupe", "taxi"):
        assert all("vehicle silver" not in names_in(bodywork(name, look)) for look in LOOKS)


@pytest.mark.parametrize("name", PRESSED)
def test_vans_are_blank_behind_the_front_doors_and_cars_are_glazed(name):
    """Share of the side's glass that lies behind the middle."""
    glass = of(bodywork(name), "car glass")
    normal = face_normals(glass) / 2
    side = np.abs(normal[:, 1]) > 0.7 * np.linalg.norm(normal, axis=1)
    behind = side & (glass[..., 0].mean(axis=1) < -0.05 * BLUEPRINTS[name].length_m)
    share = np.abs(normal[behind, 1]).sum() / np.abs(normal[side, 1]).sum()
    assert (share < 0.05) == (name in ("van", "small_van", "ambulance"))


@pytest.mark.parametrize("name", PRESSED)
def test_every_look_of_a_type_with_metallic_paint_has_it_all_over(name):
    """No vehicle mixes the plain and the metallic body paint."""
    for look in LOOKS:
        found = names_in(bodywork(name, look)) & {"paint", "paint metallic"}
        assert found == {"paint metallic" if look % 2 else "paint"}


@pytest.mark.parametrize("name", TWO_WHEELED)
@pytest.mark.parametrize("style", [0, 3, 7])
def test_two_wheelers_lean_on_nothing_and_steer_at_the_front(name, style):
    spec, parts = BLUEPRINTS[name], built(name, style).parts
    wheels = [part for part in parts if part.joint.spin == 1.0 and part.joint.cycle_rad is None]
    assert len(wheels) == 2
    front, rear = sorted(wheels, key=lambda part: -part.joint.pivot_m[0])
    assert front.joint.steer == 1.0
    assert rear.joint.steer == 0.0
    assert front.joint.pivot_m[0] - rear.joint.pivot_m[0] == pytest.approx(spec.wheelbase_m)
    for part in wheels:
        assert part.joint.pivot_m[1] == 0
        assert part.shape.bounds_m[0][2] == pytest.approx(-spec.wheel_radius_m, rel=0.01)


@pytest.mark.parametrize("name", ["bicycle", "motorcycle"])
def test_open_wheels_show_through_between_their_spokes(name):
    """Seen along the axle, spokes and hub cover less than half of the disc inside the tyre."""
    spec = BLUEPRINTS[name]
    part = next(p for p in built(name).parts if p.joint.spin == 1.0)
    rim = of(part.shape, "rim")
    normal = face_normals(rim) / 2
    seen = np.clip(normal[:, 1], 0, None).sum()
    assert seen < 0.5 * np.pi * (0.85 * spec.wheel_radius_m) ** 2


def test_a_motorcycle_has_mirrors_on_both_sides_and_a_bicycle_none():
    shape = bodywork("motorcycle")
    assert shape.bounds_m[1][1] == pytest.approx(-shape.bounds_m[0][1], abs=0.03)
    assert shape.bounds_m[1][1] <= BLUEPRINTS["motorcycle"].width_m / 2 + 0.08


@pytest.mark.parametrize("name", CLOSED)
def test_glass_is_the_only_thing_that_shows_a_cabin(name):
    inside = {m.name for m in MATERIALS if m.inside is Inside.CABIN}
    assert "car glass" in inside
    wheel = wheels_of(name)[0].shape
    assert not (names_in(wheel) & inside)


# 96/53/EC (weights and dimensions) and what follows from it.


def test_lorries_and_buses_keep_to_directive_96_53():
    for name in CLOSED:
        spec = BLUEPRINTS[name]
        assert spec.width_m <= 2.55
        assert spec.height_m <= 4.00
        assert spec.length_m <= {"articulated_truck": 16.5, "city_bus": 13.5}.get(name, 12.0)
        assert spec.mass_kg <= {2: 18_000, 5: 40_000}[len(wheels_of(name)) // 2]


def test_a_trailer_swings_about_its_kingpin_as_directive_96_53_allows():
    """Annex I: 12.00 m from kingpin to rear (1.6), 2.04 m to any point of the front (4.4)."""
    tail, front = built("articulated_truck").parts[0].shape.bounds_m
    assert KINGPIN_M - tail[0] == pytest.approx(12.0, abs=1e-6)
    # real corners are rounded; ours stand out by less than two centimetres
    assert np.hypot(front[0] - KINGPIN_M, front[1]) <= 2.04 + 0.02


@pytest.mark.parametrize("look", LOOKS)
def test_a_tractor_turns_about_its_kingpin_without_meeting_the_trailer(look):
    """To 40 degrees the cab's back wall stays clear of the front wall of the box (plan view)."""
    trailer, tractor = built("articulated_truck", look).parts[:2]
    front = trailer.shape.bounds_m[1][0] - KINGPIN_M
    at = points(tractor.shape.corners_m)
    high = at[at[:, 2] > 1.3]
    for turn in np.radians([0.0, 10.0, 20.0, 30.0, 40.0]):
        c, s = np.cos(turn), np.sin(turn)
        x, y = c * high[:, 0] - s * high[:, 1], s * high[:, 0] + c * high[:, 1]
        inside = (x < front) & (np.abs(y) < BLUEPRINTS["articulated_truck"].width_m / 2)
        assert not inside.any() or turn > np.radians(15)


def test_the_tractor_turns_as_kinematics_ask():
    """Closed form: the angle at the kingpin over the steering angle is d / wheelbase (small).

    d is the distance from kingpin to bogie: a trailer's tractor heads along the tangent of the
    circle, the trailer's bogie lies abeam of its centre.
    """
    spec, parts = BLUEPRINTS["articulated_truck"], built("articulated_truck").parts
    bogie = np.mean([p.joint.pivot_m[0] for p in parts if p.joint.spin and p.joint.parent < 0])
    tractor = parts[1].joint
    curvature = 1 / 200.0
    angle = np.arctan(curvature * (tractor.pivot_m[0] - bogie))
    steering = np.arctan(curvature * spec.wheelbase_m)
    assert tractor.steer * steering == pytest.approx(angle, rel=0.01)


def test_axles_of_the_bogie_are_evenly_spaced_and_the_kingpin_loads_both_axles_of_the_tractor():
    """1.31 m apart: a tridem of 24 t (96/53/EC annex I 3.3.2: 1.3 to 1.4 m)."""
    parts = built("articulated_truck").parts
    bogie = sorted({p.joint.pivot_m[0] for p in parts if p.joint.spin and p.joint.parent < 0})
    assert len(bogie) == 3
    assert np.diff(bogie) == pytest.approx([1.31, 1.31])
    driven = [p for p in parts if p.joint.spin and p.joint.parent == 1 and p.joint.steer == 0]
    steered = [p for p in parts if p.joint.spin and p.joint.parent == 1 and p.joint.steer > 0]
    behind, ahead = ({p.joint.pivot_m[0] for p in wheels} for wheels in (driven, steered))
    assert len(behind) == len(ahead) == 1
    # a tenth to a quarter of the load on the kingpin rests on the front axle
    share = -behind.pop() / (ahead.pop() + 0.60)
    assert 0.1 < share < 0.25


@pytest.mark.parametrize(("name", "tyres"), [("box_truck", 2), ("tipper", 2), ("city_bus", 2)])
def test_driven_wheels_of_lorries_and_buses_are_twins(name, tyres):
    rear = [p for p in wheels_of(name) if p.joint.pivot_m[0] < 0]
    for part in rear:
        assert len(clusters(of(part.shape, "tyre"), 0.01)) == tyres
        outer = np.sign(part.joint.pivot_m[1]) * points(part.shape.corners_m)[:, 1]
        assert outer.min() < -0.3
        assert outer.max() < 0.15


@pytest.mark.parametrize("look", LOOKS)
def test_under_run_guards_hang_at_most_55_centimetres_high(look):
    """R58: the lower edge of the bar is at most 550 mm above the ground, nearly full width."""
    for name in ("box_truck", "tipper", "articulated_truck"):
        shape, spec = bodywork(name, look), BLUEPRINTS[name]
        grey = of(shape, "plastic grey")
        tail = grey[grey[..., 0].max(axis=1) < -spec.length_m / 2 + 0.4]
        low, high = span(tail, 2)
        assert low <= 0.55
        assert high < 0.75
        assert np.ptp(tail[..., 1]) > spec.width_m - 0.3


@pytest.mark.parametrize("look", LOOKS)
def test_heaps_of_a_tipper_stay_below_the_headboard_and_inside_the_walls(look):
    spec, shape = BLUEPRINTS["tipper"], bodywork("tipper", look)
    heap = of(shape, "load earth")
    assert bool(len(heap)) == (look % 3 != 2)
    if len(heap):
        assert span(heap, 2)[1] <= spec.height_m
        assert span(heap, 1)[1] < spec.width_m / 2 - 0.06
        assert span(heap, 0)[0] > -spec.length_m / 2


@pytest.mark.parametrize("look", LOOKS)
def test_doors_of_a_city_bus_are_on_the_kerb_side(look):
    """On the right, two of them, each at least 1.1 m wide (R107 asks for 1.1 m, double)."""
    shape, spec = bodywork("city_bus", look), BLUEPRINTS["city_bus"]
    glass = of(shape, "car glass")
    low = glass[glass[..., 2].min(axis=1) < 0.7]
    assert (low[..., 1] < 0).all()
    doors = clusters(low, 0.3)
    assert len(doors) == 2
    for door in doors:
        assert np.ptp(door[..., 0]) > 1.0
        assert door[..., 2].max() < spec.height_m
    assert max(door[..., 0].max() for door in doors) > 0.35 * spec.length_m


@pytest.mark.parametrize("look", LOOKS)
def test_adverts_of_a_bus_are_on_the_left_flank_below_the_windows(look):
    colours = of(bodywork("city_bus", look), "livery orange", "livery green", "livery red",
                 "livery yellow")  # fmt: skip
    assert bool(len(colours)) == (look % 3 != 0)
    if len(colours):
        assert span(colours, 1)[0] > 1.2
        assert span(colours, 2)[1] < 1.18


def test_a_bus_shows_its_line_ahead_above_the_windscreen():
    shown = of(bodywork("city_bus"), "bus display")
    ahead = shown[shown[..., 0].mean(axis=1) > 0]
    glass = of(bodywork("city_bus"), "car glass")
    screen = glass[glass[..., 0].min(axis=1) > 5.8]
    assert span(ahead, 2)[0] > span(screen, 2)[1]
    assert int(ClassId.BUS) in set(bodywork("city_bus").class_id.tolist())
    assert material("bus display") in bodywork("city_bus").material
