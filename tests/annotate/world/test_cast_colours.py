"""Colours of the cast: linear light in closed form, paint by shares of sales, tables."""

import numpy as np
import pytest

from rareworld.annotate.world.cast import Prototypes, dirt_of, linear, make_cast, second_colour
from rareworld.annotate.world.wardrobe import Dress
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.road import RoadMap
from rareworld.core.scene import Actor, Scene
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import PEOPLE
from rareworld.simulate.appearance import STYLES, paint, style

DRAWS = 3000
CHI_SQUARE = {3: 16.27, 4: 18.47, 5: 20.52, 6: 22.46, 7: 24.32}
"""0.1 % level by degrees of freedom."""


def actor(blueprint: str, number: int = 1, look: int = 0, colour=(0.5, 0.5, 0.5)) -> Actor:
    return Actor(id=number, blueprint=blueprint, colour=colour, style=look)


def tone(colour: tuple[float, float, float]) -> str:
    """Name of a paint as a statistician of sales would see it."""
    blue = colour[2]
    light, spread = sum(colour) / 3, max(colour) - min(colour)
    if spread > 0.10 and spread > 0.3 * max(colour):
        return "blue" if blue == max(colour) else "warm or green"
    if light > 0.74:
        return "white"
    return "silver" if light > 0.555 else "grey" if light > 0.19 else "black"


def drawn(blueprint: str) -> np.ndarray:
    names = ("white", "silver", "grey", "black", "blue", "warm or green")
    found = [tone(paint(blueprint, Seed(0).child(blueprint, k))) for k in range(DRAWS)]
    return np.array([found.count(name) for name in names])


@pytest.mark.parametrize(
    ("blueprint", "shares"),
    [
        ("saloon", (0.30, 0.09, 0.25, 0.19, 0.09, 0.08)),
        ("hatchback", (0.30, 0.09, 0.25, 0.19, 0.09, 0.08)),
        ("van", (0.64, 0.09, 0.08, 0.05, 0.06, 0.08)),
    ],
)
def test_paint_follows_the_shares_of_sales(blueprint, shares):
    """Pearson's chi-square at the 0.1 % level against the report's shares, merged by tone."""
    expected = np.array(shares) / sum(shares) * DRAWS
    found = drawn(blueprint)
    assert found.sum() == DRAWS
    assert ((found - expected) ** 2 / expected).sum() < CHI_SQUARE[5]


def test_lorries_are_coloured_more_often_than_vans_and_vans_whiter_than_cars():
    white = {name: drawn(name)[0] / DRAWS for name in ("saloon", "van", "box_truck")}
    assert white["saloon"] < white["box_truck"] < white["van"]


def test_styles_are_even():
    """Chi-square over eight bins of styles, 7 degrees of freedom."""
    found = np.array([style(Seed(k)) for k in range(DRAWS)])
    assert found.min() >= 0
    assert found.max() < STYLES
    count = np.bincount(found // 8, minlength=8)
    assert ((count - DRAWS / 8) ** 2 / (DRAWS / 8)).sum() < CHI_SQUARE[7]


@pytest.mark.parametrize("blueprint", sorted(BLUEPRINTS))
def test_paint_is_a_colour_and_the_same_for_the_same_seed(blueprint):
    one, two = (paint(blueprint, Seed(4).child("a")) for _ in range(2))
    assert one == two
    assert all(0 <= channel <= 1 for channel in one)


@pytest.mark.parametrize("value", [0.0, 0.02, 0.04045, 0.05, 0.2, 0.5, 0.8, 1.0])
def test_srgb_is_made_linear_and_back(value):
    """The inverse of IEC 61966-2-1 gives the value back."""
    (light,) = set(linear((value, value, value)))
    back = 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
    assert back == pytest.approx(value, abs=1e-6)


def test_middle_grey_is_a_fifth_of_the_light():
    assert linear((0.5, 0.5, 0.5)) == pytest.approx((0.2140, 0.2140, 0.2140), abs=1e-4)


@pytest.mark.parametrize("blueprint", sorted(BLUEPRINTS))
def test_all_parts_of_an_actor_share_its_colours_and_id(blueprint):
    scene = Scene(name="s", road=RoadMap(name="r", lanes={}),
                  actors=(actor(blueprint, 9, 3, (0.8, 0.2, 0.1)),))  # fmt: skip
    cast = make_cast(scene, Prototypes(38.0, Dress.FAIR))
    assert {made.object_id for made in cast.instances} == {9}
    assert {made.body_colour for made in cast.instances} == {linear((0.8, 0.2, 0.1))}
    assert len({made.second_colour for made in cast.instances}) == 1
    dirt = {made.dirt for made in cast.instances}
    assert dirt == ({0.0} if BLUEPRINTS[blueprint].class_id in PEOPLE else {dirt_of(3)})


def test_trousers_and_cargo_boxes_come_from_tables_of_their_own():
    trousers = {second_colour(actor("adult", look=k)) for k in range(STYLES)}
    boxes = {second_colour(actor("box_truck", look=k)) for k in range(STYLES)}
    assert not trousers & boxes
    assert max(max(colour) for colour in trousers) < 0.35, "trousers are dark"
    light = [colour for colour in boxes if min(colour) > 0.5]
    assert len(light) >= 4, "most boxes are pale"


@pytest.mark.parametrize("look", range(0, STYLES, 7))
def test_dirt_is_between_washed_and_filthy(look):
    assert 0.08 <= dirt_of(look) <= 0.93
    assert dirt_of(look) == dirt_of(look + 64)


def test_instances_follow_the_actors_of_the_scene_in_order():
    names = ("van", "adult", "saloon", "bicycle")
    scene = Scene(name="s", road=RoadMap(name="r", lanes={}),
                  actors=tuple(actor(n, k + 5) for k, n in enumerate(names)))  # fmt: skip
    cast = make_cast(scene, Prototypes(38.0, Dress.FAIR))
    order = [made.object_id for made in cast.instances]
    assert order == sorted(order)
    assert [len(made.parts) for made in cast.figures] == [order.count(k + 5) for k in range(4)]


def test_prototypes_are_numbered_by_first_use():
    scene = Scene(name="s", road=RoadMap(name="r", lanes={}),
                  actors=(actor("van", 1), actor("saloon", 2), actor("van", 3)))  # fmt: skip
    shapes = Prototypes(38.0, Dress.FAIR)
    cast = make_cast(scene, shapes)
    first = [made.prototype for made in cast.instances if made.object_id == 1]
    again = [made.prototype for made in cast.instances if made.object_id == 3]
    assert first == again
    assert first[0] == 0
    assert max(made.prototype for made in cast.instances) == len(shapes.meshes) - 1
