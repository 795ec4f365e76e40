"""Claims about rig files."""

from pathlib import Path

import numpy as np
import pytest

from rareworld.core.camera import Camera, Rig
from rareworld.data.rig import parse_rig, read_rig, write_rig
from rareworld.errors import CameraError, ConfigError

OURS = {"name": "a", "position_m": [0, 0, 6], "width": 1280, "height": 720, "hfov_deg": 60}


def ours(**changes: object) -> Camera:
    return parse_rig({"cameras": [OURS | changes]}).cameras[0]


def axes(camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """World directions of right, down and forward."""
    right, down, forward = camera.world_from_camera[:3, :3].T
    return right, down, forward


def test_look_at_puts_the_target_in_the_middle() -> None:
    camera = ours(look_at_m=[10, 5, 0])
    pixel, _ = camera.project(np.array([10.0, 5.0, 0.0]))
    np.testing.assert_allclose(pixel, [640, 360], atol=1e-9)
    assert np.degrees(camera.hfov_rad) == pytest.approx(60)


@pytest.mark.parametrize(
    ("angles", "axis", "direction"),
    [
        ({}, 2, [1, 0, 0]),
        ({"yaw_deg": 90}, 2, [0, 1, 0]),
        ({"pitch_deg": -90}, 2, [0, 0, -1]),
        ({"pitch_deg": 30}, 2, [np.sqrt(3) / 2, 0, 0.5]),
        ({"roll_deg": 90}, 0, [0, 0, -1]),
        ({"yaw_deg": 90, "pitch_deg": -45}, 2, [0, np.sqrt(0.5), -np.sqrt(0.5)]),
    ],
)
def test_angles_turn_as_documented(
    angles: dict[str, float], axis: int, direction: list[float]
) -> None:
    np.testing.assert_allclose(axes(ours(**angles))[axis], direction, atol=1e-12)


def test_angles_and_look_at_agree() -> None:
    by_point = ours(look_at_m=[10, 10, 6 - np.sqrt(200)])
    by_angle = ours(yaw_deg=45, pitch_deg=-45)
    np.testing.assert_allclose(by_angle.quat, by_point.quat, atol=1e-12)


def test_focal_length_and_centre_can_be_given() -> None:
    bare = {key: value for key, value in OURS.items() if key != "hfov_deg"}
    camera = parse_rig({"cameras": [bare | {"fx": 900, "fy": 910, "cx": 600}]}).cameras[0]
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (900, 910, 600, 360)


def test_rig_survives_bit_for_bit(tmp_path: Path) -> None:
    rig = Rig(
        cameras=tuple(
            Camera.looking_at(
                name, (1 / 3, 1e-7, 6.1), (9.0, y, 0.0), width=640, height=480, hfov_rad=1.0
            )
            for name, y in (("b", 3.3), ("a", -1.0))
        )
    )
    write_rig(rig, tmp_path / "rig.yaml")
    assert read_rig(tmp_path / "rig.yaml") == rig


THEIRS = """
- sensor: rgb
  attributes: {image_size_x: 1920, image_size_y: 1080, fov: 110}
  transform: &pose
    location: {x: 1200.0, y: -350.0, z: 1000.0}
    rotation: {roll: 0.0, pitch: -45.0, yaw: 90.0}
- sensor: depth
  attributes: {image_size_x: "1920", image_size_y: "1080", fov: "110"}
  transform: *pose
- sensor: rgb
  attributes: {image_size_x: 640, image_size_y: 480}
"""


@pytest.mark.parametrize("wrapped", [False, True])
def test_carla_sensors_are_read_in_centimetres_and_left_handed(
    tmp_path: Path, *, wrapped: bool
) -> None:
    path = tmp_path / "rig.yaml"
    path.write_text("sensors:\n" + THEIRS if wrapped else THEIRS)
    first, second = read_rig(path).cameras
    assert first.position_m == (12.0, 3.5, 10.0)
    location, turn = first.unreal_transform()
    np.testing.assert_allclose(location * 100, [1200, -350, 1000])
    np.testing.assert_allclose(turn, [-45, 90, 0], atol=1e-9)
    assert (first.width, first.height) == (1920, 1080)
    assert np.degrees(first.hfov_rad) == pytest.approx(110)
    np.testing.assert_allclose(axes(first)[2], [0, -np.sqrt(0.5), -np.sqrt(0.5)], atol=1e-12)
    assert second.position_m == (0, 0, 0)
    assert np.degrees(second.hfov_rad) == pytest.approx(90)
    assert (first.name, second.name) == ("camera_0", "camera_1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cameras: [{name: a, positon_m: [0, 0, 1]}]", "positon_m.*did you mean 'position_m'"),
        ("cameras: [{name: a}]", "position_m is required"),
        ("camera: []", "did you mean 'cameras'"),
        ("cameras: []", "at least one camera"),
        ("sensors: []", "at least one camera"),
        ("3", "expected `cameras:`"),
        ("cameras: [", "not valid YAML"),
        ("- {sensor: rgb, atributes: {}}", "did you mean 'attributes'"),
        ("- {sensor: rgb, transform: {location: {w: 1}}}", "unknown key 'sensors.0.transform"),
        ("- {sensor: rgb, attributes: {fov: wide}}", "attributes.fov: not a number: 'wide'"),
        ("- {sensor: rgb, attributes: {fov: 200}}", "must be positive"),
        ("- {sensor: rgb, attributes: {image_size_x: nan}}", "must be positive"),
        ("- {sensor: rgb, transform: {location: {x: .nan}}}", "location.x: .*finite"),
        ("cameras: [{name: a, position_m: [0, .inf, 1]}]", "position_m.1: .*finite"),
        ("cameras: [{name: a, position_m: [0, 0, 1], yaw_deg: .inf}]", "yaw_deg: .*finite"),
        (
            "cameras: [{name: a, position_m: [0, 0, 1], look_at_m: [1, 1, 0], yaw_deg: 3}]",
            "one of look_at_m, quat, or yaw",
        ),
        ("cameras: [{name: a, position_m: [0, 0, 1], hfov_deg: 60, fx: 900}]", "not both"),
    ],
)
def test_wrong_rig_is_explained(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rig.yaml").write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        read_rig(tmp_path / "rig.yaml")
    assert "rig.yaml" in str(caught.value)


def test_missing_file_and_double_names_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_rig(tmp_path / "none.yaml")
    with pytest.raises(CameraError, match="used twice"):
        parse_rig({"cameras": [OURS, OURS]})


@pytest.mark.parametrize("name", ["../escape", "/tmp/x", "stage.json"])
def test_rig_cannot_name_a_place_outside(name: str) -> None:
    with pytest.raises(CameraError, match="rename the camera"):
        parse_rig({"cameras": [{**OURS, "name": name}]})
