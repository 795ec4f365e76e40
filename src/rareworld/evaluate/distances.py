"""Distances of two sets of features: Fréchet between Gaussians, polynomial MMD.

Fréchet distance (Dowson and Landau 1982; Heusel et al. 2017, eq. 6):

    |m1 - m2|^2 + Tr S1 + Tr S2 - 2 Tr (S1 S2)^(1/2)

With factors S = F'F the last trace is the sum of the singular values of F1 F2': no matrix root, no
complex numbers, nothing added to a diagonal, and exact where there are fewer rows than columns
(F is then the centred rows themselves, and the matrix has a row and column for each row).

MMD (Gretton et al. 2012; Bińkowski et al. 2018 for KID) is a quadratic form in how often each clip
counts, so the kernel is summed once for each pair of clips and every resample after that is cheap.

Everything is float64, on any device. Proved in `tests/evaluate/test_distances.py` against closed
forms, scipy's matrix root, torch-fidelity's, cd-fvd's and videojedi's numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from rareworld.errors import ConfigError
from rareworld.evaluate.protocols import Mmd
from rareworld.evaluate.tables import FeatureTable

CPU = torch.device("cpu")
EXACT_CLIPS = 4096
"""Up to so many clips, sums of the kernel are kept as float64; beyond, as float32."""
FIDELITY_SEED = 2020
"""Default `rng_seed` of torch-fidelity."""


@final
@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """Mean, and a factor of the covariance: S = F'F."""

    mean: Float64[Tensor, " d"]
    factor: Float64[Tensor, "k d"]
    """Has as many rows as the set has, at most as many as columns."""

    @property
    def trace(self) -> float:
        """Trace of the covariance."""
        return float(self.factor.square().sum())

    @property
    def rank(self) -> int:
        """Rank of the covariance, by NumPy's rule for what is zero."""
        return int(torch.linalg.matrix_rank(self.factor))


def fit(
    table: FeatureTable,
    ddof: Literal[0, 1],
    *,
    clips: Float[np.ndarray, " clips"] | None = None,
    exact: bool = True,
    device: torch.device = CPU,
) -> Gaussian:
    """Fit a Gaussian to a set.

    Args:
        table: Features.
        ddof: Covariance is divided by n - ddof.
        clips: How often each clip counts; every clip once by default.
        exact: Factor the rows themselves (QR); otherwise their covariance where there are more
            rows than columns, several times faster, to about 1e-7 of the trace.
        device: Where it is computed.

    Raises:
        ConfigError: If no more than `ddof` rows count.
    """
    counted = table.row_weights(np.ones(table.num_clips) if clips is None else clips)
    index = np.flatnonzero(counted)
    total = float(counted.sum())
    if total <= max(ddof, 1):
        raise ConfigError(f"a covariance needs at least two rows of features, found {total:g}")
    weights = counted[index] / (total - ddof)
    mean = _mean(table, index, weights, device)
    if len(index) > table.width and not exact:
        return Gaussian(mean=mean, factor=_triangle(_covariance(table, index, weights, mean)))
    return Gaussian(mean=mean, factor=_factor(table, index, weights, mean))


def root(
    covariance: Float64[Tensor, "d d"],
) -> Float64[Tensor, "k d"]:
    """Return F with F'F = S; directions whose variance is rounding error are left out."""
    values, vectors = torch.linalg.eigh(covariance)
    zero = len(values) * torch.finfo(torch.float64).eps * values.abs().max()
    kept = values > zero
    return (vectors[:, kept] * values[kept].sqrt()).T


def _triangle(covariance: Float64[Tensor, "d d"]) -> Float64[Tensor, "k d"]:
    """Return F with F'F = S: Cholesky's triangle, or the root where S has no full rank."""
    lower, failed = torch.linalg.cholesky_ex(covariance)
    return root(covariance) if bool(failed) else lower.T


def frechet(a: Gaussian, b: Gaussian, *, exact: bool = True) -> float:
    """Return the squared Fréchet distance.

    Args:
        a: One Gaussian.
        b: The other, of the same width.
        exact: Take singular values; otherwise roots of eigenvalues of the squared matrix, several
            times faster, to about 1e-6 of the traces.
    """
    cross = a.factor @ b.factor.T
    if exact:
        overlap = torch.linalg.svdvals(cross).sum()
    else:
        square = cross @ cross.T if len(cross) < cross.shape[1] else cross.T @ cross
        overlap = torch.linalg.eigvalsh(square).clamp(min=0).sqrt().sum()
    apart = (a.mean - b.mean).square().sum()
    return max(float(apart + a.trace + b.trace - 2 * overlap), 0.0)  # of equal sets, rounding


Index = Int64[np.ndarray, " k"]
Weights = Float[np.ndarray, " k"]


def _mean(
    table: FeatureTable, index: Index, weights: Weights, device: torch.device
) -> Float64[Tensor, " d"]:
    sums, done = np.zeros(table.width), 0
    for rows in table.chunks(index):
        sums += weights[done : done + len(rows)] @ rows
        done += len(rows)
    return torch.from_numpy(sums / weights.sum()).to(device)


def _centred(
    table: FeatureTable, index: Index, weights: Weights, mean: Float64[Tensor, " d"]
) -> Iterator[Float64[Tensor, "c d"]]:
    """Yield rows less their mean, times the root of their weight."""
    done = 0
    for rows in table.chunks(index):
        scale = torch.from_numpy(np.sqrt(weights[done : done + len(rows)])).to(mean.device)
        done += len(rows)
        yield (torch.from_numpy(rows).to(mean.device) - mean) * scale[:, None]


