"""Settings that cannot work are refused before anything is read or made."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rareworld.errors import ConfigError, MissingExtraError
from rareworld.models.cosmos_predict import quantize
from rareworld.models.cosmos_predict.tiny import tiny_family
from rareworld.train.preflight import preflight
from rareworld.train.watch import trackers
from train.runs import make_config, run_alone

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"adapter__targets": ["q_prog"]}, "did you mean q_proj"),
    ({"data__batch_size": 3, "data__micro_batch": 2}, "data.batch_size: 3 samples"),
    ({"parallel__context": 3}, "parallel.context: expected a divisor of the 2 GPUs"),
    ({"data__num_frames": [6]}, "data.num_frames: lengths must be 4 n"),
    ({"objective__high_sigma_share": 0.1}, "objective.high_sigma_share"),
    ({"objective__conditional_frames": {0: 0.5, 2: 0.5}}, "2 clean latent frames of 2 leave"),
]


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_settings_are_refused_by_name(change: dict[str, Any], words: str) -> None:
    config = make_config(Path("model"), Path("clips"), **change)
    with pytest.raises(ConfigError, match=words):
        preflight(config, tiny_family("predict2.5"), 2)


@pytest.mark.parametrize(
    ("package", "change", "extra"),
    [
        ("wandb", {"watch__trackers": ["wandb"]}, "wandb"),
        ("tensorboard", {"watch__trackers": ["tensorboard"]}, "train"),
        ("bitsandbytes", {"adapter__quantize": "nf4"}, "quantize"),
    ],
)
def test_a_missing_package_is_named_first(
    package: str, change: dict[str, Any], extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec

    def without(name: str, *more: Any) -> Any:
        return None if name == package else real(name, *more)

    for room in (trackers, quantize):
        monkeypatch.setattr(room, "find_spec", without)
    config = make_config(Path("model"), Path("clips"), **change)
    with pytest.raises(MissingExtraError, match=rf"{package} .*rareworld\[{extra}\]"):
        preflight(config, tiny_family("predict2.5"), 1)


def test_settings_that_go_together_pass() -> None:
    config = make_config(Path("model"), Path("clips"), data__batch_size=3)
    preflight(config, tiny_family("predict2.5"), 2)  # two GPUs share each of three clips


def test_a_run_makes_no_cache_before_it_has_looked_at_its_settings(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = make_config(tiny(), tmp_path / "nowhere", adapter__targets=["q_prog"])
    with pytest.raises(ConfigError, match=r"adapter\.targets"):
        run_alone(config, tmp_path / "run")
    assert not (tmp_path / "run" / "cache").exists()
