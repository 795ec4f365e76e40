"""Lamps, plates, mirrors and glass of every closed vehicle in every look, against UNECE rules.

Heights and widths of lamps are those of UN R48 (dipped beam 0.5 to 1.2 m over the ground, rear and
brake lamps 0.35 to 1.5 m, or 2.1 m on tall bodies; at most 0.4 m from the side, 0.6 m apart; read
in national texts that copy it). Limits for mirrors (R46), motorcycles (R53) and number plates (EU
2021/535) are from memory of these rules, rounded: they keep shapes plausible and prove no approval.
"""

import numpy as np
import pytest

from rareworld.annotate.world.beams import SHINES
from rareworld.annotate.world.mesh import face_normals
from rareworld.annotate.world.model import Beam
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Lamp
from tests.annotate.world.vehicle_samples import (
    CLOSED,
    EVERY_LOOK,
    LOOKS,
    TWO_WHEELED,
    bodywork,
    built,
    clusters,
    names_in,
    of,
    points,
    span,
)

LIMITS_M = {
    "head lamp": (0.50, 1.20),
    "daytime lamp": (0.25, 1.50),
    "tail lamp": (0.35, 2.10),
    "left blinker": (0.35, 2.30),
    "right blinker": (0.35, 2.30),
    "reverse lamp": (0.25, 1.20),
    "side marker": (0.25, 1.50),
}
"""Lowest and highest place of the lit area; indicators include repeaters on mirrors."""
PAIRED = ("head lamp", "daytime lamp", "tail lamp", "reverse lamp", "fog lamp", "side marker")
HEAVY = (ClassId.TRUCK, ClassId.BUS)
each = pytest.mark.parametrize(("name", "look"), EVERY_LOOK)
each_name = pytest.mark.parametrize("name", CLOSED)


def half_width(name: str) -> float:
    return BLUEPRINTS[name].width_m / 2


@each
def test_lamps_are_at_legal_heights(name, look):
    shape = bodywork(name, look)
    for lamp, (lowest, highest) in LIMITS_M.items():
        corners = of(shape, lamp)
        if len(corners):
            low, high = span(corners, 2)
            assert low >= lowest, lamp
            assert high <= highest, lamp


@each
def test_every_closed_vehicle_has_the_lamps_the_rules_ask_for(name, look):
    wanted = {"head lamp", "daytime lamp", "tail lamp", "brake lamp", "left blinker",
              "right blinker", "reverse lamp"}  # fmt: skip
    assert wanted <= names_in(bodywork(name, look))


@each
def test_paired_lamps_are_mirror_images(name, look):
    """The set of corners of a lamp is its own reflection within 1 mm."""
    shape = bodywork(name, look)
    for lamp in PAIRED:
        at = points(of(shape, lamp))
        if len(at):
            here = {tuple(p) for p in np.round(at, 3).tolist()}
            there = {tuple(p) for p in np.round(at * [1, -1, 1], 3).tolist()}
            low, high = at[:, 1].min(), at[:, 1].max()
            assert low == pytest.approx(-high, abs=1e-6)
            assert len(here ^ there) <= 0.02 * len(here)


@each
def test_left_and_right_indicators_are_mirror_images(name, look):
    left, right = (of(bodywork(name, look), f"{side} blinker") for side in ("left", "right"))
    assert len(left) == len(right)
    flipped = np.sort(np.round(points(left) * [1, -1, 1], 6), axis=0)
    assert np.allclose(flipped, np.sort(np.round(points(right), 6), axis=0), atol=1e-6)


@each
def test_position_lamps_and_indicators_show_the_width(name, look):
    """Outer edge of the outermost lamp at most 400 mm from the side; inner edges 600 mm apart."""
    shape = bodywork(name, look)
    for lamp in ("tail lamp", "left blinker"):
        corners = of(shape, lamp)
        behind = corners[corners[..., 0].max(axis=1) < -0.3 * BLUEPRINTS[name].length_m]
        left = behind[behind[..., 1].min(axis=1) > 0]
        assert len(left), lamp
        assert half_width(name) - left[..., 1].max() < 0.40
        assert 2 * left[..., 1].min() > 0.60


@each
def test_head_lamps_look_ahead_from_the_front_corners(name, look):
    spec, corners = BLUEPRINTS[name], of(bodywork(name, look), "head lamp")
    assert (face_normals(corners)[:, 0] > 0).all()
    assert span(corners, 0)[0] > 0.36 * spec.length_m
    left = corners[corners[..., 1].mean(axis=1) > 0]
    assert half_width(name) - left[..., 1].max() < 0.46
    assert 2 * left[..., 1].min() > 0.60


@each
def test_rear_lamps_are_red_ones_behind_and_nothing_red_looks_ahead(name, look):
    spec, shape = BLUEPRINTS[name], bodywork(name, look)
    for lamp in ("tail lamp", "brake lamp"):
        assert span(of(shape, lamp), 0)[1] < 0
    white = of(shape, "head lamp")
    assert span(white, 0)[0] > span(of(shape, "tail lamp"), 0)[1] + 0.7 * spec.length_m


