"""Measure the evaluation: bias, coverage, speed, memory, and its distances beside others'.

    python benchmarks/evaluate.py --out evaluate.json                      all parts, GPU if any
    python benchmarks/evaluate.py --out e.json --parts bias,coverage       some
    python benchmarks/evaluate.py --out e.json --tiny                      seconds on a CPU
    python benchmarks/evaluate.py --out e.json --i3d i3d.ckpt              real weights for `speed`
    python benchmarks/evaluate.py --draw evaluate.json --picture bias.png  the table as a picture

| part | what |
|---|---|
| `bias` | Fréchet distance of two sets of one Gaussian with 1/k spectrum, over its trace |
| `coverage` | how often 95 % intervals of numbers and of drops hold what they should |
| `distances` | seconds of one distance beside scipy's root and NumPy's eigenvalues, and agreement |
| `resamples` | seconds of a bootstrap |
| `speed` | FVD and FID statistics of 2 x 2,048 clips in memory, without decoding |
| `memory` | peak of a whole evaluation of 1,000 to 10,000 videos, with a stand-in network |

Each part is guarded and written as soon as it is done.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rareworld.core.seed import Seed
from rareworld.data.video import RgbWriter
from rareworld.evaluate.config import EvaluateConfig
from rareworld.evaluate.distances import fit, frechet
from rareworld.evaluate.inputs import device_of
from rareworld.evaluate.job import evaluate_sets
from rareworld.evaluate.pairs import pair_of
from rareworld.evaluate.protocols import Frechet
from rareworld.evaluate.sampling import draw, drop, interval
from rareworld.evaluate.tables import FeatureTable
from rareworld.models.features import FeatureNet, load_feature_net
from rareworld.models.i3d.features import I3dFeatures
from rareworld.models.i3d.net import I3d
from rareworld.models.packaged import WeightsRecord

Result = dict[str, Any]
UNBIASED = Frechet(ddof=1)
SIZES = (50, 100, 200, 500, 1000, 2048, 5000)
PUBLISHED = {
    400: (0.83, 0.60, 0.39, 0.17, 0.086, 0.042, 0.017),
    2048: (1.07, 0.86, 0.69, 0.47, 0.31, 0.17, 0.07),
}
"""What was found before, by another program (one draw each)."""


class Report:
    """Results by part, on disk after each."""

    def __init__(self, path: Path, device: torch.device) -> None:
        self.path = path
        name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
        self.parts: Result = {"machine": {"device": name, "torch": torch.__version__}}

    def part(self, name: str, work: Callable[[], Result]) -> None:
        """Run one part; an error is a result too."""
        start = time.perf_counter()
        try:
            self.parts[name] = work()
        except Exception as error:  # noqa: BLE001 - the other parts shall run on a lent machine
            self.parts[name] = {"error": repr(error), "trace": traceback.format_exc()[-1500:]}
        self.parts[name]["part_seconds"] = round(time.perf_counter() - start, 2)
        self.path.write_text(json.dumps(self.parts, indent=1))
        print(name, json.dumps(self.parts[name])[:900], flush=True)


def timed(work: Callable[[], float], device: torch.device) -> tuple[float, float]:
    """Return a second call's result and seconds."""
    work()
    settle(device)
    start = time.perf_counter()
    value = work()
    settle(device)
    return value, time.perf_counter() - start


def settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def spectral(draw_: np.random.Generator, rows: int, width: int) -> FeatureTable:
    """Return rows of a Gaussian whose k-th variance is 1 / k."""
    scale = 1 / np.sqrt(np.arange(1, width + 1))
    return FeatureTable.of(draw_.normal(size=(rows, width)) * scale)


def bias(sizes: tuple[int, ...], repeats: dict[int, int], device: torch.device) -> Result:
    """Return the distance of two sets of one Gaussian over its trace, by size."""
    out: Result = {"published": {str(width): PUBLISHED[width] for width in repeats}}
    for width, times in repeats.items():
        trace = float((1 / np.arange(1, width + 1)).sum())
        found = []
        for rows in sizes:
            values = []
            for index in range(times):
                stream = Seed(0).child("bias", width, rows, index).generator()
                a, b = (fit(spectral(stream, rows, width), 1, device=device) for _ in range(2))
                values.append(frechet(a, b) / trace)
            found.append(round(float(np.mean(values)), 4))
        out[str(width)] = dict(zip(map(str, sizes), found, strict=True))
    return out


