"""What kernels see of a scene: every material, instance and cabin, number by number."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from rareworld.annotate.render.config import RenderConfig, RendererKind
from rareworld.annotate.render.inside import cabins_of
from rareworld.annotate.render.looks import cover_of, follow, looks_of
from rareworld.annotate.world.materials import MATERIALS
from rareworld.annotate.world.model import Air, Cabin, GroundState, Instance
from tests.annotate.render.shapes import box, ground, scene, state

PLAIN = scene(ground(), [box(), box((1, 1, 1))], [(1, 0), (2, 1), (3, 0)])
ALL = replace(PLAIN, materials=MATERIALS)
FIELDS = {
    "colour": "colour", "emission": "emission", "roughness": "roughness", "specular": "specular",
    "texture": "texture", "repeat_m": "metres_per_repeat", "paint": "paint",
    "lit_when": "lit_when", "weathering": "weathering", "inside": "inside",
    "translucency": "translucency",
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_every_material_reaches_the_kernels_in_its_row(name):
    found = getattr(looks_of(ALL), name)
    assert len(found) == len(MATERIALS)
    wanted = np.array([getattr(one, FIELDS[name]) for one in MATERIALS])
    np.testing.assert_array_equal(found, wanted.astype(found.dtype))


def test_instances_bring_their_colours_dirt_and_snow():
    instances = tuple(
        Instance(object_id=k, prototype=0, body_colour=(0.1 * k, 0.2, 0.3),
                 second_colour=(0.5, 0.1 * k, 0.0), dirt=0.2 * k, snow=1 - 0.2 * k)
        for k in range(1, 4)
    )  # fmt: skip
    looks = looks_of(replace(PLAIN, instances=instances))
    np.testing.assert_allclose(looks.body[:, 0], [0.1, 0.2, 0.3], rtol=1e-6)
    np.testing.assert_allclose(looks.second[:, 1], [0.1, 0.2, 0.3], rtol=1e-6)
    np.testing.assert_allclose(looks.dirt, [0.2, 0.4, 0.6], rtol=1e-6)
    np.testing.assert_allclose(looks.snow, [0.8, 0.6, 0.4], rtol=1e-6)


def test_a_scene_without_instances_or_materials_has_empty_tables_of_the_right_shape():
    looks = looks_of(replace(PLAIN, instances=(), materials=()))
    assert looks.colour.shape == looks.emission.shape == (0, 3)
    assert looks.body.shape == looks.second.shape == (0, 3)
    assert looks.placed.shape == (0, 3, 4)


def test_lamps_and_places_are_taken_over_from_frame_to_frame():
    looks = looks_of(PLAIN)
    assert not looks.state.any()
    for shift in (0.0, 5.0):
        now = state(*[(shift + k, 0.0, 0.0, 0.3) for k in range(3)], lamps=[1, 2, 4 + int(shift)])
        follow(looks, now)
        np.testing.assert_array_equal(looks.placed, now.transforms)
        np.testing.assert_array_equal(looks.state, now.state)
    # a copy, not a view of the frame
    now.transforms[:] = 0
    assert looks.placed.any()


@pytest.mark.parametrize(("rate", "share"), [(0.0, 0.0), (3.0, 0.25), (12.0, 1.0), (50.0, 1.0)])
def test_rain_on_puddles_is_heavy_from_twelve_millimetres_on(rate, share):
    assert cover_of(replace(PLAIN, air=Air(rain_mmph=rate))).rain == pytest.approx(share)


def test_cover_is_the_state_of_the_ground():
    lies = GroundState(wetness=0.4, puddles=0.3, snow=0.2, sand=0.1)
    cover = cover_of(replace(PLAIN, ground=lies))
    assert (cover.wetness, cover.puddles, cover.snow, cover.sand) == (0.4, 0.3, 0.2, 0.1)


# cabins


def cabin(boxes, high=1.4):
    low = np.zeros((boxes, 3), np.float32)
    return Cabin(
        low_m=(-1.0, -0.8, 0.3), high_m=(1.0, 0.8, high), belt_m=0.9,
        boxes_m=np.stack([low, low + np.arange(1, boxes + 1)[:, None].astype(np.float32)], axis=1),
        colours=np.full((boxes, 3), 0.1 * boxes, np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("counts", [(2, 3), (0, 4), (1, 0)])
def test_boxes_of_a_cabin_are_found_between_its_marks(counts):
    first, second = counts
    prototypes = (
        replace(box(), cabin=cabin(first)),
        box(),
        replace(box(), cabin=cabin(second, 2.0)),
    )
    instances = tuple(Instance(object_id=k, prototype=k % 3) for k in range(5))
    made = cabins_of(replace(PLAIN, prototypes=prototypes, instances=instances))
    assert made.of_instance.tolist() == [0, -1, 1, 0, -1]
    assert made.first.tolist() == [0, first, first + second]
    assert len(made.boxes) == len(made.colours) == first + second
    np.testing.assert_allclose(made.shell[:, 1, 2], [1.4, 2.0], rtol=1e-6)
    for c, count in enumerate(counts):
        mine = made.boxes[made.first[c] : made.first[c + 1]]
        assert mine[:, 1, 0].tolist() == list(range(1, count + 1))


def test_a_scene_without_glass_has_no_cabins():
    made = cabins_of(PLAIN)
    assert made.of_instance.tolist() == [-1, -1, -1]
    assert made.shell.shape == (0, 2, 3)
    assert made.first.tolist() == [0]


# settings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("samples_per_pixel", 0),
        ("samples_per_pixel", 5000),
        ("seed", -1),
        ("seed", 2**31),
        ("exposure", 0.0),
        ("near_m", 0.0),
        ("near_m", -0.1),
        ("shadow_size", 32),
        ("shadow_size", 20_000),
        ("shadow_reach_m", 1.0),
        ("threads", 0),
        ("threads", 300),
        ("renderer", "vulkan"),
    ],
)
def test_settings_no_renderer_can_keep_are_refused_by_name(field, value):
    with pytest.raises(ValidationError) as caught:
        RenderConfig(**{field: value})
    assert caught.value.errors()[0]["loc"] == (field,)


@pytest.mark.parametrize("kind", RendererKind)
def test_every_renderer_can_be_named_in_a_recipe(kind):
    assert RenderConfig(renderer=kind.value).renderer is kind
