"""What a pipeline says of its use: kept, optional, refused where it makes no sense."""

from pathlib import Path

import pytest

from rareworld.errors import ConfigError, StoreError
from rareworld.models.cosmos_predict.defaults import (
    DEFAULTS_FILE,
    Defaults,
    read_defaults,
    write_defaults,
)

OURS = Defaults(height=128, width=224, num_frames=17, fps=8, guidance=1.5, shift=2.0)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_defaults(tmp_path, OURS)
    assert read_defaults(tmp_path) == OURS


def test_released_pipelines_say_nothing(tmp_path: Path) -> None:
    assert read_defaults(tmp_path) is None
    assert read_defaults(None) is None


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ('{"kind": "other", "schema_version": 1}', StoreError, "pipeline-defaults"),
        ('{"kind": "pipeline-defaults", "schema_version": 2}', StoreError, "newer"),
        (
            '{"kind": "pipeline-defaults", "schema_version": 1, "height": 100}',
            ConfigError,
            "height",
        ),
    ],
    ids=["other kind", "newer", "no multiple of 16"],
)
def test_a_file_that_makes_no_sense_is_refused(
    tmp_path: Path, text: str, error: type[Exception], says: str
) -> None:
    (tmp_path / DEFAULTS_FILE).write_text(text)
    with pytest.raises(error, match=says):
        read_defaults(tmp_path)
