"""Shells of cars and vans: tables, sections in closed form, closed, symmetric, patches on them."""

from itertools import pairwise

import numpy as np
import pytest

from rareworld.annotate.world.body import BOXY_PLAN, PLAN, CarBody, smooth
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import face_normals, signed_volume_m3
from rareworld.annotate.world.profiles import PROFILES, _grown
from rareworld.core.blueprint import BLUEPRINTS
from tests.annotate.world.vehicle_samples import EVERY_BODY, PRESSED, is_closed, shell

U = np.linspace(0.0, 1.0, 201)
SHAPES = [(name, k, PROFILES[name][k]) for name, k in EVERY_BODY]
IDS = [f"{name}-{k}" for name, k in EVERY_BODY]
each_profile = pytest.mark.parametrize(("name", "number", "profile"), SHAPES, ids=IDS)
each_body = pytest.mark.parametrize(("name", "number"), EVERY_BODY)


def rising(values) -> bool:
    return all(a < b for a, b in pairwise(values))


@each_profile
def test_tables_run_from_nose_to_tail(name, number, profile):
    for table in (profile.deck, profile.roof, profile.plan):
        assert rising([u for u, _ in table])
        assert all(0 <= u <= 1 and 0 < value <= 1 for u, value in table)
    for table in (profile.deck, profile.plan):
        assert table[0][0] == 0
        assert table[-1][0] == 1


@each_profile
def test_the_roof_is_the_highest_and_the_plan_the_widest_place(name, number, profile):
    assert max(z for _, z in profile.roof) == 1.0
    assert max(half for _, half in profile.plan) == 1.0
    assert max(z for _, z in profile.deck) < 0.75


@each_profile
def test_a_roof_starts_and_ends_on_the_deck(name, number, profile):
    """It leaves the bonnet within 1 % of the height and meets the boot or tailgate within 7 %."""
    at = [profile.roof[0], profile.roof[-1]]
    deck = smooth(profile.deck, np.array([u for u, _ in at]))
    assert at[0][1] == pytest.approx(deck[0], abs=0.01)
    if BLUEPRINTS[name].height_m < 1.83 and "van" not in name:
        assert at[1][1] == pytest.approx(deck[1], abs=0.07)


@each_profile
def test_windscreens_lie_within_the_roof_line_and_rear_windows_behind_the_doors(
    name, number, profile
):
    low, high = profile.windscreen
    assert profile.roof[0][0] < low < high < profile.roof[-1][0]
    top, foot = profile.rear_window
    assert top < foot
    if not profile.upright_tail:
        assert high < top
        assert foot <= profile.roof[-1][0]
    else:
        assert 0.5 < top < foot < 1.0


@each_profile
def test_side_windows_follow_each_other_and_pillars_stay_between(name, number, profile):
    """Between two panes lies a pillar of 3 to 20 cm; no pane is turned inside out."""
    length = BLUEPRINTS[name].length_m
    for front_low, front_high, rear_high, rear_low in profile.panes:
        assert front_low < rear_low
        assert front_high < rear_high
    for one, two in pairwise(profile.panes):
        for before, after in ((one[3], two[0]), (one[2], two[1])):
            assert 0.03 < (after - before) * length < 0.20


@each_profile
def test_gaps_of_doors_lie_in_the_pillars(name, number, profile):
    """Every gap but the first and the last is where no glass is, at the window sill."""
    assert rising(profile.doors)
    for u in profile.doors[1:-1]:
        inside = [pane for pane in profile.panes if pane[0] < u < pane[3]]
        if inside:
            assert name in ("minibus", "mpv")


@each_profile
def test_lamps_are_drawn_inner_low_outer_low_outer_high_inner_high(name, number, profile):
    for quad in (profile.lamp, profile.tail):
        a, b, c, d = quad
        assert a[0] < b[0] < 1
        assert d[0] < c[0] < 1
        assert a[1] < d[1]
        assert b[1] < c[1]


@pytest.mark.parametrize("table", [PLAN, BOXY_PLAN])
def test_smooth_passes_through_its_table_and_never_overshoots(table):
    x, y = np.array(table).T
    assert np.allclose(smooth(table, x), y, atol=1e-12)
    found = smooth(table, np.linspace(-0.2, 1.2, 400))
    assert found.min() >= y.min() - 1e-12
    assert found.max() <= y.max() + 1e-12
    assert found[[0, -1]] == pytest.approx(y[[0, -1]])


