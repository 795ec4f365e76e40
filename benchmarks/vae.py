"""Measure the tokenizer beside diffusers' on one machine, above all on a GPU lent for minutes.

    python benchmarks/vae.py --out vae.json                      93 frames of 704x1280, bf16, GPU
    python benchmarks/vae.py --out vae.json --tiny               seconds on a CPU: proves the script

Random weights of the real shape. Each part is guarded and written as soon as it is done. Seconds
are of the second call; peak memory is of that call, weights and input included.
"""

import argparse
import json
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from rareworld.models.wan_vae.config import MINI_VAE, WAN_2_1, WanVaeConfig, to_diffusers
from rareworld.models.wan_vae.tokenizer import WanTokenizer, random_tokenizer

Result = dict[str, Any]
VARIANTS: dict[str, Result] = {
    "plain, window 4": {"window": 4},
    "fused, window 1": {"window": 1, "fuse": True},
    "fused, window 2": {"window": 2, "fuse": True},
    "fused, window 4": {"window": 4, "fuse": True},
    "fused, window 4, cudnn search": {"window": 4, "fuse": True, "search": True},
    "fused, window 2, cudnn search": {"window": 2, "fuse": True, "search": True},
}


class Report:
    """Results by part, on disk after each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: Result = {}

    def part(self, name: str, work: Callable[[], Result]) -> None:
        """Run one part; an error is a result too."""
        start = time.perf_counter()
        try:
            self.parts[name] = work()
        except Exception as error:  # noqa: BLE001 - the other parts shall run on a lent machine
            self.parts[name] = {"error": repr(error), "trace": traceback.format_exc()[-1500:]}
        self.parts[name]["part_seconds"] = round(time.perf_counter() - start, 2)
        self.path.write_text(json.dumps(self.parts, indent=1))
        print(name, json.dumps(self.parts[name])[:700], flush=True)


def measured(work: Callable[[], Tensor], device: str) -> tuple[Tensor, Result]:
    """Return the second call's result with its seconds and peak memory."""
    first = time.perf_counter()
    work()
    settle(device)
    warm = time.perf_counter() - first
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    result = work()
    settle(device)
    seconds = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else None
    return result, {"seconds": round(seconds, 3), "first_seconds": round(warm, 2), "peak_gb": peak}


