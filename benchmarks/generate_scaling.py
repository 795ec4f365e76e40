"""Measure one guided denoising step on 1, 2, 4 and 8 GPUs, every way ranks can divide it.

    python benchmarks/generate_scaling.py --out scaling.json            as many GPUs as there are
    python benchmarks/generate_scaling.py --out scaling.json --gpus 1,2,4
    python benchmarks/generate_scaling.py --out scaling.json --tiny     on the CPU, a minute

Predict2 2B with random weights in bfloat16, a latent of 704x1280x93, guidance 7: two forwards.
Each number of GPUs runs in a `torchrun` of its own with a time limit, and the JSON is written after
each, so that a failure or a kill loses only that one. `difference` is against one GPU of the same
run; `kernels` tells what another exact attention kernel changes on one GPU, as a measure of it.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from worlds import begin, parser_of, random_net, run_world, slowest, wanted

from rareworld.diffusion.noise import seeded_noise
from rareworld.diffusion.samplers.base import Denoise
from rareworld.generate.parallel import Layout, RankPlan, layout_of, plan_ranks
from rareworld.models.cosmos_predict.config import FAMILIES, Family, NetConfig, Objective
from rareworld.models.cosmos_predict.denoise import Conditioning, make_denoise
from rareworld.models.cosmos_predict.model import CosmosDiT, compile_blocks
from rareworld.nn.attention import Attend, AttentionBackend, LocalAttend, choose
from rareworld.nn.ranks import Ranks

Result = dict[str, Any]

SIZE, TINY_SIZE = (24, 88, 160), (4, 16, 16)
"""Latents of 93 frames of 704 x 1280, and of the proof on the CPU."""
GUIDANCE = 7.0
SIGMA = 5.0
LIMIT_S = 100
"""Seconds for one number of GPUs, start included."""


def family(*, tiny: bool) -> Family:
    """Return Predict2 2B, or a net of the same kind that a CPU runs."""
    if not tiny:
        return FAMILIES["predict2-2b"]
    config = NetConfig(width=128, num_blocks=2, num_heads=8, adaln_dim=16, context_dim=32)
    return Family(name="tiny", net=config, objective=Objective.EDM_FLOW, parameters=0)


def make_step(
    net: CosmosDiT, kind: Family, layout: Layout, attend: Attend, noise: torch.Tensor
) -> Denoise:
    """Return a guided denoiser with one clean frame, as the generator makes it."""
    shape = (1, 512, net.config.context_dim)
    context, uncond = (seeded_noise(seed, shape).to(noise.device) for seed in (2, 3))
    return make_denoise(
        layout.net(net, attend),
        kind,
        Conditioning(clean=noise[:, :, :1] / SIGMA, num_clean_frames=1),
        context=context,
        uncond_context=uncond,
        guidance=GUIDANCE,
        dtype=net.dtype,
        evaluate=layout.evaluate(),
    )


def timed(work: Callable[[], torch.Tensor], device: torch.device) -> tuple[float, torch.Tensor]:
    """Return seconds and result, work queued on the device included."""
    wait = torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
    wait()
    start = time.perf_counter()
    result = work()
    wait()
    return time.perf_counter() - start, result


def difference(a: torch.Tensor, b: torch.Tensor) -> Result:
    """Return how far a is from b."""
    a, b = a.double().cpu(), b.double().cpu()
    return {
        "max_relative": float((a - b).abs().max() / b.abs().max()),
        "rms_relative": float((a - b).square().mean().sqrt() / b.square().mean().sqrt()),
    }


def measure(
    step: Denoise, noise: torch.Tensor, ranks: Ranks, repeats: int
) -> tuple[Result, torch.Tensor]:
    """Return seconds a step (slowest rank, best of repeats), peak memory and the result."""
    cuda = ranks.device.type == "cuda"
    first_s, _ = timed(lambda: step(noise, SIGMA), ranks.device)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    spent, result = [], noise
    for _ in range(repeats):
        seconds, result = timed(lambda: step(noise, SIGMA), ranks.device)
        spent.append(slowest(seconds, ranks))
    ranks.check_same(result, "latents")
    peak = torch.cuda.max_memory_allocated() / 1e9 if cuda else 0.0
    return {
        "first_s": round(first_s, 3),
        "step_s": round(min(spent), 4),
        "all_s": [round(seconds, 4) for seconds in spent],
        "peak_gb": round(slowest(peak, ranks), 3),
    }, result


def plans(world: int, kind: Family, size: tuple[int, int, int]) -> list[RankPlan]:
    """Return the plan the generator chooses, and behind it the other way to divide."""
    t, h, w = kind.net.patch
    grid = (size[0] // t, size[1] // h, size[2] // w)
    chosen = plan_ranks(world, kind.net.num_heads, grid, guided=True)
    if world == 1:
        return [chosen]
    return [chosen, plan_ranks(world, kind.net.num_heads, grid, guided=False)]


def work(args: argparse.Namespace) -> None:
    """Measure every plan for the ranks that are here; the leading rank writes."""
    kind, size = family(tiny=args.tiny), TINY_SIZE if args.tiny else SIZE
    dtype = torch.float32 if args.tiny else torch.bfloat16
    with torch.no_grad(), Ranks.join("cpu" if args.tiny else "cuda", timeout_s=LIMIT_S) as ranks:
        net = random_net(kind.net, ranks.device, dtype).requires_grad_(requires_grad=False)
        if args.compile:
            compile_blocks(net)
        choice = choose(AttentionBackend.AUTO, ranks.device, dtype)
        noise = (seeded_noise(5, (1, 16, *size)) * SIGMA).to(ranks.device)
        ranks.check_same(net.final_layer.linear.weight, "weights")
        found: Result = {"attention": str(choice), "torch": torch.__version__, "plans": []}
        for plan in plans(ranks.world, kind, size):
            step = make_step(net, kind, layout_of(ranks, plan), LocalAttend(choice.backend), noise)
            row, result = measure(step, noise, ranks, args.repeats)
            told = {"cfg": plan.cfg, "cp": plan.cp, "why": plan.why, **row}
            found["plans"].append({**told, **compared(result, ranks, args.scratch / "one.pt")})
            if ranks.world == 1 and not args.compile:
                found["kernels"] = other_kernel(net, kind, ranks, choice.backend, noise, result)
        if ranks.leads:
            (args.scratch / f"world_{ranks.world}.json").write_text(json.dumps(found))


def compared(result: torch.Tensor, ranks: Ranks, reference: Path) -> Result:
    """Keep one GPU's result; return how far that of several is from it."""
    if ranks.world == 1:
        torch.save(result.cpu(), reference)
        return {}
    if not reference.exists():
        return {}
    return {"difference": difference(result, torch.load(reference, weights_only=True))}


