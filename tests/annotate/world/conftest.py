"""The recording that most tests of the world share."""

import pytest

from rareworld.core.trajectory import Recording
from tests.annotate.world.world_scenes import make_recording


@pytest.fixture(scope="session")
def recording() -> Recording:
    return make_recording()
