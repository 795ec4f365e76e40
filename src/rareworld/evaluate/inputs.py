"""Sets as the user gives them, and their features for one protocol, each made once.

Proved in `tests/evaluate/test_inputs.py`.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

import torch

from rareworld.errors import ConfigError, DeviceError, FormatError
from rareworld.evaluate.config import EvaluateConfig
from rareworld.evaluate.features import Features, Hashes, Means, Quarantined, Tell, extract
from rareworld.evaluate.frames import FrameChoice
from rareworld.evaluate.protocols import MetricProtocol
from rareworld.evaluate.sets import ClipSet, open_clips
from rareworld.evaluate.stored import READERS, Statistics, Stored, read_features, save_features
from rareworld.evaluate.tables import FeatureTable
from rareworld.models.features import FeatureNet

Source = Path | Sequence[Path]
"""A folder of videos, a feature file, or a list of videos."""
REAL, GENERATED, BASELINE = "real", "generated", "baseline"
DECODERS = 8
"""Most threads that decode unless told otherwise: frames they hold are memory."""
BATCH_FRAMES, BATCH_FRAMES_GPU = 64, 512
"""Frames a call of the network gets."""
NAMED = 5
"""Clips named in a warning."""
_Made = tuple[Features, str, dict[str, Any]]
"""Features, the weights that made them in words, and all else that did."""


@runtime_checkable
class Loader(Protocol):
    """Makes a network, as `models.features.load_feature_net` does."""

    def __call__(
        self, name: str, *, weights: Path | None, device: torch.device, preprocessing: str | None
    ) -> FeatureNet:
        """Return the network of a name with its weights."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class Side:
    """One set's features for one protocol."""

    label: str
    content: FeatureTable | Statistics
    weights: str
    short: int = 0
    """Clips left out as too short."""

    @property
    def clips(self) -> int | None:
        """Clips of the set; of statistics none are known."""
        return self.content.num_clips if isinstance(self.content, FeatureTable) else None

    @property
    def rows(self) -> int | None:
        """Rows of features; of statistics, if the file says."""
        rows = self.content
        return rows.num_rows if isinstance(rows, FeatureTable) else rows.count


