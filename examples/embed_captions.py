"""Captions to text contexts: embedded once, kept in a cache, read back by name.

    python examples/embed_captions.py OUT

`mini` needs no weights. With T5 or Reason1 only `EncoderConfig` changes (`docs/learn/embed.md`).
"""

import sys
from pathlib import Path

import torch

from rareworld.models.text.cache import ContextCache
from rareworld.models.text.encoder import EncoderName
from rareworld.models.text.load import EncoderConfig
from rareworld.models.text.mini import MiniEncoder
from rareworld.models.text.plan import EmbedConfig, plan_embedding
from rareworld.runtime.local import LocalRunner

CAPTIONS = {
    "0001": "A white van brakes late and hits the car ahead at a wet junction.",
    "0002": "A cyclist falls on tram rails, two cars stop.",
}


def main(out: Path) -> None:
    """Write a dataset of two captions, embed it, and compare the cache with the encoder."""
    metas = out / "dataset" / "metas"
    metas.mkdir(parents=True)
    for name, caption in CAPTIONS.items():
        (metas / f"{name}.txt").write_text(caption)

    settings = EmbedConfig(encoder=EncoderConfig(encoder=EncoderName.MINI, width=256))
    plan = plan_embedding(metas.parent, settings)
    report = LocalRunner(inline=True).run(plan.stage, plan.parts, plan.out)
    print(report.sentence())

    cache = ContextCache.open(plan.out)
    for name, caption in CAPTIONS.items():
        context = cache.context(name)
        fresh = MiniEncoder(256).encode([caption])[0]
        kept = cache.entry(name).rows
        print(f"{name}: {tuple(context.shape)}, {kept} rows kept, {torch.equal(context, fresh)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