@dataclass(frozen=True)
class Case:
    """One experiment that is repeated: sizes, width, and how far generated sets are."""

    clips: int
    width: int
    before: float
    after: float


def coverage(cases: tuple[Case, ...], experiments: int, resamples: int) -> Result:
    """Return how often intervals hold the number, and the drop, expected at their size."""
    out: Result = {"level": 0.95, "experiments": experiments, "resamples": resamples}
    for case in cases:
        drawn = [_experiment(case, seed, 0) for seed in range(10 * experiments)]
        before, after = (float(np.mean([item[0][k] for item in drawn])) for k in (0, 1))
        truth = 100 * (1 - after / before)
        held = np.zeros(2)
        for seed in range(experiments):
            (first, second), (a, b) = _experiment(case, seed, resamples)
            number = interval(second, b, 0.95)
            share = drop(first, second, (a, b), 0.95).share
            held[0] += number.low <= after <= number.high
            held[1] += share is not None and share.low <= truth <= share.high
        out[f"{case.clips} clips, width {case.width}"] = {
            "number": after, "drop_percent": truth,
            "number_held": held[0] / experiments, "drop_held": held[1] / experiments,
        }  # fmt: skip
    return out


def _experiment(
    case: Case, seed: int, resamples: int
) -> tuple[tuple[float, float], tuple[np.ndarray, np.ndarray]]:
    """Return the numbers before and after of drawn sets, and their resamples.

    The generated sets share half of their noise, as clips of one prompt and seed do.
    """
    stream = Seed(seed).child("coverage", case.clips, case.width).generator()
    shape = (case.clips, case.width)
    shared = stream.normal(size=shape)
    made = [np.sqrt(0.5) * (shared + stream.normal(size=shape)) for _ in range(2)]
    made[0][:, 0] += case.before
    made[1][:, 0] += case.after
    real = FeatureTable.of(stream.normal(size=shape))
    pairs = [pair_of(real, FeatureTable.of(rows), UNBIASED) for rows in made]
    values: tuple[list[float], list[float]] = ([], [])
    for index in range(resamples):
        root = Seed(seed).child("resample", index)
        (often,) = draw([real], "clip", root.child("real"))
        for pair, kept in zip(pairs, values, strict=True):
            (drawn,) = draw([pair.made], "clip", root.child("made"))
            kept.append(pair.counted(often, drawn))
    numbers = pairs[0].value(), pairs[1].value()
    return numbers, (np.array(values[0]), np.array(values[1]))


def distances(cases: tuple[tuple[int, int], ...], device: torch.device) -> Result:
    """Return seconds and values of one distance: ours, scipy's root, NumPy's eigenvalues."""
    import scipy.linalg

    out: Result = {}
    for rows, width in cases:
        stream = Seed(0).child("distances", rows, width).generator()
        a, b = (spectral(stream, rows, width) for _ in range(2))
        x, y = (table.rows.astype(np.float64) for table in (a, b))
        s, t = np.cov(x.T), np.cov(y.T)
        outside = float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t))
        ways: dict[str, Callable[[], float]] = {
            "ours": lambda a=a, b=b: frechet(fit(a, 1, device=device), fit(b, 1, device=device)),
            "ours, as resamples": lambda a=a, b=b: pair_of(a, b, UNBIASED, device).counted(
                np.ones(a.num_clips), np.ones(b.num_clips)
            ),
            "scipy.linalg.sqrtm (cd-fvd, clean-fid, StyleGAN-V)": lambda s=s, t=t, o=outside: (
                o - 2 * float(np.trace(scipy.linalg.sqrtm(s @ t)).real)
            ),
            "numpy.linalg.eigvals (torch-fidelity)": lambda s=s, t=t, o=outside: (
                o - 2 * float(np.sqrt(np.linalg.eigvals(s @ t).astype(complex)).real.sum())
            ),
        }
        out[f"{rows} rows of {width}"] = {
            name: dict(zip(("value", "seconds"), timed(way, device), strict=True))
            for name, way in ways.items()
        }
    return out


