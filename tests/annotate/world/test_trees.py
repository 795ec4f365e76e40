"""Trees and plants: size, lace, species, detail."""

import numpy as np
import pytest

from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.plants import bush, flower_bed, hedge
from rareworld.annotate.world.trees import (
    CARDS,
    SPECIES,
    VARIANTS,
    Nursery,
    leaf_cards,
    make_tree,
    species_of,
    usual_size_m,
)
from rareworld.core.taxonomy import ClassId

KINDS = range(len(SPECIES))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("detail", range(3))
def test_trees_fill_their_usual_size_and_stand_in_the_ground(kind, detail):
    made, size = make_tree(kind, detail), usual_size_m(kind)
    low, high = made.vertices_m.min(axis=0), made.vertices_m.max(axis=0)
    assert high[2] == pytest.approx(size[2], rel=0.12)
    assert -0.4 < low[2] < -0.25
    for axis in (0, 1):
        assert 0.7 * size[axis] < high[axis] - low[axis] < 1.2 * size[axis]
    assert set(made.class_id) == {int(ClassId.VEGETATION)}
    assert len(made.triangles) < 1.5 * CARDS[detail] + 1500


@pytest.mark.parametrize("kind", KINDS)
def test_light_and_sky_show_through_crowns_but_not_much(kind):
    """Rays along y through the middle of the crown: some pass, most meet a leaf."""
    made, size = make_tree(kind, 0), usual_size_m(kind)
    base = SPECIES[kind].base
    corners = made.vertices_m[made.triangles][..., [0, 2]].astype(float)
    rng = np.random.default_rng(kind)
    aim = rng.uniform(-0.3, 0.3, (300, 2)) * [size[0], (1 - base) * size[2] * 0.8]
    aim[:, 1] += (0.5 + 0.5 * base) * size[2]
    a, b, c = (corners[:, k] for k in range(3))

    def side(p, q, r):
        return (q[:, 0] - p[:, 0]) * (r[:, 1] - p[:, 1]) - (q[:, 1] - p[:, 1]) * (r[:, 0] - p[:, 0])

    passed = 0
    for point in aim:
        at = np.broadcast_to(point, a.shape)
        turns = np.stack([side(a, b, at), side(b, c, at), side(c, a, at)])
        passed += not ((turns > 0).all(axis=0) | (turns < 0).all(axis=0)).any()
    assert 0.01 <= passed / 300 < 0.6


def test_details_are_ever_coarser():
    counts = [len(make_tree(0, detail).triangles) for detail in range(3)]
    assert counts[0] > 2 * counts[1] > 4 * counts[2]


def test_species_and_variants_differ_and_the_nursery_grows_each_once():
    nursery = Nursery()
    made = [nursery.tree(style, 1)[0] for style in range(len(SPECIES) * VARIANTS)]
    assert len({mesh.vertices_m.tobytes() for mesh in made}) == len(made)
    again, size = nursery.tree(len(SPECIES) * VARIANTS + 3, 1)
    assert again is made[3]
    assert size == usual_size_m(species_of(3))


def test_leaves_let_light_through():
    for kind in SPECIES:
        for name in kind.leaves:
            assert MATERIALS[material(name)].translucency > 0


def test_cards_are_shaded_as_parts_of_the_crown():
    """Their normals lie within a right angle of the crown's, although they point anywhere."""
    out = np.tile([0.0, 0.0, 1.0], (400, 1))
    made = leaf_cards(np.zeros((400, 3)), out, np.ones(400), np.zeros(400, int),
                      np.random.default_rng(1))  # fmt: skip
    assert len(made.triangles) == 400
    assert (made.normals[:, 2] > 0.3).all()
    assert np.allclose(np.linalg.norm(made.normals, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("maker", [hedge, bush, flower_bed])
@pytest.mark.parametrize("style", range(4))
def test_plants_fill_their_box_and_little_more(maker, style):
    size = (5.0, 1.0, 1.3)
    made = maker(size, style, 0)
    low, high = made.vertices_m.min(axis=0), made.vertices_m.max(axis=0)
    assert 0.75 * size[2] < high[2] < 1.35 * size[2]
    assert 0.75 * size[0] < high[0] - low[0] < 1.25 * size[0]
    assert made.vertices_m.tobytes() == maker(size, style, 0).vertices_m.tobytes()
    assert len(maker(size, style, 2).triangles) < len(made.triangles)
