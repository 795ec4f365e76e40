"""`simulate` as a job: a recipe of scenarios becomes recordings, one folder each.

Every item draws its scenario's parameters from the seed, plays it, looks at what really happened
and tries again if it was not what was asked for, within a budget.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, final

import numpy as np
from pydantic import Field

from rareworld.core.camera import Rig
from rareworld.core.scene import Light
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Recording
from rareworld.core.viewpoint import ViewConfig, focus_points, place_cameras
from rareworld.data.atomic import sha256_file
from rareworld.data.config import Config
from rareworld.data.recording import fill_recording
from rareworld.errors import CameraError, ConfigError, ScenarioError
from rareworld.events.detect import EventConfig
from rareworld.runtime.stage import Report
from rareworld.simulate.crash.config import PhysicsConfig
from rareworld.simulate.maps.dress import DressConfig
from rareworld.simulate.maps.library import VARIANTS, load_place, open_map
from rareworld.simulate.maps.places import PLACES
from rareworld.simulate.parking import ParkingConfig
from rareworld.simulate.play import Theatre, play
from rareworld.simulate.scenarios.base import Scenario
from rareworld.simulate.scenarios.catalogue import scenario_type
from rareworld.simulate.scenarios.site import Site
from rareworld.simulate.scenarios.span import Span
from rareworld.simulate.scenarios.staging import Outcome
from rareworld.simulate.sumo.demand import DemandConfig

ENGINES = ("rareworld", "libsumo", "mujoco", "numpy")
"""Packages whose versions are kept with a recording."""


@final
class LightConfig(Config):
    """When the scene plays; the hour is drawn."""

    latitude_deg: float = Field(default=48.1, ge=-66, le=66)
    longitude_deg: float = Field(default=11.6, ge=-180, le=180)
    day: date = date(2026, 6, 21)
    hour: Span = Span.of(8.0, 18.0)
    """Local time of day in hours."""
    utc_offset_h: float = Field(default=2.0, ge=-12, le=14)

    def draw(self, rng: np.random.Generator) -> Light:
        """Return the light of one recording."""
        minutes = round(60 * self.hour.draw(rng))
        zone = timezone(timedelta(hours=self.utc_offset_h))
        midnight = datetime(self.day.year, self.day.month, self.day.day, tzinfo=zone)
        return Light(
            latitude_deg=self.latitude_deg,
            longitude_deg=self.longitude_deg,
            when=midnight + timedelta(minutes=minutes),
        )


@final
class CameraConfig(Config):
    """Cameras suggested with each recording."""

    count: int = Field(default=1, ge=1, le=8)
    width: int = Field(default=1920, ge=16, le=8192, multiple_of=2)
    height: int = Field(default=1080, ge=16, le=8192, multiple_of=2)
    pole_height_m: Span = Span.of(6.0, 12.0)

    def view(self) -> ViewConfig:
        """Return the settings of the placement."""
        return ViewConfig(
            width=self.width,
            height=self.height,
            pole_height_m=(self.pole_height_m.low, self.pole_height_m.high),
        )


@final
class Choice(Config):
    """One scenario of a recipe."""

    scenario: str
    """Name from `rareworld simulate --list`."""
    outcome: Outcome | None = None
    """How it shall end; its first outcome if not given."""
    places: tuple[str, ...] = ()
    """Library places to draw from; all that fit if empty. Ignored with `map`."""
    variants: tuple[int, ...] = Field(default=tuple(range(VARIANTS)), min_length=1)
    repeat: int = Field(default=1, ge=1)
    """How often it comes before the next choice has its turn."""
    ranges: dict[str, Any] = Field(default_factory=dict)
    """Parameter ranges that differ from the scenario's own, e.g. `speed_mps: [8, 10]`."""

    def build(self) -> Scenario:
        """Return the scenario with these ranges.

        Raises:
            ConfigError: If scenario, outcome or a range is unknown.
        """
        kind = scenario_type(self.scenario)
        if self.outcome is not None and self.outcome not in kind.outcomes:
            known = ", ".join(outcome.value for outcome in kind.outcomes)
            raise ConfigError(
                f"{self.scenario} cannot end in {self.outcome.value!r}; it can in: {known}"
            )
        return kind.parse(self.ranges, source=f"scenarios: {self.scenario}: ranges")

    def ending(self) -> Outcome:
        """Return how it shall end."""
        return self.outcome or scenario_type(self.scenario).outcomes[0]


