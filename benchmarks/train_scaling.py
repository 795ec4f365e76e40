"""Measure training steps on 1, 2, 4 and 8 GPUs: data parallel, FSDP2 and context parallel each.

    python benchmarks/train_scaling.py --out train_scaling.json          as many GPUs as there are
    python benchmarks/train_scaling.py --out train_scaling.json --gpus 1,2,4 --sizes 432
    python benchmarks/train_scaling.py --out train_scaling.json --tiny   on the CPU, a minute or two

Predict2.5 2B with random weights in bfloat16, adapters of rank 16 in float32, `keep_attention`,
fused AdamW, the run's own objective, draws and division of work (`rareworld.train`). Clips are
random latents: training from a cache reads nothing else. `--family predict2.5-14b` for the other.

| size | clips of a step |
|---|---|
| 432x768x93 | the same 8 (or as many as the most GPUs) for every plan: losses are comparable |
| 704x1280x93 | one a GPU; context parallel shares one: comparable to one GPU |

Each number of GPUs runs in a `torchrun` of its own with a time limit, and the JSON is written after
every plan: a failure or a kill loses only what was not finished. A second call with the same --out
adds to what is there. `loss_difference` is the largest of a plan's steps against one GPU of the
same clips, over that loss; tokens/s count each clip once, forward and backward.
"""

import argparse
import gc
import json
import time
from typing import Any

import torch
from worlds import begin, parser_of, random_net, run_world, slowest, wanted

from rareworld.models.cosmos_predict.activations import set_activations
from rareworld.models.cosmos_predict.adapt import AdapterSpec, add_adapters
from rareworld.models.cosmos_predict.config import FAMILIES, Family, NetConfig, Objective
from rareworld.nn.attention import AttentionBackend, LocalAttend, choose
from rareworld.nn.ranks import Ranks
from rareworld.train.batch import Batch
from rareworld.train.config import AdamWConfig, ObjectiveConfig, ParallelConfig
from rareworld.train.objective.world import WorldObjective
from rareworld.train.optimizer import clip_gradients, make_optimizer
from rareworld.train.parallel import Mesh

Result = dict[str, Any]

SIZES = {"432": (24, 54, 96), "704": (24, 88, 160)}
"""Latents of 93 frames of 432 x 768 and 704 x 1280."""
TINY_SIZES = {"432": (4, 8, 16), "704": (4, 16, 16)}
SHARED_BATCH = "432"
"""Size whose steps have the same clips on any number of GPUs."""
LR = 1e-3
"""Large enough that later losses depend on the gradients of earlier steps."""


def family(name: str, *, tiny: bool) -> Family:
    """Return a released family, or one of the same kind that a CPU runs."""
    if not tiny:
        return FAMILIES[name]
    config = NetConfig(
        width=128, num_blocks=2, num_heads=8, adaln_dim=16, context_dim=32, raw_context_dim=48,
        timestep_scale=0.001, fp32_modulation=True,
    )  # fmt: skip
    return Family(name="tiny", net=config, objective=Objective.FLOW, parameters=0)


def plans(world: int) -> dict[str, ParallelConfig]:
    """Return every way for a number of GPUs to share the work."""
    if world == 1:
        return {"one": ParallelConfig()}
    return {
        "data": ParallelConfig(),
        "fsdp": ParallelConfig(shard=world),
        "context": ParallelConfig(context=world),
    }


def clip(number: int, size: tuple[int, int, int], config: NetConfig, device: torch.device) -> Batch:
    """Return a clip by its number: random latents and text, drawn on the host."""
    generator = torch.Generator().manual_seed(1000 + number)
    return Batch(
        latent=torch.randn(1, config.latent_channels, *size, generator=generator),
        context=torch.randn(1, 512, config.context_dim, generator=generator),
        ids=(number,),
        clips=(str(number),),
    ).to(device)


