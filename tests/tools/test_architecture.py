"""The picture of the network: what it says is read off the module tree."""

import pytest

from tests.tools.workshop import tool

architecture = tool("architecture")
block_parts, main_path = architecture.block_parts, architecture.main_path
side_inputs, modulation = architecture.side_inputs, architecture.modulation


@pytest.fixture(scope="module")
def traced():
    return architecture.trace("predict2.5-2b")


def test_shapes_are_those_of_a_forward_without_memory(traced):
    assert traced.shape("blocks.0") == "24 x 3,520 x 2,048"
    assert traced.shape("blocks.27.mlp.layer1") == "24 x 3,520 x 8,192"
    assert traced.shapes["final_layer"] == (1, 24, 3520, 64)
    assert {p.device.type for p in traced.net.parameters()} == {"meta"}


def test_boxes_count_every_parameter_once(traced):
    """Names that the boxes show, together, hold the whole network."""
    titles = {box.title for box in [*main_path(traced), *side_inputs(traced)]}
    roots = {name.split(".")[0] for name, _ in traced.net.named_parameters()}
    assert roots <= titles
    inside = [box.title for box in block_parts(traced)]
    names = {*inside, *(f"adaln_modulation_{name}" for name in inside)}
    assert names == {name for name, _ in traced.net.blocks[0].named_children()}


def test_counts_and_channels_are_the_modules(traced):
    assert traced.count("blocks.0.mlp") == "33.55 M"
    assert traced.count("t_embedding_norm") == "2,048"
    assert traced.linear("crossattn_proj.0") == "100,352 to 1,024"
    assert modulation(traced, block_parts(traced)[0]).lines[-1] == "2.10 M"


def test_picture_is_written_the_same_twice(tmp_path, monkeypatch, traced):
    monkeypatch.setattr(architecture, "trace", lambda _family: traced)
    files = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for file in files:
        monkeypatch.setattr("sys.argv", ["architecture.py", str(file)])
        architecture.main()
    first, second = (file.read_text() for file in files)
    assert first == second
    assert first.startswith("<?xml")
