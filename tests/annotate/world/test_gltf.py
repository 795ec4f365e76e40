"""The reader of glTF, against trimesh's and closed forms; damaged and hostile files."""

import base64
import json
import os
import struct

import numpy as np
import pytest
import trimesh

from rareworld.annotate.world import gltf, gltf_faces
from rareworld.annotate.world.gltf import read_gltf
from rareworld.annotate.world.gltf_faces import pieces_of
from rareworld.annotate.world.gltf_texture import Picture, decoded, means
from rareworld.errors import FormatError
from tests.annotate.world.own_samples import block, pbr, picture, png, toy_parts, write_glb

TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype="<f4")


def read(path):
    return pieces_of(read_gltf(path, path.parent))


def plain(path, **changes):
    """Write a .gltf of one triangle with its data inside; changes replace top-level lists."""
    data = TRIANGLE.tobytes()
    uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    values = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "one"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"byteLength": 36, "uri": uri}],
    }
    path.write_text(json.dumps(values | changes), encoding="utf-8")
    return path


def test_geometry_is_that_of_trimeshs_reader(tmp_path):
    path = write_glb(tmp_path / "toy.glb", toy_parts())
    ours = np.concatenate([piece.corners_m for piece in read(path)]).reshape(-1, 9)
    theirs = trimesh.load_scene(path).to_mesh().triangles.reshape(-1, 9)
    assert len(ours) == len(theirs)
    assert np.abs(np.sort(ours.sum(axis=1)) - np.sort(theirs.sum(axis=1))).max() < 1e-5
    assert ours.min(axis=0) == pytest.approx(theirs.min(axis=0), abs=1e-6)


def test_nodes_move_turn_and_scale_what_hangs_on_them(tmp_path):
    """A quarter turn about z after a stretch, below a shift: (1, 0, 0) goes to (5, 2, 0)."""
    half = float(np.sqrt(0.5))
    nodes = [
        {"name": "top", "children": [1], "translation": [5, 0, 0]},
        {"mesh": 0, "name": "leaf", "rotation": [0, 0, half, half], "scale": [2, 3, 1]},
    ]
    (piece,) = read(plain(tmp_path / "a.gltf", nodes=nodes))
    assert piece.nodes == ("top", "leaf", "")
    expected = [[5, 0, 0], [5, 2, 0], [2, 0, 0]]
    assert piece.corners_m[0] == pytest.approx(np.array(expected, float), abs=1e-6)


def test_mirrored_nodes_keep_the_outside_out(tmp_path):
    nodes = [{"mesh": 0, "matrix": [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}]
    (piece,) = read(plain(tmp_path / "a.gltf", nodes=nodes))
    a, b, c = piece.corners_m[0]
    assert np.cross(b - a, c - a)[2] > 0


@pytest.mark.parametrize(("mode", "expected"), [
    (4, [[0, 1, 2]]),
    (5, [[0, 1, 2], [1, 3, 2], [2, 3, 4]]),
    (6, [[0, 1, 2], [0, 2, 3], [0, 3, 4]]),
])  # fmt: skip
def test_lists_strips_and_fans(tmp_path, mode, expected):
    points = np.zeros((5, 3), "<f4")
    points[:, 0] = np.arange(5)
    uri = "data:;base64," + base64.b64encode(points.tobytes()).decode()
    path = plain(
        tmp_path / "a.gltf",
        buffers=[{"byteLength": 60, "uri": uri}],
        bufferViews=[{"buffer": 0, "byteLength": 60}],
        accessors=[{"bufferView": 0, "componentType": 5126, "count": 5, "type": "VEC3"}],
        meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "mode": mode}]}],
    )
    (piece,) = read(path)
    assert piece.corners_m[..., 0].tolist() == expected


