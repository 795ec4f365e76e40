"""Known camera motion is found to hundredths of a pixel; moving traffic is not taken for it."""

import numpy as np
import pytest

from evaluate.fixed_camera.drawing import (
    FPS,
    Vehicle,
    as_clip,
    draw,
    generator,
    ground,
    shifted,
    straight,
)
from rareworld.evaluate.fixed_camera.registration import phase_shifts
from rareworld.evaluate.fixed_camera.stability import measure_stability
from rareworld.evaluate.fixed_camera.working import working_clip

STILL = 0.0025


def measured(clip):
    return measure_stability(working_clip(clip, FPS, 160), STILL)


def traffic(**options):
    """Three large bright vehicles that cover an eighth of the picture."""
    size = lambda t: (55.0, 22.0)  # noqa: E731
    lanes = [30, 65, 100]
    ways = [60, -50, 40]
    return draw(
        [
            Vehicle(straight((100 - way, y), (way, 0)), size, (230, 230, 230))
            for y, way in zip(lanes, ways, strict=True)
        ],
        **options,
    )


def test_a_still_camera_over_dense_traffic_is_still():
    found = measured(traffic(noise=2.0))
    assert np.nanmax(found.shift_px) < 0.05
    assert found.fixed == 1.0
    assert found.jitter_px < 0.05


@pytest.mark.parametrize("step", [(0.3, 0.0), (0.0, -0.7), (1.5, 1.0), (-4.0, 3.0), (11.0, -6.0)])
def test_known_shifts_are_found_to_three_hundredths(step):
    picture = ground()
    clip = as_clip([picture, picture, shifted(picture, *step), shifted(picture, *step)])
    found = measured(clip)
    np.testing.assert_allclose(found.shift_px, [0, 0, *([np.hypot(*step)] * 2)], atol=0.03)


def test_shake_is_found_behind_traffic():
    draws = generator(3)
    steps = draws.normal(scale=1.2, size=(17, 2))
    steps[0] = 0
    frames = traffic(noise=1.0).astype(float)
    clip = as_clip([shifted(frame, *step) for frame, step in zip(frames, steps, strict=True)])
    found = measured(clip)
    error = np.abs(found.shift_px - np.hypot(*steps.T))
    assert np.median(error) < 0.03
    assert error.max() < 0.2
    true_jitter = np.sqrt((np.diff(steps, axis=0) ** 2).sum(1).mean())
    assert found.jitter_px == pytest.approx(true_jitter, rel=0.1)
    assert found.fixed < 0.3


@pytest.mark.parametrize(("zoom", "turn"), [(1.01, 0.0), (0.98, 0.0), (1.0, 0.01), (1.0, -0.02)])
def test_zoom_and_turn_are_found(zoom, turn):
    picture = ground()
    moved = shifted(picture, 0, 0, zoom, turn)
    found = measured(as_clip([picture, picture, moved]))
    u, v = np.meshgrid([-1, 0, 1], [-128 / 224, 0, 128 / 224])
    radius = np.hypot(u, v) * 112
    each = np.hypot(zoom * np.cos(turn) - 1, zoom * np.sin(turn)) * radius
    assert found.shift_px[2] == pytest.approx(np.sqrt((each**2).mean()), rel=0.05)


def test_the_answer_is_in_pixels_of_the_clip_whatever_the_working_size():
    picture = ground().repeat(3, 0).repeat(3, 1)
    found = measured(as_clip([picture, picture, shifted(picture, 2.0, 1.0)]))
    assert found.shift_px[2] == pytest.approx(np.hypot(2, 1), abs=0.1)


def test_a_cut_to_another_view_is_infinite_and_never_fixed():
    first, other = ground(seed=0), ground(seed=9).swapaxes(0, 1)[:, :, :]
    other = np.resize(other, first.shape)[::-1]
    found = measured(as_clip([first] * 4 + [other] * 4))
    assert np.isinf(found.shift_px[4:]).all()
    assert found.fixed == pytest.approx(3 / 7)


def test_an_empty_picture_says_nothing():
    found = measured(np.full((5, 64, 96, 3), 7, np.uint8))
    assert np.isnan(found.shift_px).all()
    assert np.isnan(found.fixed)


def test_brightness_that_pumps_is_no_motion():
    picture = ground()
    clip = as_clip([picture * gain + offset for gain, offset in ((1, 0), (0.8, 10), (1.2, -5))])
    assert np.nanmax(measured(clip).shift_px) < 0.05


def test_ground_that_swims_is_told_from_a_camera_that_moves():
    picture = ground()
    frames = []
    for number in range(9):
        frame = picture.copy()
        wave = 1.5 * np.sin(number)
        frame[64:, :112] = shifted(picture, wave, 0)[64:, :112]
        frames.append(frame)
    found, still = measured(as_clip(frames)), measured(as_clip([picture] * 9))
    assert found.swim_px == pytest.approx(1.5, abs=0.4)
    assert still.swim_px < 0.01
    assert found.fixed > 0.9


@pytest.mark.parametrize("sigma", [1.5, 4.0])
def test_flicker_is_the_noise_of_a_pixel(sigma):
    of_luma = np.sqrt(0.299**2 + 0.587**2 + 0.114**2)  # channels are drawn apart
    assert measured(draw([], noise=sigma)).flicker == pytest.approx(sigma * of_luma, rel=0.1)


def test_phase_correlation_finds_whole_shifts():
    picture = ground()[..., 0]
    rolled = [np.roll(picture, (down, right), (0, 1)) for right, down in ((0, 0), (5, -3), (-9, 7))]
    found = phase_shifts(np.stack(rolled).astype(np.float32))
    np.testing.assert_array_equal(found, [(0, 0), (5, -3), (-9, 7)])
