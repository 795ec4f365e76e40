"""Feature networks with their published weights: seconds a clip or picture, and what they see.

    python benchmarks/feature_nets.py [VIDEO ...] [--threads 2] [--device cpu]

Times `features()` from bytes to rows, resizing included, best of three, on clips of 128 x 224 of
noise: on the clock, and of all cores together, which a busy machine changes less. Of each VIDEO the
first, middle and last 16 frames go through I3D and its likeliest Kinetics classes are printed. Only
networks whose weights lie here are run (`rareworld weights`).
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import torch

from rareworld.models.features import NAMES, FeatureNet, load_feature_net
from rareworld.models.i3d.labels import best_classes
from rareworld.models.lpips.net import load_lpips
from rareworld.models.networks import network

CLIPS, FRAMES, HEIGHT, WIDTH = 8, 16, 128, 224
REPEATS = 3


def best_of(work: Callable[[], object], device: torch.device, rows: int) -> dict[str, float]:
    """Return the least seconds of a row, on the clock and of all cores together."""
    clock, cores = [], []
    for _ in range(REPEATS):
        started = time.perf_counter(), time.process_time()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        clock.append(time.perf_counter() - started[0])
        cores.append(time.process_time() - started[1])
    return {"seconds": round(min(clock) / rows, 4), "core_seconds": round(min(cores) / rows, 4)}


def noise(device: torch.device) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (CLIPS, FRAMES, HEIGHT, WIDTH, 3)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8).to(device)


def timed(net: FeatureNet, clips: torch.Tensor, device: torch.device) -> dict[str, object]:
    """Return the seconds of a row and what made it."""
    part = clips[:1] if net.frames == 1 else clips
    rows = part.shape[0] * (part.shape[1] if net.frames == 1 else 1)
    net.features(part[:1])
    return {
        "net": net.name,
        "per": "picture" if net.frames == 1 else f"clip of {FRAMES} frames",
        **best_of(lambda: net.features(part), device, rows),
        "weights": net.weights.origin,
        "preprocessing": net.preprocessing,
    }


def lpips_time(clips: torch.Tensor, device: torch.device) -> dict[str, object]:
    net = load_lpips(device=device)
    one, two = clips[0], clips[1]
    work = best_of(lambda: net.distances(one, two), device, len(one))
    return {"net": "lpips", "per": "pair", **work}


def windows(path: Path) -> torch.Tensor:
    """Return the first, middle and last 16 frames of a video."""
    with av.open(str(path)) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    starts = (0, (len(frames) - FRAMES) // 2, len(frames) - FRAMES)
    return torch.from_numpy(np.stack([np.stack(frames[s : s + FRAMES]) for s in starts]))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    clips = noise(device)
    for name in NAMES:
        if network(name).found() is not None:
            print(json.dumps(timed(load_feature_net(name, device=device), clips, device)))
    if network("lpips").found() is not None:
        print(json.dumps(lpips_time(clips, device)))
    for path in options.videos:
        rows = load_feature_net("i3d", device=device).features(windows(path).to(device))
        for place, classes in zip(("first", "middle", "last"), best_classes(rows), strict=True):
            told = ", ".join(f"{label} {share:.3f}" for label, share in classes)
            print(f"{path.name} {place}: {told}")


if __name__ == "__main__":
    main()