def test_quantised_and_interleaved_numbers(tmp_path):
    """Normalised int16 with a stride of 8 bytes (KHR_mesh_quantization)."""
    raw = b"".join(struct.pack("<3hxx", *(int(32767 * v) for v in row)) for row in TRIANGLE)
    uri = "data:;base64," + base64.b64encode(raw).decode()
    path = plain(
        tmp_path / "a.gltf",
        extensionsRequired=["KHR_mesh_quantization"],
        buffers=[{"byteLength": 24, "uri": uri}],
        bufferViews=[{"buffer": 0, "byteLength": 24, "byteStride": 8}],
        accessors=[{"bufferView": 0, "componentType": 5122, "normalized": True, "count": 3,
                    "type": "VEC3"}],
    )  # fmt: skip
    (piece,) = read(path)
    assert piece.corners_m[0] == pytest.approx(TRIANGLE)


def test_colours_come_from_factor_times_texture(tmp_path):
    """Left half of the picture red, right half white; coded 188 is 0.503 linear."""
    image = picture([[[188, 0, 0], [255, 255, 255]]])
    parts = {
        name: block((1, 1, 1), (0, 0, 0), pbr(name, (0.5, 1.0, 1.0), baseColorTexture=image),
                    np.full((8, 2), u))
        for name, u in (("left", 0.25), ("right", 0.75))
    }  # fmt: skip
    left, right = read(write_glb(tmp_path / "a.glb", parts))
    assert left.colour[0] == pytest.approx([0.5 * 0.5029, 0, 0], abs=3e-3)
    assert right.colour[0] == pytest.approx([0.5, 1, 1], abs=3e-3)


def data_of(*arrays):
    """Buffers, views and accessors of arrays, as changes of `plain`."""
    types = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
    codes = {"f4": 5126, "u1": 5121, "u2": 5123, "u4": 5125}
    views, accessors, body = [], [], b""
    for array in arrays:
        raw = array.tobytes()
        views.append({"buffer": 0, "byteOffset": len(body), "byteLength": len(raw)})
        accessors.append({
            "bufferView": len(views) - 1, "componentType": codes[array.dtype.str[1:]],
            "count": len(array), "type": types[array.shape[1] if array.ndim > 1 else 1],
            "normalized": array.dtype.kind == "u" and array.ndim > 1,
        })  # fmt: skip
        body += raw + bytes(-len(raw) % 4)
    uri = "data:;base64," + base64.b64encode(body).decode()
    buffers = [{"byteLength": len(body), "uri": uri}]
    return {"buffers": buffers, "bufferViews": views, "accessors": accessors}


def mesh_of(**attributes):
    return [{"primitives": [{"attributes": attributes, "material": 0}], "name": "shape"}]


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_vertex_colours_are_linear_and_multiply_the_factor(tmp_path, dtype):
    """Corners of full red, green and blue: a third of each, times (1, 0.5, 1)."""
    most = np.iinfo(dtype).max
    colours = (most * np.hstack([np.eye(3), np.ones((3, 1))])).astype("<" + dtype)
    path = plain(
        tmp_path / "a.gltf", **data_of(TRIANGLE, colours),
        meshes=mesh_of(POSITION=0, COLOR_0=1),
        materials=[{"name": "m", "pbrMetallicRoughness": {"baseColorFactor": [1, 0.5, 1, 1]}}],
    )  # fmt: skip
    (piece,) = read(path)
    assert piece.colour[0] == pytest.approx([1 / 3, 1 / 6, 1 / 3])
    assert (piece.material, piece.nodes) == ("m", ("one", "shape"))
    assert (piece.metallic, piece.roughness) == (1.0, 1.0)


