"""What starts a job with a tiny pipeline."""

from pathlib import Path
from typing import Any

import torch

from rareworld.generate.job import GenerateStage, make_stage
from rareworld.generate.models import ModelConfig
from rareworld.generate.sample import Request, make_request
from rareworld.nn.ranks import Ranks

QUICK = {"resolution": "32,48", "num_output_frames": 9, "num_steps": 2}
"""Values that keep a sample under a second."""
ALONE = Ranks(rank=0, world=1, device=torch.device("cpu"))


def request_of(name: str = "a", **values: Any) -> Request:
    """Return a quick request."""
    base = {"name": name, "prompt": "a car hits a bus"}
    return make_request(base | QUICK | values, "test", 0, "test")


def stage_of(pipeline: Path, *requests: Request, **config: Any) -> GenerateStage:
    """Return a stage for requests, in this process."""
    return make_stage(requests, ModelConfig(model=str(pipeline), **config), ALONE)
