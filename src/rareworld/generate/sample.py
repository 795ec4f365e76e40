"""What a user asks for: one video, and lists of them in JSON, JSON lines or YAML.

Source: `InferenceArguments` of cosmos-predict2.5 (names and defaults; the form of October 2025 with
`samples` too) and the batch file of cosmos-predict2's `video2world.py`. A sample that is wrong does
not end its list: it becomes a `Request` that tells its error when its turn comes.
Proved in `tests/generate/test_sample.py`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, cast, final

import yaml
from pydantic import Field

from rareworld.data.atomic import sha256_file
from rareworld.data.config import Config
from rareworld.errors import ConfigError, FormatError
from rareworld.models.cosmos_predict.defaults import Defaults
from rareworld.runtime.local import QUARANTINE, STAMP

ALIASES = {"input_video": "input_path", "output_video": "save_path", "steps": "num_steps"}
"""Keys of Predict2's batch file, to ours."""
PATHS = ("prompt_path", "input_path", "save_path")
RESERVED = {QUARANTINE, Path(STAMP).stem}
"""Names of the job's own files, in its folder and in a sample's."""
RELEASED = Defaults(height=704, width=1280, num_frames=93, fps=16)
"""How the released models sample."""
TEXTS = {".json", ".jsonl", ".yaml", ".yml"}


@final
class InferenceType(StrEnum):
    """What a video starts from."""

    TEXT2WORLD = "text2world"
    """Nothing but the prompt."""
    IMAGE2WORLD = "image2world"
    """One frame: an image, or the last of a video."""
    VIDEO2WORLD = "video2world"
    """The last five frames of a video."""

    @property
    def latents(self) -> int:
        """Clean latent frames the video starts with."""
        return {"text2world": 0, "image2world": 1, "video2world": 2}[self.value]


@final
class Sample(Config):
    """One video to make."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+=@-]{0,199}$")
    """Names the result's folder and files: letters, digits and . _ + = @ -"""
    inference_type: InferenceType | None = None
    """What it starts from; left out, what `input_path` holds decides."""
    prompt: str | None = None
    """What happens, in words; this or `prompt_path`."""
    prompt_path: Path | None = None
    """A text file with the prompt."""
    input_path: Path | None = None
    """Image or video it goes on from; text2world, said in so many words, leaves it unread."""
    negative_prompt: str | None = None
    """What to steer away from; left out, the families' own text; empty, the zero context that
    stands for no text in training."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Decides the noise; chunk i of a long video takes seed + i."""
    guidance: float | None = Field(default=None, ge=0, le=7)
    """g in cond + g (cond - uncond); 0 leaves one pass out; left out, the model's, else 7."""
    resolution: str = "none"
    """`none` (the model's, else 704,1280), `480`, `720` or `H,W`."""
    aspect_ratio: Literal["1:1", "4:3", "3:4", "16:9", "9:16"] | None = None
    """Width:height where `resolution` names a table; left out, 16:9."""
    num_output_frames: int | None = Field(default=None, ge=1)
    """Frames of the video; left out, what the model makes in one go."""
    num_conditional_frames: Literal[1, 5] | None = None
    """Predict2's word for what it starts from: 1 is image2world, 5 video2world."""
    num_steps: int | None = Field(default=None, ge=1, le=1000)
    """Steps of the sampler; left out, the model's, else 35."""
    enable_autoregressive: bool = False
    """Go on chunk after chunk until `num_output_frames` are made."""
    chunk_size: int | None = None
    """Frames of a chunk; left out, 77, or what the model makes in one go if that is less."""
    chunk_overlap: int = 1
    """Frames of a chunk that the next one starts from: 1 or 5."""
    save_path: Path | None = None
    """A file to copy the finished video to."""

    @property
    def kind(self) -> InferenceType | None:
        """What it starts from, in whichever way that was said."""
        if self.num_conditional_frames is None:
            return self.inference_type
        asked = {1: InferenceType.IMAGE2WORLD, 5: InferenceType.VIDEO2WORLD}
        return asked[self.num_conditional_frames]

    def filled(self, told: Defaults | None) -> "Filled":
        """Return what is left out as a pipeline tells it, or as the families were released with."""
        told = told or RELEASED
        negative = self.negative_prompt
        return Filled(
            guidance=told.guidance if self.guidance is None else self.guidance,
            num_steps=told.num_steps if self.num_steps is None else self.num_steps,
            negative_prompt=told.negative_prompt if negative is None else negative,
        )


