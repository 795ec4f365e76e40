"""Text, image and video to video on a CPU, with a net of random weights: what a run looks like.

    python examples/generate_tiny.py OUT

The pictures are noise. With real weights only the model changes: `ModelConfig()` is Predict2.5's
2B/post-trained, found in the caches or on the hub.
"""

import sys
from pathlib import Path

import numpy as np

from rareworld.data.video import RgbWriter, probe
from rareworld.generate.job import make_stage
from rareworld.generate.models import ModelConfig
from rareworld.generate.sample import make_request
from rareworld.models.cosmos_predict.sizes import Limits
from rareworld.models.cosmos_predict.tiny import write_tiny_pipeline
from rareworld.nn.ranks import Ranks
from rareworld.runtime.local import LocalRunner

SHORT = {"resolution": "64,96", "num_output_frames": 9, "num_steps": 4}


def grey_ramp(path: Path, frames: int = 8) -> Path:
    """Write a video that gets brighter."""
    with RgbWriter(path, Limits().fps) as writer:
        for level in np.linspace(0, 255, frames):
            writer.write(np.full((72, 128, 3), level, np.uint8))
    return path


def main(out: Path) -> None:
    """Make three videos and print what they are."""
    model = write_tiny_pipeline(out / "tiny")
    video = str(grey_ramp(out / "in.mp4"))
    prompt = {"prompt": "A red car brakes hard before a crossing."}
    samples = [
        {"name": "from_text"},
        {"name": "from_image", "inference_type": "image2world", "input_path": video},
        {"name": "from_video", "input_path": video, "seed": 1},
    ]
    requests = [make_request(prompt | SHORT | one, "list", 0, "example") for one in samples]
    with Ranks.join("cpu") as ranks:
        stage = make_stage(requests, ModelConfig(model=str(model)), ranks)
        report = LocalRunner(inline=True).run(stage, requests, out / "videos")
    print(report.sentence())
    for request in requests:
        info = probe(out / "videos" / request.name / f"{request.name}.mp4")
        print(f"{request.name}: {info.num_frames} frames, {info.width} x {info.height}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
