"""Rigs in YAML: ours, and the CARLA sensor lists of the metropolis toolkit.

Ours is `cameras:` with one entry per view: `name`, `position_m`, either `look_at_m` or `yaw_deg` /
`pitch_deg` / `roll_deg` (heading counter-clockwise from east, pitch positive looking up, roll
positive leaning to the right) or `quat`; `width`, `height`, and either `hfov_deg` or `fx`; and
`distortion` (k1, k2, p1, p2, k3).
Theirs is a list (or `sensors:`) of sensors with a left-handed transform, location in CENTIMETRES
and rotation in degrees, and knows no distortion of this kind; sensors of several types at one
transform are one camera of ours.
Proved in `tests/data/test_rig.py`.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, final

import yaml
from pydantic import Field, FiniteFloat, model_validator

from rareworld.core.camera import Camera, Rig, camera_quat_from_unreal
from rareworld.data.atomic import write_bytes
from rareworld.data.config import Config
from rareworld.errors import ConfigError

Vector = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


@final
class CameraConfig(Config):
    """One view of a rig."""

    name: str
    """Unique in the rig; names the clip's folder: letters, digits, `_`, `.` and `-`."""
    position_m: Vector
    """Optical centre in the world."""
    look_at_m: Vector | None = None
    """A point on the optical axis; the image is upright."""
    yaw_deg: FiniteFloat = 0.0
    """Heading, counter-clockwise from the world's x axis; not with look_at_m or quat."""
    pitch_deg: FiniteFloat = 0.0
    """Positive looks up."""
    roll_deg: FiniteFloat = 0.0
    """Positive leans to the right."""
    quat: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    """(w, x, y, z) from camera axes to the world, exact; instead of angles."""
    width: int = Field(default=1920, ge=2)
    """Image width in pixels."""
    height: int = Field(default=1080, ge=2)
    """Image height in pixels."""
    hfov_deg: float | None = Field(default=None, gt=0, lt=180)
    """Horizontal field of view; 90 if no fx is given."""
    fx: FiniteFloat | None = Field(default=None, gt=0)
    """Focal length in pixels, instead of hfov_deg."""
    fy: FiniteFloat | None = Field(default=None, gt=0)
    """Vertical focal length in pixels; fx if not given."""
    cx: FiniteFloat | None = None
    """Principal point from the left edge in pixels; the middle if not given."""
    cy: FiniteFloat | None = None
    """Principal point from the top edge in pixels; the middle if not given."""
    distortion: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    """Lens distortion (k1, k2, p1, p2, k3) as OpenCV has it; none if not given."""

    @model_validator(mode="after")
    def _one_way_each(self) -> "CameraConfig":
        angles = {"yaw_deg", "pitch_deg", "roll_deg"} & self.model_fields_set
        ways = [bool(angles), self.look_at_m is not None, self.quat is not None]
        if sum(ways) > 1:
            raise ValueError("give one of look_at_m, quat, or yaw/pitch/roll")
        if self.fx is not None and self.hfov_deg is not None:
            raise ValueError("give hfov_deg or fx, not both")
        return self

    def camera(self) -> Camera:
        """Return the view.

        Raises:
            CameraError: If it looks nowhere.
        """
        fx = self.fx or self.width / 2 / math.tan(math.radians(self.hfov_deg or 90.0) / 2)
        return Camera(
            name=self.name,
            width=self.width,
            height=self.height,
            fx=fx,
            fy=self.fy or fx,
            cx=self.width / 2 if self.cx is None else self.cx,
            cy=self.height / 2 if self.cy is None else self.cy,
            position_m=self.position_m,
            quat=self._quat(),
            distortion=self.distortion or (),
        )

    def _quat(self) -> tuple[float, float, float, float]:
        if self.quat is not None:
            return self.quat
        if self.look_at_m is not None:
            return Camera.looking_at(
                self.name, self.position_m, self.look_at_m, width=2, height=2, hfov_rad=1.0
            ).quat
        return camera_quat_from_unreal(self.pitch_deg, -self.yaw_deg, self.roll_deg)


@final
class RigConfig(Config):
    """A rig file of ours."""

    cameras: tuple[CameraConfig, ...]
    """Views rendered from one replay."""


@final
class _Location(Config):
    x: FiniteFloat = 0.0
    y: FiniteFloat = 0.0
    z: FiniteFloat = 0.0


