"""Files of features and of statistics, ours and others', read as data.

| file | from | holds |
|---|---|---|
| `.safetensors` | us (`save_features`) | rows, clips, and what made them |
| `.npz` | anybody | `features` (n, d), perhaps `counts`, `names`; or `mu`, `sigma` (clean-fid) |
| `.npy` | videojedi | rows |
| `.pt` | torch-fidelity's cache | rows, or `mu` and `sigma` |
| `.pkl` | StyleGAN-V, cd-fvd | `raw_mean`, `raw_cov`, `num_items` |

Nothing a file names is run: arrays of objects are refused and pickles go through readers that know
arrays alone. Of statistics no interval and no floor can be told, for the clips are gone.
Proved in `tests/evaluate/test_stored.py`.
"""

import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, final

import numpy as np
import torch
from jaxtyping import Float, Float64
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from rareworld.data.atomic import atomic_file, sha256_bytes
from rareworld.errors import FormatError
from rareworld.evaluate.distances import CPU, Gaussian, root
from rareworld.evaluate.tables import FeatureTable
from rareworld.models.pickles import numpy_pickle

KIND = "features"
VERSION = 1
META = "rareworld"
UNTOLD = "not told by the file"
_ROWS = ("features", "feats", "rows")


@final
@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Mean and covariance of features whose rows are not there."""

    mean: Float64[np.ndarray, " d"]
    covariance: Float64[np.ndarray, "d d"]
    count: int | None = None
    """Rows they were made of, if the file says."""

    @property
    def width(self) -> int:
        """Values of a row."""
        return len(self.mean)

    def gaussian(self, device: torch.device = CPU) -> Gaussian:
        """Return it in the form distances take."""
        mean, covariance = (
            torch.from_numpy(values).to(device) for values in (self.mean, self.covariance)
        )
        return Gaussian(mean=mean, factor=root(covariance))


@final
@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a feature file holds."""

    path: Path
    content: FeatureTable | Statistics
    what: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What made the features (`features.Means.describe`); empty where the file does not say."""
    weights: str = UNTOLD
    """Weights that made them, in words."""


def save_features(path: Path, table: FeatureTable, what: Mapping[str, Any], weights: str) -> None:
    """Write features with what made them.

    Raises:
        StoreError: If the file cannot be written.
    """
    rows = np.ascontiguousarray(table.rows)
    meta = {
        "kind": KIND, "schema_version": VERSION, "names": table.names, "groups": table.groups,
        "what": dict(what), "weights": weights, "sha256": sha256_bytes(rows.tobytes()),
    }  # fmt: skip
    with atomic_file(path) as temporary:
        save_file({"rows": rows, "counts": table.counts}, temporary, {META: json.dumps(meta)})


def read_features(path: Path) -> Stored:
    """Read a file of features or statistics.

    Raises:
        FormatError: If it is missing, damaged, of no known form, holds objects, or NaN.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise FormatError(f"{path}: expected one of {', '.join(READERS)}, found {path.suffix!r}")
    if not path.is_file():
        raise FormatError(f"{path}: no such file; check the path")
    try:
        stored = reader(path)
    except (OSError, ValueError, KeyError, TypeError, EOFError, *_DAMAGE) as error:
        raise FormatError(
            f"{path}: cannot be read as features or statistics ({error}); make it again"
        ) from None
    if isinstance(stored.content, FeatureTable):
        stored.content.require_finite(str(path))
    elif not np.isfinite([stored.content.mean.sum(), stored.content.covariance.sum()]).all():
        raise FormatError(f"{path}: mean or covariance holds NaN or infinity; make it again")
    return stored


_DAMAGE = (SafetensorError, pickle.UnpicklingError, RuntimeError)


