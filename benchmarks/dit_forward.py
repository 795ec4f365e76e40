"""Seconds and memory of one denoising forward of Predict2 2B, beside diffusers in the same run.

    python benchmarks/dit_forward.py --out DIR                 on a GPU, random weights, bfloat16
    python benchmarks/dit_forward.py --out DIR --tiny          the same parts on a CPU, in seconds
    python benchmarks/dit_forward.py --out DIR --parts ours,diffusers

Size: 704 x 1280 pixels, 93 frames (84,480 tokens), 512 rows of text. A part that fails is named in
`dit_forward.json` with its error and the rest goes on; parts that would start after `--budget`
seconds are named as left out. The tokenizer has a script of its own, `vae.py`.
"""

import argparse
import gc
import json
import statistics
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rareworld.models.cosmos_predict.config import FAMILIES, NetConfig
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.models.cosmos_predict.model import CosmosDiT, compile_blocks
from rareworld.models.cosmos_predict.weights.diffusers_config import diffusers_config
from rareworld.models.cosmos_predict.weights.names import key_to_diffusers
from rareworld.nn.attention import AttentionBackend, LocalAttend, attend, choose

Result = dict[str, Any]
Shape = tuple[int, int, int]

TINY = {"width": 96, "num_blocks": 2, "num_heads": 2, "adaln_dim": 8, "context_dim": 24}
BACKENDS = [b for b in AttentionBackend if b not in {"auto", "plain"}]


@dataclass(frozen=True)
class Bench:
    """What is measured, and on what."""

    config: NetConfig
    latent: Shape
    """Latent frames, rows and columns."""
    text: int
    device: torch.device
    repeats: int

    @property
    def tokens(self) -> int:
        """Return the tokens of the clip."""
        t, h, w = self.latent
        return t * h * w // 4


def sync(bench: Bench) -> None:
    if bench.device.type == "cuda":
        torch.cuda.synchronize()


def forget(bench: Bench) -> None:
    """Free what nobody holds and start counting memory anew."""
    gc.collect()
    if bench.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gb(bench: Bench) -> float | None:
    cuda = bench.device.type == "cuda"
    return round(torch.cuda.max_memory_allocated() / 1e9, 3) if cuda else None


def seconds(bench: Bench, work: Callable[[], object]) -> float:
    sync(bench)
    begin = time.perf_counter()
    work()
    sync(bench)
    return time.perf_counter() - begin


def timed(bench: Bench, work: Callable[[], object], repeats: int | None = None) -> Result:
    """Return the first call, the median of the next ones and the peak of memory."""
    forget(bench)
    first = seconds(bench, work)
    forget(bench)
    spent = [seconds(bench, work) for _ in range(repeats or bench.repeats)]
    return {
        "first_s": round(first, 4),
        "median_s": round(statistics.median(spent), 4),
        "all_s": [round(s, 4) for s in spent],
        "peak_gb": peak_gb(bench),
    }


@torch.no_grad()
def fill(net: nn.Module, device: torch.device, dtype: torch.dtype, seed: int = 0) -> nn.Module:
    """Give a net without memory random weights on a device."""
    net.to(dtype).to_empty(device=device)
    generator = torch.Generator(device).manual_seed(seed)
    for parameter in net.parameters():
        if parameter.ndim == 2:
            parameter.normal_(0.0, parameter.shape[1] ** -0.5, generator=generator)
        else:
            parameter.fill_(1.0)
    return net.eval().requires_grad_(requires_grad=False)


def make_net(bench: Bench, backend: AttentionBackend, dtype: torch.dtype) -> CosmosDiT:
    net = build_on_meta(bench.config)
    fill(net, bench.device, dtype)
    net.set_attention(LocalAttend(backend))
    return net


