"""Shapes of people: closed, facing outward, sized as people are, for every look."""

import numpy as np
import pytest

from rareworld.annotate.world import heads, limbs
from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.mesh import finish, signed_volume_m3
from rareworld.annotate.world.sections import fat, lowered, rings, skinned
from rareworld.annotate.world.skeleton import ANKLE, HIP, NECK, WAIST
from rareworld.annotate.world.wardrobe import Dress, Hair, looks_of
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.world_samples import figure_of, only, open_edges

KIND = ClassId.PEDESTRIAN
STYLES = [0, 1, 2, 4, 5, 9, 13, 21, 40]
SHAPES = {
    "pelvis": lambda looks: limbs.pelvis(1.75, HIP, looks, KIND),
    "trunk": lambda looks: limbs.trunk(1.75, WAIST, looks, KIND),
    "head": lambda looks: heads.head(1.75, NECK, looks, KIND),
    "thigh": lambda looks: limbs.thigh(1.75, looks, KIND),
    "shin": lambda looks: limbs.shin(1.75, looks, KIND),
    "foot": lambda looks: limbs.foot(1.75, looks, KIND),
    "upper arm": lambda looks: limbs.upper_arm(1.75, looks, KIND),
    "forearm": lambda looks: limbs.forearm(1.75, looks, KIND),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_closed_and_faces_outward(name, style):
    shape = SHAPES[name](looks_of(style))
    assert open_edges(shape, 1e-7) == 0
    assert signed_volume_m3(shape) > 0
    assert (shape.class_id == int(KIND)).all()


@pytest.mark.parametrize("name", SHAPES)
def test_normals_of_limbs_are_smooth(name):
    """Most corners share their normal with a neighbour: no facets at CCTV size."""
    mesh = finish(SHAPES[name](looks_of(0)))
    corner = mesh.vertices_m[mesh.triangles].astype(float)
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    face /= np.linalg.norm(face, axis=1, keepdims=True)
    flat = np.einsum("fd,fcd->fc", face, mesh.normals[mesh.triangles]) > 0.9999
    assert flat.mean() < 0.45


def test_a_body_has_a_persons_volume():
    """A slim to heavy adult in clothes, without skirts and coats, fills 65 to 115 litres."""
    for style in range(0, 64, 3):
        looks = looks_of(style)
        if looks.outfit.skirt:
            continue
        total = sum(signed_volume_m3(shape(looks)) for shape in SHAPES.values())
        total += sum(signed_volume_m3(SHAPES[name](looks)) for name in list(SHAPES)[3:])
        assert 0.065 < total < 0.115


def test_sleeves_and_legs_show_skin_where_they_end():
    for style in range(64):
        looks = looks_of(style)
        bare = material(looks.skin)
        assert (limbs.upper_arm(1.75, looks, KIND).material == bare).any() == (
            looks.outfit.sleeves <= 0.5
        )
        shin = limbs.shin(1.75, looks, KIND).material == bare
        assert shin.all() == (looks.outfit.legs < 0.7 or looks.outfit.bottom == "skin")


def test_skirts_and_coats_widen_thighs_and_reach_their_length():
    plain = next(k for k in range(64) if looks_of(k).outfit.skirt == 0)
    coat = next(k for k in range(64) if looks_of(k).outfit.skirt > 0.3)
    a, b = (SHAPES["thigh"](looks_of(k)) for k in (plain, coat))
    assert np.ptp(b.corners_m[..., 0]) > 1.15 * np.ptp(a.corners_m[..., 0])
    cloth = only(b, b.material == material(looks_of(coat).outfit.skirt_of))
    assert cloth.bounds_m[0][2] == pytest.approx(
        -looks_of(coat).outfit.skirt * 0.47 * 1.75, abs=0.02
    )


def test_soles_are_flat_and_shoes_point_forward():
    foot = SHAPES["foot"](looks_of(0))
    low, high = foot.bounds_m
    assert low[2] == pytest.approx(-ANKLE * 1.75, abs=1e-6)
    assert high[0] > 2 * -low[0]
    flat = (foot.corners_m[..., 2] < low[2] + 1e-6).all(axis=1)
    assert flat.any()


def test_crowns_reach_the_stature_and_children_have_larger_heads():
    for style in range(0, 64, 5):
        for child in (False, True):
            looks = looks_of(style, child=child)
            shape = heads.head(1.0, NECK, looks, KIND)
            assert 0.985 < shape.bounds_m[1][2] + NECK < 1.035
    small, large = (
        heads.head(1.0, NECK, looks_of(3, child=child), KIND).bounds_m for child in (False, True)
    )
    assert np.ptp(large, axis=0)[1] > 1.15 * np.ptp(small, axis=0)[1]


def test_hair_covers_the_back_but_not_the_face():
    style = next(k for k in range(64) if looks_of(k).hair is Hair.LONG and looks_of(k).woman
                 and looks_of(k).outfit.hat == "none")  # fmt: skip
    looks = looks_of(style)
    shape = heads.head(1.0, NECK, looks, KIND)
    hair = only(shape, shape.material == material(looks.hair_of)).corners_m
    face = only(shape, shape.material == material(looks.skin)).corners_m
    assert hair[..., 0].min() < face[..., 0].min()
    assert face[..., 0].max() > hair[..., 0].max()
    assert hair[..., 2].min() + NECK < 0.85


@pytest.mark.parametrize("dress", list(Dress))
def test_people_have_two_to_three_thousand_triangles(dress):
    people = [figure_of("adult", style, dress).parts for style in range(0, 64, 7)]
    sizes = [sum(part.shape.size for part in parts) for parts in people]
    assert min(sizes) > 1500
    assert np.mean(sizes) < 2800
    assert max(sizes) < 3100


def test_sections_are_wide_deep_and_high_as_told():
    rows = [(0.0, 0.2, 0.1, 0.15, 0.05), (1.0, 0.2, 0.1, 0.15, 0.05)]
    made = skinned(rings(rows, 2.0, 40), ["jacket"], KIND)
    low, high = made.bounds_m
    assert np.allclose(high, [0.5, 0.3, 2.0], atol=2e-3)
    assert np.allclose(low, [-0.1, -0.3, 0.0], atol=2e-3)
    wide = fat(lowered(rows, 0.5), 2.0)
    assert wide[0] == (-0.5, 0.4, 0.2, 0.3, 0.05)


def test_bands_carry_their_material_either_way_up():
    rows = [(0.0, 0.1, 0.1, 0.1, 0), (0.5, 0.1, 0.1, 0.1, 0), (1.0, 0.1, 0.1, 0.1, 0)]
    for names, order in ((["jacket", "trousers"], rows), (["trousers", "jacket"], rows[::-1])):
        made = skinned(rings(order, 1.0), names, KIND)
        for name, half in (("jacket", 0), ("trousers", 1)):
            z = only(made, made.material == material(name)).corners_m[..., 2].mean()
            assert (z > 0.5) == bool(half)
    assert {MATERIALS[index].name for index in np.unique(made.material)} == {"jacket", "trousers"}
