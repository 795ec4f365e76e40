"""Places and nets that the traffic tests share."""

from collections.abc import Callable

import pytest

from rareworld.core.seed import Seed
from rareworld.simulate.maps.library import Place, load_place
from rareworld.simulate.sumo.demand import DemandConfig
from rareworld.simulate.sumo.session import Traffic


@pytest.fixture(scope="session")
def junction() -> Place:
    return load_place("signalised_junction")


@pytest.fixture
def start(junction: Place) -> Callable[..., Traffic]:
    """Make traffic on the signalised junction; empty roads unless told otherwise."""

    def make(seed: int = 1, **more: float) -> Traffic:
        quiet = DemandConfig(
            vehicles_per_hour_per_lane=more.pop("flow", 0.0),
            pedestrians_per_hour=more.pop("people", 0.0),
        )
        return Traffic(
            junction.net_path, junction.road, quiet, Seed(seed), warmup_s=more.pop("warmup_s", 2.0)
        )

    return make