@each
def test_brake_lamps_stand_on_both_sides_and_cars_have_a_third_above(name, look):
    """S3 is at least 0.85 m up, or within 15 cm of the rear window, and above the other two."""
    bodies = clusters(of(bodywork(name, look), "brake lamp"))
    sides = [np.sign(round(float(body[..., 1].mean()), 2)) for body in bodies]
    assert {1.0, -1.0} <= set(sides)
    low = max(
        body[..., 2].max() for body, s in zip(bodies, sides, strict=True)
        if s and body[..., 2].max() < 0.72 * BLUEPRINTS[name].height_m
    )  # fmt: skip
    assert 0.35 <= low <= 1.6
    if BLUEPRINTS[name].class_id is ClassId.CAR:
        middle = [body for body, s in zip(bodies, sides, strict=True) if s == 0]
        assert len(middle) == 1
        assert middle[0][..., 2].min() > max(low, 0.75)


@each_name
def test_looks_differ_in_shape_only_where_rules_allow(name):
    """Head lamps of all looks sit within 20 cm of each other."""
    tops = [span(of(bodywork(name, look), "head lamp"), 2)[1] for look in LOOKS]
    assert max(tops) - min(tops) < 0.20


@each
def test_fog_lamps_are_lower_than_head_lamps(name, look):
    shape = bodywork(name, look)
    fog = of(shape, "fog lamp")
    if len(fog):
        low, high = span(fog, 2)
        assert low >= 0.25
        assert high < span(of(shape, "head lamp"), 2)[0] + 0.05
        assert high <= (1.2 if BLUEPRINTS[name].class_id in HEAVY else 0.80)


@each
def test_number_plates_have_their_size_and_place(name, look):
    """520 mm x 110 mm (within 3 %), 0.2 to 1.2 m above the ground, in the middle, on both ends."""
    plates = clusters(of(bodywork(name, look), "plate"), 0.002)
    assert {np.sign(plate[..., 0].mean()) for plate in plates} == {1.0, -1.0}
    for plate in plates:
        low, high = plate.reshape(-1, 3).min(axis=0), plate.reshape(-1, 3).max(axis=0)
        assert high[1] - low[1] == pytest.approx(0.52, rel=0.03)
        assert np.hypot(high[2] - low[2], 0) <= 0.115
        assert (low[1] + high[1]) / 2 == pytest.approx(0, abs=1e-6)
        assert low[2] >= 0.20
        assert high[2] <= 1.20


@each
def test_ink_lies_within_the_plates(name, look):
    shape = bodywork(name, look)
    if name == "taxi":
        return  # its sign bears the same ink
    low, high = points(of(shape, "plate")).min(axis=0), points(of(shape, "plate")).max(axis=0)
    ink = points(of(shape, "plate ink"))
    assert (ink[:, 1:] >= low[1:]).all()
    assert (ink[:, 1:] <= high[1:]).all()


@each
def test_mirrors_stand_out_on_both_sides_and_look_back(name, look):
    """Glass at eye height: its lower edge 0.85 m up for cars, 1.8 m for lorries (R46)."""
    spec, glass = BLUEPRINTS[name], of(bodywork(name, look), "mirror glass")
    for side in (1, -1):
        mine = glass[side * glass[..., 1].mean(axis=1) > 0]
        assert len(mine)
        assert np.abs(mine[..., 1]).min() > 0.80 * half_width(name)
        back = face_normals(mine)[:, 0] < 0
        assert np.linalg.norm(face_normals(mine)[back], axis=1).sum() / 2 > 0.008
        low, high = span(mine, 2)
        assert low > (1.2 if spec.class_id is ClassId.TRUCK else 0.75)
        assert high < spec.height_m
        assert span(mine, 0)[0] > 0.02 * spec.length_m


@each
def test_mirrors_widen_the_vehicle_by_less_than_a_quarter_metre_a_side(name, look):
    """96/53/EC leaves mirrors out of the width; R46 lets them stand out 250 mm."""
    shape = bodywork(name, look)
    assert shape.bounds_m[1][1] - half_width(name) < 0.25
    assert -shape.bounds_m[0][1] - half_width(name) < 0.25


@each
def test_glass_is_above_the_belt_and_below_the_roof(name, look):
    spec, shape = BLUEPRINTS[name], bodywork(name, look)
    parts = built(name, look).parts
    (cabin,) = [part.cabin for part in parts if part.cabin is not None]
    glass = of(shape, "car glass")
    middle = glass.mean(axis=1)
    doors = (name == "city_bus") & (middle[:, 1] < -0.9 * half_width(name))
    low = middle[~doors, 2].min()
    assert low > cabin.belt_m - (0.35 if spec.class_id in HEAVY else 0.17)
    assert middle[:, 2].max() < spec.height_m