def other_kernel(
    net: CosmosDiT,
    kind: Family,
    ranks: Ranks,
    used: AttentionBackend,
    noise: torch.Tensor,
    result: torch.Tensor,
) -> Result:
    """Return how far another exact kernel's result is from the one used."""
    other = AttentionBackend.PLAIN if ranks.device.type == "cpu" else AttentionBackend.FLASH
    plan = plan_ranks(1, kind.net.num_heads, (1, 1, 1), guided=True)
    step = make_step(net, kind, layout_of(ranks, plan), LocalAttend(other), noise)
    return {"used": used, "other": other, "difference": difference(step(noise, SIGMA), result)}


def measured(world: int, args: argparse.Namespace) -> Result:
    """Measure one number of ranks."""
    more = ["--compile"] if args.compile else []
    code, spent = run_world(__file__, world, args, more, LIMIT_S)
    part = args.scratch / f"world_{world}.json"
    if code or not part.exists():
        return {"error": f"torchrun ended with {code} after {spent} s", "wall_s": spent}
    return {**json.loads(part.read_text()), "wall_s": spent}


def add_speed_ups(worlds: dict[str, Result]) -> None:
    """Tell each plan's speed-up over one GPU."""
    alone = worlds.get("1", {}).get("plans", [])
    rows = [row for found in worlds.values() for row in found.get("plans", [])]
    for row in rows if alone else []:
        row["speed_up"] = round(alone[0]["step_s"] / row["step_s"], 3)


def drive(args: argparse.Namespace) -> None:
    """Measure every number of GPUs and write all so far after each."""
    device = "cpu" if args.tiny else torch.cuda.get_device_name()
    page: Result = {
        "what": "one guided step (2 forwards), Predict2 2B, random weights, bf16, 704x1280x93",
        "tiny": args.tiny, "compiled": args.compile, "device": device, "worlds": {},
    }  # fmt: skip
    for world in wanted(args):
        page["worlds"][str(world)] = measured(world, args)
        add_speed_ups(page["worlds"])
        args.out.write_text(json.dumps(page, indent=1))
        print(world, json.dumps(page["worlds"][str(world)]), flush=True)


def main() -> None:
    """Read the command line: the driver, or one of the ranks it starts."""
    parser = parser_of(__doc__, "generate_scaling")
    parser.add_argument("--compile", action="store_true", help="compile every block")
    begin(parser, drive, work)


if __name__ == "__main__":
    main()
