"""Species of trees and kinds of plants: envelopes, crowns over trunks, colours, sizes, details."""

from functools import cache

import numpy as np
import pytest

from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.model import Mesh, Weathering
from rareworld.annotate.world.plants import _on_box, bush, flower_bed, hedge
from rareworld.annotate.world.trees import (
    BIRCH,
    CARDS,
    LIME,
    MAPLE,
    PINE,
    PLANE,
    PLUM,
    POPLAR,
    SPECIES,
    SPRUCE,
    VARIANTS,
    make_tree,
    species_of,
    usual_size_m,
)
from rareworld.core.taxonomy import ClassId
from rareworld.simulate.maps import settings

NAMED = {"LIME": LIME, "MAPLE": MAPLE, "PLANE": PLANE, "BIRCH": BIRCH, "POPLAR": POPLAR,
         "SPRUCE": SPRUCE, "PINE": PINE, "PLUM": PLUM}  # fmt: skip
KINDS = range(len(SPECIES))
each = pytest.mark.parametrize("kind", KINDS)
HEIGHT = np.linspace(0.0, 1.0, 101)


@cache
def tree(kind: int, detail: int = 1) -> Mesh:
    return make_tree(kind, detail)


def is_leaf(kind: int, made: Mesh) -> np.ndarray:
    return np.isin(made.material, [material(name) for name in SPECIES[kind].leaves])


def test_places_and_drawings_number_species_alike():
    """Two rooms that may not import each other keep one order."""
    assert {name: getattr(settings, name) for name in NAMED} == NAMED
    assert sorted(NAMED.values()) == list(KINDS)


@each
def test_envelopes_are_shares_of_the_radius(kind):
    radius = SPECIES[kind].envelope(HEIGHT)
    assert radius.min() > 0
    assert 0.9 < radius.max() <= 1.03


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [(SPRUCE, 0.0, 0.05), (PINE, 0.3, 0.4), (LIME, 0.35, 0.6), (MAPLE, 0.3, 0.55)],
)
def test_crowns_are_widest_where_the_species_is(kind, low, high):
    """Spruces at the foot, others near the middle."""
    widest = HEIGHT[np.argmax(SPECIES[kind].envelope(HEIGHT))]
    assert low <= widest <= high


def test_a_spruce_narrows_all_the_way_up():
    assert (np.diff(SPECIES[SPRUCE].envelope(HEIGHT)) < 0).all()


@each
def test_leaves_begin_about_the_base_and_wood_reaches_the_ground(kind):
    made, size = tree(kind), usual_size_m(kind)
    leaf = is_leaf(kind, made)
    low = made.vertices_m[made.triangles[leaf]][..., 2].min()
    hang = SPECIES[kind].droop * 0.5 * size[0] * 0.4 + 0.16 * size[2]
    assert SPECIES[kind].base * size[2] - hang < low < (SPECIES[kind].base + 0.2) * size[2]
    wood = made.vertices_m[made.triangles[~leaf]].reshape(-1, 3)
    assert wood[:, 2].min() == pytest.approx(-0.3, abs=0.05)


@each
def test_trunks_are_as_thick_as_the_species_and_flare_at_the_root(kind):
    made, size = tree(kind, 0), usual_size_m(kind)
    wood = made.vertices_m[made.triangles[~is_leaf(kind, made)]].reshape(-1, 3)
    radius = SPECIES[kind].trunk * size[2]
    for z, share in ((-0.3, 1.9), (0.12, 1.45), (0.5, 1.0)):
        ring = wood[np.abs(wood[:, 2] - z) < 0.02]
        assert np.hypot(ring[:, 0], ring[:, 1]).max() == pytest.approx(share * radius, rel=0.12)


@each
def test_crowns_are_round_in_plan(kind):
    """Quarters of the compass hold a quarter of the leaves within a half."""
    made = tree(kind)
    middle = made.vertices_m[made.triangles[is_leaf(kind, made)]].mean(axis=1)
    angle = np.arctan2(middle[:, 1], middle[:, 0])
    count = np.histogram(angle, 4, (-np.pi, np.pi))[0] / len(angle)
    assert (np.abs(count - 0.25) < 0.125).all()


@each
@pytest.mark.parametrize("detail", range(3))
def test_the_number_of_cards_is_the_species_share(kind, detail):
    made = tree(kind, detail)
    assert is_leaf(kind, made).sum() == round(CARDS[detail] * SPECIES[kind].cards)


@each
def test_inner_leaves_are_darker_than_outer_ones(kind):
    """By mean luminance of the three materials, inside to outside."""
    light = [np.mean(MATERIALS[material(name)].colour) for name in SPECIES[kind].leaves]
    if len(set(SPECIES[kind].leaves)) > 1 and kind != PLUM:
        assert light[0] < light[2]


@each
def test_leaves_weather_as_leaves(kind):
    assert {MATERIALS[material(n)].weathering for n in SPECIES[kind].leaves} == {Weathering.LEAF}


@each
def test_far_crowns_cover_about_what_near_ones_do(kind):
    """Fewer cards are larger: the area of leaves seen from the side stays within a factor of 2."""

    def shown(detail: int) -> float:
        made = tree(kind, detail)
        corners = made.vertices_m[made.triangles[is_leaf(kind, made)]].astype(float)
        return float(np.abs(np.cross(corners[:, 1] - corners[:, 0],
                                     corners[:, 2] - corners[:, 0])[:, 1]).sum())  # fmt: skip

    assert 0.5 < shown(1) / shown(0) < 2.0
    assert 0.4 < shown(2) / shown(0) < 2.5


