"""Where a model's parts are: released names, checkpoints, pipeline folders of diffusers.

A model is a released name (`2B/post-trained`, `predict2/2B/720p-16fps`), a checkpoint of any
layout, or a pipeline folder with `transformer/`, `vae/` and `text_encoder/`.
Proved in `tests/generate/test_models.py`.
"""

import re
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

from rareworld.data.config import nearest
from rareworld.data.jsontext import read_json
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import NetConfig, Objective
from rareworld.models.cosmos_predict.defaults import read_defaults
from rareworld.models.find import Published, find_weights
from rareworld.models.mini.find import MINI_NAME, mini_folder
from rareworld.models.text.encoder import EncoderName

INDEX = "model_index.json"
TRAINED = re.compile(r"model-(?P<table>720|480)p-(?P<fps>10|16)fps")
"""Resolution class and rate in the file names of Predict2's releases."""
MINI = ["rareworld", "MiniEncoder"]
"""What stands under `text_encoder` in the index of a pipeline that has none to load."""


@final
@dataclass(frozen=True, kw_only=True)
class Release:
    """A released net."""

    published: Published
    fps: int = 16
    table: str = "720"
    """Resolution class it was trained at."""


def _predict25(size: str, stage: str, file: str) -> Release:
    return Release(
        published=Published(
            what=f"Cosmos-Predict2.5 {size} {stage}",
            repo_id=f"nvidia/Cosmos-Predict2.5-{size}",
            files=(f"base/{stage}/{file}_ema_bf16.pt",),
        )
    )


def _predict2(size: str, table: str, fps: int) -> Release:
    return Release(
        published=Published(
            what=f"Cosmos-Predict2 {size} Video2World {table}p {fps} fps",
            repo_id=f"nvidia/Cosmos-Predict2-{size}-Video2World",
            files=(f"model-{table}p-{fps}fps.pt",),
        ),
        fps=fps,
        table=table,
    )


RELEASES: dict[str, Release] = {
    "2B/post-trained": _predict25("2B", "post-trained", "81edfebe-bd6a-4039-8c1d-737df1a790bf"),
    "2B/pre-trained": _predict25("2B", "pre-trained", "d20b7120-df3e-4911-919d-db6e08bad31c"),
    "14B/post-trained": _predict25("14B", "post-trained", "e21d2a49-4747-44c8-ba44-9f6f9243715f"),
    "14B/pre-trained": _predict25("14B", "pre-trained", "54937b8c-29de-4f04-862c-e67b04ec41e8"),
} | {
    f"predict2/{size}/{table}p-{fps}fps": _predict2(size, table, fps)
    for size in ("2B", "14B")
    for table in ("720", "480")
    for fps in (16, 10)
}
"""Names for `--model`; the first is the default."""


def net_path(model: str) -> Path:
    """Return where the network of a model is: downloaded, in a cache, shipped, or the path itself.

    Raises:
        ConfigError: If there is no such file, folder or release; names the nearest.
        FormatError: If it is `mini` and this package has none.
    """
    release = RELEASES.get(model)
    if release is not None:
        return find_weights(release.published) / release.published.files[0]
    if model == MINI_NAME:
        return mini_folder()
    path = Path(model).expanduser()
    if not path.exists():
        known = nearest(model, [*RELEASES, MINI_NAME])
        raise ConfigError(f"model {model}: no such file, folder or release{known}")
    return path


def pipeline_of(net: Path) -> Path | None:
    """Return the folder itself where it is a pipeline with all parts."""
    return net if (net / INDEX).is_file() else None


def inside(pipeline: Path | None, name: str) -> Path | None:
    """Return a part's folder inside a pipeline, if it has one."""
    return pipeline / name if pipeline is not None and (pipeline / name).is_dir() else None


def encoder_of(pipeline: Path | None, objective: Objective) -> EncoderName:
    """Return the encoder a pipeline names, or the one the family was trained with."""
    index = read_json(pipeline / INDEX) if pipeline else {}
    if index.get("text_encoder") == MINI:
        return EncoderName.MINI
    edm = objective is Objective.EDM_FLOW
    return EncoderName.T5 if edm else EncoderName.REASON1


def mini_width(pipeline: Path | None, net: NetConfig) -> int:
    """Return the channels of the mini encoder: a pipeline's own, or what the blocks take."""
    told = read_defaults(pipeline)
    return net.context_dim if told is None or told.text_width is None else told.text_width


@contextmanager
def text_folder(pipeline: Path | None) -> Generator[Path | None]:
    """Yield a pipeline's text encoder and its tokenizer as one folder, as the hub has them."""
    encoder = inside(pipeline, "text_encoder")
    tokenizer = inside(pipeline, "tokenizer")
    if encoder is None or tokenizer is None:
        yield encoder
        return
    with tempfile.TemporaryDirectory(prefix="rareworld-text-") as scratch:
        for source in (*tokenizer.iterdir(), *encoder.iterdir()):
            target = Path(scratch) / source.name
            target.unlink(missing_ok=True)
            target.symlink_to(source.resolve())
        yield Path(scratch)
