"""Claims about configuration."""

from pathlib import Path

import pytest
from pydantic import Field

from rareworld.data.config import Config, nearest, override, read_mapping
from rareworld.errors import ConfigError


class Wheel(Config):
    """A part."""

    radius_m: float = 0.3
    """Metres."""


class Car(Config):
    """A whole."""

    wheels: tuple[Wheel, ...] = ()
    """Any number."""
    spare: Wheel | None = None
    """Perhaps."""
    doors: int
    """Count."""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"doors": 4, "wheel": []}, "car: unknown key 'wheel'.*did you mean 'wheels'"),
        ({"doors": 4, "wheels": [{"radius": 1}]}, r"'wheels.0.radius'.*did you mean 'radius_m'"),
        ({"doors": 4, "spare": {"radius": 1}}, r"'spare.radius'.*did you mean 'radius_m'"),
        ({}, "doors is required"),
        ({"doors": "many"}, "doors: .*got 'many'"),
    ],
)
def test_wrong_values_name_the_field_and_the_near_miss(
    values: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        Car.parse(values, source="car")


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.yaml", "doors: 4"), ("a.toml", "doors = 4"), ("a.json", '{"doors": 4}')],
)
def test_three_formats_are_read_and_overridden(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    car = Car.read(tmp_path / name, ["spare.radius_m=0.5", "doors=2"])
    assert (car.doors, car.spare) == (2, Wheel(radius_m=0.5))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "[", "not valid"),
        ("a.json", "[1]", "expected keys and values, found list"),
        ("a.toml", "=", "not valid"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=f"{name}: {said}"):
        read_mapping(tmp_path / name)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_mapping(tmp_path / "none.yaml")


@pytest.mark.parametrize("item", ["a", "=3", "a.b=1"])
def test_bad_overrides_are_explained(item: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        override({"a": 3}, [item])


@pytest.mark.parametrize("item", ["seed=[", "a={b", "a='x", "a=2026-99-99"])
def test_override_that_is_no_yaml_names_the_item(item: str) -> None:
    with pytest.raises(ConfigError) as caught:
        override({"a": 3}, [item])
    said = str(caught.value)
    assert said.startswith(f"--set {item}: expected YAML")
    assert "\n" not in said


class Convoy(Config):
    """Needs a lead."""

    cars: tuple[Car, ...] = Field(min_length=1)
    """At least one."""


def test_wrong_key_inside_an_item_is_the_only_complaint() -> None:
    with pytest.raises(ConfigError) as caught:
        Convoy.parse({"cars": [{"doors": 4, "wheel": []}]}, source="convoy")
    assert str(caught.value) == "convoy: unknown key 'cars.0.wheel' (did you mean 'wheels'?)"


def test_empty_tuple_is_still_refused() -> None:
    with pytest.raises(ConfigError, match=r"cars: .*at least 1 item"):
        Convoy.parse({"cars": []})


def test_two_wrong_fields_are_both_told() -> None:
    with pytest.raises(ConfigError, match=r"cars.0.doors is required; cars.1.doors: .*'x'"):
        Convoy.parse({"cars": [{}, {"doors": "x"}]})


def test_hint_lists_what_is_known_when_nothing_is_near() -> None:
    assert nearest("zzz", ["b", "a"]) == " (known: a, b)"


def test_a_number_in_an_override_is_a_place_in_a_list() -> None:
    values = {"data": {"sources": [{"path": "a"}, {"path": "b"}], "lengths": [93]}}
    out = override(values, ["data.sources.1.path=c", "data.sources.0.share=2", "data.lengths.0=61"])
    assert out["data"] == {
        "sources": [{"path": "a", "share": 2}, {"path": "c"}],
        "lengths": [61],
    }
    assert values["data"]["sources"][1] == {"path": "b"}


@pytest.mark.parametrize("place", ["2", "-1", "first"])
def test_a_place_outside_a_list_is_refused(place: str) -> None:
    with pytest.raises(ConfigError, match=f"from 0 to 1 of a list, found '{place}'"):
        override({"sources": [{"path": "a"}, {"path": "b"}]}, [f"sources.{place}.path=c"])
