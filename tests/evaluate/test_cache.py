"""The cache: found by content, never for another setting, and mended where damaged."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from rareworld.errors import StoreError
from rareworld.evaluate.cache import FeatureCache

VIDEO = "ab" + "0" * 62
ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, {"net": "i3d"})
    assert cache.read(VIDEO) is None
    cache.write(VIDEO, ROWS)
    found = FeatureCache(tmp_path, {"net": "i3d"}).read(VIDEO)
    assert found is not None
    assert found.dtype == np.float32
    assert np.array_equal(found, ROWS)


def test_another_setting_never_meets_the_rows(tmp_path: Path) -> None:
    FeatureCache(tmp_path, {"net": "i3d", "frames": 16}).write(VIDEO, ROWS)
    for other in ({"net": "i3d", "frames": 17}, {"net": "i3d"}, {"net": "i3d-tats", "frames": 16}):
        assert FeatureCache(tmp_path, other).read(VIDEO) is None


def test_a_folder_tells_what_its_key_stands_for(tmp_path: Path) -> None:
    FeatureCache(tmp_path, {"net": "i3d", "weights": "5"})
    (folder,) = (tmp_path / "features").iterdir()
    told = json.loads((folder / "what.json").read_text())
    assert (told["net"], told["weights"]) == ("i3d", "5")
    assert "rareworld" in told


@pytest.mark.parametrize("damage", ["cut", "bit", "empty"])
def test_damaged_rows_are_none(damage: str, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, {})
    cache.write(VIDEO, ROWS)
    path = cache.path(VIDEO)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes({"cut": content[:-7], "bit": content, "empty": b""}[damage])
    assert cache.read(VIDEO) is None
    cache.write(VIDEO, ROWS)
    assert cache.read(VIDEO) is not None


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FeatureCache(tmp_path, {})

    def full(self: Path, target: Path) -> None:
        raise OSError(28, os.strerror(28), str(self))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError, match="free some space"):
        cache.write(VIDEO, ROWS)
    assert list(cache.path(VIDEO).parent.iterdir()) == []
