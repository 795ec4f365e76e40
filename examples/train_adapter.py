"""An adapter from a folder of captioned clips, on a CPU, with a net of random weights.

    python examples/train_adapter.py OUT

With real weights only `base` changes: `BaseConfig()` is Predict2.5's 2B/post-trained.
"""

import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from rareworld.data.video import RgbWriter
from rareworld.models.cosmos_predict.tiny import write_tiny_pipeline
from rareworld.models.cosmos_predict.weights.adapter_io import read_adapter
from rareworld.nn.ranks import Ranks
from rareworld.train.config import TrainConfig
from rareworld.train.run import Options, run


def write_clips(folder: Path, count: int = 4) -> Path:
    """Write clips of a square that moves, each with its caption."""
    for part in ("videos", "metas"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for take in range(count):
        with RgbWriter(folder / "videos" / f"{take}.mp4", Fraction(16)) as video:
            for frame in range(9):
                picture = np.full((32, 48, 3), 90, np.uint8)
                left = 4 * take + 2 * frame
                picture[8:20, left : left + 12] = (220, 40, 40)
                video.write(picture)
        (folder / "metas" / f"{take}.txt").write_text(f"A red car passes, take {take}.")
    return folder


def main(out: Path) -> None:
    """Train six steps, print losses and what was written."""
    values = {
        "steps": 6, "schedule": {"warm_up": 0, "cycle": 6}, "adapter": {"rank": 4},
        "base": {"model": str(write_tiny_pipeline(out / "tiny"))},
        "data": {
            "sources": [{"path": str(write_clips(out / "clips"))}],
            "resolution": "32,48", "num_frames": [9], "batch_size": 2, "held_out": 0.25,
        },
        "watch": {"trackers": [], "samples_every": 0},
    }  # fmt: skip
    config = TrainConfig.parse(values)
    with Ranks.join("cpu") as ranks:
        print(run(config, out / "run", ranks, Options(tell=print)).words)
    rows = map(json.loads, (out / "run/metrics.jsonl").read_text().splitlines())
    print("losses:", *(f"{row['loss']:.3f}" for row in rows if "loss" in row))
    adapter = read_adapter(out / "run/checkpoints/step_000000006/adapter")
    print(f"rank {adapter.ranks[0]}, {len(adapter.layers)} layers, {adapter.parameters} values")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