@final
class SimulateConfig(Config):
    """A recipe: what to simulate, where, how often."""

    scenarios: tuple[Choice, ...] = Field(min_length=1)
    """They take turns."""
    n: int = Field(default=1, ge=1, le=1_000_000)
    """Number of recordings."""
    seed: int = Field(default=0, ge=0)
    map: Path | None = None
    """An OpenDRIVE file of your own instead of the library."""
    duration_s: float = Field(default=5.0, ge=2.0, le=60.0)
    fps: float = Field(default=30.0, ge=1.0, le=240.0)
    event_share: Span = Span.of(0.45, 0.6)
    """When in the clip it happens, as a share of its length."""
    attempts: int = Field(default=12, ge=1, le=1000)
    """Budget per recording."""
    demand: DemandConfig = DemandConfig()
    parking: ParkingConfig = ParkingConfig()
    dress: DressConfig = DressConfig()
    light: LightConfig = LightConfig()
    cameras: CameraConfig = CameraConfig()
    physics: PhysicsConfig = PhysicsConfig()
    events: EventConfig = EventConfig()

    def choice(self, index: int) -> Choice:
        """Return whose turn it is."""
        turns = [choice for choice in self.scenarios for _ in range(choice.repeat)]
        return turns[index % len(turns)]

    def of_item(self, index: int) -> dict[str, Any]:
        """Return the settings one item depends on as plain values, its map by name."""
        values = self.model_dump(mode="json", exclude={"n", "scenarios", "map"})
        chosen = self.choice(index).model_dump(mode="json", exclude={"repeat"})
        return {**values, "choice": chosen, "map": self.map.name if self.map else None}

    def map_sha256(self) -> str | None:
        """Return the checksum of the user's map, None without one.

        Raises:
            ConfigError: If it cannot be read.
        """
        if self.map is None:
            return None
        try:
            return sha256_file(self.map)
        except OSError as error:
            raise ConfigError(f"map: {self.map}: cannot be read ({error.strerror})") from None


@final
@dataclass(frozen=True, kw_only=True)
class Take:
    """An accepted recording with its cameras and how it came about."""

    recording: Recording
    rig: Rig
    attempts: int
    rejections: Mapping[str, int]


@final
@dataclass(frozen=True)
class SimulateStage:
    """`runtime.Stage` over the numbers of recordings."""

    config: SimulateConfig
    cache: Path
    """Where networks of user maps are kept."""

    @property
    def name(self) -> str:
        """The verb."""
        return "simulate"

    def item_name(self, item: int) -> str:
        """Return number, scenario and outcome."""
        choice = self.config.choice(item)
        return f"{item:05d}-{choice.scenario}-{choice.ending().value}"

    def describe(self, item: int) -> Mapping[str, Any]:
        """Return what decides the item's bytes: not `n`, not the other scenarios.

        Raises:
            ConfigError: If the user's map cannot be read.
        """
        return {**self.config.of_item(item), "map": self.config.map_sha256()}

    def run(self, item: int, out: Path, report: Report) -> Mapping[str, Any]:
        """Write one recording folder."""
        take = simulate(self.config, item, cache=self.cache, report=report)
        fill_recording(take.recording, out, take.rig)
        return {
            "scenario": self.config.choice(item).scenario,
            "outcome": self.config.choice(item).ending().value,
            "attempts": take.attempts,
            "rejections": dict(sorted(take.rejections.items())),
            "events": [event.kind.value for event in take.recording.events],
            "actors": len(take.recording.scene.actors),
        }


def check_recipe(config: SimulateConfig) -> None:
    """Refuse before any work what can be known to fail.

    Raises:
        ConfigError: If a scenario, outcome, range, place or variant is unknown, or the map is
            missing.
        ScenarioError: If a named place lacks what its scenario needs, or the clip is too short.
    """
    config.map_sha256()
    for choice in config.scenarios:
        scenario = choice.build()
        event_times(config, scenario)
        for name in () if config.map else choice.places:
            for variant in choice.variants:
                scenario.check(load_place(name, variant))


