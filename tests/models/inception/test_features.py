"""FID's features: frames in, rows out, the same rows however they are batched."""

from pathlib import Path

import pytest
import torch

from models.inception.states import fidelity_state
from models.numbers import pattern
from rareworld.errors import ConfigError, FormatError
from rareworld.models.inception.features import InceptionFeatures, load_inception
from rareworld.models.packaged import INCEPTION

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inception") / "state.pth"
    torch.save(fidelity_state(), path)
    return path


@pytest.fixture(scope="module")
def net(file: Path) -> InceptionFeatures:
    return load_inception(file, device=CPU)


def test_a_row_for_each_frame_clip_by_clip(net: InceptionFeatures) -> None:
    clips = torch.stack([pattern(3, 40, 50), pattern(6, 40, 50)[3:]])
    rows = net.features(clips)
    assert rows.shape == (6, net.width)
    assert rows.dtype == torch.float32
    alone = net.features(clips[1:, 2:])
    torch.testing.assert_close(rows[5:], alone, rtol=1e-5, atol=1e-5)


def test_equal_calls_give_equal_rows(net: InceptionFeatures) -> None:
    clips = pattern(2, 40, 50)[None]
    assert torch.equal(net.features(clips), net.features(clips))


def test_what_made_the_rows_is_told(net: InceptionFeatures, file: Path) -> None:
    assert (net.name, net.width, net.frames, net.preprocessing) == (
        "inception",
        2048,
        1,
        "torch-fidelity",
    )
    assert net.weights.name == file.name
    assert net.weights.origin == "given by path"


def test_modes_by_name_give_two_numbers(net: InceptionFeatures, file: Path) -> None:
    clean = load_inception(file, device=CPU, preprocessing="clean-fid")
    clips = pattern(1, 200, 400)[None]
    assert (clean.features(clips) - net.features(clips)).abs().max() > 0.1
    with pytest.raises(ConfigError, match=r"no pre-processing 'clean' .*clean-fid"):
        load_inception(file, device=CPU, preprocessing="clean")


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file for the FID Inception-v3"):
        load_inception(tmp_path / "nowhere.pth", device=CPU)


@pytest.mark.slow
def test_published_weights_give_torch_fidelitys_features() -> None:
    """Its own module with the same tensors, on the same pixels; needs the packaged weights."""
    if not INCEPTION.path.is_file():
        pytest.skip("run: rareworld weights fetch inception")
    rows = load_inception(device=CPU).features(pattern(2, 96, 130)[None])
    expected = torch.tensor(
        [
            [1.821411, 0.441581, 0.027516, 0.175957, 0.021097],
            [1.345346, 0.130508, 0.0, 0.118471, 0.0],
        ]
    )
    torch.testing.assert_close(rows[:, [0, 1, 777, 1500, 2047]], expected, rtol=1e-5, atol=2e-5)
    norms = torch.tensor([19.103904, 18.588448])
    torch.testing.assert_close(rows.norm(dim=1), norms, rtol=1e-5, atol=0)
