"""Features kept by content: a file for each video and each way of making features.

The key of a folder is the hash of all that decides features besides the video: network, weights,
pre-processing, frames, version of this package. The name of a file is the hash of its video, so
renamed and copied clips are found again and a changed setting never meets old work. A file begins
with the checksum of what follows; one that does not fit is made again.

    CACHE/features/KEY/what.json        what the key stands for
    CACHE/features/KEY/ab/abcd....rows  SHA-256 of the rest, then the rows as .npy

Proved in `tests/evaluate/test_cache.py`.
"""

import hashlib
import io
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float32

from rareworld import __version__
from rareworld.data.atomic import store_error
from rareworld.data.jsontext import write_json

DIGEST = hashlib.sha256().digest_size
KEY_LENGTH = 24
"""Hexadecimal digits of a folder's name."""


@final
class FeatureCache:
    """Rows of features of one kind, by the hash of the video."""

    def __init__(self, root: Path, kind: Mapping[str, Any]) -> None:
        depends = {"rareworld": __version__, **kind}
        text = json.dumps(depends, sort_keys=True)
        self._folder = root / "features" / hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]
        if not (self._folder / "what.json").is_file():
            write_json(self._folder / "what.json", depends)

    def path(self, video: str) -> Path:
        """Return the file of a video, given by its SHA-256."""
        return self._folder / video[:2] / f"{video}.rows"

    def read(self, video: str) -> Float32[np.ndarray, "n d"] | None:
        """Return the rows of a video; None if there are none or they are damaged."""
        try:
            content = self.path(video).read_bytes()
        except FileNotFoundError:
            return None
        body = content[DIGEST:]
        if hashlib.sha256(body).digest() != content[:DIGEST]:
            return None
        return np.asarray(np.load(io.BytesIO(body), allow_pickle=False))

    def write(self, video: str, rows: Float32[np.ndarray, "n d"]) -> None:
        """Keep the rows of a video.

        The file appears whole under its name. It is not flushed to the disk: after a power cut
        its checksum tells, and it is made again.

        Raises:
            StoreError: If it cannot be written.
        """
        buffer = io.BytesIO()
        np.save(buffer, rows, allow_pickle=False)
        body = buffer.getvalue()
        path = self.path(video)
        temporary = path.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(exist_ok=True)
            temporary.write_bytes(hashlib.sha256(body).digest() + body)
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise store_error(path, error) from error
