"""Pictograms: counts and shapes of layers, sizes of German plates, symmetry, plates on posts."""

import numpy as np
import pytest
import shapely

from rareworld.annotate.world.materials import material
from rareworld.annotate.world.mesh import face_normals
from rareworld.annotate.world.props import sign
from rareworld.annotate.world.signs import PICTOGRAMS, pictogram
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.vehicle_samples import names_in, of, points, span

LAYERS = {
    "priority": 2, "no entry": 2, "crossing": 8, "direction": 3, "no stopping": 3, "bus stop": 6,
    "children": 12, "street": 4,
}  # fmt: skip
"""Fields of colour of each; a walker is a head and four strokes."""
GROUND = {
    "priority": ("square", "sign white"), "no entry": ("disc", "sign red"),
    "crossing": ("square", "sign white"), "direction": ("disc", "sign white"),
    "no stopping": ("disc", "sign red"), "bus stop": ("disc", "fascia green"),
    "children": ("triangle", "sign red"), "street": ("square", "sign white"),
}  # fmt: skip
"""Outline and colour of the rearmost field."""
CORNERS = {"square": 4, "triangle": 3, "disc": 20}
each = pytest.mark.parametrize("name", list(PICTOGRAMS))


def outline(name: str) -> shapely.Polygon:
    return shapely.Polygon(PICTOGRAMS[name][0][1])


def test_every_sign_is_told_here():
    assert set(LAYERS) == set(GROUND) == set(PICTOGRAMS)


@each
def test_layers_are_as_many_as_the_sign_has_fields(name):
    assert len(PICTOGRAMS[name]) == LAYERS[name]


@each
def test_plates_have_their_outline_and_colour(name):
    shape, colour = GROUND[name]
    assert len(PICTOGRAMS[name][0][1]) == CORNERS[shape]
    assert PICTOGRAMS[name][0][0] == colour


@each
def test_every_layer_lies_on_the_plate(name):
    plate = outline(name).buffer(1e-6)
    for _, corners in PICTOGRAMS[name]:
        assert plate.contains(shapely.Polygon(corners))


@each
def test_layers_are_simple_polygons_and_none_is_hidden_by_the_next(name):
    layers = [shapely.Polygon(corners) for _, corners in PICTOGRAMS[name]]
    assert all(layer.is_valid and layer.area > 1e-4 for layer in layers)
    for k, layer in enumerate(layers):
        above = shapely.union_all(layers[k + 1 :])
        assert layer.difference(above).area > 0.04 * layer.area


@each
def test_plates_are_about_as_large_as_german_ones(name):
    """Discs 600 mm, triangles 900 mm, squares 600 mm (VzKat size 2), within a tenth."""
    low, high = np.array(PICTOGRAMS[name][0][1]).min(axis=0), np.array(
        PICTOGRAMS[name][0][1]).max(axis=0)  # fmt: skip
    wide = float((high - low)[0])
    expected = {"disc": 0.60, "triangle": 0.90, "square": 0.60}[GROUND[name][0]]
    if name == "priority":
        expected = 0.60 * np.sqrt(2)
    if name == "street":
        assert wide == pytest.approx(1.1)
        return
    assert wide == pytest.approx(expected, rel=0.1)


@each
def test_triangles_cover_exactly_the_layers(name):
    """Area of the front faces is the sum of the polygons'; the back is the plate's."""
    made = pictogram(PICTOGRAMS[name], 2.0)
    area = face_normals(made.corners_m)[:, 0] / 2
    back = made.material == material("sign back")
    layers = sum(shapely.Polygon(corners).area for _, corners in PICTOGRAMS[name])
    assert area[~back].sum() == pytest.approx(layers, rel=1e-6)
    assert -area[back].sum() == pytest.approx(outline(name).area, rel=1e-6)


@each
@pytest.mark.parametrize("high", [1.5, 2.2, 3.0])
def test_height_moves_the_whole_plate(name, high):
    one, two = pictogram(PICTOGRAMS[name], 0.0), pictogram(PICTOGRAMS[name], high)
    assert np.allclose(two.corners_m - one.corners_m, [0, 0, high])
    assert set(two.class_id.tolist()) == {int(ClassId.TRAFFIC_SIGN)}


@each
def test_signs_but_arrows_and_walkers_are_symmetric(name):
    """The plate itself always is, about its middle line."""
    plate = outline(name)
    flipped = shapely.transform(plate, lambda p: p * [-1, 1])
    assert plate.symmetric_difference(flipped).area < 1e-3


@each
def test_each_layer_stands_half_a_centimetre_before_the_one_behind(name):
    made = pictogram(PICTOGRAMS[name], 2.0)
    front = made.corners_m[made.material != material("sign back")]
    depth = np.unique(front[..., 0].round(6))
    assert len(depth) == LAYERS[name]
    assert np.diff(depth) == pytest.approx(np.full(LAYERS[name] - 1, 0.005))
    assert span(of(made, "sign back"), 0)[1] < depth[0]


def test_an_arrow_of_direction_points_down_to_its_side():
    """Keep right: the tip lies below the middle and off the centre line."""
    arrow = np.array(PICTOGRAMS["direction"][2][1])
    tip = arrow[4]
    assert tip[1] < -0.1
    assert abs(tip[0]) > 0.08
    away = np.linalg.norm(arrow - arrow.mean(axis=0), axis=1)
    assert away[4] > 0.15


@pytest.mark.parametrize("style", range(12))
def test_signs_stand_on_posts_with_their_plate_out_of_reach(style):
    """VwV-StVO: lower edge 2 m over pavements, 0.6 m at least beside roads; posts in the soil."""
    made = sign((0.3, 0.7, 2.7), style)
    low, high = made.bounds_m
    assert -0.7 < low[2] <= 0.0
    assert high[2] <= 3.0
    plate = made.corners_m[made.class_id == int(ClassId.TRAFFIC_SIGN)]
    assert span(plate, 2)[0] > 1.6
    assert (made.class_id == int(ClassId.POLE)).any()
    post = points(made.corners_m[made.class_id == int(ClassId.POLE)])
    assert np.hypot(post[:, 0], post[:, 1]).max() < 0.12
    assert post[:, 2].max() >= span(plate, 2)[0]


def test_styles_from_four_on_are_pictograms_in_turn():
    names = tuple(PICTOGRAMS)
    for style in range(4, 12):
        colours = {layer[0] for layer in PICTOGRAMS[names[style % len(names)]]}
        assert colours <= names_in(sign((0.3, 0.7, 2.7), style))
