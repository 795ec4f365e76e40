"""All scenarios by name; the one table that the command line lists."""

from rareworld.data.config import nearest
from rareworld.errors import ConfigError
from rareworld.simulate.scenarios.base import Scenario
from rareworld.simulate.scenarios.calm import NormalTraffic
from rareworld.simulate.scenarios.crossing import CyclistStruck, LeftTurnAcross, SideImpact
from rareworld.simulate.scenarios.following import PileUp, RearEnd, SuddenBraking
from rareworld.simulate.scenarios.lateral import Sideswipe, Swerving
from rareworld.simulate.scenarios.opposing import HeadOn, WrongWay
from rareworld.simulate.scenarios.violations import (
    BlockedJunction,
    IllegalTurn,
    RedLight,
    StalledVehicle,
)
from rareworld.simulate.scenarios.vulnerable import Jaywalking, PedestrianStruck

SCENARIOS: dict[str, type[Scenario]] = {
    scenario.name: scenario
    for scenario in (
        RearEnd,
        SideImpact,
        HeadOn,
        LeftTurnAcross,
        Sideswipe,
        PedestrianStruck,
        CyclistStruck,
        PileUp,
        WrongWay,
        RedLight,
        SuddenBraking,
        IllegalTurn,
        Jaywalking,
        Swerving,
        StalledVehicle,
        BlockedJunction,
        NormalTraffic,
    )
}


def scenario_type(name: str) -> type[Scenario]:
    """Return a scenario's class.

    Raises:
        ConfigError: If there is none of this name.
    """
    if name not in SCENARIOS:
        raise ConfigError(f"unknown scenario {name!r}{nearest(name, list(SCENARIOS))}")
    return SCENARIOS[name]
