"""Features of sets: right rows for right clips, kept, and what cannot be measured set aside."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rareworld.errors import FormatError
from rareworld.evaluate.config import PicturesConfig
from rareworld.evaluate.features import Features, Hashes, Means, extract
from rareworld.evaluate.frames import FrameChoice
from rareworld.evaluate.sets import open_clips
from tests.evaluate.standin import StandIn, pictures, write_set, write_video

WINDOW = FrameChoice(frames=16)
EVERY = FrameChoice(frames=1, pictures=PicturesConfig())


def _means(net: StandIn, choice: FrameChoice = WINDOW, **more: object) -> Means:
    return Means(
        net=net, choice=choice, device=torch.device("cpu"), batch_frames=40, threads=2, **more
    )  # pyright: ignore[reportArgumentType] - as given below


def _run(folder: Path, means: Means, tell: object = None) -> Features:
    told = tell if callable(tell) else lambda *of: None
    return extract(open_clips(folder, "real"), means, Hashes(), told)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("clips") / "real", 7, frames=18)


def test_rows_are_those_of_each_clip_alone(clips: Path, tmp_path: Path) -> None:
    whole = _run(clips, _means(StandIn())).table
    assert whole.names == tuple(f"{index:03d}" for index in range(7))
    for index, name in enumerate(whole.names):
        alone = tmp_path / name
        alone.mkdir()
        shutil.copy(clips / f"{name}.mp4", alone)
        row = _run(alone, _means(StandIn())).table.rows
        assert np.allclose(row, whole.rows[index], atol=1e-5)


def test_pictures_give_a_row_for_each_frame_of_each_clip(clips: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(clips, folder)
    write_video(folder / "003.mp4", pictures(3, 70))  # three parts
    net = StandIn(frames=1)
    table = _run(folder, _means(net, EVERY)).table
    assert table.counts.tolist() == [18, 18, 18, 70, 18, 18, 18]
    assert net.looked == table.num_rows == 178
    alone = tmp_path / "alone"
    write_video(alone / "003.mp4", pictures(3, 70))
    assert np.allclose(_run(alone, _means(net, EVERY)).table.rows, table.rows[54:124], atol=1e-5)


def test_kept_features_are_not_made_again(clips: Path, tmp_path: Path) -> None:
    net = StandIn()
    first = _run(clips, _means(net, cache=tmp_path))
    assert net.looked == 7
    again = _run(clips, _means(net, cache=tmp_path))
    assert net.looked == 7
    assert np.array_equal(first.table.rows, again.table.rows)
    _run(clips, _means(net, replace(WINDOW, random_start=True), cache=tmp_path))
    assert net.looked == 14


def test_kept_features_are_found_by_content_not_by_name(clips: Path, tmp_path: Path) -> None:
    net, renamed = StandIn(), tmp_path / "renamed"
    _run(clips, _means(net, cache=tmp_path / "cache"))
    renamed.mkdir()
    for path in clips.iterdir():
        shutil.copy(path, renamed / f"new_{path.name}")
    assert _run(renamed, _means(net, cache=tmp_path / "cache")).table.names[0] == "new_000"
    assert net.looked == 7


@pytest.mark.parametrize("change", ["digest", "preprocessing"])
def test_other_weights_or_pixels_are_other_features(
    change: str, clips: Path, tmp_path: Path
) -> None:
    _run(clips, _means(StandIn(), cache=tmp_path))
    other = replace(StandIn(), **{change: "6" * 64})
    _run(clips, _means(other, cache=tmp_path))
    assert other.looked == 7


def test_a_damaged_entry_is_made_again_alone(clips: Path, tmp_path: Path) -> None:
    net = StandIn()
    first = _run(clips, _means(net, cache=tmp_path))
    entry = sorted(tmp_path.rglob("*.rows"))[2]
    entry.write_bytes(entry.read_bytes()[:-3])
    again = _run(clips, _means(net, cache=tmp_path))
    assert net.looked == 8
    assert np.allclose(first.table.rows, again.table.rows, atol=1e-5)


def test_a_run_that_was_stopped_goes_on(clips: Path, tmp_path: Path) -> None:
    class Stopped(Exception):  # noqa: N818 - not an error of ours
        pass

    def stop(what: str, done: int, total: int) -> None:
        if done == 4:
            raise Stopped

    net = StandIn()
    with pytest.raises(Stopped):
        _run(clips, _means(net, cache=tmp_path), stop)
    before = net.looked
    assert 0 < before < 7
    assert _run(clips, _means(net, cache=tmp_path)).table.num_clips == 7
    assert net.looked <= 7 + 2  # of the batch that was stopped, what had not been written


def test_short_and_unreadable_clips_are_left_out_and_named(clips: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(clips, folder)
    write_video(folder / "001.mp4", pictures(1, 15))
    (folder / "004.mp4").write_bytes(b"nothing")
    cut = (folder / "005.mp4").read_bytes()
    (folder / "005.mp4").write_bytes(cut[: len(cut) // 2])
    found = _run(folder, _means(StandIn()))
    assert found.short == ("001",)
    assert [item.clip for item in found.quarantined] == ["004", "005"]
    assert {item.kind for item in found.quarantined} == {"FormatError"}
    assert found.table.names == ("000", "002", "003", "006")


def test_a_clip_whose_features_are_no_numbers_is_named(clips: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(clips, folder)
    write_video(folder / "002.mp4", np.full((16, 48, 64, 3), 235, np.uint8))
    found = _run(folder, _means(StandIn(poison=235), cache=tmp_path / "cache"))
    (bad,) = found.quarantined
    assert bad.clip == "002"
    assert "NaN" in bad.error
    assert found.table.num_clips == 6
    assert len(list(tmp_path.rglob("*.rows"))) == 6


def test_clips_of_mixed_sizes_are_looked_at_apart(clips: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(clips, folder)
    write_video(folder / "002.mp4", pictures(2, 18, (64, 48)))
    assert _run(folder, _means(StandIn())).table.num_clips == 7


def test_a_batch_holds_no_more_pixels_than_it_should(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    net = StandIn()
    features = net.features

    def noted(pixels: torch.Tensor) -> torch.Tensor:
        sizes.append(len(pixels))
        return features(pixels)

    monkeypatch.setattr(net, "features", noted)
    monkeypatch.setattr("rareworld.evaluate.features.BATCH_BYTES", 16 * 48 * 64 * 3)
    whole = _run(clips, _means(net)).table.rows
    assert sizes == [1] * 7
    monkeypatch.undo()
    assert np.allclose(_run(clips, _means(StandIn())).table.rows, whole, atol=1e-5)


def test_progress_tells_every_clip(clips: Path) -> None:
    told: list[tuple[str, int, int]] = []
    _run(clips, _means(StandIn()), lambda *of: told.append(of))
    assert [done for _, done, _ in told] == list(range(8))
    assert {(what, total) for what, _, total in told} == {("real: standin", 7)}


def test_the_network_looks_while_later_clips_are_decoded(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Order of events, not time: a clip is decoded while the first batch is being looked at."""
    from rareworld.evaluate import frames

    decoded, more = [], threading.Event()
    original = frames.Part.read

    def read(part: frames.Part) -> np.ndarray:
        out = original(part)
        decoded.append(part.path)
        if len(decoded) > 3:
            more.set()
        return out

    net = StandIn()
    features = net.features

    def waiting(pixels: torch.Tensor) -> torch.Tensor:
        assert more.wait(20), "nothing was decoded while the network looked"
        return features(pixels)

    monkeypatch.setattr(frames.Part, "read", read)
    monkeypatch.setattr(net, "features", waiting)
    assert _run(clips, _means(net)).table.num_clips == 7


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FormatError, match="nowhere"):
        Hashes().of(Path("nowhere.mp4"))
