"""What benchmarks on several GPUs share: a `torchrun` for each number of them, and its end."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.distributed as dist

from rareworld.models.cosmos_predict.config import NetConfig
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.nn.ranks import Ranks


def parser_of(about: str | None, out: str) -> argparse.ArgumentParser:
    """Return the options that every such benchmark takes."""
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(f"{out}.json"))
    parser.add_argument("--gpus", default="", help="numbers of GPUs, e.g. 1,2,4")
    parser.add_argument("--repeats", type=int, default=2, help="timed steps of each plan")
    parser.add_argument("--tiny", action="store_true", help="a small net on the CPU")
    parser.add_argument("--scratch", type=Path, default=None)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser


def begin(
    parser: argparse.ArgumentParser,
    drive: Callable[[argparse.Namespace], None],
    work: Callable[[argparse.Namespace], None],
) -> None:
    """Read the command line and be the driver, or one of the ranks it starts."""
    args = parser.parse_args()
    args.scratch = args.scratch or args.out.resolve().parent / f"{args.out.stem}_parts"
    if args.worker:
        work(args)
        return
    args.scratch.mkdir(parents=True, exist_ok=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    drive(args)


def wanted(args: argparse.Namespace) -> list[int]:
    """Return the numbers of GPUs to measure, of those that are here; tiny: processes."""
    there = 4 if args.tiny else torch.cuda.device_count()
    asked = [int(n) for n in args.gpus.split(",")] if args.gpus else [1, 2, 4, 8]
    return [n for n in asked if n <= there]


def run_world(
    script: str, world: int, args: argparse.Namespace, more: Sequence[str], limit_s: float
) -> tuple[int, float]:
    """Run a script's ranks in a `torchrun` of their own; return exit code and seconds."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--local-addr", "127.0.0.1", f"--nproc-per-node={world}", script, "--worker"),
        *("--scratch", str(args.scratch), "--repeats", str(args.repeats), *more),
        *(["--tiny"] if args.tiny else []),
    ]
    # NVLink multicast is not lent to every container
    own = {"NCCL_NVLS_ENABLE": "0", **({"OMP_NUM_THREADS": "1"} if args.tiny else {})}
    start = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **own})
    try:
        code = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        code = _end(process)
    return code, round(time.perf_counter() - start, 1)


def _end(process: "subprocess.Popen[bytes]") -> int:
    """End `torchrun` so that it ends its ranks, or by force."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() or 1


def random_net(config: NetConfig, device: torch.device, dtype: torch.dtype) -> CosmosDiT:
    """Return a net whose every layer matters, the same on every rank."""
    net = build_on_meta(config).to(dtype).to_empty(device=device)
    generator = torch.Generator(device).manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim == 1:
                parameter.fill_(1.0)
            else:
                parameter.normal_(std=parameter.shape[-1] ** -0.5, generator=generator)
    return net


def slowest(value: float, ranks: Ranks) -> float:
    """Return the largest of all ranks' values."""
    if ranks.world == 1:
        return value
    found = torch.tensor(value, dtype=torch.float64, device=ranks.device)
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return float(found)