def resample_seconds(cases: tuple[tuple[int, int], ...], device: torch.device) -> Result:
    """Return seconds of one resample of both sets."""
    out: Result = {}
    for rows, width in cases:
        stream = Seed(0).child("resamples", rows, width).generator()
        pair = pair_of(*(spectral(stream, rows, width) for _ in range(2)), UNBIASED, device)

        def once(pair: Any = pair) -> float:  # noqa: ANN401 - a Pair, bound early
            return pair.counted(*draw([pair.real, pair.made], "clip", Seed(1)))

        out[f"{rows} rows of {width}"] = round(timed(once, device)[1], 4)
    return out


def nets(given: dict[str, Path | None], device: torch.device) -> dict[str, FeatureNet]:
    """Return the networks whose weights are there; I3D without weights is random, as fast."""
    out: dict[str, FeatureNet] = {}
    if given["inception"] is not None:
        out["inception"] = load_feature_net("inception", weights=given["inception"], device=device)
    if given["i3d"] is not None:
        out["i3d"] = load_feature_net("i3d", weights=given["i3d"], device=device)
    else:
        record = WeightsRecord(name="random", sha256="0" * 64, origin="random weights, for speed")
        random = I3d()
        for name, values in random.state_dict().items():
            values.fill_(1.0) if "var" in name else values.normal_(0, 0.02)
        out["i3d"] = I3dFeatures(
            "i3d", random, record, preprocessing="stylegan-v", frames=16, device=device
        )
    return out


def speed(
    given: dict[str, Path | None], clips: int, size: tuple[int, int], device: torch.device
) -> Result:
    """Return seconds of the statistics and distance of two sets of clips that lie in memory."""
    out: Result = {"clips": clips, "frames": 16, "size": size}
    pool = torch.randint(0, 256, (min(clips, 128), 16, *size, 3), dtype=torch.uint8)
    for name, net in nets(given, device).items():
        net.features(pool[:8].to(device))  # compiles, searches
        settle(device)
        start = time.perf_counter()
        tables = [FeatureTable.of(_features(net, pool, clips, shift, device)) for shift in (0, 1)]
        settle(device)
        features = time.perf_counter() - start
        value = frechet(*(fit(table, 1, device=device) for table in tables))
        out[name] = {
            "weights": net.weights.name, "value": value, "feature_seconds": round(features, 2),
            "all_seconds": round(time.perf_counter() - start, 2),
            "clips_per_second": round(2 * clips / features, 1),
        }  # fmt: skip
    return out


