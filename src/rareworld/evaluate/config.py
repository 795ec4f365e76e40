"""What `rareworld evaluate` measures, and how sure it is asked to be."""

from pathlib import Path
from typing import Literal, final

from pydantic import Field, model_validator

from rareworld.data.config import Config, nearest
from rareworld.errors import ConfigError
from rareworld.evaluate.protocols import PROTOCOLS, MetricProtocol, choose_protocols


@final
class PicturesConfig(Config):
    """Which frames of a clip metrics of single pictures look at."""

    every: int = Field(default=1, ge=1)
    """Each how-manieth frame, from the first."""
    count: int | None = Field(default=None, ge=1)
    """So many frames at random of each clip instead; of a shorter clip all."""

    @model_validator(mode="after")
    def _one_of_two(self) -> "PicturesConfig":
        if self.count is not None and self.every != 1:
            raise ValueError("give 'every' or 'count', not both")
        return self


@final
class IntervalConfig(Config):
    """Bootstrap intervals."""

    resamples: int | None = Field(default=None, ge=0)
    """Sets drawn with replacement; 0 leaves intervals out. By default 1,000, for Gaussians of
    more than 1,000 values of a row 200."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Share of repeated experiments whose interval holds the expected number."""
    unit: Literal["clip", "recording"] = "clip"
    """What is drawn: clips, or whole recordings where clips of one recording look alike."""


@final
class EvaluateConfig(Config):
    """Settings of an evaluation."""

    metrics: tuple[str, ...] = ("fid", "kid", "fvd")
    """Words of `protocols.METRICS`."""
    protocols: tuple[str, ...] = ()
    """Protocols by name; of a metric that none is named for, its first."""
    pictures: PicturesConfig = PicturesConfig()
    weights: dict[str, Path] = Field(default_factory=dict)
    """File of a network's weights, by the network's name; found or downloaded otherwise."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    batch_frames: int | None = Field(default=None, ge=1)
    """Frames a call of the network gets; by default 64, on a GPU 512."""
    decoders: int = Field(default=0, ge=0)
    """Threads that decode ahead; 0 takes one per core, eight at most."""
    cache: Path | None = None
    """Folder that features are kept in by content; none keeps them for this run alone."""
    save_features: Path | None = None
    """Folder that features are written to as `SET-PROTOCOL.safetensors`, to be compared later."""
    intervals: IntervalConfig = IntervalConfig()
    floor_splits: int = Field(default=10, ge=0)
    """Random halves of the real set whose distance is the floor; 0 leaves the floor out."""
    extrapolate: bool = False
    """Also fit the number against 1 / N and report where N is infinite."""
    recording: str | None = None
    """Regular expression that finds a clip's recording in its name; where it finds none, the clip
    stands for itself."""
    seed: int = 0
    """Of all that is drawn."""

    @model_validator(mode="after")
    def _known_networks(self) -> "EvaluateConfig":
        known = sorted({protocol.net for protocol in PROTOCOLS.values()})
        for name in self.weights:
            if name not in known:
                raise ConfigError(f"weights: no network {name!r}{nearest(name, known)}")
        return self

    def chosen(self) -> tuple[MetricProtocol, ...]:
        """Return the protocols to compute.

        Raises:
            ConfigError: If a metric or protocol is unknown.
        """
        return choose_protocols(self.metrics, self.protocols)
