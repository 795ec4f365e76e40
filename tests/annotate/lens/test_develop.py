"""The whole chain: nothing on is film alone; everything on is the same bytes each time."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from rareworld.annotate.lens.config import (
    BalanceConfig,
    BloomConfig,
    DirtConfig,
    DropsConfig,
    ExposureConfig,
    FinishConfig,
    LensConfig,
    MotionBlurConfig,
    Preset,
    SensorConfig,
    SoftnessConfig,
    StampConfig,
    VignetteConfig,
)
from rareworld.annotate.lens.develop import Developer, Shot
from rareworld.annotate.lens.optics import still
from rareworld.annotate.lens.preset import Setting, resolved
from rareworld.annotate.render.bands import Bands
from rareworld.annotate.render.sky import SAMPLE_MAX, film_table
from rareworld.annotate.world.model import Air
from rareworld.core.camera import Camera
from rareworld.core.seed import Seed
from tests.annotate.render.shapes import box, scene

LOOK = Camera.looking_at("cam0", (0, 0, 8), (20, 3, 0), width=240, height=160, hfov_rad=1.1)
EVERYTHING = LensConfig(
    exposure=ExposureConfig(), balance=BalanceConfig(cold_share=0.7), vignette=VignetteConfig(),
    bloom=BloomConfig(),
    motion_blur=MotionBlurConfig(), softness=SoftnessConfig(colour_px=0.5),
    sensor=SensorConfig(gain=8.0, smear=0.4), drops=DropsConfig(count=9), dirt=DirtConfig(),
    finish=FinishConfig(), stamp=StampConfig(),
)  # fmt: skip
DAYLIGHT = scene(box(), [], []).daylight


def _scene():
    random = np.random.Generator(np.random.Philox(8))
    light = random.uniform(0, 1.2, (160, 240, 3)).astype(np.float32)
    light[80:84, 100:110] = 12.0
    flow = np.zeros((160, 240, 2), np.float32)
    flow[60:100, 90:150] = (11, 2)
    depth = np.full((160, 240), 40, np.float32)
    depth[60:100, 90:150] = 15
    return light, flow, depth


_UNMOVED = _scene()[1:]


def _films(config, *, frames=3, threads=2, seed=1):
    bands = Bands(threads)
    shot = Shot(
        camera=LOOK, seed=Seed(seed), time_s=np.arange(frames) / 25,
        start=datetime(2026, 6, 21, 8), exposure=1.0,
    )  # fmt: skip
    developer = Developer(config, shot, still(LOOK, frames).rays(bands), bands)
    out = [developer.develop(*_scene()) for _ in range(frames)]
    bands.close()
    return out


def test_no_effect_is_the_film_alone():
    light, table = _scene()[0].astype(float), film_table()
    # what is brighter than film can show is dimmed as a whole, so that lamps keep their colour
    shown = light * (SAMPLE_MAX / np.maximum(light.max(axis=2, keepdims=True), SAMPLE_MAX))
    place = (np.sqrt(shown / 16) * (len(table) - 1) + 0.5).astype(int)
    for rgb in _films(LensConfig()):
        assert np.abs(rgb.astype(int) - table[place].astype(int)).max() <= 1


def test_balance_and_colours_that_do_nothing_change_no_byte():
    idle = LensConfig(
        balance=BalanceConfig(drift=0.0),
        finish=FinishConfig(sharpening=0.0, saturation=1.0, contrast=0.0),
    )
    for found, expected in zip(_films(idle), _films(LensConfig()), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("cast", [(0.8, 1.0, 1.3), (1.35, 1.0, 0.7)], ids=["dusk", "lamps"])
def test_a_cast_over_the_whole_picture_is_taken_away_in_part(cast, monkeypatch):
    grey = _scene()[0].mean(axis=2, keepdims=True) * np.array(cast, np.float32)
    monkeypatch.setattr(f"{__name__}._scene", lambda: (grey, *_UNMOVED))
    before = _films(LensConfig(), frames=1)[0].reshape(-1, 3).mean(axis=0)
    balance = BalanceConfig(cold_share=0.7, warm_share=0.7, drift=0.0)
    after = _films(LensConfig(balance=balance), frames=1)[0].reshape(-1, 3).mean(axis=0)
    assert np.ptp(after) < 0.6 * np.ptp(before)
    assert after.argsort().tolist() == before.argsort().tolist()


def test_everything_is_the_same_bytes_whatever_the_threads():
    one, three = _films(EVERYTHING, threads=1), _films(EVERYTHING, threads=3)
    for a, b in zip(one, three, strict=True):
        np.testing.assert_array_equal(a, b)
    # noise differs from frame to frame, the seed changes it
    assert (one[0] != one[1]).mean() > 0.3
    assert (one[0] != _films(EVERYTHING, seed=2)[0]).mean() > 0.3


@pytest.mark.parametrize("name", sorted(EVERYTHING.model_fields_set))
def test_each_effect_alone_shows(name):
    config = LensConfig(**{name: getattr(EVERYTHING, name)})
    assert config.colours
    assert (_films(config)[1] != _films(LensConfig())[1]).any()


def test_light_given_is_not_changed():
    light, flow, depth = _scene()
    before = light.copy()
    bands = Bands(1)
    shot = Shot(
        camera=LOOK, seed=Seed(1), time_s=np.zeros(1), start=datetime(2026, 1, 1), exposure=1.0
    )
    config = EVERYTHING.model_copy(update={"motion_blur": None})
    Developer(config, shot, still(LOOK, 1).rays(bands), bands).develop(light, flow, depth)
    bands.close()
    np.testing.assert_array_equal(light, before)


def _setting(**more):
    known = {"camera": LOOK, "fps": 25.0, "daylight": DAYLIGHT, "air": Air(rain_mmph=6.0)}
    return Setting(**{**known, **more})


CCTV = LensConfig(preset=Preset.CCTV)


def test_exact_adds_nothing_and_cctv_fills_every_gap_by_seed():
    assert resolved(LensConfig(), _setting(), Seed(1)) == LensConfig()
    full = resolved(CCTV, _setting(), Seed(1))
    gaps = [name for name, value in dict(full).items() if value is None]
    assert gaps == []
    assert full == resolved(CCTV, _setting(), Seed(1))
    assert full != resolved(CCTV, _setting(), Seed(2))
    # a valid lens for any camera, and valid settings: they parse again
    assert LensConfig.parse(full.model_dump(mode="json")) == full
    for seed in range(20):
        for hfov in (0.3, 1.1, 1.8):
            camera = Camera.looking_at(
                "c", (0, 0, 8), (9, 0, 0), width=192, height=108, hfov_rad=hfov
            )
            bend = resolved(CCTV, _setting(camera=camera), Seed(seed)).distortion
            assert replace(camera, distortion=bend.coefficients).lens is not None


def test_cctv_looks_at_light_and_weather_and_keeps_what_is_given():
    dry = resolved(CCTV, _setting(air=Air()), Seed(1))
    assert dry.drops is None
    night = resolved(CCTV, _setting(daylight=replace(DAYLIGHT, night=1.0)), Seed(1))
    assert night.motion_blur.shutter > dry.motion_blur.shutter + 0.4
    windy = resolved(CCTV, _setting(air=Air(wind_mps=(12.0, 0.0))), Seed(1))
    assert windy.sway.amplitude_mrad > 3 * dry.sway.amplitude_mrad
    own = LensConfig(preset=Preset.CCTV, sway=None, bloom=BloomConfig(share=0.9))
    kept = resolved(own, _setting(), Seed(1))
    assert kept.sway is None
    assert kept.bloom.share == 0.9
