"""Published text encoders in the hub's layout: which files, which revision, telling them apart.

Source: the revisions that cosmos-predict2's download script and cosmos-predict2.5's checkpoint
registry name. Proved in `tests/models/text/test_hub.py`.
"""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from rareworld.errors import FormatError
from rareworld.models.find import Published

T5 = Published(
    what="T5-11B text encoder",
    repo_id="google-t5/t5-11b",
    revision="90f37703b3334dfe9d2b009bfcbfbf1ac9d28ea3",
    files=("config.json", "pytorch_model.bin", "spiece.model", "tokenizer.json"),
)
"""Text encoder of Predict2."""

REASON1 = Published(
    what="Cosmos-Reason1 text encoder",
    repo_id="nvidia/Cosmos-Reason1-7B",
    revision="3210bec0495fdc7a8d3dbb8d58da5711eab4b423",
    files=("*.json", "*.safetensors", "model.safetensors.index.json", "merges.txt"),
)
"""Text encoder of Predict2.5: the revision its nets were trained with, not the newest."""

_SUFFIXES = {".bin", ".jinja", ".json", ".model", ".safetensors", ".txt"}
_BLOCK = 1 << 16
_BLOCKS = 32


@contextmanager
def reading(folder: Path, what: Published) -> Generator[None]:
    """Turn the errors of a library that reads `folder` into ours.

    Raises:
        FormatError: Naming the folder, the library's reason and what belongs there.
    """
    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise FormatError(
            f"{folder}: not a whole {what.what} ({reason}); it takes {', '.join(what.files)} of "
            f"{what.repo_id}"
        ) from error


def fingerprint(folder: Path) -> str:
    """Return a hash that tells two sets of weights apart, without reading tens of gigabytes.

    It covers every file's name and size, and 32 blocks of 64 KiB spread evenly over each, so whole
    files up to 2 MiB. It is no protection against somebody who forges files.

    Raises:
        FormatError: If the folder holds no such files.
    """
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in _SUFFIXES)
    if not files:
        raise FormatError(f"{folder}: expected a folder with a network's files, found none")
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        _sample(path, size, digest)
    return digest.hexdigest()


def _sample(path: Path, size: int, digest: "hashlib._Hash") -> None:
    if size <= _BLOCK * _BLOCKS:
        starts = range(0, size, _BLOCK)
    else:
        starts = [part * (size - _BLOCK) // (_BLOCKS - 1) for part in range(_BLOCKS)]
    with path.open("rb") as stream:
        for start in starts:
            stream.seek(start)
            digest.update(stream.read(_BLOCK))
