"""Contexts of a cache: projected, or upstream's own where they fit; another encoder is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.text import tiny as tiny_text
from models.text.nets import write_checkpoint
from rareworld.errors import ConfigError
from rareworld.models.text.cache import Identity
from rareworld.models.text.encoder import EncoderName
from rareworld.models.text.load import EncoderConfig, load_encoder
from rareworld.models.text.upstream import write_pickles
from rareworld.train.config import TrainConfig
from rareworld.train.data.cache import Cache
from rareworld.train.data.cache_build import build_cache
from rareworld.train.data.cache_plan import plan_cache
from rareworld.train.data.cache_texts import PICKLED
from train.data.cache_samples import ALONE, config_of, make, write_dataset

WIDTH = 64
"""Channels the tiny net takes."""


def _context(number: int, width: int = WIDTH) -> torch.Tensor:
    return torch.randn(5 + number, width, generator=torch.Generator().manual_seed(number)).half()


def _pickled(dataset: Path, numbers: range, width: int = WIDTH) -> Path:
    contexts = ((f"{number:03d}", _context(number, width).float()) for number in numbers)
    write_pickles(dataset / "t5_xxl", contexts)
    return dataset


def _t5(config: TrainConfig) -> TrainConfig:
    base = config.base.model_copy(update={"encoder": EncoderName.T5})
    return config.model_copy(update={"base": base})


def test_upstreams_contexts_are_used_and_t5_is_not_loaded(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rareworld.train.data.cache_texts.find_encoder", lambda *_: pytest.fail("looked for T5")
    )
    dataset = _pickled(write_dataset(tmp_path / "set", range(3)), range(3))
    report = make(_t5(config_of(tiny("predict2"), dataset)), tmp_path / "c")
    assert [each.count("done") for each in report.contexts] == [1, 0]
    cache = Cache.open(tmp_path / "c")
    assert cache.contexts[0].identity == PICKLED
    for number in range(3):
        context, rows = cache.context(f"0/{number:03d}"), 5 + number
        assert torch.equal(context[:rows], _context(number).float())
        assert not context[rows:].any()


def test_clips_without_upstreams_context_are_encoded(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = _pickled(write_dataset(tmp_path / "set", range(4)), range(2))
    plan = plan_cache(_t5(config_of(tiny("predict2"), dataset)), tmp_path / "c", ALONE)
    assert [caption.clip for caption in plan.texts.pickled] == ["0/000", "0/001"]
    assert [caption.clip for caption in plan.texts.captions] == ["0/002", "0/003"]


def test_another_encoder_does_not_use_upstreams_contexts(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    dataset = _pickled(write_dataset(tmp_path / "set", range(2)), range(2))
    plan = plan_cache(config_of(tiny("predict2"), dataset), tmp_path / "c", ALONE)
    assert plan.texts.encoder.encoder is EncoderName.MINI
    assert plan.texts.pickled == ()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(b"no pickle"), "damaged pickle"),
        (lambda path: _pickled(path.parent.parent, range(1, 2), 32), "expected 64 channels.*32"),
    ],
    ids=["damaged", "another width"],
)
def test_a_file_of_upstreams_that_does_not_fit_is_told_and_not_passed_over(
    spoil: Callable[[Path], object], message: str, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    dataset = _pickled(write_dataset(tmp_path / "set", range(3)), range(3))
    spoil(dataset / "t5_xxl" / "001.pickle")
    report = make(_t5(config_of(tiny("predict2"), dataset)), tmp_path / "c")
    assert list(report.quarantined) == ["0/001"]
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(report.quarantined["0/001"])
    assert sorted(Cache.open(tmp_path / "c").windows) == ["0/000#0", "0/002#0"]


def test_a_changed_file_of_upstreams_is_taken_over_again(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    dataset = _pickled(write_dataset(tmp_path / "set", range(2)), range(2))
    config = _t5(config_of(tiny("predict2"), dataset))
    make(config, tmp_path / "c")
    write_pickles(dataset / "t5_xxl", [("001", _context(9).float())])
    report = make(config, tmp_path / "c")
    assert report.contexts[0].count("done") == 1
    assert report.latents.count("kept") == 1
    assert torch.equal(Cache.open(tmp_path / "c").context("0/001")[:14], _context(9).float())


def test_contexts_of_another_encoder_are_refused_unless_they_may_be_replaced(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(tiny(), write_dataset(tmp_path / "set", range(2)))
    make(config, tmp_path / "c")
    other = Identity(encoder=EncoderName.MINI, weights="newer", dtype="float32")
    monkeypatch.setattr("rareworld.train.data.cache_texts.identify", lambda _: other)
    with pytest.raises(ConfigError, match=r"made by encoder mini.*this run has mini newer"):
        make(config, tmp_path / "c")
    make(config, tmp_path / "c", overwrite=True)
    assert Cache.open(tmp_path / "c").contexts[0].identity == other


def test_contexts_of_predict25_are_kept_after_the_nets_projection(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    """The projection is the checkpoint's own: 512 rows of the net's width, not 100,352."""
    checkpoint = write_checkpoint(tmp_path / "net.pt")
    config = config_of(tiny(), write_dataset(tmp_path / "set", range(1)))
    plan = plan_cache(config, tmp_path / "c", ALONE)
    reason1 = tiny_text.write_reason1(tmp_path / "reason1")
    encoder = EncoderConfig(
        encoder=EncoderName.REASON1,
        weights=reason1,
        projection=checkpoint,
        dtype="float32",
        device="cpu",
    )
    projected = replace(plan, texts=replace(plan.texts, encoder=encoder))
    build_cache(projected, ALONE, inline=True)
    cache = Cache.open(tmp_path / "c")
    expected = load_encoder(encoder).encode(["a car meets bus 0"])[0]
    assert torch.equal(cache.context("0/000"), expected)
    assert cache.contexts[0].identity.projection is not None
