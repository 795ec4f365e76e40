"""Typed configuration: one schema per thing, unknown keys are errors that name the near miss.

A recipe is YAML, TOML or JSON text for one `Config` class; `--set a.b=1` overrides single leaves.
"""

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from rareworld.errors import ConfigError

C = TypeVar("C", bound="Config")


class Config(BaseModel):
    """Base of every configuration record: frozen, keyword-only, no unknown keys, finite numbers."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    @classmethod
    def parse(cls: type[C], values: Mapping[str, Any], *, source: str = "config") -> C:
        """Validate plain values.

        Raises:
            ConfigError: Naming every wrong field, what was found and the nearest known key.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            lines = [_explain(item, cls) for item in _causes(error)]
            raise ConfigError(f"{source}: " + "; ".join(lines)) from None

    @classmethod
    def read(cls: type[C], path: Path, overrides: Sequence[str] = ()) -> C:
        """Read a recipe file and apply `key.sub=value` overrides."""
        return cls.parse(override(read_mapping(path), overrides), source=str(path))


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML, TOML or JSON file whose top level is a mapping.

    Raises:
        ConfigError: If the file is missing, is not valid or is of another shape.
    """
    readers = {".yaml": yaml.safe_load, ".yml": yaml.safe_load, ".toml": tomllib.loads}
    reader = readers.get(path.suffix.lower(), json.loads)
    try:
        loaded = reader(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: not valid {path.suffix or 'JSON'}: {error}") from None
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(loaded).__name__}")
    return cast(dict[str, Any], loaded)


def override(values: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return a copy of nested values with `a.b=text` leaves replaced; text is read as YAML.

    A number in a path is a place in a list: `data.sources.0.path=clips`.

    Raises:
        ConfigError: If an override is not of this form, or goes where there is no section.
    """
    out = cast(dict[str, Any], json.loads(json.dumps(values, default=str)))
    for item in overrides:
        path, sign, text = item.partition("=")
        if not sign or not path:
            raise ConfigError(f"--set wants key.sub=value, got {item!r}")
        *parents, leaf = path.split(".")
        node: Any = out
        for name in parents:
            node = _inside(node, name, item)
        value = _read_value(item, text)
        if isinstance(node, list):
            node[_index(cast(list[Any], node), leaf, item)] = value
        else:
            node[leaf] = value
    return out


def _inside(node: Any, name: str, item: str) -> dict[str, Any] | list[Any]:  # noqa: ANN401 - plain values of a file
    """Return the section or list of a name within another; a missing section is made."""
    if isinstance(node, list):
        known = cast(list[Any], node)
        child = known[_index(known, name, item)]
    else:
        child = cast(dict[str, Any], node).setdefault(name, {})
    if not isinstance(child, dict | list):
        raise ConfigError(f"--set {item}: {name!r} is a value, not a section")
    return cast(dict[str, Any] | list[Any], child)


def _index(known: list[Any], name: str, item: str) -> int:
    """Return a place in a list."""
    if not name.isdecimal() or int(name) >= len(known):
        raise ConfigError(
            f"--set {item}: expected a place from 0 to {len(known) - 1} of a list, found {name!r}"
        )
    return int(name)


def _read_value(item: str, text: str) -> object:
    """Return the value of one override."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"--set {item}: expected YAML after '=', found {text!r} ({reason}); "
            "close its brackets and quotes"
        ) from None


def nearest(name: str, known: Sequence[str]) -> str:
    """Return a hint ` (did you mean 'x'?)` or the list of what is known."""
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else f" (known: {', '.join(sorted(known))})"


def _causes(error: ValidationError) -> list[Mapping[str, Any]]:
    """Return the errors that do not merely follow from one deeper inside."""
    items = cast(list[Mapping[str, Any]], error.errors())
    places = [tuple(item["loc"]) for item in items]
    return [
        item
        for item, place in zip(items, places, strict=True)
        if not any(other[: len(place)] == place and other != place for other in places)
    ]


def _explain(item: Mapping[str, Any], model: type[BaseModel]) -> str:
    """Turn one pydantic error into a sentence with field, value and remedy."""
    location = [str(part) for part in item["loc"]]
    field = ".".join(location) or "(top level)"
    if item["type"] == "extra_forbidden":
        return f"unknown key {field!r}{nearest(location[-1], _known_keys(model, location[:-1]))}"
    if item["type"] == "missing":
        return f"{field} is required"
    return f"{field}: {item['msg']}, got {item['input']!r}"


def _known_keys(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """Return the field names of the model at a path, or of any nested model if unclear."""
    for name in path:
        if name.isdigit():
            continue
        field = model.model_fields.get(name)
        nested = _nested_model(field.annotation) if field else None
        if nested is None:
            break
        model = nested
    return list(model.model_fields)


def _nested_model(annotation: object) -> type[BaseModel] | None:
    """Return the model an annotation holds: itself, an item's, or the first of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_nested_model(part) for part in get_args(annotation))
    return next((model for model in found if model is not None), None)
