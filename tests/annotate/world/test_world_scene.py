"""The built scene as backends get it: ids, colours, reach, determinism, errors."""

from dataclasses import replace

import numpy as np
import pytest
import shapely

from rareworld.annotate.world.build import WorldConfig, build_world
from rareworld.annotate.world.cast import linear
from rareworld.annotate.world.materials import MATERIALS, material
from rareworld.annotate.world.model import RenderScene, Texture
from rareworld.annotate.world.signals import make_signals
from rareworld.annotate.world.skyline import roads_on
from rareworld.annotate.world.vehicles import CAR_LOOKS
from rareworld.core.scene import Actor, Prop, PropKind
from rareworld.core.taxonomy import ClassId
from rareworld.errors import MapError
from tests.annotate.world.world_samples import figure_of
from tests.annotate.world.world_scenes import crossing, make_recording

SMALL = WorldConfig(verge_m=20.0, prop_margin_m=10.0)
FOCUS = (0.0, 0.0)


@pytest.fixture(scope="module")
def built(recording):
    return build_world(recording, FOCUS, 40.0, SMALL)


def flat_bytes(scene: RenderScene) -> bytes:
    """Return everything numeric of a scene."""
    parts = [scene.textures.tobytes(), scene.static_object_id.tobytes()]
    for mesh in (scene.static, *scene.prototypes):
        parts += [
            array.tobytes()
            for array in (mesh.vertices_m, mesh.normals, mesh.uv_m, mesh.triangles, mesh.material)
        ]
        parts.append(mesh.class_id.tobytes())
    return b"".join(parts) + repr(scene.instances).encode() + repr(scene.daylight).encode()


def with_scene(rec, **changed):
    return replace(rec, scene=replace(rec.scene, **changed))


def of_actors(rec, *actors: Actor, **changed):
    """Return the recording with other actors (none: quick to build) on the first tracks."""
    tracks = rec.tracks
    keep = {name: getattr(tracks, name)[: len(actors)] for name in vars(tracks) if name != "time_s"}
    scene = replace(rec.scene, actors=actors, **changed)
    return replace(rec, scene=scene, tracks=replace(tracks, **keep))


def test_building_twice_gives_the_same_bytes(built, recording):
    again = build_world(recording, FOCUS, 40.0, SMALL)
    assert flat_bytes(again[0]) == flat_bytes(built[0])
    for time_s in (0.0, 0.17, 0.9):
        one, two = built[1].at(time_s), again[1].at(time_s)
        assert one.transforms.tobytes() == two.transforms.tobytes()
        assert one.state.tobytes() == two.state.tobytes()


def test_another_seed_changes_textures_clouds_skyline_and_wear_and_nothing_else(built, recording):
    other = build_world(with_scene(recording, seed=99), FOCUS, 40.0, SMALL)[0]
    assert other.textures.tobytes() != built[0].textures.tobytes()
    assert other.daylight.panorama.tobytes() != built[0].daylight.panorama.tobytes()
    assert other.ground_map.layers.tobytes() != built[0].ground_map.layers.tobytes()
    for prop in recording.scene.props:
        one, two = (
            made.static.vertices_m[made.static.triangles[made.static_object_id == prop.id]]
            for made in (other, built[0])
        )
        assert one.tobytes() == two.tobytes()
    same = replace(
        other, textures=built[0].textures, daylight=built[0].daylight, static=built[0].static,
        static_object_id=built[0].static_object_id, ground_map=built[0].ground_map,
    )  # fmt: skip
    assert flat_bytes(same) == flat_bytes(built[0])


def test_prototypes_of_equal_actors_are_shared(recording):
    """Styles 0, 6 and 12 look alike, as do 1 and 7; a look is a body and a wheel per side."""
    styles = (0, CAR_LOOKS, 2 * CAR_LOOKS, 1, CAR_LOOKS + 1)
    actors = tuple(Actor(id=k + 1, blueprint="saloon", style=s) for k, s in enumerate(styles))
    scene, _ = build_world(of_actors(recording, *actors, props=()), FOCUS, 40.0, SMALL)
    parts, shapes = 5, 3
    used = {
        actor.id: [i.prototype for i in scene.instances if i.object_id == actor.id]
        for actor in actors
    }
    assert used[1] == used[2] == used[3] != used[4] == used[5]
    assert all(len(found) == parts and len(set(found)) == shapes for found in used.values())
    assert set(used[1]) | set(used[4]) == set(range(2 * shapes))
    kinds = len(make_signals(recording.scene.road).shapes)
    assert len(scene.prototypes) == 2 * shapes + kinds, "signal heads come after, one per kind"


def test_instances_come_part_by_part_in_the_order_of_actors(built, recording):
    scene, _ = built
    ids = [instance.object_id for instance in scene.instances if instance.object_id]
    wanted = [
        actor.id
        for actor in recording.scene.actors
        for _ in figure_of(actor.blueprint, actor.style).parts
    ]
    assert ids == wanted


def test_every_instance_wears_its_actors_colour(built, recording):
    scene, _ = built
    by_id = {actor.id: actor for actor in recording.scene.actors}
    for instance in scene.instances:
        if instance.object_id:
            assert instance.body_colour == pytest.approx(linear(by_id[instance.object_id].colour))
            assert all(0 <= value <= 1 for value in instance.second_colour)


@pytest.mark.parametrize(
    ("encoded", "light"),
    [
        (0.0, 0.0),
        (0.04045, 0.0031308),
        (0.2, 0.033105),
        (0.5, 0.214041),
        (0.8, 0.603827),
        (1.0, 1.0),
    ],
)
def test_srgb_is_decoded_by_the_standards_curve(encoded, light):
    assert linear((encoded, encoded, encoded)) == pytest.approx((light,) * 3, abs=2e-6)


