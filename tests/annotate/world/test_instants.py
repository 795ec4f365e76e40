"""Every word for the light finds the hour when the sun stands so, or says why there is none."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from rareworld.annotate.world.sun import (
    NIGHT_DEG,
    RISING_DEG,
    SETTING_DEG,
    at_lighting,
    nearest_lighting,
    possible_lightings,
    sun_angles,
)
from rareworld.core.conditions import Lighting
from rareworld.core.scene import Light
from rareworld.errors import ConfigError


def place(latitude: float, month: int = 6, day: int = 21, longitude: float = 11.6) -> Light:
    zone = timezone(timedelta(hours=round(longitude / 15)))
    return Light(
        latitude_deg=latitude,
        longitude_deg=longitude,
        when=datetime(2026, month, day, 15, 40, tzinfo=zone),
    )


def angles(light: Light) -> tuple[float, float]:
    return sun_angles(light.latitude_deg, light.longitude_deg, light.when)


PLACES = [
    place(48.1), place(48.1, 12), place(-33.9, 1, 10, 151.2), place(35.7, 3, 20, 139.7),
    place(0.0, 9, 23, -78.5), place(40.4, 11, 2, -3.7),
]  # fmt: skip


@pytest.mark.parametrize("light", PLACES)
@pytest.mark.parametrize(("lighting", "height"), [*RISING_DEG.items(), *SETTING_DEG.items()])
def test_the_sun_stands_as_the_word_says(light, lighting, height):
    found = at_lighting(light, lighting)
    assert angles(found)[1] == pytest.approx(height, abs=0.01)
    later = Light(
        latitude_deg=light.latitude_deg,
        longitude_deg=light.longitude_deg,
        when=found.when + timedelta(minutes=1),
    )
    assert (angles(later)[1] > height) == (lighting in RISING_DEG)


@pytest.mark.parametrize("light", PLACES)
def test_the_day_goes_in_order_and_stays_on_its_date(light):
    order = [
        Lighting.TWILIGHT, Lighting.SUNRISE, Lighting.MID_MORNING, Lighting.ZENITH,
        Lighting.AFTERNOON, Lighting.GOLDEN_HOUR, Lighting.SUNSET, Lighting.BLUE_HOUR,
        Lighting.NIGHT,
    ]  # fmt: skip
    times = [at_lighting(light, lighting).when for lighting in order]
    assert times == sorted(times)
    assert len(set(times)) == len(times)
    assert all(when.date() == light.when.date() for when in times[:-2])


@pytest.mark.parametrize("light", PLACES)
def test_noon_is_the_highest_and_night_the_lowest_of_all(light):
    noon, night = (
        angles(at_lighting(light, word))[1] for word in (Lighting.ZENITH, Lighting.NIGHT)
    )
    some = [
        sun_angles(light.latitude_deg, light.longitude_deg, light.when + timedelta(hours=k / 4))[1]
        for k in range(-48, 48)
    ]
    assert noon >= max(some) - 0.2
    assert night <= min(some) + 0.2
    assert night < NIGHT_DEG


@pytest.mark.parametrize("light", PLACES)
def test_morning_and_afternoon_are_halfway(light):
    rise, morning, noon, afternoon, fall = (
        at_lighting(light, word).when
        for word in (
            Lighting.SUNRISE, Lighting.MID_MORNING, Lighting.ZENITH, Lighting.AFTERNOON,
            Lighting.SUNSET,
        )
    )  # fmt: skip
    assert abs((morning - rise) - (noon - morning)) < timedelta(seconds=5)
    assert abs((afternoon - noon) - (fall - afternoon)) < timedelta(seconds=5)


def test_sunset_of_munich_matches_the_almanac():
    """21 June 2026, upper limb 21:17 summer time; our centre at +0.8 is some 9 min before."""
    light = Light(latitude_deg=48.14, longitude_deg=11.58)
    found = at_lighting(light, Lighting.SUNSET).when.astimezone(UTC)
    wanted = datetime(2026, 6, 21, 19, 17, tzinfo=UTC)
    assert timedelta(minutes=6) < wanted - found < timedelta(minutes=12)


def test_no_word_keeps_the_hour_of_the_scene():
    light = place(48.1)
    assert at_lighting(light, None) is light


@pytest.mark.parametrize(
    ("latitude", "month", "missing", "there"),
    [
        (70.0, 6, {"sunrise", "sunset", "twilight", "blue_hour", "night"}, {"zenith", "afternoon"}),
        (70.0, 12, {"zenith", "sunrise", "golden_hour", "mid_morning"}, {"night", "blue_hour"}),
        (60.0, 6, {"night"}, {"twilight", "blue_hour", "sunset"}),
        (-75.0, 12, {"night", "sunset"}, {"zenith", "mid_morning"}),
    ],
)
def test_polar_days_nights_and_white_nights_lack_words(latitude, month, missing, there):
    found = {lighting.value for lighting in possible_lightings(place(latitude, month))}
    assert not missing & found
    assert there <= found


def test_the_error_names_light_place_date_range_and_choices():
    with pytest.raises(ConfigError) as caught:
        at_lighting(place(70.0), Lighting.NIGHT)
    for part in ("lighting 'night'", "latitude 70", "2026-06-21", "3.6 and 43.5", "zenith"):
        assert part in str(caught.value)


@pytest.mark.parametrize("light", PLACES)
def test_the_nearest_word_of_a_words_own_hour_is_that_word(light):
    for lighting in possible_lightings(light):
        assert nearest_lighting(at_lighting(light, lighting)) is lighting


@pytest.mark.parametrize(
    ("hour", "word"),
    [
        (0.2, Lighting.NIGHT), (3.6, Lighting.NIGHT), (4.9, Lighting.TWILIGHT),
        (5.4, Lighting.SUNRISE), (9.0, Lighting.MID_MORNING), (13.0, Lighting.ZENITH),
        (13.8, Lighting.ZENITH), (17.0, Lighting.AFTERNOON), (20.5, Lighting.GOLDEN_HOUR),
        (21.2, Lighting.SUNSET), (21.8, Lighting.BLUE_HOUR), (23.3, Lighting.NIGHT),
    ],
)  # fmt: skip
def test_hours_of_a_summer_day_have_the_word_a_person_would_say(hour, word):
    """Munich in June by its clock: sunrise 5:14, solar noon 13:16, sunset 21:17."""
    start = datetime(2026, 6, 21, tzinfo=timezone(timedelta(hours=2)))
    light = Light(latitude_deg=48.1, longitude_deg=11.6, when=start + timedelta(hours=hour))
    assert nearest_lighting(light) is word


def test_under_the_midnight_sun_no_hour_is_called_night():
    for hour in range(24):
        when = datetime(2026, 6, 21, hour, tzinfo=timezone(timedelta(hours=2)))
        light = Light(latitude_deg=69.6, longitude_deg=18.9, when=when)
        assert nearest_lighting(light) not in (Lighting.NIGHT, Lighting.BLUE_HOUR)