def _factor(
    table: FeatureTable, index: Index, weights: Weights, mean: Float64[Tensor, " d"]
) -> Float64[Tensor, "f d"]:
    """Return the centred rows; of more rows than columns, the triangle of their QR."""
    factor = mean.new_zeros((0, len(mean)))
    for part in _centred(table, index, weights, mean):
        factor = torch.cat([factor, part])
        if len(factor) > len(mean):
            factor = torch.linalg.qr(factor, mode="r").R
    return factor


def _covariance(
    table: FeatureTable, index: Index, weights: Weights, mean: Float64[Tensor, " d"]
) -> Float64[Tensor, "d d"]:
    out = mean.new_zeros((len(mean), len(mean)))
    for part in _centred(table, index, weights, mean):
        out.addmm_(part.T, part)
    return out


@final
@dataclass(frozen=True)
class ClipKernel:
    """Sums of the kernel over pairs of rows, for each pair of clips of two sets."""

    sums: Float[np.ndarray, "a b"]
    own: Float64[np.ndarray, " a"]
    """Sum over a clip's rows with themselves; where both sets are one."""

    def cross(self, a: Float[np.ndarray, " a"], b: Float[np.ndarray, " b"]) -> float:
        """Return the sum when clips count so often."""
        return float(a @ (self.sums @ b))


def kernel(a: FeatureTable, b: FeatureTable, mmd: Mmd, device: torch.device = CPU) -> ClipKernel:
    """Sum the kernel (x.y / d + coef0)^degree over the rows of each pair of clips."""
    large = max(a.num_clips, b.num_clips) > EXACT_CLIPS
    sums = np.zeros((a.num_clips, b.num_clips), np.float32 if large else np.float64)
    own = np.zeros(a.num_clips)
    clip_a, clip_b = (np.repeat(np.arange(t.num_clips), t.counts) for t in (a, b))
    top = 0
    for rows in a.chunks():
        of_a, left = clip_a[top : top + len(rows)], 0
        top += len(rows)
        values = torch.from_numpy(rows).to(device)
        first = of_a[0]
        np.add.at(own, of_a, _power(values.square().sum(1), a.width, mmd).cpu().numpy())
        for others in b.chunks():
            of_b = clip_b[left : left + len(others)]
            left += len(others)
            block = _power(values @ torch.from_numpy(others).to(device).T, a.width, mmd)
            sums[first : of_a[-1] + 1, of_b[0] : of_b[-1] + 1] += _by_clip(block, of_a, of_b)
    return ClipKernel(sums=sums, own=own)


def _power(products: Float64[Tensor, "*s"], width: int, mmd: Mmd) -> Float64[Tensor, "*s"]:
    return (products / width + mmd.coef0) ** mmd.degree


def _by_clip(
    block: Float64[Tensor, "r c"], of_a: Int64[np.ndarray, " r"], of_b: Int64[np.ndarray, " c"]
) -> Float64[np.ndarray, "a b"]:
    """Add up the rows and columns of each clip; clips ascend."""
    low_a, low_b = int(of_a[0]), int(of_b[0])
    rows = block.new_zeros((int(of_a[-1]) - low_a + 1, block.shape[1]))
    rows.index_add_(0, torch.from_numpy(of_a - low_a).to(block.device), block)
    out = block.new_zeros((len(rows), int(of_b[-1]) - low_b + 1))
    out.index_add_(1, torch.from_numpy(of_b - low_b).to(block.device), rows)
    return out.cpu().numpy()


def within(
    kernel: ClipKernel,
    counts: Int64[np.ndarray, " clips"],
    clips: Float[np.ndarray, " clips"],
    mmd: Mmd,
) -> float:
    """Return the mean kernel over pairs of rows of one set, whose clips count as told.

    Unbiased, a row's pair with itself is left out, and so are copies of a clip with each other:
    the copies that a bootstrap draws are not further evidence.

    Raises:
        ConfigError: If fewer than two clips count.
    """
    total, pairs = kernel.cross(clips, clips), float(clips @ counts) ** 2
    if mmd.unbiased:
        total -= float(clips**2 @ kernel.sums.diagonal())
        pairs -= float(clips**2 @ counts**2)
        if mmd.same_clip:
            total += float(clips @ (kernel.sums.diagonal() - kernel.own))
            pairs += float(clips @ (counts**2 - counts))
    if pairs <= 0:
        raise ConfigError("an unbiased MMD needs at least two clips, found one")
    return total / pairs


def subset_mmd(a: FeatureTable, b: FeatureTable, mmd: Mmd) -> float:
    """Return the mean over random subsets of rows, drawn as torch-fidelity draws them.

    Raises:
        ConfigError: If a set has fewer rows than a subset.
    """
    least = min(a.num_rows, b.num_rows)
    if least < mmd.subset_rows:
        raise ConfigError(
            f"subsets of {mmd.subset_rows} pictures are drawn, the smaller set has {least}; "
            "use --protocol kid_full, or give more pictures"
        )
    draw = np.random.RandomState(FIDELITY_SEED)
    values: list[float] = []
    for _ in range(mmd.subsets):
        x, y = (
            torch.from_numpy(t.rows[draw.choice(t.num_rows, mmd.subset_rows, replace=False)])
            for t in (a, b)
        )
        values.append(_plain_mmd(x.double(), y.double(), mmd))
    return mmd.scale * float(np.mean(values))


def _plain_mmd(x: Float64[Tensor, "n d"], y: Float64[Tensor, "m d"], mmd: Mmd) -> float:
    """Return the unbiased MMD of rows that are each for themselves."""
    inside = 0.0
    for rows in (x, y):
        values = _power(rows @ rows.T, rows.shape[1], mmd)
        inside += float(values.sum() - values.trace()) / (len(rows) * (len(rows) - 1))
    return inside - 2 * float(_power(x @ y.T, x.shape[1], mmd).mean())
