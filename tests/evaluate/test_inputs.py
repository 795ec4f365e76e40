"""Inputs: devices, feature files against protocols, networks loaded once and only when needed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rareworld.errors import ConfigError, DeviceError, FormatError
from rareworld.evaluate.config import EvaluateConfig
from rareworld.evaluate.inputs import Inputs, device_of, open_set
from rareworld.evaluate.protocols import find_protocol
from rareworld.evaluate.sets import ClipSet
from rareworld.evaluate.stored import Stored, save_features
from rareworld.evaluate.tables import FeatureTable
from tests.evaluate.standin import StandIns, pictures, write_set, write_video

FVD, STYLEGAN = find_protocol("fvd_i3d"), find_protocol("fvd_stylegan_v")
FID, KID = find_protocol("fid_torch_fidelity"), find_protocol("kid_full")
MADE = {"net": "i3d", "preprocessing": "coarse", "weights": "5", "frames": 16, "start": "first"}


def _inputs(load: StandIns, **sources: Path) -> Inputs:
    config = EvaluateConfig(device="cpu", decoders=2)
    sets = {label: open_set(source, label, config) for label, source in sources.items()}
    return Inputs(sets, config, load, lambda *of: None)


def _file(path: Path, what: dict[str, object]) -> Path:
    rows = np.random.default_rng(0).normal(size=(9, 4))
    save_features(path, FeatureTable.of(rows), what, "i3d.bin 5555 (a test)")
    return path


@pytest.mark.parametrize("name", ["cpu", "auto"])
def test_devices_are_found(name: str) -> None:
    assert device_of(name) in {torch.device("cpu"), torch.device("cuda")}


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [("gpu", ConfigError, "cuda:N"), ("cuda:99", DeviceError, "GPUs were found")],
)
def test_devices_that_are_not_there_are_refused(
    name: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        device_of(name)


def test_protocols_that_look_alike_share_network_and_features(tmp_path: Path) -> None:
    load = StandIns()
    inputs = _inputs(
        load, real=write_set(tmp_path / "r", 3), generated=write_set(tmp_path / "g", 3)
    )
    for label in ("real", "generated"):
        for protocol in (FID, KID):
            assert inputs.side(label, protocol).clips == 3
    assert load.asked == ["inception"]
    assert load.nets["inception"].looked == 2 * 3 * 16


def test_windows_of_real_clips_alone_begin_anywhere_in_stylegan_v(tmp_path: Path) -> None:
    inputs = _inputs(StandIns(), real=write_set(tmp_path / "r", 1))
    assert inputs.choice("real", STYLEGAN).random_start
    assert not inputs.choice("generated", STYLEGAN).random_start
    assert not inputs.choice("real", FVD).random_start


def test_short_clips_are_counted_and_named(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "r", 7)
    for index in range(6):
        write_video(folder / f"{index:03d}.mp4", pictures(index, 9))
    inputs = _inputs(StandIns(), real=folder)
    side = inputs.side("real", FVD)
    assert (side.clips, side.short) == (1, 6)
    (told,) = inputs.warnings
    assert told.startswith("short: 6 of 7 real clips have fewer than 16 frames")
    assert told.endswith("fvd_i3d: 000, 001, 002, 003, 004, ...")


def test_sets_of_which_nothing_is_left_are_refused(tmp_path: Path) -> None:
    short = write_set(tmp_path / "short", 2, frames=5)
    with pytest.raises(ConfigError, match="real: all clips have fewer than the 16 frames"):
        _inputs(StandIns(), real=short).side("real", FVD)
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "a.mp4").write_bytes(b"nothing")
    with pytest.raises(FormatError, match=r"none of 1 clips can be measured, the first: .*a\.mp4"):
        _inputs(StandIns(), real=bad).side("real", FVD)


def test_a_feature_file_needs_no_network(tmp_path: Path) -> None:
    load = StandIns()
    inputs = _inputs(load, real=_file(tmp_path / "r.safetensors", MADE))
    side = inputs.side("real", FVD)
    assert isinstance(inputs.sets["real"], Stored)
    assert (side.clips, side.rows, side.weights) == (9, 9, "i3d.bin 5555 (a test)")
    assert not load.asked
    assert not inputs.warnings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"net": "videomae-ssv2"}, "net must be 'i3d' for fvd_i3d, .* 'videomae-ssv2'"),
        ({"start": "random"}, "start must be 'first'"),
        ({"frames": 8}, "frames must be 16"),
    ],
)
def test_features_made_otherwise_are_refused(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    inputs = _inputs(StandIns(), real=_file(tmp_path / "r.safetensors", MADE | change))
    with pytest.raises(ConfigError, match=message):
        inputs.side("real", FVD)


def test_a_file_that_does_not_say_what_made_it_is_doubted(tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", features=np.random.default_rng(0).normal(size=(9, 4)))
    inputs = _inputs(StandIns(), real=tmp_path / "r.npz")
    inputs.side("real", FVD)
    inputs.side("real", FVD)
    (told,) = inputs.warnings
    assert told.startswith("unknown features: ")


def test_a_folder_named_like_a_file_is_a_folder(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set.npz", 1)
    assert isinstance(open_set(folder, "real", EvaluateConfig()), ClipSet)


def test_features_that_were_written_stand_for_their_videos(tmp_path: Path) -> None:
    config = EvaluateConfig(device="cpu", decoders=2, save_features=tmp_path / "kept")
    clips = open_set(write_set(tmp_path / "r", 3), "real", config)
    made = Inputs({"real": clips}, config, StandIns(), lambda *of: None).side("real", FVD)
    load = StandIns()
    again = _inputs(load, real=tmp_path / "kept" / "real-fvd_i3d.safetensors").side("real", FVD)
    assert isinstance(made.content, FeatureTable)
    assert isinstance(again.content, FeatureTable)
    assert np.array_equal(again.content.rows, made.content.rows)
    assert (again.content.names, again.weights) == (made.content.names, made.weights)
    assert not load.asked
