"""Own vehicles: turned and fitted, painted, lit, rolling; and what is wrong with a manifest."""

from dataclasses import fields, replace

import numpy as np
import pytest
import trimesh
from trimesh.transformations import translation_matrix

from rareworld.annotate.pipeline import AnnotateConfig
from rareworld.annotate.render.config import RenderConfig
from rareworld.annotate.render.raster_renderer import RasterRenderer
from rareworld.annotate.world import own_models
from rareworld.annotate.world.aftermath.crumple import crumpled
from rareworld.annotate.world.build import WorldConfig, build_world
from rareworld.annotate.world.cast import PARKED, Prototypes, linear, make_cast
from rareworld.annotate.world.gltf import read_gltf
from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.model import Beam, Paint
from rareworld.annotate.world.own_models import LAMPS, fingerprint, read_model
from rareworld.annotate.world.own_vehicles import WHEEL, OwnVehicles, read_own_vehicles
from rareworld.annotate.world.vehicles import figure
from rareworld.annotate.world.wardrobe import Dress
from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.camera import Camera
from rareworld.core.road import RoadMap
from rareworld.core.scene import Actor, Scene
from rareworld.core.taxonomy import ClassId
from rareworld.core.trajectory import Lamp, Recording, Tracks
from rareworld.errors import ConfigError, FormatError
from tests.annotate.world.own_samples import (
    FILE_AXES,
    SIZE,
    block,
    pbr,
    toy_parts,
    write_glb,
    write_manifest,
    write_toy,
)
from tests.annotate.world.world_scenes import make_recording

