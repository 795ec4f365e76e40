"""Prompts from a cache: bit for bit those of the encoder, and no other text."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rareworld.data.atomic import sha256_bytes, sha256_file
from rareworld.errors import ConfigError, StoreError
from rareworld.generate.contexts import CachedContexts
from rareworld.generate.engine import NEGATIVE_PROMPT
from rareworld.models.text.cache import Entry, Identity, trim, write_shard
from rareworld.models.text.encoder import EncoderName
from rareworld.models.text.mini import MINI_VERSION, MiniEncoder
from rareworld.runtime.local import LocalRunner
from tests.generate.conftest import request_of, stage_of

TEXTS = ("a car hits a bus", NEGATIVE_PROMPT)


def _cache(
    folder: Path, *, encoder: EncoderName = EncoderName.MINI, projection: str | None = None
) -> Path:
    contexts = [trim(context) for context in MiniEncoder(64).encode(TEXTS)]
    entries = [
        Entry(
            clip=f"c{rank}", text_sha256=sha256_bytes(text.encode()), rows=len(context), cut="end"
        )
        for rank, (text, context) in enumerate(zip(TEXTS, contexts, strict=True))
    ]
    identity = Identity(
        encoder=encoder, weights=MINI_VERSION, dtype="float32", projection=projection
    )
    (folder / "0").mkdir(parents=True)
    write_shard(folder / "0", identity, entries, contexts)
    return folder


def test_a_context_is_the_encoder_s_own(tmp_path: Path) -> None:
    cached = CachedContexts.open(_cache(tmp_path))
    assert torch.equal(cached.encode(TEXTS), MiniEncoder(64).encode(TEXTS))
    assert cached.cut(TEXTS[0]) == "end"
    assert cached.record()["encoder"] == "mini"


def test_a_prompt_that_is_not_in_the_cache_is_refused(tmp_path: Path) -> None:
    cached = CachedContexts.open(_cache(tmp_path))
    with pytest.raises(ConfigError, match=r"holds 2 captions, and not 'a tram.*rareworld embed"):
        cached.encode(["a tram" + " stops" * 40])


def test_an_empty_cache_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no text contexts"):
        CachedContexts.open(tmp_path)


def test_a_job_with_a_cache_gives_the_same_video(tiny: Callable[..., Path], tmp_path: Path) -> None:
    _cache(tmp_path / "contexts")
    for out, config in (("own", {}), ("cached", {"contexts": tmp_path / "contexts"})):
        stage = stage_of(tiny(), request_of(), **config)
        LocalRunner(inline=True).run(stage, list(stage.requests), tmp_path / out)
    own, cached = (sha256_file(tmp_path / out / "a" / "a.mp4") for out in ("own", "cached"))
    assert own == cached


@pytest.mark.parametrize(
    ("encoder", "projection"), [(EncoderName.REASON1, "ab"), (EncoderName.T5, None)]
)
def test_contexts_made_for_another_net_are_refused(
    encoder: EncoderName, projection: str | None, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    _cache(tmp_path / "contexts", encoder=encoder, projection=projection)
    config = {"contexts": tmp_path / "contexts", "encoder": EncoderName.REASON1}
    stage = stage_of(tiny(), request_of(), **config)
    with pytest.raises(ConfigError, match=f"made by {encoder} .* this net wants reason1"):
        stage.engine()
