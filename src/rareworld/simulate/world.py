"""The co-simulation: SUMO's step is the master's, physics and drivers run inside it.

Each step the bodies that physics moves are shown to SUMO, SUMO moves the traffic, and physics
follows in finer steps, with the traffic near its bodies led through it. A led body that is
touched leaves SUMO from that moment on. Everything is sampled, then cut to the clip.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import final

from pydantic import Field

from rareworld.core.scene import FIRST_PROP_ID, Light, Prop, Scene
from rareworld.core.seed import Seed
from rareworld.core.trajectory import Driver as DriverCode
from rareworld.core.trajectory import Recording
from rareworld.data.config import Config
from rareworld.errors import ConfigError, ScenarioError
from rareworld.simulate.assemble import ClipWindow, assemble
from rareworld.simulate.maps.library import Place
from rareworld.simulate.parking import ParkingConfig, draw_parked
from rareworld.simulate.physics import Physics
from rareworld.simulate.physics_step import PhysicsStep
from rareworld.simulate.recorder import Recorder
from rareworld.simulate.script import Script
from rareworld.simulate.stage import Cast, Stage
from rareworld.simulate.sumo.demand import DemandConfig
from rareworld.simulate.sumo.session import Traffic


@final
class WindowConfig(Config):
    """Which part of the run becomes the clip."""

    duration_s: float = Field(default=10.0, gt=0, le=600)
    """Length of the clip."""
    fps: float = Field(default=30.0, gt=0, le=240)
    """Frames per second; frame k shows the world at k / fps."""
    warmup_s: float = Field(default=30.0, ge=0, le=900)
    """Traffic runs this long before time zero."""
    search_s: float = Field(default=60.0, ge=0, le=3600)
    """How long after time zero a script may wait to begin the clip."""
    radius_m: float = Field(default=120.0, gt=0)
    """Actors that never come this near the focus are left out."""


@final
@dataclass(frozen=True, kw_only=True)
class World:
    """What stands still while the world runs."""

    place: Place
    demand: DemandConfig = field(default_factory=DemandConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    parking: ParkingConfig = field(default_factory=ParkingConfig)
    light: Light = field(default_factory=Light)
    props: tuple[Prop, ...] = ()

    def __post_init__(self) -> None:
        low = [prop.id for prop in self.props if prop.id < FIRST_PROP_ID]
        if low:
            raise ConfigError(f"prop ids start at {FIRST_PROP_ID}, got {low[:5]}")


def run_world(
    world: World, script: Script, seed: Seed, *, physics: Physics | None = None
) -> Recording:
    """Run traffic, script and physics and return the clip; its `events` are empty.

    Args:
        world: The place and what is wanted of it.
        script: Asked before every step.
        seed: All randomness.
        physics: Started at time zero; only scripts that drive actors need it.

    Raises:
        ScenarioError: If the script gives up or has not begun the clip within `search_s`.
        MissingExtraError: If libsumo is not installed.
    """
    window = world.window
    hour = world.light.when.hour
    with ExitStack() as stack:
        traffic = stack.enter_context(
            Traffic(
                world.place.net_path,
                world.place.road,
                world.demand,
                seed.child("traffic"),
                warmup_s=window.warmup_s,
                horizon_s=window.search_s + window.duration_s,
                low_beam=hour < 7 or hour >= 19,
            )
        )
        run = _Run(world, traffic, physics, seed)
        run.play(script)
    return run.recording(script, seed)


@final
class _Run:
    """One run from time zero to the end of the clip."""

    def __init__(self, world: World, traffic: Traffic, physics: Physics | None, seed: Seed) -> None:
        self._world, self._traffic, self._physics = world, traffic, physics
        self._cast = Cast()
        self.stage = Stage(world.place.road, traffic, physics, seed.child("stage"), self._cast)
        self._recorder = Recorder()
        for blueprint, state in draw_parked(world.place.road, world.parking, seed.child("parking")):
            self.stage.park(blueprint, state)

    def play(self, script: Script) -> None:
        """Run until the clip is complete."""
        self._look()
        script.prepare(self.stage)
        while not self._complete():
            script.act(self.stage)
            self._step()

    def _complete(self) -> bool:
        window, start = self._world.window, self.stage.clip_start_s
        now = self._traffic.time_s
        if start is not None:
            return now >= start + window.duration_s
        if now > window.search_s:
            raise ScenarioError(
                f"the script found no moment to begin within {window.search_s:g} s on "
                f"{self._world.place.name!r}; allow more time (window.search_s) or other traffic"
            )
        return False

    def _step(self) -> None:
        before = dict(self._cast.seen)
        self._show_bodies()
        self._traffic.step()
        now = {seen.id: seen for seen in self._traffic.states()}
        for actor_id, seen in now.items():
            self._cast.blueprints.setdefault(actor_id, seen.blueprint)
        self._cast.seen = now
        if self._physics is not None:
            PhysicsStep(self._physics, self.stage, self._cast, self._recorder).advance(before)
        self._look()

    def _show_bodies(self) -> None:
        """Show SUMO what physics moves, and sample whom the script has just let appear."""
        time_s = self._traffic.time_s
        for actor_id, state in self._cast.parked.items():
            self._recorder.body(actor_id, state, DriverCode.PARKED, time_s)
        if self._physics is None:
            return
        for actor_id in sorted(self._cast.parts):
            state = self._physics.state(actor_id)
            self._traffic.place(actor_id, state)
            self._recorder.body(actor_id, state, DriverCode.CONTROLLER, time_s)

    def _look(self) -> None:
        """Sample everything that physics does not move."""
        if self._traffic.time_s == 0:
            self._cast.seen = {seen.id: seen for seen in self._traffic.states()}
            for actor_id, seen in self._cast.seen.items():
                self._cast.blueprints.setdefault(actor_id, seen.blueprint)
        for seen in self._cast.seen.values():
            self._recorder.sighting(seen)
        time_s = self._traffic.time_s
        for actor_id, state in self._cast.parked.items():
            self._recorder.body(actor_id, state, DriverCode.PARKED, time_s)
        self._recorder.signals(time_s, self._traffic.signals.states())

    def recording(self, script: Script, seed: Seed) -> Recording:
        """Return the clip."""
        world, start = self._world, self.stage.clip_start_s or 0.0
        clip = ClipWindow(
            start_s=start, duration_s=world.window.duration_s, fps=world.window.fps,
            focus_m=self.stage.focus_m, radius_m=world.window.radius_m,
        )  # fmt: skip
        scene = Scene(
            name=world.place.name, road=world.place.road, props=world.props, light=world.light,
            seed=seed.root,
        )  # fmt: skip
        provenance: dict[str, object] = {
            **script.provenance(), "clip_start_s": start, "seed": seed.root,
            "place": world.place.name, "variant": world.place.variant,
            "demand": world.demand.model_dump(mode="json"),
            "window": world.window.model_dump(mode="json"),
            "parking": world.parking.model_dump(mode="json"),
        }  # fmt: skip
        actors = {i: self.stage.actor(i) for i in self._recorder.actors()}
        return assemble(
            self._recorder, scene, actors, clip, self.stage.contacts(), provenance,
            always=frozenset(self._cast.parts),
        )  # fmt: skip
