"""What a pipeline folder says of how it is used: size, rate, steps, guidance, noise levels.

Released pipelines have no such file: their sizes and rates are those of the tables. A pipeline of
one's own, trained at one size, says it in `defaults.json`. Proved in
`tests/models/cosmos_predict/test_defaults.py`.
"""

from pathlib import Path
from typing import final

from pydantic import Field

from rareworld.data.config import Config
from rareworld.data.jsontext import check_schema, read_json, write_json

DEFAULTS_FILE = "defaults.json"
KIND = "pipeline-defaults"
VERSION = 1


@final
class Defaults(Config):
    """What a network was trained at, and how it samples unless told otherwise."""

    height: int = Field(ge=16, multiple_of=16)
    """Pixel rows of a clip."""
    width: int = Field(ge=16, multiple_of=16)
    """Pixel columns."""
    num_frames: int = Field(ge=1)
    """Frames made in one go, 4 n + 1; more are made chunk by chunk."""
    fps: int = Field(ge=1)
    """Frames a second."""
    num_steps: int = Field(default=35, ge=1)
    """Steps of the sampler."""
    guidance: float = Field(default=7.0, ge=0, le=7)
    """g in cond + g (cond - uncond)."""
    shift: float = Field(default=5.0, gt=0)
    """Predict2.5: shift of the noise levels, when training and when sampling."""
    negative_prompt: str | None = None
    """What to steer away from; null is the families' own text, empty no text."""
    text_width: int | None = Field(default=None, ge=8, multiple_of=8)
    """Channels of the mini encoder; null as the blocks take them."""


def write_defaults(folder: Path, defaults: Defaults) -> None:
    """Write `defaults.json` into a pipeline folder."""
    values = {"kind": KIND, "schema_version": VERSION, **defaults.model_dump(mode="json")}
    write_json(folder / DEFAULTS_FILE, values)


def read_defaults(folder: Path | None) -> Defaults | None:
    """Return what a pipeline folder says; None where there is none, or it says nothing.

    Raises:
        StoreError: If the file is damaged or newer.
        ConfigError: If a value makes no sense.
    """
    path = None if folder is None else folder / DEFAULTS_FILE
    if path is None or not path.is_file():
        return None
    values = read_json(path)
    check_schema(path, values, kind=KIND, version=VERSION)
    told = {name: value for name, value in values.items() if name not in _HEADER}
    return Defaults.parse(told, source=str(path))


_HEADER = {"kind", "schema_version"}