@pytest.mark.parametrize(
    ("radius", "away", "drawn"), [(40, 49, True), (40, 51, False), (60, 69, True)]
)
def test_props_are_drawn_up_to_the_margin_beyond_the_radius(recording, radius, away, drawn):
    prop = Prop(
        id=5000, kind=PropKind.BIN, position_m=(float(away), 0.0, 0.0), yaw_rad=0.0,
        size_m=(0.5, 0.5, 1.0),
    )  # fmt: skip
    scene, _ = build_world(of_actors(recording, props=(prop,)), FOCUS, float(radius), SMALL)
    assert (5000 in scene.static_object_id) == drawn


@pytest.mark.parametrize("radius", [15.0, 30.0])
def test_roads_end_at_the_radius_and_grass_at_the_verge(recording, radius):
    scene, _ = build_world(of_actors(recording, props=()), FOCUS, radius, SMALL)
    corners = scene.static.vertices_m[scene.static.triangles]
    away = np.hypot(corners[..., 0], corners[..., 1]).max(axis=1)
    road = scene.static.class_id == int(ClassId.ROAD)
    middle = corners.mean(axis=1)
    on = roads_on(recording.scene.road).area.buffer(0.05)  # where the map ends roads go on
    road &= ~shapely.contains_xy(on, middle[:, 0], middle[:, 1])
    assert away[road].max() <= radius + 0.01
    meadow = scene.static.material == material("grass")
    assert away[meadow].max() == pytest.approx(radius + 20.0, abs=0.1)


def test_the_focus_may_lie_anywhere(recording):
    scene, _ = build_world(of_actors(recording, props=()), (-50.0, 0.0), 12.0, SMALL)
    road = scene.static.triangles[scene.static.class_id == int(ClassId.ROAD)]
    along = scene.static.vertices_m[road][..., 0]
    assert along.min() == pytest.approx(-82.0, abs=0.1)  # beyond the map, to the verge's end
    assert along.max() == pytest.approx(-38.0, abs=0.1)


@pytest.mark.parametrize("focus", [(900.0, 0.0), (0.0, -2000.0)])
def test_no_road_near_is_an_error_that_says_where_the_map_is(recording, focus):
    with pytest.raises(MapError, match=r"no lane within 40 m of .*the map spans"):
        build_world(of_actors(recording), focus, 40.0, SMALL)


def test_classes_of_the_static_world_are_those_of_its_things(built, recording):
    scene, _ = built
    for prop in recording.scene.props:
        mine = scene.static_object_id == prop.id
        found = {ClassId(int(value)) for value in np.unique(scene.static.class_id[mine])}
        assert found
        assert ClassId.ROAD not in found
        assert ClassId.TERRAIN not in found
    ground = scene.static.class_id[scene.static_object_id == 0]
    wanted = {ClassId.ROAD, ClassId.ROAD_LINE, ClassId.SIDEWALK, ClassId.TERRAIN, ClassId.POLE}
    assert wanted <= {ClassId(int(value)) for value in np.unique(ground)}


def test_signal_heads_are_instances_without_an_id(built):
    scene, poser = built
    heads = [k for k, instance in enumerate(scene.instances) if not instance.object_id]
    state = poser.at(0.0)
    assert heads == list(range(len(scene.instances) - len(heads), len(scene.instances)))
    assert state.visible[heads].all()
    for head in heads:
        mesh = scene.prototypes[scene.instances[head].prototype]
        assert set(mesh.class_id) == {int(ClassId.TRAFFIC_LIGHT)}


def test_materials_point_at_textures_that_exist(built):
    scene, _ = built
    assert scene.materials == MATERIALS
    assert len(scene.textures) == len([kind for kind in Texture if kind is not Texture.NONE])
    assert all(-1 <= int(made.texture) < len(scene.textures) for made in scene.materials)


def test_pavements_of_a_map_are_as_high_in_the_scene_as_feet_on_them(recording):
    """A recording's people stand on the lanes' own heights; that is where paving is drawn."""
    for kerb_m in (0.0, 0.12, 0.16):
        road = crossing(lift=kerb_m)
        scene, _ = build_world(of_actors(recording, road=road, props=()), FOCUS, 40.0, SMALL)
        mine = scene.static.triangles[scene.static.material == material("paving")]
        assert np.abs(scene.static.vertices_m[mine][..., 2] - kerb_m).max() < 1e-4


def test_a_crease_of_zero_shades_flat(recording):
    small = of_actors(recording, Actor(id=1, blueprint="suv"), props=())
    flat, _ = build_world(small, FOCUS, 20.0, WorldConfig(verge_m=5.0, crease_deg=0.0))
    mesh = flat.prototypes[0]
    corner = mesh.vertices_m[mesh.triangles].astype(float)
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    length = np.linalg.norm(face, axis=1)
    big = length > 1e-4
    face = face[big] / length[big, None]
    agree = np.einsum("fd,fcd->fc", face, mesh.normals[mesh.triangles[big]].astype(float))
    assert agree.min() > 0.99


def test_many_frames_of_a_full_recording_stay_finite():
    rec = make_recording(num_frames=7, each_blueprint=2)
    _, poser = build_world(with_scene(rec, props=()), FOCUS, 20.0, SMALL)
    for time_s in np.linspace(-0.2, 1.0, 25).tolist():
        state = poser.at(time_s)
        assert np.isfinite(state.transforms).all()
        assert set(np.unique(state.visible)) <= {0, 1}
