import numpy as np
import pytest

from rareworld.annotate.world.model import Texture
from rareworld.annotate.world.textures import SIZE, make_textures, noise
from rareworld.core.seed import Seed


@pytest.fixture(scope="module")
def textures():
    return make_textures(Seed(4))


def test_every_texture_is_there_and_a_power_of_two(textures):
    assert textures.shape == (len(Texture) - 1, SIZE, SIZE, 3)
    assert SIZE & (SIZE - 1) == 0
    assert textures.dtype == np.float32


def test_mean_is_one_and_values_positive(textures):
    assert np.allclose(textures.mean(axis=(1, 2)), 1, atol=0.01)
    assert textures.min() > 0
    assert textures.max() < 4


def test_textures_tile(textures):
    """The step across the border is no larger than steps inside (smooth textures)."""
    for kind in (Texture.ASPHALT, Texture.CONCRETE, Texture.PLASTER, Texture.GRASS, Texture.LEAVES):
        plane = textures[kind, :, :, 1]
        for axis in (0, 1):
            inside = np.abs(np.diff(plane, axis=axis)).mean()
            border = np.abs(np.take(plane, 0, axis) - np.take(plane, -1, axis)).mean()
            assert border < 1.6 * inside


def test_textures_differ_and_are_not_flat(textures):
    assert (textures.std(axis=(1, 2)) > 0.02).all()
    flat = textures.reshape(len(textures), -1)
    assert (np.abs(flat[:, None] - flat[None]).mean(axis=-1) + np.eye(len(flat)) > 0.01).all()


def test_same_seed_same_bytes_other_seed_other_bytes(textures):
    assert make_textures(Seed(4)).tobytes() == textures.tobytes()
    assert make_textures(Seed(5)).tobytes() != textures.tobytes()


def test_noise_keeps_only_the_wavelengths_asked_for():
    field = noise(Seed(1), (8, 32))
    power = np.abs(np.fft.fft2(field)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE), np.fft.fftfreq(SIZE)))
    outside = (frequency > 1 / 8 + 1e-9) | (frequency < 1 / 32 - 1e-9)
    assert power[outside].sum() < 1e-9 * power.sum()
    assert field.std() == pytest.approx(1)
