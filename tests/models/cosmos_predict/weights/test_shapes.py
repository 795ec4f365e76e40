"""Shapes tell the family, and a family its shapes."""

import pytest

from models.cosmos_predict.weights.tiny import config
from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.config import FAMILIES, Objective
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.weights.shapes import (
    custom_family,
    family_of,
    parameter_count,
    parameter_shapes,
)

EVERY = sorted(FAMILIES)


@pytest.mark.parametrize("family", EVERY)
def test_shapes_are_those_of_the_network(family: str) -> None:
    net = build_on_meta(FAMILIES[family].net)
    found = {key: tuple(tensor.shape) for key, tensor in net.state_dict().items()}
    assert found == parameter_shapes(FAMILIES[family].net)


@pytest.mark.parametrize("family", EVERY)
def test_counts_are_the_published_ones_and_shapes_tell_the_family(family: str) -> None:
    one = FAMILIES[family]
    assert parameter_count(one.net) == one.parameters
    assert family_of(parameter_shapes(one.net)) == one


@pytest.mark.parametrize(
    ("family", "name", "objective"),
    [
        ("predict2-2b", "predict2-custom", Objective.EDM_FLOW),
        ("predict2.5-14b", "predict2.5-custom", Objective.FLOW),
    ],
)
def test_a_network_of_another_size_is_custom_and_its_text_tells_the_generation(
    family: str, name: str, objective: Objective
) -> None:
    net = config(family, num_blocks=3)
    found = family_of(parameter_shapes(net))
    assert (found.name, found.objective) == (name, objective)
    assert found.net.model_copy(update={"rope_ratios": net.rope_ratios}) == net


def test_what_a_record_tells_wins_over_shapes() -> None:
    told = custom_family(config(rope_ratios=(2.0, 2.0, 1.0)))
    assert family_of(parameter_shapes(told.net), told) is told


def without_last_block(shapes: dict) -> dict:
    return {key: shape for key, shape in shapes.items() if not key.startswith("blocks.27.")}


def text2image(shapes: dict) -> dict:
    return shapes | {"x_embedder.proj.1.weight": (2048, 68)}


def foreign(shapes: dict) -> dict:
    return {"conv_in.weight": (3, 3, 3, 3), "x_embedder.proj.1.weight": (4,)}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without_last_block, r"expected predict2-2b .* num_blocks 27 instead of 28"),
        (text2image, r"expected 72 inputs .* found 68.*Text2Image"),
        (foreign, r"2-d x_embedder.proj.1.weight; found conv_in.weight"),
        (lambda shapes: {}, "found nothing"),
    ],
)
def test_networks_that_are_not_ours_are_refused_with_the_reason(damage, message: str) -> None:
    shapes = damage(parameter_shapes(FAMILIES["predict2-2b"].net))
    with pytest.raises(FormatError, match=message):
        family_of(shapes)
