"""The recording that most tests of the world share."""

import pytest
from world_scenes import make_recording

from rareworld.core.trajectory import Recording


@pytest.fixture(scope="session")
def recording() -> Recording:
    return make_recording()