def _ours(path: Path) -> Stored:
    with safe_open(path, framework="numpy") as file:
        meta = json.loads((file.metadata() or {})[META])
        rows, counts = file.get_tensor("rows"), file.get_tensor("counts")
    if meta["kind"] != KIND or meta["schema_version"] > VERSION:
        raise FormatError(
            f"{path}: expected {KIND!r} of version {VERSION} at most, found {meta['kind']!r} of "
            f"{meta['schema_version']}; upgrade rareworld"
        )
    if sha256_bytes(np.ascontiguousarray(rows).tobytes()) != meta["sha256"]:
        raise FormatError(f"{path}: rows differ from their checksum; make the file again")
    table = FeatureTable.of(rows, counts.tolist(), meta["names"], meta["groups"])
    return Stored(path=path, content=table, what=meta["what"], weights=meta["weights"])


def _npz(path: Path) -> Stored:
    with np.load(path, allow_pickle=False) as file:
        values = {name: file[name] for name in file.files}
    return _from_names(path, values)


def _npy(path: Path) -> Stored:
    return _from_names(path, {"features": np.load(path, allow_pickle=False)})


def _pt(path: Path) -> Stored:
    allowed: list[Any] = [np.ndarray, np.dtype, type(np.dtype("f8")), type(np.dtype("f4"))]
    rebuild: Any = np.ndarray(0).__reduce__()[0]  # the function that pickles of arrays name
    with torch.serialization.safe_globals([*allowed, rebuild]):
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    values = loaded if isinstance(loaded, dict) else {"features": loaded}
    return _from_names(path, {name: np.asarray(value) for name, value in values.items()})


def _pkl(path: Path) -> Stored:
    loaded = numpy_pickle(path)
    if not isinstance(loaded, dict) or "raw_mean" not in loaded:
        return _from_names(path, loaded if isinstance(loaded, dict) else {"features": loaded})
    values = cast(dict[str, Any], loaded)
    count, mean = int(values["num_items"]), np.asarray(values["raw_mean"]) / values["num_items"]
    covariance = np.asarray(values["raw_cov"]) / count - np.outer(mean, mean)
    return Stored(path=path, content=_statistics(mean, covariance, count))


def _from_names(path: Path, values: Mapping[str, Any]) -> Stored:
    """Return rows or statistics by the names that are about."""
    rows = next((name for name in _ROWS if name in values), None)
    if rows is not None:
        counts, names = values.get("counts"), values.get("names")
        table = FeatureTable.of(
            _matrix(path, rows, values[rows]),
            None if counts is None else [int(count) for count in counts],
            None if names is None else [str(name) for name in names],
        )
        return Stored(path=path, content=table)
    if "mu" in values and "sigma" in values:
        count = values.get("n", values.get("num_items"))
        mean, covariance = values["mu"], _matrix(path, "sigma", values["sigma"])
        told = None if count is None else int(count)
        return Stored(path=path, content=_statistics(mean, covariance, told))
    raise FormatError(
        f"{path}: expected rows under one of {', '.join(_ROWS)}, or mu and sigma; "
        f"found {', '.join(map(str, values)) or 'nothing'}"
    )


def _matrix(path: Path, name: str, value: object) -> Float[np.ndarray, "n d"]:
    array = np.asarray(value)
    if array.ndim != 2 or array.dtype.kind != "f":
        raise FormatError(
            f"{path}: {name} must be a matrix of floats, found {array.dtype} {array.shape}"
        )
    return array


def _statistics(mean: object, covariance: object, count: int | None) -> Statistics:
    one, two = np.asarray(mean, np.float64), np.asarray(covariance, np.float64)
    if one.ndim != 1 or two.shape != (len(one), len(one)):
        raise ValueError(f"mean of shape {one.shape} and covariance of {two.shape} do not fit")
    return Statistics(mean=one, covariance=(two + two.T) / 2, count=count)


READERS: Mapping[str, Callable[[Path], Stored]] = {
    ".safetensors": _ours,
    ".npz": _npz,
    ".npy": _npy,
    ".pt": _pt,
    ".pkl": _pkl,
}
"""Reader by the end of the file's name."""
