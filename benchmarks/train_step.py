"""Seconds and memory of one LoRA step of the world model, beside diffusers + PEFT in the same run.

    python benchmarks/train_step.py --out DIR                  on a GPU, random weights, bfloat16
    python benchmarks/train_step.py --out DIR --tiny           the same parts on a CPU, in a minute
    python benchmarks/train_step.py --out DIR --parts 720,peer

A step: forward, mean squared error, backward, gradient norm clipped, fused AdamW, of adapters of
rank 16 in float32 on attention and MLP (22,937,600 values on 2B). One clip, latents and text from
memory, a timestep for each latent frame (clean frames are told another than noisy ones).
Names of parts: pixels, network, policy, `eager` or `compiled`. A part that fails is named in
`train_step.json` with its error and the rest goes on.
"""

import argparse
import json
import statistics
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from dit_forward import (
    TINY,
    Bench,
    compute_type,
    fill,
    forget,
    machine,
    make_diffusers,
    make_inputs,
    peak_gb,
    run_diffusers,
    seconds,
    sync,
)
from torch import Tensor, nn

from rareworld.models.cosmos_predict.activations import set_activations
from rareworld.models.cosmos_predict.adapt import AdapterSpec, add_adapters
from rareworld.models.cosmos_predict.config import FAMILIES, NetConfig
from rareworld.models.cosmos_predict.families import build_on_meta
from rareworld.nn.attention import AttentionBackend, LocalAttend, attend

Result = dict[str, Any]
RANK = 16
SIZES = {"720": (24, 88, 160), "480": (24, 54, 96), "tiny": (3, 4, 6)}
"""Latents of 704 x 1280 x 93, 432 x 768 x 93 and a clip for CPUs."""


@dataclass(frozen=True)
class Trainee:
    """A network that can be stepped."""

    predict: Callable[[], Tensor]
    parameters: list[nn.Parameter]
    target: Tensor
    optimizer: torch.optim.Optimizer

    @classmethod
    def of(cls, predict: Callable[[], Tensor], net: nn.Module, target: Tensor) -> "Trainee":
        """Return a network with its optimizer."""
        parameters = [p for p in net.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=True)
        return cls(predict, parameters, target, optimizer)

    def gradients(self) -> Tensor:
        """Return the loss, its gradients in the parameters."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = (self.predict().float() - self.target).square().mean()
        loss.backward()
        return loss.detach()

    def step(self) -> None:
        """Take an optimizer step."""
        self.gradients()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()


@torch.no_grad()
def draw_adapters(net: nn.Module) -> None:
    """Give both factors of every adapter small random numbers: zeros would run faster."""
    for name, parameter in net.named_parameters():
        if "lora_" in name:
            parameter.normal_(0.0, 0.02)


def ours(bench: Bench, policy: str, *, compiled: bool) -> Trainee:
    torch.compiler.reset()
    dtype = compute_type(bench)
    net = build_on_meta(bench.config)
    fill(net, bench.device, dtype)
    add_adapters(net, AdapterSpec(rank=RANK), seed=0)
    draw_adapters(net)
    net.set_attention(LocalAttend(AttentionBackend.AUTO))
    set_activations(net, policy, compile=compiled)
    inputs = make_inputs(bench, per_frame=True, dtype=dtype)
    return Trainee.of(lambda: net(*inputs), net, torch.randn_like(inputs[0], dtype=torch.float32))


def peer(bench: Bench, *, compiled: bool, backend: str | None = None) -> Trainee:
    """Return diffusers' network with PEFT's adapters in float32 and gradient checkpointing.

    By default it attends by PyTorch's flash kernel; `_native_cudnn` is the faster one on Hopper.
    """
    from peft import LoraConfig, inject_adapter_in_model

    torch.compiler.reset()
    dtype = compute_type(bench)
    net = fill(make_diffusers(bench.config), bench.device, dtype)
    layers = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"]
    net = inject_adapter_in_model(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=layers), net)
    for name, parameter in net.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.float()
            parameter.requires_grad = True
    draw_adapters(net)
    net.train()
    net.enable_gradient_checkpointing()
    if backend is not None:
        net.set_attention_backend(backend)
    if compiled:
        for block in net.transformer_blocks:
            block.compile(dynamic=False)
    inputs = make_inputs(bench, per_frame=True, dtype=dtype)
    target = torch.randn_like(inputs[0], dtype=torch.float32)
    return Trainee.of(lambda: run_diffusers(net, inputs), net, target)


def timed(bench: Bench, make: Callable[[], Trainee]) -> Result:
    """Return seconds of the first step and the next ones, and the peak of memory of these."""
    forget(bench)
    trainee = make()
    first = seconds(bench, trainee.step)
    forget(bench)
    spent = [seconds(bench, trainee.step) for _ in range(bench.repeats)]
    return {
        "tokens": bench.tokens,
        "trainable": sum(p.numel() for p in trainee.parameters),
        "first_s": round(first, 3),
        "median_s": round(statistics.median(spent), 4),
        "all_s": [round(s, 4) for s in spent],
        "peak_gb": peak_gb(bench),
    }


def repeatable(bench: Bench, policy: str, *, compiled: bool, strict: bool) -> Result:
    """Compute a step's gradients three times from the same numbers; say what differs, and time."""
    torch.use_deterministic_algorithms(strict)
    try:
        trainee = ours(bench, policy, compiled=compiled)
        found = []
        for _ in range(3):
            loss = trainee.gradients()
            found.append((loss, [p.grad.clone() for p in trainee.parameters if p.grad is not None]))
        spent = [seconds(bench, trainee.gradients) for _ in range(3)]
    finally:
        torch.use_deterministic_algorithms(mode=False)
    (loss, grads), *others = found
    same = [[torch.equal(a, b) for a, b in zip(grads, g, strict=True)] for _, g in others]
    worst = max(
        float((a - b).abs().max() / a.abs().max().clamp_min(1e-30))
        for _, g in others
        for a, b in zip(grads, g, strict=True)
    )
    return {
        "losses_equal": all(torch.equal(loss, other) for other, _ in others),
        "gradients_equal": all(map(all, same)),
        "tensors_that_differ": sum(not equal for row in same for equal in row),
        "worst_relative_difference": worst,
        "median_s": round(statistics.median(spent), 4),
    }