def test_a_grown_profile_keeps_its_nose_in_metres_and_its_ends():
    """Nose points: u L is the same length; heights up to half the old one: z H is the same."""
    old, old_m, new_m = PROFILES["van"][0], (5.40, 2.45), (5.95, 2.70)
    new = _grown(old, old_m[0] / new_m[0], old_m[1] / new_m[1])
    for a, b in zip(old.deck, new.deck, strict=True):
        if a[0] <= 0.4:
            assert b[0] * new_m[0] == pytest.approx(a[0] * old_m[0], abs=1e-4)
        if a[1] <= 0.5:
            assert b[1] * new_m[1] == pytest.approx(a[1] * old_m[1])
    assert new.deck[-1][0] == 1.0
    assert max(z for _, z in new.roof) == pytest.approx(1.0)
    assert rising([u for u, _ in new.roof])


@each_body
def test_shells_are_closed_and_right_side_out(name, number):
    body = shell(name, number)
    assert is_closed(body.shape)
    volume = signed_volume_m3(body.shape)
    box = BLUEPRINTS[name].length_m * 2 * body.half_m * body.height_m
    assert 0.45 * box < volume < 0.92 * box


@each_body
def test_shells_are_symmetric(name, number):
    corners = shell(name, number).shape.corners_m
    points = {tuple(p) for p in np.round(corners.reshape(-1, 3), 6).tolist()}
    assert {(x, -y if y else y, z) for x, y, z in points} == points


@each_body
def test_shells_fill_length_width_and_height(name, number):
    body, spec = shell(name, number), BLUEPRINTS[name]
    low, high = body.shape.bounds_m
    assert high[0] - low[0] == pytest.approx(spec.length_m, rel=1e-9)
    assert high[1] == pytest.approx(spec.width_m / 2 - 0.013, abs=2e-3)
    assert high[2] == pytest.approx(spec.height_m * body.profile.body_height, rel=0.004)
    assert low[2] > 0.1


@each_body
def test_the_roof_is_never_below_the_deck_and_the_rail_never_outside_the_shell(name, number):
    body = shell(name, number)
    assert (body.cabin_m(U) > 0).all()
    assert (body.edge_m(U) > 0).all()
    assert (body.edge_m(U) <= body.half_at_m(U)).all()
    assert (body.half_at_m(U) <= body.half_m + 1e-12).all()


@each_body
def test_arches_are_circles_about_the_axles(name, number):
    """Over an axle the lower edge stands a wheel's diameter and 58 mm above the ground."""
    body, spec = shell(name, number), BLUEPRINTS[name]
    for sign in (1, -1):
        u = np.array([0.5 - sign * spec.wheelbase_m / 2 / spec.length_m])
        assert body.lower_m(u)[0] == pytest.approx(2 * spec.wheel_radius_m + 0.058)
    reach = spec.wheel_radius_m + 0.058
    away = np.linspace(-0.9, 0.9, 31) * reach
    u = 0.5 - (spec.wheelbase_m / 2 + away) / spec.length_m
    arc = spec.wheel_radius_m + np.sqrt(reach**2 - away**2)
    assert np.allclose(body.lower_m(u), np.maximum(arc, body.lower_m(u).min()), atol=0.12)
    assert (body.lower_m(u) >= arc - 1e-9).all()


@each_body
def test_no_tyre_touches_the_shell_when_it_is_straight_ahead(name, number):
    """Every corner of the shell beside a wheel is farther from the axle than the tyre's radius."""
    body, spec = shell(name, number), BLUEPRINTS[name]
    at = body.shape.corners_m.reshape(-1, 3)
    inner, outer = spec.track_m / 2 - 0.11, spec.track_m / 2 + 0.11
    beside = (np.abs(at[:, 1]) > inner) & (np.abs(at[:, 1]) < outer)
    for x in (spec.wheelbase_m / 2, -spec.wheelbase_m / 2):
        away = np.hypot(at[beside, 0] - x, at[beside, 2] - spec.wheel_radius_m)
        assert away.min() > spec.wheel_radius_m


