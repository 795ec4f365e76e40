"""Attributes as checked values, and messages that say where."""

from pathlib import Path

import pytest

from rareworld.data.formats.opendrive import node
from rareworld.data.formats.opendrive.node import Node, parse_root, parse_tree
from rareworld.data.formats.opendrive.notes import Notes
from rareworld.errors import MapError

TEXT = """<?xml version="1.0" encoding="ISO-8859-1"?>
<OpenDRIVE>
  <road id="7">
    <lanes>
      <laneSection s="0"/>
      <laneSection s="9"><left>
        <lane id="2" type="driving" half="0.5" big="1e999" word="two"/>
      </left></laneSection>
    </lanes>
  </road>
</OpenDRIVE>"""


@pytest.fixture
def lane() -> Node:
    return parse_root(TEXT)[0].need("road/lanes/laneSection/left/lane")


def test_values_are_typed(lane: Node):
    assert lane.number("half") == 0.5
    assert lane.number("none", 4.0) == 4.0
    assert lane.integer("id") == 2
    assert lane.text("none", "default") == "default"
    assert lane.tag == "lane"


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda node: node.number("none"), "needs the attribute 'none'"),
        (lambda node: node.number("word"), "word must be a finite number, found 'two'"),
        (lambda node: node.number("big"), "finite number, found '1e999'"),
        (lambda node: node.integer("half"), "half must be a whole number, found '0.5'"),
        (lambda node: node.text("none"), "needs the attribute 'none'"),
        (lambda node: node.need("width"), "needs a <width> element"),
    ],
)
def test_errors_name_the_place_and_the_value(lane: Node, ask, said: str):
    with pytest.raises(MapError) as error:
        ask(lane)
    assert said in str(error.value)
    assert "OpenDRIVE text, road 7, lane section 1, lane 2, line 7: <lane>" in str(error.value)


def test_children_keep_file_order():
    root = parse_root("<OpenDRIVE><b/><a/><!-- no --><b/></OpenDRIVE>")[0]
    assert [child.tag for child in root.children()] == ["b", "a", "b"]
    assert len(root.all("b")) == 2
    assert root.first("c") is None


def test_text_of_a_file_is_decoded_as_it_declares(tmp_path: Path):
    path = tmp_path / "latin.xodr"
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><OpenDRIVE name="Straße"/>'
    path.write_bytes(text.encode("latin-1"))
    root, back = parse_root(path)
    assert root.text("name") == "Straße"
    assert back == text
    assert parse_root(text)[0].text("name") == "Straße"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path):
    path = tmp_path / "mark.xodr"
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_bytes('<?xml version="1.0"?><OpenDRIVE/>'.encode(encoding))
        assert parse_root(path)[1].startswith("<?xml")


@pytest.mark.parametrize(("data", "encoding"), [(b"a", "iso-ir-14"), (b"\x81", "cp1252")])
def test_an_encoding_that_only_the_parser_knows_is_a_map_error(data: bytes, encoding: str):
    with pytest.raises(MapError, match=r"a\.xodr: cannot be decoded .*; save the map as UTF-8"):
        node._decoded(data, encoding, "a.xodr")


def test_the_tree_is_free_of_namespaces_and_comments():
    tree, text = parse_tree("<OpenDRIVE xmlns='urn:a'><!-- no --><road/></OpenDRIVE>")
    assert [element.tag for element in tree.iter()] == ["OpenDRIVE", "road"]
    assert "<!-- no -->" in text


def test_entities_of_outside_files_are_not_read(tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret words")
    text = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]><OpenDRIVE><h>&e;</h></OpenDRIVE>'
    assert "secret words" not in parse_root(text)[0].need("h").body


def test_notes_count_and_keep_the_first_place(lane: Node):
    notes = Notes()
    notes.add("lanes are odd", lane)
    notes.add("roads are odd", lane)
    notes.add("lanes are odd", lane)
    first, second = notes.sentences()
    assert first.startswith("lanes are odd (2 times; first at OpenDRIVE text, road 7, ")
    assert second.startswith("roads are odd (1 times; ")
