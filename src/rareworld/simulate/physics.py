"""What the co-simulation asks of a physics engine; `simulate/crash` provides it."""

from typing import Protocol, runtime_checkable

from rareworld.core.event import Contact
from rareworld.core.scene import Actor
from rareworld.simulate.state import BodyState, Command


@runtime_checkable
class Physics(Protocol):
    """Bodies under tyre forces and contacts, among bodies that are led from outside."""

    def add(self, actor: Actor, state: BodyState, *, kinematic: bool = False) -> None:
        """Place an actor at the present time; kinematic ones are led by `follow`."""
        ...

    def remove(self, actor_id: int) -> None:
        """Take an actor out; its contacts stay."""
        ...

    def command(self, actor_id: int, command: Command) -> None:
        """Set what the driver wants from now on."""
        ...

    def follow(self, actor_id: int, state: BodyState) -> bool:
        """Lead a kinematic body to a state; False once a touch has made it free."""
        ...

    def is_free(self, actor_id: int) -> bool:
        """Return whether nobody drives or leads the actor any more."""
        ...

    def contacts(self) -> tuple[Contact, ...]:
        """Return all contacts so far in order of time."""
        ...

    def state(self, actor_id: int) -> BodyState:
        """Return an actor's pose and motion now."""
        ...

    def step_to(self, time_s: float) -> None:
        """Advance all bodies to a time."""
        ...