@each
def test_there_is_glass_ahead_and_on_both_sides_alike(name, look):
    glass = of(bodywork(name, look), "car glass")
    normal = face_normals(glass) / 2
    left, right = (side * normal[side * normal[:, 1] > 0, 1].sum() for side in (1, -1))
    if name != "city_bus":
        assert left == pytest.approx(right, rel=0.005)
    assert left > 0.3
    screen = normal[(normal[:, 0] > 0.3 * np.linalg.norm(normal, axis=1))
                    & (glass[..., 0].mean(axis=1) > 0)]  # fmt: skip
    assert 0.5 < np.linalg.norm(screen, axis=1).sum() < 4.0


@each
def test_glass_looks_out(name, look):
    """No pane is turned inside out: side panes face their own side, screens away from the cabin."""
    glass = of(bodywork(name, look), "car glass")
    normal, middle = face_normals(glass), glass.mean(axis=1)
    unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    side = np.abs(unit[:, 1]) > 0.8
    assert (unit[side, 1] * middle[side, 1] > 0).all()
    ahead = (np.abs(unit[:, 0]) > 0.6) & (np.abs(middle[:, 1]) < 0.8 * half_width(name))
    inner = BLUEPRINTS[name].length_m / 8
    for sign in (1, -1):
        end = ahead & (sign * middle[:, 0] > inner)
        assert (sign * unit[end, 0] > 0).all()


@each
def test_lights_shine_from_their_lamps(name, look):
    """Each light lies within 10 cm of the box of the triangles of its material."""
    made = built(name, look)
    for part in made.parts:
        for light in part.lights:
            names = [s.name for s in SHINES if s.lit_when == light.lit_when]
            corners = points(of(part.shape, *names))
            low, high = corners.min(axis=0) - 0.1, corners.max(axis=0) + 0.1
            assert (np.array(light.position_m) >= low).all()
            assert (np.array(light.position_m) <= high).all()


@each_name
@pytest.mark.parametrize("beam", [Beam.LOW_BEAM, Beam.HIGH_BEAM])
def test_both_beams_come_from_the_middles_of_the_two_head_lamps(name, beam):
    for look in LOOKS:
        for part in built(name, look).parts:
            lights = [light for light in part.lights if light.beam is beam]
            if not lights:
                continue
            corners = of(part.shape, "head lamp")
            for light in lights:
                side = np.sign(light.position_m[1])
                mine = points(corners[side * corners[..., 1].mean(axis=1) > 0])
                middle = (mine.min(axis=0) + mine.max(axis=0)) / 2
                gap = np.array(light.position_m) - middle
                assert 0.05 < np.linalg.norm(gap) < 0.08


@each_name
def test_axes_of_head_lamps_are_level_and_straight_ahead(name):
    """The dipped beam holds its own cut-off; aiming its axis down would lower that twice."""
    lights = [x for part in built(name).parts for x in part.lights]
    beams = [x for x in lights if x.beam in (Beam.LOW_BEAM, Beam.HIGH_BEAM)]
    assert len(beams) == 4
    assert {x.direction for x in beams} == {(1.0, 0.0, 0.0)}


@pytest.mark.parametrize("name", TWO_WHEELED)
def test_two_wheelers_carry_one_light_ahead_and_one_behind_in_the_middle(name):
    """R53 for motorcycles: head lamp 0.5 to 1.2 m, rear lamp 0.25 to 1.5 m above the ground."""
    ahead, behind = [], []
    for part in built(name).parts:
        shift = np.asarray(part.joint.pivot_m)
        for light in part.lights:
            if light.beam is Beam.LOW_BEAM:
                ahead.append(np.asarray(light.position_m) + shift)
            elif light.lit_when & int(Lamp.POSITION):
                behind.append(np.asarray(light.position_m) + shift)
    assert len(ahead) == len(behind) == 1
    assert ahead[0][1] == pytest.approx(0, abs=0.01)
    assert 0.5 <= ahead[0][2] <= 1.2
    assert 0.25 <= behind[0][2] <= 1.5
    assert behind[0][0] < 0 < ahead[0][0]


@pytest.mark.parametrize("name", CLOSED)
def test_side_markers_are_on_vehicles_longer_than_six_metres_only(name):
    """R48 6.18: mandatory above 6 m; at most 3 m apart and within 3 m of the front, 1 m of rear."""
    spec, corners = BLUEPRINTS[name], of(bodywork(name), "side marker")
    assert bool(len(corners)) == (spec.length_m > 6.0)
    if len(corners):
        at = sorted(float(body[..., 0].mean()) for body in clusters(corners[
            corners[..., 1].mean(axis=1) > 0]))  # fmt: skip
        assert max(np.diff(at)) <= 3.0
        assert at[0] + spec.length_m / 2 <= 1.0