SALOON = BLUEPRINTS["saloon"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("toy")
    write_toy(made)
    return made


@pytest.fixture(scope="module")
def toy(folder) -> OwnVehicles:
    return read_own_vehicles([folder / "toy.yaml"], seed=1)


@pytest.fixture(scope="module")
def street() -> Recording:
    """One red saloon that drives, on a crossing without props."""
    recording = make_recording(num_frames=3)
    row = next(k for k, a in enumerate(recording.scene.actors) if a.blueprint == "saloon")
    world = replace(recording.scene, actors=(recording.scene.actors[row],), props=())
    tracks = recording.tracks
    return replace(
        recording, scene=world,
        tracks=Tracks(time_s=tracks.time_s, **{
            f.name: getattr(tracks, f.name)[row : row + 1] for f in fields(Tracks)[1:]
        }),
    )  # fmt: skip


def soup_of(own: OwnVehicles):
    return own.models[0].figure(driven=True).parts[0].shape


def point(values) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def centre_of(shape, name):
    return shape.corners_m[shape.material == material(name)].mean(axis=(0, 1))


def points_of(own: OwnVehicles):
    """All points of body and resting wheels."""
    return np.concatenate(
        [
            part.shape.corners_m.reshape(-1, 3) + part.joint.pivot_m
            for part in own.models[0].figure(driven=True).parts
        ]
    )


def turns_of_axes():
    """Every right-handed way to name ahead and up, with the matrix that leads there."""
    axes = [f"{sign}{axis}" for axis in "xyz" for sign in "+-"]
    unit = {name: (1 if name[0] == "+" else -1) * np.eye(3)["xyz".index(name[1])] for name in axes}
    for ahead in axes:
        for up in axes:
            if ahead[1] != up[1]:
                turn = np.stack([unit[ahead], np.cross(unit[up], unit[ahead]), unit[up]], axis=1)
                yield ahead, up, turn


@pytest.mark.parametrize(("ahead", "up", "turn"), list(turns_of_axes()))
def test_whatever_the_axes_the_car_looks_ahead_and_fills_its_box(tmp_path, ahead, up, turn):
    """24 frames; the file's size is another than the blueprint's."""
    axes = np.eye(4)
    axes[:3, :3], bare = turn, ("glass",)
    own = read_own_vehicles([write_toy(tmp_path, axes=axes, forward=ahead, up=up, without=bare)], 1)
    points = points_of(own)
    box = np.array(SALOON.size_m)
    assert points.max(axis=0) - points.min(axis=0) == pytest.approx(box, abs=1e-3)
    assert points.min(axis=0) == pytest.approx([-box[0] / 2, -box[1] / 2, 0], abs=1e-3)
    shape = soup_of(own)
    assert centre_of(shape, "head lamp")[0] > 2.0
    assert centre_of(shape, "brake lamp")[0] < -2.0
    assert centre_of(shape, "left blinker")[1] > 0.6 > -0.6 > centre_of(shape, "right blinker")[1]
    assert (shape.class_id == int(ClassId.CAR)).all()


def test_mirrors_outside_the_box_do_not_shrink_the_body(tmp_path):
    parts = toy_parts()
    parts["mirror"] = block((0.1, 2.4, 0.1), (0.5, 0, 0.9), pbr("shell"))
    write_glb(tmp_path / "toy.glb", parts)
    own = read_own_vehicles([write_manifest(tmp_path, outside="mirror")], 1)
    shape = soup_of(own)
    body = shape.corners_m[shape.material == material("paint")]
    assert np.ptp(body[..., 1]) == pytest.approx(SALOON.width_m, abs=1e-3)
    assert np.ptp(shape.corners_m[..., 1]) == pytest.approx(2.4 * SALOON.width_m / 1.8, abs=1e-3)


def test_an_exact_model_keeps_its_size_and_others_are_refused_with_the_nearest(tmp_path):
    own = read_own_vehicles([write_toy(tmp_path, size=np.array(SALOON.size_m), fit="exact")], 1)
    assert np.ptp(points_of(own), axis=0) == pytest.approx(SALOON.size_m, abs=1e-3)
    within = np.array(SALOON.size_m) * (1.02, 0.98, 1.0)
    own = read_own_vehicles([write_toy(tmp_path, size=within, fit="exact")], 1)
    assert np.ptp(points_of(own), axis=0) == pytest.approx(within, abs=1e-3)
    wrong = np.array(BLUEPRINTS["suv"].size_m)
    with pytest.raises(ConfigError, match=r"4\.55 x 1\.87 x 1\.68 m.*nearest are suv .*: choose"):
        read_own_vehicles([write_toy(tmp_path, size=wrong, fit="exact")], 1)


def test_a_model_of_other_proportions_is_not_drawn_out(tmp_path):
    with pytest.raises(ConfigError, match=r"proportions than city_bus.*check forward and up"):
        read_own_vehicles([write_toy(tmp_path, blueprint="city_bus")], 1)


@pytest.mark.parametrize(("kind", "bit"), [("head", Lamp.LOW_BEAM), ("brake", Lamp.BRAKE),
    ("left_blinker", Lamp.LEFT_BLINKER), ("right_blinker", Lamp.RIGHT_BLINKER)])  # fmt: skip
def test_lamps_are_lit_by_the_bits_of_the_state_and_light_the_road(toy, kind, bit):
    shape = soup_of(toy)
    assert (shape.material == material(LAMPS[kind])).any()
    assert MATERIALS[material(LAMPS[kind])].lit_when & int(bit)
    lights = toy.models[0].figure(driven=True).parts[0].lights
    mine = [light for light in lights if light.lit_when == int(bit)]
    assert len(mine) == (2 if kind == "head" else 1)
    for light in mine:
        assert light.direction[0] * (-1 if kind == "brake" else 1) > 0.99
    beams = [light for light in lights if light.beam is Beam.LOW_BEAM]
    assert sorted(np.sign(light.position_m[1]) for light in beams) == [-1, 1]


def test_beacons_of_one_material_flash_left_and_right(tmp_path):
    parts = toy_parts()
    for side, name in ((1, "l"), (-1, "r")):
        parts[f"blue_{name}"] = block((0.2, 0.3, 0.1), (0, 0.4 * side, 1.4), pbr("dome"))
    write_glb(tmp_path / "toy.glb", parts)
    lamps = {"beacon_a": "dome", "beacon_b": "dome"}
    own = read_own_vehicles([write_manifest(tmp_path, lamps=lamps)], 1)
    shape, lights = soup_of(own), own.models[0].figure(driven=True).parts[0].lights
    assert centre_of(shape, "beacon a")[1] > 0.3 > -0.3 > centre_of(shape, "beacon b")[1]
    assert {light.lit_when for light in lights} == {int(Lamp.SPECIAL_1), int(Lamp.SPECIAL_2)}
    assert all(light.outer_rad == pytest.approx(np.pi) for light in lights)


@pytest.mark.parametrize(("metal", "rough"), [(0.0, 0.3), (1.0, 0.1), (0.5, 0.0)])
def test_metal_and_roughness_become_mirror_and_gloss(tmp_path, metal, rough):
    finish = pbr("steel", (0.6, 0.6, 0.6), rough=rough, metal=metal)
    write_glb(tmp_path / "toy.glb", {"box": block(SALOON.size_m, (0, 0, 0.72), finish)})
    bare = ("glass", "paint", "lamps", "wheels")
    (made,) = read_own_vehicles([write_manifest(tmp_path, without=bare)], 1).materials
    assert made.roughness == pytest.approx(max(rough, 0.08), abs=0.005)
    assert made.specular == pytest.approx(0.04 + 0.5 * metal * 0.6, abs=0.005)
    assert made.colour == pytest.approx([0.6 * (1 - 0.5 * metal)] * 3, abs=0.005)
    assert made.specular + max(made.colour) < 1


def test_a_colourful_model_keeps_to_its_number_of_materials(tmp_path):
    """Sixty colours; the mean over the surface stays what it was."""
    rng = np.random.default_rng(4)
    size = SALOON.size_m
    parts = {
        f"p{k}": block((size[0] / 60, size[1], size[2]), (size[0] * ((k + 0.5) / 60 - 0.5), 0, 0),
                       pbr(f"m{k}", tuple(rng.uniform(0.05, 1, 3).tolist())))
        for k in range(60)
    }  # fmt: skip
    write_glb(tmp_path / "toy.glb", parts)
    bare = ("glass", "paint", "lamps", "wheels")
    path = write_manifest(tmp_path, without=bare)
    own = read_own_vehicles([path], 1)
    assert len(own.materials) == 20
    wanted = np.concatenate([face.colour for face in read_model(path).body])
    shape = soup_of(own)
    table = np.array([made.colour for made in own.materials])
    found = table[shape.material - len(MATERIALS)]
    assert len(found) == len(wanted) == 720
    assert found.mean(axis=0) == pytest.approx(wanted.mean(axis=0), abs=0.02)


def test_wheels_spin_without_slip_and_only_the_front_ones_steer(tmp_path):
    """The toy is stretched by different factors, its wheels stay round."""
    own = read_own_vehicles([write_toy(tmp_path, size=SIZE * (1.2, 1, 1))], 1)
    made = own.models[0].figure(driven=True)
    assert len(made.parts) == 5
    steer = [part.joint.steer for part in made.parts[1:]]
    assert steer == [1.0, 1.0, 0.0, 0.0]
    for part in made.parts[1:]:
        x, y, z = part.joint.pivot_m
        radius = np.ptp(part.shape.corners_m[..., 2]) / 2
        assert np.ptp(part.shape.corners_m[..., 0]) == pytest.approx(2 * radius, abs=1e-6)
        assert part.joint.spin * radius == pytest.approx(SALOON.wheel_radius_m)
        assert z == pytest.approx(radius, abs=1e-6)
        assert abs(y) > 0.6
        assert np.sign(x) == (1 if part.joint.steer else -1)
        assert part.shape.corners_m.mean(axis=(0, 1)) == pytest.approx(np.zeros(3), abs=1e-6)


def test_without_wheels_the_body_is_one_part(tmp_path):
    own = read_own_vehicles([write_toy(tmp_path, without=("wheels", "glass"))], 1)
    made = own.models[0].figure(driven=True)
    assert len(made.parts) == 1
    assert made.parts[0].cabin is None


def test_behind_the_glass_is_the_blueprints_cabin_empty_where_parked(toy):
    full, empty = (toy.models[0].figure(driven=driven).parts[0].cabin for driven in (True, False))
    assert full is not None
    assert empty is not None
    own = figure("saloon", 0).parts[0].cabin
    assert own is not None
    assert np.array_equal(full.boxes_m, own.boxes_m)
    assert len(empty.boxes_m) < len(full.boxes_m)


def cast_of(own: OwnVehicles, *actors: Actor):
    shapes = Prototypes(38.0, Dress.FAIR, own)
    return make_cast(
        Scene(name="s", road=RoadMap(name="r", lanes={}), actors=actors), shapes
    ), shapes


def test_paint_follows_the_actor_and_meshes_are_shared(toy):
    red, blue = (0.8, 0.1, 0.1), (0.1, 0.1, 0.9)
    cast, shapes = cast_of(
        toy, Actor(id=1, blueprint="saloon", colour=red, style=2),
        Actor(id=2, blueprint="saloon", colour=blue, style=5),
        Actor(id=3, blueprint="saloon", role=PARKED),
    )  # fmt: skip
    first, second = cast.instances[0], cast.instances[5]
    assert first.body_colour == linear(red)
    assert second.body_colour == linear(blue)
    assert first.prototype == second.prototype != cast.instances[10].prototype
    mesh = shapes.meshes[first.prototype]
    assert MATERIALS[material("paint")].paint is Paint.BODY
    assert (mesh.material == material("paint")).sum() == 12


def test_other_colours_become_materials_behind_those_of_the_house(toy):
    (model,) = toy.models
    colours = {made.name: made.colour for made in toy.materials}
    assert list(colours) == ["own toy 0", f"{WHEEL} toy 0"]
    assert colours["own toy 0"] == pytest.approx((0.02,) * 3, abs=0.002)  # 8 bits in the file
    assert colours[f"{WHEEL} toy 0"] == pytest.approx((0.01,) * 3, abs=0.002)
    assert set(np.unique(model.body.material)) > {len(MATERIALS)}
    assert all((wheel.material == len(MATERIALS) + 1).all() for wheel in model.wheels)


def test_two_models_share_a_blueprint_and_have_their_own_materials(tmp_path):
    one = write_toy(tmp_path, share=0.25)
    two = write_manifest(tmp_path, "two.yaml", share=0.5)
    own = read_own_vehicles([one, two], seed=3)
    low, high = (np.unique(m.body.material).max() for m in own.models)
    assert (low, high) == (len(MATERIALS), len(MATERIALS) + 2)
    worn = [own.of(Actor(id=k, blueprint="saloon")) for k in range(1, 401)]
    counts = [sum(model is wanted for model in worn) for wanted in (*own.models, None)]
    assert np.abs(np.array(counts) / 400 - (0.25, 0.5, 0.25)).max() < 0.07
    again = read_own_vehicles([one, two], seed=3)
    same = [again.of(Actor(id=k, blueprint="saloon")) for k in range(1, 401)]
    assert [m.number if m else None for m in worn] == [m.number if m else None for m in same]
    with pytest.raises(ConfigError, match=r"add up to 1\.1"):
        read_own_vehicles([one, two, write_manifest(tmp_path, "x.yaml", share=0.35)], 3)
    with pytest.raises(ConfigError, match="named twice"):
        read_own_vehicles([one, one], 3)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_none_or_all(tmp_path, share):
    own = read_own_vehicles([write_toy(tmp_path, share=share)], seed=9)
    worn = [own.of(Actor(id=k, blueprint="saloon")) is not None for k in range(1, 61)]
    assert all(worn) if share else not any(worn)
    assert own.of(Actor(id=1, blueprint="van")) is None


def test_without_models_nothing_is_worn_and_nothing_added():
    assert OwnVehicles().of(Actor(id=1, blueprint="saloon")) is None
    assert read_own_vehicles((), 1).materials == ()


def test_the_world_draws_own_vehicles_the_same_way_each_time(folder, street):
    config = WorldConfig(vehicles=(folder / "toy.yaml",), verge_m=20, prop_margin_m=10)
    (scene, poser), (again, _) = (build_world(street, (0, 0), 30.0, config) for _ in range(2))
    assert [made.name for made in scene.materials] == [
        *(made.name for made in MATERIALS), "own toy 0", f"{WHEEL} toy 0",
    ]  # fmt: skip
    row = street.scene.actors[0].id
    mine = [k for k, made in enumerate(scene.instances) if made.object_id == row]
    body = scene.prototypes[scene.instances[mine[0]].prototype]
    assert body.material.max() >= len(MATERIALS)
    assert all(
        np.array_equal(a.vertices_m, b.vertices_m) and np.array_equal(a.material, b.material)
        for a, b in zip(scene.prototypes, again.prototypes, strict=True)
    )
    start, later = (poser.at(t).transforms[mine[1]] for t in (0.0, 0.1))
    assert not np.allclose(start[:, :3], later[:, :3], atol=0.05)
    assert [scene.instances[k].rolls for k in mine] == [False, True, True, True, True]


def test_dents_break_lamps_and_keep_own_materials(toy):
    shapes = cast_of(toy, Actor(id=1, blueprint="saloon"))[1]
    nose = np.array([2.3, 0.6, 0.7])
    dented = crumpled(shapes.meshes[0], nose, np.array([-1.0, 0, 0]), 0.3, 0.8)
    assert (dented.material == material("lamp broken")).any()
    assert (dented.material >= len(MATERIALS)).any()


WRONG = [
    ({"blueprint": "salon"}, r"unknown 'salon' \(did you mean 'saloon'\?\)"),
    ({"blueprint": "bicycle"}, "can only replace closed vehicles"),
    ({"paint": "laquer"}, r"paint: the model has no 'laquer' \(did you mean 'lacquer'\?\)"),
    ({"glass": ["windows"]}, "glass: .*did you mean 'window'"),
    ({"lamps": {"head": "lense"}}, r"lamps\.head: .*did you mean 'lens'"),
    ({"lamps": {"hed": "lens"}}, r"lamps\.hed"),
    ({"lamps": {"head": "lens", "tail": "lens"}}, "can only be one lamp"),
    ({"wheels": {"front_left": "wheel_lf"}}, r"wheels\.front_left: .*did you mean 'wheel_fr'"),
    ({"wheels": {"front_left": "tyre"}}, r"wheels\.front_left: the model has no"),
    ({"paint": "window"}, "cannot be both paint and glass"),
    ({"node": "bodie"}, r"node: .*did you mean 'body'"),
    ({"forward": "+y"}, "are one axis"),
    ({"forward": "up"}, "forward"),
    ({"share": 1.5}, "share"),
    ({"file_": "x"}, "unknown key 'file_'.*'file'"),
    ({"outside": "all"}, "outside: leaves nothing to measure"),
    ({"wheels": {"front_left": "all"}}, "wheels: leave no body"),
    ({"regions": {"far": [[9, 9, 9], [10, 10, 10]]}}, "regions: the model has no 'far'"),
    ({"regions": {"far": [[9, 9], [10, 10]]}}, r"regions\.far"),
    ({"file": "none.yaml", "fit": "squeeze"}, "fit: "),
    ({"wheels": {}, "node": "bumper", "lamps": {}, "glass": (), "paint": ()}, "proportions"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_a_wrong_manifest_names_field_found_and_remedy(folder, tmp_path, changes, message):
    (tmp_path / "toy.glb").write_bytes((folder / "toy.glb").read_bytes())
    path = write_manifest(tmp_path, **changes)
    with pytest.raises(ConfigError, match=message) as caught:
        read_model(path)
    assert str(path) in str(caught.value)


def test_one_node_of_many_is_one_vehicle(tmp_path):
    """A saloon and a lorry's box in one file."""
    cars = {f"car/{name}": part for name, part in toy_parts().items()}
    lorry = {"lorry/box": block((7.6, 2.4, 3.3), (9.0, 4.0, 1.65), pbr("canvas"))}
    write_glb(tmp_path / "toy.glb", cars | lorry)
    bare = ("paint", "glass", "lamps", "wheels")
    model = read_model(write_manifest(tmp_path, node="lorry", blueprint="box_truck", without=bare))
    (face,) = model.body
    assert len(face.corners_m) == 12
    assert np.ptp(face.corners_m, axis=(0, 1)) == pytest.approx(model.spec.size_m, abs=1e-3)
    with pytest.raises(ConfigError, match="the model has no 'lacquer'"):
        read_model(write_manifest(tmp_path, node="lorry", blueprint="box_truck"))


def test_what_decides_a_clip_are_names_and_content_of_models(tmp_path):
    """So a job draws anew what was drawn with another model of the same name."""
    path = write_toy(tmp_path)
    config = AnnotateConfig.parse({"world": {"vehicles": [str(path)]}})
    first = config.decisive()["world"]
    assert first["vehicles"] == [str(path)]
    assert config.decisive()["world"] == first
    write_manifest(tmp_path, share=0.5)
    second = config.decisive()["world"]
    write_toy(tmp_path, size=SIZE * 1.01, share=0.5)
    third = config.decisive()["world"]
    assert len({told["vehicles_sha256"][0] for told in (first, second, third)}) == 3
    assert "vehicles_sha256" not in AnnotateConfig().decisive()["world"]
    with pytest.raises(ConfigError, match="cannot be read"):
        AnnotateConfig.parse({"world": {"vehicles": ["none.yaml"]}}).decisive()


def test_a_model_is_read_again_only_when_a_file_of_it_changes(tmp_path, monkeypatch):
    """Also when only a file that the model names does."""
    write_manifest(tmp_path, file="a.gltf")
    text = '{"asset": {"version": "2.0"}, "buffers": [{"byteLength": 36, "uri": "a.bin"}]}'
    (tmp_path / "a.gltf").write_text(text, encoding="utf-8")
    (tmp_path / "a.bin").write_bytes(bytes(36))
    read = []

    def counted(path, folder):
        read.append(path)
        return read_gltf(path, folder)

    monkeypatch.setattr(own_models, "read_gltf", counted)
    first = fingerprint(tmp_path / "toy.yaml")
    seen = len(read)
    assert seen
    assert fingerprint(tmp_path / "toy.yaml") == first
    assert len(read) == seen
    (tmp_path / "a.bin").write_bytes(bytes(40))
    assert fingerprint(tmp_path / "toy.yaml") != first
    (tmp_path / "a.bin").unlink()
    with pytest.raises(FormatError, match=r"a\.bin: cannot be read"):
        fingerprint(tmp_path / "toy.yaml")


def test_an_own_vehicle_is_drawn_in_its_colour_and_its_lamp_shines(folder, street):
    """A red toy in the middle of a picture by day; its stop lamps are lit in the recording."""
    config = WorldConfig(vehicles=(folder / "toy.yaml",), verge_m=20, prop_margin_m=10)
    scene, poser = build_world(street, (0, 0), 30.0, config)
    now = poser.at(0.0)
    at, ahead = now.transforms[0, :, 3], now.transforms[0, :, 0]
    eye = at - 8 * ahead + np.array([0, 0, 3.0])
    camera = Camera.looking_at("c", point(eye), point(at), width=64, height=48, hfov_rad=0.7)
    pixels = RasterRenderer(scene, camera, RenderConfig(threads=1)).render(now)
    mine = pixels.instance_id == street.scene.actors[0].id
    assert mine.sum() > 250
    red, green, blue = pixels.rgb[mine].astype(float).mean(axis=0)
    assert red > 1.3 * max(green, blue)
    assert (now.state[0] & int(Lamp.BRAKE)) > 0
    lit = (pixels.rgb[..., 0] > 200) & mine
    assert lit.any()


def test_regions_name_what_has_no_name_of_its_own(tmp_path):
    """A car of one piece: boxes at the nose are its lamps, boxes at the tail stop lamps."""
    whole = trimesh.util.concatenate(
        [trimesh.creation.box((0.1, 1.8, 0.2), translation_matrix((x, 0, z)))
         for x, z in ((2.25, 0.8), (-2.25, 0.8), (0.0, 0.1), (0.0, 1.35))]
    )  # fmt: skip
    whole.visual = trimesh.visual.TextureVisuals(uv=np.zeros((32, 2)), material=pbr("atlas"))
    write_glb(tmp_path / "toy.glb", {"whole": whole})
    boxes = {"eyes": [[2, -1, 0], [3, 1, 2]], "stern": [[-3, -1, 0], [-2, 1, 2]]}
    bare = ("glass", "paint", "wheels")
    path = write_manifest(
        tmp_path, regions=boxes, lamps={"head": "eyes", "brake": "stern"}, without=bare
    )
    shape = soup_of(read_own_vehicles([path], 1))
    for name in ("head lamp", "brake lamp"):
        assert (shape.material == material(name)).sum() == 12
    assert centre_of(shape, "head lamp")[0] > 2 > -2 > centre_of(shape, "brake lamp")[0]
    nowhere = {"eyes": [[8, 8, 8], [9, 9, 9]]}
    with pytest.raises(ConfigError, match="regions: the model has no 'eyes'"):
        read_model(write_manifest(tmp_path, regions=nowhere, lamps={}, without=bare))


def test_a_model_outside_the_manifests_folder_is_refused(folder, tmp_path):
    path = write_manifest(tmp_path, file=str(folder / "toy.glb"))
    with pytest.raises(FormatError, match=r"lies outside .*put it beside the manifest"):
        read_model(path)
    (tmp_path / "link.glb").symlink_to(folder / "toy.glb")
    with pytest.raises(FormatError, match="lies outside"):
        read_model(write_manifest(tmp_path, file="link.glb"))


def test_a_lorrys_cabin_hangs_where_its_cab_is(tmp_path):
    """The tractor is a part of its own, hung at the kingpin."""
    spec = BLUEPRINTS["articulated_truck"]
    write_glb(tmp_path / "toy.glb", {"box": block(spec.size_m, (0, 0, spec.height_m / 2),
                                                  pbr("window"))}, FILE_AXES)  # fmt: skip
    path = write_manifest(tmp_path, blueprint=spec.name, fit="exact",
                          without=("paint", "lamps", "wheels"))  # fmt: skip
    cabin = read_own_vehicles([path], 1).models[0].figure(driven=True).parts[0].cabin
    part = next(p for p in figure(spec.name, 0).parts if p.cabin is not None)
    assert cabin is not None
    assert part.cabin is not None
    assert cabin.low_m[0] == pytest.approx(part.cabin.low_m[0] + part.joint.pivot_m[0])
    moved = part.cabin.boxes_m + np.array(part.joint.pivot_m, np.float32)
    assert cabin.boxes_m == pytest.approx(moved, abs=1e-5)