def attention_backward(bench: Bench, backend: AttentionBackend, *, strict: bool) -> Result:
    """Time attention forward and backward, and compare two backward passes."""
    heads = (1, bench.tokens, bench.config.num_heads, bench.config.head_dim)
    q, k, v, grad = torch.randn(4, *heads, device=bench.device, dtype=compute_type(bench))
    q, k, v = (x.requires_grad_() for x in (q.detach(), k.detach(), v.detach()))
    torch.use_deterministic_algorithms(strict)
    try:
        forward = [seconds(bench, lambda: attend(q, k, v, backend)) for _ in range(3)]
        runs, spent = [], []
        for _ in range(3):
            out = attend(q, k, v, backend)
            sync(bench)
            begin = time.perf_counter()
            runs.append(torch.autograd.grad(out, (q, k, v), grad))
            sync(bench)
            spent.append(time.perf_counter() - begin)
    finally:
        torch.use_deterministic_algorithms(mode=False)
    equal = [all(torch.equal(a, b) for a, b in zip(runs[0], r, strict=True)) for r in runs[1:]]
    return {
        "forward_s": round(min(forward), 5),
        "backward_s": round(min(spent), 5),
        "backward_equal": all(equal),
    }


def floor(bench: Bench) -> Result:
    """Time what no step can do without: attention once each way, three passes of linear layers."""
    c = bench.config
    kernel = attention_backward(bench, AttentionBackend.AUTO, strict=False)
    x = torch.randn(bench.tokens, c.width, device=bench.device, dtype=compute_type(bench))
    wide = torch.randn(c.width, c.mlp_ratio * c.width, device=bench.device, dtype=x.dtype)
    spent = min(seconds(bench, lambda: x @ wide) for _ in range(5))
    rate = 2.0 * x.numel() * wide.shape[1] / spent
    linear = 2.0 * bench.tokens * c.num_blocks * c.width**2 * (4 + 2 + 2 * c.mlp_ratio) / rate
    attention = c.num_blocks * (kernel["forward_s"] + kernel["backward_s"])
    return {
        **kernel,
        "linear_tflops": round(rate / 1e12, 1),
        "linear_pass_s": round(linear, 4),
        "floor_s": round(attention + 3 * linear, 3),
    }


