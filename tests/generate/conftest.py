"""Tiny pipelines, written once, and what starts a job with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rareworld.generate.job import GenerateStage, make_stage
from rareworld.generate.models import ModelConfig
from rareworld.generate.parallel import Ranks
from rareworld.generate.sample import Request, make_request
from rareworld.generate.tiny import Generation, write_tiny_adapter, write_tiny_pipeline

QUICK = {"resolution": "32,48", "num_output_frames": 9, "num_steps": 2}
"""Values that keep a sample under a second."""
ALONE = Ranks(rank=0, world=1, device=torch.device("cpu"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Generation], Path]:
    """Return the tiny pipeline of a generation."""
    root = tmp_path_factory.mktemp("tiny")

    def pipeline(generation: Generation = "predict2.5") -> Path:
        folder = root / generation
        return folder if folder.exists() else write_tiny_pipeline(folder, generation)

    return pipeline


@pytest.fixture(scope="session")
def tiny_adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a random adapter of the tiny Predict2.5 net."""
    return write_tiny_adapter(tmp_path_factory.mktemp("adapters") / "a")


def request_of(name: str = "a", **values: Any) -> Request:
    """Return a quick request."""
    base = {"name": name, "prompt": "a car hits a bus"}
    return make_request(base | QUICK | values, "test", 0, "test")


def stage_of(pipeline: Path, *requests: Request, **config: Any) -> GenerateStage:
    """Return a stage for requests, in this process."""
    return make_stage(requests, ModelConfig(model=str(pipeline), **config), ALONE)