@pytest.mark.parametrize(("change", "column"), [
    ({}, 0), ({"offset": [0.5, 0]}, 2), ({"scale": [3, 1], "offset": [0.3, 0]}, 2),
    ({"rotation": float(np.pi), "offset": [0.95, 0.9]}, 3), ({"texCoord": 1}, 3),
])  # fmt: skip
def test_textures_are_moved_as_the_extension_says(tmp_path, change, column):
    """Four columns 0, 85, 170, 255; the triangle lies at u = 0.1 (set 0) and 0.9 (set 1)."""
    image = png([[[85 * k] * 3 for k in range(4)]])
    uri = "data:image/png;base64," + base64.b64encode(image).decode()
    sets = [np.full((3, 2), u, "<f4") for u in (0.1, 0.9)]
    use = {"index": 0, "extensions": {"KHR_texture_transform": change}}
    path = plain(
        tmp_path / "a.gltf", **data_of(TRIANGLE, *sets),
        extensionsRequired=["KHR_texture_transform", "KHR_materials_unlit"],
        meshes=mesh_of(POSITION=0, TEXCOORD_0=1, TEXCOORD_1=2),
        materials=[{"pbrMetallicRoughness": {"baseColorTexture": use}}],
        textures=[{"source": 0}], images=[{"uri": uri}],
    )  # fmt: skip
    (piece,) = read(path)
    coded = 85 * column / 255
    linear = coded / 12.92 if coded <= 0.04045 else ((coded + 0.055) / 1.055) ** 2.4
    assert piece.colour[0] == pytest.approx([linear] * 3, abs=1e-6)


TEXTURED = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}


@pytest.mark.parametrize(("changes", "message"), [
    ({"meshes": mesh_of(POSITION=0)}, "without TEXCOORD_0"),
    ({"meshes": mesh_of(POSITION=0, TEXCOORD_0=0)}, "names texture 0, but has 0"),
    ({"meshes": mesh_of(POSITION=0, TEXCOORD_0=1)}, r"TEXCOORD_0 has shape \(2, 2\), expected 3"),
    ({"textures": [{}]}, "texture 0 is in a format"),
    ({"textures": [{"source": 0}]}, "names image 0"),
    ({"textures": [{"source": 0}], "images": [{}]}, "neither a file nor data"),
    ({"textures": [{"source": 0}], "images": [{"uri": "../x.png"}]}, "lies outside"),
    ({"textures": [{"source": 0, "sampler": 3}], "images": [{}]}, "names sampler 3"),
    ({"materials": []}, "names material 0"),
])  # fmt: skip
def test_textures_that_are_not_there_are_named(tmp_path, changes, message):
    base = data_of(TRIANGLE, np.zeros((2, 2), "<f4"))
    base |= {"meshes": mesh_of(POSITION=0, TEXCOORD_0=0), "materials": [TEXTURED]}
    with pytest.raises(FormatError, match=message):
        read(plain(tmp_path / "a.gltf", **(base | changes)))


def test_without_scenes_all_roots_are_read(tmp_path):
    nodes = [{"name": "leaf", "mesh": 0}, {"name": "root", "children": [0]}, {"mesh": 0}]
    path = plain(tmp_path / "a.gltf", scenes=[], nodes=nodes)
    assert [piece.nodes for piece in read(path)] == [("root", "leaf", ""), ("", "")]


def test_a_triangle_takes_the_mean_of_its_texture():
    """The lower left half of a ramp in u: the mean of 1 - u over it is 2/3 of the way."""
    ramp = np.zeros((1, 256, 4), np.uint8)
    ramp[..., 3] = np.arange(256)
    uv = np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    found = means(Picture(ramp, (33071, 33071)), uv)
    assert found[0, 3] == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize(("wrap", "expected"), [(10497, 0), (33071, 1), (33648, 1)])
def test_textures_go_on_beyond_their_borders(wrap, expected):
    """u = 1.25 is column 0 again, the last column, or the last column mirrored."""
    pixels = np.zeros((1, 2, 4), np.uint8)
    pixels[0, 1] = 255
    found = means(Picture(pixels, (wrap, wrap)), np.full((1, 3, 2), 1.25))
    assert found[0] == pytest.approx(np.full(4, expected))


def test_what_a_cut_out_texture_hides_is_left_out(tmp_path):
    image = picture([[[9, 9, 9, 0], [9, 9, 9, 255]]])
    parts = {
        name: block((1, 1, 1), (0, 0, 0), pbr(name, baseColorTexture=image, alphaMode="MASK",
                                              alphaCutoff=0.5), np.full((8, 2), u))
        for name, u in (("hidden", 0.25), ("shown", 0.75))
    }  # fmt: skip
    pieces = read(write_glb(tmp_path / "a.glb", parts))
    assert [piece.material for piece in pieces] == ["shown"]


