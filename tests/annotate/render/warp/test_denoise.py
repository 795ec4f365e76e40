"""Denoising: it takes noise away, keeps what is there, and does not shimmer over time."""

import numpy as np
import pytest

from tests.annotate.render.warp.scenes import (
    box,
    camera,
    drawn,
    ground,
    joined,
    light_of,
    plain,
    renderer,
    sphere,
    state,
    town,
)

pytest.importorskip("pyoidn")
LOOK = camera(192, 128)


def test_denoised_light_is_nearer_to_that_of_many_samples(kind) -> None:
    made, now, small = *town(6), camera(96, 64)
    true = light_of(made, now, small, kind, samples_per_pixel=100)
    noisy, clean = (
        light_of(made, now, small, kind, samples_per_pixel=4, denoise=denoise)
        for denoise in (False, True)
    )
    assert np.abs(clean - true).mean() < 0.9 * np.abs(noisy - true).mean()
    assert clean.mean() == pytest.approx(true.mean(), rel=0.02)


def test_denoising_changes_no_label(kind) -> None:
    made, now = town(7)
    plain_, clean = (drawn(made, now, LOOK, kind, denoise=denoise) for denoise in (False, True))
    for name in ("depth_m", "normal", "class_id", "instance_id", "triangle"):
        assert np.array_equal(getattr(plain_, name), getattr(clean, name))


def clip(kind, frames, *, denoise, samples=2):
    """Values of a still camera while one box drives through, and where it or its shadow ever is."""
    made = plain(joined(ground(material=0), box((3, 3, 6)), sphere(2.0)), [box()], [(1, 0)])
    one = renderer(made, LOOK, kind, denoise=denoise, samples_per_pixel=samples)
    rgb, raw = [], []
    for k in range(frames):
        pixels = one.render(state((-6.0 + 12.0 * k / frames, 6.0, 0, 0)))
        rgb.append(pixels.rgb.astype(np.float32))
        raw.append(pixels.instance_id == 1)
    one.close()
    return np.stack(rgb), np.stack(raw)


def still_pixels(kind, frames):
    """Pixels that neither the box nor its light ever reaches."""
    rgb, _ = clip(kind, frames, denoise=False)
    return (rgb == rgb[0]).all(axis=(0, 3))


@pytest.mark.slow
def test_denoising_does_not_shimmer(kind) -> None:
    frames = 24
    noisy, _ = clip(kind, frames, denoise=False)
    clean, moving = clip(kind, frames, denoise=True)
    still = still_pixels(kind, frames) & ~moving.any(axis=0)
    assert still.mean() > 0.3
    over_time = clean.var(axis=0).mean(axis=2)
    # fresh samples in each frame would shimmer as two seeds differ; that is the yardstick
    made, now = town(6)
    seeds = [
        drawn(made, now, LOOK, kind, samples_per_pixel=2, seed=seed).rgb.astype(np.float32)
        for seed in range(2)
    ]
    fresh = ((seeds[0] - seeds[1]) ** 2 / 2).mean()
    drawn_ = noisy.var(axis=0).mean(axis=2)[still].mean()
    told = f"{over_time[still].mean():.4f} denoised, {drawn_:.4f} as drawn, {fresh:.2f} fresh seeds"
    print("variance over time:", told)
    assert noisy.var(axis=0)[still].max() == 0.0
    assert over_time[still].mean() < 0.05 * fresh
    assert np.percentile(over_time[still], 99) < 1.0
