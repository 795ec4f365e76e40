"""Settings that cannot work are refused by name."""

import pytest

from rareworld.errors import ConfigError
from rareworld.train.tokenizer.config import TokenizerConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"crops": [{"frames": 16}]}, "16 frames; the tokenizer takes 4k"),
        ({"crops": [{"width": 256}]}, "256x128 is larger than the videos, 224x128"),
        ({"crops": []}, "expected at least one shape"),
        ({"footage": {"width": 225}}, "footage.width"),
        ({"optimiser": {}}, "did you mean 'optimizer'"),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TokenizerConfig.parse(values)
