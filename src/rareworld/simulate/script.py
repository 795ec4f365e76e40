"""What happens in a recording besides ordinary traffic: scripts, asked before every step.

A script is told once that time zero has come (`prepare`) and then asked before each step (`act`).
It does its work through the `Stage`: insert vehicles into traffic, take one over with a driver,
let an actor appear, hold signals, and begin the clip when its moment comes. To give up it raises
`ScenarioError` and says what it tried. All its randomness comes from `stage.seed`.

    class HardBraking:
        def prepare(self, stage): ...                      # choose a vehicle
        def act(self, stage):
            if self._near(stage):
                stage.drive(self.lead, Brakes(-7.0), role="braking")
                stage.begin_clip(stage.time_s + 1.0)
"""

from typing import Protocol, final, runtime_checkable

from rareworld.simulate.stage import Stage


@runtime_checkable
class Script(Protocol):
    """Decides what happens; keeps its own state."""

    def prepare(self, stage: Stage) -> None:
        """Act once at time zero, when traffic has warmed up."""
        ...

    def act(self, stage: Stage) -> None:
        """Act before the step that starts at `stage.time_s`."""
        ...

    def provenance(self) -> dict[str, object]:
        """Return name and drawn parameters, JSON types only; asked when the run has ended."""
        ...


@final
class NormalTraffic:
    """Nothing but traffic: the clip begins at once."""

    def prepare(self, stage: Stage) -> None:
        """Begin the clip at time zero."""
        stage.begin_clip(stage.time_s)

    def act(self, stage: Stage) -> None:
        """Leave everything to traffic."""

    def provenance(self) -> dict[str, object]:
        """Return the name."""
        return {"script": "normal_traffic"}