def make_inputs(bench: Bench, *, per_frame: bool, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Return latent, timestep, context and condition mask."""
    g = torch.Generator(bench.device).manual_seed(1)
    made = {"device": bench.device, "generator": g}
    t, h, w = bench.latent
    latent = torch.randn(1, bench.config.latent_channels, t, h, w, **made).to(dtype)
    context = torch.randn(1, bench.text, bench.config.context_dim, **made).to(dtype)
    mask = torch.zeros(1, 1, t, h, w, device=bench.device, dtype=dtype)
    return latent, torch.rand((1, t) if per_frame else (1,), **made), context, mask


def machine(bench: Bench) -> Result:
    """Return what was measured on, and every attention back end's answer."""
    answers = {}
    dtype = compute_type(bench)
    for backend in AttentionBackend:
        try:
            answers[str(backend)] = choose(backend, bench.device, dtype, bench.config.head_dim).why
        except Exception as error:  # noqa: BLE001 - what a back end says is the result
            answers[str(backend)] = str(error)
    cuda = bench.device.type == "cuda"
    return {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "cudnn": torch.backends.cudnn.version(),
        "tokens": bench.tokens,
        "attention": answers,
    }


def compute_type(bench: Bench) -> torch.dtype:
    return torch.bfloat16 if bench.device.type == "cuda" else torch.float32


def usable(bench: Bench) -> list[AttentionBackend]:
    """Return the back ends that run here, fastest exact one first."""
    first = choose(AttentionBackend.AUTO, bench.device, compute_type(bench)).backend
    found = [first]
    for backend in BACKENDS:
        try:
            choose(backend, bench.device, compute_type(bench))
        except Exception:  # noqa: BLE001, S112 - `machine` names why
            continue
        found += [backend] if backend is not first else []
    return found


def linear_flops(bench: Bench) -> float:
    """Return multiply-adds times two of all linear layers over tokens."""
    c = bench.config
    per_token = c.num_blocks * c.width**2 * (4 + 2 + 2 * c.mlp_ratio)
    return 2.0 * bench.tokens * per_token


@torch.no_grad()
def floor(bench: Bench) -> Result:
    """Time attention by every back end and a linear layer; their sum is the forward's floor."""
    c, dtype = bench.config, compute_type(bench)
    heads = (1, bench.tokens, c.num_heads, c.head_dim)
    q, k, v = torch.randn(3, *heads, device=bench.device, dtype=dtype)
    found: Result = {}
    for backend in usable(bench):
        try:
            found[str(backend)] = timed(bench, lambda b=backend: attend(q, k, v, b))
        except Exception as error:  # noqa: BLE001 - what a back end says is the result
            found[str(backend)] = {"error": repr(error)}
    x = torch.randn(bench.tokens, c.width, device=bench.device, dtype=dtype)
    wide = torch.randn(c.width, c.mlp_ratio * c.width, device=bench.device, dtype=dtype)
    linear = timed(bench, lambda: x @ wide)["median_s"]
    rate = 2.0 * x.numel() * wide.shape[1] / linear
    best = min(r["median_s"] for r in found.values() if "median_s" in r)
    return {
        "attention": found,
        "linear_tflops": round(rate / 1e12, 1),
        "floor_s": round(c.num_blocks * best + linear_flops(bench) / rate, 4),
    }


@torch.no_grad()
def ours(
    bench: Bench, *, compiled: bool, per_frame: bool, backend: AttentionBackend, tuned: bool = False
) -> Result:
    """Time our forward."""
    torch.compiler.reset()
    net = make_net(bench, backend, compute_type(bench))
    if compiled:
        compile_blocks(net, tuned=tuned)
    inputs = make_inputs(bench, per_frame=per_frame, dtype=compute_type(bench))
    return {"attention": str(backend), **timed(bench, lambda: net(*inputs))}


@torch.no_grad()
def two_texts(bench: Bench, backend: AttentionBackend, *, compiled: bool) -> Result:
    """Time a guided step: both texts in one call, beside one call for each, and their distance."""
    torch.compiler.reset()
    net = make_net(bench, backend, compute_type(bench))
    if compiled:
        compile_blocks(net)
    latent, timestep, context, mask = make_inputs(bench, per_frame=False, dtype=compute_type(bench))
    texts = (context, -context)

    def together() -> tuple[Tensor, ...]:
        return net(latent, timestep, texts, mask)

    def apart() -> tuple[Tensor, ...]:
        return tuple(net(latent, timestep, text, mask) for text in texts)

    spent = {"apart": timed(bench, apart, 2), "together": timed(bench, together, 2)}
    pairs = [(a.double(), b.double()) for a, b in zip(together(), apart(), strict=True)]
    far = max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)
    return {**spent, "max_relative_difference": far}


@torch.no_grad()
def profile(bench: Bench) -> Result:
    """Return where the compiled forward's time goes, by kernel."""
    from torch.profiler import ProfilerActivity

    net = compile_blocks(make_net(bench, usable(bench)[0], compute_type(bench)))
    inputs = make_inputs(bench, per_frame=False, dtype=compute_type(bench))
    net(*inputs)
    cuda = bench.device.type == "cuda"
    activity = ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU
    with torch.profiler.profile(activities=[activity]) as watched:
        net(*inputs)
        sync(bench)
    rows = watched.key_averages()
    spent = [
        (r.self_device_time_total if cuda else r.self_cpu_time_total, r.count, r.key) for r in rows
    ]
    spent.sort(reverse=True)
    return {"kernels_ms": [[round(us / 1e3, 2), n, key[:90]] for us, n, key in spent[:25]]}


def make_diffusers(config: NetConfig) -> nn.Module:
    """Return diffusers' net of the same shape without memory; both masks go in as one."""
    from diffusers.models.transformers.transformer_cosmos import CosmosTransformer3DModel

    shape = diffusers_config(config) | {
        "in_channels": config.latent_channels + 2,
        "concat_padding_mask": False,
    }
    with torch.device("meta"):
        return CosmosTransformer3DModel(**shape)