@pytest.mark.parametrize("uri", ["../secret.bin", "/etc/hostname", "..%2Fsecret.bin",
    "http://host/x.bin", "file:///etc/hostname", "a\\..\\..\\secret.bin"])  # fmt: skip
def test_files_outside_the_folder_are_refused(tmp_path, uri):
    (tmp_path / "secret.bin").write_bytes(TRIANGLE.tobytes())
    folder = tmp_path / "models"
    folder.mkdir()
    path = plain(folder / "a.gltf", buffers=[{"byteLength": 36, "uri": uri}])
    with pytest.raises(FormatError, match="beside the manifest"):
        read(path)


def test_a_file_beside_it_is_read(tmp_path):
    (tmp_path / "my data.bin").write_bytes(TRIANGLE.tobytes())
    path = plain(tmp_path / "a.gltf", buffers=[{"byteLength": 36, "uri": "my%20data.bin"}])
    assert read(path)[0].corners_m[0] == pytest.approx(TRIANGLE)


def test_every_cut_of_a_file_is_an_error_that_names_it(tmp_path):
    whole = write_glb(tmp_path / "toy.glb", {"one": block((1, 1, 1), (0, 0, 0), pbr("x"))})
    data = whole.read_bytes()
    path = tmp_path / "cut.glb"
    for length in range(0, len(data) - 1, 61):
        path.write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"cut\.glb: .*; "):
            read(path)


def test_random_damage_is_an_error_or_harmless(tmp_path):
    """Flipped bytes never end in another error than FormatError."""
    image = picture([[[188, 0, 0], [255, 255, 255]]])
    one = block((1, 1, 1), (0, 0, 0), pbr("x", baseColorTexture=image))
    data = np.frombuffer(write_glb(tmp_path / "toy.glb", {"one": one}).read_bytes(), np.uint8)
    rng = np.random.default_rng(5)
    path, refused = tmp_path / "bad.glb", 0
    for _ in range(250):
        bad = data.copy()
        bad[rng.integers(len(bad), size=3)] = rng.integers(256, size=3)
        path.write_bytes(bad.tobytes())
        try:
            read(path)
        except FormatError:
            refused += 1
    assert refused > 50