@final
@dataclass(frozen=True, kw_only=True)
class Filled:
    """Settings of the sampler, none left out."""

    guidance: float
    num_steps: int
    negative_prompt: str | None
    """None takes the families' own text."""


@final
@dataclass(frozen=True)
class Request:
    """A sample of a list, or what is wrong with it."""

    name: str
    content: Sample | str
    """The sample, or the error's message."""

    def sample(self) -> Sample:
        """Return the sample.

        Raises:
            ConfigError: If it was wrong.
        """
        if isinstance(self.content, str):
            raise ConfigError(self.content)
        return self.content


def parse_sample(values: Mapping[str, Any], *, source: str = "sample") -> Sample:
    """Validate the values of one sample.

    Raises:
        ConfigError: Naming every wrong key and its remedy.
    """
    named = {ALIASES.get(key, key): value for key, value in values.items()}
    for old, new in ALIASES.items():
        if old in values and new in values:
            raise ConfigError(f"{source}: {old} and {new} mean the same; drop one of them")
    sample = Sample.parse(named, source=source)
    _check_prompt(sample, source)
    _check_kind(sample, source)
    _check_files(sample, source)
    return sample


def prompt_of(sample: Sample) -> str:
    """Return the prompt, from its file if it has one.

    Raises:
        ConfigError: If the file cannot be read or holds nothing.
    """
    if sample.prompt_path is None:
        return str(sample.prompt).strip()
    try:
        text = sample.prompt_path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"prompt_path: {sample.prompt_path} cannot be read as text ({error}); check the path"
        ) from None
    if not text:
        raise ConfigError(f"prompt_path: {sample.prompt_path} is empty; write the prompt into it")
    return text


def read_requests(path: Path, overrides: Mapping[str, Any] | None = None) -> tuple[Request, ...]:
    """Read a list of samples; `overrides` win over every sample's own values.

    Paths in a list are relative to its folder.

    Raises:
        ConfigError: If the file is missing, of another kind, not valid or empty.
        FormatError: If it is nested without end.
    """
    try:
        entries = [entry for item in _load(path) for entry in _spread(item, path)]
    except RecursionError:
        raise FormatError(
            f"{path}: nested too deeply to be read; expected samples, a list of them, or "
            "{'samples': {name: ...}}"
        ) from None
    if not entries:
        raise ConfigError(f"{path}: holds no sample; write at least one")
    return tuple(
        make_request(_anchored(entry, path.parent) | dict(overrides or {}), path.stem, rank, path)
        for rank, entry in enumerate(entries)
    )


def make_request(values: Mapping[str, Any], stem: str, rank: int, source: Path | str) -> Request:
    """Turn values into a request; one without a name is called after its output or its list."""
    output = values.get("save_path") or values.get("output_video")
    named = {"name": Path(str(output)).stem if output else f"{stem}_{rank:04d}", **values}
    place = f"{source}: sample {named['name']!r}"
    try:
        sample = parse_sample(named, source=place)
    except ConfigError as error:
        return Request(_safe(str(named["name"])), str(error))
    return Request(sample.name, sample)


def _check_prompt(sample: Sample, source: str) -> None:
    if sample.prompt is not None and sample.prompt_path is not None:
        raise ConfigError(f"{source}: prompt and prompt_path are both given; keep one of them")
    if sample.prompt_path is None and not (sample.prompt or "").strip():
        raise ConfigError(f"{source}: no prompt; give prompt or prompt_path")