def profile(bench: Bench, policy: str) -> Result:
    """Return where a compiled step's time goes, by kernel."""
    trainee = ours(bench, policy, compiled=True)
    trainee.step()
    cuda = bench.device.type == "cuda"
    watched = torch.profiler.ProfilerActivity.CUDA if cuda else torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(activities=[watched]) as record:
        trainee.step()
        sync(bench)
    rows = record.key_averages()
    spent = [
        (r.self_device_time_total if cuda else r.self_cpu_time_total, r.count, r.key) for r in rows
    ]
    spent.sort(reverse=True)
    return {
        "total_ms": round(sum(us for us, *_ in spent) / 1e3, 1),
        "kernels_ms": [[round(us / 1e3, 2), n, key[:110]] for us, n, key in spent[:60]],
    }


def size_parts(name: str, bench: Bench) -> dict[str, Callable[[], Result]]:
    """Return what is measured at one size, most wanted first."""
    wanted = [
        ("keep_attention", True),
        ("offload", True),
        ("full", True),
        ("keep_attention", False),
    ]
    found: dict[str, Callable[[], Result]] = {f"{name} floor": partial(floor, bench)}
    for policy, compiled in wanted:
        how = "compiled" if compiled else "eager"
        make = partial(ours, bench, policy, compiled=compiled)
        found[f"{name} ours {policy} {how}"] = partial(timed, bench, make)
    return found


def parts(benches: dict[str, Bench], large: Bench | None) -> dict[str, Callable[[], Result]]:
    """Return what can be measured, in order."""
    first, bench = next(iter(benches.items()))
    small = list(benches.values())[-1]
    found: dict[str, Callable[[], Result]] = {"machine": partial(machine, bench)}
    for each, what in benches.items():
        found |= size_parts(each, what)
    for strict in (False, True):
        how = "deterministic" if strict else "default"
        for backend in (AttentionBackend.AUTO, AttentionBackend.FLASH):
            kernel = partial(attention_backward, bench, backend, strict=strict)
            found[f"repeat attention {backend} {how}"] = kernel
        repeat = partial(repeatable, small, "keep_attention", compiled=True, strict=strict)
        found[f"repeat step {how}"] = repeat
    for how, compiled in (("compiled", True), ("eager", False)):
        for each, what in benches.items():
            for backend in (None, "_native_cudnn"):
                make = partial(peer, what, compiled=compiled, backend=backend)
                name = f"{each} peer diffusers+peft {backend or 'default'} {how}"
                found[name] = partial(timed, what, make)
    if large is not None:
        for policy in ("keep_attention", "offload"):
            make = partial(ours, large, policy, compiled=True)
            found[f"480 14b {policy} compiled"] = partial(timed, large, make)
    found[f"profile {first}"] = partial(profile, bench, "keep_attention")
    return found


def run(todo: Iterable[tuple[str, Callable[[], Result]]], bench: Bench, out: Path) -> None:
    """Measure part by part and write all so far after each."""
    begin = time.perf_counter()
    found: Result = {}
    for name, work in todo:
        try:
            found[name] = work()
        except Exception as error:  # noqa: BLE001 - a failed part is a result; the rest goes on
            trace = traceback.format_exc().splitlines()[-8:]
            found[name] = {"error": repr(error)[:800], "trace": trace}
        forget(bench)
        found["total_s"] = round(time.perf_counter() - begin, 1)
        (out / "train_step.json").write_text(json.dumps(found, indent=1))
        print(found["total_s"], name, json.dumps(found[name])[:1500], flush=True)


def make_bench(config: NetConfig, size: str, repeats: int) -> Bench:
    tiny = size == "tiny"
    device = torch.device("cpu" if tiny else "cuda")
    return Bench(config, SIZES[size], 8 if tiny else 512, device, repeats)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tiny", action="store_true", help="small net and clip, on the CPU")
    parser.add_argument("--parts", default="", help="words that a part's name must hold, by commas")
    parser.add_argument("--repeats", type=int, default=3, help="steps after the first")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    config = FAMILIES["predict2-2b"].net
    if args.tiny:
        benches = {"tiny": make_bench(config.model_copy(update=TINY), "tiny", args.repeats)}
        todo = parts(benches, None)
    else:
        benches = {size: make_bench(config, size, args.repeats) for size in ("720", "480")}
        todo = parts(benches, make_bench(FAMILIES["predict2-14b"].net, "480", args.repeats))
    words = [word.split() for word in args.parts.split(",") if word]
    wanted = [
        (name, work)
        for name, work in todo.items()
        if not words or any(set(each) <= set(name.split()) for each in words)
    ]
    run(wanted, next(iter(benches.values())), args.out)


if __name__ == "__main__":
    main()