class Trainee:
    """A net with adapters on a plan, and what takes a step."""

    def __init__(self, kind: Family, size: tuple[int, int, int], mesh: Mesh, *, tiny: bool) -> None:
        device = mesh.ranks.device
        dtype = torch.float32 if tiny else torch.bfloat16
        net = random_net(kind.net, device, dtype)
        self.choice = choose(AttentionBackend.AUTO, device, dtype, kind.net.head_dim)
        net.set_attention(LocalAttend(self.choice.backend))
        self.adapted = add_adapters(net, AdapterSpec(rank=16), seed=0)
        set_activations(net, "keep_attention")
        self.objective = WorldObjective(
            mesh.share(net, dtype), kind, ObjectiveConfig(), conditional_timestep=-1.0, seed=0,
            dtype=dtype,
        )  # fmt: skip
        self.optimizer = make_optimizer(self.adapted.parameters, AdamWConfig(lr=LR))
        self.kind, self.size, self.mesh = kind, size, mesh

    def clips(self, step: int, batch: int) -> list[Batch]:
        """Return this rank's clips of a step, as training deals them out."""
        count = self.mesh.micro_batches(batch, 1)
        first = step * batch + self.mesh.data_rank * count
        device = self.mesh.ranks.device
        numbers = range(first, first + count)
        return [clip(number, self.size, self.kind.net, device) for number in numbers]

    def step(self, clips: list[Batch]) -> torch.Tensor:
        """Take an optimizer step; return its loss over all clips."""
        total = torch.zeros((), device=self.mesh.ranks.device)
        for batch in clips:
            loss = self.objective.loss(batch).total / len(clips)
            loss.backward()
            total += loss.detach()
        parameters = self.adapted.parameters
        self.mesh.reduce_gradients(parameters)
        clip_gradients(parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return self.mesh.mean(total)


def measure(trainee: Trainee, batch: int, repeats: int) -> Result:
    """Take a first step and a few timed ones; the slowest rank counts."""
    ranks = trainee.mesh.ranks
    cuda = ranks.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    spent: list[float] = []
    losses: list[float] = []
    for number in range(repeats + 1):
        clips = trainee.clips(number, batch)
        ranks.from_lead(lambda: torch.zeros(1))  # all begin together
        start = time.perf_counter()
        losses.append(float(trainee.step(clips)))  # waits for the GPU
        if cuda:
            torch.cuda.synchronize()
        spent.append(slowest(time.perf_counter() - start, ranks))
    peak = torch.cuda.max_memory_allocated() / 1e9 if cuda else 0.0
    t, h, w = (n // p for n, p in zip(trainee.size, trainee.kind.net.patch, strict=True))
    step_s = min(spent[1:])
    return {
        "batch": batch,
        "first_s": round(spent[0], 3),
        "step_s": round(step_s, 4),
        "all_s": [round(seconds, 4) for seconds in spent[1:]],
        "tokens_per_s": round(batch * t * h * w / step_s, 1),
        "peak_gb": round(slowest(peak, ranks), 3),
        "losses": losses,
        "attention": str(trainee.choice),
        "plan": str(trainee.mesh),
    }


def batch_of(size: str, plan: str, world: int, most: int) -> int:
    """Return the clips of a step."""
    if size == SHARED_BATCH:
        return most
    return 1 if plan == "context" else world


def work(args: argparse.Namespace) -> None:
    """Measure every size and plan for the ranks that are here; the leading rank writes."""
    kind = family(args.family, tiny=args.tiny)
    sizes = TINY_SIZES if args.tiny else SIZES
    with Ranks.join("cpu" if args.tiny else "cuda", timeout_s=args.limit) as ranks:
        found: Result = {}
        for size in args.sizes.split(","):
            for plan, config in plans(ranks.world).items():
                row = row_of(kind, sizes[size], ranks, config, args, size, plan)
                found[f"{size} {plan}"] = row
                if ranks.leads:
                    part = args.scratch / f"world_{ranks.world}.json"
                    part.write_text(json.dumps(found))


def row_of(
    kind: Family,
    latent: tuple[int, int, int],
    ranks: Ranks,
    config: ParallelConfig,
    args: argparse.Namespace,
    size: str,
    plan: str,
) -> Result:
    """Measure one plan at one size."""
    patch = kind.net.patch
    t, h, w = (n // p for n, p in zip(latent, patch, strict=True))
    mesh = Mesh.plan(ranks, config, kind.net.num_heads, [(t, h, w)])
    trainee = Trainee(kind, latent, mesh, tiny=args.tiny)
    row = measure(trainee, batch_of(size, plan, ranks.world, args.most), args.repeats)
    del trainee
    gc.collect()
    if ranks.device.type == "cuda":
        torch.cuda.empty_cache()
    return row


def measured(world: int, most: int, args: argparse.Namespace) -> Result:
    """Measure one number of GPUs; return what it finished."""
    part = args.scratch / f"world_{world}.json"
    part.unlink(missing_ok=True)
    more = ("--most", str(most), "--sizes", args.sizes, "--family", args.family)
    code, seconds = run_world(
        __file__, world, args, (*more, "--limit", str(args.limit)), args.limit
    )
    found: Result = json.loads(part.read_text()) if part.exists() else {}
    ended: Result = {"wall_s": seconds}
    if code:
        ended["error"] = f"torchrun ended with {code}"
    return {"plans": found, **ended}


def compare(worlds: dict[str, Result]) -> None:
    """Tell each plan's speed-up over one GPU, and its distance to its losses."""
    alone: Result = worlds.get("1", {}).get("plans", {})
    for found in worlds.values():
        for name, row in found["plans"].items():
            one = alone.get(f"{name.partition(' ')[0]} one")
            if one is None:
                continue
            row["speed_up"] = round(row["tokens_per_s"] / one["tokens_per_s"], 3)
            if row["batch"] == one["batch"]:
                pairs = zip(row["losses"], one["losses"], strict=False)
                row["loss_difference"] = max(abs(a - b) / abs(b) for a, b in pairs)


def drive(args: argparse.Namespace) -> None:
    """Measure every number of GPUs and write all so far after each."""
    worlds = wanted(args)
    page: Result = json.loads(args.out.read_text()) if args.out.exists() else {}
    page |= {
        "what": "a training step, adapters of rank 16, keep_attention, random weights, from cache",
        "family": args.family, "tiny": args.tiny, "torch": torch.__version__,
        "device": "cpu" if args.tiny else torch.cuda.get_device_name(),
    }  # fmt: skip
    most = args.most or max(worlds)
    for world in worlds:
        done = page.setdefault("worlds", {}).get(str(world), {"plans": {}})
        new = measured(world, most, args)
        page["worlds"][str(world)] = {**new, "plans": {**done["plans"], **new["plans"]}}
        compare(page["worlds"])
        args.out.write_text(json.dumps(page, indent=1))
        print(world, json.dumps(page["worlds"][str(world)]), flush=True)


def main() -> None:
    """Read the command line: the driver, or one of the ranks it starts."""
    parser = parser_of(__doc__, "train_scaling")
    parser.add_argument("--sizes", default="432,704")
    parser.add_argument("--family", default="predict2.5-2b", choices=sorted(FAMILIES))
    parser.add_argument("--most", type=int, default=0, help="clips of a step at 432x768")
    parser.add_argument("--limit", type=float, default=300, help="seconds for a number of GPUs")
    begin(parser, drive, work)


if __name__ == "__main__":
    main()