def _features(
    net: FeatureNet, pool: Tensor, clips: int, shift: int, device: torch.device
) -> np.ndarray:
    """Return features of the pool's clips, brightened a little each time round."""
    rows = []
    for start in range(0, clips, 32):
        place = start % len(pool)
        batch = pool[place : place + min(32, clips - start)].to(device)
        moved = (batch + (start // len(pool) + shift)).to(torch.uint8)
        rows.append(net.features(moved).cpu().numpy())
    return np.concatenate(rows)


class Coarse:
    """A network of no cost: brightness of 24 fields."""

    name, preprocessing, width, frames = "i3d", "coarse", 24, 16
    weights = WeightsRecord(name="none", sha256="0" * 64, origin="stand-in")

    def features(self, clips: Tensor) -> Tensor:
        """Return a row for each clip."""
        pixels = clips.float().movedim(-1, 1)
        return torch.nn.functional.adaptive_avg_pool3d(pixels, (1, 2, 4)).flatten(1)


def coarse(
    name: str, *, weights: Path | None, device: torch.device, preprocessing: str | None
) -> FeatureNet:
    """Return the stand-in, whatever is asked for."""
    del name, weights, device, preprocessing
    return Coarse()


def memory(sizes: tuple[int, ...]) -> Result:
    """Return seconds and peak memory of whole evaluations in processes of their own."""
    out: Result = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--evaluate", str(size), "--folder", folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        out[str(size)] = json.loads(done.stdout.splitlines()[-1])
    return out


def evaluate_videos(count: int, folder: Path) -> Result:
    """Write two sets of different videos, evaluate them, and return what it took."""
    stream = np.random.default_rng(0)
    bodies = []
    for index in range(8):
        path = folder / f"{index}.mp4"
        ground = stream.integers(0, 256, (12, 20, 3)).repeat(8, 0).repeat(8, 1)
        with RgbWriter(path, Fraction(8)) as writer:
            for frame in range(17):
                writer.write(np.roll(ground, frame, 1).astype(np.uint8))
        bodies.append(path.read_bytes())
    for name in ("real", "made"):
        (folder / name).mkdir()
        for index in range(count):
            # an MP4 may end in a free box: other bytes, other hash, same pictures
            note = f"{name}{index:08d}".encode()
            box = (8 + len(note)).to_bytes(4, "big") + b"free" + note
            (folder / name / f"{index:06d}.mp4").write_bytes(bodies[index % 8] + box)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    config = EvaluateConfig.parse(
        {
            "metrics": ["fvd"], "device": "cpu", "cache": folder / "cache", "floor_splits": 2,
            "intervals": {"resamples": 10},
        }
    )  # fmt: skip
    found = evaluate_sets(folder / "real", folder / "made", config, load=coarse)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "clips": 2 * count, "value": found.numbers[0].value,
        "seconds": round(time.perf_counter() - start, 1),
        "peak_mb": peak // 1024, "before_mb": before // 1024,
    }  # fmt: skip


def draw_bias(parts: Result, path: Path) -> None:
    """Draw the bias by size, ours as lines and what was found before as rings."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for width, colour in (("400", "#2b6cb0"), ("2048", "#c05621")):
        sizes = [int(size) for size in parts["bias"][width]]
        axes.loglog(sizes, list(parts["bias"][width].values()), color=colour,
                    label=f"{width} values a row")  # fmt: skip
        before = [PUBLISHED[int(width)][SIZES.index(size)] for size in sizes]
        axes.loglog(sizes, before, "o", markerfacecolor="none", color=colour)
        axes.axvline(int(width), color=colour, linestyle=":", linewidth=1)
    axes.set_xlabel("clips of each set")
    axes.set_ylabel("distance / trace of the covariance")
    axes.set_title("Two sets of one and the same distribution: what Fréchet distances say")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    FigureCanvasAgg(figure).print_png(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the evaluation.")
    parser.add_argument("--out", type=Path, default=Path("evaluate.json"))
    parser.add_argument("--parts", default="bias,coverage,distances,resamples,speed,memory")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--i3d", type=Path)
    parser.add_argument("--inception", type=Path)
    parser.add_argument("--draw", type=Path)
    parser.add_argument("--picture", type=Path, default=Path("bias.png"))
    parser.add_argument("--evaluate", type=int, help="used by the part `memory`")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.draw:
        draw_bias(json.loads(options.draw.read_text()), options.picture)
    elif options.evaluate:
        print(json.dumps(evaluate_videos(options.evaluate, options.folder)))
    else:
        run(options)


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    sizes: tuple[int, ...] = SIZES
    repeats: tuple[tuple[int, int], ...] = ((400, 5), (2048, 2))
    """Width, and draws of it."""
    cases: tuple[Case, ...] = (
        Case(20, 8, 2.0, 1.2), Case(50, 8, 2.0, 1.2), Case(50, 100, 4.0, 2.5),
        Case(200, 100, 4.0, 2.5),
    )  # fmt: skip
    experiments: int = 100
    resamples: int = 100
    tables: tuple[tuple[int, int], ...] = ((50, 400), (2048, 400), (850, 2048), (5000, 2048))
    """Rows and width."""
    clips: int = 2048
    size: tuple[int, int] = (128, 224)
    videos: tuple[int, ...] = (500, 1000, 5000)


TINY = Scale(
    sizes=SIZES[:3], repeats=((400, 1),), cases=(Case(20, 8, 2.0, 1.2),), experiments=5,
    resamples=20, tables=((60, 40),), clips=4, size=(32, 48), videos=(20, 60),
)  # fmt: skip


def run(options: argparse.Namespace) -> None:
    scale, device = TINY if options.tiny else Scale(), device_of(options.device)
    given = {"i3d": options.i3d, "inception": options.inception}
    works: dict[str, Callable[[], Result]] = {
        "bias": lambda: bias(scale.sizes, dict(scale.repeats), device),
        "coverage": lambda: coverage(scale.cases, scale.experiments, scale.resamples),
        "distances": lambda: distances(scale.tables[-3:], device),
        "resamples": lambda: resample_seconds(scale.tables, device),
        "speed": lambda: speed(given, scale.clips, scale.size, device),
        "memory": lambda: memory(scale.videos),
    }
    report = Report(options.out, device)
    for name in options.parts.split(","):
        report.part(name, works[name])


if __name__ == "__main__":
    main()