def simulate(
    config: SimulateConfig, index: int, *, cache: Path, report: Report | None = None
) -> Take:
    """Return the recording of one item of a recipe.

    Raises:
        ScenarioError: If the budget is spent; counts what went wrong.
        ConfigError: If a name in the recipe is unknown.
        MapError: If the user's map cannot be read or converted.
    """
    choice = config.choice(index)
    scenario, outcome = choice.build(), choice.ending()
    event_times(config, scenario)
    seed = Seed(config.seed).child("item", index)
    rejections: Counter[str] = Counter()
    for attempt in range(config.attempts):
        tried = seed.child("attempt", attempt)
        site = draw_site(config, choice, scenario, tried, cache)
        try:
            take = _attempt(config, scenario, outcome, site, tried)
        except (ScenarioError, CameraError) as error:
            rejections[_short(error)] += 1
        else:
            return Take(
                recording=_told(config, take[0], index, attempt + 1, rejections),
                rig=take[1],
                attempts=attempt + 1,
                rejections=rejections,
            )
        if report:
            report(min(0.9, (attempt + 1) / config.attempts))
    told = "; ".join(f"{count} x {reason}" for reason, count in rejections.most_common(4))
    raise ScenarioError(
        f"{choice.scenario} ({outcome.value}) was not reached in {config.attempts} attempts: "
        f"{told}; raise `attempts`, widen `ranges` or choose other `places`"
    )


def draw_site(
    config: SimulateConfig, choice: Choice, scenario: Scenario, seed: Seed, cache: Path
) -> Site:
    """Return the user's map, or one of the fitting places.

    Raises:
        ScenarioError: If a named place lacks what the scenario needs.
        ConfigError: If there is no place of a name.
        MapError: If the user's map cannot be read or converted.
    """
    if config.map is not None:
        changed_ns = config.map.stat().st_mtime_ns if config.map.exists() else 0
        site = _site_of_map(config.map, cache, changed_ns)
    else:
        fitting = [name for name, info in PLACES.items() if scenario.needs <= info.tags]
        names = choice.places or tuple(fitting)
        rng = seed.child("place").generator()
        name = names[int(rng.integers(len(names)))]
        site = _site(name, choice.variants[int(rng.integers(len(choice.variants)))])
    scenario.check(site.place)
    return site


@lru_cache(maxsize=32)
def _site(name: str, variant: int) -> Site:
    """Return a place of the library; reading it and its questions cost more than playing on it."""
    return Site(load_place(name, variant))


@lru_cache(maxsize=2)
def _site_of_map(path: Path, cache: Path, _changed_ns: int) -> Site:
    """Return the place of a user's map as it was at its last change."""
    return Site(open_map(path, cache))


def event_times(config: SimulateConfig, scenario: Scenario) -> Span:
    """Return when in the clip the event may be: the recipe's share, and in time to be complete.

    Raises:
        ScenarioError: If the clip is too short; names the length that is needed.
    """
    low_s = config.event_share.low * config.duration_s
    scenario.check_time(low_s, config.duration_s)
    last_s = config.duration_s - scenario.after_s
    return Span.of(low_s, min(config.event_share.high * config.duration_s, last_s))


def _attempt(
    config: SimulateConfig, scenario: Scenario, outcome: Outcome, site: Site, seed: Seed
) -> tuple[Recording, Rig]:
    """Play once and look for cameras."""
    rng = seed.child("light").generator()
    theatre = Theatre(
        site=site,
        demand=config.demand,
        parking=config.parking,
        dress=config.dress,
        light=config.light.draw(rng),
        physics=config.physics,
        events=config.events,
        duration_s=config.duration_s,
        fps=config.fps,
    )
    event_s = event_times(config, scenario).draw(rng)
    recording = play(theatre, scenario, outcome, event_s, seed)
    rig = place_cameras(
        recording.scene,
        focus_points(recording),
        config.cameras.count,
        config.cameras.view(),
        seed.child("cameras"),
    )
    return recording, rig


def _told(
    config: SimulateConfig,
    recording: Recording,
    index: int,
    attempts: int,
    rejections: Mapping[str, int],
) -> Recording:
    """Return the recording with how it came about in its provenance."""
    more: dict[str, object] = {
        "config": config.of_item(index),
        "index": index,
        "attempts": attempts,
        "rejections": dict(sorted(rejections.items())),
        "tools": {name: metadata.version(name) for name in ENGINES},
    }
    return replace(recording, provenance={**recording.provenance, **more})


def _short(error: Exception) -> str:
    """Return a reason without its figures and scenario, so that equal reasons count together."""
    if isinstance(error, CameraError):
        return "no place for a camera that sees it"
    words = re.sub(r"[-+]?\d+(?:\.\d+)?", "#", str(error).split(";")[0])
    return re.sub(r"^\w+: ", "", words)[:80]
