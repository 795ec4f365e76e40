"""A whole run on one GPU: clips, cache, training, kill -9, going on, and a video with the adapter.

    python benchmarks/train_end_to_end.py --out DIR            on a GPU, about four minutes
    python benchmarks/train_end_to_end.py --out DIR --tiny     on a CPU, about one

The net has 12 blocks of width 1024 and random weights, the tokenizer its full size, clips are 93
frames of 432 x 768. Losses of the killed run are compared with those of one that was not, with
`compute.deterministic` (to the bit is promised) and without (it is not). What was found so far is
written after each part.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from random_pipeline import write_random_pipeline

from rareworld.data.video import RgbWriter
from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.tiny import write_tiny_pipeline
from rareworld.models.cosmos_predict.weights.shapes import custom_family

STEPS = 6
KILLED_AFTER = 3
SIZE = {"width": 1024, "num_blocks": 12, "num_heads": 8}


def write_model(folder: Path) -> Path:
    """Write a pipeline with a net of real head size and a full tokenizer, all random."""
    net = FAMILIES["predict2.5-2b"].net.model_copy(update={**SIZE, "raw_context_dim": 1536})
    return write_random_pipeline(folder, custom_family(net))


def write_clips(folder: Path, size: tuple[int, int, int], count: int = 6) -> None:
    """Write clips of a square that moves."""
    frames, height, width = size
    for part in ("videos", "metas"):
        (folder / part).mkdir(parents=True)
    for take in range(count):
        with RgbWriter(folder / f"videos/{take}.mp4", Fraction(16)) as video:
            for frame in range(frames + 3):
                picture = np.full((height, width, 3), 90, np.uint8)
                left = (40 * take + 5 * frame) % (width - 20)
                picture[height // 3 : height // 3 + 20, left : left + 20] = (220, 40, 40)
                video.write(picture)
        (folder / f"metas/{take}.txt").write_text(f"A red car passes, take {take}.")


def settings(work: Path, size: tuple[int, int, int]) -> dict[str, Any]:
    """Return the run."""
    return {
        "name": "end_to_end", "steps": STEPS, "base": {"model": str(work / "model")},
        "data": {
            "sources": [{"path": str(work / "clips")}], "resolution": f"{size[1]},{size[2]}",
            "num_frames": [size[0]], "held_out": 0.2, "cache": str(work / "cache"),
        },
        "optimizer": {"lr": 1e-3}, "schedule": {"warm_up": 0, "cycle": STEPS, "f_max": 1.0},
        "checkpoint": {"every": 1},
        "watch": {"every": 1, "trackers": [], "held_out_every": 3, "samples_every": 0},
    }  # fmt: skip


def losses(run: Path) -> dict[str, float]:
    """Return the loss of each step told so far."""
    file = run / "metrics.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("}")]
    return {str(row["step"]): row["loss"] for row in rows if "loss" in row}


def command(verb: str, *arguments: str) -> list[str]:
    """Return one of our verbs as a process."""
    return [sys.executable, "-m", "rareworld", verb, *arguments]


def timed(words: list[str]) -> dict[str, Any]:
    """Run a process; return its end, its seconds and its last words."""
    begin = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    seconds = round(time.perf_counter() - begin, 1)
    return {"code": done.returncode, "s": seconds, "said": (done.stdout + done.stderr)[-800:]}


def killed(words: list[str], run: Path) -> None:
    """Start a process and kill it once it has told of enough steps."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, stdout=quiet, stderr=quiet) as process:
        while len(losses(run)) < KILLED_AFTER and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)


def compare(work: Path, file: Path, *, exact: bool) -> dict[str, Any]:
    """Train whole, train killed and go on; return both loss series and whether they are equal."""
    mode = ("--set", f"compute.deterministic={str(exact).lower()}")
    whole, cut = work / f"whole_{exact}", work / f"cut_{exact}"
    found: dict[str, Any] = {"whole": timed(command("train", str(file), *mode, "-o", str(whole)))}
    words = command("train", str(file), *mode, "-o", str(cut))
    killed(words, cut)
    found["killed_after"] = len(losses(cut))
    found["went_on"] = timed(words)
    found["losses"] = [losses(whole), losses(cut)]
    found["equal"] = losses(whole) == losses(cut)
    return found


def main() -> None:
    """Run every part, writing after each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("end_to_end"))
    parser.add_argument("--tiny", action="store_true", help="a small net on the CPU")
    args = parser.parse_args()
    if args.tiny:
        os.environ["OMP_NUM_THREADS"] = "1"
    args.out.mkdir(parents=True, exist_ok=True)
    work, size = args.out / "work", (17, 64, 96) if args.tiny else (93, 432, 768)
    write_tiny_pipeline(work / "model") if args.tiny else write_model(work / "model")
    write_clips(work / "clips", size)
    file = work / "run.json"
    file.write_text(json.dumps(settings(work, size)))
    sample = ["--prompt", "A red car passes.", "--resolution", f"{size[1]},{size[2]}"]
    sample += ["--num-output-frames", str(size[0]), "--num-steps", "2", "--name", "g"]
    adapter = work / f"whole_True/checkpoints/step_{STEPS:09d}/adapter"
    parts = {
        "cache": lambda: timed(command("cache", str(file), "-o", str(work / "cache"))),
        "exact": lambda: compare(work, file, exact=True),
        "quick": lambda: compare(work, file, exact=False),
        "generate": lambda: timed(
            command("generate", "--model", str(work / "model"), "--adapter", str(adapter),
                    *sample, "-o", str(work / "made"))
        ),
    }  # fmt: skip
    found: dict[str, Any] = {"torch": torch.__version__, "tiny": args.tiny}
    for name, part in parts.items():
        found[name] = part()
        (args.out / "train_end_to_end.json").write_text(json.dumps(found, indent=1))
        print(name, json.dumps(found[name])[:300], flush=True)


if __name__ == "__main__":
    main()
