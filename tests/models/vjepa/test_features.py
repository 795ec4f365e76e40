"""JEDi's features: numbers are those of V-JEPA's own code."""

from pathlib import Path

import pytest
import torch

from models.numbers import pattern
from models.vjepa.tiny import TINY, checkpoints
from rareworld.errors import ConfigError
from rareworld.models.vjepa.features import DEVIATION, MEAN, VJepaFeatures, load_vjepa

CPU = torch.device("cpu")
CLIPS = torch.stack([pattern(4, 32, 32), pattern(4, 64, 32)[:, 32:]])


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> VJepaFeatures:
    return load_vjepa(checkpoints(tmp_path_factory.mktemp("vjepa")), device=CPU, shape=TINY)


def test_features_are_v_jepas(net: VJepaFeatures) -> None:
    """facebookresearch/jepa's VisionTransformer and AttentivePooler, same weights and clips."""
    expected = [
        [-0.201344, 0.651851, -0.426467, -0.207802],
        [-0.183361, 0.750865, -0.373253, -0.35348],
    ]
    found = net.features(CLIPS)
    assert found.shape == (2, net.width)
    torch.testing.assert_close(found[:, [0, 1, 15, 31]], torch.tensor(expected), rtol=0, atol=2e-6)


def test_frames_are_squashed_to_the_nets_size(net: VJepaFeatures) -> None:
    large = CLIPS.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    torch.testing.assert_close(net.features(large), net.features(CLIPS), rtol=1e-4, atol=1e-5)


def test_pixels_are_normalised_as_imagenets(net: VJepaFeatures) -> None:
    white = torch.full((1, 4, 32, 32, 3), 255, dtype=torch.uint8)
    found = net._pixels(white)[0, :, 0, 0, 0].tolist()
    expected = [(1 - mean) / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
    assert found == pytest.approx(expected, rel=1e-6)


def test_what_made_the_rows_is_told(net: VJepaFeatures) -> None:
    assert (net.name, net.width, net.frames, net.preprocessing) == ("vjepa-ssv2", 32, 4, "jedi")
    assert net.weights.name == "vith16.pth.tar + ssv2-probe.pth.tar"


def test_other_lengths_and_pre_processings_are_refused(net: VJepaFeatures) -> None:
    with pytest.raises(ConfigError, match="exactly 4 frames, found 2"):
        net.features(CLIPS[:, :2])
    with pytest.raises(ConfigError, match="no pre-processing 'cd-fvd'"):
        load_vjepa(Path("x"), device=CPU, preprocessing="cd-fvd")
