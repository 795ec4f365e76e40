"""Speed profiles against integration and search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.errors import ScenarioError
from rareworld.simulate.drive.speed import Limits, SpeedProfile, closest_time_s, reach

CAR = Limits.of(BLUEPRINTS["saloon"])


def integrated(profile, until_s, cells=20000):
    time = (np.arange(cells) + 0.5) * (until_s - profile.start_s) / cells + profile.start_s
    return profile.start_m + np.mean([profile.speed_mps(float(t)) for t in time]) * (
        until_s - profile.start_s
    )


def test_phases_add_up_to_the_integral_of_speed():
    profile = SpeedProfile.constant(8.0, start_s=1.0, start_m=5.0).then(2.0, 1.5).then(3.0, -2.0)
    assert profile.station_m(7.5) == pytest.approx(integrated(profile, 7.5), abs=1e-3)
    assert profile.speed_mps(6.0) == pytest.approx(5.0)


def test_braking_stops_after_v2_over_2a_and_stays():
    profile = SpeedProfile.constant(12.0).brake_from(2.0, 6.0)
    assert profile.station_m(2.0) == pytest.approx(24.0)
    assert profile.at(4.0) == pytest.approx((36.0, 0.0, 0.0))
    assert profile.station_m(99.0) == pytest.approx(36.0)


@settings(deadline=None, max_examples=25)
@given(st.floats(10, 120), st.floats(2, 12), st.floats(0, 20), st.floats(0, 20))
def test_reach_is_exact_and_within_limits_or_names_a_time_that_works(distance, span, start, end):
    ask = {"distance_m": distance, "from_mps": start, "to_mps": end, "limits": CAR}
    nearest = closest_time_s(distance, span, start, end, CAR)
    if nearest != span:
        with pytest.raises(ScenarioError, match="nearest time"):
            reach(duration_s=span, **ask)
        if not np.isfinite(nearest):
            return
        span = nearest
    profile = reach(duration_s=span, **ask)
    assert profile.station_m(span) == pytest.approx(distance, abs=1e-6)
    assert profile.speed_mps(span) == pytest.approx(end, abs=1e-6)
    for _, accel in profile.phases:
        assert -CAR.brake_mps2 - 1e-6 <= accel <= CAR.accel_mps2 + 1e-6


def test_impossible_arrival_names_the_closest_time():
    with pytest.raises(ScenarioError, match=r"nearest time within limits is 3\.\d\d s"):
        reach(distance_m=50, duration_s=2.0, from_mps=12.0, to_mps=12.0, limits=CAR)