@each
def test_styles_name_species_first_and_variants_second(kind):
    assert species_of(kind + 3 * len(SPECIES)) == kind
    one, two = (make_tree(kind + k * len(SPECIES), 2).vertices_m for k in (0, 1))
    same = make_tree(kind + VARIANTS * len(SPECIES), 2).vertices_m
    assert one.tobytes() == same.tobytes()
    assert one.shape != two.shape or not np.allclose(one, two)


@each
def test_trees_are_vegetation_with_unit_normals(kind):
    made = tree(kind)
    assert set(made.class_id.tolist()) == {int(ClassId.VEGETATION)}
    assert np.allclose(np.linalg.norm(made.normals, axis=1), 1, atol=2e-3)
    assert np.isfinite(made.vertices_m).all()


def test_proportions_tell_the_species_apart():
    """Poplars are slim, planes broad, plums small, pines bare below."""
    shape = {kind: usual_size_m(kind)[0] / usual_size_m(kind)[2] for kind in KINDS}
    assert min(shape, key=shape.__getitem__) == POPLAR
    assert shape[BIRCH] < shape[LIME] < shape[MAPLE]
    assert usual_size_m(PLUM)[2] == min(usual_size_m(kind)[2] for kind in KINDS)
    assert SPECIES[PINE].base == max(made.base for made in SPECIES)
    assert SPECIES[SPRUCE].base == min(made.base for made in SPECIES)


@pytest.mark.parametrize("size", [(2.0, 1.0, 1.5), (8.0, 0.8, 1.2)])
def test_points_on_a_box_lie_on_its_sides_and_top_by_area(size):
    """Chi-square over the five faces, 4 degrees of freedom, 0.1 % level."""
    at, out = _on_box(size, 4000, np.random.default_rng(0))
    half = np.array(size) / 2
    on = np.where(out != 0, np.abs(at - [0, 0, half[2]]) - half, 0.0)
    assert np.abs(on).max() < 1e-9
    assert (np.abs(at[:, :2]) <= half[:2] + 1e-9).all()
    x, y, z = size
    area = np.array([x * y, x * z, x * z, y * z, y * z])
    ways = np.array([[0, 0, 1], [0, 1, 0], [0, -1, 0], [1, 0, 0], [-1, 0, 0]])
    count = np.array([(out == way).all(axis=1).sum() for way in ways])
    expected = 4000 * area / area.sum()
    assert ((count - expected) ** 2 / expected).sum() < 18.5


@pytest.mark.parametrize("size", [(4.0, 0.8, 1.2), (9.0, 1.0, 1.6), (12.0, 1.8, 2.2)])
@pytest.mark.parametrize("style", [0, 5])
def test_hedges_have_a_closed_dark_heart_under_their_leaves(size, style):
    made = hedge(size, style, 0)
    heart = made.vertices_m[made.triangles[made.material == material("hedge")]].reshape(-1, 3)
    assert heart[:, 2].min() == pytest.approx(-0.1, abs=0.06)
    assert np.ptp(heart[:, 0]) == pytest.approx(size[0], rel=0.1)
    assert 0.8 * size[2] < made.vertices_m[:, 2].max() < 1.2 * size[2]
    assert np.abs(made.vertices_m[:, 1]).max() < 0.75 * size[1]


@pytest.mark.parametrize("style", range(4))
def test_bushes_sit_on_the_ground_and_differ_in_colour_by_style(style):
    made = bush((1.6, 1.6, 1.2), style, 0)
    assert -0.3 < made.vertices_m[:, 2].min() < 0.35
    names = {MATERIALS[k].name for k in np.unique(made.material)}
    assert ("blossom white" in names) == (style % 4 == 2)
    assert ("leaves red" in names) == (style % 4 == 3)
    other = bush((1.6, 1.6, 1.2), style + 4, 0)
    assert other.vertices_m.tobytes() != made.vertices_m.tobytes()


@pytest.mark.parametrize("style", range(3))
def test_flower_beds_are_troughs_of_earth_with_flowers_above_the_rim(style):
    size = (3.2, 1.1, 0.7)
    made = flower_bed(size, style, 0)
    rim = ("stone", "wood", "concrete")[style]
    wall = made.vertices_m[made.triangles[made.material == material(rim)]].reshape(-1, 3)
    assert np.abs(wall[:, 0]).max() == pytest.approx(size[0] / 2, abs=1e-5)
    assert wall[:, 2].max() == pytest.approx(0.6 * size[2], abs=1e-5)
    earth = made.vertices_m[made.triangles[made.material == material("earth")]]
    assert (earth[..., 2] < wall[:, 2].max()).all()
    petals = [k for k in np.unique(made.material) if MATERIALS[k].name.startswith("blossom")]
    high = made.vertices_m[made.triangles[np.isin(made.material, petals)]][..., 2]
    assert len(petals) >= 1
    assert high.mean() > wall[:, 2].max()


@pytest.mark.parametrize("maker", [hedge, bush, flower_bed])
def test_plants_have_ever_fewer_leaves_with_distance(maker):
    counts = [len(maker((4.0, 1.0, 1.2), 1, detail).triangles) for detail in range(3)]
    assert counts[0] > counts[1] > counts[2] > 0
