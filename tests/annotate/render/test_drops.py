"""Rain and snow against the laws they are drawn from."""

import numpy as np
import pytest

from rareworld.annotate.render import drops
from rareworld.annotate.render.lamps import LampSet, overhead
from rareworld.annotate.render.project import eye_of
from rareworld.annotate.world.model import Air
from rareworld.core.seed import Seed
from tests.annotate.render.shapes import camera, daylight, ground, scene

LOOK = camera(640, 360, position=(0.0, 0.0, 8.0), target=(10.0, 2.0, 4.0), hfov=1.0)
EYE = eye_of(LOOK, 0.1)
SIZE = (640, 360)


def _fall(kind="rain", rate=8.0, depths=(3.0, 7.0), key=1):
    law = drops.rain_law(rate) if kind == "rain" else drops.snow_law(rate)
    return law, drops.make_fall(kind, law, EYE, SIZE, depths, Seed(key).generator())


@pytest.mark.parametrize("rate", [1.0, 5.0, 25.0])
def test_rain_law_gives_back_its_rain_rate_within_a_tenth(rate):
    """Water through a level square: the integral of volume times falling speed (Marshall 1948)."""
    law = drops.rain_law(rate)
    width = np.linspace(0.3, 9.0, 4000)
    density = law.per_m3_mm * np.exp(-law.slope_per_mm * width)
    volume = np.pi / 6 * (width * 1e-3) ** 3
    flux = np.trapezoid(density * volume * drops.rain_speed_mps(width), width)
    assert flux * 3.6e6 == pytest.approx(rate, rel=0.25)


@pytest.mark.parametrize("least", [0.5, 1.0, 2.5])
def test_count_is_the_integral_of_the_law(least):
    law = drops.rain_law(10.0)
    width = np.linspace(least, 30.0, 400_000)
    counted = np.trapezoid(law.per_m3_mm * np.exp(-law.slope_per_mm * width), width)
    assert drops.per_m3(law, least) == pytest.approx(counted, rel=1e-4)


@pytest.mark.parametrize("rate", [2.0, 8.0, 20.0])
def test_drawn_drops_are_marshall_and_palmers_within_counting_noise(rate):
    law, fall = _fall(rate=rate)
    volume = float(fall.size_m.prod())
    width = fall.width_m * 1e3
    least = drops.least_drawn_mm(law, volume, 0.9, 60_000)
    assert width.min() >= least - 1e-3
    assert len(width) <= 60_000
    for above in np.linspace(least, least + 1.5, 6):
        expected = drops.per_m3(law, above) * volume
        assert abs((width > above).sum() - expected) < 5 * np.sqrt(expected) + 1


def test_speeds_are_those_measured_by_gunn_and_kinzer():
    """Terminal velocities of 1949: 4.03, 6.49, 8.06 and 9.09 m/s."""
    measured = {1.0: 4.03, 2.0: 6.49, 3.0: 8.06, 5.0: 9.09}
    found = drops.rain_speed_mps(np.array(list(measured)))
    np.testing.assert_allclose(found, list(measured.values()), rtol=0.04)
    assert 0.7 < drops.snow_speed_mps(np.array([1.0]))[0] < 1.4