@final
class _Rotation(Config):
    roll: FiniteFloat = 0.0
    pitch: FiniteFloat = 0.0
    yaw: FiniteFloat = 0.0


@final
class _Transform(Config):
    location: _Location = _Location()
    rotation: _Rotation = _Rotation()


@final
class _Sensor(Config):
    sensor: str
    attributes: dict[str, Any] = Field(default_factory=dict[str, Any])
    transform: _Transform = _Transform()


@final
class _SensorList(Config):
    sensors: tuple[_Sensor, ...]


def read_rig(path: Path) -> Rig:
    """Read a rig file of either kind.

    Raises:
        ConfigError: If the file is missing or holds an unknown key or a wrong value.
        CameraError: If a camera looks nowhere, its name cannot be a folder's or two have one name.
    """
    try:
        loaded: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    return parse_rig(loaded, source=str(path))


def parse_rig(loaded: object, *, source: str = "rig") -> Rig:
    """Return the rig behind loaded YAML of either kind; see `read_rig`."""
    if isinstance(loaded, list):
        loaded = {"sensors": cast(list[object], loaded)}
    if not isinstance(loaded, dict):
        raise ConfigError(f"{source}: expected `cameras:` or a list of sensors, found {loaded!r}")
    values = cast(dict[str, Any], loaded)
    if any(values.get(name) == [] for name in ("cameras", "sensors")):
        raise ConfigError(f"{source}: needs at least one camera, found none")
    if "sensors" in values:
        return _rig_of_sensors(_SensorList.parse(values, source=source), source)
    config = RigConfig.parse(values, source=source)
    return Rig(cameras=tuple(item.camera() for item in config.cameras))


def write_rig(rig: Rig, path: Path) -> None:
    """Write a rig in our format, exact to the bit.

    Raises:
        StoreError: If the file cannot be written.
    """
    text = yaml.safe_dump(rig_record(rig), sort_keys=False)
    write_bytes(path, text.encode())


def rig_record(rig: Rig) -> dict[str, object]:
    """Return a rig as JSON types, exact to the bit."""
    return {"cameras": [_record(camera) for camera in rig.cameras]}


def _record(camera: Camera) -> dict[str, object]:
    return {
        "name": camera.name,
        "position_m": list(camera.position_m),
        "quat": list(camera.quat),
        "width": camera.width,
        "height": camera.height,
        "fx": camera.fx,
        "fy": camera.fy,
        "cx": camera.cx,
        "cy": camera.cy,
        **({"distortion": list(camera.distortion)} if camera.distortion else {}),
    }


def _rig_of_sensors(config: _SensorList, source: str) -> Rig:
    """Return one camera per distinct transform and image."""
    views: dict[tuple[_Transform, int, int, float], str] = {}
    for place, sensor in enumerate(config.sensors):
        where = f"{source}: sensors.{place}"
        view = (sensor.transform, *_image(sensor.attributes, where))
        views.setdefault(view, f"camera_{len(views)}")
    return Rig(cameras=tuple(_camera_of_sensor(name, *view) for view, name in views.items()))


def _image(attributes: Mapping[str, Any], where: str) -> tuple[int, int, float]:
    """Return width, height and horizontal field of view, with CARLA's defaults."""
    defaults = {"image_size_x": 800.0, "image_size_y": 600.0, "fov": 90.0}
    numbers: list[float] = []
    for name, default in defaults.items():
        found = attributes.get(name, default)
        try:
            numbers.append(float(found))
        except (TypeError, ValueError):
            raise ConfigError(f"{where}.attributes.{name}: not a number: {found!r}") from None
    finite = all(math.isfinite(number) for number in numbers)
    if not finite or min(numbers) <= 0 or numbers[2] >= 180:
        raise ConfigError(f"{where}.attributes: sizes and fov (< 180) must be positive: {numbers}")
    return int(numbers[0]), int(numbers[1]), numbers[2]


def _camera_of_sensor(
    name: str, transform: _Transform, width: int, height: int, fov_deg: float
) -> Camera:
    at, turn = transform.location, transform.rotation
    focal = width / 2 / math.tan(math.radians(fov_deg) / 2)
    return Camera(
        name=name,
        width=width,
        height=height,
        fx=focal,
        fy=focal,
        cx=width / 2,
        cy=height / 2,
        position_m=(at.x / 100, -at.y / 100, at.z / 100),
        quat=camera_quat_from_unreal(turn.pitch, turn.yaw, turn.roll),
    )