def settle(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


@contextmanager
def cudnn_search(on: bool) -> Iterator[None]:  # noqa: FBT001 - a switch of one word
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = on
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


class Bench:
    """One clip, one latent and diffusers' answers for both."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.device: str = args.device
        self.dtype = torch.float32 if args.tiny else torch.bfloat16
        self.config: WanVaeConfig = MINI_VAE if args.tiny else WAN_2_1
        self.ours = random_tokenizer(self.config, seed=0)
        self.ours.net.to(self.device, self.dtype)
        frames, rows, columns = (9, 32, 48) if args.tiny else (args.frames, 704, 1280)
        noise = torch.Generator(self.device).manual_seed(1)
        self.rgb = self.draw((1, 3, frames, rows, columns), noise).clamp(-1, 1)
        latent = (1, self.config.z_dim, (frames - 1) // 4 + 1, rows // 8, columns // 8)
        self.latent = self.draw(latent, noise)
        self.expected: dict[str, Tensor] = {}

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Return normal noise of the work's type."""
        return torch.randn(shape, generator=generator, device=self.device, dtype=self.dtype)

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Return mean and deviation of the latent channels."""
        values = (self.config.latents_mean, self.config.latents_std)
        mean, std = (torch.tensor(v, device=self.device).view(1, -1, 1, 1, 1) for v in values)
        return mean, std

    def twin(self) -> AutoencoderKLWan:
        """Return diffusers' model with our weights."""
        with torch.device("meta"):
            twin = AutoencoderKLWan(**to_diffusers(self.config))
        twin.to_empty(device=self.device).to(self.dtype)
        twin.load_state_dict(self.ours.net.state_dict())
        return twin.eval().requires_grad_(requires_grad=False)

    @torch.no_grad()
    def diffusers(self, *, channels_last: bool) -> Result:
        """Measure diffusers and keep its answers."""
        twin = self.twin()
        if channels_last:
            for conv in twin.modules():
                if isinstance(conv, torch.nn.Conv3d):
                    conv.to(memory_format=torch.channels_last_3d)
        mean, std = self.statistics()
        encode = lambda: (twin.encode(self.rgb).latent_dist.mode().float() - mean) / std  # noqa: E731
        z = (self.latent.float() * std + mean).to(self.dtype)
        decode = lambda: twin.decode(z).sample  # noqa: E731
        self.expected["encode"], encoding = measured(encode, self.device)
        self.expected["decode"], decoding = measured(decode, self.device)
        return {"encode": encoding, "decode": decoding}

    def variant(self, window: int, *, fuse: bool = False, search: bool = False) -> Result:
        """Measure ours with some options, and its distance to diffusers."""
        tokenizer = WanTokenizer(self.ours.net, window=window, compile=fuse)
        result: Result = {}
        calls = {
            "encode": lambda: tokenizer.encode(self.rgb),
            "decode": lambda: tokenizer.decode(self.latent),
        }
        with cudnn_search(search):
            for name, call in calls.items():
                found, result[name] = measured(call, self.device)
                if name in self.expected:
                    result[name] |= distance(found, self.expected[name])
        return result

    def kernels(self) -> Result:
        """Return where the time of a decode goes."""
        tokenizer = WanTokenizer(self.ours.net, window=4, compile=self.device == "cuda")
        tokenizer.decode(self.latent)
        kinds = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
        on_gpu = self.device == "cuda"
        table: dict[str, Any] = {}

        def spent(event: Any) -> float:  # noqa: ANN401 - the profiler's own record
            return event.self_device_time_total if on_gpu else event.self_cpu_time_total

        for name, call in (
            ("decode", lambda: tokenizer.decode(self.latent)),
            ("encode", lambda: tokenizer.encode(self.rgb)),
        ):
            call()
            with torch.profiler.profile(activities=kinds[1:] if on_gpu else kinds[:1]) as profile:
                call()
                settle(self.device)
            rows = [
                {
                    "ms": round(spent(e) / 1e3, 1),
                    "calls": e.count,
                    "kernel": e.key[:110],
                }
                for e in profile.key_averages()
            ]
            table[name] = sorted(rows, key=lambda row: -row["ms"])[:22]
        return table

    def fp32(self) -> Result:
        """Return the distance to diffusers in float32 on a small clip, without TF32."""
        ours = random_tokenizer(self.config, seed=0)
        ours.net.to(self.device)
        twin = AutoencoderKLWan(**to_diffusers(self.config)).to(self.device).eval()
        twin.load_state_dict(ours.net.state_dict())
        mean, std = self.statistics()
        noise = torch.Generator(self.device).manual_seed(2)
        rgb = torch.rand((1, 3, 13, 128, 192), generator=noise, device=self.device) * 2 - 1
        with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            latent = ours.encode(rgb)
            expected = (twin.encode(rgb).latent_dist.mode() - mean) / std
            picture = twin.decode(latent * std + mean).sample
            return {
                "encode": distance(latent, expected),
                "decode": distance(ours.decode(latent), picture),
            }


def distance(found: Tensor, expected: Tensor) -> Result:
    """Return how far results lie apart."""
    difference = (found.float() - expected.float()).abs()
    scale = expected.float().abs().max().item()
    return {
        "max_abs_difference": difference.max().item(),
        "mean_abs_difference": difference.mean().item(),
        "largest_expected": scale,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--frames", type=int, default=93)
    parser.add_argument("--device")
    args = parser.parse_args()
    args.device = args.device or ("cpu" if args.tiny else "cuda")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    report, bench = Report(args.out), Bench(args)
    gpu = torch.cuda.get_device_name() if args.device == "cuda" else "CPU"
    report.part(
        "setup", lambda: {"torch": torch.__version__, "device": gpu, "args": str(vars(args))}
    )
    report.part("fp32 parity", bench.fp32)
    report.part("diffusers", lambda: bench.diffusers(channels_last=False))
    report.part("diffusers, channels last", lambda: bench.diffusers(channels_last=True))
    for name, options in VARIANTS.items():
        report.part(name, lambda options=options: bench.variant(**options))
    report.part("kernels", bench.kernels)


if __name__ == "__main__":
    main()