def run_diffusers(net: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    latent, t, context, mask = inputs
    return net(
        hidden_states=latent,
        timestep=t[:, None, :, None, None] if t.ndim == 2 else t,
        encoder_hidden_states=context,
        condition_mask=torch.cat([mask, torch.zeros_like(mask)], dim=1),
        fps=None,
        return_dict=False,
    )[0]


@torch.no_grad()
def diffusers(bench: Bench, *, per_frame: bool, backend: str | None = None) -> Result:
    """Time diffusers' forward by the attention it takes by default, or by a named one."""
    import diffusers as package

    net = fill(make_diffusers(bench.config), bench.device, compute_type(bench))
    if backend is not None:
        net.set_attention_backend(backend)
    inputs = make_inputs(bench, per_frame=per_frame, dtype=compute_type(bench))
    spent = timed(bench, lambda: run_diffusers(net, inputs), 2)
    return {"version": package.__version__, "attention": backend or "default", **spent}


@torch.no_grad()
def agreement(bench: Bench) -> Result:
    """Compare both nets, same weights, a small clip: each in bfloat16 and float32."""
    t, _, _ = bench.latent
    small = Bench(bench.config, (min(t, 6), 12, 16), bench.text, bench.device, 1)
    results: dict[str, Tensor] = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        net = make_net(small, AttentionBackend.AUTO, dtype)
        twin = make_diffusers(bench.config).to(dtype).to_empty(device=bench.device)
        state = {key_to_diffusers(key): value for key, value in net.state_dict().items()}
        twin.load_state_dict(state, strict=True)
        inputs = make_inputs(small, per_frame=True, dtype=dtype)
        results[f"ours {name}"] = net(*inputs).double()
        results[f"diffusers {name}"] = run_diffusers(twin, inputs).double()
    exact = results["ours float32"]
    scale = exact.abs().max()
    return {name: float((x - exact).abs().max() / scale) for name, x in results.items()}


def parts(bench: Bench) -> dict[str, Callable[[], Result]]:
    """Return what can be measured, in the order of its worth."""
    first, *others = usable(bench)

    def net(
        *, compiled: bool, per_frame: bool, backend: AttentionBackend = first
    ) -> Callable[[], Result]:
        return lambda: ours(bench, compiled=compiled, per_frame=per_frame, backend=backend)

    return {
        "machine": lambda: machine(bench),
        "floor": lambda: floor(bench),
        "ours eager": net(compiled=False, per_frame=False),
        "ours compiled": net(compiled=True, per_frame=False),
        "tuned ours compiled": lambda: ours(
            bench, compiled=True, per_frame=False, backend=first, tuned=True
        ),
        "diffusers": lambda: diffusers(bench, per_frame=False),
        "ours eager per frame": net(compiled=False, per_frame=True),
        "diffusers per frame": lambda: diffusers(bench, per_frame=True),
        "agreement": lambda: agreement(bench),
        "diffusers by cudnn": lambda: diffusers(bench, per_frame=False, backend="_native_cudnn"),
        "profile compiled": lambda: profile(bench),
        "two texts compiled": lambda: two_texts(bench, first, compiled=True),
        "two texts eager": lambda: two_texts(bench, first, compiled=False),
        "ours compiled per frame": net(compiled=True, per_frame=True),
        **{
            f"ours eager by {backend}": net(compiled=False, per_frame=False, backend=backend)
            for backend in others
        },
    }


def run(bench: Bench, out: Path, wanted: list[str], budget_s: float) -> Result:
    """Measure part by part and write all so far after each."""
    begin = time.perf_counter()
    found: Result = {}
    for name, work in parts(bench).items():
        if wanted and not any(name.startswith(start) for start in wanted):
            continue
        spent = time.perf_counter() - begin
        if spent > budget_s:
            found[name] = {"left_out": f"{spent:.0f} s were spent"}
            continue
        try:
            found[name] = work()
        except Exception as error:  # noqa: BLE001 - a failed part is a result; the rest goes on
            trace = traceback.format_exc().splitlines()[-6:]
            found[name] = {"error": repr(error)[:600], "trace": trace}
        forget(bench)
        found["total_s"] = round(time.perf_counter() - begin, 1)
        (out / "dit_forward.json").write_text(json.dumps(found, indent=1))
        print(name, json.dumps(found[name])[:1500], flush=True)
    return found


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--family", default="predict2-2b", choices=["predict2-2b", "predict2-14b"])
    parser.add_argument("--tiny", action="store_true", help="small net and clip, on the CPU")
    parser.add_argument("--parts", default="", help="names or their beginnings, by commas")
    parser.add_argument("--budget", type=float, default=300.0, help="seconds to start parts in")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    config = FAMILIES[args.family].net
    if args.tiny:
        small = config.model_copy(update=TINY)
        bench = Bench(small, (3, 4, 6), 8, torch.device("cpu"), 2)
    else:
        bench = Bench(config, (24, 88, 160), 512, torch.device("cuda"), 3)
    run(bench, args.out, [part for part in args.parts.split(",") if part], args.budget)


if __name__ == "__main__":
    main()