def _check_kind(sample: Sample, source: str) -> None:
    said, counted = sample.inference_type, sample.kind
    if said is not None and said != counted:
        raise ConfigError(
            f"{source}: inference_type {said.value} and num_conditional_frames "
            f"{sample.num_conditional_frames} ({counted}) differ; drop one of them"
        )
    if counted is not None and counted.latents and sample.input_path is None:
        raise ConfigError(f"{source}: {counted.value} needs input_path, an image or a video")


def check_copies(requests: Sequence[Request], out: Path, *, overwrite: bool) -> None:
    """Check that each copy asked for (`save_path`) has a place of its own; no work is done before.

    A file that holds the sample's finished video already is in nobody's way.

    Raises:
        ConfigError: If samples share a place, or a file is there and must not be replaced.
    """
    owners: dict[Path, str] = {}
    for request in requests:
        if isinstance(request.content, str) or request.content.save_path is None:
            continue
        target = request.content.save_path.expanduser().resolve()
        if target in owners:
            raise ConfigError(
                f"save_path: samples {owners[target]!r} and {request.name!r} would both be copied "
                f"to {target}; give each a file of its own"
            )
        owners[target] = request.name
        video = out / request.name / f"{request.name}.mp4"
        if not overwrite and target.exists() and not _same(target, video):
            raise ConfigError(
                f"save_path: {target} exists and is not the video of sample {request.name!r}; "
                "choose another file, or pass --overwrite to replace it"
            )


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and sha256_file(one) == sha256_file(other)


def _check_files(sample: Sample, source: str) -> None:
    if sample.name.lower() in RESERVED:
        raise ConfigError(
            f"{source}: name: {sample.name!r} is a file of the job itself; choose another name"
        )
    if sample.save_path is not None and sample.save_path.suffix.lower() != ".mp4":
        raise ConfigError(f"{source}: save_path: {sample.save_path} must end in .mp4")


def _load(path: Path) -> list[object]:
    """Return the top-level values of a file, one or one a line."""
    if path.suffix.lower() not in TEXTS:
        raise ConfigError(f"{path}: expected a .json, .jsonl, .yaml or .yml list of samples")
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        return [json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: not valid {path.suffix}: {error}") from None


def _spread(item: object, path: Path) -> Iterable[Mapping[str, Any]]:
    """Yield the samples of a value: one, a list, or `samples` under what they share."""
    if isinstance(item, list):
        for part in cast(list[object], item):
            yield from _spread(part, path)
        return
    if not isinstance(item, Mapping):
        raise ConfigError(
            f"{path}: expected a sample with keys and values, found {type(item).__name__}: {item!r}"
        )
    values = cast(Mapping[str, Any], item)
    if "samples" not in values:
        yield values
        return
    shared = {key: value for key, value in values.items() if key != "samples"}
    for own in _named(values["samples"], path):
        yield shared | dict(own)


def _named(samples: object, path: Path) -> Sequence[Mapping[str, Any]]:
    """Return the samples of a mapping from name to values, or of a list."""
    if isinstance(samples, Mapping):
        pairs = cast(Mapping[str, object], samples).items()
        found = [
            {"name": name, **cast(Mapping[str, Any], values)}
            for name, values in pairs
            if isinstance(values, Mapping)
        ]
        if len(found) == len(pairs):
            return found
    elif isinstance(samples, list):
        items = cast(list[object], samples)
        if all(isinstance(values, Mapping) for values in items):
            return cast(list[Mapping[str, Any]], items)
    raise ConfigError(f"{path}: 'samples' must map each name to a sample's keys and values")


def _anchored(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return values whose relative paths start from a folder."""
    paths = {*PATHS, *(old for old, new in ALIASES.items() if new in PATHS)}
    return {
        key: str(folder / Path(value).expanduser())
        if key in paths and isinstance(value, str)
        else value
        for key, value in values.items()
    }


def _safe(name: str) -> str:
    """Return a name that may name a folder."""
    kept = "".join(char if char.isalnum() or char in "._+=@-" else "_" for char in name[:200])
    safe = kept.lstrip("._+=@-") or "sample"
    return f"{safe}_" if safe.lower() in RESERVED else safe