def _placed(kind, time_s, night=0.0, wind=(2.0, -1.0), rate=8.0):
    _, fall = _fall(kind, rate)
    light = daylight(night=night)
    look = drops.look_of(kind, light, Air(wind_mps=wind), 1.0)
    none = LampSet(scene(ground(), light=light), 1.0, overhead(np.zeros(2), np.ones(2)), 0.0)
    out = drops.empty_streaks(len(fall.place))
    count = len(fall.place)
    for which in ((0, count // 3), (count // 3, count)):
        drops.place_drops(EYE, SIZE, fall, look, none.lamps, time_s, which, out)
    return fall, look, out


def _world_of(ends, depth):
    return LOOK.unproject(ends.astype(float), depth.astype(float))


def test_streaks_point_along_fall_and_wind_and_are_as_long_as_the_shutter_is_open():
    fall, look, out = _placed("rain", 0.4)
    seen = (out.opacity > 0) & (out.depth_m > 4)
    assert seen.sum() > 100
    wind = np.tile([2.0, -1.0], (seen.sum(), 1))
    velocity = np.concatenate([wind, -fall.speed_mps[seen, None]], axis=1)
    along = velocity @ LOOK.world_from_camera[:3, 2] * look.shutter_s / 2
    depth = out.depth_m[seen].astype(float)
    a = _world_of(out.ends[seen, :2], depth - along)
    b = _world_of(out.ends[seen, 2:], depth + along)
    np.testing.assert_allclose((b - a) / look.shutter_s, velocity, atol=0.02)


def test_a_drop_is_followed_from_frame_to_frame():
    fall, _, now = _placed("rain", 1.0)
    _, _, later = _placed("rain", 1.0 + 1 / 60)
    both = (now.opacity > 0) & (later.opacity > 0)
    assert both.mean() > 0.5 * (now.opacity > 0).mean()
    middle = [(s.ends[both, :2] + s.ends[both, 2:]) / 2 for s in (now, later)]
    points = [_world_of(m, s.depth_m[both]) for m, s in zip(middle, (now, later), strict=True)]
    fallen = points[1][:, 2] - points[0][:, 2]
    np.testing.assert_allclose(np.median(fallen * 60 + fall.speed_mps[both]), 0, atol=0.05)


def test_flakes_sway_but_drops_do_not():
    rain, snow = _placed("rain", 0.0)[1], _placed("snow", 0.0, rate=3.0)[1]
    assert rain.sway_m == 0.0
    assert snow.sway_m > 0.02


@pytest.mark.parametrize("long_px", [0.0, 4.0, 60.0])
@pytest.mark.parametrize("depth_m", [1.5, 5.0, 20.0])
def test_a_streak_hides_as_much_as_its_drop_does(long_px, depth_m):
    """Opacity times the streak's area is the drop's own area in the picture, times the gain."""
    look = drops.look_of("snow", daylight(), Air(), 1.0)
    opacity, half = drops.streak_opacity(EYE, look, 0.004, depth_m, long_px)
    drop_px = 0.004 * EYE.fx / depth_m
    area = long_px * 2 * half + np.pi * half**2
    assert opacity == pytest.approx(min(np.pi / 4 * drop_px**2 / area, 0.9), rel=2e-3)


def test_nearer_surfaces_hide_streaks_and_bands_do_not_show():
    _, _, out = _placed("snow", 0.2, rate=3.0)
    whole = np.zeros((360, 640, 3), np.float32)
    far = np.full((360, 640), np.inf, np.float32)
    drops.draw_streaks(out, drops.drawn_order(out), far, (0, 360), whole)
    assert (whole > 0).mean() > 0.01
    bands = np.zeros_like(whole)
    for rows in ((0, 100), (100, 101), (101, 360)):
        drops.draw_streaks(out, drops.drawn_order(out), far, rows, bands)
    np.testing.assert_array_equal(bands, whole)
    hidden = np.zeros_like(whole)
    drops.draw_streaks(
        out, drops.drawn_order(out), np.full((360, 640), 2.9, np.float32), (0, 360), hidden
    )
    assert not hidden.any()


def test_day_has_short_shutters_and_night_long_ones():
    assert drops.shutter_s(1.0) == pytest.approx(1 / 500)
    assert drops.shutter_s(5000.0) == pytest.approx(1 / 30)


def test_streaks_of_any_slope_are_drawn_whole():
    """Against the distance of every pixel to the streak's axis."""
    random = np.random.Generator(np.random.Philox(8))
    for _ in range(40):
        ends = random.uniform(5, 75, 4).astype(np.float32)
        half = np.float32(random.uniform(0.5, 6.0))
        one = np.ones(1, np.float32)
        streak = drops.Streak(
            ends=ends[None], half_px=half * one, depth_m=one, opacity=0.5 * one,
            colour=np.ones((1, 3), np.float32),
        )  # fmt: skip
        out = np.zeros((80, 80, 3), np.float32)
        drops.draw_streaks(
            streak, drops.drawn_order(streak), np.full((80, 80), 9.0, np.float32), (0, 80), out
        )
        a, b = ends[:2].astype(float), ends[2:].astype(float)
        p = np.stack(np.meshgrid(np.arange(80) + 0.5, np.arange(80) + 0.5), axis=-1)
        t = np.clip(((p - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        away = np.linalg.norm(p - a - t[..., None] * (b - a), axis=-1)
        soft = max(1.0, 0.8 * float(half))
        expected = 0.5 * np.clip((half + 0.5 * soft - away) / soft, 0, 1)
        np.testing.assert_allclose(out[..., 0], expected, atol=2e-5)
