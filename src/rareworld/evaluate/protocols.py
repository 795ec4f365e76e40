"""Protocols: which frames, which network, which covariance and which distance make a number.

Two numbers compare only if they come from one protocol. Each here repeats a published program:

| protocol | repeats | what it does |
|---|---|---|
| `fid_torch_fidelity` | torch-fidelity 0.4 | pictures, TF1 bilinear resize, covariance over n - 1 |
| `fid_clean` | clean-fid 0.1.35, `clean` | pictures, PIL bicubic resize, covariance over n - 1 |
| `kid_torch_fidelity` | torch-fidelity 0.4 | mean over 100 subsets of 1,000 pictures, its seed |
| `kid_full` | | every pair of pictures of different clips once |
| `fvd_stylegan_v` | StyleGAN-V, `fvd2048_16f` | 16 consecutive frames, covariance over n |
| `fvd_i3d` | | the same features, first 16 frames of both sets, covariance over n - 1 |
| `fvd_cdfvd` | cd-fvd 0.1.1, `i3d` | TATS weights, first 16 frames, covariance over n |
| `cd_fvd` | cd-fvd 0.1.1, `videomae` | VideoMAE v2 ViT-g, first 16 frames, covariance over n |
| `jedi` | videojedi 1.1.0 | V-JEPA, 100 times the biased MMD of the kernel (x.y / d)^2 |

What the programs differ in was read from their code (docs/reference/protocols.md has the places).
Proved in `tests/evaluate/test_protocols.py` and, against the programs, in `test_distances.py`.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, final

from rareworld.data.config import nearest
from rareworld.errors import ConfigError

Start = Literal["first", "random"]
"""Where a clip's window begins: at its first frame, or at a place drawn from the video's hash."""


@final
@dataclass(frozen=True, kw_only=True)
class Frechet:
    """Distance of two Gaussians fitted to the features."""

    ddof: Literal[0, 1]
    """Covariance is divided by n - ddof: 1 is unbiased, 0 is what StyleGAN's statistics do."""


@final
@dataclass(frozen=True, kw_only=True)
class Mmd:
    """Squared maximum mean discrepancy of the kernel (x.y / d + coef0)^degree."""

    degree: int
    coef0: float
    unbiased: bool
    """Leave every row's pair with itself out; the expectation over two equal sets is then 0."""
    same_clip: bool = True
    """Count pairs of frames of one clip; without them clips are what is independent."""
    subsets: int = 0
    """Mean over so many random subsets; 0: one number of all pairs."""
    subset_rows: int = 1000
    scale: float = 1.0
    """What the number is multiplied by."""


@final
@dataclass(frozen=True, kw_only=True)
class MetricProtocol:
    """All that decides a number besides the videos."""

    name: str
    metric: str
    """Word of `--metrics`."""
    net: str
    """Name of `models.features.load_feature_net`."""
    preprocessing: str | None
    """Of the network, where it has more than one."""
    frames: int
    """Consecutive frames of a clip that make one row; 1: each picture is a row."""
    distance: Frechet | Mmd
    start: Start = "first"
    """Place of the window in clips of the real set; generated clips are read from the start."""

    @property
    def pictures(self) -> bool:
        """Whether single frames are looked at."""
        return self.frames == 1

    def describe(self) -> dict[str, Any]:
        """Return the protocol as JSON types."""
        return {**asdict(self), "kind": type(self.distance).__name__.lower()}


_KID = {"degree": 3, "coef0": 1.0, "unbiased": True}


def _inception(
    name: str, metric: str, preprocessing: str, distance: Frechet | Mmd
) -> MetricProtocol:
    return MetricProtocol(
        name=name, metric=metric, net="inception", preprocessing=preprocessing, frames=1,
        distance=distance,
    )  # fmt: skip


def _clips(
    name: str, metric: str, net: str, distance: Frechet | Mmd, start: Start = "first"
) -> MetricProtocol:
    return MetricProtocol(
        name=name, metric=metric, net=net, preprocessing=None, frames=16, distance=distance,
        start=start,
    )  # fmt: skip


PROTOCOLS: dict[str, MetricProtocol] = {
    protocol.name: protocol
    for protocol in (
        _inception("fid_torch_fidelity", "fid", "torch-fidelity", Frechet(ddof=1)),
        _inception("fid_clean", "fid", "clean-fid", Frechet(ddof=1)),
        _inception("kid_full", "kid", "torch-fidelity", Mmd(**_KID, same_clip=False)),
        _inception("kid_torch_fidelity", "kid", "torch-fidelity", Mmd(**_KID, subsets=100)),
        _clips("fvd_i3d", "fvd", "i3d", Frechet(ddof=1)),
        _clips("fvd_stylegan_v", "fvd", "i3d", Frechet(ddof=0), "random"),
        _clips("fvd_cdfvd", "fvd", "i3d-tats", Frechet(ddof=0)),
        _clips("cd_fvd", "cd_fvd", "videomae-ssv2", Frechet(ddof=0)),
        _clips("jedi", "jedi", "vjepa-ssv2", Mmd(degree=2, coef0=0.0, unbiased=False, scale=100.0)),
    )
}
"""By name; the first of a metric is what `--metrics` takes if no `--protocol` says otherwise."""

METRICS = tuple(dict.fromkeys(protocol.metric for protocol in PROTOCOLS.values()))


def find_protocol(name: str) -> MetricProtocol:
    """Return the protocol of a name.

    Raises:
        ConfigError: If there is none.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"unknown protocol {name!r}{nearest(name, tuple(PROTOCOLS))}")
    return PROTOCOLS[name]


def choose_protocols(
    metrics: tuple[str, ...], named: tuple[str, ...] = ()
) -> tuple[MetricProtocol, ...]:
    """Return the protocols of some metrics: those named for a metric, else its first.

    Raises:
        ConfigError: If a metric or protocol is unknown, or a protocol belongs to no metric asked.
    """
    unknown = [metric for metric in metrics if metric not in METRICS]
    if unknown:
        raise ConfigError(f"unknown metric {unknown[0]!r}{nearest(unknown[0], METRICS)}")
    wanted = [find_protocol(name) for name in dict.fromkeys(named)]
    stray = [protocol for protocol in wanted if protocol.metric not in metrics]
    if stray:
        raise ConfigError(
            f"protocol {stray[0].name!r} makes {stray[0].metric!r}, which is not among the metrics "
            f"{', '.join(metrics)}; add it to --metrics or leave the protocol out"
        )
    out: list[MetricProtocol] = []
    for metric in dict.fromkeys(metrics):
        chosen = [protocol for protocol in wanted if protocol.metric == metric]
        first = next(item for item in PROTOCOLS.values() if item.metric == metric)
        out += chosen or [first]
    return tuple(out)
