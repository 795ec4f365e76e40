"""Where `mini` is found: the path given, the package's own, else an error that helps."""

from pathlib import Path

import pytest

from rareworld.errors import FormatError
from rareworld.models.mini.find import MINI_NAME, PACKAGED, mini_folder, named


def _pipeline(folder: Path) -> Path:
    folder.mkdir()
    (folder / "model_index.json").write_text("{}")
    return folder


def test_a_given_path_comes_first(tmp_path: Path) -> None:
    given, packaged = _pipeline(tmp_path / "given"), _pipeline(tmp_path / "packaged")
    assert mini_folder(given, packaged=packaged) == given
    assert mini_folder(packaged=packaged) == packaged


def test_the_packages_own_stands_beside_the_module() -> None:
    assert PACKAGED.parts[-3:] == ("models", "mini", "weights")


def test_the_name_means_the_package_unless_a_file_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert named(Path("other")) == Path("other")
    (tmp_path / MINI_NAME).mkdir()
    assert named(Path(MINI_NAME)) == Path(MINI_NAME)


def test_a_path_that_is_no_pipeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="transformer/ and vae/"):
        mini_folder(tmp_path, packaged=_pipeline(tmp_path / "packaged"))


def test_a_package_without_weights_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="rareworld train mini_pretrain"):
        mini_folder(packaged=tmp_path / "none")