@final
@dataclass
class Inputs:
    """All sets of an evaluation; networks are loaded when features are missing."""

    sets: dict[str, ClipSet | Stored]
    config: EvaluateConfig
    load: Loader
    tell: Tell
    device: torch.device = field(init=False)
    warnings: list[str] = field(default_factory=list[str])
    quarantined: dict[tuple[str, str], Quarantined] = field(
        default_factory=dict[tuple[str, str], Quarantined]
    )
    _hashes: Hashes = field(default_factory=Hashes)
    _made: dict[str, _Made] = field(default_factory=dict[str, _Made])
    _net: tuple[tuple[str, str | None], FeatureNet] | None = None

    def __post_init__(self) -> None:
        self.device = device_of(self.config.device)

    def side(self, label: str, protocol: MetricProtocol) -> Side:
        """Return a set's features for a protocol.

        Raises:
            FormatError: If no clip of the set can be read.
            ConfigError: If a feature file was made otherwise, or all clips are too short.
        """
        given = self.sets[label]
        if isinstance(given, Stored):
            return self._from_file(label, given, protocol)
        features, weights, what = self._extracted(given, protocol)
        self._note(given, features, protocol)
        if self.config.save_features is not None:
            path = self.config.save_features / f"{label}-{protocol.name}.safetensors"
            save_features(path, features.table, what, weights)
        return Side(label=label, content=features.table, weights=weights, short=len(features.short))

    def choice(self, label: str, protocol: MetricProtocol) -> FrameChoice:
        """Return the frames of a set's clips that a protocol looks at."""
        return FrameChoice(
            frames=protocol.frames,
            random_start=protocol.start == "random" and label == REAL,
            pictures=self.config.pictures,
            seed=self.config.seed,
        )

    def _extracted(self, clips: ClipSet, protocol: MetricProtocol) -> _Made:
        net = self._network(protocol)
        gpu = self.device.type != "cpu"
        means = Means(
            net=net,
            choice=self.choice(clips.label, protocol),
            device=self.device,
            batch_frames=self.config.batch_frames or (BATCH_FRAMES_GPU if gpu else BATCH_FRAMES),
            threads=self.config.decoders or min(os.cpu_count() or 1, DECODERS),
            cache=self.config.cache,
        )
        key = json.dumps([clips.label, means.describe()], sort_keys=True)
        if key not in self._made:
            told = f"{net.weights.name} {net.weights.sha256[:12]} ({net.weights.origin})"
            features = extract(clips, means, self._hashes, self.tell)
            self._made[key] = features, told, means.describe()
        return self._made[key]

    def _network(self, protocol: MetricProtocol) -> FeatureNet:
        """Return the protocol's network; only the last one is kept."""
        key = (protocol.net, protocol.preprocessing)
        if self._net is None or self._net[0] != key:
            self._net = None
            weights = self.config.weights.get(protocol.net)
            net = self.load(
                protocol.net,
                weights=weights,
                device=self.device,
                preprocessing=protocol.preprocessing,
            )
            self._net = key, net
        return self._net[1]

    def _note(self, clips: ClipSet, features: Features, protocol: MetricProtocol) -> None:
        """Write down what is missing, and refuse to go on where nothing is left."""
        label, short = clips.label, features.short
        self.quarantined |= {(item.label, item.clip): item for item in features.quarantined}
        if len(features.quarantined) == len(clips.clips):
            raise FormatError(
                f"{label}: none of {len(clips.clips)} clips can be measured, the first: "
                f"{features.quarantined[0].error}"
            )
        if not features.table.num_clips:
            raise ConfigError(
                f"{label}: all clips have fewer than the {protocol.frames} frames that "
                f"{protocol.name} looks at; give longer clips, or metrics of pictures (fid, kid)"
            )
        if short:
            told = ", ".join(short[:NAMED]) + (", ..." if len(short) > NAMED else "")
            self.warn(
                f"short: {len(short)} of {len(clips.clips)} {label} clips have fewer than "
                f"{protocol.frames} frames and are left out of {protocol.name}: {told}"
            )

    def warn(self, text: str) -> None:
        """Write down what a reader must know, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def _from_file(self, label: str, stored: Stored, protocol: MetricProtocol) -> Side:
        """Return what a feature file holds, if it was made as the protocol wants.

        Raises:
            ConfigError: If it says that it was made otherwise.
        """
        if not stored.what:
            self.warn(
                f"unknown features: {stored.path} does not say what made it; it is taken for "
                f"{protocol.net} features of the right frames and pre-processing"
            )
        else:
            _require_made_by(stored, protocol, self.choice(label, protocol))
        return Side(label=label, content=stored.content, weights=stored.weights)


def _require_made_by(stored: Stored, protocol: MetricProtocol, choice: FrameChoice) -> None:
    wanted = {"net": protocol.net, **choice.describe()}
    if protocol.preprocessing is not None:
        wanted["preprocessing"] = protocol.preprocessing
    for name, value in wanted.items():
        if stored.what.get(name) != value:
            raise ConfigError(
                f"{stored.path}: {name} must be {value!r} for {protocol.name}, the features were "
                f"made with {stored.what.get(name)!r}; give the videos, or choose the protocol "
                "and frames they were made for"
            )


def open_set(source: Source, label: str, config: EvaluateConfig) -> ClipSet | Stored:
    """Return a folder or list of videos, or a feature file.

    Raises:
        FormatError: If nothing of the kind is there.
        ConfigError: If the clips' names are wrong.
    """
    if isinstance(source, Path) and source.suffix.lower() in READERS and not source.is_dir():
        return read_features(source)
    return open_clips(source, label, recording=config.recording, required=label == REAL)


def device_of(name: str) -> torch.device:
    """Return the device of a name; `auto` is the GPU if there is one.

    Raises:
        ConfigError: If the name is none.
        DeviceError: If there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device: expected auto, cpu, cuda or cuda:N, found {name!r}") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"device {name!r} is wanted, {torch.cuda.device_count()} GPUs were found; "
            "use --device cpu or auto"
        )
    return device