REFUSED = [
    ({"extensionsRequired": ["KHR_draco_mesh_compression"]}, "DRACO|draco.*without mesh compr"),
    ({"extensionsRequired": ["EXT_meshopt_compression"]}, "meshopt.*without mesh compression"),
    ({"extensionsRequired": ["KHR_materials_pbrSpecularGlossiness"]}, "not supported"),
    ({"extensionsRequired": ["VENDOR_x"]}, "needs the extension VENDOR_x"),
    ({"asset": {"version": "1.0"}}, "is glTF 1.0; export it as glTF 2.0"),
    ({"asset": {}}, "asset.version"),
    ({"nodes": [{"mesh": 4}]}, "names mesh 4, but has 1"),
    ({"nodes": [{"mesh": "x"}]}, "nodes.0.mesh"),
    ({"nodes": [{"children": [0]}]}, "node 0 hangs on two others or on itself"),
    ({"nodes": [{"name": "empty"}]}, "holds no triangles"),
    ({"scenes": [{"nodes": [9]}]}, "names node 9"),
    ({"meshes": [{"primitives": [{"attributes": {}}]}]}, "without POSITION"),
    ({"meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "mode": 1}]}]}, "no triangles"),
    ({"meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 0}]}]}, "unsigned"),
    ({"bufferViews": [{"buffer": 0, "byteLength": 99}]}, "ends at byte 99 of a buffer of 36"),
    ({"bufferViews": [{"buffer": 0, "byteLength": 35}]}, "needs 36 bytes of a slice of 35"),
    ({"accessors": [{"componentType": 5126, "count": 3, "type": "VEC3"}]}, "no data of its own"),
    ({"accessors": [{"bufferView": 0, "componentType": 5126, "count": 10**9, "type": "VEC3"}]},
     "needs 12000000000 bytes"),
    ({"nodes": [{"mesh": 0, "scale": [1e300, 1, 1], "translation": [1e308, 0, 0]}]}, "farther"),
    ({"nodes": [{"mesh": 0, "children": [1]}, {"children": [0]}]}, "hangs on two others"),
    ({"nodes": [{"mesh": 0, "matrix": [1, 2]}]}, r"nodes\.0\.matrix"),
    ({"buffers": [{"byteLength": 36}]}, "buffer 0 should have 36 bytes, found 0"),
    ({"buffers": [{"byteLength": 36, "uri": "data:;base64,@@"}]}, "damaged base64"),
    ({"buffers": [{"byteLength": 36, "uri": "data:text/plain,x"}]}, "not base64"),
    ({"buffers": [{"byteLength": 36, "uri": "none.bin"}]}, "cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_cannot_be_read_is_named_with_file_and_remedy(tmp_path, changes, message):
    path = plain(tmp_path / "a.gltf", **changes)
    with pytest.raises(FormatError, match=message) as caught:
        read(path)
    assert "a.gltf" in str(caught.value) or "none.bin" in str(caught.value)
    assert "; " in str(caught.value)


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    bad = TRIANGLE.copy()
    bad[1, 1] = np.nan
    uri = "data:;base64," + base64.b64encode(bad.tobytes()).decode()
    with pytest.raises(FormatError, match="not finite"):
        read(plain(tmp_path / "a.gltf", buffers=[{"byteLength": 36, "uri": uri}]))


def test_too_many_triangles_and_too_large_files_are_refused(tmp_path, monkeypatch):
    path = write_glb(tmp_path / "toy.glb", toy_parts())
    monkeypatch.setattr(gltf_faces, "MAX_TRIANGLES", 100)
    with pytest.raises(FormatError, match=r"more than 100 triangles; simplify"):
        read(path)
    monkeypatch.setattr(gltf, "MAX_BYTES", 1000)
    with pytest.raises(FormatError, match="the limit is 1000; simplify"):
        read(path)


def test_a_file_named_often_is_read_once_and_all_together_are_limited(tmp_path, monkeypatch):
    often = [{"byteLength": 36, "uri": "a.bin"}] * 8
    (tmp_path / "a.bin").write_bytes(TRIANGLE.tobytes())
    path = plain(tmp_path / "a.gltf", buffers=often)
    held = read_gltf(path, tmp_path).buffers
    assert len(held) == 8
    assert all(one is held[0] for one in held)
    for k in range(8):
        (tmp_path / f"{k}.bin").write_bytes(bytes(1000))
    many = [{"byteLength": 36, "uri": f"{k}.bin"} for k in range(8)]
    path = plain(tmp_path / "a.gltf", buffers=many)
    assert len(read_gltf(path, tmp_path).buffers) == 8
    monkeypatch.setattr(gltf, "MAX_BYTES", 7999)
    with pytest.raises(FormatError, match="names more than 7999 bytes"):
        read_gltf(path, tmp_path)
    monkeypatch.setattr(gltf, "MAX_BUFFERS", 7)
    with pytest.raises(FormatError, match="has 8 buffers, the limit is 7"):
        read_gltf(path, tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes there")
def test_only_regular_files_are_read(tmp_path):
    """Reading a pipe would wait for ever."""
    os.mkfifo(tmp_path / "a.bin")
    path = plain(tmp_path / "a.gltf", buffers=[{"byteLength": 36, "uri": "a.bin"}])
    with pytest.raises(FormatError, match=r"a\.bin: is not a regular file"):
        read_gltf(path, tmp_path)


@pytest.mark.parametrize("data", [b"", b"GIF89a", png([[[1, 2, 3]] * 40] * 40)[:60]])
def test_pictures_that_cannot_be_decoded_are_named(tmp_path, data):
    with pytest.raises(FormatError, match=r"a\.glb: has a texture that cannot be decoded"):
        decoded(tmp_path / "a.glb", data, (10497, 10497))


@pytest.mark.parametrize("text", ["", "[]", "{", "nonsense", "[" * 100_000])
def test_text_that_is_no_document(tmp_path, text):
    path = tmp_path / "a.gltf"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"a\.gltf: "):
        read(path)