@each_body
def test_the_underside_is_dark_and_the_flanks_are_painted(name, number):
    shape = shell(name, number).shape
    normal = face_normals(shape.corners_m)
    area = np.linalg.norm(normal, axis=1) / 2
    down = normal[:, 2] < -1.9 * area
    dark = np.isin(shape.material, [material("underbody"), material("trim")])
    assert area[down & dark].sum() > 0.95 * area[down].sum()
    side = np.abs(normal[:, 1]) > 1.8 * area
    assert area[side & (shape.material == material("paint"))].sum() > 0.6 * area[side].sum()


@pytest.mark.parametrize("name", PRESSED)
def test_heights_on_the_flank_meet_the_loft(name):
    """`side_y_m` and `roof_z_m` against the tables: never outside the plan, roof at its height."""
    body = shell(name)
    for u in (0.3, 0.5, 0.7):
        z = float(body.deck_m(np.array([u]))[0]) * 0.8
        assert 0.9 < body.side_y_m(u, z) / float(body.half_at_m(np.array([u]))[0]) <= 1.0 + 1e-9
    best = max(body.roof_z_m(float(u)) for u in U)
    assert best == pytest.approx(body.height_m, rel=0.004)


@pytest.mark.parametrize("name", PRESSED)
def test_places_on_the_side_are_shares_between_the_lower_edge_and_the_deck(name):
    body, u = shell(name), np.array([0.2, 0.5, 0.8])
    low, middle, high = (body.place(u, np.full(3, share)) for share in (0.0, 0.5, 1.0))
    assert np.allclose(low[:, 1], body.lower_m(u))
    assert np.allclose(high[:, 1], body.deck_m(u))
    assert np.allclose(middle, (low + high) / 2)
    assert np.allclose(low[:, 0], [(0.5 - x) * BLUEPRINTS[name].length_m for x in u])


def test_x_runs_from_nose_to_tail():
    body = shell("saloon")
    assert body.x(0.0) == pytest.approx(BLUEPRINTS["saloon"].length_m / 2)
    assert body.x(1.0) == pytest.approx(-BLUEPRINTS["saloon"].length_m / 2)
    assert body.x(0.5) == 0.0


@pytest.mark.parametrize("side", [1, -1])
def test_patches_on_nose_and_tail_stand_before_the_shell_and_look_away(side):
    body = shell("hatchback")
    quad = ((-0.3, 0.45), (0.3, 0.45), (0.3, 0.5), (-0.3, 0.5))
    made = body.front(quad, "plate", side, (4, 2), 0.02)
    assert (side * face_normals(made.corners_m)[:, 0] > 0).all()
    assert set(made.material) == {material("plate")}
    flat = made.corners_m.reshape(-1, 3)
    under = body.pressed.on(0, side, flat[:, 1:])
    assert (side * (flat[:, 0] - under[:, 0]) > 0.005).all()
    assert (side * (flat[:, 0] - under[:, 0]) < 0.06).all()


def test_a_patch_beside_the_car_is_refused():
    quad = ((1.5, 0.45), (1.8, 0.45), (1.8, 0.5), (1.5, 0.5))
    with pytest.raises(ValueError, match="miss the body"):
        shell("hatchback").front(quad, "plate")


def test_bowed_patches_reach_ahead_in_the_middle_only():
    """The foot of a windscreen bows by the given share of the length, its corners do not."""
    body, length = shell("saloon"), BLUEPRINTS["saloon"].length_m
    edges = ((-0.9, 0.9), (-0.9, 0.9))
    flat, bowed = (
        body.top((0.30, 0.40), edges, "car glass", bow=(bow, 0.0), cells=(6, 8), lift_m=0.0)
        for bow in (0.0, 0.02)
    )
    reach = [part.corners_m[..., 0].max() for part in (flat, bowed)]
    assert reach[1] - reach[0] == pytest.approx(0.02 * length, abs=0.002)
    wide = [np.ptp(part.corners_m[..., 1]) for part in (flat, bowed)]
    assert wide[0] == pytest.approx(wide[1], abs=0.01)


def test_the_same_profile_makes_the_same_bytes():
    one, two = (CarBody(BLUEPRINTS["suv"], PROFILES["suv"][1]).shape for _ in range(2))
    assert one.corners_m.tobytes() == two.corners_m.tobytes()
    assert one.material.tobytes() == two.material.tobytes()
