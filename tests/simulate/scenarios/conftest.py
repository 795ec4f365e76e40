"""Sites that the scenario tests share; maps are read once."""

from collections.abc import Callable
from functools import cache

import pytest

from rareworld.simulate.maps.library import load_place
from rareworld.simulate.scenarios.site import Site


@cache
def _site(name: str) -> Site:
    return Site(load_place(name))


@pytest.fixture(scope="session")
def site() -> Callable[[str], Site]:
    """Return a place's site, made once for all tests."""
    return _site
