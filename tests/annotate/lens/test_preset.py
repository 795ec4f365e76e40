"""The traffic-camera preset: what is given stays, gaps follow camera, light and weather."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from rareworld.annotate.lens.config import (
    BalanceConfig,
    BloomConfig,
    DirtConfig,
    DistortionConfig,
    DropsConfig,
    ExposureConfig,
    FinishConfig,
    LensConfig,
    MotionBlurConfig,
    Preset,
    SensorConfig,
    ShutterConfig,
    SoftnessConfig,
    StampConfig,
    StreamConfig,
    SwayConfig,
    VignetteConfig,
)
from rareworld.annotate.lens.preset import Setting, resolved
from rareworld.annotate.lens.view import check_stream
from rareworld.annotate.world.model import Air
from rareworld.core.camera import Camera
from rareworld.core.distortion import Distortion
from rareworld.core.seed import Seed
from rareworld.errors import ConfigError
from tests.annotate.render.shapes import daylight

LOOK = Camera.looking_at("north", (0, 0, 9), (20, 3, 0), width=1920, height=1080, hfov_rad=1.2)
DAY = Setting(camera=LOOK, fps=30.0, daylight=daylight(), air=Air())
NIGHT = replace(DAY, daylight=replace(daylight(), night=1.0))
RAIN = replace(DAY, air=Air(rain_mmph=16.0))
DUST = replace(DAY, air=Air(dust=1.0))
CCTV = LensConfig(preset=Preset.CCTV)
SECTIONS = {
    "distortion": DistortionConfig,
    "sway": SwayConfig,
    "shutter": ShutterConfig,
    "exposure": ExposureConfig,
    "balance": BalanceConfig,
    "vignette": VignetteConfig,
    "bloom": BloomConfig,
    "motion_blur": MotionBlurConfig,
    "softness": SoftnessConfig,
    "sensor": SensorConfig,
    "drops": DropsConfig,
    "dirt": DirtConfig,
    "finish": FinishConfig,
    "stamp": StampConfig,
    "stream": StreamConfig,
}
SEEDS = [Seed(k) for k in range(24)]


def drawn(setting, section, field):
    """One number of the preset for many cameras."""
    return np.array([getattr(getattr(resolved(CCTV, setting, s), section), field) for s in SEEDS])


def test_without_a_preset_nothing_is_added():
    assert resolved(LensConfig(), RAIN, Seed(1)) == LensConfig()
    assert not LensConfig().colours
    one = LensConfig(bloom=BloomConfig())
    assert resolved(one, RAIN, Seed(1)) is one


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_is_named_and_none_is_forgotten(name):
    assert set(SECTIONS) == set(LensConfig.model_fields) - {"preset"}
    filled = resolved(CCTV, RAIN, Seed(3))
    assert isinstance(getattr(filled, name), SECTIONS[name])
    assert filled.preset is Preset.EXACT


@pytest.mark.parametrize("name", SECTIONS)
def test_what_is_given_stays_and_the_rest_is_as_without_it(name):
    given = SECTIONS[name]()
    mine = resolved(LensConfig(preset=Preset.CCTV, **{name: given}), RAIN, Seed(3))
    plain = resolved(CCTV, RAIN, Seed(3))
    assert getattr(mine, name) == given
    for other in set(SECTIONS) - {name}:
        assert getattr(mine, other) == getattr(plain, other)


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_given_as_null_is_left_out(name):
    assert (
        getattr(resolved(LensConfig(preset=Preset.CCTV, **{name: None}), RAIN, Seed(3)), name)
        is None
    )


@pytest.mark.parametrize("setting", [DAY, NIGHT, RAIN, DUST], ids=["day", "night", "rain", "dust"])
def test_whatever_is_drawn_is_a_valid_config(setting):
    """Sections are rebuilt from their own numbers, so every bound is checked again."""
    for seed in SEEDS:
        filled = resolved(CCTV, setting, seed)
        for name, kind in SECTIONS.items():
            section = getattr(filled, name)
            if section is not None:
                assert kind(**section.model_dump()) == section
        assert filled.colours


def test_cameras_differ_and_each_is_always_the_same():
    made = [resolved(CCTV, DAY, seed) for seed in SEEDS]
    assert len({one.model_dump_json() for one in made}) == len(SEEDS)
    assert made[5] == resolved(CCTV, DAY, Seed(5))


def test_drops_lie_on_the_dome_in_the_rain_only():
    assert resolved(CCTV, DAY, Seed(2)).drops is None
    weak = drawn(replace(DAY, air=Air(rain_mmph=1.0)), "drops", "count")
    strong = drawn(replace(DAY, air=Air(rain_mmph=40.0)), "drops", "count")
    assert weak.min() >= 12
    np.testing.assert_allclose(strong / weak, (1 + 40 / 8) / (1 + 1 / 8), rtol=0.1)


def test_nights_are_noisier_streakier_and_smear_more():
    for section, field, more in (
        ("motion_blur", "shutter", 0.5),
        ("sensor", "smear", 0.3),
    ):
        np.testing.assert_allclose(
            drawn(NIGHT, section, field) - drawn(DAY, section, field), more, atol=1e-9
        )
    np.testing.assert_allclose(drawn(NIGHT, "bloom", "share") / drawn(DAY, "bloom", "share"), 1.5)


def test_colours_are_strengthened_by_day_and_less_at_night():
    """Processors add 20 to 40 %; at high gain they take back what is mostly noise."""
    day, night = drawn(DAY, "finish", "saturation"), drawn(NIGHT, "finish", "saturation")
    assert 1.2 <= day.min() < day.max() <= 1.4
    np.testing.assert_allclose(day - night, 0.3, atol=1e-9)


def test_white_balance_makes_up_for_cold_light_more_than_for_warm():
    cold, warm = (drawn(DAY, "balance", name) for name in ("cold_share", "warm_share"))
    assert 0.65 <= cold.min() < cold.max() <= 0.9
    assert 0.3 <= warm.min() < warm.max() <= 0.5


def test_dust_settles_on_the_dome():
    np.testing.assert_allclose(
        drawn(DUST, "dirt", "strength") - drawn(DAY, "dirt", "strength"), 0.25, atol=1e-9
    )
    assert (drawn(DUST, "dirt", "count") - drawn(DAY, "dirt", "count") == 40).all()


@pytest.mark.parametrize("wind", [(3.0, 4.0), (0.0, -8.0)])
def test_poles_sway_with_the_wind_from_any_side(wind):
    blown = replace(DAY, air=Air(wind_mps=wind))
    still = drawn(DAY, "sway", "amplitude_mrad")
    factor = 1 + float(np.hypot(*wind)) / 4
    np.testing.assert_allclose(drawn(blown, "sway", "amplitude_mrad") / still, factor)
    assert 0.05 <= still.min() < still.max() <= 0.12


@pytest.mark.parametrize("hfov_rad", [0.5, 1.0, 1.5])
def test_the_bend_is_alike_at_the_edge_of_the_image_whatever_the_angle(hfov_rad):
    camera = Camera.looking_at(
        "n", (0, 0, 9), (20, 3, 0), width=1920, height=1080, hfov_rad=hfov_rad
    )
    edge = float(np.tan(hfov_rad / 2))
    for seed in SEEDS[:8]:
        bend = resolved(CCTV, replace(DAY, camera=camera), seed).distortion
        lens = Distortion(bend.k1, bend.k2, 0.0, 0.0, 0.0, reach=np.inf)
        shown = float(lens.apply(np.array([edge, 0.0]))[0])
        # drawn 2 to 7 %, of which the next power gives back a fifth
        assert 0.02 * 0.8 - 1e-9 <= 1 - shown / edge <= 0.07 * 0.8 + 1e-9
        replace(camera, distortion=bend.coefficients)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (1280, 720), (3840, 2160)])
def test_bit_rates_follow_the_number_of_pixels(width, height):
    camera = replace(LOOK, width=width, height=height, cx=width / 2, cy=height / 2)
    rates = drawn(replace(DAY, camera=camera), "stream", "bitrate_kbps")
    per_pixel = rates * 1000 / (width * height * 30.0)
    assert 0.029 < per_pixel.min() < per_pixel.max() < 0.071
    for rate in rates:
        check_stream(StreamConfig(bitrate_kbps=int(rate)), camera, 30.0)


@pytest.mark.parametrize(("rate", "passes"), [(248, False), (249, True), (4000, True)])
def test_a_bit_rate_no_encoder_can_keep_is_refused_with_the_least_that_works(rate, passes):
    """0.004 bits per pixel of 1920 x 1080 at 30 frames per second are 248.8 kbit/s."""
    if passes:
        check_stream(StreamConfig(bitrate_kbps=rate), LOOK, 30.0)
        return
    with pytest.raises(ConfigError, match=r"248 kbit/s is too low for 1920 x 1080 .* least 249"):
        check_stream(StreamConfig(bitrate_kbps=rate), LOOK, 30.0)


def test_softness_scales_with_the_image_and_never_vanishes():
    small = replace(DAY, camera=replace(LOOK, width=480, height=270, cx=240.0, cy=135.0))
    np.testing.assert_allclose(
        drawn(small, "softness", "sigma_px") / drawn(DAY, "softness", "sigma_px"), 0.6
    )
    np.testing.assert_allclose(
        drawn(small, "softness", "colour_px") / drawn(DAY, "softness", "colour_px"), 0.25
    )


# settings themselves


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (SwayConfig, "amplitude_mrad", 0.0),
        (SwayConfig, "amplitude_mrad", 31.0),
        (SwayConfig, "low_hz", 0.0),
        (ExposureConfig, "strength", 1.1),
        (ExposureConfig, "key", 0.0),
        (ExposureConfig, "seconds_up", -1.0),
        (BalanceConfig, "warmth", 0.6),
        (BalanceConfig, "drift", -0.1),
        (BalanceConfig, "cold_share", 1.1),
        (BalanceConfig, "warm_share", -0.1),
        (BalanceConfig, "coldest_k", 5000.0),
        (BalanceConfig, "warmest_k", 2000.0),
        (BalanceConfig, "seconds", 0.0),
        (VignetteConfig, "strength", 0.0),
        (BloomConfig, "share", 1.5),
        (BloomConfig, "streaks", 5),
        (MotionBlurConfig, "shutter", 0.0),
        (MotionBlurConfig, "longest_px", 1),
        (SoftnessConfig, "sigma_px", 1.7),
        (SensorConfig, "full_well_e", 0.0),
        (SensorConfig, "gain", 0.5),
        (SensorConfig, "smear", 1.0),
        (DropsConfig, "count", 0),
        (DirtConfig, "strength", 1.2),
        (FinishConfig, "sharpening", 3.5),
        (FinishConfig, "contrast", 0.7),
        (FinishConfig, "saturation", 2.1),
        (StampConfig, "height_share", 0.3),
        (StreamConfig, "bitrate_kbps", 0),
        (DistortionConfig, "k1", float("nan")),
        (DistortionConfig, "p2", float("inf")),
    ],
)
def test_numbers_no_camera_has_are_refused_by_name(kind, field, value):
    with pytest.raises(ValidationError) as caught:
        kind(**{field: value})
    assert caught.value.errors()[0]["loc"] == (field,)


def test_words_that_are_no_setting_are_refused():
    with pytest.raises(ValidationError, match="blooom"):
        LensConfig(blooom={})
    with pytest.raises(ValidationError, match="preset"):
        LensConfig(preset="dashcam")


@pytest.mark.parametrize("name", SECTIONS)
def test_only_effects_on_colours_need_the_light(name):
    config = LensConfig(**{name: SECTIONS[name]()})
    assert config.colours == (name not in {"distortion", "sway", "shutter", "stream"})


def test_coefficients_are_in_the_order_of_opencv():
    config = DistortionConfig(k1=-0.1, k2=0.02, p1=0.003, p2=0.004, k3=0.5)
    assert config.coefficients == (-0.1, 0.02, 0.003, 0.004, 0.5)
    assert replace(LOOK, distortion=DistortionConfig().coefficients).lens is not None


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"preset": "cctv"},
        {"preset": "cctv", "stamp": None},
        {"preset": "cctv", "stamp": None, "stream": None, "sway": {"amplitude_mrad": 2.0}},
        {"bloom": {"share": 0.2}},
    ],
)
def test_settings_told_are_read_back_with_what_was_left_to_the_preset(values):
    config = LensConfig.parse(values)
    again = LensConfig.parse(config.told())
    for setting in (DAY, NIGHT, RAIN):
        assert resolved(again, setting, Seed(4)) == resolved(config, setting, Seed(4))


def test_a_null_that_was_given_is_told_apart_from_a_gap():
    gap, given = LensConfig.parse({"preset": "cctv"}), LensConfig.parse(
        {"preset": "cctv", "stamp": None}
    )  # fmt: skip
    assert gap.told() != given.told()
    assert LensConfig.parse({"stamp": None}).told() == LensConfig().told()
