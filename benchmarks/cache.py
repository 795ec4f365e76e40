"""Measure how a training cache is built and read: seconds per clip, and what is side by side.

    python benchmarks/cache.py --out cache.json             93 frames of 704x1280, bf16, a GPU
    python benchmarks/cache.py --out cache.json --tiny      seconds on a CPU: proves the script

Videos are drawn here (H.264, 1920x1080 at 30 fps; tiny: 1280x720), weights are random in the real
shape. `decode` and `encode` are each alone, `both` is the stage as `rareworld cache` runs it,
shards written and synced; `hidden` is the share of the shorter of the two that the other covers
(all of it where cores are idle: on a busy machine decoding and encoding take each other's time).
`read` is a step of the loader without read-ahead, checksums compared.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from rareworld.data.footage import probe_footage
from rareworld.data.jsontext import write_json
from rareworld.data.video import RgbWriter
from rareworld.models.cosmos_predict.weights.saving import save_safetensors
from rareworld.models.wan_vae.config import MINI_VAE, WAN_2_1, to_diffusers
from rareworld.models.wan_vae.tokenizer import random_tokenizer
from rareworld.models.wan_vae.weights import load_tokenizer
from rareworld.runtime.local import LocalRunner
from rareworld.train.config import DataConfig
from rareworld.train.data.cache_job import AT_ONCE, CacheStage, LatentShard, Planned, encode
from rareworld.train.data.cache_plan import decoders
from rareworld.train.data.cache_shard import Entry, Settings, read_index, read_latent
from rareworld.train.data.clips import ClipItem, Window
from rareworld.train.data.read import read_window
from rareworld.train.data.windows import windows_of

Result = dict[str, Any]


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tiny", action="store_true", help="a small tokenizer and small videos")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--frames", type=int, default=0, help="default: 93, tiny 29")
    options = parser.parse_args()
    frames = options.frames or (29 if options.tiny else 93)
    size = (720, 1280) if options.tiny else (1080, 1920)
    data = DataConfig(
        resolution="96,160" if options.tiny else "704,1280", num_frames=(frames,), fps=16
    )
    with TemporaryDirectory() as scratch:
        results = measure(Path(scratch), data, options.clips, frames, size, tiny=options.tiny)
    options.out.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


def measure(
    root: Path, data: DataConfig, clips: int, frames: int, size: tuple[int, int], *, tiny: bool
) -> Result:
    """Return all figures, in seconds per clip."""
    cuda = torch.cuda.is_available()
    device, dtype = ("cuda", "bfloat16") if cuda else ("cpu", "float32")
    tokenizer = write_tokenizer(root / "vae", tiny=tiny)
    windows = write_clips(root / "videos", data, clips, frames, size)
    settings = Settings.of(data, tokenizer="0" * 64, dtype=dtype, at_once=AT_ONCE, fused=cuda)
    stage = CacheStage(settings=settings, tokenizer=tokenizer, device=device, threads=decoders())
    results: Result = {
        "machine": torch.cuda.get_device_name() if cuda else platform.processor(),
        "cores": os.cpu_count(), "torch": torch.__version__, "dtype": dtype, "clips": clips,
        "frames": frames, "bucket": str(windows[0].bucket), "source": f"{size[1]}x{size[0]}@30",
        "decoders": stage.threads,
    }  # fmt: skip
    results["decode, one thread"] = per_clip(clips, lambda: decode(windows, data.fps, 1))
    results["decode"] = per_clip(clips, lambda: decode(windows, data.fps, stage.threads))
    net = load_tokenizer(
        tokenizer,
        device=device,
        dtype=torch.bfloat16 if cuda else torch.float32,
        window=settings.at_once,
        compile=settings.fused,
    )
    pixels = read_window(windows[0], data.fps)
    encode(net, pixels)  # kernels are chosen and built the first time
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    results["encode"] = per_clip(clips, lambda: [encode(net, pixels).cpu() for _ in windows])
    if cuda:
        results["encode, peak GB"] = torch.cuda.max_memory_allocated() / 1e9
    shard = LatentShard(name="shard", windows=tuple(planned(window) for window in windows))
    LocalRunner(inline=True).run(stage, [shard], root / "warm")
    runner = LocalRunner(inline=True)
    results["both"] = per_clip(clips, lambda: runner.run(stage, [shard], root / "cache"))
    shorter = min(results["decode"], results["encode"])
    spared = results["decode"] + results["encode"] - results["both"]
    results["hidden"] = spared / shorter
    results["read"] = per_clip(clips, lambda: read(root / "cache" / "shard"))
    results["bytes"] = (root / "cache" / "shard" / "latents.safetensors").stat().st_size // clips
    return results


def per_clip(clips: int, work: Callable[[], object]) -> float:
    """Return the seconds of some work, per clip."""
    start = time.perf_counter()
    work()
    return round((time.perf_counter() - start) / clips, 5)


def decode(windows: Sequence[Window], fps: float, threads: int) -> None:
    """Decode all windows and drop them."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda window: read_window(window, fps).shape, windows):
            pass


def read(shard: Path) -> None:
    """Read all latents of a shard."""
    for entry in read_index(shard).entries:
        read_latent(shard, entry)


def planned(window: Window) -> Planned:
    """Return a window as a plan has it."""
    entry = Entry(
        name=window.name,
        clip=window.item.name,
        source=0,
        bucket=window.bucket,
        start_s=window.start_s,
        mirrored=False,
        held_out=False,
        caption="",
        key=window.name,
    )
    return Planned(window=window, entry=entry)


def write_tokenizer(folder: Path, *, tiny: bool) -> Path:
    """Write random weights in diffusers' layout."""
    tokenizer = random_tokenizer(MINI_VAE if tiny else WAN_2_1)
    folder.mkdir()
    write_json(
        folder / "config.json",
        {"_class_name": "AutoencoderKLWan", **to_diffusers(tokenizer.config)},
    )
    save_safetensors(tokenizer.net.state_dict(), folder / "diffusion_pytorch_model.safetensors")
    return folder


def write_clips(
    folder: Path, data: DataConfig, clips: int, frames: int, size: tuple[int, int]
) -> list[Window]:
    """Write videos that fill a window at 30 fps, and return their windows."""
    folder.mkdir()
    needed = int(np.ceil(frames / data.fps * 30)) + 1
    coarse = np.random.default_rng(0).integers(0, 256, (size[0] // 20, size[1] // 20, 3), np.uint8)
    picture = np.kron(coarse, np.ones((20, 20, 1), np.uint8))
    path = folder / "0.mp4"
    with RgbWriter(path, Fraction(30)) as writer:
        for index in range(needed):
            writer.write(np.ascontiguousarray(np.roll(picture, 4 * index, axis=1)))
    content, info, windows = path.read_bytes(), probe_footage(path), []
    for number in range(clips):
        copy = folder / f"{number}.mp4"
        copy.write_bytes(content)
        item = ClipItem(
            name=f"0/{number}", source=0, group=str(number), video=copy, caption="", info=info
        )
        windows += windows_of(item, data, 0)
    return windows


if __name__ == "__main__":
    main()
